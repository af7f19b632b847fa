//! The registry in SQLite.
//!
//! It answers one question by one statement, which returns the nonce and reads the registry's
//! position from the same snapshot. It must never keep an answer, and never look into a record,
//! because records are sealed.

use super::{Database, Fault};
use async_trait::async_trait;
use eyesonly_gate::registry::{
    ASKED_MAX, Answer, CHANGES_MAX, Change, Expect, LIST_MAX, Listing, Nonce, Position,
    RECORD_BYTES_MAX, RECORD_KEY_BYTES_MAX, RecordName, Registry, RegistryError,
};
use rusqlite::{Connection, OptionalExtension, Row, params, params_from_iter};
use std::fmt::Write as _;
use std::sync::{Arc, LazyLock};

/// The statements that read 0, 1, … records. Each returns one row even if no record exists, so that
/// an absence carries nonce and position too.
static READ: LazyLock<[String; ASKED_MAX + 1]> = LazyLock::new(|| std::array::from_fn(read_of));

fn read_of(records: usize) -> String {
    let (mut columns, mut joins) = (String::new(), String::new());
    for nth in 0..records {
        let kind = nth.saturating_mul(2).saturating_add(2);
        let key = kind.saturating_add(1);
        // Writing to a string does not fail.
        let _written = write!(columns, ", r{nth}.record");
        let _written = write!(
            joins,
            " LEFT JOIN records AS r{nth} ON r{nth}.kind = ?{kind} AND r{nth}.key = ?{key}"
        );
    }
    format!("SELECT ?1, epoch, rights, sessions{columns} FROM registry{joins}")
}

const COUNTS: &str = "SELECT rights, sessions, epoch FROM registry";
/// The statement for a page. It returns at least one row, so that a page without keys carries nonce
/// and position too.
const LIST: &str = "\
    SELECT ?1, epoch, rights, sessions, listed.key FROM registry LEFT JOIN \
    (SELECT key FROM records WHERE kind = ?2 AND key > ?3 ORDER BY key LIMIT ?4) AS listed";
const WRITTEN_AT: &str = "SELECT sequence FROM records WHERE kind = ?1 AND key = ?2";
const WRITE: &str = "\
    INSERT INTO records (kind, key, record, sequence) VALUES (?1, ?2, ?3, ?4) \
    ON CONFLICT (kind, key) DO UPDATE SET record = excluded.record, sequence = excluded.sequence";
const REMOVE: &str = "DELETE FROM records WHERE kind = ?1 AND key = ?2";
const ADVANCE: &str = "UPDATE registry SET rights = ?1, sessions = ?2";

/// The kind of record that has its own count.
const SESSION: &str = "session";

impl From<Fault> for RegistryError {
    fn from(fault: Fault) -> Self {
        Self::Unavailable(fault.into())
    }
}

/// The registry's part of a [`Database`].
#[derive(Debug, Clone)]
pub struct SqliteRegistry {
    database: Arc<Database>,
}

impl SqliteRegistry {
    /// Makes a registry over an open database.
    pub fn new(database: Arc<Database>) -> Self {
        Self { database }
    }
}

/// Reads a count. The table refuses negative ones.
fn count(row: &Row<'_>, column: usize) -> rusqlite::Result<u64> {
    Ok(row.get::<_, i64>(column)?.cast_unsigned())
}

/// Reads the nonce and the position, which are the first columns of every answer.
pub(super) fn head(row: &Row<'_>) -> rusqlite::Result<(Nonce, Position)> {
    let position = Position::new(count(row, 1)?, count(row, 2)?, count(row, 3)?);
    Ok((Nonce::from_bytes(row.get(0)?), position))
}

fn answer(row: &Row<'_>, records: usize) -> rusqlite::Result<Answer> {
    let (nonce, position) = head(row)?;
    let records = (0..records).map(|nth| row.get(nth.saturating_add(4)));
    Ok(Answer { echo: Some(nonce), records: records.collect::<rusqlite::Result<_>>()?, position })
}

