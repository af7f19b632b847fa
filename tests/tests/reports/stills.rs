//! Stills: what other software shows is shown here, with the same colours and the same way up.

use super::report;
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
    let home = Home::new().await;
    for name in names {
        let picture = shown(&home, report(name), name).await;
        assert_eq!((picture.width, picture.height), (320, 180), "{name}");
        for (seen, wanted) in quadrants(&picture).into_iter().zip(UPRIGHT) {
            assert!(apart(seen, wanted) <= TOLERANCE, "{name}: {seen:?} for {wanted:?}");
        }
    }
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
    let rows = (0..20).filter(|row| {
        let (top, bottom) = (f64::from(*row) / 20.0, f64::from(row + 1) / 20.0);
        let differ = |left: f64| {
            let part = ((left, top), (left + 0.1, bottom));
            apart(damaged.mean(part.0, part.1), sound.mean(part.0, part.1)) > 24
        };
        differ(0.1) || differ(0.7)
    });
    assert!(rows.count() <= 4, "more than a strip is damaged");
}

#[tokio::test]
async fn r07_the_first_of_two_exif_blocks_counts() {
    let home = Home::new().await;
    let name = "07-two-exif-first-6-then-1.jpg";
    let picture = shown(&home, report(name), name).await;
    assert_eq!((picture.width, picture.height), (320, 569));
    for (seen, wanted) in quadrants(&picture).into_iter().zip([BLUE, RED, WHITE, GREEN]) {
        assert!(apart(seen, wanted) <= TOLERANCE, "{seen:?} for {wanted:?}");
    }
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
