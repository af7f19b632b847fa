//! Liars: each is a seam wrapped around an honest one. With no lie to tell, a wrapper passes its
//! seam's conformance suite.
//!
//! Liars know more than any real fault would (whose a name is, what was said before), and choose
//! what hurts most. They must never help: a lie is told only where the honest seam has an answer,
//! or had one. In a control they have keys too ([`crate::forge`]).

mod coalescer;
mod hub;
mod index;
mod inlet;
mod ledger;
mod outlet;
mod past;
mod pool;
mod registry;
mod stored;

pub use coalescer::LyingCoalescer;
pub use hub::{HubMouth, LyingHub, Told, spoilt};
pub use index::LyingIndex;
pub use inlet::LyingInlet;
pub use ledger::{Heard, LyingLedger};
pub use outlet::LyingOutlet;
pub use pool::{LyingPool, PooledIndex};
pub use registry::LyingRegistry;
pub use stored::{ERROR_TEXT, LyingStore, LyingTier, Mouth, Reads};
