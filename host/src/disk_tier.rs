//! The disk tier: sealed extents in files under a byte budget, for edges whose store is far away.
//!
//! Threat: that of every tier. A file may be another extent's, truncated, changed, or missing.
//! Nothing here is trusted before the vault has opened it, so nothing here is flushed or checked. A
//! file that a crash left half-written is one more answer that is rejected and evicted.
//!
//! It is a cache, and it is empty at the start, whatever an earlier process left. It must never
//! hold plaintext, a name that says what it holds, or a runtime thread while the disk works.

use crate::room::Room;
use async_trait::async_trait;
use bytes::Bytes;
use eyesonly_gate::{Claimed, Sealed};
use eyesonly_seal::format::{EXTENT_SEALED_BYTES, HEADER_BYTES};
use eyesonly_service::tiers::{ExtentKey, Tier};
use moka::notification::RemovalCause;
use moka::sync::Cache;
use std::fs;
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, Sender};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// The most extents that wait to be written, of at most 1 MiB each. One more is not kept, because a
/// tier may forget but may not delay a request.
const WRITES_WAITING_MAX: usize = 32;
/// The most files that are read at once. More reads wait. Each holds a thread of the blocking pool
/// and up to 1 MiB.
const READS_MAX: usize = 32;
/// The cost of an entry besides its bytes: a directory entry and the rest of a block.
const ENTRY_OVERHEAD_BYTES: u32 = 4096;

/// Sealed extents on a local disk.
pub struct DiskTier {
    folder: Arc<PathBuf>,
    kept: Cache<ExtentKey, u32, std::hash::RandomState>,
    jobs: Sender<Job>,
    writes: Arc<Semaphore>,
    reads: Semaphore,
}

enum Job {
    Write(ExtentKey, Sealed, OwnedSemaphorePermit),
    Remove(ExtentKey),
    /// Reports when every earlier job is done.
    #[cfg(test)]
    Settle(Sender<()>),
}

impl DiskTier {
    /// Opens a tier of at most `budget_bytes` in `folder`. The folder is made, or emptied if it
    /// exists. The tier keeps nothing more once the reserve of `room` is reached.
    ///
    /// # Errors
    /// If the folder can't be made or emptied, or no thread can be started.
    pub fn open(folder: &Path, budget_bytes: u64, room: Room) -> io::Result<Self> {
        match fs::remove_dir_all(folder) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
        let folder = Arc::new(folder.to_owned());
        let (jobs, queue) = mpsc::channel();
        let removals = jobs.clone();
        let kept = Cache::builder()
            .max_capacity(budget_bytes)
            .weigher(|_: &ExtentKey, bytes: &u32| bytes.saturating_add(ENTRY_OVERHEAD_BYTES))
            .eviction_listener(move |key: Arc<ExtentKey>, _, cause| {
                // A replaced entry keeps its file: the write that replaced the entry has
                // overwritten it.
                if cause != RemovalCause::Replaced {
                    let _ended = removals.send(Job::Remove(*key));
                }
            })
            .build_with_hasher(std::hash::RandomState::new());
        let tier = Self {
            folder: Arc::clone(&folder),
            kept: kept.clone(),
            jobs,
            writes: Arc::new(Semaphore::new(WRITES_WAITING_MAX)),
            reads: Semaphore::new(READS_MAX),
        };
        std::thread::Builder::new()
            .name("disk-tier".to_owned())
            .spawn(move || work(&folder, &kept, &queue, &room))?;
        Ok(tier)
    }

    /// Waits until every earlier job has reached the file system.
    #[cfg(test)]
    pub(crate) fn settle(&self) {
        for _ in 0..2 {
            self.kept.run_pending_tasks();
            let (done, settled) = mpsc::channel();
            self.jobs.send(Job::Settle(done)).unwrap();
            settled.recv().unwrap();
        }
    }

    /// Returns the path of an extent's file.
    #[cfg(test)]
    pub(crate) fn file(&self, key: ExtentKey) -> PathBuf {
        path(&self.folder, key)
    }
}

/// Writes and removes files, on one thread, in the order of the jobs.
fn work(
    folder: &Path,
    kept: &Cache<ExtentKey, u32, std::hash::RandomState>,
    queue: &Receiver<Job>,
    room: &Room,
) {
    for job in queue {
        match job {
            Job::Write(..) if room.check().is_err() => {}
            Job::Write(key, extent, _place) => match write(&path(folder, key), &extent) {
                Ok(()) => {
                    let bytes = extent.chunks().len().saturating_add(HEADER_BYTES);
                    kept.insert(key, u32::try_from(bytes).unwrap_or(u32::MAX));
                    kept.run_pending_tasks();
                }
                Err(error) => {
                    tracing::warn!(%error, "the disk tier did not keep an extent");
                    let _absent = fs::remove_file(path(folder, key));
                }
            },
            Job::Remove(key) => {
                if !kept.contains_key(&key) {
                    let _absent = fs::remove_file(path(folder, key));
                }
            }
            #[cfg(test)]
            Job::Settle(done) => drop(done.send(())),
        }
    }
}

