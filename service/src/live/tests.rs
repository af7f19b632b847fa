//! Live view over a hub that is honest, and over one that lies.

mod files;
mod liar;
mod publishers;
mod source;

use super::{Live, LiveError, LiveHub, MemoryHub, hub_conformance};
use crate::footage::FootageError;
use crate::footage::testing::{Home, drain};
use crate::ledger::Counts as _;
use bytes::Bytes;
use eyesonly_demo::Loop;
use eyesonly_gate::ledger::Handed;
use eyesonly_gate::live::{Part, Stream};
use eyesonly_gate::rules::{MediaType, Status};
use eyesonly_gate::{Content, Cut, Departure, Grant, Instance, Keys as _, Leaving, Seam};
use eyesonly_rights::{Action, CameraRight, Fault, Mint, Window};
use eyesonly_seal::FootageId;
use futures::channel::mpsc;
use liar::{Lie, LyingHub};
use std::sync::Arc;

fn recording() -> Loop {
    Loop::of(eyesonly_demo::file("alder-front-door-live.mp4").unwrap()).unwrap()
}

/// Returns the stream of a camera up to a fragment: its init, then fragments.
fn pieces(fragments: std::ops::Range<u32>) -> Vec<Bytes> {
    let live = recording();
    let fragments = fragments.map(|number| live.fragment(number).into());
    std::iter::once(Bytes::from_static(live.init())).chain(fragments).collect()
}

/// Hands in a stream that ends.
async fn hand_in(home: &Home, pieces: Vec<Bytes>) -> Result<(), LiveError> {
    let body = futures::stream::iter(pieces.into_iter().map(Ok::<_, std::io::Error>));
    home.live.stream(home.intake().await, Stream::Main, body).await
}

/// A camera's connection, whose next piece the test sends.
struct Line(mpsc::UnboundedSender<Result<Bytes, std::io::Error>>);

impl Line {
    async fn open(home: &Home) -> (Self, tokio::task::JoinHandle<Result<(), LiveError>>) {
        let (sender, body) = mpsc::unbounded();
        let (live, grant) = (Arc::clone(&home.live), home.intake().await);
        let task = tokio::spawn(async move { live.stream(grant, Stream::Main, body).await });
        (Self(sender), task)
    }
    fn send(&self, piece: Bytes) {
        self.0.unbounded_send(Ok(piece)).unwrap();
    }
}

/// Waits until a stream has this many segments.
async fn segments(home: &Home, grant: &Arc<Grant>, count: usize) -> Vec<FootageId> {
    loop {
        let shown = home.live.segments(grant, Stream::Main, 100).await.unwrap();
        if shown.len() >= count {
            return shown.into_iter().map(|shown| shown.segment).collect();
        }
        tokio::task::yield_now().await;
    }
}

async fn depart(
    home: &Home,
    grant: &Arc<Grant>,
    id: FootageId,
    part: Part,
) -> Result<Departure, FootageError> {
    let source = Box::new(home.live.open(grant, Stream::Main, id).await?);
    let content = Content::Live { source, part };
    let answer = Instance::new(Arc::clone(grant)).answers(Status::Ok, MediaType::Mp4, content);
    let leaving = Leaving { handed: Handed::Live, event: Some(id), is_head: false };
    let (door, raw) = (&home.admission, home.presents().0);
    let departure = Departure::open(door, grant, raw, answer.unwrap(), leaving).await;
    departure.map_err(|_| FootageError::Unavailable)
}

#[tokio::test]
async fn the_hub_in_memory_conforms() {
    hub_conformance::check(&MemoryHub::new(64 << 20)).await;
}

#[tokio::test]
async fn a_liar_with_nothing_to_tell_conforms() {
    hub_conformance::check(&LyingHub::new(Lie::Not)).await;
}

