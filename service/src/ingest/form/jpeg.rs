//! A JPEG from its first marker to its last, as it arrives. It must keep nothing of the picture.

use super::FormError;

/// The longest side of a still, in pixels.
pub const SIDE_PIXELS_MAX: u16 = 16_384;
/// The most pixels of a still: 40 megapixels decode within a handler's memory.
pub const PIXELS_MAX: u32 = 40_000_000;
/// The most bytes of coefficients of a progressive still. A decoder holds them all until the last
/// scan, and a handler has 64 MiB in all. The limit is reached at 15 megapixels in 4:2:0.
const COEFFICIENT_BYTES_MAX: u64 = 44 << 20;
/// The most scans of a still. A scan is another pass over the whole picture, and encoders make
/// about ten.
pub const SCANS_MAX: u32 = 64;
/// The most bytes of a segment that are kept, without its length: the frame header of three
/// components.
const KEPT_BYTES_MAX: usize = 15;
/// The most blocks in one unit of a scan of several components (T.81, B.2.3).
const UNIT_BLOCKS_MAX: u32 = 10;
/// The largest sampling factor (T.81, B.2.2).
const SAMPLING_MAX: u8 = 4;
/// The most quantisation tables at once (T.81, B.2.4.1).
const QUANTISERS: u8 = 4;

#[derive(Clone, Copy)]
enum Jpeg {
    /// Expects the start marker, of whose two bytes so many have come.
    Start(u8),
    /// Expects 0xFF.
    Marker,
    /// Expects the marker's code.
    Code,
    /// Expects the segment's length, with the marker's code, and the length's first byte once it
    /// came.
    Length(u8, Option<u8>),
    /// In a segment that is read once it is whole, with its code, its first bytes, how many came,
    /// and how many are left.
    Kept { code: u8, bytes: [u8; KEPT_BYTES_MAX], seen: usize, left: u16 },
    /// In a segment of quantisation tables, with how many bytes are left of the table, and of the
    /// segment.
    Quantisers { table: u16, left: u16 },
    /// In a segment that is skipped.
    Skip(u16),
    /// In the picture's data.
    Data,
    /// After a 0xFF in the picture's data.
    DataCode,
    /// After the end marker.
    Ended,
}

/// A component, as the frame header has it.
#[derive(Clone, Copy)]
struct Component {
    id: u8,
    /// How many of its blocks are in one unit of a scan of several components.
    blocks: u8,
    quantiser: u8,
}

/// Reads a JPEG's markers (ITU-T T.81, B.2) up to the end marker, and then only watches how the
/// file ends.
pub struct JpegForm {
    state: Jpeg,
    components: [Option<Component>; 3],
    /// Says for each quantisation table whether it has come.
    quantisers: [bool; QUANTISERS as usize],
    /// A Huffman table has come, or the file is of a kind that leaves the tables to the decoder.
    huffman: bool,
    scans: u32,
    /// The last two bytes that were not padding.
    tail: [u8; 2],
}

impl Default for JpegForm {
    fn default() -> Self {
        Self {
            state: Jpeg::Start(0),
            components: [None; 3],
            quantisers: [false; QUANTISERS as usize],
            huffman: false,
            scans: 0,
            tail: [0; 2],
        }
    }
}

impl JpegForm {
    /// Checks the next bytes.
    pub fn push(&mut self, bytes: &[u8]) -> Result<(), FormError> {
        // Some cameras pad with zeros after the end marker.
        if let Some(last) = bytes.iter().rposition(|b| *b != 0) {
            let end = bytes.get(..=last).unwrap_or_default();
            self.tail = match end {
                [.., a, b] => [*a, *b],
                [b] => [self.tail[1], *b],
                [] => self.tail,
            };
        }
        let mut bytes = bytes;
        while let Some((first, rest)) = bytes.split_first() {
            bytes = match self.state {
                Jpeg::Skip(left) => {
                    let skipped = usize::from(left).min(bytes.len());
                    let left = left.saturating_sub(u16::try_from(skipped).unwrap_or(u16::MAX));
                    self.state = if left == 0 { self.next() } else { Jpeg::Skip(left) };
                    bytes.get(skipped..).unwrap_or_default()
                }
                Jpeg::Data => match bytes.iter().position(|b| *b == 0xFF) {
                    Some(at) => {
                        self.state = Jpeg::DataCode;
                        bytes.get(at.saturating_add(1)..).unwrap_or_default()
                    }
                    None => return Ok(()),
                },
                Jpeg::Ended => return Ok(()),
                _ => {
                    self.state = self.step(*first)?;
                    rest
                }
            };
        }
        Ok(())
    }

    /// Returns the state after a segment.
    const fn next(&self) -> Jpeg {
        if self.scans == 0 { Jpeg::Marker } else { Jpeg::Data }
    }

