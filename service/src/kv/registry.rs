//! The registry over a key-value store: one journal, whose version is the registry's one count.
//!
//! The store can't hand a nonce back, so no answer has one. The proof is each record's seal, which
//! is bound to the record's kind and key. The position is read before the records, so a record may
//! be newer than the answer says. A record is never older: whoever reads the position makes what it
//! decided (`journal::state`).

use super::journal::{Draft, entry, state};
use super::{KeyValue, KvError, TRIES_MAX, decode, hex, unhex};
use async_trait::async_trait;
use eyesonly_gate::registry::{
    ASKED_MAX, Answer, CHANGES_MAX, Change, Expect, LIST_MAX, Listing, Nonce, Position,
    RECORD_BYTES_MAX, RECORD_KEY_BYTES_MAX, RecordName, Registry, RegistryError,
};
use std::sync::Arc;

pub(super) const JOURNAL: &str = "registry";

/// The registry.
pub struct KvRegistry(Arc<dyn KeyValue>);

impl KvRegistry {
    /// Makes a registry over this store.
    pub fn new(kv: Arc<dyn KeyValue>) -> Self {
        Self(kv)
    }
}

impl From<KvError> for RegistryError {
    fn from(error: KvError) -> Self {
        Self::Unavailable(Box::new(error))
    }
}

fn place(kind: &str, key: &[u8]) -> String {
    format!("record/{kind}/{}", hex(key))
}

fn check(changes: &[Change]) -> Result<(), RegistryError> {
    if changes.len() > CHANGES_MAX {
        return Err(RegistryError::Limit("changes in one commit"));
    }
    for Change { key, record, .. } in changes {
        if key.is_empty() || key.len() > RECORD_KEY_BYTES_MAX {
            return Err(RegistryError::Limit("length of a record's key"));
        }
        if record.as_ref().is_some_and(|record| record.len() > RECORD_BYTES_MAX) {
            return Err(RegistryError::Limit("length of a record"));
        }
    }
    Ok(())
}

impl KvRegistry {
    fn position(&self) -> Result<Position, RegistryError> {
        let (count, ()) = state(&*self.0, JOURNAL)?;
        Ok(Position::new(0, count, count))
    }
}

#[async_trait]
impl Registry for KvRegistry {
    async fn read(&self, names: &[RecordName<'_>], _: Nonce) -> Result<Answer, RegistryError> {
        if names.len() > ASKED_MAX {
            return Err(RegistryError::Limit("records in one question"));
        }
        let position = self.position()?;
        let record = |(kind, key): &RecordName<'_>| {
            let place = place(kind, key);
            let found = entry(&*self.0, &place)?;
            found.map(|(value, _)| decode::<Vec<u8>>(&place, &value)).transpose()
        };
        Ok(Answer {
            echo: None,
            records: names.iter().map(record).collect::<Result<_, KvError>>()?,
            position,
        })
    }

    async fn commit(
        &self,
        changes: Vec<Change>,
        rights: Option<u64>,
    ) -> Result<Position, RegistryError> {
        check(&changes)?;
        for _ in 0..TRIES_MAX {
            let mut draft = Draft::<()>::begin(&*self.0, JOURNAL.to_owned())?;
            if rights.is_some_and(|rights| rights != draft.next()) {
                return Err(RegistryError::Conflict);
            }
            for change in &changes {
                let place = place(change.kind, &change.key);
                let holds = match change.expect {
                    Expect::Any => true,
                    Expect::Absent => draft.written_at(&place)?.is_none(),
                    Expect::Present => draft.written_at(&place)?.is_some(),
                    Expect::At(number) => draft.written_at(&place)? == Some(number),
                };
                if !holds {
                    return Err(RegistryError::Conflict);
                }
                match &change.record {
                    Some(record) => draft.put(place, record)?,
                    None => draft.remove(place),
                }
            }
            if let Some(reached) = draft.commit()? {
                return Ok(Position::new(0, reached, reached));
            }
        }
        Err(RegistryError::Unavailable("too many write at once".into()))
    }

    async fn list(
        &self,
        kind: &'static str,
        after: Option<&[u8]>,
        limit: usize,
        _: Nonce,
    ) -> Result<Listing, RegistryError> {
        if limit > LIST_MAX {
            return Err(RegistryError::Limit("records in one page"));
        }
        let (position, prefix) = (self.position()?, place(kind, &[]));
        let mut keys = Vec::new();
        for place in self.0.list(&prefix)? {
            let Some(key) = place.strip_prefix(&prefix).and_then(unhex) else {
                continue;
            };
            if keys.len() >= limit || after.is_some_and(|after| *key <= *after) {
                continue;
            }
            if entry(&*self.0, &place)?.is_some() {
                keys.push(key);
            }
        }
        Ok(Listing { echo: None, position, keys })
    }

    fn reset(&self) {}
}
