//! `fuzz`: builds the fuzz targets with the pinned toolchain, and runs each for some seconds; or
//! requires that each finds the fault that is planted in it.
//!
//! What a run learns goes to target/fuzz/. This task must never change what is committed: a finding
//! becomes a seed by hand, once its cause is understood.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus};
use std::time::Instant;

use anyhow::{Context, Result, bail};
use eyesonly_harness::process::show;

use crate::tools::need;
use crate::workspace::{Workspace, execute, is_ci, output_of, step};

/// The flags that `cargo fuzz` sets too, without those of a sanitizer. A sanitizer needs another
/// toolchain, and what is fuzzed has no unsafe code. So a finding is a panic, an overflow, a failed
/// assertion of the target, a hang, or too much memory.
const FLAGS: [&str; 9] = [
    "-Cpasses=sancov-module",
    "-Cllvm-args=-sanitizer-coverage-level=4",
    "-Cllvm-args=-sanitizer-coverage-inline-8bit-counters",
    "-Cllvm-args=-sanitizer-coverage-pc-table",
    "-Cllvm-args=-sanitizer-coverage-trace-compares",
    "--cfg",
    "fuzzing",
    "-Cdebug-assertions",
    "-Ccodegen-units=1",
];
/// The longest time in which a target has to find its planted fault, in seconds.
const PLANTED_SECONDS_MAX: u64 = 60;
/// The longest time of one input, in seconds. More is a finding.
const INPUT_SECONDS_MAX: u64 = 10;
/// The most memory of a target, in MiB. More is a finding.
const MEMORY_MIB_MAX: u64 = 2048;

/// The most characters of a panic that are shown. The log has all of it.
const SAID_CHARACTERS_MAX: usize = 100;
const MEND: &str = "the compiler's message is above; if only fuzz/Cargo.lock is behind: \
                    cargo metadata --manifest-path fuzz/Cargo.toml";

/// The arguments of `cargo xtask fuzz`.
#[derive(clap::Args)]
pub struct Arguments {
    /// Runs this target alone: the name of a file in fuzz/fuzz_targets.
    target: Option<String>,
    /// Runs each target for this many seconds.
    #[arg(long, default_value_t = 60, value_parser = clap::value_parser!(u64).range(1..))]
    seconds: u64,
    /// Builds the targets with a fault in each, and fails unless each finds its own within 60
    /// seconds.
    #[arg(long, conflicts_with = "seconds")]
    planted: bool,
}

/// Builds and runs.
///
/// Errors: a build fails, a target has a finding, or a planted fault is not found.
pub fn run(workspace: &Workspace, arguments: &Arguments) -> Result<()> {
    let compiler = std::env::var("CXX").unwrap_or_else(|_| "c++".into());
    need(&compiler, "g++", "it compiles libFuzzer")?;
    let fuzz = Fuzz::new(workspace)?;
    let targets = fuzz.targets(arguments.target.as_deref())?;
    fuzz.build(workspace, &targets, arguments.planted)?;
    let one = |target: &String| match arguments.planted {
        true => fuzz.find_planted(target),
        false => fuzz.run(target, arguments.seconds),
    };
    // A target keeps one core busy.
    let at_once = std::thread::available_parallelism().map_or(1, usize::from);
    for some in targets.chunks(at_once) {
        std::thread::scope(|scope| {
            let running: Vec<_> = some.iter().map(|target| scope.spawn(|| one(target))).collect();
            running.into_iter().try_for_each(|ran| match ran.join() {
                Ok(ended) => ended,
                Err(_) => bail!("a target could not be watched"),
            })
        })?;
    }
    Ok(())
}

/// The places of the fuzz workspace.
struct Fuzz {
    /// The folder of its Cargo.toml.
    folder: PathBuf,
    /// The folder of what is built and found.
    target: PathBuf,
    /// The triple that is built for. Cargo keeps the flags from build scripts only if it is named.
    triple: String,
}

