//! Reading the access ledger: who received what, and whether the log is whole.
//!
//! It must never believe an entry that its owner's key does not open, and never change the log.

use super::chains::{Chains, Gap};
use super::line::Line;
use super::words::at;
use eyesonly_gate::Keys;
use eyesonly_gate::entry::{self, Outcome, Owner, Says, Stage};
use eyesonly_gate::ledger::{Delivery, Handed};
use eyesonly_ledger::{Folder, FolderError};
use eyesonly_log::{Checkpoint, Entry, VerifyingKey};
use eyesonly_seal::{LedgerKey, SealingKey};
use eyesonly_service::ledger::acts::Done;
use eyesonly_service::ledger::limits::SAME_STILL_MILLISECONDS;
use std::collections::HashMap;
use std::path::Path;
use std::time::SystemTime;

/// The most days that are forgotten at once.
const DAYS_MAX: usize = 2;

/// The reason why a ledger can't be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The log can't be read.
    #[error(transparent)]
    Folder(#[from] FolderError),
    /// An entry is none of this edge's.
    #[error("entry {index} of the log is no line of this ledger; run `eyesonly ledger verify`")]
    NoLine {
        /// The entry's place in the log.
        index: u64,
    },
    /// A household's or viewer's lines have a gap.
    #[error(
        "entry {index} of the log does not follow its owner's line before; run `eyesonly ledger \
         verify`, and put the log back from its newest copy"
    )]
    Gap {
        /// The entry's place in the log.
        index: u64,
        /// What is wrong.
        #[source]
        source: Gap,
    },
}

/// Reads the last line of each owner. `saved` is a file of [`Chains::save`], which spares what it
/// knows. Every further line must be the next one of its owner.
///
/// # Errors
/// [`ReadError`], with the place of the first entry that is wrong.
pub fn chains(folder: &Path, saved: &Path, key: &VerifyingKey) -> Result<Chains, ReadError> {
    let log = match Folder::open(folder, key) {
        Ok(log) => log,
        // The log was not begun yet, or a first start was cut off.
        Err(FolderError::Absent { .. }) => return Ok(Chains::default()),
        Err(error) => return Err(error.into()),
    };
    let known = Chains::saved(saved).filter(|chains| {
        let last = chains.size().checked_sub(1).filter(|last| *last >= log.oldest());
        let last = last.and_then(|last| log.entries(last..chains.size()).next());
        last.is_some_and(|read| read.is_ok_and(|(_, entry)| chains.ends_with(&entry)))
    });
    let mut chains = known.unwrap_or_else(|| Chains::from(log.oldest()));
    let forgotten = log.oldest() > 0;
    for read in lines(&log, chains.size()) {
        let (index, entry, line) = read?;
        chains
            .follow(&entry, &line, forgotten)
            .map_err(|source| ReadError::Gap { index, source })?;
    }
    Ok(chains)
}

/// Finds the end of what may be forgotten: the entries at the start of the log that are all of
/// days before `first`, and of two of these days at most. Returns the index of the first entry that
/// is kept.
///
/// Few days at once: the clock that says `first` may be wrong, and then little is lost.
///
/// # Errors
/// [`ReadError`] if an entry can't be read.
pub fn forgettable(log: &Folder, first: u32) -> Result<u64, ReadError> {
    let mut days = Vec::with_capacity(DAYS_MAX);
    for read in lines(log, log.oldest()) {
        let (index, _, line) = read?;
        if days.last() != Some(&line.day) {
            if line.day >= first || days.len() == DAYS_MAX {
                return Ok(index);
            }
            days.push(line.day);
        }
    }
    Ok(log.oldest())
}

/// Verifies a log, against checkpoints that were kept too, and then each owner's lines. Returns
/// what is wrong with it, in words.
///
/// # Errors
/// [`ReadError`] if the log can't be read.
pub fn faults(log: &Folder, kept: &[Checkpoint]) -> Result<Vec<String>, ReadError> {
    let faults = log.verify(kept)?.report.faults;
    // Where an entry was changed, what follows it does not fit either: that says nothing more.
    if !faults.is_empty() {
        return Ok(faults.iter().map(ToString::to_string).collect());
    }
    let words = |(index, gap): &(u64, Gap)| format!("entry {index}: {gap}");
    Ok(gaps(log)?.iter().map(words).collect())
}

