//! The component: the contract's bindings around [`crate::answer`]. It must never hold logic of its
//! own.

use crate::answer::{Answer, Footage, Refusal, answer};

use eyesonly_guest::{
    Body, FootageRange, Grant, Guest, MediaType, Object, Question, Response, Status, renditions,
};

struct Handler;

eyesonly_guest::export!(Handler);

impl Footage for Grant {
    type Object = Object;

    fn newest_still(&self) -> Result<Object, Refusal> {
        Ok(Grant::newest_still(self)?)
    }

    fn event_still(&self, event: &str) -> Result<Object, Refusal> {
        Ok(Grant::event_still(self, event)?)
    }

    fn length(&self, object: &Object) -> u64 {
        object.length()
    }

    fn read(&self, object: &Object, offset: u64, length: u32) -> Result<Vec<u8>, Refusal> {
        Ok(object.read(offset, length)?)
    }

    fn recall(&self, source: &Object, name: &str) -> Result<Option<Object>, Refusal> {
        Ok(renditions::recall(source, name)?)
    }

    fn remember(&self, source: &Object, name: &str, bytes: &[u8]) -> Result<Object, Refusal> {
        Ok(renditions::remember(source, name, bytes)?)
    }
}

impl Guest for Handler {
    fn handle(grant: Grant, question: Question) -> Response {
        let answer = match question {
            Question::Still(still) => answer(&grant, still.event.as_deref(), still.width),
            _ => Answer::NotFound,
        };
        let (status, body) = match answer {
            Answer::Rendition(source, length) => {
                (Status::Ok, Body::Footage(FootageRange { source, offset: 0, length }))
            }
            Answer::Bytes(bytes) => (Status::Ok, Body::Bytes(bytes)),
            Answer::BadRequest => (Status::BadRequest, Body::Empty),
            Answer::NotFound => (Status::NotFound, Body::Empty),
            Answer::Unavailable => (Status::Unavailable, Body::Empty),
            Answer::Failed => (Status::Failed, Body::Empty),
        };
        Response { status, media_type: MediaType::Jpeg, body }
    }
}
