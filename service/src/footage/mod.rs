//! Footage: answers a handler's questions under its grant. The only room that the sandbox asks.
//!
//! Every answer is found through the index (proven by the vault), read through the ladder of tiers (opened by the vault) and scoped by
//! the grant. It must never answer a question that the grant does not cover, and never differently for what is absent and what is not
//! allowed.

mod acknowledged;
mod delete;
mod events;
mod held;
mod renditions;
#[cfg(any(test, feature = "conformance"))]
pub mod testing;
#[cfg(test)]
mod tests;

pub use events::{EVENT_KINDS, EventDetails, EventPage, EventSummary, LABEL_CHARACTERS_MAX, is_plain_text};
pub use held::{Held, Pieces};
pub use renditions::{Making, Recalled};

use crate::admission::Admission;
use crate::clock;
use crate::defence::{self, Defence};
use crate::grant::{Grant, Scope};
use crate::index::{Index, ObjectRow, Rows};
use crate::ledger::{Fault, Ledger, Misdelivery, Seam};
use crate::sync::Mutex;
use crate::tiers::{Ladder, LadderError};
use crate::vault::{self, Asked, Located, Proven};
use acknowledged::Acknowledged;
use eyesonly_rights::{Action, Nonce};
use eyesonly_seal::{FootageId, Kind};
use std::collections::HashMap;
use std::sync::Arc;

/// How often the index is asked when its answers are refused: the second time on a new connection.
const ASKS_MAX: usize = 2;

/// Why a question has no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum FootageError {
    /// Nothing of that name under this grant.
    #[error("nothing of that name under this grant")]
    NotFound,
    /// The question is malformed.
    #[error("the question is malformed")]
    Invalid,
    /// A limit was met.
    #[error("a limit was met")]
    Limit,
    /// No layer gave a proven answer.
    #[error("no layer gave a proven answer")]
    Unavailable,
}

impl From<LadderError> for FootageError {
    fn from(_: LadderError) -> Self {
        Self::Unavailable
    }
}

/// The services behind every grant.
pub struct Footage {
    index: Arc<dyn Index>,
    ladder: Ladder,
    ledger: Arc<dyn Ledger>,
    admission: Arc<Admission>,
    makings: Mutex<HashMap<eyesonly_seal::ObjectName, tokio::sync::watch::Receiver<()>>>,
    newest: Mutex<HashMap<eyesonly_seal::CameraId, FootageId>>,
    acknowledged: Acknowledged,
}

/// How many cameras' newest stills are remembered as a floor for the pointer (an id each). Past it, new ones are not held to it.
const NEWEST_MAX: usize = 1 << 20;

impl Footage {
    /// Footage over these services.
    pub fn new(index: Arc<dyn Index>, ladder: Ladder, admission: Arc<Admission>) -> Self {
        let ledger = Arc::clone(admission.ledger());
        Self {
            index,
            ladder,
            ledger,
            admission,
            makings: Mutex::default(),
            newest: Mutex::default(),
            acknowledged: Acknowledged::default(),
        }
    }

    /// The index.
    pub fn index(&self) -> &Arc<dyn Index> {
        &self.index
    }
    /// The layers.
    pub fn ladder(&self) -> &Ladder {
        &self.ladder
    }
    /// Admission.
    pub fn admission(&self) -> &Arc<Admission> {
        &self.admission
    }

    /// The newest still of the grant's camera.
    ///
    /// # Errors
    /// [`FootageError`].
    pub async fn newest_still(self: &Arc<Self>, grant: &Arc<Grant>) -> Result<Held, FootageError> {
        if !grant.kinds().live {
            return Err(FootageError::NotFound);
        }
        let scope = grant.scope();
        // Known before the question: what is handed in meanwhile may or may not be in the answer.
        let known = self.newest_known(scope);
        let found = self
            .ask(
                scope,
                |nonce| self.index.newest_still(scope.camera(), nonce),
                |rows| {
                    let Some(row) = one(rows)? else {
                        return newest_is_absent(known).map(|()| None);
                    };
                    let (id, located) = vault::prove_pointer(scope, row)?;
                    newest_is_current(known, id)?;
                    Ok(Some((id, located)))
                },
            )
            .await?;
        let (id, located) = found.ok_or(FootageError::NotFound)?;
        self.newest_goes_forward(scope, id);
        if !grant.covers(Kind::Still, id) {
            return Err(FootageError::NotFound);
        }
        Ok(Held::new(
            self,
            grant,
            Asked::footage(Kind::Still, id),
            located,
            Action::Live,
        ))
    }

    /// The still of an event. FROM GUEST: `event`.
    ///
    /// # Errors
    /// [`FootageError`].
    pub async fn event_still(self: &Arc<Self>, grant: &Arc<Grant>, event: &str) -> Result<Held, FootageError> {
        self.of_event(grant, Kind::EventStill, event, Action::Events).await
    }

