//! Stills: what other software shows is shown here, with the same colours and the same way up.

use super::report;
use super::segments::{Parts, adobe, exif, segment};
use bytes::Bytes;
use eyesonly_harness::footage::fresh_id;
use eyesonly_tests::Home;
use eyesonly_tests::picture::{Colour, Picture, apart};

const RED: Colour = [220, 40, 40];
const GREEN: Colour = [40, 200, 40];
const BLUE: Colour = [40, 40, 220];
const WHITE: Colour = [230, 230, 230];
/// The pictures' quadrants: top left, top right, bottom left, bottom right.
const UPRIGHT: [Colour; 4] = [RED, GREEN, BLUE, WHITE];
/// The same of a picture that orientation 6 turns.
const TURNED: [Colour; 4] = [BLUE, RED, WHITE, GREEN];
/// The most that JPEG and scaling may change a channel of a flat colour.
const TOLERANCE: u8 = 8;

fn quadrants(picture: &Picture) -> [Colour; 4] {
    let at = |x: f64, y: f64| picture.mean((x, y), (x + 0.2, y + 0.2));
    [at(0.15, 0.15), at(0.65, 0.15), at(0.15, 0.65), at(0.65, 0.65)]
}

async fn shown(home: &Home, jpeg: Bytes, name: &str) -> Picture {
    let answer = home.camera.put_still(&fresh_id(), jpeg).await;
    assert_eq!(answer.status, 201, "{name}: {}", answer.told());
    let answer = home.viewer.thumbnail(&home.camera, 320).await;
    assert_eq!(answer.status, 200, "{name}: {}", answer.told());
    Picture::decode(&answer.body)
}

/// Checks that each of these files is shown upright, as 320 × 180 pixels in the right colours.
async fn check(names: &[&str]) {
    check_files(names.iter().map(|name| (*name, report(name)))).await;
}

async fn check_files(files: impl IntoIterator<Item = (&str, Bytes)>) {
    let home = Home::new().await;
    for (name, file) in files {
        check_colours(&shown(&home, file, name).await, (320, 180), UPRIGHT, name);
    }
}

fn check_colours(picture: &Picture, size: (usize, usize), colours: [Colour; 4], name: &str) {
    assert_eq!((picture.width, picture.height), size, "{name}");
    for (seen, wanted) in quadrants(picture).into_iter().zip(colours) {
        assert!(apart(seen, wanted) <= TOLERANCE, "{name}: {seen:?} for {wanted:?}");
    }
}

/// Returns the sound still in parts.
fn sound() -> Parts {
    Parts::of(&report("00-good-1280x720-420.jpg"))
}

/// Returns the sound still with a restart marker behind each of its 45 rows, but the last.
fn sound_with_restarts() -> Parts {
    let padded = Parts::of(&report("06-rst-4-extra-bytes-before-each.jpg"));
    let last = padded.scan.windows(2).filter(|pair| matches!(pair, [0xFF, 0xD0..=0xD7])).count();
    padded.intervals(|number, data| {
        let padding = if number == last { 0 } else { 4 };
        data[..data.len() - padding].to_vec()
    })
}

#[tokio::test]
async fn r00_a_sound_still() {
    check(&["00-good-1280x720-420.jpg"]).await;
}

#[tokio::test]
async fn r01_bytes_that_belong_to_nothing_between_two_segments() {
    check(&["01-dahua-padding-608-zeros-between-comments.jpg"]).await;
}

#[tokio::test]
async fn r02_a_trailer_after_the_end_marker() {
    check(&["02-dahua-dhav-8-bytes-after-eoi.jpg"]).await;
    let home = Home::new().await;
    let mut still = report("00-good-1280x720-420.jpg").to_vec();
    still.extend(b"\r\n");
    shown(&home, still.into(), "CR LF at the end").await;
}

#[tokio::test]
async fn r03_padding_after_the_end_marker_and_no_end_marker() {
    check(&[
        "03-esp32-513-bytes-of-the-last-frame-after-eoi.jpg",
        "03c-ov-sensor-ff-padding-after-eoi.jpg",
        "03d-all-data-but-no-eoi.jpg",
    ])
    .await;
}

#[tokio::test]
async fn r04_no_huffman_tables() {
    check(&["04-uvc-mjpeg-422-no-dht-no-app0.jpg", "04c-mjpeg-no-dht-with-dri-rst.jpg"]).await;
}

