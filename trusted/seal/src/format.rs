//! Sealing and opening: C2SP chunked-encryption in its instantiation Cobblestone-256
//! (c2sp.org/chunked-encryption).
//!
//! A sealed object is a salt (24 bytes), a commitment (32 bytes) and chunks of 16 KiB, each with a
//! tag of 16 bytes. The last chunk is always shorter than 16 KiB and may be empty. So a cut object
//! can be told from a whole one.
//!
//! INVARIANT: no plaintext is given out before its chunk has authenticated
//! (`a_refused_run_gives_nothing`). INVARIANT: no chunk is decrypted before the header is verified
//! (`a_foreign_commitment_with_right_chunks_is_refused`).

use crate::SealError;
use crate::context::Context;
use crate::keys::SealingKey;
use crate::primitives::{Primitives, Suite, copy, same};
use alloc::vec::Vec;
use zeroize::{Zeroize, Zeroizing};

/// The length of the plaintext in a full chunk, in bytes.
pub const CHUNK_BYTES: usize = 16_384;
/// The length of the tag that authenticates a chunk, in bytes.
pub const TAG_BYTES: usize = 16;
/// The length of a full sealed chunk, in bytes.
pub const SEALED_CHUNK_BYTES: usize = CHUNK_BYTES + TAG_BYTES;
/// The length of the salt at the start of each object, in bytes. A salt is random, and is never
/// used twice with one key.
pub const SALT_BYTES: usize = 24;
/// The length of salt and commitment, in bytes.
pub const HEADER_BYTES: usize = SALT_BYTES + 32;
/// The number of chunks in a full extent, which tiers and the coalescer hold together.
pub const EXTENT_CHUNKS: usize = 64;
/// The length of the plaintext in a full extent: 1 MiB.
pub const EXTENT_PLAIN_BYTES: usize = EXTENT_CHUNKS * CHUNK_BYTES;
/// The length of a full sealed extent in bytes, without the header.
pub const EXTENT_SEALED_BYTES: usize = EXTENT_CHUNKS * SEALED_CHUNK_BYTES;
/// The most chunks of an object.
pub const CHUNKS_MAX: u64 = 1 << 38;
/// The longest plaintext: 4 PiB less one byte, because the last chunk is short.
pub const PLAIN_BYTES_MAX: u64 = (1 << 52) - 1;

// These are the same numbers for offsets in files. A usize is at most 64 bits wide.
const CHUNK: u64 = CHUNK_BYTES as u64;
const SEALED_CHUNK: u64 = SEALED_CHUNK_BYTES as u64;
const TAG: u64 = TAG_BYTES as u64;
const HEADER: u64 = HEADER_BYTES as u64;

/// Computes the sealed length of a plaintext of this length, both in bytes. Returns `None` if the
/// format allows no such plaintext.
pub fn sealed_length(plain: u64) -> Option<u64> {
    let full = (plain / CHUNK).checked_mul(SEALED_CHUNK)?;
    let sealed = full.checked_add(plain % CHUNK)?.checked_add(TAG + HEADER)?;
    (plain <= PLAIN_BYTES_MAX).then_some(sealed)
}

/// Computes the length of the plaintext in a sealed object of this length, both in bytes.
///
/// # Errors
/// [`SealError::Truncated`] if the object ends before its first chunk or after a full one.
/// [`SealError::BadLength`] if it ends within a tag. [`SealError::TooLong`] if the plaintext would
/// be longer than [`PLAIN_BYTES_MAX`].
pub fn plain_length(sealed: u64) -> Result<u64, SealError> {
    let chunks = sealed.checked_sub(HEADER).ok_or(SealError::Truncated)?;
    if chunks % SEALED_CHUNK == 0 {
        return Err(SealError::Truncated);
    }
    let plain = run_length(chunks)?;
    (plain <= PLAIN_BYTES_MAX).then_some(plain).ok_or(SealError::TooLong)
}

/// Computes the length of the plaintext in a run of chunks, the last of which may be full.
fn run_length(sealed: u64) -> Result<u64, SealError> {
    let last = match sealed % SEALED_CHUNK {
        0 => 0,
        short => short.checked_sub(TAG).ok_or(SealError::BadLength)?,
    };
    let full = (sealed / SEALED_CHUNK).checked_mul(CHUNK);
    full.and_then(|full| full.checked_add(last)).ok_or(SealError::TooLong)
}

/// Says whether a sealed chunk of this length is the last one. A chunk is the last exactly if it is
/// short.
pub const fn is_last(sealed_chunk_bytes: usize) -> bool {
    sealed_chunk_bytes < SEALED_CHUNK_BYTES
}

/// The key and the base nonce of one message.
struct Message {
    aead: <Suite as Primitives>::Aead,
    nonce: Zeroizing<[u8; 12]>,
}

