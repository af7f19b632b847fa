//! A household in memory, for tests of the modules that use footage.
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
use crate::catalogue::Catalogue;
use crate::clock;
use crate::index::Index;
use crate::index::memory::MemoryIndex;
use crate::ingest::{Declared, Ingest, Taken, TakesAll};
use crate::keys::memory::MemoryKeys;
use crate::ledger::MemoryLedger;
use crate::live::{Live, LiveHub, MemoryHub};
use crate::registry::memory::MemoryRegistry;
use crate::store::memory::MemoryStore;
use crate::testing::{Ahead, Residents, change, doors_at};
use crate::tiers::{Ladder, MemoryTier, Tier};
use bytes::Bytes;
use eyesonly_gate::ledger::Handed;
use eyesonly_gate::registry::Expect;
use eyesonly_gate::{
    Admission, Answer, Cut, Departure, Grant, IntakeGrant, Keys as _, Leaving, RawCredential,
    Records, Refused, Registry, Seam,
};
use eyesonly_rights::{Action, Mint, SessionRecord, Verifier};
use eyesonly_seal::{CameraId, FootageId, HouseholdId, Kind, SessionId, ViewerId};
use http_body::Body as _;
use std::sync::Arc;
use zeroize::Zeroizing;

/// An edge without HTTP: one household, one camera, one viewer.
pub struct Home {
    pub clock: Arc<Ahead>,
    pub keys: Arc<MemoryKeys>,
    pub records: Arc<Records>,
    pub admission: Arc<Admission>,
    pub catalogue: Arc<Catalogue>,
    pub ladder: Arc<Ladder>,
    pub footage: Arc<Footage>,
    pub live: Arc<Live>,
    pub ledger: Arc<MemoryLedger>,
    pub store: Arc<MemoryStore>,
    pub admin: Admin,
    pub ingest: Ingest,
    pub household: HouseholdId,
    pub camera: CameraId,
    pub viewer: ViewerId,
    pub session: SessionId,
    camera_credential: RawCredential,
    viewer_credential: RawCredential,
}

/// Makes a fresh id with the time of now.
pub fn footage_id() -> FootageId {
    FootageId::from_time(clock::now_milliseconds(), clock::random()).unwrap()
}

impl Home {
    pub async fn new() -> Self {
        Self::over(Arc::new(MemoryIndex::default()), Arc::new(MemoryRegistry::default())).await
    }

    /// Makes a home with this index and this registry.
    pub async fn over(index: Arc<dyn Index>, registry: Arc<dyn Registry>) -> Self {
        let tier = Arc::new(MemoryTier::new(64 << 20));
        Self::build(index, registry, tier, Arc::new(MemoryHub::new(64 << 20))).await
    }

    /// Makes a home with this hub of live streams.
    pub async fn with_hub(hub: Arc<dyn LiveHub>) -> Self {
        let tier = Arc::new(MemoryTier::new(64 << 20));
        let (index, registry) = (Arc::default(), Arc::default());
        Self::build(index as Arc<MemoryIndex>, registry as Arc<MemoryRegistry>, tier, hub).await
    }

    /// Makes a home with this tier.
    pub async fn with_tier(tier: Arc<dyn Tier>) -> Self {
        let (index, registry) = (Arc::default(), Arc::default());
        let hub = Arc::new(MemoryHub::new(64 << 20));
        Self::build(index as Arc<MemoryIndex>, registry as Arc<MemoryRegistry>, tier, hub).await
    }

    async fn build(
        index: Arc<dyn Index>,
        registry: Arc<dyn Registry>,
        tier: Arc<dyn Tier>,
        hub: Arc<dyn LiveHub>,
    ) -> Self {
        let clock = Arc::new(Ahead::default());
        let (keys, ledger) = (Arc::new(MemoryKeys::default()), Arc::new(MemoryLedger::default()));
        let (records, admission) = doors_at(
            Arc::clone(&keys) as _,
            registry,
            Arc::clone(&ledger) as _,
            Arc::clone(&clock) as _,
        );
        let store = Arc::new(MemoryStore::default());
        let tiers = vec![(Seam::MemoryTier, tier)];
        let ladder =
            Arc::new(Ladder::new(tiers, Arc::clone(&store) as _, Arc::clone(&records)).impatient());
        let catalogue = Catalogue::new(index, Arc::clone(&records));
        let admin =
            Admin::new(Arc::clone(&keys) as _, Arc::clone(&records), Arc::clone(&catalogue));
        let household = admin.add_household("Alder Lane 4", 1 << 40).await.unwrap();
        let camera = admin.add_camera(household, "Front door", "", None).await.unwrap();
        let viewer = admin
            .add_viewer(Some(household), "alder", &Zeroizing::new("a long password".into()))
            .await
            .unwrap();
        let live = Live::new(hub, Arc::clone(&admission), Arc::clone(&clock) as _);
        let session = SessionId::from_bytes(clock::fresh_id());
        let (expires_at_seconds, client) = (u64::MAX, String::new());
        let record = SessionRecord { session, viewer, epoch: 0, expires_at_seconds, client };
        let mint = Mint::new(keys.edge());
        let change = change(&mint, &record, Expect::Absent);
        records.commit(vec![change], None).await.unwrap();
        Self {
            ingest: Ingest::new(
                Arc::clone(&catalogue),
                Arc::clone(&ladder),
                Arc::clone(&admission),
                Arc::new(TakesAll),
            ),
            footage: Footage::with_live(
                Arc::clone(&catalogue),
                Arc::clone(&ladder),
                Arc::clone(&live),
            ),
            live,
            viewer_credential: RawCredential::new(&mint.viewer(viewer, session)),
            camera_credential: RawCredential::new(&camera.credential),
            camera: camera.camera,
            clock,
            keys,
            records,
            admission,
            catalogue,
            ladder,
            ledger,
            store,
            admin,
            household,
            viewer,
            session,
        }
    }

