//! The parts that every handler needs in its instance: the contract's bindings, and an allocator.
//!
//! A handler implements `Guest` and says so:
//!
//! ```ignore
//! use eyesonly_guest::{Body, Grant, Guest, MediaType, Question, Response, Status};
//!
//! struct Handler;
//! eyesonly_guest::export!(Handler);
//!
//! impl Guest for Handler {
//!     fn handle(grant: Grant, question: Question) -> Response {
//!         let status = match grant.newest_still() {
//!             Ok(_) => Status::Ok,
//!             Err(_) => Status::NotFound,
//!         };
//!         Response { status, media_type: MediaType::Json, body: Body::Empty }
//!     }
//! }
//! ```
//!
//! The crate must never import anything from the host but the contract. On other targets than wasm,
//! the crate has nothing but [`ARENA_BYTES`], [`Refusal`] and the texts of JSON and of times. A
//! handler's own code is tested natively, with `eyesonly-testkit`.
//!
//! Rust's own allocator for wasm calls `memory.grow` at the first allocation. In a pool of
//! instances, each request then costs one mprotect to grow and one to shrink. Here the first bytes
//! come from inside the initial memory. They are what the linker left free at its end (it rounds up
//! to whole pages of 64 KiB), then an array of [`ARENA_BYTES`]. A request that needs no more makes
//! no system call.

/// The bytes at hand before memory grows, beside what the linker left free. They suffice for the
/// answer to a hot request. Each page of 64 KiB more is reset after every request.
pub const ARENA_BYTES: usize = 2 * 1024;

#[cfg(target_arch = "wasm32")]
mod arena;
pub mod text;
pub mod time;

/// The contract of `wit/`, as wit-bindgen writes it.
#[cfg(target_arch = "wasm32")]
#[allow(missing_docs, clippy::all, clippy::restriction)]
pub mod bindings {
    wit_bindgen::generate!({
        world: "footage-handler",
        path: "wit",
        pub_export_macro: true,
        default_bindings_module: "eyesonly_guest::bindings",
    });
}

#[cfg(target_arch = "wasm32")]
pub use bindings::{
    export,
    exports::eyesonly::edge::handler::{
        Body, Followed, FootageRange, Grant, Guest, MediaType, Question, Response, Status,
    },
    eyesonly::edge::{
        events,
        footage::Object,
        live, renditions,
        types::{ErrorCode, LivePart, LiveStream},
    },
};

/// Why the host refused; the contract's `error-code`. A handler's own code has it on every target.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// There is no such thing under the grant.
    NotFound,
    /// The question has a wrong form.
    Invalid,
    /// A limit was exceeded.
    Limit,
    /// No layer gave a proven answer.
    Unavailable,
}

#[cfg(target_arch = "wasm32")]
impl From<ErrorCode> for Refusal {
    fn from(code: ErrorCode) -> Self {
        match code {
            ErrorCode::NotFound => Self::NotFound,
            ErrorCode::Invalid => Self::Invalid,
            ErrorCode::Limit => Self::Limit,
            ErrorCode::Unavailable => Self::Unavailable,
        }
    }
}
