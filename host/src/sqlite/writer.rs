//! The writer: one thread, which commits many jobs in one transaction (group commit).
//!
//! This must hold. A caller learns of success only after the commit that contains its job was
//! durable. A job that fails undoes only its own writes. If a commit fails, every caller in it gets
//! the error. The queue is bounded: a caller that finds it full waits.

use super::Fault;
use super::connection::Pin;
use rusqlite::{Connection, TransactionBehavior};
use std::collections::VecDeque;
use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;
use tokio::sync::{Semaphore, oneshot};

/// The most jobs that wait. Further callers wait for a place.
pub(super) const QUEUE_JOBS_MAX: usize = 1024;
/// The most jobs in one transaction. The limit keeps small how much a crash may undo, and how long
/// the first job waits for the last.
pub(super) const BATCH_JOBS_MAX: usize = 256;

/// The longest time that the readers' lock is pinned to one state of the log without a write here.
/// Another process may have written meanwhile.
const PIN_TIME: Duration = Duration::from_secs(1);

/// A write whose types only its caller knows.
trait Job: Send {
    /// Runs the write, once. Returns whether its writes stay, or SQLite's error.
    fn run(&mut self, connection: &Connection) -> rusqlite::Result<bool>;
    /// Notes that SQLite refused this job alone.
    fn fail(&mut self, fault: Fault);
    /// Tells the caller the result of `run`, or the fault that undid the whole transaction.
    fn answer(self: Box<Self>, fault: Option<&Fault>);
}

struct Work<T, E, F> {
    work: Option<F>,
    found: Option<Result<T, E>>,
    reply: oneshot::Sender<Result<T, E>>,
}

impl<T, E, F> Job for Work<T, E, F>
where
    T: Send,
    E: From<Fault> + Send,
    F: FnOnce(&Connection) -> rusqlite::Result<Result<T, E>> + Send,
{
    fn run(&mut self, connection: &Connection) -> rusqlite::Result<bool> {
        let Some(work) = self.work.take() else { return Ok(false) };
        let found = work(connection)?;
        let stays = found.is_ok();
        self.found = Some(found);
        Ok(stays)
    }

    fn fail(&mut self, fault: Fault) {
        self.found = Some(Err(fault.into()));
    }

    fn answer(self: Box<Self>, fault: Option<&Fault>) {
        let found = match (fault, self.found) {
            (Some(fault), _) => Err(fault.clone().into()),
            (None, Some(found)) => found,
            (None, None) => Err(Fault::Closed.into()),
        };
        // The caller may have gone away. The job's writes stay.
        let _gone = self.reply.send(found);
    }
}

/// The state that callers and the thread share.
#[derive(Default)]
struct Waiting {
    jobs: VecDeque<Box<dyn Job>>,
    closed: bool,
}

struct Queue {
    waiting: Mutex<Waiting>,
    arrived: Condvar,
    /// One permit for each free place.
    places: Semaphore,
    transactions: AtomicU64,
}

impl Queue {
    fn lock(&self) -> MutexGuard<'_, Waiting> {
        // No code under this lock can panic.
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn close(&self) {
        self.lock().closed = true;
        self.places.close();
        self.arrived.notify_all();
    }

    /// Waits for jobs, at most for `time`, and takes those that are there. Returns `None` once the
    /// queue is closed and empty.
    fn take(&self, time: Duration) -> Option<Vec<Box<dyn Job>>> {
        let mut waiting = self.lock();
        if waiting.jobs.is_empty() && !waiting.closed {
            let waited = self.arrived.wait_timeout(waiting, time);
            waiting = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        if waiting.jobs.is_empty() && waiting.closed {
            return None;
        }
        let count = waiting.jobs.len().min(BATCH_JOBS_MAX);
        let batch: Vec<_> = waiting.jobs.drain(..count).collect();
        drop(waiting);
        self.places.add_permits(batch.len());
        Some(batch)
    }
}

/// The callers' handle.
pub(super) struct Writer {
    queue: Arc<Queue>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl std::fmt::Debug for Writer {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("Writer")
            .field("transactions", &self.transactions())
            .finish_non_exhaustive()
    }
}

impl Writer {
    /// Starts the thread that owns the connection.
    pub(super) fn start(connection: Connection, pin: Pin) -> io::Result<Self> {
        let queue = Arc::new(Queue {
            waiting: Mutex::default(),
            arrived: Condvar::new(),
            places: Semaphore::new(QUEUE_JOBS_MAX),
            transactions: AtomicU64::new(0),
        });
        let ours = Arc::clone(&queue);
        let thread = std::thread::Builder::new()
            .name("sqlite-writer".to_owned())
            .spawn(move || serve(&ours, connection, pin))?;
        Ok(Self { queue, thread: Mutex::new(Some(thread)) })
    }

