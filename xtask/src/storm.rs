//! `storm`: builds the host with its feature `storm`, and replays the outage.
//!
//! It must never leave storm's build where the plain one is looked for: its binary has a folder of its own.

use std::env;
use std::fs;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::components;
use crate::tools;
use crate::workspace::{Workspace, execute, step};

/// Households of the small storm.
const SMALL_HOUSEHOLDS: &str = "60";
/// Households of each cell of the full one.
const CELL_HOUSEHOLDS: &str = "200";
/// Requests of each cell of the full one.
const CELL_REQUESTS: &str = "100000";
/// Households of the storm's bench.
const BENCH_HOUSEHOLDS: &str = "1000";

/// What `cargo xtask storm` takes.
#[derive(clap::Args)]
pub struct Arguments {
    /// 13,000 households, after every seam has told every lie with 100,000 requests each; with the release profile, about an hour.
    #[arg(long)]
    full: bool,
    /// Measures goodput under lies, the herd's p99 and reads of the store, with the release profile.
    #[arg(long, conflicts_with = "full")]
    bench: bool,
    /// Goes to `eyesonly storm` as it is, such as `-- --lie index@0.1 --seed 7`.
    #[arg(last = true)]
    more: Vec<String>,
}

/// Builds and runs it. Reports go to target/storm/.
///
/// Errors: a build error, bad arguments, or an exposure.
pub fn run(workspace: &Workspace, arguments: &Arguments) -> Result<()> {
    if arguments.full {
        web_caches()?;
    }
    let folder = components::build_handlers(workspace)?;
    let binary = build(workspace, arguments.full || arguments.bench)?;
    let storm = |households: &str, report: &str| {
        let mut command = Command::new(&binary);
        command
            .args(["storm", "--components"])
            .arg(&folder)
            .args(["--households", households, "--report"])
            .arg(workspace.target.join("storm").join(report));
        // Each refused lie is a warning: thousands of them are the point here, and are counted.
        if env::var_os("EYESONLY_LOG").is_none() {
            command.env("EYESONLY_LOG", "off");
        }
        command
    };
    let mend = "the message is above; `cargo xtask storm -- --help` and docs/storm.md explain the arguments";
    if arguments.bench {
        step("storm: bench");
        return execute(
            storm(BENCH_HOUSEHOLDS, "bench").arg("--bench").args(&arguments.more),
            mend,
        );
    }
    if arguments.full {
        step("storm: every seam with every lie that it can tell, each with its control");
        let mut cells = storm(CELL_HOUSEHOLDS, "cells");
        execute(cells.args(["--cells", "--requests", CELL_REQUESTS]), mend)?;
        step("storm: 13,000 households");
        return execute(storm("13000", "full").arg("--web-caches").args(&arguments.more), mend);
    }
    step("storm: a small one");
    execute(storm(SMALL_HOUSEHOLDS, "small").args(&arguments.more), mend)
}

/// The full storm ends with web caches in front: whether they are here is found out an hour before.
fn web_caches() -> Result<()> {
    let mut missing = tools::missing();
    missing.retain(|tool| tool.needed_by == "storm");
    if !missing.is_empty() {
        let how = tools::how_to_get(&missing);
        bail!(
            "the full storm stands nginx and varnish in front, and something of them is missing; to get it:\n  {how}"
        );
    }
    Ok(())
}

/// Builds the host with storm's feature, into a folder of its own.
///
/// Errors: a build error, or the binary can't be copied.
pub fn build(workspace: &Workspace, release: bool) -> Result<PathBuf> {
    step("host, storm's build");
    let mut cargo = workspace.cargo();
    cargo.arg("build");
    if release {
        cargo.args(["--package", "eyesonly", "--features", "storm", "--release"]);
    } else {
        // As with the plain build: the whole workspace, so that nothing is built twice.
        cargo.args(["--workspace", "--features", "eyesonly/storm"]);
    }
    execute(cargo.args(["--bin", "eyesonly"]), "the compiler's message is above")?;
    let profile = if release { "release" } else { "debug" };
    let name = format!("eyesonly{}", env::consts::EXE_SUFFIX);
    let built = workspace.target.join(profile).join(&name);
    let folder = workspace.target.join("storm").join(profile);
    fs::create_dir_all(&folder).with_context(|| format!("{} can't be made", folder.display()))?;
    let binary = folder.join(name);
    // Moved away: the next plain build links its own, and nobody takes this one for it.
    fs::rename(&built, &binary).with_context(|| format!("{} can't be moved", built.display()))?;
    Ok(binary)
}
