//! The rooms between HTTP and the seams, for both editions: what a grant reaches (`footage`), how it comes in (`ingest`),
//! accounts (`identity`), administration (`admin`), and the seams that all of this asks and never believes.
//!
//! Who gets in, how it opens and how it leaves is `eyesonly_gate`'s. This crate knows no HTTP, no sandbox, no file and no
//! database; it must never believe an answer that has not proven its question.

mod acknowledged;
pub mod admin;
pub mod catalogue;
pub mod clock;
pub mod footage;
pub mod identity;
pub mod index;
pub mod ingest;
pub mod keys;
pub mod kv;
pub mod ledger;
pub mod registry;
#[cfg(all(test, schedules))]
mod schedules;
pub mod store;
mod sync;
#[cfg(any(test, feature = "conformance"))]
pub mod testing;
pub mod tiers;
pub mod turns;
