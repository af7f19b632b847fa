//! Requests that are malformed as bytes, which no HTTP library would send.

use eyesonly_harness::footage::fresh_id;
use eyesonly_tests::Answer;
use eyesonly_tests::footage::media;
use eyesonly_tests::raw::{begin, exchange, exchange_and_end, exchange_on, read_head};
use reqwest::Body;

use crate::Scene;

#[tokio::test]
async fn bodies_longer_or_shorter_than_they_say() {
    let scene = Scene::new().await;
    let before = scene.shown().await;
    let jpeg = media("special/orientation-1.jpg");
    let head_of = |path: &str, media_type: &str, headers: &str| {
        let credential = &scene.camera.credential;
        let start = format!(
            "PUT /v1/ingest/{path} HTTP/1.1\r\nHost: edge\r\nAuthorization: Bearer {credential}\r\n"
        );
        format!("{start}Content-Type: {media_type}\r\n{headers}\r\n").into_bytes()
    };
    let head = |id: &str, headers: &str| head_of(&format!("stills/{id}"), "image/jpeg", headers);
    let door = scene.edge.door();
    // Shorter: the sender ends before it has sent what it announced.
    let length = jpeg.len() + 1000;
    let short =
        [head(&fresh_id(), &format!("Content-Length: {length}\r\n")), jpeg.to_vec()].concat();
    let answer = exchange_and_end(door, &short).await;
    assert!([0, 400].contains(&answer.status), "{answer:?}");
    // Longer: the bytes beyond the length are no part of the clip, and no request.
    let length = format!("Content-Length: {}\r\n", scene.clip.len() - 10);
    let path = format!("events/{}/clip", scene.bare_event);
    let long = [head_of(&path, "video/mp4", &length), scene.clip.to_vec()].concat();
    let answer = exchange_and_end(door, &long).await;
    assert_eq!(answer.status, 422, "{answer:?}");
    // A chunk is shorter than it says, or a body is without its last chunk.
    for body in [
        b"ff0\r\nabc\r\n0\r\n\r\n".to_vec(),
        b"3\r\nabc\r\n".to_vec(),
        b"zz\r\nabc\r\n0\r\n\r\n".to_vec(),
    ] {
        let answer = exchange_and_end(
            door,
            &[head(&fresh_id(), "Transfer-Encoding: chunked\r\n"), body].concat(),
        )
        .await;
        assert!([0, 400, 415].contains(&answer.status), "{answer:?}");
    }
    scene.expect_unchanged(&before, "wrong lengths").await;
    // HTTP/2 has frames with lengths of their own.
    let camera = scene.camera.through(&door.by(|client| client.http2_prior_knowledge()));
    for wrong in [jpeg.len() + 10, jpeg.len() - 10] {
        let body =
            Body::wrap_stream(futures::stream::iter([Ok::<_, std::io::Error>(jpeg.clone())]));
        let request = camera
            .upload(&format!("stills/{}", fresh_id()), "image/jpeg")
            .header("content-length", wrong);
        match Answer::try_of(request.body(body)).await {
            Ok(answer) => assert!(
                [400, 422].contains(&answer.status),
                "{wrong} for {}: {}",
                jpeg.len(),
                answer.told()
            ),
            Err(error) => assert!(error.is_request() || error.is_body(), "{error:?}"),
        }
    }
    scene.expect_unchanged(&before, "wrong lengths over HTTP/2").await;
}

/// An upload that is refused may cost a camera its connection. The answer must say so, or else the
/// camera's next request on that connection is lost.
#[tokio::test]
async fn an_upload_that_is_refused_unread_says_whether_its_connection_goes_on() {
    let scene = Scene::new().await;
    let jpeg = media("special/orientation-1.jpg");
    for (path, credential, status) in [
        ("stills/not-an-id".to_owned(), scene.camera.credential.as_str(), 400),
        (format!("stills/{}", fresh_id()), "nobody's", 401),
        ("elsewhere".to_owned(), scene.camera.credential.as_str(), 404),
    ] {
        let head = format!(
            "PUT /v1/ingest/{path} HTTP/1.1\r\nHost: edge\r\nAuthorization: Bearer {credential}\r\n\
             Content-Length: {}\r\n\r\n",
            jpeg.len()
        );
        let mut stream = begin(scene.edge.door(), head.as_bytes()).await;
        let answer = read_head(&mut stream).await;
        assert_eq!(answer.status, status, "{answer:?}");
        if answer.text.to_lowercase().contains("connection: close") {
            continue;
        }
        let next = b"GET /healthz HTTP/1.1\r\nHost: edge\r\nConnection: close\r\n\r\n";
        let next = exchange_on(stream, &[&jpeg[..], next].concat()).await;
        assert!(
            next.text.contains("HTTP/1.1 200 "),
            "the connection was closed without `Connection: close` after {answer:?}"
        );
    }
}

