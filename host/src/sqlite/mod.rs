//! SQLite: one file, read inline by each worker, written by one thread.
//!
//! Registry and index share the file; each has its own tables and its own room, and both come here for connections. A read is
//! one statement on the worker's own read-only connection. A write is a job on the one writer thread, which commits many jobs
//! at once: one fsync then serves them all.
//!
//! It must never keep an answer: what is read is read from the file, each time.

mod connection;
mod index;
mod registry;
mod schema;
#[cfg(test)]
mod tests;
mod writer;

pub use connection::OpenError;
pub use index::SqliteIndex;
pub use registry::SqliteRegistry;

use rusqlite::{Connection, ErrorCode, ffi};
use std::path::Path;
use std::sync::Arc;

/// Why SQLite did not do it. Never holds a value of a row: SQLite's own messages name tables and columns only.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Fault {
    /// No room on the disk, or the disk refused a write.
    Full,
    /// Anything else.
    Unavailable(String),
}

impl Fault {
    /// The database was closed, or its writer ended.
    pub(crate) fn stopped() -> Self {
        Self::Unavailable("the database is closed".to_owned())
    }

    /// What is said where there is no error of its own for a full disk.
    pub(crate) fn into_text(self) -> String {
        match self {
            Self::Full => "no room to write".to_owned(),
            Self::Unavailable(text) => text,
        }
    }
}

impl From<rusqlite::Error> for Fault {
    fn from(error: rusqlite::Error) -> Self {
        if let rusqlite::Error::SqliteFailure(failure, _) = &error {
            // ENOSPC on write is SQLITE_FULL; a quota, a file limit, or a delayed allocation that fails at fsync is an IO error of writing.
            let write_failed = matches!(
                failure.extended_code,
                ffi::SQLITE_IOERR_WRITE
                    | ffi::SQLITE_IOERR_FSYNC
                    | ffi::SQLITE_IOERR_DIR_FSYNC
                    | ffi::SQLITE_IOERR_TRUNCATE
                    | ffi::SQLITE_IOERR_SHMSIZE
            );
            if failure.code == ErrorCode::DiskFull || write_failed {
                return Self::Full;
            }
        }
        Self::Unavailable(error.to_string())
    }
}

/// One database file, open. Dropping the last reference finishes the queued writes and joins the writer.
#[derive(Debug)]
pub struct Database {
    place: Arc<connection::Place>,
    writer: writer::Writer,
}

impl Database {
    /// Opens the file, or makes it (mode 0600) with the schema of this program. Blocks; for start-up.
    ///
    /// # Errors
    /// [`OpenError`] if the file can't be opened, is not ours, or has a schema of another version.
    pub fn open(path: &Path) -> Result<Arc<Self>, OpenError> {
        let (place, connection) = connection::open_writer(path)?;
        let pin = connection::Pin::new(&place)
            .map_err(|source| OpenError::Sqlite { path: place.path().to_owned(), source })?;
        let writer = writer::Writer::start(connection, pin)
            .map_err(|source| OpenError::File { path: place.path().to_owned(), source })?;
        Ok(Arc::new(Self { place: Arc::new(place), writer }))
    }

    /// Finishes the writes that are queued, refuses later ones, and joins the writer. Blocks for as long as those commits take.
    pub fn close(&self) {
        self.writer.close();
    }

    /// How many transactions the writer has committed: with the number of writes, how well they share.
    pub fn transactions(&self) -> u64 {
        self.writer.transactions()
    }

    /// Runs `ask` inline on this thread's read-only connection. It is to be one statement, so that it sees one snapshot.
    pub(crate) fn read<T>(
        &self,
        ask: impl FnOnce(&Connection) -> rusqlite::Result<T>,
    ) -> Result<T, Fault> {
        connection::with_reader(&self.place, ask)
    }

    /// Drops this thread's read-only connection, if it has one.
    pub(crate) fn reset(&self) {
        drop(connection::take_reader(&self.place));
    }

    /// Runs `work` on the writer, in a savepoint of its own: kept if it returns `Ok(Ok(_))`, undone otherwise. Durable on return of `Ok`.
    ///
    /// A write that was queued is done even if its caller goes away meanwhile.
    pub(crate) async fn write<T, E, F>(&self, work: F) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<Fault> + Send + 'static,
        F: FnOnce(&Connection) -> rusqlite::Result<Result<T, E>> + Send + 'static,
    {
        self.writer.run(work).await
    }
}
