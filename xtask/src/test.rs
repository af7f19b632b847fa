//! `test`: builds, then runs every test there is.
//!
//! In CI nothing may be skipped: a tool that is missing is installed, or the task fails. On a person's machine a test
//! whose tool is missing says so itself; it learns it from EYESONLY_TOOLS_MISSING.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

use crate::components::{self, Built};
use crate::spin;
use crate::storm;
use crate::tools::{self, Tool};
use crate::workspace::{Workspace, execute, is_ci, output_of, show, step};

/// What only storm's build has. What both have is tested as it is deployed.
const STORM_TESTS: &str = "package(eyesonly) & test(/^storm::/)";

/// What is asked of both editions alike.
const BOTH_EDITIONS: &str = "package(eyesonly-tests) & binary(/^(e2e|matrix|browser)$/)";

/// What only the build with stand-ins for locks and tasks has; nothing else runs in it.
const SCHEDULES: &str = "package(eyesonly-service) & test(/^schedules::/)";

/// What `cargo xtask test` takes.
#[derive(clap::Args)]
pub struct Arguments {
    /// Runs only tests whose name contains this. Everything is still built.
    #[arg(long)]
    filter: Option<String>,
    /// Installs missing tools by apt-get (as root on Debian), as CI=true does.
    #[arg(long)]
    install: bool,
}

/// Builds and tests.
///
/// Errors: a build error, a tool that can't be had in CI, or the tests that failed.
pub fn run(workspace: &Workspace, arguments: &Arguments) -> Result<()> {
    let missing = settle_tools(arguments.install || is_ci())?;
    // Storm's build first: the plain one then takes its place where it is looked for.
    let storm = storm::build(workspace, false)?;
    let spin = spin::build(workspace)?;
    let built = components::build(workspace, false)?;
    step("what the handlers import and export");
    components::check_surfaces(workspace)?;

    let missing: Vec<&str> = missing.iter().map(|tool| tool.name).collect();
    let environment = |cargo: &mut Command| {
        set_environment(cargo, &built, &missing);
        cargo
            .env("EYESONLY_STORM_BIN", &storm)
            .env("EYESONLY_SPIN_COMPONENT", &spin);
    };
    let filter = arguments.filter.as_deref();
    if output_of("cargo-nextest", &["nextest", "--version"]).is_some() {
        step("tests, by cargo-nextest");
        let mut cargo = workspace.cargo();
        cargo.args(["nextest", "run", "--workspace"]).args(filter);
        environment(&mut cargo);
        run_tests(&mut cargo)?;
        step("the suites of both editions, with the Spin edition");
        let mut cargo = workspace.cargo();
        cargo
            .args(["nextest", "run", "--workspace", "-E", BOTH_EDITIONS])
            .args(filter);
        if filter.is_some() {
            cargo.args(["--no-tests", "pass"]);
        }
        environment(&mut cargo);
        run_tests(cargo.env("EYESONLY_EDITION", "spin"))?;
        step("storm's units and cells");
        let mut cargo = workspace.cargo();
        cargo.args(["nextest", "run", "--workspace", "--lib", "--features", "eyesonly/storm"]);
        cargo.args(["-E", STORM_TESTS]).args(filter);
        if filter.is_some() {
            cargo.args(["--no-tests", "pass"]);
        }
        environment(&mut cargo);
        run_tests(&mut cargo)?;
        step("schedules");
        let mut cargo = workspace.cargo();
        cargo.args(["nextest", "run", "--package", "eyesonly-service", "--lib"]);
        cargo.args(["--features", "schedules"]);
        cargo.args(["-E", SCHEDULES]).args(filter);
        if filter.is_some() {
            cargo.args(["--no-tests", "pass"]);
        }
        environment(&mut cargo);
        run_tests(&mut cargo)?;
        if filter.is_none() {
            step("doc tests");
            let mut cargo = workspace.cargo();
            cargo.args(["test", "--workspace", "--doc", "--quiet"]);
            environment(&mut cargo);
            run_tests(&mut cargo)?;
        }
        return Ok(());
    }
    step("tests, by cargo test (cargo-nextest is not installed)");
    let mut cargo = workspace.cargo();
    cargo.args(["test", "--workspace", "--no-fail-fast"]);
    if let Some(filter) = filter {
        cargo.args(["--", filter]);
    }
    environment(&mut cargo);
    run_and_count(&mut cargo, filter)?;
    step("the suites of both editions, with the Spin edition");
    let mut cargo = workspace.cargo();
    cargo.args([
        "test",
        "--package",
        "eyesonly-tests",
        "--test",
        "e2e",
        "--test",
        "matrix",
    ]);
    environment(&mut cargo);
    run_and_count(cargo.env("EYESONLY_EDITION", "spin"), filter.or(Some("e2e")))?;
    step("storm's units and cells");
    let mut cargo = workspace.cargo();
    cargo.args(["test", "--workspace", "--lib", "--features", "eyesonly/storm", "--"]);
    // One after the other: cells switch the defences of their process.
    cargo.args(["storm::", "--test-threads", "1"]);
    environment(&mut cargo);
    run_and_count(&mut cargo, Some("storm::"))?;
    step("schedules");
    let mut cargo = workspace.cargo();
    cargo.args(["test", "--package", "eyesonly-service", "--lib"]);
    cargo.args(["--features", "schedules", "--", "schedules::"]);
    environment(&mut cargo);
    run_and_count(&mut cargo, Some("schedules::"))
}

