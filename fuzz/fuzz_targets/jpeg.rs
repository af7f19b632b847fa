//! Stills: the check at the door, and the handler that makes thumbnails of them. What the check
//! takes must have a thumbnail at every width. This target must never accept an error of the
//! handler over a still that the check took.
#![no_main]

use eyesonly_picture::{PIXELS_MAX, SIDE_PIXELS_MAX, StillError};
use eyesonly_thumbnail::{ALLOWED_WIDTHS, PictureError, rendition};
use jpeg_decoder::{CodingProcess, Decoder};
use libfuzzer_sys::fuzz_target;

/// The most pixels of a picture that is decoded here, so that an input takes milliseconds.
const DECODED_PIXELS_MAX: u64 = 128 * 128;
/// The largest rendition, in bytes: what the host keeps.
const RENDITION_BYTES_MAX: usize = 1_000_000;

/// Makes a thumbnail as the handler does.
fn thumbnail(bytes: &[u8], width: u32) -> Result<Vec<u8>, PictureError> {
    #[cfg(planted)]
    at_fault(bytes);
    rendition(bytes.to_vec(), width)
}

/// The fault: the decoder gives up on a component that is as tall or wide as three of another.
#[cfg(planted)]
fn at_fault(bytes: &[u8]) {
    for kind in 0xC0..=0xC2 {
        let Some(frame) = bytes.windows(2).position(|pair| pair == [0xFF, kind]) else { continue };
        if let Some([8, _, _, _, _, 3, _, a, _, _, b, _, _, c, ..]) = bytes.get(frame + 4..) {
            let is_three = |sampling: &&u8| **sampling & 15 == 3 || **sampling >> 4 == 3;
            assert!(![a, b, c].iter().any(is_three), "the planted fault");
        }
    }
}

/// Checks a rendition: a still that the check takes, and no larger than its source.
fn check(made: &[u8], width: u32, (side, other): (u32, u32)) {
    assert!(made.len() <= RENDITION_BYTES_MAX);
    assert!(eyesonly_picture::check(made.to_vec()).is_ok(), "the check refuses a rendition");
    let mut decoder = Decoder::new(made);
    let pixels = decoder.decode().expect("a rendition decodes");
    let info = decoder.info().expect("a picture that decoded");
    assert!(!pixels.is_empty() && u32::from(info.width) <= width);
    assert!(u32::from(info.width) <= side.max(other), "a source was enlarged");
    assert!(decoder.exif_data().is_none() && info.coding_process == CodingProcess::DctSequential);
}

/// Says whether a frame header claims more pixels than are decoded here.
fn is_large(bytes: &[u8]) -> bool {
    bytes.windows(9).any(|window| {
        let [0xFF, 0xC0..=0xC2, _, _, _, h1, h0, w1, w0] = *window else { return false };
        let side = |high, low| u64::from(u16::from_be_bytes([high, low]));
        side(h1, h0) * side(w1, w0) > DECODED_PIXELS_MAX
    })
}

fuzz_target!(|bytes: &[u8]| {
    if is_large(bytes) {
        return;
    }
    let mut claimed = (0, 0);
    let taken = eyesonly_picture::decode(bytes.to_vec(), |facts| {
        claimed = (facts.width, facts.height);
        (1, 1)
    });
    let (side, other) = claimed;
    let pixels = u64::from(side) * u64::from(other);
    match taken {
        Ok(_) => {
            assert!(side <= SIDE_PIXELS_MAX && other <= SIDE_PIXELS_MAX && pixels <= PIXELS_MAX);
        }
        Err(StillError::NotJpeg) => return assert!(!bytes.starts_with(&[0xFF, 0xD8])),
        Err(_) => return,
    }
    let width = ALLOWED_WIDTHS[bytes.len() % 2];
    let made = thumbnail(bytes, width).expect("a thumbnail of what the check took");
    check(&made, width, claimed);
});
