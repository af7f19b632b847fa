//! The ledger records who received what, when and in which session. Each rejected answer is
//! recorded too. [`crate::entry`] has what an entry says, and how it is sealed.
//!
//! The ledger must never hold footage, a name that a person gave, or a credential.

use crate::entry::{Entry, Opened, Owner};
use async_trait::async_trait;
use eyesonly_rights::Fault;
use eyesonly_seal::{CameraId, FootageId, HouseholdId, SessionId, ViewerId};

/// A place where the host asks and something else answers. Their order is part of the ledger's
/// format: a new one comes last.
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
    /// All seams in their order, each with its name in metrics and logs.
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

/// The thing that was handed out. The codes are part of the ledger's format and never change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Handed {
    /// The list of cameras.
    Cameras = 0,
    /// A still.
    Still = 1,
    /// The details of events.
    Events = 2,
    /// An event's video, or a part of it.
    Clip = 3,
    /// A segment of the live view, or a playlist of segments.
    Live = 4,
    /// Nothing, because an event was deleted.
    Deletion = 5,
}

impl Handed {
    /// All of them, in the order of their codes.
    pub const ALL: [Self; 6] =
        [Self::Cameras, Self::Still, Self::Events, Self::Clip, Self::Live, Self::Deletion];

    /// Says whether an entry of it may cover further deliveries: the same still again, or the next
    /// picture of the live view. Such an entry has no end, unless it was withheld.
    #[must_use]
    pub fn covers_more(self) -> bool {
        matches!(self, Self::Still | Self::Live)
    }
}

/// One response, as it is about to leave.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Delivery {
    /// The delivery's own number, which is random. Its start and its end have the same.
    pub number: [u8; 16],
    /// When it is about to leave, or has left, in milliseconds since 1970.
    pub at_milliseconds: u64,
    /// Until when further pictures of the live view may leave that have no entry of their own, in
    /// milliseconds since 1970. 0 for anything else.
    pub until_milliseconds: u64,
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
    /// What was opened for it by the time at which it was entered.
    pub opened: Opened,
    /// The length of the body in bytes. It is 0 for a live segment, whose length nobody knows yet.
    pub body_bytes: u64,
}

impl Delivery {
    /// Returns whose entry it is.
    #[must_use]
    pub fn owner(&self) -> Owner {
        self.source.map_or(Owner::Viewer(self.viewer), |(household, _)| Owner::Household(household))
    }
}

/// The error of a ledger that did not take an entry. Then nothing may leave.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum LedgerError {
    /// It takes nothing: it is closed or full, or its disk failed.
    #[error("the ledger did not take the entry")]
    Closed,
    /// Too many entries wait for the disk.
    #[error("the ledger is busy")]
    Busy,
    /// The disk took too long. The entry may be there.
    #[error("the ledger took too long")]
    Late,
    /// This viewer has too many entries.
    #[error("this viewer has received too much in too short a time")]
    TooMany {
        /// When the viewer may have the next one, in seconds from now.
        seconds: u32,
    },
}

/// The ledger, which takes entries.
#[async_trait]
pub trait Ledger: Send + Sync + 'static {
    /// Records that a delivery is about to start. It returns when the entry can't be lost any more.
    /// The way out calls this before the first byte leaves. Returns false if an entry that is there
    /// covers this delivery too, as that of a live view covers the next picture.
    ///
    /// # Errors
    /// [`LedgerError`] if the entry was not taken. Then nothing leaves.
    async fn starts(&self, entry: &Entry<'_>) -> Result<bool, LedgerError>;

    /// Notes that the last decision about a delivery has passed, so that it leaves. Its entry
    /// covers further ones only from now on.
    fn lets_out(&self, entry: &Entry<'_>);

    /// Records how a delivery ended, as well as it can. Nobody waits for it. Without such an entry,
    /// it counts that all may have left of which the first one spoke.
    fn ends(&self, entry: &Entry<'_>);

    /// Records a rejected answer, and never fails, because the answer is rejected already.
    fn misdelivery(&self, entry: &Misdelivery);
}
