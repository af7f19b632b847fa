//! The matrix of who gets what: every route × every actor × every object. The running edge itself
//! describes its routes.
//!
//! The table (table.rs) is the specification. A route that only the edge or only the table has
//! fails the test. If two answers must not be told apart, they are compared byte for byte, except
//! Date.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "all of this is a test"
)]

mod cameras;
mod live;
mod roles;
mod sharing;
mod table;

use std::collections::{BTreeMap, BTreeSet};

use eyesonly_harness::footage::{description, footage_id, fresh_id};
use eyesonly_tests::built::{Edition, edition};
use eyesonly_tests::footage::media;
use eyesonly_tests::{Account, Answer, Camera, Door, Edge, EdgeOptions, Household, Viewer, poll};
use reqwest::{Method, RequestBuilder};
use serde_json::json;

use crate::live::head;
use crate::table::{
    CAMERA_TABLE, NATIVE_CAMERA_TABLE, NATIVE_VIEWER_TABLE, NOT_IN_SPIN, Row, SHARING_TABLE,
    VIEWER_TABLE, rows,
};

/// A household with two cameras that have footage, and a viewer.
struct Home {
    household: Household,
    camera: Camera,
    /// A camera with events that the first has not.
    other_camera: Camera,
    account: Account,
    viewer: Viewer,
    event: String,
    other_event: String,
}

impl Home {
    async fn new(edge: &Edge, name: &str) -> Self {
        let household = edge.household(name);
        let (camera, other_camera) =
            (household.camera("Front door"), household.camera("Back yard"));
        let account = household.viewer(&name.to_lowercase());
        for camera in [&camera, &other_camera] {
            camera.put_still(&fresh_id(), media("special/orientation-1.jpg")).await.expect(201);
        }
        let (event, other_event) = (new_event(&camera).await, new_event(&other_camera).await);
        let viewer = account.login().await;
        Self { household, camera, other_camera, account, viewer, event, other_event }
    }

    /// Returns a new event for a cell that may delete it, else the event of the home.
    async fn event_for(&self, row: &Row) -> String {
        if row.method == "DELETE" { new_event(&self.camera).await } else { self.event.clone() }
    }
}

async fn new_event(camera: &Camera) -> String {
    let event = fresh_id();
    camera.put_event(&event, &description("something moved")).await.expect(201);
    camera.put_event_still(&event, media("special/orientation-1.jpg")).await.expect(201);
    camera.put_clip(&event, eyesonly_harness::footage::mp4_around(b"a clip")).await.expect(201);
    event
}

/// The credentials and tags that the actors of the viewers' table send.
struct Actors {
    door: Door,
    /// The door of cameras, which have connections of their own.
    camera_door: Door,
    alder: Viewer,
    birch: Viewer,
    /// The tag of another session of Alder's viewer.
    other_tag: String,
    expired: Viewer,
    camera_credential: String,
}

/// The parameters of one request: camera and event.
type Named = (String, String);

/// Returns every way to name the object of a cell. If there are several, all must be answered
/// alike.
async fn objects(row: &Row, alder: &Home, birch: &Home) -> Vec<Named> {
    let name = |camera: &Camera, event: &str| (camera.id.clone(), event.to_owned());
    let nobody = "0190a0a0-0000-7000-8000-000000000000";
    match row.object {
        "alder" => vec![name(&alder.camera, &alder.event_for(row).await)],
        "birch" => vec![name(&birch.camera, &birch.event_for(row).await)],
        "mixed" => vec![
            name(&alder.camera, &birch.event),
            name(&birch.camera, &alder.event),
            name(&alder.camera, &alder.other_event),
            name(&alder.other_camera, &alder.event),
            name(&birch.camera, &birch.other_event),
        ],
        "absent" => {
            let mut absent = vec![
                (nobody.to_owned(), alder.event.clone()),
                ("not-an-id".to_owned(), alder.event.clone()),
            ];
            if row.path.contains("{event}") {
                for (home, event) in [
                    (alder, nobody),
                    (alder, "not-an-id"),
                    (birch, nobody),
                    (alder, &footage_id(1_700_000_000_000)),
                ] {
                    absent.push(name(&home.camera, event));
                }
            }
            absent
        }
        _ => vec![name(&alder.camera, &alder.event)],
    }
}

fn path_of(row: &Row, tag: &str, (camera, event): &Named) -> String {
    let file = if row.object == "absent" { "secret.js" } else { "app.css" };
    let path = row.path.replace("{tag}", tag).replace("{camera}", camera);
    path.replace("{event}", event).replace("{segment}", event).replace("{file}", file)
}

