//! Marks: every piece of made-up footage carries one, which says whose footage it is.
//!
//! A mark has 64 bits: household, camera, what it is on, a number, and a check over these and the
//! run's seed. In a still, the mark is a board of 8×8 fields, black and white, which survives
//! resizing and encoding. In text and video, it is sixteen hexadecimal digits behind a word.
//!
//! This module knows nothing of any server. It must never take something for a mark by chance: the
//! check has 20 bits that have to agree.

use zune_jpeg::JpegDecoder;
use zune_jpeg::zune_core::bytestream::ZCursor;
use zune_jpeg::zune_core::colorspace::ColorSpace;
use zune_jpeg::zune_core::options::DecoderOptions;

/// The word before a mark in text and video.
pub const WORD: &str = "eyesonly-mark-";
/// The length of a mark as text, in bytes.
pub const TEXT_BYTES: usize = WORD.len() + 16;
/// The number of fields on each side of the board.
const FIELDS: u32 = 8;
/// Width and height of a still in pixels.
const STILL_PIXELS: (u16, u16) = (320, 180);
/// Width and height of a picture of live video in pixels.
const PICTURE_PIXELS: (u16, u16) = (96, 96);
/// The length of every still, in bytes. All are equally long, so that only the seal tells one from
/// another.
pub const STILL_BYTES: usize = 8 * 1024;

/// The kind of thing that a mark is on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum What {
    /// A camera's still.
    Still,
    /// An event's still.
    EventStill,
    /// An event's video.
    Clip,
    /// An event's details.
    Details,
    /// A camera's name.
    Name,
    /// A picture of a camera's live video.
    Live,
    /// The init of a camera's live video.
    Init,
    /// A household's name.
    Home,
}

impl What {
    const ALL: [Self; 8] = [
        Self::Still,
        Self::EventStill,
        Self::Clip,
        Self::Details,
        Self::Name,
        Self::Live,
        Self::Init,
        Self::Home,
    ];
}

/// The owner of a piece of footage, and which piece it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Mark {
    /// The household's number, below 2²⁴.
    pub household: u32,
    /// The camera's number within its household, below 2⁶.
    pub camera: u32,
    /// The kind of thing that the mark is on.
    pub what: What,
    /// The number among the camera's things of this kind, below 2¹¹.
    pub number: u32,
}

