//! `test`: builds, then runs every test there is.
//!
//! In CI it must never skip a test: a tool that is missing is installed, or the task fails. On a
//! person's machine a test whose tool is missing says so itself. It reads EYESONLY_TOOLS_MISSING to
//! find out.

use std::ffi::OsString;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};
use eyesonly_harness::process::show;

use crate::components::{self, Built};
use crate::spin;
use crate::storm;
use crate::tools::{self, Tool};
use crate::workspace::{Workspace, execute, is_ci, output_of, step};

/// The tests that both editions must pass, as a filter of cargo-nextest.
const BOTH_EDITIONS: &str = "package(eyesonly-tests) & binary(/^(e2e|matrix|reports|browser)$/)";

/// The tests for `spin up`: those of both editions, and those of the Spin edition's store.
const BY_SPIN_UP: &str = "package(eyesonly-tests) & binary(/^(e2e|matrix|reports|browser|spin)$/)";

/// The same for `cargo test`, which has no such filter.
const BOTH_EDITIONS_PLAIN: [&str; 8] =
    ["--test", "e2e", "--test", "matrix", "--test", "reports", "--test", "browser"];
const BY_SPIN_UP_PLAIN: [&str; 10] = [
    "--test", "e2e", "--test", "matrix", "--test", "reports", "--test", "browser", "--test", "spin",
];

/// The arguments of `cargo xtask test`.
#[derive(clap::Args)]
pub struct Arguments {
    /// Runs only tests whose name contains this. Everything is built all the same.
    #[arg(long)]
    filter: Option<String>,
    /// Installs missing tools by apt-get (as root on Debian), as CI=true does.
    #[arg(long)]
    install: bool,
}

/// Builds and tests.
///
/// Errors: a build or a test fails, or a tool can't be had in CI.
pub fn run(workspace: &Workspace, arguments: &Arguments) -> Result<()> {
    // This comes before what takes minutes.
    let installed = spin::installed()?;
    let missing = settle_tools(arguments.install || is_ci())?;
    let all_features = with_all_features(workspace)?;
    let component = spin::build(workspace)?;
    let built = components::build(workspace, false)?;
    let storm = storm::build(workspace, false)?;
    step("what the handlers import and export");
    components::check_surfaces(workspace)?;

    let missing: Vec<&str> = missing.iter().map(|tool| tool.name).collect();
    let has_nextest = output_of("cargo-nextest", &["nextest", "--version"]).is_some();
    let by =
        if has_nextest { "cargo-nextest" } else { "cargo test: cargo-nextest is not installed" };
    let filter = arguments.filter.as_deref();
    let mut passed = 0;
    for suite in suites(installed.as_deref()) {
        step(&format!("{} ({by})", suite.title));
        let mut cargo = workspace.cargo();
        set_environment(&mut cargo, &built, &missing);
        cargo
            .env("EYESONLY_STORM_BIN", &storm)
            .env("EYESONLY_ALL_FEATURES_BIN", &all_features)
            .env("EYESONLY_SPIN_COMPONENT", &component)
            .envs(suite.variables.iter().cloned());
        if has_nextest {
            suite.nextest(&mut cargo, filter);
            run_tests(&mut cargo)?;
        } else {
            suite.plain(&mut cargo, filter);
            passed += run_and_count(&mut cargo)?;
        }
    }
    if filter.is_none_or(|filter| filter.contains("schedules")) {
        schedules(workspace)?;
    }
    if !has_nextest && passed == 0 {
        bail!("no test ran: nothing is called {}", filter.unwrap_or("anything"));
    }
    if installed.is_none() {
        step(&format!("{}: the Spin edition was not tested by `spin up`", spin::NO_SPIN));
    }
    if has_nextest && filter.is_none() {
        step("doc tests");
        let mut cargo = workspace.cargo();
        cargo.args(["test", "--workspace", "--doc", "--quiet"]);
        set_environment(&mut cargo, &built, &missing);
        run_tests(&mut cargo)?;
    }
    Ok(())
}

/// Tests that are built and run together.
struct Suite {
    title: &'static str,
    /// The arguments that say what cargo builds.
    build: &'static [&'static str],
    /// A filter of cargo-nextest that says which tests run; all of them if empty.
    only: &'static str,
    /// The further arguments of `cargo test`, which has no such filter.
    targets: &'static [&'static str],
    variables: Vec<(&'static str, OsString)>,
}

