//! The suite for every hub of live streams: one for all implementations of the seam.
//!
//! It must never look past the trait: it asserts only what the trait's documentation says.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "for tests: a failed expectation is the point"
)]

use super::hub::{Channel, HubError, Listed, LiveHub};
use crate::clock;
use crate::footage::testing::Home;
use eyesonly_gate::live::{Statement, Stream};
use eyesonly_gate::{IntakeGrant, SealedPart};
use eyesonly_seal::{CameraId, FootageId, HouseholdId};
use futures::FutureExt as _;
use std::time::Duration;

/// The time after which a wait is taken for one that does not end.
const WAIT: Duration = Duration::from_millis(50);

/// A camera that states segments, and seals chunks.
pub struct Sender {
    grant: IntakeGrant,
}

impl Sender {
    pub async fn new() -> Self {
        Self { grant: Home::new().await.intake().await }
    }
    pub fn household(&self) -> HouseholdId {
        self.grant.household()
    }
    pub fn channel(&self, stream: Stream) -> Channel {
        (self.grant.camera(), stream)
    }
    /// States a segment that starts `milliseconds` from now.
    pub fn state(&self, stream: Stream, milliseconds: u64) -> Statement {
        let time = clock::now_milliseconds() + milliseconds;
        let segment = FootageId::from_time(time, clock::random()).unwrap();
        let half = clock::random();
        self.grant.state(Statement { stream, segment, half, before: None, proof: [0; 32] })
    }
    /// Seals a chunk of `bytes` bytes.
    pub fn chunk(&self, of: &Statement, number: u64, bytes: usize) -> SealedPart {
        let (payload, mark) = (vec![7; bytes], (false, clock::now_milliseconds()));
        let chunk: (&[u8], &[u8]) = (&[], &payload);
        self.grant.seal_chunk((of, number), mark, chunk, clock::random()).unwrap()
    }
    async fn start(&self, hub: &dyn LiveHub, stream: Stream, milliseconds: u64) -> Statement {
        let statement = self.state(stream, milliseconds);
        let channel = self.channel(stream);
        hub.start(self.household(), channel, statement.clone()).await.unwrap();
        let chunk = self.chunk(&statement, 0, 100);
        hub.append(channel, statement.segment, 0, chunk).await.unwrap();
        statement
    }
}

/// Runs the suite against a new, empty hub. Panics if the hub does not conform.
pub async fn check(hub: &dyn LiveHub) {
    let sender = Sender::new().await;
    nothing_is_an_answer_too(hub, &sender).await;
    chunks_come_back_in_order(hub, &sender).await;
    who_waits_is_woken(hub, &sender).await;
    what_does_not_fit_is_refused(hub, &sender).await;
    old_segments_go(hub, &sender).await;
    a_stream_ahead_of_the_time_drops_no_other(hub, &sender).await;
    a_camera_is_forgotten(hub, &sender).await;
}

async fn nothing_is_an_answer_too(hub: &dyn LiveHub, sender: &Sender) {
    let (channel, segment) = (sender.channel(Stream::Main), sender.state(Stream::Main, 0).segment);
    assert!(hub.segments(channel).await.unwrap().is_empty());
    assert_eq!(hub.chunk(channel, segment, 0).await.unwrap(), None);
    hub.forget(channel.0).await.unwrap();
}

async fn chunks_come_back_in_order(hub: &dyn LiveHub, sender: &Sender) {
    let main = sender.channel(Stream::Main);
    let (first, second) =
        (sender.start(hub, Stream::Main, 0).await, sender.start(hub, Stream::Main, 1).await);
    let sealed = sender.chunk(&second, 1, 40_000);
    hub.append(main, second.segment, 1, sealed.clone()).await.unwrap();
    let listed: Vec<_> =
        hub.segments(main).await.unwrap().into_iter().map(|l| (l.statement, l.chunks)).collect();
    assert_eq!(listed, [(first.clone(), 1), (second.clone(), 2)], "the oldest comes first");
    assert_eq!(hub.chunk(main, second.segment, 1).await.unwrap().as_ref(), Some(sealed.bytes()));
    let sub = sender.channel(Stream::Sub);
    assert!(hub.segments(sub).await.unwrap().is_empty(), "the other stream has its own");
    assert_eq!(hub.chunk(sub, second.segment, 1).await.unwrap(), None);
    let other = (CameraId::from_bytes([9; 16]), Stream::Main);
    assert!(hub.segments(other).await.unwrap().is_empty(), "another camera has its own");
}