    /// Returns the credential that the viewer presents, and the tag of the viewer's addresses.
    pub fn presents(&self) -> (&RawCredential, String) {
        let verified = Verifier::new(self.keys.edge()).viewer(self.viewer_credential.text());
        (&self.viewer_credential, verified.unwrap().tag().to_text())
    }

    /// Returns the household, for tests that write its records by hand.
    pub fn residents(&self) -> Residents {
        Residents {
            household: self.household,
            camera: self.camera,
            viewer: self.viewer,
            session: self.session,
            ..Residents::new(0)
        }
    }

    pub async fn intake(&self) -> IntakeGrant {
        self.admission.admit_camera(&self.camera_credential).await.unwrap()
    }

    pub async fn grant(&self, action: Action) -> Arc<Grant> {
        self.grant_of(self.camera, action).await
    }

    pub async fn admit(&self, camera: CameraId, action: Action) -> Result<Arc<Grant>, Refused> {
        let (raw, tag) = self.presents();
        self.admission.admit(raw, &tag, &camera.to_string(), action).await
    }

    /// Lets an answer out to the viewer, under the grant of the request. Returns what arrives, and
    /// whether the answer was cut.
    pub async fn let_out(
        &self,
        grant: &Arc<Grant>,
        answer: Answer,
    ) -> Result<(Vec<u8>, Option<Cut>), Refused> {
        let leaving = Leaving { handed: Handed::Still, event: None, is_head: false };
        let mut departure =
            Departure::open(&self.admission, grant, self.presents().0, answer, leaving).await?;
        Ok(drain(&mut departure).await)
    }

    async fn grant_of(&self, camera: CameraId, action: Action) -> Arc<Grant> {
        self.admit(camera, action).await.unwrap()
    }

    /// Hands in footage of any kind. Ingest checks the form of the bytes.
    pub async fn put(
        &self,
        kind: Kind,
        id: FootageId,
        bytes: &[u8],
    ) -> Result<Taken, crate::ingest::IngestError> {
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

    /// Adds a second camera to the same household, and returns a grant to hand in and one to read.
    pub async fn second_camera(&self) -> (IntakeGrant, Arc<Grant>) {
        let camera = self.admin.add_camera(self.household, "Garden", "", None).await.unwrap();
        let intake =
            self.admission.admit_camera(&RawCredential::new(&camera.credential)).await.unwrap();
        (intake, self.grant_of(camera.camera, Action::Live).await)
    }

    pub async fn put_event(
        &self,
        id: FootageId,
        label: &str,
    ) -> Result<Taken, crate::ingest::IngestError> {
        let details = EventDetails {
            kind: "person".into(),
            label: label.into(),
            duration_milliseconds: Some(8000),
        };
        let body = Bytes::from(serde_json::to_vec(&details).unwrap());
        let pieces = futures::stream::iter([Ok::<_, std::io::Error>(body)]);
        self.ingest.event(&self.intake().await, &id.to_string(), Declared::default(), pieces).await
    }
}

/// Returns the bytes that a departure gives until it ends or is cut, and the cut.
pub async fn drain(departure: &mut Departure) -> (Vec<u8>, Option<Cut>) {
    let mut bytes = Vec::new();
    loop {
        let frame =
            std::future::poll_fn(|context| std::pin::Pin::new(&mut *departure).poll_frame(context))
                .await;
        match frame {
            None => return (bytes, None),
            Some(Ok(frame)) => {
                let piece = frame.into_data().unwrap();
                assert!(!piece.is_empty(), "a piece without bytes: it would go on for ever");
                bytes.extend_from_slice(&piece);
            }
            Some(Err(cut)) => return (bytes, Some(cut)),
        }
    }
}

/// Makes a home with one still of exactly these bytes, whatever they are.
pub async fn home_with(still: &[u8]) -> Home {
    let home = Home::new().await;
    let taken = home.ingest.anything(&home.intake().await, Kind::Still, footage_id(), still).await;
    assert_eq!(taken.unwrap(), Taken::Created);
    home
}

/// Makes footage with one still of exactly these bytes, whatever they are, and a grant for its
/// camera.
pub async fn household(still: &[u8]) -> (Arc<Footage>, Arc<Grant>) {
    let home = home_with(still).await;
    let grant = home.grant(Action::Live).await;
    (home.footage, grant)
}
