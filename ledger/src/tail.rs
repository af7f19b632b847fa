//! The tail: the file of the entries that are in no full bundle yet.
//!
//! It starts with a line that names its version, and with the index of its first entry. Then come
//! records. Each has the entry, its hash, its index, and the group that it was written with.
//!
//! A group is what one flush made durable. While a group is being written, nothing after it is. So
//! a crash can spoil the last group alone, and nobody was told that its entries are durable. A
//! group that is not whole is cut off, all of it: batches stay together.

use eyesonly_log::hash::{HASH_BYTES, Hash};
use eyesonly_log::tile::FULL;
use eyesonly_log::{ENTRY_BYTES, Entry, leaf};

/// What the file starts with: its version.
const MAGIC: &[u8; 16] = b"eyesonly-tail-1\n";

/// The bytes of a record: index, first of the group, length of the group, hash, entry.
pub(crate) const RECORD_BYTES: usize = 3 * 8 + HASH_BYTES + ENTRY_BYTES;

/// An entry in the tail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Record {
    pub(crate) index: u64,
    /// The index of the first entry that was written in the same group.
    first: u64,
    /// The number of entries of the group.
    count: u64,
    pub(crate) hash: Hash,
    pub(crate) entry: Entry,
}

impl Record {
    /// Makes the records of a group that starts at an index.
    pub(crate) fn group(first: u64, entries: &[Entry]) -> Vec<Self> {
        let count = u64::try_from(entries.len()).unwrap_or(u64::MAX);
        let record = |(index, entry): (u64, &Entry)| Self {
            index,
            first,
            count,
            hash: leaf(entry),
            entry: *entry,
        };
        (first..).zip(entries).map(record).collect()
    }

    /// Writes records one after the other.
    pub(crate) fn to_bytes(records: &[Self]) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(records.len().saturating_mul(RECORD_BYTES));
        for record in records {
            for number in [record.index, record.first, record.count] {
                bytes.extend(number.to_be_bytes());
            }
            bytes.extend(record.hash.as_bytes());
            bytes.extend(record.entry);
        }
        bytes
    }

    fn parse(bytes: &[u8; RECORD_BYTES]) -> Option<Self> {
        let (index, rest) = bytes.split_first_chunk()?;
        let (first, rest) = rest.split_first_chunk()?;
        let (count, rest) = rest.split_first_chunk()?;
        let (hash, entry) = rest.split_first_chunk()?;
        let [index, first, count] = [index, first, count].map(|bytes| u64::from_be_bytes(*bytes));
        let entry = entry.try_into().ok()?;
        Some(Self { index, first, count, hash: Hash::from_bytes(*hash), entry })
    }

    /// Returns the index after the group.
    const fn end(&self) -> u64 {
        self.first.saturating_add(self.count)
    }

    /// Returns whether the record is whole.
    fn is_whole(&self) -> bool {
        (self.first..self.end()).contains(&self.index) && self.hash == leaf(&self.entry)
    }

    /// Returns whether the record comes next after another one.
    fn follows(&self, before: Option<&Self>) -> bool {
        let Some(before) = before else { return true };
        let same_group = (self.first, self.count) == (before.first, before.count);
        same_group || (before.end() == self.index && self.first == self.index)
    }
}

/// The content of the file, as it stands there.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tail {
    /// The index of the first entry: a multiple of 256.
    pub(crate) base: u64,
    pub(crate) records: Vec<Record>,
    /// The bytes after the last record.
    pub(crate) torn: Vec<u8>,
}

/// What of a tail is to be believed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Settled {
    /// The number of records in whole groups.
    pub(crate) records: usize,
    /// The number of records that are whole, and whose group is not.
    pub(crate) unfinished: u64,
    /// The number of records that are there twice.
    pub(crate) double: u64,
    /// The number of bytes after the last record that is whole.
    pub(crate) torn_bytes: u64,
}

impl Tail {
    /// Writes the start of the file.
    pub(crate) fn header(base: u64) -> Vec<u8> {
        [MAGIC.as_slice(), &base.to_be_bytes()].concat()
    }

    /// Reads the file. What the records say is not checked. Returns `None` if the start is wrong.
    pub(crate) fn parse(bytes: &[u8]) -> Option<Self> {
        let (base, rest) = bytes.strip_prefix(MAGIC)?.split_first_chunk()?;
        let base = u64::from_be_bytes(*base);
        let (records, torn) = rest.as_chunks();
        let records = records.iter().map(Record::parse).collect::<Option<_>>()?;
        base.is_multiple_of(FULL.into()).then(|| Self { base, records, torn: torn.to_vec() })
    }

    /// Finds the groups that were flushed. Returns the index of an entry, as an error, if something
    /// was flushed after it and it is not whole: no crash does that.
    pub(crate) fn settled(&self) -> Result<Settled, u64> {
        let (mut whole, mut settled) = (0_usize, 0_usize);
        let mut before = None;
        for (record, index) in self.records.iter().zip(self.base..) {
            if record.index != index || !record.is_whole() || !record.follows(before) {
                break;
            }
            whole = whole.saturating_add(1);
            if record.end() == index.saturating_add(1) {
                settled = whole;
            }
            before = Some(record);
        }
        let rest = self.records.get(whole..).unwrap_or_default();
        let flushed = self.index(settled);
        let later = |record: &Record| record.first > flushed && record.is_whole();
        if rest.iter().any(later) {
            return Err(self.index(whole));
        }
        let good = self.records.get(..whole).unwrap_or_default();
        let double = rest.iter().filter(|record| good.contains(record)).count();
        let torn = rest.len().saturating_sub(double).saturating_mul(RECORD_BYTES);
        Ok(Settled {
            records: settled,
            unfinished: count(whole.saturating_sub(settled)),
            double: count(double),
            torn_bytes: count(torn.saturating_add(self.torn.len())),
        })
    }

    /// Returns the records of a bundle, as far as they are here. Returns `None` if the bundle is
    /// not in the tail.
    pub(crate) fn bundle(&self, bundle: u64) -> Option<&[Record]> {
        let first = bundle.checked_mul(FULL.into())?.checked_sub(self.base)?;
        let (_, rest) = self.records.split_at_checked(usize::try_from(first).ok()?)?;
        Some(rest.get(..FULL.into()).unwrap_or(rest))
    }

    /// Returns the index that a place has.
    fn index(&self, place: usize) -> u64 {
        self.base.saturating_add(count(place))
    }
}

/// Counts in 64 bits.
fn count(length: usize) -> u64 {
    u64::try_from(length).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests;
