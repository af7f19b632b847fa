//! Proofs: an answer counts only if it proves which question it answers. SPEC.md, “Registry
//! answers”, has the rules.
//!
//! The registry, its pool and everything between may return the reply to an earlier question,
//! another viewer's record, or a record from before a revocation. This file must never let one of
//! those through as an answer.

use crate::record::{Record, open_record};
use eyesonly_seal::SealingKey;

/// A nonce: 128 random bits, fresh for each question. The answer must carry them back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Nonce([u8; 16]);

impl Nonce {
    /// Makes a nonce of these random bytes.
    pub fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }
    /// Returns the bytes of the nonce.
    pub fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }
}

/// The proof, which an edition demands, that an answer belongs to its question.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Freshness {
    /// The answer must bring back the question's nonce.
    Echoed,
    /// The answer need not bring back a nonce, because the store can't return one.
    Unproven,
}

impl Freshness {
    /// Checks the nonce of an answer against the nonce of its question. A nonce that comes back
    /// must be the question's, even where none is demanded.
    ///
    /// # Errors
    /// [`Fault::WrongAnswer`] if it is another question's nonce, or if none came back where one is
    /// demanded.
    pub fn check(self, asked: Nonce, echo: Option<Nonce>) -> Result<(), Fault> {
        let fits = echo.map_or(self == Self::Unproven, |echo| echo == asked);
        fits.then_some(()).ok_or(Fault::WrongAnswer)
    }
}

/// A number that only goes forward, and the epoch in which it was counted. Epochs are compared
/// first. Each life of the registry has an epoch, meant for a copy that is restored. Nothing raises
/// the epoch yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Count {
    /// The life of the registry.
    pub epoch: u64,
    /// The number of commits so far.
    pub number: u64,
}

/// The position of a registry: how far it has counted. Rights and sessions are counted apart, so
/// that an upload need not be decided again after a login.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Position {
    /// The count of commits of records other than sessions.
    pub rights: Count,
    /// The count of commits of sessions.
    pub sessions: Count,
}

impl Position {
    /// Makes a position whose two counts have the same epoch.
    pub const fn new(epoch: u64, rights: u64, sessions: u64) -> Self {
        Self {
            rights: Count { epoch, number: rights },
            sessions: Count { epoch, number: sessions },
        }
    }
    /// Says whether this position lies before `floor` by either count.
    pub fn is_before(&self, floor: &Self) -> bool {
        self.rights < floor.rights || self.sessions < floor.sessions
    }
    /// Returns for each count the later one.
    #[must_use]
    pub fn later(&self, other: &Self) -> Self {
        let (rights, sessions) = (self.rights.max(other.rights), self.sessions.max(other.sessions));
        Self { rights, sessions }
    }
    /// Returns for each count the earlier one.
    #[must_use]
    pub fn earlier(&self, other: &Self) -> Self {
        let (rights, sessions) = (self.rights.min(other.rights), self.sessions.min(other.sessions));
        Self { rights, sessions }
    }
}

/// The registry's answer to one question, from one snapshot. Nothing in it is proven.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The nonce of the question that this claims to answer. `None` where the store can't return
    /// one.
    pub echo: Option<Nonce>,
    /// The sealed records, in the order of the question. `None` stands for a record that does not
    /// exist.
    pub records: Vec<Option<Vec<u8>>>,
    /// The registry's position.
    pub position: Position,
}

/// The fault of an answer of any seam. Their order is part of the ledger's format: a new one comes
/// last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Fault {
    /// The answer is sealed as something else, or for somebody else.
    WrongSeal,
    /// The answer is sealed as it should be, but a chunk did not authenticate.
    BadChunk,
    /// The answer is too short, too long or no sealed object at all.
    WrongLength,
    /// Something that the index lists does not exist, or something that was acknowledged is
    /// withheld.
    Missing,
    /// The answer belongs to another question.
    WrongAnswer,
    /// The answer is older than what is known already.
    Stale,
}

impl Fault {
    /// All faults in their order, each with its name in metrics and logs.
    pub const ALL: [(Self, &str); 6] = [
        (Self::WrongSeal, "wrong_seal"),
        (Self::BadChunk, "bad_chunk"),
        (Self::WrongLength, "wrong_length"),
        (Self::Missing, "missing"),
        (Self::WrongAnswer, "wrong_answer"),
        (Self::Stale, "stale"),
    ];

    /// Returns the fault's name in metrics and logs.
    pub fn name(self) -> &'static str {
        Self::ALL.get(self as usize).map_or("", |(_, name)| name)
    }
}

/// Opens the record that was asked for by the key `asked`, and checks its sequence. The least
/// sequence is `floor`, the highest that is known of this very record. The greatest is the number
/// in `rights` of `position`, which the registry gave from the same snapshot. Returns `None` if
/// there is no record.
///
/// # Errors
/// [`Fault::WrongSeal`] if it is another record or was changed. [`Fault::Stale`] if its sequence is
/// too low or too high.
pub fn prove<R: Record>(
    key: &SealingKey,
    asked: &[u8],
    sealed: Option<&[u8]>,
    position: &Position,
    floor: u64,
) -> Result<Option<R>, Fault> {
    let record = sealed.map(|sealed| open::<R>(key, asked, sealed)).transpose()?;
    record.iter().try_for_each(|record| check(record, position, floor))?;
    Ok(record)
}

