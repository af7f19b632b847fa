//! The form of uploads, checked as they arrive and without keeping them. A JPEG is checked from its
//! first marker to its last, an MP4 by its boxes.
//!
//! This is a gate, not a decoder: it keeps out what can't be footage. The decoder that trusts
//! nothing runs in the sandbox.

mod jpeg;
mod mp4;

pub use jpeg::{JpegForm, PIXELS_MAX, SCANS_MAX, SIDE_PIXELS_MAX};
pub use mp4::Mp4Form;

/// The reason why a body is not footage.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum FormError {
    /// The still is not a JPEG.
    #[error("the still is not a JPEG file")]
    NotJpeg,
    /// The still is a JPEG of a kind that is not taken here.
    #[error(
        "the still is a JPEG of an unusual kind: baseline or progressive, 8 bits, grey or YCbCr \
         are taken"
    )]
    UnusualJpeg,
    /// The JPEG ends too early.
    #[error("the JPEG file is truncated: it does not end with its end marker")]
    JpegTruncated,
    /// The still has too many pixels.
    #[error("the still has more pixels than {PIXELS_MAX}, or a side longer than {SIDE_PIXELS_MAX}")]
    TooManyPixels,
    /// The still is a progressive JPEG that no handler has the memory for.
    #[error("the still is a progressive JPEG too large to decode; send it as baseline JPEG")]
    ProgressiveTooLarge,
    /// The still has too many scans.
    #[error("the still has more than {SCANS_MAX} scans")]
    TooManyScans,
    /// The JPEG's parts don't fit each other.
    #[error("no decoder takes the still: {0}")]
    Undecodable(&'static str),
    /// The clip is not an MP4.
    #[error("the clip is not an MP4 file: it does not start with an ftyp box")]
    NotMp4,
    /// The MP4 has something missing or cut.
    #[error(
        "the MP4 file is broken or truncated: its boxes do not add up, or it has no moov and \
         mdat (or moof) boxes"
    )]
    Mp4Broken,
}

/// The form that a body must have.
pub enum Form {
    /// Any form: nothing is checked here.
    Any,
    /// A still.
    Jpeg(JpegForm),
    /// A clip.
    Mp4(Mp4Form),
}

impl Form {
    /// Checks the next bytes.
    pub fn push(&mut self, bytes: &[u8]) -> Result<(), FormError> {
        match self {
            Self::Any => Ok(()),
            Self::Jpeg(form) => form.push(bytes),
            Self::Mp4(form) => form.push(bytes),
        }
    }
    /// Checks that the whole had the form.
    pub fn end(&self) -> Result<(), FormError> {
        match self {
            Self::Any => Ok(()),
            Self::Jpeg(form) => form.end(),
            Self::Mp4(form) => form.end(),
        }
    }
}

#[cfg(test)]
mod testing {
    use super::{Form, FormError};

    /// Feeds `bytes` in pieces of several sizes, which must not matter, and compares the result.
    pub(super) fn check(
        mut form: impl FnMut() -> Form,
        bytes: &[u8],
        expected: Result<(), FormError>,
    ) {
        for step in [1, 2, 3, 7, 1000, usize::MAX] {
            let mut form = form();
            let fed =
                bytes.chunks(step.min(bytes.len().max(1))).try_for_each(|piece| form.push(piece));
            assert_eq!(fed.and_then(|()| form.end()), expected, "in pieces of {step}");
        }
    }

    pub(super) fn media(name: &str) -> Vec<u8> {
        std::fs::read(format!("{}/../tests/media/{name}", env!("CARGO_MANIFEST_DIR"))).unwrap()
    }
}
