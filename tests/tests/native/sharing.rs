//! Sharing from the door on: an invitation, its confirmation, what is seen, and what goes dark.

use eyesonly_harness::footage::{description, fresh_id};
use eyesonly_tests::footage::media;
use eyesonly_tests::{Account, Answer, Camera, Edge, EdgeOptions, Household, Viewer, poll};
use reqwest::Method;
use serde_json::{Value, json};

const PASSWORD: &str = "a long password of fern";

struct Lane {
    edge: Edge,
    home: Household,
    camera: Camera,
    owner: Viewer,
    account: Account,
}

impl Lane {
    async fn new() -> Self {
        let edge = Edge::start(EdgeOptions::default());
        let home = edge.household("Alder Lane 4");
        let camera = home.camera("Front door");
        camera.put_still(&fresh_id(), media("special/orientation-1.jpg")).await.expect(201);
        let account = home.viewer("owner");
        let owner = account.login().await;
        Self { edge, home, camera, owner, account }
    }

    async fn invite(&self, more: Value) -> Value {
        let mut body = json!({
            "cameras": [self.camera.id],
            "kinds": { "live": true, "events": true, "clips": true },
        });
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let path = format!("households/{}/invitations", self.home.id);
        Answer::of(self.owner.ask(Method::POST, &path).json(&body)).await.expect(201).json()
    }

    async fn post(&self, path: &str, body: Value) -> Answer {
        Answer::of(self.edge.door().request(Method::POST, path).json(&body)).await
    }

    /// Makes an account by an invitation's token.
    async fn join(&self, token: &Value, name: &str) -> Viewer {
        let body = json!({ "token": token, "name": name, "password": PASSWORD });
        let asked = self.post("/v1/invitation/account", body).await.expect(201).json();
        assert_eq!(asked, json!({ "state": "waits" }));
        self.account_of(name).login().await
    }

    fn account_of(&self, name: &str) -> Account {
        let who = eyesonly_harness::people::Account {
            id: String::new(),
            login: name.into(),
            password: PASSWORD.into(),
        };
        Account::known(who, self.edge.door())
    }

    async fn sharing(&self) -> Value {
        let mut all = self.owner.get("sharing").await.expect(200).json();
        all["households"][0].take()
    }

    /// Confirms the first request.
    async fn confirm(&self) -> String {
        let invitation = self.sharing().await["invitations"][0].take();
        let viewer = invitation["request"]["viewer"].as_str().unwrap().to_owned();
        let id = invitation["id"].as_str().unwrap();
        let path = format!("households/{}/invitations/{id}/confirmation", self.home.id);
        let body = json!({ "viewer": viewer });
        Answer::of(self.owner.ask(Method::POST, &path).json(&body)).await.expect(204);
        viewer
    }
}