#[tokio::test]
async fn what_was_handed_in_is_followed() {
    let home = Home::new().await;
    let sent = pieces(0..75);
    hand_in(&home, sent.clone()).await.unwrap();
    let grant = home.grant(Action::Live).await;
    let shown = home.live.segments(&grant, Stream::Main, 100).await.unwrap();
    let lengths: Vec<_> =
        shown.iter().map(|one| one.closing.unwrap().duration_milliseconds).collect();
    assert_eq!(lengths.len(), 3, "a segment for each key frame");
    assert!(lengths.iter().zip([2000, 2000, 1000]).all(|(a, b)| a.abs_diff(b) < 20), "{lengths:?}");
    assert!(shown.iter().all(|one| one.opening.key && one.opening.codecs.starts_with("avc1.4d")));
    assert_eq!((shown[0].opening.width, shown[0].opening.height), (640, 360));
    assert_eq!(shown[0].before, None);
    assert_eq!(shown[2].before, Some(shown[1].segment), "a segment goes on from the one before");
    assert_eq!(shown[2].opening.number, shown[0].opening.number + 2);
    for (number, one) in shown.iter().enumerate() {
        let fragments = &sent[1 + 30 * number..(1 + 30 * (number + 1)).min(sent.len())];
        let (init, media) = (sent[0].to_vec(), fragments.concat());
        let expected = [
            (Part::Whole, [init.clone(), media.clone()].concat()),
            (Part::Init, init),
            (Part::Media, media),
        ];
        for (part, expected) in expected {
            let mut departure = depart(&home, &grant, one.segment, part).await.unwrap();
            assert_eq!(departure.length(), None);
            let (got, cut) = drain(&mut departure).await;
            assert!(got == expected && cut.is_none(), "segment {number}, {part:?}");
        }
    }
    assert_eq!(home.ledger.deliveries(), 9);
}

#[tokio::test]
async fn a_chunk_is_sent_as_soon_as_it_came() {
    let home = Home::new().await;
    let (line, task) = Line::open(&home).await;
    let sent = pieces(0..40);
    line.send(sent[0].clone());
    line.send(sent[1].clone());
    let grant = home.grant(Action::Live).await;
    let id = segments(&home, &grant, 1).await[0];
    let mut departure = depart(&home, &grant, id, Part::Media).await.unwrap();
    for (number, piece) in sent.iter().enumerate().skip(1).take(30) {
        if number > 1 {
            line.send(piece.clone());
        }
        assert_eq!(next(&mut departure).await.unwrap().unwrap(), *piece, "fragment {number}");
    }
    line.send(sent[31].clone());
    assert!(next(&mut departure).await.is_none(), "the key frame ends the segment");
    drop(line);
    task.await.unwrap().unwrap();
}

async fn next(departure: &mut Departure) -> Option<Result<Bytes, Cut>> {
    use http_body::Body as _;
    let frame =
        std::future::poll_fn(|context| std::pin::Pin::new(&mut *departure).poll_frame(context));
    frame.await.map(|frame| frame.map(|frame| frame.into_data().unwrap()))
}

/// Takes a right away while a segment is followed. What came before is sent, and nothing after.
async fn check_taken_away(what: &str, take_away: impl AsyncFn(&Home)) {
    let home = Home::new().await;
    let residents = home.residents();
    let mint = Mint::new(home.keys.edge());
    let right = CameraRight {
        expires_at_seconds: Some(crate::clock::now_seconds() + 100),
        ..residents.right()
    };
    let any = eyesonly_gate::registry::Expect::Any;
    residents.write_rights(&home.records, &mint, vec![right], any).await;
    let (line, _task) = Line::open(&home).await;
    let sent = pieces(0..4);
    sent[..3].iter().for_each(|piece| line.send(piece.clone()));
    let grant = home.grant(Action::Live).await;
    let id = segments(&home, &grant, 1).await[0];
    let mut departure = depart(&home, &grant, id, Part::Media).await.unwrap();
    for piece in &sent[1..3] {
        assert_eq!(next(&mut departure).await.unwrap().unwrap(), *piece, "{what}");
    }
    take_away(&home).await;
    line.send(sent[3].clone());
    for _ in 0..3 {
        assert_eq!(next(&mut departure).await, Some(Err(Cut)), "{what}: it stays cut");
    }
}

#[tokio::test]
async fn a_revocation_cuts_what_is_followed() {
    check_taken_away("revocation", async |home: &Home| {
        let mint = Mint::new(home.keys.edge());
        let any = eyesonly_gate::registry::Expect::Any;
        home.residents().write_rights(&home.records, &mint, vec![], any).await;
    })
    .await;
}

