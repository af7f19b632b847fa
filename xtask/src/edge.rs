//! One running edge: its folder, its configuration, its command line, its process.
//!
//! INVARIANT: an edge that was started is stopped when it goes out of scope, whatever happened before.

use std::fs::{self, File};
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::components::Built;
use crate::workspace::show;

/// How long an orderly end may take before the process is killed.
const STOP_SECONDS_MAX: u64 = 15;
/// How much of the log is shown when something failed.
const LOG_LINES_SHOWN: usize = 20;
const READY: &str = "listening on ";

/// The host's configuration and data in one folder.
pub struct Installation {
    binary: PathBuf,
    config: PathBuf,
    log: PathBuf,
}

/// A `serve` process that said it is ready.
pub struct Edge {
    /// `http://127.0.0.1:PORT`
    pub address: String,
    child: Child,
    // Held open: a process whose standard output is closed could fail on its next line.
    _output: BufReader<ChildStdout>,
}

#[derive(Serialize)]
struct Config<'a> {
    listen: String,
    data: &'a Path,
    components: &'a Path,
}

impl Installation {
    /// Writes eyesonly.toml into `folder`; the data goes to `folder/data`.
    ///
    /// Errors: the folder can't be written.
    pub fn create(built: &Built, folder: &Path, port: u16) -> Result<Self> {
        let data = folder.join("data");
        fs::create_dir_all(&data).with_context(|| format!("making {}", data.display()))?;
        let config = folder.join("eyesonly.toml");
        let content = Config {
            listen: format!("127.0.0.1:{port}"),
            data: &data,
            components: &built.components,
        };
        fs::write(&config, toml::to_string(&content)?).with_context(|| format!("writing {}", config.display()))?;
        Ok(Self {
            binary: built.binary.clone(),
            config,
            log: folder.join("eyesonly.log"),
        })
    }

    /// Runs `eyesonly … --json` and reads its answer. `input` goes to its standard input.
    ///
    /// Errors: the command fails (its message is in the error), or answers with something else.
    pub fn command<T: DeserializeOwned>(&self, arguments: &[&str], input: Option<&str>) -> Result<T> {
        let mut command = Command::new(&self.binary);
        command.arg("--config").arg(&self.config).args(arguments).arg("--json");
        command.stdin(if input.is_some() { Stdio::piped() } else { Stdio::null() });
        let mut child = command
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .with_context(|| format!("`{}` does not start", show(&command)))?;
        if let (Some(input), Some(mut stdin)) = (input, child.stdin.take()) {
            stdin.write_all(input.as_bytes())?;
        }
        let output = child.wait_with_output()?;
        if !output.status.success() {
            let message = String::from_utf8_lossy(&output.stderr);
            bail!("`{}` failed ({}): {}", show(&command), output.status, message.trim());
        }
        serde_json::from_slice(&output.stdout).with_context(|| {
            format!(
                "`{}` answered {:?}",
                show(&command),
                String::from_utf8_lossy(&output.stdout).trim()
            )
        })
    }

    /// Starts `eyesonly serve` and waits until it says where it listens.
    ///
    /// Errors: it ends before that; the end of its log is in the error.
    pub fn serve(&self) -> Result<Edge> {
        let log = File::create(&self.log).with_context(|| format!("writing {}", self.log.display()))?;
        let mut command = Command::new(&self.binary);
        command.arg("--config").arg(&self.config).arg("serve");
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(log)
            .spawn()
            .with_context(|| format!("`{}` does not start", show(&command)))?;
        let output = child.stdout.take().context("no standard output")?;
        let mut output = BufReader::new(output);
        // From here on Drop ends the process.
        let mut line = String::new();
        let read = output.read_line(&mut line);
        let mut edge = Edge {
            address: String::new(),
            child,
            _output: output,
        };
        read?;
        match line.trim().strip_prefix(READY) {
            Some(address) => edge.address = address.to_owned(),
            None if line.is_empty() => {
                let status = edge.child.wait()?;
                bail!(
                    "`{}` ended ({status}). Its log ends:\n{}",
                    show(&command),
                    self.log_end()
                );
            }
            None => bail!(
                "`{}` said {:?} where `{READY}http://…` was expected",
                show(&command),
                line.trim()
            ),
        }
        Ok(edge)
    }

