//! The coalescer: many waiters for one extent cost one read.
//!
//! Threat. A flight's answer may reach another flight's waiter. What must hold: each waiter takes the answer to the vault under its own grant,
//! as if a stranger had handed it over. The coalescer vouches for nothing and keeps nothing once a flight has landed.

use super::ExtentKey;
use crate::vault::SealedExtent;
use futures::FutureExt as _;
use futures::future::{BoxFuture, Shared};
use std::collections::HashMap;
use std::sync::{Arc, Mutex};

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

type Flight = Shared<BoxFuture<'static, Result<SealedExtent, FetchError>>>;

/// Flights that are under way.
#[derive(Default)]
pub struct Coalescer {
    flights: Mutex<HashMap<ExtentKey, Flight>>,
}

impl Coalescer {
    /// Joins the flight for `key`, or starts one with `read`. A waiter that goes away does not end the flight.
    ///
    /// # Errors
    /// What the read said.
    pub async fn fetch<F>(
        self: &Arc<Self>,
        key: ExtentKey,
        read: impl FnOnce() -> F,
    ) -> Result<SealedExtent, FetchError>
    where
        F: Future<Output = Result<SealedExtent, FetchError>> + Send + 'static,
    {
        self.flight(key, read).await
    }

    fn flight<F>(self: &Arc<Self>, key: ExtentKey, read: impl FnOnce() -> F) -> Flight
    where
        F: Future<Output = Result<SealedExtent, FetchError>> + Send + 'static,
    {
        let Ok(mut flights) = self.flights.lock() else {
            return futures::future::ready(Err(FetchError::Unavailable)).boxed().shared();
        };
        if let Some(flight) = flights.get(&key) {
            return flight.clone();
        }
        let (landing, read) = (
            Landing {
                coalescer: Arc::clone(self),
                key,
            },
            read(),
        );
        let task = tokio::spawn(async move {
            // Removed when the read ends, however it ends.
            let _landing = landing;
            read.await
        });
        let flight = async move { task.await.unwrap_or(Err(FetchError::Unavailable)) }
            .boxed()
            .shared();
        flights.insert(key, flight.clone());
        flight
    }

    /// How many flights are under way.
    pub fn under_way(&self) -> usize {
        self.flights.lock().map_or(0, |f| f.len())
    }
}

struct Landing {
    coalescer: Arc<Coalescer>,
    key: ExtentKey,
}

impl Drop for Landing {
    fn drop(&mut self) {
        if let Ok(mut flights) = self.coalescer.flights.lock() {
            flights.remove(&self.key);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;
    use eyesonly_seal::ObjectName;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use tokio::sync::Semaphore;

    fn extent() -> SealedExtent {
        SealedExtent {
            header: [1; 56],
            chunks: Bytes::from_static(b"sealed"),
        }
    }

    #[tokio::test]
    async fn many_waiters_cost_one_read() {
        let (coalescer, reads, gate) = (
            Arc::new(Coalescer::default()),
            Arc::new(AtomicUsize::new(0)),
            Arc::new(Semaphore::new(0)),
        );
        let key = (ObjectName::from_bytes([1; 32]), 0);
        let mut waiters = Vec::new();
        for _ in 0..50 {
            let (reads, gate) = (Arc::clone(&reads), Arc::clone(&gate));
            let flight = coalescer.flight(key, move || async move {
                reads.fetch_add(1, Ordering::SeqCst);
                let _open = gate.acquire().await;
                Ok(extent())
            });
            waiters.push(tokio::spawn(flight));
        }
        // Waiters that go away, the one that began the flight among them, end nothing for the others.
        for gone in waiters.drain(..10) {
            gone.abort();
        }
        gate.add_permits(50);
        for waiter in waiters {
            assert_eq!(waiter.await.unwrap().unwrap().chunks, extent().chunks);
        }
        assert_eq!(reads.load(Ordering::SeqCst), 1);
        assert_eq!(coalescer.under_way(), 0);
    }

    #[tokio::test]
    async fn a_failed_flight_is_not_kept() {
        let coalescer = Arc::new(Coalescer::default());
        let key = (ObjectName::from_bytes([1; 32]), 0);
        assert_eq!(
            coalescer.fetch(key, || async { Err(FetchError::Missing) }).await.err(),
            Some(FetchError::Missing)
        );
        assert!(coalescer.fetch(key, || async { Ok(extent()) }).await.is_ok());
    }
}
