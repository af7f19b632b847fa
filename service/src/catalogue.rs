//! The catalogue: the index, asked until an answer proves itself, and held to what this process acknowledged.
//!
//! It must never give out a row that its caller has not proven, nor say that something is there for having been told so.

use crate::acknowledged::Acknowledged;
use crate::footage::FootageError;
use crate::index::{Index, IndexError, Rows};
use eyesonly_gate::vault::ObjectRow;
use eyesonly_gate::{Records, Seam};
use eyesonly_rights::{Fault, Nonce, Position};
use eyesonly_seal::{CameraId, FootageId, Kind, ObjectName, SlotName};
use std::collections::HashSet;
use std::sync::Arc;

/// How often the index is asked when its answers are rejected: the second time on a new connection.
pub const ASKS_MAX: usize = 2;

/// The index, and what is known of it.
pub struct Catalogue {
    index: Arc<dyn Index>,
    records: Arc<Records>,
    acknowledged: Acknowledged,
}

impl Catalogue {
    /// Makes a catalogue over this index, of which nothing is known yet.
    pub fn new(index: Arc<dyn Index>, records: Arc<Records>) -> Arc<Self> {
        Arc::new(Self { index, records, acknowledged: Acknowledged::default() })
    }

    /// The index itself, for what is written.
    pub fn index(&self) -> &Arc<dyn Index> {
        &self.index
    }

    /// What was acknowledged.
    pub fn acknowledged(&self) -> &Acknowledged {
        &self.acknowledged
    }

    /// Asks the index until an answer proves its question, at most twice.
    ///
    /// # Errors
    /// [`FootageError::Unavailable`].
    pub async fn ask<T, F>(
        &self,
        camera: CameraId,
        question: impl Fn(Nonce) -> F,
        prove: impl Fn(&[ObjectRow]) -> Result<T, Fault>,
    ) -> Result<T, FootageError>
    where
        F: Future<Output = Result<Rows, IndexError>>,
    {
        self.until_proven(Some(camera), question, |asked, answer| {
            self.records.check(asked, answer.echo, None)?;
            prove(&answer.rows)
        })
        .await
    }

    /// Asks for the row of one slot. More than one is not an answer.
    ///
    /// # Errors
    /// [`FootageError::Unavailable`].
    pub async fn row<T>(
        &self,
        camera: CameraId,
        slot: SlotName,
        prove: impl Fn(Option<&ObjectRow>) -> Result<T, Fault>,
    ) -> Result<T, FootageError> {
        let slots = [slot];
        let question = |nonce| self.index.objects(&slots, nonce);
        self.ask(camera, question, |rows| prove(at_most_one(rows)?)).await
    }

    async fn until_proven<T, A, F>(
        &self,
        camera: Option<CameraId>,
        question: impl Fn(Nonce) -> F,
        prove: impl Fn((Nonce, Position), &A) -> Result<T, Fault>,
    ) -> Result<T, FootageError>
    where
        F: Future<Output = Result<A, IndexError>>,
    {
        for _ in 0..ASKS_MAX {
            let asked = self.records.question();
            match question(asked.0).await {
                Ok(answer) => match prove(asked, &answer) {
                    Ok(proven) => return Ok(proven),
                    Err(fault) => self.reject(fault, camera),
                },
                Err(error) => {
                    tracing::error!(%error, "the index does not answer");
                    self.index.reset();
                }
            }
        }
        Err(FootageError::Unavailable)
    }

    /// Says which of these objects nobody has: neither of two answers knows them, and this process did not acknowledge
    /// them. Only those may be deleted.
    ///
    /// # Errors
    /// [`FootageError::Unavailable`].
    pub async fn nobodys(&self, names: &[ObjectName]) -> Result<Vec<ObjectName>, FootageError> {
        let mut left: Vec<ObjectName> = names.to_vec();
        for _ in 0..2 {
            if left.is_empty() {
                break;
            }
            let names = &left;
            let known = self
                .until_proven(
                    None,
                    |nonce| self.index.known(names, nonce),
                    |asked, answer| {
                        self.records.check(asked, answer.echo, Some(answer.position))?;
                        let known: HashSet<_> = answer.names.iter().copied().collect();
                        let ours = known.iter().all(|name| names.contains(name));
                        ours.then_some(known).ok_or(Fault::WrongAnswer)
                    },
                )
                .await?;
            left.retain(|name| !known.contains(name));
            // The second time by another connection: one that withholds rows is not asked to confirm itself.
            self.index.reset();
        }
        let unknown = left.len();
        left.retain(|name| !self.acknowledged.may_have(*name));
        if left.len() < unknown {
            self.reject(Fault::Missing, None);
        }
        Ok(left)
    }

    /// Removes every live row of a camera whose enrolment has ended, and its pointer, some at a time.
    ///
    /// # Errors
    /// [`IndexError`]; what was removed before stays removed.
    pub async fn forget_camera(
        &self,
        household: eyesonly_seal::HouseholdId,
        camera: CameraId,
    ) -> Result<(), FootageError> {
        loop {
            let removed = self
                .until_proven(
                    Some(camera),
                    |nonce| self.index.forget(household, camera, FORGET_ROWS, nonce),
                    |asked, answer| {
                        self.records.check(asked, answer.echo, None)?;
                        Ok(answer.rows)
                    },
                )
                .await?;
            if removed < FORGET_ROWS {
                return Ok(());
            }
        }
    }

    /// Remembers what a camera was just told to be there.
    pub fn acknowledge(
        &self,
        camera: CameraId,
        kind: Kind,
        id: FootageId,
        stored: Option<ObjectName>,
    ) {
        match kind {
            Kind::Still => self.acknowledged.newest_is(camera, id),
            Kind::Event => self.acknowledged.add(camera, id),
            Kind::EventStill | Kind::Clip | Kind::Live => {}
        }
        if let Some(name) = stored {
            self.acknowledged.add_name(name);
        }
    }

    /// Counts a rejected answer, and closes the connection that gave it.
    pub fn reject(&self, fault: Fault, camera: Option<CameraId>) {
        self.records.reject(Seam::Index, fault, camera);
        self.index.reset();
    }
}

/// Takes the one row of an answer to a question for one.
///
/// # Errors
/// [`Fault::WrongAnswer`]: there are more.
pub fn at_most_one(rows: &[ObjectRow]) -> Result<Option<&ObjectRow>, Fault> {
    match rows {
        [] => Ok(None),
        [row] => Ok(Some(row)),
        _ => Err(Fault::WrongAnswer),
    }
}

/// Rows that go in one transaction when an ended camera's are deleted: uploads wait meanwhile.
const FORGET_ROWS: usize = 1000;
