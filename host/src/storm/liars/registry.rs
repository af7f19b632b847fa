//! Registry and session store, lying: another's record, or one of before. It dresses each lie as well as it can: with the nonce of the question,
//! and half of the time with the registry's present sequence.

use crate::registry::{Answer, Change, Listed, Nonce, Registry, RegistryError};
use crate::storm::lies::{Kind as Lie, Liar, Lies};
use async_trait::async_trait;
use std::collections::HashMap;
use std::sync::{Arc, Mutex};

/// Answers that are remembered.
const REMEMBERED_MAX: usize = 65_536;

#[derive(Default)]
struct Memory {
    /// The first answer under each kind and key.
    first: HashMap<(&'static str, Vec<u8>), Answer>,
    /// The last answer of each kind, and its key.
    last: HashMap<&'static str, (Vec<u8>, Answer)>,
}

/// A registry that lies.
pub struct LyingRegistry {
    honest: Arc<dyn Registry>,
    lies: Arc<Lies>,
    memory: Mutex<Memory>,
}

impl LyingRegistry {
    /// Around an honest registry.
    pub fn new(honest: Arc<dyn Registry>, lies: Arc<Lies>) -> Self {
        Self {
            honest,
            lies,
            memory: Mutex::default(),
        }
    }

    /// Remembers an answer; gives the last one to another question of this kind, and the first to this one.
    fn remember(&self, kind: &'static str, key: &[u8], honest: &Answer) -> (Option<Answer>, Option<Answer>) {
        let Ok(mut memory) = self.memory.lock() else {
            return (None, None);
        };
        let another = memory
            .last
            .get(kind)
            .filter(|(other, _)| other != key)
            .map(|(_, answer)| answer.clone());
        let first = memory.first.get(&(kind, key.to_vec())).cloned();
        if honest.record.is_some() {
            memory.last.insert(kind, (key.to_vec(), honest.clone()));
            if first.is_none() && memory.first.len() < REMEMBERED_MAX {
                memory.first.insert((kind, key.to_vec()), honest.clone());
            }
        }
        (another, first)
    }
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl Registry for LyingRegistry {
    async fn read(&self, kind: &'static str, key: &[u8], nonce: Nonce) -> Result<Answer, RegistryError> {
        let honest = self.honest.read(kind, key, nonce).await?;
        let (another, first) = self.remember(kind, key, &honest);
        let liar = if kind == "session" {
            Liar::Sessions
        } else {
            Liar::Registry
        };
        let Some(lie) = self.lies.next(liar) else {
            return Ok(honest);
        };
        let told = match lie {
            Lie::AnotherViewer if kind == "viewer" => another,
            Lie::CrossedMap if kind == "camera" => another,
            Lie::AnotherSession if kind == "session" => another,
            // A lie only where the truth is another by now.
            Lie::BeforeRevocation if kind == "viewer" => first.filter(|first| first.record != honest.record),
            Lie::EndedAsLive if kind == "session" => first.filter(|_| honest.record.is_none()),
            _ => None,
        };
        let Some(told) = told else { return Ok(honest) };
        self.lies.was_told(liar, lie);
        let sequence = if self.lies.choice(liar).is_multiple_of(2) {
            honest.sequence
        } else {
            told.sequence
        };
        Ok(Answer {
            nonce,
            sequence,
            ..told
        })
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
        self.honest.reset();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::registry::conformance;
    use crate::registry::memory::MemoryRegistry;

    #[tokio::test]
    async fn without_a_lie_it_conforms() {
        let lies = Arc::new(Lies::new(1, &[]));
        conformance::check(&LyingRegistry::new(Arc::new(MemoryRegistry::default()), lies)).await;
    }
}