/// Mixes numbers into one that looks random (splitmix64). The result is for content and choices,
/// never for keys.
pub fn mix(numbers: &[u64]) -> u64 {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    for number in numbers {
        state = (state ^ number).wrapping_add(0x9e37_79b9_7f4a_7c15);
        state = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        state = (state ^ (state >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        state ^= state >> 31;
    }
    state
}

impl Mark {
    /// Returns the 64 bits.
    pub fn code(self, seed: u64) -> u64 {
        let what = What::ALL.iter().position(|what| *what == self.what).unwrap_or(0) as u64;
        let said = u64::from(self.household & 0xff_ffff) << 20
            | u64::from(self.camera & 0x3f) << 14
            | (what & 7) << 11
            | u64::from(self.number & 0x7ff);
        said << 20 | mix(&[seed, said]) & 0xf_ffff
    }

    /// Reads the mark with this code. Returns none if the code is not of this run.
    pub fn of(code: u64, seed: u64) -> Option<Self> {
        let said = code >> 20;
        let part = |shift: u32, bits: u32| u32::try_from(said >> shift & ((1 << bits) - 1)).ok();
        let mark = Self {
            household: part(20, 24)?,
            camera: part(14, 6)?,
            what: *What::ALL.get(usize::try_from(part(11, 3)?).ok()?)?,
            number: part(0, 11)?,
        };
        (mark.code(seed) == code).then_some(mark)
    }

    /// Writes the mark as text.
    pub fn text(self, seed: u64) -> String {
        format!("{WORD}{:016x}", self.code(seed))
    }

    /// Finds every mark in these bytes.
    pub fn find(bytes: &[u8], seed: u64) -> Vec<Self> {
        let mut found = Vec::new();
        let mut rest = bytes;
        while let Some(at) = rest.windows(WORD.len()).position(|window| window == WORD.as_bytes()) {
            rest = rest.get(at + WORD.len()..).unwrap_or_default();
            let digits = rest.get(..16).and_then(|digits| std::str::from_utf8(digits).ok());
            let code = digits.and_then(|digits| u64::from_str_radix(digits, 16).ok());
            found.extend(code.and_then(|code| Self::of(code, seed)));
        }
        found
    }

    /// Draws a still with this mark: a grey JPEG of [`STILL_BYTES`].
    pub fn still(self, seed: u64) -> Vec<u8> {
        padded(self.drawn(seed, STILL_PIXELS), STILL_BYTES)
    }

    /// Draws a picture of live video with this mark: a small grey JPEG.
    pub fn picture(self, seed: u64) -> Vec<u8> {
        self.drawn(seed, PICTURE_PIXELS)
    }

    fn drawn(self, seed: u64, (width, height): (u16, u16)) -> Vec<u8> {
        let code = self.code(seed);
        let field = |at: u16, side: u16| u32::from(at) * FIELDS / u32::from(side);
        let mut pixels = Vec::new();
        for y in 0..height {
            for x in 0..width {
                let field = field(y, height) * FIELDS + field(x, width);
                pixels.push(if code >> field & 1 == 1 { 230 } else { 25 });
            }
        }
        let mut jpeg = Vec::new();
        let luma = jpeg_encoder::ColorType::Luma;
        let drawn = jpeg_encoder::Encoder::new(&mut jpeg, 70).encode(&pixels, width, height, luma);
        if drawn.is_ok() { jpeg } else { Vec::new() }
    }

    /// Reads the mark in a still of any size. Returns none if the mark can't be read, or if bytes
    /// follow the picture's end: nobody asked for those.
    pub fn in_still(jpeg: &[u8], seed: u64) -> Option<Self> {
        if !jpeg.ends_with(&[0xff, 0xd9]) {
            return None;
        }
        let options = DecoderOptions::default().jpeg_set_out_colorspace(ColorSpace::Luma);
        let mut decoder = JpegDecoder::new_with_options(ZCursor::new(jpeg), options);
        let pixels = decoder.decode().ok()?;
        let (width, height) = decoder.dimensions()?;
        let fields = FIELDS as usize;
        let mut code = 0_u64;
        for field in 0..fields * fields {
            // Only the middle half of the field counts: its edges are blurred.
            let span = |at: usize, side: usize| (at * side / fields, (at + 1) * side / fields);
            let (left, right) = span(field % fields, width);
            let (top, bottom) = span(field / fields, height);
            let (dx, dy) = ((right - left) / 4, (bottom - top) / 4);
            let (mut sum, mut count) = (0_u64, 0_u64);
            for y in top + dy..bottom - dy {
                for x in left + dx..right - dx {
                    sum += u64::from(*pixels.get(y * width + x)?);
                    count += 1;
                }
            }
            // A middle grey is neither black nor white.
            match sum.checked_div(count)? {
                0..=90 => {}
                165.. => code |= 1 << field,
                _ => return None,
            }
        }
        Self::of(code, seed)
    }
}

/// Makes a JPEG `bytes` long, with a comment behind its first marker. Bytes that are no JPEG, or
/// are too long already, stay as they are.
pub fn padded(jpeg: Vec<u8>, bytes: usize) -> Vec<u8> {
    let Some(room) = bytes.checked_sub(jpeg.len() + 4) else {
        return jpeg;
    };
    let Some((start @ [0xff, 0xd8], rest)) = jpeg.split_at_checked(2) else {
        return jpeg;
    };
    let length = u16::try_from(room + 2).unwrap_or(2).to_be_bytes();
    [start, &[0xff, 0xfe], &length, &vec![b'.'; room], rest].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SEED: u64 = 7;

    fn mark(household: u32, number: u32) -> Mark {
        Mark { household, camera: 3, what: What::EventStill, number }
    }

    #[test]
    fn a_mark_is_read_back_and_nothing_else_is_one() {
        for n in 0..200 {
            let mark = mark(n * 65_000, n * 10);
            let code = mark.code(SEED);
            assert_eq!(Mark::of(code, SEED), Some(mark));
            assert_eq!(Mark::of(code, SEED + 1), None, "another run's");
            assert_eq!(Mark::of(code ^ 1 << (n % 64), SEED), None, "one bit flipped");
            let text = format!("x{}-{}y", mark.text(SEED), mark.text(SEED));
            assert_eq!(Mark::find(text.as_bytes(), SEED), [mark, mark]);
        }
        assert!(Mark::find(b"eyesonly-mark-eyesonly-mark-0000000000000000", SEED).is_empty());
    }

    #[test]
    fn a_still_keeps_its_mark_and_its_length() {
        for n in 0..20 {
            let mark = mark(n * 1000, n);
            let jpeg = mark.still(SEED);
            assert_eq!(jpeg.len(), STILL_BYTES);
            assert_eq!(Mark::in_still(&jpeg, SEED), Some(mark));
            assert_eq!(Mark::in_still(&[jpeg.as_slice(), b"more"].concat(), SEED), None);
            assert_eq!(Mark::in_still(&jpeg[..jpeg.len() / 2], SEED), None);
        }
        assert_eq!(Mark::in_still(b"", SEED), None);
    }

    #[test]
    fn a_picture_of_live_video_keeps_its_mark() {
        for n in 0..20 {
            let mark = Mark { what: What::Live, ..mark(n * 1000, n) };
            assert_eq!(Mark::in_still(&mark.picture(SEED), SEED), Some(mark));
        }
    }
}
