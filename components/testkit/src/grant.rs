//! The scripted grant: it answers as a test told it to, and notes what it was asked. No wasm, no
//! host.
//!
//! Every field is one answer; a test sets those that it needs. It must never answer what the
//! contract refuses in any case: a range past the end, a name that no rendition may have, a
//! rendition of one of two objects, a ninth open object. Ids are not looked at: a test that wants
//! to see what becomes of a wrong one scripts [`ErrorCode::Invalid`].

use std::cell::{Cell, RefCell};
use std::rc::Rc;

// The limits are copies, so that a handler's native tests build no cryptography. A test below
// compares them with the gate's.

/// Objects that an instance may hold open at once.
const OBJECTS_MAX: u32 = 8;
/// Bytes of one read.
const READ_BYTES_MAX: u32 = 16 << 20;
/// Bytes of one rendition.
const RENDITION_BYTES_MAX: usize = 1_000_000;
/// Events in one page.
const EVENTS_MAX: u32 = 100;

/// Why a question has no answer; the contract's `error-code`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorCode {
    /// There is no such thing under this grant.
    NotFound,
    /// The question has not the form it must have.
    Invalid,
    /// A limit was met.
    Limit,
    /// No layer gave a proven answer.
    Unavailable,
}

/// What the grant's right allows; the contract's `kinds`.
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
/// `Event` and `Page` are the handler's own types for what `get-event` and `list-events` give; a
/// handler that asks for neither leaves them out.
#[derive(Debug)]
pub struct Grant<Event = (), Page = ()> {
    /// What the right allows. Only told to the handler: what it then reaches is scripted below.
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
    /// Whether reads succeed.
    pub read: Result<(), ErrorCode>,
    /// At most so many bytes a read, to show that a handler does not count on whole ones.
    pub read_bytes_max: u32,
    /// The bytes of the rendition at hand, or none: this instance makes it.
    pub recall: Result<Option<Vec<u8>>, ErrorCode>,
    /// Whether renditions are kept.
    pub remember: Result<(), ErrorCode>,
    /// What was asked so far. Here so that `..Grant::default()` can be written; a test reads it by
    /// [`Grant::asked`].
    pub notes: Notes,
}

/// What was asked of a grant, remembered and opened under it.
#[derive(Debug, Default)]
pub struct Notes {
    asked: RefCell<Vec<String>>,
    remembered: RefCell<Vec<(String, Vec<u8>)>>,
    making: RefCell<Option<String>>,
    opened: Cell<u32>,
    held: Rc<Cell<u32>>,
}

impl<Event, Page> Default for Grant<Event, Page> {
    /// Everything is allowed, nothing is there, and renditions are kept.
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

/// A piece of footage or a rendition, held open. Two are equal when they hold the same bytes and
/// came by the same way.
#[derive(Debug)]
pub struct Object {
    bytes: Vec<u8>,
    is_rendition: bool,
    /// Counted as open for as long as it lives; none for one that a test made to compare with.
    _room: Option<Room>,
}

impl PartialEq for Object {
    fn eq(&self, other: &Self) -> bool {
        (self.is_rendition, &self.bytes) == (other.is_rendition, &other.bytes)
    }
}

impl Eq for Object {}

impl Object {
    /// What a rendition of these bytes is equal to.
    pub fn rendition(bytes: impl Into<Vec<u8>>) -> Self {
        Self { bytes: bytes.into(), is_rendition: true, _room: None }
    }

    /// True for what `recall` or `remember` gave, false for what was opened through the grant.
    pub fn is_rendition(&self) -> bool {
        self.is_rendition
    }

    /// All its bytes.
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
    /// A grant with this still, as the newest and as any event's.
    pub fn with_still(jpeg: &[u8]) -> Self {
        Self { newest_still: Ok(jpeg.to_vec()), event_still: Ok(jpeg.to_vec()), ..Self::default() }
    }

    /// What was asked so far, in order: `newest`, `event ID`, `clip ID`, `list BEFORE LIMIT`, `get
    /// ID`, `read`, `recall NAME`, `remember NAME`. What was refused is there too; lengths and
    /// kinds are not questions.
    pub fn asked(&self) -> Vec<String> {
        self.notes.asked.borrow().clone()
    }

    /// The renditions that were kept: name and bytes.
    pub fn remembered(&self) -> Vec<(String, Vec<u8>)> {
        self.notes.remembered.borrow().clone()
    }

    /// The contract's `grant.kinds`.
    pub fn kinds(&self) -> Kinds {
        self.kinds
    }

    /// The contract's `grant.newest-still`.
    ///
    /// # Errors
    /// As scripted; [`ErrorCode::Limit`] for a ninth object.
    pub fn newest_still(&self) -> Result<Object, ErrorCode> {
        self.note("newest".to_owned());
        self.open(&self.newest_still)
    }

    /// The contract's `grant.event-still`.
    ///
    /// # Errors
    /// As [`Self::newest_still`].
    pub fn event_still(&self, event: &str) -> Result<Object, ErrorCode> {
        self.note(format!("event {event}"));
        self.open(&self.event_still)
    }

    /// The contract's `grant.event-clip`.
    ///
    /// # Errors
    /// As [`Self::newest_still`].
    pub fn event_clip(&self, event: &str) -> Result<Object, ErrorCode> {
        self.note(format!("clip {event}"));
        self.open(&self.event_clip)
    }

    /// The contract's `list-events`.
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

    /// The contract's `get-event`.
    ///
    /// # Errors
    /// As scripted.
    pub fn get_event(&self, id: &str) -> Result<Event, ErrorCode> {
        self.note(format!("get {id}"));
        self.get_event.clone()
    }

    /// The contract's `object.length`.
    pub fn length(&self, object: &Object) -> u64 {
        object.bytes.len() as u64
    }

    /// The contract's `object.read`.
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

    /// The contract's `recall`. What was remembered under this grant is at hand.
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

    /// The contract's `remember`.
    ///
    /// # Errors
    /// As scripted; [`ErrorCode::Invalid`] for a wrong name, no bytes, a rendition of a rendition,
    /// or where not exactly one object was opened; [`ErrorCode::Limit`] above 1,000,000 bytes.
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

/// 1 to 32 of `a-z`, `0-9`, `-`.
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
