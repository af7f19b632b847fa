//! The disk: the few operations that a log needs, so that a test can let any of them fail.
//!
//! What was written is durable only after [`Open::sync`], and a name only after
//! [`Disk::sync_folder`]. Nothing is tried again: after a flush that failed the operating system
//! may call pages clean that it never wrote.

use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path;

/// The longest file that is read. A full bundle has 128 KiB, and the last entries twice that.
const FILE_BYTES_MAX: u64 = 16 * 1024 * 1024;

/// A file that is open for writing.
pub(crate) trait Open: Send {
    /// Writes at the end. After an error a part may have been written.
    fn append(&mut self, bytes: &[u8]) -> io::Result<()>;

    /// Makes all that was written durable.
    fn sync(&mut self) -> io::Result<()>;
}

/// Holds a lock until it is dropped.
pub(crate) type Lock = Box<dyn Send>;

/// A file system.
pub(crate) trait Disk: Send + Sync {
    /// Takes the lock of a file, which is made if it is absent. Returns `None` if it is taken.
    fn lock(&self, file: &Path) -> io::Result<Option<Lock>>;

    /// Lists the names in a folder. Returns `None` if it is absent.
    fn names(&self, folder: &Path) -> io::Result<Option<Vec<String>>>;

    /// Reads a file. Returns `None` if it is absent.
    fn read(&self, file: &Path) -> io::Result<Option<Vec<u8>>>;

    /// Returns whether there is such a file.
    fn exists(&self, file: &Path) -> io::Result<bool>;

    /// Makes a folder. Returns whether it is new.
    fn make_folder(&self, folder: &Path) -> io::Result<bool>;

    /// Makes an empty file, or empties it.
    fn create(&self, file: &Path) -> io::Result<Box<dyn Open>>;

    /// Gives a file another name. A file of that name is replaced.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;

    /// Removes a file. It may be absent.
    fn remove(&self, file: &Path) -> io::Result<()>;

    /// Removes an empty folder.
    fn remove_folder(&self, folder: &Path) -> io::Result<()>;

    /// Makes the names in a folder durable.
    fn sync_folder(&self, folder: &Path) -> io::Result<()>;
}

/// The file system of this machine. Files and folders are for their owner alone.
pub(crate) struct Machine;

impl Open for File {
    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.write_all(bytes)
    }

    fn sync(&mut self) -> io::Result<()> {
        self.sync_data()
    }
}

impl Disk for Machine {
    fn lock(&self, file: &Path) -> io::Result<Option<Lock>> {
        if let Some(found) = unless_absent(fs::metadata(file))? {
            is_plain(&found)?;
        }
        let mut options = OpenOptions::new();
        let file = options.create(true).truncate(false).write(true).mode(0o600).open(file)?;
        match file.try_lock() {
            Ok(()) => Ok(Some(Box::new(file))),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => Err(error),
        }
    }

    fn names(&self, folder: &Path) -> io::Result<Option<Vec<String>>> {
        let Some(files) = unless_absent(fs::read_dir(folder))? else { return Ok(None) };
        let name = |file: io::Result<fs::DirEntry>| {
            file.map(|file| file.file_name().to_string_lossy().into_owned())
        };
        files.map(name).collect::<io::Result<_>>().map(Some)
    }

    fn read(&self, file: &Path) -> io::Result<Option<Vec<u8>>> {
        let Some(found) = unless_absent(fs::metadata(file))? else { return Ok(None) };
        is_plain(&found)?;
        if found.len() > FILE_BYTES_MAX {
            return Err(io::Error::new(ErrorKind::InvalidData, "it is too long for a log's file"));
        }
        unless_absent(fs::read(file))
    }

    fn exists(&self, file: &Path) -> io::Result<bool> {
        file.try_exists()
    }

    fn make_folder(&self, folder: &Path) -> io::Result<bool> {
        match DirBuilder::new().mode(0o700).create(folder) {
            Ok(()) => Ok(true),
            Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(false),
            Err(error) => Err(error),
        }
    }

    fn create(&self, file: &Path) -> io::Result<Box<dyn Open>> {
        let mut options = OpenOptions::new();
        let file = options.create(true).truncate(true).write(true).mode(0o600).open(file)?;
        Ok(Box::new(file))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        fs::rename(from, to)
    }

    fn remove(&self, file: &Path) -> io::Result<()> {
        unless_absent(fs::remove_file(file)).map(drop)
    }

    fn remove_folder(&self, folder: &Path) -> io::Result<()> {
        fs::remove_dir(folder)
    }

    fn sync_folder(&self, folder: &Path) -> io::Result<()> {
        File::open(folder)?.sync_all()
    }
}

/// Refuses what is no plain file: opening it could wait for ever.
fn is_plain(found: &fs::Metadata) -> io::Result<()> {
    if found.is_file() {
        return Ok(());
    }
    Err(io::Error::new(ErrorKind::InvalidInput, "it is no plain file"))
}

/// Turns the error that something is absent into `None`.
fn unless_absent<T>(result: io::Result<T>) -> io::Result<Option<T>> {
    match result {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        result => result.map(Some),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_file_of_a_log_is_not_read() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        assert_eq!(Machine.read(&at("absent")).unwrap(), None);
        assert!(Machine.read(folder.path()).is_err(), "a folder");
        std::os::unix::fs::symlink("/dev/zero", at("zeros")).unwrap();
        assert!(Machine.read(&at("zeros")).is_err(), "a device");
        assert!(Machine.lock(&at("zeros")).is_err(), "a device as the lock");
        File::create(at("long")).unwrap().set_len(FILE_BYTES_MAX + 1).unwrap();
        assert!(Machine.read(&at("long")).is_err(), "a long file");
        fs::write(at("file"), "file").unwrap();
        assert_eq!(Machine.read(&at("file")).unwrap(), Some(b"file".to_vec()));
    }
}
