//! The protocols HTTP/2 and TLS, and the start and end of the process itself.

use eyesonly_harness::footage::{description, fresh_id};
use eyesonly_harness::installation::TlsFiles;
use eyesonly_tests::footage::media;
use eyesonly_tests::{Answer, Edge, EdgeOptions};
use reqwest::{Method, Version};

use crate::Home;

#[tokio::test]
async fn the_same_is_served_over_http_2() {
    let home = Home::new().await;
    let door = home.edge.door().by(|client| client.http2_prior_knowledge());
    let camera = home.camera.through(&door);
    let (event, clip) = (fresh_id(), media("alder-driveway-car.mp4"));
    camera.put_event(&event, &description("by HTTP/2")).await.expect(201);
    camera.put_clip(&event, clip.clone()).await.expect(201);
    camera.put_still(&fresh_id(), media("alder-front-door.jpg")).await.expect(201);
    let viewer = home.account.through(&door).login().await;
    let response = viewer.ask(Method::GET, "cameras").send().await.unwrap();
    assert_eq!((response.version(), response.status().as_u16()), (Version::HTTP_2, 200));
    assert!(viewer.clip(&camera, &event).await.expect(200).body == clip);
    assert_eq!(
        viewer.clip_range(&camera, &event, "bytes=100-199").await.expect(206).body,
        clip.slice(100..200)
    );
    viewer.event(&camera, &fresh_id()).await.expect_problem(404);
    // Many requests run at once on one connection.
    let asked = (0..50).map(|_| viewer.thumbnail(&camera, 160));
    let answers = futures::future::join_all(asked).await;
    assert!(answers.iter().all(|answer| answer.status == 200 && answer.body == answers[0].body));
    // A session that was started over one protocol is valid over the other.
    assert!(viewer.through(home.edge.door()).clip(&camera, &event).await.expect(200).body == clip);
}

#[tokio::test]
async fn with_a_certificate_everything_goes_over_tls() {
    let folder = tempfile::tempdir().unwrap();
    let made = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).unwrap();
    let tls = TlsFiles {
        certificate: folder.path().join("certificate.pem"),
        key: folder.path().join("key.pem"),
    };
    std::fs::write(&tls.certificate, made.cert.pem()).unwrap();
    std::fs::write(&tls.key, made.signing_key.serialize_pem()).unwrap();
    let home = Home::with(EdgeOptions { tls: Some(tls), ..EdgeOptions::default() }).await;
    assert!(home.edge.door().address().starts_with("https://127.0.0.1:"));

    let (event, clip) = (fresh_id(), media("birch-hallway-cat.mp4"));
    home.camera.put_event(&event, &description("over TLS")).await.expect(201);
    home.camera.put_clip(&event, clip.clone()).await.expect(201);
    let answer = home.account.try_login(&home.account.password, false).await.expect(201);
    let cookie = answer.header("set-cookie");
    assert!(cookie.starts_with("__Host-eyesonly=ev1."), "{cookie}");
    for attribute in ["Secure", "HttpOnly", "SameSite=Strict", "Path=/"] {
        assert!(cookie.split("; ").any(|a| a == attribute), "{attribute} is not in {cookie}");
    }
    assert!(!cookie.contains("Domain"), "{cookie}");
    let viewer = home.account.login_by_cookie().await;
    assert!(viewer.clip(&home.camera, &event).await.expect(200).body == clip);
    // ALPN chooses HTTP/2.
    assert_eq!(viewer.ask(Method::GET, "cameras").send().await.unwrap().version(), Version::HTTP_2);
    // The edge does not take the cookie of a plain edge: another port or plain HTTP could have set
    // it.
    let plain = home.edge.door().request(Method::GET, &format!("/v1/{}/cameras", viewer.tag));
    Answer::of(plain.header("cookie", format!("eyesonly={}", viewer.secret())))
        .await
        .expect_problem(401);
    // Plain HTTP gets nothing on this port, and a client that does not know the certificate refuses
    // the edge.
    let spoken = eyesonly_tests::raw::exchange_and_end(
        home.edge.door(),
        b"GET /healthz HTTP/1.1\r\nHost: edge\r\n\r\n",
    )
    .await;
    assert_eq!(spoken.status, 0, "{spoken:?}");
    let stranger = home.edge.door().stranger();
    assert!(Answer::try_of(stranger.request(Method::GET, "/healthz")).await.is_err());
}

#[test]
fn a_second_start_compiles_nothing() {
    let mut edge = Edge::start(EdgeOptions {
        is_empty: true,
        log: Some("info,eyesonly=debug".into()),
        ..EdgeOptions::default()
    });
    let count = |edge: &Edge, part: &str| edge.log().matches(part).count();
    let check = |edge: &Edge, compiling: &str, expected: (usize, usize)| {
        let counted = (count(edge, compiling), count(edge, "taken from the cache"));
        assert_eq!(counted, expected, "{}", edge.log());
    };
    check(&edge, "compiling a component", (4, 0));
    edge.restart();
    check(&edge, "compiling", (0, 4));

    // A file that was changed on the disk is not run, but compiled again: native code is trusted
    // only with its MAC.
    let compiled = eyesonly_tests::canary::files_below(&edge.data().join("compiled"));
    assert_eq!(compiled.len(), 4);
    for path in &compiled {
        let mut bytes = std::fs::read(path).unwrap();
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
        std::fs::write(path, bytes).unwrap();
    }
    edge.restart();
    check(&edge, "compiling again", (4, 0));
    edge.restart();
    check(&edge, "compiling", (0, 4));
}

#[test]
fn the_data_folder_has_one_server_and_its_files_one_reader() {
    use std::os::unix::fs::PermissionsExt as _;
    let edge = Edge::start(EdgeOptions::default());
    let mut second =
        Edge::installed(EdgeOptions { data: Some(edge.data()), ..EdgeOptions::default() });
    let log = second.try_serve().expect_err("a second server started on the same folder");
    assert!(log.contains("another `eyesonly serve` uses this data folder"), "{log}");
    let mode = |path: &std::path::Path| path.metadata().unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&edge.data()), 0o700);
    for name in ["kek", "keyring.json", "registry.sqlite"] {
        assert_eq!(mode(&edge.data().join(name)), 0o600, "{name}");
    }
}

#[tokio::test]
async fn it_ends_in_order_when_told_to() {
    let mut home = Home::new().await;
    home.camera.put_still(&fresh_id(), media("special/orientation-1.jpg")).await.expect(201);
    let status = home.edge.stop();
    assert!(status.success(), "{status}: {}", home.edge.log());
    home.edge.restart();
    home.viewer.thumbnail(&home.camera, 320).await.expect(200);
}