#[tokio::test]
async fn headers_that_contradict_each_other() {
    let scene = Scene::new().await;
    let before = scene.shown().await;
    let credential = &scene.camera.credential;
    let jpeg = media("special/orientation-1.jpg");
    let request = |path: &str, headers: &str| {
        let start = format!(
            "PUT /v1/ingest/{path} HTTP/1.1\r\nHost: edge\r\nAuthorization: Bearer {credential}\r\n"
        );
        format!("{start}Content-Type: image/jpeg\r\nConnection: close\r\n{headers}\r\n")
            .into_bytes()
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
        let answer = exchange(
            scene.edge.door(),
            &[request(&format!("stills/{id}"), &headers), jpeg.to_vec()].concat(),
        )
        .await;
        assert!((400..500).contains(&answer.status), "{headers:?}: {answer:?}");
    }
    scene.expect_unchanged(&before, "contradictory headers").await;
    // Both chunked and a length: whichever counts, the rest must not be taken for a request of its
    // own.
    let smuggled = format!(
        "DELETE /v1/{}/cameras/{}/events/{} HTTP/1.1\r\nHost: edge\r\nAuthorization: Bearer {}\r\n\
         Connection: close\r\n\r\n",
        scene.viewer.tag,
        scene.camera.id,
        scene.event,
        scene.viewer.secret()
    );
    let head = request(
        &format!("stills/{}", fresh_id()),
        "Content-Length: 4\r\nTransfer-Encoding: chunked\r\n",
    );
    let answer =
        exchange(scene.edge.door(), &[head, b"0\r\n\r\n".to_vec(), smuggled.into_bytes()].concat())
            .await;
    assert!((400..500).contains(&answer.status), "{answer:?}");
    assert_eq!(answer.text.matches("HTTP/1.1 ").count(), 1, "{answer:?}");
    scene.expect_unchanged(&before, "a smuggled request").await;
    // Two credentials never give the rights of both, and never an error of the edge.
    let path = format!("/v1/{}/cameras", scene.viewer.tag);
    let two = format!(
        "GET {path} HTTP/1.1\r\nHost: edge\r\nAuthorization: Bearer {credential}\r\n\
         Authorization: Bearer {}\r\nConnection: close\r\n\r\n",
        scene.viewer.secret()
    );
    assert_eq!(exchange(scene.edge.door(), two.as_bytes()).await.status, 401);
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
        (
            format!("/v1/{tag}/cameras/{camera}/events/{}/thumbnail", "a".repeat(64 * 1024)),
            &[414, 431],
        ),
        ("relative".into(), &[400, 404]),
        ("/ü".into(), &[400]),
    ] {
        let credential = scene.viewer.secret();
        let request = format!(
            "GET {path} HTTP/1.1\r\nHost: edge\r\nAuthorization: Bearer {credential}\r\n\
             Connection: close\r\n\r\n"
        );
        let answer = exchange(scene.edge.door(), request.as_bytes()).await;
        let shown: String = path.chars().take(100).collect();
        assert!(statuses.contains(&answer.status), "{shown:?}: {answer:?}");
        assert!(!answer.text.contains("root:"), "{shown:?}");
    }
    scene.expect_unchanged(&before, "bad paths").await;
    for garbage in [
        &b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"[..],
        b"GET\r\n\r\n",
        b"\r\n\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"GET / HTTP/1.1\r\n\r\n",
        &[0; 4096],
    ] {
        let answer = exchange_and_end(scene.edge.door(), garbage).await;
        assert!([0, 400, 505].contains(&answer.status), "{garbage:?}: {answer:?}");
    }
    scene.expect_unchanged(&before, "garbage").await;
}
