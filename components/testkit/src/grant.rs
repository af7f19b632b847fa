//! The scripted grant: it answers as a test scripted it, and notes what it was asked. It uses no
//! wasm and no host.
//!
//! Every field is one answer; a test sets those that it needs. It must never answer what the
//! contract refuses in any case. That is a range past the end, a wrong rendition name, a rendition
//! of one of two objects, or a ninth open object. It does not check ids: a test that needs the
//! refusal of a wrong id scripts [`ErrorCode::Invalid`].

use std::cell::{Cell, RefCell};
use std::rc::Rc;

// The limits are copies, so that a handler's native tests need not build any cryptography. The test
// `the_limits_are_those_of_the_gate` compares the copies with the gate's.

/// The most objects that an instance may hold open at once.
const OBJECTS_MAX: u32 = 8;
/// The most bytes of one read.
const READ_BYTES_MAX: u32 = 16 << 20;
/// The most bytes of one rendition.
const RENDITION_BYTES_MAX: usize = 1_000_000;
/// The most events in one page.
const EVENTS_MAX: u32 = 100;

/// Why a question has no answer; the contract's `error-code`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorCode {
    /// There is no such thing under this grant.
    NotFound,
    /// The question has a wrong form.
    Invalid,
    /// A limit was exceeded.
    Limit,
    /// No layer gave a proven answer.
    Unavailable,
}

/// The kinds that the grant's right allows; the contract's `kinds`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Kinds {
    /// The newest still.
    pub live: bool,
    /// Events, their details and their stills.
    pub events: bool,
    /// Event videos.
    pub clips: bool,
}

/// A grant that answers what a test scripted.
///
/// `Event` and `Page` are the handler's own types for the results of `get-event` and `list-events`.
/// A handler that calls neither leaves them out.
#[derive(Debug)]
pub struct Grant<Event = (), Page = ()> {
    /// The kinds that the right allows. The grant only tells them to the handler, and does not
    /// enforce them: the fields below script what the handler gets.
    pub kinds: Kinds,
    /// The bytes of the newest still.
    pub newest_still: Result<Vec<u8>, ErrorCode>,
    /// The bytes of an event's still.
    pub event_still: Result<Vec<u8>, ErrorCode>,
    /// The bytes of an event's video.
    pub event_clip: Result<Vec<u8>, ErrorCode>,
    /// A page of events.
    pub list_events: Result<Page, ErrorCode>,
    /// One event.
    pub get_event: Result<Event, ErrorCode>,
    /// The result of each read.
    pub read: Result<(), ErrorCode>,
    /// The most bytes that one read returns. A small number shows that a handler does not count on
    /// whole pieces.
    pub read_bytes_max: u32,
    /// The bytes of the stored rendition, or none: then this instance makes it.
    pub recall: Result<Option<Vec<u8>>, ErrorCode>,
    /// The result of keeping a rendition.
    pub remember: Result<(), ErrorCode>,
    /// The calls so far. The field is public so that `..Grant::default()` can be written; a test
    /// reads it with [`Grant::asked`].
    pub notes: Notes,
}

/// The notes of a grant: the calls, the renditions kept, and the objects opened.
#[derive(Debug, Default)]
pub struct Notes {
    asked: RefCell<Vec<String>>,
    remembered: RefCell<Vec<(String, Vec<u8>)>>,
    making: RefCell<Option<String>>,
    opened: Cell<u32>,
    held: Rc<Cell<u32>>,
}

impl<Event, Page> Default for Grant<Event, Page> {
    /// Allows every kind, has no footage, and keeps renditions.
    fn default() -> Self {
        Self {
            kinds: Kinds { live: true, events: true, clips: true },
            newest_still: Err(ErrorCode::NotFound),
            event_still: Err(ErrorCode::NotFound),
            event_clip: Err(ErrorCode::NotFound),
            list_events: Err(ErrorCode::NotFound),
            get_event: Err(ErrorCode::NotFound),
            read: Ok(()),
            read_bytes_max: READ_BYTES_MAX,
            recall: Ok(None),
            remember: Ok(()),
            notes: Notes::default(),
        }
    }
}

/// A piece of footage or a rendition, held open. Two are equal if they have the same bytes and are
/// both renditions or both not.
#[derive(Debug)]
pub struct Object {
    bytes: Vec<u8>,
    is_rendition: bool,
    /// The object counts as open for as long as this lives; none for an object that a test made to
    /// compare with.
    _room: Option<Room>,
}

