//! An edge without HTTP for one run of a scene: households with a camera and a viewer who is signed in. Records are written without a password's
//! hash, which would take longer than all the rest.

use crate::admission::{Admission, RawCredential, Refused};
use crate::clock;
use crate::footage::Footage;
use crate::grant::Grant;
use crate::index::memory::MemoryIndex;
use crate::ingest::{Ingest, Taken};
use crate::keys::Keys as _;
use crate::keys::memory::MemoryKeys;
use crate::ledger::{MemoryLedger, Seam};
use crate::registry::memory::MemoryRegistry;
use crate::registry::{Change, Expect, Registry};
use crate::store::memory::MemoryStore;
use crate::tiers::{Ladder, MemoryTier, Tier};
use eyesonly_rights::{Action, CameraRecord, CameraRight, Kinds, Record, Role, SessionRecord, ViewerRecord, Window};
use eyesonly_seal::{CameraId, CredentialId, FootageId, HouseholdId, Kind, SessionId, ViewerId};
use std::sync::{Arc, LazyLock};

/// Households whose keys there are.
const HOUSEHOLDS: u8 = 2;

static KEYS: LazyLock<Arc<MemoryKeys>> = LazyLock::new(|| {
    let keys = MemoryKeys::default();
    for n in 0..HOUSEHOLDS {
        keys.add_household(household(n)).unwrap();
    }
    Arc::new(keys)
});

const fn household(n: u8) -> HouseholdId {
    HouseholdId::from_bytes([0x10 + n; 16])
}
/// The camera of the household `n`.
const fn camera(n: u8) -> CameraId {
    CameraId::from_bytes([0x20 + n; 16])
}
/// The viewer of the household `n`.
pub(super) const fn viewer(n: u8) -> ViewerId {
    ViewerId::from_bytes([0x30 + n; 16])
}
const fn session(n: u8) -> SessionId {
    SessionId::from_bytes([0x40 + n; 16])
}
const fn credential(n: u8) -> CredentialId {
    CredentialId::from_bytes([0x50 + n; 16])
}

/// Admission over this registry.
pub(super) fn admission(registry: Arc<dyn Registry>) -> Arc<Admission> {
    Arc::new(Admission::new(
        Arc::clone(&KEYS) as _,
        registry,
        Arc::new(MemoryLedger::default()),
    ))
}

/// Writes the household `n`: its camera, its viewer, who is signed in.
pub(super) async fn move_in(admission: &Admission, n: u8) {
    let sequence = admission.registry().sequence().await.unwrap() + 1;
    let camera = CameraRecord {
        camera: camera(n),
        household: household(n),
        credential: Some(credential(n)),
        name: "Front door".into(),
        serial: String::new(),
        quota_bytes: 1 << 40,
        sequence,
    };
    let right = CameraRight {
        camera: camera.camera,
        household: camera.household,
        name: camera.name.clone(),
        role: Role::Owner,
        kinds: Kinds::ALL,
        window: Window::default(),
        expires_at_seconds: None,
    };
    let viewer = ViewerRecord {
        viewer: viewer(n),
        name: "alder".into(),
        households: vec![household(n)],
        cameras: vec![right],
        sequence,
    };
    let session = SessionRecord {
        session: session(n),
        viewer: viewer.viewer,
        expires_at_seconds: u64::MAX,
    };
    let changes = vec![change(admission, &camera), change(admission, &viewer)];
    admission.commit(changes, Some(sequence)).await.unwrap();
    let session = change(admission, &session);
    admission.commit(vec![session], None).await.unwrap();
}

fn change<R: Record>(admission: &Admission, record: &R) -> Change {
    Change {
        kind: R::KIND,
        key: record.key(),
        expect: Expect::Absent,
        record: Some(admission.seal(record).unwrap()),
    }
}

/// Asks for a grant as the viewer of the household `n`, for its camera.
pub(super) async fn admit(admission: &Admission, n: u8, action: Action) -> Result<Grant, Refused> {
    let credential = admission.credentials().mint_viewer(viewer(n), session(n));
    let verified = admission.credentials().verify_viewer(&credential).unwrap();
    let tag = verified.tag().to_text();
    let credential = RawCredential::new(&credential);
    admission.admit(&credential, &tag, &camera(n).to_string(), action).await
}

/// One household, its camera with a still.
pub(super) struct Scene {
    pub(super) footage: Arc<Footage>,
}

impl Scene {
    pub(super) async fn new(still: &[u8]) -> Self {
        let admission = admission(Arc::new(MemoryRegistry::default()));
        move_in(&admission, 0).await;
        let memory: Arc<dyn Tier> = Arc::new(MemoryTier::new(64 << 20));
        let ladder = Ladder::new(
            vec![(Seam::MemoryTier, memory)],
            Arc::new(MemoryStore::default()),
            Arc::clone(admission.ledger()),
        );
        let footage = Arc::new(Footage::new(Arc::new(MemoryIndex::default()), ladder, admission));
        let admission = footage.admission();
        let intake = admission
            .credentials()
            .mint_camera(household(0), camera(0), credential(0));
        let intake = admission.admit_camera(&RawCredential::new(&intake)).await.unwrap();
        let id = FootageId::from_time(clock::now_milliseconds(), [7; 10]).unwrap();
        let ingest = Ingest::new(Arc::clone(&footage));
        let taken = ingest.anything(&intake, Kind::Still, id, still).await;
        assert_eq!(taken.unwrap(), Taken::Created);
        Self { footage }
    }

    pub(super) async fn grant(&self, action: Action) -> Arc<Grant> {
        Arc::new(admit(self.footage.admission(), 0, action).await.unwrap())
    }

    pub(super) async fn sign_out(&self) {
        let change = Change {
            kind: SessionRecord::KIND,
            key: session(0).as_bytes().to_vec(),
            expect: Expect::Any,
            record: None,
        };
        self.footage.admission().commit(vec![change], None).await.unwrap();
    }
}

/// The store's and the uploads' time limits ask for a clock; nothing runs out by this one.
pub(super) fn clock_that_stands() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .unwrap()
}
