//! Connections: the one that writes, and a read-only one for each thread that reads.
//!
//! Safety of the file. POSIX drops a process's locks on a file when any of its descriptors is
//! closed. So once the database file exists, only SQLite opens it, never this module.
//!
//! A reader must never write: its connection is read-only, by its flags and again by `query_only`.

use super::{Fault, schema};
use eyesonly_service::chain::Chain;
use rusqlite::config::DbConfig;
use rusqlite::{Connection, ErrorCode, OpenFlags};
use std::cell::RefCell;
use std::fs::{self, File, OpenOptions, Permissions};
use std::io;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

/// The longest time that the writer waits for another process that writes (the command line).
const WRITER_BUSY: Duration = Duration::from_secs(10);
/// The pause before the file is opened again, if another process was opening it.
const OPENING_PAUSE: Duration = Duration::from_millis(5);
/// The longest time that a reader waits. It must wait only while a log is recovered after a crash.
const READER_BUSY: Duration = Duration::from_secs(1);
/// The page cache of one connection, in KiB. It holds the inner pages of every table of a large
/// edge.
const CACHE_KIBIBYTES: i64 = 4096;
/// The size, in bytes, that the write-ahead log is truncated to after a burst.
const LOG_BYTES_KEPT: i64 = 64 * 1024 * 1024;
/// The compiled statements that one connection keeps. The program has fewer.
const STATEMENTS_KEPT: usize = 48;

/// The reason why a database file was not opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The file or its folder can't be used.
    #[error("{}: {source}", path.display())]
    File {
        /// The database file.
        path: PathBuf,
        /// The error from the system.
        source: io::Error,
    },
    /// SQLite returned an error.
    #[error("{}: {source}", path.display())]
    Sqlite {
        /// The database file.
        path: PathBuf,
        /// The error from SQLite.
        source: rusqlite::Error,
    },
    /// The file belongs to another program.
    #[error("{} is not a registry of eyesonly: it was left as it is", path.display())]
    NotOurs {
        /// The file.
        path: PathBuf,
    },
    /// Another version of this program made the file, and this one can't migrate it.
    #[error(
        "{} has schema version {found}, this program knows version {known}: use the program that \
         wrote it",
        path.display()
    )]
    Version {
        /// The database file.
        path: PathBuf,
        /// The version in the file.
        found: i32,
        /// The version of this program.
        known: i32,
    },
    /// The file system can't hold a write-ahead log (a network share, for example).
    #[error("{}: the file system does not support a write-ahead log", path.display())]
    NoLog {
        /// The database file.
        path: PathBuf,
    },
}

/// The path of a database. Each open [`super::Database`] has one, and its address tells the readers
/// of two databases apart.
#[derive(Debug)]
pub(super) struct Place(PathBuf);

impl Place {
    pub(super) fn path(&self) -> &Path {
        &self.0
    }
}

fn sqlite_flags(access: OpenFlags) -> OpenFlags {
    // No mutex: only the thread that has a connection uses it.
    access | OpenFlags::SQLITE_OPEN_NO_MUTEX | OpenFlags::SQLITE_OPEN_EXRESCODE
}

/// Opens or makes the file, checks its schema, and returns the connection that may write. Blocks
/// while another process opens the file.
pub(super) fn open_writer(path: &Path) -> Result<(Place, Connection), OpenError> {
    // Absolute: a relative name could start with `file:`, which SQLite reads as a URI with options.
    let place = std::path::absolute(path)
        .map_err(|source| OpenError::File { path: path.to_owned(), source })?;
    make_private(&place).map_err(|source| OpenError::File { path: place.clone(), source })?;
    let give_up = Instant::now() + WRITER_BUSY;
    loop {
        match prepare_writer(&place) {
            // On the way to a log in a new file, SQLite does not wait: two that wait there could
            // deadlock.
            Err(OpenError::Sqlite { source, .. })
                if source.sqlite_error_code() == Some(ErrorCode::DatabaseBusy)
                    && Instant::now() < give_up =>
            {
                std::thread::sleep(OPENING_PAUSE);
            }
            Err(error) => return Err(error),
            Ok(connection) => return Ok((Place(place), connection)),
        }
    }
}

fn prepare_writer(place: &Path) -> Result<Connection, OpenError> {
    let sqlite = |source| OpenError::Sqlite { path: place.to_owned(), source };
    let mut connection =
        Connection::open_with_flags(place, sqlite_flags(OpenFlags::SQLITE_OPEN_READ_WRITE))
            .map_err(sqlite)?;
    connection.busy_timeout(WRITER_BUSY).map_err(sqlite)?;
    schema::prepare(&mut connection, place)?;
    let mode: String = connection
        .pragma_update_and_check(None, "journal_mode", "WAL", |row| row.get(0))
        .map_err(sqlite)?;
    if mode != "wal" {
        return Err(OpenError::NoLog { path: place.to_owned() });
    }
    tune_writer(&connection).map_err(sqlite)?;
    Ok(connection)
}

/// Writes the whole log into the file and empties the log. It waits for nobody: where a reader of
/// another process is in between, the log stays.
pub(super) fn fold(place: &Place) -> rusqlite::Result<()> {
    let access = sqlite_flags(OpenFlags::SQLITE_OPEN_READ_WRITE);
    let connection = Connection::open_with_flags(place.path(), access)?;
    connection.busy_timeout(Duration::ZERO)?;
    connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", (), |_| Ok(()))
}

