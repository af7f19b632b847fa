//! Tests of entries: each says what was written, to its owner alone.

use super::*;
use eyesonly_seal::HouseholdKey;

fn object(n: u8) -> Object {
    let id = FootageId::from_time(1000 * u64::from(n), [n; 10]).unwrap();
    Object { kind: Kind::Still, id, rendition: n % 2 == 1 }
}

fn delivery(objects: u8) -> Delivery {
    let mut opened = Opened::default();
    (0..objects).for_each(|n| opened.add(object(n)));
    Delivery {
        number: [1; 16],
        at_milliseconds: 3 * DAY + 5,
        until_milliseconds: 3 * DAY + 60_005,
        viewer: ViewerId::from_bytes([2; 16]),
        session: SessionId::from_bytes([3; 16]),
        source: Some((HouseholdId::from_bytes([4; 16]), CameraId::from_bytes([5; 16]))),
        handed: Handed::Clip,
        event: Some(object(7).id),
        opened,
        body_bytes: 1 << 40,
    }
}

fn key(n: u8) -> LedgerKey {
    HouseholdKey::from_bytes([n; 32]).ledger_key(&HouseholdId::from_bytes([4; 16]))
}

#[test]
fn an_entry_says_what_was_written() {
    for stage in Stage::ALL {
        for handed in Handed::ALL {
            for objects in 0..=8 {
                let delivery = Delivery { handed, ..delivery(objects) };
                let key = key(9);
                let entry = Entry { stage, decided_at: 0, delivery: &delivery, key: &key };
                let sealed = entry.seal([7; 24]).unwrap();
                assert_eq!(sealed.len(), PLAIN_BYTES + 72);
                let read =
                    open(entry.owner(), entry.day(), &key.day_key(entry.day()), &sealed).unwrap();
                assert_eq!(read, Says::Delivery(stage, Box::new(delivery)));
            }
        }
    }
    // What is of no camera is the viewer's own.
    let delivery = Delivery { source: None, event: None, ..delivery(0) };
    assert_eq!(delivery.owner(), Owner::Viewer(delivery.viewer));
    let key = key(1);
    let entry = Entry { stage: Stage::Starts, decided_at: 0, delivery: &delivery, key: &key };
    let sealed = entry.seal([7; 24]).unwrap();
    let read = open(entry.owner(), 3, &key.day_key(3), &sealed).unwrap();
    assert_eq!(read, Says::Delivery(Stage::Starts, Box::new(delivery)));
}

#[test]
fn an_entry_opens_for_its_owner_and_its_day_alone() {
    let (delivery, mine) = (delivery(2), key(9));
    let entry = Entry { stage: Stage::Starts, decided_at: 0, delivery: &delivery, key: &mine };
    let (sealed, owner) = (entry.seal([7; 24]).unwrap(), entry.owner());
    assert!(open(owner, 3, &mine.day_key(3), &sealed).is_ok());
    let other = Owner::Household(HouseholdId::from_bytes([6; 16]));
    let same_id = Owner::Viewer(ViewerId::from_bytes([4; 16]));
    for (owner, day, key) in
        [(other, 3, &mine), (same_id, 3, &mine), (owner, 4, &mine), (owner, 3, &key(8))]
    {
        assert_eq!(open(owner, day, &key.day_key(day), &sealed).err(), Some(SealError::WrongSeal));
    }
    let mut torn = sealed.clone();
    torn[100] ^= 1;
    assert_eq!(open(owner, 3, &mine.day_key(3), &torn).err(), Some(SealError::BadChunk));
    // An entry about another household's camera is none of this owner's, whoever sealed it.
    let crossed = Delivery {
        source: Some((HouseholdId::from_bytes([6; 16]), CameraId::from_bytes([5; 16]))),
        ..delivery
    };
    let (kind, id) = owner.parts();
    let context = Context::entry(kind, id, 3).unwrap();
    let plain = plain(Stage::Starts, &crossed);
    let sealed = seal_all(&mine.day_key(3), &context, [7; 24], &plain).unwrap();
    assert_eq!(open(owner, 3, &mine.day_key(3), &sealed).err(), Some(SealError::BadLength));
}

#[test]
fn an_entry_of_another_form_is_not_read() {
    let plain = plain(Stage::Starts, &delivery(1));
    assert!(Reader(&plain).delivery().is_some());
    for (at, byte) in [(0, 2), (1, 4), (2, 6), (3, 9), (128, 99)] {
        let mut other = plain.clone();
        other[at] = byte;
        assert!(Reader(&other).delivery().is_none(), "{at}");
    }
    assert!(Reader(&plain[..60]).delivery().is_none());
}

/// What was rejected is the edge's own, whichever camera it was about.
#[test]
fn rejected_answers_are_of_the_edge_alone() {
    let key = key(9);
    for camera in [None, Some(CameraId::from_bytes([5; 16]))] {
        for (seam, _) in Seam::ALL {
            for (fault, _) in Fault::ALL {
                let first = Misdelivery { at_milliseconds: 3 * DAY + 5, seam, fault, camera };
                let rejected = Rejected { first, count: 7 };
                let sealed = rejected.seal(&key, [7; 24]).unwrap();
                assert_eq!(sealed.len(), PLAIN_BYTES + 72);
                let read = open(Owner::Edge, 3, &key.day_key(3), &sealed).unwrap();
                assert_eq!(read, Says::Rejected(rejected));
            }
        }
    }
    let first =
        Misdelivery { at_milliseconds: 5, seam: Seam::Store, fault: Fault::Missing, camera: None };
    let sealed = Rejected { first, count: 1 }.seal(&key, [7; 24]).unwrap();
    let other = Owner::Viewer(ViewerId::from_bytes([0; 16]));
    assert_eq!(open(other, 0, &key.day_key(0), &sealed).err(), Some(SealError::WrongSeal));
    // A delivery is none of the edge's, whoever sealed it.
    let (kind, id) = Owner::Edge.parts();
    let context = Context::entry(kind, id, 3).unwrap();
    let plain = plain(Stage::Starts, &delivery(1));
    let sealed = seal_all(&key.day_key(3), &context, [7; 24], &plain).unwrap();
    assert_eq!(open(Owner::Edge, 3, &key.day_key(3), &sealed).err(), Some(SealError::BadLength));
}

#[test]
fn what_was_opened_has_its_first_ones_its_last_one_and_its_count() {
    let mut opened = Opened::default();
    for n in [1, 2, 1, 3] {
        opened.add(object(n));
    }
    assert_eq!(opened.count(), 3, "an object counts once");
    (4..30).for_each(|n| opened.add(object(n)));
    let expected: Vec<_> = (1..8).chain([29]).map(object).collect();
    assert_eq!(opened.objects().copied().collect::<Vec<_>>(), expected);
    assert_eq!(opened.count(), 29);
}
