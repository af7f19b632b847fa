//! Sealing and opening: the sizes around every boundary, and each thing that a lying tier can do to the bytes.

use super::*;
use crate::context::{FootageContext, Kind, Rendition};
use crate::ids::{CameraId, FootageId, HouseholdId, ObjectVersion};
use std::vec;

const SALT: [u8; SALT_BYTES] = [9; SALT_BYTES];

fn key(byte: u8) -> SealingKey {
    SealingKey::from_bytes([byte; 32])
}

fn footage() -> FootageContext<'static> {
    FootageContext {
        household: HouseholdId::from_bytes([1; 16]),
        camera: CameraId::from_bytes([2; 16]),
        kind: Kind::Clip,
        rendition: None,
        object: FootageId::from_time(1_700_000_000_000, [3; 10]).unwrap(),
        version: ObjectVersion::from_bytes([4; 16]),
    }
}

fn context() -> Context {
    Context::footage(&footage()).unwrap()
}

fn pattern(bytes: usize) -> Vec<u8> {
    (0..bytes)
        .map(|place| (place % 251) as u8 ^ (place / 251 % 256) as u8)
        .collect()
}

fn sealed(bytes: usize) -> Vec<u8> {
    seal_all(&key(7), &context(), SALT, &pattern(bytes)).unwrap()
}

#[track_caller]
fn refused(sealed: &[u8], expected: SealError) {
    assert_eq!(open_all(&key(7), &context(), sealed), Err(expected));
}

const SIZES: [usize; 11] = [
    0,
    1,
    CHUNK_BYTES - 1,
    CHUNK_BYTES,
    CHUNK_BYTES + 1,
    2 * CHUNK_BYTES,
    EXTENT_PLAIN_BYTES - CHUNK_BYTES,
    EXTENT_PLAIN_BYTES - 1,
    EXTENT_PLAIN_BYTES,
    EXTENT_PLAIN_BYTES + 1,
    EXTENT_PLAIN_BYTES + CHUNK_BYTES,
];

#[test]
fn every_size_comes_back() {
    for size in SIZES {
        let sealed = sealed(size);
        assert_eq!(sealed_length(size as u64), Some(sealed.len() as u64), "{size}");
        assert_eq!(plain_length(sealed.len() as u64), Ok(size as u64));
        assert_eq!(open_all(&key(7), &context(), &sealed).unwrap(), pattern(size), "{size}");
        let chunks = sealed[HEADER_BYTES..].chunks(SEALED_CHUNK_BYTES);
        assert_eq!(chunk_count(size as u64), chunks.len() as u64);
        assert!(is_last(chunks.last().unwrap().len()));
    }
}

#[test]
fn the_pieces_make_no_difference() {
    let plain = pattern(3 * CHUNK_BYTES + 5);
    for piece in [1, 7, 4096, CHUNK_BYTES - 1, CHUNK_BYTES, CHUNK_BYTES + 1, plain.len()] {
        let mut sealer = Sealer::new(&key(7), &context(), SALT).unwrap();
        let mut out = sealer.header().to_vec();
        for part in plain.chunks(piece) {
            sealer.push(part, &mut out).unwrap();
            assert!(sealer.pending.capacity() == CHUNK_BYTES, "the buffer stays as it is");
        }
        sealer.finish(&mut out).unwrap();
        assert!(
            out == seal_all(&key(7), &context(), SALT, &plain).unwrap(),
            "pieces of {piece}"
        );
    }
}

#[test]
fn no_plaintext_is_in_the_sealed_bytes() {
    let sealed = seal_all(&key(7), &context(), SALT, &[b'x'; 40_000]).unwrap();
    assert!(!sealed.windows(8).any(|window| window == [b'x'; 8]));
}

#[test]
fn chunks_open_in_any_order() {
    let plain = pattern(5 * CHUNK_BYTES + 100);
    let sealed = seal_all(&key(7), &context(), SALT, &plain).unwrap();
    let opener = Opener::new(&key(7), &context(), &sealed[..HEADER_BYTES]).unwrap();
    for index in [5, 0, 3, 1, 4, 2] {
        let start = usize::try_from(chunk_offset(index).unwrap()).unwrap();
        let chunk = &sealed[start..sealed.len().min(start + SEALED_CHUNK_BYTES)];
        let mut out = [0; CHUNK_BYTES];
        let bytes = opener.open_chunk(index, chunk, &mut out).unwrap();
        let at = usize::try_from(index).unwrap() * CHUNK_BYTES;
        assert_eq!(chunk_of(at as u64), index);
        assert_eq!(out[..bytes], plain[at..at + bytes]);
        assert_eq!(bytes < CHUNK_BYTES, index == 5, "only the last is short");
    }
    let mut out = vec![0xee; 3];
    opener
        .open_chunks(2, &sealed[HEADER_BYTES + 2 * SEALED_CHUNK_BYTES..], &mut out)
        .unwrap();
    assert_eq!(out[..3], [0xee; 3]);
    assert_eq!(out[3..], plain[2 * CHUNK_BYTES..]);
}