    fn step(&mut self, byte: u8) -> Result<Jpeg, FormError> {
        Ok(match (self.state, byte) {
            (Jpeg::Start(0), 0xFF) => Jpeg::Start(1),
            (Jpeg::Start(1), 0xD8) => Jpeg::Marker,
            (Jpeg::Start(_), _) => return Err(FormError::NotJpeg),
            (Jpeg::Marker, 0xFF) | (Jpeg::Code, 0xFF) => Jpeg::Code,
            // Restart markers and TEM have no length. A second start marker, or an end marker
            // before any picture, is an error.
            (Jpeg::Code, 0x01 | 0xD0..=0xD7) => Jpeg::Marker,
            (Jpeg::Code, 0x00 | 0xD8 | 0xD9) | (Jpeg::Marker, _) => return Err(FormError::NotJpeg),
            (Jpeg::Code, code) => Jpeg::Length(code, None),
            // In the picture's data a marker's code, another 0xFF or a zero follows 0xFF.
            (Jpeg::DataCode, 0xFF) => Jpeg::DataCode,
            (Jpeg::DataCode, 0xD9) => Jpeg::Ended,
            (Jpeg::DataCode, code @ (0xC0..=0xCF | 0xDA..=0xEF | 0xFE)) => Jpeg::Length(code, None),
            (Jpeg::DataCode, _) => Jpeg::Data,
            (Jpeg::Length(code, None), high) => Jpeg::Length(code, Some(high)),
            (Jpeg::Length(code, Some(high)), low) => {
                self.segment(code, u16::from_be_bytes([high, low]))?
            }
            (Jpeg::Kept { code, mut bytes, seen, left }, byte) => {
                if let Some(place) = bytes.get_mut(seen) {
                    *place = byte;
                }
                let (seen, left) = (seen.saturating_add(1), left.saturating_sub(1));
                if left > 0 {
                    Jpeg::Kept { code, bytes, seen, left }
                } else {
                    self.kept(code, bytes.get(..seen.min(KEPT_BYTES_MAX)).unwrap_or_default())?
                }
            }
            (Jpeg::Quantisers { table, left }, byte) => self.quantiser(table, left, byte)?,
            (Jpeg::Skip(left), _) => Jpeg::Skip(left.saturating_sub(1)),
            (Jpeg::Data, _) => Jpeg::Data,
            (Jpeg::Ended, _) => Jpeg::Ended,
        })
    }

    fn segment(&mut self, code: u8, length: u16) -> Result<Jpeg, FormError> {
        let left = length.checked_sub(2).ok_or(FormError::NotJpeg)?;
        let kept = Jpeg::Kept { code, bytes: [0; KEPT_BYTES_MAX], seen: 0, left };
        // Frame headers are C0 to CF but for DHT (C4), JPG (C8) and DAC (CC).
        let is_frame = matches!(code, 0xC0..=0xCF) && !matches!(code, 0xC4 | 0xC8 | 0xCC);
        let framed = self.components[0].is_some();
        match code {
            0xDA if !framed => Err(FormError::NotJpeg),
            _ if is_frame && framed => Err(FormError::Undecodable("it has two frame headers")),
            // Baseline, extended and progressive JPEGs with Huffman codes are taken. The others are
            // lossless, hierarchical or arithmetic.
            0xC3..=0xCF if is_frame => Err(FormError::UnusualJpeg),
            _ if is_frame && left < 6 => Err(FormError::NotJpeg),
            _ if is_frame && usize::from(left) > KEPT_BYTES_MAX => Err(FormError::UnusualJpeg),
            0xDA if left == 0 || usize::from(left) > KEPT_BYTES_MAX => Err(BAD_SCAN),
            0xDA => Ok(kept),
            _ if left == 0 => Ok(self.next()),
            0xDB => Ok(Jpeg::Quantisers { table: 0, left }),
            0xC4 => {
                self.huffman = true;
                Ok(Jpeg::Skip(left))
            }
            0xE0 => Ok(kept),
            _ if is_frame => Ok(kept),
            _ => Ok(Jpeg::Skip(left)),
        }
    }

    /// Reads a byte of a segment of quantisation tables. Each table is a byte with its precision (4
    /// bits) and number (4 bits), then 64 values of one byte or two.
    fn quantiser(&mut self, table: u16, left: u16, byte: u8) -> Result<Jpeg, FormError> {
        let left = left.saturating_sub(1);
        let table = if table > 0 {
            table.saturating_sub(1)
        } else {
            let bad = FormError::Undecodable("a quantisation table is broken");
            let bytes = match byte >> 4 {
                0 => 64,
                1 => 128,
                _ => return Err(bad),
            };
            if bytes > left {
                return Err(bad);
            }
            *self.quantisers.get_mut(usize::from(byte & 15)).ok_or(bad)? = true;
            bytes
        };
        Ok(if left == 0 { self.next() } else { Jpeg::Quantisers { table, left } })
    }

