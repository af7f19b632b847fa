//! Why an upload was not taken. What the outside reads of it, and which status it gets, is chosen in `http::problem`.

use super::digest::DigestError;
use super::form::FormError;
use crate::footage::FootageError;
use crate::index::IndexError;
use crate::store::StoreError;
use eyesonly_seal::SealError;

/// Why an upload was not taken. Nothing has changed then.
#[derive(Debug, thiserror::Error)]
pub enum IngestError {
    /// The id is not one, or lies ahead.
    #[error("{0}")]
    Id(&'static str),
    /// The body is not what it says it is.
    #[error("{0}")]
    Form(#[from] FormError),
    /// The description of an event is not one.
    #[error("{0}")]
    Description(String),
    /// The body is too long for what it is. Carries the limit in bytes.
    #[error("the body is longer than {0} bytes")]
    TooLarge(u64),
    /// The body ended before its content-length, or the connection did.
    #[error("the body ended before it was complete")]
    Incomplete,
    /// The Content-Digest header can't be used.
    #[error("{0}")]
    Digest(#[from] DigestError),
    /// Another body is there under this id.
    #[error("there is another body under this id")]
    Conflict,
    /// The event it belongs to is not there.
    #[error("the event is not there; hand in its description first")]
    NoEvent,
    /// It was deleted by a viewer; it does not come back.
    #[error("it was deleted")]
    Deleted,
    /// The household's quota.
    #[error("the household's quota is used up")]
    OverQuota,
    /// The disk.
    #[error("there is no room to store it")]
    Full,
    /// Too many uploads of the household are under way.
    #[error("too many uploads are under way")]
    Busy,
    /// The camera's credential was taken back while its upload was under way.
    #[error("the credential is no longer in force")]
    Revoked,
    /// Store or index does not answer.
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
                tracing::error!(%error, "the store did not take an upload");
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
                tracing::error!(%error, "the index did not take an upload");
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
