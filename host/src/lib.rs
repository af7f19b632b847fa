//! Eyesonly, the native host: home-camera footage for many households from one edge, kept apart by construction.
//!
//! Who gets in, how footage opens and how it leaves is `eyesonly_gate`'s; the rooms between HTTP and the seams are `eyesonly_service`'s. Both
//! editions have them. Here are HTTP, the sandbox, what stands behind the seams, and the command line.
//!
//! The way of a request: `http` → admission (who is asking, what may they see, read afresh) → grant → `sandbox` (a fresh instance of the
//! handler) → footage → vault (opens) → tiers → store, and back by the departure. ARCHITECTURE.md is the map.

pub mod component_check;
pub mod config;
pub mod disk_tier;
pub mod edge;
pub mod folder;
pub mod http;
pub mod keyring;
pub mod keyvalue;
pub mod metrics;
#[cfg(test)]
mod model_tests;
pub mod process;
pub mod sandbox;
pub mod sqlite;
