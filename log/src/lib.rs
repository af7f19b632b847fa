//! The formats of the access ledger: a transparency log as C2SP defines it.
//!
//! The formats are [tlog-tiles](https://c2sp.org/tlog-tiles),
//! [tlog-checkpoint](https://c2sp.org/tlog-checkpoint) and
//! [signed-note](https://c2sp.org/signed-note) with Ed25519. Trees are hashed with SHA-256, as RFC
//! 6962 says. This crate is pure: it has no IO, no clock, no unsafe code and no randomness. The
//! caller brings the seed of a key, and the bytes of a log through [`Files`].
//!
//! Read it in this order:
//!
//! - [`hash`]: the hash of an entry and of two hashes;
//! - [`tile`]: the names of a log's files, and which of them grow;
//! - [`bundle`]: entries in a file;
//! - [`frontier`] and [`edge`]: what a log keeps so that it can grow;
//! - [`tree`]: roots and proofs, made from tiles;
//! - [`proof`]: proofs, verified without the log.
#![no_std]
#![forbid(unsafe_code)]
#![deny(missing_docs)]
// Tests may count, as they may unwrap.
#![cfg_attr(not(test), deny(clippy::arithmetic_side_effects))]

extern crate alloc;
#[cfg(test)]
extern crate std;

pub mod bundle;
pub mod edge;
pub mod frontier;
pub mod hash;
pub mod proof;
pub mod tile;
pub mod tree;

pub use bundle::{ENTRY_BYTES, Entry};
pub use edge::Edge;
pub use frontier::Frontier;
pub use hash::{EMPTY_ROOT, Hash, leaf, node};
pub use proof::{ProofError, verify_consistency, verify_inclusion};
pub use tile::{Files, Kind, Tile};
pub use tree::{TooLarge, TreeError};

#[cfg(test)]
mod testing;
