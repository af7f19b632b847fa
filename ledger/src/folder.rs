//! The folder of a log, for whoever reads it. It needs no lock, and nothing is changed.
//!
//! The checkpoint is read before the tail. So all that the checkpoint counts is there, in the files
//! or in the tail, however the log grows meanwhile.

use crate::disk::{Disk, Machine};
use crate::error::{DiskError, FolderError};
use crate::layout::{BUNDLE, CHECKPOINT, LOCK, OLDEST, ORIGIN, TAIL, TILE, UNFINISHED};
use crate::oldest;
use crate::tail::{Record, Tail};
use eyesonly_log::bundle::{self, RECORD_BYTES};
use eyesonly_log::hash::to_bytes;
use eyesonly_log::tile::FULL;
use eyesonly_log::{Checkpoint, Entry, Files, Hash, Kind, Report, Tile, VerifyingKey, verify};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// How often a partial tile is looked for, while a writer puts wider ones in its place.
const MOST_LOOKS: usize = 16;

/// A log in a folder, as it was when it was opened. A writer may go on meanwhile.
///
/// It has the bytes of the log for the verifier, proofs and exports. None of them is believed; only
/// the signatures of the checkpoint and of what was forgotten were verified.
pub struct Folder {
    disk: Arc<dyn Disk>,
    path: PathBuf,
    key: VerifyingKey,
    checkpoint: Checkpoint,
    note: String,
    oldest: u64,
    tail: Tail,
    size: u64,
}

/// What was found in a log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verified {
    /// The faults, and what stands after the last entry that was signed.
    pub report: Report,
    /// The number of entries that were forgotten: their bundles were not read, and their hashes
    /// were.
    pub forgotten: u64,
}

impl Folder {
    /// Opens the folder of a log whose key is known. A process that writes is no obstacle.
    pub fn open(path: &Path, key: &VerifyingKey) -> Result<Self, FolderError> {
        Self::on(Arc::new(Machine), path, key)
    }

    /// Reads which log a folder says that it has. Nothing proves it.
    pub fn origin(path: &Path) -> Result<VerifyingKey, FolderError> {
        let text =
            origin(&Machine, path)?.ok_or_else(|| FolderError::Absent { folder: path.into() })?;
        VerifyingKey::parse(&text).map_err(|_| FolderError::NotALog { folder: path.into() })
    }

    pub(crate) fn on(
        disk: Arc<dyn Disk>,
        path: &Path,
        key: &VerifyingKey,
    ) -> Result<Self, FolderError> {
        if is_new(&*disk, path, key)? {
            return Err(FolderError::Absent { folder: path.into() });
        }
        let must = |name: &str| {
            let file = path.join(name);
            read(&*disk, &file)?.ok_or(FolderError::Missing { file })
        };
        let note = must(CHECKPOINT)?;
        let checkpoint = Checkpoint::open(&note, key)
            .map_err(|source| FolderError::Checkpoint { file: path.join(CHECKPOINT), source })?;
        let oldest = oldest(&*disk, path, key)?;
        let bytes = must(TAIL)?;
        let tail = Tail::parse(&bytes);
        let tail = tail.ok_or_else(|| FolderError::Tail { file: path.join(TAIL) })?;
        // Of a tail that was edited all is shown: the verifier says what is wrong with it.
        let settled = tail.settled().map_or(tail.records.len(), |settled| settled.records);
        let size = tail.base.saturating_add(u64::try_from(settled).unwrap_or(u64::MAX));
        let note = String::from_utf8_lossy(&note).into_owned();
        let (path, key) = (path.to_path_buf(), key.clone());
        Ok(Self { disk, path, key, checkpoint, note, oldest, tail, size })
    }

    /// Returns the newest checkpoint.
    pub const fn checkpoint(&self) -> &Checkpoint {
        &self.checkpoint
    }

    /// Returns the log's public key.
    pub const fn key(&self) -> &VerifyingKey {
        &self.key
    }

    /// Returns the newest checkpoint as it was signed.
    pub fn note(&self) -> &str {
        &self.note
    }

    /// Returns the index of the first entry that is kept: what is before it was forgotten.
    pub const fn oldest(&self) -> u64 {
        self.oldest
    }

    /// Returns the number of entries. The last ones may be in no checkpoint yet.
    pub const fn size(&self) -> u64 {
        self.size
    }

