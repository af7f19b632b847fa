//! Why a change was not made. What a message says must never hold a secret.

use eyesonly_gate::registry::RegistryError;
use eyesonly_gate::{KeysError, Refused};
use eyesonly_rights::RecordError;

use crate::footage::FootageError;
use crate::identity::PasswordError;
use crate::index::IndexError;
use crate::listing::ListError;

/// Why nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum AdminError {
    /// A name or number can't be used.
    #[error("{0}")]
    Input(String),
    /// There is no such household, camera or viewer.
    #[error("there is no such {0}; `eyesonly {0} list` shows what there is")]
    Absent(&'static str),
    /// There is no invitation with this token, or it does not hold any more.
    #[error("there is no such invitation, or it does not hold any more; ask for a new one")]
    NoInvitation,
    /// Somebody else has asked with this invitation.
    #[error("somebody else has used this invitation; ask for one of your own")]
    Used,
    /// The viewer has a right to a camera that an invitation offers.
    #[error("this account may see one of these cameras already, and that stays as it is")]
    Standing,
    /// The account has changed since its password was checked.
    #[error("the account has changed meanwhile; sign in again")]
    Changed,
    /// Nothing allows the viewer to do this.
    #[error("nothing allows this viewer to do this")]
    Forbidden,
    /// The viewer has changed too much in too short a time.
    #[error("that was too often; try again in {seconds} s")]
    TooMany {
        /// When the viewer may try again, in seconds from now.
        seconds: u32,
    },
    /// The login name is taken.
    #[error("the name {0:?} is taken; choose another")]
    Taken(String),
    /// The password can't be used.
    #[error(transparent)]
    Password(#[from] PasswordError),
    /// The registry does not answer.
    #[error(transparent)]
    Registry(RegistryError),
    /// The registry does not answer with a proven record.
    #[error(transparent)]
    Refused(#[from] Refused),
    /// The registry does not answer with a proven list.
    #[error("the registry does not answer with a proven list")]
    NoList,
    /// A record can't be sealed.
    #[error(transparent)]
    Record(#[from] RecordError),
    /// Keys.
    #[error(transparent)]
    Keys(#[from] KeysError),
    /// The camera has ended already.
    #[error(
        "this camera's enrolment has ended already; `eyesonly camera add` enrols a device anew"
    )]
    Ended,
    /// The index does not answer.
    #[error(transparent)]
    Index(#[from] IndexError),
    /// The index does not answer with a proven answer.
    #[error("the index does not answer")]
    Footage(#[from] FootageError),
    /// Somebody else wrote meanwhile; tried again by [`super::Admin`].
    #[error("others are changing the same household; try again")]
    Conflict,
}

impl From<ListError> for AdminError {
    fn from(error: ListError) -> Self {
        match error {
            ListError::Unproven => Self::NoList,
            ListError::Registry(error) => error.into(),
        }
    }
}

impl From<RegistryError> for AdminError {
    fn from(error: RegistryError) -> Self {
        match error {
            RegistryError::Conflict => Self::Conflict,
            error => Self::Registry(error),
        }
    }
}
