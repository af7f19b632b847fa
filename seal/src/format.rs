//! Sealing and opening: C2SP chunked-encryption in its instantiation Cobblestone-256 (c2sp.org/chunked-encryption).
//!
//! A sealed object is a salt (24 bytes), a commitment (32 bytes) and chunks of 16 KiB, each with a tag of 16 bytes. The
//! last chunk is always shorter than 16 KiB and may be empty, so that a cut object can be told from a whole one.
//!
//! INVARIANT: no plaintext is given out before its chunk authenticated, and no chunk is tried before the commitment did.

use crate::SealError;
use crate::context::Context;
use crate::keys::SealingKey;
use crate::primitives::{Primitives, Suite, same};
use alloc::vec::Vec;
use zeroize::{Zeroize, Zeroizing};

/// Plaintext in a full chunk.
pub const CHUNK_BYTES: usize = 16_384;
/// What authenticates a chunk.
pub const TAG_BYTES: usize = 16;
/// A full chunk, sealed.
pub const SEALED_CHUNK_BYTES: usize = CHUNK_BYTES + TAG_BYTES;
/// Random bytes at the start of each object, never used twice with one key.
pub const SALT_BYTES: usize = 24;
/// Salt and commitment.
pub const HEADER_BYTES: usize = 56;
/// Chunks that tiers and the coalescer hold together.
pub const EXTENT_CHUNKS: usize = 64;
/// Plaintext in a full extent: 1 MiB.
pub const EXTENT_PLAIN_BYTES: usize = EXTENT_CHUNKS * CHUNK_BYTES;
/// A full extent, sealed, without the header.
pub const EXTENT_SEALED_BYTES: usize = EXTENT_CHUNKS * SEALED_CHUNK_BYTES;
/// An object has at most this many chunks.
pub const CHUNKS_MAX: u64 = 1 << 38;
/// The longest plaintext: 4 PiB less one byte, because the last chunk is short.
pub const PLAIN_BYTES_MAX: u64 = (1 << 52) - 1;

// The same numbers for offsets in files; a usize is at most 64 bits wide.
const CHUNK: u64 = CHUNK_BYTES as u64;
const SEALED_CHUNK: u64 = SEALED_CHUNK_BYTES as u64;
const TAG: u64 = TAG_BYTES as u64;
const HEADER: u64 = HEADER_BYTES as u64;

/// How long a plaintext of this length is when it is sealed; none if it is longer than the format allows.
#[must_use]
pub fn sealed_length(plain: u64) -> Option<u64> {
    if plain > PLAIN_BYTES_MAX {
        return None;
    }
    let full = (plain / CHUNK).checked_mul(SEALED_CHUNK)?;
    full.checked_add(plain % CHUNK)?.checked_add(TAG + HEADER)
}

/// How long the plaintext of a sealed object of this length is.
///
/// # Errors
/// [`SealError::Truncated`] for less than a header and for an end after a full chunk; [`SealError::BadLength`] for an end
/// within a tag; [`SealError::TooLong`].
pub fn plain_length(sealed: u64) -> Result<u64, SealError> {
    let body = sealed.checked_sub(HEADER).ok_or(SealError::Truncated)?;
    let (full, rest) = (body / SEALED_CHUNK, body % SEALED_CHUNK);
    if rest == 0 {
        return Err(SealError::Truncated);
    }
    let last = rest.checked_sub(TAG).ok_or(SealError::BadLength)?;
    let plain = full
        .checked_mul(CHUNK)
        .and_then(|bytes| bytes.checked_add(last))
        .ok_or(SealError::TooLong)?;
    if plain > PLAIN_BYTES_MAX {
        Err(SealError::TooLong)
    } else {
        Ok(plain)
    }
}

/// How many chunks a plaintext of this length has: at least one.
#[must_use]
pub const fn chunk_count(plain: u64) -> u64 {
    (plain / CHUNK).saturating_add(1)
}

/// The chunk that holds this place of the plaintext.
#[must_use]
pub const fn chunk_of(plain_offset: u64) -> u64 {
    plain_offset / CHUNK
}

/// Where a chunk begins in the sealed object; none if there can be no such chunk.
#[must_use]
pub const fn chunk_offset(chunk: u64) -> Option<u64> {
    if chunk >= CHUNKS_MAX {
        return None;
    }
    match chunk.checked_mul(SEALED_CHUNK) {
        Some(offset) => offset.checked_add(HEADER),
        None => None,
    }
}

/// A sealed chunk is the last one exactly when it is short.
#[must_use]
pub const fn is_last(sealed_chunk_bytes: usize) -> bool {
    sealed_chunk_bytes < SEALED_CHUNK_BYTES
}

/// What one message is sealed with.
struct Message {
    aead: <Suite as Primitives>::Aead,
    nonce: Zeroizing<[u8; 12]>,
}

