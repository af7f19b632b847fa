//! What no crash leaves: it is refused with its place, and nothing is changed.

use super::*;
use crate::tail::RECORD_BYTES;
use crate::testing::{entry, key_of};
use eyesonly_log::hash::to_bytes;
use eyesonly_log::{Entry, Name};

/// A log of 600 entries: two full bundles, and 88 signed entries in the tail. Then come 5 unsigned.
fn log() -> Memory {
    let disk = log_of(&[250, 262, 40, 48]);
    let (mut store, _) = open(&disk).unwrap();
    append(&mut store, &[5]);
    drop(store);
    disk.copy()
}

fn open_with(
    disk: &Memory,
    key: SigningKey,
    options: &Options,
) -> Result<(Store, Recovery), OpenError> {
    super::super::open(Arc::new(disk.clone()), Path::new(FOLDER), key, options)
}

/// Opens a log, which fails and changes nothing.
fn refused_with(disk: &Memory, key: SigningKey, options: &Options) -> OpenError {
    let before = disk.files();
    disk.set(None);
    let opened = open_with(disk, key, options);
    assert_eq!(disk.calls(), 0, "{:?}", disk.writes());
    assert_eq!(disk.files(), before);
    opened.err().unwrap()
}

/// Spoils a log and returns what the start says.
fn refused(spoil: impl FnOnce(&Memory)) -> OpenError {
    let disk = log();
    spoil(&disk);
    refused_with(&disk, key(), &Options::default())
}

/// Returns where the record of an entry starts in the tail.
fn at(index: usize) -> usize {
    24 + (index - 512) * RECORD_BYTES
}

/// Edits the record of an entry in the tail.
fn edit_record(disk: &Memory, index: usize, edit: impl FnOnce(&mut [u8])) {
    disk.edit(path("tail"), |bytes| edit(&mut bytes[at(index)..][..RECORD_BYTES]));
}

/// Where the hash and the entry of a record start.
const HASH: usize = 24;
const ENTRY: usize = 56;

#[test]
fn the_log_of_another_node_is_refused() {
    for other in [key_of("example.com/ledger/attic", 7), key_of("example.com/ledger/hall", 8)] {
        let error = refused_with(&log(), other, &Options::default());
        assert!(matches!(error, OpenError::Folder(FolderError::OtherLog { .. })), "{error}");
        assert!(error.to_string().starts_with("ledger: this is the log `example.com/ledger/hall+"));
    }
}

#[test]
fn the_folder_of_something_else_is_refused() {
    let disk = Memory::new();
    disk.make_folder(Path::new(FOLDER)).unwrap();
    disk.add(path("holiday.jpeg"), b"");
    let error = refused_with(&disk, key(), &Options::default());
    assert!(matches!(error, OpenError::Folder(FolderError::NotALog { .. })), "{error}");
    let error = refused(|disk| disk.delete(path("origin")));
    assert!(matches!(error, OpenError::Folder(FolderError::NotALog { .. })), "{error}");
}

#[test]
fn an_empty_folder_is_a_log_only_if_that_is_wanted() {
    let options = Options { create: false, ..Options::default() };
    let absent = |disk: &Memory| {
        let error = refused_with(disk, key(), &options);
        assert!(matches!(error, OpenError::Folder(FolderError::Absent { .. })), "{error}");
    };
    let disk = Memory::new();
    absent(&disk);
    disk.make_folder(Path::new(FOLDER)).unwrap();
    absent(&disk);
    // The making of the log was interrupted.
    let log = log_of(&[]).copy();
    log.delete(path("tail"));
    absent(&log);
    assert!(open_with(&log, key(), &Options::default()).is_ok());
}

#[test]
fn two_do_not_write() {
    let disk = Memory::new();
    let first = open(&disk).unwrap();
    let error = refused_with(&disk, key(), &Options::default());
    assert!(matches!(error, OpenError::Locked { .. }), "{error}");
    drop(first);
    open(&disk).unwrap();
}

