//! The setup of what is measured: release builds, one household with its cameras, and the footage
//! that they push.
//!
//! Everything goes in by the command line and the public routes, as for an operator and a camera.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use eyesonly_harness::command_line::CommandLine;
use eyesonly_harness::footage::{description, id_of_time_ago};
use eyesonly_harness::installation::{
    self, Config, Edition, Installation, Serving, Spin, TlsFiles,
};
use eyesonly_harness::people::{Account, Camera};
use indicatif::ProgressBar;
use tempfile::TempDir;

use super::counters::family;
use super::hot::{Asked, Server};
use super::many::at_once;
use crate::client::Client;
use crate::components::engine_of;
use crate::dist;
use crate::spin;
use crate::workspace::{Workspace, execute, step};

/// The variable that names the file with which the route `plain` answers.
const PLAIN_FILE: &str = "EYESONLY_BENCH_FILE";
/// That file's name in the run's folder.
const PLAIN: &str = "plain.jpg";
/// The uploads at once: many, so that they share their fsyncs.
pub const SENDERS: usize = 16;
/// The operators who enrol at once: each command that changes rights waits for the one before.
const OPERATORS: usize = 2;
const LOGIN: &str = "bench";
const PASSWORD: &str = "bench-only-and-gone-with-its-folder";

/// The programs that were built.
pub struct Binaries {
    /// The host that is measured.
    edge: PathBuf,
    /// The host by the plain release profile, which has the bench's route.
    release: PathBuf,
    /// The bench's helper, `eyesonly-bench`.
    pub helper: PathBuf,
    /// An earlier binary of the host.
    pub before: Option<PathBuf>,
    /// The composed component of the Spin edition and its manifest, if rows need them.
    spin: Option<[PathBuf; 2]>,
}

/// The folder of one run, with an edge that may be running.
pub struct World {
    folder: TempDir,
    installation: Installation,
    edge: Option<Serving>,
    /// The running edge's address, `127.0.0.1:PORT`.
    pub address: String,
    /// The camera whose footage is asked for.
    pub camera: Camera,
    /// The one viewer.
    pub viewer: Account,
    /// The bearer token of the viewer's session.
    pub token: String,
    /// The session's part of an address.
    pub tag: String,
    household: String,
}

/// A household of the rows about live view.
pub struct Home {
    /// Its cameras.
    pub cameras: Vec<Camera>,
    /// The sessions of its viewers.
    pub sessions: Vec<Session>,
}

/// A viewer's session.
pub struct Session {
    /// The viewer's id.
    pub viewer: String,
    /// Its bearer token.
    pub token: String,
    /// Its part of an address.
    pub tag: String,
}

impl Session {
    /// Returns a path below this session, with its token.
    pub fn asks(&self, path: &str) -> (String, String) {
        (format!("/v1/{}/{path}", self.tag), self.token.clone())
    }
}

/// A household with some cameras, one viewer, and events of the first camera.
pub struct Wall {
    /// The cameras' ids.
    pub cameras: Vec<String>,
    /// The viewer's session.
    pub session: Session,
    /// The events.
    pub events: Vec<String>,
}

/// The size of the edge's memory tier for a row.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Tier {
    /// The default size.
    Default,
    /// A tier with room for everything that the bench asks for.
    Large,
}

/// Builds host and helper with the release profile, that host with the bench's route. What is
/// measured is the binary that is handed out, unless `release`. With `spin`, the Spin edition and
/// its engine are built too.
///
/// Errors: a build fails.
pub fn build(workspace: &Workspace, release: bool, spin: bool) -> Result<Binaries> {
    let handed_out = if release { None } else { Some(dist::binary(workspace)?) };
    step("host and the bench's helper, with the release profile (some minutes the first time)");
    let mut cargo = workspace.cargo();
    cargo
        .args(["build", "--release", "--package", "eyesonly", "--package", "eyesonly-bench"])
        .args(["--features", "eyesonly/bench", "--bin", "eyesonly", "--bin", "eyesonly-bench"]);
    execute(&mut cargo, "the compiler's message is above")?;
    let folder = workspace.target.join("release");
    let release = folder.join("eyesonly");
    Ok(Binaries {
        edge: handed_out.unwrap_or_else(|| release.clone()),
        release,
        helper: folder.join("eyesonly-bench"),
        before: None,
        spin: spin.then(|| build_spin(workspace)).transpose()?,
    })
}

