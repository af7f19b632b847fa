//! Carries the host's own work out of the guest's stack.
//!
//! A guest runs on a small stack, and an async host function that it calls runs there too. The work
//! behind such a call (opening footage, SQLite, a store) may need far more stack, and a stack
//! overflow ends the process. So a host function hands its work to the ferry and waits. The task
//! that drives the guest does the work on its own, large stack, and then resumes the guest with the
//! result.
//!
//! It must never run two pieces of work at once, nor hold a lock while it runs one.

use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::Poll;

type Work = Pin<Box<dyn Future<Output = ()> + Send>>;

/// One instance's ferry. At most one piece of work is under way, because a guest waits for the call
/// that it made.
#[derive(Clone, Default)]
pub(super) struct Ferry {
    waiting: Arc<Mutex<Option<Work>>>,
}

impl Ferry {
    /// Has `work` done outside and waits for its result. A host function calls this on the guest's
    /// stack.
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
        // This keeps no waker: `drive` polls again as soon as the work is done.
        poll_fn(|_| match result.lock().unwrap_or_else(PoisonError::into_inner).take() {
            Some(value) => Poll::Ready(value),
            None => Poll::Pending,
        })
        .await
    }

    /// Runs `guest` to its end. In between, it does the work that the guest hands to the ferry.
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
                    // The guest's time slice has ended, or the guest waits for a permit. It has
                    // left a waker.
                    return Poll::Pending;
                }
            }
        })
        .await
    }
}
