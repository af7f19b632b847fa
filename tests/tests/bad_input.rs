//! Bad input: each gets a clear problem, changes nothing, and the next request works.
//!
//! Everything goes over the wire to the real binary; what no HTTP library would send goes as bytes on a socket.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "all of this is a test")]

use std::path::PathBuf;

use bytes::Bytes;
use eyesonly_tests::edge::{components, poll};
use eyesonly_tests::footage::{
    clip, content_digest, description, footage_id, fresh_id, media, mp4_around, mp4_box, now_milliseconds,
};
use eyesonly_tests::raw::{exchange, exchange_and_end};
use eyesonly_tests::tool::tool;
use eyesonly_tests::{Account, Answer, Camera, Edge, EdgeOptions, Viewer};
use reqwest::{Body, Method};
use serde_json::{Value, json};

/// An edge with one camera that has a still and an event with a clip.
struct Scene {
    edge: Edge,
    account: Account,
    viewer: Viewer,
    camera: Camera,
    /// Has a still and a clip.
    event: String,
    /// Has neither.
    bare_event: String,
    clip: Bytes,
}

/// All that a viewer and the disk show of the scene.
#[derive(PartialEq)]
struct Shown {
    cameras: Vec<Value>,
    events: Vec<Value>,
    thumbnail: Bytes,
    clip: Bytes,
    files: Vec<(PathBuf, u64)>,
}

impl Scene {
    async fn new() -> Self {
        let edge = Edge::start(EdgeOptions::default());
        let household = edge.household("Alder Lane 4");
        let camera = household.camera("Front door");
        let account = household.viewer("alder");
        let (event, bare_event) = (fresh_id(), fresh_id());
        let clip = mp4_around(&eyesonly_tests::footage::noise("clip", 100_000));
        camera.put_still(&fresh_id(), media("special/orientation-1.jpg")).await.expect(201);
        camera.put_event(&event, &description("whole")).await.expect(201);
        camera.put_event_still(&event, media("special/orientation-1.jpg")).await.expect(201);
        camera.put_clip(&event, clip.clone()).await.expect(201);
        camera.put_event(&bare_event, &description("bare")).await.expect(201);
        let viewer = account.login().await;
        // Makes the renditions that are made by looking.
        viewer.thumbnail(&camera, 320).await.expect(200);
        Self { edge, account, viewer, camera, event, bare_event, clip }
    }

    /// The store's files with their lengths, staged ones too.
    fn files(&self) -> Vec<(PathBuf, u64)> {
        let with_length = |path: PathBuf| {
            let length = path.metadata().ok()?.len();
            Some((path, length))
        };
        self.edge.store_files().into_iter().filter_map(with_length).collect()
    }

    async fn shown(&self) -> Shown {
        Shown {
            cameras: self.viewer.cameras().await,
            events: self.viewer.events(&self.camera).await,
            thumbnail: self.viewer.thumbnail(&self.camera, 320).await.expect(200).body,
            clip: self.viewer.clip(&self.camera, &self.event).await.expect(200).body,
            files: self.files(),
        }
    }

    /// Nothing is there that was not before, and nothing is gone. What a refused upload had staged goes in the background.
    async fn expect_unchanged(&self, before: &Shown, after_what: &str) {
        assert!(before.thumbnail.len() > 100 && before.clip == self.clip && before.events.len() == 2);
        // The still, the event's still, its clip, and the rendition that was looked at.
        assert_eq!(before.files.len(), 4);
        poll(&format!("no file is left {after_what}"), 30, async || self.files() == before.files).await;
        assert!(self.shown().await == *before, "a viewer sees something else {after_what}");
    }

    /// An event path under the viewer's tag.
    fn clip_path(&self) -> String {
        format!("cameras/{}/events/{}/clip", self.camera.id, self.event)
    }
}

