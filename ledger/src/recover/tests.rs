//! Tests of starts: whatever a crash leaves is finished, and what no crash leaves is refused.

mod crashes;
mod refused;
mod torn;

use super::*;
use crate::testing::{FOLDER, Memory, append, entries, key, log_of, open, root};
use eyesonly_log::Hash;
use std::collections::BTreeMap;
use std::sync::{LazyLock, Mutex};

/// Returns the path of a file of the log.
fn path(name: &str) -> String {
    format!("{FOLDER}/{name}")
}

/// Reads the folder of a log.
fn folder(disk: &Memory) -> Result<Folder, FolderError> {
    Folder::on(Arc::new(disk.clone()), Path::new(FOLDER), &key().verifying_key())
}

/// Checks that a log has the entries 0, 1, 2 and so on, and no fault. Returns their number.
fn check(disk: &Memory) -> u64 {
    let folder = folder(disk).unwrap();
    let report = folder.verify(&[]).unwrap().report;
    assert_eq!(report.faults, []);
    let read = folder.entries(folder.oldest()..u64::MAX).collect::<Result<Vec<_>, _>>().unwrap();
    let expected =
        (folder.oldest()..folder.size()).map(|index| (index, crate::testing::entry(index)));
    assert!(read.into_iter().eq(expected));
    let signed = folder.checkpoint();
    assert_eq!(*signed.root(), root_at(signed.size()));
    folder.size()
}

/// Returns the root of the entries 0, 1, 2 and so on, and remembers it.
fn root_at(size: u64) -> Hash {
    static ROOTS: LazyLock<Mutex<BTreeMap<u64, Hash>>> = LazyLock::new(Mutex::default);
    *ROOTS.lock().unwrap().entry(size).or_insert_with(|| root(&entries(0..size)))
}

#[test]
fn a_start_goes_on_where_the_last_one_ended() {
    let disk = Memory::new();
    let mut size = 0;
    for groups in [&[][..], &[1], &[254], &[1], &[1], &[255, 1, 1024], &[700], &[0]] {
        let (mut store, recovery) = open(&disk).unwrap();
        assert_eq!(recovery, Recovery { size, ..Recovery::default() });
        append(&mut store, &groups.iter().copied().filter(|count| *count > 0).collect::<Vec<_>>());
        store.sign().unwrap();
        size = store.size();
        drop(store);
        assert_eq!(check(&disk), size);
    }
    assert_eq!(size, 2237);
}

#[test]
fn a_start_signs_what_no_checkpoint_counts() {
    let disk = log_of(&[3]);
    let (mut store, _) = open(&disk).unwrap();
    append(&mut store, &[2]);
    drop(store);
    assert_eq!(folder(&disk).unwrap().checkpoint().size(), 3);
    assert_eq!(folder(&disk).unwrap().verify(&[]).unwrap().report.tail.entries, 2);
    let (_, recovery) = open(&disk).unwrap();
    assert_eq!(recovery, Recovery { size: 5, unsigned: 2, ..Recovery::default() });
    assert_eq!(folder(&disk).unwrap().checkpoint().size(), 5);
}
