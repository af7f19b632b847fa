//! Helpers for tests: residents whose records are written by hand, and sealed bytes that are always
//! the same.
//!
//! Sealed bytes can be made only under a grant, in tests too. So this module has a household that
//! hands them in.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "for tests: a failed expectation is the point"
)]

use crate::clock::System;
use crate::ledger::MemoryLedger;
use crate::registry::memory::MemoryRegistry;
use eyesonly_gate::registry::{Change, Expect};
use eyesonly_gate::{
    Admission, Claimed, Clock, Grant, IntakeGrant, Keys, KeysError, Ledger, Random, RawCredential,
    Records, Refused, Registry, Sealed, SealedPart,
};
use eyesonly_rights::{
    Action, CameraRecord, CameraRight, CameraState, Freshness, Kinds, Mint, Record, Role,
    SessionRecord, Verifier, ViewerRecord, Window,
};
use eyesonly_seal::format::{CHUNK_BYTES, HEADER_BYTES, SEALED_CHUNK_BYTES, TAG_BYTES};
use eyesonly_seal::{
    CameraId, CredentialId, EdgeKey, FootageId, HouseholdId, HouseholdKey, Kind, ObjectVersion,
    SessionId, ViewerId,
};
use futures::FutureExt as _;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, LazyLock};

/// Keys that are computed from the household's id.
pub struct FixedKeys(EdgeKey);

impl Default for FixedKeys {
    fn default() -> Self {
        Self(EdgeKey::from_bytes([0xed; 32]))
    }
}

impl Keys for FixedKeys {
    fn edge(&self) -> &EdgeKey {
        &self.0
    }
    fn household_key(&self, household: HouseholdId) -> Result<Arc<HouseholdKey>, KeysError> {
        let id = household.as_bytes();
        let bytes: [u8; 32] = [id.as_slice(), id].concat().try_into().unwrap();
        Ok(Arc::new(HouseholdKey::from_bytes(bytes)))
    }
}

/// The system's clock, some seconds ahead.
#[derive(Default)]
pub struct Ahead(pub AtomicU64);

impl Clock for Ahead {
    fn now_milliseconds(&self) -> u64 {
        System.now_milliseconds() + 1000 * self.0.load(Ordering::SeqCst)
    }
}

/// Makes the records and the admission over these keys and this registry.
pub fn doors(
    keys: Arc<dyn Keys>,
    registry: Arc<dyn Registry>,
    ledger: Arc<dyn Ledger>,
) -> (Arc<Records>, Arc<Admission>) {
    doors_at(keys, registry, ledger, Arc::new(System))
}

/// Does the same as [`doors`], with another clock.
pub fn doors_at(
    keys: Arc<dyn Keys>,
    registry: Arc<dyn Registry>,
    ledger: Arc<dyn Ledger>,
    clock: Arc<dyn Clock>,
) -> (Arc<Records>, Arc<Admission>) {
    let host = (Arc::clone(&clock), Arc::new(System) as Arc<dyn Random>);
    let records = Records::new(&*keys, registry, Arc::clone(&ledger), host, Freshness::Echoed);
    let admission = Admission::new(keys, Arc::clone(&records), ledger, clock);
    (records, admission)
}

/// A household with one camera, and its viewer, who is signed in. The number `n` of
/// [`Residents::new`] tells several households apart.
#[derive(Clone, Copy)]
pub struct Residents {
    pub household: HouseholdId,
    pub camera: CameraId,
    pub viewer: ViewerId,
    pub session: SessionId,
    pub credential: CredentialId,
}

impl Residents {
    pub const fn new(n: u8) -> Self {
        Self {
            household: HouseholdId::from_bytes([0x10 + n; 16]),
            camera: CameraId::from_bytes([0x20 + n; 16]),
            viewer: ViewerId::from_bytes([0x30 + n; 16]),
            session: SessionId::from_bytes([0x40 + n; 16]),
            credential: CredentialId::from_bytes([0x50 + n; 16]),
        }
    }

    /// Returns the right that an owner has to the camera.
    pub fn right(&self) -> CameraRight {
        CameraRight {
            camera: self.camera,
            household: self.household,
            name: "Front door".into(),
            role: Role::Owner,
            kinds: Kinds::ALL,
            window: Window::default(),
            expires_at_seconds: None,
        }
    }

    /// Writes these rights as the viewer's, and returns their sequence.
    pub async fn write_rights(
        &self,
        records: &Records,
        mint: &Mint,
        cameras: Vec<CameraRight>,
        expect: Expect,
    ) -> u64 {
        let sequence = records.position().await.unwrap().rights.number + 1;
        let record = ViewerRecord {
            viewer: self.viewer,
            name: "alder".into(),
            households: vec![self.household],
            cameras,
            epoch: 0,
            sequence,
        };
        let change = change(mint, &record, expect);
        records.commit(vec![change], Some(sequence)).await.unwrap();
        sequence
    }