#[tokio::test]
async fn r05_no_huffman_tables_in_a_field_of_a_film() {
    check(&["05-avi1-polarity-0-no-dht.jpg", "05b-avi1-polarity-1-no-dht.jpg"]).await;
}

#[tokio::test]
async fn r06_stray_bytes_before_restart_markers_and_a_lost_interval() {
    let stray = ["06-rst-4-extra-bytes-before-each.jpg", "06b-rst-2047-extra-bytes-before-one.jpg"];
    check(&stray).await;
    // One strip of the picture is lost, and all the rest is there.
    let home = Home::new().await;
    let name = "06e-one-restart-interval-lost.jpg";
    let (damaged, sound) = (
        shown(&home, report(name), name).await,
        shown(&home, report("00-good-1280x720-420.jpg"), "sound").await,
    );
    let strips = damaged_strips(&damaged, &sound);
    assert!(strips <= 4, "{strips} of {STRIPS} strips are damaged");
}

/// The strips that a picture is compared in, from top to bottom.
const STRIPS: u32 = 20;

fn damaged_strips(damaged: &Picture, sound: &Picture) -> usize {
    let is_damaged = |strip: &u32| {
        let (top, bottom) =
            (f64::from(*strip) / f64::from(STRIPS), f64::from(strip + 1) / f64::from(STRIPS));
        let differ = |left: f64| {
            let (corner, other) = ((left, top), (left + 0.1, bottom));
            apart(damaged.mean(corner, other), sound.mean(corner, other)) > 24
        };
        differ(0.1) || differ(0.7)
    };
    (0..STRIPS).filter(is_damaged).count()
}

#[tokio::test]
async fn r07_the_first_of_two_exif_blocks_counts() {
    let home = Home::new().await;
    let name = "07-two-exif-first-6-then-1.jpg";
    let picture = shown(&home, report(name), name).await;
    check_colours(&picture, (320, 569), TURNED, name);
}

#[tokio::test]
async fn r08_colours_as_the_adobe_segment_says() {
    check(&["08-rgb-adobe-transform-0-ids-1-2-3.jpg"]).await;
    let home = Home::new().await;
    let name = "08c-grey-with-adobe-transform-0.jpg";
    let picture = shown(&home, report(name), name).await;
    for [r, g, b] in quadrants(&picture) {
        assert!(r == g && g == b, "grey stays grey");
    }
}

/// Nothing of the bytes after the end marker reaches what a viewer gets.
#[tokio::test]
async fn r03_the_tail_stays_here() {
    let home = Home::new().await;
    let mut still = report("00-good-1280x720-420.jpg").to_vec();
    still.extend(b"a tail that nobody may see".repeat(20));
    home.camera.put_still(&fresh_id(), still).await.expect(201);
    let made = home.viewer.thumbnail(&home.camera, 320).await.expect(200).body;
    assert!(!made.windows(6).any(|window| window == b"a tail"));
}

#[tokio::test]
async fn r01_variants() {
    let zeros = [0; 5000];
    check_files([
        ("right after the start marker", sound().before(0xE0, &zeros[..1]).file()),
        ("5,000 before the frame header", sound().before(0xC0, &zeros).file()),
        ("before the scan header", sound().before(0xDA, &zeros[..3]).file()),
        ("before each segment", sound().before_each(&zeros).file()),
        ("0xFF before each segment", sound().before_each(&[0xFF; 700]).file()),
        ("words before each segment", sound().before_each(b"padding").file()),
        ("with a trailer", sound().before_each(&zeros[..608]).with_tail(b"dhavY\x19\x01\0")),
        ("without an end marker", sound().before(0xDB, &zeros[..608]).without_end()),
        ("with restart markers", sound_with_restarts().before(0xDD, &zeros[..608]).file()),
        ("without Huffman tables", sound().before(0xC0, &zeros[..608]).without(0xC4).file()),
    ])
    .await;
}

