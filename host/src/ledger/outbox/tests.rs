//! Tests of the outbox, over a registry in memory and a real log.

use super::*;
use crate::keyring::Keyring;
use crate::ledger::chains::Chains;
use crate::ledger::read::{self, Opened};
use async_trait::async_trait;
use eyesonly_gate::registry::{Answer, Listing, Registry};
use eyesonly_ledger::{Folder, Options};
use eyesonly_log::{Name, SigningKey};
use eyesonly_rights::{Freshness, Kinds, Mint, Nonce, Position, Role, Window};
use eyesonly_seal::HouseholdId;
use eyesonly_service::admin::Admin;
use eyesonly_service::catalogue::Catalogue;
use eyesonly_service::clock::System;
use eyesonly_service::index::memory::MemoryIndex;
use eyesonly_service::keys::Keyring as _;
use eyesonly_service::ledger::MemoryLedger;
use eyesonly_service::ledger::replay::Replay;
use eyesonly_service::registry::memory::MemoryRegistry;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};

/// A registry that fails when it is told to.
#[derive(Default)]
struct Faulty {
    registry: MemoryRegistry,
    /// It removes nothing.
    keeps: AtomicBool,
    /// It lists acts that are not there.
    invents: AtomicBool,
}

#[async_trait]
impl Registry for Faulty {
    async fn read(
        &self,
        names: &[eyesonly_gate::registry::RecordName<'_>],
        nonce: Nonce,
    ) -> Result<Answer, RegistryError> {
        self.registry.read(names, nonce).await
    }

    async fn commit(
        &self,
        changes: Vec<Change>,
        rights: Option<u64>,
    ) -> Result<Position, RegistryError> {
        if self.keeps.load(Ordering::Relaxed) && changes.iter().any(|of| of.record.is_none()) {
            return Err(RegistryError::Unavailable("it removes nothing".into()));
        }
        self.registry.commit(changes, rights).await
    }

    async fn list(
        &self,
        kind: &'static str,
        after: Option<&[u8]>,
        limit: usize,
        nonce: Nonce,
    ) -> Result<Listing, RegistryError> {
        let mut page = self.registry.list(kind, after, limit, nonce).await?;
        if kind == ActRecord::KIND && self.invents.load(Ordering::Relaxed) {
            page.keys.push(u64::MAX.to_be_bytes().to_vec());
        }
        Ok(page)
    }

    fn reset(&self) {}
}

struct Scene {
    registry: Arc<Faulty>,
    records: Arc<Records>,
    keyring: Arc<Keyring>,
    admin: Admin,
    outbox: Outbox,
    log: Log,
    at: PathBuf,
    _folder: tempfile::TempDir,
}

impl Scene {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let keyring = Arc::new(Keyring::open(folder.path()).unwrap());
        let registry = Arc::new(Faulty::default());
        let ledger = Arc::new(MemoryLedger::default());
        let system = || Arc::new(System);
        let records = Records::new(
            &*keyring,
            Arc::clone(&registry) as _,
            ledger,
            (system(), system()),
            Freshness::Echoed,
        );
        let catalogue = Catalogue::new(Arc::new(MemoryIndex::default()), Arc::clone(&records));
        let admin = Admin::new(Arc::clone(&keyring) as _, Arc::clone(&records), catalogue);
        let at = folder.path().join("ledger");
        let key = SigningKey::from_seed(Name::new("example.com/ledger").unwrap(), &[7; 32]);
        let mut chains = Chains::default();
        let stamp = Box::new(move |entry: &mut Entry| chains.stamp(entry));
        let log = Log::stamped(&at, key.unwrap(), &Options::default(), stamp).unwrap();
        let outbox = Outbox::new(Arc::clone(&records), Arc::clone(&keyring) as _);
        let admin = admin.with_acts();
        Self { registry, records, keyring, admin, outbox, log, at, _folder: folder }
    }

    async fn enter(&self) -> Result<(), OutboxError> {
        self.outbox.enter(&self.log, &|_| {}).await
    }

    /// Returns what the log says of acts, each with its owner.
    fn told(&self) -> Vec<(Owner, Done)> {
        let log = Folder::open(&self.at, &Folder::origin(&self.at).unwrap()).unwrap();
        let act = |seen: read::Seen| match seen.says {
            Opened::Act(done) => Some((seen.owner, *done)),
            _ => None,
        };
        let seen = read::opened(&log, &*self.keyring, |_| true);
        seen.filter_map(|seen| act(seen.unwrap())).collect()
    }

    fn deeds(&self) -> Vec<Deed> {
        self.told().iter().map(|(_, done)| done.act.deed).collect()
    }

    /// Adds a household with a camera and an owner.
    async fn household(&self, name: &str) -> HouseholdId {
        let id = self.admin.add_household(name, 1 << 30).await.unwrap();
        self.admin.add_camera(id, "Hall", "", None).await.unwrap();
        let password = zeroize::Zeroizing::new("correct horse".to_owned());
        self.admin.add_viewer(Some(id), name, &password).await.unwrap();
        id
    }
}

