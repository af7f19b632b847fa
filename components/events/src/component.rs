//! The component: the contract's bindings around [`crate::answer`]. It must never hold logic of its
//! own.

use crate::answer::{self, Answer, Footage, Refusal};

use eyesonly_guest::{
    Body, FootageRange, Grant, Guest, MediaType, Object, Question, Response, Status, events,
};

struct Handler;

eyesonly_guest::export!(Handler);

impl From<events::Event> for answer::Event {
    fn from(event: events::Event) -> Self {
        let events::Event {
            id,
            time_milliseconds,
            kind,
            label,
            duration_milliseconds,
            has_still,
            has_clip,
        } = event;
        Self { id, time_milliseconds, kind, label, duration_milliseconds, has_still, has_clip }
    }
}

impl Footage for Grant {
    type Object = Object;

    fn list_events(&self, before: Option<&str>, limit: u32) -> Result<answer::Page, Refusal> {
        let events::Page { events, next } = events::list_events(self, before, limit)?;
        Ok(answer::Page { events: events.into_iter().map(answer::Event::from).collect(), next })
    }

    fn get_event(&self, id: &str) -> Result<answer::Event, Refusal> {
        Ok(events::get_event(self, id)?.into())
    }

    fn event_clip(&self, id: &str) -> Result<Object, Refusal> {
        Ok(Grant::event_clip(self, id)?)
    }

    fn length(&self, object: &Object) -> u64 {
        object.length()
    }
}

impl Guest for Handler {
    fn handle(grant: Grant, question: Question) -> Response {
        let answer = match question {
            Question::Events(asked) => answer::events(&grant, asked.before.as_deref(), asked.limit),
            Question::Event(id) => answer::event(&grant, &id),
            Question::Clip(id) => answer::clip(&grant, &id),
            _ => Answer::NotFound,
        };
        let (status, media_type, body) = match answer {
            Answer::Json(text) => (Status::Ok, MediaType::Json, Body::Bytes(text.into_bytes())),
            Answer::Clip(source, length) => (
                Status::Ok,
                MediaType::Mp4,
                Body::Footage(FootageRange { source, offset: 0, length }),
            ),
            Answer::BadRequest => (Status::BadRequest, MediaType::Json, Body::Empty),
            Answer::NotFound => (Status::NotFound, MediaType::Json, Body::Empty),
            Answer::Unavailable => (Status::Unavailable, MediaType::Json, Body::Empty),
            Answer::Failed => (Status::Failed, MediaType::Json, Body::Empty),
        };
        Response { status, media_type, body }
    }
}
