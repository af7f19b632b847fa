//! Parts that several targets share: inputs that have fields, and changed bytes. It must never say
//! what a parser has to answer: each target says that of its own.
#![forbid(unsafe_code)]

/// An input that is read field by field, from its front. A field that is missing is zero.
pub struct Input<'a>(pub &'a [u8]);

impl<'a> Input<'a> {
    /// Takes this many bytes, or all that are left.
    pub fn take(&mut self, bytes: usize) -> &'a [u8] {
        let (taken, rest) = self.0.split_at(bytes.min(self.0.len()));
        self.0 = rest;
        taken
    }

    /// Takes a number of eight bytes, big-endian.
    pub fn number(&mut self) -> u64 {
        self.take(8).iter().fold(0, |number, byte| number << 8 | u64::from(*byte))
    }

    /// Takes a number of two bytes, big-endian.
    pub fn short(&mut self) -> usize {
        self.take(2).iter().fold(0, |number, byte| number << 8 | usize::from(*byte))
    }

    /// Takes a byte.
    pub fn byte(&mut self) -> u8 {
        self.take(1).first().copied().unwrap_or(0)
    }

    /// Takes sixteen bytes.
    pub fn id(&mut self) -> [u8; 16] {
        let mut id = [0; 16];
        let taken = self.take(16);
        id.iter_mut().zip(taken).for_each(|(to, from)| *to = *from);
        id
    }

    /// Takes what is left.
    pub fn rest(&mut self) -> &'a [u8] {
        std::mem::take(&mut self.0)
    }
}

/// Changes one place of some bytes. The input says how, and at which place: anywhere, or near the
/// front or the end, where headers and tags are.
///
/// The result may be the same bytes, for example where two equal bytes are swapped.
pub fn changed(bytes: &[u8], input: &mut Input<'_>) -> Vec<u8> {
    let (kind, place, value) = (input.byte(), input.short(), input.byte());
    let mut bytes = bytes.to_vec();
    let length = bytes.len().max(1);
    let place = match kind {
        0..128 => place % length,
        128..192 => place % 256 % length,
        192.. => length - 1 - place % 256 % length,
    };
    match kind % 6 {
        0 => bytes[place..].iter_mut().take(1).for_each(|byte| *byte ^= 1 << (value % 8)),
        1 => bytes[place..].iter_mut().take(1).for_each(|byte| *byte = value),
        2 => bytes.truncate(place),
        3 => bytes.insert(place, value),
        4 => drop(bytes.drain(place..bytes.len().min(place + usize::from(value)))),
        _ => bytes.rotate_left(place),
    }
    bytes
}
