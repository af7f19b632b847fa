//! `demo`: the edge with three households whose cameras push real footage, for a person to look at or, with
//! `--check`, for a machine to judge.
//!
//! It uses what every operator has: the command line and the public routes. It must leave nothing behind but what
//! `--keep` asked for.

mod verify;

use std::io::IsTerminal;
use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::sync::mpsc;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use eyesonly_harness::installation::{Config, Edition, Installation, Serving, Spin};
use eyesonly_harness::media::{self, Media};
use eyesonly_harness::people::{self, Account};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::client::Client;
use crate::components;
use crate::spin;
use crate::workspace::{Workspace, step};

/// What `cargo xtask demo` takes.
#[derive(clap::Args)]
pub struct Arguments {
    /// Checks logins, thumbnails, event pages, clip ranges and a refused foreign read on a free port, and exits.
    #[arg(long)]
    check: bool,
    /// The port to listen on, on 127.0.0.1; 8080 unless given. With --check: a free one unless given.
    #[arg(long)]
    port: Option<u16>,
    /// Keeps everything in this folder, which must be empty or new. Otherwise a temporary one is used and removed.
    #[arg(long, value_name = "DIR")]
    #[arg(conflicts_with = "spin")]
    keep: Option<PathBuf>,
    /// The Spin edition instead of the native host: by `spin up` where there is a `spin` 4 (SPIN_BIN or PATH), otherwise on wasmtime's own
    /// WASI HTTP.
    #[arg(long)]
    spin: bool,
}

/// A household as it was enrolled and filled.
pub struct Household {
    name: String,
    account: Account,
    cameras: Vec<Camera>,
}

struct Camera {
    id: String,
    name: String,
    /// Each event's id, and the name of its clip.
    events: Vec<(String, Option<String>)>,
}

/// Builds, starts and fills an edge; then waits for Ctrl-C, or checks and ends.
///
/// Errors: what failed, and the end of the edge's log where that helps.
pub fn run(workspace: &Workspace, arguments: &Arguments) -> Result<()> {
    let port = arguments.port.unwrap_or(if arguments.check { 0 } else { 8080 });
    // Before what takes minutes.
    free(port)?;
    let media = Media::load(&workspace.root)?;
    let component = arguments.spin.then(|| spin::build(workspace)).transpose()?;
    let built = components::build(workspace, false)?;
    let folder = Folder::get(arguments.keep.as_deref())?;
    // Before the edge starts, so that a Ctrl-C at any moment from here on ends things in order.
    let interrupted = catch_interrupt()?;

    let edition = match component {
        Some(component) => {
            let server = spin::server(built.engine())?;
            Edition::Spin(Spin::new(server, &component, &workspace.root.join("spin.toml"), port))
        }
        None => Edition::Native(Config::new(folder.path(), &built.components, port)),
    };
    let mut installation = Installation::create(&built.binary, folder.path(), edition)?;
    let bar = progress(&media);
    let enrolled = enrol(&installation, &media, &bar)?;
    bar.println("starting the edge (the first start compiles the components)");
    let mut edge = installation.serve()?;
    let kept = arguments.keep.is_some().then(|| installation.config());
    let outcome = fill(&edge, &media, enrolled, &bar).and_then(|households| {
        if arguments.check {
            return verify::all(&Client::new(&edge.address), &media, &households)
                .map(|done| println!("demo: ok ({}; {done})", pushed(&media)));
        }
        introduce(&edge, &households, &pushed(&media), kept.as_deref());
        wait(&mut edge, &interrupted)
    });
    if outcome.is_err() {
        // Before the error, so that the cause is the last thing a person reads.
        eprintln!("\nthe edge's log ends:\n{}", installation.log_end());
    }
    outcome
}

/// Errors: nobody could listen on this port now.
fn free(port: u16) -> Result<()> {
    if let Err(error) = TcpListener::bind((Ipv4Addr::LOCALHOST, port)) {
        bail!("127.0.0.1:{port} can't be listened on ({error}); choose another port with --port");
    }
    Ok(())
}

/// Says what the cameras have handed in.
fn pushed(media: &Media) -> String {
    let counts = media.manifest.counts();
    format!(
        "{} households, {} cameras, {} stills, {} events, {} clips",
        media.manifest.households.len(),
        counts.cameras,
        counts.stills,
        counts.events,
        counts.clips
    )
}

/// A household, and its cameras with what they must send.
struct Enrolled<'a> {
    household: Household,
    senders: Vec<(people::Camera, &'a media::Camera)>,
}

fn enrol<'a>(
    installation: &Installation,
    media: &'a Media,
    bar: &ProgressBar,
) -> Result<Vec<Enrolled<'a>>> {
    let command_line = installation.command_line();
    let mut all = Vec::new();
    for household in &media.manifest.households {
        bar.set_message(format!("enrolling {}", household.name));
        let id = command_line.add_household(&household.name, None)?;
        let mut senders = Vec::new();
        for camera in &household.cameras {
            senders.push((command_line.add_camera(&id, &camera.name, &camera.serial)?, camera));
        }
        // Drawings on a loopback port that end with the demo: a password that can be typed is worth more here.
        let password = format!("demo-only-{}", household.login);
        let household = Household {
            name: household.name.clone(),
            account: command_line.add_viewer(&id, &household.login, &password)?,
            cameras: Vec::new(),
        };
        all.push(Enrolled { household, senders });
    }
    Ok(all)
}

