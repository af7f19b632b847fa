//! What the ledger is told of a delivery: before it, when it leaves, and how it ended.

use super::*;
use async_trait::async_trait;
use eyesonly_gate::Admission;
use eyesonly_gate::entry::{Entry, Outcome, Stage};
use eyesonly_gate::ledger::{Ledger, LedgerError, Misdelivery};
use std::sync::Mutex;

/// What a ledger was told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Told {
    Starts(Handed, u64),
    LetsOut,
    Ends(Outcome, u64),
}

/// A ledger that answers as it is told. `None`: it never answers.
struct Listening {
    answer: Option<Result<bool, LedgerError>>,
    told: Mutex<Vec<Told>>,
}

#[async_trait]
impl Ledger for Listening {
    async fn starts(&self, entry: &Entry<'_>) -> Result<bool, LedgerError> {
        let Delivery { handed, body_bytes, .. } = *entry.delivery();
        self.told.lock().unwrap().push(Told::Starts(handed, body_bytes));
        match self.answer {
            Some(answer) => answer,
            None => std::future::pending().await,
        }
    }

    fn lets_out(&self, _: &Entry<'_>) {
        self.told.lock().unwrap().push(Told::LetsOut);
    }

    fn ends(&self, entry: &Entry<'_>) {
        let Stage::Ends(outcome) = entry.stage() else { panic!("an end that is none") };
        self.told.lock().unwrap().push(Told::Ends(outcome, entry.delivery().body_bytes));
    }

    fn misdelivery(&self, _: &Misdelivery) {}
}

/// An edge with such a ledger, a still, and what is asked of it.
struct Scene {
    home: Home,
    ledger: Arc<Listening>,
    door: Arc<Admission>,
    still: Vec<u8>,
}

impl Scene {
    async fn new(answer: Option<Result<bool, LedgerError>>) -> Self {
        let (home, still) = with_still().await;
        let ledger = Arc::new(Listening { answer, told: Mutex::default() });
        let door = Admission::new(
            Arc::clone(&home.keys) as _,
            Arc::clone(&home.records),
            Arc::clone(&ledger) as _,
            Arc::clone(&home.clock) as _,
        );
        Self { home, ledger, door, still }
    }

    /// Answers with the still. `meanwhile` happens before its departure is opened.
    async fn departs(
        &self,
        handed: Handed,
        is_head: bool,
        meanwhile: impl AsyncFnOnce(),
    ) -> Result<Departure, Refused> {
        let (raw, tag) = self.home.presents();
        let camera = self.home.camera.to_string();
        let grant = self.door.admit(raw, &tag, &camera, Action::Live).await.unwrap();
        let held = self.home.footage.newest_still(&grant).await.unwrap();
        let length = held.length();
        let (grant, answer) = answer(Box::new(held), 0, length);
        meanwhile().await;
        let leaving = Leaving { handed, event: None, is_head };
        Departure::open(&self.door, &grant, raw, answer, leaving).await
    }

    fn told(&self) -> Vec<Told> {
        self.ledger.told.lock().unwrap().clone()
    }

    fn length(&self) -> u64 {
        self.still.len() as u64
    }
}

#[tokio::test]
async fn a_delivery_has_a_start_and_an_end() {
    let scene = Scene::new(Some(Ok(true))).await;
    let mut departure = scene.departs(Handed::Clip, false, async || ()).await.unwrap();
    let (starts, length) = (Told::Starts(Handed::Clip, scene.length()), scene.length());
    assert_eq!(scene.told(), [starts, Told::LetsOut]);
    assert!(drain(&mut departure).await.0 == scene.still);
    drop(departure);
    assert_eq!(scene.told(), [starts, Told::LetsOut, Told::Ends(Outcome::Whole, length)]);
}

