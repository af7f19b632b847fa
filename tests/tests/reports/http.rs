//! HTTP: conditions, ranges, types, and answers that a client can read.

use super::{event_with_clip, report};
use eyesonly_harness::footage::fresh_id;
use eyesonly_harness::paths;
use eyesonly_tests::{Answer, Home};
use reqwest::Method;

/// A home with an event that has a clip, with the clip's length.
async fn with_clip() -> (Home, String, usize) {
    let home = Home::new().await;
    let clip = report("00-good-h264-aac-faststart.mp4");
    let length = clip.len();
    let (event, answer) = event_with_clip(&home, clip).await;
    answer.expect(201);
    (home, event, length)
}

async fn ask(home: &Home, event: &str, method: Method, headers: &[(&str, &str)]) -> Answer {
    let request = home.viewer.ask(method, &paths::clip(&home.camera.id, event));
    let add = |request: reqwest::RequestBuilder, (name, value): &(&str, &str)| {
        request.header(*name, *value)
    };
    Answer::of(headers.iter().fold(request, add)).await
}

#[tokio::test]
async fn r10_a_range_is_for_get_alone() {
    let (home, event, length) = with_clip().await;
    for range in ["bytes=0-9", "bytes=99999999-"] {
        let answer = ask(&home, &event, Method::HEAD, &[("range", range)]).await.expect(200);
        assert_eq!(answer.header("content-length"), length.to_string());
    }
}

#[tokio::test]
async fn r11_conditions_are_decided() {
    let (home, event, _) = with_clip().await;
    let tag = ask(&home, &event, Method::GET, &[]).await.header("etag").to_owned();
    let check = async |headers: &[(&str, &str)], expected: u16| {
        let answer = ask(&home, &event, Method::GET, headers).await;
        assert_eq!(answer.status, expected, "{headers:?}");
        answer
    };
    let unchanged = check(&[("if-none-match", &tag)], 304).await;
    assert!(unchanged.body.is_empty() && unchanged.header("etag") == tag);
    assert_eq!(unchanged.header("cache-control"), "private, no-store");
    check(&[("if-none-match", "\"other\"")], 200).await;
    check(&[("if-match", &tag)], 200).await;
    check(&[("if-match", "\"other\"")], 412).await;
    check(&[("if-none-match", &tag), ("range", "bytes=0-9")], 304).await;
    check(&[("if-range", &tag), ("range", "bytes=0-9")], 206).await;
    // Whoever may not see it learns nothing of what is there.
    let stranger = home.edge.household("Birch Street 9").viewer("birch").login().await;
    let path = paths::clip(&home.camera.id, &event);
    let request = stranger.ask(Method::GET, &path).header("if-none-match", &tag);
    Answer::of(request).await.expect_problem(404);
}

#[tokio::test]
async fn r12_several_ranges_and_odd_numbers() {
    let (home, event, length) = with_clip().await;
    let check = async |range: &str, expected: u16, expected_length: usize| {
        let answer = ask(&home, &event, Method::GET, &[("range", range)]).await;
        assert_eq!(answer.status, expected, "{range}");
        if expected < 300 {
            assert_eq!(answer.body.len(), expected_length, "{range}");
        }
    };
    check("bytes=0-50, 10-150", 200, length).await;
    check("bytes=-0", 416, 0).await;
    check("bytes=10-99999999999999999999999", 206, length - 10).await;
    check("bytes=99999999999999999999999-", 416, 0).await;
    check("bytes=0005-0009", 206, 5).await;
}

#[tokio::test]
async fn r13_the_wrong_name_of_a_jpeg() {
    let home = Home::new().await;
    let upload = |media_type: &str| {
        let request = home.camera.upload(&format!("stills/{}", fresh_id()), media_type);
        Answer::of_upload(request.body(report("00-good-1280x720-420.jpg")))
    };
    upload("image/jpg").await.expect(201);
    upload("image/JPG; charset=binary").await.expect(201);
    upload("image/png").await.expect_problem(415);
}
