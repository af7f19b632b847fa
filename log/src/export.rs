//! An export: some entries of a log, each with the proof that a checkpoint counts it.
//!
//! That an export has no gap is not proven here. The entries themselves have running numbers, and
//! each has the hash of the one before it.

use crate::bundle::{Entry, entry, records};
use crate::checkpoint::{Checkpoint, CheckpointError};
use crate::hash::{Hash, leaf};
use crate::note::VerifyingKey;
use crate::proof::{ProofError, verify_inclusion};
use crate::tile::{self, Files, Kind, Tile};
use crate::tree::{TreeError, inclusion};
use alloc::string::String;
use alloc::vec::Vec;

/// Entries of a log, and the signed checkpoint that they are proven against.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Export {
    /// The checkpoint, as a signed note.
    pub checkpoint: String,
    /// The entries, in the order of the log.
    pub lines: Vec<Line>,
}

/// One entry of a log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// The place in the log, counted from 0.
    pub index: u64,
    /// The sealed entry.
    pub entry: Entry,
    /// The proof that the log has the entry at this place.
    pub proof: Vec<Hash>,
}

/// The reason why an export was rejected.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ExportError {
    /// The checkpoint was rejected.
    #[error("the export's checkpoint is not to be believed")]
    Checkpoint(#[from] CheckpointError),
    /// A line does not come after the one before it.
    #[error("the entry {index} of the export is out of order, or is there twice")]
    Order {
        /// The entry's place in the log.
        index: u64,
    },
    /// The log has another entry at this place, or the proof is wrong.
    #[error("the entry {index} of the export is not proven")]
    Line {
        /// The entry's place in the log.
        index: u64,
        /// The fault of the proof.
        #[source]
        source: ProofError,
    },
}

impl Line {
    /// Takes an entry out of a log of this size, and proves it.
    pub fn read<F: Files>(index: u64, size: u64, files: &F) -> Result<Self, TreeError<F::Error>> {
        let proof = inclusion(index, size, files)?;
        let bundle = Tile::of_size(Kind::Entries, index / 256, size);
        let bundle = bundle.ok_or(TreeError::OutOfRange)?;
        let bytes = tile::read(files, &bundle).map_err(TreeError::Files)?;
        let bytes = bytes.ok_or(TreeError::Missing(bundle))?;
        let (records, _) = records(&bytes);
        let at = usize::try_from(index % 256).map_err(|_| TreeError::OutOfRange)?;
        let entry = records.get(at).and_then(entry).ok_or(TreeError::Malformed(bundle))?;
        Ok(Self { index, entry: *entry, proof })
    }
}

impl Export {
    /// Verifies the checkpoint's signature and the proof of each line. Returns the checkpoint.
    pub fn verify(&self, key: &VerifyingKey) -> Result<Checkpoint, ExportError> {
        let checkpoint = Checkpoint::open(self.checkpoint.as_bytes(), key)?;
        let mut next = 0;
        for Line { index, entry, proof } in &self.lines {
            let index = *index;
            (index >= next).then_some(()).ok_or(ExportError::Order { index })?;
            next = index.saturating_add(1);
            let hash = leaf(entry);
            verify_inclusion(&hash, index, checkpoint.size(), checkpoint.root(), proof)
                .map_err(|source| ExportError::Line { index, source })?;
        }
        Ok(checkpoint)
    }
}

#[cfg(test)]
mod tests;
