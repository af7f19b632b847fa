//! The registry: who exists and who may see what, as sealed records.
//!
//! Threat. Whatever answers here (a database, its pool, a cache that somebody puts in front) is NOT trusted to answer the
//! question that was asked. It may return another viewer's record, a record of before a revocation, nothing, or the reply to an
//! earlier question. What must hold: no caller uses an answer that `eyesonly_rights` has not proven against the question: the fresh
//! nonce, the record's own name (it is sealed under its kind and key), and the sequences last acknowledged. A peer that failed
//! one proof is not asked again on the same connection (`reset`).
//!
//! This room must never cache an answer: who may see what is read afresh for each request.

#[cfg(any(test, feature = "conformance"))]
pub mod conformance;
#[cfg(any(test, feature = "conformance"))]
pub mod memory;

use async_trait::async_trait;
pub use eyesonly_rights::{Answer, Nonce};

/// Longest key of a record in bytes (a login name is the longest).
pub const RECORD_KEY_BYTES_MAX: usize = 128;
/// Longest sealed record in bytes. A viewer's record of 10,000 cameras fits.
pub const RECORD_BYTES_MAX: usize = 4 * 1024 * 1024;
/// Most records in one commit: a household's own, and one for each of its viewers.
pub const CHANGES_MAX: usize = 4096;
/// Most records in one page of a listing.
pub const LIST_MAX: usize = 1000;

/// Why the registry did not answer. Never says anything about a record's content.
#[derive(Debug, thiserror::Error)]
pub enum RegistryError {
    /// A commit's expectation did not hold: somebody else wrote the record first. Read again and retry.
    #[error("the record was changed meanwhile")]
    Conflict,
    /// A named limit was met.
    #[error("limit: {0}")]
    Limit(&'static str),
    /// The registry can't be reached or is broken.
    #[error("registry unavailable: {0}")]
    Unavailable(String),
}

/// What a commit expects of a record before it writes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expect {
    /// There is none.
    Absent,
    /// It was last written at this sequence.
    At(u64),
    /// Whatever is there (used for ending sessions).
    Any,
}

/// One write of a commit. The sealed bytes carry the sequence too: the caller seals them for the sequence that it commits at.
#[derive(Debug, Clone)]
pub struct Change {
    /// The record's kind: `viewer`, `login`, `session`, `camera`, `household`.
    pub kind: &'static str,
    /// The record's key within its kind.
    pub key: Vec<u8>,
    /// What must be there now.
    pub expect: Expect,
    /// The sealed record; none removes it.
    pub record: Option<Vec<u8>>,
}

/// One row of a listing, for administration.
#[derive(Debug, Clone)]
pub struct Listed {
    /// The record's key.
    pub key: Vec<u8>,
    /// The sealed record.
    pub record: Vec<u8>,
    /// The sequence it was written at, as the registry claims.
    pub sequence: u64,
}

/// One async round trip a question; compare-and-set commits; no transaction in the signature.
#[async_trait]
pub trait Registry: Send + Sync + 'static {
    /// The record under (`kind`, `key`), the nonce handed back, and the registry's sequence, all from one snapshot.
    async fn read(&self, kind: &'static str, key: &[u8], nonce: Nonce) -> Result<Answer, RegistryError>;

    /// The registry's sequence now: what the next commit builds on. A new registry is at 0.
    async fn sequence(&self) -> Result<u64, RegistryError>;

    /// Writes all of `changes` or none, if the registry is still at `sequence - 1` where `sequence` is given, and every
    /// expectation holds. Returns the registry's new sequence, which every written record is stored under.
    ///
    /// `sequence`: the number that the sealed records were made for. `None`: any (records whose content does not carry a sequence,
    /// such as sessions); the registry takes its next number.
    async fn commit(&self, changes: Vec<Change>, sequence: Option<u64>) -> Result<u64, RegistryError>;

    /// Records of one kind by key, ascending, after `after`, at most `limit` (up to [`LIST_MAX`]).
    async fn list(&self, kind: &'static str, after: Option<&[u8]>, limit: usize) -> Result<Vec<Listed>, RegistryError>;

    /// Drops the connection that gave the last answer to this thread: it failed a proof.
    fn reset(&self);
}
