//! Changes by viewers: who may make them, once, and what a request here can't do.

use super::*;
use eyesonly_web::change::Told;
use http::StatusCode;
use serde_json::{Value, json};

impl Home {
    /// Asks for a change below the address of this home's session, and makes it.
    fn change(
        &self,
        edge: &Edge,
        (method, path): (&str, &str),
        body: &Value,
    ) -> Result<Told, Problem> {
        edge.ask(|backend| {
            let path = format!("/v1/{}/{path}", self.tag);
            let asked = backend.asks(method, &path, &self.credential)?;
            backend.make(&asked, body.to_string().as_bytes(), "10.0.0.2")
        })
    }

    fn invite(&self, edge: &Edge) -> Value {
        let kinds = json!({ "live": true, "events": true, "clips": false });
        let body = json!({ "cameras": [self.camera], "kinds": kinds, "past": true });
        let path = format!("households/{}/invitations", self.household);
        match self.change(edge, ("POST", &path), &body) {
            Ok(Told::Made(StatusCode::CREATED, value)) => value,
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn an_invitation_is_asked_for_confirmed_narrowed_and_taken_back() {
    let edge = edge_with_stills();
    let [home, other] = &edge.homes;
    let token = json!({ "token": home.invite(&edge)["token"] });
    let shown = edge.ask(|backend| backend.look(token.to_string().as_bytes()));
    assert!(matches!(shown, Ok(Told::Made(StatusCode::OK, _))), "{shown:?}");
    let asked = other.change(&edge, ("POST", "invitation"), &token);
    assert_eq!(asked, Ok(Told::Made(StatusCode::OK, json!({ "state": "waits" }))));

    let sharing = edge.ask(|backend| backend.sharing(&home.credential, &home.tag, false)).unwrap();
    let sharing: Value = serde_json::from_slice(&sharing).unwrap();
    let invitation = &sharing["households"][0]["invitations"][0];
    let viewer = invitation["request"]["viewer"].as_str().unwrap();
    let sees = || {
        let camera = home.camera();
        let seen = edge.ask(|backend| {
            let row = Name::Thumbnail;
            backend.admit(row, &other.credential, &other.tag, &camera).map(|_| ())
        });
        seen.is_ok()
    };
    assert!(!sees(), "nobody has confirmed");
    let id = invitation["id"].as_str().unwrap();
    let path = format!("households/{}/invitations/{id}/confirmation", home.household);
    let body = json!({ "viewer": viewer });
    let refused = other.change(&edge, ("POST", &path), &body);
    assert_eq!(refused, Err(Problem::NotFound), "only an owner confirms");
    assert_eq!(home.change(&edge, ("POST", &path), &body), Ok(Told::Done));
    assert!(sees());

    let share = format!("shares/{}/{viewer}", home.camera);
    let narrow = json!({
        "kinds": { "live": false, "events": true, "clips": false },
        "window": { "from_milliseconds": null, "until_milliseconds": null },
        "expires_at_seconds": null,
    });
    assert_eq!(home.change(&edge, ("PUT", &share), &narrow), Ok(Told::Done));
    assert!(!sees(), "it was narrowed to events");
    assert_eq!(home.change(&edge, ("DELETE", &share), &json!({})), Ok(Told::Done));
    // What was given, narrowed and taken are acts that the ledger will have.
    let acts = edge.kv.list("record/act/").unwrap();
    assert!(acts.len() >= 3, "{acts:?}");
}

#[test]
fn a_newcomer_gets_an_account_and_a_new_password_ends_every_session() {
    let edge = Edge::new();
    let [home, _] = &edge.homes;
    let token = home.invite(&edge)["token"].clone();
    let body = |password: &str| json!({ "token": token, "name": "fern", "password": password });
    let join = |body: Value| edge.ask(|backend| backend.join(body.to_string().as_bytes(), ""));
    assert!(matches!(join(body("short")), Err(Problem::Unprocessable(_))));
    let joined = join(body(PASSWORD));
    assert_eq!(joined, Ok(Told::Made(StatusCode::CREATED, json!({ "state": "waits" }))));
    assert_eq!(join(body(PASSWORD)), Err(Problem::NoInvitation), "it is spent");

    let password = || Zeroizing::new(PASSWORD.to_owned());
    let session = edge.ask(|backend| backend.login(home.name, password(), "")).unwrap();
    let change = |old: &str| {
        home.change(&edge, ("PUT", "password"), &json!({ "old": old, "new": "a longer password" }))
    };
    assert_eq!(change("another password"), Err(Problem::WrongLogin));
    assert_eq!(change(PASSWORD), Ok(Told::Done));
    for (credential, tag) in
        [(home.credential.as_str(), &home.tag), (session.credential.text(), &session.tag.to_text())]
    {
        let seen = edge.ask(|backend| backend.list_cameras(credential, tag).map(|_| ()));
        assert_eq!(seen, Err(Problem::Unidentified));
    }
}

#[test]
fn a_change_is_made_once_by_whoever_asked() {
    let edge = Edge::new();
    let _runtime = edge.runtime.enter();
    let [home, other] = &edge.homes;
    let path = |tag: &str| format!("/v1/{tag}/switches/{}", home.camera);
    let backend = edge.instance();
    let asked = backend.asks("PUT", &path(&home.tag), &home.credential).unwrap();
    assert_eq!(backend.make(&asked, br#"{"on": false}"#, ""), Ok(Told::Off(home.camera)));
    let again = backend.make(&asked, br#"{"on": true}"#, "");
    assert_eq!(again, Err(Problem::Unavailable));
    let watching = edge.instance().watching(&home.credential, &home.tag).unwrap();
    let signs =
        json!({ "watching": [], "off": [home.camera], "closed": [], "asks": 0, "cameras": 1 });
    assert_eq!(watching, signs);
    for (tag, credential, problem) in [
        (&other.tag, &home.credential, Problem::NotFound),
        (&home.tag, &home.camera_credential, Problem::Unidentified),
    ] {
        let refused = edge.instance().asks("PUT", &path(tag), credential);
        assert_eq!(refused.err(), Some(problem));
    }
    // The neighbour asks, and the commit refuses.
    let refused =
        other.change(&edge, ("PUT", &format!("switches/{}", home.camera)), &json!({ "on": true }));
    assert_eq!(refused, Err(Problem::NotFound));
}

#[test]
fn a_session_is_ended_by_its_id_and_sessions_are_not_listed() {
    let edge = Edge::new();
    let [home, other] = &edge.homes;
    let password = Zeroizing::new(PASSWORD.to_owned());
    let session = edge.ask(|backend| backend.login(home.name, password, "")).unwrap();
    let path = format!("sessions/{}", session.session);
    let none = json!({});
    let ends = |home: &Home| home.change(&edge, ("DELETE", &path), &none);
    assert_eq!(ends(other), Err(Problem::NotFound));
    assert_eq!(ends(home), Ok(Told::Done));
    assert_eq!(ends(home), Err(Problem::NotFound), "it has ended");
    let tag = session.tag.to_text();
    let seen =
        edge.ask(|backend| backend.list_cameras(session.credential.text(), &tag).map(|_| ()));
    assert_eq!(seen, Err(Problem::Unidentified));
    let listed = edge.ask(|backend| {
        backend.asks("GET", &format!("/v1/{}/sessions", home.tag), &home.credential).map(|_| ())
    });
    assert!(matches!(listed, Err(Problem::NotHere(_))), "{listed:?}");
}
