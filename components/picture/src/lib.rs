//! Decodes a still: a JPEG file, as a camera made it. What libjpeg-turbo shows is shown, with the
//! same colours, and damaged parts as damaged parts.
//!
//! The door asks [`check`], and the thumbnail handler calls [`decode`]: both read the file in the
//! same way, with the same limits. It must never take a file in `check` that `decode` refuses.

mod orientation;
mod restarts;
mod scale;
mod tables;

use libjpeg_turbo_rs::{DecodeLimits, Decoder, FrameHeader, JpegError, PixelFormat, ScalingFactor};

pub use orientation::Orientation;
use scale::Frame;
use std::borrow::Cow;

/// The longest side of a still, in pixels.
pub const SIDE_PIXELS_MAX: u32 = 16_384;
/// The most pixels of a still.
pub const PIXELS_MAX: u64 = 40_000_000;
/// The most scans of a still. Encoders make about ten.
pub const SCANS_MAX: usize = 64;
/// The most pixels that are gone over while a still is decoded, in all scans together: 12
/// megapixels in 13 scans.
pub const WORK_PIXELS_MAX: u64 = 160_000_000;
/// The most pixels of a rendition: 1,920 pixels across, and four times as many down.
pub const TARGET_PIXELS_MAX: u64 = 1_920 * 7_680;

/// The marker at the end of a file. libjpeg adds it where it is missing.
const END: [u8; 2] = [0xff, 0xd9];

/// Why a file is no still.
#[derive(Debug, thiserror::Error)]
pub enum StillError {
    /// It does not start like a JPEG.
    #[error("not a JPEG file")]
    NotJpeg,
    /// It is a JPEG of a kind that browsers don't show, or of four components.
    #[error("a JPEG of an unusual kind: {0}")]
    Unusual(&'static str),
    /// It has more pixels than [`PIXELS_MAX`], or a side longer than [`SIDE_PIXELS_MAX`].
    #[error("a still of {width} × {height} pixels is too large")]
    TooManyPixels {
        /// The width that the file claims, in pixels.
        width: u32,
        /// The height that the file claims, in pixels.
        height: u32,
    },
    /// Decoding takes more memory than an instance has, or goes over more pixels than
    /// [`WORK_PIXELS_MAX`].
    #[error("a progressive JPEG that takes too much memory or time to decode")]
    TooHeavy,
    /// No picture comes out of it.
    #[error("the JPEG file is damaged: {0}")]
    Damaged(JpegError),
}

/// A decoded still, not turned yet.
#[derive(Debug, PartialEq, Eq)]
pub struct Picture {
    /// A byte a pixel if it is grey, otherwise three: red, green, blue.
    pub pixels: Vec<u8>,
    /// The width in pixels.
    pub width: u32,
    /// The height in pixels.
    pub height: u32,
    /// There is one byte a pixel.
    pub is_grey: bool,
}

/// What the header of a still says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Facts {
    /// The stored width in pixels.
    pub width: u32,
    /// The stored height in pixels.
    pub height: u32,
    /// The turn that makes it upright.
    pub orientation: Orientation,
}

/// Says whether a file is a still that [`decode`] takes, at every size up to [`TARGET_PIXELS_MAX`].
///
/// # Errors
/// Those of [`decode`].
pub fn check(jpeg: Vec<u8>) -> Result<(), StillError> {
    decode(jpeg, |_| (1, 1)).map(|_| ())
}

/// Decodes a still at the smallest scale that gives at least the size that `target` returns, in
/// pixels, across and down as the still is stored. It is smaller where the memory of an instance
/// does not suffice.
///
/// The function takes the file over, so that its memory is free again afterwards.
///
/// # Errors
/// [`StillError`].
pub fn decode(
    mut jpeg: Vec<u8>,
    target: impl FnOnce(&Facts) -> (u32, u32),
) -> Result<(Facts, Picture), StillError> {
    if !jpeg.starts_with(&[0xff, 0xd8]) {
        return Err(StillError::NotJpeg);
    }
    jpeg.reserve_exact(END.len());
    jpeg.extend(END);
    let jpeg = tables::complete(jpeg).ok_or(StillError::TooHeavy)?;
    let jpeg = match restarts::in_order(&jpeg) {
        Cow::Borrowed(_) => jpeg,
        Cow::Owned(mended) => mended,
    };
    let mut decoder = Decoder::new_with_limits(&jpeg, limits(SCANS_MAX))?;
    let header = decoder.header();
    let (width, height) = (u32::from(header.width), u32::from(header.height));
    let pixels = u64::from(width).saturating_mul(u64::from(height));
    if width > SIDE_PIXELS_MAX || height > SIDE_PIXELS_MAX || pixels > PIXELS_MAX {
        return Err(StillError::TooManyPixels { width, height });
    }
    if pixels == 0 {
        return Err(StillError::Damaged(JpegError::CorruptData("a side has no pixels".into())));
    }
    let is_grey = usual(&decoder)?;
    let frame = Frame::of(decoder.header(), jpeg.len() as u64);
    let orientation = decoder.exif_data().map(Orientation::from_exif).unwrap_or_default();
    let facts = Facts { width, height, orientation };
    let (across, down) = target(&facts);
    let eighths = frame.eighths(across, down).ok_or(StillError::TooHeavy)?;
    let scans = WORK_PIXELS_MAX.checked_div(pixels).and_then(|scans| usize::try_from(scans).ok());
    decoder.set_limits(limits(scans.unwrap_or(SCANS_MAX).min(SCANS_MAX)));
    decoder.set_lenient(true);
    decoder.set_block_smoothing(true);
    decoder.set_scale(ScalingFactor::try_new(1, 8_u32.checked_div(eighths).unwrap_or(1))?);
    decoder.set_output_format(if is_grey { PixelFormat::Grayscale } else { PixelFormat::Rgb });
    let image = decoder.decode_image()?;
    let picture = Picture {
        pixels: image.data,
        width: Frame::scaled(width, eighths),
        height: Frame::scaled(height, eighths),
        is_grey,
    };
    Ok((facts, picture))
}

fn limits(max_scans: usize) -> DecodeLimits {
    DecodeLimits { max_scans, ..DecodeLimits::default() }
}

/// Says whether the still is grey, if it is of a kind that every browser shows and that has at most
/// three components.
fn usual(decoder: &Decoder<'_>) -> Result<bool, StillError> {
    let FrameHeader { precision, components, is_lossless, .. } = decoder.header();
    if decoder.is_arithmetic() {
        return Err(StillError::Unusual("it is arithmetic-coded"));
    }
    if *is_lossless {
        return Err(StillError::Unusual("it is lossless"));
    }
    if *precision != 8 {
        return Err(StillError::Unusual("its samples have not 8 bits"));
    }
    match components.len() {
        1 => Ok(true),
        3 => Ok(false),
        _ => Err(StillError::Unusual("it has neither one component nor three (CMYK has four)")),
    }
}

impl From<JpegError> for StillError {
    fn from(error: JpegError) -> Self {
        match error {
            JpegError::LimitExceeded { .. } | JpegError::AllocationFailed { .. } => Self::TooHeavy,
            error => Self::Damaged(error),
        }
    }
}