#[tokio::test]
async fn r02_variants() {
    let other = report("19-red.jpg");
    let frames = [&[0xFF; 3000][..], &[0xFF, 0xD9], &[0; 100_000]].concat();
    check_files([
        ("a line feed", sound().with_tail(b"\n")),
        ("zeros", sound().with_tail(&[0; 70_000])),
        ("a second still", sound().with_tail(&other)),
        ("half of a second still", sound().with_tail(&other[..other.len() / 2])),
        ("a frame header", sound().with_tail(&[0xFF, 0xC0, 0, 17, 8, 0, 9, 0, 9, 3])),
        ("padding, an end marker and zeros", sound().with_tail(&frames)),
        ("text of two lines", sound().with_tail(b"--boundary\r\nContent-Type: image/jpeg\r\n")),
        ("after restart markers", sound_with_restarts().with_tail(b"dhavY\x19\x01\0")),
        ("after no Huffman tables", sound().without(0xC4).with_tail(b"\r\n")),
    ])
    .await;
}

#[tokio::test]
async fn r03_variants() {
    let half = |parts: Parts| [&*parts.without_end(), &[0xFF]].concat().into();
    let last = sound().scan[..4000].to_vec();
    check_files([
        ("half of an end marker", half(sound())),
        ("two end markers", sound().with_tail(&[0xFF, 0xD9])),
        ("the last frame without an end", sound().with_tail(&last)),
        ("the last frame, twice", sound().with_tail(&[&*last, &[0xFF, 0xD9], &*last].concat())),
        ("zeros for an end", [&*sound().without_end(), &[0; 512]].concat().into()),
        ("0xFF for an end", [&*sound().without_end(), &[0xFF; 512]].concat().into()),
        ("no end after restart markers", sound_with_restarts().without_end()),
        ("no end, no Huffman tables", sound().without(0xC4).without_end()),
    ])
    .await;
}

#[tokio::test]
async fn r04_variants() {
    let mut luma_only = sound();
    let tables = luma_only.segments.iter().position(|segment| segment[1] == 0xC4).unwrap();
    luma_only.segments.truncate(tables + 2);
    luma_only.segments.push(sound().segments.pop().unwrap());
    let comment = segment(0xFE, b"a camera that leaves them out");
    check_files([
        ("4:2:0", sound().without(0xC4).file()),
        ("4:2:0, no JFIF", sound().without(0xC4).without(0xE0).file()),
        ("two of four", luma_only.file()),
        ("with a comment", sound().without(0xC4).before(0xC0, &comment).file()),
        ("with restart markers", sound_with_restarts().without(0xC4).file()),
        ("with EXIF", sound().without(0xC4).before(0xDB, &exif(1)).file()),
        ("with zeros and a tail", sound().without(0xC4).before_each(&[0; 99]).with_tail(b"\n")),
    ])
    .await;
    let home = Home::new().await;
    let turned = sound().without(0xC4).before(0xE0, &exif(6)).file();
    check_colours(&shown(&home, turned, "EXIF").await, (320, 569), TURNED, "EXIF");
}

#[tokio::test]
async fn r05_variants() {
    let avi = |polarity: u8, length: usize| {
        let mut body = [b"AVI1".as_slice(), &[polarity]].concat();
        body.resize(length, 0);
        segment(0xE0, &body)
    };
    let film = |polarity, length| sound().before(0xE0, &avi(polarity, length));
    let (first, second) = (film(1, 14), film(2, 14));
    check_files([
        ("with tables and JFIF", film(1, 14).file()),
        ("polarity 2, no tables", second.clone().without(0xC4).file()),
        ("only its name", film(0, 5).without(0xC4).file()),
        ("longer", film(1, 4000).without(0xC4).file()),
        ("after the tables", sound().before(0xC0, &avi(1, 14)).without(0xC4).file()),
        ("two fields", first.without(0xC4).with_tail(&second.clone().without(0xC4).file())),
        ("no end", second.without(0xC4).without_end()),
    ])
    .await;
}

