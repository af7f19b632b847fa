//! Proofs: an answer counts only if it proves the question it answers. SPEC.md, “Registry answers”.
//!
//! The registry, its pool and everything between may return the reply to an earlier question, another viewer's record, or a
//! record of before a revocation. This room must never let one of those through as an answer.

use crate::record::{Record, open_record};
use eyesonly_seal::SealingKey;

/// 128 random bits, fresh for each question; the answer must carry them back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Nonce([u8; 16]);

impl Nonce {
    /// A nonce of these random bytes.
    pub fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }
    /// Its bytes.
    pub fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }
}

/// What a registry says: unproven.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The nonce of the question that this is said to answer.
    pub nonce: Nonce,
    /// The sealed record, if there is one.
    pub record: Option<Vec<u8>>,
    /// The sequence that the record's row says it was written at; 0 when absent.
    pub record_sequence: u64,
    /// The registry's sequence, from the same snapshot.
    pub sequence: u64,
}

/// What was last acknowledged: an answer below it comes from the past.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Floor {
    /// The highest registry sequence seen.
    pub registry: u64,
    /// The highest sequence seen of this very record; 0 if none.
    pub record: u64,
}

/// Why an answer is a misdelivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// It answers another question.
    #[error("the answer carries another question's nonce")]
    WrongNonce,
    /// It is older than what was acknowledged.
    #[error("the answer is older than what was acknowledged")]
    Stale,
    /// The record is another one's, or was changed.
    #[error("the record is not the one that was asked for")]
    WrongRecord,
}

/// Proves that `answer` answers the question (`asked`, `nonce`) and is not older than `floor`; returns the record, or none if the registry
/// says that there is none.
///
/// # Errors
/// [`Refusal`]: a misdelivery. Count it, drop the connection, ask again.
pub fn prove<R: Record>(
    key: &SealingKey,
    asked: &[u8],
    nonce: Nonce,
    answer: &Answer,
    floor: Floor,
) -> Result<Option<R>, Refusal> {
    if answer.nonce != nonce {
        return Err(Refusal::WrongNonce);
    }
    if answer.sequence < floor.registry {
        return Err(Refusal::Stale);
    }
    let Some(sealed) = &answer.record else { return Ok(None) };
    let record: R = open_record(key, asked, sealed).map_err(|_| Refusal::WrongRecord)?;
    // The record's own sequence is under its seal; the row's is only the registry's word.
    if record.sequence() < floor.record || record.sequence() > answer.sequence {
        return Err(Refusal::Stale);
    }
    Ok(Some(record))
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
            sequence,
        }
    }

    fn answer(record: &ViewerRecord, nonce: u8, sequence: u64) -> Answer {
        let sealed = seal_record(&key(), record, [9; 24]).unwrap();
        Answer {
            nonce: Nonce::from_bytes([nonce; 16]),
            record: Some(sealed),
            record_sequence: record.sequence,
            sequence,
        }
    }

    fn key() -> SealingKey {
        EdgeKey::from_bytes([7; 32]).record_key()
    }

    /// Asks for viewer 1 with nonce 5.
    fn check(answer: &Answer, floor: Floor, expected: Result<Option<ViewerRecord>, Refusal>) {
        let got = prove::<ViewerRecord>(&key(), &[1; 16], Nonce::from_bytes([5; 16]), answer, floor);
        assert_eq!(got, expected);
    }

    #[test]
    fn the_answer_to_the_question_is_proven() {
        check(
            &answer(&viewer(1, 3), 5, 4),
            Floor { registry: 4, record: 3 },
            Ok(Some(viewer(1, 3))),
        );
        let absent = Answer {
            record: None,
            record_sequence: 0,
            ..answer(&viewer(1, 3), 5, 4)
        };
        check(&absent, Floor::default(), Ok(None));
    }

    #[test]
    fn another_questions_reply_is_refused() {
        check(&answer(&viewer(1, 3), 6, 4), Floor::default(), Err(Refusal::WrongNonce));
        let absent = Answer {
            record: None,
            record_sequence: 0,
            ..answer(&viewer(1, 3), 6, 4)
        };
        check(&absent, Floor::default(), Err(Refusal::WrongNonce));
    }

    #[test]
    fn another_viewers_record_is_refused() {
        check(
            &answer(&viewer(2, 3), 5, 4),
            Floor::default(),
            Err(Refusal::WrongRecord),
        );
    }

    #[test]
    fn a_record_of_another_kind_is_refused() {
        let session = SessionRecord {
            session: SessionId::from_bytes([1; 16]),
            viewer: ViewerId::from_bytes([1; 16]),
            expires_at_seconds: 1,
        };
        let sealed = seal_record(&key(), &session, [9; 24]).unwrap();
        let crossed = Answer {
            record: Some(sealed),
            ..answer(&viewer(1, 3), 5, 4)
        };
        check(&crossed, Floor::default(), Err(Refusal::WrongRecord));
    }

    #[test]
    fn the_past_is_refused() {
        check(
            &answer(&viewer(1, 3), 5, 4),
            Floor { registry: 5, record: 0 },
            Err(Refusal::Stale),
        );
        check(
            &answer(&viewer(1, 3), 5, 9),
            Floor { registry: 9, record: 4 },
            Err(Refusal::Stale),
        );
        // A record from the future of the registry that is said to hold it was never acknowledged.
        check(&answer(&viewer(1, 10), 5, 9), Floor::default(), Err(Refusal::Stale));
    }
}
