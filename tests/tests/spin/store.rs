//! A wrong key, or a store with wrong values. The request gets an error, nothing is shown, and a
//! line in the log names the cause.

use std::time::Duration;

use eyesonly_harness::footage::{description, fresh_id};
use eyesonly_tests::footage::{large_clip, media};
use eyesonly_tests::raw::{self, half_a_clip};
use eyesonly_tests::{Camera, Edge, Home, Viewer, poll, without_times};
use rusqlite::{Connection, params};
use serde_json::Value;

use super::spin;

fn open(edge: &Edge) -> Connection {
    let store = Connection::open(edge.spin_store()).unwrap();
    store.busy_timeout(Duration::from_secs(10)).unwrap();
    store
}

/// Returns the keys that start with `prefix`, and their values.
fn values(store: &Connection, prefix: &str) -> Vec<(String, Vec<u8>)> {
    let mut asked = store
        .prepare("SELECT key, value FROM spin_key_value WHERE key LIKE ?1 ORDER BY key")
        .unwrap();
    let rows =
        asked.query_map([format!("{prefix}%")], |row| Ok((row.get(0)?, row.get(1)?))).unwrap();
    rows.map(Result::unwrap).collect()
}

fn put(store: &Connection, key: &str, value: &[u8]) {
    let changed = store
        .execute("UPDATE spin_key_value SET value = ?2 WHERE key = ?1", params![key, value])
        .unwrap();
    assert_eq!(changed, 1, "{key}");
}

#[tokio::test]
async fn without_its_key_it_shows_nothing_and_says_why() {
    let mut home = Home::with(spin()).await;
    home.camera.put_still(&fresh_id(), media("alder-front-door.jpg")).await.expect(201);
    home.viewer.thumbnail(&home.camera, 320).await.expect(200);
    let another = "0".repeat(64);
    for (given, why) in [
        (None, "`key_encryption_key` is not set"),
        (Some(""), "`key_encryption_key` is not set"),
        (Some("00ff"), "must be 64 hexadecimal digits"),
        (Some(another.as_str()), "started with another key_encryption_key"),
    ] {
        let served =
            home.edge.try_restart_with(|options| options.spin_key = Some(given.map(str::to_owned)));
        if let Err(log) = served {
            // Spin itself refuses to start without the variable.
            assert!(given.is_none() && log.contains("key_encryption_key"), "{given:?}: {log}");
            continue;
        }
        home.viewer.thumbnail(&home.camera, 320).await.expect_problem(503);
        home.camera.put_still(&fresh_id(), media("alder-front-door.jpg")).await.expect_problem(503);
        home.edge.door().get("/healthz").await.expect_problem(503);
        home.account.try_login(&home.account.password, true).await.expect_problem(503);
        home.edge.door().get("/").await.expect(200);
        let log = home.edge.log();
        assert!(log.contains(why), "{given:?}: {log}");
        assert!(!log.contains("00ff") && !log.contains(&another), "key material in the log");
    }
    home.edge.restart_with(|options| options.spin_key = None);
    home.viewer.thumbnail(&home.camera, 320).await.expect(200);
}

#[tokio::test]
async fn a_store_that_was_never_begun_says_so() {
    let edge = Edge::start(spin());
    edge.door().get("/healthz").await.expect_problem(503);
    assert!(edge.log().contains("was not started"), "{}", edge.log());
}

/// One household's viewer, camera and event, and the answers that it gets when all is well.
struct Side {
    viewer: Viewer,
    camera: Camera,
    event: String,
    label: &'static str,
    shown: Vec<Vec<u8>>,
}

impl Side {
    /// Says whether this is the list of cameras, with no time of a still.
    fn has_list(&self, body: &[u8]) -> bool {
        let (list, times) = without_times(body);
        let is_shown = |shown: &Vec<u8>| without_times(shown).0 == list;
        !times.is_empty() && times.iter().all(Value::is_null) && self.shown.iter().any(is_shown)
    }

    /// Asks for everything that this viewer can ask for; returns status and body of each answer.
    async fn ask(&self) -> Vec<(u16, Vec<u8>)> {
        let (viewer, camera) = (&self.viewer, &self.camera);
        let answers = [
            viewer.get("cameras").await,
            viewer.thumbnail(camera, 320).await,
            viewer.get(&format!("cameras/{}/events", camera.id)).await,
            viewer.event(camera, &self.event).await,
            viewer.event_thumbnail(camera, &self.event, 160).await,
            viewer.clip(camera, &self.event).await,
        ];
        answers.into_iter().map(|answer| (answer.status, answer.body.to_vec())).collect()
    }
}