#[test]
fn every_bit_of_the_header_counts() {
    let good = sealed(100);
    for place in 0..HEADER_BYTES * 8 {
        let mut bad = good.clone();
        bad[place / 8] ^= 1 << (place % 8);
        refused(&bad, SealError::WrongSeal);
    }
}

#[test]
fn every_bit_of_a_chunk_counts() {
    let good = sealed(20);
    for place in HEADER_BYTES * 8..good.len() * 8 {
        let mut bad = good.clone();
        bad[place / 8] ^= 1 << (place % 8);
        refused(&bad, SealError::BadChunk);
    }
}

/// The chunks alone would open: only the commitment check stands in the way.
#[test]
fn a_foreign_commitment_with_right_chunks_is_refused() {
    let good = sealed(100);
    let foreign = seal_all(&key(8), &context(), SALT, &pattern(100)).unwrap();
    let mut bad = good.clone();
    bad[SALT_BYTES..HEADER_BYTES].copy_from_slice(&foreign[SALT_BYTES..HEADER_BYTES]);
    refused(&bad, SealError::WrongSeal);
    let (message, _) = Message::derive(&key(7), &context(), &SALT).unwrap();
    let mut plain = [0; 100];
    assert_eq!(
        Opener { message }.open_chunk(0, &bad[HEADER_BYTES..], &mut plain),
        Ok(100)
    );
}

#[test]
fn a_cut_object_is_refused_wherever_it_is_cut() {
    for size in [CHUNK_BYTES, CHUNK_BYTES + 10, 2 * CHUNK_BYTES] {
        let good = sealed(size);
        for cut in 0..good.len() {
            let expected = match cut.checked_sub(HEADER_BYTES).map(|body| body % SEALED_CHUNK_BYTES) {
                None | Some(0) => SealError::Truncated,
                Some(1..TAG_BYTES) => SealError::BadLength,
                Some(_) => SealError::BadChunk,
            };
            let near = |mark: usize| cut.abs_diff(mark) < 40;
            if near(0) || near(HEADER_BYTES) || near(HEADER_BYTES + SEALED_CHUNK_BYTES) || near(good.len()) {
                refused(&good[..cut], expected);
            }
        }
    }
}

/// Cut after a full chunk, an object has lost its end though all that is left authenticates.
#[test]
fn an_object_that_ends_with_a_full_chunk_is_truncated() {
    let good = sealed(CHUNK_BYTES + 10);
    let cut = &good[..HEADER_BYTES + SEALED_CHUNK_BYTES];
    refused(cut, SealError::Truncated);
    let opener = Opener::new(&key(7), &context(), &cut[..HEADER_BYTES]).unwrap();
    assert_eq!(opener.open_chunks(0, &cut[HEADER_BYTES..], &mut Vec::new()), Ok(()));
}

#[test]
fn an_extended_object_is_refused() {
    for size in [0, 10, CHUNK_BYTES - 1, CHUNK_BYTES] {
        for more in [1, TAG_BYTES, 100, SEALED_CHUNK_BYTES] {
            let mut bad = sealed(size);
            bad.resize(bad.len() + more, 0);
            let opened = open_all(&key(7), &context(), &bad);
            assert!(opened.is_err(), "{size} and {more} more");
        }
        let mut twice = sealed(size);
        twice.extend_from_slice(&sealed(size)[HEADER_BYTES..]);
        assert!(open_all(&key(7), &context(), &twice).is_err());
    }
}

#[test]
fn chunks_have_their_places() {
    let good = sealed(4 * CHUNK_BYTES);
    let chunk = |index: usize| {
        let start = HEADER_BYTES + index * SEALED_CHUNK_BYTES;
        start..start + SEALED_CHUNK_BYTES
    };
    let mut swapped = good.clone();
    swapped[chunk(1)].copy_from_slice(&good[chunk(2)]);
    swapped[chunk(2)].copy_from_slice(&good[chunk(1)]);
    refused(&swapped, SealError::BadChunk);
    let mut repeated = good.clone();
    repeated[chunk(1)].copy_from_slice(&good[chunk(0)]);
    refused(&repeated, SealError::BadChunk);
    let mut dropped = good.clone();
    dropped.drain(chunk(1));
    refused(&dropped, SealError::BadChunk);
    let other = seal_all(&key(7), &context(), [8; SALT_BYTES], &pattern(4 * CHUNK_BYTES)).unwrap();
    let mut mixed = good;
    mixed[chunk(1)].copy_from_slice(&other[chunk(1)]);
    refused(&mixed, SealError::BadChunk);
}