/// Installs what is missing, or says what will not run.
fn settle_tools(install: bool) -> Result<Vec<&'static Tool>> {
    let missing = tools::missing();
    if missing.is_empty() {
        return Ok(missing);
    }
    if install {
        tools::install(&missing).context("no test may be skipped here")?;
        return Ok(Vec::new());
    }
    step("tools that are not here");
    for tool in &missing {
        eprintln!("   {} (needed by: {})", tool.name, tool.needed_by);
    }
    eprintln!("   to get them: {}", tools::how_to_get(&missing));
    Ok(missing)
}

fn set_environment(cargo: &mut Command, built: &Built, missing: &[&str]) {
    cargo
        .env("EYESONLY_BIN", &built.binary)
        .env("EYESONLY_COMPONENTS", &built.components)
        .env("EYESONLY_ENGINE_BIN", built.engine())
        .env("EYESONLY_TOOLS_MISSING", missing.join(","));
}

fn run_tests(cargo: &mut Command) -> Result<()> {
    execute(
        cargo,
        "the failed tests are named above; one alone: cargo xtask test --filter NAME",
    )
}

/// Runs `cargo test` and adds up the summaries of all its binaries.
fn run_and_count(cargo: &mut Command, filter: Option<&str>) -> Result<()> {
    let mut child = cargo
        .stdout(Stdio::piped())
        .spawn()
        .with_context(|| format!("`{}` does not start", show(cargo)))?;
    let output = child.stdout.take().context("no standard output")?;
    let (mut passed, mut failed) = (0_u64, 0_u64);
    for line in BufReader::new(output).lines() {
        let line = line?;
        println!("{line}");
        if let Some((more_passed, more_failed)) = counts(&line) {
            passed += more_passed;
            failed += more_failed;
        }
    }
    let status = child.wait()?;
    println!("{passed} passed, {failed} failed");
    if !status.success() {
        bail!(
            "`{}` failed ({status})\n  to mend: the failed tests are named above",
            show(cargo)
        );
    }
    if passed == 0 {
        bail!("no test ran: nothing is called {}", filter.unwrap_or("anything"));
    }
    Ok(())
}

/// Reads `test result: ok. 3 passed; 0 failed; …`.
fn counts(line: &str) -> Option<(u64, u64)> {
    let (_, rest) = line.strip_prefix("test result: ")?.split_once(". ")?;
    let count = |word: &str| {
        rest.split("; ")
            .find_map(|part| part.strip_suffix(word))
            .and_then(|number| number.trim().parse().ok())
    };
    Some((count("passed")?, count("failed")?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(line: &str, expected: Option<(u64, u64)>) {
        assert_eq!(counts(line), expected, "{line}");
    }

    #[test]
    fn summaries_are_read() {
        check(
            "test result: ok. 12 passed; 0 failed; 0 ignored; 0 measured; 3 filtered out; finished in 0.01s",
            Some((12, 0)),
        );
        check(
            "test result: FAILED. 1 passed; 2 failed; 0 ignored; 0 measured; 0 filtered out",
            Some((1, 2)),
        );
        check("test a::b ... ok", None);
        check("test result: unreadable", None);
    }
}
