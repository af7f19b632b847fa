//! Eyesonly, the native host: home-camera footage for many households from one edge, kept apart by
//! construction.
//!
//! `eyesonly_gate` decides who gets in, how footage is opened and how it leaves. `eyesonly_service`
//! has the modules between HTTP and the seams. Both editions use these two crates. This crate has
//! HTTP, the sandbox, the implementations of the seams, and the command line.
//!
//! A request goes this way: `http` → admission → grant → `sandbox` → footage → vault → tiers →
//! store. Admission finds out who asks and what they may see, read afresh. The sandbox is a fresh
//! instance of the handler, and the vault opens the footage. The answer goes back by the departure.
//! ARCHITECTURE.md is the map.

pub mod component_check;
pub mod config;
pub mod disk_tier;
pub mod edge;
pub mod folder;
pub mod handlers;
pub mod http;
pub mod incident;
pub mod keyring;
pub mod keyvalue;
pub mod ledger;
pub mod metrics;
#[cfg(test)]
mod model_tests;
pub mod process;
pub mod room;
pub mod sandbox;
pub mod sqlite;
