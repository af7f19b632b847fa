//! Makes one picture smaller: decodes at a reduced scale, resizes, turns upright, encodes. It must
//! never make a picture larger than its source, and never copy metadata of the source (EXIF can
//! hold a place) into the result.

use fast_image_resize as fir;
use jpeg_decoder::{Decoder, PixelFormat};
use jpeg_encoder::{ColorType, Encoder, SamplingFactor};

use crate::orientation::Orientation;
use crate::scale::Frame;

/// The most pixels that a source may have.
pub const MAX_PIXELS: u64 = 40_000_000;
/// The longest side that a source may have, in pixels.
pub const MAX_SIDE: u32 = 16_384;
/// The largest rendition, in bytes: the contract's `remember` takes no larger one.
pub const MAX_RENDITION_BYTES: usize = 1_000_000;

/// The encoder qualities, tried in turn until the rendition is small enough to be kept.
const QUALITIES: [u8; 3] = [80, 60, 35];

/// Why a still can't be made into a rendition.
#[derive(Debug, thiserror::Error)]
pub enum PictureError {
    /// Not a JPEG, or a broken one.
    #[error("the source does not decode as JPEG: {0}")]
    Decode(#[from] jpeg_decoder::Error),
    /// More pixels than [`MAX_PIXELS`], a side longer than [`MAX_SIDE`], or more than fits the
    /// instance at any scale.
    #[error("a source of {width} × {height} pixels is too large")]
    TooLarge {
        /// Claimed width in pixels.
        width: u32,
        /// Claimed height in pixels.
        height: u32,
    },
    /// Colours or a coding that no camera's still has (CMYK, 16 bits, lossless, arithmetic).
    #[error("the source's colours or coding are not supported")]
    Unsupported,
    /// The resizer failed.
    #[error("resizing failed")]
    Resize,
    /// The encoder failed.
    #[error("encoding failed: {0}")]
    Encode(#[from] jpeg_encoder::EncodingError),
    /// The rendition is too large at every quality.
    #[error("the rendition is larger than {MAX_RENDITION_BYTES} bytes")]
    RenditionTooLarge,
}

/// Makes a JPEG's rendition that is `width` pixels wide when upright, or as wide as the source if
/// the source is narrower.
///
/// Returns a baseline JPEG without metadata, at most `MAX_RENDITION_BYTES` long. The function takes
/// the source over, so that its memory is free again once the source is decoded: an instance has
/// little memory.
pub fn rendition(jpeg: Vec<u8>, width: u32) -> Result<Vec<u8>, PictureError> {
    let mut decoder = Decoder::new(jpeg.as_slice());
    decoder.read_info()?;
    let info = decoder.info().ok_or(PictureError::Unsupported)?;
    let (stored_width, stored_height) = (u32::from(info.width), u32::from(info.height));
    if stored_width > MAX_SIDE
        || stored_height > MAX_SIDE
        || u64::from(stored_width) * u64::from(stored_height) > MAX_PIXELS
    {
        return Err(PictureError::TooLarge { width: stored_width, height: stored_height });
    }
    let gray = match info.pixel_format {
        PixelFormat::L8 => true,
        PixelFormat::RGB24 => false,
        PixelFormat::L16 | PixelFormat::CMYK32 => return Err(PictureError::Unsupported),
    };
    let orientation = decoder.exif_data().map(Orientation::from_exif).unwrap_or_default();
    let (target_width, target_height) =
        target_size(stored_width, stored_height, orientation, width);
    let too_large = PictureError::TooLarge { width: stored_width, height: stored_height };
    let frame = Frame::read(&jpeg).ok_or(PictureError::Unsupported)?;
    let eighths = frame.eighths(target_width, target_height).ok_or(too_large)?;
    // The decoder takes a scale if it is asked for exactly the size that this scale gives.
    let asked = |side: u32| u16::try_from(Frame::scaled(side, eighths)).unwrap_or(u16::MAX);
    let (scaled_width, scaled_height) = decoder.scale(asked(stored_width), asked(stored_height))?;
    let pixels = decoder.decode()?;
    drop(decoder);
    drop(jpeg);
    let (scaled_width, scaled_height) = (u32::from(scaled_width), u32::from(scaled_height));
    let pixels = if (scaled_width, scaled_height) == (target_width, target_height) {
        pixels
    } else {
        resize(&pixels, (scaled_width, scaled_height), (target_width, target_height), gray)?
    };
    turn_and_encode(pixels, target_width, target_height, gray, orientation)
}

/// Returns the size to resize to, in the source's own orientation.
fn target_size(
    stored_width: u32,
    stored_height: u32,
    orientation: Orientation,
    width: u32,
) -> (u32, u32) {
    let scale = |side: u32, numerator: u32, denominator: u32| {
        let denominator = u64::from(denominator.max(1));
        let scaled = (u64::from(side) * u64::from(numerator) + denominator / 2) / denominator;
        u32::try_from(scaled).unwrap_or(u32::MAX).max(1)
    };
    if orientation.transpose {
        let upright_width = width.min(stored_height);
        (scale(stored_width, upright_width, stored_height), upright_width)
    } else {
        let upright_width = width.min(stored_width);
        (upright_width, scale(stored_height, upright_width, stored_width))
    }
}

fn resize(
    pixels: &[u8],
    from: (u32, u32),
    to: (u32, u32),
    gray: bool,
) -> Result<Vec<u8>, PictureError> {
    // There is one typed call for each kind of picture. The untyped call brings code and half a
    // megabyte of tables for all pixel types into every instance.
    if gray {
        resize_as::<fir::pixels::U8>(pixels, from, to)
    } else {
        resize_as::<fir::pixels::U8x3>(pixels, from, to)
    }
}

fn resize_as<P: fir::PixelTrait>(
    pixels: &[u8],
    from: (u32, u32),
    to: (u32, u32),
) -> Result<Vec<u8>, PictureError> {
    let source = fir::images::TypedImageRef::<P>::from_buffer(from.0, from.1, pixels)
        .map_err(|_| PictureError::Resize)?;
    let mut resized = vec![0; to.0 as usize * to.1 as usize * P::size()];
    let mut target = fir::images::TypedImage::<P>::from_buffer(to.0, to.1, &mut resized)
        .map_err(|_| PictureError::Resize)?;
    let options = fir::ResizeOptions::new().use_alpha(false);
    fir::Resizer::new()
        .resize_typed(&source, &mut target, &options)
        .map_err(|_| PictureError::Resize)?;
    Ok(resized)
}

fn turn_and_encode(
    pixels: Vec<u8>,
    width: u32,
    height: u32,
    gray: bool,
    orientation: Orientation,
) -> Result<Vec<u8>, PictureError> {
    let pixels = if orientation.is_upright() {
        pixels
    } else {
        let turned = if gray {
            orientation.apply::<1>(&pixels, width as usize, height as usize)
        } else {
            orientation.apply::<3>(&pixels, width as usize, height as usize)
        };
        turned.ok_or(PictureError::Resize)?
    };
    let (width, height) = if orientation.transpose { (height, width) } else { (width, height) };
    let (Ok(short_width), Ok(short_height)) = (u16::try_from(width), u16::try_from(height)) else {
        return Err(PictureError::TooLarge { width, height });
    };
    for quality in QUALITIES {
        let mut encoded = Vec::with_capacity(pixels.len() / 8 + 1024);
        let mut encoder = Encoder::new(&mut encoded, quality);
        encoder.set_sampling_factor(SamplingFactor::F_2_2);
        let colour = if gray { ColorType::Luma } else { ColorType::Rgb };
        encoder.encode(&pixels, short_width, short_height, colour)?;
        if encoded.len() <= MAX_RENDITION_BYTES {
            return Ok(encoded);
        }
    }
    Err(PictureError::RenditionTooLarge)
}