#[tokio::test]
async fn a_neighbour_sees_what_is_shared_and_nothing_after_it_was_taken_back() {
    let lane = Lane::new().await;
    let event = fresh_id();
    lane.camera.put_event(&event, &description("before")).await.expect(201);
    let made = lane.invite(json!({ "expires_at_seconds": null })).await;

    // A link preview, or a browser that opens the page, spends nothing and names nobody.
    for method in [Method::GET, Method::HEAD] {
        let page = Answer::of(lane.edge.door().request(method, "/join")).await.expect(200);
        let text = String::from_utf8_lossy(&page.body).into_owned();
        assert!(!text.contains("Alder") && !text.contains("Front door"), "{text}");
        let looked = Answer::of(lane.edge.door().request(Method::GET, "/v1/invitation")).await;
        looked.expect_problem(405);
    }
    let body = json!({ "token": made["token"] });
    for _ in 0..3 {
        let shown = lane.post("/v1/invitation", body.clone()).await.expect(200).json();
        assert_eq!(
            (&shown["household"], &shown["cameras"]),
            (&json!("Alder Lane 4"), &json!(["Front door"]))
        );
        assert!(!shown.to_string().contains(&lane.camera.id), "{shown}");
    }

    let fern = lane.join(&made["token"], "fern").await;
    assert!(fern.cameras().await.is_empty(), "nothing before the owner has confirmed");
    fern.thumbnail(&lane.camera, 320).await.expect_problem(404);
    let viewer = lane.confirm().await;
    assert_eq!(fern.cameras().await.len(), 1);
    // What happened before stays closed, and what comes is open.
    fern.thumbnail(&lane.camera, 320).await.expect_problem(404);
    fern.event(&lane.camera, &event).await.expect_problem(404);
    lane.camera.put_still(&fresh_id(), media("special/orientation-1.jpg")).await.expect(201);
    fern.thumbnail(&lane.camera, 320).await.expect(200);
    let given = fern.get("sharing").await.expect(200).json();
    assert_eq!(given["given"][0]["household"], json!("Alder Lane 4"), "{given}");
    assert_eq!(given["households"], json!([]));

    // The owner reads who viewed it.
    let path = format!("households/{}/viewed", lane.home.id);
    let viewed = lane.owner.get(&path).await.expect(200).json();
    let of_fern = |view: &&Value| view["name"] == json!("fern") && view["handed"] == json!("still");
    let view = viewed["views"].as_array().unwrap().iter().find(of_fern);
    assert_eq!(view.unwrap()["camera_name"], json!("Front door"), "{viewed}");

    let share = format!("shares/{}/{viewer}", lane.camera.id);
    let narrow = json!({
        "kinds": { "live": false, "events": true, "clips": false },
        "window": { "from_milliseconds": null, "until_milliseconds": null },
        "expires_at_seconds": null,
    });
    Answer::of(lane.owner.ask(Method::PUT, &share).json(&narrow)).await.expect(204);
    fern.thumbnail(&lane.camera, 320).await.expect_problem(404);
    fern.event(&lane.camera, &event).await.expect(200);
    Answer::of(lane.owner.ask(Method::DELETE, &share)).await.expect(204);
    fern.event(&lane.camera, &event).await.expect_problem(404);
    assert!(fern.cameras().await.is_empty());
    // The token does not bring it back.
    lane.post("/v1/invitation", body.clone()).await.expect_problem(410);
    Answer::of(fern.ask(Method::POST, "invitation").json(&body)).await.expect_problem(410);

    // The ledger says who did it.
    poll("the ledger has what was given, narrowed and taken", 30, async || {
        let owner = json!(lane.account.id);
        let of_fern = |act: &Value| act["viewer"] == json!(viewer) && act["actor"] == owner;
        acts(&lane.edge).into_iter().filter(of_fern).count() == 3
    })
    .await;
}

#[tokio::test]
async fn bad_invitations_are_told_and_change_nothing() {
    let lane = Lane::new().await;
    let path = format!("households/{}/invitations", lane.home.id);
    let before = lane.sharing().await;
    let kinds = json!({ "live": true, "events": false, "clips": false });
    let none = json!({ "live": false, "events": false, "clips": false });
    let camera = &lane.camera.id;
    let past = json!({ "from_milliseconds": 9, "until_milliseconds": 3 });
    for (body, status) in [
        (json!({}), 400),
        (json!([]), 400),
        (json!({ "cameras": [], "kinds": kinds }), 422),
        (json!({ "cameras": [camera, camera], "kinds": kinds }), 422),
        (json!({ "cameras": [camera], "kinds": none }), 422),
        (json!({ "cameras": [camera], "kinds": kinds, "window": past }), 422),
        (json!({ "cameras": [camera], "kinds": kinds, "expires_at_seconds": 1 }), 422),
        (json!({ "cameras": [camera], "kinds": kinds, "seconds": 0 }), 422),
        (json!({ "cameras": [camera], "kinds": kinds, "seconds": 99_999_999 }), 422),
        (json!({ "cameras": [camera], "kinds": kinds, "role": "owner" }), 400),
        (json!({ "cameras": ["0190a0a0-0000-7000-8000-000000000000"], "kinds": kinds }), 404),
    ] {
        let answer = Answer::of(lane.owner.ask(Method::POST, &path).json(&body)).await;
        answer.expect_problem(status);
    }
    let text = lane.owner.ask(Method::POST, &path).header("content-type", "text/plain").body("{}");
    Answer::of(text).await.expect_problem(415);
    let other = lane.owner.ask(Method::POST, &path).header("sec-fetch-site", "cross-site");
    Answer::of(other.json(&json!({}))).await.expect_problem(403);
    let large = lane.owner.ask(Method::POST, &path).json(&json!({ "x": "y".repeat(70_000) }));
    Answer::of(large).await.expect_problem(413);
    assert_eq!(lane.sharing().await, before);

    let made = lane.invite(json!({})).await;
    let token = &made["token"];
    let newcomer =
        |name: &str, password: &str| json!({ "token": token, "name": name, "password": password });
    let account = "/v1/invitation/account";
    for (name, password) in
        [("Fern", PASSWORD), ("", PASSWORD), ("a b", PASSWORD), ("fern", "short")]
    {
        lane.post(account, newcomer(name, password)).await.expect_problem(422);
    }
    lane.post(account, newcomer("owner", PASSWORD)).await.expect_problem(409);
    let fern = lane.join(&made["token"], "fern").await;
    lane.post(account, newcomer("moss", PASSWORD)).await.expect_problem(410);
    assert_eq!(lane.account_of("moss").try_login(PASSWORD, true).await.status, 401);
    // The same account again gets the same answer.
    let again = fern.ask(Method::POST, "invitation").json(&json!({ "token": made["token"] }));
    assert_eq!(Answer::of(again).await.expect(200).json(), json!({ "state": "waits" }));
    lane.confirm().await;
    let again = fern.ask(Method::POST, "invitation").json(&json!({ "token": made["token"] }));
    assert_eq!(Answer::of(again).await.expect(200).json(), json!({ "state": "shared" }));
}