/// A JPEG up to its picture's data, with no tables: it passes for one until somebody decodes it.
fn undecodable_jpeg() -> Vec<u8> {
    let frame = [0xFF, 0xC0, 0, 11, 8, 0, 64, 0, 64, 1, 1, 0x11, 0];
    let scan = [0xFF, 0xDA, 0, 8, 1, 1, 0, 0, 63, 0];
    [&[0xFF, 0xD8][..], &frame, &scan, &[0x12; 500], &[0xFF, 0xD9]].concat()
}

#[tokio::test]
async fn stills_that_are_not_stills() {
    let scene = Scene::new().await;
    let before = scene.shown().await;
    let jpeg = media("special/orientation-1.jpg");
    let mut too_large = jpeg.to_vec();
    too_large.splice(2..2, [0xFF, 0xFE, 0xFF, 0xFF].into_iter().chain([b'x'; 65_533]).collect::<Vec<_>>().repeat(129));
    assert!(too_large.len() > 8 << 20);
    for (what, body, status) in [
        ("a PNG", media("special/png-named.jpg"), 415),
        ("text", Bytes::from_static(b"this is a still, honestly"), 415),
        ("nothing", Bytes::new(), 415),
        ("an MP4", scene.clip.clone(), 415),
        ("a JPEG that is cut", media("special/truncated.jpg"), 422),
        ("a JPEG without its last byte", jpeg.slice(..jpeg.len() - 1), 422),
        ("60000×60000", media("special/claims-60000x60000.jpg"), 422),
        ("more than 8 MiB", too_large.into(), 413),
    ] {
        scene.camera.put_still(&fresh_id(), body.clone()).await.expect_problem(status);
        scene.camera.put_event_still(&scene.bare_event, body.clone()).await.expect_problem(status);
        // Without a Content-Length the limit holds as well.
        let streamed = Body::wrap_stream(futures::stream::iter(body.chunks(10_000).map(|c| Ok::<_, std::io::Error>(c.to_vec())).collect::<Vec<_>>()));
        let request = scene.camera.upload(&format!("stills/{}", fresh_id()), "image/jpeg").body(streamed);
        // An edge that has refused need not read the rest: a client that is still writing may see only the closed connection.
        match Answer::try_of(request).await {
            Ok(answer) => drop(answer.expect_problem(status)),
            Err(error) => assert!(status == 413 && error.is_request(), "{what}: {error:?}"),
        }
        scene.expect_unchanged(&before, what).await;
    }
}

