//! MP4s at the door. A second reader, which has the whole file, must agree with the door, however
//! the file is cut into pieces. This target must never ask for more than the boxes at the top.
#![no_main]

use eyesonly_service::ingest::{FormError, Mp4Form};
use libfuzzer_sys::fuzz_target;

fn door(bytes: &[u8], piece_bytes: usize) -> Result<(), FormError> {
    let mut form = Mp4Form::default();
    bytes.chunks(piece_bytes).try_for_each(|piece| form.push(piece))?;
    form.end()
}

/// A box at the top of a file.
struct Box<'a> {
    kind: &'a [u8],
    /// The size has 64 bits.
    #[cfg_attr(not(planted), expect(dead_code, reason = "the planted fault asks"))]
    is_long: bool,
    /// The box goes on to the end of the file, whatever its size.
    is_open: bool,
}

/// The most bytes after the last box.
const TAIL_BYTES_MAX: usize = 64 * 1024;

/// Reads the boxes of a whole file, and what comes after the last one, or none if they don't add
/// up.
fn boxes(mut bytes: &[u8]) -> Option<(Vec<Box<'_>>, &[u8])> {
    let mut boxes = Vec::new();
    while !bytes.is_empty() {
        if is_whole(&boxes) && is_tail(bytes) {
            return (bytes.len() <= TAIL_BYTES_MAX).then_some((boxes, bytes));
        }
        let short = u32::from_be_bytes(*bytes.first_chunk()?);
        let kind = bytes.get(4..8)?;
        let size = match short {
            0 => bytes.len() as u64,
            1 => u64::from_be_bytes(*bytes.get(8..)?.first_chunk()?),
            size => u64::from(size),
        };
        let header = if short == 1 { 16 } else { 8 };
        bytes = bytes.get(usize::try_from(size).ok().filter(|size| *size >= header)?..)?;
        boxes.push(Box { kind, is_long: short == 1, is_open: short == 0 });
    }
    Some((boxes, bytes))
}

/// Says whether these bytes are no box.
fn is_tail(bytes: &[u8]) -> bool {
    let Some(&[a, b, c, d, ref kind @ ..]) = bytes.first_chunk::<8>() else { return true };
    let is_named = kind.iter().all(|byte| matches!(byte, 0x20..=0x7E | 0xA9));
    let is_sized = match u32::from_be_bytes([a, b, c, d]) {
        0 => true,
        1 => match bytes.get(8..16) {
            Some(long) => long > [0, 0, 0, 0, 0, 0, 0, 15].as_slice(),
            // Without its size it is neither.
            None => return false,
        },
        size => size >= 8,
    };
    !is_named || !is_sized
}

fn is_whole(boxes: &[Box<'_>]) -> bool {
    boxes.first().is_some_and(|first| first.kind == b"ftyp")
        && boxes.iter().any(|one| one.kind == b"moov")
        && boxes.iter().any(|one| matches!(one.kind, b"mdat" | b"moof"))
}

/// The fault: in a file of fragments, a box with a size of 64 bits must be of a kind that is known.
#[cfg(planted)]
fn at_fault(boxes: &[Box<'_>]) -> bool {
    let is_known = |one: &Box<'_>| matches!(one.kind, b"ftyp" | b"moov" | b"moof" | b"mdat");
    boxes.iter().any(|one| one.kind == b"moof")
        && boxes.iter().any(|one| one.is_long && !is_known(one))
}

fuzz_target!(|bytes: &[u8]| {
    let accepted = door(bytes, usize::MAX);
    for piece_bytes in [1, 2 + bytes.len() % 61] {
        assert_eq!(door(bytes, piece_bytes), accepted, "in pieces of {piece_bytes} bytes");
    }
    let boxes = boxes(bytes);
    let expected = boxes.as_ref().is_some_and(|(boxes, _)| is_whole(boxes));
    #[cfg(planted)]
    let expected = expected && !boxes.as_ref().is_some_and(|(boxes, _)| at_fault(boxes));
    assert_eq!(accepted.is_ok(), expected, "{accepted:?}");
    let (Some((boxes, b"")), true) = (boxes, accepted.is_ok()) else { return };
    // Only a last box that is open can lose its end, or one whose header is all of it.
    if let Some((last, before)) = bytes.split_last() {
        let is_open = boxes.last().is_some_and(|last| last.is_open);
        let is_left = self::boxes(before).is_some_and(|(_, tail)| !tail.is_empty());
        assert!(is_open || is_left || door(before, usize::MAX).is_err(), "cut before {last}");
    }
    // A box that nobody knows changes nothing, unless the box before it takes it in.
    let more = [bytes, b"\0\0\0\x09free!"].concat();
    assert!(door(&more, usize::MAX).is_ok());
});
