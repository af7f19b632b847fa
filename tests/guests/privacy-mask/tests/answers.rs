//! The answer to a question, natively, against a scripted grant: which calls are made, what is
//! hidden, and which answer each refusal leads to.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a failed expectation is how a test fails"
)]

use eyesonly_testkit::{ErrorCode, Grant, Object};
use jpeg_decoder::Decoder;
use jpeg_encoder::{ColorType, Encoder, SamplingFactor};
use privacy_mask::{Answer, Footage, Refusal, ZONE, answer, masked};

const STILL: &[u8] = include_bytes!("../../../media/alder-front-door.jpg");
const GRAY: &[u8] = include_bytes!("../../../media/special/greyscale.jpg");

/// The scripted grant, as this handler sees the host.
struct Host(Grant);

fn refusal(code: ErrorCode) -> Refusal {
    match code {
        ErrorCode::NotFound => Refusal::NotFound,
        ErrorCode::Invalid => Refusal::Invalid,
        ErrorCode::Limit => Refusal::Limit,
        ErrorCode::Unavailable => Refusal::Unavailable,
    }
}

impl Footage for Host {
    type Object = Object;

    fn newest_still(&self) -> Result<Object, Refusal> {
        self.0.newest_still().map_err(refusal)
    }

    fn event_still(&self, event: &str) -> Result<Object, Refusal> {
        self.0.event_still(event).map_err(refusal)
    }

    fn length(&self, object: &Object) -> u64 {
        self.0.length(object)
    }

    fn read(&self, object: &Object, offset: u64, length: u32) -> Result<Vec<u8>, Refusal> {
        self.0.read(object, offset, length).map_err(refusal)
    }

    fn recall(&self, source: &Object, name: &str) -> Result<Option<Object>, Refusal> {
        self.0.recall(source, name).map_err(refusal)
    }

    fn remember(&self, source: &Object, name: &str, bytes: &[u8]) -> Result<Object, Refusal> {
        self.0.remember(source, name, bytes).map_err(refusal)
    }
}

#[test]
fn what_is_not_at_hand_is_made_and_remembered() {
    let host = Host(Grant::with_still(STILL));
    let Answer::Rendition(made, _) = answer(&host, Some("some-id"), 300) else {
        panic!("expected a rendition");
    };
    assert_eq!(host.0.asked(), ["event some-id", "recall w320-1", "read", "remember w320-1"]);
    assert_eq!(host.0.remembered(), [("w320-1".to_owned(), made.bytes().to_vec())]);
    assert_eq!(made.bytes(), masked(STILL, 320).unwrap());
}

#[test]
fn what_is_at_hand_is_answered_by_its_handle() {
    let host = Host(Grant { recall: Ok(Some(vec![7; 1234])), ..Grant::with_still(STILL) });
    assert_eq!(answer(&host, None, 320), Answer::Rendition(Object::rendition([7; 1234]), 1234));
    assert_eq!(host.0.asked(), ["newest", "recall w320-1"]);
}

#[test]
fn each_refusal_has_its_answer() {
    let check = |change: &dyn Fn(&mut Grant), expected: Answer<Object>| {
        let mut host = Host(Grant::with_still(STILL));
        change(&mut host.0);
        assert_eq!(answer(&host, None, 320), expected);
        assert!(host.0.remembered().is_empty());
    };
    check(&|grant| grant.newest_still = Err(ErrorCode::NotFound), Answer::NotFound);
    check(&|grant| grant.newest_still = Err(ErrorCode::Invalid), Answer::NotFound);
    check(&|grant| grant.newest_still = Err(ErrorCode::Limit), Answer::Failed);
    check(&|grant| grant.recall = Err(ErrorCode::Unavailable), Answer::Unavailable);
    check(&|grant| grant.read = Err(ErrorCode::Unavailable), Answer::Unavailable);
    check(&|grant| grant.newest_still = Ok(b"not a picture".to_vec()), Answer::Failed);
    check(&|grant| grant.newest_still = Ok(Vec::new()), Answer::Failed);
    check(
        &|grant| grant.remember = Err(ErrorCode::Unavailable),
        Answer::Bytes(masked(STILL, 320).unwrap()),
    );
}

#[test]
fn a_width_that_does_not_exist_is_refused_before_anything_is_opened() {
    for width in [0, 1921] {
        let host = Host(Grant::with_still(STILL));
        assert_eq!(answer(&host, None, width), Answer::BadRequest);
        assert!(host.0.asked().is_empty());
    }
}

#[test]
fn every_pixel_of_the_zone_is_black_at_every_width() {
    for still in [STILL, GRAY] {
        for width in [160, 320, 640, 1920] {
            let made = masked(still, width).unwrap();
            let mut decoder = Decoder::new(&made[..]);
            let pixels = decoder.decode().unwrap();
            let info = decoder.info().unwrap();
            let (columns, rows) = (usize::from(info.width), usize::from(info.height));
            let channels = info.pixel_format.pixel_bytes();
            // JPEG moves black by a few levels where it borders on something bright.
            for row in ZONE.top * rows / 1000..(ZONE.top + ZONE.height) * rows / 1000 {
                let start = row * columns + ZONE.left * columns / 1000;
                let end = row * columns + (ZONE.left + ZONE.width) * columns / 1000;
                let brightest = pixels[start * channels..end * channels].iter().max();
                assert!(brightest.is_some_and(|level| *level < 24), "{width}: {brightest:?}");
            }
        }
    }
}

/// Draws a still of so many pixels. Its zone has the colours of `zone`, and its rest is always the
/// same.
fn still(columns: usize, rows: usize, zone: &dyn Fn(usize) -> u8) -> Vec<u8> {
    let mut pixels = Vec::new();
    for row in 0..rows {
        for column in 0..columns {
            let inside = |at: usize, side: usize, from: usize, length: usize| {
                at * 1000 >= from * side && at * 1000 < (from + length) * side
            };
            let is_zone = inside(column, columns, ZONE.left, ZONE.width)
                && inside(row, rows, ZONE.top, ZONE.height);
            let level = |channel: usize| match is_zone {
                true => zone(row * 31 + column * 7 + channel * 11),
                false => (row + 2 * column + 80 * channel) as u8,
            };
            pixels.extend([level(0), level(1), level(2)]);
        }
    }
    let mut jpeg = Vec::new();
    let mut encoder = Encoder::new(&mut jpeg, 75);
    encoder.set_sampling_factor(SamplingFactor::F_2_2);
    let (columns, rows) = (columns.try_into().unwrap(), rows.try_into().unwrap());
    encoder.encode(&pixels, columns, rows, ColorType::Rgb).unwrap();
    jpeg
}

#[test]
fn what_happens_in_the_zone_changes_not_one_byte() {
    for (columns, rows) in [(1280, 720), (1271, 717)] {
        let white = still(columns, rows, &|_| 255);
        let restless = still(columns, rows, &|seed| (seed * seed) as u8);
        assert_ne!(white, restless);
        for width in [160, 320, 640, 960, 1280] {
            let same = masked(&white, width).unwrap() == masked(&restless, width).unwrap();
            assert!(same, "{columns} × {rows} to {width}");
        }
    }
}