#[tokio::test]
async fn a_still_that_can_not_be_decoded_ends_its_own_request() {
    let scene = Scene::new().await;
    scene.camera.put_event_still(&scene.bare_event, undecodable_jpeg()).await.expect(201);
    scene.viewer.event_thumbnail(&scene.camera, &scene.bare_event, 320).await.expect_problem(500);
    scene.viewer.event_thumbnail(&scene.camera, &scene.event, 320).await.expect(200);
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
        ("a clip without an index", [ftyp.clone(), mp4_box(b"mdat", &[1; 64])].concat().into(), 422),
        ("a clip without data", [ftyp.clone(), moov].concat().into(), 422),
        ("a box shorter than its head", [ftyp, b"\0\0\0\x03moov".to_vec()].concat().into(), 422),
    ] {
        scene.camera.put_clip(&scene.bare_event, body).await.expect_problem(status);
        scene.expect_unchanged(&before, what).await;
    }
    if tool("ffmpeg") {
        let whole = clip("testsrc2=s=320x240:rate=15", 2);
        scene.camera.put_clip(&scene.bare_event, whole.slice(..whole.len() - 100)).await.expect_problem(422);
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
        let request = scene.camera.upload(&format!("events/{}", fresh_id()), "application/json").body(body.clone());
        let answer = Answer::of(request).await;
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
        (format!("events/{}/clip", scene.bare_event), "application/octet-stream", scene.clip.clone()),
        (format!("events/{}", fresh_id()), "text/plain", description("x").to_string().into()),
    ] {
        Answer::of(scene.camera.upload(&path, media_type).body(body)).await.expect_problem(415);
    }
    scene.expect_unchanged(&before, "wrong media types").await;
    let login = scene.edge.door().request(Method::POST, "/v1/session");
    let body = json!({ "name": scene.account.login, "password": scene.account.password }).to_string();
    Answer::of(login.header("content-type", "text/plain").body(body)).await.expect_problem(415);
    for body in ["", "{", "[1]", r#"{"name":"alder"}"#, r#"{"name":"alder","password":"x","more":1}"#] {
        let login = scene.edge.door().request(Method::POST, "/v1/session").header("content-type", "application/json");
        Answer::of(login.body(body)).await.expect_problem(400);
    }
    let large = json!({ "name": "x".repeat(5000), "password": "x" });
    Answer::of(scene.edge.door().request(Method::POST, "/v1/session").json(&large)).await.expect_problem(413);
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
    // The clock of a camera may be off a little.
    scene.camera.put_event(&footage_id(now_milliseconds() + 4 * minute), &description("ahead")).await.expect(201);
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
        let mut request = scene.camera.upload(&format!("stills/{}", fresh_id()), "image/jpeg").body(jpeg.clone());
        for digest in digests {
            request = request.header("content-digest", *digest);
        }
        let answer = Answer::of(request).await;
        assert_eq!(answer.status, 400, "{digests:?}: {}", answer.told());
        answer.expect_problem(400);
    }
    let clip = scene.camera.upload(&format!("events/{}/clip", scene.bare_event), "video/mp4").header("content-digest", &other);
    Answer::of(clip.body(scene.clip.clone())).await.expect_problem(400);
    let event = scene.camera.upload(&format!("events/{}", fresh_id()), "application/json").header("content-digest", &other);
    Answer::of(event.body(description("x").to_string())).await.expect_problem(400);
    scene.expect_unchanged(&before, "wrong digests").await;
}

#[tokio::test]
async fn bodies_longer_or_shorter_than_they_say() {
    let scene = Scene::new().await;
    let before = scene.shown().await;
    let jpeg = media("special/orientation-1.jpg");
    let head = |id: &str, headers: &str| {
        let credential = &scene.camera.credential;
        let start = format!("PUT /v1/ingest/stills/{id} HTTP/1.1\r\nHost: edge\r\nAuthorization: Bearer {credential}\r\n");
        format!("{start}Content-Type: image/jpeg\r\n{headers}\r\n").into_bytes()
    };
    let door = scene.edge.door();
    // Shorter: the sender ends before it has sent what it announced.
    let length = jpeg.len() + 1000;
    let short = [head(&fresh_id(), &format!("Content-Length: {length}\r\n")), jpeg.to_vec()].concat();
    let answer = exchange_and_end(door, &short).await;
    assert!([0, 400].contains(&answer.status), "{answer:?}");
    // Longer: what goes beyond is no part of the still, and no request.
    let length = jpeg.len() - 10;
    let long = [head(&fresh_id(), &format!("Content-Length: {length}\r\n")), jpeg.to_vec()].concat();
    let answer = exchange_and_end(door, &long).await;
    assert_eq!(answer.status, 422, "{answer:?}");
    // A chunk that is shorter than it says, and a body without its last chunk.
    for body in [b"ff0\r\nabc\r\n0\r\n\r\n".to_vec(), b"3\r\nabc\r\n".to_vec(), b"zz\r\nabc\r\n0\r\n\r\n".to_vec()] {
        let answer = exchange_and_end(door, &[head(&fresh_id(), "Transfer-Encoding: chunked\r\n"), body].concat()).await;
        assert!([0, 400, 415].contains(&answer.status), "{answer:?}");
    }
    scene.expect_unchanged(&before, "wrong lengths").await;
    // The same over HTTP/2, whose frames have lengths of their own.
    let camera = scene.camera.through(&door.by(|client| client.http2_prior_knowledge()));
    for wrong in [jpeg.len() + 10, jpeg.len() - 10] {
        let body = Body::wrap_stream(futures::stream::iter([Ok::<_, std::io::Error>(jpeg.clone())]));
        let request = camera.upload(&format!("stills/{}", fresh_id()), "image/jpeg").header("content-length", wrong);
        match Answer::try_of(request.body(body)).await {
            Ok(answer) => assert!([400, 422].contains(&answer.status), "{wrong} for {}: {}", jpeg.len(), answer.told()),
            Err(error) => assert!(error.is_request() || error.is_body(), "{error:?}"),
        }
    }
    scene.expect_unchanged(&before, "wrong lengths over HTTP/2").await;
}

