//! Who gets what: every route × every actor × every object, as the running edge describes its routes itself.
//!
//! The table below is the specification. A route that the edge has and the table has not fails the test, and so does the opposite.
//! Where two answers must not be told apart, they are compared byte for byte, but for Date.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "all of this is a test")]

use std::collections::{BTreeMap, BTreeSet};

use eyesonly_tests::edge::poll;
use eyesonly_tests::footage::{description, footage_id, fresh_id, media, now_milliseconds};
use eyesonly_tests::{Account, Answer, Camera, Door, Edge, EdgeOptions, Household, Viewer};
use reqwest::{Method, RequestBuilder};
use serde_json::json;

/// Routes that viewers and anybody ask. Households: Alder and Birch. The actors:
/// - `alder`: a viewer of Alder (the owner); `birch`: a viewer of Birch, each with their own tag;
/// - `nobody`: no session; `expired`: a session of Alder's viewer that has ended by time;
/// - `other-tag`: Alder's viewer with the tag of another session of theirs; `birch-tag`: with the tag of Birch's session;
/// - `camera`: the credential of Alder's camera.
///
/// The objects: `alder`'s, `birch`'s, and such as do not exist (`absent`); where a route names camera and event, also every mixture
/// of the two (`mixed`: a camera with an event that is not its own). `-`: the route names no object.
const VIEWER_TABLE: &str = "
route                                                     object alder birch nobody expired other-tag birch-tag camera
GET /                                                     -      200   200   200    200     200       200       200
GET /assets/{file}                                        own    200   200   200    200     200       200       200
GET /assets/{file}                                        absent 404   404   404    404     404       404       404
GET /v1/openapi.json                                      -      200   200   200    200     200       200       200
GET /healthz                                              -      200   200   200    200     200       200       200
POST /v1/session                                          -      201   201   201    201     201       201       201
DELETE /v1/session                                        -      204   204   401    401     204       204       401
GET /v1/{tag}/                                            -      200   200   401    401     404       404       401
GET /v1/{tag}/cameras                                     -      200   200   401    401     404       404       401
GET /v1/{tag}/cameras/{camera}/thumbnail                  alder  200   404   401    401     404       404       401
GET /v1/{tag}/cameras/{camera}/thumbnail                  birch  404   200   401    401     404       404       401
GET /v1/{tag}/cameras/{camera}/thumbnail                  absent 404   404   401    401     404       404       401
GET /v1/{tag}/cameras/{camera}/events                     alder  200   404   401    401     404       404       401
GET /v1/{tag}/cameras/{camera}/events                     birch  404   200   401    401     404       404       401
GET /v1/{tag}/cameras/{camera}/events                     absent 404   404   401    401     404       404       401
GET /v1/{tag}/cameras/{camera}/events/{event}             alder  200   404   401    401     404       404       401
GET /v1/{tag}/cameras/{camera}/events/{event}             birch  404   200   401    401     404       404       401
GET /v1/{tag}/cameras/{camera}/events/{event}             mixed  404   404   401    401     404       404       401
GET /v1/{tag}/cameras/{camera}/events/{event}             absent 404   404   401    401     404       404       401
GET /v1/{tag}/cameras/{camera}/events/{event}/thumbnail   alder  200   404   401    401     404       404       401
GET /v1/{tag}/cameras/{camera}/events/{event}/thumbnail   birch  404   200   401    401     404       404       401
GET /v1/{tag}/cameras/{camera}/events/{event}/thumbnail   mixed  404   404   401    401     404       404       401
GET /v1/{tag}/cameras/{camera}/events/{event}/thumbnail   absent 404   404   401    401     404       404       401
GET /v1/{tag}/cameras/{camera}/events/{event}/clip        alder  200   404   401    401     404       404       401
GET /v1/{tag}/cameras/{camera}/events/{event}/clip        birch  404   200   401    401     404       404       401
GET /v1/{tag}/cameras/{camera}/events/{event}/clip        mixed  404   404   401    401     404       404       401
GET /v1/{tag}/cameras/{camera}/events/{event}/clip        absent 404   404   401    401     404       404       401
DELETE /v1/{tag}/cameras/{camera}/events/{event}          alder  204   404   401    401     404       404       401
DELETE /v1/{tag}/cameras/{camera}/events/{event}          birch  404   204   401    401     404       404       401
DELETE /v1/{tag}/cameras/{camera}/events/{event}          mixed  404   404   401    401     404       404       401
DELETE /v1/{tag}/cameras/{camera}/events/{event}          absent 404   404   401    401     404       404       401
";

