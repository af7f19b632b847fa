//! Renditions of real files: sizes, turns, colours, and the files that must be refused.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a failed expectation is how a test fails"
)]

use eyesonly_picture::StillError;
use eyesonly_thumbnail::PictureError;
use jpeg_decoder::{Decoder, PixelFormat};

const QUADRANTS: &[u8] = include_bytes!("../testdata/quadrants-96x64.jpg");
const QUADRANTS_PROGRESSIVE: &[u8] = include_bytes!("../testdata/quadrants-96x64-progressive.jpg");
const QUADRANTS_GRAY: &[u8] = include_bytes!("../testdata/quadrants-96x64-gray.jpg");
const QUADRANTS_CMYK: &[u8] = include_bytes!("../testdata/quadrants-96x64-cmyk.jpg");
const LARGE: &[u8] = include_bytes!("../testdata/quadrants-1280x720.jpg");
const LARGE_PROGRESSIVE_444: &[u8] =
    include_bytes!("../testdata/quadrants-1280x720-progressive-444.jpg");
const ODD_422_RESTARTS: &[u8] = include_bytes!("../testdata/quadrants-1281x723-422-restarts.jpg");
const ODD_GRAY_PROGRESSIVE: &[u8] =
    include_bytes!("../testdata/quadrants-1279x719-gray-progressive.jpg");

const RED: [u8; 3] = [220, 40, 40];
const GREEN: [u8; 3] = [40, 200, 40];
const BLUE: [u8; 3] = [40, 40, 220];
const WHITE: [u8; 3] = [230, 230, 230];
/// The test pictures' quadrants: top left, top right, bottom left, bottom right.
const UPRIGHT: [[u8; 3]; 4] = [RED, GREEN, BLUE, WHITE];

fn rendition(source: &[u8], width: u32) -> Result<Vec<u8>, PictureError> {
    eyesonly_thumbnail::rendition(source.to_vec(), width)
}

struct Picture {
    width: usize,
    height: usize,
    rgb: Vec<[u8; 3]>,
}

fn decode(jpeg: &[u8]) -> Picture {
    let mut decoder = Decoder::new(jpeg);
    let pixels = decoder.decode().expect("the rendition decodes");
    let info = decoder.info().unwrap();
    let rgb = match info.pixel_format {
        PixelFormat::L8 => pixels.iter().map(|gray| [*gray; 3]).collect(),
        PixelFormat::RGB24 => pixels.as_chunks::<3>().0.to_vec(),
        other => panic!("unexpected pixel format {other:?}"),
    };
    Picture { width: info.width.into(), height: info.height.into(), rgb }
}

/// Returns the colours in the middle of the four quadrants.
fn quadrants(picture: &Picture) -> [[u8; 3]; 4] {
    let at = |x: usize, y: usize| {
        picture.rgb[picture.height * y / 4 * picture.width + picture.width * x / 4]
    };
    [at(1, 1), at(3, 1), at(1, 3), at(3, 3)]
}

fn assert_quadrants(picture: &Picture, expected: [[u8; 3]; 4], what: &str) {
    for (found, expected) in quadrants(picture).into_iter().zip(expected) {
        let near = found.iter().zip(expected).all(|(a, b)| a.abs_diff(b) <= 8);
        assert!(near, "{what}: found {found:?}, expected {expected:?}");
    }
}

fn check(source: &[u8], width: u32, expected_size: (usize, usize), what: &str) {
    let picture = decode(&rendition(source, width).unwrap());
    assert_eq!((picture.width, picture.height), expected_size, "{what}");
    assert_quadrants(&picture, UPRIGHT, what);
}

fn luma(rgb: [u8; 3]) -> [u8; 3] {
    let [r, g, b] = rgb.map(f32::from);
    [(0.299 * r + 0.587 * g + 0.114 * b) as u8; 3]
}

/// Puts an EXIF segment with an Orientation and a GPS position behind the SOI marker.
fn with_exif(jpeg: &[u8], orientation: u16) -> Vec<u8> {
    let mut tiff = b"II*\0\x08\0\0\0\x02\0".to_vec();
    let mut entry = |tag: u16, kind: u16, value: u32| {
        tiff.extend(tag.to_le_bytes());
        tiff.extend(kind.to_le_bytes());
        tiff.extend(1u32.to_le_bytes());
        tiff.extend(value.to_le_bytes());
    };
    entry(274, 3, orientation.into());
    entry(0x8825, 4, 0);
    tiff.extend(0u32.to_le_bytes());
    tiff.extend(b"47.3769N 8.5417E");
    let mut file = b"\xff\xd8\xff\xe1".to_vec();
    file.extend(u16::try_from(tiff.len() + 8).unwrap().to_be_bytes());
    file.extend(b"Exif\0\0");
    file.extend(tiff);
    file.extend(&jpeg[2..]);
    file
}

