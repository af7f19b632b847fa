//! The index: which sealed objects there should be, and under which name.
//!
//! Threat. Whatever answers here is NOT trusted: it may return another camera's rows, another object's row, rows that are
//! missing, repeated or of another page, or an old newest-still pointer. What must hold: a row counts only once its proof (a MAC
//! under the camera's index key, over the question's slot and all that the row claims) was checked by the vault; event
//! details count only once opened under the grant; the answer's nonce is the question's.
//!
//! What the index learns: camera and footage ids, sizes and times. What it never holds: a name that a person gave,
//! event details in the clear, a key.

#[cfg(any(test, feature = "conformance"))]
pub mod conformance;
#[cfg(any(test, feature = "conformance"))]
pub mod memory;

use async_trait::async_trait;
use eyesonly_gate::SealedPart;
use eyesonly_gate::vault::ObjectRow;
use eyesonly_rights::{Nonce, Position};
use eyesonly_seal::{CameraId, FootageId, HouseholdId, ObjectName, SlotName};

/// Most rows in one page of events.
pub const PAGE_ROWS_MAX: usize = 101;
/// Most slots in one question.
pub const SLOTS_MAX: usize = 256;
/// Most rows that one commit supersedes: a few more than come with one still, so that a backlog goes as well.
pub const SUPERSEDED_MAX: usize = 16;
/// Largest sealed object kept in the row itself (event details).
pub const INLINE_BYTES_MAX: usize = 8 * 1024;

/// Why the index did not answer.
#[derive(Debug, thiserror::Error)]
pub enum IndexError {
    /// A named limit was met.
    #[error("limit: {0}")]
    Limit(&'static str),
    /// There is no room on the disk for the index itself.
    #[error("the index has no room to write")]
    Full,
    /// The index can't be reached or is broken.
    #[error("index unavailable: {0}")]
    Unavailable(String),
}

/// Says what a row counts against its household's quota: renditions nothing, since looking must not use up what cameras
/// may hand in.
pub fn quota_bytes(row: &ObjectRow) -> u64 {
    if row.rendition { 0 } else { row.sealed_length }
}

/// An answer: the rows, and the nonce of the question that they answer.
#[derive(Debug, Clone)]
pub struct Rows {
    /// The question's nonce, handed back by the query itself; none where it can't be.
    pub echo: Option<Nonce>,
    /// The rows.
    pub rows: Vec<ObjectRow>,
}

/// What a commit found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Committed {
    /// Written, and durable. The objects of these names were superseded by it: their rows are gone, and they are to be deleted.
    Written(Vec<ObjectName>),
    /// The slot is taken; this is its row (live or deleted). Nothing was changed.
    Taken(Box<ObjectRow>),
    /// The event that the object belongs to is not there (an event's still or clip before its details), or was deleted.
    NoEvent,
    /// The household's quota would be exceeded. Nothing was changed.
    OverQuota,
}

/// A new object.
#[derive(Debug, Clone)]
pub struct NewObject {
    /// The row to write, live, without what is kept in it.
    pub row: ObjectRow,
    /// The sealed object itself, when it is small and kept in the row (event details).
    pub inline: Option<SealedPart>,
    /// Whose quota it counts against.
    pub household: HouseholdId,
    /// The household's quota in bytes of sealed objects.
    pub quota_bytes: u64,
    /// For an event's still or clip and for renditions: the slot that must be live for this one to be written (the event's details,
    /// the rendition's source).
    pub requires: Option<SlotName>,
    /// For a camera's still: the pointer row to set (the same object under the pointer's own slot and proof) if its id is greater than the
    /// pointer's present one.
    pub pointer: Option<ObjectRow>,
    /// For a camera's still: rows of its stills with ids below this, and of their renditions, go in the same commit, up to
    /// [`SUPERSEDED_MAX`]. It is not above the id of the still.
    pub supersedes: Option<FootageId>,
}

impl NewObject {
    /// The row as it is kept: with the object itself, if it is kept there.
    pub fn kept_row(&self) -> ObjectRow {
        let inline = self.inline.as_ref().map(|inline| inline.bytes().to_vec());
        ObjectRow { inline, ..self.row.clone() }
    }
}

/// Which objects the index knows.
#[derive(Debug, Clone)]
pub struct Known {
    /// The question's nonce.
    pub echo: Option<Nonce>,
    /// The registry's position in the same snapshot.
    pub position: Position,
    /// Those of the names that have a live row.
    pub names: Vec<ObjectName>,
}

/// What was forgotten of a camera.
#[derive(Debug, Clone, Copy)]
pub struct Forgotten {
    /// The question's nonce.
    pub echo: Option<Nonce>,
    /// How many rows went.
    pub rows: usize,
}

/// What was removed by [`Index::delete_event`].
#[derive(Debug, Clone)]
pub struct Removed {
    /// Names to delete from tiers and store.
    pub names: Vec<ObjectName>,
    /// Bytes given back to the quota.
    pub sealed_bytes: u64,
}

/// One async round trip a question, each with a nonce; compare-and-set commits.
#[async_trait]
pub trait Index: Send + Sync + 'static {
    /// The rows under `slots` (in no order; absent ones are left out), live and deleted.
    async fn objects(&self, slots: &[SlotName], nonce: Nonce) -> Result<Rows, IndexError>;

    /// Live event rows of `camera` with an id below `before`, greatest first, at most `limit`.
    async fn events(
        &self,
        camera: CameraId,
        before: Option<FootageId>,
        limit: usize,
        nonce: Nonce,
    ) -> Result<Rows, IndexError>;

    /// The pointer row of `camera`, if there is one.
    async fn newest_still(&self, camera: CameraId, nonce: Nonce) -> Result<Rows, IndexError>;

    /// Prepares for a camera that is being enrolled, before its credential is given out: in some stores the first of two writers at once can only
    /// be told when there is something already.
    async fn begin(&self, household: HouseholdId, camera: CameraId) -> Result<(), IndexError>;

    /// Writes the row, unless its slot is taken, what it requires is missing, or the quota is exceeded; durable on return.
    async fn commit(&self, new: NewObject) -> Result<Committed, IndexError>;

    /// Marks the event's rows deleted (details, still, clip) with the proofs given in `tombstones` (deleted rows, same slot),
    /// removes its renditions' rows, and returns the names whose objects must go. None: there was no live event.
    async fn delete_event(
        &self,
        household: HouseholdId,
        camera: CameraId,
        event: FootageId,
        tombstones: Vec<ObjectRow>,
    ) -> Result<Option<Removed>, IndexError>;

    /// Removes up to `limit` live rows of a camera whose enrolment has ended, and its pointer; says how many rows. What collection then finds
    /// in the store has no row any more.
    async fn forget(
        &self,
        household: HouseholdId,
        camera: CameraId,
        limit: usize,
        nonce: Nonce,
    ) -> Result<Forgotten, IndexError>;

    /// Bytes of sealed objects that count against the household's quota now.
    async fn household_bytes(&self, household: HouseholdId) -> Result<u64, IndexError>;

    /// Says which of `names` have a live row: what collection must leave alone.
    async fn known(&self, names: &[ObjectName], nonce: Nonce) -> Result<Known, IndexError>;

    /// Drops the connection that gave the last answer to this thread: it failed a proof.
    fn reset(&self);
}
