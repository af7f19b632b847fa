//! The access ledger of one node, in one folder: its durable writer and its reader.
//!
//! The formats are those of [`eyesonly_log`]. This crate adds the disk: a lock, group commit,
//! recovery, retention. One process writes with [`Log`]; any process reads with [`Folder`].
//!
//! # The folder
//!
//! | file | content |
//! |---|---|
//! | `lock` | nothing; whoever writes holds its lock |
//! | `origin` | the verifier key, `NAME+ID+KEY`: which log this is |
//! | `checkpoint` | the newest checkpoint, a signed note |
//! | `tail` | the entries of the bundle that is not full yet, with their hashes |
//! | `tile/entries/…` | full bundles of entries, as tlog-tiles names them |
//! | `tile/LEVEL/…` | full tiles of hashes; above level 0 the partial one too |
//! | `oldest` | what was forgotten, a signed note; absent as long as all is kept |
//! | `unfinished` | a file that is being written; it never counts |
//!
//! The tail starts with `eyesonly-tail-1`, a newline, and the index of its first entry, a multiple
//! of 256. Then come records of 568 bytes: the entry's index, the index of the first entry of its
//! group, the number of entries of the group, the hash (32 bytes), the entry (512 bytes). Numbers
//! have 8 bytes, the highest first. [`Folder`] shows the tail as the partial bundle and the partial
//! tile of level 0.
//!
//! Only the tail is appended to. Every other file is written under another name, flushed, and
//! renamed.
//!
//! # What a crash may lose
//!
//! - An entry whose append completed is never lost, by the end of the process or of the machine. A
//!   disk that confirms a flush and forgets it is no disk that this crate can help.
//! - An entry whose append did not complete may be in the log or not. A batch is there as a whole
//!   or not at all.
//! - A checkpoint follows an entry within [`SIGN_EVERY`] at the latest. Until then no signature
//!   counts the entry. So *an edit or a cut within the last second before a crash is found only
//!   against a checkpoint that somebody else kept*: the start after it signs what it finds.
//! - A write or a flush that failed closes the log. Nothing is tried again, as the operating system
//!   may have dropped what it could not write. A start reads the files and writes the tail anew.
//!
//! # What a start checks
//!
//! It reads the tail, the partial tiles and the last full bundle, and holds them against the log's
//! own checkpoint and those that [`Options::kept`] brings. If the log is shorter, or has another
//! root, it is not opened and nothing is changed. What is in older bundles is checked by
//! [`Folder::verify`] alone.
//!
//! ```
//! use eyesonly_ledger::{Folder, Log, Options};
//! use eyesonly_log::{ENTRY_BYTES, Name, SigningKey};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let data = tempfile::tempdir()?;
//! # tokio::runtime::Builder::new_current_thread().enable_time().build()?.block_on(async {
//! let folder = data.path().join("ledger");
//! let key = SigningKey::from_seed(Name::new("example.com/ledger/hall")?, &[7; 32])?;
//! let public = key.verifying_key();
//!
//! let log = Log::open(&folder, key, &Options::default())?;
//! assert_eq!(log.append(&[1; ENTRY_BYTES]).await?, 0);
//! assert_eq!(log.append_all(vec![[2; ENTRY_BYTES]; 2]).await?, 1..3);
//! log.close().await?;
//!
//! let folder = Folder::open(&folder, &public)?;
//! assert_eq!(folder.checkpoint().size(), 3);
//! assert_eq!(folder.verify(&[])?.report.faults, []);
//! # Ok(())
//! # })
//! # }
//! ```
#![forbid(unsafe_code)]
#![deny(missing_docs)]
#![cfg_attr(not(test), deny(clippy::arithmetic_side_effects))]

mod disk;
mod error;
mod folder;
mod layout;
mod log;
mod oldest;
mod recover;
mod store;
mod tail;
mod writer;

pub use error::{AppendError, Closed, DiskError, FolderError, OpenError, StoreError};
pub use folder::{Entries, Folder, Verified};
pub use log::{Log, Ticket};
pub use recover::{Options, Recovery};
pub use store::Signed;
pub use writer::Stamp;

use std::time::Duration;

/// The largest number of entries that wait for the disk. They are at most one group.
pub const MOST_WAITING: usize = 1024;

/// The largest number of callers that wait for a place among [`MOST_WAITING`]. Whoever comes then
/// is rejected at once.
pub const MOST_CALLERS: usize = 1024;

/// The longest time that an append takes before it is given up: the wait for a place and the wait
/// for the disk together.
pub const LONGEST_WAIT: Duration = Duration::from_secs(2);

/// The largest number of entries in a batch.
pub const MOST_IN_BATCH: usize = 256;

/// How long an entry waits at most for a checkpoint, unless [`Options::sign_every`] says otherwise.
/// A bundle that becomes full, and the end, bring a checkpoint at once.
pub const SIGN_EVERY: Duration = Duration::from_secs(1);

#[cfg(test)]
mod testing;