/// Hands everything in.
fn fill(
    edge: &Serving,
    media: &Media,
    enrolled: Vec<Enrolled<'_>>,
    bar: &ProgressBar,
) -> Result<Vec<Household>> {
    let client = Client::new(&edge.address);
    let mut households = Vec::new();
    for Enrolled { mut household, senders } in enrolled {
        for (sender, camera) in senders {
            bar.set_message(format!("{}: {}", household.name, camera.name));
            let pushed = push(&client, media, &sender, camera, bar)
                .with_context(|| format!("camera {:?} of {:?}", camera.name, household.name))?;
            household.cameras.push(pushed);
        }
        households.push(household);
    }
    bar.finish_and_clear();
    Ok(households)
}

fn push(
    client: &Client,
    media: &Media,
    sender: &people::Camera,
    camera: &media::Camera,
    bar: &ProgressBar,
) -> Result<Camera> {
    let footage = camera.footage(media, sender)?;
    for request in footage.requests {
        client.upload(request)?;
        bar.inc(1);
    }
    Ok(Camera { id: sender.id.clone(), name: camera.name.clone(), events: footage.events })
}

fn introduce(edge: &Serving, households: &[Household], pushed: &str, kept: Option<&Path>) {
    println!("\n  Eyesonly is running: {}/\n  ({pushed})\n", edge.address);
    for household in households {
        let cameras: Vec<&str> =
            household.cameras.iter().map(|camera| camera.name.as_str()).collect();
        println!(
            "  {:<15} name {:<8} password {:<18} sees {}",
            household.name,
            household.account.login,
            household.account.password,
            cameras.join(", ")
        );
    }
    match kept {
        Some(config) => {
            println!("\n  Kept. Start it again by: eyesonly --config {} serve", config.display())
        }
        None => println!("\n  Everything is in a temporary folder and goes when this ends."),
    }
    println!("  Ctrl-C ends it.");
}

/// What Ctrl-C and SIGTERM send to.
type Interrupt = mpsc::Receiver<()>;

fn catch_interrupt() -> Result<Interrupt> {
    let (sender, receiver) = mpsc::channel();
    // A second signal finds nobody who listens; the first is already at work.
    ctrlc::set_handler(move || {
        let _ = sender.send(());
    })
    .context("catching Ctrl-C")?;
    Ok(receiver)
}

fn wait(edge: &mut Serving, interrupted: &Interrupt) -> Result<()> {
    loop {
        match interrupted.recv_timeout(Duration::from_millis(200)) {
            Ok(()) | Err(mpsc::RecvTimeoutError::Disconnected) => {
                println!("\n  stopping");
                return Ok(());
            }
            Err(mpsc::RecvTimeoutError::Timeout) => {}
        }
        // At a terminal Ctrl-C reaches the edge as well, and it may be the first to end.
        if let Some(status) = edge.process.ended()? {
            if status.success() {
                return Ok(());
            }
            bail!("the edge ended by itself ({status})");
        }
    }
}

/// Where the demo's files are.
enum Folder {
    Temporary(tempfile::TempDir),
    Kept(PathBuf),
}

impl Folder {
    fn get(keep: Option<&Path>) -> Result<Self> {
        let Some(keep) = keep else {
            return Ok(Self::Temporary(
                tempfile::Builder::new().prefix("eyesonly-demo-").tempdir()?,
            ));
        };
        std::fs::create_dir_all(keep).with_context(|| format!("making {}", keep.display()))?;
        if std::fs::read_dir(keep)?.next().is_some() {
            bail!(
                "{} is not empty. Give a new folder, or start what is there: eyesonly --config {} serve",
                keep.display(),
                keep.join("eyesonly.toml").display()
            );
        }
        Ok(Self::Kept(keep.canonicalize()?))
    }

    fn path(&self) -> &Path {
        match self {
            Self::Temporary(folder) => folder.path(),
            Self::Kept(path) => path,
        }
    }
}

fn progress(media: &Media) -> ProgressBar {
    step("demo: enrolling households, then their cameras push");
    let shown = std::io::stderr().is_terminal();
    let target = if shown { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
    let bar = ProgressBar::with_draw_target(Some(media.manifest.counts().uploads()), target);
    if let Ok(style) = ProgressStyle::with_template("   {bar:30} {pos}/{len} uploads  {msg}") {
        bar.set_style(style);
    }
    bar
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_in_use_is_not_written_to() {
        let outer = tempfile::tempdir().unwrap();
        let keep = outer.path().join("new");
        assert_eq!(Folder::get(Some(&keep)).unwrap().path(), keep.canonicalize().unwrap());
        std::fs::write(keep.join("eyesonly.toml"), "").unwrap();
        let error = Folder::get(Some(&keep)).err().unwrap();
        assert!(error.to_string().contains("is not empty"), "{error}");
    }

    #[test]
    fn a_port_that_is_taken_is_told_in_one_sentence() {
        let taken = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = taken.local_addr().unwrap().port();
        let message = format!("{:#}", free(port).err().unwrap());
        assert!(message.contains(&port.to_string()) && message.contains("--port"), "{message}");
        free(0).unwrap();
    }

    #[test]
    fn a_temporary_folder_goes_away() {
        let folder = Folder::get(None).unwrap();
        let path = folder.path().to_owned();
        assert!(path.exists());
        drop(folder);
        assert!(!path.exists());
    }
}
