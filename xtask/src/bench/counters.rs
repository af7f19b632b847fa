//! The system's own counters of what processes used: CPU and memory.

use std::collections::HashSet;
use std::fs;

use anyhow::{Context, Result};

/// The ticks of /proc/PID/stat in a second: Linux tells programs 100 on every machine.
const TICKS_PER_SECOND: f64 = 100.0;

/// Lists a process and its children.
///
/// Errors: /proc can't be read.
pub fn family(parent: u32) -> Result<Vec<u32>> {
    let mut family = vec![parent];
    for entry in fs::read_dir("/proc")? {
        let name = entry?.file_name();
        let Some(id) = name.to_str().and_then(|name| name.parse::<u32>().ok()) else {
            continue;
        };
        // A process may end while this loop reads.
        let Ok(fields) = stat(id) else { continue };
        if fields.get(1).and_then(|id| id.parse().ok()) == Some(parent) {
            family.push(id);
        }
    }
    Ok(family)
}

/// Reads the fields of /proc/PID/stat after the name, which may hold spaces. The first field is the
/// state.
fn stat(id: u32) -> Result<Vec<String>> {
    let text = fs::read_to_string(format!("/proc/{id}/stat"))?;
    let (_, fields) = text.rsplit_once(')').context("/proc/PID/stat has no name")?;
    Ok(fields.split_whitespace().map(str::to_owned).collect())
}

/// Adds up the CPU that these processes have used until now, in seconds. It counts all threads,
/// also those that have ended.
///
/// Errors: one of them has ended.
pub fn cpu_seconds(ids: &[u32]) -> Result<f64> {
    let ids: HashSet<u32> = ids.iter().copied().collect();
    let mut ticks = 0.0;
    for id in ids {
        let fields = stat(id)?;
        // These are utime and stime, the fields 14 and 15 of the whole line (proc_pid_stat(5)).
        for index in [11, 12] {
            ticks += fields.get(index).context("a short /proc/PID/stat")?.parse::<f64>()?;
        }
    }
    Ok(ticks / TICKS_PER_SECOND)
}

/// Sets the peak of a process's memory to what the process has now.
///
/// Errors: this user may not. Only the process's owner may, and only root if the process can't be
/// dumped.
pub fn reset_peak_memory(id: u32) -> Result<()> {
    fs::write(format!("/proc/{id}/clear_refs"), "5").context(
        "resetting the edge's peak memory (it forbids core dumps, so only root may: run \
         the bench as root)",
    )
}

/// Reads a line of /proc/PID/status that is in kB, and returns MiB. `VmHWM` is the peak, `VmRSS`
/// what the process has now.
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
    fn the_system_says_what_this_process_used() {
        let id = std::process::id();
        assert!(family(id).unwrap().contains(&id));
        assert!(cpu_seconds(&[id]).unwrap() <= cpu_seconds(&[id, id]).unwrap());
        let (now, peak) =
            (memory_mebibytes(id, "VmRSS").unwrap(), memory_mebibytes(id, "VmHWM").unwrap());
        assert!(peak > 1.0 && now > 1.0, "{peak} {now}");
        assert!(memory_mebibytes(id, "VmNothing").is_err());
    }
}
