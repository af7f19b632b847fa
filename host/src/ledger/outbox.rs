//! Acts of administration, on their way from the registry to the log.
//!
//! A command writes its acts in its own commit. One task enters them in the log, in the order of
//! their numbers, and removes the records then. A delivery that was decided by a change waits until
//! the act of that change is entered. An act that was entered twice, since the process was killed
//! in between, has the same number and time twice.
//!
//! The task states all rights too: when the log has no such statement yet, and each month. Whoever
//! replays the acts begins with one.

use super::line::blank;
use super::read::key_of;
use eyesonly_gate::entry::Owner;
use eyesonly_gate::registry::{Change, Expect, LIST_MAX, RegistryError};
use eyesonly_gate::{Keys, Records, Refused, Seam};
use eyesonly_ledger::{AppendError, Log, MOST_IN_BATCH};
use eyesonly_log::Entry;
use eyesonly_rights::{Fault, Record as _, ViewerRecord};
use eyesonly_seal::SealError;
use eyesonly_service::admin::{Act, ActRecord, Deed};
use eyesonly_service::clock;
use eyesonly_service::ledger::acts::Done;
use eyesonly_service::listing::{ListError, keys_after};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Mutex, Notify, watch};
use tokio::time::{sleep, timeout};

/// The longest time that a delivery waits for the acts before it, or for another's entry.
pub const LONGEST_WAIT: Duration = Duration::from_secs(2);
/// How long a batch waits that the log had no place for.
const AGAIN_AFTER: Duration = Duration::from_millis(10);

