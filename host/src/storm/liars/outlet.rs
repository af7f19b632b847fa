//! The outlet, lying: a response for another request.

use crate::grant::Grant;
use crate::http::{Departing, Outlet};
use crate::sandbox::{Answer, Body};
use crate::storm::lies::{Kind as Lie, Liar, Lies};
use std::sync::{Arc, Mutex};

/// An outlet that lies.
pub struct LyingOutlet {
    honest: Arc<dyn Outlet>,
    lies: Arc<Lies>,
    /// The last answer that could be copied, and whose it was.
    kept: Mutex<Option<(Arc<Grant>, Answer)>>,
}

impl LyingOutlet {
    /// Around an honest outlet.
    pub fn new(honest: Arc<dyn Outlet>, lies: Arc<Lies>) -> Self {
        Self {
            honest,
            lies,
            kept: Mutex::default(),
        }
    }
}

/// A copy of an answer; none of one that holds an object.
fn copy(answer: &Answer) -> Option<Answer> {
    let Body::Bytes(bytes) = &answer.body else { return None };
    Some(Answer {
        status: answer.status,
        media_type: answer.media_type,
        body: Body::Bytes(bytes.clone()),
    })
}

#[deny(clippy::missing_trait_methods)]
impl Outlet for LyingOutlet {
    fn carry(&self, departing: Departing) -> Departing {
        let departing = self.honest.carry(departing);
        let lie = self.lies.next(Liar::WayOut);
        let Ok(mut kept) = self.kept.lock() else {
            return departing;
        };
        let mine = copy(&departing.answer).map(|answer| (Arc::clone(&departing.grant), answer));
        let another = match (lie, kept.as_ref()) {
            (Some(lie @ Lie::AnotherRequest), Some((grant, answer))) if !Arc::ptr_eq(grant, &departing.grant) => {
                copy(answer).map(|answer| {
                    (
                        lie,
                        Departing {
                            grant: Arc::clone(grant),
                            answer,
                        },
                    )
                })
            }
            _ => None,
        };
        if mine.is_some() {
            *kept = mine;
        }
        match another {
            Some((lie, another)) => {
                self.lies.was_told(Liar::WayOut, lie);
                another
            }
            None => departing,
        }
    }
}
