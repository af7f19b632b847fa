//! A JPEG from its first marker to its last, as it arrives. It must keep nothing of the picture.

mod huffman;

use super::FormError;
use huffman::{BAD_HUFFMAN, Huffman};

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
/// The most tables of a kind at once (T.81, B.2.4.1 and B.2.4.2).
const TABLES: u8 = 4;
/// The most Huffman tables of a class at once in a baseline still.
const BASELINE_TABLES: u8 = 2;

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
    /// segment. `high` is the first byte of a value of two bytes.
    Quantisers { table: u16, is_wide: bool, high: u8, left: u16 },
    /// In a segment of Huffman tables.
    Huffman(Huffman),
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
    /// A scan has had data of it.
    is_scanned: bool,
}

/// Reads a JPEG's markers (ITU-T T.81, B.2) up to the end marker, and then only watches how the
/// file ends.
pub struct JpegForm {
    state: Jpeg,
    components: [Option<Component>; 3],
    /// The code of the frame header's marker.
    kind: u8,
    /// Says for each quantisation table whether it has come.
    quantisers: [bool; TABLES as usize],
    /// Says for each Huffman table whether it has come, first those of DC and then those of AC.
    huffman: [[bool; TABLES as usize]; 2],
    /// The file is of a kind that leaves the first two tables of each class to the decoder.
    is_motion: bool,
    scans: u32,
    /// The last byte that was not zero, and the byte before it.
    tail: [u8; 2],
    /// Zeros have come after the last byte that was not zero.
    is_padded: bool,
}

impl Default for JpegForm {
    fn default() -> Self {
        Self {
            state: Jpeg::Start(0),
            components: [None; 3],
            kind: 0,
            quantisers: [false; TABLES as usize],
            huffman: [[false; TABLES as usize]; 2],
            is_motion: false,
            scans: 0,
            tail: [0; 2],
            is_padded: false,
        }
    }
}

impl JpegForm {
    /// Checks the next bytes.
    pub fn push(&mut self, bytes: &[u8]) -> Result<(), FormError> {
        // Some cameras pad with zeros after the end marker.
        if let Some(last) = bytes.iter().rposition(|b| *b != 0) {
            let (end, padding) = bytes.split_at(last.saturating_add(1));
            self.tail = match end {
                [.., a, b] => [*a, *b],
                [b] if self.is_padded => [0, *b],
                [b] => [self.tail[1], *b],
                [] => self.tail,
            };
            self.is_padded = !padding.is_empty();
        } else {
            self.is_padded |= !bytes.is_empty();
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
            // A second start marker, or an end marker before any picture, is an error.
            (Jpeg::Code, 0x00 | 0xD8 | 0xD9) | (Jpeg::Marker, _) => return Err(FormError::NotJpeg),
            // In the picture's data a marker's code, another 0xFF or a zero follows 0xFF.
            (Jpeg::DataCode, 0xFF) => Jpeg::DataCode,
            (Jpeg::DataCode, 0xD9) => Jpeg::Ended,
            (Jpeg::DataCode, 0x00 | 0xD0..=0xD7) => Jpeg::Data,
            (
                Jpeg::Code | Jpeg::DataCode,
                code @ (0xC0..=0xCF | 0xDA | 0xDB | 0xDD | 0xE0..=0xEF | 0xFE),
            ) => Jpeg::Length(code, None),
            (Jpeg::Code | Jpeg::DataCode, _) => {
                return Err(FormError::Undecodable("it has a marker that has no place there"));
            }
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
            (Jpeg::Quantisers { .. }, byte) => self.quantiser(byte)?,
            (Jpeg::Huffman(table), byte) => self.huffman(table, byte)?,
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
            0xC8 | 0xCC => Err(FormError::UnusualJpeg),
            _ if is_frame && left < 6 => Err(FormError::NotJpeg),
            _ if is_frame && usize::from(left) > KEPT_BYTES_MAX => Err(FormError::UnusualJpeg),
            0xDA if left == 0 || usize::from(left) > KEPT_BYTES_MAX => Err(BAD_SCAN),
            0xDA => Ok(kept),
            0xDD if left != 2 => {
                Err(FormError::Undecodable("the length of a restart interval is not 2"))
            }
            _ if left == 0 => Ok(self.next()),
            0xDB => Ok(Jpeg::Quantisers { table: 0, is_wide: false, high: 0, left }),
            0xC4 => Ok(Jpeg::Huffman(Huffman::new(left))),
            0xE0 | 0xEE => Ok(kept),
            _ if is_frame => Ok(kept),
            _ => Ok(Jpeg::Skip(left)),
        }
    }

