//! What is measured: release builds, one household with its cameras, and the footage that they push.
//!
//! Everything goes in by the command line and the public routes, as it does for an operator and a camera.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use indicatif::ProgressBar;
use serde::Deserialize;
use tempfile::TempDir;

use super::wire::Connection;
use crate::client::{Client, id_of_time_ago};
use crate::components::Built;
use crate::edge::{CameraAdded, Edge, Installation, Server, SpinEdition};
use crate::spin;
use crate::workspace::{Workspace, execute, step};

/// The file that the route `plain` answers with.
const PLAIN_FILE: &str = "EYESONLY_BENCH_FILE";
/// Its name in the run's folder.
const PLAIN: &str = "plain.jpg";
/// Uploads at once: many, so that they share their fsyncs.
const SENDERS: usize = 16;
const LOGIN: &str = "bench";
const PASSWORD: &str = "bench-only-and-gone-with-its-folder";

/// What was built.
pub struct Binaries {
    built: Built,
    /// `eyesonly-bench`
    pub helper: PathBuf,
    /// The composed component of the Spin edition.
    component: PathBuf,
    manifest: PathBuf,
}

/// The folder of one run, with an edge that may be running.
pub struct World {
    folder: TempDir,
    installation: Installation,
    /// The native host's configuration as it comes.
    config: Option<String>,
    edge: Option<Edge>,
    /// `127.0.0.1:PORT` of the running edge.
    pub address: String,
    /// Id of the camera that is asked for.
    pub camera: String,
    /// Its credential.
    credential: String,
    /// Of the one viewer.
    pub viewer: String,
    /// The viewer's session.
    pub token: String,
    /// The session's part of an address.
    pub tag: String,
}

/// How an edge is set up for a row.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Tier {
    /// As it comes.
    Default,
    /// Room for everything that the bench asks for.
    Large,
}

#[derive(Deserialize)]
struct LoggedIn {
    token: String,
}

/// Builds the handlers, the Spin edition's component, and host, helper and engine with the release profile; the host has the bench's route.
///
/// Errors: a compile error.
pub fn build(workspace: &Workspace) -> Result<Binaries> {
    let component = spin::build(workspace)?;
    step("host and the bench's helper, with the release profile (some minutes the first time)");
    let mut cargo = workspace.cargo();
    cargo
        .args([
            "build",
            "--release",
            "--package",
            "eyesonly",
            "--package",
            "eyesonly-bench",
        ])
        .args([
            "--features",
            "eyesonly/bench",
            "--bin",
            "eyesonly",
            "--bin",
            "eyesonly-bench",
        ]);
    execute(&mut cargo, "the compiler's message is above")?;
    // By itself: with the others it would turn on features of theirs, and they would not be measured as they are deployed.
    let mut cargo = workspace.cargo();
    cargo.args([
        "build",
        "--release",
        "--package",
        "eyesonly-engine",
        "--bin",
        "eyesonly-engine",
    ]);
    execute(&mut cargo, "the compiler's message is above")?;
    let release = workspace.target.join("release");
    Ok(Binaries {
        built: Built {
            binary: release.join("eyesonly"),
            components: workspace.components(),
        },
        helper: release.join("eyesonly-bench"),
        component,
        manifest: workspace.root.join("spin.toml"),
    })
}

impl Binaries {
    /// The engine that the Spin edition's component runs on without Spin.
    pub fn engine(&self) -> PathBuf {
        self.built.engine()
    }
}

impl World {
    /// The native host, with a household in a new folder below `parent`.
    ///
    /// Errors: the folder can't be written, or a command fails.
    pub fn create(binaries: &Binaries, parent: &Path) -> Result<Self> {
        let folder = new_folder(parent)?;
        let plain = folder.path().join(PLAIN);
        let installation = Installation::create(&binaries.built, folder.path(), 0)?.with_variable(PLAIN_FILE, plain);
        let config = fs::read_to_string(installation.config())?;
        Self::enrol(folder, installation, Some(config))
    }

