//! A registry in memory, for tests: the shortest program that does what the trait says.
//!
//! It must never be more lenient than the real one; both pass the same suite.
#![allow(clippy::unwrap_used, reason = "for tests: a failed expectation is the point")]

use super::{
    Answer, CHANGES_MAX, Change, Expect, LIST_MAX, Listed, Nonce, RECORD_BYTES_MAX, RECORD_KEY_BYTES_MAX, Registry,
    RegistryError,
};
use async_trait::async_trait;
use std::collections::BTreeMap;
use std::sync::Mutex;

/// A record's name: its kind and key.
type Place = (&'static str, Vec<u8>);

#[derive(Debug, Clone, Default)]
struct Content {
    /// The record and its sequence.
    records: BTreeMap<Place, (Vec<u8>, u64)>,
    sequence: u64,
}

/// The registry.
#[derive(Debug, Default)]
pub struct MemoryRegistry(Mutex<Content>);

#[async_trait]
impl Registry for MemoryRegistry {
    async fn read(&self, kind: &'static str, key: &[u8], nonce: Nonce) -> Result<Answer, RegistryError> {
        let content = self.0.lock().unwrap();
        let found = content.records.get(&(kind, key.to_vec())).cloned();
        let (record, record_sequence) = found.map_or((None, 0), |(record, sequence)| (Some(record), sequence));
        Ok(Answer {
            nonce,
            record,
            record_sequence,
            sequence: content.sequence,
        })
    }

    async fn sequence(&self) -> Result<u64, RegistryError> {
        Ok(self.0.lock().unwrap().sequence)
    }

    async fn commit(&self, changes: Vec<Change>, sequence: Option<u64>) -> Result<u64, RegistryError> {
        if changes.len() > CHANGES_MAX {
            return Err(RegistryError::Limit("changes in one commit"));
        }
        let mut present = self.0.lock().unwrap();
        let mut content = present.clone();
        content.sequence += 1;
        if sequence.is_some_and(|sequence| sequence != content.sequence) {
            return Err(RegistryError::Conflict);
        }
        for Change {
            kind,
            key,
            expect,
            record,
        } in changes
        {
            if key.is_empty() || key.len() > RECORD_KEY_BYTES_MAX {
                return Err(RegistryError::Limit("length of a record's key"));
            }
            if record.as_ref().is_some_and(|record| record.len() > RECORD_BYTES_MAX) {
                return Err(RegistryError::Limit("length of a record"));
            }
            let place = (kind, key);
            let written_at = content.records.get(&place).map(|(_, sequence)| *sequence);
            let holds = match expect {
                Expect::Any => true,
                Expect::Absent => written_at.is_none(),
                Expect::At(sequence) => written_at == Some(sequence),
            };
            if !holds {
                return Err(RegistryError::Conflict);
            }
            match record {
                Some(record) => content.records.insert(place, (record, content.sequence)),
                None => content.records.remove(&place),
            };
        }
        *present = content;
        Ok(present.sequence)
    }

    async fn list(&self, kind: &'static str, after: Option<&[u8]>, limit: usize) -> Result<Vec<Listed>, RegistryError> {
        if limit > LIST_MAX {
            return Err(RegistryError::Limit("records in one page"));
        }
        let content = self.0.lock().unwrap();
        let rows = content
            .records
            .iter()
            .filter(|((of, key), _)| *of == kind && after.is_none_or(|after| &**key > after));
        let listed = rows.map(|((_, key), (record, sequence))| Listed {
            key: key.clone(),
            record: record.clone(),
            sequence: *sequence,
        });
        Ok(listed.take(limit).collect())
    }

    fn reset(&self) {}
}

#[tokio::test]
async fn conforms() {
    super::conformance::check(&MemoryRegistry::default()).await;
}
