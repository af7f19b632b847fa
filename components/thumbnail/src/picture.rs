//! Makes one picture smaller: decodes at a reduced scale, resizes, turns upright, encodes. It must
//! never make a picture larger than its source, and never copy metadata of the source (EXIF can
//! hold a place) into the result.

use eyesonly_picture::{Facts, Orientation, Picture, StillError, TARGET_PIXELS_MAX};
use fast_image_resize as fir;
use jpeg_encoder::{ChromaSubsamplingMethod, ColorType, Encoder, SamplingFactor};

/// The largest rendition, in bytes: the contract's `remember` takes no larger one.
pub const MAX_RENDITION_BYTES: usize = 1_000_000;

/// The most pixels of a rendition that has a colour for each of them, not for each four.
const FULL_COLOUR_PIXELS_MAX: u32 = 64 * 64;

/// The encoder qualities, tried in turn until the rendition is small enough to be kept. At the last
/// one, noise of [`TARGET_PIXELS_MAX`] is.
const QUALITIES: [u8; 4] = [80, 60, 35, 1];

/// Why a still can't be made into a rendition.
#[derive(Debug, thiserror::Error)]
pub enum PictureError {
    /// It is no still.
    #[error(transparent)]
    Still(#[from] StillError),
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

/// Makes a JPEG's rendition that is `width` pixels wide when upright. It is narrower if the source
/// is, or if it would have more than [`TARGET_PIXELS_MAX`] pixels.
///
/// Returns a baseline JPEG without metadata, at most `MAX_RENDITION_BYTES` long. The function takes
/// the source over, so that its memory is free again once the source is decoded: an instance has
/// little memory.
pub fn rendition(jpeg: Vec<u8>, width: u32) -> Result<Vec<u8>, PictureError> {
    let (facts, picture) = eyesonly_picture::decode(jpeg, |facts| target_size(facts, width))?;
    let target = target_size(&facts, width);
    let Picture { pixels, width, height, is_grey } = picture;
    let pixels = if (width, height) == target {
        pixels
    } else {
        resize(&pixels, (width, height), target, is_grey)?
    };
    turn_and_encode(pixels, target.0, target.1, is_grey, facts.orientation)
}

/// Returns the size to resize to, in the source's own orientation.
fn target_size(facts: &Facts, width: u32) -> (u32, u32) {
    let (across, down) = if facts.orientation.transpose {
        (facts.height, facts.width)
    } else {
        (facts.width, facts.height)
    };
    let scaled = |width: u32| {
        let across = u64::from(across.max(1));
        let height = (u64::from(down) * u64::from(width) + across / 2) / across;
        u32::try_from(height).unwrap_or(u32::MAX).max(1)
    };
    let mut width = width.min(across);
    while width > 1 && u64::from(width) * u64::from(scaled(width)) > TARGET_PIXELS_MAX {
        width /= 2;
    }
    if facts.orientation.transpose { (scaled(width), width) } else { (width, scaled(width)) }
}

fn resize(
    pixels: &[u8],
    from: (u32, u32),
    to: (u32, u32),
    grey: bool,
) -> Result<Vec<u8>, PictureError> {
    // There is one typed call for each kind of picture. The untyped call brings code and half a
    // megabyte of tables for all pixel types into every instance.
    if grey {
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
    grey: bool,
    orientation: Orientation,
) -> Result<Vec<u8>, PictureError> {
    let pixels = if orientation.is_upright() {
        pixels
    } else {
        let turned = if grey {
            orientation.apply::<1>(&pixels, width as usize, height as usize)
        } else {
            orientation.apply::<3>(&pixels, width as usize, height as usize)
        };
        turned.ok_or(PictureError::Resize)?
    };
    let (width, height) = if orientation.transpose { (height, width) } else { (width, height) };
    let (Ok(short_width), Ok(short_height)) = (u16::try_from(width), u16::try_from(height)) else {
        return Err(PictureError::Resize);
    };
    for quality in QUALITIES {
        let mut encoded = Vec::with_capacity(pixels.len() / 8 + 1024);
        let mut encoder = Encoder::new(&mut encoded, quality);
        let is_small = width.saturating_mul(height) <= FULL_COLOUR_PIXELS_MAX;
        encoder.set_sampling_factor(if is_small {
            SamplingFactor::F_1_1
        } else {
            SamplingFactor::F_2_2
        });
        // By itself it takes the colour of one pixel of four for all of them.
        encoder.set_chroma_subsampling_method(ChromaSubsamplingMethod::Average);
        let colour = if grey { ColorType::Luma } else { ColorType::Rgb };
        encoder.encode(&pixels, short_width, short_height, colour)?;
        if encoded.len() <= MAX_RENDITION_BYTES {
            return Ok(encoded);
        }
    }
    Err(PictureError::RenditionTooLarge)
}
