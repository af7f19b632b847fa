//! A local folder as the store, by `object_store`: each object is a file, `objects/ab/abcd…`.
//!
//! Durable means: the file is flushed, then its folder, and only then the call returns.

use crate::room::Room;
use anyhow::Context as _;
use async_trait::async_trait;
use bytes::Bytes;
use eyesonly_gate::SealedPart;
use eyesonly_seal::ObjectName;
use eyesonly_service::store::{Listed, Store, StoreError, Upload};
use futures::TryStreamExt as _;
use object_store::local::LocalFileSystem;
use object_store::path::Path as ObjectPath;
use object_store::{
    MultipartUpload, ObjectStore, ObjectStoreExt as _, PutMode, PutOptions, PutPayload,
};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The size of the parts of a long upload, in bytes. It is large enough that writing them is cheap,
/// and small enough that those of many cameras fit in memory.
const PART_BYTES: usize = 1024 * 1024;

/// A folder of sealed files.
pub struct FolderStore {
    folder: PathBuf,
    room: Room,
    files: Arc<LocalFileSystem>,
}

impl FolderStore {
    /// Opens the folder, and makes it if there is none. It takes nothing more once the reserve of
    /// `room` is reached.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] with the path, if the folder can't be made or used.
    pub fn open(folder: &Path, room: Room) -> Result<Self, StoreError> {
        let open = || {
            std::fs::create_dir_all(folder)?;
            anyhow::Ok(LocalFileSystem::new_with_prefix(folder)?)
        };
        let files = open()
            .with_context(|| folder.display().to_string())
            .map_err(|error| StoreError::Unavailable(error.into()))?;
        Ok(Self { folder: folder.to_owned(), room, files: Arc::new(files.with_fsync(true)) })
    }
}

fn place(name: ObjectName) -> ObjectPath {
    let text = name.to_string();
    ObjectPath::from_iter([text.get(..2).unwrap_or_default(), text.as_str()])
}

fn error(error: object_store::Error) -> StoreError {
    match error {
        object_store::Error::NotFound { .. } => StoreError::NotFound,
        object_store::Error::AlreadyExists { .. } => StoreError::Exists,
        other if is_full(&other) => StoreError::Full,
        other => StoreError::Unavailable(other.into()),
    }
}

