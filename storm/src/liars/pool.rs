//! The lying connection pool. Replies come in the order of the questions, and one too many is in
//! the line.
//!
//! This is the fault of a client library that gives a connection back to its pool while a cancelled
//! question is under way. The next user of the connection reads the reply to that question. From
//! then on, each reads the reply to the question before. `reset` closes the connection, and with it
//! the line.

use super::past::Past;
use crate::defence::Defence;
use crate::forge::{Forge, Name};
use crate::lies::{Kind as Lie, Liar, Lies};
use async_trait::async_trait;
use eyesonly_gate::registry::{
    Answer, Change, Listing, Nonce, Position, RecordName, Registry, RegistryError,
};
use eyesonly_gate::vault::ObjectRow;
use eyesonly_seal::{CameraId, FootageId, HouseholdId, ObjectName, SlotName};
use eyesonly_service::index::{
    Committed, Forgotten, Index, IndexError, Known, NewObject, Removed, Rows,
};
use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex};

/// The most replies that may wait in a line. A pool that has more has other problems.
const LINE_MAX: usize = 64;

/// One connection: the replies that nobody has read yet, and the last one that was written.
struct Line<T> {
    waiting: VecDeque<T>,
    last: Option<T>,
}

impl<T> Default for Line<T> {
    fn default() -> Self {
        Self { waiting: VecDeque::new(), last: None }
    }
}

impl<T: Clone> Line<T> {
    /// Writes `reply` to the line, and returns what is read from it.
    fn read(&mut self, reply: T, lie: Option<Lie>, lies: &Lies) -> T {
        let late = self.last.replace(reply.clone());
        match (lie, late) {
            // A question was cancelled, and nobody has read its reply.
            (Some(lie @ Lie::CancelledQuestion), Some(cancelled))
                if self.waiting.len() < LINE_MAX =>
            {
                lies.was_told(Liar::Pool, lie);
                self.waiting.push_back(cancelled);
            }
            // An extra reply is read. The right one is dropped, and the line is in step again.
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

/// The kinds of records that a question asks for.
type Shape = Vec<&'static str>;

/// The connections to a registry.
#[derive(Default)]
struct Lines {
    /// One line for each kind of question, with the names that each reply is for.
    of: HashMap<Shape, Line<(Vec<Name>, Answer)>>,
    past: Past,
}

/// The pool in front of a registry: a connection for each kind of question.
pub struct LyingPool {
    honest: Arc<dyn Registry>,
    lies: Arc<Lies>,
    forge: Arc<Forge>,
    lines: Mutex<Lines>,
}

impl LyingPool {
    /// Wraps an honest registry.
    pub fn new(honest: Arc<dyn Registry>, lies: Arc<Lies>, forge: Arc<Forge>) -> Self {
        Self { honest, lies, forge, lines: Mutex::default() }
    }

    /// Returns what is read in place of `reply`.
    fn read_instead(&self, asked: &[Name], reply: &Answer) -> Option<(Vec<Name>, Answer)> {
        let lie = self.lies.next(Liar::Pool);
        let mut lines = self.lines.lock().ok()?;
        if asked.is_empty() {
            let late = lines.past.after(reply);
            if lie == Some(Lie::LatePosition)
                && let Some(late) = late
            {
                self.lies.was_told(Liar::Pool, Lie::LatePosition);
                return Some((Vec::new(), late));
            }
        }
        let line = lines.of.entry(asked.iter().map(|(kind, _)| *kind).collect());
        Some(line.or_default().read((asked.to_vec(), reply.clone()), lie, &self.lies))
    }
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl Registry for LyingPool {
    async fn read(&self, names: &[RecordName<'_>], nonce: Nonce) -> Result<Answer, RegistryError> {
        let reply = self.honest.read(names, nonce).await?;
        let asked: Vec<Name> = names.iter().map(|(kind, key)| (*kind, key.to_vec())).collect();
        let Some((of, told)) = self.read_instead(&asked, &reply) else {
            return Ok(reply);
        };
        Ok(self.forge.reply((&of, told), (&asked, nonce), &reply))
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
    fn reset(&self) {
        if let Ok(mut lines) = self.lines.lock() {
            let past = std::mem::take(&mut lines.past);
            *lines = Lines::default();
            // A server that forgets does not learn from a rejected answer, and is lied to again.
            if self.forge.is_forgetful() {
                lines.past = past;
            }
        }
        self.honest.reset();
    }
}

/// The pool in front of an index: one connection.
pub struct PooledIndex {
    honest: Arc<dyn Index>,
    lies: Arc<Lies>,
    forge: Arc<Forge>,
    line: Mutex<Line<Rows>>,
    /// The first reply to collection, which waits on each connection.
    earliest: Mutex<Option<Known>>,
}

impl PooledIndex {
    /// Wraps an honest index.
    pub fn new(honest: Arc<dyn Index>, lies: Arc<Lies>, forge: Arc<Forge>) -> Self {
        Self { honest, lies, forge, line: Mutex::default(), earliest: Mutex::default() }
    }

    fn read(&self, reply: Rows) -> Rows {
        let lie = self.lies.next(Liar::Pool);
        match self.line.lock() {
            Ok(mut line) => line.read(reply, lie, &self.lies),
            Err(_) => reply,
        }
    }

    /// Returns what collection is told instead, if that knows less.
    fn late(&self, asked: &[ObjectName], nonce: Nonce, reply: &Known) -> Option<Known> {
        let lie = self.lies.next(Liar::Pool);
        let mut earliest = self.earliest.lock().ok()?;
        let late = earliest.get_or_insert_with(|| reply.clone()).clone();
        let knows_less = reply.names.iter().any(|name| !late.names.contains(name));
        if lie != Some(Lie::LateCollection) || !knows_less {
            return None;
        }
        self.lies.was_told(Liar::Pool, Lie::LateCollection);
        if !self.forge.has(Defence::Records) {
            return Some(late);
        }
        let names = late.names.into_iter().filter(|name| asked.contains(name));
        Some(Known { echo: Some(nonce), names: names.collect(), position: reply.position })
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
        let reply = self.honest.known(names, nonce).await?;
        Ok(self.late(names, nonce, &reply).unwrap_or(reply))
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
    use crate::said::Told;
    use eyesonly_service::index::conformance as index_conformance;
    use eyesonly_service::index::memory::MemoryIndex;
    use eyesonly_service::registry::conformance;
    use eyesonly_service::registry::memory::MemoryRegistry;

    #[tokio::test]
    async fn without_a_lie_both_conform() {
        let lies = Arc::new(Lies::new(1, &[]));
        let registry = Arc::new(MemoryRegistry::default());
        conformance::check(&LyingPool::new(registry, Arc::clone(&lies), Forge::nothing())).await;
        let index = Arc::new(MemoryIndex::default());
        index_conformance::check(&PooledIndex::new(index, lies, Forge::nothing())).await;
    }

    #[test]
    fn a_cancelled_question_puts_the_line_out_of_step_and_a_late_reply_does_not() {
        let read = |lie: &str| {
            let told: Told = lie.parse().unwrap();
            let always = Lies::new(1, &told.lies());
            let mut line = Line::default();
            let mut read = |reply| line.read(reply, always.next(Liar::Pool), &always);
            assert_eq!(read(1), 1, "there was nothing before");
            let crossed = read(2);
            always.be_silent(true);
            (crossed, read(3), read(4))
        };
        assert_eq!(read("pool:cancelled-question@1"), (1, 2, 3), "off by one from then on");
        assert_eq!(read("pool:late-reply@1"), (1, 3, 4));
    }
}