#[tokio::test]
async fn what_is_dropped_in_the_middle_was_cut() {
    let scene = Scene::new(Some(Ok(true))).await;
    let mut departure = scene.departs(Handed::Clip, false, async || ()).await.unwrap();
    let frame = std::future::poll_fn(|context| {
        http_body::Body::poll_frame(std::pin::Pin::new(&mut departure), context)
    });
    let first = frame.await.unwrap().unwrap().into_data().unwrap().len() as u64;
    drop(departure);
    assert!(first < scene.length());
    assert_eq!(scene.told().last(), Some(&Told::Ends(Outcome::Cut, first)));
}

/// An entry that may cover further deliveries has no end: it would be that of the first one.
#[tokio::test]
async fn an_entry_that_covers_more_has_no_end() {
    for (handed, bytes) in [(Handed::Still, 2_200_000), (Handed::Live, 0)] {
        let scene = Scene::new(Some(Ok(true))).await;
        let mut departure = scene.departs(handed, false, async || ()).await.unwrap();
        assert!(drain(&mut departure).await.0 == scene.still);
        drop(departure);
        let [Told::Starts(of, said), Told::LetsOut] = scene.told()[..] else {
            panic!("{:?}", scene.told())
        };
        assert!(of == handed && said >= bytes && (bytes > 0 || said == 0), "{said}");
    }
}

#[tokio::test]
async fn a_delivery_that_an_entry_covers_has_none() {
    let scene = Scene::new(Some(Ok(false))).await;
    let mut departure = scene.departs(Handed::Still, false, async || ()).await.unwrap();
    assert!(drain(&mut departure).await.0 == scene.still);
    drop(departure);
    assert_eq!(scene.told(), [Told::Starts(Handed::Still, scene.length())]);
}

#[tokio::test]
async fn a_head_is_no_delivery_and_has_no_body() {
    let scene = Scene::new(Some(Err(LedgerError::Closed))).await;
    let mut departure = scene.departs(Handed::Still, true, async || ()).await.unwrap();
    assert_eq!(departure.length(), Some(scene.length()));
    assert_eq!(drain(&mut departure).await.0, b"");
    assert_eq!(scene.told(), []);
}

#[tokio::test]
async fn what_lost_its_right_is_withheld() {
    let scene = Scene::new(Some(Ok(true))).await;
    let revoked = async || scene.home.admin.remove_viewer(scene.home.viewer).await.unwrap();
    let refused = scene.departs(Handed::Still, false, revoked).await;
    assert!(refused.is_err());
    let starts = Told::Starts(Handed::Still, scene.length());
    assert_eq!(scene.told(), [starts, Told::Ends(Outcome::Withheld, 0)]);
}

/// Where the ledger may have the entry and nothing left, it is told so.
#[tokio::test]
async fn what_was_not_entered_in_time_is_withheld() {
    let scene = Scene::new(Some(Err(LedgerError::Late))).await;
    assert!(scene.departs(Handed::Clip, false, async || ()).await.is_err());
    let starts = Told::Starts(Handed::Clip, scene.length());
    assert_eq!(scene.told(), [starts, Told::Ends(Outcome::Withheld, 0)]);
    let scene = Scene::new(None).await;
    let asked = async {
        while scene.told().is_empty() {
            tokio::task::yield_now().await;
        }
    };
    tokio::select! {
        _ = scene.departs(Handed::Clip, false, async || ()) => panic!("the ledger did not answer"),
        () = asked => {}
    }
    assert_eq!(scene.told(), [starts, Told::Ends(Outcome::Withheld, 0)]);
}

#[tokio::test]
async fn what_the_ledger_does_not_take_does_not_leave() {
    for error in [LedgerError::Closed, LedgerError::Busy, LedgerError::TooMany { seconds: 7 }] {
        let scene = Scene::new(Some(Err(error))).await;
        let refused = scene.departs(Handed::Clip, false, async || ()).await.err().unwrap();
        let seconds = match refused {
            Refused::TooMany { seconds } => Some(seconds),
            _ => None,
        };
        assert_eq!(seconds, (error == LedgerError::TooMany { seconds: 7 }).then_some(7));
        assert_eq!(scene.told(), [Told::Starts(Handed::Clip, scene.length())]);
    }
}
