//! Footage in the clear, and records that are believed: what a conventional server has behind its
//! API.
//!
//! An object has the layout of a sealed one (header, chunks, tags), with nothing in it that could
//! be verified. So the same liars tell the same lies of it.

use bytes::Bytes;
use eyesonly_gate::Claimed;
use eyesonly_gate::registry::Answer;
use eyesonly_rights::Record;
use eyesonly_seal::ViewerId;
use eyesonly_seal::format::{CHUNK_BYTES, HEADER_BYTES, SEALED_CHUNK_BYTES, TAG_BYTES};

/// Lays a body out as a stored object.
pub fn object(body: &[u8]) -> Claimed {
    let mut chunks = Vec::with_capacity(body.len() + TAG_BYTES * (1 + body.len() / CHUNK_BYTES));
    let full = body.chunks_exact(CHUNK_BYTES);
    // The last chunk is always shorter, and empty if it has to be.
    let last = full.remainder();
    for chunk in full.chain([last]) {
        chunks.extend_from_slice(chunk);
        chunks.extend([0; TAG_BYTES]);
    }
    Claimed { header: [0; HEADER_BYTES], chunks: chunks.into() }
}

/// Reads a body from an object, whatever is in it.
pub fn body(object: &Claimed) -> Bytes {
    let mut body = Vec::with_capacity(object.chunks.len());
    for chunk in object.chunks.chunks(SEALED_CHUNK_BYTES) {
        let plain = chunk.len().saturating_sub(TAG_BYTES);
        body.extend(chunk.iter().take(plain));
    }
    body.into()
}

/// Writes a record in the clear.
pub fn record<R: Record>(record: &R) -> Vec<u8> {
    serde_json::to_vec(record).unwrap_or_default()
}

/// Reads the record of an answer, whatever was asked. A viewer's record is taken for the one that
/// was asked for.
pub fn believed<R: Record>(asked: &[u8], answer: &Answer) -> Option<R> {
    let mut value: serde_json::Value =
        serde_json::from_slice(answer.records.first()?.as_ref()?).ok()?;
    if R::KIND == "viewer" {
        let asked = ViewerId::from_bytes(asked.try_into().ok()?);
        *value.get_mut("viewer")? = asked.to_string().into();
    }
    serde_json::from_value(value).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use eyesonly_seal::format::sealed_length;

    #[test]
    fn a_body_is_read_back_and_is_as_long_as_a_sealed_one() {
        for bytes in [0, 1, CHUNK_BYTES - 1, CHUNK_BYTES, 40_000] {
            let plain: Vec<u8> = (0..bytes).map(|n| n as u8).collect();
            let object = object(&plain);
            assert_eq!(body(&object), plain);
            let length = (HEADER_BYTES + object.chunks.len()) as u64;
            assert_eq!(Some(length), sealed_length(bytes as u64));
        }
    }
}
