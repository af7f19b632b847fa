//! Entering in the log what waits in the Spin edition's store: entries of deliveries, and acts.
//!
//! Each entry is entered once, in whatever moment a fold before was killed: what the log has
//! already is removed from the store and not entered again. An act may be entered twice, with one
//! number and one time.
//!
//! Threat: the store is NOT trusted. A value that is no sealed entry of this edge is not entered.
//! It is counted in an entry about rejected answers, and removed. That nothing was dropped from the
//! store before is not proven.
//!
//! An act comes before a delivery that was decided by it, or that started long after it. So a
//! delivery whose right had been taken stands behind the act, whatever the store says of the number
//! by which it was decided.

use super::line::{Line, blank};
use super::outbox::{Outbox, OutboxError, append};
use super::read::{Opened, ReadError, key_of, lines};
use super::{LogLedger, folder};
use eyesonly_gate::entry::{Owner, Rejected, Says, Stage};
use eyesonly_gate::ledger::Misdelivery;
use eyesonly_gate::{Keys, Records, Seam};
use eyesonly_ledger::{AppendError, Folder, FolderError};
use eyesonly_log::Entry;
use eyesonly_rights::{Fault, Record};
use eyesonly_seal::SealingKey;
use eyesonly_service::admin::ActRecord;
use eyesonly_service::clock;
use eyesonly_service::kv::{KvEntries, KvError, Waiting};
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

/// The most entries that are entered in one round.
const ROUND: usize = 1 << 16;
/// How long the commit of an act takes at most, in milliseconds. A delivery that started later than
/// that had to be decided by it.
const COMMIT_MILLISECONDS: u64 = 10_000;
/// The bytes at the start of a sealed entry that no other has: its salt.
const SALT_BYTES: usize = 24;

type Salt = [u8; SALT_BYTES];

/// The reason why not all could be entered. What was entered stays in the log.
#[derive(Debug, thiserror::Error)]
pub enum FoldError {
    /// The store does not answer.
    #[error(transparent)]
    Store(#[from] KvError),
    /// The log can't be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// The acts can't be entered.
    #[error(transparent)]
    Acts(#[from] OutboxError),
    /// The log takes no entry.
    #[error("the log takes no entry")]
    Log(#[from] AppendError),
}

impl From<FolderError> for FoldError {
    fn from(error: FolderError) -> Self {
        Self::Read(error.into())
    }
}

/// What a fold did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Folded {
    /// How many entries of requests the log has now that it did not have before.
    pub entries: u64,
    /// How many commits of administration were entered.
    pub acts: u64,
    /// How many values of the store were no entries.
    pub damaged: u64,
}

/// An entry that was read and opened.
struct Sorted {
    /// When it was, in milliseconds since 1970, and whether it is an end.
    at: (u64, bool),
    decided_at: u64,
    salt: Salt,
    line: Entry,
}

/// What is read in one round, and where it comes from.
struct Round {
    /// All acts up to this number are among `acts`.
    position: u64,
    acts: Vec<ActRecord>,
    /// The keys of the values that were read.
    keys: Vec<String>,
    entries: Vec<Sorted>,
    damaged: u64,
    is_last: bool,
}

/// Opens what waits, by the keys of its owners.
struct Reader<'a> {
    keys: &'a dyn Keys,
    days: HashMap<(Owner, u32), Option<SealingKey>>,
}

impl Reader<'_> {
    /// Makes a line of a value. None: it is no entry of this edge.
    fn sorted(&mut self, waiting: &Waiting) -> Option<Sorted> {
        let Waiting { at_milliseconds, decided_at, owner, day, ref sealed } = *waiting;
        let salt = *sealed.first_chunk()?;
        let line = blank(owner, day, sealed)?;
        let keys = self.keys;
        let key = self.days.entry((owner, day));
        let key = key.or_insert_with(|| key_of(keys, owner).map(|key| key.day_key(day)));
        let at = match key {
            // The household was removed with its key, and nobody can read this any more.
            None => (at_milliseconds, false),
            Some(key) => match Opened::by(key, &Line::read(&line)?) {
                Opened::Says(Says::Delivery(stage, delivery)) => {
                    (delivery.at_milliseconds, stage != Stage::Starts)
                }
                Opened::Says(Says::Rejected(rejected)) => (rejected.first.at_milliseconds, false),
                Opened::Act(done) => (done.at_milliseconds, false),
                Opened::NoKey | Opened::Damaged => return None,
            },
        };
        Some(Sorted { at, decided_at, salt, line })
    }
}

impl Round {
    /// Reads what waits. The acts come first: an entry that is not among these was written after
    /// all of the acts, and was decided once more after it was written.
    async fn read(
        outbox: &Outbox,
        waiting: &KvEntries,
        reader: &mut Reader<'_>,
    ) -> Result<Self, FoldError> {
        let mut before = None;
        loop {
            let (position, acts) = outbox.waiting().await?;
            let mut keys = waiting.keys()?;
            let is_last = keys.len() <= ROUND;
            keys.truncate(ROUND);
            let (mut entries, mut damaged) = (Vec::new(), 0_u64);
            for (_, value) in waiting.read(&keys)? {
                match value.and_then(|value| reader.sorted(&value)) {
                    Some(sorted) => entries.push(sorted),
                    None => damaged = damaged.saturating_add(1),
                }
            }
            entries.sort_by_key(|entry| entry.at);
            let decided_at = entries.iter().map(|entry| entry.decided_at).max().unwrap_or(0);
            // Administration goes on meanwhile. But the store may also say that something was
            // decided by an act that nobody did.
            if decided_at <= position || before == Some(position) {
                return Ok(Self { position, acts, keys, entries, damaged, is_last });
            }
            before = Some(position);
        }
    }

