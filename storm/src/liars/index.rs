//! The lying event index: it gives rows of another camera or of another page, leaves rows out,
//! repeats them, or withholds live rows from collection. The nonce is always the question's.

use crate::defence::Defence;
use crate::forge::Forge;
use crate::lies::{Kind as Lie, Liar, Lies};
use crate::mark::mix;
use async_trait::async_trait;
use eyesonly_gate::registry::Nonce;
use eyesonly_gate::vault::ObjectRow;
use eyesonly_seal::{CameraId, FootageId, HouseholdId, Kind, ObjectName, SlotName};
use eyesonly_service::index::{
    Committed, Forgotten, Index, IndexError, Known, NewObject, Removed, Rows,
};
use std::sync::{Arc, Mutex};

/// The rows of the last answers, to be given in place of others.
#[derive(Default)]
struct Memory {
    events: Option<(CameraId, Vec<ObjectRow>)>,
    newest: Option<(CameraId, Vec<ObjectRow>)>,
    object: Option<ObjectRow>,
}

/// An index that lies.
pub struct LyingIndex {
    honest: Arc<dyn Index>,
    lies: Arc<Lies>,
    forge: Arc<Forge>,
    memory: Mutex<Memory>,
}

impl LyingIndex {
    /// Wraps an honest index.
    pub fn new(honest: Arc<dyn Index>, lies: Arc<Lies>, forge: Arc<Forge>) -> Self {
        Self { honest, lies, forge, memory: Mutex::default() }
    }

    fn told(&self, lie: Lie, honest: Rows, told: Option<Vec<ObjectRow>>) -> Rows {
        let Some(rows) = told.filter(|rows| *rows != honest.rows) else {
            return honest;
        };
        self.lies.was_told(Liar::Index, lie);
        Rows { echo: honest.echo, rows }
    }

    /// Keeps the rows of this answer. Returns those that were kept before, if they were another
    /// camera's.
    fn another(
        &self,
        camera: CameraId,
        rows: &[ObjectRow],
        place: impl Fn(&mut Memory) -> &mut Option<(CameraId, Vec<ObjectRow>)>,
    ) -> Option<Vec<ObjectRow>> {
        let mut memory = self.memory.lock().ok()?;
        let place = place(&mut memory);
        let another =
            place.as_ref().filter(|(other, _)| *other != camera).map(|(_, rows)| rows.clone());
        if !rows.is_empty() {
            *place = Some((camera, rows.to_vec()));
        }
        another
    }

    /// Returns another camera's row of the same kind, for a question about one object.
    fn another_object(&self, row: &ObjectRow) -> Option<ObjectRow> {
        let mut memory = self.memory.lock().ok()?;
        let fits = |other: &ObjectRow| {
            other.camera != row.camera && (other.kind, other.rendition) == (row.kind, row.rendition)
        };
        let another = memory.object.clone().filter(fits);
        memory.object = Some(row.clone());
        another
    }

