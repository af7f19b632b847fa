//! A running clip is cut at the next extent when its right is taken away. Revocation, logout, a
//! narrowed window and expiry take a right away. The clip is cut even if pool and registry lie
//! about where the registry is.

use super::liars::LyingRegistry;
use super::{all, body, depart, open};
use crate::footage::testing::{Home, drain, footage_id};
use crate::index::memory::MemoryIndex;
use crate::ledger::Counts as _;
use crate::testing::Residents;
use eyesonly_gate::registry::Expect;
use eyesonly_gate::rules::{MediaType, Status};
use eyesonly_gate::{Content, Cut, Departure, Instance, Keys as _, Seam};
use eyesonly_rights::{Action, CameraRight, Fault, Mint, Position, Window};
use eyesonly_seal::{FootageId, Kind};
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// The length of one extent of plain footage, in bytes.
const EXTENT: usize = 1_048_576;

/// The ways in which answers about the registry's position lie.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Lies {
    /// The answers do not lie.
    Not,
    /// The pool gives the reply to an earlier question.
    Late,
    /// The registry says that it is where it was.
    Old,
}

struct Scene {
    home: Home,
    registry: Arc<LyingRegistry>,
    clip: Vec<u8>,
    event: FootageId,
    residents: Residents,
}

impl Scene {
    async fn new() -> Self {
        let registry = Arc::new(LyingRegistry::default());
        let home = Home::over(Arc::new(MemoryIndex::default()), Arc::clone(&registry) as _).await;
        let (clip, event) = (body(2_200_000, 3), footage_id());
        home.put_event(event, "at the door").await.unwrap();
        let intake = home.intake().await;
        home.ingest.anything(&intake, Kind::Clip, event, &clip).await.unwrap();
        let residents = home.residents();
        Self { home, registry, clip, event, residents }
    }

    /// Returns the clip on its way out, with the first extent at hand.
    async fn departure(&self) -> Departure {
        let grant = self.home.grant(Action::Clips).await;
        let held = self.home.footage.event_clip(&grant, self.event).await.unwrap();
        depart(&self.home, held).await.unwrap()
    }

    /// Writes what the viewer may see from now on.
    async fn write_rights(&self, cameras: Vec<CameraRight>) {
        let (home, mint) = (&self.home, Mint::new(self.home.keys.edge()));
        self.residents.write_rights(&home.records, &mint, cameras, Expect::Any).await;
    }

    async fn sign_out(&self) {
        self.residents.sign_out(&self.home.records).await;
    }

    /// Makes the registry lie like this from now on. The lies give `then` as the position.
    fn lie(&self, lies: Lies, then: Position) {
        match lies {
            Lies::Not => self.registry.tell(|_, _| {}),
            Lies::Late => {
                let mut earlier = None;
                self.registry.tell(move |_, answer| {
                    let echo = earlier.replace(answer.echo).unwrap_or_default();
                    (answer.echo, answer.position) = (echo, then);
                });
            }
            Lies::Old => self.registry.tell(move |_, answer| answer.position = then),
        }
    }
}

/// Starts a clip, takes a right away, and checks how much of the clip comes.
async fn check(what: &str, lies: Lies, take_away: impl AsyncFn(&Scene)) {
    let scene = Scene::new().await;
    scene
        .write_rights(vec![CameraRight {
            expires_at_seconds: Some(crate::clock::now_seconds() + 100),
            ..scene.residents.right()
        }])
        .await;
    let mut departure = scene.departure().await;
    let then = scene.home.records.position().await.unwrap();
    take_away(&scene).await;
    scene.lie(lies, then);
    let (got, cut) = drain(&mut departure).await;
    assert!(scene.clip.starts_with(&got), "{what}: never a wrong byte");
    assert_eq!((got.len(), cut), (EXTENT, Some(Cut)), "{what}, {lies:?}");
    assert_eq!(drain(&mut departure).await, (vec![], Some(Cut)), "{what}: it stays cut");
    let position_lied = lies != Lies::Not && what != "expiry";
    let rejected = |fault| scene.home.ledger.misdeliveries(Seam::Registry, fault);
    assert_eq!(
        rejected(Fault::WrongAnswer) + rejected(Fault::Stale) > 0,
        position_lied,
        "{what}, {lies:?}: a lie is counted"
    );
}

