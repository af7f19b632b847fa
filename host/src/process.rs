//! The first steps of every program that holds keys: no core dumps, and a log on standard error.
//!
//! It must never be called by the library itself: a process belongs to its `main`.

use anyhow::Context as _;
use std::io::IsTerminal as _;

/// Forbids core dumps: they would hold keys and footage.
///
/// # Errors
/// The system does not allow it.
pub fn forbid_core_dumps() -> anyhow::Result<()> {
    use rustix::process::{Resource, Rlimit, setrlimit};
    setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: Some(0) })
        .context("core dumps can't be switched off")?;
    rustix::process::set_dumpable_behavior(rustix::process::DumpableBehavior::NotDumpable)
        .context("core dumps can't be switched off")
}

/// Starts the log on standard error. EYESONLY_LOG sets what is logged (such as `debug`), otherwise
/// `level` does. NO_COLOR is respected.
pub fn log(level: &str) {
    let filter = tracing_subscriber::EnvFilter::try_from_env("EYESONLY_LOG")
        .unwrap_or_else(|_| level.into());
    let color = std::io::stderr().is_terminal()
        && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(color)
        .init();
}
