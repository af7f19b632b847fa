//! `storm`: builds `eyesonly-storm`, and replays the outage.
//!
//! `eyesonly-storm` is a program of its own over the host's library. This task must never change
//! what the host's own binary is built from.

use std::env;
use std::fs;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result, bail};

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

/// The arguments of `cargo xtask storm`.
#[derive(clap::Args)]
pub struct Arguments {
    /// 13,000 households, after every seam has told every lie with 100,000 requests each; with the
    /// release profile, about an hour.
    #[arg(long)]
    full: bool,
    /// Measures goodput under lies, the herd's p99 and reads of the store, with the release
    /// profile.
    #[arg(long, conflicts_with = "full")]
    bench: bool,
    /// Goes to `eyesonly-storm` as it is, such as `-- --lie index@0.1 --seed 7`.
    #[arg(last = true)]
    more: Vec<String>,
}

/// Builds the storm and runs it. Reports go to target/storm/.
///
/// Errors: a build error, bad arguments, or an exposure.
pub fn run(workspace: &Workspace, arguments: &Arguments) -> Result<()> {
    if arguments.full {
        web_caches()?;
    }
    let binary = build(workspace, arguments.full || arguments.bench)?;
    let reports = workspace.target.join("storm");
    fs::create_dir_all(&reports).with_context(|| format!("{} can't be made", reports.display()))?;
    let storm = |households: &str, report: &str| {
        let mut command = Command::new(&binary);
        command.args(["--households", households, "--report"]).arg(reports.join(report));
        // Each rejected lie is a warning. Here there are thousands, and they are counted anyway.
        if env::var_os("EYESONLY_LOG").is_none() {
            command.env("EYESONLY_LOG", "off");
        }
        command
    };
    let mend = "the message is above; `cargo xtask storm -- --help` and docs/storm.md explain \
                the arguments";
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

/// Checks that the web caches are installed. The full storm needs them only at its end, an hour
/// later.
fn web_caches() -> Result<()> {
    let mut missing = tools::missing();
    missing.retain(|tool| tool.needed_by == "storm");
    if !missing.is_empty() {
        let how = tools::how_to_get(&missing);
        bail!(
            "the full storm stands nginx and varnish in front, and something of them is \
             missing; to get it:\n  {how}"
        );
    }
    Ok(())
}

/// Builds the storm and returns its binary.
///
/// Errors: a build error.
pub fn build(workspace: &Workspace, release: bool) -> Result<PathBuf> {
    step("the storm");
    let mut cargo = workspace.cargo();
    cargo.arg("build");
    if release {
        cargo.args(["--package", "eyesonly-storm", "--release"]);
    } else {
        // Names the whole workspace, as for the host, so that nothing is built twice.
        cargo.arg("--workspace");
    }
    execute(cargo.args(["--bin", "eyesonly-storm"]), "the compiler's message is above")?;
    let profile = if release { "release" } else { "debug" };
    let name = format!("eyesonly-storm{}", env::consts::EXE_SUFFIX);
    Ok(workspace.target.join(profile).join(name))
}
