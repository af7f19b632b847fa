//! The back end of one request of the Spin edition: the gate over the edge's key-value store. One
//! instance serves one request, because engines of WASI HTTP 0.2 make an instance for each request.
//!
//! INVARIANT: an instance is asked for one thing only ([`state::Backend::first_question`]), which
//! is a grant, an upload, a list or a login. So a grant of one request can never meet another's,
//! even in an engine that reuses instances.
//!
//! As in the native host, `eyesonly_gate` decides who gets in, what a handler may do and what
//! leaves. This crate puts gate and services together over `wasi:keyvalue`. It must never answer
//! from anything that the gate did not prove, or write key material anywhere. A private byte leaves
//! only by a departure.
//!
//! The SHA-256 of the handler that made a rendition is part of the context that the rendition is
//! sealed with. Both handlers share this instance, which can't tell which of them calls. Only the
//! thumbnail handler makes renditions, so the build gives its SHA-256 in
//! `EYESONLY_THUMBNAIL_SHA256` (see [`contract`]).

pub mod admission;
pub mod change;
#[cfg(target_arch = "wasm32")]
mod component;
pub mod contract;
pub mod departure;
pub mod log;
#[cfg(target_arch = "wasm32")]
mod problem;
mod run;
pub mod state;
pub mod store;
#[cfg(test)]
mod tests;
pub mod upload;