#[tokio::test]
async fn acts_are_entered_once_and_in_order() {
    let scene = Scene::new();
    let household = scene.household("alder").await;
    let number = scene.records.position().await.unwrap().rights.number;
    assert!(!scene.outbox.entered.borrow().ge(&number));
    // It can't remove them, and does not enter them again.
    scene.registry.keeps.store(true, Ordering::Relaxed);
    let told = AtomicBool::new(false);
    let changed = |at: u64| {
        assert_eq!(at, number);
        told.store(true, Ordering::Relaxed);
    };
    for _ in 0..3 {
        let entered = scene.outbox.enter(&scene.log, &changed).await;
        assert!(matches!(entered, Err(OutboxError::Registry(_))));
    }
    scene.registry.keeps.store(false, Ordering::Relaxed);
    assert!(!told.load(Ordering::Relaxed));
    scene.outbox.enter(&scene.log, &changed).await.unwrap();
    assert!(told.load(Ordering::Relaxed), "what was covered has ended");
    assert!(scene.outbox.has_entered(number).await);
    scene.enter().await.unwrap();
    let deeds = [Deed::Household, Deed::Camera, Deed::Viewer, Deed::Right];
    assert_eq!(scene.deeds(), deeds);
    assert_eq!(scene.told()[3].0, Owner::Household(household));
    assert!(scene.admin.list::<ActRecord>("act").await.unwrap().is_empty());
}

#[tokio::test]
async fn more_acts_than_a_page_and_a_batch_hold_are_entered() {
    let scene = Scene::new();
    let act = |number: u64| {
        let acts = vec![Act::of(Deed::Household, None, None, None); 3];
        ActRecord { sequence: number, at_milliseconds: number, actor: None, acts }
    };
    let mint = Mint::new(scene.keyring.edge());
    for number in 1..=1100 {
        let record = act(number);
        let sealed = mint.seal(&record, clock::random()).unwrap();
        let (kind, key) = (ActRecord::KIND, record.key());
        let change = Change { kind, key, expect: Expect::Absent, record: Some(sealed) };
        scene.registry.commit(vec![change], None).await.unwrap();
    }
    scene.enter().await.unwrap();
    let numbers: Vec<u64> = scene.told().iter().map(|(_, done)| done.sequence).collect();
    assert_eq!(numbers, (1..=1100).flat_map(|number| [number; 3]).collect::<Vec<_>>());
}

#[tokio::test]
async fn an_act_that_is_listed_and_not_there_stops_what_comes_after_it() {
    let scene = Scene::new();
    scene.registry.invents.store(true, Ordering::Relaxed);
    scene.household("alder").await;
    let number = scene.records.position().await.unwrap().rights.number;
    assert!(matches!(scene.enter().await, Err(OutboxError::Unreadable(u64::MAX))));
    assert!(!scene.outbox.has_entered(number).await, "it does not wait for ever");
    scene.registry.invents.store(false, Ordering::Relaxed);
    scene.enter().await.unwrap();
    assert!(scene.outbox.has_entered(number).await);
}

#[tokio::test]
async fn a_household_whose_key_is_gone_stops_nobody() {
    let scene = Scene::new();
    let gone = scene.household("alder").await;
    scene.household("birch").await;
    scene.keyring.destroy_household(gone).unwrap();
    scene.enter().await.unwrap();
    let told = scene.told();
    assert_eq!(told.len(), 8);
    let of_gone = |(_, done): &&(Owner, Done)| done.act.household == Some(gone);
    assert!(told.iter().filter(of_gone).all(|(owner, _)| *owner == Owner::Edge), "{told:?}");
    // That it was removed is never sealed for the household.
    let removed = Act::of(Deed::HouseholdRemoved, Some(gone), None, None);
    let done = Done { sequence: 1, at_milliseconds: 1, actor: None, act: removed };
    assert_eq!(done.owner(), Owner::Edge);
}

#[tokio::test]
async fn a_statement_has_all_rights() {
    let scene = Scene::new();
    let household = scene.household("alder").await;
    let viewers = scene.admin.list::<ViewerRecord>("viewer").await.unwrap();
    scene.outbox.state(&scene.log, &|_| {}).await.unwrap();
    // Acts that waited come before.
    let acts = [Deed::Household, Deed::Camera, Deed::Viewer, Deed::Right];
    let stated = [Deed::Stating, Deed::Stated, Deed::AllStated];
    assert_eq!(scene.deeds(), [&acts[..], &stated].concat());
    let told = scene.told();
    assert_eq!(told[5].0, Owner::Household(household));
    let right = told[5].1.act.right.unwrap();
    assert_eq!(
        (right.role, right.kinds, right.window),
        (Role::Owner, Kinds::ALL, Window::default())
    );
    let mut replay = Replay::default();
    assert!(
        told.iter().all(|(_, done)| replay.act(done).is_ok()) && replay.known_since().is_some()
    );
    assert_eq!(replay.holes(&viewers), []);
    // What was stopped has stated nothing.
    scene.outbox.stop(&scene.log).await.unwrap();
    assert!(matches!(scene.outbox.state(&scene.log, &|_| {}).await, Err(OutboxError::Stopped)));
    assert_eq!(scene.told().len(), told.len());
}
