//! A JPEG from its first marker to its last, as it arrives. It must keep nothing of the picture.

use super::FormError;

/// Longest side of a still in pixels.
pub const SIDE_PIXELS_MAX: u16 = 16_384;
/// Most pixels of a still: 40 megapixels decode within a handler's memory.
pub const PIXELS_MAX: u32 = 40_000_000;
/// Most bytes of coefficients of a progressive still: a decoder holds them all until the last scan, and a handler has 64 MiB in all.
/// That is 15 megapixels at 4:2:0.
const COEFFICIENT_BYTES_MAX: u64 = 44 << 20;
/// Most scans of a still: each is another pass over the whole picture. Encoders make about ten.
pub const SCANS_MAX: u32 = 64;
/// Longest frame header of a still that is taken, in bytes without its length: three components.
const FRAME_BYTES_MAX: usize = 15;
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
    /// In a frame header: whether it is a progressive one's, its bytes so far, how many came, and how many are left.
    Frame {
        progressive: bool,
        bytes: [u8; FRAME_BYTES_MAX],
        seen: usize,
        left: u16,
    },
    /// In a segment that is skipped.
    Skip(u16),
    /// In the picture's data.
    Data,
}

/// Reads a JPEG's markers up to the picture's data (ITU-T T.81, B.2), then only counts scans and watches for the end marker.
pub struct JpegForm {
    state: Jpeg,
    framed: bool,
    scans: u32,
    /// The last byte of the picture's data so far.
    last: u8,
    /// The last two bytes that were not padding.
    tail: [u8; 2],
}