#[tokio::test]
async fn headers_that_contradict_each_other() {
    let scene = Scene::new().await;
    let before = scene.shown().await;
    let credential = &scene.camera.credential;
    let jpeg = media("special/orientation-1.jpg");
    let request = |path: &str, headers: &str| {
        let start = format!("PUT /v1/ingest/{path} HTTP/1.1\r\nHost: edge\r\nAuthorization: Bearer {credential}\r\n");
        format!("{start}Content-Type: image/jpeg\r\nConnection: close\r\n{headers}\r\n").into_bytes()
    };
    let length = jpeg.len();
    for headers in [
        format!("Content-Length: {length}\r\nContent-Length: {}\r\n", length - 5),
        format!("Content-Length: {length}, {}\r\n", length - 5),
        "Content-Length: -1\r\n".into(),
        "Content-Length: 0x10\r\n".into(),
        "Content-Length: 99999999999999999999999\r\n".into(),
        "Transfer-Encoding: identity, gzip\r\n".into(),
        "Content Length: 5\r\n".into(),
        " folded\r\n".into(),
    ] {
        let id = fresh_id();
        let answer = exchange(scene.edge.door(), &[request(&format!("stills/{id}"), &headers), jpeg.to_vec()].concat()).await;
        assert!((400..500).contains(&answer.status), "{headers:?}: {answer:?}");
    }
    scene.expect_unchanged(&before, "contradictory headers").await;
    // Chunked and a length: whichever counts, what follows must not be taken for a request of its own.
    let smuggled = format!("DELETE /v1/{}/cameras/{}/events/{} HTTP/1.1\r\nHost: edge\r\nAuthorization: Bearer {}\r\nConnection: close\r\n\r\n",
        scene.viewer.tag, scene.camera.id, scene.event, scene.viewer.secret());
    let head = request(&format!("stills/{}", fresh_id()), "Content-Length: 4\r\nTransfer-Encoding: chunked\r\n");
    let answer = exchange(scene.edge.door(), &[head, b"0\r\n\r\n".to_vec(), smuggled.into_bytes()].concat()).await;
    assert!((400..500).contains(&answer.status), "{answer:?}");
    assert_eq!(answer.text.matches("HTTP/1.1 ").count(), 1, "{answer:?}");
    scene.expect_unchanged(&before, "a smuggled request").await;
    // Two credentials: never the rights of both, and never an error of the edge.
    let path = format!("/v1/{}/cameras", scene.viewer.tag);
    let two = format!("GET {path} HTTP/1.1\r\nHost: edge\r\nAuthorization: Bearer {credential}\r\nAuthorization: Bearer {}\r\nConnection: close\r\n\r\n", scene.viewer.secret());
    assert_eq!(exchange(scene.edge.door(), two.as_bytes()).await.status, 401);
}

