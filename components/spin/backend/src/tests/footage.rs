//! The footage that a handler reaches under a grant.

use super::*;
use eyesonly_gate::Seam;
use eyesonly_gate::ledger::Handed;
use eyesonly_gate::rules::{EVENTS_MAX, OBJECTS_MAX, READ_BYTES_MAX, RENDITION_BYTES_MAX};
use eyesonly_rights::Fault;
use eyesonly_service::footage::FootageError;
use eyesonly_service::ledger::Counts as _;
use std::collections::BTreeMap;

const EVENT: &[u8] = br#"{"kind": "person", "label": "At the door"}"#;

/// Returns the values under a prefix, in the order of their keys.
fn values(kv: &MemoryKv, prefix: &str) -> BTreeMap<String, Vec<u8>> {
    let all = kv.0.lock().unwrap();
    let there = all.iter().filter(|(key, _)| key.starts_with(prefix));
    there.map(|(key, value)| (key.clone(), value.clone())).collect()
}

#[test]
fn values_that_were_swapped_between_households_show_nothing() {
    let edge = edge_with_stills();
    let _runtime = edge.runtime.enter();
    let [home, other] = &edge.homes;
    let everything = values(&edge.kv, "");
    let kinds: std::collections::BTreeSet<String> = everything
        .keys()
        .filter_map(|key| key.split_once('/'))
        .map(|(kind, _)| format!("{kind}/"))
        .collect();
    assert!(kinds.contains("object/") && kinds.contains("key/"), "{kinds:?}");
    let mut refused = 0;
    for kind in &kinds {
        // Each value is put under its neighbour's key.
        let there = values(&edge.kv, kind);
        if there.len() < 2 {
            continue;
        }
        let mut moved: Vec<Vec<u8>> = there.values().cloned().collect();
        moved.rotate_left(1);
        for (key, value) in there.keys().zip(&moved) {
            edge.kv.set(key, value).unwrap();
        }
        for (home, theirs) in [(home, other), (other, home)] {
            let backend = match edge.open(Some(&key())) {
                Ok(backend) => backend,
                Err(_) => {
                    refused += 1;
                    continue;
                }
            };
            let admitted = home.admit(&backend, Name::Thumbnail);
            let Ok(handling) = admitted else {
                refused += 1;
                continue;
            };
            assert_eq!(handling.grant().household(), home.household, "{kind}");
            assert_ne!(handling.grant().camera(), theirs.camera, "{kind}");
            let read = handling.newest_still().and_then(|object| object.read(0, 1));
            if let Err(error) = read {
                assert!(
                    matches!(error, FootageError::Unavailable | FootageError::NotFound),
                    "{kind}: {error}"
                );
                refused += 1;
            }
        }
        for (key, value) in &everything {
            edge.kv.set(key, value).unwrap();
        }
    }
    assert!(refused >= 6, "{refused} of {kinds:?}");
    // After the values are put back, each household sees its own again.
    let (_backend, object) = newest(&edge, home);
    assert_eq!(object.read(0, READ_BYTES_MAX).unwrap(), LARGE_STILL);
}

#[test]
fn an_object_of_another_household_under_the_right_name_does_not_open() {
    let edge = edge_with_stills();
    let _runtime = edge.runtime.enter();
    let objects = values(&edge.kv, "object/");
    let [(one, ours), (two, theirs)] = objects.iter().collect::<Vec<_>>().try_into().unwrap();
    // Both have the same length, so only the seal tells them apart.
    assert_eq!(ours.len(), theirs.len());
    edge.kv.set(one, theirs).unwrap();
    edge.kv.set(two, ours).unwrap();
    for home in &edge.homes {
        let (backend, object) = newest(&edge, home);
        assert_eq!(object.read(0, 1), Err(FootageError::Unavailable));
        let length = object.length();
        let departs = leave(&backend, &home.credential, object, (0, length));
        assert_eq!(departs.err(), Some(Problem::Unavailable));
    }
    assert!(edge.ledger.misdeliveries(Seam::Store, Fault::WrongSeal) > 0);
}

#[test]
fn questions_have_the_form_and_the_limits_of_the_contract() {
    let edge = edge_with_stills();
    let _runtime = edge.runtime.enter();
    let home = &edge.homes[0];
    let (_backend, handling) = admitted(&edge, home, Name::Thumbnail);
    let long = "0".repeat(37);
    assert_eq!(handling.event_still(&long).err(), Some(FootageError::Invalid));
    assert_eq!(handling.event_clip("").err(), Some(FootageError::Invalid));
    assert_eq!(handling.get_event(&long).err(), Some(FootageError::Invalid));
    assert_eq!(handling.list_events(None, 0).err(), Some(FootageError::Invalid));
    assert_eq!(handling.list_events(Some("x"), 1).err(), Some(FootageError::Invalid));
    let many = handling.list_events(None, EVENTS_MAX + 1);
    assert_eq!(many.err(), Some(FootageError::Limit));
    assert!(handling.list_events(None, EVENTS_MAX).unwrap().events.is_empty());
    let absent = handling.event_clip(&id().to_string());
    assert_eq!(absent.err(), Some(FootageError::NotFound));

    let mut held = Vec::new();
    for _ in 0..OBJECTS_MAX {
        held.push(handling.newest_still().unwrap());
    }
    assert_eq!(handling.newest_still().err(), Some(FootageError::Limit));
    held.pop();
    let object = handling.newest_still().unwrap();
    let length = object.length();
    assert_eq!(length, LARGE_STILL.len() as u64);
    assert_eq!(object.read(length, 1), Err(FootageError::Invalid));
    assert_eq!(object.read(0, 0), Err(FootageError::Invalid));
    assert_eq!(object.read(0, READ_BYTES_MAX + 1), Err(FootageError::Limit));
    assert_eq!(object.read(length - 1, READ_BYTES_MAX).unwrap().len(), 1);
}

