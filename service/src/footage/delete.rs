//! Deletion turns an event's rows into tombstones, and deletes the event's objects from tiers and
//! store. A camera's retry does not bring the event back.

use super::{Footage, FootageError};
use crate::chain::Chain;
use eyesonly_gate::Grant;
use eyesonly_gate::vault::{ObjectRow, State};
use eyesonly_rights::Fault;
use eyesonly_seal::{FootageId, Kind};
use std::sync::Arc;

impl Footage {
    /// Deletes an event of the grant's camera: details, still, clip and renditions.
    ///
    /// # Errors
    /// [`FootageError::NotFound`] if there is no such event that the grant may delete.
    pub async fn delete_event(
        self: &Arc<Self>,
        grant: &Arc<Grant>,
        event: FootageId,
    ) -> Result<(), FootageError> {
        let wanted = grant.ask_to_delete(event).ok_or(FootageError::NotFound)?;
        let mut slots = Vec::new();
        for asked in &wanted {
            slots.push(asked.slot().map_err(|_| FootageError::NotFound)?);
        }
        let tombstones: Vec<ObjectRow> = self
            .catalogue
            .ask(
                grant.camera(),
                |nonce| self.catalogue.index().objects(&slots, nonce),
                |rows| {
                    let mut tombstones = Vec::new();
                    for row in rows {
                        let at = slots.iter().position(|slot| *slot == row.slot);
                        let asked = at.and_then(|at| wanted.get(at)).ok_or(Fault::WrongAnswer)?;
                        if asked.prove(row)? == State::Live {
                            tombstones.push(asked.bury(row)?);
                        }
                    }
                    Ok(tombstones)
                },
            )
            .await?;
        if !tombstones.iter().any(|row| row.kind == Kind::Event) {
            return Err(FootageError::NotFound);
        }
        let removed = self
            .catalogue
            .index()
            .delete_event(grant.household(), grant.camera(), event, tombstones)
            .await
            .map_err(|error| {
                tracing::error!(error = %Chain(&error), "the index did not delete an event");
                FootageError::Unavailable
            })?;
        self.catalogue.acknowledged().forget(grant.camera(), event);
        for name in removed.ok_or(FootageError::NotFound)?.names {
            self.catalogue.acknowledged().forget_name(name);
            self.ladder.forget(name).await;
        }
        Ok(())
    }
}