    /// Checks a whole segment of a kind that is kept.
    fn kept(&mut self, code: u8, bytes: &[u8]) -> Result<Jpeg, FormError> {
        match code {
            0xDA => self.scan(bytes)?,
            // Stills of Motion JPEG have the standard's tables, which they leave out.
            0xE0 => self.huffman |= bytes.starts_with(b"AVI1"),
            code => self.frame(code == 0xC2, bytes)?,
        }
        Ok(self.next())
    }

    /// Checks a whole scan header: number of components (1 byte), id and Huffman tables of each,
    /// and three bytes that are not read.
    fn scan(&mut self, bytes: &[u8]) -> Result<(), FormError> {
        let (count, components) = match bytes {
            [count @ 1..=3, components @ .., _, _, _] => (*count, components.as_chunks::<2>()),
            _ => return Err(BAD_SCAN),
        };
        let (components, []) = components else {
            return Err(BAD_SCAN);
        };
        if components.len() != usize::from(count) {
            return Err(BAD_SCAN);
        }
        let mut blocks = 0_u32;
        for [id, _] in components {
            let of_frame = self.components.iter().flatten().find(|component| component.id == *id);
            let component = of_frame.ok_or(BAD_SCAN)?;
            if self.quantisers.get(usize::from(component.quantiser)) != Some(&true) {
                return Err(FormError::Undecodable(
                    "a scan comes before the quantisation table that it needs",
                ));
            }
            blocks = blocks.saturating_add(u32::from(component.blocks));
        }
        if count > 1 && blocks > UNIT_BLOCKS_MAX {
            return Err(FormError::Undecodable(
                "a scan of several components has more than 10 blocks in a unit",
            ));
        }
        if !self.huffman {
            return Err(FormError::Undecodable("a scan comes before any Huffman table"));
        }
        self.scans = self.scans.saturating_add(1);
        if self.scans > SCANS_MAX {
            return Err(FormError::TooManyScans);
        }
        Ok(())
    }

    /// Checks a whole frame header: precision (1 byte), height (2), width (2), number of components
    /// (1), and the components. Each component has its id, its sampling factors (4 bits across, 4
    /// down) and its table.
    fn frame(&mut self, progressive: bool, bytes: &[u8]) -> Result<(), FormError> {
        let [precision, h1, h0, w1, w0, count, components @ ..] = bytes else {
            return Err(FormError::NotJpeg);
        };
        let (components, rest) = components.as_chunks::<3>();
        if *precision != 8 || !matches!(count, 1 | 3) {
            return Err(FormError::UnusualJpeg);
        }
        let (height, width) = (u16::from_be_bytes([*h1, *h0]), u16::from_be_bytes([*w1, *w0]));
        if !rest.is_empty() || components.len() != usize::from(*count) || height == 0 || width == 0
        {
            return Err(FormError::NotJpeg);
        }
        let pixels = u32::from(height).saturating_mul(u32::from(width));
        if height > SIDE_PIXELS_MAX || width > SIDE_PIXELS_MAX || pixels > PIXELS_MAX {
            return Err(FormError::TooManyPixels);
        }
        for (place, [id, sampling, quantiser]) in self.components.iter_mut().zip(components) {
            let (across, down) = (sampling >> 4, sampling & 15);
            if !(1..=SAMPLING_MAX).contains(&across) || !(1..=SAMPLING_MAX).contains(&down) {
                return Err(FormError::Undecodable("a sampling factor is not 1 to 4"));
            }
            if *quantiser >= QUANTISERS {
                return Err(FormError::Undecodable(
                    "a component has a quantisation table that can't be",
                ));
            }
            *place = Some(Component {
                id: *id,
                blocks: across.saturating_mul(down),
                quantiser: *quantiser,
            });
        }
        let areas = self.components.iter().flatten().map(|component| u64::from(component.blocks));
        let largest = areas.clone().max().unwrap_or(1);
        // A coefficient is two bytes, and there is one for each sample.
        let coefficient_bytes = areas
            .fold(0_u64, u64::saturating_add)
            .saturating_mul(2)
            .saturating_mul(u64::from(pixels))
            / largest;
        if progressive && coefficient_bytes > COEFFICIENT_BYTES_MAX {
            return Err(FormError::ProgressiveTooLarge);
        }
        Ok(())
    }

    /// Checks that the whole was a JPEG.
    pub fn end(&self) -> Result<(), FormError> {
        match self.state {
            _ if self.scans > 0 && self.tail == [0xFF, 0xD9] => Ok(()),
            Jpeg::Start(_) => Err(FormError::NotJpeg),
            _ => Err(FormError::JpegTruncated),
        }
    }
}

const BAD_SCAN: FormError = FormError::Undecodable("a scan header is broken");

#[cfg(test)]
mod tests;
