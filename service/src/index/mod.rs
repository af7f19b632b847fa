//! The index: which sealed objects there should be, and under which name.
//!
//! Threat. Whatever answers here is NOT trusted. An answer may have another camera's rows, another
//! object's row or an old newest-still pointer. Rows may be missing, repeated or of another page.
//!
//! What must hold: a row counts only once the vault has checked its proof. The proof is a MAC under
//! the camera's index key over the question's slot and all that the row claims. Event details count
//! only once opened under the grant. The answer's nonce is the question's.
//!
//! The index learns camera and footage ids, sizes and times. The index must never hold a name that
//! a person gave, event details in the clear, or a key.

#[cfg(any(test, feature = "conformance"))]
pub mod conformance;
#[cfg(any(test, feature = "conformance"))]
pub mod memory;

use async_trait::async_trait;
use eyesonly_gate::SealedPart;
use eyesonly_gate::vault::ObjectRow;
use eyesonly_rights::{Nonce, Position};
use eyesonly_seal::{CameraId, FootageId, HouseholdId, ObjectName, SlotName};
use std::error::Error;

/// The most rows in one page of events.
pub const PAGE_ROWS_MAX: usize = 101;
/// The most slots in one question.
pub const SLOTS_MAX: usize = 256;
/// The most rows that one commit supersedes: a few more than come with one still, so that a backlog
/// goes as well.
pub const SUPERSEDED_MAX: usize = 16;
/// The largest sealed object that is kept in the row itself (event details), in bytes.
pub const INLINE_BYTES_MAX: usize = 8 * 1024;

/// The reason why the index did not answer.
#[derive(Debug, thiserror::Error)]
pub enum IndexError {
    /// A named limit was met.
    #[error("limit: {0}")]
    Limit(&'static str),
    /// There is no room on the disk for the index itself.
    #[error("the index has no room to write")]
    Full,
    /// The index can't be reached or is broken.
    #[error("index unavailable")]
    Unavailable(#[source] Box<dyn Error + Send + Sync>),
}

/// Returns the bytes that a row counts against its household's quota. Renditions count nothing,
/// since looking must not use up what cameras may hand in.
pub fn quota_bytes(row: &ObjectRow) -> u64 {
    if row.rendition { 0 } else { row.sealed_length }
}

/// An answer: rows, and the nonce of the question that they answer.
#[derive(Debug, Clone)]
pub struct Rows {
    /// The question's nonce, which the query itself hands back, or none where it can't.
    pub echo: Option<Nonce>,
    /// The rows.
    pub rows: Vec<ObjectRow>,
}

/// The outcome of a commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Committed {
    /// The row is written and durable. These names are of superseded objects: their rows are gone,
    /// and the objects are to be deleted.
    Written(Vec<ObjectName>),
    /// The slot is taken, and this is its row (live or deleted). Nothing was changed.
    Taken(Box<ObjectRow>),
    /// The row that the object requires is not there or was deleted. So an event's still or clip
    /// can't come before the event's details.
    NoEvent,
    /// The household's quota would be exceeded. Nothing was changed.
    OverQuota,
}

/// A new object.
#[derive(Debug, Clone)]
pub struct NewObject {
    /// The row to write: live, and without the object that is kept in it.
    pub row: ObjectRow,
    /// The sealed object itself, when it is small and kept in the row (event details).
    pub inline: Option<SealedPart>,
    /// The household whose quota it counts against.
    pub household: HouseholdId,
    /// The household's quota in bytes of sealed objects.
    pub quota_bytes: u64,
    /// The slot that must be live for this row to be written. An event's still or clip requires the
    /// event's details, and a rendition requires its source.
    pub requires: Option<SlotName>,
    /// The pointer row to set, for a camera's still: the same row under the proof of a pointer.
    /// The index sets the row if its version is greater than that of the present pointer: it came
    /// later.
    pub pointer: Option<ObjectRow>,
    /// The id below which a camera's still supersedes older ones that came earlier, so whose
    /// versions are lower too. The rows of those stills and of their renditions go in the same
    /// commit, up to [`SUPERSEDED_MAX`]. This id is not above the still's own.
    pub supersedes: Option<FootageId>,
}

impl NewObject {
    /// Returns the row as it is kept: with the object itself, if that is kept in the row.
    pub fn kept_row(&self) -> ObjectRow {
        let inline = self.inline.as_ref().map(|inline| inline.bytes().to_vec());
        ObjectRow { inline, ..self.row.clone() }
    }
}

/// The objects that the index knows.
#[derive(Debug, Clone)]
pub struct Known {
    /// The question's nonce.
    pub echo: Option<Nonce>,
    /// The registry's position in the same snapshot.
    pub position: Position,
    /// Those of the names that have a live row.
    pub names: Vec<ObjectName>,
}

/// The outcome of [`Index::forget`].
#[derive(Debug, Clone, Copy)]
pub struct Forgotten {
    /// The question's nonce.
    pub echo: Option<Nonce>,
    /// The number of rows that went.
    pub rows: usize,
}

/// The outcome of [`Index::delete_event`].
#[derive(Debug, Clone)]
pub struct Removed {
    /// Names to delete from tiers and store.
    pub names: Vec<ObjectName>,
    /// Bytes given back to the quota.
    pub sealed_bytes: u64,
}

/// The index: one async round trip for each question, which carries a nonce, and compare-and-swap
/// commits.
#[async_trait]
pub trait Index: Send + Sync + 'static {
    /// Returns the rows under `slots`, live and deleted, in no order. Absent ones are left out.
    async fn objects(&self, slots: &[SlotName], nonce: Nonce) -> Result<Rows, IndexError>;

