//! The room on the disk of the data folder.
//!
//! Uploads leave a reserve of it. Without that, they could fill the disk, and then the ledger could
//! take no entry and nobody could see anything.

use crate::config::Config;
use eyesonly_service::store::StoreError;
use std::path::{Path, PathBuf};

/// The least reserve, in bytes, if the configuration names none.
const RESERVE_BYTES_MIN: u64 = 1024 * 1024 * 1024;
/// The share of the disk that is the reserve, if that is more.
const RESERVE_PERCENT: u64 = 1;

/// The room on a folder's disk.
#[derive(Debug, Clone)]
pub struct Room {
    folder: PathBuf,
    reserve_bytes: Option<u64>,
}

impl Room {
    /// Returns the room of the data folder that a configuration names.
    pub fn of(config: &Config) -> Self {
        Self::at(&config.data, config.reserve_bytes)
    }

    /// Returns the room of a folder's disk, with a reserve of so many bytes. `None`: 1 GiB or 1 %
    /// of the disk, whichever is more.
    pub fn at(folder: &Path, reserve_bytes: Option<u64>) -> Self {
        Self { folder: folder.to_owned(), reserve_bytes }
    }

    /// Looks whether there is more room than the reserve. It asks the kernel for what it has in
    /// memory, and reads no disk.
    ///
    /// # Errors
    /// [`StoreError::Full`] if there is not, and [`StoreError::Unavailable`] if the kernel does not
    /// say.
    pub fn check(&self) -> Result<(), StoreError> {
        let disk = rustix::fs::statvfs(&self.folder)
            .map_err(|error| StoreError::Unavailable(std::io::Error::from(error).into()))?;
        let bytes = |blocks: u64| blocks.saturating_mul(disk.f_frsize);
        let share = bytes(disk.f_blocks) / 100 * RESERVE_PERCENT;
        let reserve = self.reserve_bytes.unwrap_or(share.max(RESERVE_BYTES_MIN));
        if bytes(disk.f_bavail) > reserve { Ok(()) } else { Err(StoreError::Full) }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failed expectation is how a test fails")]
mod tests {
    use super::*;

    #[test]
    fn a_disk_has_room_beyond_its_reserve_alone() {
        let folder = tempfile::tempdir().unwrap();
        let check = |reserve| Room::at(folder.path(), Some(reserve)).check();
        check(0).unwrap();
        assert!(matches!(check(u64::MAX), Err(StoreError::Full)));
        let gone = Room::at(&folder.path().join("gone"), Some(0)).check();
        assert!(matches!(gone, Err(StoreError::Unavailable(_))));
    }
}
