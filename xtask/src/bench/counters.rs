//! What the system's own counters say that processes used: CPU and memory.

use std::collections::HashSet;
use std::fs;

use anyhow::{Context, Result};

/// Ticks of /proc/PID/stat in a second: Linux tells programs 100 on every machine.
const TICKS_PER_SECOND: f64 = 100.0;

/// A process and its children.
///
/// Errors: the system does not say.
pub fn family(parent: u32) -> Result<Vec<u32>> {
    let mut family = vec![parent];
    for entry in fs::read_dir("/proc")? {
        let name = entry?.file_name();
        let Some(id) = name.to_str().and_then(|name| name.parse::<u32>().ok()) else {
            continue;
        };
        // Processes come and go while this reads.
        let Ok(fields) = stat(id) else { continue };
        if fields.get(1).and_then(|id| id.parse().ok()) == Some(parent) {
            family.push(id);
        }
    }
    Ok(family)
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
