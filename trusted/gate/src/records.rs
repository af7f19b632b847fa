//! Records: the client of the registry, which proves its answers.
//!
//! INVARIANT: an answer counts only if its nonce, its position and its records are proven. The
//! nonce must be the question's (where the edition demands one). The position must lie at or after
//! the floor. Every record must open under the name that was asked. Of an answer two things are
//! kept: the highest numbers seen, and what its very bytes open to. Neither answers a question.

use crate::admission::Refused;
use crate::host::{Clock, Keys, Random};
use crate::ledger::{Ledger, Misdelivery, Seam};
use crate::registry::{
    ASKED_MAX, Answer, Change, Nonce, Position, RecordName, Registry, RegistryError,
};
use eyesonly_rights::{self as rights, Fault, Freshness, Record, SessionRecord, ViewerRecord};
use eyesonly_seal::{CameraId, SealingKey, SessionId, ViewerId};
use std::any::Any;
use std::collections::HashMap;
use std::hash::BuildHasher as _;
use std::sync::{Arc, Mutex};

/// The most times that a question is asked when answers are rejected. The second time uses a new
/// connection.
pub const ASKS_MAX: usize = 2;
/// The most records whose last numbers are remembered. Further records are only checked against the
/// registry's own position.
pub const FLOORS_MAX: usize = 1 << 20;
/// The most records that are remembered with what they opened from. The next one makes room by
/// forgetting all.
pub const OPENED_MAX: usize = 1 << 13;
/// The longest sealed record that is remembered, in bytes.
pub const OPENED_BYTES_MAX: usize = 4096;

/// The client of the registry, which believes nothing that is not proven.
pub struct Records {
    key: SealingKey,
    registry: Arc<dyn Registry>,
    ledger: Arc<dyn Ledger>,
    clock: Arc<dyn Clock>,
    random: Arc<dyn Random>,
    demanded: Freshness,
    floors: Floors,
    opened: OpenedRecords,
}

/// The highest number that is known of each record of a question.
type Known = [u64; ASKED_MAX];

impl Records {
    /// Makes the client of `registry`. `demanded` is the proof that an answer is fresh here.
    pub fn new(
        keys: &dyn Keys,
        registry: Arc<dyn Registry>,
        ledger: Arc<dyn Ledger>,
        (clock, random): (Arc<dyn Clock>, Arc<dyn Random>),
        demanded: Freshness,
    ) -> Arc<Self> {
        let key = keys.edge().record_key();
        let (floors, opened) = (Floors::default(), OpenedRecords::default());
        Arc::new(Self { key, registry, ledger, clock, random, demanded, floors, opened })
    }

    /// Reads the record of kind `R` under `key`. Returns `None` if there is none.
    ///
    /// # Errors
    /// [`Refused::Unavailable`] if the registry gives no proven answer.
    pub async fn read<R: Record>(&self, key: &[u8]) -> Result<Option<R>, Refused> {
        Ok(self.read_at(key).await?.0)
    }

    /// Reads a record and the position, from one snapshot.
    pub(crate) async fn read_at<R: Record>(
        &self,
        key: &[u8],
    ) -> Result<(Option<R>, Position), Refused> {
        let names = [(R::KIND, key)];
        self.ask(&names, |answer, known| self.open(&names, 0, answer, known)).await
    }

    /// Reads a session, its viewer's rights, and the position, from one snapshot.
    pub(crate) async fn session_and_rights(
        &self,
        (session, viewer): (SessionId, ViewerId),
    ) -> Result<((Option<SessionRecord>, Option<ViewerRecord>), Position), Refused> {
        let key = SessionRecord::key_of(viewer, session);
        let names = [(SessionRecord::KIND, &key[..]), (ViewerRecord::KIND, viewer.as_bytes())];
        let both = |answer: &Answer, known: &Known| {
            Ok((self.open(&names, 0, answer, known)?, self.open(&names, 1, answer, known)?))
        };
        self.ask(&names, both).await
    }

    /// Asks for the registry's position. The answer is proven like any other.
    ///
    /// # Errors
    /// [`Refused::Unavailable`] if the registry gives no proven answer.
    pub async fn position(&self) -> Result<Position, Refused> {
        Ok(self.ask(&[], |_, _| Ok(())).await?.1)
    }

