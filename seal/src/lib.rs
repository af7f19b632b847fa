//! The sealed format, the key schedule and the ids that both are bound to. SPEC.md says what is written here.
//!
//! This crate is pure: no IO, no clock, no randomness of its own (salts are passed in), no unsafe code. It must never
//! give out a byte of plaintext that has not authenticated, nor a key except to the purpose it was made for.
//!
//! Read it in this order: [`ids`] (what things are called), [`context`] (what a sealed object is bound to), [`keys`]
//! (from a root to the key of one day), [`format`](mod@format) (sealing and opening), [`primitives`] (what is underneath).
#![no_std]
#![forbid(unsafe_code)]
#![deny(missing_docs, clippy::arithmetic_side_effects)]

extern crate alloc;
#[cfg(test)]
extern crate std;

pub mod context;
pub mod format;
pub mod ids;
pub mod keys;
pub mod names;
pub mod primitives;

pub use context::{Context, FootageContext, Kind, Question, Rendition, Slot};
pub use format::{Opener, Sealer, open_all, seal_all};
pub use ids::{CameraId, CredentialId, FootageId, HouseholdId, IdError, ObjectVersion, SessionId, ViewerId};
pub use keys::{CameraKey, EdgeKey, HouseholdKey, KeyEncryptionKey, KeyedDigest, MacKey, SealingKey};
pub use names::{ObjectName, SlotName};

/// Why something was not sealed, opened or verified. None of them says anything about what was inside.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SealError {
    /// The header's commitment is not the one of this key and context: another object, camera, version or key.
    #[error("the seal is another one's: wrong key or context")]
    WrongSeal,
    /// A chunk did not authenticate: changed, moved, or of another object.
    #[error("a chunk did not authenticate")]
    BadChunk,
    /// The bytes end where no sealed object can end.
    #[error("the sealed object is truncated")]
    Truncated,
    /// No sealed object, chunk or buffer has this length.
    #[error("no sealed object has this length")]
    BadLength,
    /// More than 2³⁸ chunks, or a context field of more than 65535 bytes.
    #[error("too long for the sealed format")]
    TooLong,
    /// A message authentication code is not the one of these parts.
    #[error("the authentication code does not match")]
    WrongMac,
    /// The cryptographic library refused to work; nothing about the data is known.
    #[error("the cryptographic library failed")]
    Primitive,
}