/// Builds the Spin edition's component, and the engine that runs it without Spin.
fn build_spin(workspace: &Workspace) -> Result<[PathBuf; 2]> {
    let component = spin::build(workspace)?;
    // The engine is built by itself. Together with the others it would turn on features of theirs,
    // and they would not be measured as they are deployed.
    let mut cargo = workspace.cargo();
    cargo.args(["build", "--release", "--package", "eyesonly-engine", "--bin", "eyesonly-engine"]);
    execute(&mut cargo, "the compiler's message is above")?;
    Ok([component, workspace.root.join("spin.toml")])
}

impl Binaries {
    /// Returns the host that is measured.
    pub fn edge(&self) -> &Path {
        &self.edge
    }

    /// Returns the host by the plain release profile, which has the bench's route.
    pub fn release(&self) -> &Path {
        &self.release
    }

    /// Returns the engine that the Spin edition's component runs on without Spin.
    pub fn engine(&self) -> PathBuf {
        engine_of(&self.release)
    }
}

impl World {
    /// Makes the native host, with a household in a new folder below `parent`.
    ///
    /// Errors: the folder can't be written, or a command fails.
    pub fn create(binaries: &Binaries, parent: &Path) -> Result<Self> {
        Self::create_by(binaries.edge(), parent)
    }

    /// Makes the native host as [`World::create`] does, by this binary.
    ///
    /// Errors: as [`World::create`].
    pub fn create_by(binary: &Path, parent: &Path) -> Result<Self> {
        let folder = new_folder(parent)?;
        let config = Config::new(folder.path(), 0);
        Self::enrol(binary, folder, Edition::Native(config))
    }

    /// Makes the Spin edition on this server, with a household in a new folder below `parent`.
    ///
    /// Errors: the folder can't be written, or a command fails.
    pub fn create_spin(
        binaries: &Binaries,
        server: installation::Server,
        parent: &Path,
    ) -> Result<Self> {
        let folder = new_folder(parent)?;
        let [component, manifest] =
            binaries.spin.as_ref().context("the Spin edition was not built")?;
        let spin = Spin::new(server, component, manifest, 0);
        Self::enrol(binaries.edge(), folder, Edition::Spin(spin))
    }

    fn enrol(binary: &Path, folder: TempDir, edition: Edition) -> Result<Self> {
        let mut installation = Installation::create(binary, folder.path(), edition)?;
        installation.environment = plain_file_of(folder.path());
        let command_line = installation.command_line();
        let household = command_line.add_household("Bench", None)?;
        let mut cameras = Vec::new();
        for name in ["Front door", "Garden", "Garage"] {
            cameras.push(command_line.add_camera(&household, name, "")?);
        }
        let viewer = command_line.add_viewer(&household, LOGIN, PASSWORD)?;
        Ok(Self {
            folder,
            installation,
            edge: None,
            address: String::new(),
            camera: cameras.pop().context("no camera")?,
            viewer,
            token: String::new(),
            tag: String::new(),
            household,
        })
    }

    /// Returns the run's folder.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Returns the file of registry and index.
    pub fn database(&self) -> PathBuf {
        self.folder().join("data").join("registry.sqlite")
    }

    /// Returns the configuration of the edge.
    pub fn config(&self) -> PathBuf {
        self.installation.config()
    }

    /// Makes a copy of this world below `parent`, to be served by another build of the host. What
    /// was handed in, its people and their sessions are the same.
    ///
    /// Errors: an edge runs, or the folder can't be copied.
    pub fn twin(&self, binary: &Path, parent: &Path) -> Result<Self> {
        self.twin_with(binary, parent, None)
    }

