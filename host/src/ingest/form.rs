//! The form of uploads, checked as they arrive without keeping them: a JPEG from its first marker to its last, an MP4 by its boxes.
//!
//! This is a gate, not a decoder: it keeps out what can't be footage. The decoder that trusts nothing runs in the sandbox.

/// Longest side of a still in pixels.
pub const SIDE_PIXELS_MAX: u16 = 16_384;
/// Most pixels of a still: 40 megapixels decode within a handler's memory.
pub const PIXELS_MAX: u32 = 40_000_000;
/// Most boxes at the top of an MP4: a fragmented hour has two for each second.
const BOXES_MAX: u32 = 100_000;

/// Why a body is not footage.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum FormError {
    /// Not a JPEG.
    #[error("the still is not a JPEG file")]
    NotJpeg,
    /// A JPEG of a kind that no picture is made of here.
    #[error("the still is a JPEG of an unusual kind: baseline or progressive, 8 bits, grey or YCbCr are taken")]
    UnusualJpeg,
    /// A JPEG that ends too early.
    #[error("the JPEG file is truncated: it does not end with its end marker")]
    JpegTruncated,
    /// Too many pixels.
    #[error("the still has more pixels than {PIXELS_MAX}, or a side longer than {SIDE_PIXELS_MAX}")]
    TooManyPixels,
    /// Not an MP4.
    #[error("the clip is not an MP4 file: it does not begin with an ftyp box")]
    NotMp4,
    /// An MP4 with something missing or cut.
    #[error("the MP4 file is broken or truncated: its boxes do not add up, or it has no moov and mdat (or moof) boxes")]
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

#[derive(Clone, Copy)]
enum Jpeg {
    /// Expecting the start marker: how many of its two bytes have come.
    Start(u8),
    /// Expecting 0xFF.
    Marker,
    /// Expecting the marker's code.
    Code,
    /// Expecting the segment's length: the code, and its first byte once it came.
    Length(u8, Option<u8>),
    /// In a frame header: how many of its bytes came, its size so far, and how many are left.
    Frame {
        seen: u8,
        height: u16,
        width: u16,
        left: u16,
    },
    /// In a segment that is skipped.
    Skip(u16),
    /// In the picture's data.
    Data,
}

/// Reads a JPEG's markers up to the picture's data (ITU-T T.81, B.2), then only watches for the end marker.
pub struct JpegForm {
    state: Jpeg,
    framed: bool,
    /// The last two bytes that were not padding.
    tail: [u8; 2],
}

impl Default for JpegForm {
    fn default() -> Self {
        Self {
            state: Jpeg::Start(0),
            framed: false,
            tail: [0; 2],
        }
    }
}

impl JpegForm {
    /// Looks at the next bytes.
    ///
    /// # Errors
    /// [`FormError`].
    pub fn push(&mut self, bytes: &[u8]) -> Result<(), FormError> {
        let mut bytes = bytes;
        while let (Some((first, rest)), false) = (bytes.split_first(), matches!(self.state, Jpeg::Data)) {
            if let Jpeg::Skip(left) = self.state {
                let skipped = usize::from(left).min(bytes.len());
                let left = left.saturating_sub(u16::try_from(skipped).unwrap_or(u16::MAX));
                self.state = if left == 0 { Jpeg::Marker } else { Jpeg::Skip(left) };
                bytes = bytes.get(skipped..).unwrap_or_default();
            } else {
                self.state = self.step(*first)?;
                bytes = rest;
            }
        }
        // Some cameras pad with zeros after the end marker.
        if let Some(last) = bytes.iter().rposition(|b| *b != 0) {
            let end = bytes.get(..=last).unwrap_or_default();
            self.tail = match end {
                [.., a, b] => [*a, *b],
                [b] => [self.tail[1], *b],
                [] => self.tail,
            };
        }
        Ok(())
    }

    fn step(&mut self, byte: u8) -> Result<Jpeg, FormError> {
        Ok(match (self.state, byte) {
            (Jpeg::Start(0), 0xFF) => Jpeg::Start(1),
            (Jpeg::Start(1), 0xD8) | (Jpeg::Skip(0), _) => Jpeg::Marker,
            (Jpeg::Start(_), _) => return Err(FormError::NotJpeg),
            (Jpeg::Marker, 0xFF) | (Jpeg::Code, 0xFF) => Jpeg::Code,
            // Restart markers and TEM have no length; a second start or an end before any picture is no file.
            (Jpeg::Code, 0x01 | 0xD0..=0xD7) => Jpeg::Marker,
            (Jpeg::Code, 0x00 | 0xD8 | 0xD9) | (Jpeg::Marker, _) => return Err(FormError::NotJpeg),
            (Jpeg::Code, code) => Jpeg::Length(code, None),
            (Jpeg::Length(code, None), high) => Jpeg::Length(code, Some(high)),
            (Jpeg::Length(code, Some(high)), low) => self.segment(code, u16::from_be_bytes([high, low]))?,
            (
                Jpeg::Frame {
                    seen,
                    height,
                    width,
                    left,
                },
                byte,
            ) => self.frame(seen, height, width, left, byte)?,
            (Jpeg::Skip(left), _) => Jpeg::Skip(left.saturating_sub(1)),
            (Jpeg::Data, _) => Jpeg::Data,
        })
    }

