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
use crate::testing;
use eyesonly_gate::Sealed;
use eyesonly_seal::ObjectName;

pub fn key(n: u8) -> ExtentKey {
    (ObjectName::from_bytes([n; 32]), 0)
}

/// An extent of `bytes` sealed bytes, without its header; always the same for the same `n` and length.
pub fn extent(n: u8, bytes: usize) -> Sealed {
    testing::sealed(n, bytes)
}

/// Runs the suite on an empty tier with room for some extents. `settle`: waits until what was put is there.
pub async fn check(tier: &dyn Tier, settle: impl Fn()) {
    assert!(tier.get(key(1)).await.is_none());
    tier.put(key(1), extent(1, 5000)).await;
    tier.put(key(2), extent(2, 16)).await;
    tier.put((key(1).0, 1), extent(3, 23)).await;
    settle();
    for (key, expected) in
        [(key(1), extent(1, 5000)), (key(2), extent(2, 16)), ((key(1).0, 1), extent(3, 23))]
    {
        let answer = tier.get(key).await.unwrap();
        assert_eq!((answer.header, answer.chunks), (*expected.header(), expected.chunks().clone()));
    }
    tier.evict(key(1)).await;
    tier.evict(key(9)).await;
    settle();
    assert!(tier.get(key(1)).await.is_none(), "it forgets what it is told to");
    assert!(tier.get((key(1).0, 1)).await.is_some(), "and nothing else");
    // What was evicted because it was refused is put again, as it should be.
    tier.put(key(1), extent(4, 30)).await;
    settle();
    assert_eq!(tier.get(key(1)).await.unwrap().chunks, *extent(4, 30).chunks());
}
