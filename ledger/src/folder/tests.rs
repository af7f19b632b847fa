//! Tests of the reader: each file of a log is shown, and what is wrong is located.

use super::*;
use crate::testing::{FOLDER, Memory, append, entries, entry, key, log_of, open, root};
use eyesonly_log::{Fault, leaf, tree, verify_consistency, verify_inclusion};
use std::sync::Mutex;

fn folder(disk: &Memory) -> Folder {
    Folder::on(Arc::new(disk.clone()), Path::new(FOLDER), &key().verifying_key()).unwrap()
}

fn faults(disk: &Memory) -> Vec<Fault> {
    folder(disk).verify(&[]).unwrap().report.faults
}

#[test]
fn every_entry_is_read_and_proven() {
    for size in [1, 255, 256, 257, 600] {
        let folder = folder(&log_of(&[size]));
        assert_eq!(folder.size(), size);
        let read: Vec<_> = folder.entries(0..u64::MAX).map(Result::unwrap).collect();
        let expected: Vec<_> = (0..).zip(entries(0..size)).collect();
        assert_eq!(read, expected);
        let checkpoint = folder.checkpoint();
        for index in [0, size / 2, size - 1] {
            let proof = tree::inclusion(index, size, &folder).unwrap();
            let hash = leaf(&entry(index));
            verify_inclusion(&hash, index, size, checkpoint.root(), &proof).unwrap();
        }
    }
}

#[test]
fn a_range_is_read_from_its_first_entry() {
    let folder = folder(&log_of(&[600]));
    for range in [0..1, 255..257, 300..300, 511..513, 512..600, 599..700, 600..700] {
        let read = folder.entries(range.clone()).map(|read| read.unwrap().0);
        assert!(read.eq(range.start..range.end.min(600)), "{range:?}");
    }
}

#[test]
fn a_checkpoint_that_was_read_before_still_holds() {
    let disk = log_of(&[300]);
    let before = folder(&disk);
    let (mut store, _) = open(&disk).unwrap();
    // The folder was opened with the checkpoint of 300 and the tail of later.
    append(&mut store, &[100]);
    assert_eq!(before.verify(&[]).unwrap().report.faults, []);
    append(&mut store, &[1000, 600]);
    assert_eq!(before.verify(&[]).unwrap().report.faults, []);
    store.sign().unwrap();
    let after = folder(&disk);
    let kept = before.checkpoint().clone();
    assert_eq!(after.verify(std::slice::from_ref(&kept)).unwrap().report.faults, []);
    let proof = tree::consistency(300, 2000, &after).unwrap();
    verify_consistency((300, kept.root()), (2000, after.checkpoint().root()), &proof).unwrap();
    // A partial tile of a level above is replaced by a wider one.
    assert_eq!(tree::root(300, &after).unwrap(), root(&entries(0..300)));
}

#[test]
fn what_grows_while_the_folder_is_opened_is_no_fault() {
    for file in ["ledger/checkpoint", "ledger/tail", "ledger/tile/1/000.p/1"] {
        let disk = log_of(&[300]);
        let (store, _) = open(&disk).unwrap();
        let store = Mutex::new(store);
        let grow = move || {
            let mut store = store.lock().unwrap();
            append(&mut store, &[1000, 7]);
            store.sign().unwrap();
        };
        disk.before_read(file, grow);
        let reader = folder(&disk);
        assert_eq!(reader.verify(&[]).unwrap().report.faults, [], "{file}");
        assert_eq!(folder(&disk).checkpoint().size(), 1307);
    }
}

#[test]
fn an_edit_is_located_in_the_tail_too() {
    let disk = log_of(&[300, 50]);
    let at = |index: usize| 24 + (index - 256) * 568;
    disk.edit("ledger/tail", |bytes| bytes[at(260) + 56] ^= 1);
    assert_eq!(faults(&disk), [Fault::Edited { first: 260, last: 260 }]);
    disk.edit("ledger/tail", |bytes| bytes.truncate(at(340)));
    let located = |fault: &Fault| matches!(fault, Fault::Dropped { last: 349, .. });
    assert!(faults(&disk).iter().any(located), "{:?}", faults(&disk));
}

