//! Bad input: each is answered with words, and others are not disturbed.

use bytes::Bytes;
use eyesonly_harness::footage::longer;
use eyesonly_tests::live::{Stream, Streaming, numbered, recording};
use eyesonly_tests::tool::tool;
use eyesonly_tests::{Answer, footage};
use reqwest::Method;

use crate::Scene;

/// Sends a whole body as a stream, and expects this status.
async fn check(scene: &Scene, what: &str, body: impl Into<Bytes>, status: u16) -> String {
    let request = scene.camera.upload("live/sub", "video/mp4").body(body.into());
    let answer = Answer::of_upload(request).await;
    assert_eq!(answer.status, status, "{what}: {}", answer.told());
    answer.expect_problem(status).json()["detail"].as_str().unwrap().to_owned()
}

fn boxed(name: &[u8; 4], body: &[u8]) -> Vec<u8> {
    let size = u32::try_from(body.len() + 8).unwrap();
    [&size.to_be_bytes(), &name[..], body].concat()
}

#[tokio::test]
async fn what_is_no_stream_is_refused_with_words() {
    let scene = Scene::new().await;
    let _others = Streaming::start(&scene.camera, "main", recording("alder-front-door"));
    let live = recording("alder-front-door");
    let init = live.init();
    let fragment = live.fragment(0);

    let transport = [0x47; 188 * 3];
    let words = check(&scene, "MPEG-TS", transport.to_vec(), 415).await;
    assert!(words.contains("MPEG-TS") && words.contains("frag_keyframe+empty_moov"), "{words}");
    let words = check(&scene, "a JPEG", footage::media("alder-garden.jpg"), 415).await;
    assert!(words.contains("JPEG"), "{words}");
    let words = check(&scene, "a plain MP4", footage::media("alder-driveway-car.mp4"), 415).await;
    assert!(words.contains("not fragmented"), "{words}");
    check(&scene, "no init", fragment.clone(), 422).await;

    let mut claims = boxed(b"moof", &[0; 16]);
    claims.extend_from_slice(&[0x80, 0, 0, 0]);
    claims.extend_from_slice(b"mdat");
    claims.extend_from_slice(&[0; 100]);
    check(&scene, "an mdat of 2 GiB", [init, &claims].concat(), 422).await;

    let mut samples = fragment.clone();
    let trun = samples.windows(4).position(|name| name == b"trun").unwrap();
    samples[trun + 8..trun + 12].copy_from_slice(&1_000_000_u32.to_be_bytes());
    check(&scene, "a million samples", [init, &samples].concat(), 422).await;

    let mut sizes = fragment.clone();
    sizes[3] = sizes[3].wrapping_add(4);
    check(&scene, "boxes that do not add up", [init, &sizes].concat(), 422).await;
    check(&scene, "init after its segment", [&fragment, init].concat(), 422).await;
    check(&scene, "half a box", [init, &fragment[..fragment.len() / 2]].concat(), 422).await;
    assert_eq!(scene.streams().await.len(), 1, "the other stream goes on");
}

#[tokio::test]
async fn names_and_manifests_have_limits() {
    let scene = Scene::new().await;
    let put = async |path: &str, body: Vec<u8>| {
        Answer::of_upload(scene.camera.upload(&format!("live/{path}"), "video/mp4").body(body))
            .await
    };
    for path in ["s/..%2Fa.m4s", "s/a%20b", "a%2Fb/c.m4s"] {
        put(path, vec![0; 8]).await.expect_problem(400);
    }
    put(&format!("{}/a.m4s", "s".repeat(65)), vec![0; 8]).await.expect_problem(400);
    put("s/index.mpd", b"<MPD/>".to_vec()).await.expect(200);
    put("s/index.mpd", vec![b' '; 10 * 1024 * 1024]).await.expect_problem(413);
    let request = scene.camera.upload("live/s/chunk-1.m4s", "video/mp4").build().unwrap();
    let delete = scene.edge.door().request(Method::DELETE, request.url().path());
    Answer::of(delete.bearer_auth(&scene.camera.credential)).await.expect(204);
}

#[tokio::test]
async fn the_newer_of_two_publishers_wins_and_the_older_is_told() {
    let scene = Scene::new().await;
    let older = Streaming::start(&scene.camera, "main", recording("alder-front-door"));
    scene.is_live().await;
    let before = scene.streams().await.remove(0);
    let _newer = Streaming::start(&scene.camera, "main", recording("cedar-porch"));
    let told = older.ended().await.expect_problem(409);
    assert!(
        told.json()["detail"].as_str().unwrap().contains("newer connection"),
        "{}",
        told.told()
    );
    scene.is_live().await;
    let after = scene.streams().await.remove(0);
    assert!(after["run"].as_u64() > before["run"].as_u64());
}

#[tokio::test]
async fn publishers_that_take_turns_are_told_to_stop() {
    let scene = Scene::new().await;
    let live = recording("alder-front-door");
    let body = [live.init(), &live.fragment(0)].concat();
    let put = async || {
        let request = scene.camera.upload("live/main", "video/mp4").body(body.clone());
        Answer::of_upload(request).await
    };
    for _ in 0..7 {
        put().await.expect(200);
    }
    let answer = put().await.expect_problem(429);
    assert_eq!(answer.header("retry-after"), "60");
}

/// A stream that is too fast is ended, and so is one that stops in the middle.
#[tokio::test]
async fn a_stream_has_a_pace() {
    let scene = Scene::new().await;
    let live = recording("alder-front-door");
    let line = Stream::open(&scene.camera, "main");
    line.send(Bytes::from_static(live.init()));
    // 40 MB at once are more than 25 Mbit/s over ten seconds.
    let fragment = live.fragment(0);
    let bytes = fragment.len() + 4_000_000;
    let fragment = longer(fragment, bytes, &[]);
    for _ in 0..10 {
        line.send(fragment.clone());
    }
    match line.end().await {
        Ok(answer) => {
            let words = answer.expect_problem(422);
            assert!(words.told().contains("25 Mbit/s"), "{}", words.told());
        }
        // The connection may close before all was written.
        Err(error) => assert!(!error.is_connect(), "{error:?}"),
    }
    let mut silent = Stream::open(&scene.camera, "main");
    silent.send(Bytes::from_static(live.init()));
    silent.send(numbered(&live, 0));
    silent.send(live.fragment(1)[..20].to_vec());
    // The edge waits for ten seconds.
    let answer = silent.answered().await.unwrap().expect_problem(408);
    assert!(answer.told().contains("10"), "{}", answer.told());
    if tool("ffmpeg") {
        // ffmpeg itself, with the form that is not taken.
        let clip = footage::ffmpeg("testsrc=s=64x64:r=5:d=1", "-f mpegts", "a.ts");
        check(&scene, "MPEG-TS of ffmpeg", clip, 415).await;
    }
}
