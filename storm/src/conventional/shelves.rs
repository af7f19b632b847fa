//! Where the conventional server keeps footage: caches and a folder, as the system beside it has
//! them. Caches and folder hold plain bytes, with the same liars in front.
//!
//! The server has shelves of its own because the host's tiers and store take only what was sealed.

use crate::arena::Ground;
use crate::forge::Forge;
use crate::liars::{Mouth, Reads};
use crate::lies::Liar;
use bytes::Bytes;
use eyesonly_gate::Claimed;
use eyesonly_seal::ObjectName;
use eyesonly_seal::format::HEADER_BYTES;
use eyesonly_service::tiers::FetchError;
use moka::sync::Cache;
use std::fs::File;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::UNIX_EPOCH;

/// The number of the extent: every object here is one extent.
const FIRST: u64 = 0;
/// The place where the chunks of the first extent start in a stored object.
const CHUNKS_AT: u64 = HEADER_BYTES as u64;

/// The caches and the store.
pub struct Shelves {
    /// The caches, the nearest first.
    pub caches: Vec<Shelf>,
    /// The store behind the caches.
    pub store: Arc<PlainStore>,
}

impl Shelves {
    /// Makes caches and store in a server's folder.
    ///
    /// # Errors
    /// The folder can't be made.
    pub fn open(
        folder: &Path,
        ground: &Ground<'_>,
        forge: &Arc<Forge>,
        reads: &Arc<Reads>,
    ) -> io::Result<Self> {
        let mouth = |liar| Mouth::new(liar, Arc::clone(&ground.lies), Arc::clone(forge));
        let folder = folder.join("plain");
        std::fs::create_dir(&folder)?;
        let store =
            PlainStore { folder, mouth: mouth(Liar::ObjectStore), reads: Arc::clone(reads) };
        let caches = ground.tiers.iter().map(|liar| Shelf::new(ground.tier_bytes, mouth(*liar)));
        Ok(Self { caches: caches.collect(), store: Arc::new(store) })
    }
}

/// A cache of plain objects under a byte budget.
pub struct Shelf {
    objects: Cache<ObjectName, Claimed>,
    mouth: Mouth,
}

impl Shelf {
    fn new(budget_bytes: u64, mouth: Mouth) -> Self {
        let weigh = |_: &ObjectName, object: &Claimed| {
            u32::try_from(object.chunks.len()).unwrap_or(u32::MAX)
        };
        Self { objects: Cache::builder().max_capacity(budget_bytes).weigher(weigh).build(), mouth }
    }

    /// Returns what the cache has under this name, without a check.
    pub fn get(&self, name: ObjectName) -> Option<Claimed> {
        Some(self.mouth.says((name, FIRST), self.objects.get(&name)?))
    }

    /// Keeps an object.
    pub fn put(&self, name: ObjectName, object: Claimed) {
        self.mouth.hears((name, FIRST), &object);
        self.objects.insert(name, object);
    }
}

/// Plain objects, each in a file.
pub struct PlainStore {
    folder: PathBuf,
    mouth: Mouth,
    reads: Arc<Reads>,
}

impl PlainStore {
    fn path(&self, name: ObjectName) -> PathBuf {
        self.folder.join(name.to_string())
    }

    /// Writes an object, durable on return, if there is none of this name. False: there is one.
    ///
    /// # Errors
    /// The file can't be written.
    pub async fn put(self: &Arc<Self>, name: ObjectName, object: Claimed) -> io::Result<bool> {
        let store = Arc::clone(self);
        let write = move || {
            let mut file = match File::create_new(store.path(name)) {
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => return Ok(false),
                file => file?,
            };
            file.write_all(&object.header)?;
            file.write_all(&object.chunks)?;
            file.sync_all()?;
            File::open(&store.folder)?.sync_all()?;
            Ok(true)
        };
        tokio::task::spawn_blocking(write).await?
    }

    /// Reads an object, without a check.
    ///
    /// # Errors
    /// The object is not there, or can't be read.
    pub async fn get(self: &Arc<Self>, name: ObjectName) -> Result<Claimed, FetchError> {
        let path = self.path(name);
        let bytes = tokio::task::spawn_blocking(move || std::fs::read(path)).await;
        let bytes = match bytes.map_err(|_| FetchError::Unavailable)? {
            Ok(bytes) => Bytes::from(bytes),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Err(FetchError::Missing);
            }
            Err(_) => return Err(FetchError::Unavailable),
        };
        self.reads.count((name, CHUNKS_AT));
        let header = bytes.first_chunk().copied().ok_or(FetchError::Short)?;
        let chunks = bytes.slice(HEADER_BYTES..);
        Ok(self.mouth.says((name, CHUNKS_AT), Claimed { header, chunks }))
    }

    /// Deletes an object.
    ///
    /// # Errors
    /// The file can't be deleted.
    pub fn delete(&self, name: ObjectName) -> io::Result<()> {
        std::fs::remove_file(self.path(name))
    }

    /// Lists objects that were written before a moment.
    ///
    /// # Errors
    /// The folder can't be read.
    pub fn written_before(&self, milliseconds: u64) -> io::Result<Vec<ObjectName>> {
        let mut names = Vec::new();
        for entry in std::fs::read_dir(&self.folder)? {
            let entry = entry?;
            let at = entry.metadata()?.modified()?.duration_since(UNIX_EPOCH).unwrap_or_default();
            let name = entry.file_name().to_str().and_then(|name| ObjectName::parse(name).ok());
            if at.as_millis() < u128::from(milliseconds) {
                names.extend(name);
            }
        }
        Ok(names)
    }
}
