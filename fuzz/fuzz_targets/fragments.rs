//! A live stream at the door. Wherever its body is cut into pieces, the walker finds the same
//! parts, and what it finds is whole and bounded.
#![no_main]

use eyesonly_service::live::fragments::{
    FRAGMENT_BYTES_MAX, Fragment, FragmentError, INIT_BYTES_MAX, Init, Part, SAMPLES_MAX, Walker,
};
use libfuzzer_sys::fuzz_target;

/// Returns the parts of a body that comes in pieces, and how it ended.
fn walk(bytes: &[u8], piece_bytes: usize) -> (Vec<Part>, Result<(), FragmentError>) {
    let (mut walker, mut parts) = (Walker::new(), Vec::new());
    for piece in bytes.chunks(piece_bytes) {
        let taken = walker.push(piece).and_then(|()| {
            while let Some(part) = walker.next_part()? {
                parts.push(part);
            }
            Ok(())
        });
        if taken.is_err() {
            return (parts, taken);
        }
    }
    (parts, walker.end())
}

/// Returns the bytes of the first box of this kind at the top, without its head.
fn has(mut bytes: &[u8], kind: &[u8; 4]) -> bool {
    while let Some((size, rest)) = bytes.split_first_chunk::<4>() {
        if rest.starts_with(kind) {
            return true;
        }
        let size = match u32::from_be_bytes(*size) {
            1 => rest
                .get(4..12)
                .map_or(0, |long| u64::from_be_bytes(long.try_into().unwrap_or_default())),
            size => u64::from(size),
        };
        let next = usize::try_from(size).ok().filter(|size| *size >= 8);
        bytes = next.and_then(|size| bytes.get(size..)).unwrap_or_default();
    }
    false
}

fn check_init(init: &Init) {
    assert!(init.bytes.len() <= INIT_BYTES_MAX && has(&init.bytes, b"moov"));
    assert!(!init.tracks.is_empty() && init.tracks.iter().all(|track| track.timescale > 0));
    let is_plain = |c: char| c.is_ascii_alphanumeric() || ".-,".contains(c);
    assert!(init.codecs().chars().all(is_plain), "{}", init.codecs());
}

fn check_fragment(fragment: &Fragment) {
    assert!(fragment.bytes.len() <= FRAGMENT_BYTES_MAX);
    assert!(has(&fragment.bytes, b"moof") && has(&fragment.bytes, b"mdat"));
    #[cfg(planted)]
    assert_ne!(fragment.sequence, 0, "the planted fault: a number that no stream starts with");
}

fuzz_target!(|bytes: &[u8]| {
    let (parts, ended) = walk(bytes, usize::MAX);
    for piece_bytes in [1, 2 + bytes.len() % 61] {
        let again = walk(bytes, piece_bytes);
        assert_eq!(again, (parts.clone(), ended.clone()), "in pieces of {piece_bytes} bytes");
    }
    let mut init = None;
    let mut length = 0;
    for part in &parts {
        match part {
            Part::Init(one) => {
                check_init(one);
                length += one.bytes.len();
                init = Some(one);
            }
            Part::Fragment(fragment) => {
                check_fragment(fragment);
                length += fragment.bytes.len();
                let Some(Ok(timings)) = init.map(|init| fragment.timing(init)) else { continue };
                assert!(timings.iter().map(|timing| timing.samples).sum::<u32>() <= SAMPLES_MAX);
            }
        }
    }
    assert!(length <= bytes.len(), "no byte is made up");
    // A part that was found is a body of its own.
    for part in &parts {
        let alone = match part {
            Part::Init(init) => &init.bytes,
            Part::Fragment(fragment) => &fragment.bytes,
        };
        assert_eq!(walk(alone, usize::MAX), (vec![part.clone()], Ok(())));
    }
});
