//! A household in memory, for tests of the rooms that stand on footage.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "for tests: a failed expectation is the point"
)]

use super::{EventDetails, Footage};
use crate::admin::Admin;
use crate::admission::{Admission, RawCredential};
use crate::clock;
use crate::grant::{Grant, IntakeGrant};
use crate::index::Index;
use crate::index::memory::MemoryIndex;
use crate::ingest::{Declared, Ingest, Taken};
use crate::keys::memory::MemoryKeys;
use crate::ledger::{MemoryLedger, Seam};
use crate::registry::memory::MemoryRegistry;
use crate::registry::{Change, Expect, Registry};
use crate::store::memory::MemoryStore;
use crate::tiers::{Ladder, MemoryTier, Tier};
use bytes::Bytes;
use eyesonly_rights::{Action, Record as _, SessionRecord};
use eyesonly_seal::{CameraId, FootageId, HouseholdId, Kind, SessionId};
use std::sync::Arc;
use zeroize::Zeroizing;

/// An edge without HTTP: one household, one camera, one viewer.
pub struct Home {
    pub footage: Arc<Footage>,
    pub ledger: Arc<MemoryLedger>,
    pub store: Arc<MemoryStore>,
    pub admin: Admin,
    pub ingest: Ingest,
    pub household: HouseholdId,
    pub camera: CameraId,
    camera_credential: RawCredential,
    viewer_credential: RawCredential,
}

/// A fresh id of now.
pub fn footage_id() -> FootageId {
    FootageId::from_time(clock::now_milliseconds(), clock::random()).unwrap()
}

impl Home {
    pub async fn new() -> Self {
        Self::over(Arc::new(MemoryIndex::default()), Arc::new(MemoryRegistry::default())).await
    }

    /// A home whose index and registry are these.
    pub async fn over(index: Arc<dyn Index>, registry: Arc<dyn Registry>) -> Self {
        let ledger = Arc::new(MemoryLedger::default());
        let admission = Arc::new(Admission::new(
            Arc::new(MemoryKeys::default()),
            registry,
            Arc::clone(&ledger) as _,
        ));
        let store = Arc::new(MemoryStore::default());
        let memory: Arc<dyn Tier> = Arc::new(MemoryTier::new(64 << 20));
        let ladder = Ladder::new(
            vec![(Seam::MemoryTier, memory)],
            Arc::clone(&store) as _,
            Arc::clone(&ledger) as _,
        )
        .impatient();
        let admin = Admin::new(Arc::clone(&admission), Arc::clone(&index));
        let footage = Arc::new(Footage::new(index, ladder, Arc::clone(&admission)));
        let household = admin.add_household("Alder Lane 4", 1 << 40).await.unwrap();
        let camera = admin.add_camera(household, "Front door", "").await.unwrap();
        let viewer = admin
            .add_viewer(household, "alder", &Zeroizing::new("a long password".into()))
            .await
            .unwrap();
        let session = SessionId::from_bytes(clock::fresh_id());
        let record = SessionRecord {
            session,
            viewer,
            expires_at_seconds: u64::MAX,
        };
        let sealed = admission.seal(&record).unwrap();
        let change = Change {
            kind: SessionRecord::KIND,
            key: record.key(),
            expect: Expect::Absent,
            record: Some(sealed),
        };
        admission.registry().commit(vec![change], None).await.unwrap();
        Self {
            ingest: Ingest::new(Arc::clone(&footage)),
            viewer_credential: RawCredential::new(&admission.credentials().mint_viewer(viewer, session)),
            camera_credential: RawCredential::new(&camera.credential),
            camera: camera.camera,
            footage,
            ledger,
            store,
            admin,
            household,
        }
    }

    pub async fn intake(&self) -> IntakeGrant {
        self.footage
            .admission()
            .admit_camera(&self.camera_credential)
            .await
            .unwrap()
    }

    pub async fn grant(&self, action: Action) -> Arc<Grant> {
        self.grant_of(self.camera, action).await
    }

    pub async fn admit(&self, camera: CameraId, action: Action) -> Result<Grant, crate::admission::Refused> {
        let admission = self.footage.admission();
        let tag = admission
            .credentials()
            .verify_viewer(self.viewer_credential.text())
            .unwrap()
            .tag()
            .to_text();
        admission
            .admit(&self.viewer_credential, &tag, &camera.to_string(), action)
            .await
    }

    async fn grant_of(&self, camera: CameraId, action: Action) -> Arc<Grant> {
        Arc::new(self.admit(camera, action).await.unwrap())
    }

    /// Hands in footage of any kind; its form is not checked when it is put in `raw`.
    pub async fn put(&self, kind: Kind, id: FootageId, bytes: &[u8]) -> Result<Taken, crate::ingest::IngestError> {
        let pieces: Vec<Result<Bytes, std::io::Error>> =
            bytes.chunks(10_000).map(|c| Ok(Bytes::copy_from_slice(c))).collect();
        self.ingest
            .footage(
                &self.intake().await,
                kind,
                &id.to_string(),
                Declared::default(),
                futures::stream::iter(pieces),
            )
            .await
    }

    /// A second camera of the same household, with its own grant.
    pub async fn second_camera(&self) -> (IntakeGrant, Arc<Grant>) {
        let camera = self.admin.add_camera(self.household, "Garden", "").await.unwrap();
        let admission = self.footage.admission();
        let intake = admission
            .admit_camera(&RawCredential::new(&camera.credential))
            .await
            .unwrap();
        (intake, self.grant_of(camera.camera, Action::Live).await)
    }

    pub async fn put_event(&self, id: FootageId, label: &str) -> Result<Taken, crate::ingest::IngestError> {
        let details = EventDetails {
            kind: "person".into(),
            label: label.into(),
            duration_milliseconds: Some(8000),
        };
        let body = Bytes::from(serde_json::to_vec(&details).unwrap());
        let pieces = futures::stream::iter([Ok::<_, std::io::Error>(body)]);
        self.ingest
            .event(&self.intake().await, &id.to_string(), Declared::default(), pieces)
            .await
    }
}

/// Footage with one still (the bytes given, whatever they are) and a grant for its camera.
pub async fn household(still: &[u8]) -> (Arc<Footage>, Arc<Grant>) {
    let home = Home::new().await;
    let taken = home
        .ingest
        .anything(&home.intake().await, Kind::Still, footage_id(), still)
        .await;
    assert_eq!(taken.unwrap(), Taken::Created);
    let grant = home.grant(Action::Live).await;
    (home.footage, grant)
}