/// Routes that cameras ask. The actors:
/// - `alder`, `birch`: a camera of each household; `nobody`: no credential; `viewer`: the token of Alder's viewer;
/// - `removed`: a camera of Alder whose enrolment has ended;
/// - `cut`: a credential cut from Alder's and Birch's, at every place where the one could end and the other begin.
///
/// A camera names nothing but its own ids. The objects: an event that the actor described (`own`), one that only Alder's other camera has
/// (`foreign`), one that nobody has (`absent`). An id that another camera uses is free to be used: ids are unique per camera.
const CAMERA_TABLE: &str = "
route                                object  alder birch nobody viewer removed cut
PUT /v1/ingest/stills/{still}        foreign 201   201   401    401    401     401
PUT /v1/ingest/stills/{still}        absent  201   201   401    401    401     401
PUT /v1/ingest/events/{event}        foreign 201   201   401    401    401     401
PUT /v1/ingest/events/{event}        absent  201   201   401    401    401     401
PUT /v1/ingest/events/{event}/still  own     201   201   401    401    401     401
PUT /v1/ingest/events/{event}/still  foreign 409   409   401    401    401     401
PUT /v1/ingest/events/{event}/still  absent  409   409   401    401    401     401
PUT /v1/ingest/events/{event}/clip   own     201   201   401    401    401     401
PUT /v1/ingest/events/{event}/clip   foreign 409   409   401    401    401     401
PUT /v1/ingest/events/{event}/clip   absent  409   409   401    401    401     401
";

/// One row of a table.
struct Row {
    method: &'static str,
    path: &'static str,
    object: &'static str,
    /// Actor and expected status.
    cells: Vec<(&'static str, u16)>,
}

impl Row {
    fn route(&self) -> String {
        format!("{} {}", self.method, self.path)
    }
}

fn rows(table: &'static str) -> Vec<Row> {
    let mut lines = table.lines().filter(|line| !line.is_empty()).map(|line| line.split_whitespace());
    let actors: Vec<_> = lines.next().unwrap().skip(2).collect();
    lines
        .map(|mut words| {
            let mut word = || words.next().unwrap();
            let (method, path, object) = (word(), word(), word());
            let cells = actors.iter().map(|actor| (*actor, words.next().unwrap().parse().unwrap())).collect();
            Row { method, path, object, cells }
        })
        .collect()
}

/// A household with two cameras that have footage, and a viewer.
struct Home {
    household: Household,
    camera: Camera,
    /// Has events that the first has not.
    other_camera: Camera,
    account: Account,
    viewer: Viewer,
    event: String,
    other_event: String,
}

impl Home {
    async fn new(edge: &Edge, name: &str) -> Self {
        let household = edge.household(name);
        let (camera, other_camera) = (household.camera("Front door"), household.camera("Back yard"));
        let account = household.viewer(&name.to_lowercase());
        for camera in [&camera, &other_camera] {
            camera.put_still(&fresh_id(), media("special/orientation-1.jpg")).await.expect(201);
        }
        let (event, other_event) = (new_event(&camera).await, new_event(&other_camera).await);
        let viewer = account.login().await;
        Self { household, camera, other_camera, account, viewer, event, other_event }
    }

