//! The catalogue asks the index until an answer proves itself, and checks the answer against what
//! this process acknowledged.
//!
//! The catalogue must never give out a row that its caller has not proven. The catalogue must also
//! never say that something is there only because somebody was told so.

use crate::acknowledged::Acknowledged;
use crate::chain::Chain;
use crate::footage::FootageError;
use crate::index::{Index, IndexError, Rows};
use eyesonly_gate::vault::ObjectRow;
use eyesonly_gate::{Records, Seam};
use eyesonly_rights::{Fault, Nonce, Position};
use eyesonly_seal::{CameraId, Kind, ObjectName, SlotName};
use std::collections::HashSet;
use std::sync::Arc;

/// The most times that the index is asked one question. A rejected answer closes the connection, so
/// the second question goes over a new one.
pub const ASKS_MAX: usize = 2;

/// The index, and the memory of what this process acknowledged.
pub struct Catalogue {
    index: Arc<dyn Index>,
    records: Arc<Records>,
    acknowledged: Acknowledged,
}

impl Catalogue {
    /// Makes a catalogue over this index. Nothing is acknowledged yet.
    pub fn new(index: Arc<dyn Index>, records: Arc<Records>) -> Arc<Self> {
        Arc::new(Self { index, records, acknowledged: Acknowledged::default() })
    }

    /// Returns the index itself, for writes.
    pub fn index(&self) -> &Arc<dyn Index> {
        &self.index
    }

    /// Returns the memory of what was acknowledged.
    pub fn acknowledged(&self) -> &Acknowledged {
        &self.acknowledged
    }

    /// Asks the index until an answer proves that it belongs to the question, at most twice.
    ///
    /// # Errors
    /// [`FootageError::Unavailable`] if no answer is proven.
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

    /// Asks for the row of one slot. An answer with more than one row is rejected.
    ///
    /// # Errors
    /// [`FootageError::Unavailable`] if no answer is proven.
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
                    tracing::error!(error = %Chain(&error), "the index does not answer");
                    self.index.reset();
                }
            }
        }
        Err(FootageError::Unavailable)
    }

    /// Returns those of these objects that nobody has. Neither of two answers of the index knows
    /// such an object, and this process did not acknowledge it. Only such objects may be deleted.
    ///
    /// # Errors
    /// [`FootageError::Unavailable`] if no answer is proven.
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
            // The second question goes over another connection. A connection that withholds rows
            // must not confirm its own answer.
            self.index.reset();
        }
        let unknown = left.len();
        left.retain(|name| !self.acknowledged.may_have(*name));
        if left.len() < unknown {
            self.reject(Fault::Missing, None);
        }
        Ok(left)
    }

    /// Removes every live row of a camera whose enrolment has ended, and the camera's newest-still
    /// pointer. Each question removes a limited number of rows.
    ///
    /// # Errors
    /// [`FootageError::Unavailable`] if no answer is proven; what was removed before stays removed.
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

    /// Remembers what a camera was just told to be there, by its row.
    pub fn acknowledge(&self, row: &ObjectRow) {
        match row.kind {
            Kind::Still => self.acknowledged.newest_is(row.camera, row.version),
            Kind::Event => self.acknowledged.add(row.camera, row.id),
            Kind::EventStill | Kind::Clip | Kind::LiveChunk => {}
        }
        if row.inline.is_none() {
            self.acknowledged.add_name(row.name);
        }
    }

    /// Counts a rejected answer, and closes the connection that gave it.
    pub fn reject(&self, fault: Fault, camera: Option<CameraId>) {
        self.records.reject(Seam::Index, fault, camera);
        self.index.reset();
    }
}

/// Returns the row of an answer that may have at most one.
///
/// # Errors
/// [`Fault::WrongAnswer`] if there are more rows.
pub fn at_most_one(rows: &[ObjectRow]) -> Result<Option<&ObjectRow>, Fault> {
    match rows {
        [] => Ok(None),
        [row] => Ok(Some(row)),
        _ => Err(Fault::WrongAnswer),
    }
}

/// The most rows that one transaction deletes for a camera whose enrolment has ended. Uploads wait
/// while that transaction runs.
const FORGET_ROWS: usize = 1000;
