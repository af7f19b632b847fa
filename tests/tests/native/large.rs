//! Large clips: up to the limit, in memory that does not grow with them.

use std::time::Duration;

use bytes::Bytes;
use eyesonly_harness::footage::{description, fresh_id, mp4_box, noise};
use eyesonly_tests::footage::media;
use eyesonly_tests::{Answer, EdgeOptions};
use reqwest::{Body, Method};
use sha2::{Digest as _, Sha256};

use crate::Home;

/// The largest clip that is taken, in bytes.
const CLIP_BYTES_MAX: u64 = 2 << 30;
/// The most that the process's peak of memory may grow, in KiB.
const GROWTH_KIB_MAX: u64 = 48 * 1024;
const TIER_BYTES: u64 = 16 << 20;
const PIECE_BYTES: usize = 1 << 20;
/// The longest time of one transfer on a machine that is busy with other tests, in seconds.
const SECONDS_MAX: u64 = 540;

/// Makes a clip of exactly `length` bytes: type, index, and one box of data that repeats a piece of
/// noise.
fn pieces(length: u64) -> impl Iterator<Item = Bytes> {
    let mut head = [mp4_box(b"ftyp", b"isom\0\0\0\0isom"), mp4_box(b"moov", &[0; 64])].concat();
    let data = length - head.len() as u64;
    head.extend_from_slice(&u32::try_from(data).unwrap().to_be_bytes());
    head.extend_from_slice(b"mdat");
    let piece = Bytes::from(noise("large", PIECE_BYTES));
    let left = length - head.len() as u64;
    let (whole, rest) =
        (left / PIECE_BYTES as u64, usize::try_from(left % PIECE_BYTES as u64).unwrap());
    let repeated = std::iter::repeat_n(piece.clone(), usize::try_from(whole).unwrap());
    std::iter::once(head.into()).chain(repeated).chain([piece.slice(..rest)])
}

/// Makes a home whose edge has done each thing once, and an event without a clip.
async fn warm_home() -> (Home, String) {
    let mut home = Home::with(EdgeOptions {
        memory_tier_bytes: Some(TIER_BYTES),
        // By default the allocator keeps freed memory for some milliseconds, which adds up to 50
        // MiB here.
        memory_goes_back: true,
        ..EdgeOptions::default()
    })
    .await;
    // The first start compiled the handlers, and the test does not measure that.
    home.edge.restart();
    home.camera.put_still(&fresh_id(), media("alder-front-door.jpg")).await.expect(201);
    home.viewer.thumbnail(&home.camera, 320).await.expect(200);
    let event = fresh_id();
    home.camera.put_event(&event, &description("a long evening")).await.expect(201);
    (home, event)
}

async fn upload(home: &Home, event: &str, length: u64) {
    let request = home
        .camera
        .upload(&format!("events/{event}/clip"), "video/mp4")
        .timeout(Duration::from_secs(SECONDS_MAX));
    let body =
        Body::wrap_stream(futures::stream::iter(pieces(length).map(Ok::<_, std::io::Error>)));
    Answer::of(request.header("content-length", length).body(body)).await.expect(201);
}

/// Checks how much the process has grown since its peak was `before`.
fn check_growth(home: &Home, before: u64, what: &str) {
    let peak = home.edge.memory_kib("VmHWM");
    assert!(
        peak <= before + GROWTH_KIB_MAX,
        "{what} took the process from {before} to {peak} KiB at its peak"
    );
}

#[tokio::test]
async fn a_clip_of_two_gibibytes_comes_in_through_bounded_memory() {
    let (home, event) = warm_home().await;
    let before = home.edge.memory_kib("VmHWM");
    upload(&home, &event, CLIP_BYTES_MAX).await;
    check_growth(&home, before, "an upload of 2 GiB");
    // The clip's length and its last bytes are right.
    let last = home.viewer.clip_range(&home.camera, &event, "bytes=-100").await.expect(206);
    assert_eq!(
        last.header("content-range"),
        format!("bytes {}-{}/{CLIP_BYTES_MAX}", CLIP_BYTES_MAX - 100, CLIP_BYTES_MAX - 1)
    );
    let mut end = pieces(CLIP_BYTES_MAX).last().unwrap();
    assert_eq!(last.body, end.split_off(end.len() - 100));
}

#[tokio::test]
async fn a_long_clip_goes_out_through_bounded_memory() {
    let length = 512 << 20;
    let (home, event) = warm_home().await;
    upload(&home, &event, length).await;
    let before = home.edge.memory_kib("VmHWM");
    let path = format!("cameras/{}/events/{event}/clip", home.camera.id);
    let mut answer = home
        .viewer
        .ask(Method::GET, &path)
        .timeout(Duration::from_secs(SECONDS_MAX))
        .send()
        .await
        .unwrap();
    assert_eq!(answer.content_length(), Some(length));
    let (mut seen, mut expected) = (Sha256::new(), Sha256::new());
    while let Some(piece) = answer.chunk().await.unwrap() {
        seen.update(&piece);
    }
    pieces(length).for_each(|piece| expected.update(&piece));
    assert_eq!(seen.finalize(), expected.finalize(), "other bytes came back");
    check_growth(&home, before, "serving 512 MiB with a tier of 16 MiB");
}
