//! The component: the contract's bindings around [`crate::answer`]. It must never hold logic of its
//! own.

use crate::answer::{self, Answer, Footage, Part, Refusal, Segment, Stream};

use eyesonly_guest::{
    Body, Followed, Grant, Guest, LivePart, LiveStream, MediaType, Question, Response, Status, live,
};

struct Handler;

eyesonly_guest::export!(Handler);

impl From<live::Segment> for Segment {
    fn from(segment: live::Segment) -> Self {
        let live::Segment {
            id,
            before,
            number,
            run,
            key,
            codecs,
            width,
            height,
            time_milliseconds,
            newest_milliseconds,
            duration_milliseconds,
        } = segment;
        Self {
            id,
            before,
            number,
            run,
            key,
            codecs,
            width,
            height,
            time_milliseconds,
            newest_milliseconds,
            duration_milliseconds,
        }
    }
}

impl From<LiveStream> for Stream {
    fn from(stream: LiveStream) -> Self {
        match stream {
            LiveStream::Main => Stream::Main,
            LiveStream::Sub => Stream::Sub,
        }
    }
}

impl From<Stream> for LiveStream {
    fn from(stream: Stream) -> Self {
        match stream {
            Stream::Main => LiveStream::Main,
            Stream::Sub => LiveStream::Sub,
        }
    }
}

impl From<LivePart> for Part {
    fn from(part: LivePart) -> Self {
        match part {
            LivePart::Whole => Part::Whole,
            LivePart::Init => Part::Init,
            LivePart::Media => Part::Media,
        }
    }
}

impl From<Part> for LivePart {
    fn from(part: Part) -> Self {
        match part {
            Part::Whole => LivePart::Whole,
            Part::Init => LivePart::Init,
            Part::Media => LivePart::Media,
        }
    }
}

impl Footage for Grant {
    fn list_segments(&self, of: Stream, limit: u32) -> Result<Vec<Segment>, Refusal> {
        let segments = live::list_segments(self, of.into(), limit)?;
        Ok(segments.into_iter().map(Segment::from).collect())
    }
}

impl Guest for Handler {
    fn handle(grant: Grant, question: Question) -> Response {
        let answer = match question {
            Question::Live => answer::live(&grant),
            Question::Next(asked) => answer::next(&grant, asked.of.into(), asked.after.as_deref()),
            Question::Playlist(of) => answer::playlist(&grant, of.into()),
            Question::Segment(asked) => {
                answer::segment(&grant, asked.of.into(), asked.segment, asked.part.into())
            }
            Question::Still(_) | Question::Events(_) | Question::Event(_) | Question::Clip(_) => {
                Answer::NotFound
            }
        };
        let bytes = |text: String| Body::Bytes(text.into_bytes());
        let (status, media_type, body) = match answer {
            Answer::Json(text) => (Status::Ok, MediaType::Json, bytes(text)),
            Answer::Playlist(text) => (Status::Ok, MediaType::Playlist, bytes(text)),
            Answer::Segment(of, segment, part) => {
                let followed = Followed { of: of.into(), segment, part: part.into() };
                (Status::Ok, MediaType::Mp4, Body::Live(followed))
            }
            Answer::NotFound => (Status::NotFound, MediaType::Json, Body::Empty),
            Answer::Unavailable => (Status::Unavailable, MediaType::Json, Body::Empty),
            Answer::Failed => (Status::Failed, MediaType::Json, Body::Empty),
        };
        Response { status, media_type, body }
    }
}