#[tokio::test]
async fn sessions_are_seen_and_ended_and_a_password_changed() {
    let lane = Lane::new().await;
    let other = lane.account.login().await;
    let sessions = async || {
        let listed = lane.owner.get("sessions").await.expect(200).json();
        listed["sessions"].as_array().unwrap().clone()
    };
    let listed = sessions().await;
    assert_eq!(listed.len(), 2);
    assert_eq!(listed.iter().filter(|session| session["is_this"] == json!(true)).count(), 1);
    let id =
        listed.iter().find(|session| session["is_this"] == json!(false)).unwrap()["id"].clone();
    let path = format!("sessions/{}", id.as_str().unwrap());
    Answer::of(lane.owner.ask(Method::DELETE, &path)).await.expect(204);
    other.get("cameras").await.expect_problem(401);
    assert_eq!(sessions().await.len(), 1);

    let body = |old: &str, new: &str| json!({ "old": old, "new": new });
    let change = async |of: &Viewer, body: Value| {
        Answer::of(of.ask(Method::PUT, "password").json(&body)).await
    };
    change(&lane.owner, body("wrong", PASSWORD)).await.expect_problem(401);
    change(&lane.owner, body(&lane.account.password, "short")).await.expect_problem(422);
    lane.owner.get("cameras").await.expect(200);
    change(&lane.owner, body(&lane.account.password, PASSWORD)).await.expect(204);
    lane.owner.get("cameras").await.expect_problem(401);
    assert_eq!(lane.account.try_login(&lane.account.password, true).await.status, 401);
    lane.account.try_login(PASSWORD, true).await.expect(201);
    // Each session that was given out is in the ledger, and the end of one.
    poll("the ledger has the sessions", 30, async || {
        let deeds = |deed: &str| {
            let acts = acts(&lane.edge);
            let of = acts.into_iter().filter(|act| act["viewer"] == json!(lane.account.id));
            of.filter(|act| act["deed"] == json!(deed)).count()
        };
        (deeds("signed-in"), deeds("signed-out")) == (3, 1)
    })
    .await;
}

/// Returns what the ledger says of acts.
fn acts(edge: &Edge) -> Vec<Value> {
    let output = edge.command_line().command(&["ledger", "acts", "--json"]).output();
    let output = String::from_utf8(output.unwrap().stdout).unwrap();
    output.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// A viewer who changes things again and again is told to wait, and nobody else is.
#[tokio::test]
async fn one_viewer_may_change_so_much() {
    let lane = Lane::new().await;
    let second = lane.home.viewer("second").login().await;
    let path = format!("households/{}/invitations", lane.home.id);
    let body = json!({
        "cameras": [lane.camera.id],
        "kinds": { "live": true, "events": true, "clips": true },
    });
    let invite = async |of: &Viewer| Answer::of(of.ask(Method::POST, &path).json(&body)).await;
    poll("the owner is told to wait", 60, async || {
        let made = invite(&lane.owner).await;
        if made.status == 201 {
            let id = made.json()["id"].as_str().unwrap().to_owned();
            let path = format!("{path}/{id}");
            Answer::of(lane.owner.ask(Method::DELETE, &path)).await;
            return false;
        }
        made.expect_problem(429);
        true
    })
    .await;
    invite(&second).await.expect(201);
    lane.owner.thumbnail(&lane.camera, 320).await.expect(200);
}
