//! The sealed format, the key schedule, and the ids that both are bound to, as SPEC.md defines
//! them.
//!
//! This crate is pure: it has no IO, no clock, no unsafe code and no randomness (the caller brings
//! the salts). This crate must never give out a byte of plaintext that has not authenticated. A key
//! must never be given out, except for the purpose that the key was made for.
//!
//! Read it in this order:
//!
//! - [`ids`]: the names of things;
//! - [`context`]: the fields that a sealed object is bound to;
//! - [`keys`]: from a root to the key of one day;
//! - [`format`](mod@format): sealing and opening;
//! - `primitives`: the cryptography underneath.
//!
//! ```
//! use eyesonly_seal::{
//!     CameraId, Context, FootageId, HouseholdId, HouseholdKey, Kind, ObjectVersion, Question,
//!     SealError, open_all, seal_all,
//! };
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let question = Question {
//!     household: HouseholdId::from_bytes([1; 16]),
//!     camera: CameraId::from_bytes([2; 16]),
//!     kind: Kind::Still,
//!     rendition: None,
//!     object: FootageId::parse("018bcfe5-6800-7abc-9def-0123456789ab")?,
//! };
//! let version = ObjectVersion::from_bytes([3; 16]);
//! let household_key = HouseholdKey::from_bytes([4; 32]);
//! let camera = household_key.camera_key(&question.household, &question.camera);
//! let key = camera.footage_key(&question.object);
//!
//! // The salt is random, and new for each object.
//! let context = Context::footage(&question, version)?;
//! let sealed = seal_all(&key, &context, [5; 24], b"a picture")?;
//! assert_eq!(open_all(&key, &context, &sealed)?, b"a picture");
//!
//! // As the answer to another question, the same bytes don't open.
//! let clip = Question { kind: Kind::Clip, ..question };
//! let opened = open_all(&key, &Context::footage(&clip, version)?, &sealed);
//! assert_eq!(opened, Err(SealError::WrongSeal));
//! # Ok(())
//! # }
//! ```
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
mod primitives;

pub use context::{Context, Kind, Question, Rendition, Slot};
pub use format::{Opener, Sealer, open_all, seal_all};
pub use ids::{
    AccountName, CameraId, CredentialId, FootageId, HouseholdId, IdError, ObjectName,
    ObjectVersion, SessionId, SlotName, ViewerId,
};
pub use keys::{
    CameraKey, EdgeKey, HouseholdKey, KeyEncryptionKey, KeyedDigest, LedgerKey, MacKey, SealingKey,
};

/// The reason why something was not sealed, opened or verified, without a word about the content.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SealError {
    /// The header's commitment belongs to another object, camera, version or key.
    #[error("the seal is another one's: wrong key or context")]
    WrongSeal,
    /// A chunk did not authenticate: it was changed or moved, or it is another object's.
    #[error("a chunk did not authenticate")]
    BadChunk,
    /// The bytes end where no sealed object can end.
    #[error("the sealed object is truncated")]
    Truncated,
    /// No sealed object, chunk or wrapped key has this length.
    #[error("no sealed object has this length")]
    BadLength,
    /// There are more than 2³⁸ chunks, or more than 65535 bytes in a field of a context.
    #[error("too long for the sealed format")]
    TooLong,
    /// The message authentication code does not fit these parts.
    #[error("the authentication code does not match")]
    WrongMac,
    /// The cryptographic library failed; this says nothing about the data.
    #[error("the cryptographic library failed")]
    Primitive,
}
