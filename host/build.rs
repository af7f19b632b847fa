//! Makes the handlers that the binary brings along.
//!
//! In the repository they are compiled from `components/`. In a package they lie in `handlers/`,
//! made by `cargo xtask package`. It must never take a handler that is older than its sources.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use eyesonly_build::{Crates, Toolchain, target_folder};

/// The handlers, by the folders of their sources.
const HANDLERS: [&str; 4] = ["thumbnail", "events", "live", "still-check"];

fn main() -> Result<()> {
    let here = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").context("cargo runs this")?);
    let out = PathBuf::from(env::var_os("OUT_DIR").context("cargo runs this")?);
    println!("cargo::rerun-if-changed=build.rs");
    let root = here.join("..");
    let made = if root.join("components/thumbnail/Cargo.toml").exists() {
        compile(&root.canonicalize()?, &out)?
    } else {
        here.join("handlers")
    };
    for name in HANDLERS {
        let file = made.join(format!("{name}.wasm"));
        let variable = name.to_uppercase().replace('-', "_");
        println!("cargo::rustc-env=EYESONLY_{variable}={}", file.display());
    }
    Ok(())
}

/// Compiles the handlers of the repository into `out`.
fn compile(root: &Path, out: &Path) -> Result<PathBuf> {
    for source in [
        "components/picture",
        "components/thumbnail",
        "components/still-check",
        "components/events",
        "components/live",
        "components/guest",
        "components/build",
        "wit",
        "Cargo.toml",
        "Cargo.lock",
        "rust-toolchain.toml",
    ] {
        println!("cargo::rerun-if-changed={}", root.join(source).display());
    }
    let packages = HANDLERS.map(|name| format!("eyesonly-{name}"));
    let crates = Crates {
        root,
        target: &target_folder(out),
        packages: &packages.each_ref().map(String::as_str),
        locked: true,
    };
    for component in crates.components(&Toolchain::get()?)? {
        let name = component.folder.file_name().context("a package has a folder")?;
        let file = out.join(name).with_extension("wasm");
        fs::write(&file, component.bytes).with_context(|| format!("writing {}", file.display()))?;
    }
    Ok(out.to_owned())
}