    /// Makes a copy as [`World::twin`] does, which is served over TLS if there are files for it.
    ///
    /// Errors: as [`World::twin`].
    pub fn twin_with(&self, binary: &Path, parent: &Path, tls: Option<TlsFiles>) -> Result<Self> {
        if self.edge.is_some() {
            bail!("the edge still writes to its data folder");
        }
        let folder = new_folder(parent)?;
        let mut copy = Command::new("cp");
        copy.arg("-a").arg(self.folder.path().join("data")).arg(folder.path());
        execute(&mut copy, "is the disk full?")?;
        let config = Config { tls, ..Config::new(folder.path(), 0) };
        let edition = Edition::Native(config);
        let mut installation = Installation::create(binary, folder.path(), edition)?;
        installation.environment = plain_file_of(folder.path());
        Ok(Self {
            folder,
            installation,
            edge: None,
            address: String::new(),
            camera: self.camera.clone(),
            viewer: self.viewer.clone(),
            token: self.token.clone(),
            tag: self.tag.clone(),
            household: self.household.clone(),
        })
    }

    /// Returns the file that the route `plain` answers with. Write it before asking for the route.
    pub fn plain_file(&self) -> PathBuf {
        self.folder.path().join(PLAIN)
    }

    /// Stops the edge that runs, starts another, and returns how many milliseconds passed until
    /// that one said that it listens.
    ///
    /// Errors: the edge ends before that. The end of its log is in the error.
    pub fn start(&mut self, tier: Tier) -> Result<f64> {
        self.stop();
        if let Edition::Native(config) = &mut self.installation.edition {
            config.memory_tier_bytes = match tier {
                Tier::Default => None,
                Tier::Large => Some(512 << 20),
            };
        }
        let started = Instant::now();
        let edge = self.installation.serve()?;
        let milliseconds = started.elapsed().as_secs_f64() * 1000.0;
        let address = edge.address.split_once("://").map(|(_, address)| address);
        self.address = address.context("no address")?.to_owned();
        self.edge = Some(edge);
        Ok(milliseconds)
    }

    /// Stops the edge, if one runs.
    pub fn stop(&mut self) {
        self.edge = None;
    }

    /// Returns the id of the edge's process.
    ///
    /// Errors: no edge runs.
    pub fn process(&self) -> Result<u32> {
        Ok(self.edge.as_ref().context("the edge does not run")?.process.id())
    }

    /// Returns the running edge as a server of hot thumbnails.
    ///
    /// Errors: no edge runs.
    pub fn hot(&self, name: &str, asked: Vec<Asked>) -> Result<Server> {
        // `spin up` starts a process of its own that serves.
        let processes = family(self.process()?)?;
        Ok(Server { name: name.to_owned(), address: self.address.clone(), processes, asked })
    }

    /// Starts the viewer's session.
    ///
    /// Errors: the edge refuses the login.
    pub fn log_in(&mut self) -> Result<()> {
        let session = self.client().log_in(&self.viewer, true)?;
        self.token = session.credential.secret().to_owned();
        self.tag = session.tag;
        Ok(())
    }

    /// Enrols another household, whose viewers log in.
    ///
    /// Errors: a command fails, or the edge refuses a login.
    pub fn enrol_live(&self, name: &str, cameras: usize, viewers: usize) -> Result<Home> {
        self.door().enrol(name, cameras, viewers)
    }

    /// Adds viewers to the household, who log in.
    ///
    /// Errors: a command fails, or the edge refuses a login.
    pub fn more_viewers(&self, name: &str, count: usize) -> Result<Vec<Session>> {
        self.door().sessions(&self.household, name, count)
    }