    /// A new event for a cell that may delete one, else the one at hand.
    async fn event_for(&self, row: &Row) -> String {
        if row.method == "DELETE" { new_event(&self.camera).await } else { self.event.clone() }
    }
}

async fn new_event(camera: &Camera) -> String {
    let event = fresh_id();
    camera.put_event(&event, &description("something moved")).await.expect(201);
    camera.put_event_still(&event, media("special/orientation-1.jpg")).await.expect(201);
    camera.put_clip(&event, eyesonly_tests::footage::mp4_around(b"a clip")).await.expect(201);
    event
}

/// What the actors of the viewers' table send.
struct Actors {
    door: Door,
    alder: Viewer,
    birch: Viewer,
    /// The tag of another session of Alder's viewer.
    other_tag: String,
    expired: Viewer,
    camera_credential: String,
}

/// The parameters of one request: camera and event.
type Named = (String, String);

/// Every way to name the object of a cell. More than one: all must be answered alike.
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
            let mut absent = vec![(nobody.to_owned(), alder.event.clone()), ("not-an-id".to_owned(), alder.event.clone())];
            if row.path.contains("{event}") {
                for (home, event) in [(alder, nobody), (alder, "not-an-id"), (birch, nobody), (alder, &footage_id(1_700_000_000_000))] {
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
    path.replace("{event}", event).replace("{still}", event).replace("{file}", file)
}

fn request(row: &Row, method: Method, actor: &str, named: &Named, actors: &Actors) -> RequestBuilder {
    let own = |viewer: &Viewer| viewer.request(method.clone(), &path_of(row, &viewer.tag, named));
    let tagged = |tag: &str| actors.alder.request(method.clone(), &path_of(row, tag, named));
    match actor {
        "alder" => own(&actors.alder),
        "birch" => own(&actors.birch),
        "expired" => own(&actors.expired),
        "other-tag" => tagged(&actors.other_tag),
        "birch-tag" => tagged(&actors.birch.tag),
        "nobody" => actors.door.request(method, &path_of(row, &actors.alder.tag, named)),
        "camera" => actors.door.request(method, &path_of(row, &actors.alder.tag, named)).bearer_auth(&actors.camera_credential),
        other => panic!("there is no actor {other}"),
    }
}

async fn routes_of(edge: &Edge) -> BTreeSet<String> {
    let document = edge.door().get("/v1/openapi.json").await.expect(200).json();
    let mut routes = BTreeSet::new();
    for (path, methods) in document["paths"].as_object().unwrap() {
        routes.extend(methods.as_object().unwrap().keys().map(|method| format!("{} {path}", method.to_uppercase())));
    }
    assert!(!routes.is_empty());
    routes
}

#[tokio::test]
async fn the_tables_have_every_route_of_the_edge_and_no_other() {
    let edge = Edge::start(EdgeOptions::default());
    let served = routes_of(&edge).await;
    let tabled: BTreeSet<String> = rows(VIEWER_TABLE).iter().chain(&rows(CAMERA_TABLE)).map(Row::route).collect();
    for route in served.difference(&tabled) {
        panic!("the matrix has no row for `{route}`: add one to a table in tests/tests/matrix.rs, with the status for every actor and object");
    }
    for route in tabled.difference(&served) {
        panic!("the edge has no route `{route}`: take its rows out of the table in tests/tests/matrix.rs");
    }
}

#[tokio::test]
async fn viewers_get_what_the_table_says_and_nothing_else() {
    let (edge, alder, birch, actors) = two_homes().await;
    let mut alike: BTreeMap<(String, &str, u16), Vec<(String, Answer)>> = BTreeMap::new();
    let mut wrong = Vec::new();
    // Sessions end last: the rows before still need them.
    let (last, first): (Vec<_>, Vec<_>) = rows(VIEWER_TABLE).into_iter().partition(|row| row.route() == "DELETE /v1/session");
    for row in first {
        for (actor, expected) in &row.cells {
            for named in objects(&row, &alder, &birch).await {
                let method: Method = row.method.parse().unwrap();
                let mut request = request(&row, method.clone(), actor, &named, &actors);
                if method == Method::POST {
                    request = request.json(&json!({ "name": alder.account.login, "password": alder.account.password, "bearer": true }));
                }
                let cell = format!("{} × {} × {actor} {named:?}", row.route(), row.object);
                let answer = Answer::of(request).await;
                if answer.status != *expected {
                    wrong.push(format!("{cell}: {} where {expected} was expected", answer.told()));
                }
                if method == Method::GET {
                    let head = self::request(&row, Method::HEAD, actor, &named, &actors);
                    let head = Answer::of(head).await;
                    let (head, get) = (head.seen(), answer.seen());
                    if (head.0, &head.1) != (get.0, &get.1) || !head.2.is_empty() {
                        wrong.push(format!("{cell}: HEAD is not as GET: {head:?} and {:?}", (get.0, get.1)));
                    }
                }
                if *expected >= 400 {
                    alike.entry((row.route(), actor, *expected)).or_default().push((cell, answer));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{} cells are wrong:\n{}", wrong.len(), wrong.join("\n"));
    check_alike(&alike);
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
    poll("a session of one second ends", 30, async || expired.get("cameras").await.status == 401).await;
    edge.restart_with(|options| options.session_seconds = None);
    let (alder, birch) = (Home::new(&edge, "Alder").await, Home::new(&edge, "Birch").await);
    let other = alder.account.login().await;
    assert_ne!(other.tag, alder.viewer.tag);
    let actors = Actors {
        door: edge.door().clone(),
        alder: alder.viewer.clone(),
        birch: birch.viewer.clone(),
        other_tag: other.tag,
        expired,
        camera_credential: alder.camera.credential.clone(),
    };
    (edge, alder, birch, actors)
}

/// Whatever an actor may not see, and whatever does not exist, is answered with the same bytes for the same route.
fn check_alike(alike: &BTreeMap<(String, &str, u16), Vec<(String, Answer)>>) {
    let mut compared = 0;
    for answers in alike.values() {
        let (first_cell, first) = &answers[0];
        for (cell, answer) in &answers[1..] {
            assert_eq!(first.seen(), answer.seen(), "these can be told apart:\n{first_cell}\n{cell}");
            compared += 1;
        }
    }
    assert!(compared > 100, "only {compared} answers were compared");
}

async fn refused_deletions_deleted_nothing(alder: &Home, birch: &Home) {
    for home in [alder, birch] {
        home.viewer.event(&home.camera, &home.event).await.expect(200);
        home.viewer.clip(&home.camera, &home.event).await.expect(200);
        home.viewer.event(&home.other_camera, &home.other_event).await.expect(200);
        let made = home.viewer.events(&home.camera).await.len();
        // One event for each of the seven actors' own-deletion cells, one of them deleted, and the first.
        assert_eq!(made, 7, "of eight events exactly one was deleted");
    }
}

async fn check_logout(edge: &Edge, row: &Row, alder: &Home, actors: &Actors) {
    for (actor, expected) in &row.cells {
        let path = "/v1/session";
        let (request, session) = match *actor {
            "nobody" => (edge.door().request(Method::DELETE, path), None),
            "expired" => (actors.expired.request(Method::DELETE, path), None),
            "camera" => (edge.door().request(Method::DELETE, path).bearer_auth(&alder.camera.credential), None),
            // The path has no tag: whoever has a session ends that one.
            _ => {
                let session = alder.account.login().await;
                (session.request(Method::DELETE, path), Some(session))
            }
        };
        Answer::of(request).await.expect(*expected);
        if let Some(session) = session {
            session.get("cameras").await.expect_problem(401);
        }
    }
    alder.viewer.get("cameras").await.expect(200);
}

/// Every credential that is a beginning of one and the end of another, cut at each byte of its form.
fn cut_from(one: &str, other: &str) -> Vec<String> {
    assert_eq!(one.len(), other.len());
    let prefix = one.bytes().zip(other.bytes()).take_while(|(a, b)| a == b).count();
    let mut cut: Vec<String> = (prefix + 1..one.len()).map(|at| format!("{}{}", &one[..at], &other[at..])).collect();
    cut.retain(|text| text != one && text != other);
    cut
}

/// The credentials that an actor of the cameras' table sends.
fn credentials(actor: &str, alder: &Home, birch: &Home, removed: &Camera) -> Vec<Option<String>> {
    match actor {
        "alder" => vec![Some(alder.camera.credential.clone())],
        "birch" => vec![Some(birch.camera.credential.clone())],
        "nobody" => vec![None],
        "viewer" => vec![Some(alder.viewer.secret().to_owned())],
        "removed" => vec![Some(removed.credential.clone())],
        "cut" => {
            let cut = cut_from(&alder.camera.credential, &birch.camera.credential);
            let within = cut_from(&alder.camera.credential, &alder.other_camera.credential);
            assert!(cut.len() > 60 && within.len() > 60);
            // Some of them here; all of them in a test of their own below.
            cut.into_iter().chain(within).step_by(7).map(Some).collect()
        }
        other => panic!("there is no actor {other}"),
    }
}

#[tokio::test]
async fn cameras_get_what_the_table_says_and_reach_nothing_of_others() {
    let (_edge, alder, birch, actors) = two_homes().await;
    let removed = alder.household.camera("Old");
    removed.put_still(&fresh_id(), media("special/orientation-1.jpg")).await.expect(201);
    alder.household.remove_camera(&removed);
    let foreign_before = alder.viewer.event(&alder.other_camera, &alder.other_event).await.expect(200).seen();

    let mut alike: BTreeMap<(String, &str, u16), Vec<(String, Answer)>> = BTreeMap::new();
    let mut wrong = Vec::new();
    for row in rows(CAMERA_TABLE) {
        for (actor, expected) in &row.cells {
            for credential in credentials(actor, &alder, &birch, &removed) {
                let id = object_of(&row, actor, &alder, &birch).await;
                let answer = Answer::of(put(&row, &id, credential.as_deref(), &actors)).await;
                let cell = format!("{} × {} × {actor} {id}", row.route(), row.object);
                if answer.status != *expected {
                    wrong.push(format!("{cell}: {} where {expected} was expected", answer.told()));
                }
                if *expected >= 400 {
                    alike.entry((row.route(), actor, *expected)).or_default().push((cell, answer));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{} cells are wrong:\n{}", wrong.len(), wrong.join("\n"));
    check_alike(&alike);
    let foreign_after = alder.viewer.event(&alder.other_camera, &alder.other_event).await.expect(200).seen();
    assert_eq!(foreign_before, foreign_after, "another camera's event was touched");
    // What the two cameras handed in under that id is their own.
    for (home, own) in [(&alder, "described by alder"), (&birch, "described by birch")] {
        let event = home.viewer.event(&home.camera, &alder.other_event).await.expect(200).json();
        assert_eq!(event["label"], own);
    }
}

async fn object_of(row: &Row, actor: &str, alder: &Home, birch: &Home) -> String {
    match row.object {
        // Described by both cameras, without still and clip.
        "own" => {
            let id = footage_id(now_milliseconds() - 1000);
            for home in [alder, birch] {
                home.camera.put_event(&id, &description("own")).await.expect(201);
            }
            id
        }
        // For still and clip: an event that the actor has not described. It describes one of this id in a row of its own.
        "foreign" if row.path.ends_with("/{event}") || row.path.contains("{still}") => alder.other_event.clone(),
        "foreign" => new_event(if actor == "alder" { &birch.camera } else { &alder.other_camera }).await,
        _ => fresh_id(),
    }
}

fn put(row: &Row, id: &str, credential: Option<&str>, actors: &Actors) -> RequestBuilder {
    let path = row.path.replace("{still}", id).replace("{event}", id);
    let mut request = actors.door.request(Method::PUT, &path);
    if let Some(credential) = credential {
        request = request.bearer_auth(credential);
    }
    if path.ends_with("/clip") {
        request.header("content-type", "video/mp4").body(eyesonly_tests::footage::mp4_around(b"a clip"))
    } else if path.ends_with("/still") || path.contains("/stills/") {
        request.header("content-type", "image/jpeg").body(media("special/orientation-1.jpg"))
    } else {
        // Tells whose it is, so that a mixture would be seen.
        let whose = if credential == Some(&actors.camera_credential) { "alder" } else { "birch" };
        request.json(&description(&format!("described by {whose}")))
    }
}

/// A credential cut from two at any byte is nobody's: neither a camera's nor a viewer's.
#[tokio::test]
async fn a_credential_cut_from_two_is_refused_wherever_it_is_cut() {
    let (edge, alder, birch, _actors) = two_homes().await;
    let second = alder.account.login().await;
    let cameras = [cut_from(&alder.camera.credential, &birch.camera.credential), cut_from(&birch.camera.credential, &alder.camera.credential)];
    for credential in cameras.concat() {
        let camera = alder.camera.with_credential(&credential);
        camera.put_event(&fresh_id(), &description("cut")).await.expect_problem(401);
    }
    let viewers = [cut_from(alder.viewer.secret(), birch.viewer.secret()), cut_from(alder.viewer.secret(), second.secret())];
    for credential in viewers.concat() {
        for tag in [&alder.viewer.tag, &birch.viewer.tag] {
            let request = edge.door().request(Method::GET, &format!("/v1/{tag}/cameras")).bearer_auth(&credential);
            Answer::of(request).await.expect_problem(401);
        }
    }
    assert!(alder.viewer.events(&alder.camera).await.len() == 1 && birch.viewer.events(&birch.camera).await.len() == 1);
}

/// A method that the document does not have for a path is 405, with and without a session.
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
                let answer = Answer::of(request(row, method.clone(), actor, &named, &actors)).await;
                assert_eq!(answer.status, 405, "{method} {} as {actor}: {}", row.path, answer.told());
            }
        }
    }
}
