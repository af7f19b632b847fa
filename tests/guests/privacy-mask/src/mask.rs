//! Makes a picture without its zone: it decodes, blacks out, resizes and encodes. The zone goes
//! first, so that no later step can show it. The result must never have metadata of the source,
//! because a camera may put a small copy of the whole picture there.

use std::ops::Range;

use fast_image_resize as fir;
use jpeg_decoder::{Decoder, PixelFormat};
use jpeg_encoder::{ColorType, Encoder};

/// A part of the picture as it is stored, in thousandths of its width and height.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Zone {
    /// The distance of its left side from the left.
    pub left: usize,
    /// The distance of its upper side from the top.
    pub top: usize,
    /// Its width.
    pub width: usize,
    /// Its height.
    pub height: usize,
}

/// The zone that nobody sees: the neighbour's windows.
pub const ZONE: Zone = Zone { left: 600, top: 100, width: 300, height: 400 };

/// The most pixels on a side of a block of JPEG. What is in the zone colours the rest of its block
/// a little, so the zone is widened by one block.
const BLOCK_PIXELS: usize = 16;

/// The most pixels that a source may have. An instance has no memory for more.
const PIXELS_MAX: u32 = 12_000_000;

const QUALITY: u8 = 80;

/// The reason why a still can't be masked.
#[derive(Debug, thiserror::Error)]
pub enum MaskError {
    /// The still is not a JPEG, or is broken.
    #[error("the still does not decode: {0}")]
    Decode(#[from] jpeg_decoder::Error),
    /// The still has too many pixels.
    #[error("the still is too large")]
    TooLarge,
    /// The still has colours that no camera's still has.
    #[error("the still's colours are not supported")]
    Unsupported,
    /// The resizer failed.
    #[error("resizing failed")]
    Resize,
    /// The encoder failed.
    #[error("encoding failed: {0}")]
    Encode(#[from] jpeg_encoder::EncodingError),
}

/// Returns the still without the zone. It is `width` pixels wide, or as wide as the source if the
/// source is narrower.
pub fn masked(jpeg: &[u8], width: u16) -> Result<Vec<u8>, MaskError> {
    let mut decoder = Decoder::new(jpeg);
    decoder.read_info()?;
    let stored = decoder.info().ok_or(MaskError::Unsupported)?;
    if u32::from(stored.width) * u32::from(stored.height) > PIXELS_MAX {
        return Err(MaskError::TooLarge);
    }
    let (channels, colour) = match stored.pixel_format {
        PixelFormat::L8 => (1, ColorType::Luma),
        PixelFormat::RGB24 => (3, ColorType::Rgb),
        _ => return Err(MaskError::Unsupported),
    };
    let (width, height) = target(stored.width, stored.height, width);
    // The decoder takes the smallest of its scales that gives so many pixels.
    let (scaled_width, scaled_height) = decoder.scale(width, height)?;
    let mut pixels = decoder.decode()?;
    let columns = hidden(ZONE.left, ZONE.width, stored.width, scaled_width);
    let rows = hidden(ZONE.top, ZONE.height, stored.height, scaled_height);
    black_out(&mut pixels, usize::from(scaled_width), channels, rows, columns);
    let (from, to) = ((scaled_width, scaled_height), (width, height));
    let pixels = match channels {
        1 => resized::<fir::pixels::U8>(&pixels, from, to)?,
        _ => resized::<fir::pixels::U8x3>(&pixels, from, to)?,
    };
    let mut made = Vec::new();
    Encoder::new(&mut made, QUALITY).encode(&pixels, width, height, colour)?;
    Ok(made)
}

/// Returns the size to make. It has the source's proportions and is never larger.
fn target(stored_width: u16, stored_height: u16, width: u16) -> (u16, u16) {
    let width = width.min(stored_width);
    let height = u32::from(stored_height) * u32::from(width) / u32::from(stored_width.max(1));
    (width, u16::try_from(height).unwrap_or(u16::MAX).max(1))
}

/// Returns the range of the `scaled` pixels along one side that the zone covers. It is rounded
/// outward to whole pixels, and widened by a block of the stored picture.
fn hidden(from: usize, length: usize, stored: u16, scaled: u16) -> Range<usize> {
    let (stored, scaled) = (usize::from(stored.max(1)), usize::from(scaled));
    let block = (BLOCK_PIXELS * scaled).div_ceil(stored);
    let start = (from * scaled / 1000).saturating_sub(block);
    let end = ((from + length) * scaled).div_ceil(1000) + block;
    start..end.min(scaled)
}

fn black_out(
    pixels: &mut [u8],
    width: usize,
    channels: usize,
    rows: Range<usize>,
    columns: Range<usize>,
) {
    for row in pixels.chunks_mut(width * channels).skip(rows.start).take(rows.len()) {
        let zone = row.get_mut(columns.start * channels..columns.end * channels);
        zone.into_iter().for_each(|zone| zone.fill(0));
    }
}

fn resized<P: fir::PixelTrait>(
    pixels: &[u8],
    from: (u16, u16),
    to: (u16, u16),
) -> Result<Vec<u8>, MaskError> {
    let source = fir::images::TypedImageRef::<P>::from_buffer(from.0.into(), from.1.into(), pixels)
        .map_err(|_| MaskError::Resize)?;
    let mut made = vec![0; usize::from(to.0) * usize::from(to.1) * P::size()];
    let mut target = fir::images::TypedImage::<P>::from_buffer(to.0.into(), to.1.into(), &mut made)
        .map_err(|_| MaskError::Resize)?;
    fir::Resizer::new()
        .resize_typed(&source, &mut target, &fir::ResizeOptions::new().use_alpha(false))
        .map_err(|_| MaskError::Resize)?;
    Ok(made)
}
