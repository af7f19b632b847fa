//! A copy of a log whose writer goes on.
//!
//! It must never say that a copy is good which was not verified.

use anyhow::{Context as _, anyhow, bail, ensure};
use eyesonly_ledger::Folder;
use std::fs;
use std::io::ErrorKind;
use std::path::Path;

/// The most tries to read a checkpoint and the last entries of one moment.
const TRIES_MAX: usize = 64;

/// Copies a log to a folder that does not exist yet, and verifies the copy. Returns the number of
/// entries that its checkpoint counts.
///
/// # Errors
/// The folder exists, a file can't be read or written, or the copy is not whole.
pub fn copy(from: &Path, to: &Path) -> anyhow::Result<u64> {
    let key = Folder::origin(from)?;
    fs::create_dir(to).map_err(|error| not_made(to, error))?;
    // The writer signs and then writes the last entries anew. What lies between two equal
    // checkpoints is of one moment.
    let read = |name: &str| fs::read(from.join(name)).with_context(|| format!("reading {name}"));
    for attempt in 0.. {
        let (before, tail, after) = (read("checkpoint")?, read("tail")?, read("checkpoint")?);
        if before == after {
            fs::write(to.join("checkpoint"), before)?;
            fs::write(to.join("tail"), tail)?;
            break;
        }
        ensure!(attempt < TRIES_MAX, "the ledger grows too fast to be copied; try again");
    }
    fs::copy(from.join("origin"), to.join("origin"))?;
    tiles(&from.join("tile"), &to.join("tile"))?;
    // What was forgotten meanwhile was copied or not: this says that it need not be there.
    present(fs::copy(from.join("oldest"), to.join("oldest")))?;
    let copied = Folder::open(to, &key)?;
    let faults = copied.verify(&[])?.report.faults;
    if let Some(fault) = faults.first() {
        bail!("{}: the copy is not whole: {fault}; is the ledger itself?", to.display());
    }
    Ok(copied.checkpoint().size())
}

/// Says why a file or folder can't be made, and what to do where one is there already.
pub fn not_made(path: &Path, error: std::io::Error) -> anyhow::Error {
    match error.kind() {
        ErrorKind::AlreadyExists => {
            anyhow!("{} is there already; choose another name, or remove it", path.display())
        }
        _ => anyhow::Error::from(error).context(format!("{}: can't be made", path.display())),
    }
}

/// Passes over a file that is gone.
fn present<T>(read: std::io::Result<T>) -> std::io::Result<Option<T>> {
    match read {
        Ok(read) => Ok(Some(read)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

fn tiles(from: &Path, to: &Path) -> std::io::Result<()> {
    let Some(entries) = present(fs::read_dir(from))? else { return Ok(()) };
    fs::create_dir(to)?;
    for entry in entries {
        let entry = entry?;
        let (from, to) = (entry.path(), to.join(entry.file_name()));
        match entry.file_type()?.is_dir() {
            true => tiles(&from, &to)?,
            // A writer replaces what grows, and removes what is forgotten.
            false => drop(present(fs::copy(from, to))?),
        }
    }
    Ok(())
}
