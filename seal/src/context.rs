//! What a sealed object is bound to: every field that says which object it is, encoded so that two different lists of
//! fields are never the same bytes.
//!
//! INVARIANT: a context is built from the grant and the question, never from what came back.
//! Encoding: each field is its length (two bytes, big-endian) and its bytes. The first is the domain, the second the
//! version of this encoding. SPEC.md, "The sealed format", has the table.

use crate::SealError;
use crate::ids::{CameraId, FootageId, HouseholdId, ObjectVersion};
use alloc::vec::Vec;

/// The version of this encoding.
const ENCODING: u8 = 1;

/// What kind of footage an object holds. The codes are part of the format and never change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Kind {
    /// A picture that a camera pushes from time to time.
    Still = 1,
    /// The picture of an event.
    EventStill = 2,
    /// The video of an event.
    Clip = 3,
    /// The details of an event.
    Event = 4,
    /// A playlist or a segment of the live view.
    Live = 5,
}

impl Kind {
    /// The code in contexts and in the index.
    #[must_use]
    pub const fn code(self) -> u8 {
        self as u8
    }

    /// The kind with this code.
    #[must_use]
    pub const fn from_code(code: u8) -> Option<Self> {
        match code {
            1 => Some(Self::Still),
            2 => Some(Self::EventStill),
            3 => Some(Self::Clip),
            4 => Some(Self::Event),
            5 => Some(Self::Live),
            _ => None,
        }
    }
}

/// What a handler made out of an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rendition<'a> {
    /// The handler's own name for it, such as `width=320`; at most 65535 bytes. FROM GUEST.
    pub name: &'a str,
    /// The SHA-256 of the handler's component, so that a new handler never meets an old one's rendition.
    pub handler: [u8; 32],
}

/// Which object is meant, before its version is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Question<'a> {
    /// The household of the camera.
    pub household: HouseholdId,
    /// The camera that made it.
    pub camera: CameraId,
    /// What kind of footage.
    pub kind: Kind,
    /// Which rendition; none is the footage itself.
    pub rendition: Option<Rendition<'a>>,
    /// The still, event or segment.
    pub object: FootageId,
}

impl<'a> Question<'a> {
    /// The same, of one version.
    #[must_use]
    pub const fn at(&self, version: ObjectVersion) -> FootageContext<'a> {
        let Self {
            household,
            camera,
            kind,
            rendition,
            object,
        } = *self;
        FootageContext {
            household,
            camera,
            kind,
            rendition,
            object,
            version,
        }
    }
}

/// Which version of which object is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FootageContext<'a> {
    /// The household of the camera.
    pub household: HouseholdId,
    /// The camera that made it.
    pub camera: CameraId,
    /// What kind of footage.
    pub kind: Kind,
    /// Which rendition; none is the footage itself.
    pub rendition: Option<Rendition<'a>>,
    /// The still, event or segment.
    pub object: FootageId,
    /// Which writing of it.
    pub version: ObjectVersion,
}

impl<'a> FootageContext<'a> {
    /// The same, whatever its version.
    #[must_use]
    pub const fn question(&self) -> Question<'a> {
        let Self {
            household,
            camera,
            kind,
            rendition,
            object,
            ..
        } = *self;
        Question {
            household,
            camera,
            kind,
            rendition,
            object,
        }
    }
}

/// A list of fields under a domain, as bytes.
fn encode(domain: &str, fields: &[&[u8]]) -> Result<Vec<u8>, SealError> {
    let mut bytes = Vec::with_capacity(256);
    for field in [domain.as_bytes(), &[ENCODING]].iter().chain(fields) {
        let length = u16::try_from(field.len()).map_err(|_| SealError::TooLong)?;
        bytes.extend_from_slice(&length.to_be_bytes());
        bytes.extend_from_slice(field);
    }
    Ok(bytes)
}

/// The fields of a question, and after them the version where there is one.
fn encode_footage(domain: &str, question: &Question<'_>, version: &[&[u8]]) -> Result<Vec<u8>, SealError> {
    let Question {
        household,
        camera,
        kind,
        rendition,
        object,
    } = question;
    // No rendition is two empty fields; a rendition's handler is never empty, so even one without a name is another.
    let (name, handler) = match rendition {
        Some(rendition) => (rendition.name.as_bytes(), rendition.handler.as_slice()),
        None => (&[][..], &[][..]),
    };
    let kind = [kind.code()];
    let fields = [
        household.as_bytes(),
        camera.as_bytes(),
        kind.as_slice(),
        name,
        handler,
        object.as_bytes(),
    ];
    let mut all = Vec::from(fields);
    all.extend_from_slice(version);
    encode(domain, &all)
}

/// What one sealed object is bound to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Context(Vec<u8>);

impl Context {
    /// One version of one object of footage.
    ///
    /// # Errors
    /// [`SealError::TooLong`] if the rendition's name is.
    pub fn footage(footage: &FootageContext<'_>) -> Result<Self, SealError> {
        encode_footage("eyesonly footage", &footage.question(), &[footage.version.as_bytes()]).map(Self)
    }

    /// A record of the registry: its kind (such as `rights`) and the key under which it is kept.
    ///
    /// # Errors
    /// [`SealError::TooLong`] for a field of more than 65535 bytes.
    pub fn record(kind: &str, key: &[u8]) -> Result<Self, SealError> {
        encode("eyesonly record", &[kind.as_bytes(), key]).map(Self)
    }

    /// A wrapped key, and whose it is.
    ///
    /// # Errors
    /// [`SealError::TooLong`] for a field of more than 65535 bytes.
    pub fn wrapped_key(owner: &[u8]) -> Result<Self, SealError> {
        encode("eyesonly key", &[owner]).map(Self)
    }

    /// The encoded list.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

/// An object whatever its version is: what the index is asked by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Slot(Vec<u8>);

impl Slot {
    /// The slot of an object.
    ///
    /// # Errors
    /// [`SealError::TooLong`] if the rendition's name is.
    pub fn footage(question: &Question<'_>) -> Result<Self, SealError> {
        encode_footage("eyesonly slot", question, &[]).map(Self)
    }

    /// The encoded list.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

#[cfg(test)]
mod tests;
