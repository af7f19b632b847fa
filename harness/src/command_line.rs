//! The command line of one installation, run as an operator runs it.
//!
//! It must never do what an operator can't.

use std::io::{ErrorKind, Write};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, bail};
use serde_json::Value;

use crate::people::{Account, Camera};
use crate::process::show;

/// The time before its enrolment since which a camera hands in footage: less than the 7 days that
/// the command line takes.
const PAST: Duration = Duration::from_secs(6 * 24 * 60 * 60);

/// The command line of one installation.
#[derive(Debug, Clone)]
pub struct CommandLine {
    pub(crate) binary: PathBuf,
    pub(crate) place: Place,
}

/// The target that a command administers.
#[derive(Debug, Clone)]
pub(crate) enum Place {
    /// A data folder, by the host's configuration.
    Config(PathBuf),
    /// The Spin edition's store, with its key-encryption key.
    Store(PathBuf, String),
}

impl CommandLine {
    /// Makes `eyesonly …`, to be run as the caller likes.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(&self.binary);
        match &self.place {
            Place::Config(path) => command.arg("--config").arg(path),
            Place::Store(path, kek) => {
                command.arg("--spin-store").arg(path).env("EYESONLY_KEK", kek)
            }
        };
        command.args(arguments);
        command
    }

    /// Runs `eyesonly … --json` with `input` on its standard input, and gives its answer.
    ///
    /// Errors: the command fails (the error has its message), or its answer is no JSON.
    pub fn run(&self, arguments: &[&str], input: &str) -> Result<Value> {
        let mut command = self.command(arguments);
        let mut child = command
            .arg("--json")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .with_context(|| format!("`{}` does not start", show(&command)))?;
        if let Some(mut stdin) = child.stdin.take() {
            match stdin.write_all(input.as_bytes()) {
                // A command that takes no input may be gone already.
                Err(error) if error.kind() == ErrorKind::BrokenPipe => {}
                written => written?,
            }
        }
        let output = child.wait_with_output()?;
        if !output.status.success() {
            let message = String::from_utf8_lossy(&output.stderr);
            bail!("`{}` failed ({}): {}", show(&command), output.status, message.trim());
        }
        serde_json::from_slice(&output.stdout).with_context(|| {
            let answer = String::from_utf8_lossy(&output.stdout);
            format!("`{}` answered {:?}", show(&command), answer.trim())
        })
    }

    /// Adds a household, which may hold `quota_bytes` if that is given, and gives its id.
    ///
    /// Errors: as [`Self::run`].
    pub fn add_household(&self, name: &str, quota_bytes: Option<u64>) -> Result<String> {
        let quota = quota_bytes.map(|bytes| bytes.to_string());
        let quota = quota.iter().flat_map(|bytes| ["--quota-bytes", bytes]);
        let arguments: Vec<&str> = ["household", "add", name].into_iter().chain(quota).collect();
        text(&self.run(&arguments, "")?, "household")
    }

    /// Enrols a camera of the household with this id. It hands in footage of the days before too.
    ///
    /// Errors: as [`Self::run`].
    pub fn add_camera(&self, household: &str, name: &str, serial: &str) -> Result<Camera> {
        let past = SystemTime::now().checked_sub(PAST).unwrap_or(UNIX_EPOCH);
        let since = humantime::format_rfc3339_seconds(past).to_string();
        self.enrol(household, name, &["--serial", serial, "--since", &since])
    }

    /// Enrols a camera of the household with this id, with these further arguments.
    ///
    /// Errors: as [`Self::run`].
    pub fn enrol(&self, household: &str, name: &str, further: &[&str]) -> Result<Camera> {
        let enrolled = ["camera", "add", "--household", household, "--name", name];
        let added = self.run(&[&enrolled[..], further].concat(), "")?;
        Ok(Camera { id: text(&added, "camera")?, credential: text(&added, "credential")? })
    }

    /// Adds a viewer of the household with this id.
    ///
    /// Errors: as [`Self::run`].
    pub fn add_viewer(&self, household: &str, login: &str, password: &str) -> Result<Account> {
        let household = ["viewer", "add", "--household", household];
        let arguments = [&household[..], &["--name", login, "--password-stdin"]].concat();
        let added = self.run(&arguments, &format!("{password}\n"))?;
        Ok(Account {
            id: text(&added, "viewer")?,
            login: login.to_owned(),
            password: password.to_owned(),
        })
    }
}

fn text(answer: &Value, field: &str) -> Result<String> {
    let text = answer.get(field).and_then(Value::as_str);
    Ok(text.with_context(|| format!("no {field} in {answer}"))?.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt as _;

    #[test]
    fn a_command_gives_its_answer_or_its_complaint() {
        let folder = tempfile::tempdir().unwrap();
        let binary = folder.path().join("eyesonly");
        let script = r#"#!/bin/sh
            read password; test "$password" = secret || { echo bad password >&2; exit 1; }
            test "$1 $3 $4" = "--config viewer add" && echo '{"viewer":"v"}'"#;
        std::fs::write(&binary, script).unwrap();
        std::fs::set_permissions(&binary, std::fs::Permissions::from_mode(0o755)).unwrap();
        let command_line =
            CommandLine { binary, place: Place::Config(folder.path().join("eyesonly.toml")) };
        let added = command_line.add_viewer("h", "alder", "secret").unwrap();
        assert_eq!((added.id.as_str(), added.login.as_str()), ("v", "alder"));
        let error = command_line.add_viewer("h", "alder", "wrong").unwrap_err();
        assert!(format!("{error:#}").contains("bad password"), "{error:#}");
    }
}
