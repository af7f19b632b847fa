//! The table of sharing, sessions and passwords.

use eyesonly_harness::footage::fresh_id;
use eyesonly_tests::built::{Edition, edition};
use eyesonly_tests::footage::media;
use eyesonly_tests::{Account, Answer, Camera, Door, Edge, Household, Viewer};
use reqwest::Method;
use serde_json::{Value, json};

use crate::table::{NOT_IN_SPIN, Row, SHARING_TABLE, rows};
use crate::{Cells, two_homes};

const NOBODY: &str = "0190a0a0-0000-7000-8000-000000000000";

/// A household whose camera is shared with a guest, and which has a member and an installer.
struct Lane {
    household: Household,
    camera: Camera,
    owner: Viewer,
    member: Account,
    guest: Account,
}

impl Lane {
    fn set(&self, account: &Account, role: &[&str]) {
        let of = ["--household", &self.household.id, "--viewer", &account.id, "--role"];
        self.household.command(&[&["member", "set"], of.as_slice(), role].concat());
    }

    fn share(&self) {
        let of = ["--camera", &self.camera.id, "--viewer", &self.guest.id, "--past"];
        self.household.command(&[&["share", "add"], of.as_slice()].concat());
    }

    /// Makes an invitation, and returns its id and token.
    fn invitation(&self) -> (String, String) {
        let of = ["--household", &self.household.id, "--camera", &self.camera.id];
        let made =
            self.household.command(&[&["share", "invitation", "add"], of.as_slice()].concat());
        (made["invitation"].as_str().unwrap().into(), made["token"].as_str().unwrap().into())
    }
}

struct Town {
    lane: Lane,
    birch: Lane,
    door: Door,
    member: Viewer,
    guest: Viewer,
    installer: Viewer,
    /// The installer's id.
    fitter: String,
    /// A household and a camera of people who ask for nothing.
    cedar: (Household, Camera),
    expired: Viewer,
    other_tag: String,
    edge: Edge,
}

/// Makes somebody whose only household is this one, and takes the ownership that comes with it.
fn outsider(home: &Household, login: &str) -> Account {
    let account = home.viewer(login);
    home.command(&["member", "remove", "--household", &home.id, "--viewer", &account.id]);
    account
}

impl Town {
    async fn new() -> Self {
        let (edge, alder, birch, actors) = two_homes().await;
        let lane = async |home: crate::Home, name: &str| {
            let member = home.household.viewer(&format!("{name}-member"));
            let guest = outsider(&home.household, &format!("{name}-guest"));
            let lane = Lane {
                household: home.household,
                camera: home.camera,
                owner: home.viewer,
                member,
                guest,
            };
            lane.set(&lane.member, &["member"]);
            lane.share();
            lane
        };
        let (lane, birch) = (lane(alder, "alder").await, lane(birch, "birch").await);
        let fitter = outsider(&lane.household, "fitter");
        lane.set(&fitter, &["installer", "--hours", "4"]);
        let (member, guest) = (lane.member.login().await, lane.guest.login().await);
        let installer = fitter.login().await;
        let cedar = edge.household("Cedar");
        let camera = cedar.camera("Porch");
        Self {
            door: edge.door().clone(),
            expired: actors.expired,
            other_tag: actors.other_tag,
            lane,
            birch,
            member,
            guest,
            installer,
            fitter: fitter.id.clone(),
            cedar: (cedar, camera),
            edge,
        }
    }

    /// Returns the path of a row for an object, with what stands in the path made anew, and the
    /// body that goes with it.
    async fn named(&self, row: &Row) -> Vec<(String, Value)> {
        let lane = if row.object == "birch" { &self.birch } else { &self.lane };
        let invites = row.path.contains("/confirmation");
        if row.object != "absent" {
            lane.share();
            lane.set(&lane.member, &["member"]);
        }
        let has_invitation = row.path.contains("{invitation}") || row.path.contains("/invitation");
        let (invitation, token) = match has_invitation {
            true => lane.invitation(),
            false => (NOBODY.into(), String::new()),
        };
        if invites {
            let asks = outsider(&self.birch.household, &format!("asks-{}", fresh_id()));
            let asked = asks.login().await.ask(Method::POST, "invitation");
            Answer::of(asked.json(&json!({ "token": token }))).await.expect(200);
            let path = self.path(row, lane, &invitation, &asks.id);
            return vec![(path, json!({ "viewer": asks.id }))];
        }
        if row.object == "absent" {
            let body = body(row, lane, "ei1.AAAA");
            let absent = |home: &str, camera: &str, viewer: &str, invitation: &str| {
                let path = row.path.replace("{household}", home).replace("{camera}", camera);
                let path = path.replace("{viewer}", viewer).replace("{invitation}", invitation);
                (path.replace("{session}", invitation), body.clone())
            };
            let home = &lane.household.id;
            let mut named =
                vec![absent(NOBODY, NOBODY, NOBODY, NOBODY), absent("x", "x", "x", "x")];
            if row.path.contains("{invitation}") {
                named.push(absent(home, NOBODY, NOBODY, NOBODY));
                // Another household's invitation.
                named.push(absent(home, NOBODY, NOBODY, &self.birch.invitation().0));
            }
            if row.path.contains("{viewer}") {
                // What somebody may give up is their own, and they have nothing there.
                named.push(absent(&self.cedar.0.id, &self.cedar.1.id, &self.fitter, NOBODY));
            }
            if row.path.ends_with("/cameras") {
                // Only the token is none.
                named = vec![absent(home, NOBODY, NOBODY, NOBODY)];
            }
            return named;
        }
        let of_viewer = match row.path.contains("/members/") {
            true => &lane.member.id,
            false => &lane.guest.id,
        };
        vec![(self.path(row, lane, &invitation, of_viewer), body(row, lane, &token))]
    }

