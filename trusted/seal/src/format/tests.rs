//! Tests of sealing and opening: the sizes around every boundary, and each thing that a lying tier
//! can do to the bytes.

use super::*;
use crate::context::{Kind, Question, Rendition};
use crate::ids::{CameraId, FootageId, HouseholdId, ObjectVersion};
use std::vec;

/// Counts the chunks of a plaintext of this length: at least one.
fn chunk_count(plain: u64) -> u64 {
    (plain / CHUNK).saturating_add(1)
}

/// Returns the chunk that holds this place of the plaintext.
fn chunk_of(plain_offset: u64) -> u64 {
    plain_offset / CHUNK
}

/// Returns where a chunk starts in the sealed object, or `None` if no object has such a chunk.
fn chunk_offset(chunk: u64) -> Option<u64> {
    let offset = chunk.checked_mul(SEALED_CHUNK)?.checked_add(HEADER)?;
    (chunk < CHUNKS_MAX).then_some(offset)
}

const SALT: [u8; SALT_BYTES] = [9; SALT_BYTES];

fn key(byte: u8) -> SealingKey {
    SealingKey::from_bytes([byte; 32])
}

const VERSION: ObjectVersion = ObjectVersion::from_bytes([4; 16]);

fn question() -> Question<'static> {
    Question {
        household: HouseholdId::from_bytes([1; 16]),
        camera: CameraId::from_bytes([2; 16]),
        kind: Kind::Clip,
        rendition: None,
        object: FootageId::from_time(1_700_000_000_000, [3; 10]).unwrap(),
    }
}

fn context() -> Context {
    Context::footage(&question(), VERSION).unwrap()
}

fn pattern(bytes: usize) -> Vec<u8> {
    (0..bytes).map(|place| (place % 251) as u8 ^ (place / 251 % 256) as u8).collect()
}

fn sealed(bytes: usize) -> Vec<u8> {
    seal_all(&key(7), &context(), SALT, &pattern(bytes)).unwrap()
}

