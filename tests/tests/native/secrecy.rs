//! Secrecy at rest: after a day of everything, nothing that a person or a camera said can be found
//! in the clear. The test looks into every file below the data folder, the log and the metrics.

use eyesonly_harness::footage::{description, fresh_id, mp4_around, noise};
use eyesonly_harness::people::Credential;
use eyesonly_tests::canary::{Canary, files_below, scan};
use eyesonly_tests::footage::{media, with_comment};
use eyesonly_tests::{Answer, Edge, EdgeOptions};
use reqwest::Method;
use serde_json::json;

/// Checks that no canary is in the files, the log or the metrics.
async fn expect_nothing(edge: &Edge, canaries: &[Canary], metrics: &str) {
    let (files, found) = scan(&edge.data(), canaries);
    assert!(files >= 8, "only {files} files were read");
    assert!(found.is_empty(), "in the data folder: {found:#?}");
    let log = edge.log_of_all_processes();
    assert!(log.contains("metrics address="), "the log is not the log: {log}");
    for canary in canaries {
        assert!(!canary.is_in(log.as_bytes()), "{} is in the log:\n{log}", canary.name);
        assert!(!canary.is_in(metrics.as_bytes()), "{} is in the metrics:\n{metrics}", canary.name);
    }
}

#[tokio::test]
async fn nothing_can_be_read_where_it_is_kept() {
    let mut edge = Edge::start(EdgeOptions {
        log: Some("info,eyesonly=debug".into()),
        ..EdgeOptions::default()
    });
    let household = edge.household("CANARY-HOUSEHOLD Alder Lane 4");
    let camera = household.camera("CANARY-CAMERA nursery");
    let account = household.viewer_with_password("canary-login", "CANARY-PASSWORD hunter22");
    let (still, clip) = (
        with_comment(&media("alder-front-door.jpg"), b"CANARY-JPEG-COMMENT"),
        mp4_around(&noise("CANARY", 3_000_000)),
    );
    let event_still = with_comment(&media("alder-driveway-car.jpg"), b"CANARY-EVENT-STILL-COMMENT");
    let event = fresh_id();
    camera.put_still(&fresh_id(), still.clone()).await.expect(201);
    camera
        .put_event(
            &event,
            &json!({
                "kind": "doorbell",
                "label": "CANARY-LABEL the neighbour",
                "duration_milliseconds": 4321
            }),
        )
        .await
        .expect(201);
    camera.put_event_still(&event, event_still.clone()).await.expect(201);
    camera.put_clip(&event, clip.clone()).await.expect(201);

    let (viewer, cookie) = (account.login().await, account.login_by_cookie().await);
    let rendition = viewer.thumbnail(&camera, 320).await.expect(200).body;
    viewer.event_thumbnail(&camera, &event, 640).await.expect(200);
    viewer.clip(&camera, &event).await.expect(200);
    viewer.clip_range(&camera, &event, "bytes=16000-17000").await.expect(206);
    assert_eq!(viewer.events(&camera).await[0]["label"], "CANARY-LABEL the neighbour");
    assert_eq!(cookie.cameras().await[0]["name"], "CANARY-CAMERA nursery");
    let refused = refused_requests(&edge, &camera, &viewer, &account).await;

    let middle = |bytes: &[u8]| bytes[bytes.len() / 2..bytes.len() / 2 + 32].to_vec();
    let mut canaries = vec![
        Canary::new("the household's name", "CANARY-HOUSEHOLD"),
        Canary::new("the camera's name", "CANARY-CAMERA"),
        Canary::new("the login name", "canary-login"),
        Canary::new("the password", "CANARY-PASSWORD"),
        Canary::new("a wrong password", "CANARY-WRONG-PASSWORD"),
        Canary::new("the event's label", "CANARY-LABEL"),
        Canary::new("a refused event's label", "CANARY-REFUSED-LABEL"),
        Canary::new("the event's kind in its description", "\"doorbell\""),
        Canary::new("the still's comment", "CANARY-JPEG-COMMENT"),
        Canary::new("the event still's comment", "CANARY-EVENT-STILL-COMMENT"),
        Canary::new("the still", middle(&still)),
        Canary::new("the event's still", middle(&event_still)),
        Canary::new("the rendition", middle(&rendition)),
        Canary::new("the clip", middle(&clip)),
        Canary::new("the clip's beginning", &clip[200..232]),
        Canary::new("the clip's end", &clip[clip.len() - 32..]),
        Canary::new("the refused clip", middle(&refused)),
        Canary::new("the camera's credential", &camera.credential),
        Canary::new("the session's token", viewer.secret()),
        Canary::new("the session's cookie", cookie.secret()),
        Canary::new("the session's tag", &viewer.tag),
    ];
    // The secret part of a credential stands without the ids that the credential names.
    canaries.push(Canary::new(
        "the MAC of the camera's credential",
        &camera.credential[camera.credential.len() - 40..],
    ));
    canaries.push(Canary::new(
        "the MAC of the session's token",
        &viewer.secret()[viewer.secret().len() - 40..],
    ));

    let metrics = edge.metrics().await;
    assert!(metrics.contains("eyesonly_requests_total"));
    for id in [&household.id, &camera.id, &account.id, &event] {
        assert!(!metrics.contains(id.as_str()), "an id is in the metrics:\n{metrics}");
    }
    // The files are read while the edge runs, with its write-ahead log, then after a stop, then
    // after a kill.
    assert!(
        files_below(&edge.data()).iter().any(|path| path.to_string_lossy().ends_with("-wal")),
        "there is no write-ahead log to read"
    );
    expect_nothing(&edge, &canaries, &metrics).await;
    edge.stop();
    expect_nothing(&edge, &canaries, &metrics).await;
    edge.restart();
    viewer.delete(&camera, &event).await.expect(204);
    viewer.logout().await.expect(204);
    let metrics = edge.metrics().await;
    edge.kill9();
    expect_nothing(&edge, &canaries, &metrics).await;

    // The control: the scanner finds each canary that is planted.
    for canary in &canaries {
        let path = edge.data().join("objects/planted");
        std::fs::write(&path, [&[0; 1000], &canary.bytes[..], &[0; 1000]].concat()).unwrap();
        let (_, found) = scan(&edge.data(), &canaries);
        assert!(
            found.iter().any(|line| line.starts_with(&canary.name)),
            "{} was planted and not found",
            canary.name
        );
        std::fs::remove_file(path).unwrap();
    }
    // The files that were read hold at least as many sealed bytes as the still that is kept.
    let sealed: u64 = edge.objects().iter().map(|path| path.metadata().unwrap().len()).sum();
    assert!(sealed > still.len() as u64, "{sealed} bytes are less than the still that is kept");
}

