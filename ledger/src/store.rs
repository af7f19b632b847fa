//! The store: what the writer does, one step after the other. After an error nothing of it is used
//! again; a start reads the files.
//!
//! INVARIANT: a checkpoint counts durable entries alone, and all entries of full bundles. So each
//! step is durable before the next one:
//!
//! 1. a group is in the tail (its appenders are told);
//! 2. the bundles and tiles that it filled are files;
//! 3. a checkpoint counts them;
//! 4. a new tail starts after them, in place of the old one;
//! 5. partial tiles that are no longer needed are removed.
//!
//! A crash between two of them leaves a folder from which a start does the rest once more.

use crate::disk::{Disk, Lock, Open};
use crate::error::{DiskError, StoreError};
use crate::folder::partial_folder;
use crate::layout::{BUNDLE, CHECKPOINT, OLDEST, TAIL, UNFINISHED};
use crate::oldest;
use crate::tail::{Record, Tail};
use eyesonly_log::edge::Filled;
use eyesonly_log::hash::to_bytes;
use eyesonly_log::tile::{FULL, changed, partial};
use eyesonly_log::{Checkpoint, Edge, Entry, Kind, SigningKey, Tile, bundle};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// How many bundles that were forgotten are removed between two groups.
pub(crate) const MOST_SWEPT: u64 = 64;

/// A checkpoint and the note that was signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signed {
    /// The size and the root.
    pub checkpoint: Checkpoint,
    /// The signed note, as it is stored and given out.
    pub note: String,
}

impl Signed {
    pub(crate) fn new(edge: &Edge, key: &SigningKey) -> Result<Self, StoreError> {
        let name = key.verifying_key().name().clone();
        let checkpoint = Checkpoint::new(name, edge.size(), edge.root());
        let note = checkpoint.sign(key)?.to_string();
        Ok(Self { checkpoint, note })
    }
}

/// The disk and the folder of a log.
pub(crate) struct Place {
    pub(crate) disk: Arc<dyn Disk>,
    pub(crate) folder: PathBuf,
}

impl Place {
    /// Writes a file. It has its bytes, durably, before it has its name; the name is not durable
    /// yet. Returns the file, open at its end.
    fn write(&self, name: &str, bytes: &[u8]) -> Result<Box<dyn Open>, DiskError> {
        let unfinished = self.folder.join(UNFINISHED);
        let at = |doing| DiskError::at(doing, &unfinished);
        let mut file = self.disk.create(&unfinished).map_err(at("making the file"))?;
        file.append(bytes).map_err(at("a write"))?;
        file.sync().map_err(at("a flush"))?;
        let path = self.folder.join(name);
        self.disk.rename(&unfinished, &path).map_err(DiskError::at("a rename", &path))?;
        Ok(file)
    }

    /// Makes the names in a folder durable.
    pub(crate) fn sync(&self, folder: &Path) -> Result<(), DiskError> {
        self.disk.sync_folder(folder).map_err(DiskError::at("a flush", folder))
    }

    /// Writes a file in the log's folder, durably.
    pub(crate) fn put(&self, name: &str, bytes: &[u8]) -> Result<Box<dyn Open>, DiskError> {
        let file = self.write(name, bytes)?;
        self.sync(&self.folder)?;
        Ok(file)
    }

    /// Writes the tail, durably. Returns the file, open at its end.
    pub(crate) fn put_tail(
        &self,
        base: u64,
        records: &[Record],
    ) -> Result<Box<dyn Open>, DiskError> {
        self.put(TAIL, &[Tail::header(base), Record::to_bytes(records)].concat())
    }

