//! `eyesonly-storm`: parses the command line, and replays the outage.

use clap::Parser;
use eyesonly_storm::command;
use std::io::{IsTerminal as _, Write as _};
use std::process::ExitCode;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[derive(Parser)]
#[command(name = "eyesonly-storm", version = command::VERSION, max_term_width = 100)]
struct Line {
    #[command(flatten)]
    arguments: command::Arguments,
}

fn main() -> ExitCode {
    let line = Line::parse();
    log();
    match forbid_core_dumps().and_then(|()| command::run(&line.arguments)) {
        Ok(code) => code,
        Err(error) => {
            let _closed = writeln!(std::io::stderr(), "eyesonly-storm: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// A core dump would hold the run's keys.
fn forbid_core_dumps() -> anyhow::Result<()> {
    use rustix::process::{Resource, Rlimit, setrlimit};
    setrlimit(
        Resource::Core,
        Rlimit {
            current: Some(0),
            maximum: Some(0),
        },
    )?;
    Ok(())
}

/// Logs go to standard error; EYESONLY_LOG sets what is logged, NO_COLOR is respected.
fn log() {
    let filter = tracing_subscriber::EnvFilter::try_from_env("EYESONLY_LOG").unwrap_or_else(|_| "info".into());
    let color = std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(color)
        .init();
}
