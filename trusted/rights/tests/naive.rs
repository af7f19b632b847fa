//! The decision beside a second one, which was written from SPEC.md alone, over every case of a
//! small world.

#![allow(clippy::unwrap_used, reason = "a failed expectation is how a test fails")]

use eyesonly_rights::{
    Action, CameraRight, Kinds, Mint, Requester, Rights, Role, SessionRecord, Verifier,
    ViewerRecord, Window, requester,
};
use eyesonly_seal::{CameraId, EdgeKey, HouseholdId, Kind, SessionId, ViewerId};

const NOW: u64 = 1_000;
const ACTIONS: [Action; 4] = [Action::Live, Action::Events, Action::Clips, Action::Delete];
const KINDS: [Kind; 5] = [Kind::Still, Kind::LiveChunk, Kind::Event, Kind::EventStill, Kind::Clip];
/// Before, at both ends of, in and after the windows, which end at these.
const ENDS: [Option<u64>; 3] = [None, Some(10), Some(20)];
const TIMES: [u64; 7] = [9, 10, 11, 19, 20, 21, u64::MAX];

fn camera(n: u8) -> CameraId {
    CameraId::from_bytes([n; 16])
}

fn household(n: u8) -> HouseholdId {
    HouseholdId::from_bytes([n; 16])
}

/// Says whether the viewer of a record may do something to an object, as SPEC.md says.
fn may(record: &ViewerRecord, at: u8, action: Action, object: Option<(Kind, u64)>) -> bool {
    let mut all = record.cameras.iter().filter(|right| right.camera == camera(at));
    let Some(right) = all.next() else { return false };
    let has_not_expired = match right.expires_at_seconds {
        Some(end) => end > NOW,
        None => right.role != Role::Installer,
    };
    let belongs = record.households.contains(&right.household);
    let is_let_in = right.role == Role::Guest || belongs;
    let (live, events, clips) = match right.role {
        Role::Installer => (right.kinds.live, false, false),
        _ => (right.kinds.live, right.kinds.events, right.kinds.clips),
    };
    let is_asked_for = match action {
        Action::Live => live,
        Action::Events => events,
        Action::Clips => clips,
        Action::Delete => events && right.role == Role::Owner,
    };
    let is_covered = object.is_none_or(|(kind, time)| {
        let of_kind = match kind {
            Kind::Still | Kind::LiveChunk => live,
            Kind::Event | Kind::EventStill => events,
            Kind::Clip => clips,
        };
        let from = right.window.from_milliseconds.unwrap_or(0);
        let until = right.window.until_milliseconds.unwrap_or(u64::MAX);
        of_kind && (from..=until).contains(&time)
    });
    has_not_expired && is_let_in && is_asked_for && is_covered
}

fn signed_in(epoch: u64) -> Requester {
    let edge = EdgeKey::from_bytes([1; 32]);
    let (viewer, session) = (ViewerId::from_bytes([1; 16]), SessionId::from_bytes([2; 16]));
    let credential = Mint::new(&edge).viewer(viewer, session);
    let verified = Verifier::new(&edge).viewer(&credential).unwrap();
    let client = String::new();
    let record = SessionRecord { session, viewer, epoch, expires_at_seconds: NOW + 5, client };
    requester(&verified, Some(&record), NOW).unwrap()
}

fn check(record: &ViewerRecord, cases: &mut u64) {
    let rights = Rights::of(signed_in(3), record.clone(), NOW).unwrap();
    for at in [3, 4] {
        let listed = rights.cameras().any(|visible| visible.camera == camera(at));
        let sees = [Action::Live, Action::Events, Action::Clips];
        let sees = sees.iter().any(|action| may(record, at, *action, None));
        assert_eq!(listed, sees, "the list has what may be seen: {record:?}");
        for action in ACTIONS {
            let permit = rights.permit(camera(at), action);
            assert!(listed || permit.is_none(), "{action:?}: {record:?}");
            assert_eq!(permit.is_some(), may(record, at, action, None), "{action:?}: {record:?}");
            for (kind, time) in KINDS.iter().flat_map(|kind| TIMES.map(|time| (*kind, time))) {
                *cases += 1;
                let decided = permit.as_ref().is_some_and(|permit| permit.covers(kind, time));
                let expected = may(record, at, action, Some((kind, time)));
                assert_eq!(decided, expected, "{action:?} of {kind:?} at {time}: {record:?}");
            }
        }
    }
}

#[test]
fn both_decide_alike() {
    let flags = [false, true];
    let mut cases = 0;
    for role in [Role::Owner, Role::Member, Role::Guest, Role::Installer] {
        for (live, events, clips) in
            flags.iter().flat_map(|a| flags.iter().flat_map(move |b| flags.map(|c| (*a, *b, c))))
        {
            for window in ENDS.iter().flat_map(|from| {
                ENDS.map(|until| Window { from_milliseconds: *from, until_milliseconds: until })
            }) {
                for expires_at_seconds in [None, Some(NOW - 1), Some(NOW), Some(NOW + 1)] {
                    for households in [vec![], vec![household(5)], vec![household(6), household(5)]]
                    {
                        let right = CameraRight {
                            camera: camera(3),
                            household: household(5),
                            name: "Front door".into(),
                            role,
                            kinds: Kinds { live, events, clips },
                            window,
                            expires_at_seconds,
                        };
                        let record = ViewerRecord {
                            viewer: ViewerId::from_bytes([1; 16]),
                            name: "alder".into(),
                            households,
                            cameras: vec![right],
                            epoch: 3,
                            sequence: 1,
                        };
                        check(&record, &mut cases);
                        // Whose session is of another epoch has no rights at all.
                        assert!(Rights::of(signed_in(2), record, NOW).is_none());
                    }
                }
            }
        }
    }
    assert!(cases > 900_000, "{cases}");
}