#[test]
fn a_file_that_is_missing_is_named() {
    for name in ["checkpoint", "tail"] {
        let error = refused(|disk| disk.delete(path(name)));
        let OpenError::Folder(FolderError::Missing { file }) = error else { panic!("{error}") };
        assert_eq!(file, Path::new(&path(name)));
    }
    for name in ["tile/1/000.p/2", "tile/entries/001"] {
        let error = refused(|disk| disk.delete(path(name)));
        let OpenError::Tile { tile, .. } = error else { panic!("{error}") };
        assert_eq!(tile.path(), name);
    }
}

#[test]
fn a_log_that_was_emptied_is_not_new() {
    // Only the checkpoint is left, and it counts entries.
    let error = refused(|disk| {
        for file in disk.files().into_keys() {
            if !["checkpoint", "origin"].contains(&file.file_name().unwrap().to_str().unwrap()) {
                disk.delete(file);
            }
        }
    });
    assert!(matches!(error, OpenError::Folder(FolderError::Missing { .. })), "{error}");
    let small = log_of(&[5]).copy();
    small.delete(path("tail"));
    let error = refused_with(&small, key(), &Options::default());
    assert!(matches!(error, OpenError::Folder(FolderError::Missing { .. })), "{error}");
}

#[test]
fn a_false_signature_is_refused() {
    let edit = |bytes: &mut Vec<u8>| {
        let text = String::from_utf8(bytes.clone()).unwrap().replace("\n600\n", "\n100\n");
        *bytes = text.into_bytes();
    };
    let error = refused(|disk| disk.edit(path("checkpoint"), edit));
    assert!(matches!(error, OpenError::Folder(FolderError::Checkpoint { .. })), "{error}");
    let error = refused(|disk| disk.add(path("oldest"), b"example.com/ledger/hall\n"));
    assert!(matches!(error, OpenError::Folder(FolderError::Oldest { .. })), "{error}");
    let error = refused(|disk| disk.edit(path("tail"), |bytes| bytes[0] ^= 1));
    assert!(matches!(error, OpenError::Folder(FolderError::Tail { .. })), "{error}");
}

#[test]
fn a_checkpoint_that_was_put_back_is_refused() {
    let old = log_of(&[250]).files()[Path::new(&path("checkpoint"))].clone();
    let error = refused(|disk| disk.edit(path("checkpoint"), |bytes| *bytes = old));
    assert!(matches!(error, OpenError::Stale { signed: 250, full: 512, .. }), "{error}");
}

#[test]
fn a_log_that_was_cut_is_refused() {
    let cut = |left: usize, size: u64| {
        let error = refused(|disk| disk.edit(path("tail"), |bytes| bytes.truncate(left)));
        let OpenError::Rollback { size: found, signed: 600, .. } = error else { panic!("{error}") };
        assert_eq!(found, size);
    };
    cut(at(512), 512);
    // Within the entry 599: the group of 48 is not whole.
    cut(at(600) - 1, 552);
    cut(at(551), 512);
}

#[test]
fn an_older_copy_of_the_tail_is_refused() {
    let old = log_of(&[250, 262, 40]).files()[Path::new(&path("tail"))].clone();
    let error = refused(|disk| disk.edit(path("tail"), |bytes| *bytes = old));
    assert!(matches!(error, OpenError::Rollback { size: 552, signed: 600, .. }), "{error}");
}

#[test]
fn an_entry_that_was_changed_is_named() {
    for index in [512, 551, 552, 599] {
        let error = refused(|disk| edit_record(disk, index, |record| record[ENTRY + 9] ^= 1));
        let OpenError::Edited { entry, .. } = error else { panic!("{error}") };
        assert_eq!(entry, index as u64);
    }
    // In the last group it may be a crash, as long as no checkpoint counts it.
    let disk = log();
    edit_record(&disk, 602, |record| record[ENTRY + 9] ^= 1);
    assert_eq!(open(&disk).unwrap().1.size, 600);
}

#[test]
fn entries_that_were_cut_out_are_named() {
    let cut = |from: usize, to: usize| {
        let error = refused(|disk| {
            disk.edit(path("tail"), |bytes| drop(bytes.drain(at(from)..at(to))));
        });
        let OpenError::Edited { entry, .. } = error else { panic!("{error}") };
        assert_eq!(entry, from as u64);
    };
    cut(512, 513);
    cut(530, 560);
    cut(552, 600);
}

