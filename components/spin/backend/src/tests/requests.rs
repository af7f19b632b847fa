//! Requests: who gets in, how often, and out again.

use super::*;
use crate::state::Closed;
use eyesonly_gate::ledger::Handed;
use eyesonly_gate::registry::{Change, Expect};
use eyesonly_gate::{Keys as _, Seam};
use eyesonly_rights::{CameraRight, Fault, Mint, Record, Verifier, ViewerRecord};
use eyesonly_service::ledger::Counts as _;

#[test]
fn a_key_that_is_missing_short_or_another_opens_nothing_and_is_never_shown() {
    let edge = Edge::new();
    let closed = |key: Option<&str>| match edge.open(key) {
        Ok(_) => panic!("it opened"),
        Err(closed) => closed,
    };
    assert!(matches!(closed(None), Closed::NoVariable));
    assert!(matches!(closed(Some(" \n")), Closed::NoVariable));
    let (short, other) = ("ab".repeat(31), "0b".repeat(32));
    assert!(matches!(closed(Some(&short)), Closed::BadVariable));
    assert!(matches!(closed(Some(&"zz".repeat(32))), Closed::BadVariable));
    assert!(matches!(closed(Some(&other)), Closed::OtherKey));
    for key in [&short, &other] {
        let said = closed(Some(key)).to_string();
        assert!(!said.contains(key.as_str()) && said.contains("key_encryption_key"), "{said}");
    }
    let with = |session_seconds: Option<&str>, public_url: Option<&str>| {
        let settings = Settings {
            key_encryption_key: Some(Zeroizing::new(key())),
            session_seconds: session_seconds.map(str::to_owned),
            public_url: public_url.map(str::to_owned),
        };
        let kv = Arc::clone(&edge.kv) as _;
        Backend::open(settings, kv, |_| Arc::clone(&edge.ledger) as _, Arc::new(TakesAll))
    };
    assert!(matches!(with(Some("a week"), None), Err(Closed::SessionSeconds)));
    assert!(matches!(with(None, Some("cameras.example")), Err(Closed::PublicUrl(_))));
    assert!(with(Some(""), Some("")).is_ok());
}

#[test]
fn a_store_that_nobody_began_opens_nothing_and_is_not_begun() {
    let edge = Edge::new();
    edge.kv.0.lock().unwrap().clear();
    let refused = edge.open(Some(&key())).err().unwrap();
    assert!(matches!(refused, Closed::NotBegun));
    assert!(refused.to_string().contains("eyesonly --spin-store FILE household add"));
    assert!(edge.kv.0.lock().unwrap().is_empty());
}

#[test]
fn an_instance_is_asked_for_one_thing() {
    let edge = Edge::new();
    let [home, other] = &edge.homes;
    let _runtime = edge.runtime.enter();
    let admit = |backend: &Backend, home: &Home| home.admit(backend, Name::Thumbnail).map(|_| ());
    let backend = edge.instance();
    admit(&backend, home).unwrap();
    assert_eq!(admit(&backend, other), Err(Problem::Unavailable), "another's");
    assert_eq!(admit(&backend, home), Err(Problem::Unavailable), "the same again");
    assert_eq!(backend.admit_camera(&home.camera_credential).err(), Some(Problem::Unavailable));
    let listed = backend.list_cameras(&other.credential, &other.tag);
    assert_eq!(listed.err(), Some(Problem::Unavailable));
    let deleted =
        backend.delete_event(&home.credential, &home.tag, &home.camera(), &id().to_string());
    assert_eq!(deleted.err(), Some(Problem::Unavailable));
    assert_eq!(backend.logout(&home.credential), Err(Problem::Unavailable));
    // The first admission remains in force.
    assert!(leave_bytes(&backend, &home.credential, b"x").is_ok());

    let backend = edge.instance();
    backend.admit_camera(&home.camera_credential).unwrap();
    assert_eq!(admit(&backend, home), Err(Problem::Unavailable), "after an upload");

    let backend = edge.instance();
    let refused = backend.admit(Name::Thumbnail, &home.credential, &other.tag, &home.camera());
    assert_eq!(refused.err(), Some(Problem::NotFound), "another session's address");
    assert_eq!(admit(&backend, home), Err(Problem::Unavailable), "a refusal is an answer too");
}

#[test]
fn the_way_out_knows_its_requester() {
    let edge = Edge::new();
    let [home, other] = &edge.homes;
    let _runtime = edge.runtime.enter();
    let refusals = || edge.ledger.misdeliveries(Seam::WayOut, Fault::WrongAnswer);
    let backend = edge.instance();
    let before = edge.ledger.deliveries();
    let leaves = |raw: &str| leave_bytes(&backend, raw, b"a still").map(|_| ());
    assert_eq!(leaves(&home.credential), Err(Problem::Unavailable), "nobody was admitted");
    home.admit(&backend, Name::Thumbnail).unwrap();
    for raw in [other.credential.as_str(), "", home.camera_credential.as_str()] {
        assert_eq!(leaves(raw), Err(Problem::Unavailable));
    }
    let list = backend.depart_list(&home.credential, b"[]".to_vec());
    assert_eq!(list.err(), Some(Problem::Unavailable), "a grant is no list of cameras");
    assert_eq!((refusals(), edge.ledger.deliveries()), (5, before));
    leaves(&home.credential).unwrap();
    let entry = edge.ledger.recent_deliveries().pop().unwrap();
    assert_eq!(entry.source, Some((home.household, home.camera)));
    assert_eq!((entry.handed, entry.body_bytes), (Handed::Still, 7));
}

