//! Hashes of entries and of pairs of hashes, as RFC 6962 (section 2.1) defines them.

use alloc::string::String;
use alloc::vec::Vec;
use aws_lc_rs::digest::{SHA256, digest};
use base64::{Engine, prelude::BASE64_STANDARD};
use core::fmt;

/// The length of a hash in bytes.
pub const HASH_BYTES: usize = 32;

/// The hash of an entry or of a part of the tree.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Hash([u8; HASH_BYTES]);

/// The root of a log without entries: the SHA-256 of nothing.
pub const EMPTY_ROOT: Hash = Hash([
    0xe3, 0xb0, 0xc4, 0x42, 0x98, 0xfc, 0x1c, 0x14, 0x9a, 0xfb, 0xf4, 0xc8, 0x99, 0x6f, 0xb9, 0x24,
    0x27, 0xae, 0x41, 0xe4, 0x64, 0x9b, 0x93, 0x4c, 0xa4, 0x95, 0x99, 0x1b, 0x78, 0x52, 0xb8, 0x55,
]);

impl Hash {
    /// Takes the bytes of a hash.
    pub const fn from_bytes(bytes: [u8; HASH_BYTES]) -> Self {
        Self(bytes)
    }

    /// Returns the bytes of the hash.
    pub const fn as_bytes(&self) -> &[u8; HASH_BYTES] {
        &self.0
    }

    /// Reads a hash in base64, as a checkpoint has it.
    pub fn from_base64(text: &str) -> Option<Self> {
        BASE64_STANDARD.decode(text).ok()?.try_into().ok().map(Self)
    }

    /// Writes the hash in base64, as a checkpoint has it.
    pub fn to_base64(&self) -> String {
        BASE64_STANDARD.encode(self.0)
    }

    /// Hashes bytes without a prefix.
    pub(crate) fn of(bytes: &[u8]) -> Self {
        // SHA-256 has 32 bytes.
        Self(digest(&SHA256, bytes).as_ref().try_into().unwrap_or_default())
    }
}

impl fmt::Display for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.to_base64())
    }
}

impl fmt::Debug for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Hashes an entry: SHA-256 of a zero byte and the entry.
pub fn leaf(entry: &[u8]) -> Hash {
    Hash::of(&[&[0], entry].concat())
}

/// Hashes two neighbours: SHA-256 of the byte 1, the left hash and the right hash.
pub fn node(left: &Hash, right: &Hash) -> Hash {
    Hash::of(&[&[1], left.0.as_slice(), right.0.as_slice()].concat())
}

/// Hashes a complete subtree from the hashes of its lowest row. Returns `None` unless their number
/// is a power of two.
pub fn subtree(row: &[Hash]) -> Option<Hash> {
    if !row.len().is_power_of_two() {
        return None;
    }
    let mut row = row.to_vec();
    while row.len() > 1 {
        row = row.as_chunks().0.iter().map(|[left, right]| node(left, right)).collect();
    }
    row.first().copied()
}

/// Writes hashes one after the other: the bytes of a tile.
pub fn to_bytes(hashes: &[Hash]) -> Vec<u8> {
    hashes.iter().map(|hash| hash.0).collect::<Vec<_>>().concat()
}

/// Reads hashes one after the other. Returns `None` if bytes are left over.
pub fn from_bytes(bytes: &[u8]) -> Option<Vec<Hash>> {
    let (hashes, []) = bytes.as_chunks() else { return None };
    Some(hashes.iter().copied().map(Hash).collect())
}

#[cfg(test)]
mod tests;
