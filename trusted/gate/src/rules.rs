//! The rules of the contract: what one instance of a handler may do, for both editions.
//!
//! INVARIANT: what an instance answers carries the grant that the instance was made for, and any
//! footage in it is held under that very grant. Nothing here widens what a grant covers.

use crate::departure::{Answer, Content};
use crate::grant::Grant;
use eyesonly_seal::FootageId;
use std::sync::Arc;

/// The most objects that one instance holds at once.
pub const OBJECTS_MAX: u32 = 8;
/// The most bytes of one read: 16 MiB, twice the largest still that ingest takes.
pub const READ_BYTES_MAX: u32 = 16 << 20;
/// The most bytes of an answer from guest memory. Larger bodies are byte ranges of objects.
pub const ANSWER_BYTES_MAX: usize = 1 << 20;
/// The most bytes of one rendition. A rendition fits in one extent, so it is proven and opened in
/// one go.
pub const RENDITION_BYTES_MAX: usize = 1_000_000;
/// The longest name of a rendition, in bytes.
pub const RENDITION_NAME_BYTES_MAX: usize = 32;
/// The most events in one page.
pub const EVENTS_MAX: u32 = 100;

/// The way in which a guest broke the contract.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Breach {
    /// The question is malformed.
    Invalid,
    /// A limit was met.
    Limit,
}

/// The statuses that a handler may choose.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// 200. The host makes it 206 or 416 where that applies.
    Ok,
    /// 400.
    BadRequest,
    /// 404.
    NotFound,
    /// 503.
    Unavailable,
    /// 500.
    Failed,
}

/// The media types that a handler may answer with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MediaType {
    /// `image/jpeg`
    Jpeg,
    /// `video/mp4`
    Mp4,
    /// `application/json`
    Json,
    /// `application/vnd.apple.mpegurl`
    Playlist,
}

/// Says whether a rendition may have this name: 1 to 32 characters of `a-z`, `0-9` and `-`.
/// FROM GUEST.
#[must_use]
pub fn is_rendition_name(name: &str) -> bool {
    let allowed = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    (1..=RENDITION_NAME_BYTES_MAX).contains(&name.len()) && name.bytes().all(allowed)
}

/// Reads an event's id, once. FROM GUEST.
///
/// # Errors
/// [`Breach::Invalid`] if it is not a [`FootageId`] in its one spelling.
pub fn check_id(id: &str) -> Result<FootageId, Breach> {
    FootageId::parse(id).map_err(|_| Breach::Invalid)
}

/// Checks the question for a page of events, and reads its cursor. FROM GUEST.
///
/// # Errors
/// [`Breach::Invalid`] if the cursor is not an id or the limit is 0. [`Breach::Limit`] if the limit
/// is above [`EVENTS_MAX`].
pub fn check_page(before: Option<&str>, limit: u32) -> Result<Option<FootageId>, Breach> {
    let before = before.map(check_id).transpose()?;
    match limit {
        0 => Err(Breach::Invalid),
        1..=EVENTS_MAX => Ok(before),
        _ => Err(Breach::Limit),
    }
}

/// Checks a read of an object that has `object_bytes` bytes, and returns how many bytes the read
/// gives. FROM GUEST.
///
/// # Errors
/// [`Breach::Invalid`] if the length is 0 or the offset is not below the object's length.
/// [`Breach::Limit`] if the length is above [`READ_BYTES_MAX`].
pub fn check_read(object_bytes: u64, offset: u64, length: u32) -> Result<u32, Breach> {
    let rest = object_bytes.checked_sub(offset).filter(|rest| *rest > 0 && length > 0);
    let rest = rest.ok_or(Breach::Invalid)?;
    if length > READ_BYTES_MAX {
        return Err(Breach::Limit);
    }
    Ok(u32::try_from(rest).map_or(length, |rest| rest.min(length)))
}

/// The origin of an object of an instance. Only an opened object can be the source of a rendition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// The instance opened it through the grant.
    Opened,
    /// It is a rendition.
    Rendition,
}

/// One instance: its grant, and how many objects it has opened and holds.
pub struct Instance {
    grant: Arc<Grant>,
    held: u32,
    opened: u32,
    makes: Option<String>,
}