impl Fuzz {
    fn new(workspace: &Workspace) -> Result<Self> {
        let triple = output_of("rustc", &["--print", "host-tuple"]);
        Ok(Self {
            folder: workspace.root.join("fuzz"),
            target: workspace.target.join("fuzz"),
            triple: triple.context("rustc does not say its host")?,
        })
    }

    /// Lists the targets, sorted by name, or the one that is asked for.
    fn targets(&self, only: Option<&str>) -> Result<Vec<String>> {
        let folder = self.folder.join("fuzz_targets");
        let names = fs::read_dir(&folder).with_context(|| format!("{}", folder.display()))?;
        let mut targets: Vec<String> = names
            .filter_map(|entry| target_of(&entry.ok()?.path()))
            .filter(|target| only.is_none_or(|only| only == target))
            .collect();
        targets.sort();
        if targets.is_empty() {
            bail!("no target is called {}", only.unwrap_or("anything"));
        }
        Ok(targets)
    }

    /// Builds these targets. Only the targets get the flag for planted faults, so that their
    /// dependencies are not built again.
    fn build(&self, workspace: &Workspace, targets: &[String], planted: bool) -> Result<()> {
        if !planted {
            step("fuzz targets");
            let mut cargo = self.cargo(workspace, "build");
            for target in targets {
                cargo.args(["--bin", target]);
            }
            return execute(&mut cargo, MEND);
        }
        step("fuzz targets, each with a fault");
        for target in targets {
            let mut cargo = self.cargo(workspace, "rustc");
            execute(cargo.args(["--bin", target, "--", "--cfg", "planted"]), MEND)?;
        }
        Ok(())
    }

    fn cargo(&self, workspace: &Workspace, command: &str) -> Command {
        let mut cargo = workspace.cargo();
        cargo.current_dir(&self.folder).args([command, "--release", "--target", &self.triple]);
        if is_ci() {
            cargo.arg("--locked");
        }
        cargo.env("CARGO_TARGET_DIR", &self.target).env("RUSTFLAGS", FLAGS.join(" "));
        cargo
    }

    fn binary(&self, target: &str) -> PathBuf {
        self.target.join(&self.triple).join("release").join(target)
    }

    /// Runs a target with its seeds and with what earlier runs have learnt.
    fn run(&self, target: &str, seconds: u64) -> Result<()> {
        let corpus = self.target.join("corpus").join(target);
        let ran = self.start(target, &corpus, &[format!("-max_total_time={seconds}")])?;
        if !ran.status.success() {
            bail!(
                "{target} found something: {}\n  input:        {}\n  to reproduce: {} {}\n  \
                 all of it:    {}\n  to mend: docs/fuzzing.md, \"A finding\"",
                ran.said(),
                ran.input().display(),
                self.binary(target).display(),
                ran.input().display(),
                ran.log_path.display(),
            );
        }
        eprintln!(
            "{target:<12} {:>10} inputs in {:>4.0} s, {} places reached",
            ran.number("stat::number_of_executed_units:"),
            ran.seconds,
            ran.number("cov:"),
        );
        Ok(())
    }

    /// Runs a target that has a fault: the seeds must not show the fault, and a run must.
    fn find_planted(&self, target: &str) -> Result<()> {
        let corpus = self.target.join("planted").join(target);
        if corpus.exists() {
            fs::remove_dir_all(&corpus)?;
        }
        let seeds = self.start(target, &corpus, &["-runs=0".to_owned()])?;
        if !seeds.status.success() {
            bail!("{target}: a seed shows the planted fault already: {}", seeds.said());
        }
        let ran =
            self.start(target, &corpus, &[format!("-max_total_time={PLANTED_SECONDS_MAX}")])?;
        if ran.status.success() {
            bail!(
                "{target} did not find its planted fault within {PLANTED_SECONDS_MAX} s, with {} \
                 inputs",
                ran.number("stat::number_of_executed_units:")
            );
        }
        eprintln!("{target:<12} found after {:>4.1} s: {}", ran.seconds, ran.said());
        Ok(())
    }

