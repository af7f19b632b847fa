//! The scripted grant keeps to the contract whatever was scripted: it refuses what the host
//! refuses. host/src/sandbox/tests/contract.rs has the host's side.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a failed expectation is how a test fails"
)]

use eyesonly_testkit::ErrorCode::{Invalid, Limit, NotFound, Unavailable};
use eyesonly_testkit::{Grant, Object};

fn grant() -> Grant {
    Grant::with_still(b"a still")
}

#[test]
fn nothing_is_there_until_it_is_scripted() {
    let grant = <Grant>::default();
    assert_eq!(grant.newest_still().unwrap_err(), NotFound);
    assert_eq!(grant.event_still("a").unwrap_err(), NotFound);
    assert_eq!(grant.event_clip("b").unwrap_err(), NotFound);
    assert_eq!(grant.get_event("c"), Err(NotFound));
    assert_eq!(grant.list_events(Some("d"), 5), Err(NotFound));
    assert_eq!(grant.asked(), ["newest", "event a", "clip b", "get c", "list Some(\"d\") 5"]);
}

#[test]
fn reads_stay_within_their_object() {
    let grant = grant();
    let still = grant.newest_still().unwrap();
    let length = grant.length(&still);
    assert_eq!(grant.read(&still, 0, 0), Err(Invalid));
    assert_eq!(grant.read(&still, length, 1), Err(Invalid));
    assert_eq!(grant.read(&still, u64::MAX, 1), Err(Invalid));
    assert_eq!(grant.read(&still, 0, (16 << 20) + 1), Err(Limit));
    assert_eq!(grant.read(&still, 2, 16 << 20).unwrap(), b"still");
}

#[test]
fn reads_are_as_short_as_scripted() {
    let grant = Grant { read_bytes_max: 3, ..grant() };
    let still = grant.newest_still().unwrap();
    assert_eq!(grant.read(&still, 0, 100).unwrap(), b"a s");
    assert_eq!(grant.read(&still, 6, 100).unwrap(), b"l");
}

#[test]
fn pages_have_limits() {
    let grant = Grant::<u8, u8> { list_events: Ok(1), ..Grant::default() };
    assert_eq!(grant.list_events(None, 0), Err(Invalid));
    assert_eq!(grant.list_events(None, 101), Err(Limit));
    assert_eq!(grant.list_events(None, 100), Ok(1));
}

#[test]
fn open_objects_have_a_limit() {
    let grant = grant();
    let mut held: Vec<Object> = (0..8).map(|_| grant.newest_still().unwrap()).collect();
    assert_eq!(grant.newest_still().unwrap_err(), Limit);
    assert_eq!(grant.recall(&held[0], "a").unwrap_err(), Limit);
    held.pop();
    grant.newest_still().unwrap();
}

#[test]
fn renditions_are_checked() {
    let grant = grant();
    let still = grant.newest_still().unwrap();
    for name in ["", "a/b", "A", "a name", &"a".repeat(33)] {
        assert_eq!(grant.recall(&still, name).unwrap_err(), Invalid, "{name}");
        assert_eq!(grant.remember(&still, name, b"x").unwrap_err(), Invalid, "{name}");
    }
    assert_eq!(grant.remember(&still, "a", b"").unwrap_err(), Invalid);
    assert_eq!(grant.remember(&still, "a", &vec![0; 1_000_001]).unwrap_err(), Limit);
    assert_eq!(grant.recall(&still, "a").unwrap(), None);
    assert_eq!(grant.recall(&still, "b").unwrap_err(), Limit);
    let made = grant.remember(&still, "a", b"x").unwrap();
    assert_eq!(made, Object::rendition(*b"x"));
    assert_ne!(made, still);
    assert_eq!(grant.remember(&made, "c", b"x").unwrap_err(), Invalid);
    assert_eq!(grant.recall(&made, "c").unwrap_err(), Invalid);
    assert_eq!(grant.recall(&still, "a").unwrap(), Some(made));
    assert_eq!(grant.remembered(), [("a".to_owned(), b"x".to_vec())]);
}

#[test]
fn a_rendition_of_one_of_two_objects_is_refused() {
    let grant = grant();
    let first = grant.newest_still().unwrap();
    let second = grant.event_still("a").unwrap();
    assert_eq!(grant.remember(&first, "a", b"x").unwrap_err(), Invalid);
    drop(second);
    assert_eq!(grant.remember(&first, "a", b"x").unwrap_err(), Invalid);
    assert!(grant.remembered().is_empty());
}

#[test]
fn errors_come_as_scripted() {
    let grant =
        Grant { read: Err(Unavailable), recall: Err(Unavailable), remember: Err(Limit), ..grant() };
    let still = grant.newest_still().unwrap();
    assert_eq!(grant.read(&still, 0, 1), Err(Unavailable));
    assert_eq!(grant.recall(&still, "a").unwrap_err(), Unavailable);
    assert_eq!(grant.remember(&still, "a", b"x").unwrap_err(), Limit);
}
