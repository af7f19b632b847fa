//! The object store: sealed objects by name.
//!
//! Threat. Whatever answers here is NOT trusted. An answer may be another object, an old version, a
//! cut, extended or reordered one, nothing, or an error as success.
//!
//! What must hold: nothing from here is footage until the vault has opened it. Nothing is
//! acknowledged to a camera before `put` or `Upload::finish` said that it is durable.
//!
//! The store must never see a plain byte or a plain name. Its operations are create if absent,
//! ranged get, multipart upload and delete. No operation renames or overwrites.

mod collect;
#[cfg(any(test, feature = "conformance"))]
pub mod conformance;
#[cfg(any(test, feature = "conformance"))]
pub mod memory;

pub use collect::{ORPHAN_AT_ONCE_MILLISECONDS, ORPHAN_MILLISECONDS, collect, collect_before};

use async_trait::async_trait;
use bytes::Bytes;
use eyesonly_gate::SealedPart;
use eyesonly_seal::ObjectName;
use std::error::Error;

/// The reason why the store did not do it.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// There is no such object.
    #[error("no such object")]
    NotFound,
    /// There is already an object of this name.
    #[error("the object is there already")]
    Exists,
    /// The object ends before the range does.
    #[error("the object is shorter than what was asked for")]
    Short,
    /// The store has no room.
    #[error("the store is full")]
    Full,
    /// The store can't be reached or is broken.
    #[error("store unavailable")]
    Unavailable(#[source] Box<dyn Error + Send + Sync>),
}

/// One object of a listing.
#[derive(Debug, Clone)]
pub struct Listed {
    /// Its name.
    pub name: ObjectName,
    /// The time when it was written, in milliseconds since 1970.
    pub written_at_milliseconds: u64,
}

/// Keeps sealed objects.
#[async_trait]
pub trait Store: Send + Sync + 'static {
    /// Writes a whole object, if there is none of this name. The object is durable on return.
    async fn put(&self, name: ObjectName, sealed: SealedPart) -> Result<(), StoreError>;

    /// Starts a long object, of which nothing is visible before [`Upload::finish`].
    async fn begin(&self, name: ObjectName) -> Result<Box<dyn Upload>, StoreError>;

    /// Returns the length that each part given to [`Upload::part`] must have, in bytes, but for the
    /// last.
    fn part_bytes(&self) -> usize;

    /// Reads byte ranges (start, length) of one object.
    async fn get(&self, name: ObjectName, ranges: &[(u64, u64)]) -> Result<Vec<Bytes>, StoreError>;

    /// Deletes an object. One that is gone already is no error.
    async fn delete(&self, name: ObjectName) -> Result<(), StoreError>;

    /// Lists objects written before `before_milliseconds`, and removes what is left of uploads that
    /// broke off before then.
    async fn sweep(&self, before_milliseconds: u64) -> Result<Vec<Listed>, StoreError>;
}

/// A long object on its way in. Dropped without `finish`, the object is not visible, and its parts
/// are swept later.
#[async_trait]
pub trait Upload: Send {
    /// Takes the next part.
    async fn part(&mut self, sealed: SealedPart) -> Result<(), StoreError>;
    /// Makes the object visible. The object is durable on return.
    async fn finish(self: Box<Self>) -> Result<(), StoreError>;
    /// Gives the upload up.
    async fn abort(self: Box<Self>);
}