#[tokio::test]
async fn r06_variants() {
    let stray = |bytes: &'static [u8]| {
        sound_with_restarts().intervals(move |_, data| [data, bytes].concat()).file()
    };
    let home = Home::new().await;
    let whole = shown(&home, sound().file(), "sound").await;
    for (name, file, strips_max) in [
        ("no stray byte", sound_with_restarts().file(), 0),
        ("one zero each", stray(&[0]), 0),
        ("a 0xFF as data each", stray(&[0xFF, 0]), 0),
        ("0xFF as padding each", stray(&[0xFF; 9]), 0),
        ("5,000 bytes each", stray(&[0x55; 5000]), 0),
        ("the first lost", sound_with_restarts().without_intervals(0..1).file(), 2),
        ("two lost", sound_with_restarts().without_intervals(20..22).file(), 4),
        ("the last but one lost", sound_with_restarts().without_intervals(42..43).file(), 3),
        (
            "stray bytes, and one lost",
            sound_with_restarts()
                .intervals(|_, data| [data, &[0x33; 4]].concat())
                .without_intervals(20..21)
                .with_tail(b"\r\n"),
            3,
        ),
        (
            "one lost, no Huffman tables",
            sound_with_restarts().without_intervals(9..10).without(0xC4).file(),
            3,
        ),
    ] {
        let strips = damaged_strips(&shown(&home, file, name).await, &whole);
        assert!(strips <= strips_max, "{name}: {strips} of {STRIPS} strips are damaged");
    }
}

#[tokio::test]
async fn r07_variants() {
    let xmp = segment(0xE1, b"http://ns.adobe.com/xap/1.0/\0<x:xmpmeta/>");
    let (one, six) = (exif(1), exif(6));
    let home = Home::new().await;
    let before = |segments: &[&[u8]]| sound().before(0xE0, &segments.concat());
    for (name, file, is_turned) in [
        ("1, then 6", before(&[&one, &six]).file(), false),
        ("6, then 1, padding between", before(&[&six, &[0; 300], &one]).file(), true),
        ("XMP, then 6", before(&[&xmp, &six]).file(), true),
        ("6, then XMP, then 1", before(&[&six, &xmp, &one]).file(), true),
        ("6 after JFIF", sound().before(0xDB, &six).file(), true),
        ("6 after the frame header", sound().before(0xC4, &six).file(), true),
        ("6 before the scan, and a tail", sound().before(0xDA, &six).with_tail(&one), true),
        ("1 before JFIF, 6 before the scan", before(&[&one]).before(0xDA, &six).file(), false),
        ("6, without tables or end", before(&[&six]).without(0xC4).without_end(), true),
    ] {
        let picture = shown(&home, file, name).await;
        let (size, colours) = if is_turned { ((320, 569), TURNED) } else { ((320, 180), UPRIGHT) };
        check_colours(&picture, size, colours, name);
    }
}

#[tokio::test]
async fn r08_variants() {
    let rgb = || Parts::of(&report("08-rgb-adobe-transform-0-ids-1-2-3.jpg"));
    // The ids stand in the frame's header and the scan's.
    let with_ids = |mut parts: Parts, ids: [u8; 3]| {
        for segment in &mut parts.segments {
            let (first, step) = match segment[1] {
                0xC0 => (10, 3),
                0xDA => (5, 2),
                _ => continue,
            };
            for (number, id) in ids.into_iter().enumerate() {
                segment[first + number * step] = id;
            }
        }
        parts
    };
    let (jfif, plain) = (sound, || sound().without(0xE0));
    check_files([
        ("YCbCr, JFIF and Adobe 0", jfif().before(0xDB, &adobe(0)).file()),
        ("YCbCr, Adobe 1", plain().before(0xDB, &adobe(1)).file()),
        ("YCbCr, Adobe 2", plain().before(0xDB, &adobe(2)).file()),
        ("YCbCr, neither", plain().file()),
        ("YCbCr, neither, ids 0, 1, 2", with_ids(plain(), [0, 1, 2]).file()),
        ("YCbCr, JFIF, ids R, G, B", with_ids(jfif(), *b"RGB").file()),
        ("RGB, Adobe 0 before the scan", rgb().without(0xEE).before(0xDA, &adobe(0)).file()),
        ("RGB, neither, ids R, G, B", with_ids(rgb().without(0xEE), *b"RGB").file()),
        ("RGB, Adobe 0, ids R, G, B", with_ids(rgb(), *b"RGB").file()),
        ("RGB, zeros and a tail", rgb().before_each(&[0; 608]).with_tail(b"\r\n")),
    ])
    .await;
}

/// A frame header of 0 lines says that their number comes later, which browsers don't read either.
#[tokio::test]
async fn a_still_without_pixels_is_refused() {
    let home = Home::new().await;
    for place in [5, 7] {
        let mut empty = sound();
        let header = empty.segments.iter_mut().find(|segment| segment[1] == 0xC0).unwrap();
        header[place..place + 2].fill(0);
        home.camera.put_still(&fresh_id(), empty.file()).await.expect_problem(422);
    }
}
