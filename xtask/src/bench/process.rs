//! A process that is measured: started, asked by the system's own counters what it used, and ended with its scope.
//!
//! INVARIANT: a process that was started is ended when it goes out of scope, whatever happened before.

use std::collections::HashSet;
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use crate::workspace::show;

/// How long an orderly end may take before the process is killed.
const STOP_SECONDS_MAX: u64 = 15;
/// Ticks of /proc/PID/stat in a second: Linux tells programs 100 on every machine.
const TICKS_PER_SECOND: f64 = 100.0;

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
        if let Some(text) = input {
            process.send(text)?;
            process.input = None;
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

    /// Its id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Itself and its children.
    ///
    /// Errors: the system does not say.
    pub fn family(&self) -> Result<Vec<u32>> {
        let mut family = vec![self.id()];
        for entry in fs::read_dir("/proc")? {
            let name = entry?.file_name();
            let Some(id) = name.to_str().and_then(|name| name.parse::<u32>().ok()) else {
                continue;
            };
            // Processes come and go while this reads.
            let Ok(fields) = stat(id) else { continue };
            if fields.get(1).and_then(|parent| parent.parse().ok()) == Some(self.id()) {
                family.push(id);
            }
        }
        Ok(family)
    }

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

/// The fields of /proc/PID/stat after the name, which may hold spaces: the state is the first.
fn stat(id: u32) -> Result<Vec<String>> {
    let text = fs::read_to_string(format!("/proc/{id}/stat"))?;
    let (_, fields) = text.rsplit_once(')').context("/proc/PID/stat has no name")?;
    Ok(fields.split_whitespace().map(str::to_owned).collect())
}

/// CPU that these processes have used until now, in seconds: all threads, those that ended too.
///
/// Errors: one of them has ended.
pub fn cpu_seconds(ids: &[u32]) -> Result<f64> {
    let ids: HashSet<u32> = ids.iter().copied().collect();
    let mut ticks = 0.0;
    for id in ids {
        let fields = stat(id)?;
        // utime and stime are the fields 14 and 15 of all (proc_pid_stat(5)).
        for index in [11, 12] {
            ticks += fields.get(index).context("a short /proc/PID/stat")?.parse::<f64>()?;
        }
    }
    Ok(ticks / TICKS_PER_SECOND)
}

/// Sets the peak of a process's memory to what it has now.
///
/// Errors: only the process's owner may, and of a process that can't be dumped only root.
pub fn reset_peak_memory(id: u32) -> Result<()> {
    fs::write(format!("/proc/{id}/clear_refs"), "5")
        .context("resetting the edge's peak memory (it forbids core dumps, so only root may: run the bench as root)")
}

/// A line of /proc/PID/status that is in kB, in MiB: `VmHWM` is the peak, `VmRSS` what it has now.
///
/// Errors: the process has ended, or the line is not there.
pub fn memory_mebibytes(id: u32, name: &str) -> Result<f64> {
    let status = fs::read_to_string(format!("/proc/{id}/status"))?;
    let value = status
        .lines()
        .find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))
        .and_then(|rest| rest.split_whitespace().next())
        .with_context(|| format!("no {name} in /proc/PID/status"))?;
    Ok(value.parse::<f64>()? / 1024.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_talks_and_ends_with_its_scope() {
        let script = "echo ready 7; read line; echo got $line; exec sleep 1000";
        let mut process = Process::start(Command::new("sh").args(["-c", script]), None).unwrap();
        assert_eq!(process.line("ready ").unwrap(), "7");
        process.send("it").unwrap();
        assert_eq!(process.line("got ").unwrap(), "it");
        let id = process.id();
        assert!(process.family().unwrap().contains(&id));
        drop(process);
        assert!(stat(id).is_err(), "it is still there");
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

    #[test]
    fn the_system_says_what_this_process_used() {
        let id = std::process::id();
        assert!(cpu_seconds(&[id]).unwrap() <= cpu_seconds(&[id, id]).unwrap());
        let (now, peak) = (
            memory_mebibytes(id, "VmRSS").unwrap(),
            memory_mebibytes(id, "VmHWM").unwrap(),
        );
        assert!(peak > 1.0 && now > 1.0, "{peak} {now}");
        assert!(memory_mebibytes(id, "VmNothing").is_err());
    }
}
