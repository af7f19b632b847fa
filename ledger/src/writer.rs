//! The writer: one thread, which alone has the store.
//!
//! It takes what is queued, makes it durable with one flush, and wakes everybody of the group.
//! While it flushes, the next group gathers. Where many come at once, groups are taken a little
//! apart, so that a fast disk does not spend the processor on flushes of two entries each. What
//! nobody waits for goes with the next group.

use crate::error::{Closed, StoreError};
use crate::store::{Signed, Store};
use eyesonly_log::Entry;
use std::error::Error;
use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::sync::{Arc, OnceLock};
use std::thread;
use std::time::{Duration, Instant};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};

/// The time between two groups for each who waited for the first, and the longest.
const GATHER_EACH: Duration = Duration::from_micros(300);
const GATHER_MAX: Duration = Duration::from_millis(2);
/// How long entries are kept in memory for which nobody waits, and how many.
const NOTES_WAIT: Duration = Duration::from_millis(20);
const NOTES_MOST: usize = 256;

/// What each entry goes through just before it is written.
pub type Stamp = Box<dyn FnMut(&mut Entry) + Send>;

/// Whoever waits until entries are durable, and is told their indices.
type Caller = Option<oneshot::Sender<Range<u64>>>;

/// What is asked of the writer.
pub(crate) enum Message {
    /// Entries, in their order.
    Append {
        entries: Vec<Entry>,
        answer: Caller,
        /// The places in the queue.
        places: OwnedSemaphorePermit,
    },
    /// A checkpoint of all that was appended before.
    Sign(oneshot::Sender<Signed>),
    /// Entries before this one need not be kept.
    Forget(u64, oneshot::Sender<u64>),
    /// The end.
    Close(oneshot::Sender<Signed>),
}

/// What the writer shares with those who ask.
pub(crate) struct Shared {
    /// Places for entries that wait.
    pub(crate) places: Arc<Semaphore>,
    /// The number of durable entries.
    pub(crate) size: AtomicU64,
    why: OnceLock<Arc<str>>,
}

impl Shared {
    pub(crate) fn new(places: usize, size: u64) -> Self {
        let places = Arc::new(Semaphore::new(places));
        Self { places, size: AtomicU64::new(size), why: OnceLock::new() }
    }

    /// Says why the log is closed. Until the writer said so it is the end of the writer itself.
    pub(crate) fn closed(&self) -> Closed {
        let why = self.why.get().cloned();
        Closed { why: why.unwrap_or_else(|| "the writer stopped".into()) }
    }

    /// Says whether nobody can enter any more.
    pub(crate) fn is_closed(&self) -> bool {
        self.why.get().is_some()
    }

    /// Lets nobody enter any more.
    fn close(&self, why: &str) {
        _ = self.why.set(why.into());
        self.places.close();
    }
}

/// What was taken from the queue at once. Whoever it has not answered is woken when it is dropped.
#[derive(Default)]
struct Turn {
    entries: Vec<Entry>,
    appends: Vec<(usize, Caller, OwnedSemaphorePermit)>,
    signs: Vec<oneshot::Sender<Signed>>,
    forgets: Vec<(u64, oneshot::Sender<u64>)>,
    close: Option<oneshot::Sender<Signed>>,
    /// Whether it is the last one.
    ends: bool,
}

impl Turn {
    /// Counts who waits for what is in it.
    fn callers(&self) -> usize {
        let appends = self.appends.iter().filter(|(_, caller, _)| caller.is_some()).count();
        appends.saturating_add(self.signs.len()).saturating_add(self.forgets.len())
    }

    fn take(&mut self, message: Message) {
        match message {
            Message::Append { entries, answer, places } => {
                self.appends.push((entries.len(), answer, places));
                self.entries.extend(entries);
            }
            Message::Sign(answer) => self.signs.push(answer),
            Message::Forget(before, answer) => self.forgets.push((before, answer)),
            Message::Close(answer) => {
                self.close = Some(answer);
                self.ends = true;
            }
        }
    }
}

pub(crate) struct Writer {
    store: Store,
    queue: Receiver<Message>,
    shared: Arc<Shared>,
    sign_every: Duration,
    stamp: Stamp,
    /// Since when entries wait for a checkpoint.
    unsigned_since: Option<Instant>,
    /// Whether all bundles that were forgotten are removed.
    swept: bool,
    /// Those who wait until they are.
    forgotten: Vec<oneshot::Sender<u64>>,
    /// When the last group was taken, and how many waited for it.
    last: (Instant, usize),
}

impl Writer {
    pub(crate) fn new(
        store: Store,
        queue: Receiver<Message>,
        shared: Arc<Shared>,
        sign_every: Duration,
        stamp: Stamp,
    ) -> Self {
        let (unsigned_since, swept, forgotten) = (None, false, Vec::new());
        let last = (Instant::now(), 0);
        Self { store, queue, shared, sign_every, stamp, unsigned_since, swept, forgotten, last }
    }

