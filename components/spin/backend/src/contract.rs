//! The calls that a handler can make, checked by the gate's rules of the contract.
//!
//! Handlers of a request share this instance, and one request asks one handler. So this file counts
//! what the native host counts for a guest. Nothing here may widen what the grant covers, and no
//! error tells a handler more than the four codes of the contract. The native host limits how many
//! instances decode at once; this file does not. One instance makes one rendition, and the engine
//! decides how many instances run.

use crate::run::ended;
use bytes::Bytes;
use eyesonly_gate::rules::{self, Instance, MediaType, Origin, Status};
use eyesonly_gate::{Answer, Content, Grant, Source as _};
use eyesonly_rights::Kinds;
use eyesonly_seal::FootageId;
use eyesonly_service::footage::{
    EventPage, EventSummary, Footage, FootageError, Held, Making, Recalled, entity_tag, shown_time,
};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The SHA-256 of the thumbnail handler that this component is composed with, from the build.
const HANDLER_SHA256: Option<&str> = option_env!("EYESONLY_THUMBNAIL_SHA256");
const _: () =
    assert!(is_sha256(HANDLER_SHA256), "EYESONLY_THUMBNAIL_SHA256 must be 64 hexadecimal digits");

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

/// Returns the handler's SHA-256; zeros if the build gave none.
fn handler_sha256() -> [u8; 32] {
    let text = HANDLER_SHA256.unwrap_or_default();
    let byte = |at: usize| u8::from_str_radix(text.get(at..at.checked_add(2)?)?, 16).ok();
    std::array::from_fn(|n| byte(n.saturating_mul(2)).unwrap_or(0))
}

/// One request to a handler: its grant, and the objects opened under it.
pub struct Handling {
    grant: Arc<Grant>,
    footage: Arc<Footage>,
    counted: Mutex<Counted>,
}

struct Counted {
    instance: Instance,
    /// The duty to make the rendition that this instance makes.
    making: Option<Making>,
}

/// The gate's side of a handler's `object`.
pub struct Object {
    held: Held,
    origin: Origin,
    place: Place,
}

/// An object's place among those that the instance holds; dropping it frees the place.
struct Place(Arc<Handling>);

impl Drop for Place {
    fn drop(&mut self) {
        self.0.counted().instance.dropped();
    }
}

/// The body of a handler's answer.
#[expect(clippy::large_enum_variant, reason = "an instance has one")]
pub enum Body {
    /// Nothing.
    Empty,
    /// Bytes from its memory.
    Bytes(Vec<u8>),
    /// Bytes of an object.
    Footage {
        /// The object.
        source: Object,
        /// The first byte.
        offset: u64,
        /// The number of bytes.
        length: u64,
    },
}

fn question<T>(question: impl Future<Output = Result<T, FootageError>>) -> Result<T, FootageError> {
    ended(question).unwrap_or(Err(FootageError::Unavailable))
}

/// Parses an event's id. FROM GUEST.
fn event_id(id: &str) -> Result<FootageId, FootageError> {
    Ok(rules::check_id(id)?)
}

impl Handling {
    /// Starts the counts for a handler that gets `grant` and nothing else.
    #[must_use]
    pub fn new(grant: Arc<Grant>, footage: Arc<Footage>) -> Arc<Self> {
        let instance = Instance::new(Arc::clone(&grant));
        let counted = Mutex::new(Counted { instance, making: None });
        Arc::new(Self { grant, footage, counted })
    }

    /// Returns the grant.
    #[must_use]
    pub fn grant(&self) -> &Arc<Grant> {
        &self.grant
    }

    /// Returns the kinds that may be seen of the grant's camera.
    #[must_use]
    pub fn kinds(&self) -> Kinds {
        self.grant.kinds()
    }

    fn counted(&self) -> MutexGuard<'_, Counted> {
        self.counted.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn hold(self: &Arc<Self>, held: Held, origin: Origin) -> Result<Object, FootageError> {
        self.counted().instance.holds(origin)?;
        Ok(Object { held, origin, place: Place(Arc::clone(self)) })
    }

    /// Opens an object through the grant, and holds it.
    fn open(
        self: &Arc<Self>,
        asked: impl Future<Output = Result<Held, FootageError>>,
    ) -> Result<Object, FootageError> {
        self.counted().instance.may_hold()?;
        self.hold(question(asked)?, Origin::Opened)
    }

    /// Opens the newest still.
    pub fn newest_still(self: &Arc<Self>) -> Result<Object, FootageError> {
        self.open(self.footage.newest_still(&self.grant))
    }

