//! Events: listed newest first, in pages, and deleted for good.

use eyesonly_harness::footage::{description, footage_id, fresh_id, mp4_around, now_milliseconds};
use eyesonly_tests::Answer;
use eyesonly_tests::footage::media;
use reqwest::Method;
use serde_json::{Value, json};
use std::time::{Duration, UNIX_EPOCH};

use crate::Home;

fn ids(page: &Value) -> Vec<String> {
    page["events"]
        .as_array()
        .unwrap()
        .iter()
        .map(|event| event["id"].as_str().unwrap().to_owned())
        .collect()
}

#[tokio::test]
async fn events_come_newest_first_and_in_pages() {
    let home = Home::new().await;
    let path = format!("cameras/{}/events", home.camera.id);
    let empty = home.viewer.get(&path).await.expect(200).json();
    assert_eq!(empty, json!({ "events": [], "next": null }));

    let now = now_milliseconds();
    // The events are handed in out of order, some in the same millisecond, over more than a day.
    let mut handed_in: Vec<String> =
        (0..25).map(|n: u64| footage_id(now - (n / 2) * 4_000_000)).collect();
    handed_in.rotate_left(9);
    for (number, id) in handed_in.iter().enumerate() {
        home.camera.put_event(id, &description(&format!("event {number}"))).await.expect(201);
    }
    let mut expected = handed_in.clone();
    expected.sort();
    expected.reverse();

    for limit in [1, 7, 10, 25, 100] {
        let mut seen = Vec::new();
        let mut next = None;
        for _ in 0..=expected.len() {
            let before = next.as_ref().map_or(String::new(), |id| format!("&before={id}"));
            let page =
                home.viewer.get(&format!("{path}?limit={limit}{before}")).await.expect(200).json();
            let found = ids(&page);
            assert!(found.len() <= limit);
            seen.extend(found);
            next = page["next"].as_str().map(str::to_owned);
            if next.is_none() {
                break;
            }
        }
        assert_eq!(seen, expected, "in pages of {limit}");
    }
    // A cursor need not be an event.
    let page = home
        .viewer
        .get(&format!("{path}?before={}", footage_id(now - 6_000_000)))
        .await
        .expect(200)
        .json();
    let older: Vec<_> =
        expected.iter().filter(|id| **id < footage_id(now - 6_000_000)).cloned().collect();
    assert_eq!(ids(&page), older);
    assert!(!older.is_empty() && older.len() < expected.len());
}

#[tokio::test]
async fn an_event_says_what_its_camera_said_and_what_is_there() {
    let home = Home::new().await;
    let milliseconds = now_milliseconds() - 86_400_123;
    let id = footage_id(milliseconds);
    let label = "Ein <b>Fuchs</b> im \"Garten\" 🦊";
    home.camera
        .put_event(&id, &json!({ "kind": "animal", "label": label, "duration_milliseconds": 7000 }))
        .await
        .expect(201);
    let time = UNIX_EPOCH + Duration::from_millis(milliseconds);
    let written = humantime::format_rfc3339_millis(time).to_string();
    let mut expected = json!({
        "id": id, "time": written, "kind": "animal", "label": label,
        "duration_milliseconds": 7000, "still": false, "clip": false,
    });
    let check = async |expected: &Value| {
        assert_eq!(home.viewer.event(&home.camera, &id).await.expect(200).json(), *expected);
        assert_eq!(home.viewer.events(&home.camera).await, std::slice::from_ref(expected));
    };
    check(&expected).await;
    home.viewer.event_thumbnail(&home.camera, &id, 320).await.expect_problem(404);
    home.viewer.clip(&home.camera, &id).await.expect_problem(404);
    home.camera.put_event_still(&id, media("special/orientation-1.jpg")).await.expect(201);
    expected["still"] = json!(true);
    check(&expected).await;
    home.camera.put_clip(&id, mp4_around(b"a clip")).await.expect(201);
    expected["clip"] = json!(true);
    check(&expected).await;
    // A description may be as short as its kind.
    let short = fresh_id();
    home.camera.put_event(&short, &json!({ "kind": "other" })).await.expect(201);
    let event = home.viewer.event(&home.camera, &short).await.expect(200).json();
    assert_eq!((&event["label"], &event["duration_milliseconds"]), (&json!(""), &Value::Null));
}

#[tokio::test]
async fn a_deleted_event_is_gone_and_stays_gone() {
    let home = Home::new().await;
    let kept = fresh_id();
    home.camera.put_event(&kept, &description("kept")).await.expect(201);
    home.camera.put_clip(&kept, mp4_around(b"the clip that is kept")).await.expect(201);
    let before = home.edge.store_files();

    let (event, clip, still) = (
        fresh_id(),
        mp4_around(&eyesonly_harness::footage::noise("gone", 3_000_000)),
        media("alder-driveway-car.jpg"),
    );
    home.camera.put_event(&event, &description("gone")).await.expect(201);
    home.camera.put_event_still(&event, still.clone()).await.expect(201);
    home.camera.put_clip(&event, clip.clone()).await.expect(201);
    for width in [160, 640] {
        home.viewer.event_thumbnail(&home.camera, &event, width).await.expect(200);
    }
    home.viewer.clip(&home.camera, &event).await.expect(200);
    eyesonly_tests::poll("renditions are kept", 30, async || {
        home.edge.objects().len() == before.len() + 4
    })
    .await;

    let answer = home.viewer.delete(&home.camera, &event).await.expect(204);
    assert!(answer.body.is_empty());
    for (method, rest) in [
        (Method::GET, ""),
        (Method::HEAD, ""),
        (Method::DELETE, ""),
        (Method::GET, "/clip"),
        (Method::HEAD, "/clip"),
        (Method::GET, "/thumbnail?width=160"),
        (Method::GET, "/thumbnail?width=640"),
        (Method::GET, "/thumbnail?width=320"),
    ] {
        let path = format!("cameras/{}/events/{event}{rest}", home.camera.id);
        let answer =
            Answer::of(home.viewer.ask(method.clone(), &path).header("range", "bytes=0-1")).await;
        assert_eq!(answer.status, 404, "{method} {rest}");
        let absent = format!("cameras/{}/events/{}{rest}", home.camera.id, fresh_id());
        let absent =
            Answer::of(home.viewer.ask(method.clone(), &absent).header("range", "bytes=0-1")).await;
        assert_eq!(
            answer.seen(),
            absent.seen(),
            "{method} {rest}: what was deleted can be told from what never was"
        );
    }
    let left: Vec<_> =
        home.viewer.events(&home.camera).await.iter().map(|event| event["id"].clone()).collect();
    assert_eq!(left, [json!(kept)]);
    assert_eq!(home.edge.store_files(), before, "its files are not gone");
    home.viewer.clip(&home.camera, &kept).await.expect(200);

    // The camera's retry does not bring it back, now or after a restart.
    let mut home = home;
    for _ in 0..2 {
        home.camera.put_event(&event, &description("gone")).await.expect_problem(410);
        home.camera.put_event_still(&event, still.clone()).await.expect_problem(410);
        home.camera.put_clip(&event, clip.clone()).await.expect_problem(410);
        home.viewer.event(&home.camera, &event).await.expect_problem(404);
        home.edge.restart();
    }
    eyesonly_tests::poll("no file came back", 30, async || home.edge.store_files() == before).await;
}