async fn side(home: &Home, n: usize) -> Side {
    let (household, login, label) = [
        ("Birch Court 9", "birch", "a heron at the pond"),
        ("Cedar Row 2", "cedar", "a red bicycle"),
    ][n];
    let household = home.edge.household(household);
    let (camera, account) = (household.camera(login), household.viewer(login));
    let event = fresh_id();
    let pictures = [
        ["alder-front-door.jpg", "alder-driveway-car.jpg"],
        ["alder-garden-cat.jpg", "alder-front-door-person.jpg"],
    ][n];
    let clip = ["alder-driveway-car.mp4", "alder-front-door-person.mp4"][n];
    camera.put_still(&fresh_id(), media(pictures[0])).await.expect(201);
    camera.put_event(&event, &description(label)).await.expect(201);
    camera.put_event_still(&event, media(pictures[1])).await.expect(201);
    camera.put_clip(&event, media(clip)).await.expect(201);
    let viewer = account.login().await;
    let mut side = Side { viewer, camera, event, label, shown: Vec::new() };
    // At the second time, all renditions are stored.
    for _ in 0..2 {
        let answers = side.ask().await;
        assert!(answers.iter().all(|(status, _)| *status == 200), "all is well");
        side.shown = answers.into_iter().map(|(_, body)| body).collect();
    }
    side
}

/// Whatever stands under whichever key, nobody is shown anything of the other household. Each
/// request gets its own answer, or an error.
#[tokio::test]
async fn values_under_each_others_keys_show_nothing() {
    let home = Home::with(spin()).await;
    let sides = [side(&home, 0).await, side(&home, 1).await];
    let store = open(&home.edge);
    let mut refused = 0;
    for prefix in [
        "key/household/",
        "record/viewer/",
        "record/session/",
        "record/camera/",
        "camera/",
        "row/",
        "object/",
        "part/",
        "page/",
        "days/",
        "group/",
        "name/",
    ] {
        let before = values(&store, prefix);
        assert!(before.len() > 1 || prefix == "part/", "{prefix}: nothing to swap");
        // The values are rotated by one, then by half. The first rotation puts each household's
        // values under the other's keys at least once.
        for by in [1, before.len() / 2] {
            for (at, (key, _)) in before.iter().enumerate() {
                put(&store, key, &before[(at + by) % before.len()].1);
            }
            let (log, mut failed) = (home.edge.log().len(), false);
            for (own, other) in [(&sides[0], &sides[1]), (&sides[1], &sides[0])] {
                for (status, body) in own.ask().await {
                    let text = String::from_utf8_lossy(&body);
                    assert!(!other.shown.contains(&body), "{prefix} by {by}: the other's answer");
                    assert!(
                        !text.contains(other.label)
                            && !text.contains(&other.camera.id)
                            && !text.contains(&other.event),
                        "{prefix} by {by}: the other's words"
                    );
                    assert!(
                        status != 200
                            || own.shown.contains(&body)
                            || own.has_list(&body)
                            || text.contains("\"events\":[]"),
                        "{prefix} by {by}: neither its own nor an error: {status} {text}"
                    );
                    refused += usize::from(status != 200);
                    failed |= status >= 500;
                }
            }
            if prefix == "record/camera/" {
                let still = media("alder-front-door.jpg");
                sides[0].camera.put_still(&fresh_id(), still).await.expect_problem(503);
                failed = true;
            }
            let said = home.edge.log()[log..].to_owned();
            let names_cause = said.contains("an answer was rejected") || said.contains("key");
            assert!(names_cause || !failed, "{prefix} by {by}: nothing in the log: {said}");
            for (key, value) in &before {
                put(&store, key, value);
            }
        }
    }
    assert!(refused > 20, "only {refused} requests were refused");
    for side in &sides {
        let again: Vec<_> = side.ask().await.into_iter().map(|(_, body)| body).collect();
        assert!(again == side.shown, "all is well again");
    }
}

/// Values of the wrong length and missing values give an error for the request, never a part of
/// something.
#[tokio::test]
async fn values_that_are_cut_or_gone_show_nothing() {
    let home = Home::with(spin()).await;
    let side = side(&home, 0).await;
    let store = open(&home.edge);
    for prefix in
        ["row/", "object/", "part/", "camera/", "record/viewer/", "key/household/", "registry"]
    {
        let before = values(&store, prefix);
        for cut in [|value: &[u8]| value[..value.len() / 2].to_vec(), |_: &[u8]| Vec::new()] {
            for (key, value) in &before {
                put(&store, key, &cut(value));
            }
            for (status, body) in side.ask().await {
                let text = String::from_utf8_lossy(&body);
                assert!(
                    status != 200
                        || side.shown.contains(&body)
                        || side.has_list(&body)
                        || body.ends_with(b"\"next\":null}"),
                    "{prefix}: {status} {text}"
                );
            }
            for (key, value) in &before {
                put(&store, key, value);
            }
        }
    }
    let again: Vec<_> = side.ask().await.into_iter().map(|(_, body)| body).collect();
    assert!(again == side.shown, "all is well again");
}

