//! Questions that can't be answered as they are put.

use eyesonly_harness::footage::fresh_id;
use eyesonly_tests::Answer;
use eyesonly_tests::footage::media;
use reqwest::Method;
use serde_json::json;

use crate::Scene;

#[tokio::test]
async fn credentials_that_are_none() {
    let scene = Scene::new().await;
    let before = scene.shown().await;
    let good = scene.camera.credential.clone();
    let flipped =
        format!("{}{}", &good[..good.len() - 2], if good.ends_with("AA") { "BB" } else { "AA" });
    for credential in [
        "",
        "x",
        "ec1.",
        &good[..good.len() - 1],
        &good[4..],
        &flipped,
        &good.replace("ec1.", "ev1."),
        &good.repeat(2),
    ] {
        let camera = scene.camera.with_credential(credential);
        camera.put_still(&fresh_id(), media("special/orientation-1.jpg")).await.expect_problem(401);
        let path = format!("/v1/{}/cameras", scene.viewer.tag);
        Answer::of(scene.edge.door().request(Method::GET, &path).bearer_auth(credential))
            .await
            .expect_problem(401);
    }
    for scheme in ["Basic", "Digest", "Token", ""] {
        let request =
            scene.edge.door().request(Method::PUT, &format!("/v1/ingest/stills/{}", fresh_id()));
        Answer::of_upload(request.header("authorization", format!("{scheme} {good}")).body("x"))
            .await
            .expect_problem(401);
    }
    scene.expect_unchanged(&before, "bad credentials").await;
    scene.camera.put_still(&fresh_id(), media("special/orientation-1.jpg")).await.expect(201);
}

#[tokio::test]
async fn ranges_that_are_none() {
    let scene = Scene::new().await;
    let length = scene.clip.len();
    let ask = async |method: Method, range: &str| {
        Answer::of_look(scene.viewer.ask(method, &scene.clip_path()).header("range", range)).await
    };
    let check = async |range: &str, status: u16| {
        let answer = ask(Method::GET, range).await;
        assert_eq!(answer.status, status, "{range}: {}", answer.told());
        if status == 416 {
            assert_eq!(answer.header("content-range"), format!("bytes */{length}"), "{range}");
        }
        answer.expect_problem(status);
        // A range is for GET alone.
        ask(Method::HEAD, range).await.expect(200);
    };
    for reversed_or_not_a_number in [
        "bytes=5-4",
        "bytes=a-b",
        "bytes=-",
        "bytes=",
        "bytes",
        "bytes=1",
        "bytes=0x1-5",
        "bytes=-1-5",
        "bytes=1.5-2",
        "bytes=1-5,",
    ] {
        check(reversed_or_not_a_number, 400).await;
    }
    check(&format!("bytes={length}-"), 416).await;
    check(&format!("bytes={}-{}", length + 1, length + 5), 416).await;
    check("bytes=99999999999999999999999-", 416).await;
    check("bytes=-0", 416).await;
    // The edge does not know the unit, or does not send several parts. It answers with the whole
    // clip, as the RFC demands or allows.
    let many: Vec<String> = (0..60).map(|n| format!("{n}-{n}")).collect();
    let many = format!("bytes={}", many.join(","));
    for range in ["items=0-5", "bytes=0-1,5-6", "bytes=0-0,-1", &many] {
        assert_eq!(ask(Method::GET, range).await.expect(200).body, scene.clip);
    }
}

#[tokio::test]
async fn widths_limits_and_cursors_that_are_none() {
    let scene = Scene::new().await;
    let before = scene.shown().await;
    for width in [
        "0",
        "-1",
        "999999",
        "abc",
        "",
        "1921",
        "320.5",
        "320px",
        "+320",
        "%20320",
        "0x140",
        "4294967616",
        "18446744073709551936",
    ] {
        for path in [
            format!("cameras/{}/thumbnail", scene.camera.id),
            format!("cameras/{}/events/{}/thumbnail", scene.camera.id, scene.event),
        ] {
            let answer = scene.viewer.get(&format!("{path}?width={width}")).await;
            assert_eq!(answer.status, 400, "{path} at {width:?}: {}", answer.told());
            answer.expect_problem(400);
        }
    }
    for query in [
        "limit=0",
        "limit=101",
        "limit=-1",
        "limit=abc",
        "limit=",
        "before=abc",
        "before=",
        "before=550e8400-e29b-41d4-a716-446655440000",
    ] {
        let answer = scene.viewer.get(&format!("cameras/{}/events?{query}", scene.camera.id)).await;
        assert_eq!(answer.status, 400, "{query}: {}", answer.told());
        answer.expect_problem(400);
    }
    scene.expect_unchanged(&before, "bad parameters").await;
}

#[tokio::test]
async fn writes_from_other_sites_are_refused() {
    let scene = Scene::new().await;
    let before = scene.shown().await;
    let viewer = scene.account.login_by_cookie().await;
    let path = format!("cameras/{}/events/{}", scene.camera.id, scene.event);
    for (name, value) in [
        ("origin", "https://evil.example"),
        ("origin", "null"),
        ("sec-fetch-site", "cross-site"),
        ("sec-fetch-site", "same-site"),
    ] {
        Answer::of(viewer.ask(Method::DELETE, &path).header(name, value)).await.expect_problem(403);
        Answer::of(viewer.request(Method::DELETE, "/v1/session").header(name, value))
            .await
            .expect_problem(403);
        let login = json!({ "name": scene.account.login, "password": scene.account.password });
        let request =
            scene.edge.door().request(Method::POST, "/v1/session").header(name, value).json(&login);
        Answer::of_upload(request).await.expect_problem(403);
    }
    viewer.get("cameras").await.expect(200);
    scene.expect_unchanged(&before, "requests of other sites").await;
    let own = scene.edge.door().address();
    Answer::of(
        viewer
            .ask(Method::DELETE, &path)
            .header("origin", own)
            .header("sec-fetch-site", "same-origin"),
    )
    .await
    .expect(204);
}