/// Says whether any cause of the error is a full disk or a used-up quota.
fn is_full(error: &(dyn std::error::Error + 'static)) -> bool {
    let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(this) = cause {
        if let Some(io) = this.downcast_ref::<std::io::Error>()
            && matches!(
                io.kind(),
                std::io::ErrorKind::StorageFull | std::io::ErrorKind::QuotaExceeded
            )
        {
            return true;
        }
        cause = this.source();
    }
    false
}

#[async_trait]
impl Store for FolderStore {
    async fn put(&self, name: ObjectName, sealed: SealedPart) -> Result<(), StoreError> {
        self.room.check()?;
        let options = PutOptions { mode: PutMode::Create, ..PutOptions::default() };
        self.files
            .put_opts(&place(name), PutPayload::from_bytes(sealed.into_bytes()), options)
            .await
            .map(|_| ())
            .map_err(error)
    }

    async fn begin(&self, name: ObjectName) -> Result<Box<dyn Upload>, StoreError> {
        let upload = self.files.put_multipart(&place(name)).await.map_err(error)?;
        Ok(Box::new(FolderUpload { upload: Some(upload), room: self.room.clone() }))
    }

    fn part_bytes(&self) -> usize {
        PART_BYTES
    }

    async fn get(&self, name: ObjectName, ranges: &[(u64, u64)]) -> Result<Vec<Bytes>, StoreError> {
        let ranges: Vec<_> =
            ranges.iter().map(|(start, length)| *start..start.saturating_add(*length)).collect();
        match self.files.get_ranges(&place(name), &ranges).await {
            Ok(parts) => Ok(parts),
            // `object_store` has no named error for a range past the end, so this compares with the
            // length.
            Err(failed) => match self.files.head(&place(name)).await {
                Ok(meta) if ranges.iter().any(|range| range.end > meta.size) => {
                    Err(StoreError::Short)
                }
                _ => Err(error(failed)),
            },
        }
    }

    async fn delete(&self, name: ObjectName) -> Result<(), StoreError> {
        match self.files.delete(&place(name)).await.map_err(error) {
            Err(StoreError::NotFound) => Ok(()),
            other => other,
        }
    }

    async fn sweep(&self, before_milliseconds: u64) -> Result<Vec<Listed>, StoreError> {
        let folder = self.folder.clone();
        tokio::task::spawn_blocking(move || remove_broken_uploads(&folder, before_milliseconds))
            .await
            .map_err(|e| StoreError::Unavailable(e.into()))?;
        let listed = self.files.list(None).map_err(error).try_filter_map(|meta| async move {
            let written_at_milliseconds =
                u64::try_from(meta.last_modified.timestamp_millis()).unwrap_or(0);
            let name = meta.location.filename().and_then(|file| ObjectName::parse(file).ok());
            Ok(name
                .filter(|_| written_at_milliseconds < before_milliseconds)
                .map(|name| Listed { name, written_at_milliseconds }))
        });
        listed.try_collect().await
    }
}

/// Removes old staged uploads: files whose name goes on with `#` and a number. Errors are left for
/// the next sweep.
fn remove_broken_uploads(folder: &Path, before_milliseconds: u64) {
    let files = |at: &Path| {
        std::fs::read_dir(at)
            .into_iter()
            .flatten()
            .flatten()
            .map(|entry| entry.path())
            .collect::<Vec<_>>()
    };
    for path in files(folder).iter().flat_map(|sub| files(sub)) {
        let staged = path.file_name().and_then(|n| n.to_str()).is_some_and(|n| n.contains('#'));
        let written = path.metadata().and_then(|m| m.modified()).ok();
        let old = written
            .and_then(|at| at.duration_since(std::time::UNIX_EPOCH).ok())
            .is_none_or(|at| at.as_millis() < u128::from(before_milliseconds));
        if staged && old && std::fs::remove_file(&path).is_ok() {
            tracing::info!("removed what a broken upload left behind");
        }
    }
}

struct FolderUpload {
    /// The staged upload. `None` once it is finished or aborted.
    upload: Option<Box<dyn MultipartUpload>>,
    room: Room,
}

#[async_trait]
impl Upload for FolderUpload {
    async fn part(&mut self, sealed: SealedPart) -> Result<(), StoreError> {
        let Some(upload) = &mut self.upload else {
            return Err(StoreError::Unavailable("the upload is over".into()));
        };
        self.room.check()?;
        upload.put_part(PutPayload::from_bytes(sealed.into_bytes())).await.map_err(error)
    }

    async fn finish(mut self: Box<Self>) -> Result<(), StoreError> {
        let Some(mut upload) = self.upload.take() else {
            return Err(StoreError::Unavailable("the upload is over".into()));
        };
        upload.complete().await.map(|_| ()).map_err(error)
    }

    async fn abort(mut self: Box<Self>) {
        if let Some(mut upload) = self.upload.take() {
            let _ = upload.abort().await;
        }
    }
}

impl Drop for FolderUpload {
    /// Removes the staged parts of a request that was dropped half-way. If there is no runtime to
    /// do it now, the next sweep does it.
    fn drop(&mut self) {
        if let (Some(mut upload), Ok(runtime)) =
            (self.upload.take(), tokio::runtime::Handle::try_current())
        {
            runtime.spawn(async move { upload.abort().await });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use eyesonly_service::chain::Chain;
    use std::error::Error as _;

    fn open(folder: &Path) -> Result<FolderStore, StoreError> {
        FolderStore::open(folder, Room::at(folder, Some(0)))
    }

    #[tokio::test]
    async fn the_reserve_is_left() {
        let folder = tempfile::tempdir().unwrap();
        let none = Room::at(folder.path(), Some(u64::MAX));
        let full = FolderStore::open(folder.path(), none).unwrap();
        let name = ObjectName::from_bytes([7; 32]);
        let part = || eyesonly_service::testing::part(7, 100);
        assert!(matches!(full.put(name, part()).await, Err(StoreError::Full)));
        let mut upload = full.begin(name).await.unwrap();
        assert!(matches!(upload.part(part()).await, Err(StoreError::Full)));
        upload.abort().await;
        assert_eq!(walk(folder.path()), 0);
    }

    #[tokio::test]
    async fn it_passes_the_suite() {
        let folder = tempfile::tempdir().unwrap();
        eyesonly_service::store::conformance::check(&open(folder.path()).unwrap()).await;
    }

    #[test]
    fn a_folder_that_cannot_be_made_is_named_with_the_reason() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let error = open(file.path()).err().unwrap();
        let text = Chain(&error).to_string();
        let (path, exists) = (file.path().display(), std::io::Error::from_raw_os_error(17));
        assert_eq!(text, format!("store unavailable: {path}: {exists}"));
        let path = error.source().unwrap();
        assert!(path.source().is_some_and(|cause| cause.is::<std::io::Error>()), "{error:?}");
    }

    #[tokio::test]
    async fn what_a_broken_upload_left_is_swept() {
        let folder = tempfile::tempdir().unwrap();
        let store = open(folder.path()).unwrap();
        let mut upload = store.begin(ObjectName::from_bytes([7; 32])).await.unwrap();
        upload.part(eyesonly_service::testing::part(7, 100)).await.unwrap();
        // As if the process had ended here.
        std::mem::forget(upload);
        let files = || walk(folder.path());
        assert_eq!(files(), 1);
        store.sweep(0).await.unwrap();
        assert_eq!(files(), 1, "younger ones are left alone");
        assert!(store.sweep(u64::MAX).await.unwrap().is_empty());
        assert_eq!(files(), 0);
    }

    fn walk(at: &Path) -> usize {
        let entries = std::fs::read_dir(at).unwrap().flatten();
        entries.map(|e| if e.path().is_dir() { walk(&e.path()) } else { 1 }).sum()
    }
}
