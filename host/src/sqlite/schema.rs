//! The tables of registry and index, and the check that a file has them.
//!
//! A file of another program or an unknown version is refused with a message that says so. It must
//! never be written to. Files of versions 1 to 3 are migrated.

use super::connection::OpenError;
use rusqlite::{Connection, ErrorCode, Transaction, TransactionBehavior};
use std::path::Path;

/// Marks the file as ours in SQLite's header: `EyOn` in ASCII.
pub(super) const APPLICATION_ID: i32 = 0x4579_4f6e;
/// The version of the tables below. Every change of the tables is a new version.
pub(super) const SCHEMA_VERSION: i32 = 4;

/// The tables. `records` and `objects` keep rowids: their rows are long, and with the key in a
/// separate index more keys fit on a page.
const TABLES: &str = "
CREATE TABLE registry (
    id INTEGER NOT NULL PRIMARY KEY CHECK (id = 1),
    rights INTEGER NOT NULL CHECK (rights >= 0),
    epoch INTEGER NOT NULL DEFAULT 1 CHECK (epoch > 0),
    sessions INTEGER NOT NULL DEFAULT 0 CHECK (sessions >= 0)
) STRICT;
INSERT INTO registry (id, rights) VALUES (1, 0);

CREATE TABLE records (
    kind TEXT NOT NULL CHECK (length(kind) BETWEEN 1 AND 32),
    key BLOB NOT NULL CHECK (length(key) BETWEEN 1 AND 128),
    record BLOB NOT NULL,
    sequence INTEGER NOT NULL CHECK (sequence > 0),
    PRIMARY KEY (kind, key)
) STRICT;

CREATE TABLE objects (
    slot BLOB NOT NULL PRIMARY KEY CHECK (length(slot) = 32),
    camera BLOB NOT NULL CHECK (length(camera) = 16),
    kind INTEGER NOT NULL CHECK (kind BETWEEN 1 AND 255),
    id BLOB NOT NULL CHECK (length(id) = 16),
    rendition INTEGER NOT NULL CHECK (rendition IN (0, 1)),
    version BLOB NOT NULL CHECK (length(version) = 16),
    name BLOB NOT NULL UNIQUE CHECK (length(name) = 32),
    sealed_length INTEGER NOT NULL CHECK (sealed_length >= 0),
    body_digest BLOB NOT NULL CHECK (length(body_digest) = 32),
    state INTEGER NOT NULL CHECK (state IN (1, 2)),
    inline BLOB CHECK (length(inline) = sealed_length),
    proof BLOB NOT NULL CHECK (length(proof) = 32)
) STRICT;
-- Live rows only: a page of events costs the same however many were deleted.
CREATE INDEX objects_live ON objects (camera, kind, rendition, id) WHERE state = 1;

CREATE TABLE pointers (
    camera BLOB NOT NULL PRIMARY KEY CHECK (length(camera) = 16),
    slot BLOB NOT NULL CHECK (length(slot) = 32),
    kind INTEGER NOT NULL CHECK (kind BETWEEN 1 AND 255),
    id BLOB NOT NULL CHECK (length(id) = 16),
    rendition INTEGER NOT NULL CHECK (rendition IN (0, 1)),
    version BLOB NOT NULL CHECK (length(version) = 16),
    name BLOB NOT NULL CHECK (length(name) = 32),
    sealed_length INTEGER NOT NULL CHECK (sealed_length >= 0),
    body_digest BLOB NOT NULL CHECK (length(body_digest) = 32),
    state INTEGER NOT NULL CHECK (state IN (1, 2)),
    inline BLOB CHECK (length(inline) = sealed_length),
    proof BLOB NOT NULL CHECK (length(proof) = 32)
) STRICT, WITHOUT ROWID;

CREATE TABLE usage (
    household BLOB NOT NULL PRIMARY KEY CHECK (length(household) = 16),
    sealed_bytes INTEGER NOT NULL CHECK (sealed_bytes >= 0)
) STRICT, WITHOUT ROWID;
";

/// The migration from version 1, which had one count for rights and sessions. Both new counts go on
/// from that one.
const FROM_VERSION_1: &str = "
ALTER TABLE registry RENAME COLUMN sequence TO rights;
ALTER TABLE registry ADD COLUMN epoch INTEGER NOT NULL DEFAULT 1 CHECK (epoch > 0);
ALTER TABLE registry ADD COLUMN sessions INTEGER NOT NULL DEFAULT 0 CHECK (sessions >= 0);
UPDATE registry SET sessions = rights;
";

/// Checks that the file is ours and of this version. In an empty file it makes the tables, and it
/// migrates those of an older version.
///
/// All its statements are in one write transaction. So if two processes open a new file at once,
/// its tables are made once.
pub(super) fn prepare(connection: &mut Connection, path: &Path) -> Result<(), OpenError> {
    let sqlite = |source: rusqlite::Error| match source.sqlite_error_code() {
        Some(ErrorCode::NotADatabase) => OpenError::NotOurs { path: path.to_owned() },
        _ => OpenError::Sqlite { path: path.to_owned(), source },
    };
    let transaction =
        connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(sqlite)?;
    let (application, version, tables) = marks(&transaction).map_err(sqlite)?;
    match (application, version) {
        (APPLICATION_ID, SCHEMA_VERSION) => return Ok(()),
        (APPLICATION_ID, found @ 1..SCHEMA_VERSION) => {
            return migrate(&transaction, found)
                .and_then(|()| transaction.commit())
                .map_err(sqlite);
        }
        (APPLICATION_ID, found) => {
            return Err(OpenError::Version { path: path.to_owned(), found, known: SCHEMA_VERSION });
        }
        (0, 0) if tables == 0 => {}
        _ => return Err(OpenError::NotOurs { path: path.to_owned() }),
    }
    create(&transaction).and_then(|()| transaction.commit()).map_err(sqlite)
}

/// Reads the application id, the schema version, and the number of tables, indexes and the like.
fn marks(transaction: &Transaction<'_>) -> rusqlite::Result<(i32, i32, i64)> {
    let application = transaction.pragma_query_value(None, "application_id", |row| row.get(0))?;
    let version = transaction.pragma_query_value(None, "user_version", |row| row.get(0))?;
    let tables =
        transaction.query_row("SELECT count(*) FROM sqlite_schema", (), |row| row.get(0))?;
    Ok((application, version, tables))
}

/// Migrates the tables. Since version 2 they are the same. But a program of version 2 looks for
/// accounts under their login names, and would find none, and one of version 3 does not know what
/// has become of households' viewers.
fn migrate(transaction: &Transaction<'_>, from: i32) -> rusqlite::Result<()> {
    if from < 2 {
        transaction.execute_batch(FROM_VERSION_1)?;
    }
    transaction.pragma_update(None, "user_version", SCHEMA_VERSION)
}

fn create(transaction: &Transaction<'_>) -> rusqlite::Result<()> {
    transaction.execute_batch(TABLES)?;
    transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
    transaction.pragma_update(None, "user_version", SCHEMA_VERSION)
}