/// Opens the record that was asked for by the key `asked`: the first half of [`prove`]. It is a
/// pure function of its arguments.
///
/// # Errors
/// [`Fault::WrongSeal`] if it is another record or was changed.
pub fn open<R: Record>(key: &SealingKey, asked: &[u8], sealed: &[u8]) -> Result<R, Fault> {
    open_record(key, asked, sealed).map_err(|_| Fault::WrongSeal)
}

/// Checks the sequence of a record that has opened: the second half of [`prove`].
///
/// # Errors
/// [`Fault::Stale`] if its sequence is too low or too high.
pub fn check<R: Record>(record: &R, position: &Position, floor: u64) -> Result<(), Fault> {
    // The record's own sequence is under its seal. A number in the row would only be the registry's
    // word.
    let is_current = (floor..=position.rights.number).contains(&record.sequence());
    is_current.then_some(()).ok_or(Fault::Stale)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::{SessionRecord, ViewerRecord, seal_record};
    use eyesonly_seal::{EdgeKey, SessionId, ViewerId};

    fn viewer(id: u8, sequence: u64) -> ViewerRecord {
        ViewerRecord {
            viewer: ViewerId::from_bytes([id; 16]),
            name: "alder".into(),
            households: vec![],
            cameras: vec![],
            epoch: 0,
            sequence,
        }
    }

    fn sealed(record: &ViewerRecord) -> Vec<u8> {
        seal_record(&key(), record, [9; 24]).unwrap()
    }

    fn key() -> SealingKey {
        EdgeKey::from_bytes([7; 32]).record_key()
    }

    fn at(epoch: u64, rights: u64, sessions: u64) -> Position {
        Position::new(epoch, rights, sessions)
    }

    /// Checks one answer to the question for viewer 1.
    fn check(
        sealed: Option<&[u8]>,
        rights: u64,
        floor: u64,
        expected: Result<Option<ViewerRecord>, Fault>,
    ) {
        let got = prove::<ViewerRecord>(&key(), &[1; 16], sealed, &at(0, rights, 0), floor);
        assert_eq!(got, expected);
    }

    #[test]
    fn the_answer_to_the_question_is_proven() {
        check(Some(&sealed(&viewer(1, 3))), 4, 3, Ok(Some(viewer(1, 3))));
        check(None, 4, 0, Ok(None));
    }

    #[test]
    fn each_fault_has_its_own_name() {
        for (fault, name) in Fault::ALL {
            assert_eq!(fault.name(), name);
        }
        assert_eq!((Fault::WrongSeal.name(), Fault::Stale.name()), ("wrong_seal", "stale"));
        assert_eq!(Nonce::from_bytes([5; 16]).as_bytes(), &[5; 16]);
    }

    #[test]
    fn another_questions_reply_is_refused() {
        let [asked, other] = [5, 6].map(|byte| Nonce::from_bytes([byte; 16]));
        for freshness in [Freshness::Echoed, Freshness::Unproven] {
            assert_eq!(freshness.check(asked, Some(asked)), Ok(()));
            assert_eq!(freshness.check(asked, Some(other)), Err(Fault::WrongAnswer));
        }
        assert_eq!(Freshness::Echoed.check(asked, None), Err(Fault::WrongAnswer));
        assert_eq!(Freshness::Unproven.check(asked, None), Ok(()));
    }

    #[test]
    fn another_viewers_record_is_refused() {
        check(Some(&sealed(&viewer(2, 3))), 4, 0, Err(Fault::WrongSeal));
    }

    #[test]
    fn a_record_of_another_kind_is_refused() {
        let session = SessionRecord {
            session: SessionId::from_bytes([1; 16]),
            viewer: ViewerId::from_bytes([1; 16]),
            epoch: 0,
            expires_at_seconds: 1,
            client: String::new(),
        };
        let sealed = seal_record(&key(), &session, [9; 24]).unwrap();
        check(Some(&sealed), 4, 0, Err(Fault::WrongSeal));
    }

    #[test]
    fn the_past_is_refused() {
        check(Some(&sealed(&viewer(1, 3))), 9, 4, Err(Fault::Stale));
        // This record is newer than the position of its registry, so it was never acknowledged.
        check(Some(&sealed(&viewer(1, 10))), 9, 0, Err(Fault::Stale));
    }

    #[test]
    fn a_position_only_goes_forward_in_each_count() {
        let floor = at(1, 5, 7);
        for (position, is_before) in [
            (at(1, 5, 7), false),
            (at(1, 6, 8), false),
            (at(1, 4, 9), true),
            (at(1, 9, 6), true),
            (at(0, 9, 9), true),
            (at(2, 0, 0), false),
        ] {
            assert_eq!(position.is_before(&floor), is_before, "{position:?}");
        }
        assert_eq!(at(1, 4, 9).later(&floor), at(1, 5, 9));
        assert_eq!(at(1, 4, 9).earlier(&floor), at(1, 4, 7));
        assert_eq!(at(2, 0, 0).later(&floor), at(2, 0, 0));
        assert_eq!(at(2, 0, 0).earlier(&floor), floor);
    }
}