    /// The Spin edition on this server, with a household in a new folder below `parent`.
    ///
    /// Errors: the folder can't be written, or a command fails.
    pub fn create_spin(binaries: &Binaries, server: Server, parent: &Path) -> Result<Self> {
        let folder = new_folder(parent)?;
        let edition = SpinEdition {
            binary: binaries.built.binary.clone(),
            manifest: binaries.manifest.clone(),
            component: binaries.component.clone(),
            server,
        };
        let installation = Installation::create_spin(&edition, folder.path(), 0)?;
        Self::enrol(folder, installation, None)
    }

    fn enrol(folder: TempDir, installation: Installation, config: Option<String>) -> Result<Self> {
        let household = installation.add_household("Bench")?;
        let mut cameras = Vec::new();
        for name in ["Front door", "Garden", "Garage"] {
            cameras.push(installation.add_camera(&household, name, "")?);
        }
        let viewer = installation.add_viewer(&household, LOGIN, PASSWORD)?;
        let CameraAdded { camera, credential } = cameras.pop().context("no camera")?;
        Ok(Self {
            folder,
            installation,
            config,
            edge: None,
            address: String::new(),
            camera,
            credential,
            viewer: viewer.viewer,
            token: String::new(),
            tag: String::new(),
        })
    }

    /// The run's folder.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The configuration of the edge.
    pub fn config(&self) -> &Path {
        self.installation.config()
    }

    /// What the route `plain` answers; write it before that is asked for.
    pub fn plain_file(&self) -> PathBuf {
        self.folder.path().join(PLAIN)
    }

    /// Starts the edge, the one that runs being stopped first, and says how many milliseconds it took until it said that it listens.
    ///
    /// Errors: it ends before that; the end of its log is in the error.
    pub fn start(&mut self, tier: Tier) -> Result<f64> {
        self.stop();
        if let Some(config) = &self.config {
            let tier = match tier {
                Tier::Default => "",
                Tier::Large => "\nmemory_tier_bytes = 536870912\n",
            };
            fs::write(self.installation.config(), format!("{config}{tier}"))?;
        }
        let started = Instant::now();
        let edge = self.installation.serve()?;
        let milliseconds = started.elapsed().as_secs_f64() * 1000.0;
        self.address = edge.address.trim_start_matches("http://").to_owned();
        self.edge = Some(edge);
        Ok(milliseconds)
    }

    /// Stops the edge, if it runs.
    pub fn stop(&mut self) {
        self.edge = None;
    }

    /// The edge's process.
    ///
    /// Errors: it does not run.
    pub fn process(&self) -> Result<u32> {
        Ok(self.edge.as_ref().context("the edge does not run")?.id())
    }

    /// Begins the viewer's session.
    ///
    /// Errors: the edge does not take the login.
    pub fn log_in(&mut self) -> Result<()> {
        let login = serde_json::json!({ "name": LOGIN, "password": PASSWORD, "bearer": true });
        let (head, body) = Connection::open(&self.address)?.post("/v1/session", &login.to_string())?;
        if head.status != 201 {
            bail!("POST /v1/session: {}", head.status);
        }
        let LoggedIn { token } = serde_json::from_slice(&body)?;
        let tag = head.header("location").trim_start_matches("/v1/").trim_end_matches('/');
        self.tag = tag.to_owned();
        self.token = token;
        Ok(())
    }

    /// An address of the camera below the viewer's session.
    pub fn path(&self, rest: &str) -> String {
        format!("/v1/{}/cameras/{}/{rest}", self.tag, self.camera)
    }

    /// Pushes the camera's newest still.
    ///
    /// Errors: the edge does not take it.
    pub fn push_still(&self, jpeg: &[u8]) -> Result<()> {
        let id = id_of_time_ago(Duration::from_secs(20))?;
        self.upload(&format!("/v1/ingest/stills/{id}"), "image/jpeg", jpeg)
    }

