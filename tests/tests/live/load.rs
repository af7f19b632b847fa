//! Many follow many cameras at once, and nobody's picture stands still.
//!
//! Variables: EYESONLY_LIVE_CAMERAS, EYESONLY_LIVE_FOLLOWERS (in all) and EYESONLY_LIVE_SECONDS.
//! The defaults are small. It prints what a follower costs.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use bytes::Bytes;
use eyesonly_demo::Loop;
use eyesonly_tests::canary::files_below;
use eyesonly_tests::live::{MARK, Stream, padded, recording};
use eyesonly_tests::{Edge, EdgeOptions, Viewer, poll, variable};
use reqwest::Method;

/// The bytes of a fragment: 1 Mbit/s at 15 a second.
const FRAGMENT_BYTES: usize = 8_333;
/// The longest time without a fragment, in milliseconds, before a picture counts as one that stands
/// still. A second is what a player holds back at most.
const STALL_MILLISECONDS: u128 = 1_000;
/// The cameras of a household.
const OF_HOUSEHOLD: u64 = 5;

/// When each fragment of a camera was sent.
type Sent = Arc<Mutex<Vec<Instant>>>;

/// Streams a padded recording in real time.
async fn stream(line: Stream, recording: Loop, sent: Sent) {
    line.send(Bytes::from_static(recording.init()));
    let start = Instant::now();
    for number in 0_u32.. {
        let due = start + Loop::due(number);
        tokio::time::sleep(due.saturating_duration_since(Instant::now())).await;
        let bytes = padded(&recording, number, FRAGMENT_BYTES);
        sent.lock().unwrap().push(Instant::now());
        if !line.send(bytes) {
            return;
        }
    }
}

/// What a follower saw: how old each fragment was, and the longest time between two.
#[derive(Default)]
struct Saw {
    ages: Vec<Duration>,
    gap: Duration,
    opened: u32,
}

async fn follow(viewer: Viewer, path: String, sent: Sent, until: Instant) -> Saw {
    let (mut saw, mut query, mut last) = (Saw::default(), String::new(), None::<Instant>);
    while Instant::now() < until {
        let request = viewer.ask(Method::GET, &format!("{path}/next{query}"));
        let mut response = request.send().await.unwrap();
        assert_eq!(response.status(), 200);
        let location = response.headers()["content-location"].to_str().unwrap();
        query = format!("?after={}", location.rsplit('/').next().unwrap());
        saw.opened += 1;
        let mut tail = Vec::new();
        while let Some(piece) = response.chunk().await.unwrap() {
            let now = Instant::now();
            tail.extend_from_slice(&piece[piece.len().saturating_sub(MARK.len() + 8)..]);
            let mark = tail.split_off(tail.len().saturating_sub(MARK.len() + 8));
            tail = mark;
            let Some(digits) = tail.strip_prefix(MARK) else { continue };
            let number: usize = std::str::from_utf8(digits).unwrap().parse().unwrap();
            if let Some(last) = last {
                // The fragments before the one that was running when it came are older.
                saw.ages.push(now - sent.lock().unwrap()[number]);
                saw.gap = saw.gap.max(now - last);
            }
            last = Some(now);
        }
    }
    saw
}

#[tokio::test(flavor = "multi_thread")]
async fn many_follow_without_a_stall() {
    let cameras = variable("EYESONLY_LIVE_CAMERAS", 3);
    let each = variable("EYESONLY_LIVE_FOLLOWERS", 12).div_ceil(cameras);
    let seconds = variable("EYESONLY_LIVE_SECONDS", 6);
    let edge = Edge::start(EdgeOptions::default());
    let mut streaming = Vec::new();
    let (mut household, mut account) = (edge.household("Household 0"), None);
    for number in 0..cameras {
        if number % OF_HOUSEHOLD == 0 {
            household = edge.household(&format!("Household {number}"));
            account = Some(household.viewer(&format!("viewer-{number}")));
        }
        let camera = household.camera(&format!("Camera {number}"));
        let (sent, line) = (Sent::default(), Stream::open(&camera, "main"));
        let task = tokio::spawn(stream(line, recording("alder-front-door"), Arc::clone(&sent)));
        let path = format!("cameras/{}/live", camera.id);
        streaming.push((account.clone().unwrap(), path, sent, task));
    }
    let mut following = Vec::new();
    for (account, path, sent, _) in &streaming {
        for _ in 0..each {
            following.push((account.login().await, path.clone(), Arc::clone(sent)));
        }
    }
    let (viewer, path, _) = following.last().unwrap();
    poll("the last is live", 60, async || viewer.get(path).await.json()["streams"][0].is_object())
        .await;
    let count = following.len();
    let (cpu, until) = (edge.cpu_seconds(), Instant::now() + Duration::from_secs(seconds));
    let tasks: Vec<_> = following
        .into_iter()
        .map(|(viewer, path, sent)| tokio::spawn(follow(viewer, path, sent, until)))
        .collect();
    // Memory must not rise, and nothing of a stream is written to a disk.
    let files = || files_below(&edge.data()).len();
    let (files_before, mut held, mut most) = (files(), Vec::new(), 0.0_f64);
    while Instant::now() < until {
        tokio::time::sleep(Duration::from_secs(seconds).div_f64(10.0)).await;
        held.push(edge.memory_kib("VmRSS") >> 10);
        let streams = edge.metric("eyesonly_live_streams", "").await;
        assert!((streams - cameras as f64).abs() < 0.5, "{streams} of {cameras} streams");
        let followed = edge.metric("eyesonly_live_followed", "").await;
        let waiting = edge.metric("eyesonly_live_waiting", "").await;
        most = most.max(followed + waiting);
    }
    assert!(most > 0.5 && most < count as f64 + 0.5, "{most} of {count} follow");
    let (mut ages, mut stalls, mut opened, mut fewest) = (Vec::new(), 0, 0, usize::MAX);
    for task in tasks {
        let saw = task.await.unwrap();
        stalls += u32::from(saw.gap.as_millis() > STALL_MILLISECONDS);
        fewest = fewest.min(saw.ages.len());
        opened += saw.opened;
        ages.extend(saw.ages);
    }
    ages.sort_unstable();
    let cpu = edge.cpu_seconds() - cpu;
    let at = |percent: usize| ages[(ages.len() - 1) * percent / 100];
    println!(
        "{count} followers of {cameras} cameras, {seconds} s: {stalls} stood still; a fragment's \
         age p50 {:?}, p95 {:?}; {opened} segments opened; the edge used {cpu:.1} s of CPU \
         ({:.2} % of a core a follower); it held {held:?} MiB",
        at(50),
        at(95),
        cpu / seconds as f64 / count as f64 * 100.0
    );
    assert_eq!(stalls, 0, "of {count}");
    assert_eq!(files(), files_before, "files in the data folder");
    assert!(fewest > usize::try_from(seconds).unwrap() * 8, "one saw only {fewest} fragments");
    streaming.iter().for_each(|(.., task)| task.abort());
}
