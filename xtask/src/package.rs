//! `package`: makes the packages that authors of handlers and operators take from a registry.
//!
//! The host's package has the handlers inside, since a package has no sources beside it. It must
//! never upload anything.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use crate::components;
use crate::workspace::{Workspace, execute, step};

/// The packages, each after those that it stands on.
const PACKAGES: [&str; 12] = [
    "eyesonly-seal",
    "eyesonly-rights",
    "eyesonly-gate",
    "eyesonly-log",
    "eyesonly-ledger",
    "eyesonly-service",
    "eyesonly-web",
    "eyesonly-demo",
    "eyesonly-build",
    "eyesonly-guest",
    "eyesonly",
    "eyesonly-testkit",
];

/// The arguments of `cargo xtask package`.
#[derive(clap::Args)]
pub struct Arguments {
    /// Builds each package from its own files, as a registry's user would. It takes minutes.
    #[arg(long)]
    verify: bool,
}

/// Makes the packages, and unpacks them below target/package/unpacked/.
///
/// Errors: a package lacks something, or does not build.
pub fn run(workspace: &Workspace, arguments: &Arguments) -> Result<()> {
    let folder = make(workspace, arguments.verify)?;
    outside(workspace, &folder)
}

/// Builds the handler of docs/writing-a-component.md outside of the repository, as its author does:
/// from the packages alone.
fn outside(workspace: &Workspace, packages: &Path) -> Result<()> {
    step("a handler outside of the repository");
    let author = tempfile::Builder::new().prefix("eyesonly-author-").tempdir()?;
    let example = workspace.root.join("tests/guests/privacy-mask");
    fs::create_dir(author.path().join("src"))?;
    fs::create_dir(author.path().join(".cargo"))?;
    fs::copy(example.join("Cargo.toml"), author.path().join("Cargo.toml"))?;
    for file in ["lib.rs", "mask.rs", "answer.rs", "component.rs"] {
        fs::copy(example.join("src").join(file), author.path().join("src").join(file))?;
    }
    fs::write(author.path().join(".cargo/config.toml"), patches(packages))?;
    let mut build = workspace.cargo();
    build.current_dir(author.path()).args(["run", "--quiet", "--manifest-path"]);
    build.arg(packages.join("eyesonly-build/Cargo.toml"));
    build.arg("--target-dir").arg(workspace.target.join("package/build"));
    build.arg("--").arg(author.path());
    execute(&mut build, "the compiler's message is above")?;
    let made = author.path().join("target/components/privacy-mask.wasm");
    let component = fs::read(&made).with_context(|| made.display().to_string())?;
    components::check_surface(&component)?;
    eprintln!("   privacy-mask.wasm {} bytes", component.len());
    Ok(())
}

/// Makes the packages, and gives the folder with each of them unpacked, by its name.
fn make(workspace: &Workspace, verify: bool) -> Result<PathBuf> {
    let handlers = components::build_handlers(workspace)?;
    let inside = workspace.root.join("host/handlers");
    fs::create_dir_all(&inside)?;
    for guest in workspace.handlers() {
        let file = format!("{}.wasm", guest.name);
        fs::copy(handlers.join(&file), inside.join(&file))
            .with_context(|| format!("copying {file}"))?;
    }
    step("packages");
    let mut cargo = workspace.cargo();
    // The handlers are not in git.
    cargo.args(["package", "--locked", "--allow-dirty", "--quiet"]);
    if !verify {
        cargo.arg("--no-verify");
    }
    for package in PACKAGES {
        cargo.args(["--package", package]);
    }
    execute(&mut cargo, "cargo's message is above; a file of a package must lie in its folder")?;
    let made = workspace.target.join("package");
    let folder = unpack(&made)?;
    let config = made.join("config.toml");
    fs::write(&config, patches(&folder)).with_context(|| config.display().to_string())?;
    eprintln!("   {}: as .cargo/config.toml it stands in for crates.io", config.display());
    Ok(folder)
}

/// Gives the configuration by which cargo takes the unpacked packages for those of crates.io.
fn patches(folder: &Path) -> String {
    let mut text = String::from("[patch.crates-io]\n");
    for package in PACKAGES {
        let path = folder.join(package);
        text += &format!("{package} = {{ path = {:?} }}\n", path.display().to_string());
    }
    text
}

fn unpack(made: &Path) -> Result<PathBuf> {
    let folder = made.join("unpacked");
    if folder.exists() {
        fs::remove_dir_all(&folder)?;
    }
    fs::create_dir_all(&folder)?;
    let version = env!("CARGO_PKG_VERSION");
    for package in PACKAGES {
        let file = made.join(format!("{package}-{version}.crate"));
        if !file.exists() {
            bail!("cargo made no {}", file.display());
        }
        let mut tar = std::process::Command::new("tar");
        tar.arg("-xzf").arg(&file).arg("-C").arg(&folder);
        execute(&mut tar, "install tar and gzip")?;
        fs::rename(folder.join(format!("{package}-{version}")), folder.join(package))?;
        eprintln!("   {} {} bytes", file.display(), fs::metadata(&file)?.len());
    }
    Ok(folder)
}
