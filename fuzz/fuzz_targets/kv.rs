//! What the services read from a key-value store that nobody vouches for: registry, index, objects,
//! keys and counters. The store answers with the input's values, by the first part of a key. An
//! answer has no more than was asked for, and no value makes the services ask for what they could
//! never have written. This target must never check proofs, which stand behind these services.
#![no_main]

use eyesonly_fuzz::Input;
use eyesonly_gate::registry::{RECORD_KEY_BYTES_MAX, Registry as _};
use eyesonly_gate::vault::State;
use eyesonly_rights::Nonce;
use eyesonly_seal::{
    CameraId, EdgeKey, FootageId, HouseholdId, KeyEncryptionKey, ObjectName, SlotName,
};
use eyesonly_service::identity::Attempts as _;
use eyesonly_service::index::Index as _;
use eyesonly_service::kv::{
    KeyValue, KvAttempts, KvError, KvIndex, KvKeys, KvRegistry, KvStore, VALUE_BYTES_MAX,
};
use eyesonly_service::store::Store as _;
use futures::executor::block_on;
use libfuzzer_sys::fuzz_target;
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex};

/// The first parts of keys. A value of the input has the number of one of them.
const PLACES: [&str; 14] = [
    "registry", "record", "camera", "cameras", "row", "name", "days", "page", "group", "object",
    "upload", "part", "key", "attempts",
];
/// The most keys in one call: the parts of the longest object, twice, and its note.
const KEYS_MAX: usize = 20_000;

/// A store that answers with the input's values until a key is written.
struct Liar {
    values: BTreeMap<&'static str, Vec<u8>>,
    written: Mutex<BTreeMap<String, Option<Vec<u8>>>>,
}

impl Liar {
    fn new(mut input: Input<'_>) -> Self {
        let mut values = BTreeMap::new();
        while !input.0.is_empty() {
            let (place, length) = (usize::from(input.byte()), input.short());
            values.insert(PLACES[place % PLACES.len()], input.take(length).to_vec());
        }
        Self { values, written: Mutex::default() }
    }
}

impl KeyValue for Liar {
    fn get(&self, key: &str) -> Result<Option<Vec<u8>>, KvError> {
        if let Some(written) = self.written.lock().unwrap().get(key) {
            return Ok(written.clone());
        }
        let place = key.split('/').next().unwrap_or_default();
        Ok(self.values.get(place).cloned())
    }

    fn get_many(&self, keys: &[String]) -> Result<Vec<Option<Vec<u8>>>, KvError> {
        assert!(keys.len() <= KEYS_MAX, "{} keys are asked for", keys.len());
        keys.iter().map(|key| self.get(key)).collect()
    }

    fn set(&self, key: &str, value: &[u8]) -> Result<(), KvError> {
        assert!(value.len() <= VALUE_BYTES_MAX, "a value of {} bytes", value.len());
        self.written.lock().unwrap().insert(key.to_owned(), Some(value.to_vec()));
        Ok(())
    }

    fn swap(&self, key: &str, was: Option<&[u8]>, value: &[u8]) -> Result<bool, KvError> {
        let is_same = self.get(key)?.as_deref() == was;
        if is_same {
            self.set(key, value)?;
        }
        Ok(is_same)
    }

    fn delete_many(&self, keys: &[String]) -> Result<(), KvError> {
        assert!(keys.len() <= KEYS_MAX, "{} keys are deleted", keys.len());
        let mut written = self.written.lock().unwrap();
        written.extend(keys.iter().map(|key| (key.clone(), None)));
        Ok(())
    }

    fn list(&self, prefix: &str) -> Result<Vec<String>, KvError> {
        Ok([1, 2].map(|n| format!("{prefix}{}", format!("{n:02x}").repeat(16))).into())
    }
}

const NONCE: [u8; 16] = [0; 16];