async fn who_waits_is_woken(hub: &dyn LiveHub, sender: &Sender) {
    let channel = sender.channel(Stream::Main);
    let statement = sender.start(hub, Stream::Main, 2).await;
    let sealed = sender.chunk(&statement, 1, 10);
    let asked = hub.chunk(channel, statement.segment, 1);
    let mut asked = std::pin::pin!(tokio::time::timeout(10 * WAIT, asked));
    assert!((&mut asked).now_or_never().is_none(), "it is not there yet");
    hub.append(channel, statement.segment, 1, sealed.clone()).await.unwrap();
    assert_eq!(asked.await.unwrap().unwrap().as_ref(), Some(sealed.bytes()));

    hub.started(channel, None).now_or_never().expect("it has a segment").unwrap();
    let started = hub.started(channel, Some(statement.segment));
    let mut started = std::pin::pin!(tokio::time::timeout(10 * WAIT, started));
    assert!(tokio::time::timeout(WAIT, &mut started).await.is_err(), "no newer one started");
    let statement = sender.state(Stream::Main, 3);
    hub.start(sender.household(), channel, statement.clone()).await.unwrap();
    assert!(tokio::time::timeout(WAIT, &mut started).await.is_err(), "it has no chunk yet");
    let again = hub.started(channel, hub.segments(channel).await.unwrap().last().map(newest_of));
    assert!(again.now_or_never().is_none(), "what is not listed wakes nobody");
    let chunk = sender.chunk(&statement, 0, 10);
    hub.append(channel, statement.segment, 0, chunk).await.unwrap();
    started.await.unwrap().unwrap();
}

fn newest_of(listed: &Listed) -> FootageId {
    listed.statement.segment
}

async fn what_does_not_fit_is_refused(hub: &dyn LiveHub, sender: &Sender) {
    let channel = sender.channel(Stream::Main);
    let statement = sender.start(hub, Stream::Main, 4).await;
    for number in [0, 2, u64::MAX] {
        let chunk = sender.chunk(&statement, number, 10);
        let refused = hub.append(channel, statement.segment, number, chunk).await;
        assert!(matches!(refused, Err(HubError::Gone)), "chunk {number} is not the next");
    }
    let unknown = sender.state(Stream::Main, 5);
    let chunk = sender.chunk(&unknown, 0, 10);
    let refused = hub.append(channel, unknown.segment, 0, chunk).await;
    assert!(matches!(refused, Err(HubError::Gone)), "the segment has not started");
}

async fn old_segments_go(hub: &dyn LiveHub, sender: &Sender) {
    let channel = sender.channel(Stream::Sub);
    let mut started = Vec::new();
    for second in 0..20 {
        started.push(sender.start(hub, Stream::Sub, second * 4_000).await.segment);
    }
    let kept = hub.segments(channel).await.unwrap();
    assert!((4..=8).contains(&kept.len()), "{} segments of 4 s are kept", kept.len());
    let newest = &started[started.len() - kept.len()..];
    assert!(kept.iter().map(|kept| &kept.statement.segment).eq(newest), "the newest are kept");
    assert_eq!(hub.chunk(channel, started[0], 0).await.unwrap(), None, "the oldest is gone");
}

async fn a_stream_ahead_of_the_time_drops_no_other(hub: &dyn LiveHub, sender: &Sender) {
    let (channel, other) = (sender.channel(Stream::Main), Sender::new().await);
    let statement = sender.start(hub, Stream::Main, 50).await;
    other.start(hub, Stream::Main, 3_600_000).await;
    let chunk = sender.chunk(&statement, 1, 10);
    hub.append(channel, statement.segment, 1, chunk).await.unwrap();
    let listed = hub.segments(channel).await.unwrap();
    assert_eq!(listed.last().unwrap().statement, statement);
    hub.forget(other.channel(Stream::Main).0).await.unwrap();
}

async fn a_camera_is_forgotten(hub: &dyn LiveHub, sender: &Sender) {
    let channel = sender.channel(Stream::Main);
    let statement = sender.start(hub, Stream::Main, 100_000).await;
    let asked = hub.chunk(channel, statement.segment, 1);
    let mut asked = std::pin::pin!(tokio::time::timeout(10 * WAIT, asked));
    assert!((&mut asked).now_or_never().is_none());
    hub.forget(channel.0).await.unwrap();
    assert_eq!(asked.await.unwrap().unwrap(), None, "who waits is answered");
    for stream in [Stream::Main, Stream::Sub] {
        assert!(hub.segments(sender.channel(stream)).await.unwrap().is_empty());
    }
}
