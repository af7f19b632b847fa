//! Turns: never more are held than the limits allow, and nothing is kept of a request that went
//! away. A request that waits for its household's turn blocks no other household.

use super::{fails, holds};
use crate::sync::{Mutex, OwnedSemaphorePermit, Semaphore, spawn};
use crate::turns::{Turn, Turns};
use async_trait::async_trait;
use eyesonly_seal::HouseholdId;
use shuttle::future::yield_now;
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::time::Instant;

const ALL: usize = 2;
const OF_HOUSEHOLD: usize = 1;
const WAITING: usize = 1;

/// A giver of turns: the real one, or a control.
#[async_trait]
trait Gives: Send + Sync + 'static {
    type Turn: Send;
    fn new() -> Arc<Self>;
    async fn wait(self: Arc<Self>, household: u8) -> Option<Self::Turn>;
}

#[async_trait]
impl Gives for Turns {
    type Turn = Turn;
    fn new() -> Arc<Self> {
        Self::new(ALL, OF_HOUSEHOLD, WAITING)
    }
    async fn wait(self: Arc<Self>, household: u8) -> Option<Turn> {
        // Under shuttle no time passes. Each household has one asker, so the asker's line is one
        // more place to wait at.
        Turns::wait(
            &self,
            HouseholdId::from_bytes([household; 16]),
            [household; 16],
            Instant::now(),
        )
        .await
    }
}

/// Counts a turn while it is held.
struct Count(Arc<[AtomicUsize; 4]>, usize);

impl Count {
    fn new(at_it: &Arc<[AtomicUsize; 4]>, n: usize, max: usize) -> Self {
        let count = Self(Arc::clone(at_it), n);
        assert!(count.0[n].fetch_add(1, Ordering::SeqCst) < max, "more than may be at it");
        count
    }
}

impl Drop for Count {
    fn drop(&mut self) {
        self.0[self.1].fetch_sub(1, Ordering::SeqCst);
    }
}

/// Lets two requests of one household run, one of which goes away wherever it is by then. Two other
/// households run one request each.
async fn limits<G: Gives>() {
    let turns = G::new();
    let at_it = Arc::new([(); 4].map(|()| AtomicUsize::new(0)));
    let go = |household: u8| {
        let (turns, at_it) = (Arc::clone(&turns), Arc::clone(&at_it));
        spawn(async move {
            let _turn = turns.wait(household).await.expect("there was room to wait");
            let _all = Count::new(&at_it, 0, ALL);
            let _own = Count::new(&at_it, usize::from(household), OF_HOUSEHOLD);
            yield_now().await;
        })
    };
    let gone = go(1);
    let staying = [go(1), go(2), go(3)];
    yield_now().await;
    gone.abort();
    for task in staying {
        task.await.unwrap();
    }
    let _ = gone.await;
    // Nothing is kept: one request may have the turn again, and one may wait.
    let turn = Arc::clone(&turns).wait(1).await.expect("a place was kept");
    let waiting = Arc::clone(&turns);
    let waiting = spawn(async move { waiting.wait(1).await.is_some() });
    yield_now().await;
    drop(turn);
    assert!(waiting.await.unwrap(), "a place was kept");
}

/// Holds a turn of one household until a request of another household has had its turn. Meanwhile
/// another request of the first household waits.
async fn fair<G: Gives>() {
    let turns = G::new();
    let turn = Arc::clone(&turns).wait(1).await.unwrap();
    let [waiting, other] = [1, 2].map(|household| {
        let turns = Arc::clone(&turns);
        spawn(async move { turns.wait(household).await.is_some() })
    });
    assert!(other.await.unwrap());
    drop(turn);
    assert!(waiting.await.unwrap());
}

#[test]
fn nobody_is_at_it_beyond_the_limits_and_nothing_is_kept() {
    holds(limits::<Turns>, 3000);
}

#[test]
fn who_waits_holds_no_other_household_up() {
    holds(fair::<Turns>, 3000);
}

/// The fault of a control.
const ORDER: u8 = 0;
const PLACE: u8 = 1;
const LIMIT: u8 = 2;

/// A control: turns that are wrong about one thing.
struct Wrong<const ABOUT: u8> {
    all: Arc<Semaphore>,
    own: HashMap<u8, Arc<Semaphore>>,
    here: Mutex<HashMap<u8, usize>>,
}

#[async_trait]
impl<const ABOUT: u8> Gives for Wrong<ABOUT> {
    type Turn = (OwnedSemaphorePermit, OwnedSemaphorePermit, WrongPlace<ABOUT>);
    fn new() -> Arc<Self> {
        let all = if ABOUT == LIMIT { ALL + 1 } else { ALL };
        Arc::new(Self {
            all: Arc::new(Semaphore::new(all)),
            own: (1..4).map(|n| (n, Arc::new(Semaphore::new(OF_HOUSEHOLD)))).collect(),
            here: Mutex::default(),
        })
    }
    async fn wait(self: Arc<Self>, household: u8) -> Option<Self::Turn> {
        if ABOUT == PLACE {
            // The count goes up here, and down where a turn is given back. So a request that goes
            // away while waiting stays counted.
            let mut here = self.here.lock().unwrap();
            let here = here.entry(household).or_default();
            *here += 1;
            if *here > OF_HOUSEHOLD + WAITING {
                return None;
            }
        }
        let (all, own) = (Arc::clone(&self.all), Arc::clone(&self.own[&household]));
        let (own, all) = if ABOUT == ORDER {
            let all = all.acquire_owned().await.unwrap();
            (own.acquire_owned().await.unwrap(), all)
        } else {
            let own = own.acquire_owned().await.unwrap();
            (own, all.acquire_owned().await.unwrap())
        };
        Some((own, all, WrongPlace(self, household)))
    }
}

struct WrongPlace<const ABOUT: u8>(Arc<Wrong<ABOUT>>, u8);

impl<const ABOUT: u8> Drop for WrongPlace<ABOUT> {
    fn drop(&mut self) {
        // The scene may have failed by now, with the lock held.
        if let Ok(mut here) = self.0.here.lock()
            && let Some(here) = here.get_mut(&self.1)
        {
            *here -= 1;
        }
    }
}

#[test]
fn controls_are_caught() {
    fails(fair::<Wrong<ORDER>>, "deadlock");
    fails(limits::<Wrong<PLACE>>, "a place was kept");
    fails(limits::<Wrong<LIMIT>>, "more than may be at it");
}
