//! The reasons why an upload is not taken. `problem.rs` of the crate `web` chooses the text and the
//! status that a client gets.

use super::digest::DigestError;
use super::form::FormError;
use crate::chain::Chain;
use crate::footage::FootageError;
use crate::index::IndexError;
use crate::store::StoreError;
use eyesonly_seal::SealError;

/// The reason why an upload was not taken. Nothing of the upload is visible, except after
/// [`Self::Unavailable`]: the commit may have happened then.
#[derive(Debug, thiserror::Error)]
pub enum IngestError {
    /// The id is not a UUIDv7, or its time lies too far ahead.
    #[error("{0}")]
    Id(&'static str),
    /// The body does not have the form of its kind.
    #[error("{0}")]
    Form(#[from] FormError),
    /// The body is not an event's description.
    #[error("{0}")]
    Description(String),
    /// The body is longer than its kind may be. Carries the limit in bytes.
    #[error("the body is longer than {0} bytes")]
    TooLarge(u64),
    /// The body is shorter or longer than its Content-Length, its connection broke, or it came too
    /// slowly.
    #[error("the body ended before it was complete")]
    Incomplete,
    /// The Content-Digest header can't be used, or does not fit the body.
    #[error("{0}")]
    Digest(#[from] DigestError),
    /// Another body is there under this id.
    #[error("there is another body under this id")]
    Conflict,
    /// The event that it belongs to is not there.
    #[error("the event is not there; hand in its description first")]
    NoEvent,
    /// A viewer deleted it, and it does not come back.
    #[error("it was deleted")]
    Deleted,
    /// The household's quota is used up.
    #[error("the household's quota is used up")]
    OverQuota,
    /// The disk has no room.
    #[error("there is no room to store it")]
    Full,
    /// Too many uploads are under way, of the household or in all.
    #[error("too many uploads are under way")]
    Busy,
    /// Too many slow uploads are under way, of the household or in all.
    #[error("too many slow uploads are under way")]
    Slow,
    /// The camera is switched off.
    #[error("the camera is switched off")]
    Off,
    /// The camera's credential was taken back while its upload was under way.
    #[error("the credential is no longer in force")]
    Revoked,
    /// A service does not answer, or sealing failed. Carries the service's name.
    #[error("{0} does not answer")]
    Unavailable(&'static str),
}

impl From<SealError> for IngestError {
    fn from(error: SealError) -> Self {
        tracing::error!(%error, "sealing failed");
        Self::Unavailable("the sealer")
    }
}

impl From<StoreError> for IngestError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Full => Self::Full,
            error => {
                tracing::error!(error = %Chain(&error), "the store did not take an upload");
                Self::Unavailable("the store")
            }
        }
    }
}

impl From<IndexError> for IngestError {
    fn from(error: IndexError) -> Self {
        match error {
            IndexError::Full => Self::Full,
            error => {
                tracing::error!(error = %Chain(&error), "the index did not take an upload");
                Self::Unavailable("the index")
            }
        }
    }
}

impl From<FootageError> for IngestError {
    fn from(_: FootageError) -> Self {
        Self::Unavailable("the index")
    }
}
