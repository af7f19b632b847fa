//! The registry in SQLite.
//!
//! It answers one question by one statement, which hands the nonce back and reads the registry's sequence from the same snapshot. It
//! must never keep an answer, and never look into a record: those are sealed.

use super::{
    Answer, CHANGES_MAX, Change, Expect, LIST_MAX, Listed, Nonce, RECORD_BYTES_MAX, RECORD_KEY_BYTES_MAX, Registry,
    RegistryError,
};
use crate::sqlite::{Database, Fault};
use async_trait::async_trait;
use rusqlite::{Connection, OptionalExtension, Row, params};
use std::sync::Arc;

/// One row whether there is a record or not, so that an absence carries nonce and sequence too.
const READ: &str = "\
    SELECT ?1, record.record, record.sequence, registry.sequence FROM registry \
    LEFT JOIN records AS record ON record.kind = ?2 AND record.key = ?3";
const SEQUENCE: &str = "SELECT sequence FROM registry";
const LIST: &str = "SELECT key, record, sequence FROM records WHERE kind = ?1 AND key > ?2 ORDER BY key LIMIT ?3";
const WRITTEN_AT: &str = "SELECT sequence FROM records WHERE kind = ?1 AND key = ?2";
const WRITE: &str = "\
    INSERT INTO records (kind, key, record, sequence) VALUES (?1, ?2, ?3, ?4) \
    ON CONFLICT (kind, key) DO UPDATE SET record = excluded.record, sequence = excluded.sequence";
const REMOVE: &str = "DELETE FROM records WHERE kind = ?1 AND key = ?2";
const ADVANCE: &str = "UPDATE registry SET sequence = ?1";

impl From<Fault> for RegistryError {
    fn from(fault: Fault) -> Self {
        Self::Unavailable(fault.into_text())
    }
}

/// The registry's part of a [`Database`].
#[derive(Debug, Clone)]
pub struct SqliteRegistry {
    database: Arc<Database>,
}

impl SqliteRegistry {
    /// A registry over an open database.
    pub fn new(database: Arc<Database>) -> Self {
        Self { database }
    }
}

/// A sequence as SQLite holds it. The table refuses negative ones.
fn sequence(row: &Row<'_>, column: usize) -> rusqlite::Result<u64> {
    Ok(row.get::<_, Option<i64>>(column)?.map_or(0, i64::cast_unsigned))
}

fn answer(row: &Row<'_>) -> rusqlite::Result<Answer> {
    Ok(Answer {
        nonce: Nonce::from_bytes(row.get(0)?),
        record: row.get(1)?,
        record_sequence: sequence(row, 2)?,
        sequence: sequence(row, 3)?,
    })
}

fn check_limits(changes: &[Change]) -> Result<(), RegistryError> {
    if changes.len() > CHANGES_MAX {
        return Err(RegistryError::Limit("changes in one commit"));
    }
    for change in changes {
        if change.key.is_empty() || change.key.len() > RECORD_KEY_BYTES_MAX {
            return Err(RegistryError::Limit("length of a record's key"));
        }
        if change
            .record
            .as_ref()
            .is_some_and(|record| record.len() > RECORD_BYTES_MAX)
        {
            return Err(RegistryError::Limit("length of a record"));
        }
    }
    Ok(())
}

/// Whether the record's present sequence (none: it is absent) is what was expected.
fn holds(expect: Expect, present: Option<u64>) -> bool {
    match expect {
        Expect::Any => true,
        Expect::Absent => present.is_none(),
        Expect::At(sequence) => present == Some(sequence),
    }
}

/// Runs on the writer, in a savepoint: an error undoes what was written before it.
fn commit(
    connection: &Connection,
    changes: &[Change],
    wanted: Option<u64>,
) -> rusqlite::Result<Result<u64, RegistryError>> {
    let present = connection
        .prepare_cached(SEQUENCE)?
        .query_row((), |row| row.get::<_, i64>(0))?;
    let Some(next) = present.checked_add(1) else {
        return Ok(Err(RegistryError::Limit("commits of one registry")));
    };
    if wanted.is_some_and(|wanted| wanted != next.cast_unsigned()) {
        return Ok(Err(RegistryError::Conflict));
    }
    for change in changes {
        let key = change.key.as_slice();
        let written_at = connection
            .prepare_cached(WRITTEN_AT)?
            .query_row(params![change.kind, key], |row| sequence(row, 0))
            .optional()?;
        if !holds(change.expect, written_at) {
            return Ok(Err(RegistryError::Conflict));
        }
        match &change.record {
            Some(record) => connection
                .prepare_cached(WRITE)?
                .execute(params![change.kind, key, record, next])?,
            None => connection.prepare_cached(REMOVE)?.execute(params![change.kind, key])?,
        };
    }
    connection.prepare_cached(ADVANCE)?.execute(params![next])?;
    Ok(Ok(next.cast_unsigned()))
}

