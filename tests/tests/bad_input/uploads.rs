//! Uploads of cameras with wrong bodies, ids or digests.

use bytes::Bytes;
use eyesonly_harness::footage::{
    content_digest, description, footage_id, fresh_id, mp4_box, now_milliseconds,
};
use eyesonly_tests::Answer;
use eyesonly_tests::footage::{clip, media};
use eyesonly_tests::raw::{begin, read_head};
use eyesonly_tests::tool::tool;
use reqwest::{Body, Method};
use serde_json::json;

use crate::Scene;

/// The first Huffman tables of DC and AC, with one code of one bit each. The picture data does not
/// start with that code.
const HUFFMAN: [u8; 40] = [
    0xFF, 0xC4, 0, 38, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10, 1, 0, 0, 0, 0,
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
];

/// Makes a JPEG of components with these sampling factors, with these tables, and with this many
/// frame headers.
fn jpeg_of(sampling: &[u8], huffman: &[u8], frames: usize) -> Vec<u8> {
    let count = u8::try_from(sampling.len()).unwrap();
    let mut frame = vec![0xFF, 0xC0, 0, 8 + 3 * count, 8, 0, 64, 0, 64, count];
    let mut scan = vec![0xFF, 0xDA, 0, 6 + 2 * count, count];
    for (id, factors) in (1..).zip(sampling) {
        frame.extend([id, *factors, 0]);
        scan.extend([id, 0]);
    }
    scan.extend([0, 63, 0]);
    let quantisers = [&[0xFF, 0xDB, 0, 67, 0][..], &[1; 64]].concat();
    let head = [&[0xFF, 0xD8][..], &quantisers, &frame.repeat(frames), huffman].concat();
    [&head[..], &scan, &[0x92; 500], &[0xFF, 0xD9]].concat()
}

#[tokio::test]
async fn stills_that_are_not_stills() {
    let scene = Scene::new().await;
    let before = scene.shown().await;
    let jpeg = media("special/orientation-1.jpg");
    for (what, body, status) in [
        ("a PNG", media("special/png-named.jpg"), 415),
        ("text", Bytes::from_static(b"this is a still, honestly"), 415),
        ("nothing", Bytes::new(), 415),
        ("an MP4", scene.clip.clone(), 415),
        ("a JPEG that is cut in its head", jpeg.slice(..200), 422),
        ("60000×60000", media("special/claims-60000x60000.jpg"), 422),
        ("sampling factors of 0", jpeg_of(&[0], &HUFFMAN, 1).into(), 422),
        ("two frame headers", jpeg_of(&[0x11], &HUFFMAN, 2).into(), 422),
    ] {
        let answer = scene.camera.put_still(&fresh_id(), body.clone()).await;
        assert_eq!(answer.status, status, "{what}");
        answer.expect_problem(status);
        scene.camera.put_event_still(&scene.bare_event, body).await.expect_problem(status);
        scene.expect_unchanged(&before, what).await;
    }
}

#[tokio::test]
async fn bodies_above_their_limit() {
    let scene = Scene::new().await;
    let before = scene.shown().await;
    let (still, clip, event) = (8_u64 << 20, 2_u64 << 30, 4_u64 << 10);
    for (path, limit) in [
        (format!("stills/{}", fresh_id()), still),
        (format!("events/{}/still", scene.bare_event), still),
        (format!("events/{}/clip", scene.bare_event), clip),
        (format!("events/{}", fresh_id()), event),
    ] {
        // The edge refuses at once, from the length that the head declares, without any of the
        // body.
        let (credential, length) = (&scene.camera.credential, limit + 1);
        let head = format!(
            "PUT /v1/ingest/{path} HTTP/1.1\r\nHost: edge\r\nAuthorization: Bearer {credential}\r\n\
             Content-Length: {length}\r\n\r\n"
        );
        let mut stream = begin(scene.edge.door(), head.as_bytes()).await;
        let answer = read_head(&mut stream).await;
        assert!(
            answer.status == 413 && answer.text.contains("application/problem+json"),
            "{path}: {answer:?}"
        );
    }
    // The limit holds without a Content-Length too. The edge stops reading there, so the sender may
    // see only a closed connection.
    let start = media("special/orientation-1.jpg").slice(..2);
    let comment = Bytes::from([&[0xFF, 0xFE, 0xFF, 0xFF][..], &[b'x'; 65_533]].concat());
    let pieces = std::iter::once(start)
        .chain(std::iter::repeat_n(comment, 2000))
        .map(Ok::<_, std::io::Error>);
    let streamed = Body::wrap_stream(futures::stream::iter(pieces));
    let request =
        scene.camera.upload(&format!("stills/{}", fresh_id()), "image/jpeg").body(streamed);
    match Answer::try_of(request).await {
        Ok(answer) => drop(answer.expect_problem(413)),
        Err(error) => assert!(error.is_request(), "{error:?}"),
    }
    scene.expect_unchanged(&before, "too much").await;
}

