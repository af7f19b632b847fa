//! A process that is started, spoken to by lines, and ended. This file must never print what a
//! process said.
//!
//! INVARIANT: a process that was started has ended when it goes out of scope, whatever happened
//! before.

use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use rustix::process::{Pid, Signal};

/// The longest orderly end. A process that takes longer is killed.
const STOP: Duration = Duration::from_secs(30);
/// The pause between two looks at whether a process has ended: std has no wait with a limit.
const LOOK: Duration = Duration::from_millis(5);

/// A running process.
pub struct Process {
    child: Child,
    /// Its open standard input, unless that was given whole at the start.
    input: Option<ChildStdin>,
    lines: Receiver<String>,
    /// Says whether it leads a group, which is killed after it.
    leads: bool,
}

impl Process {
    /// Starts a process. `input` is all of its standard input; without it, lines can be sent later.
    ///
    /// Errors: it does not start.
    pub fn start(command: &mut Command, input: Option<&str>) -> Result<Self> {
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .with_context(|| format!("`{}` does not start", show(command)))?;
        let (stdin, stdout) = (child.stdin.take(), child.stdout.take());
        let pid = Pid::from_child(&child);
        let (say, lines) = mpsc::channel();
        // From here on Drop ends the process.
        let mut process = Self {
            child,
            input: stdin,
            lines,
            leads: rustix::process::getpgid(Some(pid)).is_ok_and(|group| group == pid),
        };
        let stdout = stdout.context("no standard output")?;
        // Reads to the end, so that the process never writes to a closed or a full pipe.
        thread::spawn(move || read_lines(stdout, |line| drop(say.send(line))));
        if let Some(text) = input
            && let Some(mut stdin) = process.input.take()
        {
            match writeln!(stdin, "{text}") {
                // The process has ended already, or takes no input. The next line says what became
                // of it.
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

    /// Waits for its next line that is not blank, and gives what follows `prefix`.
    ///
    /// Errors: it ended, said something else, or said nothing for so long.
    pub fn line(&mut self, prefix: &str, limit: Option<Duration>) -> Result<String> {
        let deadline = limit.map(|limit| Instant::now() + limit);
        loop {
            let line = self.next(deadline)?;
            let line = line.trim();
            match line.strip_prefix(prefix) {
                Some(rest) => return Ok(rest.to_owned()),
                None if line.is_empty() => {}
                None => bail!("it said {line:?} where {prefix:?} was expected"),
            }
        }
    }

    /// Waits for a line that starts with `prefix`, whatever it says before, and gives what follows.
    ///
    /// Errors: it ended, or said no such line for so long.
    pub fn line_of(&mut self, prefix: &str, limit: Duration) -> Result<String> {
        let deadline = Instant::now() + limit;
        loop {
            if let Some(rest) = self.next(Some(deadline))?.trim().strip_prefix(prefix) {
                return Ok(rest.to_owned());
            }
        }
    }

    fn next(&mut self, deadline: Option<Instant>) -> Result<String> {
        let line = match deadline {
            None => self.lines.recv().map_err(|_| RecvTimeoutError::Disconnected),
            Some(deadline) => {
                self.lines.recv_timeout(deadline.saturating_duration_since(Instant::now()))
            }
        };
        match line {
            Ok(line) => Ok(line),
            Err(RecvTimeoutError::Timeout) => bail!("it said nothing for too long"),
            Err(RecvTimeoutError::Disconnected) => match self.wait()? {
                Some(status) => bail!("it ended ({status})"),
                None => bail!("it closed its output"),
            },
        }
    }

    /// Returns its id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Says whether the process has ended, and how.
    ///
    /// Errors: the system does not say.
    pub fn ended(&mut self) -> Result<Option<ExitStatus>> {
        Ok(self.child.try_wait()?)
    }

    /// Ends the process in order: its input ends, then comes SIGTERM. A process that takes too long
    /// is killed.
    ///
    /// Errors: the system does not let it.
    pub fn stop(&mut self) -> Result<ExitStatus> {
        self.input = None;
        if self.ended()?.is_none() {
            rustix::process::kill_process(Pid::from_child(&self.child), Signal::TERM)?;
            if self.wait()?.is_none() {
                eprintln!(
                    "   a process did not end within {} s of SIGTERM: killed",
                    STOP.as_secs()
                );
            }
        }
        self.kill();
        Ok(self.child.wait()?)
    }

    /// Ends the process as a power cut would (SIGKILL), with its group if it leads one.
    pub fn kill(&mut self) {
        if std::mem::take(&mut self.leads) {
            let _ = rustix::process::kill_process_group(Pid::from_child(&self.child), Signal::KILL);
        }
        // An error says that it has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// Waits until the process ends; `None` if it takes too long.
    fn wait(&mut self) -> Result<Option<ExitStatus>> {
        let deadline = Instant::now() + STOP;
        loop {
            let ended = self.ended()?;
            if ended.is_some() || Instant::now() > deadline {
                return Ok(ended);
            }
            thread::sleep(LOOK);
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if let Err(error) = self.stop() {
            eprintln!("   stopping a process: {error:#}");
            self.kill();
        }
    }
}

/// Reads to the end. Bytes that are no UTF-8 are replaced.
fn read_lines(output: impl Read, mut each: impl FnMut(String)) {
    let (mut output, mut line) = (BufReader::new(output), Vec::new());
    while output.read_until(b'\n', &mut line).is_ok_and(|read| read > 0) {
        each(String::from_utf8_lossy(&line).into_owned());
        line.clear();
    }
}

/// Writes the command as a person would type it.
pub fn show(command: &Command) -> String {
    let program = Path::new(command.get_program()).file_name().unwrap_or(command.get_program());
    let mut words = vec![program.to_string_lossy().into_owned()];
    words.extend(command.get_args().map(|argument| argument.to_string_lossy().into_owned()));
    words.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::process::CommandExt as _;

    fn is_there(id: &str) -> bool {
        Path::new(&format!("/proc/{id}")).exists()
    }

    #[test]
    fn a_process_talks_and_ends_with_its_scope() {
        let script = "echo; echo ready 7; read line; echo got $line; exec sleep 1000";
        let mut process = Process::start(Command::new("sh").args(["-c", script]), None).unwrap();
        assert_eq!(process.line("ready ", None).unwrap(), "7");
        process.send("it").unwrap();
        assert_eq!(process.line_of("got ", STOP).unwrap(), "it");
        let id = process.id().to_string();
        assert!(process.ended().unwrap().is_none());
        drop(process);
        assert!(!is_there(&id), "it is there after all");
    }

    #[test]
    fn a_process_that_ends_or_says_something_else_is_an_error() {
        let check = |script: &str, limit, expected: &str| {
            let mut process =
                Process::start(Command::new("sh").args(["-c", script]), Some("")).unwrap();
            let error = process.line("ready ", limit).unwrap_err().to_string();
            assert!(error.contains(expected), "{error}");
        };
        check("exit 3", None, "exit status: 3");
        check("echo steady", None, "steady");
        check("exec sleep 1000", Some(Duration::from_millis(10)), "too long");
    }

    #[test]
    fn a_group_ends_with_its_leader() {
        let script = "sleep 1000 >&2 & echo $!; wait";
        let mut command = Command::new("sh");
        command.args(["-c", script]).process_group(0);
        let mut process = Process::start(&mut command, Some("")).unwrap();
        let child = process.line("", None).unwrap();
        assert!(is_there(&child));
        assert!(!process.stop().unwrap().success());
        // Whoever takes in orphans may be slow to reap them: a state Z has ended too.
        let state = || std::fs::read_to_string(format!("/proc/{child}/stat")).unwrap_or_default();
        let deadline = Instant::now() + STOP;
        while is_there(&child) && !state().contains(") Z") {
            assert!(Instant::now() < deadline, "it is there after all: {}", state());
            thread::sleep(LOOK);
        }
    }
}
