//! Departures: what leaves, to whom, and with which word in the ledger.

use super::*;
use eyesonly_gate::Seam;
use eyesonly_gate::ledger::Handed;
use eyesonly_gate::rules::ANSWER_BYTES_MAX;
use eyesonly_rights::{Action, Fault};
use eyesonly_seal::format::EXTENT_PLAIN_BYTES;
use eyesonly_service::ledger::Counts as _;

const EVENT: &[u8] = br#"{"kind": "person"}"#;

/// Makes an MP4 out of its boxes, with this many bytes of data.
fn clip(bytes: usize) -> Vec<u8> {
    let mut clip = Vec::new();
    for (name, content) in [(b"ftyp", 8), (b"moov", 0), (b"mdat", bytes)] {
        clip.extend(u32::try_from(content + 8).unwrap().to_be_bytes());
        clip.extend(name);
        clip.resize(clip.len() + content, 7);
    }
    clip
}

#[test]
fn footage_leaves_whole_and_in_parts() {
    let edge = edge_with_stills();
    let _runtime = edge.runtime.enter();
    let home = &edge.homes[0];
    let total = LARGE_STILL.len() as u64;
    for (offset, length) in [(0, total), (1, total - 2), (total - 1, 1)] {
        let (backend, object) = newest(&edge, home);
        let departure = leave(&backend, &home.credential, object, (offset, length)).unwrap();
        assert_eq!(departure.length(), length);
        let from = usize::try_from(offset).unwrap();
        let part = &LARGE_STILL[from..][..usize::try_from(length).unwrap()];
        assert_eq!(all_of(&departure), part);
        assert_eq!(departure.next_piece(), Ok(None), "it stays at its end");
        assert_eq!(edge.ledger.recent_deliveries().pop().unwrap().body_bytes, length);
    }
    for range in [(0, total + 1), (total, 1), (u64::MAX, 2), (0, 0)] {
        let (backend, object) = newest(&edge, home);
        let before = edge.ledger.deliveries();
        let refused = leave(&backend, &home.credential, object, range);
        assert!(refused.is_err(), "{range:?}");
        assert_eq!(edge.ledger.deliveries(), before, "nothing left");
    }
}

#[test]
fn a_departure_is_this_requests_own() {
    let edge = edge_with_stills();
    let _runtime = edge.runtime.enter();
    let [home, other] = &edge.homes;
    let refusals = || edge.ledger.misdeliveries(Seam::WayOut, Fault::WrongAnswer);
    let whole = (0, LARGE_STILL.len() as u64);
    let before = edge.ledger.deliveries();

    // The object is another household's, or another request's of the same viewer.
    for (count, of) in [(1, other), (2, home)] {
        let (backend, _handling) = admitted(&edge, home, Name::Thumbnail);
        let (_theirs, object) = newest(&edge, of);
        let refused = leave(&backend, &home.credential, object, whole);
        assert_eq!(refused.err(), Some(Problem::Unavailable));
        assert_eq!(refusals(), count);
    }
    // The credential is another requester's.
    let (backend, object) = newest(&edge, home);
    let refused = leave(&backend, &other.credential, object, whole);
    assert_eq!(refused.err(), Some(Problem::Unavailable));
    // Nobody was admitted.
    let (_theirs, object) = newest(&edge, home);
    let refused = leave(&edge.instance(), &home.credential, object, whole);
    assert_eq!(refused.err(), Some(Problem::Unavailable));
    assert_eq!((refusals(), edge.ledger.deliveries()), (4, before));
}

#[test]
fn bytes_leave_as_they_were_answered() {
    let edge = Edge::new();
    let _runtime = edge.runtime.enter();
    let home = &edge.homes[0];
    let most = vec![b'x'; ANSWER_BYTES_MAX];
    for bytes in [b"{}".as_slice(), b"", &most] {
        let (backend, _handling) = admitted(&edge, home, Name::Events);
        let departure = leave_bytes(&backend, &home.credential, bytes).unwrap();
        assert_eq!(departure.length(), bytes.len() as u64);
        assert_eq!(all_of(&departure), bytes);
    }
    let before = edge.ledger.deliveries();
    let (backend, _handling) = admitted(&edge, home, Name::Events);
    let too_many = [most.as_slice(), b"x"].concat();
    let refused = leave_bytes(&backend, &home.credential, &too_many);
    assert_eq!(refused.err(), Some(Problem::Failed), "beyond the contract");
    for status in [Status::BadRequest, Status::NotFound, Status::Unavailable, Status::Failed] {
        let body = Body::Bytes(b"{}".to_vec());
        let answered = Answered { status, media_type: MediaType::Json, body };
        let refused = backend.depart(&home.credential, None, answered);
        assert_eq!(refused.err(), Some(Problem::Failed), "the front says it: {status:?}");
    }
    assert_eq!(edge.ledger.deliveries(), before, "nothing left");
}

#[test]
fn a_departure_has_the_action_and_the_word_of_its_row() {
    let edge = Edge::new();
    let _runtime = edge.runtime.enter();
    let home = &edge.homes[0];
    let event = id();
    for (name, action, handed) in [
        (Name::Thumbnail, Action::Live, Handed::Still),
        (Name::EventThumbnail, Action::Events, Handed::Still),
        (Name::Events, Action::Events, Handed::Events),
        (Name::Event, Action::Events, Handed::Events),
        (Name::Clip, Action::Clips, Handed::Clip),
    ] {
        let (backend, handling) = admitted(&edge, home, name);
        assert_eq!(handling.grant().action(), action, "{name:?}");
        let answered = answered(MediaType::Json, Body::Bytes(b"{}".to_vec()));
        let event_text = event.to_string();
        backend.depart(&home.credential, Some(&event_text), answered).unwrap();
        let entry = edge.ledger.recent_deliveries().pop().unwrap();
        assert_eq!((entry.handed, entry.event), (handed, Some(event)), "{name:?}");
        assert_eq!(entry.source, Some((home.household, home.camera)));
    }
    // A route that no handler answers makes no grant.
    for name in [Name::Wall, Name::Cameras, Name::Login, Name::Health, Name::PutStill] {
        let refused = home.admit(&edge.instance(), name);
        assert_eq!(refused.err(), Some(Problem::NotFound), "{name:?}");
    }
}

#[test]
fn a_session_that_ends_in_mid_clip_cuts_it() {
    let edge = Edge::new();
    let [home, _] = &edge.homes;
    let (event, clip) = (id(), clip(3 * EXTENT_PLAIN_BYTES));
    assert_eq!(edge.upload(home, Kind::Event, event, EVENT), Ok(Taken::Created));
    assert_eq!(edge.upload(home, Kind::Clip, event, &clip), Ok(Taken::Created));
    let _runtime = edge.runtime.enter();
    let depart = || {
        let (backend, handling) = admitted(&edge, home, Name::Clip);
        let source = handling.event_clip(&event.to_string()).unwrap();
        let length = source.length();
        let body = Body::Footage { source, offset: 0, length };
        backend.depart(&home.credential, None, answered(MediaType::Mp4, body)).unwrap()
    };
    assert!(all_of(&depart()) == clip);

    let departure = depart();
    let mut sent = departure.next_piece().unwrap().unwrap().len();
    edge.instance().logout(&home.credential).unwrap();
    let cut = loop {
        match departure.next_piece() {
            Ok(Some(piece)) => sent += piece.len(),
            end => break end,
        }
    };
    assert_eq!((cut, sent), (Err(Problem::Unavailable), EXTENT_PLAIN_BYTES));
    assert_eq!(departure.next_piece(), Err(Problem::Unavailable), "it never looks like an end");
}