#[tokio::test]
async fn credentials_that_are_none() {
    let scene = Scene::new().await;
    let before = scene.shown().await;
    let good = scene.camera.credential.clone();
    let flipped = format!("{}{}", &good[..good.len() - 2], if good.ends_with("AA") { "BB" } else { "AA" });
    for credential in ["", "x", "ec1.", &good[..good.len() - 1], &good[4..], &flipped, &good.replace("ec1.", "ev1."), &good.repeat(2)] {
        let camera = scene.camera.with_credential(credential);
        camera.put_still(&fresh_id(), media("special/orientation-1.jpg")).await.expect_problem(401);
        let path = format!("/v1/{}/cameras", scene.viewer.tag);
        Answer::of(scene.edge.door().request(Method::GET, &path).bearer_auth(credential)).await.expect_problem(401);
    }
    for scheme in ["Basic", "Digest", "Token", ""] {
        let request = scene.edge.door().request(Method::PUT, &format!("/v1/ingest/stills/{}", fresh_id()));
        Answer::of(request.header("authorization", format!("{scheme} {good}")).body("x")).await.expect_problem(401);
    }
    scene.expect_unchanged(&before, "bad credentials").await;
    scene.camera.put_still(&fresh_id(), media("special/orientation-1.jpg")).await.expect(201);
}

#[tokio::test]
async fn ranges_that_are_none() {
    let scene = Scene::new().await;
    let length = scene.clip.len();
    let check = async |range: &str, status: u16| {
        for method in [Method::GET, Method::HEAD] {
            let answer = Answer::of(scene.viewer.ask(method.clone(), &scene.clip_path()).header("range", range)).await;
            assert_eq!(answer.status, status, "{method} {range}: {}", answer.told());
            if method == Method::GET {
                answer.clone().expect_problem(status);
            }
            if status == 416 {
                assert_eq!(answer.header("content-range"), format!("bytes */{length}"), "{range}");
            }
        }
    };
    for reversed_or_not_a_number in
        ["bytes=5-4", "bytes=a-b", "bytes=-", "bytes=", "bytes", "bytes=1", "bytes=0x1-5", "bytes=-1-5", "bytes=1.5-2", "bytes=99999999999999999999999-", "bytes=1-5,"]
    {
        check(reversed_or_not_a_number, 400).await;
    }
    check(&format!("bytes={length}-"), 416).await;
    check(&format!("bytes={}-{}", length + 1, length + 5), 416).await;
    check("bytes=-0", 416).await;
    check("bytes=0-1,5-6", 416).await;
    check("bytes=0-0,-1", 416).await;
    let many: Vec<String> = (0..300).map(|n| format!("{n}-{n}")).collect();
    check(&format!("bytes={}", many.join(",")), 416).await;
    // Another unit is none that is known here: the whole, as the RFC has it.
    let whole = Answer::of(scene.viewer.ask(Method::GET, &scene.clip_path()).header("range", "items=0-5")).await.expect(200);
    assert_eq!(whole.body, scene.clip);
}

#[tokio::test]
async fn widths_limits_and_cursors_that_are_none() {
    let scene = Scene::new().await;
    let before = scene.shown().await;
    for width in ["0", "-1", "999999", "abc", "", "1921", "320.5", "320px", "+320", "%20320", "0x140", "4294967616", "18446744073709551936"] {
        for path in [format!("cameras/{}/thumbnail", scene.camera.id), format!("cameras/{}/events/{}/thumbnail", scene.camera.id, scene.event)] {
            let answer = scene.viewer.get(&format!("{path}?width={width}")).await;
            assert_eq!(answer.status, 400, "{path} at {width:?}: {}", answer.told());
            answer.expect_problem(400);
        }
    }
    for query in ["limit=0", "limit=101", "limit=-1", "limit=abc", "limit=", "before=abc", "before=", "before=550e8400-e29b-41d4-a716-446655440000"] {
        let answer = scene.viewer.get(&format!("cameras/{}/events?{query}", scene.camera.id)).await;
        assert_eq!(answer.status, 400, "{query}: {}", answer.told());
        answer.expect_problem(400);
    }
    scene.expect_unchanged(&before, "bad parameters").await;
}