    fn path(&self, row: &Row, lane: &Lane, invitation: &str, viewer: &str) -> String {
        let path = row.path.replace("{household}", &lane.household.id);
        let path = path.replace("{camera}", &lane.camera.id).replace("{viewer}", viewer);
        path.replace("{invitation}", invitation).replace("{session}", invitation)
    }

    /// Sends a request of an actor.
    async fn ask(
        &self,
        row: &Row,
        method: &Method,
        actor: &str,
        (path, body): &(String, Value),
    ) -> Answer {
        let tagged = |viewer: &Viewer, tag: &str| {
            viewer.request(method.clone(), &path.replace("{tag}", tag))
        };
        let own = |viewer: &Viewer| tagged(viewer, &viewer.tag);
        let of_owner = path.replace("{tag}", &self.lane.owner.tag);
        let request = match actor {
            "owner" => own(&self.lane.owner),
            "birch" => own(&self.birch.owner),
            "member" => own(&self.member),
            "guest" => own(&self.guest),
            "installer" => own(&self.installer),
            "expired" => own(&self.expired),
            "other-tag" => tagged(&self.lane.owner, &self.other_tag),
            "nobody" => self.door.request(method.clone(), &of_owner),
            "camera" => self
                .door
                .request(method.clone(), &of_owner)
                .bearer_auth(&self.lane.camera.credential),
            other => panic!("there is no actor {other}"),
        };
        let has_body = ["POST", "PUT"].contains(&row.method);
        Answer::of(if has_body { request.json(body) } else { request }).await
    }
}

fn body(row: &Row, lane: &Lane, token: &str) -> Value {
    let kinds = json!({ "live": true, "events": true, "clips": false });
    let window = json!({ "from_milliseconds": null, "until_milliseconds": null });
    match row.path {
        path if path.ends_with("/invitations") => {
            json!({ "cameras": [lane.camera.id], "kinds": kinds })
        }
        path if path.contains("/shares/") => {
            json!({ "kinds": kinds, "window": window, "expires_at_seconds": null })
        }
        path if path.contains("/members/") => json!({ "role": "member" }),
        path if path.ends_with("/confirmation") => json!({ "viewer": lane.guest.id }),
        path if path.contains("/switches/") => json!({ "on": true }),
        path if path.ends_with("/cameras") => json!({ "token": "et1.AAAA", "name": "Hall" }),
        path if path.ends_with("/password") => json!({ "old": "wrong", "new": "a long one, new" }),
        path if path.ends_with("/account") => {
            json!({ "token": token, "name": "moss", "password": "a long password" })
        }
        _ => json!({ "token": token }),
    }
}

#[tokio::test]
async fn owners_share_what_the_table_says_and_nobody_else_does() {
    let town = Town::new().await;
    let mut cells = Cells::default();
    for row in rows(SHARING_TABLE) {
        if edition() == Edition::Spin && NOT_IN_SPIN.contains(&row.route().as_str()) {
            let path = town.path(&row, &town.lane, NOBODY, NOBODY);
            let path = path.replace("{tag}", &town.lane.owner.tag);
            town.door.get(&path).await.expect_problem(501);
            continue;
        }
        let method: Method = row.method.parse().unwrap();
        let mut named = Vec::new();
        for (actor, expected) in &row.cells {
            // What was refused has changed nothing, so the next actor asks for the same.
            if named.is_empty() {
                named = town.named(&row).await;
            }
            for named in &named {
                let cell = format!("{} × {} × {actor}", row.route(), row.object);
                let answer = town.ask(&row, &method, actor, named).await;
                cells.judge(&row, actor, *expected, cell, answer);
            }
            if *expected < 400 {
                named.clear();
            }
        }
    }
    cells.check();
    // Whoever was refused has changed nothing.
    let sharing = town.lane.owner.get("sharing").await.expect(200).json();
    assert_eq!(sharing["households"].as_array().unwrap().len(), 1);
    town.lane.camera.put_still(&fresh_id(), media("special/orientation-1.jpg")).await.expect(201);
    town.lane.owner.thumbnail(&town.lane.camera, 320).await.expect(200);
    drop(town.edge);
}
