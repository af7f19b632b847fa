//! The edge of a log: its partial tiles, in memory, for whoever appends to the log.

use crate::frontier::Frontier;
use crate::hash::Hash;
use crate::tile::{FULL, Files, Tile, above, partial};
use crate::tree::{TooLarge, TreeError, read_hashes};
use alloc::vec::Vec;
use core::mem;

/// The partial tiles of a log: at most 255 hashes of each of 8 levels.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Edge {
    size: u64,
    /// The last hashes of each level, from level 0 up.
    levels: Vec<Vec<Hash>>,
}

/// A tile and its hashes.
pub type Filled = (Tile, Vec<Hash>);

impl Edge {
    /// Reads the partial tiles of a log of this size. Nothing proves that they are right: whoever
    /// has a checkpoint compares [`Edge::root`].
    pub fn read<F: Files>(size: u64, files: &F) -> Result<Self, TreeError<F::Error>> {
        let mut levels = Vec::new();
        for tile in partial(size) {
            let crate::tile::Kind::Hashes(level) = tile.kind() else { continue };
            levels.resize_with(levels.len().max(usize::from(level).saturating_add(1)), Vec::new);
            if let Some(hashes) = levels.get_mut(usize::from(level)) {
                *hashes = read_hashes(files, &tile)?;
            }
        }
        Ok(Self { size, levels })
    }

    /// Returns the number of entries.
    pub const fn size(&self) -> u64 {
        self.size
    }

    /// Appends the hash of an entry. Returns the tiles that became full, from level 0 up: mostly
    /// none. After an error the log is as before.
    pub fn push(&mut self, leaf: Hash) -> Result<Vec<Filled>, TooLarge> {
        let size = self.size.checked_add(1).ok_or(TooLarge)?;
        let mut filled = Vec::new();
        let mut next = Some(leaf);
        let mut level = 0_u8;
        while let Some(hash) = next.take() {
            if self.levels.len() <= usize::from(level) {
                self.levels.push(Vec::new());
            }
            let Some(hashes) = self.levels.get_mut(usize::from(level)) else { break };
            hashes.push(hash);
            if hashes.len() == usize::from(FULL) {
                let hashes = mem::take(hashes);
                next = above(&hashes);
                let shift = u32::from(level).saturating_add(1).saturating_mul(8);
                let index = size.checked_shr(shift).and_then(|after| after.checked_sub(1));
                let tile = index.and_then(|index| Tile::hashes(level, index, FULL));
                filled.extend(tile.map(|tile| (tile, hashes)));
            }
            level = level.saturating_add(1);
        }
        self.size = size;
        Ok(filled)
    }

    /// Lists the partial tiles, from the highest level down.
    pub fn partial(&self) -> impl Iterator<Item = (Tile, &[Hash])> {
        let hashes = self.levels.iter().rev().filter(|hashes| !hashes.is_empty());
        partial(self.size).zip(hashes.map(Vec::as_slice))
    }

    /// Computes the root.
    pub fn root(&self) -> Hash {
        self.frontier().root()
    }

    /// Computes the frontier: the size and at most 64 hashes.
    pub fn frontier(&self) -> Frontier {
        let frontier = Frontier::from_partial(self.size, self.levels.iter().rev());
        // The levels have as many hashes as the size asks for.
        frontier.unwrap_or_default()
    }
}

#[cfg(test)]
mod tests;
