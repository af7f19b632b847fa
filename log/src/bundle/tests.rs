//! Tests of bundles: what was written is read, and nothing else.

use super::*;
use crate::testing;
use std::vec;

fn entries(count: u64) -> Vec<Entry> {
    (0..count).map(testing::entry).collect()
}

#[test]
fn what_was_written_is_read() {
    for count in [1, 2, 255, 256] {
        let entries = entries(count);
        let bytes = write(&entries).unwrap();
        assert_eq!(bytes.len(), entries.len() * RECORD_BYTES);
        assert_eq!(bytes[..2], [2, 0]);
        assert_eq!(parse(&bytes).unwrap(), entries.iter().collect::<Vec<_>>());
    }
}

#[test]
fn a_bundle_has_1_to_256_entries() {
    assert_eq!(write(&[]), Err(BundleError::Width(0)));
    assert_eq!(write(&entries(257)), Err(BundleError::Width(257)));
    assert_eq!(parse(&[]), Err(BundleError::Width(0)));
    assert_eq!(parse(&vec![2; RECORD_BYTES * 257]), Err(BundleError::Width(257)));
}

#[test]
fn a_torn_bundle_is_rejected() {
    let bytes = write(&entries(3)).unwrap();
    for length in 1..bytes.len() {
        if length % RECORD_BYTES != 0 {
            let torn = BundleError::Torn(length / RECORD_BYTES);
            assert_eq!(parse(&bytes[..length]), Err(torn));
        }
    }
}

#[test]
fn another_length_is_rejected() {
    for (at, entry) in [(0, 0), (1, 0), (RECORD_BYTES, 1), (RECORD_BYTES * 2 + 1, 2)] {
        let mut bytes = write(&entries(3)).unwrap();
        bytes[at] ^= 1;
        assert_eq!(parse(&bytes), Err(BundleError::Length(entry)));
    }
}