#[test]
fn an_entry_that_was_changed_with_its_hash_is_found() {
    for index in [512, 599] {
        let error = refused(|disk| {
            edit_record(disk, index, |record| {
                record[ENTRY..].copy_from_slice(&entry(1 << 40));
                record[HASH..ENTRY].copy_from_slice(leaf(&entry(1 << 40)).as_bytes());
            });
        });
        assert!(matches!(error, OpenError::Root { size: 600, .. }), "{error}");
    }
}

#[test]
fn an_edge_that_was_changed_is_found() {
    let error = refused(|disk| disk.edit(path("tile/1/000.p/2"), |bytes| bytes[0] ^= 1));
    assert!(matches!(error, OpenError::Root { .. }), "{error}");
    let error = refused(|disk| disk.edit(path("tile/entries/001"), |bytes| bytes[600] ^= 1));
    assert!(matches!(error, OpenError::Root { size: 512, .. }), "{error}");
    let error = refused(|disk| disk.edit(path("tile/entries/001"), |bytes| bytes.truncate(514)));
    assert!(matches!(error, OpenError::Folder(FolderError::Bundle { .. })), "{error}");
    // The last bundle, its tile and the tile above were changed together.
    let error = refused(|disk| {
        let mut entries = entries(256..512);
        entries[7] = entry(1 << 40);
        let hashes: Vec<_> = entries.iter().map(|entry| leaf(entry)).collect();
        let above = eyesonly_log::tile::above(&hashes).unwrap();
        let bundle = eyesonly_log::bundle::write(&entries).unwrap();
        disk.edit(path("tile/entries/001"), |bytes| *bytes = bundle);
        disk.edit(path("tile/0/001"), |bytes| *bytes = to_bytes(&hashes));
        disk.edit(path("tile/1/000.p/2"), |bytes| {
            bytes.truncate(32);
            bytes.extend(above.as_bytes());
        });
    });
    assert!(matches!(error, OpenError::Root { size: 600, .. }), "{error}");
}

#[test]
fn a_file_that_is_due_and_is_another_one_is_refused() {
    // The process ended after a group that fills a bundle was flushed.
    let disk = log_of(&[200]);
    let (mut store, _) = open(&disk).unwrap();
    store.append(&entries(200..300)).unwrap();
    drop(store);
    for name in ["tile/entries/000", "tile/0/000", "tile/1/000.p/1"] {
        let disk = disk.copy();
        disk.add(path(name), b"another one");
        let error = refused_with(&disk, key(), &Options::default());
        let OpenError::Tile { tile, .. } = error else { panic!("{error}") };
        assert_eq!(tile.path(), name);
    }
    assert_eq!(open(&disk).unwrap().1.bundles, 1);
}

#[test]
fn a_log_that_did_not_grow_from_a_kept_checkpoint_is_refused() {
    let checkpoint = |entries: &[Entry], name: &str| {
        let size = entries.len().try_into().unwrap();
        Checkpoint::new(Name::new(name).unwrap(), size, root(entries))
    };
    let name = "example.com/ledger/hall";
    let options = |kept| Options { kept: vec![kept], ..Options::default() };
    for size in [0, 1, 100, 256, 300, 512, 600, 604, 605] {
        let mut other = entries(0..size);
        let same = options(checkpoint(&other, name));
        open_with(&log(), key(), &same).unwrap();
        let Some(first) = other.first_mut() else { continue };
        first[0] ^= 1;
        let error = refused_with(&log(), key(), &options(checkpoint(&other, name)));
        let OpenError::Root { size: found, .. } = error else { panic!("{error}") };
        assert_eq!(found, size);
    }
    let error = refused_with(&log(), key(), &options(checkpoint(&entries(0..606), name)));
    assert!(matches!(error, OpenError::Rollback { size: 605, signed: 606, .. }), "{error}");
    let other = checkpoint(&entries(0..5), "example.com/ledger/attic");
    let error = refused_with(&log(), key(), &options(other));
    assert!(matches!(error, OpenError::Folder(FolderError::OtherLog { .. })), "{error}");
}
