//! Sessions: started with a password, ended at once, worth nothing without their account.

use eyesonly_harness::footage::fresh_id;
use eyesonly_tests::Answer;
use eyesonly_tests::footage::media;
use reqwest::Method;
use serde_json::json;

use crate::Home;

#[tokio::test]
async fn a_session_ends_at_once_and_no_other_with_it() {
    let home = Home::new().await;
    let (first, second, cookie) = (
        home.account.login().await,
        home.account.login().await,
        home.account.login_by_cookie().await,
    );
    for viewer in [&first, &second, &cookie] {
        viewer.get("cameras").await.expect(200);
    }
    first.logout().await.expect(204);
    first.get("cameras").await.expect_problem(401);
    first.logout().await.expect_problem(401);
    second.get("cameras").await.expect(200);
    let answer = cookie.logout().await.expect(204);
    assert!(
        answer.header("set-cookie").starts_with("eyesonly=; "),
        "{}",
        answer.header("set-cookie")
    );
    assert!(answer.header("set-cookie").contains("Max-Age=0"));
    cookie.get("cameras").await.expect_problem(401);
    second.get("cameras").await.expect(200);
}

#[tokio::test]
async fn sessions_outlive_the_process_and_ended_ones_do_not_come_back() {
    let mut home = Home::new().await;
    let ended = home.account.login().await;
    ended.logout().await.expect(204);
    home.edge.restart();
    home.viewer.get("cameras").await.expect(200);
    ended.get("cameras").await.expect_problem(401);
    home.edge.kill9();
    home.edge.restart();
    home.viewer.get("cameras").await.expect(200);
    ended.get("cameras").await.expect_problem(401);
}

#[tokio::test]
async fn the_cookie_is_for_this_host_and_not_for_scripts() {
    let home = Home::new().await;
    let answer = home.account.try_login(&home.account.password, false).await.expect(201);
    let cookie = answer.header("set-cookie");
    let (pair, attributes) = cookie.split_once("; ").unwrap();
    assert!(pair.starts_with("eyesonly=ev1."), "{pair}");
    for attribute in ["HttpOnly", "SameSite=Strict", "Path=/"] {
        assert!(
            attributes.split("; ").any(|a| a == attribute),
            "{attribute} is not in {attributes}"
        );
    }
    assert!(!attributes.contains("Domain") && !attributes.contains("Secure"), "{attributes}");
    let body = answer.json();
    assert!(body.get("token").is_none() && body["expires_at_seconds"].is_u64(), "{body}");
    assert_eq!(answer.header("cache-control"), "private, no-store");
    // Only a client that asks for a token gets one, and then there is no cookie.
    let answer = home.account.try_login(&home.account.password, true).await.expect(201);
    assert!(answer.header("set-cookie").is_empty() && answer.json()["token"].is_string());
}

#[tokio::test]
async fn a_wrong_name_and_a_wrong_password_are_told_alike() {
    let home = Home::new().await;
    let wrong = home.account.try_login("not the password", true).await.expect_problem(401);
    let body = serde_json::json!({
        "name": "nobody here", "password": "not the password", "bearer": true
    });
    let unknown = Answer::of(home.edge.door().request(Method::POST, "/v1/session").json(&body))
        .await
        .expect_problem(401);
    assert_eq!(wrong.seen(), unknown.seen());
}

#[tokio::test]
async fn failed_logins_are_slowed_down() {
    let home = Home::new().await;
    let other = home.household.viewer("another");
    let mut throttled = 0;
    // A wait ends after some seconds, so that one of a few tries may come just after it.
    for _ in 0..40 {
        let answer = home.account.try_login("not the password", true).await;
        if answer.status == 401 {
            continue;
        }
        let seconds: u64 = answer.expect_problem(429).header("retry-after").parse().unwrap();
        assert!((1..=60).contains(&seconds), "{seconds}");
        // The right password has to wait too, or else the answer would tell it from a wrong one.
        if home.account.try_login(&home.account.password, true).await.status == 429 {
            throttled += 1;
            break;
        }
    }
    assert_eq!(throttled, 1, "40 wrong passwords were not slowed down");
    // Neither another account nor an existing session has to wait.
    other.login().await;
    home.viewer.get("cameras").await.expect(200);
}

