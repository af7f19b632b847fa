//! What every tier does: one suite for all of them.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "for tests: a failed expectation is the point"
)]

use super::{ExtentKey, Tier};
use crate::vault::SealedExtent;
use bytes::Bytes;
use eyesonly_seal::ObjectName;
use eyesonly_seal::format::HEADER_BYTES;

pub fn key(n: u8) -> ExtentKey {
    (ObjectName::from_bytes([n; 32]), 0)
}

pub fn extent(n: u8, bytes: usize) -> SealedExtent {
    SealedExtent {
        header: [n; HEADER_BYTES],
        chunks: Bytes::from(vec![n; bytes]),
    }
}

/// Runs the suite on an empty tier with room for some extents. `settle`: waits until what was put is there.
pub async fn check(tier: &dyn Tier, settle: impl Fn()) {
    assert!(tier.get(key(1)).await.is_none());
    tier.put(key(1), extent(1, 5000)).await;
    tier.put(key(2), extent(2, 0)).await;
    tier.put((key(1).0, 1), extent(3, 7)).await;
    settle();
    for (key, expected) in [
        (key(1), extent(1, 5000)),
        (key(2), extent(2, 0)),
        ((key(1).0, 1), extent(3, 7)),
    ] {
        let answer = tier.get(key).await.unwrap();
        assert_eq!((answer.header, answer.chunks), (expected.header, expected.chunks));
    }
    tier.evict(key(1)).await;
    tier.evict(key(9)).await;
    settle();
    assert!(tier.get(key(1)).await.is_none(), "it forgets what it is told to");
    assert!(tier.get((key(1).0, 1)).await.is_some(), "and nothing else");
    // What was evicted because it was refused is put again, as it should be.
    tier.put(key(1), extent(4, 10)).await;
    settle();
    assert_eq!(tier.get(key(1)).await.unwrap().chunks, extent(4, 10).chunks);
}
