//! What a handler can call, with the checks, limits and order of `host/src/sandbox/contract.rs`: whoever changes one changes both.
//!
//! Handlers of a request share this instance, and one request asks one handler: what is counted here for an instance is what the native host
//! counts for a guest. Nothing here may widen what the grant covers, and no error tells a handler more than the four codes of the contract.
//! The host's turns to decode are not here: one instance makes one rendition, and how many instances run is the engine's to say.

use crate::run::ended;
use crate::state::Vault;
use eyesonly_rights::Kinds;
use eyesonly_service::footage::{EventPage, EventSummary, FootageError, Held, Making, Recalled};
use eyesonly_service::grant::Grant;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};

/// Objects that an instance holds open at once.
pub const OBJECTS_MAX: u32 = 8;
/// Bytes of one read: the largest still that ingest takes, twice.
pub const READ_BYTES_MAX: u32 = 16 << 20;
/// Events in one page.
pub const EVENTS_MAX: u32 = 100;
/// Bytes of one rendition.
pub const RENDITION_BYTES_MAX: usize = 1_000_000;

/// The SHA-256 of the thumbnail handler that this vault is composed with; the build gives it.
const HANDLER_SHA256: Option<&str> = option_env!("EYESONLY_THUMBNAIL_SHA256");
const _: () = assert!(
    is_sha256(HANDLER_SHA256),
    "EYESONLY_THUMBNAIL_SHA256 must be 64 hexadecimal digits"
);

const fn is_sha256(text: Option<&str>) -> bool {
    let Some(text) = text else { return true };
    let mut rest = text.as_bytes();
    while let [digit, after @ ..] = rest {
        if !digit.is_ascii_hexdigit() {
            return false;
        }
        rest = after;
    }
    text.len() == 64
}

/// The handler's SHA-256; zeros where the build gave none.
fn handler_sha256() -> [u8; 32] {
    let text = HANDLER_SHA256.unwrap_or_default();
    let byte = |at: usize| u8::from_str_radix(text.get(at..at.checked_add(2)?)?, 16).ok();
    std::array::from_fn(|n| byte(n.saturating_mul(2)).unwrap_or(0))
}

/// Where an object came from; only an opened one can be the source of a rendition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Origin {
    Opened,
    Rendition,
}

/// What a handler's `object` stands for.
pub struct Object {
    held: Held,
    origin: Origin,
    _place: Place,
}

/// An object's place among those that are held.
struct Place(Arc<AtomicU32>);

impl Drop for Place {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}

/// What this instance has opened.
#[derive(Default)]
pub struct Opened {
    /// How many objects are held now.
    held: Arc<AtomicU32>,
    /// How many were opened through the grant since the start: `remember` depends on it.
    opened: AtomicU32,
    /// The rendition that is being made, by name.
    making: Mutex<Option<(String, Making)>>,
}

impl Opened {
    fn has_room(&self) -> bool {
        self.held.load(Ordering::Acquire) < OBJECTS_MAX
    }

    fn hold(&self, held: Held, origin: Origin) -> Result<Object, FootageError> {
        if !self.has_room() {
            return Err(FootageError::Limit);
        }
        self.held.fetch_add(1, Ordering::AcqRel);
        Ok(Object {
            held,
            origin,
            _place: Place(Arc::clone(&self.held)),
        })
    }
}

impl Object {
    /// The length that the index claims.
    pub fn length(&self) -> u64 {
        self.held.length()
    }

    /// Another one for each version.
    pub fn entity_tag(&self) -> String {
        self.held.entity_tag()
    }

    /// Reads up to `length` bytes. FROM GUEST: both. An offset at the end is past the last byte, so it is invalid too.
    ///
    /// # Errors
    /// [`FootageError`]
    pub fn read(&self, offset: u64, length: u32) -> Result<Vec<u8>, FootageError> {
        let rest = self.length().checked_sub(offset).filter(|&rest| rest > 0);
        let rest = rest.filter(|_| length > 0).ok_or(FootageError::Invalid)?;
        if length > READ_BYTES_MAX {
            return Err(FootageError::Limit);
        }
        let length = u32::try_from(rest).map_or(length, |rest| length.min(rest));
        question(self.held.read(offset, length))
    }

    /// The object itself, for an answer that outlives the handler.
    pub(crate) fn into_held(self) -> Held {
        self.held
    }

    /// What a rendition named so may be of. FROM GUEST: the name.
    fn as_source(&self, name: &str) -> Result<&Held, FootageError> {
        if self.origin == Origin::Opened && is_rendition_name(name) {
            Ok(&self.held)
        } else {
            Err(FootageError::Invalid)
        }
    }
}

/// 1 to 32 of `a-z`, `0-9`, `-`.
fn is_rendition_name(name: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    (1..=32).contains(&name.len()) && name.bytes().all(allowed)
}

/// A canonical id has 36 bytes. The services check the rest; this keeps what is longer from going any further. FROM GUEST.
fn check_id(id: &str) -> Result<(), FootageError> {
    if id.len() == 36 { Ok(()) } else { Err(FootageError::Invalid) }
}

