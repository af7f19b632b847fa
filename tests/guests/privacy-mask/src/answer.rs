//! The way of one question: a masked still at hand, or one made now. It knows the host only through [`Footage`], and opens exactly one object:
//! that is how the host knows what the rendition shows.

use crate::mask;

/// The widths that there are, ascending: few, so that few renditions of a still are made.
pub const WIDTHS: [u16; 6] = [160, 320, 640, 960, 1280, 1920];

/// The largest still that is read, in bytes: what the contract gives in one read.
const SOURCE_BYTES_MAX: u32 = 16 << 20;

/// Why the host refused; the contract's `error-code`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// There is no such still under the grant.
    NotFound,
    /// The question had not the form it must have.
    Invalid,
    /// A limit was met.
    Limit,
    /// No layer gave a proven answer.
    Unavailable,
}

/// What this handler asks of the host: the part of the contract that it uses.
pub trait Footage {
    /// A still or a rendition, held open.
    type Object;

    /// The camera's newest still.
    fn newest_still(&self) -> Result<Self::Object, Refusal>;
    /// The still of the event with this id.
    fn event_still(&self, event: &str) -> Result<Self::Object, Refusal>;
    /// Length of an object in bytes.
    fn length(&self, object: &Self::Object) -> u64;
    /// At most `length` bytes of an object from `offset`; fewer only at its end.
    fn read(&self, object: &Self::Object, offset: u64, length: u32) -> Result<Vec<u8>, Refusal>;
    /// The rendition of `source` under `name`, if it is at hand.
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
    /// The whole of this rendition, so many bytes long; it is a JPEG.
    Rendition(Object, u64),
    /// These bytes, a JPEG that could not be remembered.
    Bytes(Vec<u8>),
    /// There is no such width.
    BadRequest,
    /// There is no such still under the grant.
    NotFound,
    /// No layer gave a proven answer.
    Unavailable,
    /// The still is not what it should be.
    Failed,
}

/// Answers with the still of `event` (none: the newest one), masked, at the smallest width of [`WIDTHS`] that is at least `width`.
pub fn answer<F: Footage>(footage: &F, event: Option<&str>, width: u32) -> Answer<F::Object> {
    let wide_enough = |there_is: &u16| width > 0 && u32::from(*there_is) >= width;
    let Some(width) = WIDTHS.into_iter().find(wide_enough) else {
        return Answer::BadRequest;
    };
    masked(footage, event, width).unwrap_or_else(|refusal| match refusal {
        // An id of a wrong form names nothing: the same answer as for what does not exist.
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
    // The thumbnail handler has renditions of the same name. The host keeps the two apart by the SHA-256 of the component; that of another zone
    // is another component too, so no rendition outlives a change of the zone.
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
        // What was made is right even where it could not be kept.
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
