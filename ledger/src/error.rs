//! What can go wrong with a log in a folder. Each message says where, and what to do.

use eyesonly_log::note::NoteError;
use eyesonly_log::{CheckpointError, Tile};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// An operation on a file or a folder that failed.
#[derive(Debug, thiserror::Error)]
#[error("{}: {doing} failed", path.display())]
pub struct DiskError {
    /// The operation.
    pub doing: &'static str,
    /// The file or folder.
    pub path: PathBuf,
    /// What the operating system said.
    #[source]
    pub source: io::Error,
}

impl DiskError {
    /// Makes the function that adds the operation and the place to an error.
    pub(crate) fn at(doing: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        move |source| Self { doing, path: path.to_path_buf(), source }
    }
}

/// The reason why a folder can't be read as a log.
#[derive(Debug, thiserror::Error)]
pub enum FolderError {
    /// The operating system refused.
    #[error(transparent)]
    Disk(#[from] DiskError),
    /// The folder is absent, empty, or was never made into a log completely.
    #[error("{}: there is no log here", folder.display())]
    Absent {
        /// The folder.
        folder: PathBuf,
    },
    /// The folder has files, and none of them says that it is a log.
    #[error(
        "{}: this folder has other files and no log (no `origin`). Name the folder of a log, or \
         an empty one",
        folder.display()
    )]
    NotALog {
        /// The folder.
        folder: PathBuf,
    },
    /// The log has another name or another key.
    #[error(
        "{}: this is the log `{found}`, not `{wanted}`. Each node has its own folder and key",
        folder.display()
    )]
    OtherLog {
        /// The folder.
        folder: PathBuf,
        /// The verifier key that the folder names.
        found: String,
        /// The verifier key that was asked for.
        wanted: String,
    },
    /// A file that every log has is absent.
    #[error(
        "{}: this file is missing. Put it back from the newest copy of the folder",
        file.display()
    )]
    Missing {
        /// The file.
        file: PathBuf,
    },
    /// The log's own checkpoint was rejected.
    #[error(
        "{}: the checkpoint is not to be believed. Put it back from the newest copy of the folder",
        file.display()
    )]
    Checkpoint {
        /// The file.
        file: PathBuf,
        /// The fault.
        #[source]
        source: CheckpointError,
    },
    /// The note that says what was forgotten was rejected.
    #[error("{}: the note of what was forgotten is not to be believed", file.display())]
    Oldest {
        /// The file.
        file: PathBuf,
        /// The fault of the signature. `None`: the text is none of ours.
        #[source]
        source: Option<NoteError>,
    },
    /// The file of the last entries does not start as such a file does.
    #[error("{}: this file has no tail of a log", file.display())]
    Tail {
        /// The file.
        file: PathBuf,
    },
    /// The bundle is malformed.
    #[error("{}: {tile} is malformed. `eyesonly ledger verify` says more", folder.display())]
    Bundle {
        /// The folder.
        folder: PathBuf,
        /// The bundle.
        tile: Tile,
    },
    /// The entries are not kept any more.
    #[error("the entries before {before} were forgotten")]
    Forgotten {
        /// The first entry that is kept.
        before: u64,
    },
}

/// The reason why a log was not opened. Nothing was changed, except after
/// [`Failed`](Self::Failed).
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Another process, or another [`Log`](crate::Log) of this one, writes to the folder.
    #[error("{}: another process writes to this log; stop it first", folder.display())]
    Locked {
        /// The folder.
        folder: PathBuf,
    },
    /// The folder can't be read as a log.
    #[error(transparent)]
    Folder(#[from] FolderError),
    /// A tile that the log needs to grow is absent or has another length.
    #[error(
        "{}: {tile} is missing or has another length. Put the folder back from its newest copy",
        folder.display()
    )]
    Tile {
        /// The folder.
        folder: PathBuf,
        /// The tile.
        tile: Tile,
    },
    /// Entries after this one were flushed, and this one is not whole any more. No crash does that.
    #[error(
        "{}: the entry {entry} was changed, or entries were cut out before it. Keep this folder, \
         and put the log back from its newest copy",
        folder.display()
    )]
    Edited {
        /// The folder.
        folder: PathBuf,
        /// The entry's index.
        entry: u64,
    },
    /// The log is shorter than a checkpoint.
    #[error(
        "{}: the log ends before the entry {size}, and a checkpoint counts {signed}. It was cut, \
         or put back from an older copy: use the newest copy",
        folder.display()
    )]
    Rollback {
        /// The folder.
        folder: PathBuf,
        /// The number of entries that are there.
        size: u64,
        /// The number of entries that the checkpoint counts.
        signed: u64,
    },
    /// The log has another root than a checkpoint of the same size.
    #[error(
        "{}: the first {size} entries are not the ones that a checkpoint signed. \
         `eyesonly ledger verify` says where; keep this folder, and use the newest copy",
        folder.display()
    )]
    Root {
        /// The folder.
        folder: PathBuf,
        /// The number of entries that the checkpoint counts.
        size: u64,
    },
    /// The checkpoint is older than any that a crash can leave.
    #[error(
        "{}: the checkpoint counts {signed} entries, and {full} are in full bundles. It was \
         replaced: put back the newest copy of the folder",
        folder.display()
    )]
    Stale {
        /// The folder.
        folder: PathBuf,
        /// The number of entries that the checkpoint counts.
        signed: u64,
        /// The number of entries in full bundles.
        full: u64,
    },
    /// A write at the start failed. The next start goes on where this one stopped.
    #[error("the log was not opened")]
    Failed(#[from] StoreError),
}

/// The reason why the writer stopped.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// A write or a flush failed.
    #[error(transparent)]
    Disk(#[from] DiskError),
    /// A checkpoint was not signed.
    #[error("the checkpoint was not signed")]
    Sign(#[from] CheckpointError),
    /// The note of what was forgotten was not signed.
    #[error("the note of what was forgotten was not signed")]
    Note(#[from] NoteError),
    /// The log has 2^64 - 1 entries.
    #[error(transparent)]
    TooLarge(#[from] eyesonly_log::TooLarge),
    /// The thread of the writer was not started.
    #[error("the writer's thread was not started")]
    Thread(#[source] io::Error),
}

/// The end of a log: it takes no more entries until it is opened again.
#[derive(Debug, Clone, thiserror::Error)]
#[error("the log is closed: {why}")]
pub struct Closed {
    /// The reason, with what the operating system said.
    pub why: Arc<str>,
}

/// The reason why an append did not complete.
#[derive(Debug, Clone, thiserror::Error)]
pub enum AppendError {
    /// No place became free in time. Nothing was entered.
    #[error("too many entries wait for the disk")]
    Busy,
    /// The entries were not durable in time. They may be entered yet.
    #[error("the disk did not take the entries in time")]
    Late,
    /// A batch has 1 to [`MOST_IN_BATCH`](crate::MOST_IN_BATCH) entries. Nothing was entered.
    #[error("a batch has 1 to {most} entries, not {0}", most = crate::MOST_IN_BATCH)]
    Batch(usize),
    /// The log is closed. The entries may be in the log or not: the next start says it.
    #[error(transparent)]
    Closed(#[from] Closed),
}
