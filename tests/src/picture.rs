//! Thumbnails, read by another decoder than the one of the handler that made them: their sizes, the
//! colours at given places, and how far they are from another program's picture.

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
        Self::try_decode(jpeg)
            .unwrap_or_else(|error| panic!("{} bytes are no JPEG: {error}", jpeg.len()))
    }

    /// Decodes a JPEG.
    ///
    /// # Errors
    /// The decoder's message, if the bytes are no sound JPEG.
    pub fn try_decode(jpeg: &[u8]) -> Result<Self, String> {
        let options = DecoderOptions::new_safe()
            .set_strict_mode(true)
            .jpeg_set_out_colorspace(ColorSpace::RGB);
        let mut decoder = JpegDecoder::new_with_options(ZCursor::new(jpeg), options);
        let rgb = decoder.decode().map_err(|error| format!("{error:?}"))?;
        let (width, height) = decoder.dimensions().ok_or("no size")?;
        let picture = Self { width, height, rgb };
        if picture.rgb.len() == width * height * 3 { Ok(picture) } else { Err("too short".into()) }
    }

    /// Makes a picture of its pixels, three bytes each.
    ///
    /// # Panics
    /// If there are more pixels, or fewer.
    pub fn new(width: usize, height: usize, rgb: Vec<u8>) -> Self {
        assert_eq!(rgb.len(), width * height * 3);
        Self { width, height, rgb }
    }

    /// Reads a picture as Netpbm writes it: P5 (grey) or P6 (colour), of 8 bits.
    pub fn of_pnm(pnm: &[u8]) -> Option<Self> {
        let mut rest = pnm;
        let mut word = || {
            let end = rest.iter().position(u8::is_ascii_whitespace)?;
            let (word, more) = rest.split_at(end);
            rest = more.get(1..)?;
            std::str::from_utf8(word).ok()
        };
        let kind = word()?;
        let (width, height) = (word()?.parse().ok()?, word()?.parse().ok()?);
        word().filter(|depth| *depth == "255")?;
        let rgb: Vec<u8> = match kind {
            "P5" => rest.iter().flat_map(|level| [*level; 3]).collect(),
            "P6" => rest.to_vec(),
            _ => return None,
        };
        (rgb.len() == width * height * 3).then_some(Self { width, height, rgb })
    }

    /// Writes the picture as Netpbm does (P6).
    pub fn pnm(&self) -> Vec<u8> {
        let mut pnm = format!("P6\n{} {}\n255\n", self.width, self.height).into_bytes();
        pnm.extend_from_slice(&self.rgb);
        pnm
    }

    /// Returns the picture turned upright, as an Orientation of EXIF from 1 to 8 says.
    pub fn turned(self, orientation: u16) -> Self {
        let (width, height) = (self.width, self.height);
        let (across, down) = if orientation >= 5 { (height, width) } else { (width, height) };
        let mut rgb = Vec::with_capacity(self.rgb.len());
        for y in 0..down {
            for x in 0..across {
                let (from_x, from_y) = match orientation {
                    2 => (width - 1 - x, y),
                    3 => (width - 1 - x, height - 1 - y),
                    4 => (x, height - 1 - y),
                    5 => (y, x),
                    6 => (y, height - 1 - x),
                    7 => (width - 1 - y, height - 1 - x),
                    8 => (width - 1 - y, x),
                    _ => return self,
                };
                let at = (from_y * width + from_x) * 3;
                rgb.extend_from_slice(&self.rgb[at..at + 3]);
            }
        }
        Self { width: across, height: down, rgb }
    }

    /// Returns the picture at another size. A pixel is the mean of those that it covers.
    pub fn scaled(self, width: usize, height: usize) -> Self {
        if (width, height) == (self.width, self.height) || self.rgb.is_empty() {
            return self;
        }
        let covered = |place: usize, of: usize, to: usize| {
            let first = (place * of / to).min(of - 1);
            first..((place + 1) * of / to).clamp(first + 1, of)
        };
        let mut rgb = Vec::with_capacity(width * height * 3);
        for y in 0..height {
            let rows = covered(y, self.height, height);
            for x in 0..width {
                let columns = covered(x, self.width, width);
                let mut sums = [0_usize; 3];
                for row in rows.clone() {
                    let start = row * self.width;
                    let part = &self.rgb[(start + columns.start) * 3..(start + columns.end) * 3];
                    for pixel in part.as_chunks::<3>().0 {
                        for (sum, channel) in sums.iter_mut().zip(pixel) {
                            *sum += usize::from(*channel);
                        }
                    }
                }
                let count = rows.len() * columns.len();
                rgb.extend(sums.map(|sum| (sum / count) as u8));
            }
        }
        Self { width, height, rgb }
    }

    /// Returns the mean difference of all channels of all pixels, and none if the sizes differ.
    pub fn difference(&self, other: &Self) -> Option<f64> {
        if (self.width, self.height) != (other.width, other.height) || self.rgb.is_empty() {
            return None;
        }
        let pairs = self.rgb.iter().zip(&other.rgb);
        let sum = pairs.fold(0_u64, |sum, (one, other)| sum + u64::from(one.abs_diff(*other)));
        Some(sum as f64 / self.rgb.len() as f64)
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