#[tokio::test]
async fn a_logout_cuts_what_is_followed() {
    check_taken_away("logout", async |home: &Home| {
        home.residents().sign_out(&home.records).await;
    })
    .await;
}

#[tokio::test]
async fn a_narrowed_window_cuts_what_is_followed() {
    check_taken_away("window", async |home: &Home| {
        let mint = Mint::new(home.keys.edge());
        let until_milliseconds = Some(crate::clock::now_milliseconds());
        let window = Window { until_milliseconds, ..Window::default() };
        let right = CameraRight { window, ..home.residents().right() };
        let any = eyesonly_gate::registry::Expect::Any;
        home.residents().write_rights(&home.records, &mint, vec![right], any).await;
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    })
    .await;
}

#[tokio::test]
async fn an_expiry_cuts_what_is_followed() {
    check_taken_away("expiry", async |home: &Home| {
        home.clock.0.store(200, std::sync::atomic::Ordering::SeqCst);
    })
    .await;
}

#[tokio::test]
async fn what_came_long_ago_is_no_head() {
    let home = Home::new().await;
    hand_in(&home, pieces(0..60)).await.unwrap();
    let grant = home.grant(Action::Live).await;
    assert_eq!(home.live.segments(&grant, Stream::Main, 100).await.unwrap().len(), 2);
    home.clock.0.store(21, std::sync::atomic::Ordering::SeqCst);
    assert!(home.live.segments(&grant, Stream::Main, 100).await.unwrap().is_empty());
}

#[tokio::test]
async fn waiting_ends_when_a_segment_starts() {
    let home = Home::new().await;
    let (line, _task) = Line::open(&home).await;
    let sent = pieces(0..40);
    let grant = home.grant(Action::Live).await;
    let (live, waits) = (Arc::clone(&home.live), Arc::clone(&grant));
    let waiting = tokio::spawn(async move { live.wait(waits, Stream::Main, None).await });
    tokio::task::yield_now().await;
    sent[..2].iter().for_each(|piece| line.send(piece.clone()));
    waiting.await.unwrap().unwrap();
    let first = segments(&home, &grant, 1).await[0];
    home.live.wait(Arc::clone(&grant), Stream::Main, None).await.unwrap();
    let (live, waits) = (Arc::clone(&home.live), Arc::clone(&grant));
    let waiting = tokio::spawn(async move { live.wait(waits, Stream::Main, Some(first)).await });
    sent[2..32].iter().for_each(|piece| line.send(piece.clone()));
    waiting.await.unwrap().unwrap();
    assert_eq!(segments(&home, &grant, 2).await[0], first);
}

#[tokio::test]
async fn one_viewer_waits_so_often_and_no_more() {
    let home = Home::new().await;
    let grant = home.grant(Action::Live).await;
    let mut waits: Vec<_> = (0..super::WAITING_OF_VIEWER_MAX)
        .map(|_| Box::pin(home.live.wait(Arc::clone(&grant), Stream::Main, None)))
        .collect();
    for wait in &mut waits {
        assert!(futures::poll!(wait).is_pending());
    }
    let refused = home.live.wait(Arc::clone(&grant), Stream::Main, None).await;
    assert_eq!(refused, Err(FootageError::Limit));
    drop(waits.pop());
    let again = home.live.wait(Arc::clone(&grant), Stream::Main, None);
    assert!(futures::poll!(std::pin::pin!(again)).is_pending(), "a place that is free is given");
}

