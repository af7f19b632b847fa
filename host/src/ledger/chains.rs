//! The last line of each owner, and a file that spares a start the reading of the whole log.
//!
//! The file is no evidence. Whoever changes it can make a gap between an owner's lines, which
//! `ledger verify` then finds, and can hide none. A start believes the file only if the log has the
//! entry with which the file ends.
//!
//! | field | bytes | |
//! |---|---|---|
//! | form | 18 | `eyesonly-chains-1` and a line feed |
//! | size | 8 | how many entries of the log the file knows |
//! | last | 32 | the leaf hash of the last one of these |
//! | owners | 57 each | kind (1), id (16), number (8) and leaf hash (32) of the last line |
//! | hash | 32 | the leaf hash of all before |

use super::line::{Line, owner_from, owner_kind};
use eyesonly_gate::entry::Owner;
use eyesonly_log::{Entry, leaf};
use std::collections::HashMap;
use std::path::Path;

const FORM: &[u8; 18] = b"eyesonly-chains-1\n";
const HASH_BYTES: usize = 32;
const OWNER_BYTES: usize = 57;

/// The last line of each owner.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Chains {
    size: u64,
    last: [u8; HASH_BYTES],
    owners: HashMap<Owner, (u64, [u8; HASH_BYTES])>,
}

/// A line that is not the next one of its owner.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "the line of {} does not follow the one before: it has number {number} where {next} comes \
         next, or another line was before it",
    name(owner)
)]
pub struct Gap {
    /// The owner.
    pub owner: Owner,
    /// The line's number.
    pub number: u64,
    /// The number that the owner's next line has.
    pub next: u64,
}

/// Names an owner for a person.
fn name(owner: &Owner) -> String {
    match owner {
        Owner::Household(id) => format!("household {id}"),
        Owner::Viewer(id) => format!("viewer {id}"),
        Owner::Edge => "the edge".to_owned(),
    }
}

impl Chains {
    /// Starts before the entry of the log with this index: what came before was forgotten.
    pub fn from(index: u64) -> Self {
        Self { size: index, ..Self::default() }
    }

    /// Returns how many entries of the log are known.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Says whether this is the last entry that is known.
    pub fn ends_with(&self, entry: &Entry) -> bool {
        self.last == *leaf(entry.as_slice()).as_bytes()
    }

    /// Gives a line its number and the hash of the one before.
    pub fn stamp(&mut self, entry: &mut Entry) {
        if let Some(line) = Line::read(entry) {
            let (number, before) = self.next(line.owner);
            let counts = number.to_be_bytes().into_iter().chain(before);
            entry.iter_mut().skip(22).zip(counts).for_each(|(byte, count)| *byte = count);
            self.add(entry, line.owner, number);
        }
    }

    /// Takes the next line as it was read. A first line of an owner counts wherever its chain
    /// begins, if `may_begin`: older ones may have been forgotten.
    ///
    /// # Errors
    /// [`Gap`] if it is not the owner's next one.
    pub fn follow(&mut self, entry: &Entry, line: &Line, may_begin: bool) -> Result<(), Gap> {
        let (next, before) = self.next(line.owner);
        let begins = may_begin && !self.owners.contains_key(&line.owner);
        if !begins && (line.number, line.before) != (next, before) {
            return Err(Gap { owner: line.owner, number: line.number, next });
        }
        self.add(entry, line.owner, line.number);
        Ok(())
    }

    fn add(&mut self, entry: &Entry, owner: Owner, number: u64) {
        self.size = self.size.saturating_add(1);
        self.last = *leaf(entry.as_slice()).as_bytes();
        self.owners.insert(owner, (number, self.last));
    }

    fn next(&self, owner: Owner) -> (u64, [u8; HASH_BYTES]) {
        let last = self.owners.get(&owner);
        last.map_or((0, [0; HASH_BYTES]), |(number, hash)| (number.saturating_add(1), *hash))
    }

