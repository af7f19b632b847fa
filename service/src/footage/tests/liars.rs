//! An index and a registry that can be told to lie; what they are not asked to lie about, they answer honestly.

use crate::index::memory::MemoryIndex;
use crate::index::{Committed, Index, IndexError, NewObject, ObjectRow, Removed, Rows};
use crate::registry::memory::MemoryRegistry;
use crate::registry::{Answer, Change, Listed, Nonce, Registry, RegistryError};
use async_trait::async_trait;
use eyesonly_seal::{CameraId, FootageId, HouseholdId, ObjectName, SlotName};
use std::sync::Mutex;

/// What the index does with its rows before it hands them over.
pub(super) type Lie = Box<dyn Fn(&mut Rows) + Send>;

#[derive(Default)]
pub(super) struct LyingIndex {
    honest: MemoryIndex,
    lie: Mutex<Option<Lie>>,
}

impl LyingIndex {
    fn told(&self, mut rows: Rows) -> Rows {
        if let Some(lie) = &*self.lie.lock().unwrap() {
            lie(&mut rows);
        }
        rows
    }
    pub(super) fn tell(&self, lie: impl Fn(&mut Rows) + Send + 'static) {
        *self.lie.lock().unwrap() = Some(Box::new(lie));
    }
}

#[async_trait]
impl Index for LyingIndex {
    async fn objects(&self, slots: &[SlotName], nonce: Nonce) -> Result<Rows, IndexError> {
        self.honest.objects(slots, nonce).await.map(|rows| self.told(rows))
    }
    async fn events(
        &self,
        camera: CameraId,
        before: Option<FootageId>,
        limit: usize,
        nonce: Nonce,
    ) -> Result<Rows, IndexError> {
        self.honest
            .events(camera, before, limit, nonce)
            .await
            .map(|rows| self.told(rows))
    }
    async fn newest_still(&self, camera: CameraId, nonce: Nonce) -> Result<Rows, IndexError> {
        self.honest
            .newest_still(camera, nonce)
            .await
            .map(|rows| self.told(rows))
    }
    async fn begin(&self, household: HouseholdId, camera: CameraId) -> Result<(), IndexError> {
        self.honest.begin(household, camera).await
    }
    async fn commit(&self, new: NewObject) -> Result<Committed, IndexError> {
        self.honest.commit(new).await
    }
    async fn delete_event(
        &self,
        h: HouseholdId,
        c: CameraId,
        e: FootageId,
        rows: Vec<ObjectRow>,
    ) -> Result<Option<Removed>, IndexError> {
        self.honest.delete_event(h, c, e, rows).await
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
    fn reset(&self) {}
}

/// What was told: kind and key of each question, and the answer.
pub(super) type Told = Vec<((&'static str, Vec<u8>), Answer)>;

/// A registry that goes on telling what it told before.
#[derive(Default)]
pub(super) struct StuckRegistry {
    honest: MemoryRegistry,
    pub(super) stuck: Mutex<Option<Told>>,
}

#[async_trait]
impl Registry for StuckRegistry {
    async fn read(&self, kind: &'static str, key: &[u8], nonce: Nonce) -> Result<Answer, RegistryError> {
        let now = self.honest.read(kind, key, nonce).await?;
        let mut stuck = self.stuck.lock().unwrap();
        let Some(told) = &mut *stuck else { return Ok(now) };
        let asked = (kind, key.to_vec());
        if let Some((_, then)) = told.iter().find(|(question, _)| *question == asked) {
            // The record of then, dressed as an answer of now.
            return Ok(Answer {
                nonce,
                sequence: now.sequence,
                ..then.clone()
            });
        }
        told.push((asked, now.clone()));
        Ok(now)
    }
    async fn sequence(&self) -> Result<u64, RegistryError> {
        self.honest.sequence().await
    }
    async fn commit(&self, changes: Vec<Change>, sequence: Option<u64>) -> Result<u64, RegistryError> {
        self.honest.commit(changes, sequence).await
    }
    async fn list(&self, kind: &'static str, after: Option<&[u8]>, limit: usize) -> Result<Vec<Listed>, RegistryError> {
        self.honest.list(kind, after, limit).await
    }
    fn reset(&self) {}
}
