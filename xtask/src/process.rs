//! A process that tasks start, speak to by lines, and end.
//!
//! INVARIANT: a process that was started is ended when it goes out of scope, whatever happened before.

use std::io::{BufRead, BufReader, ErrorKind, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use crate::workspace::show;

/// How long an orderly end may take before the process is killed.
const STOP_SECONDS_MAX: u64 = 15;

/// A running process.
pub struct Process {
    child: Child,
    /// What it was started with; none where its input was given at once.
    input: Option<ChildStdin>,
    // Held open: a process whose standard output is closed could fail on its next line.
    output: BufReader<ChildStdout>,
}

impl Process {
    /// Starts a process. With `input` that is all of its standard input; without, lines can be sent later.
    ///
    /// Errors: it does not start.
    pub fn start(command: &mut Command, input: Option<&str>) -> Result<Self> {
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .with_context(|| format!("`{}` does not start", show(command)))?;
        let output = BufReader::new(child.stdout.take().context("no standard output")?);
        let stdin = child.stdin.take();
        // From here on Drop ends the process.
        let mut process = Self {
            child,
            input: stdin,
            output,
        };
        if let Some(text) = input
            && let Some(mut stdin) = process.input.take()
        {
            match writeln!(stdin, "{text}") {
                // It has ended already, or takes no input: the next line says what became of it.
                Err(error) if error.kind() == ErrorKind::BrokenPipe => {}
                written => written?,
            }
        }
        Ok(process)
    }

    /// Sends a line.
    ///
    /// Errors: the process has ended, or got all of its input at the start.
    pub fn send(&mut self, line: &str) -> Result<()> {
        let input = self.input.as_mut().context("its input has ended")?;
        writeln!(input, "{line}")?;
        Ok(input.flush()?)
    }

    /// Waits for its next line and gives what follows `prefix`.
    ///
    /// Errors: it ended, or said something else.
    pub fn line(&mut self, prefix: &str) -> Result<String> {
        let mut line = String::new();
        if self.output.read_line(&mut line)? == 0 {
            bail!("it ended ({})", self.child.wait()?);
        }
        let line = line.trim();
        match line.strip_prefix(prefix) {
            Some(rest) => Ok(rest.to_owned()),
            None => bail!("it said {line:?} where {prefix:?} was expected"),
        }
    }

    /// Waits for a line that begins with `prefix`, whatever it says before, and gives what follows.
    ///
    /// Errors: it ended.
    pub fn line_of(&mut self, prefix: &str) -> Result<String> {
        loop {
            let mut line = String::new();
            if self.output.read_line(&mut line)? == 0 {
                bail!("it ended ({})", self.child.wait()?);
            }
            if let Some(rest) = line.trim().strip_prefix(prefix) {
                return Ok(rest.to_owned());
            }
        }
    }

    /// Its id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Whether it has ended by itself, and how.
    ///
    /// Errors: the system does not say.
    pub fn ended(&mut self) -> Result<Option<ExitStatus>> {
        Ok(self.child.try_wait()?)
    }

    /// Ends it in order (its input ends, SIGTERM), and kills it when that takes too long.
    fn stop(&mut self) -> Result<()> {
        self.input = None;
        if self.child.try_wait()?.is_some() {
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
            if self.child.try_wait()?.is_some() {
                return Ok(());
            }
            // std has no wait with a limit.
            thread::sleep(Duration::from_millis(10));
        }
        eprintln!("   a process did not end within {STOP_SECONDS_MAX} s of SIGTERM: killed");
        Ok(self.child.kill()?)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if let Err(error) = self.stop() {
            eprintln!("   stopping a process: {error:#}");
            let _ = self.child.kill();
        }
        let _ = self.child.wait();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    #[test]
    fn a_process_talks_and_ends_with_its_scope() {
        let script = "echo ready 7; read line; echo got $line; exec sleep 1000";
        let mut process = Process::start(Command::new("sh").args(["-c", script]), None).unwrap();
        assert_eq!(process.line("ready ").unwrap(), "7");
        process.send("it").unwrap();
        assert_eq!(process.line("got ").unwrap(), "it");
        let id = process.id();
        assert!(process.ended().unwrap().is_none());
        drop(process);
        assert!(!Path::new(&format!("/proc/{id}")).exists(), "it is still there");
    }

    #[test]
    fn a_process_that_ends_or_says_something_else_is_an_error() {
        let check = |script: &str, expected: &str| {
            let mut process = Process::start(Command::new("sh").args(["-c", script]), Some("")).unwrap();
            let error = process.line("ready ").unwrap_err().to_string();
            assert!(error.contains(expected), "{error}");
        };
        check("exit 3", "exit status: 3");
        check("echo steady", "steady");
    }
}