    /// The last lines of the log, for an error.
    pub fn log_end(&self) -> String {
        let log = fs::read(&self.log).unwrap_or_default();
        let log = String::from_utf8_lossy(&log);
        let lines: Vec<&str> = log.lines().collect();
        let shown = lines
            .get(lines.len().saturating_sub(LOG_LINES_SHOWN)..)
            .unwrap_or_default();
        shown.iter().map(|line| format!("  | {line}\n")).collect()
    }

    /// Where the configuration is.
    pub fn config(&self) -> &Path {
        &self.config
    }
}

impl Edge {
    /// Whether the process has ended by itself, and how.
    ///
    /// Errors: the system does not say.
    pub fn ended(&mut self) -> Result<Option<ExitStatus>> {
        Ok(self.child.try_wait()?)
    }

    /// Ends the process in order (SIGTERM), and kills it when that takes too long.
    fn stop(&mut self) -> Result<()> {
        let is_gone = |child: &mut Child| -> Result<bool> { Ok(child.try_wait()?.is_some()) };
        if is_gone(&mut self.child)? {
            return Ok(());
        }
        if let Some(pid) = i32::try_from(self.child.id())
            .ok()
            .and_then(rustix::process::Pid::from_raw)
        {
            rustix::process::kill_process(pid, rustix::process::Signal::TERM)?;
        }
        let started = Instant::now();
        while started.elapsed() < Duration::from_secs(STOP_SECONDS_MAX) {
            if is_gone(&mut self.child)? {
                return Ok(());
            }
            // std has no wait with a limit.
            thread::sleep(Duration::from_millis(20));
        }
        eprintln!("   the edge did not end within {STOP_SECONDS_MAX} s of SIGTERM: killed");
        Ok(self.child.kill()?)
    }
}

impl Drop for Edge {
    fn drop(&mut self) {
        if let Err(error) = self.stop() {
            eprintln!("   stopping the edge: {error:#}");
            let _ = self.child.kill();
        }
        let _ = self.child.wait();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    /// An installation whose binary is a shell script.
    fn installation(folder: &Path, script: &str) -> Installation {
        let binary = folder.join("eyesonly");
        fs::write(&binary, format!("#!/bin/sh\n{script}\n")).unwrap();
        fs::set_permissions(&binary, fs::Permissions::from_mode(0o755)).unwrap();
        let built = Built {
            binary,
            components: folder.join("components"),
        };
        Installation::create(&built, folder, 0).unwrap()
    }

    #[test]
    fn a_ready_edge_has_an_address_and_ends_with_its_scope() {
        let folder = tempfile::tempdir().unwrap();
        let done = folder.path().join("done");
        let script = format!(
            "trap 'echo > {}; exit 0' TERM; echo listening on http://127.0.0.1:7; while :; do sleep 0.01; done",
            done.display()
        );
        let mut edge = installation(folder.path(), &script).serve().unwrap();
        assert_eq!(edge.address, "http://127.0.0.1:7");
        assert!(edge.ended().unwrap().is_none());
        drop(edge);
        assert!(done.exists(), "it was not asked to end in order");
    }

    #[test]
    fn an_edge_that_fails_shows_its_log() {
        let folder = tempfile::tempdir().unwrap();
        let error = installation(folder.path(), "echo the port is taken >&2; exit 3")
            .serve()
            .err()
            .unwrap();
        let message = format!("{error:#}");
        assert!(
            message.contains("the port is taken") && message.contains("exit status: 3"),
            "{message}"
        );
    }

    #[test]
    fn a_command_gives_its_answer_or_its_complaint() {
        #[derive(serde::Deserialize)]
        struct Answer {
            viewer: String,
        }
        let folder = tempfile::tempdir().unwrap();
        let script = r#"read password; test "$password" = secret || { echo bad password >&2; exit 1; }
            test "$1 $3 $4 $5" = "--config viewer add --json" && echo '{"viewer":"v"}'"#;
        let installation = installation(folder.path(), script);
        let answer: Answer = installation.command(&["viewer", "add"], Some("secret\n")).unwrap();
        assert_eq!(answer.viewer, "v");
        let error = installation
            .command::<Answer>(&["viewer", "add"], Some("wrong\n"))
            .err()
            .unwrap();
        assert!(format!("{error:#}").contains("bad password"), "{error:#}");
    }
}
