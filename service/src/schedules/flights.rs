//! The coalescer: at most one read of a key is in flight, and no answer is for another key. If a
//! waiter goes away, no flight is lost or kept.

use super::{fails, holds};
use crate::sync::{Mutex, spawn};
use crate::tiers::conformance::{extent, key};
use crate::tiers::{Coalescer, ExtentKey, FetchError, Fetched, Flights, Read};
use async_trait::async_trait;
use futures::FutureExt as _;
use futures::future::{BoxFuture, Shared};
use shuttle::future::yield_now;
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::sync::watch;

/// Returns a read that counts itself while it is under way.
fn read(n: u8, at_once: &Arc<AtomicUsize>) -> Read {
    let at_once = Arc::clone(at_once);
    async move {
        assert_eq!(at_once.fetch_add(1, Ordering::SeqCst), 0, "two reads at once");
        yield_now().await;
        at_once.fetch_sub(1, Ordering::SeqCst);
        Ok(extent(n, 60).into())
    }
    .boxed()
}

/// Runs three waiters for one key, one of which goes away, and one waiter for another key. One of
/// them asks twice.
async fn scene<C: Coalescer + Default>() -> Arc<C> {
    let coalescer = Arc::new(C::default());
    let at_once = [(); 2].map(|()| Arc::new(AtomicUsize::new(0)));
    let waiter = |n: u8, times: usize| {
        let (coalescer, at_once) = (Arc::clone(&coalescer), Arc::clone(&at_once[usize::from(n)]));
        spawn(async move {
            for _ in 0..times {
                let answer = coalescer.fetch(key(n), read(n, &at_once)).await;
                let answer = answer.expect("a waiter that went away ended another's read");
                assert_eq!(answer.chunks, *extent(n, 60).chunks(), "another key's answer");
            }
        })
    };
    let gone = waiter(0, 1);
    let waiters = [waiter(0, 2), waiter(0, 1), waiter(1, 1)];
    yield_now().await;
    gone.abort();
    for waiter in waiters {
        waiter.await.unwrap();
    }
    let _ = gone.await;
    coalescer
}

async fn real() {
    let flights = scene::<Flights>().await;
    // The aborted waiter's flight may be under way.
    while flights.under_way() > 0 {
        yield_now().await;
    }
}

#[test]
fn waiters_share_a_read_and_nothing_else() {
    holds(real, 3000);
}

/// A control that looks and starts under two locks.
#[derive(Default)]
struct LooksFirst(Mutex<HashMap<ExtentKey, watch::Receiver<Option<Fetched>>>>);

#[async_trait]
impl Coalescer for LooksFirst {
    async fn fetch(&self, key: ExtentKey, read: Read) -> Fetched {
        let there = self.0.lock().unwrap().get(&key).cloned();
        if let Some(mut there) = there {
            let answer = there.wait_for(Option::is_some).await;
            return answer.map_or(Err(FetchError::Unavailable), |answer| answer.clone().unwrap());
        }
        let (landed, waiting) = watch::channel(None);
        self.0.lock().unwrap().insert(key, waiting);
        let answer = spawn(read).await.unwrap();
        self.0.lock().unwrap().remove(&key);
        let _ = landed.send(Some(answer.clone()));
        answer
    }
}

type Shareds<K> = Mutex<HashMap<K, Shared<BoxFuture<'static, Fetched>>>>;

/// A control in which every waiter removes the flight when it has been answered. The second waiter
/// removes the next flight.
#[derive(Default)]
struct RemovesTwice(Shareds<ExtentKey>);

#[async_trait]
impl Coalescer for RemovesTwice {
    async fn fetch(&self, key: ExtentKey, read: Read) -> Fetched {
        let flight = {
            let mut flights = self.0.lock().unwrap();
            let begin = || {
                let task = spawn(read);
                async move { task.await.unwrap() }.boxed().shared()
            };
            flights.entry(key).or_insert_with(begin).clone()
        };
        let answer = flight.await;
        self.0.lock().unwrap().remove(&key);
        answer
    }
}

/// A control that takes whichever flight is under way.
#[derive(Default)]
struct TakesAny(Shareds<()>);

#[async_trait]
impl Coalescer for TakesAny {
    async fn fetch(&self, _: ExtentKey, read: Read) -> Fetched {
        let flight = self.0.lock().unwrap().entry(()).or_insert_with(|| read.shared()).clone();
        flight.await
    }
}

/// A control in which the first waiter reads by itself, so that the read ends when this waiter goes
/// away.
#[derive(Default)]
struct DiesWithItsFirst(Mutex<HashMap<ExtentKey, watch::Receiver<Option<Fetched>>>>);

#[async_trait]
impl Coalescer for DiesWithItsFirst {
    async fn fetch(&self, key: ExtentKey, read: Read) -> Fetched {
        let turn = {
            let mut flights = self.0.lock().unwrap();
            match flights.get(&key) {
                Some(there) => Err(there.clone()),
                None => {
                    let (landed, waiting) = watch::channel(None);
                    flights.insert(key, waiting);
                    Ok(landed)
                }
            }
        };
        match turn {
            Ok(landed) => {
                let answer = read.await;
                self.0.lock().unwrap().remove(&key);
                let _ = landed.send(Some(answer.clone()));
                answer
            }
            Err(mut there) => {
                let answer = there.wait_for(Option::is_some).await;
                answer.map_or(Err(FetchError::Unavailable), |answer| answer.clone().unwrap())
            }
        }
    }
}

async fn wrong<C: Coalescer + Default>() {
    scene::<C>().await;
}

#[test]
fn controls_are_caught() {
    fails(wrong::<LooksFirst>, "two reads at once");
    fails(wrong::<RemovesTwice>, "two reads at once");
    fails(wrong::<TakesAny>, "another key's answer");
    fails(wrong::<DiesWithItsFirst>, "a waiter that went away ended another's read");
}
