//! The frontier of a tree: the size and the right edge, from which the tree can grow.
//!
//! A tree of *n* entries consists of complete subtrees, one for each bit of *n* that is set. Their
//! roots, from left to right, are the frontier. Its length is at most 64 hashes.

use crate::hash::{self, EMPTY_ROOT, Hash, node, subtree};
use crate::tile::{Files, partial};
use crate::tree::{TooLarge, TreeError, read_hashes};
use alloc::vec::Vec;

/// The size of a tree and the roots of its complete subtrees, the largest first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Frontier {
    size: u64,
    peaks: Vec<Hash>,
}

/// The reason why bytes are no frontier.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the frontier has not as many hashes as its size asks for")]
pub struct FrontierError;

impl Frontier {
    /// Takes the size and the roots of the complete subtrees.
    fn new(size: u64, peaks: Vec<Hash>) -> Result<Self, FrontierError> {
        let fits = u32::try_from(peaks.len()) == Ok(size.count_ones());
        fits.then_some(Self { size, peaks }).ok_or(FrontierError)
    }

    /// Computes the frontier from the hashes of the partial tiles, from the highest level down.
    pub(crate) fn from_partial<T: AsRef<[Hash]>>(
        size: u64,
        tiles: impl IntoIterator<Item = T>,
    ) -> Result<Self, FrontierError> {
        let mut peaks = Vec::new();
        for hashes in tiles {
            let mut rest = hashes.as_ref();
            while let Some(half) = rest.len().checked_ilog2() {
                let (left, right) = rest.split_at_checked(1 << half).ok_or(FrontierError)?;
                peaks.extend(subtree(left));
                rest = right;
            }
        }
        Self::new(size, peaks)
    }

    /// Computes the frontier of a log of this size from its tiles. Nothing proves the tiles:
    /// whoever has a checkpoint compares its root.
    pub fn read<F: Files>(size: u64, files: &F) -> Result<Self, TreeError<F::Error>> {
        let tiles = partial(size).map(|tile| read_hashes(files, &tile));
        let tiles = tiles.collect::<Result<Vec<_>, _>>()?;
        Self::from_partial(size, tiles).map_err(|_| TreeError::OutOfRange)
    }

    /// Returns the number of entries.
    pub const fn size(&self) -> u64 {
        self.size
    }

    /// Appends the hash of an entry.
    pub fn push(&mut self, leaf: Hash) -> Result<(), TooLarge> {
        let size = self.size.checked_add(1).ok_or(TooLarge)?;
        let mut peak = leaf;
        for _ in 0..self.size.trailing_ones() {
            peak = self.peaks.pop().map_or(peak, |left| node(&left, &peak));
        }
        self.peaks.push(peak);
        self.size = size;
        Ok(())
    }

    /// Computes the root.
    pub fn root(&self) -> Hash {
        let root = self.peaks.iter().rev().copied().reduce(|right, left| node(&left, &right));
        root.unwrap_or(EMPTY_ROOT)
    }

    /// Writes the frontier: the size in 8 bytes, the highest first, then the hashes.
    pub fn to_bytes(&self) -> Vec<u8> {
        [self.size.to_be_bytes().as_slice(), &hash::to_bytes(&self.peaks)].concat()
    }

    /// Reads what [`Frontier::to_bytes`] wrote. Nothing may be left over.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, FrontierError> {
        let (size, peaks) = bytes.split_first_chunk().ok_or(FrontierError)?;
        Self::new(u64::from_be_bytes(*size), hash::from_bytes(peaks).ok_or(FrontierError)?)
    }
}

#[cfg(test)]
mod tests;
