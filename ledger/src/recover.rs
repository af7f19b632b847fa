//! A start: reads what is there, decides, and only then writes.
//!
//! Whatever a crash left is finished by the steps that the writer takes anyway. What no crash
//! leaves is an error, and nothing is changed.

use crate::disk::{Disk, Lock};
use crate::error::{DiskError, FolderError, OpenError, StoreError};
use crate::folder::{Folder, is_new, is_ours, read};
use crate::layout::{BUNDLE, CHECKPOINT, LOCK, ORIGIN};
use crate::store::{Place, Signed, Store, due};
use crate::tail::Settled;
use eyesonly_log::edge::Filled;
use eyesonly_log::tile::FULL;
use eyesonly_log::{
    Checkpoint, Edge, Files, Frontier, Kind, SigningKey, Tile, TreeError, leaf, tree,
};
use std::path::Path;
use std::sync::Arc;

/// What a start demands.
#[derive(Clone, Debug)]
pub struct Options {
    /// Whether a log is made where there is none. Without it an empty folder, such as that of a
    /// volume which is not mounted, is an error.
    pub create: bool,
    /// Checkpoints that somebody kept, verified. The log must have grown from each of them.
    pub kept: Vec<Checkpoint>,
    /// How long entries wait at most for a checkpoint.
    pub sign_every: std::time::Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self { create: true, kept: Vec::new(), sign_every: crate::SIGN_EVERY }
    }
}

/// What a start found. The numbers of what was cut off are 0 unless the process or the machine
/// stopped in the middle of a write. Nobody was told that any of it was durable.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Recovery {
    /// The number of entries.
    pub size: u64,
    /// The number of bytes that were cut off, as they are no whole entry.
    pub torn_bytes: u64,
    /// The number of whole entries that were cut off, as others of their group are not whole.
    pub unfinished: u64,
    /// The number of entries that were there twice. Their copies were cut off.
    pub double: u64,
    /// The number of entries that no checkpoint counted: those after the last one that was signed.
    pub unsigned: u64,
    /// The number of full bundles that were made into files.
    pub bundles: u64,
}

/// A log as it was found.
struct Found {
    folder: Folder,
    settled: Settled,
    edge: Edge,
    filled: Vec<Filled>,
    recovery: Recovery,
}

/// Takes the lock, reads the folder, and finishes what was not finished.
pub(crate) fn open(
    disk: Arc<dyn Disk>,
    path: &Path,
    key: SigningKey,
    options: &Options,
) -> Result<(Store, Recovery), OpenError> {
    let public = key.verifying_key();
    let place = Place { disk, folder: path.to_path_buf() };
    // The folder of something else gets no lock file.
    let ours = is_ours(&*place.disk, path, &public)?;
    if !ours && !options.create {
        return Err(FolderError::Absent { folder: path.into() }.into());
    }
    if !ours {
        make_folder(&place)?;
    }
    let file = path.join(LOCK);
    let lock = place.disk.lock(&file).map_err(DiskError::at("taking the lock", &file));
    let lock = lock.map_err(StoreError::from)?;
    let lock = lock.ok_or_else(|| OpenError::Locked { folder: path.into() })?;
    if is_new(&*place.disk, path, &public)? {
        if !options.create {
            return Err(FolderError::Absent { folder: path.into() }.into());
        }
        create(&place, &key)?;
    }
    let found = examine(&place, &key, options)?;
    Ok(settle(place, key, lock, found)?)
}

/// Makes the folder of a log, durably. It may be there, and its name not be durable yet.
fn make_folder(place: &Place) -> Result<(), StoreError> {
    let folder = &place.folder;
    place.disk.make_folder(folder).map_err(DiskError::at("making the folder", folder))?;
    match folder.parent() {
        Some(above) if above.as_os_str().is_empty() => place.sync(Path::new("."))?,
        Some(above) => place.sync(above)?,
        None => {}
    }
    Ok(())
}

/// Makes a log without entries. The tail comes last: without it the log is new.
fn create(place: &Place, key: &SigningKey) -> Result<(), StoreError> {
    place.put(ORIGIN, format!("{}\n", key.verifying_key()).as_bytes())?;
    let signed = Signed::new(&Edge::default(), key)?;
    place.put(CHECKPOINT, signed.note.as_bytes())?;
    place.put_tail(0, &[])?;
    Ok(())
}

