//! Answers one question: with a stored rendition, or with one made now. It knows the host only
//! through [`Footage`], and must never answer with anything but a rendition of the still that was
//! asked for.

use crate::picture::{self, PictureError};
use crate::width;
pub use eyesonly_guest::Refusal;

/// The version of the rules that make a rendition (filter, quality, metadata). It is part of the
/// rendition's name, so that after a change no older rendition is the answer.
const RENDITION_VERSION: u32 = 1;

/// The most bytes that one read asks for.
const READ_BYTES: u32 = 1024 * 1024;

/// The largest source that is decoded, in bytes.
pub const MAX_SOURCE_BYTES: u64 = 16 * 1024 * 1024;

/// The part of the contract that this handler calls.
pub trait Footage {
    /// A still or a rendition, held open.
    type Object;

    /// Opens the camera's newest still.
    fn newest_still(&self) -> Result<Self::Object, Refusal>;
    /// Opens the still of the event with this id.
    fn event_still(&self, event: &str) -> Result<Self::Object, Refusal>;
    /// Returns the length of an object in bytes.
    fn length(&self, object: &Self::Object) -> u64;
    /// Reads at most `length` bytes of an object from `offset`; fewer only at its end.
    fn read(&self, object: &Self::Object, offset: u64, length: u32) -> Result<Vec<u8>, Refusal>;
    /// Opens the rendition `name` of `source`, if the host has it.
    fn recall(&self, source: &Self::Object, name: &str) -> Result<Option<Self::Object>, Refusal>;
    /// Keeps `bytes` as the rendition `name` of `source`.
    fn remember(
        &self,
        source: &Self::Object,
        name: &str,
        bytes: &[u8],
    ) -> Result<Self::Object, Refusal>;
}

/// The answer to a question.
#[derive(Debug, PartialEq, Eq)]
pub enum Answer<Object> {
    /// The whole of this object, a JPEG, and its length in bytes.
    Rendition(Object, u64),
    /// The bytes of a JPEG that the host could not keep.
    Bytes(Vec<u8>),
    /// The width is none of the allowed ones.
    BadRequest,
    /// There is no such still under the grant.
    NotFound,
    /// No layer gave a proven answer.
    Unavailable,
    /// The still is not what it should be.
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

/// Answers with the still of `event` (none: the newest one) at `width` pixels, rounded up to an
/// allowed width.
pub fn answer<F: Footage>(footage: &F, event: Option<&str>, width: u32) -> Answer<F::Object> {
    let Some(width) = width::round_up(width) else {
        return Answer::BadRequest;
    };
    let found = match event {
        Some(event) => footage.event_still(event),
        None => footage.newest_still(),
    };
    let source = match found {
        Ok(source) => source,
        Err(refusal) => return refusal.into(),
    };
    let name = format!("w{width}-{RENDITION_VERSION}");
    match footage.recall(&source, &name) {
        Ok(Some(rendition)) => return whole(footage, rendition),
        Ok(None) => {}
        Err(refusal) => return refusal.into(),
    }
    let made = match make(footage, &source, width) {
        Ok(made) => made,
        Err(MakeError::Read(Refusal::Unavailable)) => return Answer::Unavailable,
        Err(MakeError::Read(_) | MakeError::Picture(_)) => return Answer::Failed,
    };
    match footage.remember(&source, &name, &made) {
        Ok(rendition) => whole(footage, rendition),
        // The rendition is right even if the host could not keep it.
        Err(_) => Answer::Bytes(made),
    }
}

fn whole<F: Footage>(footage: &F, object: F::Object) -> Answer<F::Object> {
    match footage.length(&object) {
        // A range has at least one byte, and no JPEG is empty.
        0 => Answer::Failed,
        length => Answer::Rendition(object, length),
    }
}

#[derive(Debug, thiserror::Error)]
enum MakeError {
    #[error("the source could not be read")]
    Read(Refusal),
    #[error(transparent)]
    Picture(#[from] PictureError),
}

fn make<F: Footage>(footage: &F, source: &F::Object, width: u32) -> Result<Vec<u8>, MakeError> {
    let jpeg = read_all(footage, source).map_err(MakeError::Read)?;
    Ok(picture::rendition(jpeg, width)?)
}

fn read_all<F: Footage>(footage: &F, source: &F::Object) -> Result<Vec<u8>, Refusal> {
    let length = footage.length(source);
    if length > MAX_SOURCE_BYTES {
        return Err(Refusal::Limit);
    }
    let mut bytes = Vec::new();
    while (bytes.len() as u64) < length {
        let piece = footage.read(source, bytes.len() as u64, READ_BYTES)?;
        if piece.is_empty() {
            // The length is only a claim. If the source ends early, the decoder judges the part
            // that came.
            break;
        }
        if bytes.is_empty() {
            // Most stills are one piece, which needs no copy.
            bytes = piece;
            continue;
        }
        bytes.reserve_exact(
            usize::try_from(length).map_err(|_| Refusal::Limit)?.saturating_sub(bytes.len()),
        );
        bytes.extend_from_slice(&piece);
    }
    Ok(bytes)
}