#[tokio::test]
async fn paths_that_go_elsewhere() {
    let scene = Scene::new().await;
    let before = scene.shown().await;
    let (tag, camera) = (&scene.viewer.tag, &scene.camera.id);
    let long = "a".repeat(8 * 1024);
    for (path, statuses) in [
        ("/../../etc/passwd".to_owned(), &[400_u16][..]),
        ("/assets/../../../etc/passwd".into(), &[400]),
        (format!("/v1/{tag}/cameras/../cameras"), &[400]),
        (format!("/v1/{tag}/cameras/./{camera}/thumbnail"), &[400]),
        ("/assets/%2e%2e/%2e%2e/etc/passwd".into(), &[400]),
        (format!("/v1/{tag}/cameras/%2e%2e/cameras"), &[400]),
        (format!("/v1/{tag}/cameras/{camera}%2fthumbnail"), &[400]),
        (format!("/v1/{tag}/cameras/{camera}%00/thumbnail"), &[400]),
        (format!("/v1/{tag}/cameras/{camera}\0/thumbnail"), &[400]),
        (format!("/v1/{tag}\\cameras"), &[400]),
        (format!("/v1/{tag}/cameras/{}/thumbnail", camera.to_uppercase()), &[404]),
        (format!("/v1/{tag}//cameras"), &[404]),
        (format!("/v1/{tag}/cameras/"), &[404]),
        (format!("//v1/{tag}/cameras"), &[404]),
        (format!("/V1/{tag}/cameras"), &[404]),
        (format!("/{long}"), &[414]),
        (format!("/v1/{tag}/cameras/{long}/thumbnail"), &[414]),
        (format!("/v1/{tag}/cameras/{camera}/events?before={long}"), &[414]),
        (format!("/v1/{tag}/cameras/{camera}/events/{}/thumbnail", "a".repeat(64 * 1024)), &[414, 431]),
        ("relative".into(), &[400]),
        ("/ü".into(), &[400]),
    ] {
        let credential = scene.viewer.secret();
        let request = format!("GET {path} HTTP/1.1\r\nHost: edge\r\nAuthorization: Bearer {credential}\r\nConnection: close\r\n\r\n");
        let answer = exchange(scene.edge.door(), request.as_bytes()).await;
        let shown: String = path.chars().take(100).collect();
        assert!(statuses.contains(&answer.status), "{shown:?}: {answer:?}");
        assert!(!answer.text.contains("root:"), "{shown:?}");
    }
    scene.expect_unchanged(&before, "bad paths").await;
    for garbage in [&b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"[..], b"GET\r\n\r\n", b"\r\n\r\n\r\n", b"GET / HTTP/9.9\r\n\r\n", &[0; 4096]] {
        let answer = exchange_and_end(scene.edge.door(), garbage).await;
        assert!([0, 400, 505].contains(&answer.status), "{garbage:?}: {answer:?}");
    }
    scene.expect_unchanged(&before, "garbage").await;
}

#[tokio::test]
async fn writes_from_other_sites_are_refused() {
    let scene = Scene::new().await;
    let before = scene.shown().await;
    let viewer = scene.account.login_by_cookie().await;
    let path = format!("cameras/{}/events/{}", scene.camera.id, scene.event);
    for (name, value) in [("origin", "https://evil.example"), ("origin", "null"), ("sec-fetch-site", "cross-site"), ("sec-fetch-site", "same-site")] {
        Answer::of(viewer.ask(Method::DELETE, &path).header(name, value)).await.expect_problem(403);
        Answer::of(viewer.request(Method::DELETE, "/v1/session").header(name, value)).await.expect_problem(403);
        let login = json!({ "name": scene.account.login, "password": scene.account.password });
        let request = scene.edge.door().request(Method::POST, "/v1/session").header(name, value).json(&login);
        Answer::of(request).await.expect_problem(403);
    }
    viewer.get("cameras").await.expect(200);
    scene.expect_unchanged(&before, "requests of other sites").await;
    let own = scene.edge.door().address();
    Answer::of(viewer.ask(Method::DELETE, &path).header("origin", own).header("sec-fetch-site", "same-origin")).await.expect(204);
}

