//! The rooms between HTTP and the seams, for both editions: who gets in (`admission`), with what (`grant`), what they reach (`footage`), how it
//! opens (`vault`), how it comes in (`ingest`), and the seams that all of this asks and never believes.
//!
//! INVARIANT: only this crate makes a grant, and only `admission` does it here. It knows no HTTP, no sandbox, no file and no database; it must
//! never believe an answer that has not proven its question.

pub mod admin;
pub mod admission;
pub mod clock;
pub mod defence;
pub mod footage;
pub mod grant;
pub mod identity;
pub mod index;
pub mod ingest;
pub mod keys;
pub mod kv;
pub mod ledger;
pub mod registry;
#[cfg(test)]
#[cfg(feature = "schedules")]
mod schedules;
pub mod store;
#[cfg(feature = "storm")]
pub mod storm;
mod sync;
pub mod tiers;
pub mod turns;
pub mod vault;