    pub(super) fn transactions(&self) -> u64 {
        self.queue.transactions.load(Ordering::Relaxed)
    }

    /// Returns how many jobs wait now.
    #[cfg(test)]
    pub(super) fn waiting(&self) -> usize {
        self.queue.lock().jobs.len()
    }

    pub(super) async fn run<T, E, F>(&self, work: F) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<Fault> + Send + 'static,
        F: FnOnce(&Connection) -> rusqlite::Result<Result<T, E>> + Send + 'static,
    {
        let (reply, answer) = oneshot::channel();
        let job = Box::new(Work { work: Some(work), found: None, reply });
        // The thread gives the place back when it takes the job.
        self.queue.places.acquire().await.map_err(|_| Fault::Closed)?.forget();
        {
            let mut waiting = self.queue.lock();
            if waiting.closed {
                return Err(Fault::Closed.into());
            }
            waiting.jobs.push_back(job);
        }
        self.queue.arrived.notify_one();
        answer.await.unwrap_or_else(|_| Err(Fault::Closed.into()))
    }

    pub(super) fn close(&self) {
        self.queue.close();
        // Locked while joining, so that a second caller waits as well.
        let mut thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(thread) = thread.take() {
            // A writer that panicked has closed its queue already, and its callers have got an
            // error.
            let _panicked = thread.join();
        }
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.close();
    }
}

/// Closes the queue however the thread ends, and drops the waiting jobs, so that no caller waits
/// for ever.
struct Ending<'a>(&'a Queue);

impl Drop for Ending<'_> {
    fn drop(&mut self) {
        self.0.close();
        let left = std::mem::take(&mut self.0.lock().jobs);
        drop(left);
    }
}

fn serve(queue: &Queue, mut connection: Connection, mut pin: Pin) {
    let _ending = Ending(queue);
    loop {
        pin.set();
        let Some(mut batch) = queue.take(PIN_TIME) else {
            return;
        };
        // Now the log can start over.
        pin.release();
        if batch.is_empty() {
            continue;
        }
        let fault = commit(&mut connection, &mut batch).err();
        if fault.is_none() {
            queue.transactions.fetch_add(1, Ordering::Relaxed);
        }
        for job in batch {
            job.answer(fault.as_ref());
        }
    }
}

/// Runs all jobs in one transaction, each in its own savepoint.
///
/// # Errors
/// The fault that undid the transaction. In that case nothing of it was written.
fn commit(connection: &mut Connection, batch: &mut [Box<dyn Job>]) -> Result<(), Fault> {
    // IMMEDIATE: the lock is taken before any read, so no other process can write in the middle of
    // a compare-and-swap.
    let mut transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    for job in batch {
        let mut savepoint = transaction.savepoint()?;
        match job.run(&savepoint) {
            Ok(true) => savepoint.commit()?,
            Ok(false) => {
                savepoint.rollback()?;
                savepoint.commit()?;
            }
            Err(error) => {
                // A full disk and similar errors may end the whole transaction, not only the
                // statement.
                if savepoint.is_autocommit() {
                    return Err(error.into());
                }
                savepoint.rollback()?;
                savepoint.commit()?;
                job.fail(error.into());
            }
        }
    }
    Ok(transaction.commit()?)
}