    /// Writes tiles and bundles, durably. Folders that are there have durable names, unless
    /// `any_folder` says that nothing is known of them.
    fn put_tiles(
        &self,
        tiles: &BTreeMap<Tile, Vec<u8>>,
        any_folder: bool,
    ) -> Result<(), DiskError> {
        let mut folders = BTreeSet::new();
        for (tile, bytes) in tiles {
            let path = tile.path();
            let mut parts: Vec<_> = path.split('/').collect();
            parts.pop();
            let mut folder = self.folder.clone();
            for part in parts {
                let above = folder.clone();
                folder.push(part);
                let made = self.disk.make_folder(&folder);
                if made.map_err(DiskError::at("making the folder", &folder))? || any_folder {
                    folders.insert(above);
                }
            }
            self.write(&path, bytes)?;
            folders.insert(folder);
        }
        folders.iter().try_for_each(|folder| self.sync(folder))
    }

    /// Removes a file that nobody needs.
    fn remove(&self, path: &Path) -> Result<(), DiskError> {
        self.disk.remove(path).map_err(DiskError::at("removing the file", path))
    }
}

/// A log that is open for writing.
pub(crate) struct Store {
    pub(crate) place: Place,
    pub(crate) key: SigningKey,
    pub(crate) edge: Edge,
    /// The tiles that became full since the tail's first entry.
    pub(crate) filled: Vec<Filled>,
    /// The index of the tail's first entry.
    pub(crate) base: u64,
    pub(crate) records: Vec<Record>,
    pub(crate) tail: Box<dyn Open>,
    pub(crate) signed: Signed,
    /// The first entry that is kept.
    pub(crate) oldest: u64,
    /// The first bundle that is not removed yet.
    pub(crate) swept: u64,
    /// Whether what was found at the start is finished. A flush of a folder may have failed before.
    pub(crate) started: bool,
    /// It is given back with the store.
    pub(crate) _lock: Lock,
}

impl Store {
    /// Returns the number of entries. All of them are durable.
    pub(crate) const fn size(&self) -> u64 {
        self.edge.size()
    }

    /// Appends a group: one write and one flush. Returns the index of its first entry.
    pub(crate) fn append(&mut self, entries: &[Entry]) -> Result<u64, StoreError> {
        let first = self.size();
        let records = Record::group(first, entries);
        let path = self.place.folder.join(TAIL);
        let bytes = Record::to_bytes(&records);
        self.tail.append(&bytes).map_err(DiskError::at("a write", &path))?;
        self.tail.sync().map_err(DiskError::at("a flush", &path))?;
        for record in &records {
            self.filled.extend(self.edge.push(record.hash)?);
        }
        self.records.extend(records);
        Ok(first)
    }

    /// Makes full bundles and tiles into files. Does nothing if the tail has no full bundle.
    pub(crate) fn roll(&mut self) -> Result<(), StoreError> {
        let (due, full) = due(self.base, &self.records, &self.edge, &self.filled);
        if full == 0 {
            return Ok(());
        }
        self.place.put_tiles(&due, !self.started)?;
        self.sign()?;
        let base = self.base.saturating_add(u64::try_from(full).unwrap_or(0));
        self.records.drain(..full);
        self.filled.clear();
        self.tail = self.place.put_tail(base, &self.records)?;
        self.base = base;
        self.tidy()
    }

    /// Signs a checkpoint of all entries, durably.
    pub(crate) fn sign(&mut self) -> Result<&Signed, StoreError> {
        if self.signed.checkpoint.size() != self.size() {
            let signed = Signed::new(&self.edge, &self.key)?;
            self.place.put(CHECKPOINT, signed.note.as_bytes())?;
            self.signed = signed;
        }
        Ok(&self.signed)
    }

    /// Removes partial tiles that wider ones replaced, also those that a crash left. Of each level
    /// these are at the place of the last tile and at the one before it.
    fn tidy(&self) -> Result<(), StoreError> {
        let needed: BTreeSet<_> = partial(self.base).collect();
        for level in 1..=eyesonly_log::tile::TOP_LEVEL {
            let shift = u32::from(level).saturating_add(1).saturating_mul(8);
            let last = self.base.checked_shr(shift).unwrap_or(0);
            for index in last.saturating_sub(1)..=last {
                let Some(tile) = Tile::hashes(level, index, 1) else { continue };
                let folder = partial_folder(&self.place.folder, &tile);
                let names = self.place.disk.names(&folder);
                let Some(names) = names.map_err(DiskError::at("a look", &folder))? else {
                    continue;
                };
                let kept = needed
                    .iter()
                    .find(|tile| (tile.kind(), tile.index()) == (Kind::Hashes(level), index));
                let kept = kept.map(|tile| tile.width().to_string());
                for name in names.iter().filter(|name| Some(*name) != kept.as_ref()) {
                    self.place.remove(&folder.join(name))?;
                }
                if kept.is_none() {
                    // An empty folder does no harm.
                    _ = self.place.disk.remove_folder(&folder);
                }
            }
        }
        Ok(())
    }