/// Returns the suites in their order. `spin`: a `spin` that is installed.
fn suites(spin: Option<&Path>) -> Vec<Suite> {
    let edition = ("EYESONLY_EDITION", OsString::from("spin"));
    let mut suites = vec![
        Suite {
            title: "tests",
            build: &["--workspace"],
            only: "",
            targets: &["--no-fail-fast"],
            variables: Vec::new(),
        },
        Suite {
            title: "the suites of both editions, with the Spin edition",
            build: &["--workspace"],
            only: BOTH_EDITIONS,
            targets: &BOTH_EDITIONS_PLAIN,
            variables: vec![edition.clone()],
        },
    ];
    if let Some(spin) = spin {
        suites.push(Suite {
            title: "the Spin edition by `spin up`",
            build: &["--workspace"],
            only: BY_SPIN_UP,
            targets: &BY_SPIN_UP_PLAIN,
            variables: vec![edition, ("EYESONLY_SPIN", spin.into())],
        });
    }
    suites
}

impl Suite {
    fn nextest(&self, cargo: &mut Command, filter: Option<&str>) {
        cargo.args(["nextest", "run"]).args(self.build).args(filter);
        if !self.only.is_empty() {
            cargo.args(["-E", self.only]);
            if filter.is_some() {
                cargo.args(["--no-tests", "pass"]);
            }
        }
    }

    fn plain(&self, cargo: &mut Command, filter: Option<&str>) {
        cargo.arg("test").args(self.build).args(self.targets).arg("--");
        cargo.args(filter);
    }
}

/// Builds the host with every feature that there is, for the test that looks for liars in it. The
/// build shares intermediate files with the other builds; the binary has a folder of its own.
fn with_all_features(workspace: &Workspace) -> Result<PathBuf> {
    step("host, with every feature");
    let folder = workspace.target.join("all-features");
    let mut cargo = workspace.cargo();
    cargo.args(["build", "--workspace", "--all-features", "--bin", "eyesonly"]);
    cargo.env("CARGO_TARGET_DIR", &folder).env("CARGO_BUILD_BUILD_DIR", &workspace.target);
    execute(&mut cargo, "the compiler's message is above")?;
    let name = format!("eyesonly{}", std::env::consts::EXE_SUFFIX);
    Ok(folder.join("debug").join(name))
}

/// Builds the service's tests with stand-ins for locks and tasks (`--cfg schedules`), and runs the
/// tests that use those. Only this crate gets the flag, so its dependencies are not built again.
fn schedules(workspace: &Workspace) -> Result<()> {
    step("schedules");
    let mut cargo = workspace.cargo();
    cargo.args(["rustc", "--package", "eyesonly-service", "--lib", "--profile", "test"]);
    cargo.args(["--message-format", "json-render-diagnostics", "--", "--cfg", "schedules"]);
    let output = cargo.stderr(Stdio::inherit()).output();
    let output = output.with_context(|| format!("`{}` does not start", show(&cargo)))?;
    let executable = BufReader::new(&*output.stdout)
        .lines()
        .map_while(Result::ok)
        .find_map(|line| executable(&line));
    let Some(executable) = executable.filter(|_| output.status.success()) else {
        bail!(
            "`{}` failed ({})\n  to mend: the compiler's message is above",
            show(&cargo),
            output.status
        );
    };
    let mut tests = Command::new(executable);
    run_tests(tests.current_dir(workspace.root.join("service")).arg("schedules::"))
}

/// Reads from a message of cargo which program was built.
fn executable(line: &str) -> Option<PathBuf> {
    let message: serde_json::Value = serde_json::from_str(line).ok()?;
    Some(PathBuf::from(message.get("executable")?.as_str()?))
}

/// Installs the tools that are missing, or says which ones are.
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
    execute(cargo, "the failed tests are named above; one alone: cargo xtask test --filter NAME")
}

/// Runs `cargo test`, adds up the summaries of all its binaries and says how many passed.
fn run_and_count(cargo: &mut Command) -> Result<u64> {
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
        bail!("`{}` failed ({status})\n  to mend: the failed tests are named above", show(cargo));
    }
    Ok(passed)
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
    fn the_executable_is_found_among_cargos_messages() {
        assert_eq!(executable(r#"{"reason":"compiler-artifact","executable":null}"#), None);
        assert_eq!(executable("Compiling"), None);
        let line = r#"{"reason":"compiler-artifact","executable":"/t/deps/service-1"}"#;
        assert_eq!(executable(line), Some(PathBuf::from("/t/deps/service-1")));
    }

    #[test]
    fn summaries_are_read() {
        check(
            "test result: ok. 12 passed; 0 failed; 0 ignored; 0 measured; 3 filtered out; \
             finished in 0.01s",
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
