//! Roots and proofs, made from the tiles of a log (RFC 9162, sections 2.1.3.1 and 2.1.4.1).
//!
//! Nothing here checks that the tiles are right. A wrong tile gives a proof that
//! [`proof`](crate::proof) rejects.

use crate::frontier::Frontier;
use crate::hash::{Hash, from_bytes, node, subtree};
use crate::tile::{self, Files, Kind, Tile};
use alloc::vec::Vec;

/// The reason why a log can't grow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a log has at most 2^64 - 1 entries")]
pub struct TooLarge;

/// The reason why tiles gave no root and no proof.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TreeError<E: core::error::Error + 'static> {
    /// A file can't be read.
    #[error("a file of the log can't be read")]
    Files(#[source] E),
    /// A file is absent.
    #[error("{0} is missing")]
    Missing(Tile),
    /// A file has another length than its name says.
    #[error("{0} has another length than its name says")]
    Malformed(Tile),
    /// A log of this size has no such entry, or had no such size before.
    #[error("a log of this size has no such entry and no such size before it")]
    OutOfRange,
}

/// Reads the hashes in the bytes of a tile. Of a file that grew in place, the first ones are taken.
pub(crate) fn hashes(tile: &Tile, bytes: &[u8]) -> Option<Vec<Hash>> {
    let bytes = if tile.is_full() { bytes } else { bytes.get(..tile.bytes())? };
    from_bytes(bytes).filter(|hashes| hashes.len() == usize::from(tile.width()))
}

/// Reads a tile of hashes.
pub(crate) fn read_hashes<F: Files>(
    files: &F,
    tile: &Tile,
) -> Result<Vec<Hash>, TreeError<F::Error>> {
    let bytes = tile::read(files, tile).map_err(TreeError::Files)?;
    hashes(tile, &bytes.ok_or(TreeError::Missing(*tile))?).ok_or(TreeError::Malformed(*tile))
}

/// Computes the root that a log has, or had, at this size.
pub fn root<F: Files>(size: u64, files: &F) -> Result<Hash, TreeError<F::Error>> {
    Frontier::read(size, files).map(|frontier| frontier.root())
}

/// Makes the proof that a log of this size has an entry at this index.
pub fn inclusion<F: Files>(
    index: u64,
    size: u64,
    files: &F,
) -> Result<Vec<Hash>, TreeError<F::Error>> {
    if index >= size {
        return Err(TreeError::OutOfRange);
    }
    let mut path = Vec::new();
    let (mut low, mut high) = (0, size);
    while let Some(middle) = middle(low, high) {
        if index < middle {
            path.push(part(middle, high, size, files)?);
            high = middle;
        } else {
            path.push(part(low, middle, size, files)?);
            low = middle;
        }
    }
    path.reverse();
    Ok(path)
}

/// Makes the proof that a log of the size `to` grew from one of the size `from`. The proof is empty
/// if the sizes are equal, or if `from` is 0.
pub fn consistency<F: Files>(
    from: u64,
    to: u64,
    files: &F,
) -> Result<Vec<Hash>, TreeError<F::Error>> {
    if from > to {
        return Err(TreeError::OutOfRange);
    }
    let mut path = Vec::new();
    let (mut low, mut high) = (0, to);
    // `from` is between the two, and at last the upper one.
    while let Some(middle) = middle(low, high).filter(|_| from != 0 && from != high) {
        if from <= middle {
            path.push(part(middle, high, to, files)?);
            high = middle;
        } else {
            path.push(part(low, middle, to, files)?);
            low = middle;
        }
    }
    if low > 0 {
        path.push(part(low, high, to, files)?);
    }
    path.reverse();
    Ok(path)
}

/// Returns where RFC 9162 divides the entries from `low` up to `high`: the left part is the largest
/// power of two that leaves something on the right. Returns `None` if there is nothing to divide.
fn middle(low: u64, high: u64) -> Option<u64> {
    let height = high.checked_sub(low)?.checked_sub(1)?.checked_ilog2()?;
    low.checked_add(1_u64.checked_shl(height)?)
}

/// Computes the hash of the entries from `low` up to `high`, which is a part of the tree: `low` is
/// a multiple of the largest power of two within.
fn part<F: Files>(
    mut low: u64,
    high: u64,
    size: u64,
    files: &F,
) -> Result<Hash, TreeError<F::Error>> {
    let mut peaks = Vec::new();
    while let Some(height) = high.checked_sub(low).and_then(u64::checked_ilog2) {
        peaks.push(complete(height, low, size, files)?);
        let width = 1_u64.checked_shl(height);
        low = width.and_then(|width| low.checked_add(width)).ok_or(TreeError::OutOfRange)?;
    }
    let hash = peaks.into_iter().rev().reduce(|right, left| node(&left, &right));
    hash.ok_or(TreeError::OutOfRange)
}

/// Computes the hash of a complete subtree of 2^`height` entries, which starts at the entry `low`.
fn complete<F: Files>(
    height: u32,
    low: u64,
    size: u64,
    files: &F,
) -> Result<Hash, TreeError<F::Error>> {
    let level = height / 8;
    let first = low.checked_shr(level.saturating_mul(8)).unwrap_or(0);
    let kind = u8::try_from(level).map(Kind::Hashes).map_err(|_| TreeError::OutOfRange)?;
    let tile = Tile::of_size(kind, first / 256, size).ok_or(TreeError::OutOfRange)?;
    let hashes = read_hashes(files, &tile)?;
    let skip = usize::try_from(first % 256).map_err(|_| TreeError::OutOfRange)?;
    let row = hashes.get(skip..).and_then(|rest| rest.get(..1 << (height % 8)));
    row.and_then(subtree).ok_or(TreeError::OutOfRange)
}

#[cfg(test)]
mod tests;
