//! Who gets in, how often, and out again.

use super::*;
use crate::state::Closed;
use eyesonly_rights::Action;
use eyesonly_service::ledger::{Fault, Handed, Ledger as _, Seam};

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
        assert!(
            !said.contains(key.as_str()) && said.contains("key_encryption_key"),
            "{said}"
        );
    }
    let settings = Settings {
        key_encryption_key: Some(Zeroizing::new(key())),
        session_seconds: Some("a week".to_owned()),
    };
    let refused = Vault::open(settings, Arc::clone(&edge.kv) as _, Arc::clone(&edge.ledger) as _);
    assert!(matches!(refused, Err(Closed::SessionSeconds)));
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
    let admit = |vault: &Vault, home: &Home| {
        let admitted = vault.admit(&home.credential, &home.tag, &home.camera(), Action::Live);
        admitted.map(|_| ())
    };
    let vault = edge.instance();
    admit(&vault, home).unwrap();
    assert_eq!(admit(&vault, other), Err(Problem::Unavailable), "another's");
    assert_eq!(admit(&vault, home), Err(Problem::Unavailable), "the same again");
    assert_eq!(
        vault.admit_camera(&home.camera_credential).err(),
        Some(Problem::Unavailable)
    );
    let listed = vault.list_cameras(&other.credential, &other.tag);
    assert_eq!(listed.err(), Some(Problem::Unavailable));
    let deleted = vault.delete_event(&home.credential, &home.tag, &home.camera(), &id().to_string());
    assert_eq!(deleted, Err(Problem::Unavailable));
    assert_eq!(vault.logout(&home.credential), Err(Problem::Unavailable));
    // What was admitted first stands.
    assert!(vault.pass(&home.credential, Handed::Still, None, 1).is_ok());

    let vault = edge.instance();
    vault.admit_camera(&home.camera_credential).unwrap();
    assert_eq!(admit(&vault, home), Err(Problem::Unavailable), "after an upload");

    let vault = edge.instance();
    let refused = vault.admit(&home.credential, &other.tag, &home.camera(), Action::Live);
    assert_eq!(refused.err(), Some(Problem::NotFound), "another session's address");
    assert_eq!(
        admit(&vault, home),
        Err(Problem::Unavailable),
        "a refusal is an answer too"
    );
}

#[test]
fn the_way_out_knows_its_requester() {
    let edge = Edge::new();
    let [home, other] = &edge.homes;
    let _runtime = edge.runtime.enter();
    let refusals = || edge.ledger.misdeliveries(Seam::WayOut, Fault::WrongAnswer);
    let vault = edge.instance();
    let before = edge.ledger.deliveries();
    assert_eq!(
        vault.pass(&home.credential, Handed::Still, None, 1),
        Err(Problem::Unavailable),
        "nobody was admitted"
    );
    vault
        .admit(&home.credential, &home.tag, &home.camera(), Action::Live)
        .unwrap();
    for raw in [other.credential.as_str(), "", home.camera_credential.as_str()] {
        assert_eq!(vault.pass(raw, Handed::Still, None, 1), Err(Problem::Unavailable));
    }
    let cameras = vault.pass(&home.credential, Handed::Cameras, None, 1);
    assert_eq!(cameras, Err(Problem::Unavailable), "a grant is no list of cameras");
    assert_eq!((refusals(), edge.ledger.deliveries()), (5, before));
    vault.pass(&home.credential, Handed::Still, None, 7).unwrap();
    let entry = edge.ledger.recent_deliveries().pop().unwrap();
    assert_eq!(entry.source, Some((home.household, home.camera)));
    assert_eq!((entry.handed, entry.body_bytes), (Handed::Still, 7));
}

#[test]
fn a_list_of_cameras_is_its_requesters_and_leaves_to_them_alone() {
    let edge = Edge::new();
    let [home, other] = &edge.homes;
    let _runtime = edge.runtime.enter();
    let vault = edge.instance();
    vault.health().unwrap();
    let rights = vault.list_cameras(&home.credential, &home.tag).unwrap();
    assert_eq!(rights.name, home.name);
    let cameras: Vec<_> = rights.cameras.iter().map(|right| right.camera).collect();
    assert_eq!(cameras, [home.camera]);
    for (raw, handed) in [
        (&other.credential, Handed::Cameras),
        (&home.credential, Handed::Still),
        (&home.credential, Handed::Deletion),
    ] {
        assert_eq!(vault.pass(raw, handed, None, 1), Err(Problem::Unavailable));
    }
    vault.pass(&home.credential, Handed::Cameras, None, 1).unwrap();
}

#[test]
fn a_session_begins_and_ends() {
    let edge = Edge::new();
    let home = &edge.homes[0];
    let wrong =
        |_: usize| edge.ask(|vault| vault.login(home.name, Zeroizing::new("another one".to_owned()), "nowhere"));
    assert_eq!(wrong(0).err(), Some(Problem::WrongLogin));
    // Counted in the store, since an instance is gone with its request; what is no address counts as one.
    let last = (1..=5).map(wrong).last().unwrap();
    assert!(matches!(last.err(), Some(Problem::Throttled(_))));
    let names = edge.kv.0.lock().unwrap();
    assert!(names.keys().all(|key| !key.contains(home.name)));
    drop(names);
    assert!(
        edge.ask(|vault| vault.list_cameras(&home.credential, &home.tag))
            .is_ok()
    );
    edge.ask(|vault| vault.logout(&home.credential)).unwrap();
    let after = edge.ask(|vault| vault.list_cameras(&home.credential, &home.tag));
    assert_eq!(after.err(), Some(Problem::Unidentified));
}

#[test]
fn another_households_camera_does_not_exist() {
    let edge = Edge::new();
    let [home, other] = &edge.homes;
    for camera in [other.camera(), id().to_string(), String::new()] {
        let refused = edge.ask(|vault| vault.admit(&home.credential, &home.tag, &camera, Action::Live));
        assert_eq!(refused.err(), Some(Problem::NotFound), "{camera}");
    }
}