    /// Asks until an answer proves its question, at most [`ASKS_MAX`] times.
    async fn ask<T>(
        &self,
        names: &[RecordName<'_>],
        open: impl Fn(&Answer, &Known) -> Result<T, (Seam, Fault)>,
    ) -> Result<(T, Position), Refused> {
        let mut refused = Refused::unproven(Seam::Registry);
        for _ in 0..ASKS_MAX {
            let asked = self.question();
            // These are read before the question is sent, as the floor is.
            let mut known = Known::default();
            for (known, (kind, key)) in known.iter_mut().zip(names) {
                *known = self.floors.record(self.floors.slot(kind, key));
            }
            let proven = match self.registry.read(names, asked.0).await {
                Ok(answer) => {
                    let fresh = self.check(asked, answer.echo, Some(answer.position));
                    let whole = fresh.map_err(|fault| (Seam::Registry, fault));
                    whole.and_then(|()| open(&answer, &known)).map(|t| (t, answer.position))
                }
                Err(error) => {
                    refused = Refused::Unavailable(Seam::Registry, Some(Box::new(error)));
                    self.registry.reset();
                    continue;
                }
            };
            match proven {
                Ok((content, position)) => {
                    self.floors.said(position);
                    return Ok((content, position));
                }
                Err((seam, fault)) => {
                    self.reject(seam, fault, None);
                    self.registry.reset();
                    refused = Refused::unproven(seam);
                }
            }
        }
        Err(refused)
    }

    /// Proves the record that was asked for as number `nth`.
    fn open<R: Record>(
        &self,
        names: &[RecordName<'_>],
        nth: usize,
        answer: &Answer,
        known: &Known,
    ) -> Result<Option<R>, (Seam, Fault)> {
        let is_session = R::KIND == SessionRecord::KIND;
        let seam = if is_session { Seam::Sessions } else { Seam::Registry };
        let (Some((_, key)), Some(sealed)) = (names.get(nth), answer.records.get(nth)) else {
            return Err((seam, Fault::WrongAnswer));
        };
        let known = known.get(nth).copied().unwrap_or(0);
        let Some(sealed) = sealed else { return Ok(None) };
        let slot = self.floors.slot(R::KIND, key);
        let record = self.opened.open::<R>(&self.key, slot, key, sealed);
        let record = record.and_then(|record| {
            rights::check(&*record, &answer.position, known)?;
            Ok(record)
        });
        let record = record.map_err(|fault| (seam, fault))?;
        if record.sequence() > 0 {
            self.floors.raise_record(slot, record.sequence());
            self.floors.raise_rights(record.sequence());
        }
        Ok(Some(Arc::unwrap_or_clone(record)))
    }

    /// Checks an answer against its question. The nonce must fit and, if the answer has a position,
    /// it must not lie before the floor.
    ///
    /// # Errors
    /// [`Fault::WrongAnswer`] if the nonce does not fit. [`Fault::Stale`] if the position lies
    /// before the floor.
    pub fn check(
        &self,
        (nonce, floor): (Nonce, Position),
        echo: Option<Nonce>,
        position: Option<Position>,
    ) -> Result<(), Fault> {
        self.demanded.check(nonce, echo)?;
        let is_stale = position.is_some_and(|position| position.is_before(&floor));
        if is_stale { Err(Fault::Stale) } else { Ok(()) }
    }

    /// Returns the registry itself, for listings. Each record of a list is read anew.
    #[must_use]
    pub fn registry(&self) -> &Arc<dyn Registry> {
        &self.registry
    }

    /// Makes a random number of 16 bytes.
    pub(crate) fn number(&self) -> [u8; 16] {
        let mut bytes = [0; 16];
        self.random.fill(&mut bytes);
        bytes
    }

    /// Starts a question. Returns its fresh nonce, and the floor as it is before the question. What
    /// is written meanwhile may or may not be in the answer.
    #[must_use]
    pub fn question(&self) -> (Nonce, Position) {
        let mut bytes = [0; 16];
        self.random.fill(&mut bytes);
        (Nonce::from_bytes(bytes), self.floors.position())
    }

    /// Writes records, and raises the floors to the position that was reached. Later answers with
    /// older versions of these records are rejected. A removed record comes back only by a commit.
    ///
    /// # Errors
    /// [`RegistryError`], as the registry returns it.
    pub async fn commit(
        &self,
        changes: Vec<Change>,
        rights: Option<u64>,
    ) -> Result<Position, RegistryError> {
        // A session carries no number and never changes, so only its end raises its floor.
        let raised: Vec<(u64, bool)> = changes
            .iter()
            .map(|change| (change, change.kind == SessionRecord::KIND))
            .filter(|(change, session)| change.record.is_none() || !session)
            .map(|(change, session)| (self.floors.slot(change.kind, &change.key), session))
            .collect();
        let reached = self.registry.commit(changes, rights).await?;
        self.floors.raise(reached);
        for (slot, session) in raised {
            let count = if session { reached.sessions } else { reached.rights };
            self.floors.raise_record(slot, count.number);
        }
        Ok(reached)
    }

    /// Counts a rejected answer, and writes it to the ledger.
    pub fn reject(&self, seam: Seam, fault: Fault, camera: Option<CameraId>) {
        let at_milliseconds = self.clock.now_milliseconds();
        self.ledger.misdelivery(&Misdelivery { at_milliseconds, seam, fault, camera });
    }
}

/// The records that opened last, each with the very sealed bytes that it opened from.
///
/// Opening is a pure function of key, kind, name and sealed bytes. All four are compared (the key
/// is always one), so a record that is found here is what opening would give. The registry is asked
/// for the bytes all the same, and the sequence is checked each time.
#[derive(Default)]
struct OpenedRecords(Mutex<HashMap<u64, OpenedRecord>>);

struct OpenedRecord {
    kind: &'static str,
    name: Box<[u8]>,
    sealed: Box<[u8]>,
    record: Arc<dyn Any + Send + Sync>,
}

impl OpenedRecords {
    fn open<R: Record>(
        &self,
        key: &SealingKey,
        slot: u64,
        name: &[u8],
        sealed: &[u8],
    ) -> Result<Arc<R>, Fault> {
        let known = self.0.lock().ok().and_then(|opened| {
            let is_it = |known: &&OpenedRecord| {
                known.kind == R::KIND && *known.name == *name && *known.sealed == *sealed
            };
            let known = opened.get(&slot).filter(is_it)?;
            Arc::clone(&known.record).downcast().ok()
        });
        if let Some(record) = known {
            return Ok(record);
        }
        let record = Arc::new(rights::open::<R>(key, name, sealed)?);
        if R::REMEMBERED
            && sealed.len() <= OPENED_BYTES_MAX
            && let Ok(mut opened) = self.0.lock()
        {
            if opened.len() >= OPENED_MAX {
                opened.clear();
            }
            let (kind, name, sealed) = (R::KIND, name.into(), sealed.into());
            let record = Arc::clone(&record) as _;
            opened.insert(slot, OpenedRecord { kind, name, sealed, record });
        }
        Ok(record)
    }
}

/// The highest numbers seen, of the registry and of each record.
///
/// Nobody vouches for the position in an answer. So one answer raises no floor by itself: a lie of
/// a huge position would reject every later truth. Three things raise a floor: what two answers in
/// a row have said, a number under a record's seal, and a commit of ours.
#[derive(Default)]
struct Floors {
    /// The floor, and the position that the last answer gave.
    registry: Mutex<(Position, Position)>,
    records: Mutex<HashMap<u64, u64>>,
    hasher: std::hash::RandomState,
}

impl Floors {
    fn slot(&self, kind: &str, key: &[u8]) -> u64 {
        self.hasher.hash_one((kind, key))
    }

    fn position(&self) -> Position {
        self.registry.lock().map_or_else(|_| Position::default(), |floor| floor.0)
    }

    fn record(&self, slot: u64) -> u64 {
        self.records.lock().map_or(0, |records| records.get(&slot).copied().unwrap_or(0))
    }

    fn said(&self, position: Position) {
        if let Ok(mut registry) = self.registry.lock() {
            let before = std::mem::replace(&mut registry.1, position);
            registry.0 = registry.0.later(&before.earlier(&position));
        }
    }

    fn raise(&self, position: Position) {
        if let Ok(mut registry) = self.registry.lock() {
            registry.0 = registry.0.later(&position);
        }
    }

    /// Raises the number of rights in the floor. A record's own number is under its seal, but its
    /// epoch is not.
    fn raise_rights(&self, number: u64) {
        if let Ok(mut registry) = self.registry.lock() {
            registry.0.rights.number = registry.0.rights.number.max(number);
        }
    }

    fn raise_record(&self, slot: u64, number: u64) {
        if let Ok(mut records) = self.records.lock() {
            if let Some(floor) = records.get_mut(&slot) {
                *floor = number.max(*floor);
            } else if records.len() < FLOORS_MAX {
                records.insert(slot, number);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use eyesonly_seal::{Context, EdgeKey, seal_all};

    fn at(rights: u64, sessions: u64) -> Position {
        Position::new(1, rights, sessions)
    }

    #[test]
    fn one_answer_alone_raises_no_floor() {
        let floors = Floors::default();
        let check = |said: Position, expected: Position| {
            floors.said(said);
            assert_eq!(floors.position(), expected, "after {said:?}");
        };
        check(at(5, 2), Position::default());
        check(at(5, 3), at(5, 2));
        check(at(u64::MAX, 3), at(5, 3));
        check(at(6, 3), at(6, 3));
        // The number that a commit gave, or that is under a record's seal, was really written.
        floors.raise(at(8, 0));
        assert_eq!(floors.position(), at(8, 3));
        floors.raise_record(9, 7);
        assert_eq!((floors.record(9), floors.record(7)), (7, 0));
        floors.raise_record(9, 3);
        assert_eq!(floors.record(9), 7);
    }

    fn viewer(name: &str, sequence: u64) -> ViewerRecord {
        let viewer = ViewerId::from_bytes([1; 16]);
        let (households, cameras, name) = (vec![], vec![], name.into());
        ViewerRecord { viewer, name, households, cameras, epoch: 0, sequence }
    }

    #[test]
    fn a_record_that_is_remembered_is_what_its_bytes_open_to() {
        let key = EdgeKey::from_bytes([7; 32]).record_key();
        let sealed = |name: &str, salt| {
            let (record, id) = (viewer(name, 3), ViewerId::from_bytes([1; 16]));
            let context = Context::record(ViewerRecord::KIND, id.as_bytes()).unwrap();
            seal_all(&key, &context, [salt; 24], &serde_json::to_vec(&record).unwrap()).unwrap()
        };
        let opened = OpenedRecords::default();
        let open = |name: &[u8], sealed: &[u8]| {
            let record = opened.open::<ViewerRecord>(&key, 5, name, sealed);
            record.map(|record| record.name.clone())
        };
        let first = sealed("alder", 1);
        for _ in 0..2 {
            assert_eq!(open(&[1; 16], &first), Ok("alder".into()));
        }
        // All of these have the slot of the record that is remembered.
        assert_eq!(open(&[2; 16], &first), Err(Fault::WrongSeal), "by another name");
        let session = opened.open::<SessionRecord>(&key, 5, &[1; 16], &first);
        assert_eq!(session.err(), Some(Fault::WrongSeal), "as another kind");
        for byte in 0..first.len() {
            let mut changed = first.clone();
            changed[byte] ^= 1;
            assert_eq!(open(&[1; 16], &changed), Err(Fault::WrongSeal), "byte {byte}");
        }
        assert_eq!(open(&[1; 16], &sealed("birch", 2)), Ok("birch".into()), "written anew");
        assert_eq!(open(&[1; 16], &first), Ok("alder".into()));
        let long = "x".repeat(OPENED_BYTES_MAX);
        assert_eq!(open(&[1; 16], &sealed(&long, 3)), Ok(long), "a long one");
        assert!(opened.0.lock().unwrap().values().all(|known| known.sealed.len() < 1000));
    }

    #[test]
    fn so_many_records_have_a_floor() {
        let (floors, all) = (Floors::default(), FLOORS_MAX as u64);
        for slot in 0..=all {
            floors.raise_record(slot, 1);
        }
        assert_eq!((floors.record(all - 1), floors.record(all)), (1, 0));
        floors.raise_record(0, 2);
        assert_eq!(floors.record(0), 2, "those that have one keep it");
    }
}
