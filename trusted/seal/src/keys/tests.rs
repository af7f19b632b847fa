//! Tests of the key schedule: every purpose and every id gives another key, and a MAC fits no other
//! list.

use super::*;
use crate::context::{Kind, Question};
use crate::ids::ObjectVersion;
use std::collections::BTreeSet;

const H: HouseholdId = HouseholdId::from_bytes([1; 16]);
const C: CameraId = CameraId::from_bytes([2; 16]);

fn camera(root: u8) -> CameraKey {
    CameraKey::new(Zeroizing::new([root; 32]))
}

fn on_day(day: u32) -> FootageId {
    FootageId::from_time(86_400_000 * u64::from(day), [0; 10]).unwrap()
}

fn all_differ(keys: &[&Zeroizing<[u8; 32]>]) -> bool {
    keys.iter().map(|key| ***key).collect::<BTreeSet<_>>().len() == keys.len()
}

#[test]
fn every_purpose_has_a_key_of_its_own() {
    // All roots have the same bytes here, so that only the purpose tells the keys apart.
    let edge = EdgeKey::from_bytes([7; 32]);
    let camera = camera(7);
    assert!(all_differ(&[
        &edge.credential_key().0,
        &edge.tag_key().0,
        &edge.record_key().0,
        &edge.component_cache_key().0,
        &edge.attempts_key().0,
        &edge.account_key().0,
        &edge.ledger_key().0,
        &HouseholdKey::from_bytes([7; 32]).ledger_key(&H).0,
        &LedgerKey::from_bytes([7; 32]).day_key(0).0,
        &LedgerKey::from_bytes([7; 32]).day_key(1).0,
        &KeyEncryptionKey::from_bytes([7; 32]).sealing_key().0,
        &HouseholdKey::from_bytes([7; 32]).camera_key(&H, &C).root,
        &camera.footage_key(&on_day(0)).0,
        &camera.footage_key(&on_day(1)).0,
        &camera.footage_key(&on_day(1 << 8)).0,
        &camera.footage_key(&on_day(1 << 16)).0,
        &camera.name.0,
        &camera.index.0,
        &camera.body_digest_key().0,
        &camera.root,
    ]));
}

#[test]
fn a_camera_key_is_of_one_camera_of_one_household() {
    let root = HouseholdKey::from_bytes([7; 32]);
    let (household, camera) = (HouseholdId::from_bytes([3; 16]), CameraId::from_bytes([3; 16]));
    let swapped = (HouseholdId::from_bytes([2; 16]), CameraId::from_bytes([1; 16]));
    assert!(all_differ(&[
        &root.camera_key(&H, &C).root,
        &root.camera_key(&H, &camera).root,
        &root.camera_key(&household, &C).root,
        &root.camera_key(&swapped.0, &swapped.1).root,
        &HouseholdKey::from_bytes([8; 32]).camera_key(&H, &C).root,
    ]));
}

#[test]
fn a_ledger_key_is_of_one_household() {
    let root = HouseholdKey::from_bytes([7; 32]);
    assert!(all_differ(&[
        &root.ledger_key(&H).0,
        &root.ledger_key(&HouseholdId::from_bytes([3; 16])).0,
        &HouseholdKey::from_bytes([8; 32]).ledger_key(&H).0,
    ]));
}

#[test]
fn the_day_of_an_object_is_the_day_of_its_id() {
    let camera = camera(7);
    let object = FootageId::from_time(86_400_000 * 3 - 1, [0; 10]).unwrap();
    assert_eq!(camera.footage_key(&object).0, camera.footage_key(&on_day(2)).0);
    assert_eq!(camera.footage_key(&object).0, derive(&camera.root, "day", &[&[0, 0, 0, 2]]));
}