#[test]
fn a_short_chunk_in_the_middle_is_refused() {
    let short = sealed(10);
    let mut bad = short.clone();
    bad.extend_from_slice(&sealed(CHUNK_BYTES + 5)[HEADER_BYTES + SEALED_CHUNK_BYTES..]);
    refused(&bad, SealError::BadChunk);
}

#[test]
fn every_field_of_the_context_counts() {
    let good = sealed(100);
    let right = footage();
    let rendition = Rendition {
        name: "width=320",
        handler: [5; 32],
    };
    let wrong = [
        FootageContext {
            household: HouseholdId::from_bytes([9; 16]),
            ..right
        },
        FootageContext {
            camera: CameraId::from_bytes([9; 16]),
            ..right
        },
        FootageContext {
            kind: Kind::EventStill,
            ..right
        },
        FootageContext {
            rendition: Some(rendition),
            ..right
        },
        FootageContext {
            rendition: Some(Rendition { name: "", ..rendition }),
            ..right
        },
        FootageContext {
            object: FootageId::from_time(1_700_000_000_001, [3; 10]).unwrap(),
            ..right
        },
        FootageContext {
            version: ObjectVersion::from_bytes([9; 16]),
            ..right
        },
    ];
    for wrong in wrong {
        let wrong = Context::footage(&wrong).unwrap();
        assert_eq!(open_all(&key(7), &wrong, &good), Err(SealError::WrongSeal));
    }
    let (record, wrapped) = (
        Context::record("rights", b"k").unwrap(),
        Context::wrapped_key(b"k").unwrap(),
    );
    assert_eq!(open_all(&key(7), &record, &good), Err(SealError::WrongSeal));
    assert_eq!(open_all(&key(7), &wrapped, &good), Err(SealError::WrongSeal));
    assert_eq!(open_all(&key(8), &context(), &good), Err(SealError::WrongSeal));
}

/// What is refused leaves nothing behind, even where earlier chunks of the same run were good.
#[test]
fn a_refused_run_gives_nothing() {
    let mut bad = sealed(2 * CHUNK_BYTES + 10);
    let last = bad.len() - 1;
    bad[last] ^= 1;
    let opener = Opener::new(&key(7), &context(), &bad[..HEADER_BYTES]).unwrap();
    let mut out = vec![1, 2, 3];
    assert_eq!(
        opener.open_chunks(0, &bad[HEADER_BYTES..], &mut out),
        Err(SealError::BadChunk)
    );
    assert_eq!(out, [1, 2, 3]);
    let mut buffer = vec![0xee; 2 * CHUNK_BYTES + 10];
    assert_eq!(
        opener.open_run(0, &bad[HEADER_BYTES..], &mut buffer),
        Err(SealError::BadChunk)
    );
    assert!(buffer.iter().all(|byte| *byte == 0));
    let mut chunk = vec![0xee; 10];
    let bytes = &bad[HEADER_BYTES + 2 * SEALED_CHUNK_BYTES..];
    assert_eq!(opener.open_chunk(2, bytes, &mut chunk), Err(SealError::BadChunk));
    assert!(chunk.iter().all(|byte| *byte == 0));
}