    /// The video of an event. FROM GUEST: `event`.
    ///
    /// # Errors
    /// [`FootageError`].
    pub async fn event_clip(self: &Arc<Self>, grant: &Arc<Grant>, event: &str) -> Result<Held, FootageError> {
        self.of_event(grant, Kind::Clip, event, Action::Clips).await
    }

    async fn of_event(
        self: &Arc<Self>,
        grant: &Arc<Grant>,
        kind: Kind,
        event: &str,
        action: Action,
    ) -> Result<Held, FootageError> {
        let id = FootageId::parse(event).map_err(|_| FootageError::Invalid)?;
        if !grant.covers(kind, id) {
            return Err(FootageError::NotFound);
        }
        let asked = Asked::footage(kind, id);
        let located = self
            .locate(grant.scope(), &asked)
            .await?
            .ok_or(FootageError::NotFound)?;
        Ok(Held::new(self, grant, asked, located, action))
    }

    /// Finds an object of the scope's camera. None: it is not there, or was deleted.
    pub(crate) async fn locate(&self, scope: &Scope, asked: &Asked) -> Result<Option<Located>, FootageError> {
        let slot = vault::slot(scope, asked).map_err(|_| FootageError::Invalid)?;
        let slots = [slot];
        self.ask(
            scope,
            |nonce| self.index.objects(&slots, nonce),
            |rows| match one(rows)? {
                None => Ok(None),
                Some(row) => match vault::prove_row(scope, asked, row)? {
                    Proven::Live(located) => Ok(Some(located)),
                    Proven::Deleted => Ok(None),
                },
            },
        )
        .await
    }

    /// Asks the index until an answer proves its question, at most twice.
    pub(crate) async fn ask<T, F>(
        &self,
        scope: &Scope,
        question: impl Fn(Nonce) -> F,
        prove: impl Fn(&[ObjectRow]) -> Result<T, Fault>,
    ) -> Result<T, FootageError>
    where
        F: Future<Output = Result<Rows, crate::index::IndexError>>,
    {
        for _ in 0..ASKS_MAX {
            let nonce = Nonce::from_bytes(clock::random());
            let fault = match question(nonce).await {
                Ok(answer) if answer.nonce != nonce && defence::is_on(Defence::Rows) => Fault::WrongAnswer,
                Ok(answer) => match prove(&answer.rows) {
                    Ok(proven) => return Ok(proven),
                    Err(fault) => fault,
                },
                Err(error) => {
                    tracing::error!(%error, "the index does not answer");
                    self.index.reset();
                    continue;
                }
            };
            self.refuse(Seam::Index, fault, scope);
            self.index.reset();
        }
        Err(FootageError::Unavailable)
    }

    /// The newest still of the scope's camera that this process has seen or acknowledged.
    fn newest_known(&self, scope: &Scope) -> Option<FootageId> {
        self.newest.lock().ok()?.get(&scope.camera()).copied()
    }

    fn newest_goes_forward(&self, scope: &Scope, id: FootageId) {
        let Ok(mut newest) = self.newest.lock() else {
            return;
        };
        match newest.get_mut(&scope.camera()) {
            Some(seen) => *seen = id.max(*seen),
            None => {
                if newest.len() < NEWEST_MAX {
                    newest.insert(scope.camera(), id);
                }
            }
        }
    }

    /// Remembers what a camera was just told to be there, so that it is missed where the index withholds it.
    pub(crate) fn acknowledged(&self, scope: &Scope, asked: &Asked) {
        match asked.kind {
            Kind::Still => self.newest_goes_forward(scope, asked.id),
            Kind::Event => self.acknowledged.add(scope.camera(), asked.id),
            Kind::EventStill | Kind::Clip | Kind::Live => {}
        }
    }

    pub(crate) fn refuse(&self, seam: Seam, fault: Fault, scope: &Scope) {
        let entry = Misdelivery {
            at_milliseconds: clock::now_milliseconds(),
            seam,
            fault,
            camera: Some(scope.camera()),
        };
        self.ledger.misdelivery(&entry);
    }
}

/// The newest still's pointer never goes back: an older one than was known is an answer of the past.
fn newest_is_current(known: Option<FootageId>, id: FootageId) -> Result<(), Fault> {
    if known.is_some_and(|known| id < known) && defence::is_on(Defence::Floors) {
        Err(Fault::Stale)
    } else {
        Ok(())
    }
}

/// A camera that has a newest still does not lose it: stills are not deleted one by one.
fn newest_is_absent(known: Option<FootageId>) -> Result<(), Fault> {
    if known.is_some() && defence::is_on(Defence::Acknowledged) {
        Err(Fault::Missing)
    } else {
        Ok(())
    }
}

/// At most one row: more is not an answer to a question for one.
fn one(rows: &[ObjectRow]) -> Result<Option<&ObjectRow>, Fault> {
    match rows {
        [] => Ok(None),
        [row] => Ok(Some(row)),
        [row, ..] if !defence::is_on(Defence::Rows) => Ok(Some(row)),
        _ => Err(Fault::WrongAnswer),
    }
}