#[test]
fn an_edit_is_located_in_a_bundle() {
    let disk = log_of(&[600]);
    disk.edit("ledger/tile/entries/000", |bytes| bytes[3 * 514 + 2] ^= 1);
    assert_eq!(faults(&disk), [Fault::Edited { first: 3, last: 3 }]);
    disk.delete("ledger/tile/entries/000");
    let tile = Tile::entries(0, 256).unwrap();
    assert_eq!(faults(&disk), [Fault::Missing { tile }]);
    // The hashes were changed with the entries, below a tile that is partial.
    let disk = log_of(&[600]);
    disk.edit("ledger/tile/entries/000", |bytes| bytes[3 * 514 + 2] ^= 1);
    let mut changed = entry(3);
    changed[0] ^= 1;
    let hash = *leaf(&changed).as_bytes();
    disk.edit("ledger/tile/0/000", |bytes| bytes[96..128].copy_from_slice(&hash));
    assert_eq!(faults(&disk), [Fault::Rewritten { first: 0, last: 255 }]);
}

#[test]
fn what_was_forgotten_is_said_and_signed() {
    let disk = log_of(&[1000]);
    let (mut store, _) = open(&disk).unwrap();
    assert_eq!(store.forget(255).unwrap(), 0);
    assert!(!disk.files().contains_key(Path::new("ledger/oldest")));
    assert_eq!(store.forget(700).unwrap(), 512);
    // The note comes first. What it names may be there yet.
    assert_eq!(folder(&disk).verify(&[]).unwrap().forgotten, 512);
    let before = folder(&disk);
    assert!(store.sweep().unwrap());
    let names = ["000", "001", "002"].map(|name| format!("ledger/tile/entries/{name}"));
    let there = names.map(|name| disk.files().contains_key(Path::new(&name)));
    assert_eq!(there, [false, false, true]);
    assert_eq!(before.verify(&[]).unwrap().report.faults, []);
    let folder = folder(&disk);
    let verified = folder.verify(&[]).unwrap();
    assert_eq!((verified.report.faults, verified.forgotten, folder.oldest()), (vec![], 512, 512));
    let error = folder.entries(511..600).next().unwrap().unwrap_err();
    assert!(matches!(error, FolderError::Forgotten { before: 512 }), "{error}");
    assert_eq!(folder.entries(512..1000).filter_map(Result::ok).count(), 488);
    // Nothing is remembered again, and nothing that is in no full bundle is forgotten.
    assert_eq!(store.forget(256).unwrap(), 512);
    assert_eq!(store.forget(u64::MAX).unwrap(), 768);
    assert!(store.sweep().unwrap());
    let (store, _) = {
        drop(store);
        open(&disk).unwrap()
    };
    assert_eq!((store.oldest, store.swept, store.base), (768, 3, 768));
}

#[test]
fn a_deletion_is_no_retention() {
    let disk = log_of(&[1000]);
    let (mut store, _) = open(&disk).unwrap();
    store.forget(256).unwrap();
    store.sweep().unwrap();
    disk.delete("ledger/tile/entries/001");
    let tile = Tile::entries(1, 256).unwrap();
    assert_eq!(faults(&disk), [Fault::Missing { tile }]);
    disk.edit("ledger/oldest", |bytes| {
        *bytes = String::from_utf8_lossy(bytes).replace("256", "512").into_bytes();
    });
    let key = key().verifying_key();
    let error = Folder::on(Arc::new(disk.clone()), Path::new(FOLDER), &key).err().unwrap();
    assert!(matches!(error, FolderError::Oldest { source: Some(_), .. }), "{error}");
}

#[test]
fn what_is_forgotten_while_it_is_read_is_no_fault() {
    let disk = log_of(&[1000]);
    let reader = folder(&disk);
    let (mut store, _) = open(&disk).unwrap();
    store.forget(512).unwrap();
    store.sweep().unwrap();
    let error = reader.verify(&[]).unwrap_err();
    assert!(matches!(error, FolderError::Forgotten { before: 512 }), "{error}");
}

#[test]
fn an_entry_that_no_checkpoint_counts_is_read() {
    let disk = log_of(&[250]);
    let (mut store, _) = open(&disk).unwrap();
    append(&mut store, &[5]);
    let folder = folder(&disk);
    assert_eq!((folder.checkpoint().size(), folder.size()), (250, 255));
    assert_eq!(folder.entries(250..300).count(), 5);
    assert_eq!(folder.verify(&[]).unwrap().report.tail.entries, 5);
}

#[test]
fn a_folder_says_which_log_it_has() {
    let data = tempfile::tempdir().unwrap();
    let path = data.path().join("ledger");
    assert!(matches!(Folder::origin(&path), Err(FolderError::Absent { .. })));
    let key = key();
    let public = key.verifying_key();
    crate::Log::open(&path, key, &crate::Options::default()).unwrap();
    assert_eq!(Folder::origin(&path).unwrap(), public);
    assert_eq!(Folder::open(&path, &public).unwrap().size(), 0);
    std::fs::write(path.join("origin"), "?").unwrap();
    assert!(matches!(Folder::origin(&path), Err(FolderError::NotALog { .. })));
}
