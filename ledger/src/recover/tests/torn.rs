//! What a crash leaves of the last group: torn, unfinished or double, never tampering.

use super::*;
use crate::tail::RECORD_BYTES;
use eyesonly_log::Tail;

/// Returns a log of 7 signed entries in the groups 4 and 3, and then a group of 5.
fn log() -> Memory {
    let disk = log_of(&[4, 3]);
    let (mut store, _) = open(&disk).unwrap();
    append(&mut store, &[5]);
    drop(store);
    disk
}

/// Spoils the tail, and checks what the verifier says and what a start finds.
fn spoil(edit: impl FnOnce(&mut Vec<u8>), tail: Tail, expected: Recovery) {
    let disk = log();
    disk.edit(path("tail"), edit);
    let report = folder(&disk).unwrap().verify(&[]).unwrap().report;
    assert_eq!((report.faults, report.tail), (vec![], tail));
    let (mut store, recovery) = open(&disk).unwrap();
    assert_eq!(recovery, expected);
    append(&mut store, &[300]);
    store.sign().unwrap();
    assert_eq!(check(&disk), expected.size + 300);
}

/// Returns where the last records start.
fn end(bytes: &[u8], records: usize) -> usize {
    bytes.len() - records * RECORD_BYTES
}

#[test]
fn a_torn_entry_is_cut_off_with_its_group() {
    let lost = |torn_bytes, unfinished| Recovery {
        size: 7,
        torn_bytes,
        unfinished,
        ..Recovery::default()
    };
    let tail = Tail { entries: 4, torn: true };
    spoil(|bytes| bytes.truncate(bytes.len() - 20), tail, lost(568 - 20, 4));
    // All bytes have their place, and some were not written.
    let zeros = |bytes: &mut Vec<u8>| {
        let from = end(bytes, 1) + 100;
        bytes[from..].fill(0);
    };
    spoil(zeros, Tail { entries: 5, torn: false }, lost(568, 4));
    let hole = |bytes: &mut Vec<u8>| {
        let from = end(bytes, 3) + 100;
        bytes[from..][..200].fill(0);
    };
    spoil(hole, Tail { entries: 5, torn: false }, lost(3 * 568, 2));
}

#[test]
fn a_group_is_there_as_a_whole_or_not_at_all() {
    let expected = Recovery { size: 7, unfinished: 4, ..Recovery::default() };
    let tail = Tail { entries: 4, torn: false };
    spoil(|bytes| bytes.truncate(end(bytes, 1)), tail, expected);
}

#[test]
fn an_entry_that_is_there_twice_is_double() {
    let expected = Recovery { size: 12, double: 2, unsigned: 5, ..Recovery::default() };
    let tail = Tail { entries: 7, torn: false };
    spoil(|bytes| bytes.extend_from_within(end(bytes, 2)..), tail, expected);
}
