//! A whole log, held against a checkpoint whose signature was verified. What is wrong is located.
//!
//! The root that was signed proves the partial tiles, a proven hash proves the tile below it, and a
//! proven tile of level 0 proves each entry of a bundle. So the log is read once, in the order of
//! its entries, with one tile a level in memory.
//!
//! A tile that its proven hash does not fit is computed again, from the tiles below it and from the
//! entries. If that fits, the tile alone is wrong. Otherwise somebody changed entries together with
//! the hashes above them. Then the fault is located to the range of entries that the tile covers.
//!
//! Whoever holds the key can rewrite the log and sign another root. That is found only with
//! checkpoints that somebody else kept.

mod choice;
mod walk;

use crate::checkpoint::Checkpoint;
use crate::note::Name;
use crate::tile::{Files, Tile};
use alloc::vec::Vec;

/// The largest number of faults that a report lists. After so many the rest of the log isn't read.
pub const MAX_FAULTS: usize = 1000;

/// What is wrong with a log, and where. Entries are counted from 0, and `last` is included.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// These entries are not the ones that were signed: edited, swapped, or moved by a cut.
    #[error("the entries {first} to {last} are not the ones that were signed")]
    Edited {
        /// The first such entry.
        first: u64,
        /// The last of a run of such entries.
        last: u64,
    },
    /// Their bundle lacks these entries. The others of the bundle are right, or named as edited.
    #[error("the entries {first} to {last} were cut out of their bundle")]
    Dropped {
        /// The first entry that is absent.
        first: u64,
        /// The last entry that is absent.
        last: u64,
    },
    /// At least one of these entries is not the one that was signed, or its hash isn't. The hashes
    /// were changed with the entries, so that nothing tells which one.
    #[error("of the entries {first} to {last} at least one, or its hash, is not what was signed")]
    Rewritten {
        /// The first entry of the range.
        first: u64,
        /// The last entry of the range.
        last: u64,
    },
    /// A file is absent.
    #[error("{tile} is missing")]
    Missing {
        /// The file.
        tile: Tile,
    },
    /// A tile of hashes does not fit what is above it, or has no tile's length.
    #[error("{tile} has wrong hashes")]
    Tile {
        /// The tile.
        tile: Tile,
    },
    /// A full bundle goes on after its 256 entries.
    #[error("{tile} goes on after its last entry")]
    Surplus {
        /// The bundle.
        tile: Tile,
    },
    /// The log does not lead to the root that was signed, and it can't be said why.
    #[error("the log does not lead to the root that was signed")]
    Root,
    /// The log was another one when it had this size: it did not grow from the checkpoint that was
    /// kept.
    #[error("the log was another one when a checkpoint of {size} entries was kept")]
    Fork {
        /// The size of the checkpoint that was kept.
        size: u64,
    },
    /// The log was longer when a checkpoint was kept.
    #[error("the log has {size} entries, and had {kept} when a checkpoint was kept")]
    Rollback {
        /// The size of the checkpoint that was kept.
        kept: u64,
        /// The size now.
        size: u64,
    },
    /// A checkpoint that was kept is of another log.
    #[error("a checkpoint that was kept is of another log, {origin}")]
    OtherLog {
        /// The name of that log.
        origin: Name,
    },
}

/// What stands after the last entry that the checkpoint counts. A log that is being written has
/// such entries, and a crash can leave a torn one. Neither is a fault.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tail {
    /// The number of whole entries in the same file, or in the one that comes next.
    pub entries: u64,
    /// Whether the file ends within an entry.
    pub torn: bool,
}

/// What was found in a log.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Report {
    /// The faults, at most [`MAX_FAULTS`], in the order in which they were found.
    pub faults: Vec<Fault>,
    /// Whether there were so many faults that the rest of the log wasn't read.
    pub unfinished: bool,
    /// What stands after the last entry.
    pub tail: Tail,
}

impl Report {
    /// Adds a fault. Neighbours of the same kind become one run.
    fn add(&mut self, fault: Fault) {
        use Fault::{Dropped, Edited};
        let full = self.faults.len() >= MAX_FAULTS;
        match (self.faults.last_mut(), &fault) {
            (Some(Edited { last, .. }), Edited { first, last: end })
            | (Some(Dropped { last, .. }), Dropped { first, last: end })
                if last.checked_add(1) == Some(*first) =>
            {
                *last = *end;
            }
            _ if full => self.unfinished = true,
            _ => self.faults.push(fault),
        }
    }
}

/// Verifies a log against its checkpoint and against older ones that somebody kept. The signatures
/// of all of them were verified before. Bundles whose entries are all older than the entry `oldest`
/// may be absent, as entries are not kept for ever, and are not read.
pub fn verify<F: Files>(
    checkpoint: &Checkpoint,
    kept: &[Checkpoint],
    oldest: u64,
    files: &F,
) -> Result<Report, F::Error> {
    let mut report = Report::default();
    let mut older = Vec::new();
    let size = checkpoint.size();
    for other in kept {
        if other.origin() != checkpoint.origin() {
            report.add(Fault::OtherLog { origin: other.origin().clone() });
        } else if other.size() > size {
            report.add(Fault::Rollback { kept: other.size(), size });
        } else {
            older.push(other);
        }
    }
    // The walk takes them from the end.
    older.sort_by_key(|other| core::cmp::Reverse(other.size()));
    walk::walk(checkpoint, older, oldest, files, report)
}

#[cfg(test)]
mod tests;