#[test]
fn only_an_instance_that_opened_one_object_remembers() {
    let edge = edge_with_stills();
    let _runtime = edge.runtime.enter();
    let home = &edge.homes[0];
    let (backend, handling) = admitted(&edge, home, Name::Thumbnail);
    let source = handling.newest_still().unwrap();
    assert!(source.recall("width-320").unwrap().is_none());
    assert_eq!(source.recall("width-640").err(), Some(FootageError::Limit), "one at a time");
    assert_eq!(source.recall("Width").err(), Some(FootageError::Invalid));
    let remember = |source: &Object, bytes: Vec<u8>| source.remember("width-320", bytes);
    assert_eq!(remember(&source, Vec::new()).err(), Some(FootageError::Invalid));
    let large = vec![1; RENDITION_BYTES_MAX + 1];
    assert_eq!(remember(&source, large).err(), Some(FootageError::Limit));
    let rendition = remember(&source, b"small".to_vec()).unwrap();
    assert_eq!(rendition.read(0, 9).unwrap(), b"small");
    assert_eq!(remember(&rendition, b"x".to_vec()).err(), Some(FootageError::Invalid));
    assert_eq!(rendition.recall("width-320").err(), Some(FootageError::Invalid));
    assert!(handling.newest_still().is_ok());
    let after = remember(&source, b"x".to_vec());
    assert_eq!(after.err(), Some(FootageError::Invalid), "two were opened");

    // A rendition leaves as any object does.
    let departs = leave(&backend, &home.credential, rendition, (0, 5));
    assert_eq!(departs.unwrap().next_piece().unwrap().unwrap().as_ref(), b"small");
}

#[test]
fn a_rendition_is_found_again_by_the_next_request() {
    let edge = edge_with_stills();
    let _runtime = edge.runtime.enter();
    let home = &edge.homes[0];
    let (_backend, source) = newest(&edge, home);
    assert!(source.recall("width-320").unwrap().is_none());
    source.remember("width-320", b"small".to_vec()).unwrap();
    // A native test writes it in the background; a component writes it before `remember` returns.
    let mut found = None;
    for _ in 0..200 {
        let (_backend, source) = newest(&edge, home);
        found = source.recall("width-320").unwrap();
        if found.is_some() {
            break;
        }
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    assert_eq!(found.unwrap().read(0, 9).unwrap(), b"small");
    let (_backend, source) = newest(&edge, &edge.homes[1]);
    assert!(source.recall("width-320").unwrap().is_none(), "another household's");
}

#[test]
fn an_event_is_seen_and_deleted_by_its_household_alone() {
    let edge = Edge::new();
    let [home, other] = &edge.homes;
    let event = id();
    let text = event.to_string();
    assert_eq!(edge.upload(home, Kind::Event, event, EVENT), Ok(Taken::Created));
    assert_eq!(edge.upload(home, Kind::EventStill, event, STILL), Ok(Taken::Created));
    let shown = |home: &Home| {
        let _runtime = edge.runtime.enter();
        let (_backend, handling) = admitted(&edge, home, Name::Events);
        let page = handling.list_events(None, EVENTS_MAX).unwrap();
        assert_eq!(handling.get_event(&text).is_ok(), !page.events.is_empty());
        page.events
    };
    let events = shown(home);
    assert_eq!((events[0].label.as_str(), events[0].has_still), ("At the door", true));
    assert!(shown(other).is_empty());

    let delete = |home: &Home, of: &Home| {
        let (raw, tag, camera) = (&home.credential, &home.tag, of.camera());
        edge.ask(|backend| {
            let departure = backend.delete_event(raw, tag, &camera, &text)?;
            assert_eq!((departure.length(), departure.next_piece()), (0, Ok(None)));
            Ok(())
        })
    };
    assert_eq!(delete(other, home), Err(Problem::NotFound));
    assert_eq!(delete(other, other), Err(Problem::NotFound));
    assert_eq!(delete(home, home), Ok(()));
    let entry = edge.ledger.recent_deliveries().pop().unwrap();
    assert_eq!((entry.handed, entry.event), (Handed::Deletion, Some(event)));
    assert!(shown(home).is_empty());
    assert_eq!(edge.upload(home, Kind::Event, event, EVENT), Err(Problem::Deleted));
}
