//! An edge without HTTP for one run of a scene: households with a camera and a viewer who is signed
//! in.

use crate::catalogue::Catalogue;
use crate::clock;
use crate::footage::Footage;
use crate::index::memory::MemoryIndex;
use crate::ingest::{Ingest, Taken, TakesAll};
use crate::ledger::MemoryLedger;
use crate::registry::memory::MemoryRegistry;
use crate::store::memory::MemoryStore;
use crate::testing::{FixedKeys, Residents, doors};
use crate::tiers::{Ladder, MemoryTier, Tier};
use eyesonly_gate::{Admission, Grant, Keys as _, RawCredential, Records, Refused, Registry, Seam};
use eyesonly_rights::{Action, Mint};
use eyesonly_seal::{FootageId, Kind, ViewerId};
use std::sync::{Arc, LazyLock};

static KEYS: LazyLock<Arc<FixedKeys>> = LazyLock::new(Arc::default);

/// Returns the viewer of the household `n`.
pub(super) const fn viewer(n: u8) -> ViewerId {
    Residents::new(n).viewer
}

/// Makes records and admission over this registry.
pub(super) fn admission(registry: Arc<dyn Registry>) -> (Arc<Records>, Arc<Admission>) {
    doors(Arc::clone(&KEYS) as _, registry, Arc::new(MemoryLedger::default()))
}

/// Returns the power to write records.
pub(super) fn mint() -> Mint {
    Mint::new(KEYS.edge())
}

/// Writes the records of the household `n`: its camera and its viewer, who is signed in.
pub(super) async fn move_in(records: &Records, n: u8) {
    Residents::new(n).move_in(records, &mint()).await;
}

/// Asks for a grant as the viewer of the household `n`, for its camera.
pub(super) async fn admit(
    admission: &Admission,
    n: u8,
    action: Action,
) -> Result<Arc<Grant>, Refused> {
    Residents::new(n).admit(admission, &**KEYS, action).await
}

/// Returns the key that records are sealed under.
pub(super) fn record_key() -> eyesonly_seal::SealingKey {
    KEYS.edge().record_key()
}

/// One household whose camera has a still.
pub(super) struct Scene {
    pub(super) records: Arc<Records>,
    pub(super) admission: Arc<Admission>,
    pub(super) footage: Arc<Footage>,
}

impl Scene {
    pub(super) async fn new(still: &[u8]) -> Self {
        let (records, admission) = admission(Arc::new(MemoryRegistry::default()));
        move_in(&records, 0).await;
        let memory: Arc<dyn Tier> = Arc::new(MemoryTier::new(64 << 20));
        let tiers = vec![(Seam::MemoryTier, memory)];
        let ladder =
            Arc::new(Ladder::new(tiers, Arc::new(MemoryStore::default()), Arc::clone(&records)));
        let catalogue = Catalogue::new(Arc::new(MemoryIndex::default()), Arc::clone(&records));
        let intake = Residents::new(0).admit_camera(&admission, &**KEYS).await.unwrap();
        let id = FootageId::from_time(clock::now_milliseconds(), [7; 10]).unwrap();
        let ingest = Ingest::new(
            Arc::clone(&catalogue),
            Arc::clone(&ladder),
            Arc::clone(&admission),
            Arc::new(TakesAll),
        );
        let taken = ingest.anything(&intake, Kind::Still, id, still).await;
        assert_eq!(taken.unwrap(), Taken::Created);
        Self { footage: Footage::new(catalogue, ladder), records, admission }
    }

    pub(super) async fn grant(&self, action: Action) -> Arc<Grant> {
        admit(&self.admission, 0, action).await.unwrap()
    }

    /// Returns the credential that the viewer presents.
    pub(super) fn raw(&self) -> RawCredential {
        Residents::new(0).presents(&**KEYS).0
    }

    pub(super) async fn sign_out(&self) {
        Residents::new(0).sign_out(&self.records).await;
    }
}

/// Makes a clock for the time limits of the store and of uploads, by which nothing runs out.
pub(super) fn clock_that_stands() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap()
}
