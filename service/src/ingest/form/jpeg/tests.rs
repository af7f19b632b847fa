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

/// Two Huffman tables with one code each: the first of DC and the first of AC.
const HUFFMAN: &[u8] = &[
    0xFF, 0xC4, 0, 38, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10, 1, 0, 0, 0, 0,
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
];

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

/// Returns a scan of these components, all of it, with some data.
fn scan(components: &[u8]) -> Vec<u8> {
    scan_of(components, 0, [0, 63, 0])
}

/// Returns a scan of these components by these Huffman tables. `part` is the first and last
/// coefficient, and the bits that came before and come now.
fn scan_of(components: &[u8], tables: u8, part: [u8; 3]) -> Vec<u8> {
    let count = u8::try_from(components.len()).unwrap();
    let mut bytes = vec![0xFF, 0xDA, 0, 6 + 2 * count, count];
    bytes.extend(components.iter().flat_map(|id| [*id, tables]));
    bytes.extend(part);
    bytes.extend([1, 0xFF, 0, 0xFF, 0xD0, 1]);
    bytes
}

fn file(parts: &[&[u8]]) -> Vec<u8> {
    [&[0xFF, 0xD8], &parts.concat()[..], &[0xFF, 0xD9]].concat()
}

/// Returns a JPEG by its markers: a frame header of this kind, size and sampling, then this many
/// scans.
fn framed(kind: u8, size: (u16, u16), sampling: &[u8], scans: usize) -> Vec<u8> {
    let ids: Vec<u8> = (0..).zip(sampling).map(|(id, _)| id).collect();
    let part = if kind == PROGRESSIVE { [0, 0, 0] } else { [0, 63, 0] };
    let scans = scan_of(&ids, 0, part).repeat(scans);
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
    jpeg(&file(&[&[0xFF, 0xCC, 0, 4, 0, 0]]), Err(FormError::UnusualJpeg));
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
    undecodable(&file(&[&table, &grey, &HUFFMAN_OF_DC, &only]), "Huffman table that it needs");
    undecodable(&file(&[&table, &grey, HUFFMAN, &scan_of(&[0], 0x01, WHOLE)]), "Huffman table");
    let motion = [0xFF, 0xE0, 0, 8, b'A', b'V', b'I', b'1', 0, 0];
    jpeg(&file(&[&motion, &table, &grey, &only]), Ok(()));
    undecodable(&file(&[&table, &grey, &grey, HUFFMAN, &only]), "two frame");
    undecodable(&file(&[&table, &grey, HUFFMAN, &only, &grey, &only]), "two frame");
    undecodable(&file(&[&table, &grey, HUFFMAN, &scan(&[7])]), "scan header");
    undecodable(&file(&[&table, &grey, HUFFMAN, &[0xFF, 0xDA, 0, 2]]), "scan header");
}

