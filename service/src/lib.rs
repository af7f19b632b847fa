//! The modules between HTTP and the seams, for both editions. `footage` finds what a grant covers,
//! `ingest` takes in what cameras hand in, `identity` keeps accounts, and `admin` administers. The
//! seams are here too: all of these modules ask the seams and never trust them.
//!
//! The crate `eyesonly_gate` decides who gets in, opens footage, and lets answers out. This crate
//! knows no HTTP, no sandbox, no file and no database. It must never believe an answer that has not
//! proven that it belongs to its question.

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
