//! Records of the registry. JSON is sealed as it comes, so that the fuzzer reaches what lies behind
//! the seal. A proven record is written again as the same record, proves nothing under another
//! name, and permits only what is in it. This target must never hold a key of an installation.
#![no_main]

use eyesonly_fuzz::{Input, changed};
use eyesonly_rights::{
    Action, CameraRecord, CameraRight, Kinds, Mint, Position, Record, Requester, Rights, Role,
    SessionRecord, Verifier, ViewerRecord, Window, prove, requester,
};
use eyesonly_seal::{
    CameraId, Context, EdgeKey, HouseholdId, Kind, SealingKey, SessionId, ViewerId, seal_all,
};
use libfuzzer_sys::fuzz_target;
use std::sync::LazyLock;

/// The name that every record here is asked by.
const NAME: [u8; 16] = [1; 16];

struct Keys {
    mint: Mint,
    verifier: Verifier,
    record: SealingKey,
}

static KEYS: LazyLock<Keys> = LazyLock::new(|| {
    let edge = EdgeKey::from_bytes([1; 32]);
    Keys { mint: Mint::new(&edge), verifier: Verifier::new(&edge), record: edge.record_key() }
});

fn proven<R: Record>(name: &[u8], sealed: &[u8], rights: u64, floor: u64) -> Option<R> {
    let position = Position::new(0, rights, 0);
    prove(&KEYS.record, name, Some(sealed), &position, floor).ok().flatten()
}

/// Checks JSON as a record of one kind, and returns the record.
fn check<R: Record + PartialEq>(json: &[u8], input: &mut Input<'_>) -> Option<R> {
    let (rights, floor) = (input.number(), input.number());
    let sealed = |kind: &str, name: &[u8]| {
        let context = Context::record(kind, name).unwrap();
        seal_all(&KEYS.record, &context, [9; 24], json).unwrap()
    };
    let whole = sealed(R::KIND, &NAME);
    let record: R = proven(&NAME, &whole, u64::MAX, 0)?;
    assert_eq!(record.key(), NAME, "it names itself otherwise than its seal");
    for other in ["viewer", "session", "camera"].into_iter().filter(|kind| *kind != R::KIND) {
        assert!(proven::<R>(&NAME, &sealed(other, &NAME), u64::MAX, 0).is_none(), "another kind");
    }
    assert!(proven::<R>(&[2; 16], &whole, u64::MAX, 0).is_none(), "another name");
    let within = (floor..=rights).contains(&record.sequence());
    assert_eq!(proven::<R>(&NAME, &whole, rights, floor).is_some(), within, "of another time");

    let again = KEYS.mint.seal(&record, [8; 24]).unwrap();
    let reread: Option<R> = proven(&NAME, &again, u64::MAX, 0);
    assert!(reread.is_some_and(|reread| reread == record), "it is written as another record");
    let different = changed(&whole, input);
    assert!(different == whole || proven::<R>(&NAME, &different, u64::MAX, 0).is_none());
    Some(record)
}

/// Takes from a record what holds now.
fn rights(of: Requester, record: ViewerRecord, now_seconds: u64) -> Option<Rights> {
    #[cfg(planted)]
    let now_seconds = at_fault(&record, now_seconds);
    Rights::of(of, record, now_seconds)
}

/// The fault: where there is a guest, the clock is behind.
#[cfg(planted)]
fn at_fault(record: &ViewerRecord, now_seconds: u64) -> u64 {
    let has_guest = record.cameras.iter().any(|right| right.role == Role::Guest);
    if has_guest { now_seconds >> 8 } else { now_seconds }
}