impl Message {
    /// Derives the message's keys; gives the commitment beside them.
    fn derive(key: &SealingKey, context: &Context, salt: &[u8; SALT_BYTES]) -> Result<(Self, [u8; 32]), SealError> {
        let derived = key.message(context, salt);
        let (aead_key, rest) = derived.split_first_chunk::<32>().ok_or(SealError::Primitive)?;
        let (nonce, commitment) = rest.split_first_chunk::<12>().ok_or(SealError::Primitive)?;
        let commitment = commitment.try_into().map_err(|_| SealError::Primitive)?;
        Ok((
            Self {
                aead: Suite::aead(aead_key)?,
                nonce: Zeroizing::new(*nonce),
            },
            commitment,
        ))
    }

    /// The nonce of a chunk: the base nonce, XORed with the chunk's number as a big-endian integer of the same width.
    fn nonce(&self, chunk: u64) -> Result<[u8; 12], SealError> {
        if chunk >= CHUNKS_MAX {
            return Err(SealError::TooLong);
        }
        let mut nonce = *self.nonce;
        nonce
            .iter_mut()
            .skip(4)
            .zip(chunk.to_be_bytes())
            .for_each(|(byte, counter)| *byte ^= counter);
        Ok(nonce)
    }

    /// Appends the next chunk, and counts it.
    fn seal_next(&self, next: &mut u64, plain: &[u8], sealed: &mut Vec<u8>) -> Result<(), SealError> {
        // The format's last possible chunk has to be short: the end of an object must stay recognisable.
        if *next >= CHUNKS_MAX - 1 && !is_last(plain.len().saturating_add(TAG_BYTES)) {
            return Err(SealError::TooLong);
        }
        let nonce = self.nonce(*next)?;
        let start = sealed.len();
        // All the room first: growing later would leave plaintext in the memory that was given back.
        sealed.reserve(plain.len().saturating_add(TAG_BYTES));
        sealed.extend_from_slice(plain);
        let place = sealed.get_mut(start..).unwrap_or_default();
        match Suite::seal_in_place(&self.aead, &nonce, place) {
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

/// Seals one object, whatever the pieces are in which it comes. It holds at most one chunk of plaintext, and wipes it.
pub struct Sealer {
    message: Message,
    header: [u8; HEADER_BYTES],
    next_chunk: u64,
    pending: Zeroizing<Vec<u8>>,
}

impl Sealer {
    /// Begins an object. The salt is 24 random bytes; one salt for two objects under one key gives both away.
    ///
    /// # Errors
    /// [`SealError::Primitive`].
    pub fn new(key: &SealingKey, context: &Context, salt: [u8; SALT_BYTES]) -> Result<Self, SealError> {
        let (message, commitment) = Message::derive(key, context, &salt)?;
        let mut header = [0; HEADER_BYTES];
        let parts = salt.iter().chain(&commitment);
        header.iter_mut().zip(parts).for_each(|(to, from)| *to = *from);
        let pending = Zeroizing::new(Vec::with_capacity(CHUNK_BYTES));
        Ok(Self {
            message,
            header,
            next_chunk: 0,
            pending,
        })
    }

    /// What stands before the chunks. The caller writes it; `push` and `finish` give chunks only.
    #[must_use]
    pub const fn header(&self) -> &[u8; HEADER_BYTES] {
        &self.header
    }

    /// Takes more plaintext, and appends each chunk that is now full to `sealed`.
    ///
    /// # Errors
    /// [`SealError::TooLong`] or [`SealError::Primitive`]. The object is then lost: nothing more may be written of it.
    pub fn push(&mut self, mut plain: &[u8], sealed: &mut Vec<u8>) -> Result<(), SealError> {
        while !plain.is_empty() {
            let room = CHUNK_BYTES.saturating_sub(self.pending.len());
            let (now, later) = plain.split_at(room.min(plain.len()));
            plain = later;
            if now.len() == CHUNK_BYTES {
                // A whole chunk at once needs no copy in between.
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
        // Wiped and emptied; its memory stays for the next chunk. It never grows, so no unwiped copy is left behind.
        self.pending.zeroize();
        Ok(())
    }
}

/// Opens one object, chunk by chunk, in any order. Having one proves that the header belongs to this key and context.
pub struct Opener {
    message: Message,
}

impl Opener {
    /// Verifies the header (salt and commitment).
    ///
    /// # Errors
    /// [`SealError::WrongSeal`] if it is not of this key and context; [`SealError::Truncated`] or
    /// [`SealError::BadLength`] if it is not 56 bytes long.
    pub fn new(key: &SealingKey, context: &Context, header: &[u8]) -> Result<Self, SealError> {
        let (salt, commitment) = header.split_first_chunk::<SALT_BYTES>().ok_or(SealError::Truncated)?;
        match header.len() {
            HEADER_BYTES => {}
            shorter if shorter < HEADER_BYTES => return Err(SealError::Truncated),
            _ => return Err(SealError::BadLength),
        }
        let (message, expected) = Message::derive(key, context, salt)?;
        if same(&expected, commitment) {
            Ok(Self { message })
        } else {
            Err(SealError::WrongSeal)
        }
    }

    /// Opens one sealed chunk into the start of `plain`, which is at least 16 bytes shorter than it, and says how many
    /// bytes there are. Fewer than [`CHUNK_BYTES`] mean that this is the object's last chunk.
    ///
    /// # Errors
    /// [`SealError::BadChunk`]: it is not this chunk of this object, and nothing of it is in `plain`.
    /// [`SealError::BadLength`]: no chunk is that long, or `plain` is too short. [`SealError::TooLong`].
    pub fn open_chunk(&self, index: u64, sealed: &[u8], plain: &mut [u8]) -> Result<usize, SealError> {
        if sealed.len() > SEALED_CHUNK_BYTES {
            return Err(SealError::BadLength);
        }
        let (ciphertext, tag) = sealed.split_last_chunk::<TAG_BYTES>().ok_or(SealError::BadLength)?;
        let plain = plain.get_mut(..ciphertext.len()).ok_or(SealError::BadLength)?;
        let nonce = self.message.nonce(index)?;
        Suite::open(&self.message.aead, &nonce, ciphertext, tag, plain).inspect_err(|_| plain.zeroize())?;
        Ok(plain.len())
    }

    /// Opens a run of chunks that follow each other into the start of `plain`; all or nothing. A short chunk can only be
    /// the run's last, and is then the object's last. How many chunks there should be, the caller must know.
    ///
    /// # Errors
    /// [`SealError::Truncated`] for an empty run; [`SealError::BadLength`] for an end within a tag or a `plain` that is too
    /// short; [`SealError::BadChunk`]; [`SealError::TooLong`].
    pub fn open_run(&self, first_chunk: u64, sealed: &[u8], plain: &mut [u8]) -> Result<usize, SealError> {
        let length = run_length(sealed.len())?;
        let plain = plain.get_mut(..length).ok_or(SealError::BadLength)?;
        let opened = self.open_each(first_chunk, sealed, plain);
        if opened.is_err() {
            plain.zeroize();
        }
        opened.map(|()| length)
    }

    fn open_each(&self, first_chunk: u64, sealed: &[u8], mut plain: &mut [u8]) -> Result<(), SealError> {
        let mut index = first_chunk;
        for chunk in sealed.chunks(SEALED_CHUNK_BYTES) {
            let opened = self.open_chunk(index, chunk, plain)?;
            plain = plain.get_mut(opened..).unwrap_or_default();
            index = index.saturating_add(1);
        }
        Ok(())
    }

    /// Opens a run of chunks as [`Opener::open_run`] does, and appends the plaintext to `out`; nothing if it fails.
    ///
    /// # Errors
    /// As [`Opener::open_run`].
    pub fn open_chunks(&self, first_chunk: u64, sealed: &[u8], out: &mut Vec<u8>) -> Result<(), SealError> {
        let start = out.len();
        out.resize(start.saturating_add(run_length(sealed.len())?), 0);
        let opened = self.open_run(first_chunk, sealed, out.get_mut(start..).unwrap_or_default());
        if opened.is_err() {
            out.truncate(start);
        }
        opened.map(|_| ())
    }
}

/// How long the plaintext of a run of chunks is.
fn run_length(sealed: usize) -> Result<usize, SealError> {
    let (full, rest) = (sealed / SEALED_CHUNK_BYTES, sealed % SEALED_CHUNK_BYTES);
    let last = match rest {
        0 if full == 0 => return Err(SealError::Truncated),
        0 => 0,
        _ => rest.checked_sub(TAG_BYTES).ok_or(SealError::BadLength)?,
    };
    full.checked_mul(CHUNK_BYTES)
        .and_then(|bytes| bytes.checked_add(last))
        .ok_or(SealError::TooLong)
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
/// As [`plain_length`], [`Opener::new`] and [`Opener::open_run`].
pub fn open_all(key: &SealingKey, context: &Context, sealed: &[u8]) -> Result<Vec<u8>, SealError> {
    plain_length(sealed.len() as u64)?;
    let (header, chunks) = sealed.split_first_chunk::<HEADER_BYTES>().ok_or(SealError::Truncated)?;
    let opener = Opener::new(key, context, header)?;
    let mut plain = Vec::new();
    opener.open_chunks(0, chunks, &mut plain)?;
    Ok(plain)
}

#[cfg(test)]
mod tests;
