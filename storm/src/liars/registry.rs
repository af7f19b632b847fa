//! The lying registry and session store: it gives another's record, or an earlier one. It dresses
//! each lie as well as it can: with the nonce of the question, and half of the time with the
//! present position.

use super::past::Past;
use crate::defence::Defence;
use crate::forge::{Forge, Name};
use crate::lies::{Kind as Lie, Liar, Lies};
use async_trait::async_trait;
use eyesonly_gate::registry::{
    Answer, Change, Listing, Nonce, Position, RecordName, Registry, RegistryError,
};
use std::collections::HashMap;
use std::sync::{Arc, Mutex};

/// The most records that are remembered.
const REMEMBERED_MAX: usize = 65_536;

/// A record that was there, and the position of the registry at that time.
#[derive(Clone)]
struct Was {
    name: Name,
    record: Vec<u8>,
    position: Position,
}

/// The records that were there under one name.
struct Known {
    now: Was,
    /// The record before its last change.
    before: Option<Was>,
}

#[derive(Default)]
struct Memory {
    known: HashMap<Name, Known>,
    /// The last record of each kind.
    last: HashMap<&'static str, Was>,
    /// The other's record that is told under each name: what is mixed up stays mixed up.
    crossed: HashMap<Name, Was>,
    past: Past,
}

/// A registry that lies.
pub struct LyingRegistry {
    honest: Arc<dyn Registry>,
    lies: Arc<Lies>,
    forge: Arc<Forge>,
    memory: Mutex<Memory>,
}

impl LyingRegistry {
    /// Wraps an honest registry.
    pub fn new(honest: Arc<dyn Registry>, lies: Arc<Lies>, forge: Arc<Forge>) -> Self {
        Self { honest, lies, forge, memory: Mutex::default() }
    }

    /// Remembers a record. Returns the last record of this kind under another name, and the one
    /// that was there under this name before.
    fn remember(
        &self,
        name: &Name,
        honest: Option<&[u8]>,
        position: Position,
    ) -> (Option<Was>, Option<Was>) {
        let Ok(mut memory) = self.memory.lock() else {
            return (None, None);
        };
        let another = memory.crossed.get(name).or_else(|| memory.last.get(name.0));
        let another = another.filter(|was| was.name != *name).cloned();
        if let Some(another) = &another
            && memory.crossed.len() < REMEMBERED_MAX
        {
            memory.crossed.entry(name.clone()).or_insert_with(|| another.clone());
        }
        let Some(record) = honest else {
            return (another, memory.known.get(name).map(|known| known.now.clone()));
        };
        let was = Was { name: name.clone(), record: record.to_vec(), position };
        memory.last.insert(name.0, was.clone());
        let before = match memory.known.get_mut(name) {
            Some(known) => {
                if known.now.record != was.record {
                    known.before = Some(std::mem::replace(&mut known.now, was));
                }
                known.before.clone()
            }
            None => {
                if memory.known.len() < REMEMBERED_MAX {
                    memory.known.insert(name.clone(), Known { now: was, before: None });
                }
                None
            }
        };
        (another, before)
    }

    /// Returns what is told instead of one record, and by which lie.
    fn told(
        &self,
        name: &Name,
        honest: Option<&[u8]>,
        position: Position,
    ) -> Option<(Liar, Lie, Was)> {
        let (another, before) = self.remember(name, honest, position);
        let liar = if name.0 == "session" { Liar::Sessions } else { Liar::Registry };
        let lie = self.lies.next(liar)?;
        let told = match (lie, name.0) {
            (Lie::AnotherViewer | Lie::NoFreshness, "viewer")
            | (Lie::AnotherHousehold | Lie::AnotherInvitation, "household")
            | (Lie::CrossedMap, "camera")
            | (Lie::AnotherSession, "session") => another,
            (Lie::BeforeRevocation, "viewer") | (Lie::OldHousehold, "household") => before,
            (Lie::EndedAsLive, "session") => before.filter(|_| honest.is_none()),
            _ => None,
        };
        Some((liar, lie, told?))
    }

    /// Returns the position from before the last change, if that lie is told.
    fn old_position(&self, honest: &Answer) -> Option<Position> {
        let lie = self.lies.next(Liar::Registry);
        let before = self.memory.lock().ok()?.past.after(honest)?;
        if lie != Some(Lie::OldPosition) {
            return None;
        }
        self.lies.was_told(Liar::Registry, Lie::OldPosition);
        Some(before.position)
    }
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl Registry for LyingRegistry {
    async fn read(&self, names: &[RecordName<'_>], nonce: Nonce) -> Result<Answer, RegistryError> {
        let mut answer = self.honest.read(names, nonce).await?;
        if names.is_empty() {
            let position = self.old_position(&answer).unwrap_or(answer.position);
            return Ok(Answer { position, ..answer });
        }
        let position = answer.position;
        for ((kind, key), record) in names.iter().zip(&mut answer.records) {
            let name = (*kind, key.to_vec());
            let Some((liar, lie, was)) = self.told(&name, record.as_deref(), position) else {
                continue;
            };
            self.lies.was_told(liar, lie);
            let told = (was.record.as_slice(), &was.name);
            let forged = match lie {
                Lie::AnotherInvitation => self.forge.invitations(told, &name, record.as_deref()),
                _ => self.forge.record(Some(told.0), told.1, &name, record.as_deref()),
            };
            if forged.is_none() && !self.lies.choice(liar).is_multiple_of(2) {
                answer.position = was.position;
            }
            if lie == Lie::NoFreshness && !self.forge.has(Defence::Records) {
                answer.echo = None;
            }
            *record = forged.or(Some(was.record));
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
    fn reset(&self) {
        // Another connection leads to another copy, which is not behind. But a server that forgets
        // does not learn from a rejected answer, and is lied to again.
        if !self.forge.is_forgetful()
            && let Ok(mut memory) = self.memory.lock()
        {
            memory.past = Past::default();
        }
        self.honest.reset();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use eyesonly_service::registry::conformance;
    use eyesonly_service::registry::memory::MemoryRegistry;

    #[tokio::test]
    async fn without_a_lie_it_conforms() {
        let lies = Arc::new(Lies::new(1, &[]));
        let registry = Arc::new(MemoryRegistry::default());
        conformance::check(&LyingRegistry::new(registry, lies, Forge::nothing())).await;
    }
}
