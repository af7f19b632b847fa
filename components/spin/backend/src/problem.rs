//! Problems, as the front is told of them. For both editions `eyesonly_web::problem` chooses which
//! problem each error becomes; this file only changes the type. It must never choose words of its
//! own.

use crate::component::bindings::exports::eyesonly::spin::admission::Problem as Said;
use eyesonly_web::problem::Problem;

impl From<Problem> for Said {
    fn from(problem: Problem) -> Self {
        match problem {
            Problem::BadRequest(detail) => Self::BadRequest(detail.into_owned()),
            Problem::Unidentified => Self::Unidentified,
            Problem::WrongLogin => Self::WrongLogin,
            Problem::NotFound => Self::NotFound,
            Problem::Off => Self::Off,
            Problem::Conflict(detail) => Self::Conflict(detail.into_owned()),
            Problem::Deleted => Self::Deleted,
            Problem::NoInvitation => Self::NoInvitation,
            Problem::TooLarge(limit) => Self::TooLarge(limit),
            Problem::MediaType(detail) => Self::MediaType(detail.into_owned()),
            Problem::Unprocessable(detail) => Self::Unprocessable(detail),
            Problem::Throttled(seconds) => Self::Throttled(seconds),
            // Slow uploads have no places of their own here.
            Problem::Unavailable | Problem::TooManySlow => Self::Unavailable,
            Problem::NoRoom(detail) => Self::NoRoom(detail.into_owned()),
            // Only the front says these, because it sees the request, or only the native host. No
            // error of a service here becomes one.
            Problem::Failed
            | Problem::NotHere(_)
            | Problem::Flapping(_)
            | Problem::OtherOrigin
            | Problem::Method
            | Problem::TooSlow(_)
            | Problem::TargetTooLong
            | Problem::NotModified(_)
            | Problem::PreconditionFailed
            | Problem::Range(_) => Self::Failed,
        }
    }
}