/// Hands in ten seconds over a hub that lies, and follows what it lists.
async fn check_lie(lie: Lie, expected: Fault) {
    let hub = Arc::new(LyingHub::new(Lie::Not));
    let home = Home::with_hub(Arc::clone(&hub) as Arc<dyn LiveHub>).await;
    let (intake, _) = home.second_camera().await;
    let sent = pieces(0..90);
    let body = |pieces: &[Bytes]| {
        let pieces = pieces.to_vec();
        futures::stream::iter(pieces.into_iter().map(Ok::<_, std::io::Error>))
    };
    // Another camera of the household hands in other footage.
    let other = Loop::of(eyesonly_demo::file("cedar-porch-live.mp4").unwrap()).unwrap();
    let foreign: Vec<Bytes> = std::iter::once(Bytes::from_static(other.init()))
        .chain((0..90).map(|number| other.fragment(number).into()))
        .collect();
    home.live.stream(intake, Stream::Main, body(&foreign)).await.unwrap();
    home.live.stream(home.intake().await, Stream::Sub, body(&foreign)).await.unwrap();
    home.live.stream(home.intake().await, Stream::Main, body(&sent)).await.unwrap();
    hub.tell(lie);
    let grant = home.grant(Action::Live).await;
    let listed = home.live.segments(&grant, Stream::Main, 100).await;
    let ids: Vec<FootageId> =
        listed.iter().flatten().map(|one| one.segment).chain(hub.honest_ids(home.camera)).collect();
    for (place, id) in ids.into_iter().enumerate() {
        let Ok(mut departure) = depart(&home, &grant, id, Part::Media).await else { continue };
        let (got, _) = drain(&mut departure).await;
        let whole = sent[1..].concat();
        let is_own = got.is_empty() || whole.windows(got.len()).any(|part| part == got);
        assert!(is_own, "{lie:?}: segment {place} has foreign or crossed bytes");
    }
    let told = home.ledger.misdeliveries(Seam::LiveHub, expected);
    assert!(told > 0, "{lie:?}: it is rejected as {expected:?}, and counted");
}

#[tokio::test]
async fn no_lie_of_the_hub_shows_anything_foreign() {
    for (lie, expected) in [
        (Lie::AnotherCamera, Fault::WrongSeal),
        (Lie::AnotherStream, Fault::WrongSeal),
        (Lie::AnotherChunk, Fault::WrongSeal),
        (Lie::Cut, Fault::WrongLength),
        (Lie::Flipped, Fault::BadChunk),
        (Lie::Empty, Fault::WrongLength),
        (Lie::CamerasStatements, Fault::WrongAnswer),
        (Lie::StreamsStatements, Fault::WrongAnswer),
        (Lie::Reordered, Fault::WrongAnswer),
        (Lie::HeadGoesBack, Fault::Stale),
    ] {
        check_lie(lie, expected).await;
    }
}

#[tokio::test]
async fn a_segment_that_ends_early_has_no_end() {
    let hub = Arc::new(LyingHub::new(Lie::Not));
    let home = Home::with_hub(Arc::clone(&hub) as Arc<dyn LiveHub>).await;
    hand_in(&home, pieces(0..60)).await.unwrap();
    let grant = home.grant(Action::Live).await;
    let id = segments(&home, &grant, 2).await[0];
    hub.tell(Lie::EndsEarly);
    let mut departure = depart(&home, &grant, id, Part::Media).await.unwrap();
    let (got, cut) = drain(&mut departure).await;
    assert!(got == pieces(0..9)[1..].concat(), "{} bytes", got.len());
    assert_eq!(cut, Some(Cut), "it does not look like an end");
}

/// A player that was told of the segments before would go back.
#[tokio::test]
async fn a_newest_segment_that_the_hub_lacks_is_not_passed_over() {
    let hub = Arc::new(LyingHub::new(Lie::Not));
    let home = Home::with_hub(Arc::clone(&hub) as Arc<dyn LiveHub>).await;
    hand_in(&home, pieces(0..60)).await.unwrap();
    let grant = home.grant(Action::Live).await;
    assert_eq!(home.live.segments(&grant, Stream::Main, 100).await.unwrap().len(), 2);
    hub.tell(Lie::HeadEndsEarly);
    let listed = home.live.segments(&grant, Stream::Main, 100).await;
    assert_eq!(listed, Err(FootageError::Unavailable));
}

/// The process is another one, so that it remembers nothing of what it took in.
#[tokio::test]
async fn a_segment_of_yesterday_is_no_head_after_a_restart() {
    let home = Home::new().await;
    hand_in(&home, pieces(0..60)).await.unwrap();
    let grant = home.grant(Action::Live).await;
    let fresh = Live::new(
        Arc::clone(&home.live.hub),
        Arc::clone(&home.admission),
        Arc::clone(&home.clock) as _,
    );
    assert_eq!(fresh.segments(&grant, Stream::Main, 100).await.unwrap().len(), 2);
    home.clock.0.store(86_400, std::sync::atomic::Ordering::SeqCst);
    assert!(fresh.segments(&grant, Stream::Main, 100).await.unwrap().is_empty());
}
