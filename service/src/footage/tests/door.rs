//! The way in, at its edges: when a right ends, whose session a record is, and when a camera is
//! asked again.

use crate::footage::testing::Home;
use crate::ledger::{Counts as _, MemoryLedger};
use crate::registry::memory::MemoryRegistry;
use crate::testing::{FixedKeys, Residents, change, doors_at};
use eyesonly_gate::registry::Expect;
use eyesonly_gate::{Admission, Clock, Grant, Keys as _, Records, Refused, Seam};
use eyesonly_rights::{Action, CameraRight, Fault, Mint, Role, SessionRecord, Window};
use eyesonly_seal::FootageId;
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
        scene.write_right(|right| right.expires_at_seconds = Some(200)).await;
        scene
    }

    /// Writes an owner's right to the camera, changed like this.
    async fn write_right(&self, change: impl Fn(&mut CameraRight)) {
        let mut right = self.residents.right();
        change(&mut right);
        let mint = self.mint();
        self.residents.write_rights(&self.records, &mint, vec![right], Expect::Any).await;
    }

    async fn admit(&self, action: Action) -> Result<Arc<Grant>, Refused> {
        self.residents.admit(&self.admission, &*self.keys, action).await
    }

    fn mint(&self) -> Mint {
        Mint::new(self.keys.edge())
    }

    async fn write_session(&self, expires_at_seconds: u64) {
        let (session, viewer) = (self.residents.session, self.residents.viewer);
        let client = String::new();
        let record = SessionRecord { session, viewer, epoch: 0, expires_at_seconds, client };
        let change = change(&self.mint(), &record, Expect::Any);
        self.records.commit(vec![change], None).await.unwrap();
    }

    /// Asks who the viewer is. Returns whether there is an answer, and how many records of sessions
    /// were rejected so far.
    async fn identify(&self) -> (bool, u64) {
        let (raw, _) = self.residents.presents(&*self.keys);
        let identified = self.admission.identify(&raw).await;
        assert!(matches!(identified, Ok(_) | Err(Refused::Unidentified)));
        let rejected = self.ledger.misdeliveries(Seam::Sessions, Fault::WrongSeal);
        (identified.is_ok(), rejected)
    }
}

#[tokio::test]
async fn a_grant_ends_in_the_second_in_which_its_right_does() {
    let scene = Scene::new().await;
    let grant = scene.admit(Action::Live).await.unwrap();
    for (now_seconds, holds) in [(100, true), (199, true), (200, false), (201, false)] {
        scene.clock.0.store(now_seconds, Ordering::SeqCst);
        assert_eq!(scene.admission.again(&grant, None).await.is_ok(), holds, "{now_seconds}");
        assert_eq!(scene.admit(Action::Live).await.is_ok(), holds, "{now_seconds}");
    }
}

#[tokio::test]
async fn a_new_decision_replaces_the_old_one() {
    let scene = Scene::new().await;
    let grant = scene.admit(Action::Live).await.unwrap();
    scene.write_right(|right| right.expires_at_seconds = Some(300)).await;
    assert!(scene.admission.again(&grant, None).await.is_ok());
    scene.clock.0.store(250, Ordering::SeqCst);
    assert!(scene.admission.again(&grant, None).await.is_ok(), "the right was prolonged");
}

#[tokio::test]
async fn only_an_owner_deletes_and_only_what_they_may_see() {
    let scene = Scene::new().await;
    let id = |milliseconds| FootageId::from_time(milliseconds, [1; 10]).unwrap();
    let may =
        async |event| scene.admit(Action::Events).await.unwrap().ask_to_delete(event).is_some();
    assert!(may(id(50_000)).await);
    let window = Window { from_milliseconds: Some(60_000), until_milliseconds: None };
    scene.write_right(|right| right.window = window).await;
    assert_eq!((may(id(50_000)).await, may(id(60_000)).await), (false, true), "by the window");
    scene.write_right(|right| right.role = Role::Member).await;
    assert!(!may(id(50_000)).await, "not the owner");
}

#[tokio::test]
async fn an_ended_session_is_nobodys_and_no_lie() {
    let scene = Scene::new().await;
    assert_eq!(scene.identify().await, (true, 0));
    scene.write_session(100).await;
    assert_eq!(scene.identify().await, (false, 0), "expired");
    scene.write_session(200).await;
    assert_eq!(scene.identify().await, (true, 0));
    scene.residents.sign_out(&scene.records).await;
    assert_eq!(scene.identify().await, (false, 0), "ended");
}

#[tokio::test]
async fn a_camera_that_was_removed_is_not_taken_from_again() {
    let home = Home::new().await;
    let intake = home.intake().await;
    assert!(home.admission.again_intake(&intake).await.is_ok());
    home.admin.add_camera(home.household, "Garden", "", None).await.unwrap();
    assert!(home.admission.again_intake(&intake).await.is_ok(), "a write about another camera");
    home.admin.remove_camera(home.camera).await.unwrap();
    let refused = home.admission.again_intake(&intake).await;
    assert!(matches!(refused, Err(Refused::Unidentified)));
}
