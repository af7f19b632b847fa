//! Turns limit how many requests run at once, in all and for each household. One household's
//! thousand requests do not starve another's single one. Nor do one viewer's requests starve those
//! of other viewers in the household.
//!
//! Three semaphores are taken in order: the asker's own, the household's, and the global one. An
//! asker is a viewer or a camera. At most one request of each asker waits in its household's queue,
//! so turns rotate between askers there. While the household has a free permit, the asker's
//! semaphore is skipped. Waiting in one household blocks no other household. This module must never
//! look at what is done in a turn.

use crate::sync::{Mutex, OwnedSemaphorePermit, Semaphore, timeout_at};
use eyesonly_seal::HouseholdId;
use std::collections::HashMap;
use std::sync::Arc;
use tokio::time::Instant;

/// The asker within a household: the bytes of a viewer's or a camera's id.
pub type Asker = [u8; 16];

/// The semaphores that give turns.
pub struct Turns {
    all: Arc<Semaphore>,
    /// The most turns of one household at once.
    household_max: usize,
    /// The most waiting requests of one household. One more is refused at once, unless its asker
    /// has no request here yet.
    waiting_max: usize,
    households: Mutex<HashMap<HouseholdId, Own>>,
}

/// The state of one household, kept while a request of that household is here.
struct Own {
    turns: Arc<Semaphore>,
    /// For each asker, the semaphore for one place in the household's queue, and the number of the
    /// asker's requests here.
    lines: HashMap<Asker, (Arc<Semaphore>, usize)>,
    /// The number of requests that have a turn or wait for one. At 0, the entry is removed.
    here: usize,
}

/// One turn, held until the work that it is for has ended.
pub struct Turn {
    /// The permits are dropped before the place, since fields are dropped in the order of their
    /// declaration.
    _permits: (OwnedSemaphorePermit, OwnedSemaphorePermit),
    _place: Place,
}

/// One request's count in its household's entry, given back on drop.
struct Place {
    turns: Arc<Turns>,
    household: HouseholdId,
    asker: Asker,
}

impl Drop for Place {
    fn drop(&mut self) {
        let Ok(mut households) = self.turns.households.lock() else {
            return;
        };
        let Some(own) = households.get_mut(&self.household) else {
            return;
        };
        if let Some((_, here)) = own.lines.get_mut(&self.asker) {
            *here = here.saturating_sub(1);
            if *here == 0 {
                own.lines.remove(&self.asker);
            }
        }
        own.here = own.here.saturating_sub(1);
        if own.here == 0 {
            households.remove(&self.household);
        }
    }
}

impl Turns {
    /// Makes turns for `all_max` requests at once, at most `household_max` of them of one
    /// household. Behind these, `waiting_max` requests of that household may wait.
    pub fn new(all_max: usize, household_max: usize, waiting_max: usize) -> Arc<Self> {
        Arc::new(Self {
            all: Arc::new(Semaphore::new(all_max)),
            household_max,
            waiting_max,
            households: Mutex::default(),
        })
    }

    /// Waits for a turn of this household until `deadline`. Returns None if there was no turn in
    /// time. Also returns None if the asker has a request here already and too many of its
    /// household wait.
    pub async fn wait(
        self: &Arc<Self>,
        household: HouseholdId,
        asker: Asker,
        deadline: Instant,
    ) -> Option<Turn> {
        let (place, line, own) = self.enter(household, asker)?;
        let both = async {
            // The asker's semaphore is taken only if there is a wait. A semaphore hands its permit
            // to a task that does not run yet. If every request took that semaphore, each would
            // wait for the one before.
            let own = match Arc::clone(&own).try_acquire_owned() {
                Ok(free) => free,
                Err(_) => {
                    let _in_line = line.acquire_owned().await.ok()?;
                    own.acquire_owned().await.ok()?
                }
            };
            let all = Arc::clone(&self.all).acquire_owned().await.ok()?;
            Some((own, all))
        };
        let permits = timeout_at(deadline, both).await.ok()??;
        Some(Turn { _permits: permits, _place: place })
    }

    fn enter(
        self: &Arc<Self>,
        household: HouseholdId,
        asker: Asker,
    ) -> Option<(Place, Arc<Semaphore>, Arc<Semaphore>)> {
        let mut households = self.households.lock().ok()?;
        let own = households.entry(household).or_insert_with(|| Own {
            turns: Arc::new(Semaphore::new(self.household_max)),
            lines: HashMap::new(),
            here: 0,
        });
        // An asker that has no request here is never refused. Otherwise one guest's many requests
        // would lock the owner out.
        let came_before = own.lines.contains_key(&asker);
        if came_before && own.here >= self.household_max.saturating_add(self.waiting_max) {
            return None;
        }
        own.here = own.here.saturating_add(1);
        let (line, here) =
            own.lines.entry(asker).or_insert_with(|| (Arc::new(Semaphore::new(1)), 0));
        *here = here.saturating_add(1);
        let (line, turns) = (Arc::clone(line), Arc::clone(&own.turns));
        let place = Place { turns: Arc::clone(self), household, asker };
        Some((place, line, turns))
    }