    /// Verifies the log against its checkpoint, and against older ones that somebody kept. The
    /// signatures of those were verified before.
    pub fn verify(&self, kept: &[Checkpoint]) -> Result<Verified, FolderError> {
        let report = verify(&self.checkpoint, kept, self.oldest, self)?;
        Ok(Verified { report, forgotten: self.oldest })
    }

    /// Reads entries with their indices. Nothing proves them: that is what `verify` is for. After
    /// an error nothing follows.
    pub fn entries(&self, range: Range<u64>) -> Entries<'_> {
        Entries {
            folder: self,
            next: range.start,
            end: range.end.min(self.size),
            bundle: Vec::new(),
        }
    }

    pub(crate) const fn tail(&self) -> &Tail {
        &self.tail
    }

    /// Reads the entries of a bundle, in reverse.
    fn bundle(&self, index: u64) -> Result<Vec<Entry>, FolderError> {
        if let Some(records) = self.tail.bundle(index) {
            return Ok(records.iter().rev().map(|record| record.entry).collect());
        }
        let before = self.oldest;
        let tile = Tile::entries(index, FULL).ok_or(FolderError::Forgotten { before })?;
        let missing = || FolderError::Missing { file: self.path.join(tile.path()) };
        let Some(bytes) = self.read(&tile)? else {
            // Perhaps it was forgotten after the folder was opened.
            let before = oldest(&*self.disk, &self.path, &self.key)?.max(before);
            let first = index.checked_mul(FULL.into());
            let is_forgotten = first.is_some_and(|first| first < before);
            return Err(if is_forgotten { FolderError::Forgotten { before } } else { missing() });
        };
        let entries = bundle::parse(&bytes).ok().filter(|entries| entries.len() == FULL.into());
        let malformed = || FolderError::Bundle { folder: self.path.clone(), tile };
        Ok(entries.ok_or_else(malformed)?.into_iter().rev().copied().collect())
    }

    /// Reads a bundle, from the tail if it is there.
    fn read_entries(&self, tile: &Tile) -> Result<Option<Vec<u8>>, FolderError> {
        let Some(records) = self.tail.bundle(tile.index()) else {
            let file = self.path.join(tile.path());
            let bytes = if tile.is_full() { read(&*self.disk, &file)? } else { None };
            let last = tile.index().saturating_add(1).saturating_mul(FULL.into());
            if bytes.is_none() && tile.is_full() && last > self.oldest {
                // Perhaps it was forgotten after the folder was opened.
                let before = oldest(&*self.disk, &self.path, &self.key)?;
                return if last > before {
                    Ok(None)
                } else {
                    Err(FolderError::Forgotten { before })
                };
            }
            return Ok(bytes);
        };
        let entries: Vec<_> = records.iter().map(|record| record.entry).collect();
        let mut bytes = bundle::write(&entries).unwrap_or_default();
        // What stands after the last record is no whole entry.
        if records.len() < usize::from(FULL) {
            bytes.extend(self.tail.torn.iter().take(RECORD_BYTES.saturating_sub(1)));
        }
        Ok((!bytes.is_empty()).then_some(bytes))
    }

    /// Reads a tile of hashes, from the tail if it is there.
    fn read_hashes(&self, level: u8, tile: &Tile) -> Result<Option<Vec<u8>>, FolderError> {
        let hashes = |records: &[Record]| -> Vec<Hash> {
            records.iter().map(|record| record.hash).collect()
        };
        let records = self.tail.bundle(tile.index()).filter(|_| level == 0);
        if let Some(records) = records.filter(|records| !records.is_empty()) {
            return Ok(Some(to_bytes(&hashes(records))));
        }
        if tile.is_full() || level == 0 {
            let file = self.path.join(tile.path());
            return if tile.is_full() { Ok(read(&*self.disk, &file)?) } else { Ok(None) };
        }
        for _ in 0..MOST_LOOKS {
            let Some(tile) = self.wider(tile)? else { return Ok(None) };
            if let Some(bytes) = read(&*self.disk, &self.path.join(tile.path()))? {
                return Ok(Some(bytes));
            }
        }
        Ok(None)
    }

    /// Finds the partial tile that is there at the place of another, and is no narrower.
    fn wider(&self, tile: &Tile) -> Result<Option<Tile>, FolderError> {
        let folder = partial_folder(&self.path, tile);
        let names = self.disk.names(&folder).map_err(DiskError::at("a look", &folder))?;
        let widths = names.into_iter().flatten().filter_map(|name| name.parse().ok());
        let width: Option<u16> = widths.filter(|width| *width >= tile.width()).min();
        Ok(width.and_then(|width| match tile.kind() {
            Kind::Entries => Tile::entries(tile.index(), width),
            Kind::Hashes(level) => Tile::hashes(level, tile.index(), width),
        }))
    }
}

