//! Footage answers a handler's questions under its grant. The sandbox asks no other module.
//!
//! Every object is found through the index, and the vault proves its row. The object is read
//! through the ladder of tiers, and the vault opens it. Questions are limited by the grant: what
//! the grant does not cover can't be asked for. This module must never answer differently for what
//! is absent and for what is not allowed.

mod delete;
mod events;
mod held;
mod page;
mod renditions;
#[cfg(any(test, feature = "conformance"))]
pub mod testing;
#[cfg(test)]
mod tests;

pub use events::{
    EVENT_KINDS, EventDetails, EventPage, EventSummary, LABEL_CHARACTERS_MAX, is_plain_text,
};
pub use held::{Held, entity_tag, shown_time};
pub use renditions::{Making, Recalled};

use crate::catalogue::{Catalogue, at_most_one};
#[cfg(feature = "live")]
use crate::live::{Followed, Live, Shown};
use crate::sync::Mutex;
use crate::tiers::{Ladder, LadderError};
#[cfg(feature = "live")]
use eyesonly_gate::live::Stream;
use eyesonly_gate::rules::Breach;
use eyesonly_gate::{Asked, Grant, Located};
use eyesonly_rights::Fault;
use eyesonly_seal::{FootageId, Kind, ObjectName, ObjectVersion};
use std::collections::HashMap;
use std::sync::Arc;

/// The reason why a question has no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum FootageError {
    /// There is nothing of that name under this grant.
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

impl From<Breach> for FootageError {
    fn from(breach: Breach) -> Self {
        match breach {
            Breach::Invalid => Self::Invalid,
            Breach::Limit => Self::Limit,
        }
    }
}

/// The services behind every grant.
pub struct Footage {
    catalogue: Arc<Catalogue>,
    ladder: Arc<Ladder>,
    /// The live streams, where there are any.
    #[cfg(feature = "live")]
    live: Option<Arc<Live>>,
    makings: Mutex<HashMap<ObjectName, tokio::sync::watch::Receiver<()>>>,
}

impl Footage {
    /// Makes footage over these services.
    pub fn new(catalogue: Arc<Catalogue>, ladder: Arc<Ladder>) -> Arc<Self> {
        Arc::new(Self {
            catalogue,
            ladder,
            #[cfg(feature = "live")]
            live: None,
            makings: Mutex::default(),
        })
    }

    /// Makes footage over these services, with live view.
    #[cfg(feature = "live")]
    pub fn with_live(catalogue: Arc<Catalogue>, ladder: Arc<Ladder>, live: Arc<Live>) -> Arc<Self> {
        Arc::new(Self { catalogue, ladder, live: Some(live), makings: Mutex::default() })
    }

    /// Lists the newest segments of a live stream, at most `limit`, the oldest first. The list is
    /// empty if the camera is off or the grant covers nothing of it.
    #[cfg(feature = "live")]
    pub async fn live_segments(
        &self,
        grant: &Arc<Grant>,
        of: Stream,
        limit: u32,
    ) -> Result<Vec<Shown>, FootageError> {
        let limit = usize::try_from(limit).map_err(|_| FootageError::Limit)?;
        match &self.live {
            Some(live) if grant.kinds().live => live.segments(grant, of, limit).await,
            _ => Ok(Vec::new()),
        }
    }

    /// Opens a segment of a live stream, to be followed.
    #[cfg(feature = "live")]
    pub async fn live_segment(
        &self,
        grant: &Arc<Grant>,
        of: Stream,
        id: FootageId,
    ) -> Result<Followed, FootageError> {
        match &self.live {
            Some(live) => live.open(grant, of, id).await,
            None => Err(FootageError::NotFound),
        }
    }

    /// Returns the newest still of the grant's camera.
    pub async fn newest_still(self: &Arc<Self>, grant: &Arc<Grant>) -> Result<Held, FootageError> {
        let located = self.newest(grant).await?.ok_or(FootageError::NotFound)?;
        Ok(Held::new(self, located))
    }

    /// Returns the time of the newest still of the grant's camera, as [`shown_time`] has it. It is
    /// none if no still can be had.
    pub async fn newest_time(&self, grant: &Arc<Grant>) -> Option<u64> {
        self.newest(grant).await.ok().flatten().as_ref().map(shown_time)
    }

    async fn newest(&self, grant: &Arc<Grant>) -> Result<Option<Located>, FootageError> {
        if !grant.kinds().live {
            return Ok(None);
        }
        let (camera, acknowledged) = (grant.camera(), self.catalogue.acknowledged());
        // This is read before the question: the answer may lack what is handed in meanwhile.
        let known = acknowledged.newest(camera);
        let found = self
            .catalogue
            .ask(
                camera,
                |nonce| self.catalogue.index().newest_still(camera, nonce),
                |rows| {
                    let Some(row) = at_most_one(rows)? else {
                        return newest_is_absent(known).map(|()| None);
                    };
                    let (_, located) = grant.prove_pointer(row)?;
                    newest_is_current(known, row.version)?;
                    Ok(Some((row.version, located)))
                },
            )
            .await?;
        let Some((version, located)) = found else { return Ok(None) };
        acknowledged.newest_is(camera, version);
        Ok(located)
    }

    /// Returns the still of an event.
    pub async fn event_still(
        self: &Arc<Self>,
        grant: &Arc<Grant>,
        event: FootageId,
    ) -> Result<Held, FootageError> {
        self.of_event(grant, Kind::EventStill, event).await
    }

    /// Returns the video of an event.
    pub async fn event_clip(
        self: &Arc<Self>,
        grant: &Arc<Grant>,
        event: FootageId,
    ) -> Result<Held, FootageError> {
        self.of_event(grant, Kind::Clip, event).await
    }

    async fn of_event(
        self: &Arc<Self>,
        grant: &Arc<Grant>,
        kind: Kind,
        id: FootageId,
    ) -> Result<Held, FootageError> {
        let asked = grant.ask(kind, id).ok_or(FootageError::NotFound)?;
        let located = self.locate(&asked).await?.ok_or(FootageError::NotFound)?;
        Ok(Held::new(self, located))
    }

    /// Finds an object. Returns None if the object is absent or was deleted.
    async fn locate(&self, asked: &Asked) -> Result<Option<Located>, FootageError> {
        let slot = asked.slot().map_err(|_| FootageError::Invalid)?;
        self.catalogue
            .row(asked.camera(), slot, |row| row.map_or(Ok(None), |row| asked.locate(row)))
            .await
    }
}

/// Checks that the newest-still pointer has not gone back behind the newest still that was known.
fn newest_is_current(known: Option<ObjectVersion>, version: ObjectVersion) -> Result<(), Fault> {
    if known.is_some_and(|known| version < known) { Err(Fault::Stale) } else { Ok(()) }
}

/// Checks that no newest still was known, if there is no pointer. Stills are not deleted one by
/// one, so a camera never loses its newest still.
fn newest_is_absent(known: Option<ObjectVersion>) -> Result<(), Fault> {
    if known.is_some() { Err(Fault::Missing) } else { Ok(()) }
}
