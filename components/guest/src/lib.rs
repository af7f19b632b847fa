//! What every handler needs inside its instance: the allocator. It must never import anything from the host.
//!
//! Rust's own allocator for wasm calls `memory.grow` at the first allocation. In a pool of instances that costs one
//! mprotect to grow and one to shrink for each request. Here the first bytes come from inside the initial memory: what the linker
//! left free at its end (it rounds up to whole pages of 64 KiB), then an array of [`ARENA_BYTES`]. A request that needs no more makes no
//! system call; only larger ones grow the memory.
//!
//! A handler links this crate (`use eyesonly_guest as _;`) and has its allocator. On other targets it is empty.

/// How many bytes are at hand before memory grows, beside what the linker left free. With a stack of 32 KiB each handler fits two
/// pages, and the largest hot answer (a page of 100 events) fits what is at hand.
pub const ARENA_BYTES: usize = 64 * 1024;

#[cfg(target_arch = "wasm32")]
mod arena;
