//! Huffman tables of a JPEG, as they arrive. It must keep nothing of a table but whether it can be
//! one.

use super::FormError;

/// The most values of a table.
const VALUES_MAX: u16 = 256;
/// The lengths that a code has, in bits.
const LENGTHS: u8 = 16;

pub(super) const BAD_HUFFMAN: FormError = FormError::Undecodable("a Huffman table is broken");

/// The place in a segment of tables (T.81, B.2.4.2). Each table is a byte with its class (4 bits)
/// and number (4 bits), the numbers of codes of 1 to 16 bits, and a value for each code.
#[derive(Clone, Copy, Default)]
pub(super) struct Huffman {
    /// The first byte of the table.
    name: u8,
    /// How many bytes before the values have come; 0 before a table.
    at: u8,
    /// The code after those that have come, at the present length.
    code: u32,
    /// How many values are to come.
    values: u16,
    /// How many bytes are left of the segment.
    pub(super) left: u16,
}

impl Huffman {
    /// Starts a segment of so many bytes.
    pub(super) fn new(left: u16) -> Self {
        Self { left, ..Self::default() }
    }

    /// Takes the next byte. Returns class and number of a table that is whole now.
    ///
    /// # Errors
    /// [`BAD_HUFFMAN`]: no decoder can read codes of the table, or the segment ends within it.
    pub(super) fn push(&mut self, byte: u8) -> Result<Option<(u8, u8)>, FormError> {
        self.left = self.left.saturating_sub(1);
        match self.at {
            0 => *self = Self { name: byte, at: 1, left: self.left, ..Self::default() },
            1..=LENGTHS => {
                // Codes of a length follow each other, and the next length goes on from there.
                self.code = self.code.saturating_mul(2).saturating_add(u32::from(byte));
                self.values = self.values.saturating_add(u16::from(byte));
                if self.code > 1 << self.at {
                    return Err(BAD_HUFFMAN);
                }
                self.at = self.at.saturating_add(1);
                let may_be = (1..=VALUES_MAX.min(self.left)).contains(&self.values);
                if self.at > LENGTHS && !may_be {
                    return Err(BAD_HUFFMAN);
                }
            }
            _ => {
                self.values = self.values.saturating_sub(1);
                if self.values == 0 {
                    self.at = 0;
                    return Ok(Some((self.name >> 4, self.name & 15)));
                }
            }
        }
        if self.left == 0 { Err(BAD_HUFFMAN) } else { Ok(None) }
    }
}