    /// Puts acts and entries in their order. Acts for which no entry waits are entered with the
    /// last round. Returns the lines, and how many entries and commits of acts are among them.
    fn lines(
        &self,
        outbox: &Outbox,
        in_log: &mut HashSet<Salt>,
    ) -> Result<(Vec<Entry>, usize, usize), FoldError> {
        let (mut lines, mut new, mut entered) = (Vec::new(), 0_usize, 0_usize);
        for entry in self.entries.iter().filter(|entry| in_log.insert(entry.salt)) {
            let first = |act: &ActRecord| {
                let ends = act.at_milliseconds.saturating_add(COMMIT_MILLISECONDS);
                act.sequence <= entry.decided_at.min(self.position) || ends < entry.at.0
            };
            while let Some(act) = self.acts.get(entered).filter(|act| first(act)) {
                lines.extend(outbox.lines(act)?);
                entered = entered.saturating_add(1);
            }
            lines.push(entry.line);
            new = new.saturating_add(1);
        }
        if self.is_last {
            for act in self.acts.iter().skip(entered) {
                lines.extend(outbox.lines(act)?);
            }
            entered = self.acts.len();
        }
        Ok((lines, new, entered))
    }
}

impl LogLedger {
    /// Enters what waits in a store, and states all rights if that is due. Each entry is entered
    /// once.
    ///
    /// # Errors
    /// [`FoldError`]; what was not entered waits on.
    pub async fn fold(
        &self,
        records: Arc<Records>,
        keys: &Arc<dyn Keys>,
        waiting: &KvEntries,
    ) -> Result<Folded, FoldError> {
        let outbox = Outbox::new(records, Arc::clone(keys));
        let folded = self.enter_waiting(&outbox, &**keys, waiting).await?;
        self.enter_and_state(&outbox).await?;
        Ok(folded)
    }

    async fn enter_waiting(
        &self,
        outbox: &Outbox,
        keys: &dyn Keys,
        waiting: &KvEntries,
    ) -> Result<Folded, FoldError> {
        let mut folded = Folded::default();
        let mut reader = Reader { keys, days: HashMap::new() };
        let mut in_log = self.in_log(waiting)?;
        loop {
            let round = Round::read(outbox, waiting, &mut reader).await?;
            let (mut lines, new, acts) = round.lines(outbox, &mut in_log)?;
            lines.extend(self.damaged(round.damaged)?);
            append(&self.log, lines).await?;
            // Now it can't be lost any more.
            waiting.remove(&round.keys)?;
            let entered: Vec<_> = round.acts.iter().take(acts).map(Record::key).collect();
            outbox.remove(&entered).await?;
            let add = |sum: &mut u64, more: usize| {
                *sum = sum.saturating_add(u64::try_from(more).unwrap_or(u64::MAX));
            };
            add(&mut folded.entries, new);
            add(&mut folded.acts, acts);
            folded.damaged = folded.damaged.saturating_add(round.damaged);
            if round.is_last {
                return Ok(folded);
            }
        }
    }

    /// Returns the salts of the lines that may be among what waits: a fold before was killed, or a
    /// copy of the store was put back.
    fn in_log(&self, waiting: &KvEntries) -> Result<HashSet<Salt>, FoldError> {
        let mut first = None;
        for keys in waiting.keys()?.chunks(ROUND) {
            let values = waiting.read(keys)?.into_iter().filter_map(|(_, value)| value);
            first = first.into_iter().chain(values.map(|value| value.day)).min();
        }
        let Some(first) = first else { return Ok(HashSet::new()) };
        let log = Folder::open(&folder(&self.data), &self.public)?;
        let mut salts = HashSet::new();
        for read in lines(&log, log.oldest()) {
            let (_, _, line) = read?;
            if line.day >= first {
                salts.extend(line.sealed.first_chunk().copied());
            }
        }
        Ok(salts)
    }

    /// Makes the line that says that values of the store were no entries.
    fn damaged(&self, count: u64) -> Result<Option<Entry>, FoldError> {
        let Some(count) = u32::try_from(count).ok().filter(|count| *count > 0) else {
            return Ok(None);
        };
        let (seam, fault, camera) = (Seam::Store, Fault::WrongSeal, None);
        let at_milliseconds = clock::now_milliseconds();
        let first = Misdelivery { at_milliseconds, seam, fault, camera };
        let rejected = Rejected { first, count };
        let sealed = rejected.seal(&self.key, clock::random()).map_err(OutboxError::Seal)?;
        Ok(blank(Owner::Edge, rejected.day(), &sealed))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a failed expectation is a test")]
mod tests;