    /// Reads a byte of a segment of quantisation tables. Each table is a byte with its precision (4
    /// bits) and number (4 bits), then 64 values of one byte or two, none of which is zero.
    fn quantiser(&mut self, byte: u8) -> Result<Jpeg, FormError> {
        let Jpeg::Quantisers { table, is_wide, high, left } = self.state else {
            return Ok(self.state);
        };
        let bad = FormError::Undecodable("a quantisation table is broken");
        let left = left.saturating_sub(1);
        let (table, is_wide, high) = if table > 0 {
            let table = table.saturating_sub(1);
            let is_first_half = is_wide && table % 2 == 1;
            if !is_first_half && high | byte == 0 {
                return Err(bad);
            }
            (table, is_wide, if is_first_half { byte } else { 0 })
        } else {
            let bytes = match byte >> 4 {
                0 => 64,
                1 => 128,
                _ => return Err(bad),
            };
            if bytes > left {
                return Err(bad);
            }
            *self.quantisers.get_mut(usize::from(byte & 15)).ok_or(bad)? = true;
            (bytes, bytes == 128, 0)
        };
        let next = Jpeg::Quantisers { table, is_wide, high, left };
        Ok(if left == 0 { self.next() } else { next })
    }

    /// Reads a byte of a segment of Huffman tables.
    fn huffman(&mut self, mut table: Huffman, byte: u8) -> Result<Jpeg, FormError> {
        if let Some((class, number)) = table.push(byte)? {
            let tables = if self.kind == BASELINE { BASELINE_TABLES } else { TABLES };
            let known = self.huffman.get_mut(usize::from(class));
            let known = known.and_then(|known| known.get_mut(usize::from(number)));
            *known.filter(|_| number < tables).ok_or(BAD_HUFFMAN)? = true;
        }
        Ok(if table.left == 0 { self.next() } else { Jpeg::Huffman(table) })
    }

    /// Checks a whole segment of a kind that is kept.
    fn kept(&mut self, code: u8, bytes: &[u8]) -> Result<Jpeg, FormError> {
        match code {
            0xDA => self.scan(bytes)?,
            // Stills of Motion JPEG have the standard's tables, which they leave out.
            0xE0 => self.is_motion |= bytes.starts_with(b"AVI1\0"),
            // The last of these bytes says how colours are coded: above 1, as four components.
            0xEE => {
                if let [b'A', b'd', b'o', b'b', b'e', 0, _, _, _, _, _, colours, ..] = bytes
                    && *colours > 1
                {
                    return Err(FormError::UnusualJpeg);
                }
            }
            code => self.frame(code, bytes)?,
        }
        Ok(self.next())
    }