impl PartialEq for Object {
    fn eq(&self, other: &Self) -> bool {
        (self.is_rendition, &self.bytes) == (other.is_rendition, &other.bytes)
    }
}

impl Eq for Object {}

impl Object {
    /// Makes an object that equals a rendition with these bytes.
    pub fn rendition(bytes: impl Into<Vec<u8>>) -> Self {
        Self { bytes: bytes.into(), is_rendition: true, _room: None }
    }

    /// Returns true for an object from `recall` or `remember`, and false for one opened through the
    /// grant.
    pub fn is_rendition(&self) -> bool {
        self.is_rendition
    }

    /// Returns all its bytes.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }
}

#[derive(Debug)]
struct Room(Rc<Cell<u32>>);

impl Drop for Room {
    fn drop(&mut self) {
        self.0.set(self.0.get() - 1);
    }
}

impl<Event: Clone, Page: Clone> Grant<Event, Page> {
    /// Makes a grant with this still, as the newest and as any event's.
    pub fn with_still(jpeg: &[u8]) -> Self {
        Self { newest_still: Ok(jpeg.to_vec()), event_still: Ok(jpeg.to_vec()), ..Self::default() }
    }

    /// Returns the calls so far, in order: `newest`, `event ID`, `clip ID`, `list BEFORE LIMIT`,
    /// `get ID`, `read`, `recall NAME`, `remember NAME`. Refused calls are listed too. Calls of
    /// `length` and `kinds` are not listed.
    pub fn asked(&self) -> Vec<String> {
        self.notes.asked.borrow().clone()
    }

    /// Returns the renditions that were kept: name and bytes.
    pub fn remembered(&self) -> Vec<(String, Vec<u8>)> {
        self.notes.remembered.borrow().clone()
    }

    /// Answers the contract's `grant.kinds`.
    pub fn kinds(&self) -> Kinds {
        self.kinds
    }

    /// Answers the contract's `grant.newest-still`.
    ///
    /// # Errors
    /// As scripted; [`ErrorCode::Limit`] for a ninth object.
    pub fn newest_still(&self) -> Result<Object, ErrorCode> {
        self.note("newest".to_owned());
        self.open(&self.newest_still)
    }

    /// Answers the contract's `grant.event-still`.
    ///
    /// # Errors
    /// As [`Self::newest_still`].
    pub fn event_still(&self, event: &str) -> Result<Object, ErrorCode> {
        self.note(format!("event {event}"));
        self.open(&self.event_still)
    }

    /// Answers the contract's `grant.event-clip`.
    ///
    /// # Errors
    /// As [`Self::newest_still`].
    pub fn event_clip(&self, event: &str) -> Result<Object, ErrorCode> {
        self.note(format!("clip {event}"));
        self.open(&self.event_clip)
    }

    /// Answers the contract's `list-events`.
    ///
    /// # Errors
    /// As scripted; [`ErrorCode::Invalid`] for a limit of 0, [`ErrorCode::Limit`] for one over 100.
    pub fn list_events(&self, before: Option<&str>, limit: u32) -> Result<Page, ErrorCode> {
        self.note(format!("list {before:?} {limit}"));
        match limit {
            0 => Err(ErrorCode::Invalid),
            1..=EVENTS_MAX => self.list_events.clone(),
            _ => Err(ErrorCode::Limit),
        }
    }

    /// Answers the contract's `get-event`.
    ///
    /// # Errors
    /// As scripted.
    pub fn get_event(&self, id: &str) -> Result<Event, ErrorCode> {
        self.note(format!("get {id}"));
        self.get_event.clone()
    }

    /// Answers the contract's `object.length`.
    pub fn length(&self, object: &Object) -> u64 {
        object.bytes.len() as u64
    }

    /// Answers the contract's `object.read`.
    ///
    /// # Errors
    /// As scripted; [`ErrorCode::Invalid`] from the end on and for no bytes, [`ErrorCode::Limit`]
    /// for too many.
    pub fn read(&self, object: &Object, offset: u64, length: u32) -> Result<Vec<u8>, ErrorCode> {
        self.note("read".to_owned());
        if offset >= object.bytes.len() as u64 || length == 0 {
            return Err(ErrorCode::Invalid);
        }
        if length > READ_BYTES_MAX {
            return Err(ErrorCode::Limit);
        }
        self.read?;
        let from = usize::try_from(offset).unwrap();
        let rest = &object.bytes[from..];
        let length = usize::try_from(length.min(self.read_bytes_max)).unwrap();
        Ok(rest[..length.min(rest.len())].to_vec())
    }