fn path(folder: &Path, (name, index): ExtentKey) -> PathBuf {
    folder.join(format!("{name}-{index}"))
}

fn write(path: &Path, extent: &Sealed) -> io::Result<()> {
    // Written beside the path and then renamed: a reader finds the old file or the new one.
    let beside = path.with_extension("new");
    let mut file =
        fs::OpenOptions::new().create(true).truncate(true).write(true).mode(0o600).open(&beside)?;
    file.write_all(extent.header())?;
    file.write_all(extent.chunks())?;
    fs::rename(&beside, path)
}

fn read(path: &Path) -> io::Result<Claimed> {
    let mut file = fs::File::open(path)?;
    let mut header = [0; HEADER_BYTES];
    file.read_exact(&mut header)?;
    let mut chunks = Vec::new();
    // The file may have any length, but an extent is no longer than this. One byte more shows that
    // the file is no extent.
    file.take(EXTENT_SEALED_BYTES as u64 + 1).read_to_end(&mut chunks)?;
    Ok(Claimed { header, chunks: Bytes::from(chunks) })
}

#[async_trait]
impl Tier for DiskTier {
    async fn get(&self, key: ExtentKey) -> Option<Claimed> {
        self.kept.get(&key)?;
        let _place = self.reads.acquire().await.ok()?;
        let path = path(&self.folder, key);
        // A file that can't be read counts as missing, so the next layer is asked.
        tokio::task::spawn_blocking(move || read(&path)).await.ok()?.ok()
    }

    async fn put(&self, key: ExtentKey, extent: Sealed) {
        if self.kept.contains_key(&key) {
            return;
        }
        if let Ok(place) = Arc::clone(&self.writes).try_acquire_owned() {
            let _ended = self.jobs.send(Job::Write(key, extent, place));
        }
    }

    async fn evict(&self, key: ExtentKey) {
        self.kept.invalidate(&key);
        // The listener removes the file. But a write that waits would bring it back, so this job
        // follows it.
        let _ended = self.jobs.send(Job::Remove(key));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use eyesonly_service::tiers::conformance::{self, extent, key};

    fn free(folder: &tempfile::TempDir) -> Room {
        Room::at(folder.path(), Some(0))
    }

    #[tokio::test]
    async fn it_leaves_the_reserve() {
        let folder = tempfile::tempdir().unwrap();
        let none = Room::at(folder.path(), Some(u64::MAX));
        let tier = DiskTier::open(&folder.path().join("tier"), 1 << 20, none).unwrap();
        tier.put(key(1), extent(1, 30)).await;
        tier.settle();
        assert_eq!(files(&tier), 0);
    }

    fn tier(budget_bytes: u64) -> (tempfile::TempDir, DiskTier) {
        let folder = tempfile::tempdir().unwrap();
        let tier =
            DiskTier::open(&folder.path().join("tier"), budget_bytes, free(&folder)).unwrap();
        (folder, tier)
    }

    fn files(tier: &DiskTier) -> usize {
        fs::read_dir(&*tier.folder).unwrap().count()
    }

    #[tokio::test]
    async fn conforms() {
        let (_folder, tier) = tier(1 << 20);
        conformance::check(&tier, || tier.settle()).await;
    }

    #[tokio::test]
    async fn it_keeps_within_its_budget_and_removes_what_it_forgets() {
        let (_folder, tier) = tier(100_000);
        for n in 0..100 {
            tier.put(key(n), extent(n, 6000)).await;
            tier.settle();
        }
        let kept = files(&tier);
        assert!((5..=10).contains(&kept), "{kept} files of 10 KiB in 100 KB");
    }

    #[tokio::test]
    async fn it_begins_empty_and_its_files_are_for_nobody_else() {
        use std::os::unix::fs::PermissionsExt as _;
        let (folder, tier) = tier(1 << 20);
        tier.put(key(1), extent(1, 30)).await;
        tier.settle();
        let mode = fs::metadata(tier.file(key(1))).unwrap().permissions().mode();
        assert_eq!((files(&tier), mode & 0o777), (1, 0o600));
        let again = DiskTier::open(&folder.path().join("tier"), 1 << 20, free(&folder)).unwrap();
        assert_eq!(files(&again), 0);
        assert!(again.get(key(1)).await.is_none());
    }

    #[tokio::test]
    async fn a_file_that_is_no_extent_is_no_answer_or_one_that_is_too_long() {
        let (_folder, tier) = tier(8 << 20);
        tier.put(key(1), extent(1, 30)).await;
        tier.settle();
        fs::write(tier.file(key(1)), b"short").unwrap();
        assert!(tier.get(key(1)).await.is_none());
        fs::write(tier.file(key(1)), vec![0; 3 << 20]).unwrap();
        let answer = tier.get(key(1)).await.unwrap();
        assert_eq!(answer.chunks.len(), EXTENT_SEALED_BYTES + 1);
        fs::remove_file(tier.file(key(1))).unwrap();
        assert!(tier.get(key(1)).await.is_none());
    }
}