#[tokio::test]
async fn a_still_of_wrong_codes_is_shown_as_damaged() {
    let scene = Scene::new().await;
    let still = jpeg_of(&[0x11], &HUFFMAN, 1);
    scene.camera.put_event_still(&scene.bare_event, still).await.expect(201);
    scene.viewer.event_thumbnail(&scene.camera, &scene.bare_event, 320).await.expect(200);
}

#[tokio::test]
async fn clips_that_are_not_clips() {
    let scene = Scene::new().await;
    let before = scene.shown().await;
    let (ftyp, moov) = (mp4_box(b"ftyp", b"isom\0\0\0\0isom"), mp4_box(b"moov", &[0; 64]));
    for (what, body, status) in [
        ("text", media("special/text-named.mp4"), 415),
        ("a JPEG", media("special/orientation-1.jpg"), 415),
        ("nothing", Bytes::new(), 415),
        ("data before its type", [moov.clone(), ftyp.clone()].concat().into(), 415),
        ("a clip that is cut", scene.clip.slice(..scene.clip.len() / 2), 422),
        ("a clip without its last byte", scene.clip.slice(..scene.clip.len() - 1), 422),
        (
            "a clip without an index",
            [ftyp.clone(), mp4_box(b"mdat", &[1; 64])].concat().into(),
            422,
        ),
        ("a clip without data", [ftyp.clone(), moov].concat().into(), 422),
        ("a box shorter than its head", [ftyp, b"\0\0\0\x03moov".to_vec()].concat().into(), 422),
    ] {
        scene.camera.put_clip(&scene.bare_event, body).await.expect_problem(status);
        scene.expect_unchanged(&before, what).await;
    }
    if tool("ffmpeg") {
        let whole = clip("testsrc2=s=320x240:rate=15", 2);
        scene
            .camera
            .put_clip(&scene.bare_event, whole.slice(..whole.len() - 100))
            .await
            .expect_problem(422);
        scene.expect_unchanged(&before, "a real clip that is cut").await;
        scene.camera.put_clip(&scene.bare_event, whole).await.expect(201);
    }
}

#[tokio::test]
async fn descriptions_that_are_not_descriptions() {
    let scene = Scene::new().await;
    let before = scene.shown().await;
    let long = "x".repeat(201);
    for (body, status) in [
        (String::new(), 422),
        ("{".into(), 422),
        ("[]".into(), 422),
        (json!({ "label": "no kind" }).to_string(), 422),
        (json!({ "kind": "burglar" }).to_string(), 422),
        (json!({ "kind": "motion", "label": long }).to_string(), 422),
        (json!({ "kind": "motion", "label": "a\u{0}b" }).to_string(), 422),
        (json!({ "kind": "motion", "duration_milliseconds": -1 }).to_string(), 422),
        (json!({ "kind": "motion", "camera": scene.camera.id }).to_string(), 422),
        (json!({ "kind": "motion", "label": "x".repeat(5000) }).to_string(), 413),
    ] {
        let request = scene
            .camera
            .upload(&format!("events/{}", fresh_id()), "application/json")
            .body(body.clone());
        let answer = Answer::of_upload(request).await;
        assert_eq!(answer.status, status, "{body:?}: {}", answer.told());
        answer.expect_problem(status);
        scene.expect_unchanged(&before, &body).await;
    }
}