#[tokio::test]
async fn a_store_that_is_down_is_an_error_and_comes_back() {
    let home = Home::with(spin()).await;
    home.camera.put_still(&fresh_id(), media("alder-front-door.jpg")).await.expect(201);
    let store = open(&home.edge);
    store.execute_batch("ALTER TABLE spin_key_value RENAME TO elsewhere").unwrap();
    home.viewer.thumbnail(&home.camera, 320).await.expect_problem(503);
    home.camera.put_still(&fresh_id(), media("alder-front-door.jpg")).await.expect_problem(503);
    assert!(home.edge.log().contains("key-value store"), "{}", home.edge.log());
    store.execute_batch("ALTER TABLE elsewhere RENAME TO spin_key_value").unwrap();
    home.viewer.thumbnail(&home.camera, 320).await.expect(200);
}

/// The leftovers of a removed camera and of a broken upload are collected, and nothing else. They
/// are not collected before they are a day old, unless `--now` says so.
#[tokio::test]
async fn what_nobody_has_any_more_is_collected() {
    let mut home = Home::with(spin()).await;
    let kept = side(&home, 0).await;
    let needed = home.edge.store_files();
    let event = fresh_id();
    home.camera.put_event(&event, &description("a fox")).await.expect(201);
    let clip = large_clip();
    home.camera.put_clip(&event, clip.clone()).await.expect(201);
    home.household.remove_camera(&home.camera);

    // This upload ends with its process.
    let other = fresh_id();
    kept.camera.put_event(&other, &description("a hare")).await.expect(201);
    let begun = half_a_clip(&kept.camera, &other, &clip, clip.len() / 2);
    let _line = raw::begin(home.edge.door(), &begun).await;
    let store = open(&home.edge);
    poll("the upload is in the store in part", 30, async || !values(&store, "upload/").is_empty())
        .await;
    home.edge.kill9();

    let collect = |how: &[&str]| {
        let arguments = [&["collect"], how].concat();
        home.edge.command_line().run(&arguments, "").unwrap()["objects"].clone()
    };
    // What waits for the log goes there first, and with it from the store.
    let footage = || {
        ["camera/", "row/", "object/", "part/", "upload/", "page/", "days/", "group/", "name/"]
            .map(|prefix| values(&store, prefix))
    };
    let before = footage();
    assert_eq!(collect(&[]), 0, "all of it is young");
    assert!(footage() == before, "nothing has changed");
    assert!(values(&store, "ledger/").is_empty(), "it is in the log");
    let parts = values(&store, "part/").len();
    assert_eq!(collect(&["--now"]), 0, "all of it is younger than a minute");
    assert!(footage() == before, "nothing has changed");
    tokio::time::sleep(Duration::from_secs(61)).await;
    assert_eq!(collect(&["--now"]), 1, "the removed camera's clip");
    assert_eq!(home.edge.store_files(), needed);
    assert!(values(&store, "part/").len() < parts, "parts are gone");
    assert_eq!(collect(&["--now"]), 0);

    home.edge.restart();
    for (index, ((_, body), shown)) in kept.ask().await.into_iter().zip(&kept.shown).enumerate() {
        // Question 2, the list of events, has the new event too.
        assert!(index == 2 || body == *shown, "question {index} is answered as before");
    }
    kept.camera.put_clip(&other, clip.clone()).await.expect(201);
    assert!(kept.viewer.clip(&kept.camera, &other).await.expect(200).body == clip);
}

/// The key of a household that was removed is in no page of the file.
#[tokio::test]
async fn a_destroyed_key_leaves_nothing_in_the_file() {
    let home = Home::with(spin()).await;
    let store = open(&home.edge);
    let [(_, wrapped)] = values(&store, "key/household/").try_into().unwrap();
    let is_in_file = || {
        let file = std::fs::read(home.edge.spin_store()).unwrap();
        file.windows(wrapped.len()).any(|window| window == wrapped)
    };
    assert!(is_in_file());
    let id = &home.household.id;
    home.edge.command_line().run(&["household", "remove", id], "").unwrap();
    assert!(!is_in_file());
}

/// An event is acknowledged only if it will be listed.
#[tokio::test]
async fn a_camera_whose_journal_is_gone_hands_nothing_in() {
    let home = Home::with(spin()).await;
    home.camera.put_event(&fresh_id(), &description("a fox")).await.expect(201);
    let store = open(&home.edge);
    let [(journal, value)] = values(&store, "camera/").try_into().unwrap();
    store.execute("DELETE FROM spin_key_value WHERE key = ?1", params![journal]).unwrap();
    home.camera.put_event(&fresh_id(), &description("a hare")).await.expect_problem(503);
    assert!(home.edge.log().contains("it was lost or set back"), "{}", home.edge.log());
    store
        .execute("INSERT INTO spin_key_value VALUES ('default', ?1, ?2)", params![journal, value])
        .unwrap();
    home.camera.put_event(&fresh_id(), &description("a hare")).await.expect(201);
    assert_eq!(home.viewer.events(&home.camera).await.len(), 2);
}
