//! `demo`: builds, and starts `eyesonly demo`. A person looks at it or, with `--check`, a machine
//! judges it. With `--spin` the task serves the Spin edition, and `eyesonly demo` fills that.
//!
//! The task must never do by itself what `eyesonly demo` does.

mod verify;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::mpsc;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use eyesonly_harness::installation::{Edition, Installation, Serving, Spin};
use eyesonly_harness::people::Account;
use eyesonly_harness::process::Process;
use serde::Deserialize;

use crate::components;
use crate::spin;
use crate::workspace::{Workspace, execute, step};

/// The longest time for making and filling an edge, on a machine that is busy with other things.
const START: Duration = Duration::from_secs(180);
/// The port of the demo, unless another one is given.
const PORT: u16 = 8080;

/// The arguments of `cargo xtask demo`.
#[derive(clap::Args)]
pub struct Arguments {
    /// Checks logins, thumbnails, event pages, clip ranges and a refused foreign read on a free
    /// port, and exits.
    #[arg(long)]
    check: bool,
    /// The port to listen on, on 127.0.0.1; 8080 unless given. With --check: a free one unless
    /// given.
    #[arg(long)]
    port: Option<u16>,
    /// Keeps everything in this folder, which must be empty or new.
    #[arg(long, value_name = "DIR")]
    #[arg(conflicts_with = "spin")]
    keep: Option<PathBuf>,
    /// The Spin edition instead of the native host: by `spin up` where there is a `spin` 4
    /// (SPIN_BIN or PATH), otherwise on wasmtime's own WASI HTTP.
    #[arg(long)]
    spin: bool,
}

/// The output of `eyesonly demo --json`.
#[derive(Deserialize)]
pub struct Demo {
    /// `http://127.0.0.1:PORT`
    pub listening: String,
    /// The counts of what the cameras have handed in.
    footage: String,
    /// The households, each enrolled and filled.
    pub households: Vec<Household>,
}

/// An enrolled and filled household.
#[derive(Deserialize)]
pub struct Household {
    name: String,
    viewer: String,
    login: String,
    password: String,
    /// Its cameras.
    pub cameras: Vec<Camera>,
}

impl Household {
    /// Returns its viewer's account.
    pub fn account(&self) -> Account {
        Account {
            id: self.viewer.clone(),
            login: self.login.clone(),
            password: self.password.clone(),
        }
    }
}

/// A camera of the demo.
#[derive(Deserialize)]
pub struct Camera {
    /// Its id.
    #[serde(rename = "camera")]
    pub id: String,
    name: String,
    /// Each event's id, and the name of its clip.
    pub events: Vec<(String, Option<String>)>,
    /// The name of the recording that it streams.
    pub live: Option<String>,
}

/// Builds, starts and fills an edge. Then it waits for Ctrl-C, or checks and ends.
///
/// Errors: a build, the start or a check failed.
pub fn run(workspace: &Workspace, arguments: &Arguments) -> Result<()> {
    let port = arguments.port.unwrap_or(if arguments.check { 0 } else { PORT });
    let component = arguments.spin.then(|| spin::build(workspace)).transpose()?;
    let binary = components::build_demo(workspace, arguments.spin)?;
    // This comes before the edge starts. So a Ctrl-C at any later moment ends things in order.
    let interrupted = catch_interrupt()?;
    step("demo");
    match component {
        Some(component) => {
            let manifest = workspace.root.join("spin.toml");
            let spin = Spin::new(
                spin::server(components::engine_of(&binary))?,
                &component,
                &manifest,
                port,
            );
            by_spin(&binary, spin, arguments.check, &interrupted)
        }
        None => native(&binary, port, arguments),
    }
}

fn native(binary: &Path, port: u16, arguments: &Arguments) -> Result<()> {
    let mut command = Command::new(binary);
    command.args(["demo", "--port", &port.to_string()]);
    if let Some(keep) = &arguments.keep {
        command.arg("--keep").arg(keep);
    }
    if !arguments.check {
        return execute(&mut command, "the message above says what to do");
    }
    check(command)
}

/// Starts `command`, which is `eyesonly demo` by some way, and checks what it serves.
///
/// Errors: the demo does not start, or serves something else than it must.
pub fn check(command: Command) -> Result<()> {
    let (mut process, demo) = start(command)?;
    verify::all(&demo)?;
    process.stop()?;
    Ok(())
}

/// Starts `command`, which is `eyesonly demo` by some way, and waits until it is filled.
///
/// Errors: the demo does not start.
pub fn start(mut command: Command) -> Result<(Process, Demo)> {
    // Its standard error is ours, so that a person reads what went wrong.
    let mut process = Process::start(command.arg("--json"), Some(""))?;
    let said = process.line("", Some(START));
    let demo =
        serde_json::from_str(&said.context("`eyesonly demo` did not get as far as its address")?)?;
    Ok((process, demo))
}

/// Serves the Spin edition, and lets `eyesonly demo` fill it.
fn by_spin(binary: &Path, spin: Spin, check: bool, interrupted: &Interrupt) -> Result<()> {
    let folder = tempfile::Builder::new().prefix("eyesonly-demo-").tempdir()?;
    let mut installation = Installation::create(binary, folder.path(), Edition::Spin(spin))?;
    let mut edge = installation.serve()?;
    let fill = ["demo", "--at", &edge.address.clone()];
    let command_line = installation.command_line();
    let outcome = if check {
        let said = command_line.run(&fill, "");
        said.and_then(|demo| verify::all(&serde_json::from_value(demo)?))
    } else {
        let mend = "the message above says what to do";
        execute(&mut command_line.command(&fill), mend).and_then(|()| wait(&mut edge, interrupted))
    };
    if outcome.is_err() {
        // The log comes before the error, so that the cause is the last thing that a person reads.
        eprintln!("\nthe edge's log ends:\n{}", installation.log_end());
    }
    outcome
}

/// The channel that Ctrl-C and SIGTERM send to.
type Interrupt = mpsc::Receiver<()>;

fn catch_interrupt() -> Result<Interrupt> {
    let (sender, receiver) = mpsc::channel();
    // The first signal already ends things. Nobody listens for a second one.
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
