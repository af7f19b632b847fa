//! The way of each question: ask the host, write what it answered. It knows the host only through [`Footage`], and must never
//! reorder, add or drop an event.

use crate::json;

/// The most events in one page.
pub const MAX_EVENTS: u32 = 100;

/// Why the host refused; the contract's `error-code`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// There is no such thing under the grant.
    NotFound,
    /// The question had not the form it must have.
    Invalid,
    /// A limit was met.
    Limit,
    /// No layer gave a proven answer.
    Unavailable,
}

/// One event, as its camera described it; the contract's `event`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// A canonical lower-case UUIDv7.
    pub id: String,
    /// Milliseconds since 1970-01-01T00:00:00Z.
    pub time_milliseconds: u64,
    /// One of the contract's kinds.
    pub kind: String,
    /// What the camera says of it; text, never markup.
    pub label: String,
    /// How long it lasted in milliseconds.
    pub duration_milliseconds: Option<u32>,
    /// There is a still, within the grant's right.
    pub has_still: bool,
    /// There is a clip, within the grant's right.
    pub has_clip: bool,
}

/// Events, newest first; the contract's `page`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// The events, newest first.
    pub events: Vec<Event>,
    /// The id before which the next page begins.
    pub next: Option<String>,
}

/// What this handler asks of the host: the part of the contract that it uses.
pub trait Footage {
    /// A clip, held open.
    type Object;

    /// The events before `before`, at most `limit`.
    fn list_events(&self, before: Option<&str>, limit: u32) -> Result<Page, Refusal>;
    /// One event.
    fn get_event(&self, id: &str) -> Result<Event, Refusal>;
    /// The clip of an event.
    fn event_clip(&self, id: &str) -> Result<Self::Object, Refusal>;
    /// Length of an object in bytes.
    fn length(&self, object: &Self::Object) -> u64;
}

/// The answer to a question.
#[derive(Debug, PartialEq, Eq)]
pub enum Answer<Object> {
    /// This JSON.
    Json(String),
    /// The whole of this object, so many bytes long; it is an MP4.
    Clip(Object, u64),
    /// The question can't be answered as it was put.
    BadRequest,
    /// There is no such thing under the grant.
    NotFound,
    /// No layer gave a proven answer.
    Unavailable,
    /// The footage is not what it should be.
    Failed,
}

impl<Object> From<Refusal> for Answer<Object> {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            // An id of a wrong form names nothing: the same answer as for what does not exist.
            Refusal::NotFound | Refusal::Invalid => Answer::NotFound,
            Refusal::Unavailable => Answer::Unavailable,
            Refusal::Limit => Answer::Failed,
        }
    }
}

/// A page of events before `before` (none: from the newest), at most `limit` (1 to [`MAX_EVENTS`]).
pub fn events<F: Footage>(footage: &F, before: Option<&str>, limit: u32) -> Answer<F::Object> {
    if !(1..=MAX_EVENTS).contains(&limit) {
        return Answer::BadRequest;
    }
    match footage.list_events(before, limit) {
        Ok(page) => Answer::Json(json::page(&page)),
        // A cursor names no thing; one of a wrong form is a mistake in the question.
        Err(Refusal::Invalid) => Answer::BadRequest,
        Err(refusal) => refusal.into(),
    }
}

/// One event.
pub fn event<F: Footage>(footage: &F, id: &str) -> Answer<F::Object> {
    match footage.get_event(id) {
        Ok(event) => Answer::Json(json::event(&event)),
        Err(refusal) => refusal.into(),
    }
}

/// The clip of an event, whole: the host cuts the range that the client asked for.
pub fn clip<F: Footage>(footage: &F, id: &str) -> Answer<F::Object> {
    match footage.event_clip(id) {
        Ok(object) => match footage.length(&object) {
            // A range has at least one byte, and no MP4 is empty.
            0 => Answer::Failed,
            length => Answer::Clip(object, length),
        },
        Err(refusal) => refusal.into(),
    }
}
