//! What one side does in excess is bounded, and others are not disturbed.
//!
//! Variables: EYESONLY_LIVE_SECONDS, how long nobody reads, and EYESONLY_LIVE_SEGMENTS, how many
//! come at once.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use bytes::Bytes;
use eyesonly_demo::Loop;
use eyesonly_tests::live::{Stream, Streaming, numbered, padded, recording};
use eyesonly_tests::raw::{begin, read_head};
use eyesonly_tests::{Answer, Viewer, poll, variable};
use futures::StreamExt as _;
use tokio::task::JoinHandle;

use crate::{Following, Scene};

/// The followers that never read.
const SILENT: usize = 16;
/// What the edge's memory may grow by, in KiB.
const GROWTH_KIB: u64 = 128 * 1024;
/// The uploads that are under way at once.
const AT_ONCE: usize = 256;
/// The longest time in which another household's picture may stand still.
const GAP_MAX: Duration = Duration::from_secs(1);

/// Follows until it is told to end, and returns the longest time without a piece.
async fn longest_gap(viewer: Viewer, path: String, ends: Arc<AtomicBool>) -> Duration {
    let (mut query, mut gap, mut last) = (String::new(), Duration::ZERO, None::<Instant>);
    while !ends.load(Ordering::Relaxed) {
        let mut following = Following::of(&viewer, &format!("{path}/next{query}")).await;
        query = format!("?after={}", following.segment);
        while following.piece().await.unwrap().is_some() {
            let now = Instant::now();
            gap = gap.max(last.replace(now).map_or(Duration::ZERO, |last| now - last));
        }
    }
    gap
}

/// A viewer who follows meanwhile.
struct Watch {
    ends: Arc<AtomicBool>,
    follows: JoinHandle<Duration>,
}

impl Watch {
    fn start(viewer: Viewer, path: String) -> Self {
        let ends = Arc::new(AtomicBool::new(false));
        let follows = tokio::spawn(longest_gap(viewer, path, Arc::clone(&ends)));
        Self { ends, follows }
    }

    /// Ends it, and returns the longest time without a piece.
    async fn end(self) -> Duration {
        self.ends.store(true, Ordering::Relaxed);
        self.follows.await.unwrap()
    }
}

/// Another household, whose camera streams and is followed meanwhile.
struct Bystander {
    streaming: Streaming,
    watch: Watch,
}

impl Bystander {
    async fn of(scene: &Scene) -> Self {
        let household = scene.edge.household("Birch Row 7");
        let (camera, account) = (household.camera("Hallway"), household.viewer("birch"));
        let streaming = Streaming::start(&camera, "main", recording("birch-hallway"));
        let viewer = account.login().await;
        let path = format!("cameras/{}/live", camera.id);
        poll("the other is live", 30, async || {
            !viewer.get(&path).await.json()["streams"].as_array().unwrap().is_empty()
        })
        .await;
        Self { streaming, watch: Watch::start(account.login().await, path) }
    }

    /// Ends it, and returns the longest time without a piece, and how many fragments were sent.
    async fn end(self) -> (Duration, u32) {
        (self.watch.end().await, self.streaming.sent())
    }
}

/// Writes the head of a question, to be sent by hand.
fn head(scene: &Scene, path: &str) -> Vec<u8> {
    let request = scene.viewer.ask(reqwest::Method::GET, path).build().unwrap();
    let mut head = format!("GET {} HTTP/1.1\r\n", request.url().path());
    head.push_str(&format!("Host: {}\r\n", scene.edge.door().authority()));
    for (name, value) in request.headers() {
        head.push_str(&format!("{name}: {}\r\n", value.to_str().unwrap()));
    }
    format!("{head}\r\n").into_bytes()
}

