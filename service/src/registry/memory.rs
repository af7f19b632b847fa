//! A registry in memory, for tests: the shortest program that does what the trait says.
//!
//! It must never be more lenient than the real one. Both pass the same suite.
#![allow(clippy::unwrap_used, reason = "for tests: a failed expectation is the point")]

use async_trait::async_trait;
use eyesonly_gate::registry::{
    ASKED_MAX, Answer, CHANGES_MAX, Change, Expect, LIST_MAX, Listing, Nonce, Position,
    RECORD_BYTES_MAX, RECORD_KEY_BYTES_MAX, RecordName, Registry, RegistryError,
};
use std::collections::BTreeMap;
use std::sync::Mutex;

/// A record's name: its kind and key.
type Place = (&'static str, Vec<u8>);

#[derive(Debug, Clone, Default)]
struct Content {
    /// The records, each with the number at which it was written.
    records: BTreeMap<Place, (Vec<u8>, u64)>,
    rights: u64,
    sessions: u64,
}

impl Content {
    fn position(&self) -> Position {
        Position::new(0, self.rights, self.sessions)
    }
}

/// The registry.
#[derive(Debug, Default)]
pub struct MemoryRegistry(Mutex<Content>);

#[async_trait]
impl Registry for MemoryRegistry {
    async fn read(&self, names: &[RecordName<'_>], nonce: Nonce) -> Result<Answer, RegistryError> {
        if names.len() > ASKED_MAX {
            return Err(RegistryError::Limit("records in one question"));
        }
        let content = self.0.lock().unwrap();
        let found = names.iter().map(|(kind, key)| content.records.get(&(*kind, key.to_vec())));
        let records = found.map(|found| found.map(|(record, _)| record.clone()));
        Ok(Answer { echo: Some(nonce), records: records.collect(), position: content.position() })
    }

    async fn commit(
        &self,
        changes: Vec<Change>,
        rights: Option<u64>,
    ) -> Result<Position, RegistryError> {
        if changes.len() > CHANGES_MAX {
            return Err(RegistryError::Limit("changes in one commit"));
        }
        let mut present = self.0.lock().unwrap();
        let mut content = present.clone();
        let sessions = changes.iter().filter(|change| change.kind == "session").count();
        content.sessions += u64::from(sessions > 0);
        content.rights += u64::from(sessions == 0 || sessions < changes.len());
        if rights.is_some_and(|rights| rights != content.rights) {
            return Err(RegistryError::Conflict);
        }
        for Change { kind, key, expect, record } in changes {
            if key.is_empty() || key.len() > RECORD_KEY_BYTES_MAX {
                return Err(RegistryError::Limit("length of a record's key"));
            }
            if record.as_ref().is_some_and(|record| record.len() > RECORD_BYTES_MAX) {
                return Err(RegistryError::Limit("length of a record"));
            }
            let number = if kind == "session" { content.sessions } else { content.rights };
            let place = (kind, key);
            let written_at = content.records.get(&place).map(|(_, number)| *number);
            let holds = match expect {
                Expect::Any => true,
                Expect::Absent => written_at.is_none(),
                Expect::Present => written_at.is_some(),
                Expect::At(number) => written_at == Some(number),
            };
            if !holds {
                return Err(RegistryError::Conflict);
            }
            match record {
                Some(record) => content.records.insert(place, (record, number)),
                None => content.records.remove(&place),
            };
        }
        *present = content;
        Ok(present.position())
    }

    async fn list(
        &self,
        kind: &'static str,
        after: Option<&[u8]>,
        limit: usize,
        nonce: Nonce,
    ) -> Result<Listing, RegistryError> {
        if limit > LIST_MAX {
            return Err(RegistryError::Limit("records in one page"));
        }
        let content = self.0.lock().unwrap();
        let keys = content
            .records
            .keys()
            .filter(|(of, key)| *of == kind && after.is_none_or(|after| &**key > after));
        Ok(Listing {
            echo: Some(nonce),
            position: content.position(),
            keys: keys.map(|(_, key)| key.clone()).take(limit).collect(),
        })
    }

    fn reset(&self) {}
}

#[tokio::test]
async fn conforms() {
    super::conformance::check(&MemoryRegistry::default()).await;
    super::conformance::echoes(&MemoryRegistry::default()).await;
}
