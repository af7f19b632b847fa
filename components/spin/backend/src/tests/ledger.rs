//! The ledger in the store: an entry is there before anything leaves, or nothing does.

use super::*;
use eyesonly_gate::Keys as _;
use eyesonly_gate::entry::{self, Outcome, Owner, Says, Stage};
use eyesonly_gate::ledger::Handed;
use eyesonly_service::kv::{KvEntries, KvError, KvLedger, Waiting};
use eyesonly_service::ledger::acts::Done;
use std::sync::atomic::{AtomicBool, Ordering};

/// A store that takes no entries of the ledger while it is told so.
struct Full {
    kv: Arc<MemoryKv>,
    is_full: AtomicBool,
}

impl KeyValue for Full {
    fn get(&self, key: &str) -> Result<Option<Vec<u8>>, KvError> {
        self.kv.get(key)
    }
    fn get_many(&self, keys: &[String]) -> Result<Vec<Option<Vec<u8>>>, KvError> {
        self.kv.get_many(keys)
    }
    fn set(&self, key: &str, value: &[u8]) -> Result<(), KvError> {
        if key.starts_with("ledger/") && self.is_full.load(Ordering::Relaxed) {
            return Err(KvError("no room".into()));
        }
        self.kv.set(key, value)
    }
    fn swap(&self, key: &str, was: Option<&[u8]>, value: &[u8]) -> Result<bool, KvError> {
        self.kv.swap(key, was, value)
    }
    fn delete_many(&self, keys: &[String]) -> Result<(), KvError> {
        self.kv.delete_many(keys)
    }
    fn list(&self, prefix: &str) -> Result<Vec<String>, KvError> {
        self.kv.list(prefix)
    }
}

impl Full {
    fn of(edge: &Edge) -> Arc<Self> {
        Arc::new(Self { kv: Arc::clone(&edge.kv), is_full: AtomicBool::new(false) })
    }

    /// Makes a fresh instance, as the component makes it.
    fn instance(self: &Arc<Self>) -> Backend {
        let key_encryption_key = Some(Zeroizing::new(key()));
        let settings = Settings { key_encryption_key, ..Settings::default() };
        let kv: Arc<dyn KeyValue> = Arc::clone(self) as _;
        let entries = Arc::clone(&kv);
        let ledger = |keys: &KvKeys| Arc::new(KvLedger::new(entries, keys.edge())) as _;
        Backend::open(settings, kv, ledger, Arc::new(TakesAll)).unwrap()
    }
}

fn waiting(edge: &Edge) -> Vec<Waiting> {
    let entries = KvEntries::new(Arc::clone(&edge.kv) as _);
    let read = entries.read(&entries.keys().unwrap()).unwrap();
    read.into_iter().map(|(_, value)| value.unwrap()).collect()
}

/// Opens an entry of a household's with the household's own key.
fn says(edge: &Edge, waits: &Waiting) -> Says {
    let key = match waits.owner {
        Owner::Household(id) => edge.keys.household_key(id).unwrap().ledger_key(&id),
        _ => edge.keys.edge().ledger_key(),
    };
    entry::open(waits.owner, waits.day, &key.day_key(waits.day), &waits.sealed).unwrap()
}

#[test]
fn an_entry_is_in_the_store_before_the_first_byte_and_its_end_after_the_last() {
    let edge = edge_with_stills();
    let _runtime = edge.runtime.enter();
    let [home, _] = &edge.homes;
    let store = Full::of(&edge);
    let backend = store.instance();
    let position = ended(edge.records.position()).unwrap().unwrap();
    home.admit(&backend, Name::Events).unwrap();
    let departure = leave_bytes(&backend, &home.credential, b"{}").unwrap();
    let [starts] = waiting(&edge).try_into().unwrap();
    assert_eq!(starts.owner, Owner::Household(home.household));
    assert_eq!(starts.decided_at, position.rights.number);
    assert_eq!(starts.sealed.len(), 344, "an entry of every edition");
    let Says::Delivery(Stage::Starts, delivery) = says(&edge, &starts) else { panic!() };
    assert_eq!((delivery.handed, delivery.body_bytes), (Handed::Events, 2));
    assert_eq!(delivery.source, Some((home.household, home.camera)));
    assert_eq!(all_of(&departure), b"{}");
    drop(departure);
    let ends = waiting(&edge).into_iter().map(|waits| says(&edge, &waits));
    let ends: Vec<_> =
        ends.filter(|says| !matches!(says, Says::Delivery(Stage::Starts, _))).collect();
    let [Says::Delivery(stage, end)] = ends.as_slice() else { panic!("{ends:?}") };
    assert_eq!((*stage, end.number), (Stage::Ends(Outcome::Whole), delivery.number));
}

#[test]
fn what_the_store_does_not_enter_does_not_leave() {
    let edge = edge_with_stills();
    let event = id();
    assert_eq!(
        edge.upload(&edge.homes[0], Kind::Event, event, br#"{"kind": "person"}"#),
        Ok(Taken::Created)
    );
    let _runtime = edge.runtime.enter();
    let [home, _] = &edge.homes;
    let store = Full::of(&edge);
    let still = || {
        let backend = store.instance();
        let handling = home.admit(&backend, Name::Thumbnail)?;
        let object = handling.newest_still().unwrap();
        leave(&backend, &home.credential, object, (0, LARGE_STILL.len() as u64))
    };
    let list = || {
        let backend = store.instance();
        backend.list_cameras(&home.credential, &home.tag)?;
        backend.depart_list(&home.credential, b"[]".to_vec())
    };
    let delete = || {
        let (camera, event) = (home.camera(), event.to_string());
        store.instance().delete_event(&home.credential, &home.tag, &camera, &event)
    };
    let login = || {
        let password = Zeroizing::new(PASSWORD.to_owned());
        store.instance().login(home.name, password, "10.0.0.1")
    };
    let sessions = || edge.kv.list("record/session/").unwrap().len();
    let before = edge.kv.list("").unwrap();

    store.is_full.store(true, Ordering::Relaxed);
    assert_eq!(still().err(), Some(Problem::Unavailable));
    assert_eq!(list().err(), Some(Problem::Unavailable));
    assert_eq!(delete().err(), Some(Problem::Unavailable));
    let live = |edge: &Edge| edge.kv.list("row/").unwrap().len();
    let rows = live(&edge);
    assert_eq!(edge.kv.list("").unwrap(), before, "nothing was deleted");
    let refused = login();
    assert_eq!(refused.err(), Some(Problem::Unavailable));
    store.is_full.store(false, Ordering::Relaxed);

    assert_eq!(waiting(&edge), []);
    assert_eq!(all_of(&still().unwrap()), LARGE_STILL);
    assert_eq!(all_of(&list().unwrap()), b"[]");
    assert_eq!(live(&edge), rows);
    let known = sessions();
    let session = login().unwrap();
    assert_eq!(sessions(), known + 1);
    assert_eq!(delete().unwrap().length(), 0);
    // The session is in the ledger, and so is its end.
    store.instance().logout(session.credential.text()).unwrap();
    let of_viewer = waiting(&edge).into_iter().filter(|waits| {
        let key = edge.keys.edge().ledger_key().day_key(waits.day);
        matches!(Done::open(waits.owner, waits.day, &key, &waits.sealed), Ok(Some(_)))
    });
    assert_eq!(of_viewer.count(), 2);
}
