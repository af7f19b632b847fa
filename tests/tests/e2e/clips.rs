//! Clips: every byte as the camera sent it, whole and in every kind of range.

use eyesonly_harness::footage::{description, fresh_id};
use eyesonly_tests::Answer;
use eyesonly_tests::footage::{clip, fragmented_clip, large_clip, media};
use eyesonly_tests::tool::tool;
use reqwest::{Method, RequestBuilder};

use crate::Home;

const CHUNK: usize = 16 * 1024;
const EXTENT: usize = 1024 * 1024;

/// Makes a home with an event that has `clip`.
async fn home_with(clip: &[u8]) -> (Home, String) {
    let home = Home::new().await;
    let event = fresh_id();
    home.camera.put_event(&event, &description("a clip")).await.expect(201);
    home.camera.put_clip(&event, clip.to_vec()).await.expect(201);
    (home, event)
}

fn ask(home: &Home, event: &str, method: Method) -> RequestBuilder {
    home.viewer.ask(method, &format!("cameras/{}/events/{event}/clip", home.camera.id))
}

/// Checks that `range` gives exactly the bytes from `first` to `last`, and that HEAD has no range.
async fn check_range(
    home: &Home,
    event: &str,
    clip: &[u8],
    range: &str,
    first: usize,
    last: usize,
) {
    let answer = home.viewer.clip_range(&home.camera, event, range).await.expect(206);
    assert!(
        answer.body == clip[first..=last],
        "{range}: {} bytes are not those from {first} to {last}",
        answer.body.len()
    );
    assert_eq!(
        answer.header("content-range"),
        format!("bytes {first}-{last}/{}", clip.len()),
        "{range}"
    );
    assert_eq!(answer.header("content-length"), (last - first + 1).to_string(), "{range}");
    let head = Answer::of(ask(home, event, Method::HEAD).header("range", range)).await.expect(200);
    assert_eq!(head.header("content-length"), clip.len().to_string(), "HEAD {range}");
    assert!(head.body.is_empty());
}

#[tokio::test]
async fn a_large_clip_comes_back_whole_and_in_every_range() {
    if !tool("ffmpeg") {
        return;
    }
    let clip = large_clip();
    let length = clip.len();
    assert!(length >= 5 * EXTENT, "the clip has only {length} bytes");
    let (home, event) = home_with(&clip).await;

    let whole = home.viewer.clip(&home.camera, &event).await.expect(200);
    assert!(whole.body == clip, "{} bytes came back of {length}", whole.body.len());
    assert_eq!(whole.header("content-type"), "video/mp4");
    assert_eq!(whole.header("accept-ranges"), "bytes");
    assert_eq!(whole.header("cache-control"), "private, no-store");
    assert_eq!(whole.header("content-length"), length.to_string());
    let head = Answer::of(ask(&home, &event, Method::HEAD)).await.expect(200);
    assert_eq!(head.seen().1, whole.seen().1);
    assert!(head.body.is_empty());

    let last = length - 1;
    let mut spans =
        vec![(0, 0), (0, 1), (last, last), (last - 1, last), (0, last), (1, last), (0, last - 1)];
    for border in
        [CHUNK, EXTENT, 2 * EXTENT, 4 * EXTENT, length / CHUNK * CHUNK, length / EXTENT * EXTENT]
    {
        spans.extend([
            (border - 1, border - 1),
            (border, border),
            (border - 1, border),
            (border, last),
            (0, border - 1),
            (0, border),
        ]);
        spans.extend([
            (border - CHUNK, border),
            (border.saturating_sub(EXTENT + 1), (border + EXTENT + 1).min(last)),
        ]);
    }
    spans.retain(|(first, last)| first <= last && *last < length);
    assert!(spans.len() > 40);
    for (first, last) in spans {
        check_range(&home, &event, &clip, &format!("bytes={first}-{last}"), first, last).await;
    }
    // Ranges with open ends, suffixes, and ends past the end.
    for first in [0, 1, CHUNK - 1, CHUNK, EXTENT + 1, last] {
        check_range(&home, &event, &clip, &format!("bytes={first}-"), first, last).await;
        check_range(&home, &event, &clip, &format!("bytes={first}-{}", length * 3), first, last)
            .await;
    }
    for count in [
        1,
        2,
        CHUNK - 1,
        CHUNK,
        CHUNK + 1,
        EXTENT,
        EXTENT + 1,
        length - 1,
        length,
        length + 1,
        length * 2,
    ] {
        check_range(
            &home,
            &event,
            &clip,
            &format!("bytes=-{count}"),
            length.saturating_sub(count),
            last,
        )
        .await;
    }
    assert_eq!(home.edge.misdeliveries().await, 0.0);
}