/// Reads a log and checks whether a crash can have left it so. Nothing is written.
fn examine(place: &Place, key: &SigningKey, options: &Options) -> Result<Found, OpenError> {
    let path = &place.folder;
    let folder = Folder::on(place.disk.clone(), path, &key.verifying_key())?;
    let tail = folder.tail();
    let base = tail.base;
    let settled = tail.settled();
    let settled = settled.map_err(|entry| OpenError::Edited { folder: path.into(), entry })?;
    let records = tail.records.get(..settled.records).unwrap_or_default();

    let (signed, size) = (folder.checkpoint().size(), folder.size());
    if signed < base {
        return Err(OpenError::Stale { folder: path.into(), signed, full: base });
    }
    let mut older = Vec::new();
    let mut newer = Vec::new();
    for checkpoint in options.kept.iter().chain([folder.checkpoint()]) {
        if checkpoint.origin() != key.verifying_key().name() {
            let found = key.verifying_key().name().to_string();
            let wanted = checkpoint.origin().to_string();
            return Err(FolderError::OtherLog { folder: path.into(), found, wanted }.into());
        }
        if checkpoint.size() > size {
            let signed = checkpoint.size();
            return Err(OpenError::Rollback { folder: path.into(), size, signed });
        }
        if checkpoint.size() < base { older.push(checkpoint) } else { newer.push(checkpoint) }
    }

    let mut edge = Edge::read(base, &folder).map_err(|error| unreadable(path, error))?;
    let last = last_bundle(&folder, base).map_err(|error| unreadable(path, error))?;
    let same = last.is_none_or(|root| root == edge.root());
    let compare = |edge: &Edge| {
        let other = |kept: &&&Checkpoint| kept.size() == edge.size() && *kept.root() != edge.root();
        let wrong = newer.iter().find(other).map(|kept| kept.size());
        wrong.map_or(Ok(()), |size| Err(OpenError::Root { folder: path.clone(), size }))
    };
    same.then_some(()).ok_or_else(|| OpenError::Root { folder: path.clone(), size: base })?;
    compare(&edge)?;
    let mut filled = Vec::new();
    for record in records {
        filled.extend(edge.push(record.hash).map_err(StoreError::from)?);
        compare(&edge)?;
    }
    for kept in older {
        let root = tree::root(kept.size(), &folder).map_err(|error| unreadable(path, error))?;
        if root != *kept.root() {
            return Err(OpenError::Root { folder: path.clone(), size: kept.size() });
        }
    }
    // A crash leaves a file that is due whole or not at all.
    let (due, full) = due(base, records, &edge, &filled);
    for (tile, bytes) in &due {
        if read(&*place.disk, &path.join(tile.path()))
            .map_err(FolderError::from)?
            .is_some_and(|found| found != *bytes)
        {
            return Err(OpenError::Tile { folder: path.into(), tile: *tile });
        }
    }
    let bundles = u64::try_from(full).unwrap_or(0) / BUNDLE;
    let Settled { unfinished, double, torn_bytes, .. } = settled;
    let unsigned = size.saturating_sub(signed);
    let recovery = Recovery { size, torn_bytes, unfinished, double, unsigned, bundles };
    Ok(Found { folder, settled, edge, filled, recovery })
}

/// Computes the root at `base` from the tiles of 256 entries before, and from the last full bundle.
/// Returns `None` if there is none, or if it was forgotten.
fn last_bundle(
    folder: &Folder,
    base: u64,
) -> Result<Option<eyesonly_log::Hash>, TreeError<FolderError>> {
    let Some(before) = base.checked_sub(FULL.into()) else { return Ok(None) };
    if before < folder.oldest() {
        return Ok(None);
    }
    let mut frontier = Frontier::read(before, folder)?;
    let tile = Tile::of_size(Kind::Entries, before / BUNDLE, base);
    let tile = tile.ok_or(TreeError::OutOfRange)?;
    folder.read(&tile).map_err(TreeError::Files)?.ok_or(TreeError::Missing(tile))?;
    for entry in folder.entries(before..base) {
        let (_, entry) = entry.map_err(TreeError::Files)?;
        frontier.push(leaf(&entry)).map_err(|_| TreeError::OutOfRange)?;
    }
    Ok(Some(frontier.root()))
}

fn unreadable(path: &Path, error: TreeError<FolderError>) -> OpenError {
    let folder = path.to_path_buf();
    match error {
        TreeError::Files(error) => error.into(),
        TreeError::Missing(tile) | TreeError::Malformed(tile) => OpenError::Tile { folder, tile },
        TreeError::OutOfRange => OpenError::Root { folder, size: 0 },
    }
}

/// Makes durable what was found, and finishes what was not finished.
fn settle(
    place: Place,
    key: SigningKey,
    lock: Lock,
    found: Found,
) -> Result<(Store, Recovery), StoreError> {
    let Found { folder, settled, edge, filled, recovery } = found;
    let base = folder.tail().base;
    let records = folder.tail().records.get(..settled.records).unwrap_or_default().to_vec();
    // After a flush that failed, bytes that can be read are perhaps not on the disk. So they are
    // written once more, into another file.
    let tail = place.put_tail(base, &records)?;
    let (oldest, checkpoint) = (folder.oldest(), folder.checkpoint().clone());
    let signed = Signed { checkpoint, note: folder.note().to_owned() };
    let mut store = Store {
        swept: Store::find_swept(&place, oldest)?,
        place,
        key,
        edge,
        filled,
        base,
        records,
        tail,
        signed,
        oldest,
        started: false,
        _lock: lock,
    };
    store.roll()?;
    store.started = true;
    store.sign()?;
    Ok((store, recovery))
}

#[cfg(test)]
mod tests;
