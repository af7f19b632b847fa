//! Tiers: places in front of the store that may hold sealed extents, and the ladder that asks one after the other.
//!
//! Threat. A tier is NOT trusted: it may return another object's extent, another household's, an old one, a cut, extended or reordered one,
//! a flipped bit, nothing. What must hold: an extent becomes footage only in the vault, under the key and context of the question; a tier is
//! filled only with extents that authenticated, and one that was refused is evicted there.
//!
//! A tier must never hold plaintext, a handler's output, or a name that says what it holds.

mod coalescer;
#[cfg(any(test, feature = "conformance"))]
pub mod conformance;
mod ladder;
#[cfg(feature = "memory-tier")]
mod memory;
mod standing;

#[cfg(any(test, feature = "conformance"))]
pub use coalescer::conformance as coalescer_conformance;
pub use coalescer::{Alone, Coalescer, FetchError, Fetched, Flights, Read};
pub use ladder::{Ladder, LadderError, Layer};
#[cfg(feature = "memory-tier")]
pub use memory::MemoryTier;
pub use standing::{ASIDE_MILLISECONDS, STRIKES_MAX, Standing, WINDOW_MILLISECONDS};

use async_trait::async_trait;
use eyesonly_gate::{Claimed, Sealed};
use eyesonly_seal::ObjectName;

/// Which extent of which object.
pub type ExtentKey = (ObjectName, u64);

/// Holds sealed extents for a while.
#[async_trait]
pub trait Tier: Send + Sync + 'static {
    /// What it has under this key; unproven.
    async fn get(&self, key: ExtentKey) -> Option<Claimed>;
    /// Takes an extent that has authenticated.
    async fn put(&self, key: ExtentKey, extent: Sealed);
    /// Forgets one extent.
    async fn evict(&self, key: ExtentKey);
}
