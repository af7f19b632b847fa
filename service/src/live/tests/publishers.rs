//! Who may hand in a stream: the newest publisher, for as long as its camera is enrolled. And what
//! becomes of streams that few cameras send.

use super::{Home, Line, LiveError, Stream, hand_in, pieces, recording, segments};
use bytes::Bytes;
use eyesonly_rights::Action;

/// Ends the right of a camera in the middle of its stream: nothing that comes then opens for
/// anybody.
async fn check_ended(what: &str, end: impl AsyncFn(&Home)) {
    let home = Home::new().await;
    let (line, task) = Line::open(&home).await;
    let sent = pieces(0..4);
    sent[..3].iter().for_each(|piece| line.send(piece.clone()));
    let grant = home.grant(Action::Live).await;
    segments(&home, &grant, 1).await;
    end(&home).await;
    line.send(sent[3].clone());
    assert!(matches!(task.await.unwrap(), Err(LiveError::Revoked)), "{what}");
    let kept = home.live.hub.segments((home.camera, Stream::Main)).await.unwrap();
    assert!(kept.is_empty(), "{what}: the hub has nothing of it any more");
    let shown = home.live.segments(&grant, Stream::Main, 100).await.unwrap();
    assert!(shown.is_empty(), "{what}: that is no lie of the hub's");
}

#[tokio::test]
async fn a_camera_that_was_removed_hands_in_no_more() {
    check_ended("removed", async |home: &Home| {
        home.admin.remove_camera(home.camera).await.unwrap();
    })
    .await;
}

#[tokio::test]
async fn a_camera_with_a_new_credential_ends_its_older_stream() {
    check_ended("a new credential", async |home: &Home| {
        home.admin.renew_credential(home.camera).await.unwrap();
    })
    .await;
}

#[tokio::test]
async fn a_household_that_goes_takes_its_streams_with_it() {
    check_ended("a household", async |home: &Home| {
        home.admin.remove_household(home.household).await.unwrap();
    })
    .await;
}

#[tokio::test]
async fn the_newer_publisher_wins() {
    let home = Home::new().await;
    let (older, task) = Line::open(&home).await;
    let sent = pieces(0..60);
    sent[..5].iter().for_each(|piece| older.send(piece.clone()));
    let grant = home.grant(Action::Live).await;
    let first = segments(&home, &grant, 1).await[0];
    hand_in(&home, sent.clone()).await.unwrap();
    assert!(matches!(task.await.unwrap(), Err(LiveError::Superseded)));
    let shown = home.live.segments(&grant, Stream::Main, 100).await.unwrap();
    assert_eq!(shown.len(), 3);
    assert_eq!((shown[0].segment, shown[1].before), (first, None), "it does not go on from there");
    assert_eq!(shown[1].opening.run, shown[0].opening.run + 1);
}

#[tokio::test]
async fn publishers_that_take_turns_are_refused() {
    let home = Home::new().await;
    for _ in 0..7 {
        hand_in(&home, pieces(0..2)).await.unwrap();
    }
    assert!(matches!(hand_in(&home, pieces(0..2)).await, Err(LiveError::Flapping(6))));
}

/// A stream without a further key frame goes on in segments where no player can start.
#[tokio::test]
async fn a_stream_without_key_frames_is_cut_all_the_same() {
    let home = Home::new().await;
    let live = recording();
    let init = Bytes::from_static(live.init());
    // Each 30th fragment has a key frame, and only the first of them is sent.
    let fragments = (0..400_u32).filter(|number| *number == 0 || number % 30 != 0);
    let sent: Vec<Bytes> =
        std::iter::once(init).chain(fragments.map(|number| live.fragment(number).into())).collect();
    hand_in(&home, sent).await.unwrap();
    let grant = home.grant(Action::Live).await;
    let shown = home.live.segments(&grant, Stream::Main, 100).await.unwrap();
    assert_eq!(shown.iter().map(|one| one.opening.key).collect::<Vec<_>>(), [true, false, false]);
    assert_eq!(shown[1].before, Some(shown[0].segment));
    let longest = shown.iter().map(|one| one.closing.unwrap().duration_milliseconds).max();
    assert!(longest.unwrap() <= 10_100, "{longest:?}");
}

/// A fragment may be longer than a segment, and is one by itself then.
#[tokio::test]
async fn a_fragment_of_half_a_minute_is_a_segment() {
    let home = Home::new().await;
    let long = |number: u32| {
        let mut bytes = recording().fragment(30 * number);
        // The duration of its one sample, in the box that has it for all.
        let tfhd = bytes.windows(4).position(|name| name == b"tfhd").unwrap();
        let duration = (15_360_u32 * 30).to_be_bytes();
        bytes[tfhd + 12..tfhd + 16].copy_from_slice(&duration);
        Bytes::from(bytes)
    };
    let sent = vec![Bytes::from_static(recording().init()), long(0), long(1)];
    hand_in(&home, sent).await.unwrap();
    let grant = home.grant(Action::Live).await;
    let shown = home.live.segments(&grant, Stream::Main, 100).await.unwrap();
    let lengths: Vec<u64> =
        shown.iter().map(|one| one.closing.unwrap().duration_milliseconds).collect();
    assert_eq!(lengths, [30_000, 30_000]);
}
