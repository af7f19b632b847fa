//! Disks that are full, and that can only be read. The tests mount one in memory, as root; without
//! that they say so and end.

#![allow(clippy::unwrap_used, reason = "a failed expectation is how a test fails")]

use eyesonly_ledger::{AppendError, FolderError, Log, OpenError, Options};
use eyesonly_log::{ENTRY_BYTES, Entry, Name, SigningKey};
use std::path::Path;
use std::process::Command;
use tempfile::TempDir;

/// A disk in memory. It is unmounted when it is dropped.
struct Mounted(TempDir);

impl Mounted {
    /// Mounts a disk. Returns `None` if that is not allowed.
    fn new(options: &str) -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let mounted = mount(&["-t", "tmpfs", "-o", options, "tmpfs"], folder.path());
        if !mounted {
            println!("skipped: this test mounts a disk, and may not");
        }
        mounted.then_some(Self(folder))
    }

    fn remount(&self, options: &str) {
        assert!(mount(&["-o", &format!("remount,{options}")], self.0.path()));
    }

    fn log(&self) -> Result<Log, OpenError> {
        let name = Name::new("example.com/ledger/hall").unwrap();
        let key = SigningKey::from_seed(name, &[7; 32]).unwrap();
        Log::open(&self.0.path().join("ledger"), key, &Options::default())
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        _ = Command::new("umount").arg(self.0.path()).status();
    }
}

fn mount(arguments: &[&str], folder: &Path) -> bool {
    Command::new("mount").args(arguments).arg(folder).status().is_ok_and(|status| status.success())
}

fn entry(number: u64) -> Entry {
    let mut entry = [0x5a; ENTRY_BYTES];
    entry[..8].copy_from_slice(&number.to_be_bytes());
    entry
}

#[tokio::test]
async fn a_full_disk_closes_the_log_and_loses_nothing() {
    let Some(disk) = Mounted::new("size=400k") else { return };
    let log = disk.log().unwrap();
    let mut acknowledged = 0;
    let error = loop {
        match log.append(&entry(acknowledged)).await {
            Ok(index) => assert_eq!(index, acknowledged),
            Err(error) => break error,
        }
        acknowledged += 1;
    };
    assert!(acknowledged > 100);
    let AppendError::Closed(closed) = error else { panic!("{error}") };
    assert!(closed.why.contains("No space left on device"), "{closed}");
    assert!(log.append(&entry(0)).await.is_err());
    drop(log);
    // The disk is still full.
    let error = disk.log().err().unwrap();
    assert!(matches!(error, OpenError::Failed(_)), "{error}");
    disk.remount("size=4m");
    let log = disk.log().unwrap();
    assert!(log.size() >= acknowledged);
    let public = log_key(&disk);
    log.append(&entry(acknowledged)).await.unwrap();
    log.close().await.unwrap();
    let folder = eyesonly_ledger::Folder::open(&disk.0.path().join("ledger"), &public).unwrap();
    assert_eq!(folder.verify(&[]).unwrap().report.faults, []);
    for read in folder.entries(0..acknowledged) {
        let (index, read) = read.unwrap();
        assert_eq!(read, entry(index));
    }
}

fn log_key(disk: &Mounted) -> eyesonly_log::VerifyingKey {
    eyesonly_ledger::Folder::origin(&disk.0.path().join("ledger")).unwrap()
}

#[tokio::test]
async fn a_disk_that_can_only_be_read_is_no_place_for_a_log() {
    let Some(disk) = Mounted::new("size=4m") else { return };
    let log = disk.log().unwrap();
    log.append(&entry(0)).await.unwrap();
    log.close().await.unwrap();
    disk.remount("ro");
    let error = disk.log().err().unwrap();
    let OpenError::Failed(error) = error else { panic!("{error}") };
    let path = disk.0.path().join("ledger/lock");
    assert_eq!(error.to_string(), format!("{}: taking the lock failed", path.display()));
    // Whoever reads needs no lock.
    let folder = disk.0.path().join("ledger");
    let folder = eyesonly_ledger::Folder::open(&folder, &log_key(&disk)).unwrap();
    assert_eq!(folder.entries(0..9).count(), 1);
    disk.remount("rw");
    assert_eq!(disk.log().unwrap().size(), 1);
}

#[test]
fn a_folder_within_a_folder_that_is_absent_is_named() {
    let data = tempfile::tempdir().unwrap();
    let name = Name::new("example.com/ledger/hall").unwrap();
    let key = SigningKey::from_seed(name, &[7; 32]).unwrap();
    let path = data.path().join("a/ledger");
    let error = Log::open(&path, key, &Options::default()).err().unwrap();
    let OpenError::Failed(error) = error else { panic!("{error}") };
    assert_eq!(error.to_string(), format!("{}: making the folder failed", path.display()));
    // A file is no folder.
    std::fs::write(data.path().join("a"), "").unwrap();
    let key = SigningKey::from_seed(Name::new("a").unwrap(), &[7; 32]).unwrap();
    let error = Log::open(&data.path().join("a"), key, &Options::default()).err().unwrap();
    assert!(matches!(error, OpenError::Folder(FolderError::Disk(_))), "{error}");
}
