//! The Orientation tag of EXIF (TIFF 6.0, tag 274; Exif 2.32, 4.6.4) and the turn that it asks for.
//! It must never fail a picture for what its metadata says: what can't be read counts as upright.

/// How the stored picture must be turned to be upright.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Orientation {
    /// True if rows and columns are swapped first (a mirror along the main diagonal).
    pub transpose: bool,
    /// True if left and right are mirrored then.
    pub flip_x: bool,
    /// True if top and bottom are mirrored last.
    pub flip_y: bool,
}

const ORIENTATION_TAG: u16 = 274;
const TYPE_SHORT: u16 = 3;

impl Orientation {
    /// Returns the turn for an Orientation value of 1 to 8; any other value is upright.
    pub fn from_value(value: u16) -> Self {
        let (transpose, flip_x, flip_y) = match value {
            2 => (false, true, false),
            3 => (false, true, true),
            4 => (false, false, true),
            5 => (true, false, false),
            6 => (true, true, false),
            7 => (true, true, true),
            8 => (true, false, true),
            _ => (false, false, false),
        };
        Self { transpose, flip_x, flip_y }
    }

    /// Reads the tag from EXIF data that starts at the TIFF header.
    pub fn from_exif(tiff: &[u8]) -> Self {
        orientation_value(tiff).map(Self::from_value).unwrap_or_default()
    }

    /// Says whether nothing has to be turned.
    pub fn is_upright(self) -> bool {
        self == Self::default()
    }

    /// Turns a picture of `width` × `height` pixels of `N` bytes. The result has its sides swapped
    /// if `transpose` is set. Returns none if the length of `pixels` does not match the sides.
    pub fn apply<const N: usize>(
        self,
        pixels: &[u8],
        width: usize,
        height: usize,
    ) -> Option<Vec<u8>> {
        let (source, rest) = pixels.as_chunks::<N>();
        if !rest.is_empty() || width.checked_mul(height)? != source.len() {
            return None;
        }
        let (out_width, out_height) =
            if self.transpose { (height, width) } else { (width, height) };
        let mut turned = Vec::with_capacity(pixels.len());
        for out_y in 0..out_height {
            let y = if self.flip_y { out_height - 1 - out_y } else { out_y };
            for out_x in 0..out_width {
                let x = if self.flip_x { out_width - 1 - out_x } else { out_x };
                let index = if self.transpose { x * width + y } else { y * width + x };
                turned.extend_from_slice(source.get(index)?);
            }
        }
        Some(turned)
    }
}

fn orientation_value(tiff: &[u8]) -> Option<u16> {
    let little_endian = match tiff.get(..4)? {
        [b'I', b'I', 42, 0] => true,
        [b'M', b'M', 0, 42] => false,
        _ => return None,
    };
    let short_at = |at: usize| -> Option<u16> {
        let bytes = tiff.get(at..at.checked_add(2)?)?.try_into().ok()?;
        Some(if little_endian { u16::from_le_bytes(bytes) } else { u16::from_be_bytes(bytes) })
    };
    let long_at = |at: usize| -> Option<usize> {
        let bytes = tiff.get(at..at.checked_add(4)?)?.try_into().ok()?;
        usize::try_from(if little_endian {
            u32::from_le_bytes(bytes)
        } else {
            u32::from_be_bytes(bytes)
        })
        .ok()
    };
    let directory = long_at(4)?;
    let entries = usize::from(short_at(directory)?);
    for entry in 0..entries {
        let at = directory.checked_add(2 + entry * 12)?;
        if short_at(at)? == ORIENTATION_TAG {
            return (short_at(at + 2)? == TYPE_SHORT).then(|| short_at(at + 8)).flatten();
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Turns a 2 × 3 picture of one byte a pixel by each value. The expected rows are the upright
    /// picture.
    #[test]
    fn each_value_turns_as_the_standard_says() {
        let stored = b"abcdef"; // rows ab, cd, ef
        let check = |value, expected: &[u8]| {
            let turned = Orientation::from_value(value).apply::<1>(stored, 2, 3).unwrap();
            assert_eq!(turned, expected, "orientation {value}");
        };
        check(1, b"abcdef");
        check(2, b"badcfe");
        check(3, b"fedcba");
        check(4, b"efcdab");
        check(5, b"acebdf"); // rows ace, bdf
        check(6, b"ecafdb"); // a quarter turn clockwise
        check(7, b"fdbeca");
        check(8, b"bdface"); // a quarter turn counter-clockwise
        check(0, b"abcdef");
        check(9, b"abcdef");
    }

    #[test]
    fn sides_that_do_not_match_are_refused() {
        assert_eq!(Orientation::from_value(6).apply::<3>(&[0; 17], 2, 3), None);
        assert_eq!(Orientation::from_value(6).apply::<3>(&[0; 15], 2, 3), None);
    }

    fn tiff(little_endian: bool, tag: u16, kind: u16, value: u16) -> Vec<u8> {
        let short = |v: u16| {
            if little_endian { v.to_le_bytes() } else { v.to_be_bytes() }
        };
        let long = |v: u32| {
            if little_endian { v.to_le_bytes() } else { v.to_be_bytes() }
        };
        let mut bytes = if little_endian { b"II".to_vec() } else { b"MM".to_vec() };
        bytes.extend(short(42));
        bytes.extend(long(8));
        bytes.extend(short(2));
        for (tag, value) in [(271, 0), (tag, value)] {
            bytes.extend(short(tag));
            bytes.extend(short(kind));
            bytes.extend(long(1));
            bytes.extend(short(value));
            bytes.extend(short(0));
        }
        bytes
    }

    #[test]
    fn the_tag_is_read_in_both_byte_orders() {
        for little_endian in [true, false] {
            assert_eq!(orientation_value(&tiff(little_endian, 274, 3, 6)), Some(6));
            assert_eq!(orientation_value(&tiff(little_endian, 275, 3, 6)), None);
            assert_eq!(orientation_value(&tiff(little_endian, 274, 4, 6)), None);
        }
    }

    #[test]
    fn broken_metadata_counts_as_upright() {
        let whole = tiff(true, 274, 3, 6);
        for length in 0..whole.len() - 2 {
            assert!(Orientation::from_exif(&whole[..length]).is_upright(), "cut to {length}");
        }
        let mut far = whole;
        far[4..8].fill(0xff);
        assert!(Orientation::from_exif(&far).is_upright());
        assert!(Orientation::from_exif(b"II*\0").is_upright());
    }
}
