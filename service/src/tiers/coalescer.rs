//! The coalescer: many waiters for one extent cost one read.
//!
//! Threat. A flight's answer may reach another flight's waiter. What must hold: each waiter takes the answer to the vault under its own grant,
//! as if a stranger had handed it over. The coalescer vouches for nothing and keeps nothing once a flight has landed.

use super::ExtentKey;
use crate::sync::{Mutex, spawn};
use async_trait::async_trait;
use eyesonly_gate::Claimed;
use futures::FutureExt as _;
use futures::future::{BoxFuture, Shared};
use std::collections::HashMap;
use std::sync::Arc;

/// Why a read gave nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FetchError {
    /// There is no such object, or not so much of it.
    Missing,
    /// It is shorter than it should be.
    Short,
    /// The store does not answer.
    Unavailable,
}

/// What a read gives.
pub type Fetched = Result<Claimed, FetchError>;
/// A read of the store that nobody has begun yet.
pub type Read = BoxFuture<'static, Fetched>;

/// Lets many waiters share one read.
#[async_trait]
pub trait Coalescer: Send + Sync + 'static {
    /// The answer of the read that is under way for `key`, or of `read`, which then is begun. A waiter that goes away ends nothing for others.
    ///
    /// # Errors
    /// What the read said.
    async fn fetch(&self, key: ExtentKey, read: Read) -> Fetched;
}

/// The coalescer where nobody else waits, as in an instance that serves one request: each asker reads for itself. [`Flights`] must not be used
/// there: its reads run beside, and in a component nothing does.
pub struct Alone;

#[async_trait]
impl Coalescer for Alone {
    async fn fetch(&self, _: ExtentKey, read: Read) -> Fetched {
        read.await
    }
}

type Flight = Shared<BoxFuture<'static, Fetched>>;

/// The coalescer: flights that are under way, by what they are for.
#[derive(Default)]
pub struct Flights {
    under_way: Arc<Mutex<HashMap<ExtentKey, Flight>>>,
}

impl Flights {
    fn flight(&self, key: ExtentKey, read: Read) -> Flight {
        let Ok(mut flights) = self.under_way.lock() else {
            return futures::future::ready(Err(FetchError::Unavailable)).boxed().shared();
        };
        if let Some(flight) = flights.get(&key) {
            return flight.clone();
        }
        let landing = Landing { under_way: Arc::clone(&self.under_way), key };
        let task = spawn(async move {
            // Removed when the read ends, however it ends.
            let _landing = landing;
            read.await
        });
        let flight =
            async move { task.await.unwrap_or(Err(FetchError::Unavailable)) }.boxed().shared();
        flights.insert(key, flight.clone());
        flight
    }

    /// How many flights are under way.
    pub fn under_way(&self) -> usize {
        self.under_way.lock().map_or(0, |flights| flights.len())
    }
}

#[async_trait]
impl Coalescer for Flights {
    async fn fetch(&self, key: ExtentKey, read: Read) -> Fetched {
        self.flight(key, read).await
    }
}

struct Landing {
    under_way: Arc<Mutex<HashMap<ExtentKey, Flight>>>,
    key: ExtentKey,
}

impl Drop for Landing {
    fn drop(&mut self) {
        if let Ok(mut flights) = self.under_way.lock() {
            flights.remove(&self.key);
        }
    }
}

#[cfg(any(test, feature = "conformance"))]
pub mod conformance {
    //! What every coalescer does: one suite for all of them.
    #![allow(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::indexing_slicing,
        reason = "for tests: a failed expectation is the point"
    )]

    use super::{Coalescer, FetchError};
    use crate::tiers::conformance::{extent, key};
    use eyesonly_gate::Claimed;
    use futures::FutureExt as _;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use tokio::sync::Semaphore;

    /// Runs the suite.
    pub async fn check(coalescer: Arc<dyn Coalescer>) {
        many_waiters_cost_one_read(&coalescer).await;
        a_failed_flight_is_not_kept(&coalescer).await;
    }

    async fn many_waiters_cost_one_read(coalescer: &Arc<dyn Coalescer>) {
        let (reads, gate) = (Arc::new(AtomicUsize::new(0)), Arc::new(Semaphore::new(0)));
        let mut waiters = Vec::new();
        for _ in 0..50 {
            let (reads, gate) = (Arc::clone(&reads), Arc::clone(&gate));
            let read = async move {
                reads.fetch_add(1, Ordering::SeqCst);
                let _open = gate.acquire().await;
                Ok(Claimed::from(extent(1, 60)))
            };
            let coalescer = Arc::clone(coalescer);
            waiters.push(tokio::spawn(async move { coalescer.fetch(key(1), read.boxed()).await }));
            tokio::task::yield_now().await;
        }
        // Waiters that go away, the one that began the flight among them, end nothing for the others.
        for gone in waiters.drain(..10) {
            gone.abort();
        }
        gate.add_permits(50);
        for waiter in waiters {
            assert_eq!(waiter.await.unwrap().unwrap().chunks, *extent(1, 60).chunks());
        }
        assert_eq!(reads.load(Ordering::SeqCst), 1);
    }

    async fn a_failed_flight_is_not_kept(coalescer: &Arc<dyn Coalescer>) {
        let failing = async { Err(FetchError::Missing) }.boxed();
        assert_eq!(coalescer.fetch(key(2), failing).await.err(), Some(FetchError::Missing));
        let read = async { Ok(Claimed::from(extent(2, 60))) }.boxed();
        assert!(coalescer.fetch(key(2), read).await.is_ok());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn conforms() {
        let flights = Arc::new(Flights::default());
        conformance::check(Arc::clone(&flights) as _).await;
        assert_eq!(flights.under_way(), 0, "nothing is kept");
    }
}
