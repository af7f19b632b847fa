//! Streams that come as files: the order of arrival makes no difference, and a file that comes
//! again none either.

use super::{Home, LiveError, Stream, hand_in, pieces, recording};
use crate::ingest::Taken;
use crate::live::Shown;
use bytes::Bytes;
use eyesonly_rights::Action;

/// Hands in one file of a session.
async fn put(home: &Home, session: &str, file: &str, body: Bytes) -> Result<Taken, LiveError> {
    let names = (session.to_owned(), None, file.to_owned());
    let body = futures::stream::iter([Ok::<_, std::io::Error>(body)]);
    home.live.file(home.intake().await, names, body).await
}

fn init() -> Bytes {
    Bytes::from_static(recording().init())
}

/// Returns the fragments of a file: one group of pictures.
fn file(number: u32) -> Bytes {
    pieces(30 * number..30 * (number + 1))[1..].concat().into()
}

async fn shown(home: &Home, stream: Stream) -> Vec<Shown> {
    let grant = home.grant(Action::Live).await;
    home.live.segments(&grant, stream, 100).await.unwrap()
}

#[tokio::test]
async fn an_init_may_come_after_its_segment() {
    let home = Home::new().await;
    put(&home, "h1", "out0.m4s", file(0)).await.unwrap();
    assert!(shown(&home, Stream::Main).await.is_empty(), "nothing is shown without an init");
    put(&home, "h1", "init.mp4", init()).await.unwrap();
    put(&home, "h1", "out1.m4s", file(1)).await.unwrap();
    let segments = shown(&home, Stream::Main).await;
    assert_eq!(segments.len(), 2);
    assert_eq!(segments[1].before, Some(segments[0].segment), "one goes on from the other");
    assert_eq!(put(&home, "h1", "index.m3u8", "#EXTM3U".into()).await.unwrap(), Taken::Same);
}

#[tokio::test]
async fn a_file_that_comes_again_is_not_shown_twice() {
    let home = Home::new().await;
    put(&home, "d1", "init-stream0.m4s", init()).await.unwrap();
    let name = "chunk-stream0-00001.m4s";
    assert_eq!(put(&home, "d1", name, file(0)).await.unwrap(), Taken::Created);
    assert_eq!(put(&home, "d1", name, file(0)).await.unwrap(), Taken::Same);
    assert_eq!(shown(&home, Stream::Main).await.len(), 1);
    // The camera starts anew: other bytes have the known name.
    assert_eq!(put(&home, "d1", name, file(2)).await.unwrap(), Taken::Created);
    let segments = shown(&home, Stream::Main).await;
    assert_eq!(segments.len(), 2);
    assert!(segments[1].before.is_none() && segments[1].opening.run > segments[0].opening.run);
}

#[tokio::test]
async fn two_video_tracks_are_two_streams_and_a_third_is_refused() {
    let home = Home::new().await;
    for track in ["stream0", "stream1"] {
        put(&home, "d1", &format!("init-{track}.m4s"), init()).await.unwrap();
        put(&home, "d1", &format!("chunk-{track}-1.m4s"), file(0)).await.unwrap();
    }
    assert_eq!(shown(&home, Stream::Main).await.len(), 1);
    assert_eq!(shown(&home, Stream::Sub).await.len(), 1);
    let third = put(&home, "d1", "init-stream2.m4s", init()).await;
    assert!(matches!(third, Err(LiveError::Tracks)));
}

#[tokio::test]
async fn a_session_comes_back_once_a_newer_publisher_has_left() {
    let home = Home::new().await;
    put(&home, "d1", "init-stream0.m4s", init()).await.unwrap();
    put(&home, "d1", "chunk-stream0-1.m4s", file(0)).await.unwrap();
    let (line, _task) = super::Line::open(&home).await;
    pieces(0..2).into_iter().for_each(|piece| line.send(piece));
    let grant = home.grant(Action::Live).await;
    super::segments(&home, &grant, 2).await;
    let refused = put(&home, "d1", "chunk-stream0-2.m4s", file(1)).await;
    assert!(matches!(refused, Err(LiveError::Superseded)), "the newer one still streams");
    drop(line);
    hand_in(&home, pieces(0..2)).await.unwrap();
    put(&home, "d1", "chunk-stream0-3.m4s", file(2)).await.unwrap();
    let segments = shown(&home, Stream::Main).await;
    assert!(segments.last().unwrap().before.is_none(), "it starts a run");
}

#[tokio::test]
async fn fragments_without_an_init_are_bounded() {
    let home = Home::new().await;
    let big = {
        let mut fragment = recording().fragment(0);
        let mdat = fragment.windows(4).position(|name| name == b"mdat").unwrap() - 4;
        fragment.resize(fragment.len() + 3_000_000, 0);
        let size = u32::try_from(fragment.len() - mdat).unwrap();
        fragment[mdat..mdat + 4].copy_from_slice(&size.to_be_bytes());
        Bytes::from(fragment)
    };
    for number in 0..2 {
        put(&home, "h1", &format!("out{number}.m4s"), big.clone()).await.unwrap();
    }
    let refused = put(&home, "h1", "out9.m4s", big).await;
    assert!(matches!(refused, Err(LiveError::NoInit)));
}
