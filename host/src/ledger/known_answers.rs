//! The log of tests/vectors. A script that shares no code with this project makes it from SPEC.md.

use super::line::Line;
use eyesonly_gate::entry::{self, Object, Opened, Owner, Rejected, Says, Stage};
use eyesonly_gate::ledger::{Delivery, Handed, Misdelivery, Seam};
use eyesonly_log::{Checkpoint, Name, SigningKey, leaf, node};
use eyesonly_rights::{Fault, Kinds, Role, Window};
use eyesonly_seal::{
    CameraId, Context, EdgeKey, FootageId, HouseholdId, HouseholdKey, Kind, LedgerKey, SessionId,
    ViewerId, open_all,
};
use eyesonly_service::admin::{Act, Deed, Given};
use eyesonly_service::ledger::acts::Done;
use serde_json::Value;

const AT: u64 = 1_700_000_000_000;
const EDGE: [u8; 32] = [0x11; 32];

fn answers() -> Value {
    serde_json::from_str(include_str!("../../../tests/vectors/known-answers.json")).unwrap()
}

fn unhex(value: &Value) -> Vec<u8> {
    let digits = value.as_str().unwrap().as_bytes().chunks(2);
    digits.map(|pair| u8::from_str_radix(str::from_utf8(pair).unwrap(), 16).unwrap()).collect()
}

/// Sixteen bytes that follow one another.
fn id(first: u8) -> [u8; 16] {
    std::array::from_fn(|at| first + u8::try_from(at).unwrap())
}

fn household() -> HouseholdId {
    HouseholdId::from_bytes(id(0x40))
}

fn camera() -> CameraId {
    CameraId::from_bytes(id(0x50))
}

fn key_of(owner: &Owner) -> LedgerKey {
    match owner {
        Owner::Household(household) => HouseholdKey::from_bytes([0x33; 32]).ledger_key(household),
        _ => EdgeKey::from_bytes(EDGE).ledger_key(),
    }
}

/// The act of the first line.
fn act() -> Done {
    let kinds = Kinds { live: true, events: true, clips: false };
    let window = Window { from_milliseconds: Some(AT), until_milliseconds: None };
    let right =
        Given { role: Role::Guest, kinds, window, expires_at_seconds: Some(AT / 1000 + 604_800) };
    let guest = ViewerId::from_bytes(id(0xb0));
    let act = Act::of(Deed::Right, Some(household()), Some(camera()), Some(guest));
    Done {
        sequence: 7,
        at_milliseconds: AT,
        actor: Some(ViewerId::from_bytes(id(0xa0))),
        act: Act { right: Some(right), ..act },
    }
}

/// The delivery of the second line.
fn delivery() -> Delivery {
    let still = FootageId::parse("018bcfe5-6800-7abc-9def-0123456789ab").unwrap();
    let mut opened = Opened::default();
    opened.add(Object { kind: Kind::Still, id: still, rendition: true });
    Delivery {
        number: [1; 16],
        at_milliseconds: AT + 1000,
        until_milliseconds: 0,
        viewer: ViewerId::from_bytes(id(0xb0)),
        session: SessionId::from_bytes(id(0xc0)),
        source: Some((household(), camera())),
        handed: Handed::Still,
        event: None,
        opened,
        body_bytes: 5000,
    }
}

/// What the third line says was rejected.
fn rejected() -> Rejected {
    let first = Misdelivery {
        at_milliseconds: AT + 2000,
        seam: Seam::Store,
        fault: Fault::WrongSeal,
        camera: Some(camera()),
    };
    Rejected { first, count: 2 }
}

#[test]
fn lines_are_as_known() {
    let answers = answers();
    let mut before = std::collections::HashMap::new();
    let lines = answers["log"]["lines"].as_array().unwrap();
    for (at, known) in lines.iter().enumerate() {
        let bytes = unhex(&known["line"]);
        let line = Line::read(&bytes.clone().try_into().unwrap()).unwrap();
        let (number, hash) = before.get(&line.owner).copied().unwrap_or((0, [0; 32]));
        assert_eq!((line.number, line.before), (number, hash), "line {at}");
        let leaf = *leaf(&bytes).as_bytes();
        assert_eq!(leaf.to_vec(), unhex(&answers["log"]["leaves"][at]));
        before.insert(line.owner, (number + 1, leaf));

        let (kind, id) = line.owner.parts();
        assert_eq!(known["owner"], kind);
        let ledger_key = key_of(&line.owner);
        let key = ledger_key.day_key(line.day);
        let context = Context::entry(kind, id, line.day).unwrap();
        assert_eq!(open_all(&key, &context, &line.sealed).unwrap(), unhex(&known["plain"]));
        let salt = line.sealed[..24].try_into().unwrap();
        match at {
            0 => {
                let read = Done::open(line.owner, line.day, &key, &line.sealed).unwrap();
                assert_eq!(read, Some(act()));
                assert_eq!(act().seal(line.owner, &ledger_key, salt).unwrap(), line.sealed);
            }
            1 => {
                let says = Says::Delivery(Stage::Starts, Box::new(delivery()));
                assert_eq!(entry::open(line.owner, line.day, &key, &line.sealed), Ok(says));
            }
            _ => {
                let says = Says::Rejected(rejected());
                assert_eq!(entry::open(line.owner, line.day, &key, &line.sealed), Ok(says));
                assert_eq!(rejected().seal(&ledger_key, salt).unwrap(), line.sealed);
            }
        }
    }
    assert_eq!(lines.len(), 3);
}

#[test]
fn the_checkpoint_is_as_known() {
    let log = &answers()["log"];
    let leaves = log["lines"].as_array().unwrap().iter().map(|known| leaf(&unhex(&known["line"])));
    let [first, second, third] = leaves.collect::<Vec<_>>().try_into().unwrap();
    let root = node(&node(&first, &second), &third);
    let name = Name::new(log["name"].as_str().unwrap()).unwrap();
    let seed = EdgeKey::from_bytes(EDGE).ledger_seed();
    let signing = SigningKey::from_seed(name.clone(), &seed).unwrap();
    let note = Checkpoint::new(name, 3, root).sign(&signing).unwrap();
    assert_eq!(note.to_string(), log["checkpoint"].as_str().unwrap());
}
