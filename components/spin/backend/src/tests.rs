//! The backend over a key-value store in memory: two households, and an instance for each request,
//! as an engine makes them.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "for tests: a failed expectation is the point"
)]

mod changes;
mod departures;
mod footage;
mod ledger;
mod requests;
mod uploads;

use crate::contract::{Body, Handling, Object};
use crate::departure::{Answered, Departure};
use crate::run::ended;
use crate::state::{Backend, Settings};
use eyesonly_gate::Records;
use eyesonly_gate::rules::{MediaType, Status};
use eyesonly_rights::Freshness;
use eyesonly_seal::{CameraId, FootageId, HouseholdId, Kind};
use eyesonly_service::admin::Admin;
use eyesonly_service::catalogue::Catalogue;
use eyesonly_service::clock::{self, System};
use eyesonly_service::ingest::{Taken, TakesAll};
use eyesonly_service::kv::memory::MemoryKv;
use eyesonly_service::kv::{KeyValue, KvIndex, KvKeys, KvRegistry, read_kek};
use eyesonly_service::ledger::MemoryLedger;
use eyesonly_web::problem::Problem;
use eyesonly_web::routes::Name;
use std::sync::Arc;
use tokio::runtime::{Builder, Runtime};
use zeroize::Zeroizing;

const STILL: &[u8] = include_bytes!("../../../thumbnail/testdata/quadrants-96x64.jpg");
const LARGE_STILL: &[u8] =
    include_bytes!("../../../thumbnail/testdata/quadrants-1280x720-progressive-444.jpg");
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

    fn admit(&self, backend: &Backend, name: Name) -> Result<Arc<Handling>, Problem> {
        let handling = backend.admit(name, &self.credential, &self.tag, &self.camera());
        handling.map(Arc::clone)
    }
}

/// A store with two households, and what every instance writes into.
struct Edge {
    kv: Arc<MemoryKv>,
    keys: Arc<KvKeys>,
    records: Arc<Records>,
    ledger: Arc<MemoryLedger>,
    homes: [Home; 2],
    /// The runtime that the services run some of their work on in a native test.
    runtime: Runtime,
}

impl Edge {
    fn new() -> Self {
        let runtime = Builder::new_multi_thread().worker_threads(1).enable_time().build().unwrap();
        let guard = runtime.enter();
        let kv = Arc::new(MemoryKv::default());
        let shared: Arc<dyn KeyValue> = Arc::clone(&kv) as _;
        let kek = read_kek(&key()).unwrap();
        let keys = Arc::new(KvKeys::open(Arc::clone(&shared), kek, true).unwrap());
        let ledger = Arc::new(MemoryLedger::default());
        let registry = Arc::new(KvRegistry::new(Arc::clone(&shared)));
        let system = (Arc::new(System) as _, Arc::new(System) as _);
        let (counts, unproven) = (Arc::clone(&ledger) as _, Freshness::Unproven);
        let records = Records::new(&*keys, registry, counts, system, unproven);
        let catalogue = Catalogue::new(Arc::new(KvIndex::new(shared)), Arc::clone(&records));
        let admin = Admin::new(Arc::clone(&keys) as _, Arc::clone(&records), catalogue);
        let homes = ["alder", "birch"].map(|name| {
            let household = ended(admin.add_household(name, 1 << 30)).unwrap().unwrap();
            let camera =
                ended(admin.add_camera(household, "Front door", "", None)).unwrap().unwrap();
            let password = Zeroizing::new(PASSWORD.to_owned());
            ended(admin.add_viewer(Some(household), name, &password)).unwrap().unwrap();
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
        let mut edge = Self { kv, keys, records, ledger, homes, runtime };
        for at in 0..edge.homes.len() {
            let name = edge.homes[at].name;
            let password = Zeroizing::new(PASSWORD.to_owned());
            let session = edge.ask(|backend| backend.login(name, password, "10.0.0.1"));
            let session = session.unwrap();
            edge.homes[at].credential = session.credential.text().to_owned();
            edge.homes[at].tag = session.tag.to_text();
        }
        edge
    }

    fn open(&self, key: Option<&str>) -> Result<Backend, crate::state::Closed> {
        let settings = Settings {
            key_encryption_key: key.map(|key| Zeroizing::new(key.to_owned())),
            session_seconds: None,
            public_url: None,
        };
        let kv = Arc::clone(&self.kv) as _;
        Backend::open(settings, kv, |_| Arc::clone(&self.ledger) as _, Arc::new(TakesAll))
    }

    /// Makes a fresh instance.
    fn instance(&self) -> Backend {
        self.open(Some(&key())).unwrap()
    }

    /// Runs one request in an instance of its own.
    fn ask<T>(&self, request: impl FnOnce(&Backend) -> T) -> T {
        let _runtime = self.runtime.enter();
        request(&self.instance())
    }

    fn upload(
        &self,
        home: &Home,
        kind: Kind,
        id: FootageId,
        body: &[u8],
    ) -> Result<Taken, Problem> {
        self.ask(|backend| {
            let intake = backend.admit_camera(&home.camera_credential)?;
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

/// Makes two households, each with a still.
fn edge_with_stills() -> Edge {
    let edge = Edge::new();
    for home in &edge.homes {
        assert_eq!(edge.upload(home, Kind::Still, id(), LARGE_STILL), Ok(Taken::Created));
    }
    edge
}

/// Makes a fresh instance, admitted for a row.
fn admitted(edge: &Edge, home: &Home, name: Name) -> (Backend, Arc<Handling>) {
    let backend = edge.instance();
    let handling = home.admit(&backend, name).unwrap();
    (backend, handling)
}

/// Makes a fresh instance that has opened the newest still.
fn newest(edge: &Edge, home: &Home) -> (Backend, Object) {
    let (backend, handling) = admitted(edge, home, Name::Thumbnail);
    let object = handling.newest_still().unwrap();
    (backend, object)
}

fn answered(media_type: MediaType, body: Body) -> Answered {
    Answered { status: Status::Ok, media_type, body }
}

/// Opens a departure for a part of a still.
fn leave(
    backend: &Backend,
    raw: &str,
    source: Object,
    (offset, length): (u64, u64),
) -> Result<Departure, Problem> {
    let body = Body::Footage { source, offset, length };
    backend.depart(raw, None, answered(MediaType::Jpeg, body))
}

/// Opens a departure for bytes.
fn leave_bytes(backend: &Backend, raw: &str, bytes: &[u8]) -> Result<Departure, Problem> {
    let body = Body::Bytes(bytes.to_vec());
    backend.depart(raw, None, answered(MediaType::Json, body))
}

/// Reads everything that leaves.
fn all_of(departure: &Departure) -> Vec<u8> {
    let mut body = Vec::new();
    while let Some(piece) = departure.next_piece().unwrap() {
        body.extend(piece);
    }
    body
}