fn question<T>(question: impl Future<Output = Result<T, FootageError>>) -> Result<T, FootageError> {
    ended(question).unwrap_or(Err(FootageError::Unavailable))
}

impl Vault {
    /// What may be seen of the grant's camera.
    pub fn kinds(grant: &Grant) -> Kinds {
        grant.kinds()
    }

    /// The newest still.
    ///
    /// # Errors
    /// [`FootageError`]
    pub fn newest_still(&self, grant: &Arc<Grant>) -> Result<Object, FootageError> {
        self.open_object(self.footage().newest_still(grant))
    }

    /// An event's still. FROM GUEST: `event`.
    ///
    /// # Errors
    /// [`FootageError`]
    pub fn event_still(&self, grant: &Arc<Grant>, event: &str) -> Result<Object, FootageError> {
        check_id(event)?;
        self.open_object(self.footage().event_still(grant, event))
    }

    /// An event's video. FROM GUEST: `event`.
    ///
    /// # Errors
    /// [`FootageError`]
    pub fn event_clip(&self, grant: &Arc<Grant>, event: &str) -> Result<Object, FootageError> {
        check_id(event)?;
        self.open_object(self.footage().event_clip(grant, event))
    }

    /// Holds what is opened through the grant, and counts it.
    fn open_object(&self, asked: impl Future<Output = Result<Held, FootageError>>) -> Result<Object, FootageError> {
        if !self.opened.has_room() {
            return Err(FootageError::Limit);
        }
        let held = question(asked)?;
        self.opened.opened.fetch_add(1, Ordering::AcqRel);
        self.opened.hold(held, Origin::Opened)
    }

    /// A page of events. FROM GUEST: `before`, `limit`.
    ///
    /// # Errors
    /// [`FootageError`]
    pub fn list_events(&self, grant: &Arc<Grant>, before: Option<&str>, limit: u32) -> Result<EventPage, FootageError> {
        if limit == 0 {
            return Err(FootageError::Invalid);
        }
        before.map_or(Ok(()), check_id)?;
        if limit > EVENTS_MAX {
            return Err(FootageError::Limit);
        }
        question(self.footage().events(grant, before, limit))
    }

    /// One event. FROM GUEST: `id`.
    ///
    /// # Errors
    /// [`FootageError`]
    pub fn get_event(&self, grant: &Arc<Grant>, id: &str) -> Result<EventSummary, FootageError> {
        check_id(id)?;
        question(self.footage().event(grant, id))
    }

    /// The rendition of an object under a name, or the duty to make it. FROM GUEST: which object, `name`.
    ///
    /// # Errors
    /// [`FootageError`]
    pub fn recall(&self, source: &Object, name: &str) -> Result<Option<Object>, FootageError> {
        let held = source.as_source(name)?;
        let making = self.opened.making.lock();
        let mut making = making.map_err(|_| FootageError::Unavailable)?;
        if making.is_some() || !self.opened.has_room() {
            return Err(FootageError::Limit);
        }
        match question(self.footage().recall(held, &handler_sha256(), name))? {
            Recalled::AtHand(rendition) => self.opened.hold(rendition, Origin::Rendition).map(Some),
            Recalled::Make(duty) => {
                *making = Some((name.to_owned(), duty));
                Ok(None)
            }
        }
    }

    /// Keeps a rendition. FROM GUEST: all of it.
    ///
    /// # Errors
    /// [`FootageError`]
    pub fn remember(&self, source: &Object, name: &str, bytes: Vec<u8>) -> Result<Object, FootageError> {
        let held = source.as_source(name)?;
        // INVARIANT: a rendition shows its source, so the instance must have opened that one object and no other.
        if self.opened.opened.load(Ordering::Acquire) != 1 || bytes.is_empty() {
            return Err(FootageError::Invalid);
        }
        if bytes.len() > RENDITION_BYTES_MAX || !self.opened.has_room() {
            return Err(FootageError::Limit);
        }
        let rendition = question(self.footage().remember(held, &handler_sha256(), name, bytes))?;
        let making = self.opened.making.lock();
        let mut making = making.map_err(|_| FootageError::Unavailable)?;
        *making = making.take().filter(|(made, _)| made != name);
        self.opened.hold(rendition, Origin::Rendition)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_handler_is_named_by_64_digits() {
        assert!(is_sha256(None));
        assert!(is_sha256(Some(&"0aF9".repeat(16))));
        for bad in ["", "0", &"0".repeat(63), &"0".repeat(65), &"g".repeat(64), &"é".repeat(32)] {
            assert!(!is_sha256(Some(bad)), "{bad:?}");
        }
    }

    #[test]
    fn a_rendition_has_a_short_plain_name() {
        assert!(is_rendition_name("width-320"));
        for bad in ["", "Width", "a b", "a/b", &"a".repeat(33)] {
            assert!(!is_rendition_name(bad), "{bad:?}");
        }
    }
}
