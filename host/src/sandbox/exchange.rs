//! The data that goes into an instance and comes out: questions, answers, and the reasons for no
//! answer.
//!
//! A guest's response becomes an answer only after it was checked. Nothing here may keep an
//! instance alive.

use std::error::Error;

use wasmtime::Store;

use super::contract::State;
use super::contract::bindings::exports::eyesonly::edge::handler as wire;
use super::contract::bindings::eyesonly::edge::types as asked;
use eyesonly_gate::live::{Part, Stream};
use eyesonly_gate::rules::{MediaType, Status};
use eyesonly_gate::{Answer, Content};
use eyesonly_service::footage::FootageError;

/// The question that a route asks a handler.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Question {
    /// A still at a width in pixels. It is the still of an event, or the newest one.
    Still {
        /// The event's id. `None` asks for the newest still.
        event: Option<String>,
        /// The width, as the client wrote it.
        width: u32,
    },
    /// A page of events.
    Events {
        /// Only events before this id.
        before: Option<String>,
        /// The most events that the client wants, as the client wrote it.
        limit: u32,
    },
    /// One event.
    Event(String),
    /// An event's video.
    Clip(String),
    /// The live streams of the camera.
    Live,
    /// The next segment of a live stream.
    Next {
        /// The stream.
        of: Stream,
        /// The segment that the client has.
        after: Option<String>,
    },
    /// The playlist of a live stream.
    Playlist(Stream),
    /// A segment of a live stream.
    Segment {
        /// The stream.
        of: Stream,
        /// The segment's id.
        segment: String,
        /// The part that is asked for.
        part: Part,
    },
}

/// Why a handler gave no answer. The requester learns only 500 or 503; the reason is for the log.
#[derive(Debug, thiserror::Error)]
pub enum HandlerFailure {
    /// The guest trapped: it had a fault, or it used more than its stack.
    #[error("the handler trapped")]
    Trapped(#[source] Box<dyn Error + Send + Sync>),
    /// The guest was not done in time.
    #[error("the handler was not done within its deadline")]
    Deadline,
    /// The guest trapped after the host had refused it more memory.
    #[error("the handler asked for more memory than it may have")]
    Memory,
    /// Too many requests are running or waiting. Another try later may work (503).
    #[error("too many requests are waiting for an instance")]
    Busy,
    /// The guest's response is outside the contract.
    #[error("the handler's answer is not valid: {0}")]
    BadAnswer(&'static str),
    /// No instance could be made.
    #[error("no instance of the handler could be made")]
    Start(#[source] Box<dyn Error + Send + Sync>),
}

/// Checks a handler's response, and takes the object that the response names out of the instance.
///
/// FROM GUEST: everything in `response`.
pub(super) async fn checked(
    store: &mut Store<State>,
    response: wire::Response,
) -> Result<Answer, HandlerFailure> {
    let mut status = response.status.into();
    let content = match response.body {
        wire::Body::Empty => Content::Empty,
        wire::Body::Bytes(bytes) => Content::Bytes(bytes.into()),
        wire::Body::Footage(wire::FootageRange { source, offset, length }) => {
            let source = store.data_mut().take(source);
            let source = source
                .ok_or(HandlerFailure::BadAnswer("an object that the instance does not hold"))?;
            Content::Footage { source: Box::new(source), offset, length }
        }
        wire::Body::Live(wire::Followed { of, segment, part }) => {
            let follows = store.data().follows(of, &segment);
            let Ok(follows) = follows else {
                // The name came from the client, and names nothing.
                return answer(store, Status::NotFound, response.media_type, Content::Empty);
            };
            match follows.await {
                Ok(source) => Content::Live { source: Box::new(source), part: part.into() },
                Err(error) => {
                    status = without(error);
                    Content::Empty
                }
            }
        }
    };
    answer(store, status, response.media_type, content)
}

fn answer(
    store: &Store<State>,
    status: Status,
    media_type: asked::MediaType,
    content: Content,
) -> Result<Answer, HandlerFailure> {
    let answers = store.data().answers(status, media_type.into(), content);
    answers.map_err(HandlerFailure::BadAnswer)
}

impl From<Question> for asked::Question {
    fn from(question: Question) -> Self {
        match question {
            Question::Still { event, width } => Self::Still(asked::StillQuestion { event, width }),
            Question::Events { before, limit } => {
                Self::Events(asked::EventsQuestion { before, limit })
            }
            Question::Event(id) => Self::Event(id),
            Question::Clip(id) => Self::Clip(id),
            Question::Live => Self::Live,
            Question::Next { of, after } => {
                Self::Next(asked::NextQuestion { of: of.into(), after })
            }
            Question::Playlist(of) => Self::Playlist(of.into()),
            Question::Segment { of, segment, part } => {
                let (of, part) = (of.into(), part.into());
                Self::Segment(asked::SegmentQuestion { of, segment, part })
            }
        }
    }
}

/// Returns the status for a segment that can't be followed.
fn without(error: FootageError) -> Status {
    match error {
        FootageError::NotFound | FootageError::Invalid => Status::NotFound,
        FootageError::Limit | FootageError::Unavailable => Status::Unavailable,
    }
}

impl From<Stream> for asked::LiveStream {
    fn from(stream: Stream) -> Self {
        match stream {
            Stream::Main => Self::Main,
            Stream::Sub => Self::Sub,
        }
    }
}

impl From<Part> for asked::LivePart {
    fn from(part: Part) -> Self {
        match part {
            Part::Whole => Self::Whole,
            Part::Init => Self::Init,
            Part::Media => Self::Media,
        }
    }
}

impl From<asked::Status> for Status {
    fn from(status: asked::Status) -> Self {
        match status {
            asked::Status::Ok => Self::Ok,
            asked::Status::BadRequest => Self::BadRequest,
            asked::Status::NotFound => Self::NotFound,
            asked::Status::Unavailable => Self::Unavailable,
            asked::Status::Failed => Self::Failed,
        }
    }
}

impl From<asked::MediaType> for MediaType {
    fn from(media_type: asked::MediaType) -> Self {
        match media_type {
            asked::MediaType::Jpeg => Self::Jpeg,
            asked::MediaType::Mp4 => Self::Mp4,
            asked::MediaType::Json => Self::Json,
            asked::MediaType::Playlist => Self::Playlist,
        }
    }
}