#[test]
fn each_scale_of_the_decoder_shows_the_same_picture() {
    for (width, height) in [(160, 90), (320, 180), (640, 360), (960, 540), (1280, 720)] {
        check(LARGE, width, (width as usize, height), "baseline 4:2:0");
        check(LARGE_PROGRESSIVE_444, width, (width as usize, height), "progressive 4:4:4");
    }
}

#[test]
fn odd_sizes_and_restart_markers_decode() {
    check(ODD_422_RESTARTS, 160, (160, 90), "4:2:2 with restarts");
    check(ODD_422_RESTARTS, 960, (960, 542), "4:2:2 with restarts");
    check(ODD_422_RESTARTS, 1920, (1281, 723), "4:2:2 with restarts");
}

#[test]
fn a_source_is_never_enlarged() {
    check(QUADRANTS, 160, (96, 64), "baseline");
    check(QUADRANTS_PROGRESSIVE, 1920, (96, 64), "progressive");
    check(LARGE, 1920, (1280, 720), "large");
}

#[test]
fn gray_stays_gray() {
    for (source, width, size) in [
        (QUADRANTS_GRAY, 160, (96, 64)),
        (ODD_GRAY_PROGRESSIVE, 320, (320, 180)),
        (ODD_GRAY_PROGRESSIVE, 1920, (1279, 719)),
    ] {
        let made = rendition(source, width).unwrap();
        let mut decoder = Decoder::new(&made[..]);
        decoder.read_info().unwrap();
        assert_eq!(decoder.info().unwrap().pixel_format, PixelFormat::L8);
        let picture = decode(&made);
        assert_eq!((picture.width, picture.height), size);
        assert_quadrants(&picture, UPRIGHT.map(luma), "gray");
    }
}

#[test]
fn each_orientation_is_turned_upright() {
    // The quadrants of the upright picture, if the stored picture has UPRIGHT's (EXIF 2.32, 4.6.4,
    // Orientation).
    let expected = [
        (1, [RED, GREEN, BLUE, WHITE]),
        (2, [GREEN, RED, WHITE, BLUE]),
        (3, [WHITE, BLUE, GREEN, RED]),
        (4, [BLUE, WHITE, RED, GREEN]),
        (5, [RED, BLUE, GREEN, WHITE]),
        (6, [BLUE, RED, WHITE, GREEN]),
        (7, [WHITE, GREEN, BLUE, RED]),
        (8, [GREEN, WHITE, RED, BLUE]),
    ];
    for (orientation, colours) in expected {
        let turned = orientation >= 5;
        for (source, width, size) in [
            (QUADRANTS, 160, if turned { (64, 96) } else { (96, 64) }),
            (LARGE, 320, if turned { (320, 569) } else { (320, 180) }),
        ] {
            let picture = decode(&rendition(&with_exif(source, orientation), width).unwrap());
            assert_eq!((picture.width, picture.height), size, "orientation {orientation}");
            assert_quadrants(&picture, colours, &format!("orientation {orientation}"));
        }
    }
}

#[test]
fn gray_is_turned_as_well() {
    let picture = decode(&rendition(&with_exif(QUADRANTS_GRAY, 6), 160).unwrap());
    assert_eq!((picture.width, picture.height), (64, 96));
    assert_quadrants(&picture, [BLUE, RED, WHITE, GREEN].map(luma), "gray, orientation 6");
}

#[test]
fn no_metadata_is_copied() {
    for width in [160, 1920] {
        let made = rendition(&with_exif(QUADRANTS, 6), width).unwrap();
        assert!(!made.windows(4).any(|bytes| bytes == b"Exif"));
        assert!(!made.windows(7).any(|bytes| bytes == b"47.3769"));
    }
}

