//! Eyesonly, the native host: home-camera footage for many households from one edge, kept apart by construction.
//!
//! The way of a request: `http` → `admission` (who is asking, what may they see, read afresh) → `grant` → `sandbox` (a fresh instance of the
//! handler) → `footage` → `vault` (opens) → `tiers` → `store`, and back by the way out. ARCHITECTURE.md is the map.

pub mod admin;
pub mod admission;
pub mod clock;
pub mod component_check;
pub mod config;
pub mod defence;
pub mod edge;
pub mod footage;
pub mod grant;
pub mod http;
pub mod identity;
pub mod index;
pub mod ingest;
pub mod keyring;
pub mod ledger;
pub mod metrics;
#[cfg(test)]
mod model_tests;
pub mod registry;
pub mod sandbox;
#[cfg(all(test, feature = "schedules"))]
mod schedules;
pub mod sqlite;
pub mod store;
#[cfg(feature = "storm")]
pub mod storm;
mod sync;
pub mod tiers;
pub mod turns;
pub mod vault;
pub mod viewer;
