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
//! - [`proof`]: proofs, verified without the log;
//! - [`note`] and [`checkpoint`]: what is signed;
//! - [`verify`](mod@verify): a whole log, held against a checkpoint;
//!
//! ```
//! use eyesonly_log::{Checkpoint, Edge, ENTRY_BYTES, Name, SigningKey, leaf};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let mut edge = Edge::default();
//! for byte in 0..3 {
//!     edge.push(leaf(&[byte; ENTRY_BYTES]))?;
//! }
//!
//! let name = Name::new("example.com/ledger/hall")?;
//! let key = SigningKey::from_seed(name.clone(), &[7; 32])?;
//! let checkpoint = Checkpoint::new(name, edge.size(), edge.root());
//! let note = checkpoint.sign(&key)?.to_string();
//! assert!(note.starts_with("example.com/ledger/hall\n3\n"));
//!
//! // Whoever has the public key opens the note.
//! let opened = Checkpoint::open(note.as_bytes(), &key.verifying_key())?;
//! assert_eq!(opened, checkpoint);
//! # Ok(())
//! # }
//! ```
#![no_std]
#![forbid(unsafe_code)]
#![deny(missing_docs)]
// Tests may count, as they may unwrap.
#![cfg_attr(not(test), deny(clippy::arithmetic_side_effects))]

extern crate alloc;
#[cfg(test)]
extern crate std;

pub mod bundle;
pub mod checkpoint;
pub mod edge;
pub mod frontier;
pub mod hash;
pub mod note;
pub mod proof;
pub mod tile;
pub mod tree;
pub mod verify;

pub use bundle::{ENTRY_BYTES, Entry};
pub use checkpoint::{Checkpoint, CheckpointError};
pub use edge::Edge;
pub use frontier::Frontier;
pub use hash::{EMPTY_ROOT, Hash, leaf, node};
pub use note::{Name, Note, NoteError, SigningKey, VerifyingKey};
pub use proof::{ProofError, verify_consistency, verify_inclusion};
pub use tile::{Files, Kind, Tile};
pub use tree::{TooLarge, TreeError, inclusion};
pub use verify::{Fault, Report, Tail, verify};

#[cfg(test)]
mod testing;
