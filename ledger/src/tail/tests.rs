//! Tests of the tail's format.

use super::*;
use crate::testing::{entries, entry};

fn tail() -> Tail {
    let groups = [0..3, 3..4, 4..9].map(|range| Record::group(256 + range.start, &entries(range)));
    Tail { base: 256, records: groups.concat(), torn: vec![1, 2, 3] }
}

#[test]
fn what_was_written_is_read() {
    let tail = tail();
    let records = Record::to_bytes(&tail.records);
    assert_eq!(records.len(), 9 * RECORD_BYTES);
    let bytes = [Tail::header(256), records, vec![1, 2, 3]].concat();
    assert_eq!(Tail::parse(&bytes), Some(tail));
    assert_eq!(Tail::parse(&Tail::header(0)), Some(Tail::default()));
}

#[test]
fn the_layout_is_the_one_that_is_written_down() {
    let bytes = Record::to_bytes(&Record::group(258, &[entry(7), entry(8)])[1..]);
    let numbers = [259_u64, 258, 2].map(u64::to_be_bytes).concat();
    assert_eq!(bytes, [&numbers[..], leaf(&entry(8)).as_bytes(), &entry(8)].concat());
    assert_eq!(Tail::header(256), b"eyesonly-tail-1\n\0\0\0\0\0\0\x01\0");
}

#[test]
fn the_start_of_another_file_is_rejected() {
    assert_eq!(Tail::parse(b""), None);
    assert_eq!(Tail::parse(b"eyesonly-tail-1\n\0\0\0\0\0\0\x01"), None);
    assert_eq!(Tail::parse(b"eyesonly-tail-2\n\0\0\0\0\0\0\x01\0"), None);
    // A tail starts with a bundle.
    assert_eq!(Tail::parse(&Tail::header(255)), None);
}

#[test]
fn bytes_after_the_last_record_are_torn() {
    let settled = Settled { records: 9, torn_bytes: 3, ..Settled::default() };
    assert_eq!(tail().settled(), Ok(settled));
}

#[test]
fn a_record_at_another_place_is_not_the_next_one() {
    let mut tail = tail();
    // The last group is not followed by anything that was flushed after it.
    tail.records[6..].reverse();
    let settled = Settled { records: 4, unfinished: 2, torn_bytes: 3 * 568 + 3, double: 0 };
    assert_eq!(tail.settled(), Ok(settled));
    // The first group is.
    tail.records.swap(0, 1);
    assert_eq!(tail.settled(), Err(256));
}

#[test]
fn a_group_that_says_another_length_is_found() {
    let mut tail = tail();
    // What followed shows that the group was flushed.
    tail.records[..3].iter_mut().for_each(|record| record.count = 4);
    assert_eq!(tail.settled(), Err(259));
    tail.records.truncate(3);
    assert_eq!(tail.settled().map(|settled| (settled.records, settled.unfinished)), Ok((0, 3)));
}

#[test]
fn a_bundle_is_found_by_its_index() {
    let records = Record::group(256, &entries(0..300));
    let tail = Tail { base: 256, records, torn: vec![] };
    let lengths = [0, 1, 2, 3].map(|index| tail.bundle(index).map(<[_]>::len));
    assert_eq!(lengths, [None, Some(256), Some(44), None]);
    assert_eq!(tail.bundle(2).unwrap()[0].index, 512);
    // After full bundles comes one without entries.
    let tail = Tail { base: 256, ..Tail::default() };
    assert_eq!(tail.bundle(1), Some(&[][..]));
}
