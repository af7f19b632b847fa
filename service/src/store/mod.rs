//! The object store: sealed objects by name.
//!
//! Threat. Whatever answers here is NOT trusted: it may return another object, an old version, a cut, extended or reordered one, nothing, or
//! an error as success. What must hold: nothing from here is footage until the vault has opened it; nothing is acknowledged to a camera
//! before `put` or `Upload::finish` said that it is durable.
//!
//! It never sees a plain byte or a plain name. Create if absent, ranged get, multipart; no rename, no overwrite.

mod collect;
#[cfg(any(test, feature = "conformance"))]
pub mod conformance;
#[cfg(any(test, feature = "conformance"))]
pub mod memory;

pub use collect::{ORPHAN_AT_ONCE_MILLISECONDS, ORPHAN_MILLISECONDS, collect_before};

use async_trait::async_trait;
use bytes::Bytes;
use eyesonly_gate::SealedPart;
use eyesonly_seal::ObjectName;

/// Why the store did not do it.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// There is no such object.
    #[error("no such object")]
    NotFound,
    /// There is one already.
    #[error("the object is there already")]
    Exists,
    /// The object ends before the range does.
    #[error("the object is shorter than what was asked for")]
    Short,
    /// No room.
    #[error("the store is full")]
    Full,
    /// It can't be reached or is broken.
    #[error("store unavailable: {0}")]
    Unavailable(String),
}

/// One object of a listing.
#[derive(Debug, Clone)]
pub struct Listed {
    /// Its name.
    pub name: ObjectName,
    /// When it was written, milliseconds since 1970.
    pub written_at_milliseconds: u64,
}

/// Keeps sealed objects.
#[async_trait]
pub trait Store: Send + Sync + 'static {
    /// Writes a whole object, if there is none of this name; durable on return.
    async fn put(&self, name: ObjectName, sealed: SealedPart) -> Result<(), StoreError>;

    /// Begins a long object. Nothing of it is visible before [`Upload::finish`].
    async fn begin(&self, name: ObjectName) -> Result<Box<dyn Upload>, StoreError>;

    /// How large the parts given to [`Upload::part`] must be in bytes, but for the last.
    fn part_bytes(&self) -> usize;

    /// Reads byte ranges (start, length) of one object.
    async fn get(&self, name: ObjectName, ranges: &[(u64, u64)]) -> Result<Vec<Bytes>, StoreError>;

    /// Deletes an object; one that is gone already is no error.
    async fn delete(&self, name: ObjectName) -> Result<(), StoreError>;

    /// Lists objects written before `before_milliseconds`, and removes what uploads that broke off before then left behind.
    async fn sweep(&self, before_milliseconds: u64) -> Result<Vec<Listed>, StoreError>;
}

/// A long object on its way in. Dropped without `finish`: nothing is visible, and what is left is swept later.
#[async_trait]
pub trait Upload: Send {
    /// Takes the next part.
    async fn part(&mut self, sealed: SealedPart) -> Result<(), StoreError>;
    /// Makes the object visible; durable on return.
    async fn finish(self: Box<Self>) -> Result<(), StoreError>;
    /// Gives it up.
    async fn abort(self: Box<Self>);
}
