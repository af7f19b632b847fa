//! Turns the backend's problems into those that both editions write.

use crate::bindings::eyesonly::spin::admission;
use eyesonly_web::problem::Problem;

impl From<admission::Problem> for Problem {
    fn from(problem: admission::Problem) -> Self {
        use admission::Problem as Said;
        match problem {
            Said::BadRequest(detail) => Self::BadRequest(detail.into()),
            Said::Unidentified => Self::Unidentified,
            Said::WrongLogin => Self::WrongLogin,
            Said::Off => Self::Off,
            Said::NotFound => Self::NotFound,
            Said::Conflict(detail) => Self::Conflict(detail.into()),
            Said::Deleted => Self::Deleted,
            Said::NoInvitation => Self::NoInvitation,
            Said::TooLarge(limit) => Self::TooLarge(limit),
            Said::MediaType(detail) => Self::MediaType(detail.into()),
            Said::Unprocessable(detail) => Self::Unprocessable(detail),
            Said::Throttled(seconds) => Self::Throttled(seconds),
            Said::Failed => Self::Failed,
            Said::Unavailable => Self::Unavailable,
            Said::NoRoom(detail) => Self::NoRoom(detail.into()),
        }
    }
}