fn opener(sealed: &[u8]) -> Opener {
    Opener::new(&key(7), &context(), sealed.first_chunk().unwrap()).unwrap()
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
        assert!(out == seal_all(&key(7), &context(), SALT, &plain).unwrap(), "pieces of {piece}");
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
    let opener = opener(&sealed);
    for index in [5, 0, 3, 1, 4, 2] {
        let start = usize::try_from(chunk_offset(index).unwrap()).unwrap();
        let chunk = &sealed[start..sealed.len().min(start + SEALED_CHUNK_BYTES)];
        let mut out = Vec::new();
        opener.open_chunks(index, chunk, &mut out).unwrap();
        let bytes = out.len();
        let at = usize::try_from(index).unwrap() * CHUNK_BYTES;
        assert_eq!(chunk_of(at as u64), index);
        assert_eq!(out[..bytes], plain[at..at + bytes]);
        assert_eq!(bytes < CHUNK_BYTES, index == 5, "only the last is short");
    }
    let mut out = vec![0xee; 3];
    opener.open_chunks(2, &sealed[HEADER_BYTES + 2 * SEALED_CHUNK_BYTES..], &mut out).unwrap();
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

/// The chunks alone would open, so only the check of the commitment can reject this object.
#[test]
fn a_foreign_commitment_with_right_chunks_is_refused() {
    let good = sealed(100);
    let foreign = seal_all(&key(8), &context(), SALT, &pattern(100)).unwrap();
    let mut bad = good.clone();
    bad[SALT_BYTES..HEADER_BYTES].copy_from_slice(&foreign[SALT_BYTES..HEADER_BYTES]);
    refused(&bad, SealError::WrongSeal);
    let (message, _) = Message::derive(&key(7), &context(), &SALT).unwrap();
    let mut plain = Vec::new();
    assert_eq!(Opener { message }.open_chunks(0, &bad[HEADER_BYTES..], &mut plain), Ok(()));
    assert_eq!(plain, pattern(100));
}

#[test]
fn a_cut_object_is_refused_wherever_it_is_cut() {
    for size in [CHUNK_BYTES, CHUNK_BYTES + 10, 2 * CHUNK_BYTES] {
        let good = sealed(size);
        for cut in 0..good.len() {
            let expected = match cut.checked_sub(HEADER_BYTES).map(|body| body % SEALED_CHUNK_BYTES)
            {
                None | Some(0) => SealError::Truncated,
                Some(1..TAG_BYTES) => SealError::BadLength,
                Some(_) => SealError::BadChunk,
            };
            let near = |mark: usize| cut.abs_diff(mark) < 40;
            if near(0)
                || near(HEADER_BYTES)
                || near(HEADER_BYTES + SEALED_CHUNK_BYTES)
                || near(good.len())
            {
                refused(&good[..cut], expected);
            }
        }
    }
}

/// An object that is cut after a full chunk has lost its end, though all that is left
/// authenticates.
#[test]
fn an_object_that_ends_with_a_full_chunk_is_truncated() {
    let good = sealed(CHUNK_BYTES + 10);
    let cut = &good[..HEADER_BYTES + SEALED_CHUNK_BYTES];
    refused(cut, SealError::Truncated);
    let opener = opener(cut);
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
    let right = question();
    let rendition = Rendition { name: "width=320", handler: [5; 32] };
    let later = FootageId::from_time(1_700_000_000_001, [3; 10]).unwrap();
    let wrong = [
        Question { household: HouseholdId::from_bytes([9; 16]), ..right },
        Question { camera: CameraId::from_bytes([9; 16]), ..right },
        Question { kind: Kind::EventStill, ..right },
        Question { rendition: Some(rendition), ..right },
        Question { rendition: Some(Rendition { name: "", ..rendition }), ..right },
        Question { object: later, ..right },
    ];
    let other_version = (right, ObjectVersion::from_bytes([9; 16]));
    let wrong = wrong.map(|question| (question, VERSION)).into_iter().chain([other_version]);
    for (question, version) in wrong {
        let wrong = Context::footage(&question, version).unwrap();
        assert_eq!(open_all(&key(7), &wrong, &good), Err(SealError::WrongSeal));
    }
    let (record, wrapped) =
        (Context::record("rights", b"k").unwrap(), Context::wrapped_key(b"k").unwrap());
    assert_eq!(open_all(&key(7), &record, &good), Err(SealError::WrongSeal));
    assert_eq!(open_all(&key(7), &wrapped, &good), Err(SealError::WrongSeal));
    assert_eq!(open_all(&key(8), &context(), &good), Err(SealError::WrongSeal));
}

/// A rejected run leaves no plaintext behind, even if its earlier chunks authenticated.
#[test]
fn a_refused_run_gives_nothing() {
    let mut bad = sealed(2 * CHUNK_BYTES + 10);
    let last = bad.len() - 1;
    bad[last] ^= 1;
    let opener = opener(&bad);
    let mut out = vec![1, 2, 3];
    assert_eq!(opener.open_chunks(0, &bad[HEADER_BYTES..], &mut out), Err(SealError::BadChunk));
    assert_eq!(out, [1, 2, 3]);
    let mut buffer = vec![0xee; 2 * CHUNK_BYTES + 10];
    assert_eq!(opener.open_run(0, &bad[HEADER_BYTES..], &mut buffer), Err(SealError::BadChunk));
    assert!(buffer.iter().all(|byte| *byte == 0));
    let mut chunk = vec![0xee; 10];
    let bytes = &bad[HEADER_BYTES + 2 * SEALED_CHUNK_BYTES..];
    assert_eq!(opener.open_run(2, bytes, &mut chunk), Err(SealError::BadChunk));
    assert!(chunk.iter().all(|byte| *byte == 0));
}

#[test]
fn lengths_that_nothing_has_are_refused() {
    let good = sealed(CHUNK_BYTES);
    let body = &good[HEADER_BYTES..];
    let chunk = &body[..SEALED_CHUNK_BYTES];
    let opener = opener(&good);
    let run = |sealed: &[u8], room: usize| opener.open_run(0, sealed, &mut vec![0; room]);
    assert_eq!(run(chunk, CHUNK_BYTES), Ok(()));
    assert_eq!(run(chunk, CHUNK_BYTES - 1), Err(SealError::BadLength));
    assert_eq!(run(&body[..TAG_BYTES - 1], CHUNK_BYTES), Err(SealError::BadLength));
    assert_eq!(run(&[], CHUNK_BYTES), Err(SealError::Truncated));
    for more in [1, TAG_BYTES - 1] {
        let run = run(&body[..SEALED_CHUNK_BYTES + more], CHUNK_BYTES);
        assert_eq!(run, Err(SealError::BadLength), "{more}");
    }
    for (sealed, expected) in [
        (&body[..SEALED_CHUNK_BYTES + 1], SealError::BadLength),
        (&body[..TAG_BYTES - 1], SealError::BadLength),
        (&[], SealError::Truncated),
    ] {
        let mut out = vec![1, 2, 3];
        assert_eq!(opener.open_chunks(0, sealed, &mut out), Err(expected));
        assert_eq!(out, [1, 2, 3]);
    }
    for (length, expected) in
        [(0, SealError::Truncated), (55, SealError::Truncated), (57, SealError::BadLength)]
    {
        refused(&good[..length], expected);
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
    let sizes = (HEADER_BYTES, EXTENT_PLAIN_BYTES, EXTENT_SEALED_BYTES, PLAIN_BYTES_MAX);
    assert_eq!(sizes, (56, 1_048_576, 1_049_600, 4_503_599_627_370_495));
    let longest = sealed_length(PLAIN_BYTES_MAX).unwrap();
    assert_eq!(plain_length(longest), Ok(PLAIN_BYTES_MAX));
    assert_eq!(chunk_count(PLAIN_BYTES_MAX), CHUNKS_MAX);
    assert_eq!(sealed_length(PLAIN_BYTES_MAX + 1), None);
    assert_eq!(plain_length(longest + 17), Err(SealError::TooLong));
    assert_eq!(plain_length(u64::MAX), Err(SealError::TooLong));
    assert_eq!(chunk_offset(CHUNKS_MAX), None);
    assert_eq!(chunk_offset(2), Some(56 + 32_800));
}

/// The nonce is the base nonce XOR the chunk number, as the specification says. Only the last five
/// bytes change, and no number reaches 2³⁸.
#[test]
fn nonces_count_in_the_last_five_bytes() {
    let (message, _) = Message::derive(&key(7), &context(), &SALT).unwrap();
    let base = *message.nonce;
    assert_eq!(message.nonce(0), Ok(base));
    for chunk in [1, 255, 256, 0x12_3456_789a, CHUNKS_MAX - 1] {
        let wide = |nonce: [u8; 12]| {
            nonce.iter().fold(0u128, |value, byte| value << 8 | u128::from(*byte))
        };
        assert_eq!(wide(message.nonce(chunk).unwrap()) ^ wide(base), u128::from(chunk));
        assert_eq!(message.nonce(chunk).unwrap()[..7], base[..7]);
    }
    assert_eq!(message.nonce(CHUNKS_MAX), Err(SealError::TooLong));
    let opener = Opener { message };
    assert_eq!(opener.open_chunks(CHUNKS_MAX, &[0; 16], &mut Vec::new()), Err(SealError::TooLong));
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

/// Two salts give two unrelated objects. The header says which salt an object has.
#[test]
fn a_salt_changes_everything() {
    let other = seal_all(&key(7), &context(), [8; SALT_BYTES], &pattern(64)).unwrap();
    let good = sealed(64);
    assert!(good.iter().zip(&other).filter(|(a, b)| a == b).count() < 12);
}