    /// Takes every permit of the global semaphore, for tests of what waits.
    #[cfg(any(test, feature = "conformance"))]
    pub async fn take_all(&self, all_max: u32) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.all).acquire_many_owned(all_max).await.ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    const ONE: HouseholdId = HouseholdId::from_bytes([1; 16]);
    const TWO: HouseholdId = HouseholdId::from_bytes([2; 16]);
    const OWNER: Asker = [3; 16];
    const GUEST: Asker = [4; 16];

    fn far() -> Instant {
        Instant::now() + Duration::from_secs(600)
    }

    async fn has_waited<T>(task: &tokio::task::JoinHandle<T>) {
        for _ in 0..100 {
            tokio::task::yield_now().await;
        }
        assert!(!task.is_finished());
    }

    #[tokio::test]
    async fn one_households_many_do_not_stop_anothers_one() {
        let turns = Turns::new(8, 4, 2);
        let mut held = Vec::new();
        for _ in 0..4 {
            held.push(turns.wait(ONE, OWNER, far()).await.unwrap());
        }
        assert!(turns.wait(ONE, OWNER, Instant::now()).await.is_none(), "in vain");
        assert!(turns.wait(TWO, OWNER, far()).await.is_some());
        held.pop();
        held.push(turns.wait(ONE, OWNER, far()).await.unwrap());
        // Two may wait. A third is refused at once.
        let waiting = [(); 2].map(|()| {
            let turns = Arc::clone(&turns);
            tokio::spawn(async move { turns.wait(ONE, OWNER, far()).await.is_some() })
        });
        has_waited(&waiting[0]).await;
        assert!(turns.wait(ONE, OWNER, far()).await.is_none());
        held.truncate(2);
        for waiter in waiting {
            assert!(waiter.await.unwrap());
        }
        held.clear();
        let households = turns.households.lock().unwrap();
        assert!(households.is_empty(), "nothing is kept of a household that is not here");
    }

    #[tokio::test]
    async fn the_next_in_line_waits_for_no_more_than_a_households_share() {
        let turns = Turns::new(2, 2, 100);
        let order = Arc::new(Mutex::new(Vec::new()));
        let mut tasks = Vec::new();
        for household in std::iter::repeat_n(ONE, 50).chain([TWO]) {
            let (turns, order) = (Arc::clone(&turns), Arc::clone(&order));
            tasks.push(tokio::spawn(async move {
                let _turn = turns.wait(household, OWNER, far()).await.unwrap();
                order.lock().unwrap().push(household);
                // This is long enough for every task to have come.
                for _ in 0..100 {
                    tokio::task::yield_now().await;
                }
            }));
        }
        for task in tasks {
            task.await.unwrap();
        }
        let at = order.lock().unwrap().iter().position(|household| *household == TWO);
        assert!(at.unwrap() <= 4, "behind two that are at it and two that are next: {at:?}");
    }

    #[tokio::test]
    async fn a_guest_that_fills_the_queue_does_not_lock_the_owner_out() {
        let turns = Turns::new(8, 2, 3);
        let held = turns.wait(ONE, GUEST, far()).await.unwrap();
        let held_too = turns.wait(ONE, GUEST, far()).await.unwrap();
        let others = [(); 3].map(|()| {
            let turns = Arc::clone(&turns);
            tokio::spawn(async move { turns.wait(ONE, GUEST, far()).await.is_some() })
        });
        has_waited(&others[2]).await;
        assert!(turns.wait(ONE, GUEST, far()).await.is_none(), "the queue is full");
        let owner = {
            let turns = Arc::clone(&turns);
            tokio::spawn(async move { turns.wait(ONE, OWNER, far()).await.is_some() })
        };
        has_waited(&owner).await;
        drop((held, held_too));
        assert!(owner.await.unwrap(), "a place in the queue, and a turn");
        for other in others {
            assert!(other.await.unwrap());
        }
    }

    #[tokio::test]
    async fn a_guests_many_do_not_stop_the_owners_one() {
        let turns = Turns::new(8, 2, 100);
        let order = Arc::new(Mutex::new(Vec::new()));
        let mut tasks = Vec::new();
        for asker in std::iter::repeat_n(GUEST, 50).chain([OWNER]) {
            let (turns, order) = (Arc::clone(&turns), Arc::clone(&order));
            tasks.push(tokio::spawn(async move {
                let _turn = turns.wait(ONE, asker, far()).await.unwrap();
                order.lock().unwrap().push(asker);
                // This is long enough for every task to have come.
                for _ in 0..100 {
                    tokio::task::yield_now().await;
                }
            }));
        }
        for task in tasks {
            task.await.unwrap();
        }
        let at = order.lock().unwrap().iter().position(|asker| *asker == OWNER);
        assert!(at.unwrap() <= 3, "behind two that are at it and one that is next: {at:?}");
        assert!(turns.households.lock().unwrap().is_empty());
    }
}
