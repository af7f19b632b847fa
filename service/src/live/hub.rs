//! The hub keeps the last seconds of each live stream, sealed, and tells who waits that more has
//! come.
//!
//! Threat. The hub is NOT trusted. It may return another camera's chunk, another household's, an
//! old one, or none. It may withhold one in the middle, end a segment early, freeze the head, or
//! give a whole segment of yesterday as the head. It may give another stream's or run's init. It
//! may cut a chunk, flip a bit, or wake whoever waits for nothing. What must hold: a chunk becomes
//! footage only under a proven statement, the number that was asked for, and the grant's key. What
//! arrived long ago is no head.
//!
//! A hub must never hold plaintext.

use async_trait::async_trait;
use bytes::Bytes;
use eyesonly_gate::SealedPart;
use eyesonly_gate::live::{Statement, Stream};
use eyesonly_seal::{CameraId, FootageId, HouseholdId};
use std::error::Error;

/// One stream of one camera.
pub type Channel = (CameraId, Stream);

/// The reason why the hub did not take something.
#[derive(Debug, thiserror::Error)]
pub enum HubError {
    /// There is no room: neither for the household nor in all.
    #[error("no room for one more chunk of live view")]
    Full,
    /// The segment is not there: it was dropped meanwhile.
    #[error("the segment is gone")]
    Gone,
    /// The hub can't be reached or is broken.
    #[error("hub unavailable: {0}")]
    Unavailable(#[source] Box<dyn Error + Send + Sync>),
}

/// A segment in a listing. Nothing in it is proven.
#[derive(Debug, Clone)]
pub struct Listed {
    /// The statement, as it was given to the hub.
    pub statement: Statement,
    /// How many of its chunks have come.
    pub chunks: u64,
}

/// The hub of live streams.
#[async_trait]
pub trait LiveHub: Send + Sync + 'static {
    /// Takes the statement of a segment that starts now, behind the earlier ones of its stream.
    async fn start(
        &self,
        household: HouseholdId,
        channel: Channel,
        statement: Statement,
    ) -> Result<(), HubError>;

    /// Takes the next chunk of a segment. `number` is the count of its chunks so far.
    async fn append(
        &self,
        channel: Channel,
        segment: FootageId,
        number: u64,
        chunk: SealedPart,
    ) -> Result<(), HubError>;

    /// Lists the segments of a stream, the oldest first.
    async fn segments(&self, channel: Channel) -> Result<Vec<Listed>, HubError>;

    /// Waits until a chunk is there, and returns it. Returns `None` if the segment is gone. The
    /// caller limits the wait.
    async fn chunk(
        &self,
        channel: Channel,
        segment: FootageId,
        number: u64,
    ) -> Result<Option<Bytes>, HubError>;

    /// Waits until the newest segment that [`LiveHub::segments`] lists of a stream is another one
    /// than `newest`. The caller limits the wait.
    async fn started(&self, channel: Channel, newest: Option<FootageId>) -> Result<(), HubError>;

    /// Forgets both streams of a camera.
    async fn forget(&self, camera: CameraId) -> Result<(), HubError>;
}
