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
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use uuid::Uuid;

use crate::client::{Client, id_of_time_ago};
use crate::components::{self, Built};
use crate::edge::{CameraAdded, Edge, Installation, SpinEdition};
use crate::media::{self, Media};
use crate::spin;
use crate::workspace::{Workspace, step};

/// A camera's newest still is this old: young, but not from the future of a machine whose clock is behind.
const STILL_SECONDS_AGO: u64 = 20;

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
    login: String,
    password: String,
    cameras: Vec<Camera>,
}

struct Camera {
    id: String,
    name: String,
    events: Vec<Event>,
}

struct Event {
    id: Uuid,
    clip: Option<String>,
}

#[derive(Default)]
struct Counts {
    stills: u64,
    events: u64,
    clips: u64,
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
    let edition = component
        .map(|component| edition(workspace, &built, component))
        .transpose()?;
    let folder = Folder::get(arguments.keep.as_deref())?;
    // Before the edge starts, so that a Ctrl-C at any moment from here on ends things in order.
    let interrupted = catch_interrupt()?;

    let installation = match &edition {
        Some(edition) => Installation::create_spin(edition, folder.path(), port)?,
        None => Installation::create(&built, folder.path(), port)?,
    };
    let bar = progress(&media);
    let enrolled = enrol(&installation, &media, &bar)?;
    bar.println("starting the edge (the first start compiles the components)");
    let mut edge = installation.serve()?;
    let outcome = play(
        &installation,
        &mut edge,
        &media,
        enrolled,
        &bar,
        arguments,
        &interrupted,
    );
    if outcome.is_err() {
        // Before the error, so that the cause is the last thing a person reads.
        eprintln!("\nthe edge's log ends:\n{}", installation.log_end());
    }
    outcome
}

/// The Spin edition, by what this machine has to serve it.
fn edition(workspace: &Workspace, built: &Built, component: PathBuf) -> Result<SpinEdition> {
    Ok(SpinEdition {
        binary: built.binary.clone(),
        manifest: workspace.root.join("spin.toml"),
        component,
        server: spin::server(built.engine())?,
    })
}

/// Errors: nobody could listen on this port now.
fn free(port: u16) -> Result<()> {
    if let Err(error) = TcpListener::bind((Ipv4Addr::LOCALHOST, port)) {
        bail!("127.0.0.1:{port} can't be listened on ({error}); choose another port with --port");
    }
    Ok(())
}

/// Fills a running edge, then checks it or waits.
fn play(
    installation: &Installation,
    edge: &mut Edge,
    media: &Media,
    enrolled: Vec<Enrolled<'_>>,
    bar: &ProgressBar,
    arguments: &Arguments,
    interrupted: &Interrupt,
) -> Result<()> {
    let client = Client::new(&edge.address);
    let mut counts = Counts::default();
    let households = push_all(&client, media, enrolled, &mut counts, bar)?;
    bar.finish_and_clear();

    let cameras: usize = households.iter().map(|household| household.cameras.len()).sum();
    let pushed = format!(
        "{} households, {cameras} cameras, {} stills, {} events, {} clips",
        households.len(),
        counts.stills,
        counts.events,
        counts.clips
    );
    if arguments.check {
        let done = verify::all(&client, media, &households)?;
        println!("demo: ok ({pushed}; {done})");
        return Ok(());
    }
    introduce(
        edge,
        &households,
        &pushed,
        arguments.keep.is_some().then(|| installation.config()),
    );
    wait(edge, interrupted)
}

/// A camera that was enrolled, with what it must send.
struct Enrolled<'a> {
    household: Household,
    senders: Vec<(CameraAdded, &'a media::Camera)>,
}

fn enrol<'a>(installation: &Installation, media: &'a Media, bar: &ProgressBar) -> Result<Vec<Enrolled<'a>>> {
    let mut all = Vec::new();
    for household in &media.manifest.households {
        bar.set_message(format!("enrolling {}", household.name));
        let added = installation.add_household(&household.name)?;
        let mut senders = Vec::new();
        for camera in &household.cameras {
            senders.push((installation.add_camera(&added, &camera.name, &camera.serial)?, camera));
        }
        // Drawings on a loopback port that end with the demo: a password that can be typed is worth more here.
        let password = format!("demo-only-{}", household.login);
        installation.add_viewer(&added, &household.login, &password)?;
        let household = Household {
            name: household.name.clone(),
            login: household.login.clone(),
            password,
            cameras: Vec::new(),
        };
        all.push(Enrolled { household, senders });
    }
    Ok(all)
}

