//! Makes the component of a handler, for its author: `eyesonly-build` in the folder of the crate.
//!
//! It must never write anywhere but below the crate's target folder.

use std::env;
use std::fs;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use eyesonly_build::{Crates, Toolchain};

const HELP: &str = "\
Compiles the handler in FOLDER (here unless given) for wasm, and makes a component of it:
FOLDER/target/components/NAME.wasm, or below CARGO_TARGET_DIR. If std for wasm is missing, it is
fetched by rustup.

Usage: eyesonly-build [FOLDER]

Then:  eyesonly component check target/components/NAME.wasm
";

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("eyesonly-build: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<()> {
    let mut folder = None;
    for argument in env::args_os().skip(1) {
        match argument.to_str() {
            Some("-h" | "--help") => {
                print!("{HELP}");
                return Ok(());
            }
            Some("-V" | "--version") => {
                println!("eyesonly-build {}", env!("CARGO_PKG_VERSION"));
                return Ok(());
            }
            Some(option) if option.starts_with('-') => bail!("unknown option {option}\n\n{HELP}"),
            _ if folder.is_some() => bail!("one folder at a time\n\n{HELP}"),
            _ => folder = Some(PathBuf::from(argument)),
        }
    }
    let folder = folder.unwrap_or_else(|| PathBuf::from("."));
    let root = folder
        .canonicalize()
        .with_context(|| format!("{}: name the folder of a crate", folder.display()))?;
    if !root.join("Cargo.toml").exists() {
        bail!("{}: there is no Cargo.toml; name the folder of a crate", root.display());
    }
    let target = match env::var_os("CARGO_TARGET_DIR") {
        Some(target) => root.join(target),
        None => root.join("target"),
    };
    let crates = Crates { root: &root, target: &target, packages: &[], locked: false };
    let out = target.join("components");
    fs::create_dir_all(&out).with_context(|| out.display().to_string())?;
    for component in crates.components(&Toolchain::get()?)? {
        let file = out.join(&component.package).with_extension("wasm");
        fs::write(&file, &component.bytes).with_context(|| file.display().to_string())?;
        println!("{}", file.display());
    }
    Ok(())
}