/// A client that states an address of its own changes nothing.
#[tokio::test]
async fn nobody_escapes_the_throttle_by_another_address() {
    let home = Home::new().await;
    let login = json!({ "name": home.account.login, "password": "not the password" });
    let mut statuses = Vec::new();
    for n in 0..40 {
        let address = format!("7.7.7.{n}:1");
        let request = home.edge.door().request(Method::POST, "/v1/session").json(&login);
        let request =
            request.header("spin-client-addr", &address).header("x-forwarded-for", &address);
        statuses.push(Answer::of(request).await.status);
        if statuses.ends_with(&[429]) {
            return;
        }
    }
    panic!("40 wrong passwords from 40 addresses were not slowed down: {statuses:?}");
}

#[tokio::test]
async fn a_method_that_is_not_taken_says_which_are() {
    let home = Home::new().await;
    for (path, expected) in [
        ("/v1/session", vec!["DELETE", "POST"]),
        ("/healthz", vec!["GET", "HEAD"]),
        ("/v1/ingest/stills/x", vec!["PUT"]),
    ] {
        let answer = Answer::of(home.edge.door().request(Method::PATCH, path)).await;
        let answer = answer.expect_problem(405);
        let mut allowed: Vec<_> = answer.header("allow").split(',').map(str::trim).collect();
        allowed.sort_unstable();
        assert_eq!(allowed, expected, "{path}");
    }
}

#[tokio::test]
async fn a_viewer_who_is_removed_sees_nothing_from_then_on() {
    let home = Home::new().await;
    let stays = home.household.viewer("stays").login().await;
    home.camera.put_still(&fresh_id(), media("special/orientation-1.jpg")).await.expect(201);
    home.viewer.thumbnail(&home.camera, 320).await.expect(200);
    home.household.remove_viewer(&home.account);
    home.viewer.get("cameras").await.expect_problem(401);
    home.viewer.thumbnail(&home.camera, 320).await.expect_problem(401);
    home.account.try_login(&home.account.password, true).await.expect_problem(401);
    stays.thumbnail(&home.camera, 320).await.expect(200);
    // Nobody else gets the name, whom others might take for the one who had it.
    let again = home.edge.command_line().add_viewer(&home.household.id, "alder", "another one");
    assert!(again.unwrap_err().to_string().contains("taken"));
    home.account.try_login("another one", true).await.expect_problem(401);
}

#[tokio::test]
async fn a_camera_that_is_removed_hands_in_nothing_and_is_seen_by_nobody() {
    let home = Home::new().await;
    let stays = home.household.camera("Back yard");
    for camera in [&home.camera, &stays] {
        camera.put_still(&fresh_id(), media("special/orientation-1.jpg")).await.expect(201);
        home.viewer.thumbnail(camera, 320).await.expect(200);
    }
    home.household.remove_camera(&home.camera);
    home.camera
        .put_still(&fresh_id(), media("special/orientation-1.jpg"))
        .await
        .expect_problem(401);
    home.viewer.thumbnail(&home.camera, 320).await.expect_problem(404);
    home.viewer.get(&format!("cameras/{}/events", home.camera.id)).await.expect_problem(404);
    let left: Vec<_> =
        home.viewer.cameras().await.iter().map(|camera| camera["id"].clone()).collect();
    assert_eq!(left, [serde_json::json!(stays.id)]);
    home.viewer.thumbnail(&stays, 320).await.expect(200);
    // A camera that is added while people are signed in is there at their next request.
    let added = home.household.camera("Garage");
    assert!(home.viewer.cameras().await.iter().any(|camera| camera["id"] == added.id.as_str()));
}
