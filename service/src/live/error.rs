//! The reasons why a live stream is not taken any further. `problem.rs` of the crate `web` chooses
//! the status.

use super::fragments::FragmentError;
use super::hub::HubError;
use crate::chain::Chain;
use eyesonly_gate::Refused;
use eyesonly_seal::SealError;

/// The reason why a live stream, or a file of one, was not taken. Nothing that comes after it is
/// shown.
#[derive(Debug, thiserror::Error)]
pub enum LiveError {
    /// The bytes are not what a live stream may have.
    #[error("{0}")]
    Format(#[from] FragmentError),
    /// A fragment came without the init that it needs.
    #[error("no init came for this fragment: the stream starts with ftyp and moov")]
    NoInit,
    /// The name of a file, a track or a session is not allowed.
    #[error("a name has 1 to 64 characters of A-Z, a-z, 0-9, `.`, `_` and `-`")]
    Name,
    /// The session has more video tracks than a camera has streams.
    #[error("a session has at most two video tracks, which become the streams main and sub")]
    Tracks,
    /// The manifest is longer than it may be. Carries the limit in bytes.
    #[error("the manifest is longer than {0} bytes")]
    Manifest(u64),
    /// A newer publisher hands in the same stream.
    #[error("a newer connection of this camera hands in this stream now; this one is closed")]
    Superseded,
    /// The publishers of a stream take turns too often.
    #[error("publishers of this stream took turns more than {0} times in a minute")]
    Flapping(usize),
    /// The stream has more bytes a second than it may have.
    #[error("the stream has more than {0} Mbit/s")]
    TooFast(u64),
    /// The stream has more fragments a second than it may have.
    #[error("the stream has more than {0} fragments a second; a fragment a picture is enough")]
    TooMany(u32),
    /// No whole fragment came in time.
    #[error("no whole fragment came for {0} seconds")]
    Silent(u64),
    /// The body ended within a box, or its connection broke.
    #[error("the stream ended in the middle of a fragment")]
    Incomplete,
    /// The camera is switched off.
    #[error("the camera is switched off")]
    Off,
    /// The camera's credential is not in force any more.
    #[error("the credential is no longer in force")]
    Revoked,
    /// Too many streams are under way, of the household or in all.
    #[error("too many live streams are under way")]
    Busy,
    /// The hub has no room.
    #[error("there is no room for one more live stream")]
    Full,
    /// A service does not answer, or sealing failed. Carries the service's name.
    #[error("{0} does not answer")]
    Unavailable(&'static str),
}

impl From<SealError> for LiveError {
    fn from(error: SealError) -> Self {
        tracing::error!(%error, "sealing a live chunk failed");
        Self::Unavailable("the sealer")
    }
}

impl From<HubError> for LiveError {
    fn from(error: HubError) -> Self {
        match error {
            HubError::Full => Self::Full,
            error => {
                tracing::warn!(error = %Chain(&error), "the hub did not take a live chunk");
                Self::Unavailable("the hub")
            }
        }
    }
}

impl From<Refused> for LiveError {
    fn from(refused: Refused) -> Self {
        match refused {
            Refused::Unavailable(seam, _) => Self::Unavailable(seam.name()),
            Refused::Off => Self::Off,
            _ => Self::Revoked,
        }
    }
}
