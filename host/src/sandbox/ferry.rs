//! Carries the host's own work out of the guest's stack.
//!
//! A guest runs on a small stack of its own, and so does an async host function that it calls. What stands behind such a
//! call here (opening footage, SQLite, a store) may need far more stack, and running out of it ends the process. So a
//! host function puts its work on the ferry and waits; the task that drives the guest does the work on its own, large
//! stack, and goes back to the guest with the result.
//!
//! It must never run two pieces of work at once, nor hold a lock while it runs one.

use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::Poll;

type Work = Pin<Box<dyn Future<Output = ()> + Send>>;

/// One instance's ferry: at most one piece of work is under way, because a guest waits for the call that it made.
#[derive(Clone, Default)]
pub(super) struct Ferry {
    waiting: Arc<Mutex<Option<Work>>>,
}

impl Ferry {
    /// Called by a host function, on the guest's stack: has `work` done outside and waits for its result.
    pub(super) async fn carry<T: Send + 'static>(
        &self,
        work: impl Future<Output = T> + Send + 'static,
    ) -> T {
        let result = Arc::new(Mutex::new(None));
        let place = Arc::clone(&result);
        let work: Work = Box::pin(async move {
            let value = work.await;
            *place.lock().unwrap_or_else(PoisonError::into_inner) = Some(value);
        });
        *self.waiting.lock().unwrap_or_else(PoisonError::into_inner) = Some(work);
        // No waker is kept: `drive` asks again as soon as the work is done.
        poll_fn(|_| match result.lock().unwrap_or_else(PoisonError::into_inner).take() {
            Some(value) => Poll::Ready(value),
            None => Poll::Pending,
        })
        .await
    }

    /// Runs `guest` to its end, doing what it puts on the ferry in between.
    pub(super) async fn drive<T>(&self, guest: impl Future<Output = T>) -> T {
        let mut guest = pin!(guest);
        let mut current: Option<Work> = None;
        poll_fn(|context| {
            loop {
                if let Some(work) = current.as_mut() {
                    if work.as_mut().poll(context).is_pending() {
                        return Poll::Pending;
                    }
                    current = None;
                }
                if let Poll::Ready(value) = guest.as_mut().poll(context) {
                    return Poll::Ready(value);
                }
                current = self.waiting.lock().unwrap_or_else(PoisonError::into_inner).take();
                if current.is_none() {
                    // The guest gave the thread back (end of its time slice), or waits for a permit; it has left a waker.
                    return Poll::Pending;
                }
            }
        })
        .await
    }
}