impl Instance {
    /// Starts to count for an instance that is given `grant` and nothing else.
    #[must_use]
    pub fn new(grant: Arc<Grant>) -> Self {
        Self { grant, held: 0, opened: 0, makes: None }
    }
    /// Returns the grant that it was given.
    #[must_use]
    pub fn grant(&self) -> &Arc<Grant> {
        &self.grant
    }
    /// Checks that it may hold one more object.
    ///
    /// # Errors
    /// [`Breach::Limit`] if it holds [`OBJECTS_MAX`] already.
    pub fn may_hold(&self) -> Result<(), Breach> {
        if self.held < OBJECTS_MAX { Ok(()) } else { Err(Breach::Limit) }
    }
    /// Counts an object that it holds from now on.
    ///
    /// # Errors
    /// [`Breach::Limit`] if it may not hold the object. An opened one is counted as opened all the
    /// same.
    pub fn holds(&mut self, origin: Origin) -> Result<(), Breach> {
        if origin == Origin::Opened {
            self.opened = self.opened.saturating_add(1);
        }
        self.may_hold()?;
        self.held = self.held.saturating_add(1);
        Ok(())
    }
    /// Counts that it dropped an object.
    pub fn dropped(&mut self) {
        self.held = self.held.saturating_sub(1);
    }
    /// Checks that it may ask for a rendition now. An instance makes at most one at a time.
    /// FROM GUEST.
    ///
    /// # Errors
    /// [`Breach::Invalid`] if `source` was not opened or the name is not allowed. [`Breach::Limit`]
    /// if it already makes one, or may not hold one more object.
    pub fn may_recall(&self, source: Origin, name: &str) -> Result<(), Breach> {
        if source != Origin::Opened || !is_rendition_name(name) {
            return Err(Breach::Invalid);
        }
        if self.makes.is_some() { Err(Breach::Limit) } else { self.may_hold() }
    }
    /// Notes which rendition it makes.
    pub fn makes(&mut self, name: &str) {
        self.makes = Some(name.to_owned());
    }
    /// Checks that it may keep a rendition of `bytes` bytes. FROM GUEST.
    ///
    /// INVARIANT: a rendition shows its source, so the instance must have opened that one object
    /// and no other.
    ///
    /// # Errors
    /// [`Breach::Invalid`] if the instance opened another object, the name is not allowed, or there
    /// are no bytes. [`Breach::Limit`] if there are more than [`RENDITION_BYTES_MAX`], or if it may
    /// not hold one more object.
    pub fn may_remember(&self, source: Origin, name: &str, bytes: usize) -> Result<(), Breach> {
        let is_source = source == Origin::Opened && self.opened == 1;
        if !is_source || !is_rendition_name(name) || bytes == 0 {
            return Err(Breach::Invalid);
        }
        if bytes > RENDITION_BYTES_MAX { Err(Breach::Limit) } else { self.may_hold() }
    }
    /// Says whether the rendition that was kept is the one that it makes. If so, it makes none from
    /// then on.
    pub fn made(&mut self, name: &str) -> bool {
        self.makes.take_if(|makes| makes == name).is_some()
    }
    /// Takes the answer of the instance, or the empty answer to what the host did itself.
    /// FROM GUEST: all. Only an answer of status [`Status::Ok`] keeps its content.
    ///
    /// # Errors
    /// A text that says which part of the answer is outside the contract.
    pub fn answers(
        &self,
        status: Status,
        media_type: MediaType,
        content: Content,
    ) -> Result<Answer, &'static str> {
        let grant = Arc::clone(&self.grant);
        let content = if status == Status::Ok { content } else { Content::Empty };
        match &content {
            Content::Bytes(bytes) if bytes.len() > ANSWER_BYTES_MAX => {
                return Err("more bytes than an answer may have");
            }
            Content::Footage { length: 0, .. } => return Err("a range of no bytes"),
            Content::Footage { source, offset, length } => {
                let object = source.located();
                let end = offset.checked_add(*length);
                if end.is_none_or(|end| end > object.plain_length()) {
                    return Err("a range past the end of its object");
                }
                if !Arc::ptr_eq(object.grant(), &grant) {
                    return Err("an object of another grant");
                }
            }
            Content::Live { source, .. } if !Arc::ptr_eq(source.segment().grant(), &grant) => {
                return Err("a segment of another grant");
            }
            Content::Empty | Content::Bytes(_) | Content::Live { .. } => {}
        }
        Ok(Answer { grant, status, media_type, content })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::registry;

    /// SPEC.md says these numbers.
    #[test]
    fn limits_are_these() {
        let of_instances = (OBJECTS_MAX, READ_BYTES_MAX, ANSWER_BYTES_MAX, EVENTS_MAX);
        assert_eq!(of_instances, (8, 16_777_216, 1_048_576, 100));
        let of_records = (registry::RECORD_KEY_BYTES_MAX, registry::RECORD_BYTES_MAX);
        assert_eq!(of_records, (128, 4_194_304));
    }

    #[test]
    fn a_rendition_has_a_short_plain_name() {
        assert!(is_rendition_name("width-320"));
        for bad in ["", "Width", "a b", "a/b", &"a".repeat(33)] {
            assert!(!is_rendition_name(bad), "{bad:?}");
        }
    }

    #[test]
    fn questions_are_bounded() {
        let id = "018bcfe5-6800-7abc-9def-0123456789ab";
        let parsed = FootageId::parse(id).unwrap();
        assert_eq!(check_id(id), Ok(parsed));
        assert_eq!(check_id("short"), Err(Breach::Invalid));
        assert_eq!(check_page(None, 0), Err(Breach::Invalid));
        assert_eq!(check_page(Some("x"), 1), Err(Breach::Invalid));
        assert_eq!(check_page(Some(id), EVENTS_MAX), Ok(Some(parsed)));
        assert_eq!(check_page(None, EVENTS_MAX + 1), Err(Breach::Limit));
        assert_eq!(check_read(10, 0, 4), Ok(4));
        assert_eq!(check_read(10, 8, 4), Ok(2));
        assert_eq!(check_read(10, 10, 4), Err(Breach::Invalid));
        assert_eq!(check_read(10, 11, 4), Err(Breach::Invalid));
        assert_eq!(check_read(10, 0, 0), Err(Breach::Invalid));
        assert_eq!(check_read(10, 0, READ_BYTES_MAX + 1), Err(Breach::Limit));
        assert_eq!(check_read(u64::MAX, 0, READ_BYTES_MAX), Ok(READ_BYTES_MAX));
    }
}
