//! The vault of the Spin edition: admission, grants and opening, over the edge's key-value store. One instance serves one request, as engines of
//! WASI HTTP 0.2 make one for each.
//!
//! INVARIANT: an instance is asked for one thing only ([`state::Vault::first_question`]): a grant, an upload, a list, a login. So a grant of one
//! request can never meet another's, even in an engine that used an instance again.
//!
//! Everything is decided by `eyesonly_service`, as in the native host; this crate puts it together over `wasi:keyvalue`, keeps the handler's
//! contract with the same checks and limits as the host's sandbox, and is the way out. It must never answer from what was not proven there, never
//! let a byte of footage leave before the ledger has it, and never write key material anywhere.
//!
//! Which handler made a rendition is a part of what it is sealed as. Both handlers share this vault, which can't tell who calls, and only the
//! thumbnail handler makes renditions: its SHA-256 is given when this crate is built, in `EYESONLY_THUMBNAIL_SHA256` (see [`contract`]).

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
