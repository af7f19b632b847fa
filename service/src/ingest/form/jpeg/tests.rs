//! Tests of JPEGs that pass, and of JPEGs that no decoder takes, put together marker by marker.

use super::super::{Form, testing};
use super::*;
use testing::media;

fn jpeg(bytes: &[u8], expected: Result<(), FormError>) {
    testing::check(|| Form::Jpeg(JpegForm::default()), bytes, expected);
}

#[test]
fn real_stills_pass_and_broken_ones_do_not() {
    jpeg(&media("special/progressive.jpg"), Ok(()));
    jpeg(&media("special/greyscale.jpg"), Ok(()));
    jpeg(&media("special/orientation-6.jpg"), Ok(()));
    jpeg(&media("special/truncated.jpg"), Err(FormError::JpegTruncated));
    jpeg(&media("special/claims-60000x60000.jpg"), Err(FormError::TooManyPixels));
    jpeg(&media("special/png-named.jpg"), Err(FormError::NotJpeg));
    jpeg(b"", Err(FormError::NotJpeg));
    jpeg(&[0xFF, 0xD8, 0xFF, 0xD9], Err(FormError::NotJpeg));
    jpeg(&[0xFF, 0xD8], Err(FormError::JpegTruncated));
}

/// Returns a quantisation table with this number, of ones.
fn quantiser(number: u8) -> Vec<u8> {
    [&[0xFF, 0xDB, 0, 67, number][..], &[1; 64]].concat()
}

/// A Huffman table with one code.
const HUFFMAN: &[u8] = &[0xFF, 0xC4, 0, 20, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];

fn frame(kind: u8, (width, height): (u16, u16), sampling: &[u8]) -> Vec<u8> {
    let components = u8::try_from(sampling.len()).unwrap();
    let mut bytes = vec![0xFF, kind, 0, 8 + 3 * components, 8];
    bytes.extend(height.to_be_bytes());
    bytes.extend(width.to_be_bytes());
    bytes.push(components);
    for (id, factors) in (0..).zip(sampling) {
        bytes.extend([id, *factors, 0]);
    }
    bytes
}

/// Returns a scan of these components with some data.
fn scan(components: &[u8]) -> Vec<u8> {
    let count = u8::try_from(components.len()).unwrap();
    let mut bytes = vec![0xFF, 0xDA, 0, 6 + 2 * count, count];
    bytes.extend(components.iter().flat_map(|id| [*id, 0]));
    bytes.extend([0, 63, 0, 1, 0xFF, 0, 0xFF, 0xD0, 1]);
    bytes
}

fn file(parts: &[&[u8]]) -> Vec<u8> {
    [&[0xFF, 0xD8], &parts.concat()[..], &[0xFF, 0xD9]].concat()
}

/// Returns a JPEG by its markers: a frame header of this kind, size and sampling, then this many
/// scans.
fn framed(kind: u8, size: (u16, u16), sampling: &[u8], scans: usize) -> Vec<u8> {
    let ids: Vec<u8> = (0..).zip(sampling).map(|(id, _)| id).collect();
    let scans = scan(&ids).repeat(scans);
    file(&[&quantiser(0), &frame(kind, size, sampling), HUFFMAN, &scans])
}

#[test]
fn what_no_handler_could_decode_is_refused() {
    let (full, halved) = ([0x11, 0x11, 0x11], [0x22, 0x11, 0x11]);
    jpeg(&framed(0xC0, (7680, 5200), &full, 1), Ok(()));
    jpeg(&framed(0xC2, (4608, 3328), &halved, 10), Ok(()));
    for (size, sampling) in
        [((4608, 3456), &halved[..]), ((3264, 2448), &full), ((7680, 5200), &[0x11])]
    {
        jpeg(&framed(0xC2, size, sampling, 10), Err(FormError::ProgressiveTooLarge));
    }
    jpeg(&framed(0xC2, (64, 64), &full, 64), Ok(()));
    jpeg(&framed(0xC2, (64, 64), &full, 65), Err(FormError::TooManyScans));
    jpeg(&framed(0xC0, (64, 64), &full[..2], 1), Err(FormError::UnusualJpeg));
    jpeg(&framed(0xC0, (64, 64), &[0x11; 4], 1), Err(FormError::UnusualJpeg));
    jpeg(&framed(0xC3, (64, 64), &full, 1), Err(FormError::UnusualJpeg));
    jpeg(&framed(0xC0, (0, 64), &full, 1), Err(FormError::NotJpeg));
    let mut more = framed(0xC0, (64, 64), &full, 1);
    more[2 + 69 + 9] = 1;
    jpeg(&more, Err(FormError::NotJpeg));
}

