//! The key-value store of the Spin edition, as the command line opens it: the SQLite file that
//! `spin up` serves, in Spin's form.
//!
//! Spin may have the file open at the same time, so nothing here is kept between two calls. It must
//! never change what Spin relies on (the table's form, the journal mode, the rows of other stores).
//! It must never add to a database of another program. The values read here are not trusted: they
//! are proven in the modules above (`eyesonly_service::kv`).

use anyhow::Context as _;
use eyesonly_service::kv::{KeyValue, KvError};
use rusqlite::{
    Connection, OpenFlags, OptionalExtension, Transaction, TransactionBehavior, params,
};
use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// The longest time that a call waits while Spin or another command writes.
const BUSY: Duration = Duration::from_secs(10);

/// The one table, as Spin makes it. With any difference, Spin could not serve the file.
const TABLE: &str = "CREATE TABLE IF NOT EXISTS spin_key_value (
    store TEXT NOT NULL,
    key TEXT NOT NULL,
    value BLOB NOT NULL,
    PRIMARY KEY (store, key)
)";
const GET: &str = "SELECT value FROM spin_key_value WHERE store = ?1 AND key = ?2";
const SET: &str = "INSERT INTO spin_key_value (store, key, value) VALUES (?1, ?2, ?3)
    ON CONFLICT (store, key) DO UPDATE SET value = excluded.value";
const DELETE: &str = "DELETE FROM spin_key_value WHERE store = ?1 AND key = ?2";
const LIST: &str = "SELECT key FROM spin_key_value WHERE store = ?1 AND key >= ?2 ORDER BY key";

/// Why a store's file was not opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The file or its folder can't be used.
    #[error(
        "{}: {source}: name a file in a folder that is there and may be written to",
        path.display()
    )]
    File {
        /// The file.
        path: PathBuf,
        /// The error from the system.
        source: io::Error,
    },
    /// The file is not a database, or a damaged one.
    #[error(
        "{} is damaged, or no key-value store at all ({source}): it was left as it is; name \
         the file that Spin serves (.spin/sqlite_key_value.db beside spin.toml, unless configured \
         otherwise), or put a copy of it back",
        path.display()
    )]
    Damaged {
        /// The file.
        path: PathBuf,
        /// The error from SQLite.
        source: rusqlite::Error,
    },
    /// The file is a database of another program.
    #[error(
        "{} is a database, but not a key-value store of Spin: it was left as it is; name the file \
         that Spin serves (.spin/sqlite_key_value.db beside spin.toml, unless configured \
         otherwise)",
        path.display()
    )]
    NotAStore {
        /// The file.
        path: PathBuf,
    },
    /// SQLite returned an error.
    #[error("{}: {source}", path.display())]
    Sqlite {
        /// The file.
        path: PathBuf,
        /// The error from SQLite.
        source: rusqlite::Error,
    },
}

/// One store in a file of Spin's. A file may be open several times, in this process and in others.
pub struct SpinFile {
    path: PathBuf,
    store: String,
    connection: Mutex<Connection>,
}

impl SpinFile {
    /// Opens the store `store` in the file at `path`. If there is no file, it makes one that only
    /// its owner can read.
    ///
    /// # Errors
    /// [`OpenError`] if the file can't be used, is damaged, or is a database of another program.
    pub fn open(path: &Path, store: &str) -> Result<Self, OpenError> {
        // Absolute: a relative name could start with `file:`, which SQLite reads as a URI with
        // options.
        let path = std::path::absolute(path)
            .and_then(|absolute| make_private(&absolute).map(|()| absolute))
            .map_err(|source| OpenError::File { path: path.to_owned(), source })?;
        let connection = connect(&path).map_err(|source| match source.sqlite_error_code() {
            Some(rusqlite::ErrorCode::NotADatabase | rusqlite::ErrorCode::DatabaseCorrupt) => {
                OpenError::Damaged { path: path.clone(), source }
            }
            _ => OpenError::Sqlite { path: path.clone(), source },
        })?;
        let Some(connection) = connection else {
            return Err(OpenError::NotAStore { path });
        };
        Ok(Self { path, store: store.to_owned(), connection: Mutex::new(connection) })
    }

