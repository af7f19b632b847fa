//! The way in, at its edges: when a right ends, whose session a record is, and when a camera is
//! asked again.

use crate::footage::testing::Home;
use crate::ledger::{Counts as _, MemoryLedger};
use crate::registry::memory::MemoryRegistry;
use crate::testing::{FixedKeys, Residents, doors_at};
use eyesonly_gate::registry::{Change, Expect};
use eyesonly_gate::{Admission, Clock, Keys as _, Records, Refused, Seam};
use eyesonly_rights::{Action, CameraRight, Fault, Mint, Record as _, SessionRecord};
use eyesonly_seal::ViewerId;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// A clock that stands until it is set, in seconds.
#[derive(Default)]
struct Standing(AtomicU64);

impl Clock for Standing {
    fn now_milliseconds(&self) -> u64 {
        self.0.load(Ordering::SeqCst) * 1000
    }
}

/// A household whose time is set by hand. Its rights end at second 200.
struct Scene {
    keys: Arc<FixedKeys>,
    clock: Arc<Standing>,
    records: Arc<Records>,
    admission: Arc<Admission>,
    ledger: Arc<MemoryLedger>,
    residents: Residents,
}

impl Scene {
    async fn new() -> Self {
        let (keys, ledger) = (Arc::new(FixedKeys::default()), Arc::new(MemoryLedger::default()));
        let clock = Arc::new(Standing(AtomicU64::new(100)));
        let registry = Arc::new(MemoryRegistry::default());
        let (records, admission) =
            doors_at(Arc::clone(&keys) as _, registry, Arc::clone(&ledger) as _, {
                Arc::clone(&clock) as _
            });
        let residents = Residents::new(0);
        let scene = Self { keys, clock, records, admission, ledger, residents };
        residents.move_in(&scene.records, &scene.mint()).await;
        let right = CameraRight { expires_at_seconds: Some(200), ..residents.right() };
        residents.write_rights(&scene.records, &scene.mint(), vec![right], Expect::Any).await;
        scene
    }

    fn mint(&self) -> Mint {
        Mint::new(self.keys.edge())
    }

    async fn write_session(&self, viewer: ViewerId, expires_at_seconds: u64) {
        let record = SessionRecord { session: self.residents.session, viewer, expires_at_seconds };
        let change = Change {
            kind: SessionRecord::KIND,
            key: record.key(),
            expect: Expect::Any,
            record: Some(self.mint().seal(&record, crate::clock::random()).unwrap()),
        };
        self.records.commit(vec![change], None).await.unwrap();
    }

    /// Asks who the viewer is. Returns whether there is an answer, and how many records of sessions
    /// were rejected so far.
    async fn identify(&self) -> (bool, u64) {
        let (raw, _) = self.residents.presents(&*self.keys);
        let identified = self.admission.identify(&raw).await;
        assert!(matches!(identified, Ok(_) | Err(Refused::Unidentified)));
        let rejected = self.ledger.misdeliveries(Seam::Sessions, Fault::WrongAnswer);
        (identified.is_ok(), rejected)
    }
}

#[tokio::test]
async fn a_grant_ends_in_the_second_in_which_its_right_does() {
    let scene = Scene::new().await;
    let admit = || scene.residents.admit(&scene.admission, &*scene.keys, Action::Live);
    let grant = admit().await.unwrap();
    for (now_seconds, holds) in [(100, true), (199, true), (200, false), (201, false)] {
        scene.clock.0.store(now_seconds, Ordering::SeqCst);
        assert_eq!(scene.admission.again(&grant, None).await.is_ok(), holds, "{now_seconds}");
        assert_eq!(admit().await.is_ok(), holds, "{now_seconds}");
    }
}

#[tokio::test]
async fn a_session_of_somebody_else_is_counted_and_an_ended_one_is_not() {
    let scene = Scene::new().await;
    assert_eq!(scene.identify().await, (true, 0));
    scene.write_session(scene.residents.viewer, 100).await;
    assert_eq!(scene.identify().await, (false, 0), "expired");
    scene.write_session(ViewerId::from_bytes([9; 16]), 200).await;
    assert_eq!(scene.identify().await, (false, 1), "another viewer's");
    scene.residents.sign_out(&scene.records).await;
    assert_eq!(scene.identify().await, (false, 1), "ended");
}

#[tokio::test]
async fn a_camera_that_was_removed_is_not_taken_from_again() {
    let home = Home::new().await;
    let intake = home.intake().await;
    assert!(home.admission.still_takes(&intake).await.is_ok());
    home.admin.add_camera(home.household, "Garden", "").await.unwrap();
    assert!(home.admission.still_takes(&intake).await.is_ok(), "a write about another camera");
    home.admin.remove_camera(home.camera).await.unwrap();
    let refused = home.admission.still_takes(&intake).await;
    assert!(matches!(refused, Err(Refused::Unidentified)));
}
