//! The log, for whoever appends.

use crate::disk::{Disk, Machine};
use crate::error::{AppendError, Closed, OpenError, StoreError};
use crate::recover::{self, Options, Recovery};
use crate::store::Signed;
use crate::writer::{Message, Shared, Stamp, Writer};
use crate::{LONGEST_WAIT, MOST_CALLERS, MOST_IN_BATCH, MOST_WAITING};
use eyesonly_log::{Entry, SigningKey};
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Sender, channel};
use std::thread::{self, JoinHandle};
use tokio::sync::{Semaphore, oneshot};
use tokio::time::timeout;

/// A log in a folder that is open for writing. Its functions that wait block no thread, and need a
/// tokio runtime with time.
///
/// Drop it, or better call [`close`](Self::close): both flush, sign a checkpoint, and give the lock
/// back. Dropping blocks for these few writes, and tells nobody if they fail.
pub struct Log {
    /// It is `None` while the log is dropped.
    queue: Option<Sender<Message>>,
    writer: Option<JoinHandle<()>>,
    shared: Arc<Shared>,
    /// Places for those who wait for a place.
    callers: Semaphore,
    recovery: Recovery,
}

/// Entries that were entered and wait for the disk. They stay entered if the ticket is dropped.
#[must_use = "the entries are durable only after `durable`"]
pub struct Ticket {
    answer: oneshot::Receiver<Range<u64>>,
    shared: Arc<Shared>,
}

impl Ticket {
    /// Waits until the entries are durable, however long the disk takes. Returns their indices.
    pub async fn durable(self) -> Result<Range<u64>, AppendError> {
        self.answer.await.map_err(|_| self.shared.closed().into())
    }
}

impl Log {
    /// Opens the log of a key, whose name is the log's. Takes the lock of the folder, reads what is
    /// there, and finishes what a crash left. Blocks while it does.
    ///
    /// The folder above must be there. After an error nothing was changed, except after
    /// [`OpenError::Failed`].
    pub fn open(folder: &Path, key: SigningKey, options: &Options) -> Result<Self, OpenError> {
        Self::stamped(folder, key, options, Box::new(|_| {}))
    }

    /// Does the same as [`open`](Self::open). Each entry goes through `stamp` just before it is
    /// written, in the order of the log: there it gets what depends on the entries before it.
    pub fn stamped(
        folder: &Path,
        key: SigningKey,
        options: &Options,
        stamp: Stamp,
    ) -> Result<Self, OpenError> {
        Self::on(Arc::new(Machine), folder, key, options, stamp)
    }

    pub(crate) fn on(
        disk: Arc<dyn Disk>,
        folder: &Path,
        key: SigningKey,
        options: &Options,
        stamp: Stamp,
    ) -> Result<Self, OpenError> {
        let (store, recovery) = recover::open(disk, folder, key, options)?;
        tracing::info!(folder = %folder.display(), ?recovery, "the log is open");
        let shared = Arc::new(Shared::new(MOST_WAITING, recovery.size));
        let (sender, queue) = channel();
        let writer = Writer::new(store, queue, shared.clone(), options.sign_every, stamp);
        let writer = thread::Builder::new().name("ledger".into()).spawn(|| writer.run());
        Ok(Self {
            queue: Some(sender),
            writer: Some(writer.map_err(StoreError::Thread)?),
            shared,
            callers: Semaphore::new(MOST_CALLERS),
            recovery,
        })
    }

    /// Returns what the start found.
    pub const fn recovery(&self) -> Recovery {
        self.recovery
    }

    /// Says whether the log takes entries. It does not once a write has failed.
    pub fn is_open(&self) -> bool {
        !self.shared.is_closed()
    }

    /// Returns the number of durable entries.
    pub fn size(&self) -> u64 {
        self.shared.size.load(Ordering::Acquire)
    }

