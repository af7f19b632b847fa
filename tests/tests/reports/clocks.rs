//! Clocks: what came last is the newest, what is not plausible is refused, and a camera whose clock
//! is wrong learns of it.

use super::report;
use eyesonly_harness::footage::{description, footage_id, fresh_id, now_milliseconds};
use eyesonly_tests::picture::Picture;
use eyesonly_tests::{Answer, Camera, Home};

const MINUTE: u64 = 60 * 1000;
const DAY: u64 = 24 * 60 * MINUTE;

#[tokio::test]
async fn r19_a_clock_that_was_ahead_and_is_set_right() {
    let home = Home::new().await;
    let ahead = now_milliseconds() + 4 * MINUTE;
    let (red, blue) = (report("19-red.jpg"), report("19-blue.jpg"));
    home.camera.put_still(&footage_id(ahead), red).await.expect(201);
    home.camera.put_still(&footage_id(now_milliseconds()), blue).await.expect(201);
    let shown = home.viewer.thumbnail(&home.camera, 320).await.expect(200);
    let [red, _, blue] = Picture::decode(&shown.body).colour();
    assert!(blue > 150 && red < 100, "what came last is shown at once");
}

/// Hands in a still and an event of this time, and returns the statuses and what a refusal said.
async fn hand_in(camera: &Camera, milliseconds: u64) -> (u16, u16, String) {
    let id = footage_id(milliseconds);
    let still = camera.put_still(&id, report("19-red.jpg")).await;
    let event = camera.put_event(&id, &description("of then")).await;
    (still.status, event.status, still.told())
}

#[tokio::test]
async fn r19_what_is_before_the_enrolment_is_refused_as_what_is_to_come() {
    let home = Home::new().await;
    let household = home.edge.household("Birch Street 9");
    let (now, camera) = (now_milliseconds(), household.camera_of_now("Front door"));
    for (time, expected, words) in [
        (0, 400, "before 2020"),
        (1_577_836_800_000 - 1, 400, "before 2020"),
        (now - 3 * 365 * DAY, 400, "--since"),
        (now - 6 * MINUTE, 400, "--since"),
        (now - 4 * MINUTE, 201, ""),
        (now + 4 * MINUTE, 201, ""),
        (now + 7 * MINUTE, 400, "ahead"),
    ] {
        let (still, event, told) = hand_in(&camera, time).await;
        assert_eq!((still, event), (expected, expected), "{time}: {told}");
        assert!(told.contains(words) && (words.is_empty() || told.contains("clock")), "{told}");
    }
    // `home.camera` was enrolled with --since.
    assert_eq!(hand_in(&home.camera, now - 5 * DAY).await.0, 201);
    assert_eq!(hand_in(&home.camera, now - 7 * DAY).await.0, 400);
}

#[tokio::test]
async fn r19_every_answer_tells_a_camera_the_time() {
    let home = Home::new().await;
    let check = |answer: &Answer, before: u64| {
        let told: u64 = answer.header("eyesonly-time").parse().unwrap();
        assert!((before..=now_milliseconds()).contains(&told), "{}: {told}", answer.status);
    };
    let still = report("19-red.jpg");
    for (id, expected) in
        [(fresh_id(), 201), (footage_id(now_milliseconds() + DAY), 400), ("1".to_owned(), 400)]
    {
        let before = now_milliseconds();
        let answer = home.camera.put_still(&id, still.clone()).await;
        assert_eq!(answer.status, expected);
        check(&answer, before);
    }
    let before = now_milliseconds();
    let stranger = home.camera.with_credential("ec1.none");
    check(&stranger.put_still(&fresh_id(), still).await.expect(401), before);
}

#[tokio::test]
async fn r19_the_list_of_cameras_shows_how_a_clock_stands() {
    let home = Home::new().await;
    // There is one camera, so the list is one line.
    let listed = || home.household.command(&["camera", "list"]);
    assert!(listed()["heard_at_milliseconds"].is_null());
    let before = now_milliseconds();
    hand_in(&home.camera, before + 4 * MINUTE).await;
    let line = listed();
    let offset = line["clock_offset_milliseconds"].as_i64().unwrap();
    assert!((3 * 60_000..=4 * 60_000).contains(&offset), "{line}");
    assert!(line["heard_at_milliseconds"].as_u64().unwrap() >= before);
    hand_in(&home.camera, now_milliseconds() - DAY).await;
    let line = listed();
    assert!(line["clock_offset_milliseconds"].as_i64().unwrap() <= -86_400_000, "{line}");
}

#[tokio::test]
async fn r20_the_age_of_a_still_is_told() {
    let home = Home::new().await;
    let age_of = async || {
        let listed = home.viewer.cameras().await;
        listed[0]["still_at_milliseconds"].as_u64()
    };
    assert_eq!(age_of().await, None);
    let old = now_milliseconds() - 3 * DAY;
    hand_in(&home.camera, old).await;
    let shown = home.viewer.thumbnail(&home.camera, 320).await.expect(200);
    assert_eq!(shown.header("eyesonly-still-time"), old.to_string());
    assert_eq!(age_of().await, Some(old));
    // A camera whose clock is ahead takes no picture of the future.
    let before = now_milliseconds();
    hand_in(&home.camera, before + 4 * MINUTE).await;
    let time = age_of().await.unwrap();
    assert!((before..=now_milliseconds()).contains(&time), "{time}");
}
