//! The vault over a key-value store in memory: two households, an instance for each request, as an engine makes them.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "for tests: a failed expectation is the point"
)]

mod footage;
mod requests;
mod uploads;

use crate::run::ended;
use crate::state::{Settings, Vault};
use eyesonly_seal::{CameraId, FootageId, HouseholdId, Kind};
use eyesonly_service::admin::Admin;
use eyesonly_service::admission::Admission;
use eyesonly_service::clock;
use eyesonly_service::ingest::Taken;
use eyesonly_service::kv::memory::MemoryKv;
use eyesonly_service::kv::{KeyValue, KvIndex, KvKeys, KvRegistry, read_kek};
use eyesonly_service::ledger::MemoryLedger;
use eyesonly_web::problem::Problem;
use std::sync::Arc;
use tokio::runtime::{Builder, Runtime};
use zeroize::Zeroizing;

const STILL: &[u8] = include_bytes!("../../thumbnail/testdata/quadrants-96x64.jpg");
const LARGE_STILL: &[u8] = include_bytes!("../../thumbnail/testdata/quadrants-1280x720-progressive-444.jpg");
const PASSWORD: &str = "a long password";

fn key() -> String {
    "0a".repeat(32)
}

/// One household: its camera and its owner, signed in.
struct Home {
    household: HouseholdId,
    camera: CameraId,
    camera_credential: String,
    name: &'static str,
    credential: String,
    tag: String,
}

impl Home {
    fn camera(&self) -> String {
        self.camera.to_string()
    }
}

/// A store with two households, and what every instance writes into.
struct Edge {
    kv: Arc<MemoryKv>,
    ledger: Arc<MemoryLedger>,
    homes: [Home; 2],
    /// On a machine the services run some of their work on it.
    runtime: Runtime,
}

impl Edge {
    fn new() -> Self {
        let runtime = Builder::new_multi_thread()
            .worker_threads(1)
            .enable_time()
            .build()
            .unwrap();
        let guard = runtime.enter();
        let kv = Arc::new(MemoryKv::default());
        let shared: Arc<dyn KeyValue> = Arc::clone(&kv) as _;
        let keys = Arc::new(KvKeys::open(Arc::clone(&shared), read_kek(&key()).unwrap(), true).unwrap());
        let ledger = Arc::new(MemoryLedger::default());
        let registry = Arc::new(KvRegistry::new(Arc::clone(&shared)));
        let admission = Arc::new(Admission::new(keys, registry, Arc::clone(&ledger) as _));
        let admin = Admin::new(admission, Arc::new(KvIndex::new(shared)));
        let homes = ["alder", "birch"].map(|name| {
            let household = ended(admin.add_household(name, 1 << 30)).unwrap().unwrap();
            let camera = ended(admin.add_camera(household, "Front door", "")).unwrap().unwrap();
            let password = Zeroizing::new(PASSWORD.to_owned());
            ended(admin.add_viewer(household, name, &password)).unwrap().unwrap();
            Home {
                household,
                camera: camera.camera,
                camera_credential: camera.credential.to_string(),
                name,
                credential: String::new(),
                tag: String::new(),
            }
        });
        drop(guard);
        let mut edge = Self {
            kv,
            ledger,
            homes,
            runtime,
        };
        for at in 0..edge.homes.len() {
            let name = edge.homes[at].name;
            let session = edge.ask(|vault| vault.login(name, Zeroizing::new(PASSWORD.to_owned()), "10.0.0.1"));
            let session = session.unwrap();
            edge.homes[at].credential = session.credential.text().to_owned();
            edge.homes[at].tag = session.tag.to_text();
        }
        edge
    }

    fn open(&self, key: Option<&str>) -> Result<Vault, crate::state::Closed> {
        let settings = Settings {
            key_encryption_key: key.map(|key| Zeroizing::new(key.to_owned())),
            session_seconds: None,
        };
        Vault::open(settings, Arc::clone(&self.kv) as _, Arc::clone(&self.ledger) as _)
    }

    /// A fresh instance.
    fn instance(&self) -> Vault {
        self.open(Some(&key())).unwrap()
    }

    /// One request in an instance of its own.
    fn ask<T>(&self, request: impl FnOnce(&Vault) -> T) -> T {
        let _runtime = self.runtime.enter();
        request(&self.instance())
    }

    fn upload(&self, home: &Home, kind: Kind, id: FootageId, body: &[u8]) -> Result<Taken, Problem> {
        self.ask(|vault| {
            let intake = vault.admit_camera(&home.camera_credential)?;
            let upload = intake.begin(kind, &id.to_string(), Some(body.len() as u64), None)?;
            for piece in body.chunks(10_000) {
                upload.push(piece.to_vec())?;
            }
            upload.finish(true)
        })
    }
}

fn id() -> FootageId {
    FootageId::from_time(clock::now_milliseconds(), clock::random()).unwrap()
}
