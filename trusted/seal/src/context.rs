//! The context of a sealed object: the list of every field that says which object it is. Two
//! different lists are never encoded as the same bytes.
//!
//! INVARIANT: a context is built from the grant and the question, never from an answer.
//!
//! Encoding: each field is its length (two bytes, big-endian), then its bytes. The first field is
//! the domain, the second is the version of this encoding. SPEC.md, "The sealed format", has the
//! table.

use crate::SealError;
use crate::ids::{CameraId, FootageId, HouseholdId, ObjectVersion};
use alloc::vec::Vec;

/// The version of this encoding.
const ENCODING: u8 = 1;

/// The kind of footage that an object holds. The codes are part of the format and never change.
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
    /// A chunk of a segment of the live view. Code 5 was kept for segments, and never written.
    LiveChunk = 6,
}

impl Kind {
    /// Returns the code in contexts and in the index.
    pub const fn code(self) -> u8 {
        self as u8
    }

    /// Returns the kind with this code, if there is one.
    pub fn from_code(code: u8) -> Option<Self> {
        let kinds = [Self::Still, Self::EventStill, Self::Clip, Self::Event, Self::LiveChunk];
        kinds.into_iter().find(|kind| kind.code() == code)
    }
}

/// A derived object, which a handler made out of footage.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rendition<'a> {
    /// The handler's own name for the rendition, such as `w320-1`. FROM GUEST.
    pub name: &'a str,
    /// The SHA-256 of the handler's component. A new handler never gets a rendition of an old one.
    pub handler: [u8; 32],
}

/// The object that is asked for, before its version is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Question<'a> {
    /// The household of the camera.
    pub household: HouseholdId,
    /// The camera that made the footage.
    pub camera: CameraId,
    /// The kind of footage.
    pub kind: Kind,
    /// The rendition. `None` means the footage itself.
    pub rendition: Option<Rendition<'a>>,
    /// The still, event or segment.
    pub object: FootageId,
}

/// Encodes a list of fields under a domain.
fn encode(domain: &str, fields: &[&[u8]]) -> Result<Vec<u8>, SealError> {
    let mut bytes = Vec::with_capacity(256);
    for field in [domain.as_bytes(), &[ENCODING]].iter().chain(fields) {
        let length = u16::try_from(field.len()).map_err(|_| SealError::TooLong)?;
        bytes.extend_from_slice(&length.to_be_bytes());
        bytes.extend_from_slice(field);
    }
    Ok(bytes)
}

/// Encodes the fields of a question, then the version if there is one.
fn encode_footage(
    domain: &str,
    question: &Question<'_>,
    version: &[&[u8]],
) -> Result<Vec<u8>, SealError> {
    // Without a rendition, both fields are empty. A rendition's handler is never empty. So even a
    // rendition without a name is never the footage itself.
    let (name, handler) = match &question.rendition {
        Some(rendition) => (rendition.name.as_bytes(), rendition.handler.as_slice()),
        None => (&[][..], &[][..]),
    };
    let kind = [question.kind.code()];
    let fields: [&[u8]; 6] = [
        question.household.as_bytes(),
        question.camera.as_bytes(),
        &kind,
        name,
        handler,
        question.object.as_bytes(),
    ];
    encode(domain, &[&fields, version].concat())
}

/// The list of fields that one sealed object is bound to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Context(Vec<u8>);

impl Context {
    /// Builds the context of one version of one object of footage.
    ///
    /// # Errors
    /// [`SealError::TooLong`] if the rendition's name has more than 65,535 bytes.
    pub fn footage(question: &Question<'_>, version: ObjectVersion) -> Result<Self, SealError> {
        encode_footage("eyesonly footage", question, &[version.as_bytes()]).map(Self)
    }

    /// Builds the context of a record of the registry, from its kind (such as `viewer`) and the key
    /// under which the registry keeps it.
    ///
    /// # Errors
    /// [`SealError::TooLong`] if one of them has more than 65,535 bytes.
    pub fn record(kind: &str, key: &[u8]) -> Result<Self, SealError> {
        encode("eyesonly record", &[kind.as_bytes(), key]).map(Self)
    }

    /// Builds the context of the wrapped key of this owner.
    ///
    /// # Errors
    /// [`SealError::TooLong`] if the owner has more than 65,535 bytes.
    pub fn wrapped_key(owner: &[u8]) -> Result<Self, SealError> {
        encode("eyesonly key", &[owner]).map(Self)
    }

    /// Builds the context of an entry of the access ledger: whose it is (`household` or `viewer`,
    /// and the id), and the UTC day.
    ///
    /// # Errors
    /// [`SealError::TooLong`] if one of them has more than 65,535 bytes.
    pub fn entry(owner: &str, id: &[u8], day: u32) -> Result<Self, SealError> {
        encode("eyesonly entry", &[owner.as_bytes(), id, &day.to_be_bytes()]).map(Self)
    }

    /// Returns the encoded list.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

/// The fields of an object without its version. The index is asked by a name made of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Slot(Vec<u8>);

impl Slot {
    /// Builds the slot of an object.
    ///
    /// # Errors
    /// [`SealError::TooLong`] if the rendition's name has more than 65,535 bytes.
    pub fn footage(question: &Question<'_>) -> Result<Self, SealError> {
        encode_footage("eyesonly slot", question, &[]).map(Self)
    }

    /// Returns the encoded list.
    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

#[cfg(test)]
mod tests;