#[test]
fn a_wrapped_key_opens_for_its_owner_only() {
    let kek = KeyEncryptionKey::from_bytes([7; 32]);
    let wrapped = kek.wrap(b"one", &[5; 32], [1; 24]).unwrap();
    assert_eq!(*kek.unwrap(b"one", &wrapped).unwrap(), [5; 32]);
    assert_eq!(kek.unwrap(b"two", &wrapped).err(), Some(SealError::WrongSeal));
    let other = KeyEncryptionKey::from_bytes([8; 32]);
    assert_eq!(other.unwrap(b"one", &wrapped).err(), Some(SealError::WrongSeal));
    assert_eq!(kek.unwrap(b"one", &wrapped[..56]).err(), Some(SealError::Truncated));
    let context = Context::wrapped_key(b"one").unwrap();
    let short = format::seal_all(&kek.sealing_key(), &context, [2; 24], &[5; 31]).unwrap();
    assert_eq!(kek.unwrap(b"one", &short).err(), Some(SealError::BadLength));
}

#[test]
fn a_mac_holds_its_parts_apart() {
    let key = MacKey::from_bytes([7; 32]);
    let lists: [&[&[u8]]; 8] = [
        &[b"ab", b"c"],
        &[b"a", b"bc"],
        &[b"abc"],
        &[b"abc", b""],
        &[b"", b"abc"],
        &[],
        &[b""],
        &[b"\0\0\0\0\0\0\0\x03abc"],
    ];
    assert_eq!(lists.iter().map(|list| key.mac(list)).collect::<BTreeSet<_>>().len(), lists.len());
}

#[test]
fn a_mac_is_verified_in_every_bit() {
    let key = MacKey::from_bytes([7; 32]);
    let good = key.mac(&[b"a", b"b"]);
    assert_eq!(key.verify(&[b"a", b"b"], &good), Ok(()));
    for place in 0..256 {
        let mut bad = good;
        bad[place / 8] ^= 1 << (place % 8);
        assert_eq!(key.verify(&[b"a", b"b"], &bad), Err(SealError::WrongMac));
    }
    assert_eq!(key.verify(&[b"a", b"b"], &good[..31]), Err(SealError::WrongMac));
    assert_eq!(key.verify(&[b"a", b"b"], &[]), Err(SealError::WrongMac));
    assert_eq!(key.verify(&[b"ab"], &good), Err(SealError::WrongMac));
    assert_eq!(MacKey::from_bytes([8; 32]).verify(&[b"a", b"b"], &good), Err(SealError::WrongMac));
}

#[test]
fn a_digest_is_of_the_whole_body_and_no_mac() {
    let key = MacKey::from_bytes([7; 32]);
    let digest = |pieces: &[&[u8]]| {
        let mut digest = KeyedDigest::new(&key);
        pieces.iter().for_each(|piece| digest.update(piece));
        digest.finish()
    };
    assert_eq!(digest(&[b"ab", b"c"]), digest(&[b"a", b"", b"bc"]));
    assert_ne!(digest(&[b"abc"]), digest(&[b"abd"]));
    assert_ne!(digest(&[b"abc"]), key.mac(&[b"abc"]));
    assert_ne!(digest(&[b"\0\0\0\0\0\0\0\x03abc"]), key.mac(&[b"abc"]));
    let mut mac = Suite::mac_start(&[7; 32]);
    Suite::mac_update(&mut mac, &[&[0xff; 8], b"abc".as_slice()].concat());
    assert_eq!(digest(&[b"abc"]), Suite::mac_finish(mac));
}

#[test]
fn names_are_of_one_camera_and_one_object() {
    let camera_key = camera(7);
    let object = FootageId::from_time(5, [3; 10]).unwrap();
    let question = Question { household: H, camera: C, kind: Kind::Still, rendition: None, object };
    let context = Context::footage(&question, ObjectVersion::from_bytes([4; 16])).unwrap();
    let other = Context::footage(&question, ObjectVersion::from_bytes([5; 16])).unwrap();
    let slot = Slot::footage(&question).unwrap();
    let names = [
        *camera_key.object_name(&context).as_bytes(),
        *camera_key.object_name(&other).as_bytes(),
        *camera_key.slot_name(&slot).as_bytes(),
        *camera(8).object_name(&context).as_bytes(),
    ];
    assert_eq!(names.iter().collect::<BTreeSet<_>>().len(), names.len());
    let name_key = MacKey(derive(&camera_key.root, "name", &[]));
    assert_eq!(names[0], name_key.mac(&[context.as_bytes()]));
}
