//! Answers each question: it asks the host, and writes what the host answered. It knows the host
//! only through [`Footage`], and must never reorder, add or drop an event.

use crate::json;
pub use eyesonly_guest::Refusal;

/// The most events in one page.
pub const MAX_EVENTS: u32 = 100;

/// One event, as its camera described it; the contract's `event`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// A canonical lower-case UUIDv7.
    pub id: String,
    /// Milliseconds since 1970-01-01T00:00:00Z.
    pub time_milliseconds: u64,
    /// One of the contract's kinds.
    pub kind: String,
    /// The camera's words about the event: text, never markup.
    pub label: String,
    /// How long the event lasted, in milliseconds.
    pub duration_milliseconds: Option<u32>,
    /// True if there is a still that the grant's right covers.
    pub has_still: bool,
    /// True if there is a clip that the grant's right covers.
    pub has_clip: bool,
}

/// Events, newest first; the contract's `page`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// The events, newest first.
    pub events: Vec<Event>,
    /// The id to ask the next page with: the next page's events come before it.
    pub next: Option<String>,
}

/// The part of the contract that this handler calls.
pub trait Footage {
    /// A clip, held open.
    type Object;

    /// Lists the events before `before`, at most `limit`.
    fn list_events(&self, before: Option<&str>, limit: u32) -> Result<Page, Refusal>;
    /// Returns one event.
    fn get_event(&self, id: &str) -> Result<Event, Refusal>;
    /// Opens the clip of an event.
    fn event_clip(&self, id: &str) -> Result<Self::Object, Refusal>;
    /// Returns the length of an object in bytes.
    fn length(&self, object: &Self::Object) -> u64;
}

/// The answer to a question.
#[derive(Debug, PartialEq, Eq)]
pub enum Answer<Object> {
    /// A JSON text.
    Json(String),
    /// The whole of this object, an MP4, and its length in bytes.
    Clip(Object, u64),
    /// The question has a wrong form.
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
            // An id of a wrong form names nothing, so its answer is the same as for an absent
            // thing.
            Refusal::NotFound | Refusal::Invalid => Answer::NotFound,
            Refusal::Unavailable => Answer::Unavailable,
            Refusal::Limit => Answer::Failed,
        }
    }
}

/// Answers with a page of events before `before` (none: from the newest), at most `limit` (1 to
/// [`MAX_EVENTS`]).
pub fn events<F: Footage>(footage: &F, before: Option<&str>, limit: u32) -> Answer<F::Object> {
    if !(1..=MAX_EVENTS).contains(&limit) {
        return Answer::BadRequest;
    }
    match footage.list_events(before, limit) {
        Ok(page) => Answer::Json(json::page(&page)),
        // A cursor names nothing. One of a wrong form is a mistake in the question.
        Err(Refusal::Invalid) => Answer::BadRequest,
        Err(refusal) => refusal.into(),
    }
}

/// Answers with one event.
pub fn event<F: Footage>(footage: &F, id: &str) -> Answer<F::Object> {
    match footage.get_event(id) {
        Ok(event) => Answer::Json(json::event(&event)),
        Err(refusal) => refusal.into(),
    }
}

/// Answers with the whole clip of an event. The host cuts the range that the client asked for.
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