#[tokio::test(flavor = "multi_thread")]
async fn who_never_reads_holds_nothing_up() {
    let scene = Scene::new().await;
    let seconds = variable("EYESONLY_LIVE_SECONDS", 4);
    // 4 Mbit/s: what a socket can hold is full in a moment.
    let line = Stream::open(&scene.camera, "main");
    let stream = tokio::spawn(async move {
        let live = recording("alder-front-door");
        line.send(Bytes::from_static(live.init()));
        let start = Instant::now();
        for number in 0_u32.. {
            let due = start + Loop::due(number);
            tokio::time::sleep(due.saturating_duration_since(Instant::now())).await;
            assert!(line.send(padded(&live, number, 33_000)), "the edge ended the stream");
        }
    });
    scene.is_live().await;
    let before = scene.edge.memory_kib("VmRSS");
    let head = head(&scene, &scene.path("/next"));
    let mut silent = Vec::new();
    for _ in 0..SILENT {
        let mut connection = begin(scene.edge.door(), &head).await;
        assert_eq!(read_head(&mut connection).await.status, 200);
        silent.push(connection);
    }
    let watch = Watch::start(scene.account.login().await, scene.path(""));
    tokio::time::sleep(Duration::from_secs(seconds)).await;
    let gap = watch.end().await;
    let grown = scene.edge.memory_kib("VmRSS").saturating_sub(before);
    println!(
        "{SILENT} never read for {seconds} s: longest gap of another {gap:?}, {grown} KiB more"
    );
    assert!(gap < GAP_MAX, "{gap:?}");
    assert!(grown < GROWTH_KIB, "{grown} KiB more");
    assert!(!stream.is_finished(), "the camera goes on");
    stream.abort();
}

/// Many segments come at once, and no init. Each is answered, and another household goes on.
#[tokio::test(flavor = "multi_thread")]
async fn many_segments_at_once_are_answered() {
    let scene = Scene::new().await;
    let count = variable("EYESONLY_LIVE_SEGMENTS", 1_000);
    let bystander = Bystander::of(&scene).await;
    let before = scene.edge.memory_kib("VmRSS");
    let fragment = numbered(&recording("alder-front-door"), 0);
    let statuses = Arc::new(Mutex::new(std::collections::BTreeMap::<u16, u64>::new()));
    let uploads = futures::stream::iter(0..count).map(|number| {
        let upload = scene.camera.upload(&format!("live/s/{number}.m4s"), "video/mp4");
        let (upload, statuses) = (upload.body(fragment.clone()), Arc::clone(&statuses));
        async move {
            let answer = Answer::of_upload(upload.timeout(Duration::from_secs(120))).await;
            *statuses.lock().unwrap().entry(answer.status).or_default() += 1;
        }
    });
    uploads.buffer_unordered(AT_ONCE).collect::<Vec<()>>().await;
    let (gap, _) = bystander.end().await;
    let grown = scene.edge.memory_kib("VmHWM").saturating_sub(before);
    let statuses = statuses.lock().unwrap().clone();
    println!(
        "{count} segments: {statuses:?}; longest gap of another {gap:?}, at most {grown} KiB more"
    );
    // Some are taken, and wait for their init for a while: it never comes. Others have no room.
    assert!(statuses.keys().all(|status| [201, 422, 503].contains(status)), "{statuses:?}");
    assert!(gap < GAP_MAX, "{gap:?}");
    assert!(grown < GROWTH_KIB, "{grown} KiB more");
}

/// A camera sends far more fragments than there are milliseconds. It is told, its stream does not
/// run ahead of the time, and another household's stream goes on.
#[tokio::test(flavor = "multi_thread")]
async fn a_flood_of_fragments_ends_nobody_elses_stream() {
    let scene = Scene::new().await;
    let bystander = Bystander::of(&scene).await;
    let flood = recording("alder-front-door");
    let line = Stream::open(&scene.camera, "main");
    line.send(Bytes::from_static(flood.init()));
    for number in 0..2_000 {
        line.send(flood.fragment(number % 120 + 1));
    }
    scene.is_live().await;
    let answer = scene.viewer.get(&scene.path("")).await;
    let now: u64 = answer.header("eyesonly-time").parse().unwrap();
    let arrived = answer.json()["streams"][0]["arrived_milliseconds"].as_u64().unwrap();
    assert!(arrived < now + 3_000, "{arrived} is ahead of {now}");
    for number in 0..2_000 {
        line.send(flood.fragment(number % 120 + 1));
    }
    let told = line.end().await.unwrap().expect_problem(422);
    assert!(told.told().contains("240 fragments a second"), "{}", told.told());
    tokio::time::sleep(Duration::from_secs(2)).await;
    let (gap, sent) = bystander.end().await;
    assert!(gap < GAP_MAX, "{gap:?}");
    assert!(sent > 30, "the other one goes on");
}