fn check_limits(changes: &[Change]) -> Result<(), RegistryError> {
    if changes.len() > CHANGES_MAX {
        return Err(RegistryError::Limit("changes in one commit"));
    }
    for change in changes {
        if change.key.is_empty() || change.key.len() > RECORD_KEY_BYTES_MAX {
            return Err(RegistryError::Limit("length of a record's key"));
        }
        if change.record.as_ref().is_some_and(|record| record.len() > RECORD_BYTES_MAX) {
            return Err(RegistryError::Limit("length of a record"));
        }
    }
    Ok(())
}

/// Says whether the record's present number (`None` if it is absent) is the expected one.
fn holds(expect: Expect, present: Option<u64>) -> bool {
    match expect {
        Expect::Any => true,
        Expect::Absent => present.is_none(),
        Expect::Present => present.is_some(),
        Expect::At(number) => present == Some(number),
    }
}

/// Commits the changes. It runs on the writer, in a savepoint: an error undoes its earlier writes.
fn commit(
    connection: &Connection,
    changes: &[Change],
    wanted: Option<u64>,
) -> rusqlite::Result<Result<Position, RegistryError>> {
    let (rights, sessions, epoch) = connection
        .prepare_cached(COUNTS)?
        .query_row((), |row| Ok((count(row, 0)?, count(row, 1)?, count(row, 2)?)))?;
    let of_sessions = changes.iter().filter(|change| change.kind == SESSION).count();
    let raises_rights = of_sessions == 0 || of_sessions < changes.len();
    let next = Position::new(
        epoch,
        rights.saturating_add(u64::from(raises_rights)),
        sessions.saturating_add(u64::from(of_sessions > 0)),
    );
    if next.rights.number.max(next.sessions.number) > i64::MAX.cast_unsigned() {
        return Ok(Err(RegistryError::Limit("commits of one registry")));
    }
    if wanted.is_some_and(|wanted| wanted != next.rights.number) {
        return Ok(Err(RegistryError::Conflict));
    }
    for change in changes {
        let key = change.key.as_slice();
        let number = if change.kind == SESSION { next.sessions } else { next.rights }.number;
        let written_at = connection
            .prepare_cached(WRITTEN_AT)?
            .query_row(params![change.kind, key], |row| count(row, 0))
            .optional()?;
        if !holds(change.expect, written_at) {
            return Ok(Err(RegistryError::Conflict));
        }
        match &change.record {
            Some(record) => connection.prepare_cached(WRITE)?.execute(params![
                change.kind,
                key,
                record,
                number.cast_signed()
            ])?,
            None => connection.prepare_cached(REMOVE)?.execute(params![change.kind, key])?,
        };
    }
    connection
        .prepare_cached(ADVANCE)?
        .execute(params![next.rights.number.cast_signed(), next.sessions.number.cast_signed()])?;
    Ok(Ok(next))
}

