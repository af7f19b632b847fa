//! The lying outlet: it sends a response for another request, or another response's body under this
//! request's grant.

use crate::defence::Defence;
use crate::forge::Forge;
use crate::lies::{Kind as Lie, Liar, Lies};
use axum::body::Bytes;
use eyesonly::http::{Departing, Outlet};
use eyesonly_gate::rules::{MediaType, Status};
use eyesonly_gate::{Answer, Content, Grant, Instance};
use std::sync::{Arc, Mutex};

/// An outlet that lies.
pub struct LyingOutlet {
    honest: Arc<dyn Outlet>,
    lies: Arc<Lies>,
    forge: Arc<Forge>,
    /// The last answer that could be copied, and whose it was.
    kept: Mutex<Option<(Arc<Grant>, Copy)>>,
}

/// The content of an answer, without whose it is.
#[derive(Clone)]
struct Copy {
    status: Status,
    media_type: MediaType,
    bytes: Bytes,
}

impl Copy {
    /// Copies an answer. None: the answer holds an object.
    fn of(answer: &Answer) -> Option<Self> {
        let Content::Bytes(bytes) = answer.content() else {
            return None;
        };
        Some(Self {
            status: answer.status(),
            media_type: answer.media_type(),
            bytes: bytes.clone(),
        })
    }

    /// Makes the same answer in the name of an instance that was given `grant`.
    fn made_under(self, grant: &Arc<Grant>) -> Option<Answer> {
        let instance = Instance::new(Arc::clone(grant));
        instance.answers(self.status, self.media_type, Content::Bytes(self.bytes)).ok()
    }
}

impl LyingOutlet {
    /// Wraps an honest outlet.
    pub fn new(honest: Arc<dyn Outlet>, lies: Arc<Lies>, forge: Arc<Forge>) -> Self {
        Self { honest, lies, forge, kept: Mutex::default() }
    }

    /// Returns what departs in place of the answer of `mine`, if it is a lie.
    fn another(
        &self,
        lie: Lie,
        mine: &Arc<Grant>,
        (theirs, copy): (Arc<Grant>, Copy),
    ) -> Option<Departing> {
        if Arc::ptr_eq(mine, &theirs) {
            return None;
        }
        let forged = self.forge.has(Defence::WayOut);
        let answer = copy.made_under(if forged { mine } else { &theirs })?;
        let grant = match lie {
            Lie::AnotherRequest if !forged => theirs,
            Lie::AnotherRequest | Lie::CrossedBodies => Arc::clone(mine),
            _ => return None,
        };
        Some(Departing { grant, answer })
    }
}

#[deny(clippy::missing_trait_methods)]
impl Outlet for LyingOutlet {
    fn carry(&self, departing: Departing) -> Departing {
        let departing = self.honest.carry(departing);
        let lie = self.lies.next(Liar::WayOut);
        let Ok(mut kept) = self.kept.lock() else {
            return departing;
        };
        let another = lie.zip(kept.clone());
        if let Some(copy) = Copy::of(&departing.answer) {
            *kept = Some((Arc::clone(&departing.grant), copy));
        }
        let told =
            another.and_then(|(lie, kept)| Some((lie, self.another(lie, &departing.grant, kept)?)));
        match told {
            Some((lie, another)) => {
                self.lies.was_told(Liar::WayOut, lie);
                another
            }
            None => departing,
        }
    }
}