impl Default for JpegForm {
    fn default() -> Self {
        Self {
            state: Jpeg::Start(0),
            framed: false,
            scans: 1,
            last: 0,
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
        self.count_scans(bytes)?;
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

    /// In the picture's data 0xFF stands before a marker, or is followed by a zero. (Tables between scans may hold the same two bytes by
    /// chance, which counts a few too many.)
    fn count_scans(&mut self, bytes: &[u8]) -> Result<(), FormError> {
        let Some((first, rest)) = bytes.split_first() else {
            return Ok(());
        };
        let begins = |before: u8, byte: u8| before == 0xFF && byte == 0xDA;
        let within = bytes
            .iter()
            .zip(rest)
            .filter(|(before, byte)| begins(**before, **byte))
            .count();
        let scans = within.saturating_add(usize::from(begins(self.last, *first)));
        self.last = *rest.last().unwrap_or(first);
        self.scans = self.scans.saturating_add(u32::try_from(scans).unwrap_or(u32::MAX));
        if self.scans > SCANS_MAX {
            return Err(FormError::TooManyScans);
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
                    progressive,
                    mut bytes,
                    seen,
                    left,
                },
                byte,
            ) => {
                *bytes.get_mut(seen).ok_or(FormError::UnusualJpeg)? = byte;
                let (seen, left) = (seen.saturating_add(1), left.saturating_sub(1));
                if left > 0 {
                    Jpeg::Frame {
                        progressive,
                        bytes,
                        seen,
                        left,
                    }
                } else {
                    self.frame(progressive, bytes.get(..seen).unwrap_or_default())?
                }
            }
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
                progressive: code == 0xC2,
                bytes: [0; FRAME_BYTES_MAX],
                seen: 0,
                left,
            }),
            _ if left == 0 => Ok(Jpeg::Marker),
            _ => Ok(Jpeg::Skip(left)),
        }
    }

    /// A whole frame header: precision (1 byte), height (2), width (2), how many components (1), then for each its id, its sampling factors
    /// (4 bits across, 4 down) and its table.
    fn frame(&mut self, progressive: bool, bytes: &[u8]) -> Result<Jpeg, FormError> {
        let [precision, h1, h0, w1, w0, count, components @ ..] = bytes else {
            return Err(FormError::NotJpeg);
        };
        let (components, rest) = components.as_chunks::<3>();
        if *precision != 8 || !matches!(count, 1 | 3) {
            return Err(FormError::UnusualJpeg);
        }
        let (height, width) = (u16::from_be_bytes([*h1, *h0]), u16::from_be_bytes([*w1, *w0]));
        if !rest.is_empty() || components.len() != usize::from(*count) || height == 0 || width == 0 {
            return Err(FormError::NotJpeg);
        }
        let pixels = u32::from(height).saturating_mul(u32::from(width));
        if height > SIDE_PIXELS_MAX || width > SIDE_PIXELS_MAX || pixels > PIXELS_MAX {
            return Err(FormError::TooManyPixels);
        }
        let areas = components
            .iter()
            .map(|[_, sampling, _]| u64::from(sampling >> 4).saturating_mul(u64::from(sampling & 15)));
        let largest = areas.clone().max().filter(|area| *area > 0).ok_or(FormError::NotJpeg)?;
        // A coefficient is two bytes, and there is one for each sample.
        let coefficient_bytes = areas
            .fold(0_u64, u64::saturating_add)
            .saturating_mul(2)
            .saturating_mul(u64::from(pixels))
            / largest;
        if progressive && coefficient_bytes > COEFFICIENT_BYTES_MAX {
            return Err(FormError::ProgressiveTooLarge);
        }
        self.framed = true;
        Ok(Jpeg::Marker)
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

#[cfg(test)]
mod tests {
    use super::super::{Form, testing};
    use super::*;
    use testing::media;

    fn jpeg(bytes: &[u8], expected: Result<(), FormError>) {
        testing::check(|| Form::Jpeg(JpegForm::default()), bytes, expected);
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

    /// A JPEG by its markers: a frame header of this kind, size and sampling, then this many scans.
    fn framed(kind: u8, (width, height): (u16, u16), sampling: &[u8], scans: usize) -> Vec<u8> {
        let components = u8::try_from(sampling.len()).unwrap();
        let mut bytes = vec![0xFF, 0xD8, 0xFF, kind, 0, 8 + 3 * components, 8];
        bytes.extend(height.to_be_bytes());
        bytes.extend(width.to_be_bytes());
        bytes.push(components);
        for (id, factors) in sampling.iter().enumerate() {
            bytes.extend([u8::try_from(id).unwrap(), *factors, 0]);
        }
        for _ in 0..scans {
            bytes.extend([0xFF, 0xDA, 0, 2, 1, 0xFF, 0, 1]);
        }
        bytes.extend([0xFF, 0xD9]);
        bytes
    }

    #[test]
    fn what_no_handler_could_decode_is_refused() {
        let (full, halved) = ([0x11, 0x11, 0x11], [0x22, 0x11, 0x11]);
        jpeg(&framed(0xC0, (7680, 5200), &full, 1), Ok(()));
        jpeg(&framed(0xC2, (4608, 3328), &halved, 10), Ok(()));
        for (size, sampling) in [
            ((4608, 3456), &halved[..]),
            ((3264, 2448), &full),
            ((7680, 5200), &[0x11]),
        ] {
            jpeg(&framed(0xC2, size, sampling, 10), Err(FormError::ProgressiveTooLarge));
        }
        jpeg(&framed(0xC2, (64, 64), &full, 64), Ok(()));
        jpeg(&framed(0xC2, (64, 64), &full, 65), Err(FormError::TooManyScans));
        jpeg(&framed(0xC0, (64, 64), &full[..2], 1), Err(FormError::UnusualJpeg));
        jpeg(&framed(0xC3, (64, 64), &full, 1), Err(FormError::UnusualJpeg));
        jpeg(&framed(0xC0, (64, 64), &[0; 3], 1), Err(FormError::NotJpeg));
        jpeg(&framed(0xC0, (0, 64), &full, 1), Err(FormError::NotJpeg));
        let mut more = framed(0xC0, (64, 64), &full, 1);
        more[11] = 1;
        jpeg(&more, Err(FormError::NotJpeg));
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
}
