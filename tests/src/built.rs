//! The edition under test, and the places of its built parts. It must never build anything.

use std::path::{Path, PathBuf};

/// The repository's folder.
pub const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");

/// Returns the binary under test: `EYESONLY_BIN`, else the one that `cargo xtask build` makes.
///
/// # Panics
/// If the file is missing.
pub fn binary() -> PathBuf {
    built("EYESONLY_BIN", "target/debug/eyesonly")
}

/// Returns the storm's program: `EYESONLY_STORM_BIN`, else the one that `cargo xtask storm` makes.
///
/// # Panics
/// If the file is missing.
pub fn storm_binary() -> PathBuf {
    built("EYESONLY_STORM_BIN", "target/debug/eyesonly-storm")
}

/// Returns the folder of the components: `EYESONLY_COMPONENTS`, else the one that `cargo xtask
/// build` makes.
///
/// # Panics
/// If the folder is missing.
pub fn components() -> PathBuf {
    built("EYESONLY_COMPONENTS", "target/components")
}

/// The edition under test.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Edition {
    /// The native host.
    Native,
    /// The Spin edition's component, on wasmtime's own WASI HTTP (`eyesonly-engine`) or by `spin
    /// up`.
    Spin,
}

/// Returns the edition that `EYESONLY_EDITION` names: `spin`, or the native host.
///
/// # Panics
/// If the variable names another.
pub fn edition() -> Edition {
    match std::env::var("EYESONLY_EDITION").as_deref() {
        Err(_) | Ok("native") => Edition::Native,
        Ok("spin") => Edition::Spin,
        Ok(other) => panic!("there is no edition {other:?}; there are native and spin"),
    }
}

/// Returns the program that runs the Spin edition's component: `EYESONLY_ENGINE_BIN`, else the one
/// that `cargo xtask build` makes.
///
/// # Panics
/// If the file is missing.
pub fn engine() -> PathBuf {
    built("EYESONLY_ENGINE_BIN", "target/debug/eyesonly-engine")
}

/// Returns the `spin` that serves the Spin edition instead: `EYESONLY_SPIN`, if it is set.
pub fn spin() -> Option<PathBuf> {
    std::env::var_os("EYESONLY_SPIN").map(PathBuf::from)
}

/// Returns the path of the manifest that `spin up` reads.
pub fn spin_manifest() -> PathBuf {
    Path::new(ROOT).join("spin.toml")
}

/// Returns the composed component of the Spin edition.
///
/// # Panics
/// If the file is missing.
pub fn spin_component() -> PathBuf {
    built("EYESONLY_SPIN_COMPONENT", "target/components/spin/eyesonly.wasm")
}

/// Returns the host with every feature that it has, which `cargo xtask test` builds.
///
/// # Panics
/// If the file is missing.
pub fn host_with_all_features() -> PathBuf {
    built("EYESONLY_ALL_FEATURES_BIN", "target/all-features/debug/eyesonly")
}

fn built(variable: &str, default: &str) -> PathBuf {
    let path =
        std::env::var_os(variable).map_or_else(|| Path::new(ROOT).join(default), PathBuf::from);
    path.canonicalize().unwrap_or_else(|error| {
        panic!(
            "{}: {error}; run `cargo xtask build` first, or `cargo xtask test`, which builds all \
             of it",
            path.display()
        )
    })
}
