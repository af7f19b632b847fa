//! The registry: who exists and who may see what, as sealed records.
//!
//! Threat. Whatever answers here (a database, its pool, a cache in front) is NOT trusted to answer
//! the question that was asked. It may return another viewer's record, one of before a revocation,
//! nothing, or the reply to an earlier question. What must hold: only [`crate::records`] asks it,
//! and an answer counts once nonce, seal, name and position are proven. A peer that failed one
//! proof is not asked again on the same connection (`reset`).

use async_trait::async_trait;
pub use eyesonly_rights::{Answer, Nonce, Position};
use std::error::Error;

/// Longest key of a record in bytes (a login name is the longest).
pub const RECORD_KEY_BYTES_MAX: usize = 128;
/// Longest sealed record in bytes. A viewer's record of 10,000 cameras fits.
pub const RECORD_BYTES_MAX: usize = 4 * 1024 * 1024;
/// Most records in one question.
pub const ASKED_MAX: usize = 8;
/// Most records in one commit: a household's own, and one for each of its viewers.
pub const CHANGES_MAX: usize = 4096;
/// Most records in one page of a listing.
pub const LIST_MAX: usize = 1000;

/// Why the registry did not answer. Never says anything about a record's content.
#[derive(Debug, thiserror::Error)]
pub enum RegistryError {
    /// A commit's expectation did not hold: somebody else wrote first. Read again and retry.
    #[error("the record was changed meanwhile")]
    Conflict,
    /// A named limit was met.
    #[error("limit: {0}")]
    Limit(&'static str),
    /// The registry can't be reached or is broken.
    #[error("registry unavailable: {0}")]
    Unavailable(#[source] Box<dyn Error + Send + Sync>),
}

/// A record's name: its kind (`viewer`, `login`, `session`, `camera`, `household`) and its key.
pub type RecordName<'a> = (&'static str, &'a [u8]);

/// What a commit expects of a record before it writes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expect {
    /// There is none.
    Absent,
    /// It was last written at this number.
    At(u64),
    /// Whatever is there (used for ending sessions).
    Any,
}

/// One write of a commit. The sealed bytes carry the number that they are committed at.
#[derive(Debug, Clone)]
pub struct Change {
    /// The record's kind.
    pub kind: &'static str,
    /// The record's key within its kind.
    pub key: Vec<u8>,
    /// What must be there now.
    pub expect: Expect,
    /// The sealed record; none removes it.
    pub record: Option<Vec<u8>>,
}

/// A page of the keys of one kind of record, from one snapshot.
#[derive(Debug, Clone)]
pub struct Listing {
    /// The question's nonce.
    pub echo: Option<Nonce>,
    /// The registry's position.
    pub position: Position,
    /// Keys, ascending.
    pub keys: Vec<Vec<u8>>,
}

/// One round trip a question; compare-and-set commits; no transaction in the signature.
#[async_trait]
pub trait Registry: Send + Sync + 'static {
    /// Reads the records of these names (up to [`ASKED_MAX`], or none) and the position, all from
    /// one snapshot, and hands the nonce back.
    async fn read(&self, names: &[RecordName<'_>], nonce: Nonce) -> Result<Answer, RegistryError>;

    /// Writes all of `changes` or none, if every expectation holds and, where `rights` is given,
    /// it is the next number of the rights. Returns the position that was reached.
    ///
    /// A commit of sessions raises `sessions` by one, every other commit `rights`; each record is
    /// stored under the number of its count. A commit that has both raises both. A registry may
    /// keep one count for both.
    async fn commit(
        &self,
        changes: Vec<Change>,
        rights: Option<u64>,
    ) -> Result<Position, RegistryError>;

    /// Lists the keys of one kind of record, after `after`, at most `limit` (up to [`LIST_MAX`]).
    async fn list(
        &self,
        kind: &'static str,
        after: Option<&[u8]>,
        limit: usize,
        nonce: Nonce,
    ) -> Result<Listing, RegistryError>;

    /// Drops the connection that gave the last answer to this thread: it failed a proof.
    fn reset(&self);
}
