//! The test suite that every tier passes.
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

/// Returns an extent of `bytes` sealed bytes, not counting its header. The same `n` and length
/// always give the same extent.
pub fn extent(n: u8, bytes: usize) -> Sealed {
    testing::sealed(n, bytes)
}

/// Runs the suite on an empty tier with room for some extents. `settle` waits until every put and
/// eviction has taken effect.
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
    // After an eviction for a rejected answer, the right extent is put under the same key.
    tier.put(key(1), extent(4, 30)).await;
    settle();
    assert_eq!(tier.get(key(1)).await.unwrap().chunks, *extent(4, 30).chunks());
}
