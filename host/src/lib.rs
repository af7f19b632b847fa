//! Eyesonly, the native host: home-camera footage for many households from one edge, kept apart by construction.
//!
//! The rooms between HTTP and the seams are `eyesonly-service`'s, which the edge edition has too; here are HTTP, the sandbox, the pages, what stands
//! behind the seams, and the command line.
//!
//! The way of a request: `http` → `admission` (who is asking, what may they see, read afresh) → `grant` → `sandbox` (a fresh instance of the
//! handler) → `footage` → `vault` (opens) → `tiers` → `store`, and back by the way out. ARCHITECTURE.md is the map.

pub mod component_check;
pub mod config;
pub mod edge;
pub mod http;
pub mod index;
pub mod keyring;
pub mod keyvalue;
pub mod metrics;
#[cfg(test)]
mod model_tests;
pub mod registry;
pub mod sandbox;
pub mod sqlite;
pub mod store;
#[cfg(feature = "storm")]
pub mod storm;
pub mod tiers;

pub use eyesonly_service::{admin, admission, clock, defence, footage, grant, identity, ingest, ledger, turns, vault};