fn check_registry(kv: &Arc<Liar>) {
    let registry = KvRegistry::new(kv.clone());
    let names: [(&'static str, &[u8]); 2] = [("viewer", &[1; 16]), ("session", &[2; 16])];
    if let Ok(answer) = block_on(registry.read(&names, Nonce::from_bytes(NONCE))) {
        assert_eq!(answer.records.len(), names.len());
        assert!(answer.echo.is_none(), "an echo of a store that can't hand back");
    }
    if let Ok(listing) = block_on(registry.list("viewer", Some(&[1]), 1, Nonce::from_bytes(NONCE)))
    {
        assert!(listing.keys.len() <= 1);
        let fits = |key: &Vec<u8>| key.len() <= RECORD_KEY_BYTES_MAX && key.as_slice() > &[1][..];
        assert!(listing.keys.iter().all(fits));
    }
}

fn check_index(kv: &Arc<Liar>, limit: usize) {
    let (index, camera) = (KvIndex::new(kv.clone()), CameraId::from_bytes([1; 16]));
    let nonce = || Nonce::from_bytes(NONCE);
    let slots = [1, 2].map(|n| SlotName::from_bytes([n; 32]));
    if let Ok(rows) = block_on(index.objects(&slots, nonce())) {
        assert!(rows.rows.len() <= slots.len());
        #[cfg(planted)]
        rows.rows.iter().for_each(at_fault);
    }
    let before = FootageId::from_time(1_708_075_800_250, [3; 10]).ok();
    if let Ok(rows) = block_on(index.events(camera, before, limit, nonce())) {
        assert!(rows.rows.len() <= limit, "more events than were asked for");
        assert!(rows.rows.iter().all(|row| row.state == State::Live), "a deleted event is listed");
    }
    if let Ok(rows) = block_on(index.newest_still(camera, nonce())) {
        assert!(rows.rows.len() <= 1);
    }
    let names = [1, 2].map(|n| ObjectName::from_bytes([n; 32]));
    if let Ok(known) = block_on(index.known(&names, nonce())) {
        assert!(known.names.iter().all(|name| names.contains(name)), "nobody asked for it");
    }
    let household = HouseholdId::from_bytes([1; 16]);
    let _ = block_on(index.household_bytes(household));
    if let Ok(forgotten) = block_on(index.forget(household, camera, limit, nonce())) {
        assert!(forgotten.rows <= limit, "more rows went than were to go");
    }
}

/// The fault: the row of a deleted object of more than 100 bytes.
#[cfg(planted)]
fn at_fault(row: &eyesonly_gate::vault::ObjectRow) {
    if row.state == State::Deleted {
        assert!(row.sealed_length <= 100, "the planted fault");
    }
}

fn check_store(kv: &Arc<Liar>, range: (u64, u64)) {
    let store = KvStore::new(kv.clone());
    let name = ObjectName::from_bytes([1; 32]);
    if let Ok(ranges) = block_on(store.get(name, &[range, (0, 1)])) {
        let lengths: Vec<u64> = ranges.iter().map(|bytes| bytes.len() as u64).collect();
        assert_eq!(lengths, [range.1, 1], "another range than was asked for");
    }
    let _ = block_on(store.sweep(u64::MAX));
    let _ = block_on(store.delete(name));
}

fn check_keys(kv: &Arc<Liar>, now_seconds: u64) {
    let keys = KvKeys::open(kv.clone(), KeyEncryptionKey::from_bytes([9; 32]), false);
    assert!(keys.is_err(), "nobody has wrapped a key here");
    let attempts = KvAttempts::new(kv.clone(), EdgeKey::from_bytes([1; 32]).attempts_key());
    let _ = attempts.attempt("alder", IpAddr::from([127, 0, 0, 1]), now_seconds);
    let _ = attempts.forget(now_seconds);
    attempts.succeeded("alder", IpAddr::from([127, 0, 0, 1]));
}

fuzz_target!(|bytes: &[u8]| {
    let mut input = Input(bytes);
    let (limit, start, length) = (usize::from(input.byte()) % 101, input.short(), input.short());
    let range = (start as u64 * 16, length as u64 * 16);
    let kv = Arc::new(Liar::new(input));
    check_registry(&kv);
    check_index(&kv, limit.max(1));
    check_store(&kv, range);
    check_keys(&kv, (start as u64) << (length % 49));
});