    /// Notes, durably, that the entries before this one need not be kept, as far as they are in
    /// full bundles. Returns the first entry that is kept.
    pub(crate) fn forget(&mut self, before: u64) -> Result<u64, StoreError> {
        let before = before.min(self.base);
        let before = before.saturating_sub(before % BUNDLE);
        if before > self.oldest {
            let note = oldest::sign(before, &self.key)?;
            self.place.put(OLDEST, note.as_bytes())?;
            self.oldest = before;
        }
        Ok(self.oldest)
    }

    /// Removes the next [`MOST_SWEPT`] of the bundles that were forgotten, the oldest first.
    /// Returns whether all of them are removed, durably.
    pub(crate) fn sweep(&mut self) -> Result<bool, StoreError> {
        let end = self.oldest / BUNDLE;
        let mut folders = BTreeSet::new();
        let until = end.min(self.swept.saturating_add(MOST_SWEPT));
        for tile in (self.swept..until).filter_map(|index| Tile::entries(index, FULL)) {
            let path = self.place.folder.join(tile.path());
            self.place.remove(&path)?;
            folders.extend(path.parent().map(Path::to_path_buf));
        }
        // A start looks for what is left of one such step, and not of several.
        folders.iter().try_for_each(|folder| self.place.sync(folder))?;
        self.swept = self.swept.max(until);
        Ok(self.swept >= end)
    }

    /// Finds the bundles that were forgotten and may not be removed: those after the first that is
    /// certainly gone.
    pub(crate) fn find_swept(place: &Place, oldest: u64) -> Result<u64, DiskError> {
        let mut first = oldest / BUNDLE;
        let mut gone = 0_u64;
        for index in (0..first).rev() {
            let Some(tile) = Tile::entries(index, FULL).filter(|_| gone < MOST_SWEPT) else {
                break;
            };
            let path = place.folder.join(tile.path());
            if place.disk.exists(&path).map_err(DiskError::at("a look", &path))? {
                (first, gone) = (index, 0);
            } else {
                gone = gone.saturating_add(1);
            }
        }
        Ok(first)
    }
}

/// Lists the files that are due, with their bytes, and counts the entries of their bundles: the
/// full bundles of a tail that starts at `base`, and the tiles above.
pub(crate) fn due(
    base: u64,
    records: &[Record],
    edge: &Edge,
    filled: &[Filled],
) -> (BTreeMap<Tile, Vec<u8>>, usize) {
    let (bundles, _) = records.as_chunks::<{ FULL as usize }>();
    let full = bundles.as_flattened().len();
    let end = base.saturating_add(u64::try_from(full).unwrap_or(0));
    let indices = base / BUNDLE..;
    let mut files = BTreeMap::new();
    for (records, index) in bundles.iter().zip(indices) {
        let entries: Vec<_> = records.iter().map(|record| record.entry).collect();
        files.extend(Tile::entries(index, FULL).zip(bundle::write(&entries).ok()));
    }
    files.extend(filled.iter().map(|(tile, hashes)| (*tile, to_bytes(hashes))));
    // The partial tiles above level 0 are the same up to the next full bundle.
    let wider: BTreeSet<_> = changed(base, end).collect();
    let edge = edge.partial().filter(|(tile, _)| wider.contains(tile));
    files.extend(edge.map(|(tile, hashes)| (tile, to_bytes(hashes))));
    (files, full)
}

#[cfg(test)]
mod tests;