/// The reason why acts could not be entered.
#[derive(Debug, thiserror::Error)]
pub enum OutboxError {
    /// The registry gives no proven list.
    #[error(transparent)]
    List(#[from] ListError),
    /// The registry gave no proven answer.
    #[error("the registry gives no proven answer")]
    Refused(#[from] Refused),
    /// An act that is listed is not there, or does not open.
    #[error(
        "the record of act {0} can't be read, and no delivery starts before it is entered; \
         docs/running.md says what to do"
    )]
    Unreadable(u64),
    /// The registry does not answer.
    #[error("the registry does not answer")]
    Registry(#[from] RegistryError),
    /// The log takes no entry.
    #[error("the log takes no entry")]
    Log(#[from] AppendError),
    /// An act can't be sealed.
    #[error("an act can't be sealed")]
    Seal(#[from] SealError),
    /// The ledger is about to close.
    #[error("the ledger is closing")]
    Stopped,
    /// An act has more to say than a line holds.
    #[error("act {0} is longer than a line of the log")]
    Long(u64),
}

/// Is told of a number up to which acts that change rights were entered.
pub type Changed<'a> = dyn Fn(u64) + Send + Sync + 'a;

/// The acts that wait in the registry.
pub struct Outbox {
    records: Arc<Records>,
    keys: Arc<dyn Keys>,
    /// All acts up to this number of the rights are entered.
    entered: watch::Sender<u64>,
    /// Somebody waits for acts.
    wanted: Notify,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// Nothing is entered any more.
    is_stopped: bool,
    /// The last record that is in the log and may not be removed yet.
    appended: Option<Vec<u8>>,
    /// Acts that change rights are in the log, and nobody was told yet.
    has_changed: bool,
}

impl Outbox {
    /// Makes the outbox of a registry.
    pub fn new(records: Arc<Records>, keys: Arc<dyn Keys>) -> Self {
        let entered = watch::Sender::new(0);
        Self { records, keys, entered, wanted: Notify::new(), state: Mutex::default() }
    }

    /// Waits until the acts up to a number of the rights are entered. Says false if that takes too
    /// long.
    pub async fn has_entered(&self, number: u64) -> bool {
        if *self.entered.borrow() >= number {
            return true;
        }
        let mut entered = self.entered.subscribe();
        self.wanted.notify_one();
        let reached = timeout(LONGEST_WAIT, entered.wait_for(|reached| *reached >= number)).await;
        matches!(reached, Ok(Ok(_)))
    }

    /// Completes when somebody waits for acts.
    pub async fn wanted(&self) {
        self.wanted.notified().await;
    }

    /// Enters what waits, and lets nothing be entered any more.
    ///
    /// # Errors
    /// [`OutboxError`]; what was not entered stays in the registry until the next start.
    pub async fn stop(&self, log: &Log) -> Result<(), OutboxError> {
        let mut state = self.state.lock().await;
        let entered = self.enter_with(&mut state, log, &|_| {}).await;
        state.is_stopped = true;
        entered
    }

    /// Enters all acts that wait. `changed` is called with a number up to which acts that change
    /// rights were entered, before anybody who waits for them goes on.
    ///
    /// # Errors
    /// [`OutboxError`]; what was not entered stays in the registry.
    pub async fn enter(&self, log: &Log, changed: &Changed<'_>) -> Result<(), OutboxError> {
        let mut state = self.state.lock().await;
        self.enter_with(&mut state, log, changed).await
    }

    async fn enter_with(
        &self,
        state: &mut State,
        log: &Log,
        changed: &Changed<'_>,
    ) -> Result<(), OutboxError> {
        loop {
            if state.is_stopped {
                return Err(OutboxError::Stopped);
            }
            // What is committed after this question is in a later list.
            let position = self.records.position().await?;
            let page = keys_after(&self.records, ActRecord::KIND, None).await?;
            let is_last = page.keys.len() < LIST_MAX;
            let new = page.keys.iter().filter(|key| state.appended.as_ref() < Some(*key));
            let mut entries = Vec::new();
            for key in new {
                let record = self.act(key).await?;
                let is_right = |act: &Act| matches!(act.deed, Deed::Right | Deed::RightTaken);
                state.has_changed |= record.acts.iter().any(is_right);
                entries.extend(self.lines(&record)?);
            }
            append(log, entries).await?;
            // From here on they are in the log, even if they can't be removed now.
            state.appended = page.keys.last().cloned();
            let listed = page.position.rights.number.min(position.rights.number);
            let mut reached = listed;
            // All at once: each commit makes the commands that are at work read again.
            if let Some(after) = self.remove(&page.keys).await?
                && after == reached.saturating_add(1)
            {
                // Nobody else has written since the list.
                reached = after;
            }
            state.appended = None;
            if is_last {
                if std::mem::take(&mut state.has_changed) {
                    changed(listed);
                }
                self.entered.send_if_modified(|entered| {
                    let before = *entered;
                    *entered = before.max(reached);
                    *entered > before
                });
                return Ok(());
            }
        }
    }

    /// Reads the acts that wait, in the order of their numbers, and enters none of them. All acts
    /// up to the number that is returned are among them, unless somebody else has entered them.
    ///
    /// # Errors
    /// [`OutboxError`] if they can't be read.
    pub async fn waiting(&self) -> Result<(u64, Vec<ActRecord>), OutboxError> {
        let position = self.records.position().await?.rights.number;
        let (mut acts, mut after) = (Vec::new(), None::<Vec<u8>>);
        loop {
            let page = keys_after(&self.records, ActRecord::KIND, after.as_deref()).await?;
            let Some(last) = page.keys.last() else { return Ok((position, acts)) };
            for key in &page.keys {
                acts.push(self.act(key).await?);
            }
            after = Some(last.clone());
        }
    }

    /// Removes the records of acts that are in the log. Returns the number of the last commit, if
    /// there was anything to remove.
    ///
    /// # Errors
    /// [`OutboxError`]; they may be entered again then.
    pub async fn remove(&self, keys: &[Vec<u8>]) -> Result<Option<u64>, OutboxError> {
        let mut reached = None;
        for keys in keys.chunks(LIST_MAX) {
            let gone = keys.iter().map(|key| Change {
                kind: ActRecord::KIND,
                key: key.clone(),
                expect: Expect::Any,
                record: None,
            });
            let committed = self.records.commit(gone.collect(), None).await?;
            reached = Some(committed.rights.number);
        }
        Ok(reached)
    }

    /// Makes the lines of a record of acts.
    ///
    /// # Errors
    /// [`OutboxError`] if one can't be sealed.
    pub fn lines(&self, record: &ActRecord) -> Result<Vec<Entry>, OutboxError> {
        Done::all(record).map(|done| self.line(&done)).collect()
    }

    /// Reads an act that was listed. Nobody else removes one.
    async fn act(&self, key: &[u8]) -> Result<ActRecord, OutboxError> {
        let number = key.first_chunk().map_or(0, |bytes| u64::from_be_bytes(*bytes));
        match self.records.read::<ActRecord>(key).await {
            Ok(Some(record)) => Ok(record),
            Ok(None) => {
                self.records.reject(Seam::Registry, Fault::Missing, None);
                Err(OutboxError::Unreadable(number))
            }
            Err(Refused::Unavailable(_, None)) => Err(OutboxError::Unreadable(number)),
            Err(refused) => Err(refused.into()),
        }
    }

    /// Seals an act for its owner. If the owner's key is gone or does not open, the act is the
    /// edge's: one household's key must not stop the others.
    fn line(&self, done: &Done) -> Result<Entry, OutboxError> {
        let (owner, key) = match key_of(&*self.keys, done.owner()) {
            Some(key) => (done.owner(), key),
            None => (Owner::Edge, self.keys.edge().ledger_key()),
        };
        let sealed = done.seal(owner, &key, clock::random())?;
        blank(owner, done.day(), &sealed).ok_or(OutboxError::Long(done.sequence))
    }

    /// States all rights that there are. Acts that are written meanwhile are entered before what
    /// they changed is stated.
    ///
    /// # Errors
    /// [`OutboxError`]. Then there is no whole statement.
    pub async fn state(&self, log: &Log, changed: &Changed<'_>) -> Result<(), OutboxError> {
        let mut state = self.state.lock().await;
        self.enter_with(&mut state, log, changed).await?;
        self.mark(Deed::Stating, log).await?;
        let mut after: Option<Vec<u8>> = None;
        loop {
            let page = keys_after(&self.records, ViewerRecord::KIND, after.as_deref()).await?;
            let Some(last) = page.keys.last().cloned() else { break };
            let mut stated = Vec::new();
            for key in &page.keys {
                // A viewer may be removed meanwhile.
                if let Some(record) = self.records.read::<ViewerRecord>(key).await? {
                    stated.extend(Done::stated(&record, clock::now_milliseconds()));
                }
            }
            self.enter_with(&mut state, log, changed).await?;
            let lines: Result<Vec<Entry>, OutboxError> =
                stated.iter().map(|done| self.line(done)).collect();
            append(log, lines?).await?;
            after = Some(last);
        }
        self.mark(Deed::AllStated, log).await
    }

    async fn mark(&self, deed: Deed, log: &Log) -> Result<(), OutboxError> {
        let (sequence, at_milliseconds) = (0, clock::now_milliseconds());
        let act = Act::of(deed, None, None, None);
        let done = Done { sequence, at_milliseconds, actor: None, act };
        Ok(append(log, vec![self.line(&done)?]).await?)
    }
}

/// Appends entries, however long the disk takes. A batch at a time, so that deliveries find places.
pub(super) async fn append(log: &Log, entries: Vec<Entry>) -> Result<(), AppendError> {
    for batch in entries.chunks(MOST_IN_BATCH) {
        let ticket = loop {
            match log.enter(batch.to_vec()).await {
                // It may say so at once, without a wait.
                Err(AppendError::Busy) => sleep(AGAIN_AFTER).await,
                entered => break entered?,
            }
        };
        ticket.durable().await?;
    }
    Ok(())
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a failed expectation is a test")]
mod tests;
