//! Tiers are places in front of the store that may hold sealed extents. The ladder asks one after
//! the other.
//!
//! Threat. A tier is NOT trusted. A tier may return another object's extent, another household's,
//! or an old one. A tier may cut, extend or reorder an extent, flip a bit, or return nothing. What
//! must hold: an extent becomes footage only in the vault, under the key and context of the
//! question. Only extents that have authenticated are put into a tier. If a tier's extent is
//! rejected, that tier evicts it.
//!
//! A tier must never hold plaintext, a handler's output that is not sealed, or a name that says
//! what is in the footage.

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

/// The name of an object, and the number of an extent in it.
pub type ExtentKey = (ObjectName, u64);

/// A place that holds sealed extents for a while.
#[async_trait]
pub trait Tier: Send + Sync + 'static {
    /// Returns what the tier has under this key. The answer is not proven.
    async fn get(&self, key: ExtentKey) -> Option<Claimed>;
    /// Takes an extent that has authenticated.
    async fn put(&self, key: ExtentKey, extent: Sealed);
    /// Forgets one extent.
    async fn evict(&self, key: ExtentKey);
}