fn request(
    row: &Row,
    method: Method,
    actor: &str,
    named: &Named,
    actors: &Actors,
) -> RequestBuilder {
    let own = |viewer: &Viewer| viewer.request(method.clone(), &path_of(row, &viewer.tag, named));
    let tagged = |tag: &str| actors.alder.request(method.clone(), &path_of(row, tag, named));
    match actor {
        "alder" => own(&actors.alder),
        "birch" => own(&actors.birch),
        "expired" => own(&actors.expired),
        "other-tag" => tagged(&actors.other_tag),
        "birch-tag" => tagged(&actors.birch.tag),
        "nobody" => actors.door.request(method, &path_of(row, &actors.alder.tag, named)),
        "camera" => actors
            .door
            .request(method, &path_of(row, &actors.alder.tag, named))
            .bearer_auth(&actors.camera_credential),
        other => panic!("there is no actor {other}"),
    }
}

async fn routes_of(edge: &Edge) -> BTreeSet<String> {
    let document = edge.door().get("/v1/openapi.json").await.expect(200).json();
    let mut routes = BTreeSet::new();
    for (path, methods) in document["paths"].as_object().unwrap() {
        routes.extend(
            methods
                .as_object()
                .unwrap()
                .keys()
                .map(|method| format!("{} {path}", method.to_uppercase())),
        );
    }
    assert!(!routes.is_empty());
    routes
}

#[tokio::test]
async fn the_tables_have_every_route_of_the_edge_and_no_other() {
    let edge = Edge::start(EdgeOptions::default());
    let served = routes_of(&edge).await;
    let mut tables = vec![VIEWER_TABLE, CAMERA_TABLE, SHARING_TABLE];
    if edition() == Edition::Native {
        tables.extend([NATIVE_VIEWER_TABLE, NATIVE_CAMERA_TABLE]);
    }
    let mut tabled: BTreeSet<String> =
        tables.into_iter().flat_map(rows).map(|row| row.route()).collect();
    if edition() == Edition::Spin {
        tabled.retain(|route| !NOT_IN_SPIN.contains(&route.as_str()));
    }
    if let Some(route) = served.difference(&tabled).next() {
        panic!(
            "the matrix has no row for `{route}`: add one to a table in \
             tests/tests/matrix/table.rs, with the status for every cell"
        );
    }
    if let Some(route) = tabled.difference(&served).next() {
        panic!(
            "the edge has no route `{route}`: take its rows out of the table in \
             tests/tests/matrix/table.rs"
        );
    }
}

#[tokio::test]
async fn viewers_get_what_the_table_says_and_nothing_else() {
    let (edge, alder, birch, actors) = two_homes().await;
    let mut cells = Cells::default();
    // Sessions end last, because the rows before need them.
    let (last, first): (Vec<_>, Vec<_>) =
        rows(VIEWER_TABLE).into_iter().partition(|row| row.route() == "DELETE /v1/session");
    for row in first {
        for (actor, expected) in &row.cells {
            for named in objects(&row, &alder, &birch).await {
                let method: Method = row.method.parse().unwrap();
                let mut request = request(&row, method.clone(), actor, &named, &actors);
                if method == Method::POST {
                    request = request.json(&json!({
                        "name": alder.account.login,
                        "password": alder.account.password,
                        "bearer": true
                    }));
                }
                let cell = format!("{} × {} × {actor} {named:?}", row.route(), row.object);
                let answer = Answer::of_look(request).await;
                if method == Method::GET {
                    let head = self::request(&row, Method::HEAD, actor, &named, &actors);
                    let head = Answer::of_look(head).await;
                    let (head, get) = (head.seen(), answer.seen());
                    if (head.0, &head.1) != (get.0, &get.1) || !head.2.is_empty() {
                        cells.wrong.push(format!(
                            "{cell}: HEAD is not as GET: {head:?} and {:?}",
                            (get.0, get.1)
                        ));
                    }
                }
                cells.judge(&row, actor, *expected, cell, answer);
            }
        }
    }
    cells.check();
    refused_deletions_deleted_nothing(&alder, &birch).await;
    for row in last {
        check_logout(&edge, &row, &alder, &actors).await;
    }
}