    /// Returns live event rows of `camera` with an id below `before`, greatest first, at most
    /// `limit`.
    async fn events(
        &self,
        camera: CameraId,
        before: Option<FootageId>,
        limit: usize,
        nonce: Nonce,
    ) -> Result<Rows, IndexError>;

    /// Returns the pointer row of `camera`, if there is one.
    async fn newest_still(&self, camera: CameraId, nonce: Nonce) -> Result<Rows, IndexError>;

    /// Prepares the index for a camera, before the camera's credential is given out. Some stores
    /// can tell the first of two writers at once only where there is a value already.
    async fn begin(&self, household: HouseholdId, camera: CameraId) -> Result<(), IndexError>;

    /// Writes the row, unless its slot is taken, what it requires is missing, or the quota is
    /// exceeded. The row is durable on return.
    async fn commit(&self, new: NewObject) -> Result<Committed, IndexError>;

    /// Marks the event's rows (details, still, clip) deleted, with the proofs in `tombstones`
    /// (deleted rows, same slot). Removes the rows of the event's renditions. Returns the names
    /// whose objects must go. None: there was no live event.
    async fn delete_event(
        &self,
        household: HouseholdId,
        camera: CameraId,
        event: FootageId,
        tombstones: Vec<ObjectRow>,
    ) -> Result<Option<Removed>, IndexError>;

    /// Removes up to `limit` live rows of a camera whose enrolment has ended, and the camera's
    /// pointer. Returns the number of rows. Collection finds the objects in the store, which then
    /// have no row.
    async fn forget(
        &self,
        household: HouseholdId,
        camera: CameraId,
        limit: usize,
        nonce: Nonce,
    ) -> Result<Forgotten, IndexError>;

    /// Returns the bytes of sealed objects that count against the household's quota now.
    async fn household_bytes(&self, household: HouseholdId) -> Result<u64, IndexError>;

    /// Says which of `names` have a live row: collection must leave their objects alone.
    async fn known(&self, names: &[ObjectName], nonce: Nonce) -> Result<Known, IndexError>;

    /// Drops the connection that gave the last answer to this thread, since that answer failed a
    /// proof.
    fn reset(&self);
}
