//! The form of uploads, checked as they arrive without keeping them: a JPEG from its first marker to its last, an MP4 by its boxes.
//!
//! This is a gate, not a decoder: it keeps out what can't be footage. The decoder that trusts nothing runs in the sandbox.

mod jpeg;
mod mp4;

pub use jpeg::{JpegForm, PIXELS_MAX, SCANS_MAX, SIDE_PIXELS_MAX};
pub use mp4::Mp4Form;

/// Why a body is not footage.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum FormError {
    /// Not a JPEG.
    #[error("the still is not a JPEG file")]
    NotJpeg,
    /// A JPEG of a kind that no picture is made of here.
    #[error(
        "the still is a JPEG of an unusual kind: baseline or progressive, 8 bits, grey or YCbCr are taken"
    )]
    UnusualJpeg,
    /// A JPEG that ends too early.
    #[error("the JPEG file is truncated: it does not end with its end marker")]
    JpegTruncated,
    /// Too many pixels.
    #[error("the still has more pixels than {PIXELS_MAX}, or a side longer than {SIDE_PIXELS_MAX}")]
    TooManyPixels,
    /// A progressive JPEG that no handler has the memory for.
    #[error("the still is a progressive JPEG too large to decode; send it as baseline JPEG")]
    ProgressiveTooLarge,
    /// Too many scans.
    #[error("the still has more than {SCANS_MAX} scans")]
    TooManyScans,
    /// A JPEG whose parts don't fit each other.
    #[error("no decoder takes the still: {0}")]
    Undecodable(&'static str),
    /// Not an MP4.
    #[error("the clip is not an MP4 file: it does not begin with an ftyp box")]
    NotMp4,
    /// An MP4 with something missing or cut.
    #[error(
        "the MP4 file is broken or truncated: its boxes do not add up, or it has no moov and mdat (or moof) boxes"
    )]
    Mp4Broken,
}

/// The form that a body must have.
pub enum Form {
    /// None that is checked here.
    Any,
    /// A still.
    Jpeg(JpegForm),
    /// A clip.
    Mp4(Mp4Form),
}

impl Form {
    /// Looks at the next bytes.
    pub fn push(&mut self, bytes: &[u8]) -> Result<(), FormError> {
        match self {
            Self::Any => Ok(()),
            Self::Jpeg(form) => form.push(bytes),
            Self::Mp4(form) => form.push(bytes),
        }
    }
    /// Says whether the whole had the form.
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

    /// The result of feeding `bytes` in pieces of `step` bytes, which must not matter.
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
