//! Makes components of handlers: gets the standard library for wasm, compiles the crates, and wraps
//! each module as a component.
//!
//! The host's build script, the tasks of the workspace and the testkit share it. Authors run it in
//! the folder of their crate:
//!
//! ```text
//! cargo install eyesonly-build
//! eyesonly-build            # writes target/components/NAME.wasm
//! ```
//!
//! INVARIANT: the same sources give the same bytes, since a rendition is bound to the digest of the
//! handler that made it. No path, flag or time of a machine gets into a component. `cargo xtask
//! dist` compares two clones.

mod compile;
mod toolchain;

pub use compile::{Component, Crates, FLAGS, component_of, flags, guest_profile, target_folder};
pub use toolchain::{NoToolchain, TARGET, Toolchain, get_std, has_std, output_of};
