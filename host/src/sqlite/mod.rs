//! SQLite: one file, read inline by each worker, written by one thread.
//!
//! Registry and index share the file. Each has its own tables and its own module, and both get
//! their connections here. A read is one statement on the worker's own read-only connection. A
//! write is a job on the one writer thread, which commits many jobs at once, so that one fsync
//! serves them all.
//!
//! It must never keep an answer: each read reads the file.

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

use eyesonly_service::chain::Chain;
use rusqlite::{Connection, ErrorCode, ffi};
use std::path::Path;
use std::sync::Arc;

/// Why SQLite failed. It never holds a value of a row: SQLite's own messages name only tables and
/// columns.
#[derive(Debug, Clone, thiserror::Error)]
pub(crate) enum Fault {
    /// The disk has no room, or it refused a write.
    #[error("no room to write")]
    Full,
    /// The database was closed, or its writer ended.
    #[error("the database is closed")]
    Closed,
    /// Any other failure. All callers of one transaction share it.
    #[error("the database failed")]
    Sqlite(#[source] Arc<rusqlite::Error>),
}

impl From<rusqlite::Error> for Fault {
    fn from(error: rusqlite::Error) -> Self {
        if let rusqlite::Error::SqliteFailure(failure, _) = &error {
            // ENOSPC on write is SQLITE_FULL. A quota, a file limit, or a delayed allocation that
            // fails at fsync is an IO error of a write.
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
        Self::Sqlite(Arc::new(error))
    }
}

/// One open database file. Dropping the last reference finishes the queued writes and joins the
/// writer.
#[derive(Debug)]
pub struct Database {
    place: Arc<connection::Place>,
    writer: writer::Writer,
}

impl Database {
    /// Opens the file, or makes it (mode 0600) with the schema of this program. Blocks, so it is
    /// only for the start.
    ///
    /// # Errors
    /// [`OpenError`] if the file can't be opened, is not ours, or has a schema of an unknown
    /// version.
    pub fn open(path: &Path) -> Result<Arc<Self>, OpenError> {
        let (place, connection) = connection::open_writer(path)?;
        let pin = connection::Pin::new(&place)
            .map_err(|source| OpenError::Sqlite { path: place.path().to_owned(), source })?;
        let writer = writer::Writer::start(connection, pin)
            .map_err(|source| OpenError::File { path: place.path().to_owned(), source })?;
        Ok(Arc::new(Self { place: Arc::new(place), writer }))
    }

    /// Finishes the queued writes, refuses later ones, and joins the writer. Then it folds the log
    /// into the file, so that a copy of the one file has everything. Blocks for as long as those
    /// commits take.
    ///
    /// A command beside a running edge only drops its database: folding stops all writes until
    /// every reader has moved on.
    pub fn close(&self) {
        self.writer.close();
        if let Err(error) = connection::fold(&self.place) {
            tracing::warn!(error = %Chain(&error), "the log stays beside the registry's database");
        }
    }

    /// Returns how many transactions the writer has committed. Compared with the number of writes,
    /// it shows how many writes share one.
    pub fn transactions(&self) -> u64 {
        self.writer.transactions()
    }

    /// Runs `ask` inline on this thread's read-only connection. `ask` must be one statement, so
    /// that it sees one snapshot.
    pub(crate) fn read<T>(
        &self,
        ask: impl FnOnce(&Connection) -> rusqlite::Result<T>,
    ) -> Result<T, Fault> {
        connection::with_reader(&self.place, ask)
    }

    /// Drops this thread's read-only connection, if there is one.
    pub(crate) fn reset(&self) {
        drop(connection::take_reader(&self.place));
    }

    /// Runs `work` on the writer, in its own savepoint. If it returns `Ok(Ok(_))`, its writes are
    /// kept; otherwise they are undone. When this returns `Ok`, they are durable.
    ///
    /// A queued write is done even if its caller goes away.
    pub(crate) async fn write<T, E, F>(&self, work: F) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<Fault> + Send + 'static,
        F: FnOnce(&Connection) -> rusqlite::Result<Result<T, E>> + Send + 'static,
    {
        self.writer.run(work).await
    }
}