/// Makes the file if there is none, readable only by its owner. SQLite gives its log the same mode.
fn make_private(path: &Path) -> io::Result<()> {
    match OpenOptions::new().write(true).create_new(true).mode(0o600).open(path) {
        Ok(_) => {
            // The name of the new file must survive a crash, as its content does.
            let folder = path.parent().ok_or(io::ErrorKind::NotFound)?;
            File::open(folder)?.sync_all()
        }
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            if fs::metadata(path)?.permissions().mode() & 0o077 != 0 {
                fs::set_permissions(path, Permissions::from_mode(0o600))?;
            }
            Ok(())
        }
        Err(error) => Err(error),
    }
}

/// Applies the settings that both kinds of connection have.
fn tune(connection: &Connection) -> rusqlite::Result<()> {
    connection.set_prepared_statement_cache_capacity(STATEMENTS_KEPT);
    // The file is not trusted: its schema may run no code, and SQL may not touch its inner tables.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true)?;
    // The plan stays the same for all bound values. Otherwise SQLite compiles a cached statement
    // again when a parameter changes.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    connection.pragma_update(None, "trusted_schema", false)?;
    connection.pragma_update(None, "cell_size_check", true)?;
    connection.pragma_update(None, "cache_size", -CACHE_KIBIBYTES)?;
    // No mmap: with it, an error of the disk would be a signal that ends the process instead of an
    // error value.
    connection.pragma_update(None, "mmap_size", 0)
}

fn tune_writer(connection: &Connection) -> rusqlite::Result<()> {
    tune(connection)?;
    connection.pragma_update(None, "foreign_keys", true)?;
    // What is deleted is overwritten where its page is written anyway.
    connection.pragma_update_and_check(None, "secure_delete", "FAST", |_| Ok(()))?;
    // FULL: the log is fsynced before a commit returns. So an acknowledged upload survives a power
    // cut.
    connection.pragma_update(None, "synchronous", "FULL")?;
    // On macOS a plain fsync does not reach the disk. On other systems these settings do nothing.
    connection.pragma_update(None, "fullfsync", true)?;
    connection.pragma_update(None, "checkpoint_fullfsync", true)?;
    connection.pragma_update(None, "journal_size_limit", LOG_BYTES_KEPT)
}

fn open_reader(place: &Place) -> rusqlite::Result<Connection> {
    let connection =
        Connection::open_with_flags(place.path(), sqlite_flags(OpenFlags::SQLITE_OPEN_READ_ONLY))?;
    connection.busy_timeout(READER_BUSY)?;
    tune(&connection)?;
    connection.pragma_update(None, "query_only", true)?;
    Ok(connection)
}

/// Holds the lock that readers of the present state share, and reads nothing.
///
/// SQLite takes that lock for every read, by a system call under a mutex of the whole process. If a
/// connection of the process has the lock already, SQLite only counts. Without this, two threads
/// that read all the time would mostly wait for each other at the mutex. The lock does not change
/// what readers see. But while it is set, the write-ahead log can't start over.
pub(super) struct Pin(Option<Connection>);

impl Pin {
    /// Makes a pin on a separate connection.
    pub(super) fn new(place: &Place) -> rusqlite::Result<Self> {
        open_reader(place).map(|connection| Self(Some(connection)))
    }

    /// Takes the lock for the present state. If that fails, the connection is given up, and readers
    /// are slower from then on.
    pub(super) fn set(&mut self) {
        let begun = self.0.as_ref().map(|connection| {
            connection.execute_batch("BEGIN; SELECT count(*) FROM sqlite_schema")
        });
        self.given_up_if_failed(begun);
    }

    /// Releases the lock.
    pub(super) fn release(&mut self) {
        let ended = self.0.as_ref().map(|connection| connection.execute_batch("COMMIT"));
        self.given_up_if_failed(ended);
    }

    fn given_up_if_failed(&mut self, done: Option<rusqlite::Result<()>>) {
        if let Some(Err(error)) = done {
            tracing::warn!(
                error = %Chain(&error),
                "reads of the registry are slower from here on: their lock can't be kept"
            );
            self.0 = None;
        }
    }
}

/// A connection of this thread, and its database. The weak reference keeps the address from being
/// used for another place.
struct Reader {
    place: Weak<Place>,
    connection: Connection,
}

thread_local! {
    /// This thread's connections: one in a server, a few in tests that have several databases.
    static READERS: RefCell<Vec<Reader>> = const { RefCell::new(Vec::new()) };
}

/// Removes and returns this thread's connection to the place, if it has one.
pub(super) fn take_reader(place: &Arc<Place>) -> Option<Connection> {
    READERS
        .try_with(|readers| {
            let mut readers = readers.try_borrow_mut().ok()?;
            let found = readers
                .iter()
                .position(|reader| std::ptr::eq(reader.place.as_ptr(), Arc::as_ptr(place)))?;
            Some(readers.swap_remove(found).connection)
        })
        .ok()
        .flatten()
}

/// Gives a connection back to this thread, and drops connections to databases that are closed.
fn keep_reader(place: &Arc<Place>, connection: Connection) {
    let reader = Reader { place: Arc::downgrade(place), connection };
    // A thread that is ending keeps no connection: this one is closed here.
    let _ended = READERS.try_with(|readers| {
        if let Ok(mut readers) = readers.try_borrow_mut() {
            if readers.len() > 1 {
                readers.retain(|reader| reader.place.strong_count() > 0);
            }
            readers.push(reader);
        }
    });
}

/// Runs `ask` on this thread's connection, and opens it first if needed. A connection on which a
/// call failed is not used again.
pub(super) fn with_reader<T>(
    place: &Arc<Place>,
    ask: impl FnOnce(&Connection) -> rusqlite::Result<T>,
) -> Result<T, Fault> {
    let connection = match take_reader(place) {
        Some(connection) => connection,
        None => open_reader(place)?,
    };
    let answer = ask(&connection)?;
    keep_reader(place, connection);
    Ok(answer)
}