#[test]
fn what_is_not_a_jpeg_is_refused() {
    for source in [
        &b""[..],
        b"\xff",
        b"\xff\xd8",
        b"\xff\xd8\xff\xd9",
        b"\x89PNG\r\n\x1a\n",
        b"<html>not a picture</html>",
    ] {
        let made = rendition(source, 320);
        let is_none =
            matches!(made, Err(PictureError::Still(StillError::NotJpeg | StillError::Damaged(_))));
        assert!(is_none, "{source:?}: {made:?}");
    }
}

#[test]
fn a_truncated_jpeg_is_shown_as_far_as_it_goes() {
    for source in [LARGE, LARGE_PROGRESSIVE_444, ODD_422_RESTARTS] {
        let picture = decode(&rendition(&source[..source.len() / 2], 160).unwrap());
        assert_eq!((picture.width, picture.height), (160, 90));
        let [left, right, ..] = quadrants(&picture);
        for (found, expected) in [(left, RED), (right, GREEN)] {
            let near = found.iter().zip(expected).all(|(a, b)| a.abs_diff(b) <= 8);
            assert!(near, "found {found:?}, expected {expected:?}");
        }
    }
}

#[test]
fn a_claim_of_too_many_pixels_is_refused() {
    let check = |claimed_width: u16, claimed_height: u16| {
        let mut source = QUADRANTS.to_vec();
        let frame = source.windows(2).position(|bytes| bytes == b"\xff\xc0").unwrap();
        source[frame + 5..frame + 7].copy_from_slice(&claimed_height.to_be_bytes());
        source[frame + 7..frame + 9].copy_from_slice(&claimed_width.to_be_bytes());
        let made = rendition(&source, 320);
        let (width, height) = (claimed_width.into(), claimed_height.into());
        assert!(
            matches!(
                made,
                Err(PictureError::Still(StillError::TooManyPixels { width: w, height: h }))
                    if (w, h) == (width, height)
            ),
            "{width} × {height}: {made:?}"
        );
    };
    check(60_000, 60_000);
    check(16_385, 1);
    check(1, 16_385);
    check(8000, 5001);
}

#[test]
fn cmyk_is_refused() {
    let made = rendition(QUADRANTS_CMYK, 160);
    assert!(matches!(made, Err(PictureError::Still(StillError::Unusual(_)))));
}

/// Bytes changed at random must give a picture or an error, and never a panic. The seed is fixed,
/// so that a failure can be run again.
#[test]
fn damaged_files_never_panic() {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut random = move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state
    };
    for source in [QUADRANTS, QUADRANTS_PROGRESSIVE, QUADRANTS_GRAY, QUADRANTS_CMYK] {
        for round in 0..2000 {
            let mut damaged = source.to_vec();
            for _ in 0..=random() % 4 {
                let at = usize::try_from(random()).unwrap() % damaged.len();
                damaged[at] = random().to_le_bytes()[0];
            }
            // The claimed size is left alone: a picture of 40 million pixels takes too long for a
            // test.
            let frame = source
                .windows(2)
                .position(|bytes| matches!(bytes, b"\xff\xc0" | b"\xff\xc2"))
                .unwrap();
            damaged[frame + 5..frame + 9].copy_from_slice(&source[frame + 5..frame + 9]);
            let outcome =
                std::panic::catch_unwind(|| rendition(&damaged, 160).map(|made| made.len()));
            assert!(outcome.is_ok(), "round {round} panicked");
        }
    }
}

/// A stripe of one pixel has no colour of its own in 4:2:0: it counts with its neighbour's.
#[test]
fn thin_stripes_keep_their_mean_colour() {
    const SIDE: u16 = 96;
    let pixels: Vec<u8> =
        (0..usize::from(SIDE).pow(2)).flat_map(|at| if at % 2 == 0 { RED } else { BLUE }).collect();
    let mut still = Vec::new();
    let mut encoder = jpeg_encoder::Encoder::new(&mut still, 100);
    encoder.set_sampling_factor(jpeg_encoder::SamplingFactor::F_1_1);
    encoder.encode(&pixels, SIDE, SIDE, jpeg_encoder::ColorType::Rgb).unwrap();
    let shown = decode(&rendition(&still, 160).unwrap());
    for (channel, expected) in [130_usize, 40, 130].into_iter().enumerate() {
        let sum: usize = shown.rgb.iter().map(|pixel| usize::from(pixel[channel])).sum();
        let mean = sum / shown.rgb.len();
        assert!(mean.abs_diff(expected) <= 8, "channel {channel}: {mean} for {expected}");
    }
}
