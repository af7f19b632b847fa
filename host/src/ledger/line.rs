//! A line of the log: a sealed entry, with its owner's count around it.
//!
//! Anybody who has the log's entries can count an owner's lines, and see that none is missing: each
//! has its number and the hash of the one before. Only who has the owner's key can read one.
//!
//! | field | bytes | |
//! |---|---|---|
//! | form | 1 | 1 |
//! | owner's kind | 1 | 1 a household, 2 a viewer, 3 the edge |
//! | owner | 16 | the id; zeros for the edge |
//! | day | 4 | the UTC day whose key sealed it, counted from 1970 |
//! | number | 8 | of the owner's line, from 0 on |
//! | before | 32 | the leaf hash of the owner's line before; zeros for the first |
//! | length | 2 | of the sealed entry |
//! | sealed | | the sealed entry |
//! | | | zeros, up to 512 bytes |

use eyesonly_gate::entry::Owner;
use eyesonly_log::{ENTRY_BYTES, Entry};
use eyesonly_seal::{HouseholdId, ViewerId};

const FORM: u8 = 1;
const HEAD_BYTES: usize = 64;

/// The most bytes of a sealed entry.
pub const SEALED_BYTES_MAX: usize = ENTRY_BYTES - HEAD_BYTES;

/// A line, as it is read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// Whose line it is.
    pub owner: Owner,
    /// The UTC day of its key.
    pub day: u32,
    /// Its number among the owner's lines.
    pub number: u64,
    /// The leaf hash of the owner's line before.
    pub before: [u8; 32],
    /// The sealed entry.
    pub sealed: Vec<u8>,
}

/// Returns the number of an owner's kind.
pub fn owner_kind(owner: &Owner) -> u8 {
    match owner {
        Owner::Household(_) => 1,
        Owner::Viewer(_) => 2,
        Owner::Edge => 3,
    }
}

/// Returns the owner of this kind with this id. `None` if there can't be one.
pub fn owner_from(kind: u8, id: &[u8; 16]) -> Option<Owner> {
    match kind {
        1 => Some(Owner::Household(HouseholdId::from_bytes(*id))),
        2 => Some(Owner::Viewer(ViewerId::from_bytes(*id))),
        3 => Some(Owner::Edge).filter(|_| *id == [0; 16]),
        _ => None,
    }
}

/// Makes a line without a number, which [`super::chains::Chains::stamp`] gives it. Returns `None`
/// if the sealed entry is too long.
pub fn blank(owner: Owner, day: u32, sealed: &[u8]) -> Option<Entry> {
    let length = u16::try_from(sealed.len()).ok()?;
    let (_, id) = owner.parts();
    let mut bytes = Vec::with_capacity(ENTRY_BYTES);
    bytes.extend_from_slice(&[FORM, owner_kind(&owner)]);
    bytes.extend_from_slice(id);
    bytes.extend_from_slice(&day.to_be_bytes());
    bytes.extend_from_slice(&[0; 40]);
    bytes.extend_from_slice(&length.to_be_bytes());
    bytes.extend_from_slice(sealed);
    bytes.resize(bytes.len().max(ENTRY_BYTES), 0);
    Entry::try_from(bytes).ok()
}

impl Line {
    /// Reads a line. Returns `None` if it is none.
    pub fn read(entry: &Entry) -> Option<Self> {
        let (head, rest) = entry.split_first_chunk::<HEAD_BYTES>()?;
        let [FORM, kind, owner @ ..] = head else { return None };
        let (owner, counts) = owner.split_first_chunk::<16>()?;
        let owner = owner_from(*kind, owner)?;
        let (day, counts) = counts.split_first_chunk::<4>()?;
        let (number, counts) = counts.split_first_chunk::<8>()?;
        let (before, length) = counts.split_first_chunk::<32>()?;
        let length = usize::from(u16::from_be_bytes(*length.first_chunk()?));
        let (sealed, padding) = rest.split_at_checked(length)?;
        padding.iter().all(|byte| *byte == 0).then(|| Self {
            owner,
            day: u32::from_be_bytes(*day),
            number: u64::from_be_bytes(*number),
            before: *before,
            sealed: sealed.to_vec(),
        })
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic, reason = "a failed expectation is how a test fails")]
mod tests {
    use super::*;

    fn owner(n: u8) -> Owner {
        Owner::Household(HouseholdId::from_bytes([n; 16]))
    }

    #[test]
    fn what_is_no_line_is_not_read() {
        let entry = blank(Owner::Viewer(ViewerId::from_bytes([5; 16])), 9, &[1; 100]).unwrap();
        let line = Line::read(&entry).unwrap();
        assert_eq!((line.day, line.sealed.len()), (9, 100));
        for (at, byte) in [(0, 2), (1, 3), (1, 4), (62, 255), (511, 1)] {
            let mut other = entry;
            other[at] = byte;
            assert_eq!(Line::read(&other), None, "{at}");
        }
        assert!(blank(owner(1), 9, &[0; SEALED_BYTES_MAX]).is_some());
        assert!(blank(owner(1), 9, &[0; SEALED_BYTES_MAX + 1]).is_none());
    }
}