    /// Checks a whole scan header: number of components (1 byte), id and Huffman tables of each,
    /// first and last coefficient (1 byte each), and the bits that came before and come now (4 bits
    /// each).
    fn scan(&mut self, bytes: &[u8]) -> Result<(), FormError> {
        let (count, components, first, last, bits) = match bytes {
            [count @ 1..=3, components @ .., first, last, bits] => {
                (*count, components.as_chunks::<2>(), *first, *last, *bits)
            }
            _ => return Err(BAD_SCAN),
        };
        let (components, []) = components else {
            return Err(BAD_SCAN);
        };
        if components.len() != usize::from(count) {
            return Err(BAD_SCAN);
        }
        let is_progressive = self.kind == PROGRESSIVE;
        let (before, now) = (bits >> 4, bits & 15);
        let fits = match (first, last) {
            // T.81, G.1.1.1: the first coefficient of several components, or others of one.
            (0, 0) | (1..=63, _) if is_progressive => {
                (first == 0 || count == 1 && (first..=63).contains(&last))
                    && now <= 7
                    && (before == 0 || before == now.saturating_add(1))
            }
            (0, 0 | 63) => !is_progressive && bits == 0,
            _ => false,
        };
        if !fits {
            return Err(BAD_SCAN);
        }
        let (needs_dc, needs_ac) = (first == 0, !is_progressive || last > 0);
        let mut blocks = 0_u32;
        // The scan's components come in the order of the frame's.
        let mut of_frame = self.components.iter_mut().flatten();
        for [id, tables] in components {
            let component = of_frame.find(|component| component.id == *id).ok_or(BAD_SCAN)?;
            if self.quantisers.get(usize::from(component.quantiser)) != Some(&true) {
                return Err(FormError::Undecodable(
                    "a scan comes before the quantisation table that it needs",
                ));
            }
            let most = if self.kind == BASELINE { BASELINE_TABLES } else { TABLES };
            for ((known, is_needed), number) in
                self.huffman.iter().zip([needs_dc, needs_ac]).zip([tables >> 4, tables & 15])
            {
                if number >= most {
                    return Err(BAD_SCAN);
                }
                let is_standard = self.is_motion && number < BASELINE_TABLES;
                if is_needed && !is_standard && known.get(usize::from(number)) != Some(&true) {
                    return Err(FormError::Undecodable(
                        "a scan comes before the Huffman table that it needs",
                    ));
                }
            }
            component.is_scanned = true;
            blocks = blocks.saturating_add(u32::from(component.blocks));
        }
        if count > 1 && blocks > UNIT_BLOCKS_MAX {
            return Err(FormError::Undecodable(
                "a scan of several components has more than 10 blocks in a unit",
            ));
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
    fn frame(&mut self, kind: u8, bytes: &[u8]) -> Result<(), FormError> {
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
        let ids: Vec<u8> = components.iter().map(|[id, ..]| *id).collect();
        match ids.as_slice() {
            [a, b, c] if a == b || b == c || a == c => {
                return Err(FormError::Undecodable("two components have one id"));
            }
            // Ids that stand for wider ranges of colours.
            [1, 34, 35] | [b'r', b'g', b'b'] => return Err(FormError::UnusualJpeg),
            _ => {}
        }
        let most = |factor: fn(u8) -> u8| {
            components.iter().map(|[_, sampling, _]| factor(*sampling)).max().unwrap_or_default()
        };
        let (most_across, most_down) = (most(|sampling| sampling >> 4), most(|s| s & 15));
        self.kind = kind;
        for (place, [id, sampling, quantiser]) in self.components.iter_mut().zip(components) {
            let (across, down) = (sampling >> 4, sampling & 15);
            if !(1..=SAMPLING_MAX).contains(&across) || !(1..=SAMPLING_MAX).contains(&down) {
                return Err(FormError::Undecodable("a sampling factor is not 1 to 4"));
            }
            if !most_across.is_multiple_of(across) || !most_down.is_multiple_of(down) {
                return Err(FormError::Undecodable(
                    "a sampling factor does not divide the largest",
                ));
            }
            if *quantiser >= TABLES {
                return Err(FormError::Undecodable(
                    "a component has a quantisation table that can't be",
                ));
            }
            *place = Some(Component {
                id: *id,
                blocks: across.saturating_mul(down),
                quantiser: *quantiser,
                is_scanned: false,
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
        if kind == PROGRESSIVE && coefficient_bytes > COEFFICIENT_BYTES_MAX {
            return Err(FormError::ProgressiveTooLarge);
        }
        Ok(())
    }

    /// Checks that the whole was a JPEG.
    pub fn end(&self) -> Result<(), FormError> {
        match self.state {
            Jpeg::Ended if self.tail == [0xFF, 0xD9] => {
                let mut components = self.components.iter().flatten();
                if components.all(|component| component.is_scanned) {
                    Ok(())
                } else {
                    Err(FormError::Undecodable("a component has no scan"))
                }
            }
            Jpeg::Start(_) => Err(FormError::NotJpeg),
            _ => Err(FormError::JpegTruncated),
        }
    }
}

/// The code of a baseline frame's marker.
const BASELINE: u8 = 0xC0;
/// The code of a progressive frame's marker.
const PROGRESSIVE: u8 = 0xC2;

const BAD_SCAN: FormError = FormError::Undecodable("a scan header is broken");

#[cfg(test)]
mod tests;