    fn connection(&self) -> MutexGuard<'_, Connection> {
        // A thread that panicked with the lock had at most one open transaction, which was rolled
        // back when it was dropped.
        self.connection.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn reading<T>(
        &self,
        read: impl FnOnce(&Transaction<'_>) -> rusqlite::Result<T>,
    ) -> Result<T, KvError> {
        self.within(TransactionBehavior::Deferred, read)
    }

    /// Runs `write` in a transaction: it happens as a whole or not at all, and no other process
    /// writes meanwhile. The transaction is immediate. One that starts with a read can't wait for
    /// another's write: SQLite refuses it at once.
    fn writing<T>(
        &self,
        write: impl FnOnce(&Transaction<'_>) -> rusqlite::Result<T>,
    ) -> Result<T, KvError> {
        self.within(TransactionBehavior::Immediate, write)
    }

    fn within<T>(
        &self,
        behavior: TransactionBehavior,
        work: impl FnOnce(&Transaction<'_>) -> rusqlite::Result<T>,
    ) -> Result<T, KvError> {
        let mut connection = self.connection();
        connection
            .transaction_with_behavior(behavior)
            .and_then(|transaction| {
                let result = work(&transaction)?;
                transaction.commit()?;
                Ok(result)
            })
            .with_context(|| self.path.display().to_string())
            .map_err(|error| KvError(error.into()))
    }

    fn value(&self, transaction: &Transaction<'_>, key: &str) -> rusqlite::Result<Option<Vec<u8>>> {
        transaction
            .prepare_cached(GET)?
            .query_row(params![self.store, key], |row| row.get(0))
            .optional()
    }

    fn write(
        &self,
        transaction: &Transaction<'_>,
        key: &str,
        value: &[u8],
    ) -> rusqlite::Result<()> {
        transaction.prepare_cached(SET)?.execute(params![self.store, key, value])?;
        Ok(())
    }
}

impl KeyValue for SpinFile {
    fn get(&self, key: &str) -> Result<Option<Vec<u8>>, KvError> {
        self.reading(|transaction| self.value(transaction, key))
    }

    fn get_many(&self, keys: &[String]) -> Result<Vec<Option<Vec<u8>>>, KvError> {
        self.reading(|transaction| keys.iter().map(|key| self.value(transaction, key)).collect())
    }

    fn set(&self, key: &str, value: &[u8]) -> Result<(), KvError> {
        self.writing(|transaction| self.write(transaction, key, value))
    }

    fn swap(&self, key: &str, was: Option<&[u8]>, value: &[u8]) -> Result<bool, KvError> {
        self.writing(|transaction| {
            let same = self.value(transaction, key)?.as_deref() == was;
            if same {
                self.write(transaction, key, value)?;
            }
            Ok(same)
        })
    }

    fn delete_many(&self, keys: &[String]) -> Result<(), KvError> {
        self.writing(|transaction| {
            let mut delete = transaction.prepare_cached(DELETE)?;
            for key in keys {
                delete.execute(params![self.store, key])?;
            }
            Ok(())
        })
    }

    fn list(&self, prefix: &str) -> Result<Vec<String>, KvError> {
        self.reading(|transaction| {
            let mut keys = Vec::new();
            let mut list = transaction.prepare_cached(LIST)?;
            let mut rows = list.query(params![self.store, prefix])?;
            // Keys with one prefix follow each other, so after the last of them there is none to
            // come.
            while let Some(row) = rows.next()? {
                let key: String = row.get(0)?;
                if !key.starts_with(prefix) {
                    break;
                }
                keys.push(key);
            }
            Ok(keys)
        })
    }
}

/// Opens the database, and makes the table in an empty one. Returns `None` if the database has
/// other tables but not this one.
fn connect(path: &Path) -> rusqlite::Result<Option<Connection>> {
    let mut connection = Connection::open_with_flags(
        path,
        // No mutex of SQLite's, because one is around the connection.
        OpenFlags::SQLITE_OPEN_READ_WRITE
            | OpenFlags::SQLITE_OPEN_NO_MUTEX
            | OpenFlags::SQLITE_OPEN_EXRESCODE,
    )?;
    connection.busy_timeout(BUSY)?;
    // A destroyed key must not stay in a free page.
    connection.pragma_update(None, "secure_delete", true)?;
    let is_there = |connection: &Connection, what: &str| {
        let query = format!("SELECT EXISTS (SELECT 1 FROM sqlite_schema WHERE {what})");
        connection.query_row(&query, [], |row| row.get::<_, bool>(0))
    };
    let table = "type = 'table' AND name = 'spin_key_value'";
    if is_there(&connection, table)? {
        return Ok(Some(connection));
    }
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    // Checked again, now that no other process writes: Spin may have made the table meanwhile.
    if !is_there(&transaction, table)? && is_there(&transaction, "TRUE")? {
        return Ok(None);
    }
    transaction.execute(TABLE, [])?;
    transaction.commit()?;
    Ok(Some(connection))
}

/// Makes the file if there is none, readable only by its owner. SQLite gives its journal the same
/// mode. An existing file is not opened here, because POSIX drops a process's locks on a file when
/// any of its descriptors is closed.
fn make_private(path: &Path) -> io::Result<()> {
    match OpenOptions::new().write(true).create_new(true).mode(0o600).open(path) {
        Ok(_) => {
            // The name of the new file must survive a crash, as its content does.
            let folder = path.parent().ok_or(io::ErrorKind::NotFound)?;
            File::open(folder)?.sync_all()
        }
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU32, Ordering};

    #[tokio::test]
    async fn conforms() {
        let folder = tempfile::tempdir().unwrap();
        let count = AtomicU32::new(0);
        eyesonly_service::kv::conformance::check(&|| {
            let name = format!("{}.db", count.fetch_add(1, Ordering::Relaxed));
            Arc::new(SpinFile::open(&folder.path().join(name), "default").unwrap())
        })
        .await;
    }

    #[test]
    fn two_handles_on_one_file_see_each_other() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("store.db");
        let one = SpinFile::open(&path, "default").unwrap();
        let two = SpinFile::open(&path, "default").unwrap();
        let other = SpinFile::open(&path, "other").unwrap();
        one.set("a", b"one").unwrap();
        assert_eq!(two.get("a").unwrap().as_deref(), Some(b"one".as_slice()));
        assert!(two.swap("a", Some(b"one"), b"two").unwrap());
        assert!(!one.swap("a", Some(b"one"), b"three").unwrap());
        assert_eq!(one.get("a").unwrap().as_deref(), Some(b"two".as_slice()));
        assert_eq!(other.get("a").unwrap(), None, "stores in one file are apart");
        other.delete_many(&["a".to_owned()]).unwrap();
        assert_eq!(one.list("").unwrap(), ["a"]);
    }

    #[test]
    fn of_many_that_swap_at_once_one_wins() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("store.db");
        let wins = AtomicU32::new(0);
        std::thread::scope(|scope| {
            for number in 0..8_u8 {
                let (path, wins) = (&path, &wins);
                scope.spawn(move || {
                    let file = SpinFile::open(path, "default").unwrap();
                    if file.swap("a", None, &[number]).unwrap() {
                        wins.fetch_add(1, Ordering::Relaxed);
                    }
                });
            }
        });
        assert_eq!(wins.into_inner(), 1);
    }

    #[test]
    fn the_file_is_private_and_has_the_form_that_spin_gives_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("store.db");
        SpinFile::open(&path, "default").unwrap().set("a", b"\x00\xff").unwrap();
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        let connection = Connection::open(&path).unwrap();
        let mode: String =
            connection.query_row("PRAGMA journal_mode", [], |row| row.get(0)).unwrap();
        assert_eq!(mode, "delete", "Spin's own");
        let rows: Vec<(String, String, Vec<u8>)> = connection
            .prepare("SELECT store, key, value FROM spin_key_value")
            .unwrap()
            .query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))
            .unwrap()
            .collect::<Result<_, _>>()
            .unwrap();
        assert_eq!(rows, [("default".to_owned(), "a".to_owned(), b"\x00\xff".to_vec())]);
    }

    #[test]
    fn a_damaged_file_is_said_to_be_damaged_and_left_as_it_is() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("store.db");
        let rubbish = vec![b'x'; 8192];
        std::fs::write(&path, &rubbish).unwrap();
        let error = SpinFile::open(&path, "default").err().unwrap();
        assert!(matches!(error, OpenError::Damaged { .. }), "{error:?}");
        let text = error.to_string();
        assert!(
            text.contains("store.db is damaged") && text.contains(".spin/sqlite_key_value.db"),
            "{text}"
        );
        assert_eq!(std::fs::read(&path).unwrap(), rubbish);
    }

    #[test]
    fn a_database_of_something_else_is_left_as_it_is() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("registry.db");
        Connection::open(&path).unwrap().execute("CREATE TABLE household (id)", []).unwrap();
        let before = std::fs::read(&path).unwrap();
        assert!(matches!(SpinFile::open(&path, "default"), Err(OpenError::NotAStore { .. })));
        assert_eq!(std::fs::read(&path).unwrap(), before);
    }

    #[test]
    fn a_folder_that_is_not_there_is_named() {
        let error = SpinFile::open(Path::new("/nowhere/at/all/store.db"), "default").err().unwrap();
        assert!(error.to_string().contains("/nowhere/at/all/store.db"), "{error}");
    }

    #[test]
    fn a_table_that_was_damaged_later_is_an_error_and_not_a_value() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("store.db");
        let file = SpinFile::open(&path, "default").unwrap();
        Connection::open(&path)
            .unwrap()
            .execute("INSERT INTO spin_key_value VALUES ('default', 'a', 'text, not bytes')", [])
            .unwrap();
        let error = file.get("a").unwrap_err();
        assert!(error.0.to_string().contains("store.db"), "{error:?}");
        let cause = error.0.source().and_then(|cause| cause.downcast_ref());
        assert!(matches!(cause, Some(rusqlite::Error::InvalidColumnType(..))), "{error:?}");
    }
}
