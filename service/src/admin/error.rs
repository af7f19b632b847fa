//! Why a change was not made. What a message says must never hold a secret.

use eyesonly_gate::registry::RegistryError;
use eyesonly_gate::{KeysError, Refused};
use eyesonly_rights::RecordError;

use crate::footage::FootageError;
use crate::identity::PasswordError;
use crate::index::IndexError;

/// Why nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum AdminError {
    /// A name or number can't be used.
    #[error("{0}")]
    Input(String),
    /// There is no such household, camera or viewer.
    #[error("there is no such {0}; `eyesonly {0} list` shows what there is")]
    Absent(&'static str),
    /// The login name is taken.
    #[error("the name {0:?} is taken; choose another")]
    Taken(String),
    /// The password can't be used.
    #[error("{0}")]
    Password(#[from] PasswordError),
    /// The registry does not answer, or not with a proven answer.
    #[error("{0}")]
    Registry(String),
    /// Keys.
    #[error("{0}")]
    Keys(#[from] KeysError),
    /// The camera has ended already.
    #[error(
        "this camera's enrolment has ended already; `eyesonly camera add` enrols a device anew"
    )]
    Ended,
    /// The index does not answer.
    #[error("{0}")]
    Index(#[from] IndexError),
    /// Somebody else wrote meanwhile; tried again by [`super::Admin`].
    #[error("others are changing the same household; try again")]
    Conflict,
}

impl From<RegistryError> for AdminError {
    fn from(error: RegistryError) -> Self {
        match error {
            RegistryError::Conflict => Self::Conflict,
            error => Self::Registry(error.to_string()),
        }
    }
}

impl From<Refused> for AdminError {
    fn from(refused: Refused) -> Self {
        Self::Registry(refused.to_string())
    }
}

impl From<FootageError> for AdminError {
    fn from(_: FootageError) -> Self {
        Self::Registry("the index does not answer".to_owned())
    }
}

impl From<RecordError> for AdminError {
    fn from(error: RecordError) -> Self {
        Self::Registry(error.to_string())
    }
}