/// The first Huffman table of DC, with one code.
const HUFFMAN_OF_DC: [u8; 22] =
    [0xFF, 0xC4, 0, 20, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
/// All coefficients at once.
const WHOLE: [u8; 3] = [0, 63, 0];

// The next tests have what the fuzz target `jpeg` found: the door took such stills, and the
// handler's decoder did not.

#[test]
fn components_that_no_decoder_takes_are_refused() {
    let (table, size) = (quantiser(0), (64, 64));
    let of = |ids: [u8; 3], sampling: [u8; 3], scans: &[u8]| {
        let mut frame = frame(0xC0, size, &sampling);
        for (place, id) in [10, 13, 16].into_iter().zip(ids) {
            frame[place] = id;
        }
        file(&[&table, &frame, HUFFMAN, scans])
    };
    let full = [0x11; 3];
    jpeg(&of([1, 2, 3], full, &scan(&[1, 2, 3])), Ok(()));
    undecodable(&of([1, 2, 1], full, &scan(&[1, 2])), "two components have one id");
    undecodable(&of([1, 2, 3], [0x31, 0x21, 0x11], &scan(&[1, 2, 3])), "divide the largest");
    undecodable(&of([1, 2, 3], [0x12, 0x13, 0x11], &scan(&[1, 2, 3])), "divide the largest");
    for ids in [[1, 34, 35], *b"rgb"] {
        jpeg(&of(ids, full, &scan(&ids)), Err(FormError::UnusualJpeg));
    }
    for scanned in [&[1, 1, 2][..], &[2, 1, 3], &[1, 3, 2]] {
        undecodable(&of([1, 2, 3], full, &scan(scanned)), "scan header");
    }
    undecodable(&of([1, 2, 3], full, &scan(&[1, 3])), "no scan");
    let adobe = |colours| {
        let marker = [&[0xFF, 0xEE, 0, 14][..], b"Adobe\0", &[0, 100, 0, 0, 0, colours]].concat();
        file(&[&marker, &table, &frame(0xC0, size, &[0x11]), HUFFMAN, &scan(&[0])])
    };
    jpeg(&adobe(1), Ok(()));
    jpeg(&adobe(2), Err(FormError::UnusualJpeg));
}

#[test]
fn scans_that_no_decoder_takes_are_refused() {
    let still = |kind, tables, part| {
        let frame = frame(kind, (64, 64), &[0x11]);
        file(&[&quantiser(0), &frame, HUFFMAN, &scan_of(&[0], tables, part)])
    };
    for part in [[0, 0, 0], [0, 63, 0]] {
        jpeg(&still(0xC0, 0, part), Ok(()));
        jpeg(&still(0xC1, 0, part), Ok(()));
    }
    for part in [[0, 0, 0], [0, 0, 0x10], [0, 0, 0x21], [1, 63, 0], [5, 5, 7], [63, 63, 0x87]] {
        jpeg(&still(0xC2, 0, part), Ok(()));
    }
    for part in [[0, 5, 0], [1, 63, 0], [0, 63, 1], [0, 63, 0x10], [0, 64, 0]] {
        undecodable(&still(0xC0, 0, part), "scan header");
    }
    for part in [[0, 63, 0], [2, 1, 0], [1, 64, 0], [64, 64, 0], [1, 63, 8], [1, 63, 0x20]] {
        undecodable(&still(0xC2, 0, part), "scan header");
    }
    for tables in [0x20, 0x02] {
        undecodable(&still(0xC0, tables, WHOLE), "scan header");
        undecodable(&still(0xC1, tables, WHOLE), "Huffman table");
        undecodable(&still(0xC1, tables + tables, WHOLE), "scan header");
    }
    // Of several components, a progressive scan has the first coefficient alone.
    let frame = frame(0xC2, (64, 64), &[0x11; 3]);
    let parts = file(&[&quantiser(0), &frame, HUFFMAN, &scan_of(&[0, 1, 2], 0, [1, 63, 0])]);
    undecodable(&parts, "scan header");
}

#[test]
fn tables_that_no_decoder_takes_are_refused() {
    let grey = frame(0xC0, (64, 64), &[0x11]);
    let by_quantiser = |table: &[u8]| file(&[table, &grey, HUFFMAN, &scan(&[0])]);
    let mut zero = quantiser(0);
    zero[20] = 0;
    undecodable(&by_quantiser(&zero), "quantisation table");
    let wide = |value: [u8; 2]| [&[0xFF, 0xDB, 0, 131, 0x10][..], &value.repeat(64)].concat();
    jpeg(&by_quantiser(&wide([0, 1])), Ok(()));
    jpeg(&by_quantiser(&wide([1, 0])), Ok(()));
    undecodable(&by_quantiser(&wide([0, 0])), "quantisation table");

    let codes = |name: u8, counts: &[u8], values: usize| {
        let mut body = [&[name], counts].concat();
        body.resize(17 + values, 0);
        let length = u16::try_from(body.len() + 2).unwrap().to_be_bytes();
        [&[0xFF, 0xC4][..], &length, &body].concat()
    };
    let by_huffman = |table: &[u8]| file(&[&quantiser(0), &grey, HUFFMAN, table, &scan(&[0])]);
    jpeg(&by_huffman(&codes(0x01, &[2], 2)), Ok(()));
    jpeg(&by_huffman(&codes(0x11, &[0, 1, 0, 0, 0, 0, 0, 0, 255], 256)), Ok(()));
    for bad in [
        codes(0x01, &[3], 3),
        codes(0x01, &[1, 3], 4),
        codes(0x01, &[0; 16], 0),
        codes(0x01, &[0, 0, 0, 0, 0, 0, 0, 1, 255, 1], 257),
        codes(0x01, &[2], 1),
        codes(0x01, &[2], 3),
        codes(0x20, &[2], 2),
        codes(0x04, &[2], 2),
        codes(0x02, &[2], 2),
    ] {
        undecodable(&by_huffman(&bad), "Huffman table is broken");
    }
    let empty = [0xFF, 0xC4, 0, 3, 0];
    undecodable(&by_huffman(&empty), "Huffman table is broken");
}

#[test]
fn markers_that_no_decoder_takes_are_refused() {
    let (table, grey) = (quantiser(0), frame(0xC0, (64, 64), &[0x11]));
    let before = |marker: &[u8]| file(&[marker, &table, &grey, HUFFMAN, &scan(&[0])]);
    let after = |marker: &[u8]| file(&[&table, &grey, HUFFMAN, &scan(&[0]), marker]);
    let restart = [0xFF, 0xDD, 0, 4, 0, 1];
    jpeg(&before(&restart), Ok(()));
    jpeg(&after(&restart), Ok(()));
    jpeg(&after(&[0xFF, 0xD1]), Ok(()));
    undecodable(&before(&[0xFF, 0xDD, 0, 5, 0, 1, 0]), "restart interval");
    undecodable(&before(&[0xFF, 0xD0]), "has no place");
    for code in [0x01, 0x02, 0xBF, 0xDC, 0xDE, 0xDF, 0xF0, 0xFD] {
        undecodable(&before(&[0xFF, code, 0, 4, 0, 1]), "has no place");
        undecodable(&after(&[0xFF, code, 0, 4, 0, 1]), "has no place");
    }
    // The end marker counts where it is a marker.
    let inside =
        [&[0xFF, 0xD8][..], &table, &grey, HUFFMAN, &scan(&[0]), &[0xFF, 0xE5, 0, 4, 0xFF, 0xD9]];
    jpeg(&inside.concat(), Err(FormError::JpegTruncated));
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
    // Padding within an end marker, however the file is cut (found by the fuzz target `jpeg`).
    let mut within = media("special/orientation-1.jpg");
    within.extend_from_slice(&[0xFF, 0, 0xD9]);
    jpeg(&within, Err(FormError::JpegTruncated));
}