    /// Says whether ingest must not learn of this row, because its still is being handed in once
    /// more.
    fn is_withheld_from_ingest(&self, row: &ObjectRow) -> bool {
        let is_still = row.kind == Kind::EventStill && !row.rendition;
        is_still && self.forge.has(Defence::Conflict) && self.forge.is_uploading(row.id)
    }
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl Index for LyingIndex {
    async fn objects(&self, slots: &[SlotName], nonce: Nonce) -> Result<Rows, IndexError> {
        let honest = self.honest.objects(slots, nonce).await?;
        let [row] = honest.rows.as_slice() else {
            return Ok(honest);
        };
        if slots.len() == 1 && self.is_withheld_from_ingest(row) {
            return Ok(Rows { echo: honest.echo, rows: Vec::new() });
        }
        let another = self.another_object(row);
        let lie = self.lies.next(Liar::Index);
        let told = match lie {
            Some(Lie::AnotherCamera) => another.map(|other| {
                let rows = vec![other];
                self.forge.rows_of_another(&rows, row.camera, Some(row.id)).unwrap_or(rows)
            }),
            Some(Lie::Missing) => Some(Vec::new()),
            Some(Lie::Repeated) => Some(vec![row.clone(), row.clone()]),
            _ => None,
        };
        Ok(lie.map_or_else(|| honest.clone(), |lie| self.told(lie, honest.clone(), told)))
    }

    async fn events(
        &self,
        camera: CameraId,
        before: Option<FootageId>,
        limit: usize,
        nonce: Nonce,
    ) -> Result<Rows, IndexError> {
        let honest = self.honest.events(camera, before, limit, nonce).await?;
        let another = self.another(camera, &honest.rows, |memory| &mut memory.events);
        let Some(lie) = self.lies.next(Liar::Index) else {
            return Ok(honest);
        };
        let told = match lie {
            Lie::AnotherCamera => {
                another.map(|rows| self.forge.rows_of_another(&rows, camera, None).unwrap_or(rows))
            }
            Lie::Missing => Some(honest.rows.iter().skip(1).cloned().collect()),
            Lie::Repeated => {
                let mut rows = honest.rows.clone();
                if let Some(first) = honest.rows.first() {
                    rows.insert(1, self.forge.row_again(first).unwrap_or_else(|| first.clone()));
                }
                rows.truncate(limit.max(2));
                Some(rows)
            }
            Lie::AnotherPage => match before {
                Some(before) => {
                    let rows = self.honest.events(camera, None, limit, nonce).await?.rows;
                    Some(self.forge.rows_below(&rows, before).unwrap_or(rows))
                }
                None => None,
            },
            _ => None,
        };
        Ok(self.told(lie, honest, told))
    }

    async fn newest_still(&self, camera: CameraId, nonce: Nonce) -> Result<Rows, IndexError> {
        let honest = self.honest.newest_still(camera, nonce).await?;
        let another = self.another(camera, &honest.rows, |memory| &mut memory.newest);
        match self.lies.next(Liar::Index) {
            Some(lie @ Lie::AnotherCamera) => Ok(self.told(lie, honest, another)),
            Some(lie @ Lie::Missing) => Ok(self.told(lie, honest, Some(Vec::new()))),
            _ => Ok(honest),
        }
    }

    async fn begin(&self, household: HouseholdId, camera: CameraId) -> Result<(), IndexError> {
        self.honest.begin(household, camera).await
    }

    async fn commit(&self, new: NewObject) -> Result<Committed, IndexError> {
        self.forge.names().committed(new.household, &new.row);
        let (handed_in, is_still) =
            (new.row.clone(), new.row.kind == Kind::EventStill && !new.row.rendition);
        let committed = self.honest.commit(new).await?;
        if is_still {
            self.forge.upload_ends(handed_in.id);
        }
        Ok(match committed {
            Committed::Taken(stands) => {
                let forged = self.forge.row_of_the_same_body(&stands, handed_in.body_digest);
                Committed::Taken(forged.map_or(stands, Box::new))
            }
            committed => committed,
        })
    }

    async fn delete_event(
        &self,
        household: HouseholdId,
        camera: CameraId,
        event: FootageId,
        tombstones: Vec<ObjectRow>,
    ) -> Result<Option<Removed>, IndexError> {
        self.honest.delete_event(household, camera, event, tombstones).await
    }
    async fn forget(
        &self,
        household: HouseholdId,
        camera: CameraId,
        limit: usize,
        nonce: Nonce,
    ) -> Result<Forgotten, IndexError> {
        self.honest.forget(household, camera, limit, nonce).await
    }
    async fn household_bytes(&self, household: HouseholdId) -> Result<u64, IndexError> {
        self.honest.household_bytes(household).await
    }

    async fn known(&self, names: &[ObjectName], nonce: Nonce) -> Result<Known, IndexError> {
        let mut known = self.honest.known(names, nonce).await?;
        if self.lies.next(Liar::Index) == Some(Lie::WithheldFromCollection) {
            let all = known.names.len();
            // The same names are withheld each time, so a repeated question gets the same answer.
            known.names.retain(|name| {
                let first = name.as_bytes().first_chunk::<8>().copied().unwrap_or_default();
                mix(&[u64::from_be_bytes(first)]).is_multiple_of(2)
            });
            if known.names.len() < all {
                self.lies.was_told(Liar::Index, Lie::WithheldFromCollection);
            }
        }
        Ok(known)
    }

    fn reset(&self) {
        self.honest.reset();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use eyesonly_service::index::conformance;
    use eyesonly_service::index::memory::MemoryIndex;

    #[tokio::test]
    async fn without_a_lie_it_conforms() {
        let lies = Arc::new(Lies::new(1, &[]));
        conformance::check(&LyingIndex::new(
            Arc::new(MemoryIndex::default()),
            lies,
            Forge::nothing(),
        ))
        .await;
    }
}
