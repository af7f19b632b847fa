//! The form of uploads, checked as they arrive. An MP4 is checked by its boxes and not kept. A
//! still is kept until it is whole, and then [`super::StillCheck`] has the decoder read it.

mod mp4;

pub use mp4::Mp4Form;
use zeroize::Zeroizing;

/// The bytes that every JPEG starts with: its start marker, and the first of the next marker.
const JPEG_START: [u8; 2] = [0xFF, 0xD8];

/// The reason why a body is not footage.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum FormError {
    /// The still is not a JPEG.
    #[error("the still is not a JPEG file")]
    NotJpeg,
    /// The still is a JPEG of a kind that is not taken here.
    #[error(
        "the still is a JPEG of an unusual kind: baseline or progressive, 8 bits, grey or three \
         colours are taken. Have the camera or its software write such a file"
    )]
    UnusualJpeg,
    /// The still has too many pixels.
    #[error(
        "the still has more than 40,000,000 pixels, or a side longer than 16,384: have the camera \
         or its software make it smaller"
    )]
    TooManyPixels,
    /// Decoding the still takes too much memory or time.
    #[error(
        "the still takes too much memory or time to decode: send it as baseline JPEG instead of \
         progressive, or smaller"
    )]
    TooHeavy,
    /// No picture comes out of the still.
    #[error(
        "no picture comes out of the still: its JPEG data is damaged or cut off. Send it again, \
         or take another"
    )]
    Damaged,
    /// The clip is not an MP4.
    #[error("the clip is not an MP4 file: it does not start with an ftyp box")]
    NotMp4,
    /// The clip is a QuickTime file, or an MP4 whose first box was lost.
    #[error(
        "the clip is a QuickTime file, not an MP4 file: it does not start with an ftyp box. \
         `ffmpeg -i clip.mov -c:v copy -c:a aac -movflags +faststart clip.mp4` makes an MP4 of \
         it, without coding the picture anew"
    )]
    QuickTime,
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
    /// A still, with what has come of it.
    Jpeg(Zeroizing<Vec<u8>>),
    /// A clip.
    Mp4(Mp4Form),
}

impl Form {
    /// Checks the next bytes.
    pub fn push(&mut self, bytes: &[u8]) -> Result<(), FormError> {
        match self {
            Self::Any => Ok(()),
            Self::Jpeg(still) => {
                still.extend_from_slice(bytes);
                // What is no JPEG is refused before the rest of it comes.
                let is_jpeg = still.iter().zip(&JPEG_START).all(|(byte, known)| byte == known);
                if is_jpeg { Ok(()) } else { Err(FormError::NotJpeg) }
            }
            Self::Mp4(form) => form.push(bytes),
        }
    }
    /// Checks that the whole had the form.
    pub fn end(&self) -> Result<(), FormError> {
        match self {
            Self::Any => Ok(()),
            Self::Jpeg(still) if still.len() < JPEG_START.len() => Err(FormError::NotJpeg),
            Self::Jpeg(_) => Ok(()),
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
