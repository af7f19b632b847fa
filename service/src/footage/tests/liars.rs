//! An index and a registry that can be told to lie. Both answer honestly what they are not told to
//! lie about.

use crate::index::memory::MemoryIndex;
use crate::index::{Committed, Forgotten, Index, IndexError, Known, NewObject, Removed, Rows};
use crate::registry::memory::MemoryRegistry;
use async_trait::async_trait;
use eyesonly_gate::registry::{
    Answer, Change, Listing, Nonce, Position, RecordName, Registry, RegistryError,
};
use eyesonly_gate::vault::ObjectRow;
use eyesonly_seal::{CameraId, FootageId, HouseholdId, ObjectName, SlotName};
use std::sync::Mutex;

/// A change that the index makes to its rows before it returns them.
pub(super) type Lie = Box<dyn Fn(&mut Rows) + Send>;

#[derive(Default)]
pub(super) struct LyingIndex {
    honest: MemoryIndex,
    lie: Mutex<Option<Lie>>,
    /// Says whether live rows are withheld from collection.
    pub(super) withholds: Mutex<bool>,
    /// While a test holds this, a commit is durable and does not return.
    pub(super) held: tokio::sync::Mutex<()>,
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
        self.honest.events(camera, before, limit, nonce).await.map(|rows| self.told(rows))
    }
    async fn newest_still(&self, camera: CameraId, nonce: Nonce) -> Result<Rows, IndexError> {
        self.honest.newest_still(camera, nonce).await.map(|rows| self.told(rows))
    }
    async fn begin(&self, household: HouseholdId, camera: CameraId) -> Result<(), IndexError> {
        self.honest.begin(household, camera).await
    }
    async fn commit(&self, new: NewObject) -> Result<Committed, IndexError> {
        let committed = self.honest.commit(new).await;
        let _returns = self.held.lock().await;
        committed
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
        if *self.withholds.lock().unwrap() {
            known.names.clear();
        }
        Ok(known)
    }
    fn reset(&self) {}
}

/// A change that a registry makes to its answer before it returns it.
pub(super) type Told = Box<dyn FnMut(&[RecordName<'_>], &mut Answer) + Send>;

/// A registry that lies as it is told to.
#[derive(Default)]
pub(super) struct LyingRegistry {
    honest: MemoryRegistry,
    lie: Mutex<Option<Told>>,
    is_honest: std::sync::atomic::AtomicBool,
}

/// A record's kind and key.
type Name = (&'static str, Vec<u8>);

impl LyingRegistry {
    pub(super) fn tell(&self, lie: impl FnMut(&[RecordName<'_>], &mut Answer) + Send + 'static) {
        *self.lie.lock().unwrap() = Some(Box::new(lie));
    }
    /// Sets whether the registry is honest for now. Administration reads what it changes, and must
    /// read the truth.
    pub(super) fn tell_nothing_to_administration(&self, honest: bool) {
        self.is_honest.store(honest, std::sync::atomic::Ordering::SeqCst);
    }
    /// Repeats from now on each record as it is first asked for. If `position` is true, also
    /// repeats the first position.
    pub(super) fn stick(&self, position: bool) {
        let mut told: Vec<(Name, Option<Vec<u8>>)> = Vec::new();
        let mut then: Option<Position> = None;
        self.tell(move |names, answer| {
            for ((kind, key), record) in names.iter().zip(&mut answer.records) {
                let name = (*kind, key.to_vec());
                match told.iter().find(|(known, _)| *known == name) {
                    Some((_, then)) => *record = then.clone(),
                    None => told.push((name, record.clone())),
                }
            }
            let then = *then.get_or_insert(answer.position);
            if position {
                answer.position = then;
            }
        });
    }
}

#[async_trait]
impl Registry for LyingRegistry {
    async fn read(&self, names: &[RecordName<'_>], nonce: Nonce) -> Result<Answer, RegistryError> {
        let mut answer = self.honest.read(names, nonce).await?;
        let honest = self.is_honest.load(std::sync::atomic::Ordering::SeqCst);
        if let Some(lie) = self.lie.lock().unwrap().as_mut().filter(|_| !honest) {
            lie(names, &mut answer);
        }
        Ok(answer)
    }
    async fn commit(
        &self,
        changes: Vec<Change>,
        rights: Option<u64>,
    ) -> Result<Position, RegistryError> {
        self.honest.commit(changes, rights).await
    }
    async fn list(
        &self,
        kind: &'static str,
        after: Option<&[u8]>,
        limit: usize,
        nonce: Nonce,
    ) -> Result<Listing, RegistryError> {
        self.honest.list(kind, after, limit, nonce).await
    }
    fn reset(&self) {}
}
