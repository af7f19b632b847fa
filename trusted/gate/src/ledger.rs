//! The ledger records who received what, when and in which session. Each rejected answer is
//! recorded too.
//!
//! The ledger must never hold footage, a name that a person gave, or a credential.

use eyesonly_rights::Fault;
use eyesonly_seal::{CameraId, FootageId, HouseholdId, SessionId, ViewerId};

/// A place where the host asks and something else answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Seam {
    /// The tier of sealed extents in memory.
    MemoryTier,
    /// The tier of sealed extents on a local disk.
    DiskTier,
    /// A tier that several edges share.
    SharedTier,
    /// The coalescer, by which one read serves many waiters.
    Coalescer,
    /// The object store.
    Store,
    /// The registry of rights.
    Registry,
    /// The session store.
    Sessions,
    /// The index of objects and events.
    Index,
    /// The keyring file.
    Keyring,
    /// The hub of live chunks.
    LiveHub,
    /// The path that brings a camera's body to ingest.
    Ingest,
    /// The way out of a response.
    WayOut,
}

impl Seam {
    /// All seams, each with its name in metrics and logs.
    pub const ALL: [(Self, &str); 12] = [
        (Self::MemoryTier, "memory_tier"),
        (Self::DiskTier, "disk_tier"),
        (Self::SharedTier, "shared_tier"),
        (Self::Coalescer, "coalescer"),
        (Self::Store, "store"),
        (Self::Registry, "registry"),
        (Self::Sessions, "sessions"),
        (Self::Index, "index"),
        (Self::Keyring, "keyring"),
        (Self::LiveHub, "live_hub"),
        (Self::Ingest, "ingest"),
        (Self::WayOut, "way_out"),
    ];

    /// Returns the seam's name in metrics and logs.
    #[must_use]
    pub fn name(self) -> &'static str {
        Self::ALL.get(self as usize).map_or("", |(_, name)| name)
    }
}

/// An answer that did not prove its question, so that it was rejected and counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Misdelivery {
    /// When it was rejected, in milliseconds since 1970.
    pub at_milliseconds: u64,
    /// The seam that gave it.
    pub seam: Seam,
    /// The fault of the answer.
    pub fault: Fault,
    /// The camera of the question, as far as it was known.
    pub camera: Option<CameraId>,
}

/// The thing that was handed out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Handed {
    /// The list of cameras.
    Cameras,
    /// A still.
    Still,
    /// The details of events.
    Events,
    /// An event's video, or a part of it.
    Clip,
    /// A segment of the live view, or a playlist of segments.
    Live,
    /// Nothing, because an event was deleted.
    Deletion,
}

/// One response, as it is about to leave.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Delivery {
    /// When it is about to leave, in milliseconds since 1970.
    pub at_milliseconds: u64,
    /// The viewer who receives it.
    pub viewer: ViewerId,
    /// The viewer's session.
    pub session: SessionId,
    /// The household and the camera whose footage it is. `None` for the list of cameras.
    pub source: Option<(HouseholdId, CameraId)>,
    /// The thing that is handed out.
    pub handed: Handed,
    /// The event, where the question named one, or the live segment.
    pub event: Option<FootageId>,
    /// The length of the body in bytes. It is 0 for a live segment, whose length nobody knows yet.
    pub body_bytes: u64,
}

/// The error of a ledger that did not take an entry. Then nothing may leave.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the ledger did not take the entry")]
pub struct LedgerError;

/// The ledger, which takes entries.
pub trait Ledger: Send + Sync + 'static {
    /// Records a delivery that is about to start. The way out calls this before the first byte
    /// leaves.
    ///
    /// # Errors
    /// [`LedgerError`] if the entry was not taken. Then nothing leaves.
    fn delivery(&self, entry: &Delivery) -> Result<(), LedgerError>;

    /// Records a rejected answer, and never fails, because the answer is rejected already.
    fn misdelivery(&self, entry: &Misdelivery);
}
