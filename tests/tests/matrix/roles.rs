//! Every role × every route of a viewer × the household's cameras × footage before, in and after
//! the window of a right.

use std::time::{Duration, SystemTime};

use eyesonly_harness::footage::{description, footage_id, mp4_around, now_milliseconds};
use eyesonly_tests::built::{Edition, edition};
use eyesonly_tests::footage::media;
use eyesonly_tests::live::{Streaming, recording};
use eyesonly_tests::{Account, Answer, Camera, Edge, EdgeOptions, Household, Viewer, poll};
use reqwest::Method;

use crate::table::{NATIVE_VIEWER_TABLE, ROLES_LIVE_TABLE, ROLES_TABLE, Row, VIEWER_TABLE, rows};
use crate::{Cells, head};

/// Minutes ago: an event before the window, one in it and one after it; and the window's ends.
const BEFORE: u64 = 50;
const FROM: u64 = 45;
const IN: u64 = 40;
const UNTIL: u64 = 35;
const AFTER: u64 = 30;

struct Town {
    /// Its still is in the window.
    shared: Camera,
    /// The owner alone may see this one.
    unshared: Camera,
    /// Another household's.
    foreign: Camera,
    viewers: Vec<(&'static str, Viewer)>,
    /// The end of the window and of every event, in milliseconds since 1970.
    now: u64,
}

fn at(now: u64, minutes_ago: u64) -> u64 {
    now - minutes_ago * 60_000
}

fn told(milliseconds: u64) -> String {
    let at = SystemTime::UNIX_EPOCH + Duration::from_millis(milliseconds);
    humantime::format_rfc3339_millis(at).to_string()
}

async fn event(camera: &Camera, milliseconds: u64) -> String {
    let event = footage_id(milliseconds);
    camera.put_event(&event, &description("something moved")).await.expect(201);
    camera.put_event_still(&event, media("special/orientation-1.jpg")).await.expect(201);
    camera.put_clip(&event, mp4_around(b"a clip")).await.expect(201);
    event
}

/// Shares a camera with an account, within the window unless it is to be all of the time.
fn share(home: &Household, camera: &Camera, with: &Account, kinds: &str, window: Option<[u64; 2]>) {
    let mut arguments = vec!["share", "add", "--camera", &camera.id, "--viewer", &with.login];
    arguments.extend(["--kinds", kinds]);
    let ends = window.map(|ends| ends.map(told));
    match &ends {
        Some([from, until]) => arguments.extend(["--from", from, "--until", until]),
        None => arguments.push("--past"),
    }
    home.command(&arguments);
}

impl Town {
    async fn new(edge: &Edge) -> Self {
        let (alder, birch) = (edge.household("Alder"), edge.household("Birch"));
        let (shared, unshared) = (alder.camera("Front door"), alder.camera("Back yard"));
        let foreign = birch.camera("Front door");
        let now = now_milliseconds();
        for camera in [&shared, &unshared, &foreign] {
            let still = footage_id(at(now, IN));
            camera.put_still(&still, media("special/orientation-1.jpg")).await.expect(201);
        }
        let account = |login: &str| alder.viewer(login);
        let owner = account("owner");
        // Everybody was an owner first: what a role allowed must end with it.
        let others = ["member", "idle", "guest", "live", "events", "clips", "installer", "former"];
        let others = others.map(|login| (login, account(login)));
        let window = Some([at(now, FROM), at(now, UNTIL)]);
        for (login, account) in &others {
            let member = |role: &[&str]| {
                let of = ["--household", &alder.id, "--viewer", account.login.as_str()];
                alder.command(&[&["member", "set"], of.as_slice(), &["--role"], role].concat());
            };
            let leaves = || {
                let of = ["--household", &alder.id, "--viewer", account.login.as_str()];
                alder.command(&[&["member", "remove"], of.as_slice()].concat());
            };
            match *login {
                "member" => {
                    member(&["member"]);
                    share(&alder, &shared, account, "live,events,clips", window);
                }
                "idle" => member(&["member"]),
                "installer" => member(&["installer", "--hours", "4"]),
                "former" => {
                    leaves();
                    share(&alder, &shared, account, "live,events,clips", None);
                    alder.command(&[
                        "share", "remove", "--camera", &shared.id, "--viewer", "former",
                    ]);
                }
                "guest" => {
                    leaves();
                    share(&alder, &shared, account, "live,events,clips", window);
                }
                kind => {
                    leaves();
                    share(&alder, &shared, account, kind, None);
                }
            }
        }
        let mut viewers = vec![("owner", owner.login().await)];
        for (login, account) in others {
            viewers.push((login, account.login().await));
        }
        Self { shared, unshared, foreign, viewers, now }
    }