/// Lists the first line of each owner that is not the owner's next one, with its place in the log.
///
/// # Errors
/// [`ReadError`] if an entry can't be read.
fn gaps(log: &Folder) -> Result<Vec<(u64, Gap)>, ReadError> {
    let (mut chains, forgotten) = (Chains::from(log.oldest()), log.oldest() > 0);
    let mut gaps: Vec<(u64, Gap)> = Vec::new();
    for read in lines(log, log.oldest()) {
        let (index, entry, line) = read?;
        if let Err(gap) = chains.follow(&entry, &line, forgotten)
            && !gaps.iter().any(|(_, known)| known.owner == gap.owner)
        {
            gaps.push((index, gap));
        }
    }
    Ok(gaps)
}

/// What an entry says to whoever has the keyring.
pub enum Opened {
    /// Its owner's key opens it.
    Says(Says),
    /// It is about an act of administration.
    Act(Box<Done>),
    /// The key is gone, with the household.
    NoKey,
    /// The key is there, and does not open it.
    Damaged,
}

/// An entry that was read.
pub struct Seen {
    /// The entry's place in the log.
    pub index: u64,
    /// Whose line it is.
    pub owner: Owner,
    /// The UTC day of its key, counted from 1970.
    pub day: u32,
    /// What it says.
    pub says: Opened,
}

/// Reads the lines of the log from an index on, each with its place and as it stands there.
pub(super) fn lines(
    log: &Folder,
    from: u64,
) -> impl Iterator<Item = Result<(u64, Entry, Line), ReadError>> + '_ {
    log.entries(from..log.size()).map(|read| {
        let (index, entry) = read?;
        let line = Line::read(&entry).ok_or(ReadError::NoLine { index })?;
        Ok((index, entry, line))
    })
}

/// Reads the lines of the log that `wanted` chooses, and opens them.
pub fn opened<'a>(
    log: &'a Folder,
    keys: &'a dyn Keys,
    wanted: impl Fn(Owner) -> bool + 'a,
) -> impl Iterator<Item = Result<Seen, ReadError>> + 'a {
    let mut known = None;
    lines(log, log.oldest()).filter_map(move |read| {
        let (index, _, line) = match read {
            Ok(read) => read,
            Err(error) => return Some(Err(error)),
        };
        let owner = line.owner;
        if !wanted(owner) {
            return None;
        }
        // Neighbours are often one owner's.
        if known.as_ref().is_none_or(|(of, day, _)| (*of, *day) != (owner, line.day)) {
            let key = key_of(keys, owner).map(|key| key.day_key(line.day));
            known = Some((owner, line.day, key));
        }
        let says = match known.as_ref().and_then(|(_, _, key)| key.as_ref()) {
            None => Opened::NoKey,
            Some(key) => Opened::by(key, &line),
        };
        Some(Ok(Seen { index, owner, day: line.day, says }))
    })
}

/// Returns the key of an owner's entries. `None` if it is gone, with the household.
pub(super) fn key_of(keys: &dyn Keys, owner: Owner) -> Option<LedgerKey> {
    match owner {
        Owner::Viewer(_) | Owner::Edge => Some(keys.edge().ledger_key()),
        Owner::Household(id) => keys.household_key(id).ok().map(|key| key.ledger_key(&id)),
    }
}

impl Opened {
    /// Opens a line by the key of its owner's day.
    pub(super) fn by(key: &SealingKey, line: &Line) -> Self {
        match entry::open(line.owner, line.day, key, &line.sealed) {
            Ok(says) => Self::Says(says),
            Err(_) => match Done::open(line.owner, line.day, key, &line.sealed) {
                Ok(Some(done)) => Self::Act(Box::new(done)),
                _ => Self::Damaged,
            },
        }
    }
}

/// How a delivery ended.
pub struct End {
    /// What became of it.
    pub outcome: Outcome,
    /// The bytes that left.
    pub bytes: u64,
    /// When it was, in milliseconds since 1970.
    pub at_milliseconds: u64,
}

