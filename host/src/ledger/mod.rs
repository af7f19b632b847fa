//! The access ledger: a transparency log in the folder `ledger` of the data folder.
//!
//! It must never let a delivery start whose entry could be lost, and never let one viewer's
//! deliveries hold up another's.
//!
//! Answers that were rejected have an entry for each second, seam, fault and camera. Entries are
//! kept for `ledger_days`.

pub mod chains;
pub mod copy;
pub mod export;
pub mod fold;
#[cfg(test)]
#[allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a failed expectation is how a test fails"
)]
mod known_answers;
pub mod line;
mod outbox;
pub mod read;
mod rejected;
mod stated;
mod viewed;
pub mod words;

use async_trait::async_trait;
use chains::Chains;
use eyesonly_gate::entry::{self, Entry, Owner, Rejected};
use eyesonly_gate::ledger::{Delivery, Ledger, LedgerError, Misdelivery};
use eyesonly_gate::{Keys, Records, Seam};
use eyesonly_ledger::{AppendError, Closed, Folder, FolderError, Log, OpenError, Options};
use eyesonly_log::{Name, NoteError, SigningKey, VerifyingKey};
use eyesonly_rights::Fault;
use eyesonly_seal::{CameraId, EdgeKey, LedgerKey, ViewerId};
use eyesonly_service::admin::Deed;
use eyesonly_service::chain::Chain;
use eyesonly_service::clock;
use eyesonly_service::ledger::acts::Done;
use eyesonly_service::ledger::limits::{Limits, Needs};
use eyesonly_service::ledger::{Counts, MemoryLedger};
use line::blank;
use outbox::{LONGEST_WAIT, Outbox, OutboxError};
use rejected::Waiting;
use stated::Stated;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, Once, OnceLock, PoisonError};
use std::time::Duration;
use tokio::time::{Instant, interval, timeout_at};
pub use viewed::{View, Viewed, Views};

/// How often what was rejected is entered.
const REJECTED_EVERY: Duration = Duration::from_secs(1);
/// How often acts are entered for which nobody waits.
const ACTS_EVERY: Duration = Duration::from_secs(1);
/// How often the file of [`Chains::save`] is written.
const SAVED_EVERY: Duration = Duration::from_secs(3600);
/// How often old entries are forgotten, after the first hour. A day that is over is forgotten a
/// day later, and a clock that is wrong for an hour costs two days.
const FORGOTTEN_EVERY: Duration = Duration::from_secs(23 * 3600);

/// The folder of the log, in the data folder.
pub fn folder(data: &Path) -> PathBuf {
    data.join("ledger")
}

/// Opens the log of a folder, whichever log that is.
///
/// # Errors
/// [`FolderError`] if there is no log, or if it can't be read.
pub fn open(folder: &Path) -> Result<Folder, FolderError> {
    Folder::open(folder, &Folder::origin(folder)?)
}

/// The file of [`Chains::save`], in the data folder.
fn chains_file(data: &Path) -> PathBuf {
    data.join("ledger-chains")
}

/// The file of [`Stated::save`], in the data folder.
fn stated_file(data: &Path) -> PathBuf {
    data.join("ledger-stated")
}

/// Writes a file that takes the place of the one before as a whole.
fn replace(file: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let folder = file.parent().unwrap_or(Path::new("."));
    let mut new = tempfile::NamedTempFile::new_in(folder)?;
    new.write_all(bytes)?;
    new.persist(file).map(|_| ()).map_err(|error| error.error)
}

