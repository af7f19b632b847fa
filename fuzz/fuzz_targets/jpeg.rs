//! Stills: at the door, and in the handler that makes thumbnails of them. The handler's decoder
//! takes what the door accepts, up to the compressed picture itself. The door reads nothing of
//! that, so a picture whose codes are wrong may fail in the decoder. This target must never accept
//! another error of the decoder.
#![no_main]

use eyesonly_service::ingest::{FormError, JpegForm};
use eyesonly_thumbnail::{ALLOWED_WIDTHS, MAX_PIXELS, MAX_SIDE, PictureError, rendition};
use jpeg_decoder::{CodingProcess, Decoder, Error, PixelFormat};
use libfuzzer_sys::fuzz_target;

/// The most pixels of a picture that is decoded here, so that an input takes milliseconds.
const DECODED_PIXELS_MAX: u64 = 128 * 128;
/// The largest rendition, in bytes: what the host keeps.
const RENDITION_BYTES_MAX: usize = 1_000_000;

/// What the decoder says of compressed data, which the door does not read.
const OF_DATA: [&str; 7] = [
    "failed to decode huffman code",
    "unexpected huffman code",
    "invalid DC difference magnitude category",
    "FF 00 found where marker was expected",
    "Coefficient overflow",
    "where RST",
    "RST found outside",
];

fn door(bytes: &[u8], piece_bytes: usize) -> Result<(), FormError> {
    let mut form = JpegForm::default();
    bytes.chunks(piece_bytes).try_for_each(|piece| form.push(piece))?;
    form.end()
}

fn is_of_data(error: &Error) -> bool {
    matches!(error, Error::Format(text) if OF_DATA.iter().any(|known| text.contains(known)))
}

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

/// Checks a rendition: it is a still that the door takes, and no larger than its source.
fn check(made: &[u8], width: u32, (side, other): (u32, u32)) {
    assert!(made.len() <= RENDITION_BYTES_MAX);
    assert_eq!(door(made, usize::MAX), Ok(()), "the door refuses a rendition");
    let mut decoder = Decoder::new(made);
    let pixels = decoder.decode().expect("a rendition decodes");
    let info = decoder.info().expect("a picture that decoded");
    assert!(!pixels.is_empty() && u32::from(info.width) <= width);
    assert!(u32::from(info.width) <= side.max(other), "a source was enlarged");
    assert!(decoder.exif_data().is_none() && info.coding_process == CodingProcess::DctSequential);
}

fuzz_target!(|bytes: &[u8]| {
    let accepted = door(bytes, usize::MAX);
    for piece_bytes in [1, 2 + bytes.len() % 61] {
        assert_eq!(door(bytes, piece_bytes), accepted, "in pieces of {piece_bytes} bytes");
    }
    if accepted.is_err() {
        // The handler trusts nothing: it may make a picture of it or not.
        return;
    }
    let mut decoder = Decoder::new(bytes);
    decoder.read_info().expect("the head of an accepted still");
    let info = decoder.info().expect("a head that was read");
    let (side, other) = (u32::from(info.width), u32::from(info.height));
    let pixels = u64::from(side) * u64::from(other);
    assert!(side <= MAX_SIDE && other <= MAX_SIDE && pixels <= MAX_PIXELS);
    assert!(matches!(info.pixel_format, PixelFormat::L8 | PixelFormat::RGB24));
    if pixels > DECODED_PIXELS_MAX {
        return;
    }
    let width = ALLOWED_WIDTHS[bytes.len() % 2];
    match thumbnail(bytes, width) {
        Ok(made) => check(&made, width, (side, other)),
        Err(PictureError::Decode(error)) => assert!(is_of_data(&error), "{error}"),
        Err(error) => panic!("{error}"),
    }
});