const ALL: [Lies; 3] = [Lies::Not, Lies::Late, Lies::Old];

#[tokio::test]
async fn a_revocation_cuts_a_running_clip() {
    for lies in ALL {
        check("revocation", lies, async |scene: &Scene| scene.write_rights(vec![]).await).await;
    }
}

#[tokio::test]
async fn a_logout_cuts_a_running_clip() {
    for lies in ALL {
        check("logout", lies, async |scene: &Scene| scene.sign_out().await).await;
    }
}

#[tokio::test]
async fn a_narrowed_window_cuts_a_running_clip() {
    for lies in ALL {
        check("narrowed window", lies, async |scene: &Scene| {
            let window = Window {
                from_milliseconds: None,
                until_milliseconds: Some(scene.event.time_milliseconds() - 1),
            };
            scene.write_rights(vec![CameraRight { window, ..scene.residents.right() }]).await;
        })
        .await;
    }
}

/// What a handler has made of footage, such as a page of events, has no time of its own. What was
/// opened for it counts.
#[tokio::test]
async fn a_narrowed_window_withholds_what_was_made_of_footage() {
    for (narrowed, leaves) in [(1, false), (0, true)] {
        let scene = Scene::new().await;
        let (raw, grant) = (scene.home.presents().0, scene.home.grant(Action::Clips).await);
        let mut held = scene.home.footage.event_clip(&grant, scene.event).await.unwrap();
        assert!(all(&mut held).await.unwrap() == scene.clip);
        let content = Content::Bytes(b"made of it".as_slice().into());
        let instance = Instance::new(Arc::clone(&grant));
        let answer = instance.answers(Status::Ok, MediaType::Json, content).unwrap();
        let until_milliseconds = Some(scene.event.time_milliseconds() - narrowed);
        let window = Window { from_milliseconds: None, until_milliseconds };
        scene.write_rights(vec![CameraRight { window, ..scene.residents.right() }]).await;
        assert_eq!(open(&scene.home, &grant, raw, answer).await.is_ok(), leaves);
    }
}

#[tokio::test]
async fn a_right_that_runs_out_cuts_a_running_clip() {
    for lies in ALL {
        check("expiry", lies, async |scene: &Scene| {
            scene.home.clock.0.store(200, Ordering::SeqCst);
        })
        .await;
    }
}

#[tokio::test]
async fn an_expiry_that_was_brought_forward_replaces_the_old_one() {
    let scene = Scene::new().await;
    let mut departure = Box::pin(scene.departure().await);
    let soon = crate::clock::now_seconds() + 100;
    scene
        .write_rights(vec![CameraRight {
            expires_at_seconds: Some(soon),
            ..scene.residents.right()
        }])
        .await;
    let mut got = 0;
    // The second extent leaves under the new decision. The third comes too late for that decision.
    loop {
        let frame = std::future::poll_fn(|context| {
            http_body::Body::poll_frame(departure.as_mut(), context)
        })
        .await;
        let Some(Ok(frame)) = frame else { break };
        got += frame.into_data().unwrap().len();
        if got == EXTENT + 131_072 {
            scene.home.clock.0.store(200, Ordering::SeqCst);
        }
    }
    assert_eq!(got, 2 * EXTENT);
}

#[tokio::test]
async fn what_changes_elsewhere_cuts_nothing() {
    let scene = Scene::new().await;
    let mut departure = scene.departure().await;
    scene.home.admin.add_camera(scene.home.household, "Garden", "", None).await.unwrap();
    let (got, cut) = drain(&mut departure).await;
    assert!((got, cut) == (scene.clip, None));
    assert_eq!(drain(&mut departure).await, (vec![], None), "it stays at its end");
}
