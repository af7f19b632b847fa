//! What a host without its defences would do, for storm's build alone: footage in the clear, and records that are believed.
//!
//! With [`Defence::Seal`] on these are the sealed format's own sealer and opener and add nothing. With it off, an object has the same layout
//! (header, chunks, tags), in the clear and with nothing that is verified: what a conventional cache holds.

use crate::defence::{self, Defence};
use eyesonly_rights::{Answer, CameraRecord, Credentials, Record, SessionRecord, VerifiedCamera, VerifiedSession};
use eyesonly_seal::format::{CHUNK_BYTES, HEADER_BYTES, SEALED_CHUNK_BYTES};
use eyesonly_seal::{Context, SealError, SealingKey};

const TAG_BYTES: usize = SEALED_CHUNK_BYTES - CHUNK_BYTES;

/// The sealer of this build.
pub enum Sealer {
    /// The real one.
    Sealed(Box<eyesonly_seal::Sealer>),
    /// No sealer: plaintext that waits for the end of its chunk.
    Plain(Vec<u8>),
}

impl Sealer {
    /// As [`eyesonly_seal::Sealer::new`].
    ///
    /// # Errors
    /// As there.
    pub fn new(key: &SealingKey, context: &Context, salt: [u8; 24]) -> Result<Self, SealError> {
        if defence::is_on(Defence::Seal) {
            eyesonly_seal::Sealer::new(key, context, salt).map(|sealer| Self::Sealed(Box::new(sealer)))
        } else {
            Ok(Self::Plain(Vec::new()))
        }
    }

    /// What stands before the chunks.
    pub fn header(&self) -> &[u8; HEADER_BYTES] {
        match self {
            Self::Sealed(sealer) => sealer.header(),
            Self::Plain(_) => &[0; HEADER_BYTES],
        }
    }

    /// Takes more plaintext.
    ///
    /// # Errors
    /// As [`eyesonly_seal::Sealer::push`].
    pub fn push(&mut self, plain: &[u8], sealed: &mut Vec<u8>) -> Result<(), SealError> {
        let waiting = match self {
            Self::Sealed(sealer) => return sealer.push(plain, sealed),
            Self::Plain(waiting) => waiting,
        };
        waiting.extend_from_slice(plain);
        while waiting.len() >= CHUNK_BYTES {
            sealed.extend(waiting.drain(..CHUNK_BYTES));
            sealed.extend([0; TAG_BYTES]);
        }
        Ok(())
    }

    /// Appends the last chunk.
    ///
    /// # Errors
    /// As [`eyesonly_seal::Sealer::finish`].
    pub fn finish(self, sealed: &mut Vec<u8>) -> Result<(), SealError> {
        match self {
            Self::Sealed(sealer) => sealer.finish(sealed),
            Self::Plain(waiting) => {
                sealed.extend(waiting);
                sealed.extend([0; TAG_BYTES]);
                Ok(())
            }
        }
    }
}

/// The opener of this build.
pub enum Opener {
    /// The real one.
    Sealed(Box<eyesonly_seal::Opener>),
    /// Whatever came is taken.
    Plain,
}

impl Opener {
    /// As [`eyesonly_seal::Opener::new`].
    ///
    /// # Errors
    /// As there.
    pub fn new(key: &SealingKey, context: &Context, header: &[u8]) -> Result<Self, SealError> {
        if defence::is_on(Defence::Seal) {
            eyesonly_seal::Opener::new(key, context, header).map(|opener| Self::Sealed(Box::new(opener)))
        } else {
            Ok(Self::Plain)
        }
    }

    /// As [`eyesonly_seal::Opener::open_chunks`].
    ///
    /// # Errors
    /// As there.
    pub fn open_chunks(&self, first_chunk: u64, sealed: &[u8], out: &mut Vec<u8>) -> Result<(), SealError> {
        match self {
            Self::Sealed(opener) => opener.open_chunks(first_chunk, sealed, out),
            Self::Plain => {
                for chunk in sealed.chunks(SEALED_CHUNK_BYTES) {
                    let plain = chunk.len().saturating_sub(TAG_BYTES);
                    out.extend(chunk.iter().take(plain));
                }
                Ok(())
            }
        }
    }
}

/// A record in the clear.
pub fn record<R: Record>(record: &R) -> Vec<u8> {
    serde_json::to_vec(record).unwrap_or_default()
}

/// What an answer has, whatever was asked: a viewer's record is taken for the one that was asked for.
pub fn believed<R: Record>(asked: &[u8], answer: &Answer) -> Option<R> {
    let mut value: serde_json::Value = serde_json::from_slice(answer.record.as_ref()?).ok()?;
    if R::KIND == "viewer" {
        let asked = eyesonly_seal::ViewerId::from_bytes(asked.try_into().ok()?);
        *value.get_mut("viewer")? = asked.to_string().into();
    }
    serde_json::from_value(value).ok()
}

/// Whoever the session store names is who is asking.
pub fn believed_session(credentials: &Credentials, record: &SessionRecord) -> Option<VerifiedSession> {
    let raw = credentials.mint_viewer(record.viewer, record.session);
    credentials.verify_viewer(&raw).ok()
}

/// Whichever camera the registry names is the one that hands in.
pub fn believed_camera(credentials: &Credentials, record: &CameraRecord) -> Option<VerifiedCamera> {
    let raw = credentials.mint_camera(record.household, record.camera, record.credential?);
    credentials.verify_camera(&raw).ok()
}
