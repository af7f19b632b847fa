//! Tests of what was derived: it is what deriving would give, and goes when its key does.

use super::*;
use eyesonly_seal::{Kind, ObjectVersion, Question, Slot, open_all, seal_all};

const HOUSEHOLD: [u8; 16] = [4; 16];

fn ids(camera: u8) -> (HouseholdId, CameraId) {
    (HouseholdId::from_bytes(HOUSEHOLD), CameraId::from_bytes([camera; 16]))
}

fn key(n: u8) -> Arc<HouseholdKey> {
    Arc::new(HouseholdKey::from_bytes([n; 32]))
}

fn object(n: u8) -> FootageId {
    FootageId::from_time(1000 * u64::from(n), [n; 10]).unwrap()
}

fn question(n: u8) -> Question<'static> {
    let (household, camera) = ids(1);
    Question { household, camera, kind: Kind::Still, rendition: None, object: object(n) }
}

/// Names an object by a camera's keys, which tells keys from others.
fn named(keys: &CameraKeys) -> [u8; 32] {
    *keys.camera.slot_name(&Slot::footage(&question(1)).unwrap()).as_bytes()
}

#[test]
fn what_is_remembered_is_what_deriving_gives() {
    let (derived, key) = (Derived::default(), key(1));
    let (household, camera) = ids(1);
    let first = derived.of((&key, 0), household, camera);
    let again = derived.of((&key, 0), household, camera);
    assert!(Arc::ptr_eq(&first, &again), "it was derived twice");
    assert_eq!(named(&first), named(&CameraKeys::new(&key, household, camera)));
    let other = derived.of((&key, 0), household, ids(2).1);
    assert_ne!(named(&first), named(&other));
}

#[test]
fn a_key_that_was_read_anew_is_another_key() {
    let derived = Derived::default();
    let (household, camera) = ids(1);
    let (mine, crossed) = (key(1), key(2));
    let right = derived.of((&mine, 0), household, camera);
    let other = derived.of((&crossed, 0), household, camera);
    assert_ne!(named(&right), named(&other));
    let again = derived.of((&mine, 0), household, camera);
    assert_eq!(named(&right), named(&again));
}

#[test]
fn nothing_outlives_the_key_that_the_keyring_forgot() {
    let (derived, key) = (Derived::default(), key(1));
    let (household, camera) = ids(1);
    let before = Arc::downgrade(&derived.of((&key, 0), household, camera));
    assert!(before.upgrade().is_some());
    // Another camera is asked for, after the keyring has forgotten.
    derived.of((&key, 1), household, ids(2).1);
    assert!(before.upgrade().is_none());
}

#[test]
fn so_many_cameras_are_remembered() {
    let (derived, key) = (Derived::default(), key(1));
    let household = ids(1).0;
    let camera = |n: usize| {
        let mut id = [0; 16];
        id[..8].copy_from_slice(&n.to_be_bytes());
        CameraId::from_bytes(id)
    };
    let first = Arc::downgrade(&derived.of((&key, 0), household, camera(0)));
    (1..CAMERAS_MAX).for_each(|n| drop(derived.of((&key, 0), household, camera(n))));
    assert!(first.upgrade().is_some());
    derived.of((&key, 0), household, camera(CAMERAS_MAX));
    assert!(first.upgrade().is_none());
}

#[test]
fn an_opener_counts_for_its_context_and_its_header_alone() {
    let (household, camera) = ids(1);
    let keys = CameraKeys::new(&key(1), household, camera);
    let context = |n| Context::footage(&question(n), ObjectVersion::from_bytes([n; 16])).unwrap();
    let sealed = |n| {
        let key = keys.camera.footage_key(&object(n));
        seal_all(&key, &context(n), [n; 24], &[n; 100]).unwrap()
    };
    let open = |n: u8, sealed: &[u8]| {
        let (header, chunks) = sealed.split_first_chunk().unwrap();
        let opener = keys.opener(&object(n), &context(n), header)?;
        let mut plain = Vec::new();
        opener.open_chunks(0, chunks, &mut plain).map(|()| plain)
    };
    // Each twice: the second time by what was remembered. More than are remembered.
    for _ in 0..2 {
        for n in 1..=OPENERS_MAX as u8 + 2 {
            for _ in 0..2 {
                assert_eq!(open(n, &sealed(n)), Ok(vec![n; 100]));
            }
        }
    }
    assert_eq!(keys.openers.lock().unwrap().len(), OPENERS_MAX);
    assert_eq!(open(3, &sealed(2)), Err(SealError::WrongSeal));
    for byte in 0..HEADER_BYTES {
        let mut changed = sealed(3);
        changed[byte] ^= 1;
        assert_eq!(open(3, &changed), Err(SealError::WrongSeal), "byte {byte}");
    }
    // An object that was sealed anew has another header, and opens by that one.
    let anew = seal_all(&keys.camera.footage_key(&object(3)), &context(3), [9; 24], b"anew");
    assert_eq!(open(3, &anew.unwrap()), Ok(b"anew".to_vec()));
    let first = sealed(3);
    assert_eq!(
        open_all(&keys.camera.footage_key(&object(3)), &context(3), &first).unwrap().len(),
        100
    );
}

#[test]
fn the_key_of_a_day_counts_for_that_day_alone() {
    let (household, camera) = ids(1);
    let keys = CameraKeys::new(&key(1), household, camera);
    let on_day = |day: u64| FootageId::from_time(day * 86_400_000 + 5, [7; 10]).unwrap();
    let context = Context::footage(&question(1), ObjectVersion::from_bytes([1; 16])).unwrap();
    for day in [1, 2, 2, 1, 3] {
        let sealed = seal_all(&keys.footage_key(&on_day(day)), &context, [1; 24], b"plain");
        let opened = |other| {
            open_all(&keys.camera.footage_key(&on_day(other)), &context, sealed.as_ref().unwrap())
        };
        assert_eq!(opened(day).unwrap(), b"plain");
        assert!(opened(day + 1).is_err() && opened(day - 1).is_err(), "day {day}");
    }
}