    /// Appends an entry. Completes when it is durable, with its index, and takes at most
    /// [`LONGEST_WAIT`].
    ///
    /// If the future is dropped, the entry may be entered or not.
    pub async fn append(&self, entry: &Entry) -> Result<u64, AppendError> {
        self.append_all(vec![*entry]).await.map(|range| range.start)
    }

    /// Appends a batch: its entries come one after the other, and a crash leaves all of them or
    /// none. Completes when they are durable, with their indices, and takes at most
    /// [`LONGEST_WAIT`].
    pub async fn append_all(&self, entries: Vec<Entry>) -> Result<Range<u64>, AppendError> {
        let mut entered = false;
        let durable = async {
            let ticket = self.place(entries).await?;
            entered = true;
            ticket.durable().await
        };
        match timeout(LONGEST_WAIT, durable).await {
            Ok(result) => result,
            Err(_) if entered => Err(AppendError::Late),
            Err(_) => Err(AppendError::Busy),
        }
    }

    /// Enters a batch, and does not wait for the disk. Batches have the order in which they were
    /// entered. Waits for places at most [`LONGEST_WAIT`].
    pub async fn enter(&self, entries: Vec<Entry>) -> Result<Ticket, AppendError> {
        timeout(LONGEST_WAIT, self.place(entries)).await.map_err(|_| AppendError::Busy)?
    }

    /// Waits for places in the queue, and enters a batch.
    async fn place(&self, entries: Vec<Entry>) -> Result<Ticket, AppendError> {
        let count = u32::try_from(entries.len()).ok();
        let count = count.filter(|_| (1..=MOST_IN_BATCH).contains(&entries.len()));
        let count = count.ok_or(AppendError::Batch(entries.len()))?;
        let caller = self.callers.try_acquire().map_err(|_| AppendError::Busy)?;
        let places = self.shared.places.clone().acquire_many_owned(count).await;
        let places = places.map_err(|_| self.shared.closed())?;
        drop(caller);
        let (sender, answer) = oneshot::channel();
        self.ask(Message::Append { entries, answer: Some(sender), places })?;
        Ok(Ticket { answer, shared: self.shared.clone() })
    }

    /// Enters an entry for which nobody waits, if there is a place for it now.
    pub fn note(&self, entry: &Entry) -> Result<(), AppendError> {
        let places = self.shared.places.clone().try_acquire_owned();
        let places = places.map_err(|_| AppendError::Busy)?;
        Ok(self.ask(Message::Append { entries: vec![*entry], answer: None, places })?)
    }

    /// Signs a checkpoint of all entries that were entered before. Returns it when it is durable.
    pub async fn checkpoint(&self) -> Result<Signed, Closed> {
        self.answer(Message::Sign).await
    }

    /// Forgets the bundles whose entries are all before this one: their files are removed, and the
    /// hashes stay. A signed note says so. Returns the first entry that is kept, when the files are
    /// removed.
    pub async fn forget_before(&self, index: u64) -> Result<u64, Closed> {
        self.answer(|answer| Message::Forget(index, answer)).await
    }

    /// Flushes, signs a last checkpoint, and gives the lock back. Nothing can be entered any more.
    pub async fn close(&self) -> Result<Signed, Closed> {
        self.answer(Message::Close).await
    }

    async fn answer<T>(
        &self,
        message: impl FnOnce(oneshot::Sender<T>) -> Message,
    ) -> Result<T, Closed> {
        let (sender, answer) = oneshot::channel();
        self.ask(message(sender))?;
        answer.await.map_err(|_| self.shared.closed())
    }

    fn ask(&self, message: Message) -> Result<(), Closed> {
        let sent = self.queue.as_ref().map(|queue| queue.send(message));
        sent.and_then(Result::ok).ok_or_else(|| self.shared.closed())
    }
}

impl Drop for Log {
    fn drop(&mut self) {
        // The end of the queue ends the writer.
        drop(self.queue.take());
        _ = self.writer.take().map(JoinHandle::join);
    }
}

#[cfg(test)]
mod tests;