    /// Opens an event's still. FROM GUEST: `event`.
    pub fn event_still(self: &Arc<Self>, event: &str) -> Result<Object, FootageError> {
        self.open(self.footage.event_still(&self.grant, event_id(event)?))
    }

    /// Opens an event's video. FROM GUEST: `event`.
    pub fn event_clip(self: &Arc<Self>, event: &str) -> Result<Object, FootageError> {
        self.open(self.footage.event_clip(&self.grant, event_id(event)?))
    }

    /// Lists a page of events. FROM GUEST: `before`, `limit`.
    pub fn list_events(&self, before: Option<&str>, limit: u32) -> Result<EventPage, FootageError> {
        let before = rules::check_page(before, limit)?;
        question(self.footage.events(&self.grant, before, limit))
    }

    /// Returns one event. FROM GUEST: `id`.
    pub fn get_event(&self, id: &str) -> Result<EventSummary, FootageError> {
        question(self.footage.event(&self.grant, event_id(id)?))
    }

    /// Takes the handler's answer, and binds it to the grant that the handler got. FROM GUEST: all
    /// of it.
    ///
    /// # Errors
    /// The answer breaks the contract; the text says how.
    pub fn answers(
        &self,
        status: Status,
        media_type: MediaType,
        body: Body,
    ) -> Result<Answer, &'static str> {
        let content = match body {
            Body::Empty => Content::Empty,
            Body::Bytes(bytes) => Content::Bytes(Bytes::from(bytes)),
            Body::Footage { source, offset, length } => {
                let source = Box::new(source.held);
                Content::Footage { source, offset, length }
            }
        };
        self.counted().instance.answers(status, media_type, content)
    }
}

impl Object {
    /// Returns the request that the object is held for.
    #[must_use]
    pub fn handling(&self) -> &Arc<Handling> {
        &self.place.0
    }

    /// Returns the length that the index claims.
    #[must_use]
    pub fn length(&self) -> u64 {
        self.held.length()
    }

    /// Returns a name for exactly these bytes; each version has another name.
    #[must_use]
    pub fn entity_tag(&self) -> String {
        entity_tag(self.held.located())
    }

    /// Returns the time of a still, in milliseconds since 1970.
    pub fn still_time(&self) -> u64 {
        shown_time(self.held.located())
    }

    /// Reads up to `length` bytes. FROM GUEST: both.
    pub fn read(&self, offset: u64, length: u32) -> Result<Vec<u8>, FootageError> {
        let length = rules::check_read(self.length(), offset, length)?;
        question(self.held.read(offset, length))
    }

    /// Finds the rendition of this object under a name, or takes on the duty to make it.
    /// FROM GUEST: which object, `name`.
    pub fn recall(&self, name: &str) -> Result<Option<Self>, FootageError> {
        let handling = self.handling();
        handling.counted().instance.may_recall(self.origin, name)?;
        match question(handling.footage.recall(&self.held, &handler_sha256(), name))? {
            Recalled::AtHand(rendition) => handling.hold(rendition, Origin::Rendition).map(Some),
            Recalled::Make(duty) => {
                let mut counted = handling.counted();
                counted.instance.makes(name);
                counted.making = Some(duty);
                Ok(None)
            }
        }
    }

    /// Keeps a rendition of this object. FROM GUEST: all of it.
    pub fn remember(&self, name: &str, bytes: Vec<u8>) -> Result<Self, FootageError> {
        let handling = self.handling();
        handling.counted().instance.may_remember(self.origin, name, bytes.len())?;
        let handler = handler_sha256();
        let rendition = question(handling.footage.remember(&self.held, &handler, name, bytes))?;
        let mut counted = handling.counted();
        // Dropping the duty lets those who wait for the rendition go on.
        let done = counted.instance.made(name).then(|| counted.making.take());
        drop(counted);
        drop(done);
        handling.hold(rendition, Origin::Rendition)
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
    fn an_id_is_a_canonical_uuid_of_version_7() {
        assert!(event_id("018bcfe5-6800-7abc-9def-0123456789ab").is_ok());
        for bad in [
            "",
            "018bcfe5",
            "018BCFE5-6800-7ABC-9DEF-0123456789AB",
            "018bcfe5-6800-4abc-9def-0123456789ab",
            &"0".repeat(37),
        ] {
            assert_eq!(event_id(bad).err(), Some(FootageError::Invalid), "{bad:?}");
        }
    }
}
