//! Tests of a fold, over a store in memory and a real log.

use super::*;
use eyesonly_gate::{Admission, Clock, Departure, Identified, RawCredential};
use eyesonly_rights::Freshness;
use eyesonly_seal::KeyEncryptionKey;
use eyesonly_service::admin::Admin;
use eyesonly_service::catalogue::Catalogue;
use eyesonly_service::clock::System;
use eyesonly_service::identity::{Identity, NewSession, Throttle};
use eyesonly_service::kv::memory::MemoryKv;
use eyesonly_service::kv::{KeyValue, KvIndex, KvKeys, KvLedger, KvRegistry};
use eyesonly_service::ledger::{Counts as _, MemoryLedger};
use std::net::{IpAddr, Ipv4Addr};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use zeroize::Zeroizing;

/// A clock that is set by hand.
struct Hand(AtomicU64);

impl Clock for Hand {
    fn now_milliseconds(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// A store that removes nothing if it is told so, as for a fold that is killed.
#[derive(Default)]
struct Keeps {
    kv: MemoryKv,
    keeps: AtomicBool,
}

impl KeyValue for Keeps {
    fn get(&self, key: &str) -> Result<Option<Vec<u8>>, KvError> {
        self.kv.get(key)
    }
    fn get_many(&self, keys: &[String]) -> Result<Vec<Option<Vec<u8>>>, KvError> {
        self.kv.get_many(keys)
    }
    fn set(&self, key: &str, value: &[u8]) -> Result<(), KvError> {
        self.kv.set(key, value)
    }
    fn swap(&self, key: &str, was: Option<&[u8]>, value: &[u8]) -> Result<bool, KvError> {
        self.kv.swap(key, was, value)
    }
    fn delete_many(&self, keys: &[String]) -> Result<(), KvError> {
        if self.keeps.load(Ordering::Relaxed) {
            return Err(KvError("it removes nothing".into()));
        }
        self.kv.delete_many(keys)
    }
    fn list(&self, prefix: &str) -> Result<Vec<String>, KvError> {
        self.kv.list(prefix)
    }
}

struct Scene {
    kv: Arc<Keeps>,
    keys: Arc<KvKeys>,
    records: Arc<Records>,
    admin: Admin,
    clock: Arc<Hand>,
    door: Arc<Admission>,
    ledger: Arc<KvLedger>,
    session: NewSession,
    folder: tempfile::TempDir,
}

impl Scene {
    /// Makes a store with a household and its owner, who is signed in, and folds it once.
    async fn new() -> Self {
        let kv = Arc::new(Keeps::default());
        let shared: Arc<dyn KeyValue> = Arc::clone(&kv) as _;
        let kek = KeyEncryptionKey::from_bytes([7; 32]);
        let keys = Arc::new(KvKeys::open(Arc::clone(&shared), kek, true).unwrap());
        let system = (Arc::new(System) as _, Arc::new(System) as _);
        let records = Records::new(
            &*keys,
            Arc::new(KvRegistry::new(Arc::clone(&shared))),
            Arc::new(MemoryLedger::default()),
            system,
            Freshness::Unproven,
        );
        let index = Arc::new(KvIndex::new(Arc::clone(&shared)));
        let catalogue = Catalogue::new(index, Arc::clone(&records));
        let admin = Admin::new(Arc::clone(&keys) as _, Arc::clone(&records), catalogue);
        let admin = admin.with_acts();
        let household = admin.add_household("Alder Lane 4", 1 << 30).await.unwrap();
        let password = || Zeroizing::new("correct horse".to_owned());
        admin.add_viewer(Some(household), "alder", &password()).await.unwrap();
        let throttle = Arc::new(Throttle::default());
        let identity = Identity::new(&*keys, Arc::clone(&records), 3600, throttle);
        let here = IpAddr::V4(Ipv4Addr::LOCALHOST);
        let session = identity.login("alder", password(), here, "").await.unwrap();
        let ledger = Arc::new(KvLedger::new(Arc::clone(&shared), keys.edge()));
        let clock = Arc::new(Hand(AtomicU64::new(0)));
        let door = (Arc::clone(&keys) as _, Arc::clone(&records));
        let (to, time) = (Arc::clone(&ledger) as _, Arc::clone(&clock) as _);
        let door = Admission::new(door.0, door.1, to, time);
        let folder = tempfile::tempdir().unwrap();
        let scene = Self { kv, keys, records, admin, clock, door, ledger, session, folder };
        scene.fold().await.unwrap();
        scene
    }

    async fn fold(&self) -> Result<Folded, FoldError> {
        let ledger = Arc::new(LogLedger::open(self.folder.path(), self.keys.edge()).unwrap());
        let keys: Arc<dyn Keys> = Arc::clone(&self.keys) as _;
        let records = Arc::clone(&self.records);
        let folded = ledger.fold(records, &keys, &self.entries()).await?;
        ledger.close().await.unwrap();
        Ok(folded)
    }

    fn entries(&self) -> KvEntries {
        KvEntries::new(Arc::clone(&self.kv) as _)
    }

    async fn identified(&self) -> Identified {
        let tag = self.session.tag.to_text();
        self.door.rights(&self.session.credential, &tag).await.unwrap()
    }

    /// Hands the list of cameras out at a time, by what was decided before.
    async fn list(&self, identified: &Identified, at_milliseconds: u64) {
        self.clock.0.store(at_milliseconds, Ordering::Relaxed);
        let raw = RawCredential::new(self.session.credential.text());
        let list = bytes::Bytes::from_static(b"[]");
        let departed = Departure::of_list(&self.door, identified, &raw, list, false).await;
        // Its end has the time of its start, and the departure is dropped unread.
        drop(departed);
    }

    /// Hands the list of cameras out at a time. Returns the key and the value of its entry.
    async fn one(&self, at_milliseconds: u64) -> (String, Vec<u8>) {
        self.list(&self.identified().await, at_milliseconds).await;
        let key = self.entries().keys().unwrap().remove(0);
        let value = self.kv.get(&key).unwrap().unwrap();
        (key, value)
    }

    /// Returns what the log says from a line on: the time of a delivery that starts, or the deed.
    fn said(&self, from: u64) -> Vec<String> {
        let log = super::super::open(&folder(self.folder.path())).unwrap();
        assert_eq!(super::super::read::faults(&log, &[]).unwrap(), [""; 0]);
        let opened = super::super::read::opened(&log, &*self.keys, |_| true);
        let said = opened.map(Result::unwrap).filter(|seen| seen.index >= from);
        said.filter_map(|seen| match seen.says {
            Opened::Says(Says::Delivery(Stage::Starts, delivery)) => {
                Some(delivery.at_milliseconds.to_string())
            }
            Opened::Says(Says::Delivery(..)) => None,
            Opened::Says(Says::Rejected(rejected)) => Some(format!("rejected {}", rejected.count)),
            Opened::Act(done) => Some(format!("{:?}", done.act.deed)),
            Opened::NoKey | Opened::Damaged => Some("does not open".to_owned()),
        })
        .collect()
    }

    fn size(&self) -> u64 {
        super::super::open(&folder(self.folder.path())).unwrap().size()
    }
}

#[tokio::test]
async fn what_waits_is_entered_once() {
    let scene = Scene::new().await;
    let deeds = scene.said(0);
    assert_eq!(deeds, ["Household", "Viewer", "Stating", "AllStated"]);
    let (from, soon) = (scene.size(), clock::now_milliseconds() + 60_000);
    let identified = scene.identified().await;
    scene.list(&identified, soon + 2).await;
    scene.list(&identified, soon + 1).await;
    scene.ledger.signed_in(scene.session.viewer).await.unwrap();
    let copy = scene.kv.kv.0.lock().unwrap().clone();
    // The fold is killed before anything is removed from the store.
    scene.kv.keeps.store(true, Ordering::Relaxed);
    assert!(matches!(scene.fold().await, Err(FoldError::Store(_))));
    scene.kv.keeps.store(false, Ordering::Relaxed);
    let all = ["SignedIn".to_owned(), (soon + 1).to_string(), (soon + 2).to_string()];
    assert_eq!(scene.said(from), all);
    let size = scene.size();
    assert_eq!(scene.fold().await.unwrap(), Folded::default());
    assert_eq!(scene.entries().keys().unwrap(), [""; 0]);
    // An old copy of the store is put back.
    *scene.kv.kv.0.lock().unwrap() = copy;
    assert_eq!(scene.fold().await.unwrap().entries, 0);
    assert_eq!((scene.size(), scene.said(from).as_slice()), (size, all.as_slice()));
}

#[tokio::test]
async fn an_act_comes_before_what_was_decided_by_it_or_started_long_after_it() {
    let scene = Scene::new().await;
    let (from, now) = (scene.size(), clock::now_milliseconds());
    let before = scene.identified().await;
    scene.admin.add_household("Birch Row 9", 1 << 30).await.unwrap();
    let after = scene.identified().await;
    // The first was decided before the act. So was the second, says the store; but by then the act
    // had been written for long.
    scene.list(&before, now + 1).await;
    scene.list(&before, now + 60_000).await;
    scene.list(&after, now + 2).await;
    let folded = scene.fold().await.unwrap();
    assert_eq!((folded.acts, folded.damaged), (1, 0));
    let times = [1, 2, 60_000].map(|milliseconds| (now + milliseconds).to_string());
    let [first, second, third] = times;
    assert_eq!(scene.said(from), [first, "Household".to_owned(), second, third]);
    // It is behind the act in a later fold too.
    let from = scene.size();
    scene.list(&before, now + 3).await;
    scene.fold().await.unwrap();
    assert_eq!(scene.said(from), [(now + 3).to_string()]);
}

#[tokio::test]
async fn an_act_that_nobody_did_is_not_waited_for() {
    let scene = Scene::new().await;
    let (from, now) = (scene.size(), clock::now_milliseconds());
    let (key, value) = scene.one(now).await;
    // The number is the first field: here it has one byte.
    let (_, rest) = value.split_first().unwrap();
    scene.kv.set(&key, &[&[0xff, 0xff, 0xff, 0x7f], rest].concat()).unwrap();
    assert_eq!(scene.entries().read(&[key]).unwrap()[0].1.as_ref().unwrap().decided_at, 0xfff_ffff);
    scene.fold().await.unwrap();
    assert_eq!(scene.said(from), [now.to_string()]);
}

#[tokio::test]
async fn what_is_no_entry_is_told_and_what_is_there_twice_is_entered_once() {
    let scene = Scene::new().await;
    let (from, now) = (scene.size(), clock::now_milliseconds());
    let (_, value) = scene.one(now).await;
    let other = format!("ledger/{:016x}/00", now + 5);
    scene.kv.set(&other, &value).unwrap();
    // One is cut, and another one is of another day's key.
    scene.kv.set("ledger/0000000000000001/00", &value[..40]).unwrap();
    let mut changed = value.clone();
    *changed.last_mut().unwrap() ^= 1;
    scene.kv.set("ledger/0000000000000002/00", &changed).unwrap();
    let folded = scene.fold().await.unwrap();
    assert_eq!((folded.entries, folded.damaged), (2, 2), "a start and its end");
    let mut said = scene.said(from);
    said.sort();
    assert_eq!(said, [now.to_string(), "rejected 2".to_owned()]);
    assert_eq!(scene.entries().keys().unwrap(), [""; 0]);
    assert_eq!(scene.fold().await.unwrap(), Folded::default());
}
