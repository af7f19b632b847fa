//! The access ledger: a transparency log in the folder `ledger` of the data folder.
//!
//! It must never let a delivery start whose entry could be lost, and never let one viewer's
//! deliveries hold up another's.
//!
//! Answers that were rejected have an entry for each second, seam, fault and camera. Entries are
//! kept for `ledger_days`.

pub mod chains;
pub mod copy;
pub mod line;
pub mod read;
mod rejected;

use async_trait::async_trait;
use chains::Chains;
use eyesonly_gate::Seam;
use eyesonly_gate::entry::{self, Entry, Owner, Rejected};
use eyesonly_gate::ledger::{Ledger, LedgerError, Misdelivery};
use eyesonly_ledger::{AppendError, Closed, Folder, Log, OpenError, Options};
use eyesonly_log::{Name, NoteError, SigningKey, VerifyingKey};
use eyesonly_rights::Fault;
use eyesonly_seal::{EdgeKey, LedgerKey};
use eyesonly_service::chain::Chain;
use eyesonly_service::clock;
use eyesonly_service::ledger::limits::Limits;
use eyesonly_service::ledger::{Counts, MemoryLedger};
use line::blank;
use rejected::Waiting;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, Once, PoisonError};
use std::time::Duration;
use tokio::time::{Instant, interval};

/// How often what was rejected is entered.
const REJECTED_EVERY: Duration = Duration::from_secs(1);
/// How often the file of [`Chains::save`] is written.
const SAVED_EVERY: Duration = Duration::from_secs(3600);
/// How often old entries are forgotten, after the first hour. A day that is over is forgotten a
/// day later, and a clock that is wrong for an hour costs two days.
const FORGOTTEN_EVERY: Duration = Duration::from_secs(23 * 3600);

/// The folder of the log, in the data folder.
pub fn folder(data: &Path) -> PathBuf {
    data.join("ledger")
}

/// The file of [`Chains::save`], in the data folder.
fn chains_file(data: &Path) -> PathBuf {
    data.join("ledger-chains")
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
        let chains = Arc::new(Mutex::new(chains));
        let stamping = Arc::clone(&chains);
        let stamp = Box::new(move |entry: &mut eyesonly_log::Entry| locked(&stamping).stamp(entry));
        Ok(Self {
            log: Log::stamped(&at, key, &Options::default(), stamp)?,
            data: data.to_owned(),
            public,
            key: edge.ledger_key(),
            chains,
            limits: Mutex::default(),
            rejected: Mutex::default(),
            closed: Once::new(),
            counts: MemoryLedger::default(),
        })
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

    fn enter(&self, rejected: &Rejected) -> Option<()> {
        let sealed = rejected.seal(&self.key, clock::random()).ok()?;
        self.log.note(&blank(Owner::Edge, rejected.day(), &sealed)?).ok()
    }

    /// Forgets entries that are older than `days` days.
    async fn forget(self: &Arc<Self>, days: u32) {
        let first = entry::day(clock::now_milliseconds()).saturating_sub(days);
        let (at, public) = (folder(&self.data), self.public.clone());
        let read = tokio::task::spawn_blocking(move || {
            read::forgettable(&Folder::open(&at, &public)?, first)
        });
        let forgotten = match read.await {
            Ok(Ok(index)) => self.log.forget_before(index).await.map_err(|e| Chain(&e).to_string()),
            Ok(Err(error)) => Err(Chain(&error).to_string()),
            Err(error) => Err(error.to_string()),
        };
        if let Err(error) = forgotten {
            tracing::warn!(error, "old entries of the ledger could not be forgotten");
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
        let delivery = entry.delivery();
        {
            let mut limits = locked(&self.limits);
            if limits.covers(delivery) {
                return Ok(false);
            }
            limits.take(delivery).map_err(|seconds| LedgerError::TooMany { seconds })?;
        }
        match self.log.append(&line_of(entry)?).await {
            Ok(_) => {
                self.counts.count();
                Ok(true)
            }
            Err(AppendError::Late) => Err(LedgerError::Late),
            Err(AppendError::Busy) => Err(LedgerError::Busy),
            Err(error) => {
                self.closed.call_once(|| {
                    tracing::error!(
                        error = %Chain(&error),
                        "the access ledger takes no entry any more, so nothing leaves. If the disk \
                         is full, make room; then start the edge again"
                    );
                });
                Err(LedgerError::Closed)
            }
        }
    }

    fn lets_out(&self, entry: &Entry<'_>) {
        locked(&self.limits).lets_out(entry.delivery());
    }

    fn ends(&self, entry: &Entry<'_>) {
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

impl Counts for LogLedger {
    fn misdeliveries(&self, seam: Seam, fault: Fault) -> u64 {
        self.counts.misdeliveries(seam, fault)
    }

    fn deliveries(&self) -> u64 {
        self.counts.deliveries()
    }

    fn is_open(&self) -> bool {
        self.log.is_open()
    }
}
