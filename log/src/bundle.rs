//! Bundles of entries: before each entry stands its length, two bytes, the higher one first.
//!
//! Every entry of this project has the same length, so that lengths tell nothing about entries, and
//! that a bundle which was cut is still read.

use crate::tile::FULL;
use alloc::vec::Vec;

/// The length of an entry in bytes.
pub const ENTRY_BYTES: usize = 512;

/// The bytes that an entry takes in a bundle.
pub const RECORD_BYTES: usize = 2 + ENTRY_BYTES;

/// The length of an entry as a bundle has it.
const PREFIX: [u8; 2] = (ENTRY_BYTES as u16).to_be_bytes();

/// A sealed entry, padded.
pub type Entry = [u8; ENTRY_BYTES];

/// The reason why bytes are no bundle.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BundleError {
    /// There are no entries, or more than 256.
    #[error("a bundle has 1 to 256 entries, not {0}")]
    Width(usize),
    /// The bytes don't end with an entry.
    #[error("the bundle ends within its entry {0}")]
    Torn(usize),
    /// The length before an entry is another one.
    #[error("the length before entry {0} of the bundle is not 512")]
    Length(usize),
}

/// Writes a bundle of 1 to 256 entries. Bundles one after the other are a wider bundle.
pub fn write(entries: &[Entry]) -> Result<Vec<u8>, BundleError> {
    check_width(entries.len())?;
    let parts: Vec<_> = entries.iter().flat_map(|entry| [PREFIX.as_slice(), entry]).collect();
    Ok(parts.concat())
}

/// Reads a bundle of 1 to 256 entries. Nothing may be left over.
pub fn parse(bytes: &[u8]) -> Result<Vec<&Entry>, BundleError> {
    let (records, rest) = records(bytes);
    if !rest.is_empty() {
        return Err(BundleError::Torn(records.len()));
    }
    check_width(records.len())?;
    let entries = records.iter().enumerate();
    entries.map(|(at, record)| entry(record).ok_or(BundleError::Length(at))).collect()
}

fn check_width(width: usize) -> Result<(), BundleError> {
    let fits = (1..=usize::from(FULL)).contains(&width);
    fits.then_some(()).ok_or(BundleError::Width(width))
}

/// Cuts a bundle into whole records, and what is left over.
pub(crate) fn records(bytes: &[u8]) -> (&[[u8; RECORD_BYTES]], &[u8]) {
    bytes.as_chunks()
}

/// Returns the entry of a record. Returns `None` if the length before it is another one.
pub(crate) fn entry(record: &[u8; RECORD_BYTES]) -> Option<&Entry> {
    record.strip_prefix(&PREFIX)?.try_into().ok()
}

#[cfg(test)]
mod tests;