    /// Writes the file. It takes the place of the one before as a whole.
    ///
    /// # Errors
    /// The file can't be written. The one before is still there then.
    pub fn save(&self, file: &Path) -> std::io::Result<()> {
        let mut bytes = Vec::with_capacity(90 + OWNER_BYTES * self.owners.len());
        bytes.extend_from_slice(FORM);
        bytes.extend_from_slice(&self.size.to_be_bytes());
        bytes.extend_from_slice(&self.last);
        for (owner, (number, hash)) in &self.owners {
            let (_, id) = owner.parts();
            bytes.push(owner_kind(owner));
            bytes.extend_from_slice(id);
            bytes.extend_from_slice(&number.to_be_bytes());
            bytes.extend_from_slice(hash);
        }
        let hash = *leaf(&bytes).as_bytes();
        bytes.extend_from_slice(&hash);
        super::replace(file, &bytes)
    }

    /// Reads the file. Returns `None` if there is none, or if it is not whole.
    pub fn saved(file: &Path) -> Option<Self> {
        let bytes = std::fs::read(file).ok()?;
        let (content, hash) = bytes.split_last_chunk::<HASH_BYTES>()?;
        let rest = content.strip_prefix(FORM).filter(|_| leaf(content).as_bytes() == hash)?;
        let (size, rest) = rest.split_first_chunk::<8>()?;
        let (last, rest) = rest.split_first_chunk::<HASH_BYTES>()?;
        let mut owners = HashMap::new();
        for owner in rest.chunks(OWNER_BYTES) {
            let ([kind, id @ ..], rest) = owner.split_first_chunk::<17>()?;
            let (number, hash) = rest.split_first_chunk::<8>()?;
            let hash = hash.try_into().ok()?;
            owners.insert(owner_from(*kind, id)?, (u64::from_be_bytes(*number), hash));
        }
        Some(Self { size: u64::from_be_bytes(*size), last: *last, owners })
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic, reason = "a failed expectation is how a test fails")]
mod tests {
    use super::super::line::blank;
    use super::*;
    use eyesonly_seal::{HouseholdId, ViewerId};

    fn household(n: u8) -> Owner {
        Owner::Household(HouseholdId::from_bytes([n; 16]))
    }

    fn lines(owners: &[Owner]) -> (Chains, Vec<Entry>) {
        let mut chains = Chains::default();
        let lines = owners.iter().map(|owner| {
            let mut entry = blank(*owner, 9, &[1; 100]).unwrap();
            chains.stamp(&mut entry);
            entry
        });
        let lines = lines.collect();
        (chains, lines)
    }

    #[test]
    fn an_owner_counts_its_lines() {
        let (chains, lines) = lines(&[1, 2, 1, 1, 2].map(household));
        let numbers = lines.iter().map(|entry| Line::read(entry).unwrap().number);
        assert_eq!(numbers.collect::<Vec<_>>(), [0, 0, 1, 2, 1]);
        let mut read = Chains::default();
        for entry in &lines {
            read.follow(entry, &Line::read(entry).unwrap(), false).unwrap();
        }
        assert_eq!((&read, read.size()), (&chains, 5));
        // One line less is found at the owner's next one.
        let mut read = Chains::default();
        let gaps = [0, 1, 3, 4]
            .map(|at| read.follow(&lines[at], &Line::read(&lines[at]).unwrap(), false).err());
        let gap = Gap { owner: household(1), number: 2, next: 1 };
        assert_eq!(gaps, [None, None, Some(gap), None]);
    }

    #[test]
    fn the_file_says_what_was_known_or_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("chains");
        assert_eq!(Chains::saved(&file), None);
        let viewer = Owner::Viewer(ViewerId::from_bytes([2; 16]));
        let (chains, lines) = lines(&[household(1), viewer, Owner::Edge, household(2), viewer]);
        chains.save(&file).unwrap();
        assert_eq!(Chains::saved(&file), Some(chains.clone()));
        assert!(chains.ends_with(&lines[4]) && !chains.ends_with(&lines[3]));
        let bytes = std::fs::read(&file).unwrap();
        for cut in 0..bytes.len() {
            std::fs::write(&file, &bytes[..cut]).unwrap();
            assert_eq!(Chains::saved(&file), None, "cut at {cut}");
        }
        for at in 0..bytes.len() {
            let mut other = bytes.clone();
            other[at] ^= 1;
            std::fs::write(&file, &other).unwrap();
            assert_eq!(Chains::saved(&file), None, "changed at {at}");
        }
    }
}
