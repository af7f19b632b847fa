//! A connection pool, lying: replies come in the order of the questions, and one too many is in the line.
//!
//! This is the fault of a client library that gives a connection back to its pool while a cancelled question is still under way: whoever gets it
//! next reads the reply to that question, and from then on each reads the one before. `reset` closes the connection, and with it the line.

use crate::index::{Committed, Index, IndexError, NewObject, ObjectRow, Removed, Rows};
use crate::registry::{Answer, Change, Listed, Nonce, Registry, RegistryError};
use crate::storm::lies::{Kind as Lie, Liar, Lies};
use async_trait::async_trait;
use eyesonly_seal::{CameraId, FootageId, HouseholdId, ObjectName, SlotName};
use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex};

/// Replies that may wait in a line; a pool that has more has other problems.
const LINE_MAX: usize = 64;

/// One connection: replies that nobody has read yet, and the last that was read.
struct Line<T> {
    waiting: VecDeque<T>,
    last: Option<T>,
}

impl<T> Default for Line<T> {
    fn default() -> Self {
        Self {
            waiting: VecDeque::new(),
            last: None,
        }
    }
}

impl<T: Clone> Line<T> {
    /// What is read where `reply` was written to the line.
    fn read(&mut self, reply: T, lies: &Lies) -> T {
        let lie = lies.next(Liar::Pool);
        let late = self.last.replace(reply.clone());
        match (lie, late) {
            // A question was cancelled, and its reply is still to be read.
            (Some(lie @ Lie::CancelledQuestion), Some(cancelled)) if self.waiting.len() < LINE_MAX => {
                lies.was_told(Liar::Pool, lie);
                self.waiting.push_back(cancelled);
            }
            // An extra reply; the right one is dropped, and the line is in step again.
            (Some(lie @ Lie::LateReply), Some(late)) => {
                lies.was_told(Liar::Pool, lie);
                return late;
            }
            _ => {}
        }
        self.waiting.push_back(reply.clone());
        self.waiting.pop_front().unwrap_or(reply)
    }
}

/// The pool in front of a registry: a connection for each kind of record.
pub struct LyingPool {
    honest: Arc<dyn Registry>,
    lies: Arc<Lies>,
    lines: Mutex<HashMap<&'static str, Line<Answer>>>,
}

impl LyingPool {
    /// Around an honest registry.
    pub fn new(honest: Arc<dyn Registry>, lies: Arc<Lies>) -> Self {
        Self {
            honest,
            lies,
            lines: Mutex::default(),
        }
    }
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl Registry for LyingPool {
    async fn read(&self, kind: &'static str, key: &[u8], nonce: Nonce) -> Result<Answer, RegistryError> {
        let reply = self.honest.read(kind, key, nonce).await?;
        let Ok(mut lines) = self.lines.lock() else {
            return Ok(reply);
        };
        Ok(lines.entry(kind).or_default().read(reply, &self.lies))
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
    fn reset(&self) {
        if let Ok(mut lines) = self.lines.lock() {
            lines.clear();
        }
        self.honest.reset();
    }
}

/// The pool in front of an index: one connection.
pub struct PooledIndex {
    honest: Arc<dyn Index>,
    lies: Arc<Lies>,
    line: Mutex<Line<Rows>>,
}

impl PooledIndex {
    /// Around an honest index.
    pub fn new(honest: Arc<dyn Index>, lies: Arc<Lies>) -> Self {
        Self {
            honest,
            lies,
            line: Mutex::default(),
        }
    }

    fn read(&self, reply: Rows) -> Rows {
        match self.line.lock() {
            Ok(mut line) => line.read(reply, &self.lies),
            Err(_) => reply,
        }
    }
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl Index for PooledIndex {
    async fn objects(&self, slots: &[SlotName], nonce: Nonce) -> Result<Rows, IndexError> {
        let reply = self.honest.objects(slots, nonce).await?;
        Ok(self.read(reply))
    }
    async fn events(
        &self,
        camera: CameraId,
        before: Option<FootageId>,
        limit: usize,
        nonce: Nonce,
    ) -> Result<Rows, IndexError> {
        let reply = self.honest.events(camera, before, limit, nonce).await?;
        Ok(self.read(reply))
    }
    async fn newest_still(&self, camera: CameraId, nonce: Nonce) -> Result<Rows, IndexError> {
        let reply = self.honest.newest_still(camera, nonce).await?;
        Ok(self.read(reply))
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
        if let Ok(mut line) = self.line.lock() {
            *line = Line::default();
        }
        self.honest.reset();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::index::conformance as index_conformance;
    use crate::index::memory::MemoryIndex;
    use crate::registry::conformance;
    use crate::registry::memory::MemoryRegistry;
    use crate::storm::said::Told;

    #[tokio::test]
    async fn without_a_lie_both_conform() {
        let lies = Arc::new(Lies::new(1, &[]));
        conformance::check(&LyingPool::new(Arc::new(MemoryRegistry::default()), Arc::clone(&lies))).await;
        index_conformance::check(&PooledIndex::new(Arc::new(MemoryIndex::default()), lies)).await;
    }

    #[test]
    fn a_cancelled_question_puts_the_line_out_of_step_and_a_late_reply_does_not() {
        let read = |lie: &str| {
            let told: Told = lie.parse().unwrap();
            let always = Lies::new(1, &told.lies());
            let mut line = Line::default();
            assert_eq!(line.read(1, &always), 1, "there was nothing before");
            let crossed = line.read(2, &always);
            always.be_silent(true);
            (crossed, line.read(3, &always), line.read(4, &always))
        };
        assert_eq!(read("pool:cancelled-question@1"), (1, 2, 3), "off by one from then on");
        assert_eq!(read("pool:late-reply@1"), (1, 3, 4));
    }
}