    fn segment(&self, code: u8, length: u16) -> Result<Jpeg, FormError> {
        let left = length.checked_sub(2).ok_or(FormError::NotJpeg)?;
        // Frame headers are C0 to CF but for DHT (C4), JPG (C8) and DAC (CC).
        let is_frame = matches!(code, 0xC0..=0xCF) && !matches!(code, 0xC4 | 0xC8 | 0xCC);
        match code {
            0xDA if self.framed => Ok(Jpeg::Data),
            0xDA => Err(FormError::NotJpeg),
            // Baseline, extended and progressive, Huffman coded; the others are lossless, hierarchical or arithmetic.
            0xC3..=0xCF if is_frame => Err(FormError::UnusualJpeg),
            _ if is_frame && left < 6 => Err(FormError::NotJpeg),
            _ if is_frame => Ok(Jpeg::Frame {
                seen: 0,
                height: 0,
                width: 0,
                left,
            }),
            _ if left == 0 => Ok(Jpeg::Marker),
            _ => Ok(Jpeg::Skip(left)),
        }
    }

    /// A frame header: precision (1 byte), height (2), width (2), then the components.
    fn frame(&mut self, seen: u8, height: u16, width: u16, left: u16, byte: u8) -> Result<Jpeg, FormError> {
        let wide = u16::from(byte);
        if (seen == 0 && byte != 8) || (seen == 5 && !matches!(byte, 1 | 3)) {
            return Err(FormError::UnusualJpeg);
        }
        let (height, width) = match seen {
            1 => (wide << 8, width),
            2 => (height | wide, width),
            3 => (height, wide << 8),
            4 => (height, width | wide),
            _ => (height, width),
        };
        let left = left.saturating_sub(1);
        if seen < 5 {
            return Ok(Jpeg::Frame {
                seen: seen.saturating_add(1),
                height,
                width,
                left,
            });
        }
        if height == 0 || width == 0 {
            return Err(FormError::NotJpeg);
        }
        let pixels = u32::from(height).saturating_mul(u32::from(width));
        if height > SIDE_PIXELS_MAX || width > SIDE_PIXELS_MAX || pixels > PIXELS_MAX {
            return Err(FormError::TooManyPixels);
        }
        self.framed = true;
        Ok(if left == 0 { Jpeg::Marker } else { Jpeg::Skip(left) })
    }

    /// Says whether the whole was a JPEG.
    ///
    /// # Errors
    /// [`FormError`].
    pub fn end(&self) -> Result<(), FormError> {
        match self.state {
            Jpeg::Data if self.tail == [0xFF, 0xD9] => Ok(()),
            Jpeg::Start(_) => Err(FormError::NotJpeg),
            _ => Err(FormError::JpegTruncated),
        }
    }
}

/// Walks the boxes at the top of an MP4 (ISO/IEC 14496-12, 4.2).
#[derive(Default)]
pub struct Mp4Form {
    header: Vec<u8>,
    /// Bytes left of the box that is skipped.
    skip: u64,
    /// The last box says that it goes on to the end of the file.
    to_the_end: bool,
    boxes: u32,
    has_moov: bool,
    has_data: bool,
}

impl Mp4Form {
    /// Looks at the next bytes.
    ///
    /// # Errors
    /// [`FormError`].
    pub fn push(&mut self, bytes: &[u8]) -> Result<(), FormError> {
        let mut bytes = bytes;
        while !bytes.is_empty() && !self.to_the_end {
            if self.skip > 0 {
                let skipped = usize::try_from(self.skip).unwrap_or(usize::MAX).min(bytes.len());
                self.skip = self.skip.saturating_sub(skipped as u64);
                bytes = bytes.get(skipped..).unwrap_or_default();
                continue;
            }
            let Some((byte, rest)) = bytes.split_first() else { break };
            self.header.push(*byte);
            bytes = rest;
            self.read_header()?;
        }
        Ok(())
    }

    /// A box's header: 32-bit size, type; a size of 1 means that a 64-bit one follows, 0 that it goes on to the end.
    fn read_header(&mut self) -> Result<(), FormError> {
        let Some((head, more)) = self.header.split_first_chunk::<8>() else {
            return Ok(());
        };
        let [a, b, c, d, kind @ ..] = *head;
        let short = u32::from_be_bytes([a, b, c, d]);
        let (size, header_bytes) = match (short, more.first_chunk::<8>()) {
            (1, None) => return Ok(()),
            (1, Some(long)) => (u64::from_be_bytes(*long), 16),
            (short, _) => (u64::from(short), 8),
        };
        if self.boxes == 0 && &kind != b"ftyp" {
            return Err(FormError::NotMp4);
        }
        self.boxes = self.boxes.saturating_add(1);
        self.has_moov |= &kind == b"moov";
        self.has_data |= matches!(&kind, b"mdat" | b"moof");
        let broken = if self.boxes == 1 {
            FormError::NotMp4
        } else {
            FormError::Mp4Broken
        };
        if self.boxes > BOXES_MAX {
            return Err(FormError::Mp4Broken);
        }
        if size == 0 {
            self.to_the_end = true;
        } else {
            self.skip = size.checked_sub(header_bytes).ok_or(broken)?;
        }
        self.header.clear();
        Ok(())
    }

