//! The registry over a key-value store: one journal, whose version is the registry's sequence.
//!
//! The store can't hand a nonce back, so an answer's nonce is the question's own and proves nothing here: what does is the record's seal, which
//! is bound to its kind and key. The sequence is read before the record: a record may be newer than the answer says, never older.

use super::journal::{Draft, entry, state};
use super::{KeyValue, KvError, TRIES_MAX, decode, hex, unhex};
use crate::registry::{
    Answer, CHANGES_MAX, Change, Expect, LIST_MAX, Listed, Nonce, RECORD_BYTES_MAX, RECORD_KEY_BYTES_MAX, Registry,
    RegistryError,
};
use async_trait::async_trait;
use std::sync::Arc;

const JOURNAL: &str = "registry";

/// The registry.
pub struct KvRegistry(Arc<dyn KeyValue>);

impl KvRegistry {
    /// Over this store.
    pub fn new(kv: Arc<dyn KeyValue>) -> Self {
        Self(kv)
    }
}

impl From<KvError> for RegistryError {
    fn from(error: KvError) -> Self {
        Self::Unavailable(error.to_string())
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

#[async_trait]
impl Registry for KvRegistry {
    async fn read(&self, kind: &'static str, key: &[u8], nonce: Nonce) -> Result<Answer, RegistryError> {
        let (sequence, ()) = state(&*self.0, JOURNAL)?;
        let place = place(kind, key);
        let found = entry(&*self.0, &place)?;
        let (record, record_sequence) = match found {
            Some((value, version)) => (Some(decode::<Vec<u8>>(&place, &value)?), version),
            None => (None, 0),
        };
        Ok(Answer {
            nonce,
            record,
            record_sequence,
            sequence,
        })
    }

    async fn sequence(&self) -> Result<u64, RegistryError> {
        let (sequence, ()) = state(&*self.0, JOURNAL)?;
        Ok(sequence)
    }

    async fn commit(&self, changes: Vec<Change>, sequence: Option<u64>) -> Result<u64, RegistryError> {
        check(&changes)?;
        for _ in 0..TRIES_MAX {
            let mut draft = Draft::<()>::begin(&*self.0, JOURNAL.to_owned())?;
            if sequence.is_some_and(|sequence| sequence != draft.next()) {
                return Err(RegistryError::Conflict);
            }
            for change in &changes {
                let place = place(change.kind, &change.key);
                let holds = match change.expect {
                    Expect::Any => true,
                    Expect::Absent => draft.written_at(&place)?.is_none(),
                    Expect::At(sequence) => draft.written_at(&place)? == Some(sequence),
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
                return Ok(reached);
            }
        }
        Err(RegistryError::Unavailable("too many write at once".to_owned()))
    }

    async fn list(&self, kind: &'static str, after: Option<&[u8]>, limit: usize) -> Result<Vec<Listed>, RegistryError> {
        if limit > LIST_MAX {
            return Err(RegistryError::Limit("records in one page"));
        }
        let prefix = place(kind, &[]);
        let mut listed = Vec::new();
        for place in self.0.list(&prefix)? {
            let Some(key) = place.strip_prefix(&prefix).and_then(unhex) else {
                continue;
            };
            if listed.len() >= limit || after.is_some_and(|after| *key <= *after) {
                continue;
            }
            if let Some((value, sequence)) = entry(&*self.0, &place)? {
                listed.push(Listed {
                    key,
                    record: decode(&place, &value)?,
                    sequence,
                });
            }
        }
        Ok(listed)
    }

    fn reset(&self) {}
}