    /// Answers the contract's `recall`. It finds what was remembered under this grant.
    ///
    /// # Errors
    /// As scripted; [`ErrorCode::Invalid`] for a wrong name or a rendition of a rendition,
    /// [`ErrorCode::Limit`] while another is being made.
    pub fn recall(&self, source: &Object, name: &str) -> Result<Option<Object>, ErrorCode> {
        self.note(format!("recall {name}"));
        if source.is_rendition || !is_rendition_name(name) {
            return Err(ErrorCode::Invalid);
        }
        if self.notes.making.borrow().is_some() || !self.has_room() {
            return Err(ErrorCode::Limit);
        }
        let remembered =
            self.notes.remembered.borrow().iter().find(|(kept, _)| kept == name).cloned();
        let found = match remembered {
            Some((_, bytes)) => Some(bytes),
            None => self.recall.clone()?,
        };
        if found.is_none() {
            self.notes.making.replace(Some(name.to_owned()));
        }
        found.map(|bytes| self.hold(bytes, true)).transpose()
    }

    /// Answers the contract's `remember`.
    ///
    /// # Errors
    /// As scripted. [`ErrorCode::Invalid`] for a wrong name, no bytes, a rendition of a rendition,
    /// or if not exactly one object was opened. [`ErrorCode::Limit`] above 1,000,000 bytes.
    pub fn remember(&self, source: &Object, name: &str, bytes: &[u8]) -> Result<Object, ErrorCode> {
        self.note(format!("remember {name}"));
        if source.is_rendition
            || !is_rendition_name(name)
            || self.notes.opened.get() != 1
            || bytes.is_empty()
        {
            return Err(ErrorCode::Invalid);
        }
        if bytes.len() > RENDITION_BYTES_MAX || !self.has_room() {
            return Err(ErrorCode::Limit);
        }
        self.remember?;
        self.notes.remembered.borrow_mut().push((name.to_owned(), bytes.to_vec()));
        let mut making = self.notes.making.borrow_mut();
        *making = making.take().filter(|made| made != name);
        self.hold(bytes.to_vec(), true)
    }

    fn note(&self, question: String) {
        self.notes.asked.borrow_mut().push(question);
    }

    fn has_room(&self) -> bool {
        self.notes.held.get() < OBJECTS_MAX
    }

    fn open(&self, scripted: &Result<Vec<u8>, ErrorCode>) -> Result<Object, ErrorCode> {
        if !self.has_room() {
            return Err(ErrorCode::Limit);
        }
        let bytes = scripted.clone()?;
        self.notes.opened.set(self.notes.opened.get() + 1);
        self.hold(bytes, false)
    }

    fn hold(&self, bytes: Vec<u8>, is_rendition: bool) -> Result<Object, ErrorCode> {
        if !self.has_room() {
            return Err(ErrorCode::Limit);
        }
        self.notes.held.set(self.notes.held.get() + 1);
        Ok(Object { bytes, is_rendition, _room: Some(Room(Rc::clone(&self.notes.held))) })
    }
}

/// Says whether a name is 1 to 32 of `a-z`, `0-9`, `-`.
fn is_rendition_name(name: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    (1..=32).contains(&name.len()) && name.bytes().all(allowed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use eyesonly_gate::rules;

    #[test]
    fn the_limits_are_those_of_the_gate() {
        assert_eq!(OBJECTS_MAX, rules::OBJECTS_MAX);
        assert_eq!(READ_BYTES_MAX, rules::READ_BYTES_MAX);
        assert_eq!(RENDITION_BYTES_MAX, rules::RENDITION_BYTES_MAX);
        assert_eq!(EVENTS_MAX, rules::EVENTS_MAX);
        let (longest, longer) = ("a".repeat(32), "a".repeat(33));
        for name in ["w320-1", "", "W", "a b", "a/b", "é", &longest, &longer] {
            assert_eq!(is_rendition_name(name), rules::is_rendition_name(name), "{name:?}");
        }
    }
}