    /// Returns every way to name the object of a row: camera and event.
    async fn objects(&self, row: &Row) -> Vec<(String, String)> {
        let nobody = "0190a0a0-0000-7000-8000-000000000000".to_owned();
        let of = async |camera: &Camera, minutes_ago| {
            let has_event = row.path.contains("{event}");
            let event = match has_event {
                true => event(camera, at(self.now, minutes_ago)).await,
                false => nobody.clone(),
            };
            (camera.id.clone(), event)
        };
        match row.object {
            "shared" | "in" => vec![of(&self.shared, IN).await],
            "before" => vec![of(&self.shared, BEFORE).await],
            "after" => vec![of(&self.shared, AFTER).await],
            "unshared" => vec![of(&self.unshared, IN).await],
            "foreign" => vec![of(&self.foreign, IN).await],
            "absent" => {
                let mut absent = vec![(nobody.clone(), nobody.clone())];
                if row.path.contains("{event}") {
                    let cameras = [&self.shared, &self.unshared, &self.foreign];
                    absent.extend(cameras.map(|camera| (camera.id.clone(), nobody.clone())));
                }
                absent
            }
            object => panic!("there is no object {object}"),
        }
    }
}

#[tokio::test]
async fn each_role_gets_what_the_table_says_and_nothing_else() {
    let edge = Edge::start(EdgeOptions::default());
    let town = Town::new(&edge).await;
    let mut cells = Cells::default();
    let private = |table| rows(table).into_iter().filter(|row| row.path.contains("{camera}"));
    let tabled = |route: &str| rows(ROLES_TABLE).iter().any(|row| row.route() == route);
    assert!(private(VIEWER_TABLE).all(|row| tabled(&row.route())), "a route has no row for roles");
    for row in rows(ROLES_TABLE) {
        for (role, expected) in &row.cells {
            let viewer = &town.viewers.iter().find(|(login, _)| login == role).unwrap().1;
            for (camera, event) in town.objects(&row).await {
                let cell = format!("{} × {} × {role}", row.route(), row.object);
                let path = row.path.replace("{tag}", &viewer.tag).replace("{camera}", &camera);
                let path = path.replace("{event}", &event);
                let method: Method = row.method.parse().unwrap();
                let answer = Answer::of_look(viewer.request(method, &path)).await;
                cells.judge(&row, role, *expected, cell, answer);
            }
        }
    }
    cells.check();
    the_lists_are_what_the_rights_say(&town).await;
}

async fn the_lists_are_what_the_rights_say(town: &Town) {
    for (role, viewer) in &town.viewers {
        let cameras = viewer.cameras().await;
        let ids: Vec<_> = cameras.iter().map(|camera| camera["id"].as_str().unwrap()).collect();
        let expected = match *role {
            "owner" | "installer" => vec![&*town.shared.id, &town.unshared.id],
            "idle" | "former" => vec![],
            _ => vec![&*town.shared.id],
        };
        assert_eq!(ids, expected, "{role}");
        if !matches!(*role, "member" | "guest") {
            continue;
        }
        // Page by page, nothing outside of the window is named: neither an event nor a cursor.
        let (from, until) = (at(town.now, FROM), at(town.now, UNTIL));
        let (mut after, mut seen) = (String::new(), 0);
        loop {
            let path = format!("cameras/{}/events?limit=1{after}", town.shared.id);
            let page = viewer.get(&path).await.expect(200).json();
            for event in page["events"].as_array().unwrap() {
                // The time of a footage id is its first 48 bits.
                let id = event["id"].as_str().unwrap().replace('-', "");
                let time = u64::from_str_radix(&id[..12], 16).unwrap();
                assert!((from..=until).contains(&time), "{role}: {event}");
                seen += 1;
            }
            let Some(next) = page["next"].as_str() else { break };
            assert!(!page["events"].as_array().unwrap().is_empty(), "{role}: an empty page");
            after = format!("&before={next}");
        }
        assert!(seen > 0, "{role} sees the events in the window");
    }
}

#[tokio::test]
async fn each_role_follows_what_the_table_says_and_nothing_else() {
    if edition() == Edition::Spin {
        return;
    }
    let edge = Edge::start(EdgeOptions::default());
    let town = Town::new(&edge).await;
    let owner = &town.viewers[0].1;
    let _streaming = [&town.shared, &town.unshared]
        .map(|camera| Streaming::start(camera, "main", recording("alder-front-door")));
    for camera in [&town.shared, &town.unshared] {
        let path = format!("cameras/{}/live/index.m3u8", camera.id);
        poll("four segments are whole", 60, async || owner.get(&path).await.status == 200).await;
    }
    let mut cells = Cells::default();
    let tabled = |route: &str| rows(ROLES_LIVE_TABLE).iter().any(|row| row.route() == route);
    let mut native = rows(NATIVE_VIEWER_TABLE).into_iter();
    assert!(native.all(|row| tabled(&row.route())), "a route of live view has no row for roles");
    for row in rows(ROLES_LIVE_TABLE) {
        for (role, expected) in &row.cells {
            let viewer = &town.viewers.iter().find(|(login, _)| login == role).unwrap().1;
            let camera = if row.object == "shared" { &town.shared } else { &town.unshared };
            let segment = head(owner, camera).await;
            let path = row.path.replace("{tag}", &viewer.tag).replace("{camera}", &camera.id);
            let path = path.replace("{segment}", &segment);
            let cell = format!("{} × {} × {role}", row.route(), row.object);
            let answer = Answer::of_look(viewer.request(Method::GET, &path)).await;
            cells.judge(&row, role, *expected, cell, answer);
        }
    }
    cells.check_more_than(20);
}
