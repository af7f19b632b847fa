//! A segment is followed while it is made, and the next one is waited for.

use std::time::Instant;

use bytes::Bytes;
use eyesonly_tests::live::{Stream, Streaming, numbered, numbers, recording};
use eyesonly_tests::{Answer, EdgeOptions, poll};
use reqwest::Method;

use crate::{Following, Scene};

/// Fragments between two key frames.
const GROUP: u32 = 30;

#[tokio::test]
async fn a_fragment_is_followed_before_the_next_one_comes() {
    let scene = Scene::new().await;
    assert!(scene.streams().await.is_empty(), "no stream was handed in yet");
    let (line, live) = (Stream::open(&scene.camera, "main"), recording("alder-front-door"));
    line.send(Bytes::from_static(live.init()));
    line.send(numbered(&live, 0));
    scene.is_live().await;
    let stream = scene.streams().await.remove(0);
    assert_eq!((&stream["name"], &stream["width"]), (&"main".into(), &640.into()), "{stream}");
    assert!(stream["codecs"].as_str().unwrap().starts_with("avc1."), "{stream}");
    let mut following = scene.follow("").await;
    assert_eq!(following.segment, stream["head"].as_str().unwrap());
    let headers = following.response.headers();
    assert_eq!(headers["content-type"], "video/mp4");
    assert_eq!(headers["cache-control"], "private, no-store");
    assert!(headers.contains_key("eyesonly-time") && !headers.contains_key("content-length"));
    let mut got = Vec::new();
    for number in 0..GROUP {
        if number > 0 {
            line.send(numbered(&live, number));
        }
        // The next fragment is sent once this one was followed, so that none can wait for it.
        while numbers(&got).last() != Some(&number) {
            got.extend_from_slice(&following.piece().await.unwrap().unwrap());
        }
    }
    line.send(numbered(&live, GROUP));
    assert_eq!(following.piece().await.unwrap(), None, "the key frame ends the segment");
    let fragments: Vec<u8> = (0..GROUP).flat_map(|number| numbered(&live, number)).collect();
    assert!(got == [live.init(), &fragments].concat(), "exactly what the camera sent");

    let ended = format!("?after={}", following.segment);
    let next = scene.follow(&ended).await;
    assert_ne!(next.segment, following.segment);
    line.end().await.unwrap().expect(200);
    let (bytes, is_cut) = next.rest().await;
    assert_eq!((numbers(&bytes), is_cut), (vec![GROUP], false));
    let again = Following::of(&scene.viewer, &scene.path(&format!("/{}", following.segment))).await;
    let (bytes, is_cut) = again.rest().await;
    assert!(bytes == got && !is_cut, "a whole segment is had by its name");
}

#[tokio::test]
async fn segments_follow_each_other_without_a_gap() {
    let scene = Scene::new().await;
    let _streaming = Streaming::start(&scene.camera, "main", recording("alder-front-door"));
    scene.is_live().await;
    let (mut query, mut seen) = (String::new(), Vec::new());
    for _ in 0..4 {
        let following = scene.follow(&query).await;
        query = format!("?after={}", following.segment);
        let (bytes, is_cut) = following.rest().await;
        assert!(!is_cut);
        seen.extend(numbers(&bytes));
    }
    assert!(seen.len() > 90, "{} fragments", seen.len());
    assert!(seen.windows(2).all(|pair| pair[1] == pair[0] + 1), "{seen:?}");
}

#[tokio::test]
async fn who_waits_for_a_camera_that_is_off_is_answered_in_time() {
    let scene = Scene::new().await;
    let start = Instant::now();
    let path = scene.path("/next");
    let head = Answer::of(scene.viewer.ask(Method::HEAD, &path)).await;
    assert_eq!(head.status, 404);
    assert!(start.elapsed().as_secs() < 5, "HEAD does not wait");
    let waiting = tokio::spawn({
        let (viewer, path) = (scene.viewer.clone(), path.clone());
        async move { viewer.get(&path).await }
    });
    // One request waits, and the camera comes.
    let live = recording("alder-front-door");
    let line = Stream::open(&scene.camera, "main");
    line.send(Bytes::from_static(live.init()));
    line.send(numbered(&live, 0));
    scene.is_live().await;
    drop(line);
    let answer = waiting.await.unwrap().expect(200);
    assert_eq!(numbers(&answer.body), [0]);
    // Nothing comes after the stream has ended.
    let head = answer.header("content-location").rsplit('/').next().unwrap().to_owned();
    scene.viewer.get(&format!("{path}?after={head}")).await.expect_problem(404);
    for bad in ["?after=no-id", "?stream=third"] {
        scene.viewer.get(&format!("{path}{bad}")).await.expect_problem(400);
    }
}

/// An edge that starts again has nothing of what it held, and a camera that comes back is followed.
#[tokio::test]
async fn live_view_comes_back_after_a_restart() {
    let mut scene = Scene::with(EdgeOptions::default()).await;
    let streaming = Streaming::start(&scene.camera, "main", recording("alder-front-door"));
    scene.is_live().await;
    let before = scene.streams().await.remove(0);
    drop(streaming);
    scene.edge.restart_with(|_| ());
    assert!(scene.streams().await.is_empty());
    let _streaming = Streaming::start(&scene.camera, "main", recording("alder-front-door"));
    scene.is_live().await;
    let after = scene.streams().await.remove(0);
    assert!(after["run"].as_u64() > before["run"].as_u64(), "{before} {after}");
    assert_ne!(before["head"], after["head"]);
    scene.follow(&format!("?after={}", before["head"].as_str().unwrap())).await;
}

/// Two streams of one camera stand apart.
#[tokio::test]
async fn a_camera_has_two_streams() {
    let scene = Scene::new().await;
    let _main = Streaming::start(&scene.camera, "main", recording("alder-front-door"));
    let _sub = Streaming::start(&scene.camera, "sub", recording("cedar-porch"));
    poll("both are live", 30, async || scene.streams().await.len() == 2).await;
    for (query, of) in [("", "alder-front-door"), ("?stream=sub", "cedar-porch")] {
        let (bytes, _) = scene.follow(query).await.rest().await;
        let (init, first) = (recording(of), numbers(&bytes)[0]);
        assert!(bytes.starts_with(&[init.init(), &numbered(&init, first)].concat()), "{of}");
    }
}