#[async_trait]
impl Registry for SqliteRegistry {
    async fn read(&self, kind: &'static str, key: &[u8], nonce: Nonce) -> Result<Answer, RegistryError> {
        let read = self.database.read(|connection| {
            connection
                .prepare_cached(READ)?
                .query_row(params![nonce.as_bytes(), kind, key], answer)
        });
        Ok(read?)
    }

    async fn sequence(&self) -> Result<u64, RegistryError> {
        Ok(self.database.read(|connection| {
            connection
                .prepare_cached(SEQUENCE)?
                .query_row((), |row| sequence(row, 0))
        })?)
    }

    async fn commit(&self, changes: Vec<Change>, sequence: Option<u64>) -> Result<u64, RegistryError> {
        check_limits(&changes)?;
        self.database
            .write(move |connection| commit(connection, &changes, sequence))
            .await
    }

    async fn list(&self, kind: &'static str, after: Option<&[u8]>, limit: usize) -> Result<Vec<Listed>, RegistryError> {
        let Some(rows) = i64::try_from(limit).ok().filter(|_| limit <= LIST_MAX) else {
            return Err(RegistryError::Limit("records in one page"));
        };
        // No key is empty, so every key is greater than the empty one.
        let after = after.unwrap_or_default();
        let listed = self.database.read(|connection| {
            let mut statement = connection.prepare_cached(LIST)?;
            let rows = statement.query_map(params![kind, after, rows], |row| {
                Ok(Listed {
                    key: row.get(0)?,
                    record: row.get(1)?,
                    sequence: sequence(row, 2)?,
                })
            })?;
            rows.collect()
        });
        Ok(listed?)
    }

    fn reset(&self) {
        self.database.reset();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::registry::conformance;
    use rusqlite::StatementStatus;

    fn registry(folder: &tempfile::TempDir) -> SqliteRegistry {
        SqliteRegistry::new(Database::open(&folder.path().join("registry.sqlite")).unwrap())
    }

    #[tokio::test]
    async fn conforms() {
        let folder = tempfile::tempdir().unwrap();
        conformance::check(&registry(&folder)).await;
    }

    #[tokio::test]
    async fn two_commits_for_one_sequence_one_wins() {
        let folder = tempfile::tempdir().unwrap();
        let registry = registry(&folder);
        let change = |key: u8| Change {
            kind: "viewer",
            key: vec![key],
            expect: Expect::Absent,
            record: Some(vec![key]),
        };
        // Both are queued before the writer takes either: they share a transaction, and still only one may hold.
        let both = tokio::join!(
            registry.commit(vec![change(1)], Some(1)),
            registry.commit(vec![change(2)], Some(1))
        );
        assert!(
            matches!(
                both,
                (Ok(1), Err(RegistryError::Conflict)) | (Err(RegistryError::Conflict), Ok(1))
            ),
            "{both:?}"
        );
        let listed = registry.list("viewer", None, 10).await.unwrap();
        assert_eq!(listed.len(), 1);
        assert_eq!(registry.sequence().await.unwrap(), 1);
    }

    /// Binding another key must not make SQLite plan the read anew: that costs more than the read.
    #[tokio::test]
    async fn a_read_is_compiled_once() {
        let folder = tempfile::tempdir().unwrap();
        let registry = registry(&folder);
        for key in 0..5 {
            registry
                .read("viewer", &[key], Nonce::from_bytes([key; 16]))
                .await
                .unwrap();
        }
        let counts = registry.database.read(|connection| {
            let statement = connection.prepare_cached(READ)?;
            Ok((
                statement.get_status(StatementStatus::Run),
                statement.get_status(StatementStatus::RePrepare),
            ))
        });
        assert_eq!(counts, Ok((5, 0)));
    }

    #[test]
    fn a_read_searches_and_never_scans_records() {
        let folder = tempfile::tempdir().unwrap();
        let registry = registry(&folder);
        let plan: Vec<String> = registry
            .database
            .read(|connection| {
                let mut statement = connection.prepare(&format!("EXPLAIN QUERY PLAN {READ}"))?;
                let rows = statement.query_map(params![[0u8; 16], "viewer", [1u8]], |row| row.get(3))?;
                rows.collect()
            })
            .unwrap();
        assert!(
            plan.iter().any(|step| step.starts_with("SEARCH record USING INDEX")),
            "{plan:?}"
        );
    }
}
