//! Live view: takes in the streams of cameras, and gives their segments out under grants while they
//! are being made.
//!
//! INVARIANT: a fragment is sealed as it arrives, after the camera's right was decided again.
//! Nothing of live view is written to a disk. This module must never believe the hub: what it
//! returns is opened under a proven statement.

mod error;
mod follow;
pub mod fragments;
mod hub;
#[cfg(any(test, feature = "conformance"))]
pub mod hub_conformance;
mod intake;
mod memory;
mod notes;
mod pace;
mod places;
mod publish;
mod reader;
mod room;
mod session;
#[cfg(test)]
mod tests;

pub use error::LiveError;
pub use follow::{Followed, NEWEST_MAX, Shown};
pub use hub::{Channel, HubError, Listed, LiveHub};
pub use memory::{MemoryHub, RING_MILLISECONDS};
pub use notes::{Closing, Opening};
pub use reader::MEGABITS_MAX;
pub use session::MANIFEST_BYTES_MAX;

use crate::sync::Mutex;
use crate::turns::Turns;
use eyesonly_gate::{Admission, Clock};
use eyesonly_seal::{CameraId, FootageId, HouseholdId, SessionId, ViewerId};
use intake::Intake;
use places::Places;
use room::Room;
use session::Sessions;
use std::collections::HashMap;
use std::sync::Arc;

/// The most streams that are taken in at once.
pub const STREAMS_MAX: usize = 512;
/// The most streams of one household at once: both of 32 cameras.
pub const STREAMS_OF_HOUSEHOLD_MAX: usize = 64;
/// The most waiting requests of one viewer: one for each tile of a wall, and some that reopen.
pub const WAITING_OF_VIEWER_MAX: usize = 32;
/// The most waiting requests of one household.
pub const WAITING_OF_HOUSEHOLD_MAX: usize = 128;
/// The most waiting requests in all.
pub const WAITING_MAX: usize = 2048;
/// The most segments that one session follows at once.
pub const FOLLOWED_OF_SESSION_MAX: usize = 48;

/// The live streams of all cameras.
pub struct Live {
    hub: Arc<dyn LiveHub>,
    admission: Arc<Admission>,
    clock: Arc<dyn Clock>,
    intakes: Mutex<HashMap<Channel, Arc<tokio::sync::Mutex<Intake>>>>,
    sessions: Sessions,
    /// The newest segment of each stream that this process has taken in, or seen proven. The head
    /// never goes back behind it.
    heads: Mutex<HashMap<Channel, FootageId>>,
    streams: Arc<Turns>,
    /// What came of fragments that are not whole yet.
    room: Arc<Room>,
    waiting: Waiting,
    followed: Arc<Places<SessionId>>,
}

/// What is under way at a moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UnderWay {
    /// The streams that are being handed in.
    pub streams: usize,
    /// The segments that are being followed.
    pub followed: usize,
    /// The requests that wait for a segment.
    pub waiting: usize,
}

/// The places of those who wait.
struct Waiting {
    of_viewers: Arc<Places<ViewerId>>,
    of_households: Arc<Places<HouseholdId>>,
    all: Arc<Places<()>>,
}

impl Live {
    /// Makes live view over a hub.
    pub fn new(
        hub: Arc<dyn LiveHub>,
        admission: Arc<Admission>,
        clock: Arc<dyn Clock>,
    ) -> Arc<Self> {
        Arc::new(Self {
            hub,
            admission,
            clock,
            intakes: Mutex::default(),
            sessions: Sessions::default(),
            heads: Mutex::default(),
            streams: Turns::new(STREAMS_MAX, STREAMS_OF_HOUSEHOLD_MAX, 0),
            room: Arc::default(),
            waiting: Waiting {
                of_viewers: Places::new(WAITING_OF_VIEWER_MAX),
                of_households: Places::new(WAITING_OF_HOUSEHOLD_MAX),
                all: Places::new(WAITING_MAX),
            },
            followed: Places::new(FOLLOWED_OF_SESSION_MAX),
        })
    }

    /// Counts what is under way.
    pub fn under_way(&self) -> UnderWay {
        let handed_in = |intakes: &HashMap<_, _>| {
            intakes.values().filter(|intake| publish::is_used(intake)).count()
        };
        UnderWay {
            streams: self.intakes.lock().map_or(0, |intakes| handed_in(&intakes)),
            followed: self.followed.taken(),
            waiting: self.waiting.all.taken(),
        }
    }

    /// Drops what is there of a camera's live streams, which takes nothing more.
    pub async fn drop_camera(&self, camera: CameraId) {
        match self.hub.forget(camera).await {
            Ok(()) => self.forget_heads(camera),
            Err(error) => tracing::warn!(%error, "the hub did not forget a camera"),
        }
    }

    /// Returns the newest segment that is known of a stream.
    fn head(&self, channel: Channel) -> Option<FootageId> {
        self.heads.lock().ok()?.get(&channel).copied()
    }

    /// Forgets the heads of a camera whose segments the hub was told to forget: an honest hub has
    /// none of them any more.
    fn forget_heads(&self, camera: CameraId) {
        if let Ok(mut heads) = self.heads.lock() {
            heads.retain(|(of, _), _| *of != camera);
        }
    }

    /// Notes a proven segment. The newest of a stream never goes back.
    fn saw(&self, channel: Channel, segment: FootageId) {
        if let Ok(mut heads) = self.heads.lock() {
            let newest = heads.entry(channel).or_insert(segment);
            *newest = segment.max(*newest);
        }
    }
}
