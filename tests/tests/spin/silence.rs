//! Clients that go silent: their requests end, so that the engine has their instances again.

use std::time::{Duration, Instant};

use eyesonly_harness::footage::{description, fresh_id};
use eyesonly_tests::footage::large_clip;
use eyesonly_tests::raw::{self, half_a_clip};
use eyesonly_tests::{Edge, Home};
use tokio::io::AsyncReadExt as _;

use super::spin;

/// Longer than the edge waits for any silent client, in seconds.
const SECONDS_MAX: u64 = 120;

#[tokio::test]
async fn a_login_that_does_not_come_is_answered_408() {
    let edge = Edge::start(spin());
    let begun = "POST /v1/session HTTP/1.1\r\nHost: edge\r\nContent-Type: application/json\r\n\
                 Content-Length: 100\r\n\r\n{";
    let since = Instant::now();
    let mut line = raw::begin(edge.door(), begun.as_bytes()).await;
    let answer = raw::read_head(&mut line).await;
    assert_eq!(answer.status, 408, "{}", answer.text);
    assert!(since.elapsed() >= Duration::from_secs(9), "it had its ten seconds");
}

#[tokio::test]
async fn an_upload_and_a_download_that_stand_still_are_ended() {
    let home = Home::with(spin()).await;
    let (event, other) = (fresh_id(), fresh_id());
    let clip = large_clip();
    for id in [&event, &other] {
        home.camera.put_event(id, &description("a fox")).await.expect(201);
    }
    home.camera.put_clip(&event, clip.clone()).await.expect(201);

    let mut upload =
        raw::begin(home.edge.door(), &half_a_clip(&home.camera, &other, &clip, 100_000)).await;
    let path = format!(
        "GET /v1/{}/cameras/{}/events/{event}/clip HTTP/1.1\r\nHost: edge\r\n\
         Authorization: Bearer {}\r\n\r\n",
        home.viewer.tag,
        home.camera.id,
        home.viewer.secret()
    );
    let mut download = raw::begin(home.edge.door(), path.as_bytes()).await;

    assert_eq!(raw::read_head(&mut upload).await.status, 400, "the upload is told");
    // The download's client reads only now.
    tokio::time::sleep(Duration::from_secs(5)).await;
    let mut got = Vec::new();
    let ended =
        tokio::time::timeout(Duration::from_secs(SECONDS_MAX), download.read_to_end(&mut got))
            .await;
    assert!(ended.is_ok(), "the download goes on");
    assert!(
        got.starts_with(b"HTTP/1.1 200") && got.len() < clip.len(),
        "{} bytes of {}",
        got.len(),
        clip.len()
    );
    home.viewer.clip(&home.camera, &other).await.expect_problem(404);
    home.camera.put_clip(&other, clip).await.expect(201);
}