    fn start(&self, target: &str, corpus: &Path, options: &[String]) -> Result<Ran> {
        let found = self.target.join("found").join(target);
        let logs = self.target.join("logs");
        for folder in [corpus, &found, &logs] {
            fs::create_dir_all(folder).with_context(|| format!("{}", folder.display()))?;
        }
        let log_path = logs.join(format!("{target}.log"));
        let log = File::create(&log_path).with_context(|| format!("{}", log_path.display()))?;
        let mut command = Command::new(self.binary(target));
        command
            .args([corpus, &self.folder.join("seeds").join(target)])
            .arg(format!("-artifact_prefix={}/", found.display()))
            .arg(format!("-timeout={INPUT_SECONDS_MAX}"))
            .arg(format!("-rss_limit_mb={MEMORY_MIB_MAX}"))
            .arg("-print_final_stats=1")
            .args(options)
            .stdout(log.try_clone()?)
            .stderr(log);
        let started = Instant::now();
        let status =
            command.status().with_context(|| format!("`{}` does not start", show(&command)))?;
        let seconds = started.elapsed().as_secs_f64();
        let log = String::from_utf8_lossy(&fs::read(&log_path)?).into_owned();
        Ok(Ran { status, seconds, log, log_path })
    }
}

/// Reads the name of a target from its file.
fn target_of(path: &Path) -> Option<String> {
    let is_rust = path.extension().is_some_and(|extension| extension == "rs");
    is_rust.then(|| path.file_stem()?.to_str().map(str::to_owned)).flatten()
}

/// The end of a target.
struct Ran {
    status: ExitStatus,
    seconds: f64,
    log: String,
    log_path: PathBuf,
}

impl Ran {
    /// Returns the last number after a word, or nothing.
    fn number(&self, word: &str) -> &str {
        let after = self.log.rsplit_once(word).map(|(_, after)| after);
        after.and_then(|after| after.split_whitespace().next()).unwrap_or("no")
    }

    /// Returns the first words of the panic, or else libFuzzer's.
    fn said(&self) -> String {
        let mut lines = self.log.lines();
        let panicked = lines.find(|line| line.contains(" panicked at ")).and_then(|_| lines.next());
        let errors = || self.log.lines().find(|line| line.contains("ERROR: libFuzzer"));
        let said = panicked.or_else(errors).unwrap_or("it ended without a word");
        said.trim().chars().take(SAID_CHARACTERS_MAX).collect()
    }

    /// Returns the file with the input that failed.
    fn input(&self) -> &Path {
        let after = self.log.rsplit_once("Test unit written to ").map(|(_, after)| after);
        Path::new(after.and_then(|after| after.lines().next()).unwrap_or("(none was kept)"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::process::ExitStatusExt as _;

    fn ran(log: &str) -> Ran {
        let status = ExitStatus::from_raw(0);
        Ran { status, seconds: 1.0, log: log.to_owned(), log_path: PathBuf::new() }
    }

    #[test]
    fn a_log_is_read() {
        let ran = ran("#2\tINITED cov: 10 ft: 20\n#9\tDONE   cov: 31 ft: 99\n\
             thread '<unnamed>' (7) panicked at fuzz_targets/a.rs:1:2:\n  an empty range\nnote\n\
             Test unit written to /t/found/a/crash-1\nstat::number_of_executed_units: 1234\n");
        assert_eq!(ran.number("cov:"), "31");
        assert_eq!(ran.number("stat::number_of_executed_units:"), "1234");
        assert_eq!(ran.said(), "an empty range");
        assert_eq!(ran.input(), Path::new("/t/found/a/crash-1"));
    }

    #[test]
    fn a_log_without_a_panic_is_read() {
        let ran = ran("==1== ERROR: libFuzzer: timeout after 10 seconds\n");
        assert_eq!(ran.said(), "==1== ERROR: libFuzzer: timeout after 10 seconds");
        assert_eq!(ran.number("cov:"), "no");
        assert_eq!(ran.input(), Path::new("(none was kept)"));
    }

    #[test]
    fn a_target_is_a_rust_file() {
        assert_eq!(target_of(Path::new("/f/jpeg.rs")).as_deref(), Some("jpeg"));
        assert_eq!(target_of(Path::new("/f/README.md")), None);
    }
}
