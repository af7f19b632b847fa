//! The ledger: who received what, when, under which grant; and every rejected answer.
//!
//! It must never hold footage, a name that a person gave, or a credential.

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
    /// Many waiters, one read.
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
    /// What brings a camera's body to ingest.
    Ingest,
    /// The way out of a response.
    WayOut,
}

impl Seam {
    /// All of them, each with its name in metrics and logs.
    pub const ALL: [(Self, &str); 11] = [
        (Self::MemoryTier, "memory_tier"),
        (Self::DiskTier, "disk_tier"),
        (Self::SharedTier, "shared_tier"),
        (Self::Coalescer, "coalescer"),
        (Self::Store, "store"),
        (Self::Registry, "registry"),
        (Self::Sessions, "sessions"),
        (Self::Index, "index"),
        (Self::Keyring, "keyring"),
        (Self::Ingest, "ingest"),
        (Self::WayOut, "way_out"),
    ];

    /// Its name.
    #[must_use]
    pub fn name(self) -> &'static str {
        Self::ALL.get(self as usize).map_or("", |(_, name)| name)
    }
}

/// An answer that did not prove its question: rejected and counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Misdelivery {
    /// When, milliseconds since 1970.
    pub at_milliseconds: u64,
    /// Where.
    pub seam: Seam,
    /// What was wrong.
    pub fault: Fault,
    /// Whose question it was, as far as that was known.
    pub camera: Option<CameraId>,
}

/// What was handed out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Handed {
    /// The list of cameras.
    Cameras,
    /// A still.
    Still,
    /// Event details.
    Events,
    /// An event's video, or a part of it.
    Clip,
    /// Nothing was shown: an event was deleted.
    Deletion,
}

/// One response, as it is about to leave.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Delivery {
    /// When, milliseconds since 1970.
    pub at_milliseconds: u64,
    /// To whom.
    pub viewer: ViewerId,
    /// In which session.
    pub session: SessionId,
    /// Whose footage; none for the list of cameras.
    pub source: Option<(HouseholdId, CameraId)>,
    /// What.
    pub handed: Handed,
    /// Which event, where the question named one.
    pub event: Option<FootageId>,
    /// Bytes of the body.
    pub body_bytes: u64,
}

/// The ledger did not take an entry: nothing may leave.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the ledger did not take the entry")]
pub struct LedgerError;

/// Takes entries.
pub trait Ledger: Send + Sync + 'static {
    /// Records a delivery that is about to start; called before the first byte leaves.
    ///
    /// # Errors
    /// [`LedgerError`]: nothing leaves.
    fn delivery(&self, entry: &Delivery) -> Result<(), LedgerError>;

    /// Records a rejected answer. Never fails: rejecting is done already.
    fn misdelivery(&self, entry: &Misdelivery);
}