    /// Works until it is asked to stop, nobody can ask any more, or a write failed.
    pub(crate) fn run(mut self) {
        let (turn, ended) = loop {
            let mut turn = self.turn();
            let done = self.work(&mut turn);
            if done.is_err() || turn.ends {
                break (turn, done);
            }
        };
        let Self { store, queue, shared, forgotten, .. } = self;
        let signed = store.signed.clone();
        // The lock is given back before anybody hears of the end.
        drop(store);
        match ended {
            Ok(()) => {
                shared.close("it was asked to close");
                turn.close.map(|answer| answer.send(signed));
            }
            Err(error) => {
                let why = told(&error);
                tracing::error!(%why, "the log is closed until it is opened again");
                shared.close(&why);
                // Whoever was not answered hears of the end, after the reason was set.
                drop(turn);
            }
        }
        drop((queue, forgotten));
    }

    /// Takes what is queued. Waits for the first message, or until there is something to do.
    fn turn(&mut self) -> Turn {
        self.let_others_come();
        let wait = match self.unsigned_since {
            _ if !self.swept => Some(Duration::ZERO),
            since => since.map(|since| self.sign_every.saturating_sub(since.elapsed())),
        };
        let first = match wait {
            None => self.queue.recv().map_err(|_| RecvTimeoutError::Disconnected),
            Some(wait) => self.queue.recv_timeout(wait),
        };
        let mut turn = Turn::default();
        match first {
            Ok(message) => turn.take(message),
            Err(RecvTimeoutError::Timeout) => {}
            // Nobody can ask any more.
            Err(RecvTimeoutError::Disconnected) => turn.ends = true,
        }
        // What follows the end was asked too late.
        while !turn.ends
            && let Ok(message) = self.queue.try_recv()
        {
            turn.take(message);
        }
        self.wait_for_a_caller(&mut turn);
        self.last = (Instant::now(), turn.callers());
        turn
    }

    /// Waits before the next group is taken, the longer the more callers the last one had. A flush
    /// costs as much for one entry as for a hundred. Whoever comes alone never waits here.
    fn let_others_come(&self) {
        let (since, callers) = self.last;
        if let Some(others) = u32::try_from(callers).ok().filter(|callers| *callers > 1) {
            let apart = GATHER_EACH.saturating_mul(others).min(GATHER_MAX);
            thread::sleep(apart.saturating_sub(since.elapsed()));
        }
    }

    /// Waits a little for somebody who waits for an entry, as long as nobody waits for what is
    /// there: both are durable by one flush then.
    fn wait_for_a_caller(&self, turn: &mut Turn) {
        let since = Instant::now();
        while turn.callers() == 0 && !turn.ends && (1..NOTES_MOST).contains(&turn.entries.len()) {
            match self.queue.recv_timeout(NOTES_WAIT.saturating_sub(since.elapsed())) {
                Ok(message) => turn.take(message),
                Err(RecvTimeoutError::Timeout) => return,
                Err(RecvTimeoutError::Disconnected) => turn.ends = true,
            }
        }
    }

    /// Does what was asked, and what is due.
    fn work(&mut self, turn: &mut Turn) -> Result<(), StoreError> {
        self.append(turn)?;
        for (before, _) in &turn.forgets {
            self.store.forget(*before)?;
        }
        self.forgotten.extend(turn.forgets.drain(..).map(|(_, answer)| answer));
        self.swept = self.store.sweep()?;
        if self.swept {
            let oldest = self.store.oldest;
            self.forgotten.drain(..).for_each(|answer| _ = answer.send(oldest));
        }
        let since = *self.unsigned_since.get_or_insert_with(Instant::now);
        if turn.ends || !turn.signs.is_empty() || since.elapsed() >= self.sign_every {
            let signed = self.store.sign()?;
            turn.signs.drain(..).for_each(|answer| _ = answer.send(signed.clone()));
        }
        if self.store.signed.checkpoint.size() == self.store.size() {
            self.unsigned_since = None;
        }
        Ok(())
    }

    /// Appends a group, tells its appenders, and makes full bundles into files.
    fn append(&mut self, turn: &mut Turn) -> Result<(), StoreError> {
        if turn.entries.is_empty() {
            return Ok(());
        }
        turn.entries.iter_mut().for_each(&mut self.stamp);
        let mut first = self.store.append(&turn.entries)?;
        self.shared.size.store(self.store.size(), Ordering::Release);
        for (count, answer, places) in turn.appends.drain(..) {
            let end = first.saturating_add(u64::try_from(count).unwrap_or(u64::MAX));
            // Whoever does not wait any more hears nothing. The entries stay.
            _ = answer.map(|answer| answer.send(first..end));
            drop(places);
            first = end;
        }
        self.store.roll()
    }
}

/// Writes an error with all its causes.
fn told(error: &dyn Error) -> String {
    let mut words = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        words = format!("{words}: {error}");
        cause = error.source();
    }
    words
}
