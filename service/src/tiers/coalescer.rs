//! The coalescer: many waiters for one extent cost one read.
//!
//! Threat. A waiter may receive the answer of another flight, that is, of another read. What must
//! hold: each waiter takes the answer to the vault under its own grant, as if the answer came from
//! a stranger. The coalescer must never vouch for an answer, and keeps nothing after a flight has
//! ended.

use super::ExtentKey;
use crate::sync::{Mutex, spawn};
use async_trait::async_trait;
use eyesonly_gate::Claimed;
use futures::FutureExt as _;
use futures::future::{BoxFuture, Shared};
use std::collections::HashMap;
use std::sync::Arc;

/// The reason why a read returned nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FetchError {
    /// There is no such object.
    Missing,
    /// The object ends before the range that was asked for.
    Short,
    /// The store does not answer.
    Unavailable,
}

/// The result of a read.
pub type Fetched = Result<Claimed, FetchError>;
/// A read of the store that has not started yet.
pub type Read = BoxFuture<'static, Fetched>;

/// A way for many waiters to share one read.
#[async_trait]
pub trait Coalescer: Send + Sync + 'static {
    /// Returns the answer of the read in flight for `key`. If there is none, starts `read` and
    /// returns its answer. A waiter that gives up does not end the read for the others.
    ///
    /// # Errors
    /// The error that the read returned.
    async fn fetch(&self, key: ExtentKey, read: Read) -> Fetched;
}

/// The coalescer for an instance that serves one request, where nobody else waits. Each asker reads
/// for itself. [`Flights`] must not be used there: its reads run in separate tasks, and a component
/// has none.
pub struct Alone;

#[async_trait]
impl Coalescer for Alone {
    async fn fetch(&self, _: ExtentKey, read: Read) -> Fetched {
        read.await
    }
}

type Flight = Shared<BoxFuture<'static, Fetched>>;

/// The coalescer that keeps the reads in flight, each under its extent.
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
            // When the read ends, however it ends, this is dropped and removes the flight.
            let _landing = landing;
            read.await
        });
        let flight =
            async move { task.await.unwrap_or(Err(FetchError::Unavailable)) }.boxed().shared();
        flights.insert(key, flight.clone());
        flight
    }

    /// Returns how many reads are in flight.
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
    //! The test suite that every coalescer passes.
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
        // Ten waiters give up, among them the one that started the flight. The others get the
        // answer.
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