impl Files for Folder {
    type Error = FolderError;

    fn read(&self, tile: &Tile) -> Result<Option<Vec<u8>>, FolderError> {
        match tile.kind() {
            Kind::Entries => self.read_entries(tile),
            Kind::Hashes(level) => self.read_hashes(level, tile),
        }
    }
}

/// The entries of a log, with their indices.
pub struct Entries<'a> {
    folder: &'a Folder,
    next: u64,
    end: u64,
    /// What is left of the bundle that was read, the next entry last.
    bundle: Vec<Entry>,
}

impl Iterator for Entries<'_> {
    type Item = Result<(u64, Entry), FolderError>;

    fn next(&mut self) -> Option<Self::Item> {
        let index = self.next;
        if index >= self.end {
            return None;
        }
        if self.bundle.is_empty() {
            match self.folder.bundle(index / BUNDLE) {
                Ok(bundle) => self.bundle = bundle,
                Err(error) => {
                    self.end = 0;
                    return Some(Err(error));
                }
            }
            let skip = usize::try_from(index % BUNDLE).unwrap_or(0);
            self.bundle.truncate(self.bundle.len().saturating_sub(skip));
        }
        self.next = index.saturating_add(1);
        self.bundle.pop().map(|entry| Ok((index, entry)))
    }
}

/// Returns the folder that has the partial tiles of a place.
pub(crate) fn partial_folder(path: &Path, tile: &Tile) -> PathBuf {
    path.join(format!("{}.p", tile.filled().path()))
}

/// Returns whether a folder is the one of this log. It is not yet if it is absent or empty.
pub(crate) fn is_ours(
    disk: &dyn Disk,
    path: &Path,
    key: &VerifyingKey,
) -> Result<bool, FolderError> {
    if let Some(found) = origin(disk, path)? {
        let (folder, wanted) = (path.to_path_buf(), key.to_string());
        return if found == wanted {
            Ok(true)
        } else {
            Err(FolderError::OtherLog { folder, found, wanted })
        };
    }
    let names = disk.names(path).map_err(DiskError::at("a look", path))?.unwrap_or_default();
    let other = |name: &String| name != LOCK && name != UNFINISHED;
    if names.iter().any(other) {
        return Err(FolderError::NotALog { folder: path.into() });
    }
    Ok(false)
}

/// Returns whether there is no log yet, or one whose making was interrupted.
pub(crate) fn is_new(
    disk: &dyn Disk,
    path: &Path,
    key: &VerifyingKey,
) -> Result<bool, FolderError> {
    if !is_ours(disk, path, key)? {
        return Ok(true);
    }
    let there = |name| {
        let path = path.join(name);
        disk.exists(&path).map_err(DiskError::at("a look", &path))
    };
    if there(TAIL)? || there(TILE)? {
        return Ok(false);
    }
    // A log that has a checkpoint of entries had a tail before.
    let file = path.join(CHECKPOINT);
    let Some(note) = read(disk, &file)? else { return Ok(true) };
    let checkpoint =
        Checkpoint::open(&note, key).map_err(|source| FolderError::Checkpoint { file, source })?;
    Ok(checkpoint.size() == 0)
}

/// Reads the name and the key that a folder has.
fn origin(disk: &dyn Disk, path: &Path) -> Result<Option<String>, FolderError> {
    let bytes = read(disk, &path.join(ORIGIN))?;
    Ok(bytes.map(|bytes| String::from_utf8_lossy(&bytes).trim_end().to_owned()))
}

/// Reads which entry is the first that is kept.
fn oldest(disk: &dyn Disk, path: &Path, key: &VerifyingKey) -> Result<u64, FolderError> {
    let file = path.join(OLDEST);
    let Some(note) = read(disk, &file)? else { return Ok(0) };
    oldest::open(&note, key).map_err(|source| FolderError::Oldest { file, source })
}

/// Reads a file. Returns `None` if it is absent.
pub(crate) fn read(disk: &dyn Disk, file: &Path) -> Result<Option<Vec<u8>>, DiskError> {
    disk.read(file).map_err(DiskError::at("a read", file))
}

#[cfg(test)]
mod tests;