#[test]
fn lengths_that_nothing_has_are_refused() {
    let good = sealed(CHUNK_BYTES);
    let (header, body) = good.split_at(HEADER_BYTES);
    let opener = Opener::new(&key(7), &context(), header).unwrap();
    // Longer than a chunk, so that only the rule about lengths stands in the way.
    let mut roomy = vec![0; 2 * CHUNK_BYTES];
    assert_eq!(opener.open_chunk(0, body, &mut roomy), Err(SealError::BadLength));
    let mut plain = vec![0; CHUNK_BYTES];
    assert_eq!(
        opener.open_chunk(0, &body[..SEALED_CHUNK_BYTES + 1], &mut plain),
        Err(SealError::BadLength)
    );
    assert_eq!(
        opener.open_chunk(0, &body[..TAG_BYTES - 1], &mut plain),
        Err(SealError::BadLength)
    );
    assert_eq!(opener.open_chunk(0, &[], &mut plain), Err(SealError::BadLength));
    let chunk = &body[..SEALED_CHUNK_BYTES];
    assert_eq!(opener.open_chunk(0, chunk, &mut plain[1..]), Err(SealError::BadLength));
    assert_eq!(opener.open_run(0, chunk, &mut plain[1..]), Err(SealError::BadLength));
    assert_eq!(opener.open_run(0, &[], &mut plain), Err(SealError::Truncated));
    assert_eq!(
        opener.open_run(0, &body[..SEALED_CHUNK_BYTES + 3], &mut plain),
        Err(SealError::BadLength)
    );
    for (length, expected) in [
        (0, SealError::Truncated),
        (55, SealError::Truncated),
        (57, SealError::BadLength),
    ] {
        let opened = Opener::new(&key(7), &context(), &good[..length]);
        assert_eq!(opened.err(), Some(expected), "{length}");
    }
}

#[test]
fn length_arithmetic_holds_at_its_ends() {
    assert_eq!(sealed_length(0), Some(72));
    assert_eq!(plain_length(72), Ok(0));
    assert_eq!(sealed_length(16_384), Some(56 + 16_400 + 16));
    assert_eq!(plain_length(56 + 16_400), Err(SealError::Truncated));
    assert_eq!(plain_length(56 + 16_400 + 15), Err(SealError::BadLength));
    assert_eq!(plain_length(55), Err(SealError::Truncated));
    assert_eq!(plain_length(56), Err(SealError::Truncated));
    let longest = sealed_length(PLAIN_BYTES_MAX).unwrap();
    assert_eq!(plain_length(longest), Ok(PLAIN_BYTES_MAX));
    assert_eq!(chunk_count(PLAIN_BYTES_MAX), CHUNKS_MAX);
    assert_eq!(sealed_length(PLAIN_BYTES_MAX + 1), None);
    assert_eq!(plain_length(longest + 17), Err(SealError::TooLong));
    assert_eq!(plain_length(u64::MAX), Err(SealError::TooLong));
    assert_eq!(chunk_offset(CHUNKS_MAX), None);
    assert_eq!(chunk_offset(2), Some(56 + 32_800));
}

/// The specification's property: nonce = base nonce XOR chunk number, in the last five bytes only, and never beyond 2³⁸.
#[test]
fn nonces_count_in_the_last_five_bytes() {
    let (message, _) = Message::derive(&key(7), &context(), &SALT).unwrap();
    let base = *message.nonce;
    assert_eq!(message.nonce(0), Ok(base));
    for chunk in [1, 255, 256, 0x12_3456_789a, CHUNKS_MAX - 1] {
        let wide = |nonce: [u8; 12]| nonce.iter().fold(0u128, |value, byte| value << 8 | u128::from(*byte));
        assert_eq!(wide(message.nonce(chunk).unwrap()) ^ wide(base), u128::from(chunk));
        assert_eq!(message.nonce(chunk).unwrap()[..7], base[..7]);
    }
    assert_eq!(message.nonce(CHUNKS_MAX), Err(SealError::TooLong));
    let opener = Opener { message };
    assert_eq!(
        opener.open_chunk(CHUNKS_MAX, &[0; 16], &mut []),
        Err(SealError::TooLong)
    );
}

#[test]
fn a_sealer_stops_where_the_format_does() {
    let mut sealer = Sealer::new(&key(7), &context(), SALT).unwrap();
    sealer.next_chunk = CHUNKS_MAX - 1;
    let mut out = Vec::new();
    assert_eq!(sealer.push(&[0; CHUNK_BYTES], &mut out), Err(SealError::TooLong));
    assert!(out.is_empty());
    assert_eq!(sealer.push(&[0; CHUNK_BYTES - 1], &mut out), Ok(()));
    assert_eq!(sealer.push(&[0], &mut out), Err(SealError::TooLong));
    let mut sealer = Sealer::new(&key(7), &context(), SALT).unwrap();
    sealer.next_chunk = CHUNKS_MAX - 1;
    assert_eq!(sealer.finish(&mut out), Ok(()));
    assert_eq!(out.len(), TAG_BYTES);
}

/// Two salts give two unrelated objects; the header says which one it is.
#[test]
fn a_salt_changes_everything() {
    let other = seal_all(&key(7), &context(), [8; SALT_BYTES], &pattern(64)).unwrap();
    let good = sealed(64);
    assert!(good.iter().zip(&other).filter(|(a, b)| a == b).count() < 12);
}