/// The reason why a ledger can't be opened.
#[derive(Debug, thiserror::Error)]
pub enum LedgerOpenError {
    /// The log can't be opened.
    #[error(transparent)]
    Log(#[from] OpenError),
    /// The log's key can't be made.
    #[error("the ledger's key can't be made")]
    Key(#[from] NoteError),
    /// The log can't be read.
    #[error(transparent)]
    Read(#[from] read::ReadError),
}

/// The ledger of this node.
pub struct LogLedger {
    log: Log,
    data: PathBuf,
    public: VerifyingKey,
    key: LedgerKey,
    chains: Arc<Mutex<Chains>>,
    limits: Mutex<Limits>,
    rejected: Mutex<Waiting>,
    /// It was said that the log is closed.
    closed: Once,
    outbox: OnceLock<Outbox>,
    /// Acts can't be entered, so that nothing is handed out that they decided.
    acts_fail: AtomicBool,
    /// Where all rights were stated last, and the first entry that the log has kept.
    stated: Mutex<(Option<Stated>, u64)>,
    /// Counts, for metrics.
    counts: MemoryLedger,
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // What these guard is whole after every step.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Makes the key that signs the log's checkpoints. The name of the log is random, made at its first
/// start, and stands in the log itself.
fn signing_key(data: &Path, edge: &EdgeKey) -> Result<SigningKey, LedgerOpenError> {
    let name = match Folder::origin(&folder(data)) {
        Ok(key) => key.name().clone(),
        Err(_) => {
            let number = u64::from_be_bytes(clock::random());
            Name::new(&format!("eyesonly-{number:016x}/ledger/1"))?
        }
    };
    Ok(SigningKey::from_seed(name, &edge.ledger_seed())?)
}

impl LogLedger {
    /// Opens the ledger of a data folder, and finishes what a crash left. Blocks while it reads the
    /// log.
    ///
    /// # Errors
    /// [`LedgerOpenError`]; nothing was changed then.
    pub fn open(data: &Path, edge: &EdgeKey) -> Result<Self, LedgerOpenError> {
        let key = signing_key(data, edge)?;
        let (at, public) = (folder(data), key.verifying_key());
        let chains = read::chains(&at, &chains_file(data), &public)?;
        let stated = Stated::saved(&stated_file(data), &public);
        let chains = Arc::new(Mutex::new(chains));
        let stamping = Arc::clone(&chains);
        let stamp = Box::new(move |entry: &mut eyesonly_log::Entry| locked(&stamping).stamp(entry));
        let log = Log::stamped(&at, key, &Options::default(), stamp)?;
        let oldest = Folder::open(&at, &public).map_or(u64::MAX, |log| log.oldest());
        Ok(Self {
            log,
            data: data.to_owned(),
            public,
            key: edge.ledger_key(),
            chains,
            limits: Mutex::default(),
            rejected: Mutex::default(),
            closed: Once::new(),
            outbox: OnceLock::new(),
            acts_fail: AtomicBool::new(false),
            stated: Mutex::new((stated, oldest)),
            counts: MemoryLedger::default(),
        })
    }

    /// Takes the acts of administration out of this registry from now on.
    pub fn takes_acts(self: &Arc<Self>, records: Arc<Records>, keys: Arc<dyn Keys>) {
        if self.outbox.set(Outbox::new(records, keys)).is_ok() {
            tokio::spawn(Arc::clone(self).enter_acts());
        }
    }

    /// Enters acts, as soon as somebody waits for them and each second. Ends when the log closes.
    async fn enter_acts(self: Arc<Self>) {
        let Some(outbox) = self.outbox.get() else { return };
        let mut ticks = interval(ACTS_EVERY);
        while self.log.is_open() {
            tokio::select! {
                _ = ticks.tick() => {}
                () = outbox.wanted() => {}
            }
            match self.enter_and_state(outbox).await {
                Err(OutboxError::Stopped) => return,
                Err(OutboxError::Log(AppendError::Closed(closed))) => {
                    self.says_closed(&closed);
                }
                Err(error) if !self.acts_fail.swap(true, Ordering::Relaxed) => {
                    tracing::error!(
                        error = %Chain(&error),
                        "acts of administration can't be entered in the ledger"
                    );
                }
                Err(_) => {}
                Ok(()) => self.acts_fail.store(false, Ordering::Relaxed),
            }
        }
    }

    async fn enter_and_state(&self, outbox: &Outbox) -> Result<(), OutboxError> {
        let changed = |number| locked(&self.limits).forget_cover(number);
        outbox.enter(&self.log, &changed).await?;
        let today = entry::day(clock::now_milliseconds());
        let (stated, oldest) = *locked(&self.stated);
        if stated.is_some_and(|stated| stated.is_fresh(oldest, today)) {
            return Ok(());
        }
        let stated = Stated { begins: self.log.size(), day: today };
        outbox.state(&self.log, &changed).await?;
        locked(&self.stated).0 = Some(stated);
        if let Err(error) = stated.save(&stated_file(&self.data), &self.public) {
            tracing::warn!(%error, "the next start will state all rights in the ledger again");
        }
        Ok(())
    }

    fn says_closed(&self, error: &(dyn std::error::Error + 'static)) {
        self.closed.call_once(|| {
            tracing::error!(
                error = %Chain(error),
                "the access ledger takes no entry any more, so nothing leaves. If the disk is \
                 full, make room; then start the edge again"
            );
        });
    }

    /// Enters each second what was rejected, and forgets what is older than `days` days. Never
    /// returns.
    pub async fn keep(self: Arc<Self>, days: u32) {
        let mut ticks = interval(REJECTED_EVERY);
        let started = Instant::now();
        let (mut save_at, mut forget_at) = (started + SAVED_EVERY, started + SAVED_EVERY);
        loop {
            let now = ticks.tick().await;
            self.enter_rejected();
            if now >= forget_at {
                forget_at = now + FORGOTTEN_EVERY;
                self.forget(days).await;
            }
            if now >= save_at {
                save_at = now + SAVED_EVERY;
                self.save_chains().await;
            }
        }
    }

    /// Writes what waits, signs a checkpoint, and gives the log's lock back.
    ///
    /// # Errors
    /// [`Closed`]: the log had closed because a write failed.
    pub async fn close(self: Arc<Self>) -> Result<(), Closed> {
        self.enter_rejected();
        if let Some(outbox) = self.outbox.get() {
            let _at_the_next_start = outbox.stop(&self.log).await;
        }
        self.log.close().await?;
        self.save_chains().await;
        Ok(())
    }

    /// Makes entries of what was rejected since the last time.
    fn enter_rejected(&self) {
        let waiting = locked(&self.rejected).take();
        for rejected in waiting {
            if self.enter(&rejected).is_none() {
                tracing::warn!("the ledger took no entry about answers that were rejected");
            }
        }
    }

    /// Makes the line of something about a viewer's session.
    fn of_session(&self, deed: Deed, viewer: ViewerId) -> Option<eyesonly_log::Entry> {
        let done = Done::of_session(deed, viewer, clock::now_milliseconds());
        let sealed = done.seal(done.owner(), &self.key, clock::random()).ok()?;
        blank(done.owner(), done.day(), &sealed)
    }

    fn enter(&self, rejected: &Rejected) -> Option<()> {
        let sealed = rejected.seal(&self.key, clock::random()).ok()?;
        self.log.note(&blank(Owner::Edge, rejected.day(), &sealed)?).ok()
    }

    /// Forgets entries that are older than `days` days, and of two days at most.
    pub async fn forget(self: &Arc<Self>, days: u32) {
        let first = entry::day(clock::now_milliseconds()).saturating_sub(days);
        let (at, public) = (folder(&self.data), self.public.clone());
        let read = tokio::task::spawn_blocking(move || {
            read::forgettable(&Folder::open(&at, &public)?, first)
        });
        let forgotten = match read.await {
            Ok(Ok(index)) => match self.log.forget_before(index).await {
                Ok(oldest) => {
                    locked(&self.stated).1 = oldest;
                    Ok(())
                }
                Err(error) => Err(Chain(&error).to_string()),
            },
            Ok(Err(error)) => Err(Chain(&error).to_string()),
            Err(error) => Err(error.to_string()),
        };
        if let Err(error) = forgotten {
            tracing::warn!(error, "old entries of the ledger could not be forgotten");
        }
    }

    /// Says whether a delivery needs an entry of its own, which is counted then. Waits for another
    /// one whose entry may cover it.
    async fn needs_entry(&self, delivery: &Delivery) -> Result<bool, LedgerError> {
        let (mut until, mut may_wait) = (None, true);
        loop {
            let needs = locked(&self.limits).starts(delivery, may_wait);
            match needs.map_err(|seconds| LedgerError::TooMany { seconds })? {
                Needs::Nothing => return Ok(false),
                Needs::Entry => return Ok(true),
                // It is never sent: what ends the wait is that its sender goes.
                Needs::Another(mut another) => {
                    let until = *until.get_or_insert_with(|| Instant::now() + LONGEST_WAIT);
                    may_wait = timeout_at(until, another.changed()).await.is_ok();
                }
            }
        }
    }

    /// Appends a line, which is durable on return.
    async fn append(&self, line: &eyesonly_log::Entry) -> Result<(), LedgerError> {
        match self.log.append(line).await {
            Ok(_) => Ok(()),
            Err(AppendError::Late) => Err(LedgerError::Late),
            Err(AppendError::Busy) => Err(LedgerError::Busy),
            Err(error) => {
                self.says_closed(&error);
                Err(LedgerError::Closed)
            }
        }
    }

    /// Writes the file that spares the next start the reading of the log.
    async fn save_chains(self: &Arc<Self>) {
        let this = Arc::clone(self);
        let saved = tokio::task::spawn_blocking(move || {
            let chains = locked(&this.chains).clone();
            chains.save(&chains_file(&this.data))
        });
        if let Ok(Err(error)) = saved.await {
            tracing::warn!(%error, "the next start will read the whole ledger");
        }
    }
}

/// Seals an entry, and makes its line.
fn line_of(entry: &Entry<'_>) -> Result<eyesonly_log::Entry, LedgerError> {
    let sealed = entry.seal(clock::random()).map_err(|_| LedgerError::Closed)?;
    blank(entry.owner(), entry.day(), &sealed).ok_or(LedgerError::Closed)
}

#[async_trait]
impl Ledger for LogLedger {
    async fn starts(&self, entry: &Entry<'_>) -> Result<bool, LedgerError> {
        if !self.log.is_open() {
            return Err(LedgerError::Closed);
        }
        // The acts by which it was decided come first. They may end what covers it.
        if let Some(outbox) = self.outbox.get()
            && !outbox.has_entered(entry.decided_at()).await
        {
            return Err(LedgerError::Busy);
        }
        let delivery = entry.delivery();
        if !self.needs_entry(delivery).await? {
            return Ok(false);
        }
        let entered = match line_of(entry) {
            Ok(line) => self.append(&line).await,
            Err(error) => Err(error),
        };
        match &entered {
            Ok(()) => self.counts.count(),
            // The end is told of what is late, and of what is dropped while it waits.
            Err(LedgerError::Late) => {}
            Err(_) => {
                locked(&self.limits).fails(delivery);
            }
        }
        entered.map(|()| true)
    }

    fn lets_out(&self, entry: &Entry<'_>) {
        locked(&self.limits).lets_out(entry.delivery(), entry.decided_at());
    }

    fn ends(&self, entry: &Entry<'_>) {
        // Nobody fills the log with ends of what never started.
        if !locked(&self.limits).fails(entry.delivery()) {
            return;
        }
        if let Ok(line) = line_of(entry) {
            // Without it, all counts as received that might have left.
            let _ = self.log.note(&line);
        }
    }

    fn misdelivery(&self, entry: &Misdelivery) {
        self.counts.misdelivery(entry);
        locked(&self.rejected).add(entry);
    }
}

#[async_trait]
impl Counts for LogLedger {
    async fn signed_in(&self, viewer: ViewerId) -> Result<(), LedgerError> {
        let line = self.of_session(Deed::SignedIn, viewer).ok_or(LedgerError::Closed)?;
        match self.append(&line).await {
            // It is written, and only late.
            Err(LedgerError::Late) => Ok(()),
            entered => entered,
        }
    }

    fn signed_out(&self, viewer: ViewerId) {
        if let Some(line) = self.of_session(Deed::SignedOut, viewer) {
            let _entered = self.log.note(&line);
        }
    }

    fn misdeliveries(&self, seam: Seam, fault: Fault) -> u64 {
        self.counts.misdeliveries(seam, fault)
    }

    fn deliveries(&self) -> u64 {
        self.counts.deliveries()
    }

    fn watchers(&self, cameras: &[CameraId]) -> Vec<(CameraId, ViewerId)> {
        locked(&self.limits).watchers(cameras, clock::now_milliseconds())
    }

    fn is_open(&self) -> bool {
        self.log.is_open() && !self.acts_fail.load(Ordering::Relaxed)
    }
}
