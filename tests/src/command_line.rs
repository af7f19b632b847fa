//! The command line of one installation, run as an operator does. It must never do what an operator can't.

use std::io::Write as _;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::built::binary;

/// The command line of one installation.
#[derive(Debug, Clone)]
pub struct CommandLine {
    pub(crate) place: PathBuf,
    /// The Spin edition's key-encryption key.
    pub(crate) kek: Option<String>,
}

impl CommandLine {
    /// `eyesonly …`, to be run as the test likes.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(binary());
        match &self.kek {
            Some(kek) => command.arg("--spin-store").arg(&self.place).env("EYESONLY_KEK", kek),
            None => command.arg("--config").arg(&self.place),
        };
        command.args(arguments);
        command
    }

    /// Runs `eyesonly … --json`; `input` is its standard input. `Err` is what it said, if it failed.
    ///
    /// # Errors
    /// The standard error of a command that failed.
    pub fn try_run(&self, arguments: &[&str], input: &str) -> Result<Value, String> {
        let mut command = self.command(arguments);
        let mut child = command
            .arg("--json")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        // A command that takes no input may be gone already.
        let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
        let output = child.wait_with_output().unwrap();
        if !output.status.success() {
            return Err(String::from_utf8_lossy(&output.stderr).into_owned());
        }
        let text = String::from_utf8_lossy(&output.stdout);
        Ok(serde_json::from_str(&text).unwrap_or_else(|error| panic!("{arguments:?} answered {text:?}: {error}")))
    }

    /// Runs a command that must succeed.
    ///
    /// # Panics
    /// If it does not.
    #[track_caller]
    pub fn run(&self, arguments: &[&str], input: &str) -> Value {
        self.try_run(arguments, input)
            .unwrap_or_else(|error| panic!("{arguments:?} failed: {error}"))
    }
}

/// One text field of a command's answer.
#[track_caller]
pub(crate) fn text(value: &Value, field: &str) -> String {
    let text = value.get(field).and_then(Value::as_str);
    text.unwrap_or_else(|| panic!("no {field} in {value}")).to_owned()
}
