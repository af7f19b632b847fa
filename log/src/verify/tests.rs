//! Tests of the verifier: each way to spoil a log is found, and located, and a log that was not
//! spoiled has no fault.

mod entries;
mod hashes;
mod kept;

use super::*;
use crate::bundle::{Entry, RECORD_BYTES, write};
use crate::hash::{Hash, from_bytes, leaf, to_bytes};
use crate::testing::{Dice, Memory, checkpoint, entry, key, log, log_of};
use crate::tile::{Kind, above};
use std::string::ToString;
use std::vec;

/// Sizes that end within, at and after full tiles.
const SIZES: [u64; 8] = [1, 2, 7, 255, 256, 257, 300, 513];

/// A log of more than one tile of level 1, so that there is a level 2.
const LARGE: u64 = 70_000;

fn faults_of(checkpoint: &Checkpoint, files: &Memory) -> Vec<Fault> {
    verify(checkpoint, &[], 0, files).unwrap().faults
}

fn edited(first: u64, last: u64) -> Fault {
    Fault::Edited { first, last }
}

fn dropped(first: u64, last: u64) -> Fault {
    Fault::Dropped { first, last }
}

fn bundle_of(files: &Memory, index: u64) -> Tile {
    let at = |tile: &&Tile| tile.kind() == Kind::Entries && tile.index() == index / 256;
    *files.0.keys().find(at).unwrap()
}

/// Returns where an entry starts in its bundle.
fn offset(index: u64) -> usize {
    (index % 256) as usize * RECORD_BYTES
}

#[test]
fn a_good_log_has_no_fault() {
    for size in (0..=300).chain([511, 512, 513, 65_535, 65_536, 65_537, LARGE]) {
        let (files, edge) = log_of(size);
        let report = verify(&checkpoint(&edge), &[], 0, &files).unwrap();
        assert_eq!(report, Report::default(), "{size}");
    }
}

/// Changes an entry, and the hashes above it up to a level.
fn rewrite(files: &mut Memory, size: u64, index: u64, levels: u8) {
    let bundle = bundle_of(files, index);
    let other = write(&[entry(1 << 40)]).unwrap();
    files.0.get_mut(&bundle).unwrap()[offset(index)..][..RECORD_BYTES].copy_from_slice(&other);
    let mut hash = leaf(&entry(1 << 40));
    let mut at = index;
    for level in 0..levels {
        let tile = Tile::of_size(Kind::Hashes(level), at / 256, size).unwrap();
        let mut hashes: Vec<Hash> = from_bytes(&files.0[&tile]).unwrap();
        hashes[at as usize % 256] = hash;
        files.0.insert(tile, to_bytes(&hashes));
        let Some(up) = above(&hashes) else { return };
        hash = up;
        at /= 256;
    }
}

#[test]
fn what_stands_after_the_last_entry_is_no_fault() {
    for size in [1, 255, 256, 300, 512] {
        let (files, edge) = log_of(size);
        let checkpoint = checkpoint(&edge);
        for (entries, torn) in [(0, 0), (0, 1), (0, 513), (1, 0), (2, 100)] {
            let mut files = files.clone();
            let more = [vec![2; entries * RECORD_BYTES], vec![2; torn]].concat();
            let next = if size % 256 == 0 {
                Tile::entries(size / 256, 1).unwrap()
            } else {
                bundle_of(&files, size - 1)
            };
            files.0.entry(next).or_default().extend(more);
            let report = verify(&checkpoint, &[], 0, &files).unwrap();
            let tail = Tail { entries: entries as u64, torn: torn > 0 };
            assert_eq!(report, Report { tail, ..Report::default() }, "{size}");
        }
    }
}

#[test]
fn a_log_is_held_against_a_checkpoint_of_before_it_grew() {
    for (size, more) in [(0, 5), (5, 300), (256, 300), (257, 512), (300, 600)] {
        let (_, edge) = log_of(size);
        let (mut files, _) = log_of(more);
        // The partial tiles of that size are kept until full ones take their place.
        let (old, _) = log_of(size);
        let filled = |tile: &Tile| !tile.is_full() && !files.0.contains_key(&tile.filled());
        let old: Vec<_> = old.0.into_iter().filter(|(tile, _)| filled(tile)).collect();
        files.0.extend(old);
        let report = verify(&checkpoint(&edge), &[], 0, &files).unwrap();
        assert_eq!(report.faults, [], "{size} {more}");
    }
}

#[test]
fn bundles_of_old_entries_may_be_absent() {
    let (mut files, edge) = log_of(600);
    let checkpoint = checkpoint(&edge);
    files.0.remove(&Tile::entries(0, 256).unwrap());
    let missing = [Fault::Missing { tile: Tile::entries(0, 256).unwrap() }];
    for (oldest, faults) in [(0, missing.as_slice()), (255, &missing), (256, &[]), (300, &[])] {
        assert_eq!(verify(&checkpoint, &[], oldest, &files).unwrap().faults, faults, "{oldest}");
    }
    // Their hashes are proven all the same.
    let tile = Tile::hashes(0, 0, 256).unwrap();
    files.0.get_mut(&tile).unwrap()[40] ^= 1;
    assert_eq!(verify(&checkpoint, &[], 256, &files).unwrap().faults, [Fault::Tile { tile }]);
    files.0.get_mut(&tile).unwrap()[40] ^= 1;
    // Those that are there are proven, too, and so is what was kept.
    files.0.get_mut(&Tile::entries(1, 256).unwrap()).unwrap()[2] ^= 1;
    let kept = [checkpoint_of(100)];
    assert_eq!(verify(&checkpoint, &kept, 256, &files).unwrap().faults, [edited(256, 256)]);
}

fn checkpoint_of(size: u64) -> Checkpoint {
    checkpoint(&log_of(size).1)
}

#[test]
fn a_log_that_is_not_there_is_read_no_further_than_its_faults() {
    let origin = checkpoint_of(0).origin().clone();
    for size in [300_000, u64::MAX] {
        let checkpoint = Checkpoint::new(origin.clone(), size, leaf(b"some root"));
        let report = verify(&checkpoint, &[], 0, &Memory::default()).unwrap();
        assert!(report.faults.iter().all(|fault| matches!(fault, Fault::Missing { .. })));
        assert_eq!((report.faults.len(), report.unfinished), (MAX_FAULTS, true), "{size}");
    }
}

#[test]
fn faults_are_said_in_words() {
    let tile = Tile::hashes(0, 1_234_067, 256).unwrap();
    let words = [
        (edited(3, 4), "the entries 3 to 4 are not the ones that were signed"),
        (Fault::Missing { tile }, "tile/0/x001/x234/067 is missing"),
        (Fault::Tile { tile }, "tile/0/x001/x234/067 has wrong hashes"),
        (
            Fault::Rollback { kept: 9, size: 7 },
            "the log has 7 entries, and had 9 when a checkpoint was kept",
        ),
    ];
    for (fault, words) in words {
        assert_eq!(fault.to_string(), words);
    }
}

/// A log that is read from elsewhere, and can't be.
struct Broken;

impl Files for Broken {
    type Error = core::fmt::Error;

    fn read(&self, _: &Tile) -> Result<Option<Vec<u8>>, core::fmt::Error> {
        Err(core::fmt::Error)
    }
}

#[test]
fn a_file_that_cannot_be_read_is_no_fault_of_the_log() {
    let report = verify(&checkpoint_of(1), &[], 0, &Broken);
    assert_eq!(report, Err(core::fmt::Error));
}