#[tokio::test]
async fn bodies_of_another_type_than_the_route_takes() {
    let scene = Scene::new().await;
    let before = scene.shown().await;
    let jpeg = media("special/orientation-1.jpg");
    for (path, media_type, body) in [
        (format!("stills/{}", fresh_id()), "image/png", jpeg.clone()),
        (format!("events/{}/still", scene.bare_event), "text/plain", jpeg),
        (
            format!("events/{}/clip", scene.bare_event),
            "application/octet-stream",
            scene.clip.clone(),
        ),
        (format!("events/{}", fresh_id()), "text/plain", description("x").to_string().into()),
    ] {
        Answer::of_upload(scene.camera.upload(&path, media_type).body(body))
            .await
            .expect_problem(415);
    }
    scene.expect_unchanged(&before, "wrong media types").await;
    let login = scene.edge.door().request(Method::POST, "/v1/session");
    let body =
        json!({ "name": scene.account.login, "password": scene.account.password }).to_string();
    Answer::of_upload(login.header("content-type", "text/plain").body(body))
        .await
        .expect_problem(415);
    for body in
        ["", "{", "[1]", r#"{"name":"alder"}"#, r#"{"name":"alder","password":"x","more":1}"#]
    {
        let login = scene
            .edge
            .door()
            .request(Method::POST, "/v1/session")
            .header("content-type", "application/json");
        Answer::of_upload(login.body(body)).await.expect_problem(400);
    }
    let large = json!({ "name": "x".repeat(5000), "password": "x" });
    Answer::of_upload(scene.edge.door().request(Method::POST, "/v1/session").json(&large))
        .await
        .expect_problem(413);
}

#[tokio::test]
async fn ids_that_are_not_ids_or_lie_ahead() {
    let scene = Scene::new().await;
    let before = scene.shown().await;
    let jpeg = media("special/orientation-1.jpg");
    let minute = 60 * 1000;
    let fine = fresh_id();
    for id in [
        "1",
        "newest",
        "550e8400-e29b-41d4-a716-446655440000",
        "00000000-0000-0000-0000-000000000000",
        "ffffffff-ffff-ffff-ffff-ffffffffffff",
        &fine.to_uppercase(),
        &fine.replace('-', ""),
        &fine[..35],
        &format!("{fine}0"),
        &footage_id(now_milliseconds() + 6 * minute),
        &footage_id(now_milliseconds() + 365 * 24 * 60 * minute),
    ] {
        scene.camera.put_still(id, jpeg.clone()).await.expect_problem(400);
        scene.camera.put_event(id, &description("x")).await.expect_problem(400);
        scene.camera.put_event_still(id, jpeg.clone()).await.expect_problem(400);
        scene.camera.put_clip(id, scene.clip.clone()).await.expect_problem(400);
        scene.viewer.event(&scene.camera, id).await.expect_problem(404);
        scene.viewer.delete(&scene.camera, id).await.expect_problem(404);
    }
    scene.expect_unchanged(&before, "bad ids").await;
    // The clock of a camera may be wrong by a little.
    scene
        .camera
        .put_event(&footage_id(now_milliseconds() + 4 * minute), &description("ahead"))
        .await
        .expect(201);
}

#[tokio::test]
async fn bodies_unlike_their_digest() {
    let scene = Scene::new().await;
    let before = scene.shown().await;
    let jpeg = media("special/orientation-1.jpg");
    let (right, other) = (content_digest(&jpeg), content_digest(b"another body"));
    let refused: [&[&str]; 9] = [
        &[&other],
        &["sha-256=:AAAA:"],
        &["sha-256"],
        &["sha-256=abc"],
        &["sha-256=:!!!:"],
        &["md5=:1B2M2Y8AsgTpgAmY7PhCfg==:"],
        &[""],
        &["a=:AAAA:,, ;"],
        &[&right, &other],
    ];
    for digests in refused {
        let mut request =
            scene.camera.upload(&format!("stills/{}", fresh_id()), "image/jpeg").body(jpeg.clone());
        for digest in digests {
            request = request.header("content-digest", *digest);
        }
        let answer = Answer::of_upload(request).await;
        assert_eq!(answer.status, 400, "{digests:?}: {}", answer.told());
        answer.expect_problem(400);
    }
    let clip = scene
        .camera
        .upload(&format!("events/{}/clip", scene.bare_event), "video/mp4")
        .header("content-digest", &other);
    Answer::of_upload(clip.body(scene.clip.clone())).await.expect_problem(400);
    let event = scene
        .camera
        .upload(&format!("events/{}", fresh_id()), "application/json")
        .header("content-digest", &other);
    Answer::of_upload(event.body(description("x").to_string())).await.expect_problem(400);
    scene.expect_unchanged(&before, "wrong digests").await;
}
