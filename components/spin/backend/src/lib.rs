//! The back end of one request of the Spin edition: the gate over the edge's key-value store. One
//! instance serves one request, as engines of WASI HTTP 0.2 make one for each.
//!
//! INVARIANT: an instance is asked for one thing only ([`state::Backend::first_question`]): a
//! grant, an upload, a list, a login. So a grant of one request can never meet another's, even in
//! an engine that used an instance again.
//!
//! `eyesonly_gate` decides who gets in, what a handler may do and what leaves, as in the native
//! host. This crate puts gate and services together over `wasi:keyvalue`. It must never answer from
//! what was not proven there, give out a private byte but by a departure, or write key material
//! anywhere.
//!
//! Which handler made a rendition is a part of what it is sealed as. Both handlers share this
//! instance, which can't tell who calls, and only the thumbnail handler makes renditions: the build
//! gives its SHA-256 in `EYESONLY_THUMBNAIL_SHA256` (see [`contract`]).

pub mod admission;
#[cfg(target_arch = "wasm32")]
mod component;
pub mod contract;
pub mod departure;
pub mod ledger;
pub mod log;
#[cfg(target_arch = "wasm32")]
mod problem;
mod run;
pub mod state;
pub mod store;
#[cfg(test)]
mod tests;
pub mod upload;
