//! What goes into an instance and what comes out: questions, answers, and why there is none.
//!
//! These are the host's own types. What a guest answered becomes one of them only after it was checked; nothing here may
//! keep an instance alive.

use std::sync::Arc;

use wasmtime::Store;

use super::contract::State;
use super::contract::bindings::exports::eyesonly::edge::handler as wire;
use crate::footage::Held;

/// What the route asks a handler.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Question {
    /// A still at a width in pixels, of an event or (none) the newest.
    Still {
        /// The event's id.
        event: Option<String>,
        /// As the client wrote it.
        width: u32,
    },
    /// A page of events.
    Events {
        /// Only events before this id.
        before: Option<String>,
        /// At most so many, as the client wrote it.
        limit: u32,
    },
    /// One event.
    Event(String),
    /// An event's video.
    Clip(String),
}

/// What a handler answered, checked: lengths are within the limits, a range lies within its object.
pub struct Answer {
    /// How it went.
    pub status: Status,
    /// What the body is.
    pub media_type: MediaType,
    /// The body; empty unless the status is `Ok`.
    pub body: Body,
}

/// The statuses that a handler may choose.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// 200, or 206 and 416 by the host.
    Ok,
    /// 400
    BadRequest,
    /// 404
    NotFound,
    /// 503
    Unavailable,
    /// 500
    Failed,
}

/// The media types that a handler may answer with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MediaType {
    /// `image/jpeg`
    Jpeg,
    /// `video/mp4`
    Mp4,
    /// `application/json`
    Json,
}

/// An answer's body.
#[expect(
    clippy::large_enum_variant,
    reason = "made once a request and moved once: a box would cost more"
)]
pub enum Body {
    /// Nothing.
    Empty,
    /// Bytes from the handler's memory.
    Bytes(Vec<u8>),
    /// Bytes of an object, to be read by the host; the instance has ended.
    Footage {
        /// The object, under the grant that opened it.
        source: Held,
        /// First byte of plain footage.
        offset: u64,
        /// How many; at least 1, and `offset + length` is within the object.
        length: u64,
    },
}

/// Why a handler gave no answer. The requester learns 500 or 503; this is for the log.
#[derive(Debug, thiserror::Error)]
pub enum HandlerFailure {
    /// The guest trapped: a fault of its own, or more than its stack.
    #[error("the handler trapped: {0}")]
    Trapped(String),
    /// It was not done in time.
    #[error("the handler was not done within its deadline")]
    Deadline,
    /// It trapped after more memory was refused.
    #[error("the handler asked for more memory than it may have")]
    Memory,
    /// Too many requests are running or waiting; asking again later may work (503).
    #[error("too many requests are waiting for an instance")]
    Busy,
    /// What it answered is outside the contract.
    #[error("the handler's answer is not valid: {0}")]
    BadAnswer(&'static str),
    /// No instance could be made.
    #[error("no instance of the handler could be made: {0}")]
    Start(String),
}

/// Checks what the handler answered, and takes the object that it answered with out of the instance.
///
/// FROM GUEST: everything in `response`.
pub(super) fn checked(store: &mut Store<State>, response: wire::Response) -> Result<Answer, HandlerFailure> {
    let limits = Arc::clone(store.data().limits());
    let status = response.status.into();
    let media_type = response.media_type.into();
    if status != Status::Ok {
        let body = Body::Empty;
        return Ok(Answer {
            status,
            media_type,
            body,
        });
    }
    let body = match response.body {
        wire::Body::Empty => Body::Empty,
        wire::Body::Bytes(bytes) if bytes.len() > limits.answer_bytes_max => {
            return Err(HandlerFailure::BadAnswer("more bytes than an answer may have"));
        }
        wire::Body::Bytes(bytes) => Body::Bytes(bytes),
        wire::Body::Footage(wire::FootageRange { source, offset, length }) => {
            let source = store.data_mut().take(source);
            let source = source.ok_or(HandlerFailure::BadAnswer("an object that the instance does not hold"))?;
            if length == 0 {
                return Err(HandlerFailure::BadAnswer("a range of no bytes"));
            }
            if offset.checked_add(length).is_none_or(|end| end > source.length()) {
                return Err(HandlerFailure::BadAnswer("a range past the end of its object"));
            }
            Body::Footage { source, offset, length }
        }
    };
    Ok(Answer {
        status,
        media_type,
        body,
    })
}

impl From<Question> for wire::Question {
    fn from(question: Question) -> Self {
        match question {
            Question::Still { event, width } => Self::Still(wire::StillQuestion { event, width }),
            Question::Events { before, limit } => Self::Events(wire::EventsQuestion { before, limit }),
            Question::Event(id) => Self::Event(id),
            Question::Clip(id) => Self::Clip(id),
        }
    }
}

impl From<wire::Status> for Status {
    fn from(status: wire::Status) -> Self {
        match status {
            wire::Status::Ok => Self::Ok,
            wire::Status::BadRequest => Self::BadRequest,
            wire::Status::NotFound => Self::NotFound,
            wire::Status::Unavailable => Self::Unavailable,
            wire::Status::Failed => Self::Failed,
        }
    }
}

impl From<wire::MediaType> for MediaType {
    fn from(media_type: wire::MediaType) -> Self {
        match media_type {
            wire::MediaType::Jpeg => Self::Jpeg,
            wire::MediaType::Mp4 => Self::Mp4,
            wire::MediaType::Json => Self::Json,
        }
    }
}