#[test]
fn a_configuration_with_an_unknown_key_is_refused_by_name() {
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("eyesonly.toml");
    let data = folder.path().join("data");
    for (text, named) in [
        (format!("data = {:?}\nlisten_on = \"127.0.0.1:0\"\n", data), "listen_on"),
        (format!("data = {:?}\n[tls]\ncertificate = \"c\"\nkey = \"k\"\npasswort = \"p\"\n", data), "passwort"),
        (format!("data = {:?}\nlisten = \"here\"\n", data), "listen"),
        ("listen = \"127.0.0.1:0\"\n".into(), "data"),
        (format!("data = {:?}\nsession_seconds = -1\n", data), "session_seconds"),
        ("this is no TOML".into(), "eyesonly.toml"),
    ] {
        std::fs::write(&config, &text).unwrap();
        let mut command = std::process::Command::new(eyesonly_tests::edge::binary());
        let output = command.arg("--config").arg(&config).arg("serve").output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success() && said.contains(named) && said.contains("eyesonly.toml"), "{text}: {said}");
        assert!(!data.exists(), "{text}: the data folder was made");
    }
}

/// A folder of components in which `thumbnail.wasm` is a guest of the tests.
fn components_with(guest: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let built = components();
    std::fs::copy(built.join("events.wasm"), folder.path().join("events.wasm")).unwrap();
    let path = built.join("guests").join(guest);
    std::fs::copy(&path, folder.path().join("thumbnail.wasm"))
        .unwrap_or_else(|error| panic!("{}: {error}; run `cargo xtask build` first", path.display()));
    folder
}

#[test]
fn a_component_that_asks_for_more_than_the_contract_does_not_start() {
    let check = |folder: &tempfile::TempDir, expected: &[&str]| {
        let mut edge = Edge::installed(EdgeOptions { components: Some(folder.path().into()), ..EdgeOptions::default() });
        let log = edge.try_serve().expect_err("it started");
        assert!(expected.iter().all(|part| log.contains(part)), "{expected:?} is not in: {log}");
    };
    let wasi = components_with("wasi-import.wasm");
    check(&wasi, &["thumbnail", "wasi:clocks/monotonic-clock"]);
    std::fs::write(wasi.path().join("thumbnail.wasm"), b"not a component").unwrap();
    check(&wasi, &["thumbnail"]);
    std::fs::remove_file(wasi.path().join("thumbnail.wasm")).unwrap();
    check(&wasi, &["thumbnail.wasm", "components"]);
}

#[tokio::test]
async fn a_component_that_traps_loops_or_allocates_ends_its_own_request() {
    let folder = components_with("misbehave.wasm");
    let edge = Edge::start(EdgeOptions { components: Some(folder.path().into()), ..EdgeOptions::default() });
    let household = edge.household("Alder Lane 4");
    let (camera, account) = (household.camera("Front door"), household.viewer("alder"));
    let still = media("special/orientation-1.jpg");
    camera.put_still(&fresh_id(), still.clone()).await.expect(201);
    let viewer = account.login().await;
    let works = async || assert_eq!(viewer.thumbnail(&camera, 0).await.expect(200).body, still);
    works().await;
    for (what, width) in [("traps", 1), ("allocates without end", 3), ("recurses without end", 4), ("answers past the end", 5)] {
        let answer = viewer.thumbnail(&camera, width).await;
        assert_eq!(answer.status, 500, "{what}: {}", answer.told());
        answer.expect_problem(500);
        works().await;
    }
    // While more instances loop than there are cores, others are served.
    let cores = std::thread::available_parallelism().map_or(2, usize::from);
    let loops = futures::future::join_all((0..cores * 2).map(|_| viewer.thumbnail(&camera, 2)));
    let meanwhile = async {
        for _ in 0..20 {
            works().await;
        }
    };
    let (looped, ()) = futures::future::join(loops, meanwhile).await;
    for answer in looped {
        answer.expect_problem(500);
    }
    works().await;
}