#[tokio::test]
async fn a_range_holds_only_for_the_clip_it_was_meant_for() {
    let clip = media("alder-driveway-car.mp4");
    let (home, event) = home_with(&clip).await;
    let tag = home.viewer.clip(&home.camera, &event).await.expect(200).header("etag").to_owned();
    assert!(
        tag.len() > 4 && tag.starts_with('"') && tag.ends_with('"'),
        "{tag} is no strong entity tag"
    );
    let ask = |condition: &str| {
        ask(&home, &event, Method::GET).header("range", "bytes=10-19").header("if-range", condition)
    };
    assert_eq!(Answer::of(ask(&tag)).await.expect(206).body, clip.slice(10..20));
    for other in ["\"another\"", &format!("W/{tag}"), "Mon, 23 Nov 2026 10:00:00 GMT", ""] {
        assert!(Answer::of(ask(other)).await.expect(200).body == clip, "If-Range {other:?}");
    }
    // Another clip has another tag.
    let second = fresh_id();
    home.camera.put_event(&second, &description("another")).await.expect(201);
    home.camera.put_clip(&second, clip).await.expect(201);
    assert_ne!(home.viewer.clip(&home.camera, &second).await.header("etag"), tag);
}

#[tokio::test]
async fn clips_of_every_kind_come_back_byte_for_byte() {
    let mut clips = vec![media("alder-driveway-car.mp4"), media("birch-hallway-cat.mp4")];
    if tool("ffmpeg") {
        clips.push(clip("testsrc=s=320x240:rate=15", 2));
        clips.push(clip("testsrc2=s=1280x720:rate=15", 3));
        clips.push(fragmented_clip("testsrc=s=320x240:rate=15", 4));
        clips.push(fragmented_clip("mandelbrot=s=640x360:rate=15", 2));
    }
    // These lengths lie at the borders of chunks and extents, where mistakes in the sealed format
    // are likely.
    let overhead = eyesonly_harness::footage::mp4_around(b"").len();
    for length in [
        overhead,
        CHUNK - 1,
        CHUNK,
        CHUNK + 1,
        2 * CHUNK,
        EXTENT - 1,
        EXTENT,
        EXTENT + 1,
        2 * EXTENT,
    ] {
        let content = eyesonly_harness::footage::noise("content", length - overhead);
        clips.push(eyesonly_harness::footage::mp4_around(&content));
    }
    let home = Home::new().await;
    let mut events = Vec::new();
    for clip in &clips {
        let event = fresh_id();
        home.camera.put_event(&event, &description("a clip")).await.expect(201);
        home.camera.put_clip(&event, clip.clone()).await.expect(201);
        events.push(event);
    }
    for (event, clip) in events.iter().zip(&clips) {
        let answer = home.viewer.clip(&home.camera, event).await.expect(200);
        assert!(answer.body == *clip, "{} bytes came back of {}", answer.body.len(), clip.len());
        check_range(&home, event, clip, "bytes=-1", clip.len() - 1, clip.len() - 1).await;
    }
}

#[tokio::test]
async fn many_readers_of_one_clip_each_get_all_of_it() {
    let clip = media("alder-driveway-car.mp4");
    let (home, event) = home_with(&clip).await;
    let answers =
        futures::future::join_all((0..24).map(|_| home.viewer.clip(&home.camera, &event))).await;
    assert!(answers.iter().all(|answer| answer.status == 200 && answer.body == clip));
}
