//! What concurrent rooms are built on: the standard library's and tokio's own. In tests of schedules (feature `schedules`), stand-ins under which
//! another task may go on at every step, as the test decides. It must never hold anything of its own.

#[cfg(not(all(test, feature = "schedules")))]
pub use std::sync::Mutex;
#[cfg(not(all(test, feature = "schedules")))]
pub use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    task::spawn,
    time::timeout_at,
};

#[cfg(all(test, feature = "schedules"))]
pub use stand_ins::{Semaphore, timeout_at};
#[cfg(all(test, feature = "schedules"))]
pub use {
    shuttle::{future::spawn, sync::Mutex},
    tokio::sync::OwnedSemaphorePermit,
};

#[cfg(all(test, feature = "schedules"))]
mod stand_ins {
    use shuttle::future::yield_now;
    use std::sync::Arc;
    use tokio::sync::{AcquireError, OwnedSemaphorePermit};
    use tokio::time::Instant;

    /// tokio's, which belongs to no runtime; another task may go on before each permit is asked for.
    pub struct Semaphore(Arc<tokio::sync::Semaphore>);

    impl Semaphore {
        pub fn new(permits: usize) -> Self {
            Self(Arc::new(tokio::sync::Semaphore::new(permits)))
        }
        pub async fn acquire_owned(self: Arc<Self>) -> Result<OwnedSemaphorePermit, AcquireError> {
            self.acquire_many_owned(1).await
        }
        pub async fn acquire_many_owned(self: Arc<Self>, n: u32) -> Result<OwnedSemaphorePermit, AcquireError> {
            yield_now().await;
            Arc::clone(&self.0).acquire_many_owned(n).await
        }
    }

    /// No time passes in a schedule: whoever gives up is aborted by the test.
    pub async fn timeout_at<F: Future>(_: Instant, future: F) -> Result<F::Output, ()> {
        Ok(future.await)
    }
}