fn undecodable(bytes: &[u8], why: &str) {
    let mut form = JpegForm::default();
    let got = form.push(bytes).and_then(|()| form.end());
    let Err(FormError::Undecodable(said)) = got else {
        panic!("{why}: {got:?}");
    };
    assert!(said.contains(why), "{said} but not {why}");
    jpeg(bytes, got);
}

#[test]
fn what_no_decoder_takes_is_refused() {
    let size = (64, 64);
    for sampling in [0x00, 0x01, 0x10, 0x51, 0x15, 0xFF] {
        let bytes = framed(0xC0, size, &[sampling, 0x11, 0x11], 1);
        undecodable(&bytes, "sampling factor");
    }
    undecodable(&framed(0xC0, size, &[0x44, 0x11, 0x11], 1), "10 blocks");
    undecodable(&framed(0xC2, size, &[0x22, 0x22, 0x22], 1), "10 blocks");
    jpeg(&framed(0xC0, size, &[0x42, 0x11, 0x11], 1), Ok(()));
    jpeg(&framed(0xC0, size, &[0x44], 1), Ok(()));
    let (table, grey, only) = (quantiser(0), frame(0xC0, size, &[0x11]), scan(&[0]));
    // In scans of one component each, a component may have as many blocks as it likes.
    let apart = [scan(&[0]), scan(&[1]), scan(&[2])].concat();
    let large = frame(0xC0, size, &[0x44, 0x11, 0x11]);
    jpeg(&file(&[&table, &large, HUFFMAN, &apart]), Ok(()));
    jpeg(&file(&[&grey, HUFFMAN, &table, &only]), Ok(()));
    jpeg(&file(&[&grey, HUFFMAN, &table, &only, HUFFMAN, &table, &only]), Ok(()));
    undecodable(&file(&[&grey, HUFFMAN, &only]), "quantisation table");
    undecodable(&file(&[&grey, HUFFMAN, &quantiser(1), &only]), "quantisation table");
    undecodable(&file(&[&grey, HUFFMAN, &only, &table]), "quantisation table");
    undecodable(&file(&[&quantiser(4), &grey, HUFFMAN, &only]), "quantisation table");
    undecodable(&file(&[&quantiser(0x20), &grey, HUFFMAN, &only]), "quantisation table");
    undecodable(&file(&[&quantiser(0x10), &grey, HUFFMAN, &only]), "quantisation table");
    undecodable(&file(&[&table, &grey, &only]), "Huffman");
    undecodable(&file(&[&table, &grey, &only, HUFFMAN]), "Huffman");
    let motion = [0xFF, 0xE0, 0, 8, b'A', b'V', b'I', b'1', 0, 0];
    jpeg(&file(&[&motion, &table, &grey, &only]), Ok(()));
    undecodable(&file(&[&table, &grey, &grey, HUFFMAN, &only]), "two frame");
    undecodable(&file(&[&table, &grey, HUFFMAN, &only, &grey, &only]), "two frame");
    undecodable(&file(&[&table, &grey, HUFFMAN, &scan(&[7])]), "scan header");
    undecodable(&file(&[&table, &grey, HUFFMAN, &[0xFF, 0xDA, 0, 2]]), "scan header");
}

#[test]
fn every_still_there_is_passes() {
    let folder = format!("{}/../tests/media", env!("CARGO_MANIFEST_DIR"));
    let names = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name());
    let stills: Vec<String> = names
        .map(|name| name.into_string().unwrap())
        .filter(|name| name.ends_with(".jpg"))
        .collect();
    assert!(stills.len() > 10);
    for still in stills {
        jpeg(&media(&still), Ok(()));
    }
    for orientation in 1..=8 {
        jpeg(&media(&format!("special/orientation-{orientation}.jpg")), Ok(()));
    }
}

#[test]
fn padding_after_the_end_is_allowed_but_not_instead_of_it() {
    let mut padded = media("special/orientation-1.jpg");
    padded.extend_from_slice(&[0; 100]);
    jpeg(&padded, Ok(()));
    let mut cut = media("special/orientation-1.jpg");
    cut.truncate(cut.len() - 2);
    cut.extend_from_slice(&[0; 100]);
    jpeg(&cut, Err(FormError::JpegTruncated));
}
