//! The memory tier keeps sealed extents under a byte budget, in a cache of the crate `moka`.

use super::{ExtentKey, Tier};
use async_trait::async_trait;
use eyesonly_gate::{Claimed, Sealed};
use eyesonly_seal::format::HEADER_BYTES;
use moka::sync::Cache;
use std::sync::atomic::{AtomicU64, Ordering};

/// The bytes that an entry costs besides its chunks and header: its key, and the cache's own
/// book-keeping.
const ENTRY_OVERHEAD_BYTES: u32 = 256;

/// The most bytes that may be put before the tier tells the cache to evict. The cache evicts late
/// by itself, so a long clip would exceed the budget by far.
const UNTIDIED_BYTES_MAX: u64 = 1024 * 1024;

/// The tier that keeps sealed extents in memory.
pub struct MemoryTier {
    extents: Cache<ExtentKey, Sealed, std::hash::RandomState>,
    untidied_bytes: AtomicU64,
}

impl MemoryTier {
    /// Makes a tier of at most `budget_bytes`, counted with headers and book-keeping.
    pub fn new(budget_bytes: u64) -> Self {
        let weigh = |_: &ExtentKey, extent: &Sealed| {
            u32::try_from(extent.chunks().len().saturating_add(HEADER_BYTES))
                .unwrap_or(u32::MAX)
                .saturating_add(ENTRY_OVERHEAD_BYTES)
        };
        let extents = Cache::builder()
            .max_capacity(budget_bytes)
            .weigher(weigh)
            .build_with_hasher(std::hash::RandomState::new());
        Self { extents, untidied_bytes: AtomicU64::new(0) }
    }

    /// Returns how many bytes the tier holds, as far as the cache has counted them.
    pub fn held_bytes(&self) -> u64 {
        self.extents.weighted_size()
    }
}

#[async_trait]
impl Tier for MemoryTier {
    async fn get(&self, key: ExtentKey) -> Option<Claimed> {
        self.extents.get(&key).map(Claimed::from)
    }
    async fn put(&self, key: ExtentKey, extent: Sealed) {
        let bytes = extent.chunks().len() as u64;
        self.extents.insert(key, extent);
        if self.untidied_bytes.fetch_add(bytes, Ordering::Relaxed).saturating_add(bytes)
            >= UNTIDIED_BYTES_MAX
        {
            self.untidied_bytes.store(0, Ordering::Relaxed);
            self.extents.run_pending_tasks();
        }
    }
    async fn evict(&self, key: ExtentKey) {
        self.extents.invalidate(&key);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tiers::conformance::{self, extent, key};

    #[tokio::test]
    async fn conforms() {
        conformance::check(&MemoryTier::new(100_000), || {}).await;
    }

    #[tokio::test]
    async fn it_keeps_within_its_budget() {
        let tier = MemoryTier::new(100_000);
        for n in 0..100 {
            tier.put(key(n), extent(n, 10_000)).await;
        }
        tier.extents.run_pending_tasks();
        assert!(tier.held_bytes() <= 100_000, "{}", tier.held_bytes());
        assert!(tier.held_bytes() > 50_000, "{}", tier.held_bytes());
    }

    #[tokio::test]
    async fn long_clips_do_not_run_over_the_budget() {
        let tier = MemoryTier::new(4 << 20);
        for n in 0..200 {
            tier.put(key(n), extent(n, 1 << 20)).await;
            let kept = (0..=n).filter(|n| tier.extents.contains_key(&key(*n))).count();
            assert!(kept <= 5, "{kept} MiB are held");
        }
    }
}
