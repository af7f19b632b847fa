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
pub use eyesonly_rights::Nonce;
use eyesonly_seal::{CameraId, FootageId, HouseholdId, Kind, ObjectName, ObjectVersion, SlotName};

/// Most rows in one page of events.
pub const PAGE_ROWS_MAX: usize = 101;
/// Most slots in one question.
pub const SLOTS_MAX: usize = 256;
/// Most rows that one commit supersedes: a few more than come with one still, so that a backlog goes as well.
pub const SUPERSEDED_MAX: usize = 16;
/// Rows that go in one transaction when an ended camera's are deleted: uploads wait meanwhile.
const FORGET_ROWS: usize = 1000;
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

/// Whether a row's object is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum State {
    /// The object is in the store (or inline).
    Live = 1,
    /// It was deleted; the row stays, so that a camera's retry does not bring it back.
    Deleted = 2,
}

/// One object, as the index claims it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObjectRow {
    /// What it is asked by: a keyed name of the question (context without version).
    pub slot: SlotName,
    /// Its camera.
    pub camera: CameraId,
    /// Its kind.
    pub kind: Kind,
    /// Its own id (the still's or the event's).
    pub id: FootageId,
    /// It is a rendition of the object of the same camera, kind and id.
    pub rendition: bool,
    /// The version under which it was sealed.
    pub version: ObjectVersion,
    /// Its name in tiers and store.
    pub name: ObjectName,
    /// Length of the sealed object in bytes.
    pub sealed_length: u64,
    /// Keyed digest of the plain body (for a rendition: zeros).
    pub body_digest: [u8; 32],
    /// Whether it is there.
    pub state: State,
    /// The sealed object itself, when it is small and kept here (event details).
    pub inline: Option<Vec<u8>>,
    /// MAC over all of the above but `inline` (which is sealed), under the camera's index key.
    pub proof: [u8; 32],
}

impl ObjectRow {
    /// What it counts against its household's quota: renditions nothing, since looking must not use up what cameras may hand in.
    pub fn quota_bytes(&self) -> u64 {
        if self.rendition { 0 } else { self.sealed_length }
    }
}

/// An answer: the rows, and the nonce of the question that they answer.
#[derive(Debug, Clone)]
pub struct Rows {
    /// The question's nonce, handed back by the query itself.
    pub nonce: Nonce,
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
    /// The row to write; state [`State::Live`].
    pub row: ObjectRow,
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

    /// Live event rows (kind [`Kind::Event`]) of `camera` with an id below `before`, greatest first, at most `limit`.
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

    /// Marks the event's rows deleted (details, still, clip) with the proofs given in `tombstones` (rows with [`State::Deleted`], same slot),
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
    async fn forget(&self, household: HouseholdId, camera: CameraId, limit: usize) -> Result<usize, IndexError>;

    /// Bytes of sealed objects that count against the household's quota now.
    async fn household_bytes(&self, household: HouseholdId) -> Result<u64, IndexError>;

    /// Which of `names` the index has a live row for: what collection must leave alone.
    async fn known(&self, names: &[ObjectName]) -> Result<Vec<ObjectName>, IndexError>;

    /// Drops the connection that gave the last answer to this thread: it failed a proof.
    fn reset(&self);
}

/// Removes every live row of a camera whose enrolment has ended, and its pointer, some at a time.
///
/// # Errors
/// [`IndexError`]; what was removed before stays removed.
pub async fn forget_all(index: &dyn Index, household: HouseholdId, camera: CameraId) -> Result<(), IndexError> {
    while index.forget(household, camera, FORGET_ROWS).await? == FORGET_ROWS {}
    Ok(())
}