    /// Pushes an event with a clip and gives its id.
    ///
    /// Errors: the edge does not take it.
    pub fn push_clip(&self, mp4: &[u8]) -> Result<String> {
        let id = self.push_event()?;
        self.upload(&format!("/v1/ingest/events/{id}/clip"), "video/mp4", mp4)?;
        Ok(id)
    }

    /// Pushes `count` events, the stills taken from `stills` in turn, and gives their ids.
    ///
    /// Errors: the edge does not take one.
    pub fn push_events(&self, stills: &[Vec<u8>], count: usize, bar: &ProgressBar) -> Result<Vec<String>> {
        let next = AtomicUsize::new(0);
        let send = || -> Result<Vec<(usize, String)>> {
            let mut pushed = Vec::new();
            loop {
                let index = next.fetch_add(1, Ordering::Relaxed);
                if index >= count {
                    return Ok(pushed);
                }
                let still = stills.get(index % stills.len().max(1)).context("no stills")?;
                let id = self.push_event()?;
                self.upload(&format!("/v1/ingest/events/{id}/still"), "image/jpeg", still)?;
                bar.tick();
                pushed.push((index, id));
            }
        };
        let mut pushed = thread::scope(|scope| -> Result<Vec<(usize, String)>> {
            let senders: Vec<_> = (0..SENDERS).map(|_| scope.spawn(send)).collect();
            let mut all = Vec::new();
            for sender in senders {
                match sender.join() {
                    Ok(pushed) => all.extend(pushed?),
                    Err(_) => bail!("a sender failed"),
                }
            }
            Ok(all)
        })?;
        pushed.sort();
        Ok(pushed.into_iter().map(|(_, id)| id).collect())
    }

    fn push_event(&self) -> Result<String> {
        let id = id_of_time_ago(Duration::from_secs(600))?.to_string();
        let details = serde_json::json!({ "kind": "motion", "label": "Bench", "duration_milliseconds": 1000 });
        self.upload(
            &format!("/v1/ingest/events/{id}"),
            "application/json",
            details.to_string().as_bytes(),
        )?;
        Ok(id)
    }

    fn upload(&self, path: &str, media_type: &str, body: &[u8]) -> Result<()> {
        let client = Client::new(&format!("http://{}", self.address));
        client.upload(&self.credential, path, media_type, body)
    }
}

fn new_folder(parent: &Path) -> Result<TempDir> {
    fs::create_dir_all(parent)?;
    Ok(tempfile::Builder::new().prefix("run-").tempdir_in(parent)?)
}

/// An MP4 of so many bytes whose boxes are right; what is in them is noise, because nobody plays it.
pub fn clip(bytes: usize) -> Vec<u8> {
    let mut clip = Vec::with_capacity(bytes);
    for (kind, length) in [
        (b"ftyp", 16),
        (b"moov", 1024),
        (b"mdat", bytes.saturating_sub(16 + 1024)),
    ] {
        clip.extend(u32::try_from(length).unwrap_or(u32::MAX).to_be_bytes());
        clip.extend(kind);
        // Different everywhere, so that bytes in a wrong place would be seen; splitmix64's step is enough for that.
        let mut state = 0x9e37_79b9_7f4a_7c15_u64;
        let body = length.saturating_sub(8);
        let end = clip.len().saturating_add(body);
        while clip.len() < end {
            state = state
                .wrapping_mul(0xbf58_476d_1ce4_e5b9)
                .rotate_left(31)
                .wrapping_add(1);
            let left = end.saturating_sub(clip.len());
            clip.extend(state.to_be_bytes().into_iter().take(left));
        }
    }
    clip
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clip_is_made_of_whole_boxes() {
        let clip = clip(100_000);
        let (mut at, mut kinds) = (0, Vec::new());
        while at < clip.len() {
            let length = u32::from_be_bytes(clip[at..at + 4].try_into().unwrap());
            kinds.push(String::from_utf8_lossy(&clip[at + 4..at + 8]).into_owned());
            at += length as usize;
        }
        assert_eq!(
            (at, kinds),
            (100_000, vec!["ftyp".into(), "moov".into(), "mdat".into()])
        );
    }
}
