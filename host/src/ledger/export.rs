//! An export: a household's lines out of the log, as a file that can be read and verified without
//! the log and without the operator.
//!
//! The first line of the file is a header: the log's public key, a checkpoint, and the keys of the
//! days, which open the household's entries of those days and nothing else. Each further line is an
//! entry with its proof, and with what it says. The lines have running numbers, so a gap is found.

use super::line::Line;
use super::read::{Opened, ReadError, key_of, lines};
use super::words;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use eyesonly_gate::Keys;
use eyesonly_gate::entry::Owner;
use eyesonly_ledger::{Folder, FolderError};
use eyesonly_log::{
    Checkpoint, CheckpointError, Entry, Hash, NoteError, ProofError, TreeError, VerifyingKey,
    inclusion, leaf, verify_inclusion,
};
use eyesonly_seal::{HouseholdId, SealingKey};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead, Read as _, Write};

const FORM: &str = "eyesonly-ledger-export-1";
/// The most bytes of a line of the file.
const LINE_BYTES_MAX: u64 = 1 << 20;

/// The reason why a household's lines can't be exported.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// The log can't be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// The household's key is gone.
    #[error("the household's key is gone, and nobody can read its entries any more")]
    NoKey,
    /// A proof can't be made.
    #[error("a proof can't be made; run `eyesonly ledger verify`")]
    Proof(#[from] TreeError<FolderError>),
    /// The file can't be written.
    #[error("the export can't be written")]
    Write(#[from] std::io::Error),
}

/// The reason why an export is not to be believed.
#[derive(Debug, thiserror::Error)]
pub enum Fault {
    /// It can't be read.
    #[error("line {line} of the export can't be read")]
    Unreadable {
        /// The line of the file, counted from 1.
        line: u64,
        /// The cause.
        #[source]
        source: std::io::Error,
    },
    /// The first line is no header of an export.
    #[error("the first line is no header of an export of a ledger")]
    Header,
    /// The header's key can't be used.
    #[error("the key in the header can't be used")]
    Key(#[from] NoteError),
    /// It is of another log.
    #[error("the export is of another ledger than --key says")]
    OtherKey,
    /// The checkpoint was rejected.
    #[error("the export's checkpoint is not to be believed")]
    Checkpoint(#[from] CheckpointError),
    /// A line is none.
    #[error("line {line} of the export is no entry of this household")]
    NoEntry {
        /// The line of the file.
        line: u64,
    },
    /// The log has another entry at this place, or the proof is wrong.
    #[error("line {line} of the export: the log does not have this entry at {index}")]
    Unproven {
        /// The line of the file.
        line: u64,
        /// The place in the log that it names.
        index: u64,
        /// The fault of the proof.
        #[source]
        source: ProofError,
    },
    /// An entry before it is missing.
    #[error("line {line} of the export does not follow the one before: an entry is missing")]
    Gap {
        /// The line of the file.
        line: u64,
    },
    /// It says something else than its entry.
    #[error("line {line} of the export says something else than its entry")]
    Says {
        /// The line of the file.
        line: u64,
    },
    /// There are fewer lines than the header says.
    #[error("the export was cut: it has {lines} entries, and its header says {expected}")]
    Cut {
        /// How many there are.
        lines: u64,
        /// How many the header says.
        expected: u64,
    },
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Header {
    form: String,
    key: String,
    household: HouseholdId,
    entries: u64,
    checkpoint: String,
    /// The key of each UTC day, counted from 1970, in base64.
    days: BTreeMap<u32, String>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Record {
    index: u64,
    entry: String,
    proof: Vec<String>,
    says: Value,
}

/// What an export has.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Checked {
    /// The household.
    pub household: HouseholdId,
    /// The public key of the log.
    pub key: String,
    /// How many entries there are.
    pub entries: u64,
    /// The number of the first one among the household's. Those before are not in it.
    pub first: u64,
    /// How many of them do not open with the household's key, so that nobody knows what they say.
    pub damaged: u64,
    /// How many entries of all owners the checkpoint counts.
    pub log_entries: u64,
}

/// Writes an export of all of a household's entries that the newest checkpoint counts. Returns how
/// many there are.
///
/// # Errors
/// [`ExportError`]. What was written before is no whole export then.
pub fn write(
    log: &Folder,
    keys: &dyn Keys,
    household: HouseholdId,
    to: &mut impl Write,
) -> Result<u64, ExportError> {
    let owner = Owner::Household(household);
    let key = key_of(keys, owner).ok_or(ExportError::NoKey)?;
    let size = log.checkpoint().size();
    let of_household = || {
        lines(log, log.oldest())
            .take_while(move |read| read.as_ref().map_or(true, |(index, ..)| *index < size))
            .filter(move |read| read.as_ref().map_or(true, |(_, _, line)| line.owner == owner))
    };
    let (mut entries, mut days) = (0_u64, BTreeSet::new());
    for read in of_household() {
        days.insert(read?.2.day);
        entries = entries.saturating_add(1);
    }
    let secret = |day: u32| (day, STANDARD.encode(*key.day_secret(day)));
    let header = Header {
        form: FORM.to_owned(),
        key: log.key().to_string(),
        household,
        entries,
        checkpoint: log.note().to_owned(),
        days: days.into_iter().map(secret).collect(),
    };
    write_line(to, &header)?;
    for read in of_household() {
        let (index, entry, line) = read?;
        let opened = Opened::by(&key.day_key(line.day), &line);
        let proof = inclusion(index, size, log)?;
        write_line(
            to,
            &Record {
                index,
                entry: STANDARD.encode(entry),
                proof: proof.iter().map(ToString::to_string).collect(),
                says: words::value(&opened).unwrap_or_default(),
            },
        )?;
    }
    to.flush()?;
    Ok(entries)
}

fn write_line(to: &mut impl Write, line: &impl Serialize) -> std::io::Result<()> {
    serde_json::to_writer(&mut *to, line)?;
    to.write_all(b"\n")
}

/// Verifies an export. `key`: the public key that the log must have.
///
/// # Errors
/// [`Fault`], with the first line that is wrong.
pub fn verify(mut from: impl BufRead, key: Option<&VerifyingKey>) -> Result<Checked, Fault> {
    let header: Header =
        read_line(&mut from, 1)?.and_then(|text| json(&text)).ok_or(Fault::Header)?;
    if header.form != FORM {
        return Err(Fault::Header);
    }
    let own = VerifyingKey::parse(&header.key)?;
    if key.is_some_and(|key| *key != own) {
        return Err(Fault::OtherKey);
    }
    let checkpoint = Checkpoint::open(header.checkpoint.as_bytes(), &own)?;
    let owner = Owner::Household(header.household);
    let days = header.days.iter().filter_map(|(day, key)| Some((*day, day_key(key)?)));
    let days: BTreeMap<u32, SealingKey> = days.collect();
    let (mut entries, mut first, mut damaged) = (0_u64, 0, 0_u64);
    let mut before: Option<(u64, Hash)> = None;
    loop {
        let at = entries.saturating_add(2);
        let Some(text) = read_line(&mut from, at)? else { break };
        let Record { index, entry, proof, says } =
            json(&text).ok_or(Fault::NoEntry { line: at })?;
        let (entry, line) = parse(&entry, owner).ok_or(Fault::NoEntry { line: at })?;
        let proof: Option<Vec<Hash>> = proof.iter().map(|hash| parse_hash(hash)).collect();
        let proof = proof.ok_or(Fault::NoEntry { line: at })?;
        let hash = leaf(&entry);
        verify_inclusion(&hash, index, checkpoint.size(), checkpoint.root(), &proof)
            .map_err(|source| Fault::Unproven { line: at, index, source })?;
        match before {
            None => first = line.number,
            Some((number, last)) => {
                if (line.number, line.before) != (number.saturating_add(1), *last.as_bytes()) {
                    return Err(Fault::Gap { line: at });
                }
            }
        }
        before = Some((line.number, hash));
        let opened = days.get(&line.day).map(|key| Opened::by(key, &line));
        let Some(opened) = opened else { return Err(Fault::Says { line: at }) };
        if words::value(&opened).unwrap_or_default() != says {
            return Err(Fault::Says { line: at });
        }
        damaged = damaged.saturating_add(u64::from(says.is_null()));
        entries = entries.saturating_add(1);
    }
    if entries != header.entries {
        return Err(Fault::Cut { lines: entries, expected: header.entries });
    }
    let (household, key, log_entries) = (header.household, header.key, checkpoint.size());
    Ok(Checked { household, key, entries, first, damaged, log_entries })
}

/// Reads a line. Returns `None` at the end.
fn read_line(from: &mut impl BufRead, line: u64) -> Result<Option<String>, Fault> {
    let mut text = String::new();
    let read = from.by_ref().take(LINE_BYTES_MAX).read_line(&mut text);
    let read = read.map_err(|source| Fault::Unreadable { line, source })?;
    Ok((read > 0).then_some(text))
}

fn json<T: for<'a> Deserialize<'a>>(text: &str) -> Option<T> {
    serde_json::from_str(text).ok()
}

fn day_key(text: &str) -> Option<SealingKey> {
    let bytes: [u8; 32] = STANDARD.decode(text).ok()?.try_into().ok()?;
    Some(SealingKey::from_bytes(bytes))
}

fn parse(text: &str, owner: Owner) -> Option<(Entry, Line)> {
    let entry = Entry::try_from(STANDARD.decode(text).ok()?).ok()?;
    let line = Line::read(&entry).filter(|line| line.owner == owner)?;
    Some((entry, line))
}

fn parse_hash(text: &str) -> Option<Hash> {
    let bytes: [u8; 32] = STANDARD.decode(text).ok()?.try_into().ok()?;
    Some(Hash::from_bytes(bytes))
}
