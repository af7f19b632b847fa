//! The registry: who exists and who may see what, as sealed records.
//!
//! Threat. Whatever answers here (a database, its pool, a cache in front) is NOT trusted to answer
//! the question that was asked. The answer may be another viewer's record, a record from before a
//! revocation, nothing, or the reply to an earlier question. What must hold: an answer counts only
//! once [`crate::records`] has proven its nonce, seal, name and position. A peer that failed one
//! proof is not asked again on the same connection (`reset`).

use async_trait::async_trait;
pub use eyesonly_rights::{Answer, Nonce, Position};
use std::error::Error;

/// The longest key of a record, in bytes. Ids have 16, and an account's name has 32.
pub const RECORD_KEY_BYTES_MAX: usize = 128;
/// The longest sealed record, in bytes. A viewer's record of 10,000 cameras fits.
pub const RECORD_BYTES_MAX: usize = 4 * 1024 * 1024;
/// The most records in one question.
pub const ASKED_MAX: usize = 8;
/// The most records in one commit: a household's own, and one for each of its viewers.
pub const CHANGES_MAX: usize = 4096;
/// The most records in one page of a listing.
pub const LIST_MAX: usize = 1000;

/// The reason why the registry did not answer, which says nothing about a record's content.
#[derive(Debug, thiserror::Error)]
pub enum RegistryError {
    /// A commit's expectation did not hold, because somebody else wrote first. Read again and
    /// retry.
    #[error("the record was changed meanwhile")]
    Conflict,
    /// A limit, which is named, was met.
    #[error("limit: {0}")]
    Limit(&'static str),
    /// The registry can't be reached or is broken.
    #[error("registry unavailable: {0}")]
    Unavailable(#[source] Box<dyn Error + Send + Sync>),
}

/// The name of a record: its kind (`viewer`, `account`, `session`, `camera`, `household` or `act`)
/// and its key.
pub type RecordName<'a> = (&'static str, &'a [u8]);

/// The state of a record that a commit expects before it writes the record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expect {
    /// There is no record.
    Absent,
    /// The record was last written at this number.
    At(u64),
    /// Any state will do (used for ending sessions).
    Any,
    /// There is a record.
    Present,
}

/// One write of a commit. The sealed bytes carry the number that they are committed at.
#[derive(Debug, Clone)]
pub struct Change {
    /// The record's kind.
    pub kind: &'static str,
    /// The record's key within its kind.
    pub key: Vec<u8>,
    /// The state that the record must have now.
    pub expect: Expect,
    /// The sealed record. `None` removes the record.
    pub record: Option<Vec<u8>>,
}

/// A page of the keys of one kind of record, from one snapshot.
#[derive(Debug, Clone)]
pub struct Listing {
    /// The question's nonce. `None` where the store can't return one.
    pub echo: Option<Nonce>,
    /// The registry's position.
    pub position: Position,
    /// The keys, in ascending order.
    pub keys: Vec<Vec<u8>>,
}

/// The registry. A question takes one round trip. A commit is a compare-and-swap, and no method
/// exposes a transaction.
#[async_trait]
pub trait Registry: Send + Sync + 'static {
    /// Reads the records of these names and the position, all from one snapshot, and returns the
    /// nonce. There may be up to [`ASKED_MAX`] names, or none.
    async fn read(&self, names: &[RecordName<'_>], nonce: Nonce) -> Result<Answer, RegistryError>;

    /// Writes all of `changes` or none. Every expectation must hold. Where `rights` is given, it
    /// must be the next number of the rights. Returns the position that was reached.
    ///
    /// A commit of sessions raises `sessions` by one, and every other commit raises `rights` by
    /// one. A commit that has both raises both. Each record is stored under the number of its
    /// count. A registry may keep one count for both.
    async fn commit(
        &self,
        changes: Vec<Change>,
        rights: Option<u64>,
    ) -> Result<Position, RegistryError>;

    /// Lists the keys of one kind of record that come after `after`, at most `limit` of them (up to
    /// [`LIST_MAX`]).
    async fn list(
        &self,
        kind: &'static str,
        after: Option<&[u8]>,
        limit: usize,
        nonce: Nonce,
    ) -> Result<Listing, RegistryError>;

    /// Drops the connection that gave this thread the last answer, because that answer failed a
    /// proof.
    fn reset(&self);
}
