//! Locks, semaphores, tasks and timeouts for concurrent modules, in one version for each place
//! where those modules run.
//!
//! On a machine, these are the standard library's and tokio's own. In a component, the same names
//! need no runtime: no task runs beside another, and every question is answered at once. In tests
//! of schedules (`--cfg schedules`), stand-ins let another task go on at every step, as the test
//! decides.
//!
//! This module must never hold any state of its own.

#[cfg(not(any(target_family = "wasm", all(test, schedules))))]
mod machine {
    pub use std::sync::Mutex;
    pub use tokio::{
        sync::{OwnedSemaphorePermit, Semaphore},
        task::spawn,
        time::{sleep as pause_for, timeout, timeout_at},
    };

    /// Runs work that keeps a core busy for long, on a thread where no other task waits for it.
    /// Returns None if the work did not end.
    pub async fn blocking<T: Send + 'static>(
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Option<T> {
        tokio::task::spawn_blocking(work).await.ok()
    }
}

#[cfg(not(any(target_family = "wasm", all(test, schedules))))]
pub use machine::{
    Mutex, OwnedSemaphorePermit, Semaphore, blocking, pause_for, spawn, timeout, timeout_at,
};

#[cfg(target_family = "wasm")]
mod component {
    use futures::FutureExt as _;
    use std::future::{Ready, ready};
    pub use std::sync::Mutex;
    use std::time::Duration;
    pub use tokio::sync::{OwnedSemaphorePermit, Semaphore};
    use tokio::time::Instant;

    /// The error of a task that did not end at once. Here, every task ends at once.
    #[derive(Debug)]
    pub struct Unended;

    /// Runs the task now, to its end.
    pub fn spawn<F: Future>(future: F) -> Ready<Result<F::Output, Unended>> {
        ready(future.now_or_never().ok_or(Unended))
    }
    /// Sets no limit: the engine ends what takes too long.
    pub async fn timeout<F: Future>(_: Duration, future: F) -> Result<F::Output, Unended> {
        Ok(future.await)
    }
    /// Sets no limit: the engine ends what takes too long.
    pub async fn timeout_at<F: Future>(_: Instant, future: F) -> Result<F::Output, Unended> {
        Ok(future.await)
    }
    /// Runs the work on this task.
    pub async fn blocking<T>(work: impl FnOnce() -> T) -> Option<T> {
        Some(work())
    }
    /// Does not pause, since nothing here can wait.
    pub async fn pause_for(_: Duration) {}
}

#[cfg(target_family = "wasm")]
pub use component::{
    Mutex, OwnedSemaphorePermit, Semaphore, blocking, pause_for, spawn, timeout, timeout_at,
};

#[cfg(all(test, schedules))]
mod stand_ins {
    pub use shuttle::{
        future::{spawn, yield_now},
        sync::Mutex,
    };
    use std::sync::Arc;
    use std::time::Duration;
    pub use tokio::sync::OwnedSemaphorePermit;
    use tokio::sync::{AcquireError, TryAcquireError};
    use tokio::time::Instant;

    /// A semaphore of tokio, which needs no runtime. Another task may go on before each wait for a
    /// permit.
    pub struct Semaphore(Arc<tokio::sync::Semaphore>);

    impl Semaphore {
        pub fn new(permits: usize) -> Self {
            Self(Arc::new(tokio::sync::Semaphore::new(permits)))
        }
        pub fn try_acquire_owned(self: Arc<Self>) -> Result<OwnedSemaphorePermit, TryAcquireError> {
            Arc::clone(&self.0).try_acquire_owned()
        }
        pub async fn acquire_owned(self: Arc<Self>) -> Result<OwnedSemaphorePermit, AcquireError> {
            self.acquire_many_owned(1).await
        }
        pub async fn acquire_many_owned(
            self: Arc<Self>,
            n: u32,
        ) -> Result<OwnedSemaphorePermit, AcquireError> {
            yield_now().await;
            Arc::clone(&self.0).acquire_many_owned(n).await
        }
    }

    /// Sets no limit, since no time passes in a schedule. If a task must give up, the test aborts
    /// it.
    pub async fn timeout_at<F: Future>(_: Instant, future: F) -> Result<F::Output, ()> {
        Ok(future.await)
    }
    /// Does the same as [`timeout_at`].
    pub async fn timeout<F: Future>(_: Duration, future: F) -> Result<F::Output, ()> {
        Ok(future.await)
    }
    /// Runs the work on this task.
    pub async fn blocking<T>(work: impl FnOnce() -> T) -> Option<T> {
        Some(work())
    }
    /// Does not pause, since no time passes in a schedule.
    pub async fn pause_for(_: Duration) {
        yield_now().await;
    }
}

#[cfg(all(test, schedules))]
pub use stand_ins::{
    Mutex, OwnedSemaphorePermit, Semaphore, blocking, pause_for, spawn, timeout, timeout_at,
};
