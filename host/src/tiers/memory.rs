//! The memory tier: sealed extents under a byte budget, by `moka`.

use super::{ExtentKey, Tier};
use crate::vault::SealedExtent;
use async_trait::async_trait;
use eyesonly_seal::format::HEADER_BYTES;
use moka::sync::Cache;

/// What an entry costs besides its bytes: key, header, the cache's own book-keeping.
const ENTRY_OVERHEAD_BYTES: u32 = 256;

/// Sealed extents in memory.
pub struct MemoryTier {
    extents: Cache<ExtentKey, SealedExtent, std::hash::RandomState>,
}

impl MemoryTier {
    /// A tier of at most `budget_bytes`, counted with headers and book-keeping.
    pub fn new(budget_bytes: u64) -> Self {
        let weigh = |_: &ExtentKey, extent: &SealedExtent| {
            u32::try_from(extent.chunks.len().saturating_add(HEADER_BYTES))
                .unwrap_or(u32::MAX)
                .saturating_add(ENTRY_OVERHEAD_BYTES)
        };
        let extents = Cache::builder()
            .max_capacity(budget_bytes)
            .weigher(weigh)
            .build_with_hasher(std::hash::RandomState::new());
        Self { extents }
    }

    /// Bytes it holds now, as far as its book-keeping has come.
    pub fn held_bytes(&self) -> u64 {
        self.extents.weighted_size()
    }
}

#[async_trait]
impl Tier for MemoryTier {
    async fn get(&self, key: ExtentKey) -> Option<SealedExtent> {
        self.extents.get(&key)
    }
    async fn put(&self, key: ExtentKey, extent: SealedExtent) {
        self.extents.insert(key, extent);
    }
    async fn evict(&self, key: ExtentKey) {
        self.extents.invalidate(&key);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;
    use eyesonly_seal::ObjectName;

    fn key(n: u8) -> ExtentKey {
        (ObjectName::from_bytes([n; 32]), 0)
    }

    fn extent(bytes: usize) -> SealedExtent {
        SealedExtent {
            header: [0; HEADER_BYTES],
            chunks: Bytes::from(vec![7; bytes]),
        }
    }

    #[tokio::test]
    async fn it_keeps_within_its_budget() {
        let tier = MemoryTier::new(100_000);
        for n in 0..100 {
            tier.put(key(n), extent(10_000)).await;
        }
        tier.extents.run_pending_tasks();
        assert!(tier.held_bytes() <= 100_000, "{}", tier.held_bytes());
        assert!(tier.held_bytes() > 50_000, "{}", tier.held_bytes());
    }

    #[tokio::test]
    async fn it_forgets_what_it_is_told_to() {
        let tier = MemoryTier::new(100_000);
        tier.put(key(1), extent(10)).await;
        assert!(tier.get(key(1)).await.is_some());
        tier.evict(key(1)).await;
        assert!(tier.get(key(1)).await.is_none());
    }
}