    /// Enrols households named `name`, of so many cameras, each with its newest still. The first
    /// camera of each has so many events. Their viewers have logged in.
    ///
    /// Errors: a command fails, or the edge refuses a login or an upload.
    pub fn enrol_walls(
        &self,
        (name, walls): (&str, usize),
        (cameras, events): (usize, usize),
        jpeg: &[u8],
        bar: &ProgressBar,
    ) -> Result<Vec<Wall>> {
        let door = self.door();
        let wall = |nth: usize| {
            bar.tick();
            let mut home = door.enrol(&format!("{name}-{nth}"), cameras, 1)?;
            let client = &door.client;
            for camera in &home.cameras {
                let still = id_of_time_ago(Duration::from_secs(20));
                client.upload(camera.still(&still, jpeg.to_vec()))?;
            }
            let first = home.cameras.first().context("no camera")?;
            let events = (0..events).map(|_| push_event(client, first)).collect::<Result<_>>()?;
            let session = home.sessions.pop().context("no session")?;
            let cameras = home.cameras.into_iter().map(|camera| camera.id).collect();
            Ok(Wall { cameras, session, events })
        };
        at_once((OPERATORS, walls), wall)
    }

    /// Returns a path below the viewer's session.
    pub fn path(&self, path: &str) -> String {
        format!("/v1/{}/{path}", self.tag)
    }

    /// Pushes the camera's newest still.
    ///
    /// Errors: the edge refuses the still.
    pub fn push_still(&self, jpeg: &[u8]) -> Result<()> {
        let id = id_of_time_ago(Duration::from_secs(20));
        self.client().upload(self.camera.still(&id, jpeg.to_vec()))
    }

    /// Pushes an event with a clip and returns the event's id.
    ///
    /// Errors: the edge refuses one of the two.
    pub fn push_clip(&self, mp4: &[u8]) -> Result<String> {
        let client = self.client();
        let id = push_event(&client, &self.camera)?;
        client.upload(self.camera.clip(&id, mp4.to_vec()))?;
        Ok(id)
    }

    /// Pushes `count` events, whose stills come from `stills` in turn, and returns their ids.
    ///
    /// Errors: the edge refuses an upload.
    pub fn push_events(
        &self,
        stills: &[Vec<u8>],
        count: usize,
        bar: &ProgressBar,
    ) -> Result<Vec<String>> {
        let (client, camera) = (self.client(), &self.camera);
        at_once((SENDERS, count), |index| {
            let still = stills.get(index % stills.len().max(1)).context("no stills")?;
            let id = push_event(&client, camera)?;
            client.upload(camera.event_still(&id, still.clone()))?;
            bar.tick();
            Ok(id)
        })
    }

    fn door(&self) -> Door {
        Door { command_line: self.installation.command_line(), client: self.client() }
    }

    fn client(&self) -> Client {
        Client::new(&format!("http://{}", self.address))
    }
}

/// The ways into a running edge: its operator's and its clients'.
struct Door {
    command_line: CommandLine,
    client: Client,
}

impl Door {
    fn enrol(&self, name: &str, cameras: usize, viewers: usize) -> Result<Home> {
        let household = self.command_line.add_household(name, None)?;
        let cameras = (0..cameras)
            .map(|nth| self.command_line.add_camera(&household, &format!("Camera {nth}"), ""))
            .collect::<Result<_>>()?;
        Ok(Home { cameras, sessions: self.sessions(&household, name, viewers)? })
    }

    fn sessions(&self, household: &str, name: &str, count: usize) -> Result<Vec<Session>> {
        let log_in = |nth| {
            let login = format!("{name}-{nth}");
            let account = self.command_line.add_viewer(household, &login, PASSWORD)?;
            let session = self.client.log_in(&account, true)?;
            let token = session.credential.secret().to_owned();
            Ok(Session { viewer: account.id, token, tag: session.tag })
        };
        (0..count).map(log_in).collect()
    }
}

/// Pushes an event and returns its id.
fn push_event(client: &Client, camera: &Camera) -> Result<String> {
    let id = id_of_time_ago(Duration::from_secs(600));
    client.upload(camera.event(&id, &description("Bench")))?;
    Ok(id)
}

/// Returns the variable that names a run's file for the route `plain`.
fn plain_file_of(folder: &Path) -> Vec<(&'static str, String)> {
    vec![(PLAIN_FILE, folder.join(PLAIN).to_string_lossy().into_owned())]
}

fn new_folder(parent: &Path) -> Result<TempDir> {
    fs::create_dir_all(parent)?;
    Ok(tempfile::Builder::new().prefix("run-").tempdir_in(parent)?)
}
