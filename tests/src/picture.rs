//! Thumbnails, read by another decoder than the one of the handler that made them: their sizes, and
//! the colours at given places.

use zune_jpeg::JpegDecoder;
use zune_jpeg::zune_core::bytestream::ZCursor;
use zune_jpeg::zune_core::colorspace::ColorSpace;
use zune_jpeg::zune_core::options::DecoderOptions;

/// Red, green, blue.
pub type Colour = [u8; 3];

/// A decoded picture.
pub struct Picture {
    /// The width in pixels.
    pub width: usize,
    /// The height in pixels.
    pub height: usize,
    rgb: Vec<u8>,
}

impl Picture {
    /// Decodes a JPEG.
    ///
    /// # Panics
    /// If the bytes are no JPEG.
    #[track_caller]
    pub fn decode(jpeg: &[u8]) -> Self {
        let options = DecoderOptions::new_safe()
            .set_strict_mode(true)
            .jpeg_set_out_colorspace(ColorSpace::RGB);
        let mut decoder = JpegDecoder::new_with_options(ZCursor::new(jpeg), options);
        let rgb = decoder
            .decode()
            .unwrap_or_else(|error| panic!("{} bytes are no JPEG: {error:?}", jpeg.len()));
        let (width, height) = decoder.dimensions().unwrap();
        assert_eq!(rgb.len(), width * height * 3);
        Self { width, height, rgb }
    }

    /// Returns the mean colour of a part; the corners are fractions of width and height.
    pub fn mean(&self, (left, top): (f64, f64), (right, bottom): (f64, f64)) -> Colour {
        let at = |fraction: f64, size: usize| ((fraction * size as f64).round() as usize).min(size);
        let (left, right) = (at(left, self.width), at(right, self.width));
        let (top, bottom) = (at(top, self.height), at(bottom, self.height));
        assert!(left < right && top < bottom, "the part has no pixel");
        let mut sums = [0_u64; 3];
        for y in top..bottom {
            for x in left..right {
                for (channel, sum) in sums.iter_mut().enumerate() {
                    *sum += u64::from(self.rgb[(y * self.width + x) * 3 + channel]);
                }
            }
        }
        let count = ((right - left) * (bottom - top)) as u64;
        sums.map(|sum| u8::try_from(sum / count).unwrap())
    }

    /// Returns the mean colour of the whole picture.
    pub fn colour(&self) -> Colour {
        self.mean((0.0, 0.0), (1.0, 1.0))
    }

    /// Returns the colour of the flat square in the lower left corner, which says which camera of
    /// `tests/media` it is.
    pub fn corner(&self) -> Colour {
        let side = 0.05 * self.width as f64 / self.height as f64;
        self.mean((0.01, 1.0 - 0.8 * side), (0.04, 1.0 - 0.2 * side))
    }
}

/// Parses a colour such as `#e4572e`.
///
/// # Panics
/// If the text has another form.
pub fn colour(text: &str) -> Colour {
    let number = u32::from_str_radix(text.trim_start_matches('#'), 16).unwrap();
    [number >> 16, number >> 8, number].map(|part| u8::try_from(part & 0xFF).unwrap())
}

/// Returns the distance of two colours: the largest difference of a channel.
pub fn apart(one: Colour, other: Colour) -> u8 {
    one.iter().zip(other).map(|(a, b)| a.abs_diff(b)).max().unwrap_or(0)
}

/// Returns the nearest of `colours` (by the sum of squares).
///
/// # Panics
/// If there are none.
pub fn nearest<'a>(seen: Colour, colours: impl IntoIterator<Item = &'a str>) -> &'a str {
    let distance = |name: &&str| -> u32 {
        seen.iter().zip(colour(name)).map(|(a, b)| u32::from(a.abs_diff(b)).pow(2)).sum()
    };
    colours.into_iter().min_by_key(distance).unwrap()
}