async fn two_homes() -> (Edge, Home, Home, Actors) {
    let mut edge = Edge::start(EdgeOptions { session_seconds: Some(1), ..EdgeOptions::default() });
    let household = edge.household("Alder");
    let account = household.viewer("short");
    let expired = account.login().await;
    poll("a session of one second ends", 30, async || expired.get("cameras").await.status == 401)
        .await;
    edge.restart_with(|options| options.session_seconds = None);
    let (alder, birch) = (Home::new(&edge, "Alder").await, Home::new(&edge, "Birch").await);
    let other = alder.account.login().await;
    assert_ne!(other.tag, alder.viewer.tag);
    let actors = Actors {
        door: edge.door().clone(),
        camera_door: edge.door().by(|client| client),
        alder: alder.viewer.clone(),
        birch: birch.viewer.clone(),
        other_tag: other.tag.clone(),
        expired,
        camera_credential: alder.camera.credential.clone(),
    };
    (edge, alder, birch, actors)
}

/// The route, actor and status of refused answers.
type Refused = (String, &'static str, u16);

/// The answers of a table's cells.
#[derive(Default)]
struct Cells {
    /// The answers that are not as the table says.
    wrong: Vec<String>,
    /// The refused answers, each with its cell. All answers of one entry must be the same.
    alike: BTreeMap<Refused, Vec<(String, Answer)>>,
}

impl Cells {
    fn judge(
        &mut self,
        row: &Row,
        actor: &'static str,
        expected: u16,
        cell: String,
        answer: Answer,
    ) {
        if answer.status != expected {
            self.wrong.push(format!("{cell}: {} where {expected} was expected", answer.told()));
        }
        if expected >= 400 {
            let key = (row.route(), actor, expected);
            self.alike.entry(key).or_default().push((cell, answer));
        }
    }

    /// Checks that a route has the same bytes for whatever an actor may not see and for whatever
    /// does not exist.
    fn check(&self) {
        self.check_more_than(50);
    }

    /// Does the same for a table of which fewer answers can be compared.
    fn check_more_than(&self, compared_min: usize) {
        let count = self.wrong.len();
        assert!(self.wrong.is_empty(), "{count} cells are wrong:\n{}", self.wrong.join("\n"));
        let mut compared = 0;
        for answers in self.alike.values() {
            let (first_cell, first) = &answers[0];
            for (cell, answer) in &answers[1..] {
                assert_eq!(
                    first.seen(),
                    answer.seen(),
                    "these can be told apart:\n{first_cell}\n{cell}"
                );
                compared += 1;
            }
        }
        assert!(compared > compared_min, "only {compared} answers were compared");
    }
}

async fn refused_deletions_deleted_nothing(alder: &Home, birch: &Home) {
    for home in [alder, birch] {
        home.viewer.event(&home.camera, &home.event).await.expect(200);
        home.viewer.clip(&home.camera, &home.event).await.expect(200);
        home.viewer.event(&home.other_camera, &home.other_event).await.expect(200);
        let made = home.viewer.events(&home.camera).await.len();
        // Each of the seven actors asked to delete an event that was made for its cell. With the
        // first event there were eight, and one was deleted.
        assert_eq!(made, 7, "of eight events exactly one was deleted");
    }
}

async fn check_logout(edge: &Edge, row: &Row, alder: &Home, actors: &Actors) {
    for (actor, expected) in &row.cells {
        let path = "/v1/session";
        let (request, session) = match *actor {
            "nobody" => (edge.door().request(Method::DELETE, path), None),
            "expired" => (actors.expired.request(Method::DELETE, path), None),
            "camera" => (
                edge.door().request(Method::DELETE, path).bearer_auth(&alder.camera.credential),
                None,
            ),
            // The path has no tag, so whoever has a session ends that session.
            _ => {
                let session = alder.account.login().await;
                (session.request(Method::DELETE, path), Some(session))
            }
        };
        Answer::of_look(request).await.expect(*expected);
        if let Some(session) = session {
            session.get("cameras").await.expect_problem(401);
        }
    }
    alder.viewer.get("cameras").await.expect(200);
}

/// A method that the document does not have for a path gets 405, with and without a session.
#[tokio::test]
async fn other_methods_are_refused() {
    let (edge, alder, birch, actors) = two_homes().await;
    let served = routes_of(&edge).await;
    for row in rows(VIEWER_TABLE).iter().filter(|row| ["-", "own", "alder"].contains(&row.object)) {
        let named = objects(row, &alder, &birch).await.remove(0);
        for method in ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"] {
            if served.contains(&format!("{method} {}", row.path)) {
                continue;
            }
            let method: Method = method.parse().unwrap();
            for actor in ["alder", "nobody"] {
                let answer =
                    Answer::of_look(request(row, method.clone(), actor, &named, &actors)).await;
                assert_eq!(
                    answer.status,
                    405,
                    "{method} {} as {actor}: {}",
                    row.path,
                    answer.told()
                );
            }
        }
    }
}