impl Message {
    /// Derives the message's key and nonce, and the header (salt and commitment).
    fn derive(
        key: &SealingKey,
        context: &Context,
        salt: &[u8; SALT_BYTES],
    ) -> Result<(Self, [u8; HEADER_BYTES]), SealError> {
        let derived = key.message(context, salt);
        let (aead_key, rest) = derived.split_first_chunk::<32>().ok_or(SealError::Primitive)?;
        let (nonce, commitment) = rest.split_first_chunk::<12>().ok_or(SealError::Primitive)?;
        let mut header = [0; HEADER_BYTES];
        copy(&mut header, salt.iter().chain(commitment));
        let aead = Suite::aead(aead_key)?;
        Ok((Self { aead, nonce: Zeroizing::new(*nonce) }, header))
    }

    /// Computes the nonce of a chunk: the base nonce, XORed with the chunk's number as a big-endian
    /// integer of the same width.
    fn nonce(&self, chunk: u64) -> Result<[u8; 12], SealError> {
        if chunk >= CHUNKS_MAX {
            return Err(SealError::TooLong);
        }
        let mut nonce = *self.nonce;
        let number = chunk.to_be_bytes();
        nonce.iter_mut().skip(4).zip(number).for_each(|(byte, number)| *byte ^= number);
        Ok(nonce)
    }

    /// Seals the next chunk, appends it to `sealed`, and counts it.
    fn seal_next(
        &self,
        next: &mut u64,
        plain: &[u8],
        sealed: &mut Vec<u8>,
    ) -> Result<(), SealError> {
        let bytes = plain.len().saturating_add(TAG_BYTES);
        // The very last chunk must be short, because that marks the end of an object.
        if *next >= CHUNKS_MAX - 1 && !is_last(bytes) {
            return Err(SealError::TooLong);
        }
        let nonce = self.nonce(*next)?;
        let start = sealed.len();
        // Reserve all the room first. If the vector grew later, plaintext would stay in memory that
        // was freed.
        sealed.reserve(bytes);
        sealed.extend_from_slice(plain);
        let place = sealed.get_mut(start..).unwrap_or_default();
        match Suite::seal(&self.aead, &nonce, place) {
            Ok(tag) => sealed.extend_from_slice(&tag),
            Err(error) => {
                place.zeroize();
                sealed.truncate(start);
                return Err(error);
            }
        }
        *next = next.saturating_add(1);
        Ok(())
    }
}

/// The state of sealing one object, whose plaintext comes in pieces. At most one chunk of plaintext
/// is held, and is wiped.
pub struct Sealer {
    message: Message,
    header: [u8; HEADER_BYTES],
    next_chunk: u64,
    pending: Zeroizing<Vec<u8>>,
}

impl Sealer {
    /// Starts an object. The salt is 24 random bytes. If two objects under one key have the same
    /// salt, both are exposed.
    ///
    /// # Errors
    /// [`SealError::Primitive`] if the cryptographic library fails.
    pub fn new(
        key: &SealingKey,
        context: &Context,
        salt: [u8; SALT_BYTES],
    ) -> Result<Self, SealError> {
        let (message, header) = Message::derive(key, context, &salt)?;
        let pending = Zeroizing::new(Vec::with_capacity(CHUNK_BYTES));
        Ok(Self { message, header, next_chunk: 0, pending })
    }

    /// Returns the header. The caller writes it before the chunks of `push` and `finish`.
    pub const fn header(&self) -> &[u8; HEADER_BYTES] {
        &self.header
    }

    /// Takes more plaintext, and appends each chunk that is now full to `sealed`.
    ///
    /// # Errors
    /// [`SealError::TooLong`] if the object gets more chunks than [`CHUNKS_MAX`].
    /// [`SealError::Primitive`] if the cryptographic library fails. After an error the object is
    /// lost: nothing more of it may be written.
    pub fn push(&mut self, mut plain: &[u8], sealed: &mut Vec<u8>) -> Result<(), SealError> {
        while !plain.is_empty() {
            let room = CHUNK_BYTES.saturating_sub(self.pending.len());
            let (now, later) = plain.split_at(room.min(plain.len()));
            plain = later;
            if now.len() == CHUNK_BYTES {
                // A whole chunk is sealed without a copy in between.
                self.message.seal_next(&mut self.next_chunk, now, sealed)?;
                continue;
            }
            self.pending.extend_from_slice(now);
            if self.pending.len() == CHUNK_BYTES {
                self.seal_pending(sealed)?;
            }
        }
        Ok(())
    }

    /// Appends the last chunk, short or empty.
    ///
    /// # Errors
    /// As [`Sealer::push`].
    pub fn finish(mut self, sealed: &mut Vec<u8>) -> Result<(), SealError> {
        self.seal_pending(sealed)
    }