    /// Says whether the whole was an MP4.
    ///
    /// # Errors
    /// [`FormError`].
    pub fn end(&self) -> Result<(), FormError> {
        if self.boxes == 0 {
            return Err(FormError::NotMp4);
        }
        let whole = self.skip == 0 && self.header.is_empty();
        if whole && self.has_moov && self.has_data {
            Ok(())
        } else {
            Err(FormError::Mp4Broken)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The result of feeding `bytes` in pieces of `step` bytes, which must not matter.
    fn check(mut form: impl FnMut() -> Form, bytes: &[u8], expected: Result<(), FormError>) {
        for step in [1, 2, 3, 7, 1000, usize::MAX] {
            let mut form = form();
            let fed = bytes
                .chunks(step.min(bytes.len().max(1)))
                .try_for_each(|piece| form.push(piece));
            assert_eq!(fed.and_then(|()| form.end()), expected, "in pieces of {step}");
        }
    }

    fn jpeg(bytes: &[u8], expected: Result<(), FormError>) {
        check(|| Form::Jpeg(JpegForm::default()), bytes, expected);
    }

    fn mp4(bytes: &[u8], expected: Result<(), FormError>) {
        check(|| Form::Mp4(Mp4Form::default()), bytes, expected);
    }

    fn media(name: &str) -> Vec<u8> {
        std::fs::read(format!("{}/../tests/media/{name}", env!("CARGO_MANIFEST_DIR"))).unwrap()
    }

    #[test]
    fn real_stills_pass_and_broken_ones_do_not() {
        jpeg(&media("special/progressive.jpg"), Ok(()));
        jpeg(&media("special/greyscale.jpg"), Ok(()));
        jpeg(&media("special/orientation-6.jpg"), Ok(()));
        jpeg(&media("special/truncated.jpg"), Err(FormError::JpegTruncated));
        jpeg(&media("special/claims-60000x60000.jpg"), Err(FormError::TooManyPixels));
        jpeg(&media("special/png-named.jpg"), Err(FormError::NotJpeg));
        jpeg(b"", Err(FormError::NotJpeg));
        jpeg(&[0xFF, 0xD8, 0xFF, 0xD9], Err(FormError::NotJpeg));
        jpeg(&[0xFF, 0xD8], Err(FormError::JpegTruncated));
    }

    #[test]
    fn padding_after_the_end_is_allowed_but_not_instead_of_it() {
        let mut padded = media("special/orientation-1.jpg");
        padded.extend_from_slice(&[0; 100]);
        jpeg(&padded, Ok(()));
        let mut cut = media("special/orientation-1.jpg");
        cut.truncate(cut.len() - 2);
        cut.extend_from_slice(&[0; 100]);
        jpeg(&cut, Err(FormError::JpegTruncated));
    }

    fn boxed(kind: &[u8; 4], body: &[u8]) -> Vec<u8> {
        let mut bytes = u32::try_from(body.len() + 8).unwrap().to_be_bytes().to_vec();
        bytes.extend_from_slice(kind);
        bytes.extend_from_slice(body);
        bytes
    }

    #[test]
    fn an_mp4_is_its_boxes() {
        let whole = [
            boxed(b"ftyp", b"isom0000"),
            boxed(b"moov", &[1; 50]),
            boxed(b"mdat", &[2; 500]),
        ]
        .concat();
        mp4(&whole, Ok(()));
        mp4(&whole[..whole.len() - 1], Err(FormError::Mp4Broken));
        mp4(&[whole.as_slice(), &[0, 0]].concat(), Err(FormError::Mp4Broken));
        mp4(
            &[boxed(b"ftyp", b"isom0000"), boxed(b"mdat", &[2; 50])].concat(),
            Err(FormError::Mp4Broken),
        );
        mp4(
            &[
                boxed(b"ftyp", b"isom"),
                boxed(b"moov", &[1; 5]),
                b"\0\0\0\x01mdat\0\0\0\0\0\0\0\x14abcd".to_vec(),
            ]
            .concat(),
            Ok(()),
        );
        mp4(
            &[
                boxed(b"ftyp", b"isom"),
                boxed(b"moov", &[1; 5]),
                b"\0\0\0\0mdat and so on".to_vec(),
            ]
            .concat(),
            Ok(()),
        );
        mp4(
            &[boxed(b"ftyp", b"isom"), b"\0\0\0\x03moov".to_vec()].concat(),
            Err(FormError::Mp4Broken),
        );
        mp4(&media("special/text-named.mp4"), Err(FormError::NotMp4));
        mp4(b"", Err(FormError::NotMp4));
    }
}