    /// Writes the records of the camera, the viewer and the session.
    pub async fn move_in(&self, records: &Records, mint: &Mint) {
        let sequence = records.position().await.unwrap().rights.number + 1;
        let camera = CameraRecord {
            camera: self.camera,
            household: self.household,
            credential: Some(self.credential),
            name: "Front door".into(),
            serial: String::new(),
            quota_bytes: 1 << 40,
            state: CameraState::On,
            sequence,
        };
        let camera = change(mint, &camera, Expect::Absent);
        records.commit(vec![camera], Some(sequence)).await.unwrap();
        self.write_rights(records, mint, vec![self.right()], Expect::Absent).await;
        let session = SessionRecord {
            session: self.session,
            viewer: self.viewer,
            epoch: 0,
            expires_at_seconds: u64::MAX,
            client: String::new(),
        };
        let session = change(mint, &session, Expect::Absent);
        records.commit(vec![session], None).await.unwrap();
    }

    /// Ends the session.
    pub async fn sign_out(&self, records: &Records) {
        let change = Change {
            kind: SessionRecord::KIND,
            key: SessionRecord::key_of(self.viewer, self.session).to_vec(),
            expect: Expect::Any,
            record: None,
        };
        records.commit(vec![change], None).await.unwrap();
    }

    /// Returns the credential that the viewer presents, and the tag of the viewer's addresses.
    pub fn presents(&self, keys: &dyn Keys) -> (RawCredential, String) {
        let text = Mint::new(keys.edge()).viewer(self.viewer, self.session);
        let tag = Verifier::new(keys.edge()).viewer(&text).unwrap().tag().to_text();
        (RawCredential::new(&text), tag)
    }

    /// Asks for a grant as the viewer.
    pub async fn admit(
        &self,
        admission: &Admission,
        keys: &dyn Keys,
        action: Action,
    ) -> Result<Arc<Grant>, Refused> {
        let (raw, tag) = self.presents(keys);
        admission.admit(&raw, &tag, &self.camera.to_string(), action).await
    }

    /// Asks for a grant to hand in footage as the camera.
    pub async fn admit_camera(
        &self,
        admission: &Admission,
        keys: &dyn Keys,
    ) -> Result<IntakeGrant, Refused> {
        let text = Mint::new(keys.edge()).camera(self.household, self.camera, self.credential);
        admission.admit_camera(&RawCredential::new(&text)).await
    }
}

/// Makes the write of a record that is sealed by hand.
pub fn change<R: Record>(mint: &Mint, record: &R, expect: Expect) -> Change {
    Change {
        kind: R::KIND,
        key: record.key(),
        expect,
        record: Some(mint.seal(record, crate::clock::random()).unwrap()),
    }
}

/// The grants to hand in and to read, for tests of tiers, stores and indexes.
static SEALER: LazyLock<(IntakeGrant, Arc<Grant>)> = LazyLock::new(|| {
    let residents = Residents::new(0);
    let keys = Arc::new(FixedKeys::default());
    let ledger = Arc::new(MemoryLedger::default());
    let (records, admission) =
        doors(Arc::clone(&keys) as _, Arc::new(MemoryRegistry::default()), ledger);
    let all = async {
        residents.move_in(&records, &Mint::new(keys.edge())).await;
        let intake = residents.admit_camera(&admission, &*keys).await.unwrap();
        (intake, residents.admit(&admission, &*keys, Action::Live).await.unwrap())
    };
    // Everything is in memory, so the future is ready at once.
    all.now_or_never().unwrap()
});

static STILL: LazyLock<FootageId> =
    LazyLock::new(|| FootageId::from_time(1_700_000_000_000, [1; 10]).unwrap());

/// Returns how many plain bytes are sealed as this many, not counting the header.
fn plain_bytes(sealed_bytes: usize) -> usize {
    let (full, rest) = (sealed_bytes / SEALED_CHUNK_BYTES, sealed_bytes % SEALED_CHUNK_BYTES);
    full * CHUNK_BYTES + rest.checked_sub(TAG_BYTES).expect("nothing is sealed as so many bytes")
}

/// Seals an object of `sealed_bytes`, and returns its parts of `part_bytes` and its last part. The
/// same numbers always give the same object.
pub fn parts(n: u8, part_bytes: usize, sealed_bytes: usize) -> (Vec<SealedPart>, SealedPart) {
    let offered = SEALER.0.offer(Kind::Still, *STILL);
    let mut sealing = offered.seal(ObjectVersion::from_bytes([n; 16]), [n; 24]).unwrap();
    sealing.push(&vec![n; plain_bytes(sealed_bytes - HEADER_BYTES)]).unwrap();
    let parts = std::iter::from_fn(|| sealing.part(part_bytes)).collect();
    (parts, sealing.finish().unwrap().rest)
}

/// Returns a whole object of `sealed_bytes`.
pub fn part(n: u8, sealed_bytes: usize) -> SealedPart {
    parts(n, usize::MAX, sealed_bytes).1
}

/// Returns an extent of `sealed_bytes`, not counting its header.
pub fn sealed(n: u8, sealed_bytes: usize) -> Sealed {
    let offered = SEALER.0.offer(Kind::Still, *STILL);
    let mut sealing = offered.seal(ObjectVersion::from_bytes([n; 16]), [n; 24]).unwrap();
    sealing.push(&vec![n; plain_bytes(sealed_bytes)]).unwrap();
    let finished = sealing.finish().unwrap();
    let asked = SEALER.1.ask(Kind::Still, *STILL).unwrap();
    let located = asked.locate(&finished.row).unwrap().unwrap();
    let mut chunks = finished.rest.into_bytes();
    let header = chunks.split_to(HEADER_BYTES).as_ref().try_into().unwrap();
    located.accept(0, Claimed { header, chunks }).unwrap().verify().unwrap()
}