/// Compares what a viewer's record permits with what is in it.
fn check_rights(record: &ViewerRecord, now_seconds: u64, time_milliseconds: u64) {
    let (viewer, session) = (record.viewer, SessionId::from_bytes([3; 16]));
    let verified = KEYS.verifier.viewer(&KEYS.mint.viewer(viewer, session)).ok().unwrap();
    let expires_at_seconds = now_seconds.saturating_add(60);
    let (epoch, client) = (record.epoch, String::new());
    let live = SessionRecord { session, viewer, epoch, expires_at_seconds, client };
    let Ok(of) = requester(&verified, Some(&live), now_seconds) else { return };
    let other = ViewerRecord { viewer: ViewerId::from_bytes([7; 16]), ..record.clone() };
    assert!(self::rights(of.clone(), other, now_seconds).is_none(), "another viewer's record");
    let rights = rights(of, record.clone(), now_seconds).unwrap();
    for right in &record.cameras {
        for action in [Action::Live, Action::Events, Action::Clips, Action::Delete] {
            let Some(permit) = rights.permit(right.camera, action) else { continue };
            assert!(permit.camera() == right.camera && permit.action() == action);
            assert!(permit.expires_at_seconds() <= expires_at_seconds);
            for kind in [Kind::Still, Kind::EventStill, Kind::Clip, Kind::Event, Kind::LiveChunk] {
                // Some right of the record must be what the permit is made of.
                let is_covered = record.cameras.iter().any(|one| {
                    let installs = one.role == Role::Installer;
                    let seen = match kind {
                        Kind::Still | Kind::LiveChunk => one.kinds.live,
                        Kind::Event | Kind::EventStill => one.kinds.events && !installs,
                        Kind::Clip => one.kinds.clips && !installs,
                    };
                    let belongs = record.households.contains(&one.household);
                    let (from, until) =
                        (one.window.from_milliseconds, one.window.until_milliseconds);
                    one.camera == right.camera
                        && seen
                        && (belongs || one.role == Role::Guest)
                        && one.expires_at_seconds.map_or(!installs, |at| at > now_seconds)
                        && from.unwrap_or(0) <= time_milliseconds
                        && time_milliseconds <= until.unwrap_or(u64::MAX)
                });
                assert!(
                    !permit.covers(kind, time_milliseconds) || is_covered,
                    "more than the record says"
                );
            }
        }
    }
}

/// Makes a viewer's record out of an input's fields: few changes of a JSON text are a record.
fn made(input: &mut Input<'_>) -> ViewerRecord {
    let households = 0..input.byte() % 4;
    let cameras = 0..input.byte() % 4;
    ViewerRecord {
        viewer: ViewerId::from_bytes(NAME),
        name: "alder".to_owned(),
        households: households.map(|_| HouseholdId::from_bytes([input.byte() % 4; 16])).collect(),
        cameras: cameras.map(|_| made_right(input)).collect(),
        epoch: u64::from(input.byte()),
        sequence: u64::from(input.byte()),
    }
}

fn made_right(input: &mut Input<'_>) -> CameraRight {
    let (kinds, role) = (input.byte(), input.byte());
    let mut end = || (input.byte() % 4 > 0).then(|| input.short() as u64);
    CameraRight {
        window: Window { from_milliseconds: end(), until_milliseconds: end() },
        expires_at_seconds: end(),
        kinds: Kinds { live: kinds & 1 > 0, events: kinds & 2 > 0, clips: kinds & 4 > 0 },
        role: [Role::Owner, Role::Member, Role::Guest, Role::Installer][usize::from(role % 4)],
        camera: CameraId::from_bytes([input.byte() % 4; 16]),
        household: HouseholdId::from_bytes([input.byte() % 4; 16]),
        name: String::from_utf8_lossy(input.take(3)).into_owned(),
    }
}

fuzz_target!(|bytes: &[u8]| {
    let mut input = Input(bytes);
    let kind = input.byte() % 4;
    let made = (kind == 3).then(|| serde_json::to_vec(&made(&mut input)).unwrap());
    let length = if made.is_some() { 0 } else { input.short() };
    let json = input.take(length);
    match kind {
        1 => drop(check::<SessionRecord>(json, &mut input)),
        2 => drop(check::<CameraRecord>(json, &mut input)),
        _ => {
            let record = check::<ViewerRecord>(made.as_deref().unwrap_or(json), &mut input);
            assert!(record.is_some() || made.is_none(), "a record is not read as one");
            if let Some(record) = record {
                check_rights(&record, input.short() as u64, input.short() as u64);
            }
        }
    }
});