    fn seal_pending(&mut self, sealed: &mut Vec<u8>) -> Result<(), SealError> {
        self.message.seal_next(&mut self.next_chunk, &self.pending, sealed)?;
        // This wipes and empties the buffer, and keeps its memory for the next chunk. The buffer
        // never grows, so no unwiped copy is left behind.
        self.pending.zeroize();
        Ok(())
    }
}

/// The state of opening one object, whose chunks can be opened in any order. An opener exists only
/// if the header belongs to this key and context.
pub struct Opener {
    message: Message,
}

impl Opener {
    /// Verifies the header (salt and commitment).
    ///
    /// # Errors
    /// [`SealError::WrongSeal`] if the header is not of this key and context.
    pub fn new(
        key: &SealingKey,
        context: &Context,
        header: &[u8; HEADER_BYTES],
    ) -> Result<Self, SealError> {
        let salt = header.first_chunk::<SALT_BYTES>().ok_or(SealError::Truncated)?;
        let (message, expected) = Message::derive(key, context, salt)?;
        same(&expected, header).then_some(Self { message }).ok_or(SealError::WrongSeal)
    }

    /// Opens a run of consecutive chunks, and appends the plaintext to `out`. After an error, `out`
    /// is as it was. A short chunk can only be the run's last, and is then the object's last. The
    /// caller must know how many chunks there should be.
    ///
    /// # Errors
    /// [`SealError::BadChunk`] if a chunk is not this chunk of this object.
    /// [`SealError::Truncated`] if the run is empty. [`SealError::BadLength`] if it ends within a
    /// tag. [`SealError::TooLong`] if a chunk's number is not below [`CHUNKS_MAX`].
    pub fn open_chunks(
        &self,
        first_chunk: u64,
        sealed: &[u8],
        out: &mut Vec<u8>,
    ) -> Result<(), SealError> {
        let length = run_length(sealed.len() as u64)?;
        let length = usize::try_from(length).map_err(|_| SealError::TooLong)?;
        let start = out.len();
        out.resize(start.saturating_add(length), 0);
        let plain = out.get_mut(start..).unwrap_or_default();
        let opened = self.open_run(first_chunk, sealed, plain);
        if opened.is_err() {
            out.truncate(start);
        }
        opened
    }

    /// Opens a run into a buffer of its plaintext's length. Wipes the buffer if a chunk does not
    /// open.
    fn open_run(&self, first_chunk: u64, sealed: &[u8], plain: &mut [u8]) -> Result<(), SealError> {
        if sealed.is_empty() {
            return Err(SealError::Truncated);
        }
        self.open_each(first_chunk, sealed, plain).inspect_err(|_| plain.zeroize())
    }

    fn open_each(
        &self,
        first_chunk: u64,
        sealed: &[u8],
        mut plain: &mut [u8],
    ) -> Result<(), SealError> {
        let mut index = first_chunk;
        for chunk in sealed.chunks(SEALED_CHUNK_BYTES) {
            let (ciphertext, tag) = chunk.split_last_chunk().ok_or(SealError::BadLength)?;
            let place = plain.split_off_mut(..ciphertext.len()).ok_or(SealError::BadLength)?;
            let nonce = self.message.nonce(index)?;
            Suite::open(&self.message.aead, &nonce, ciphertext, tag, place)?;
            index = index.saturating_add(1);
        }
        Ok(())
    }
}

/// Seals a whole object, header included.
///
/// # Errors
/// As [`Sealer::push`].
pub fn seal_all(
    key: &SealingKey,
    context: &Context,
    salt: [u8; SALT_BYTES],
    plain: &[u8],
) -> Result<Vec<u8>, SealError> {
    let length = sealed_length(plain.len() as u64).and_then(|length| usize::try_from(length).ok());
    let mut sealer = Sealer::new(key, context, salt)?;
    let mut sealed = Vec::with_capacity(length.ok_or(SealError::TooLong)?);
    sealed.extend_from_slice(sealer.header());
    sealer.push(plain, &mut sealed)?;
    sealer.finish(&mut sealed)?;
    Ok(sealed)
}

/// Opens a whole object.
///
/// # Errors
/// As [`plain_length`], [`Opener::new`] and [`Opener::open_chunks`].
pub fn open_all(key: &SealingKey, context: &Context, sealed: &[u8]) -> Result<Vec<u8>, SealError> {
    plain_length(sealed.len() as u64)?;
    let (header, chunks) = sealed.split_first_chunk().ok_or(SealError::Truncated)?;
    let mut plain = Vec::new();
    Opener::new(key, context, header)?.open_chunks(0, chunks, &mut plain)?;
    Ok(plain)
}

#[cfg(test)]
mod tests;
