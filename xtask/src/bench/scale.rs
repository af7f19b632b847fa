//! The rows of growth, of idle connections and of a start: what an edge costs that has more to
//! keep, or nothing to do.

use std::path::Path;
use std::process::Command;
use std::time::Instant;

use anyhow::{Result, bail};
use eyesonly_harness::process::Process;
use indicatif::ProgressBar;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use serde_json::json;

use super::counters::memory_mebibytes;
use super::hot::Asked;
use super::report::{Goal, Row};
use super::rows::Pace;
use super::setup::{Tier, World};
use super::wire::Connection;

/// Adds cameras and their households to registry and index, as rows that nobody asks for. `helper`
/// writes them. No edge may run on the file.
///
/// Errors: the file can't be written.
pub fn fill(helper: &Path, database: &Path, (cameras, households): (u64, u64)) -> Result<()> {
    let input = json!({ "database": database, "cameras": cameras, "households": households });
    let mut command = Command::new(helper);
    let mut fill = Process::start(command.arg("fill"), Some(&input.to_string()))?;
    fill.line("filled", None)?;
    Ok(())
}

/// Measures the resident memory of a connection that has asked once and is kept. The edge has to
/// run.
///
/// Errors: a connection is not answered, or this process may not open so many files.
pub fn idle(world: &World, (path, token): &Asked, pace: Pace, bar: &ProgressBar) -> Result<Row> {
    let connections = pace.idle_connections;
    let files = connections as u64 + 100;
    let limit = getrlimit(Resource::Nofile);
    if limit.current.is_some_and(|current| current < files) {
        let raised = Rlimit { current: Some(files), maximum: limit.maximum.map(|m| m.max(files)) };
        setrlimit(Resource::Nofile, raised)?;
    }
    let process = world.process()?;
    // What the first requests of all make is no part of a connection.
    let mut first = Connection::open(&world.address)?;
    for _ in 0..1000 {
        first.get(path, token)?;
    }
    let before = memory_mebibytes(process, "VmRSS")?;
    let mut kept = Vec::with_capacity(connections);
    for _ in 0..connections {
        let mut connection = Connection::with_buffer(&world.address, 32 * 1024)?;
        connection.get(path, token)?;
        kept.push(connection);
    }
    let after = memory_mebibytes(process, "VmRSS")?;
    bar.inc(1);
    // All of them are still there.
    for connection in kept.iter_mut().step_by(connections.div_ceil(10)) {
        if connection.get(path, token).is_err() {
            bail!("a kept connection was closed");
        }
    }
    let each = (after - before) * 1024.0 / connections as f64;
    let name = format!("resident for one of {connections} idle connections");
    Ok(Row::alone("(g)", &name, "KiB", &[each], Some(Goal::AtMost(32.0))))
}

/// Measures starts, the first of which compiles the components: until the edge listens, and until
/// the first thumbnail has come.
///
/// Errors: the edge does not start, or does not answer.
pub fn starts(
    world: &mut World,
    (path, token): &Asked,
    pace: Pace,
    bar: &ProgressBar,
) -> Result<Vec<Row>> {
    let mut start = || -> Result<(f64, f64)> {
        world.stop();
        let started = Instant::now();
        let listens = world.start(Tier::Large)?;
        Connection::open(&world.address)?.get(path, token)?;
        Ok((listens, started.elapsed().as_secs_f64() * 1000.0))
    };
    let mut starts = Vec::new();
    for _ in 0..pace.rounds {
        starts.push(start()?);
    }
    bar.inc(1);
    let of = |value: fn(&(f64, f64)) -> f64| starts.iter().map(value).collect::<Vec<_>>();
    let row = |name, values: &[f64], goal| Row::alone("(h)", name, "ms", values, Some(goal));
    Ok(vec![
        row("start until the first thumbnail has come", &of(|one| one.1), Goal::AtMost(100.0)),
        row("start until it listens", &of(|one| one.0), Goal::Below(1000.0)),
    ])
}
