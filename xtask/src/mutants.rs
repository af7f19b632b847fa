//! `mutants`: changes the claim and the parsers in small ways, one at a time, and asks whether a
//! test fails.
//!
//! It must never count a mutant as caught because a test took too long.

use std::fs;
use std::num::NonZero;
use std::path::PathBuf;
use std::process::Command;
use std::thread;

use anyhow::{Context, Result, bail};

use crate::tools::cargo_tool;
use crate::workspace::{Workspace, step};

const VERSION: &str = "27.1.0";
/// The share of viable mutants that must be caught, in percent.
const CAUGHT_PERCENT_MIN: usize = 95;
/// The time that the tests may take with one mutant, in seconds.
const TEST_SECONDS: &str = "60";
/// The most mutants that are tried at once, each in a copy of its own.
const JOBS_MAX: usize = 4;

/// The mutants of some packages, and the packages whose unit tests are asked. The tests of a later
/// package know the earlier ones through what they build on them.
struct Run {
    name: &'static str,
    packages: &'static [&'static str],
    /// The patterns of the mutated files. If there are none, all files are mutated.
    files: &'static [&'static str],
    tested_by: &'static str,
}

const RUNS: [Run; 4] = [
    Run { name: "seal", packages: &["eyesonly-seal"], files: &[], tested_by: "eyesonly-seal" },
    Run {
        name: "gate",
        packages: &["eyesonly-rights", "eyesonly-gate"],
        files: &[],
        tested_by: "eyesonly-rights,eyesonly-gate,eyesonly-service",
    },
    // What reads a camera's bytes.
    Run {
        name: "form",
        packages: &["eyesonly-service"],
        files: &["service/src/ingest/form/**", "service/src/ingest/digest.rs"],
        tested_by: "eyesonly-service",
    },
    // What reads a viewer's address and range.
    Run {
        name: "web",
        packages: &["eyesonly-web"],
        files: &["web/src/range.rs", "web/src/ask.rs", "web/src/credential.rs"],
        tested_by: "eyesonly-web",
    },
];

/// The arguments of `cargo xtask mutants`.
#[derive(clap::Args)]
pub struct Arguments {
    /// Mutates only these files, given from the repository's root. As a pattern: `*/vault.rs`.
    #[arg(long, value_name = "PATTERN")]
    file: Vec<String>,
}

/// What a run found.
#[derive(Default)]
struct Found {
    caught: usize,
    missed: Vec<String>,
    timeout: Vec<String>,
}

/// Runs every mutant of `trusted/` and of the parsers. It takes about two hours on two cores.
///
/// Errors: too few were caught. `docs/mutants.md` explains those that may stay.
pub fn run(workspace: &Workspace, arguments: &Arguments) -> Result<()> {
    let program = cargo_tool(workspace, "cargo-mutants", VERSION)?;
    let out = workspace.target.join("mutants");
    let jobs = thread::available_parallelism().map_or(1, NonZero::get).min(JOBS_MAX).to_string();
    let mut found = Found::default();
    for run in RUNS {
        step(&format!("mutants of {} (ten minutes or more)", run.packages.join(", ")));
        let out = out.join(run.name);
        fs::create_dir_all(&out)?;
        let mut mutants = Command::new(&program);
        mutants.current_dir(&workspace.root).arg("mutants").args(["--output"]).arg(&out);
        for package in run.packages {
            mutants.args(["--package", package]);
        }
        let asked: Vec<&str> = arguments.file.iter().map(String::as_str).collect();
        for file in if asked.is_empty() { run.files } else { &asked } {
            mutants.args(["--file", file]);
        }
        mutants.args(["--test-tool", "nextest", "--profile", "mutants", "--timeout", TEST_SECONDS]);
        mutants.args(["--jobs", &jobs, "--test-package", run.tested_by, "--cargo-test-arg=--lib"]);
        mutants.env("NEXTEST_PROFILE", "mutants");
        // It ends with an error when a mutant is missed; what counts is read from its lists.
        let status = mutants.status().context("cargo-mutants does not start")?;
        if !matches!(status.code(), Some(0 | 2 | 3)) {
            bail!("cargo-mutants failed ({status}): its message is above");
        }
        let lists = out.join("mutants.out");
        found.caught += lines(lists.join("caught.txt"))?.len();
        found.missed.extend(lines(lists.join("missed.txt"))?);
        found.timeout.extend(lines(lists.join("timeout.txt"))?);
    }
    judge(&found)
}

fn lines(path: PathBuf) -> Result<Vec<String>> {
    let text = fs::read_to_string(&path).with_context(|| path.display().to_string())?;
    Ok(text.lines().map(str::to_owned).collect())
}

/// Compares what was caught with what must be. A mutant that no test ends in time is not caught.
fn judge(found: &Found) -> Result<()> {
    let survived = found.missed.len() + found.timeout.len();
    let viable = found.caught + survived;
    for mutant in found.missed.iter().chain(&found.timeout) {
        eprintln!("   survived: {mutant}");
    }
    println!("mutants: {} of {viable} viable mutants caught", found.caught);
    if found.caught * 100 < viable * CAUGHT_PERCENT_MIN {
        bail!(
            "fewer than {CAUGHT_PERCENT_MIN} % were caught\n  to mend: write a test that fails \
             with a mutant above; docs/mutants.md explains those that may stay"
        );
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(caught: usize, missed: usize, timeout: usize, passes: bool) {
        let some = |count| vec!["a mutant".to_owned(); count];
        let found = Found { caught, missed: some(missed), timeout: some(timeout) };
        assert_eq!(judge(&found).is_ok(), passes, "{caught} {missed} {timeout}");
    }

    #[test]
    fn a_timeout_is_no_catch() {
        check(95, 5, 0, true);
        check(95, 3, 2, true);
        check(94, 6, 0, false);
        check(94, 0, 6, false);
        check(0, 0, 0, true);
    }
}