/// Reads how deliveries ended, by their numbers. An end is entered after its start, so the ends are
/// read first. `wanted` chooses whose.
///
/// # Errors
/// [`ReadError`] if an entry can't be read.
pub fn ends(
    log: &Folder,
    keys: &dyn Keys,
    wanted: impl Fn(Owner) -> bool,
) -> Result<HashMap<[u8; 16], End>, ReadError> {
    let mut ends = HashMap::new();
    for seen in opened(log, keys, wanted) {
        if let Opened::Says(Says::Delivery(Stage::Ends(outcome), end)) = seen?.says {
            let (bytes, at_milliseconds) = (end.body_bytes, end.at_milliseconds);
            ends.insert(end.number, End { outcome, bytes, at_milliseconds });
        }
    }
    Ok(ends)
}

/// A span of time. An end that is `None` does not limit.
#[derive(Debug, Clone, Copy)]
pub struct Span {
    /// Where it begins.
    pub from: Option<SystemTime>,
    /// Where it ends.
    pub until: Option<SystemTime>,
}

impl Span {
    /// Says whether something of this time, in milliseconds since 1970, is in the span. Times are
    /// shown in whole seconds, so a second counts to its end.
    pub fn meets(&self, began_milliseconds: u64, ended_milliseconds: u64) -> bool {
        let began = at(began_milliseconds / 1000 * 1000);
        self.from.is_none_or(|from| from <= at(ended_milliseconds))
            && self.until.is_none_or(|until| began <= until)
    }

    /// Says whether a part of a delivery may have left in the span.
    pub fn meets_delivery(&self, delivery: &Delivery, end: Option<&End>) -> bool {
        let began = delivery.at_milliseconds;
        let ended = match delivery.handed {
            Handed::Still => began.saturating_add(SAME_STILL_MILLISECONDS),
            _ => delivery.until_milliseconds.max(end.map_or(began, |end| end.at_milliseconds)),
        };
        self.meets(began, ended)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic, reason = "a failed expectation is how a test fails")]
mod tests {
    use super::*;
    use crate::ledger::line::blank;
    use eyesonly_ledger::{Log, Options};
    use eyesonly_log::{Name, SigningKey};

    fn key() -> SigningKey {
        SigningKey::from_seed(Name::new("example.com/ledger/hall").unwrap(), &[7; 32]).unwrap()
    }

    /// Makes a log with an entry of each of these days.
    async fn log_of(folder: &Path, days: &[u32]) -> Folder {
        let mut chains = Chains::default();
        let stamp = Box::new(move |entry: &mut Entry| chains.stamp(entry));
        let log = Log::stamped(folder, key(), &Options::default(), stamp).unwrap();
        let lines = days.iter().map(|day| blank(Owner::Edge, *day, &[1; 100]).unwrap());
        log.append_all(lines.collect()).await.unwrap();
        log.close().await.unwrap();
        Folder::open(folder, &key().verifying_key()).unwrap()
    }

    #[tokio::test]
    async fn few_days_are_forgotten_at_once() {
        let folder = tempfile::tempdir().unwrap();
        let log = log_of(&folder.path().join("log"), &[3, 3, 4, 4, 5, 6, 6]).await;
        let end = |first| forgettable(&log, first).unwrap();
        assert_eq!((end(0), end(3), end(4), end(5)), (0, 0, 2, 4));
        // A clock that is years ahead costs no more than two days.
        assert_eq!((end(6), end(u32::MAX)), (4, 4));
        // Nothing younger is forgotten behind an entry whose clock was wrong.
        let log = log_of(&folder.path().join("other"), &[0, 9, 0, 9]).await;
        assert_eq!(forgettable(&log, 9).unwrap(), 1);
        assert_eq!(gaps(&log).unwrap(), []);
    }

    #[tokio::test]
    async fn a_first_start_that_was_cut_off_begins_again() {
        let folder = tempfile::tempdir().unwrap();
        let log = folder.path().join("log");
        std::fs::create_dir(&log).unwrap();
        let public = key().verifying_key();
        std::fs::write(log.join("origin"), format!("{public}\n")).unwrap();
        let saved = folder.path().join("chains");
        assert_eq!(chains(&log, &saved, &public).unwrap(), Chains::default());
        drop(log_of(&log, &[1]).await);
        assert_eq!(chains(&log, &saved, &public).unwrap().size(), 1);
        // What had entries is not begun anew.
        std::fs::remove_file(log.join("checkpoint")).unwrap();
        assert!(chains(&log, &saved, &public).is_err());
    }
}
