//! The event index, lying: rows of another camera, missing, twice, of another page. The nonce is always the question's.

use crate::index::{Committed, Index, IndexError, NewObject, Nonce, ObjectRow, Removed, Rows};
use crate::storm::lies::{Kind as Lie, Liar, Lies};
use async_trait::async_trait;
use eyesonly_seal::{CameraId, FootageId, HouseholdId, ObjectName, SlotName};
use std::sync::{Arc, Mutex};

/// Rows of the last answers, to be given for others.
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
    memory: Mutex<Memory>,
}

impl LyingIndex {
    /// Around an honest index.
    pub fn new(honest: Arc<dyn Index>, lies: Arc<Lies>) -> Self {
        Self {
            honest,
            lies,
            memory: Mutex::default(),
        }
    }

    fn told(&self, lie: Lie, honest: Rows, told: Option<Vec<ObjectRow>>) -> Rows {
        let Some(rows) = told.filter(|rows| *rows != honest.rows) else {
            return honest;
        };
        self.lies.was_told(Liar::Index, lie);
        Rows {
            nonce: honest.nonce,
            rows,
        }
    }

    /// Keeps the rows of this answer; gives those that were kept before, if they were another camera's.
    fn another(
        &self,
        camera: CameraId,
        rows: &[ObjectRow],
        place: impl Fn(&mut Memory) -> &mut Option<(CameraId, Vec<ObjectRow>)>,
    ) -> Option<Vec<ObjectRow>> {
        let mut memory = self.memory.lock().ok()?;
        let place = place(&mut memory);
        let another = place
            .as_ref()
            .filter(|(other, _)| *other != camera)
            .map(|(_, rows)| rows.clone());
        if !rows.is_empty() {
            *place = Some((camera, rows.to_vec()));
        }
        another
    }
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl Index for LyingIndex {
    async fn objects(&self, slots: &[SlotName], nonce: Nonce) -> Result<Rows, IndexError> {
        let honest = self.honest.objects(slots, nonce).await?;
        // A question for one object: another camera's row of the same kind in its place.
        let [row] = honest.rows.as_slice() else {
            return Ok(honest);
        };
        let another = {
            let Ok(mut memory) = self.memory.lock() else {
                return Ok(honest);
            };
            let fits = |other: &ObjectRow| {
                other.camera != row.camera && (other.kind, other.rendition) == (row.kind, row.rendition)
            };
            let another = memory.object.clone().filter(fits);
            memory.object = Some(row.clone());
            another
        };
        match self.lies.next(Liar::Index) {
            Some(lie @ Lie::AnotherCamera) => Ok(self.told(lie, honest, another.map(|row| vec![row]))),
            Some(lie @ Lie::Missing) => Ok(self.told(lie, honest, Some(Vec::new()))),
            Some(lie @ Lie::Repeated) => {
                let twice = [honest.rows.clone(), honest.rows.clone()].concat();
                Ok(self.told(lie, honest, Some(twice)))
            }
            _ => Ok(honest),
        }
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
            Lie::AnotherCamera => another,
            Lie::Missing => Some(honest.rows.iter().skip(1).cloned().collect()),
            Lie::Repeated => {
                let mut rows = honest.rows.clone();
                rows.splice(..0, honest.rows.first().cloned());
                rows.truncate(limit.max(2));
                Some(rows)
            }
            Lie::AnotherPage if before.is_some() => Some(self.honest.events(camera, None, limit, nonce).await?.rows),
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
        self.honest.commit(new).await
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
    async fn forget(&self, household: HouseholdId, camera: CameraId, limit: usize) -> Result<usize, IndexError> {
        self.honest.forget(household, camera, limit).await
    }
    async fn household_bytes(&self, household: HouseholdId) -> Result<u64, IndexError> {
        self.honest.household_bytes(household).await
    }
    async fn known(&self, names: &[ObjectName]) -> Result<Vec<ObjectName>, IndexError> {
        self.honest.known(names).await
    }
    fn reset(&self) {
        self.honest.reset();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::index::conformance;
    use crate::index::memory::MemoryIndex;

    #[tokio::test]
    async fn without_a_lie_it_conforms() {
        let lies = Arc::new(Lies::new(1, &[]));
        conformance::check(&LyingIndex::new(Arc::new(MemoryIndex::default()), lies)).await;
    }
}
