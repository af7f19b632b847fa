//! Answers one question: with a stored masked still, or with one made now. It knows the host only
//! through [`Footage`]. It must never open more than one object, because the one object tells the
//! host what the rendition shows.

use crate::mask;
pub use eyesonly_guest::Refusal;

/// The allowed widths, ascending. They are few, so that few renditions of a still are made.
pub const WIDTHS: [u16; 6] = [160, 320, 640, 960, 1280, 1920];

/// The largest still that is read, in bytes. It is the most that the contract gives in one read.
const SOURCE_BYTES_MAX: u32 = 16 << 20;

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

/// Answers with the masked still of `event` (none: the newest one). It has the smallest width of
/// [`WIDTHS`] that is at least `width`.
pub fn answer<F: Footage>(footage: &F, event: Option<&str>, width: u32) -> Answer<F::Object> {
    let wide_enough = |there_is: &u16| width > 0 && u32::from(*there_is) >= width;
    let Some(width) = WIDTHS.into_iter().find(wide_enough) else {
        return Answer::BadRequest;
    };
    masked(footage, event, width).unwrap_or_else(|refusal| match refusal {
        // An id of a wrong form names nothing, so its answer is the same as for an absent thing.
        Refusal::NotFound | Refusal::Invalid => Answer::NotFound,
        Refusal::Unavailable => Answer::Unavailable,
        Refusal::Limit => Answer::Failed,
    })
}

fn masked<F: Footage>(
    footage: &F,
    event: Option<&str>,
    width: u16,
) -> Result<Answer<F::Object>, Refusal> {
    let source = match event {
        Some(event) => footage.event_still(event)?,
        None => footage.newest_still()?,
    };
    // The thumbnail handler has renditions of the same name. The host keeps the two apart by the
    // SHA-256 of the component. A handler with another zone is another component too, so no
    // rendition outlives a change of the zone.
    let name = format!("w{width}-1");
    if let Some(at_hand) = footage.recall(&source, &name)? {
        return Ok(whole(footage, at_hand));
    }
    let length = match u32::try_from(footage.length(&source)) {
        Ok(length @ 1..=SOURCE_BYTES_MAX) => length,
        _ => return Ok(Answer::Failed),
    };
    let jpeg = footage.read(&source, 0, length)?;
    let Ok(made) = mask::masked(&jpeg, width) else {
        return Ok(Answer::Failed);
    };
    Ok(match footage.remember(&source, &name, &made) {
        Ok(kept) => whole(footage, kept),
        // The rendition is right even if the host could not keep it.
        Err(_) => Answer::Bytes(made),
    })
}

fn whole<F: Footage>(footage: &F, object: F::Object) -> Answer<F::Object> {
    match footage.length(&object) {
        // A range has at least one byte, and no JPEG is empty.
        0 => Answer::Failed,
        length => Answer::Rendition(object, length),
    }
}