#[test]
fn a_list_of_cameras_is_its_requesters_and_leaves_to_them_alone() {
    let edge = Edge::new();
    let [home, other] = &edge.homes;
    let _runtime = edge.runtime.enter();
    let backend = edge.instance();
    backend.health().unwrap();
    let identified = backend.list_cameras(&home.credential, &home.tag).unwrap();
    assert_eq!(identified.rights().viewer_name(), home.name);
    let cameras: Vec<_> = identified.rights().cameras().map(|visible| visible.camera).collect();
    assert_eq!(cameras, [home.camera]);
    let list = |raw: &str| backend.depart_list(raw, b"[]".to_vec());
    assert_eq!(list(&other.credential).err(), Some(Problem::Unavailable));
    let still = leave_bytes(&backend, &home.credential, b"x");
    assert_eq!(still.err(), Some(Problem::Unavailable), "a list of cameras is no grant");
    assert_eq!(all_of(&list(&home.credential).unwrap()), b"[]");
    let entry = edge.ledger.recent_deliveries().pop().unwrap();
    assert_eq!((entry.handed, entry.source), (Handed::Cameras, None));
}

/// The rights are written by hand: one has expired, and one is of a household that the viewer is
/// not in.
#[test]
fn a_right_that_is_not_in_force_names_no_camera() {
    let edge = Edge::new();
    let _runtime = edge.runtime.enter();
    let [home, other] = &edge.homes;
    let viewer = Verifier::new(edge.keys.edge()).viewer(&home.credential).unwrap().viewer();
    let mut record: ViewerRecord =
        ended(edge.records.read(viewer.as_bytes())).unwrap().unwrap().unwrap();
    let right = record.cameras[0].clone();
    let expired = CameraRight { expires_at_seconds: Some(1), ..right.clone() };
    let foreign = CameraRight { camera: other.camera, household: other.household, ..right };
    let was = record.sequence;
    record.cameras = vec![expired, foreign];
    record.sequence = ended(edge.records.position()).unwrap().unwrap().rights.number + 1;
    let change = Change {
        kind: ViewerRecord::KIND,
        key: record.key(),
        expect: Expect::At(was),
        record: Some(Mint::new(edge.keys.edge()).seal(&record, clock::random()).unwrap()),
    };
    ended(edge.records.commit(vec![change], Some(record.sequence))).unwrap().unwrap();

    let backend = edge.instance();
    let identified = backend.list_cameras(&home.credential, &home.tag).unwrap();
    assert_eq!(identified.rights().cameras().count(), 0);
    for camera in [home.camera(), other.camera()] {
        for name in [Name::Thumbnail, Name::Events, Name::Event, Name::EventThumbnail, Name::Clip] {
            let admit = |backend: &Backend| {
                backend.admit(name, &home.credential, &home.tag, &camera).map(|_| ())
            };
            assert_eq!(edge.ask(admit), Err(Problem::NotFound), "{name:?} {camera}");
        }
        let event = id().to_string();
        let delete = |backend: &Backend| {
            backend.delete_event(&home.credential, &home.tag, &camera, &event).map(|_| ())
        };
        assert_eq!(edge.ask(delete), Err(Problem::NotFound));
    }
}

#[test]
fn a_session_begins_and_ends() {
    let edge = Edge::new();
    let home = &edge.homes[0];
    let wrong = |_: usize| {
        edge.ask(|backend| {
            backend.login(home.name, Zeroizing::new("another one".to_owned()), "nowhere")
        })
    };
    assert_eq!(wrong(0).err(), Some(Problem::WrongLogin));
    // Failed logins are counted in the store, because an instance ends with its request. All texts
    // that are no address count as one. The first wait is a second, which may pass on a busy
    // machine before the next try. The next wait is longer.
    let is_throttled = |at| matches!(wrong(at).err(), Some(Problem::Throttled(_)));
    assert!((1..=9).any(is_throttled));
    let names = edge.kv.0.lock().unwrap();
    assert!(names.keys().all(|key| !key.contains(home.name)));
    drop(names);
    assert!(edge.ask(|backend| backend.list_cameras(&home.credential, &home.tag).is_ok()));
    edge.ask(|backend| backend.logout(&home.credential)).unwrap();
    let after = edge.ask(|backend| backend.list_cameras(&home.credential, &home.tag).err());
    assert_eq!(after, Some(Problem::Unidentified));
}

#[test]
fn another_households_camera_does_not_exist() {
    let edge = Edge::new();
    let [home, other] = &edge.homes;
    for camera in [other.camera(), id().to_string(), String::new()] {
        let refused = edge.ask(|backend| {
            backend.admit(Name::Thumbnail, &home.credential, &home.tag, &camera).err()
        });
        assert_eq!(refused, Some(Problem::NotFound), "{camera}");
    }
}