#[async_trait]
impl Registry for SqliteRegistry {
    async fn read(&self, names: &[RecordName<'_>], nonce: Nonce) -> Result<Answer, RegistryError> {
        let statement = READ.get(names.len());
        let statement = statement.ok_or(RegistryError::Limit("records in one question"))?;
        let names_of = names.iter().flat_map(|(kind, key)| [Value::Text(kind), Value::Bytes(key)]);
        let parameters = std::iter::once(Value::Bytes(nonce.as_bytes())).chain(names_of);
        let read = self.database.read(|connection| {
            connection
                .prepare_cached(statement)?
                .query_row(params_from_iter(parameters), |row| answer(row, names.len()))
        });
        Ok(read?)
    }

    async fn commit(
        &self,
        changes: Vec<Change>,
        rights: Option<u64>,
    ) -> Result<Position, RegistryError> {
        check_limits(&changes)?;
        self.database.write(move |connection| commit(connection, &changes, rights)).await
    }

    async fn list(
        &self,
        kind: &'static str,
        after: Option<&[u8]>,
        limit: usize,
        nonce: Nonce,
    ) -> Result<Listing, RegistryError> {
        let Some(rows) = i64::try_from(limit).ok().filter(|_| limit <= LIST_MAX) else {
            return Err(RegistryError::Limit("records in one page"));
        };
        // No key is empty, so every key is greater than the empty one.
        let after = after.unwrap_or_default();
        let listing = self.database.read(|connection| {
            let mut statement = connection.prepare_cached(LIST)?;
            let mut found = statement.query(params![nonce.as_bytes(), kind, after, rows])?;
            let (mut said, mut keys) = (None, Vec::new());
            while let Some(row) = found.next()? {
                said = Some(head(row)?);
                keys.extend(row.get::<_, Option<Vec<u8>>>(4)?);
            }
            let (nonce, position) = said.ok_or(rusqlite::Error::QueryReturnedNoRows)?;
            // SQL promises no order after a join. The keys come in order, so the sort only checks.
            keys.sort_unstable();
            Ok(Listing { echo: Some(nonce), position, keys })
        });
        Ok(listing?)
    }

    fn reset(&self) {
        self.database.reset();
    }
}

/// A parameter of a read.
enum Value<'a> {
    Text(&'a str),
    Bytes(&'a [u8]),
}

impl rusqlite::ToSql for Value<'_> {
    fn to_sql(&self) -> rusqlite::Result<rusqlite::types::ToSqlOutput<'_>> {
        match self {
            Self::Text(text) => text.to_sql(),
            Self::Bytes(bytes) => bytes.to_sql(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use eyesonly_service::registry::conformance;
    use rusqlite::StatementStatus;

    fn registry(folder: &tempfile::TempDir) -> SqliteRegistry {
        SqliteRegistry::new(Database::open(&folder.path().join("registry.sqlite")).unwrap())
    }

    #[tokio::test]
    async fn conforms() {
        let folder = tempfile::tempdir().unwrap();
        let registry = registry(&folder);
        conformance::check(&registry).await;
        conformance::echoes(&registry).await;
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
        // Both are queued before the writer takes either, so they share a transaction. Nevertheless
        // only one may succeed.
        let both = tokio::join!(
            registry.commit(vec![change(1)], Some(1)),
            registry.commit(vec![change(2)], Some(1))
        );
        assert!(
            matches!(
                both,
                (Ok(_), Err(RegistryError::Conflict)) | (Err(RegistryError::Conflict), Ok(_))
            ),
            "{both:?}"
        );
        let nonce = Nonce::from_bytes([1; 16]);
        let listed = registry.list("viewer", None, 10, nonce).await.unwrap();
        assert_eq!(listed.keys.len(), 1);
        assert_eq!(listed.position.rights.number, 1);
    }

    /// Binding another key must not make SQLite plan the read again, because that costs more than
    /// the read.
    #[tokio::test]
    async fn a_read_is_compiled_once() {
        let folder = tempfile::tempdir().unwrap();
        let registry = registry(&folder);
        for key in 0..5 {
            let names: [RecordName<'_>; 2] = [("session", &[key]), ("viewer", &[key])];
            registry.read(&names, Nonce::from_bytes([key; 16])).await.unwrap();
        }
        let counts = registry.database.read(|connection| {
            let statement = connection.prepare_cached(&READ[2])?;
            Ok((
                statement.get_status(StatementStatus::Run),
                statement.get_status(StatementStatus::RePrepare),
            ))
        });
        assert_eq!(counts.unwrap(), (5, 0));
    }

    #[test]
    fn a_read_searches_and_never_scans_records() {
        let folder = tempfile::tempdir().unwrap();
        let registry = registry(&folder);
        let plan: Vec<String> = registry
            .database
            .read(|connection| {
                let mut statement =
                    connection.prepare(&format!("EXPLAIN QUERY PLAN {}", READ[2]))?;
                let parameters = params![[0u8; 16], "session", [1u8], "viewer", [1u8]];
                let rows = statement.query_map(parameters, |row| row.get(3))?;
                rows.collect()
            })
            .unwrap();
        for nth in ["SEARCH r0 USING INDEX", "SEARCH r1 USING INDEX"] {
            assert!(plan.iter().any(|step| step.starts_with(nth)), "{plan:?}");
        }
    }
}