fn push_all(
    client: &Client,
    media: &Media,
    enrolled: Vec<Enrolled<'_>>,
    counts: &mut Counts,
    bar: &ProgressBar,
) -> Result<Vec<Household>> {
    let mut households = Vec::new();
    for Enrolled { mut household, senders } in enrolled {
        for (added, camera) in senders {
            bar.set_message(format!("{}: {}", household.name, camera.name));
            let pushed = push(client, media, &added, camera, counts, bar)
                .with_context(|| format!("camera {:?} of {:?}", camera.name, household.name))?;
            household.cameras.push(pushed);
        }
        households.push(household);
    }
    Ok(households)
}

fn push(
    client: &Client,
    media: &Media,
    added: &CameraAdded,
    camera: &media::Camera,
    counts: &mut Counts,
    bar: &ProgressBar,
) -> Result<Camera> {
    let send = |path: String, media_type: &str, body: &[u8]| -> Result<()> {
        client.upload(&added.credential, &path, media_type, body)?;
        bar.inc(1);
        Ok(())
    };
    let mut events = Vec::new();
    for event in &camera.events {
        let id = id_of_time_ago(Duration::from_secs(event.minutes_ago * 60))?;
        let details = serde_json::json!({
            "kind": event.kind, "label": event.label, "duration_milliseconds": event.duration_milliseconds,
        });
        send(
            format!("/v1/ingest/events/{id}"),
            "application/json",
            details.to_string().as_bytes(),
        )?;
        counts.events += 1;
        if let Some(still) = &event.still {
            send(
                format!("/v1/ingest/events/{id}/still"),
                "image/jpeg",
                &media.bytes(still)?,
            )?;
            counts.stills += 1;
        }
        if let Some(clip) = &event.clip {
            send(format!("/v1/ingest/events/{id}/clip"), "video/mp4", &media.bytes(clip)?)?;
            counts.clips += 1;
        }
        events.push(Event {
            id,
            clip: event.clip.clone(),
        });
    }
    let still = id_of_time_ago(Duration::from_secs(STILL_SECONDS_AGO))?;
    send(
        format!("/v1/ingest/stills/{still}"),
        "image/jpeg",
        &media.bytes(&camera.still)?,
    )?;
    counts.stills += 1;
    Ok(Camera {
        id: added.camera.clone(),
        name: camera.name.clone(),
        events,
    })
}

fn introduce(edge: &Edge, households: &[Household], pushed: &str, kept: Option<&Path>) {
    println!("\n  Eyesonly is running: {}/\n  ({pushed})\n", edge.address);
    for household in households {
        let cameras: Vec<&str> = household.cameras.iter().map(|camera| camera.name.as_str()).collect();
        println!(
            "  {:<15} name {:<8} password {:<18} sees {}",
            household.name,
            household.login,
            household.password,
            cameras.join(", ")
        );
    }
    match kept {
        Some(config) => println!(
            "\n  Kept. Start it again by: eyesonly --config {} serve",
            config.display()
        ),
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

fn wait(edge: &mut Edge, interrupted: &Interrupt) -> Result<()> {
    loop {
        match interrupted.recv_timeout(Duration::from_millis(200)) {
            Ok(()) | Err(mpsc::RecvTimeoutError::Disconnected) => {
                println!("\n  stopping");
                return Ok(());
            }
            Err(mpsc::RecvTimeoutError::Timeout) => {}
        }
        // At a terminal Ctrl-C reaches the edge as well, and it may be the first to end.
        if let Some(status) = edge.ended()? {
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
    let target = if shown {
        ProgressDrawTarget::stderr()
    } else {
        ProgressDrawTarget::hidden()
    };
    let bar = ProgressBar::with_draw_target(Some(media.manifest.uploads()), target);
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
        assert!(
            message.contains(&port.to_string()) && message.contains("--port"),
            "{message}"
        );
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