/// Sends requests that are refused at every stage. Their content must not be logged or left behind
/// either. Returns the clip that was refused.
async fn refused_requests(
    edge: &Edge,
    camera: &eyesonly_tests::Camera,
    viewer: &eyesonly_tests::Viewer,
    account: &eyesonly_tests::Account,
) -> Vec<u8> {
    account.try_login("CANARY-WRONG-PASSWORD", true).await.expect_problem(401);
    camera
        .put_event(
            &fresh_id(),
            &json!({ "kind": "CANARY-REFUSED-LABEL", "label": "CANARY-REFUSED-LABEL" }),
        )
        .await
        .expect_problem(422);
    camera
        .put_event(&fresh_id(), &description(&"CANARY-REFUSED-LABEL ".repeat(300)))
        .await
        .expect_problem(413);
    let event = fresh_id();
    camera.put_event(&event, &description("plain")).await.expect(201);
    let refused = mp4_around(&noise("REFUSED", 3_000_000));
    let upload = camera.upload(&format!("events/{event}/clip"), "video/mp4");
    let wrong = eyesonly_harness::footage::content_digest(b"another");
    Answer::of_upload(upload.header("content-digest", wrong).body(refused.clone()))
        .await
        .expect_problem(400);
    camera
        .with_credential(&format!("{}x", camera.credential))
        .put_still(&fresh_id(), media("special/orientation-1.jpg"))
        .await
        .expect_problem(401);
    viewer.get("cameras/CANARY-CAMERA/events").await.expect_problem(404);
    viewer.get("cameras/CANARY-CAMERA%20/events").await.expect_problem(400);
    let foreign = edge.door().request(Method::GET, &format!("/v1/{}/cameras", "0".repeat(32)));
    let Credential::Token(token) = &viewer.credential else { panic!("a token was asked for") };
    Answer::of(foreign.bearer_auth(token)).await.expect_problem(404);
    refused.to_vec()
}
