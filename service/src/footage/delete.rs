//! Deletion: an event's rows become tombstones, its objects go from tiers and store. A camera's retry does not bring it back.

use super::{Footage, FootageError};
use crate::grant::Grant;
use crate::index::{ObjectRow, State};
use crate::vault::{self, Asked, Proven, RowKind};
use eyesonly_seal::{FootageId, Kind, ObjectName};
use std::sync::Arc;

/// Objects of an event that a camera hands in.
const KINDS: [Kind; 3] = [Kind::Event, Kind::EventStill, Kind::Clip];

impl Footage {
    /// Deletes an event of the grant's camera: details, still, clip and renditions. FROM CLIENT: `event`.
    ///
    /// # Errors
    /// [`FootageError::NotFound`] if there is none that the grant may delete.
    pub async fn delete_event(self: &Arc<Self>, grant: &Arc<Grant>, event: &str) -> Result<(), FootageError> {
        let id = FootageId::parse(event).map_err(|_| FootageError::NotFound)?;
        if !grant.may_delete() || !grant.covers(Kind::Event, id) {
            return Err(FootageError::NotFound);
        }
        let scope = grant.scope();
        let mut wanted = Vec::new();
        for kind in KINDS {
            let asked = Asked::footage(kind, id);
            wanted.push((vault::slot(scope, &asked).map_err(|_| FootageError::NotFound)?, asked));
        }
        let slots: Vec<_> = wanted.iter().map(|(slot, _)| *slot).collect();
        let live: Vec<ObjectRow> = self
            .ask(
                scope,
                |nonce| self.index.objects(&slots, nonce),
                |rows| {
                    let mut live = Vec::new();
                    for row in rows {
                        let (_, asked) = wanted
                            .iter()
                            .find(|(slot, _)| *slot == row.slot)
                            .ok_or(crate::ledger::Fault::WrongAnswer)?;
                        if let Proven::Live(_) = vault::prove_row(scope, asked, row)? {
                            live.push(row.clone());
                        }
                    }
                    Ok(live)
                },
            )
            .await?;
        if !live.iter().any(|row| row.kind == Kind::Event) {
            return Err(FootageError::NotFound);
        }
        let tombstones = live
            .into_iter()
            .map(|row| {
                let mut tombstone = ObjectRow {
                    state: State::Deleted,
                    inline: None,
                    ..row
                };
                tombstone.proof = vault::proof(scope, RowKind::Object, &tombstone);
                tombstone
            })
            .collect();
        let removed = self
            .index
            .delete_event(scope.household(), scope.camera(), id, tombstones)
            .await
            .map_err(|error| {
                tracing::error!(%error, "the index did not delete an event");
                FootageError::Unavailable
            })?;
        self.acknowledged.forget(scope.camera(), id);
        for name in removed.ok_or(FootageError::NotFound)?.names {
            self.forget(name).await;
        }
        Ok(())
    }

    /// Takes an object that the index no longer has out of the store. What tiers have of it can't be asked for any more; its
    /// first extent goes at once, the rest as room is needed.
    pub(crate) async fn forget(&self, name: ObjectName) {
        self.ladder.evict((name, 0)).await;
        if let Err(error) = self.ladder.store().delete(name).await {
            tracing::warn!(%error, "a deleted object is left for collection");
        }
    }
}
