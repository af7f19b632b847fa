//! Problems: every status that is not a success is chosen here (RFC 9457 problem details).
//!
//! The requester reads one text, and the log has another. INVARIANT: [`Problem::NotFound`] has one
//! text, whatever the cause.

use crate::answer::{header_text, private, ranged};
use http::{HeaderValue, Response, StatusCode, header};
use std::borrow::Cow;

/// A problem, as the client reads it: every answer that shows nothing of what was asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Problem {
    /// 304: the client has the body with this entity tag.
    NotModified(String),
    /// 400
    BadRequest(Cow<'static, str>),
    /// 401: the request has no credential that is in force.
    Unidentified,
    /// 401: the name or the password is wrong.
    WrongLogin,
    /// 403: a page of another site sent a write.
    OtherOrigin,
    /// 403: the camera is switched off.
    Off,
    /// 404: absent or not allowed. Nobody can tell which.
    NotFound,
    /// 405
    Method,
    /// 408, with the seconds that the body had.
    TooSlow(u64),
    /// 409
    Conflict(Cow<'static, str>),
    /// 410: the footage was deleted.
    Deleted,
    /// 410: there is no invitation with this token, or it does not hold any more.
    NoInvitation,
    /// 412: the body that the client means is no longer there.
    PreconditionFailed,
    /// 413, with the limit in bytes.
    TooLarge(u64),
    /// 414
    TargetTooLong,
    /// 415
    MediaType(Cow<'static, str>),
    /// 416, with the length of the whole in bytes.
    Range(u64),
    /// 422
    Unprocessable(String),
    /// 429, with the seconds to wait.
    Throttled(u64),
    /// 429: the publishers of a live stream take turns. Carries the seconds to wait.
    Flapping(u64),
    /// 500
    Failed,
    /// 501: the other edition has it. Carries why this one has not.
    NotHere(&'static str),
    /// 503: too many slow uploads are under way.
    TooManySlow,
    /// 503: another try may work.
    Unavailable,
    /// 507
    NoRoom(Cow<'static, str>),
}

impl Problem {
    /// Returns the status.
    pub const fn status(&self) -> StatusCode {
        match self {
            Self::NotModified(_) => StatusCode::NOT_MODIFIED,
            Self::BadRequest(_) => StatusCode::BAD_REQUEST,
            Self::Unidentified | Self::WrongLogin => StatusCode::UNAUTHORIZED,
            Self::OtherOrigin | Self::Off => StatusCode::FORBIDDEN,
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::Method => StatusCode::METHOD_NOT_ALLOWED,
            Self::TooSlow(_) => StatusCode::REQUEST_TIMEOUT,
            Self::Conflict(_) => StatusCode::CONFLICT,
            Self::Deleted | Self::NoInvitation => StatusCode::GONE,
            Self::PreconditionFailed => StatusCode::PRECONDITION_FAILED,
            Self::TooLarge(_) => StatusCode::PAYLOAD_TOO_LARGE,
            Self::TargetTooLong => StatusCode::URI_TOO_LONG,
            Self::MediaType(_) => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::Range(_) => StatusCode::RANGE_NOT_SATISFIABLE,
            Self::Unprocessable(_) => StatusCode::UNPROCESSABLE_ENTITY,
            Self::Throttled(_) | Self::Flapping(_) => StatusCode::TOO_MANY_REQUESTS,
            Self::Failed => StatusCode::INTERNAL_SERVER_ERROR,
            Self::NotHere(_) => StatusCode::NOT_IMPLEMENTED,
            Self::Unavailable | Self::TooManySlow => StatusCode::SERVICE_UNAVAILABLE,
            Self::NoRoom(_) => StatusCode::INSUFFICIENT_STORAGE,
        }
    }

    /// Returns the text that the client reads.
    pub fn detail(&self) -> Cow<'_, str> {
        match self {
            Self::BadRequest(detail)
            | Self::MediaType(detail)
            | Self::Conflict(detail)
            | Self::NoRoom(detail) => Cow::Borrowed(detail),
            Self::Unprocessable(detail) => Cow::Borrowed(detail),
            Self::NotHere(why) => Cow::Borrowed(why),
            Self::Unidentified => {
                "No credential that is in force came with the request. A viewer signs in. A \
                 camera uses the credential that it was issued last."
                    .into()
            }
            Self::WrongLogin => "Name or password is wrong.".into(),
            Self::OtherOrigin => {
                "A page of another site tried to change something here. If it is this edge's own \
                 page, a proxy before the edge changes the address: set `public_url` to the one \
                 in the browser."
                    .into()
            }
            Self::Off => {
                "An owner has switched this camera off. Nothing is taken until it is switched on."
                    .into()
            }
            Self::NotFound => "There is nothing here for you.".into(),
            Self::Method => "This address does not take this method.".into(),
            Self::TooSlow(seconds) => {
                format!("The body did not come within {seconds} seconds. Send it again.").into()
            }
            Self::Deleted => "It was deleted by a viewer and does not come back.".into(),
            Self::NoInvitation => {
                "This invitation or offer does not hold, or not any more. Ask for a new one.".into()
            }
            Self::NotModified(_) => "".into(),
            Self::PreconditionFailed => {
                "It is another one now than the If-Match header names. Ask again without it.".into()
            }
            Self::TooLarge(limit) => {
                format!("The body is longer than the {limit} bytes that are taken here.").into()
            }
            Self::TargetTooLong => "The address is longer than any here.".into(),
            Self::Range(length) => {
                format!("There are {length} bytes; ask for one range within them.").into()
            }
            Self::Throttled(seconds) => {
                format!("That was too often. Try again in {seconds} s.").into()
            }
            Self::Flapping(seconds) => format!(
                "Several connections of this camera hand in the same stream, and took turns too \
                 often. Let one of them go on, and try again in {seconds} s."
            )
            .into(),
            Self::TooManySlow => {
                "Too many slow uploads of this household are under way. Send one at a time, or \
                 faster than 64 KiB a second."
                    .into()
            }
            Self::Failed => "This could not be answered. It has been logged.".into(),
            Self::Unavailable => {
                "No proven answer could be had just now, or too many requests are waiting. Try \
                 again in a moment."
                    .into()
            }
        }
    }
}

impl Problem {
    /// Builds the whole answer.
    pub fn response(&self) -> Response<String> {
        let status = self.status();
        if let Self::NotModified(tag) = self {
            let mut response = Response::new(String::new());
            *response.status_mut() = status;
            private(response.headers_mut());
            ranged(response.headers_mut(), tag);
            return response;
        }
        let body = serde_json::json!({
            "type": "about:blank",
            "title": status.canonical_reason().unwrap_or_default(),
            "status": status.as_u16(),
            "detail": self.detail(),
        });
        let mut response = Response::new(body.to_string());
        *response.status_mut() = status;
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        private(headers);
        match self {
            Self::Unidentified => {
                headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
            }
            Self::Range(length) => {
                headers.insert(header::CONTENT_RANGE, header_text(&format!("bytes */{length}")));
            }
            Self::Throttled(seconds) | Self::Flapping(seconds) => {
                headers.insert(header::RETRY_AFTER, HeaderValue::from(*seconds));
            }
            Self::Unavailable => {
                headers.insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
            }
            Self::TooManySlow => {
                headers.insert(header::RETRY_AFTER, HeaderValue::from_static("120"));
            }
            _ => {}
        }
        response
    }
}

#[cfg(feature = "axum")]
impl axum_core::response::IntoResponse for Problem {
    fn into_response(self) -> axum_core::response::Response {
        self.response().map(axum_core::body::Body::from)
    }
}

/// Maps each error of the services to a problem.
#[cfg(feature = "service")]
mod of_services {
    use super::Problem;
    use eyesonly_gate::Refused;
    use eyesonly_service::admin::AdminError;
    use eyesonly_service::chain::Chain;
    use eyesonly_service::footage::FootageError;
    use eyesonly_service::identity::{HashError, LoginError};
    use eyesonly_service::ingest::{FormError, IngestError};
    #[cfg(feature = "live")]
    use eyesonly_service::live::LiveError;

    impl From<Refused> for Problem {
        fn from(refused: Refused) -> Self {
            match refused {
                Refused::Unidentified => Self::Unidentified,
                Refused::NotFound => Self::NotFound,
                Refused::Off => Self::Off,
                Refused::TooMany { seconds } => Self::Throttled(seconds.into()),
                Refused::Unavailable(..) => {
                    tracing::error!(error = %Chain(&refused), "nothing could be proven");
                    Self::Unavailable
                }
            }
        }
    }

    impl From<AdminError> for Problem {
        fn from(error: AdminError) -> Self {
            match error {
                AdminError::Refused(refused) => refused.into(),
                // Whether it is absent or another's stays unsaid.
                AdminError::Absent(_) | AdminError::Ended | AdminError::Forbidden => Self::NotFound,
                AdminError::NoInvitation | AdminError::Used => Self::NoInvitation,
                AdminError::TooMany { seconds } => Self::Throttled(seconds.into()),
                AdminError::Input(_) | AdminError::Password(_) => {
                    Self::Unprocessable(sentence(&error))
                }
                AdminError::Standing | AdminError::Taken(_) | AdminError::Changed => {
                    Self::Conflict(sentence(&error).into())
                }
                error => {
                    tracing::error!(error = %Chain(&error), "a change was not made");
                    Self::Unavailable
                }
            }
        }
    }

    /// Returns what an error says, as a sentence.
    fn sentence(error: &impl ToString) -> String {
        let text = error.to_string();
        let mut letters = text.chars();
        let first = letters.next().map(|first| first.to_uppercase().to_string());
        let end = if text.ends_with('.') { "" } else { "." };
        format!("{}{}{end}", first.unwrap_or_default(), letters.as_str())
    }

    impl From<HashError> for Problem {
        fn from(error: HashError) -> Self {
            match error {
                HashError::Password(error) => Self::Unprocessable(sentence(&error)),
                HashError::Turn(error) => error.into(),
            }
        }
    }

    impl From<FootageError> for Problem {
        fn from(error: FootageError) -> Self {
            match error {
                FootageError::NotFound | FootageError::Invalid => Self::NotFound,
                FootageError::Limit => Self::Failed,
                FootageError::Unavailable => Self::Unavailable,
            }
        }
    }

    impl From<LoginError> for Problem {
        fn from(error: LoginError) -> Self {
            match error {
                LoginError::Wrong => Self::WrongLogin,
                LoginError::Throttled(seconds) => Self::Throttled(seconds),
                LoginError::Busy | LoginError::Unavailable => Self::Unavailable,
            }
        }
    }

    #[cfg(feature = "live")]
    impl From<LiveError> for Problem {
        fn from(error: LiveError) -> Self {
            match &error {
                LiveError::Format(format) if format.is_media_type() => {
                    Self::MediaType(format.to_string().into())
                }
                LiveError::Format(_)
                | LiveError::NoInit
                | LiveError::Tracks
                | LiveError::TooFast(_)
                | LiveError::TooMany(_) => Self::Unprocessable(sentence(&error)),
                LiveError::Name | LiveError::Incomplete => {
                    Self::BadRequest(sentence(&error).into())
                }
                LiveError::Manifest(limit) => Self::TooLarge(*limit),
                LiveError::Superseded => Self::Conflict(sentence(&error).into()),
                LiveError::Flapping(_) => Self::Flapping(60),
                LiveError::Silent(seconds) => Self::TooSlow(*seconds),
                LiveError::Revoked => Self::Unidentified,
                LiveError::Off => Self::Off,
                LiveError::Full => Self::NoRoom(
                    "The edge has no room for one more live stream now. Try again later.".into(),
                ),
                LiveError::Busy | LiveError::Unavailable(_) => Self::Unavailable,
            }
        }
    }

    impl From<IngestError> for Problem {
        fn from(error: IngestError) -> Self {
            match error {
                IngestError::Id(detail) => Self::BadRequest(detail.into()),
                IngestError::Form(
                    form @ (FormError::NotJpeg | FormError::NotMp4 | FormError::QuickTime),
                ) => Self::MediaType(form.to_string().into()),
                IngestError::Form(form) => Self::Unprocessable(form.to_string()),
                IngestError::Description(detail) => Self::Unprocessable(detail),
                IngestError::TooLarge(limit) => Self::TooLarge(limit),
                IngestError::Incomplete => Self::BadRequest(
                    "The body broke off, came too slowly, or is unlike its content-length. Send \
                     it again."
                        .into(),
                ),
                IngestError::Digest(digest) => Self::BadRequest(digest.to_string().into()),
                IngestError::Conflict => Self::Conflict(
                    "Another body was handed in under this id. An id is used once.".into(),
                ),
                IngestError::NoEvent => {
                    Self::Conflict("There is no such event. Hand in its description first.".into())
                }
                IngestError::Deleted => Self::Deleted,
                IngestError::OverQuota => Self::NoRoom(
                    "The household's quota is used up. Delete events, or ask for a larger quota."
                        .into(),
                ),
                IngestError::Full => Self::NoRoom(
                    "The edge has no room to store it now. Keep it and try again later.".into(),
                ),
                IngestError::Revoked => Self::Unidentified,
                IngestError::Off => Self::Off,
                IngestError::Slow => Self::TooManySlow,
                IngestError::Busy | IngestError::Unavailable(_) => Self::Unavailable,
            }
        }
    }
}
