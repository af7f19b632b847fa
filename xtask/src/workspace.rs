//! The workspace's root, target folder and packages, and how a task runs a program and says what it
//! does.
//!
//! It asks cargo rather than guessing, so that CARGO_TARGET_DIR holds for everything. It must never
//! build or change anything.

use std::env;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};
pub use eyesonly_build::output_of;
use eyesonly_harness::process::show;
use serde::Deserialize;

/// The workspace as cargo sees it.
pub struct Workspace {
    /// The folder of the root Cargo.toml.
    pub root: PathBuf,
    /// The folder that cargo builds in.
    pub target: PathBuf,
    packages: Vec<Package>,
}

/// A member that is compiled for wasm.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Guest {
    /// The package's name, for `cargo -p`.
    pub package: String,
    /// The folder's name, which the component's file has as well.
    pub name: String,
}

#[derive(Deserialize)]
struct Metadata {
    packages: Vec<Package>,
    target_directory: PathBuf,
    workspace_root: PathBuf,
}

#[derive(Deserialize)]
struct Package {
    name: String,
    manifest_path: PathBuf,
    targets: Vec<Target>,
}

#[derive(Deserialize)]
struct Target {
    crate_types: Vec<String>,
}

impl Workspace {
    /// Asks `cargo metadata` for the workspace.
    ///
    /// Errors: cargo does not run, or a manifest does not parse.
    pub fn load() -> Result<Self> {
        let output = Command::new(cargo_path())
            .args(["metadata", "--no-deps", "--format-version", "1"])
            .stderr(Stdio::inherit())
            .output()
            .context("cargo does not run")?;
        if !output.status.success() {
            bail!(
                "`cargo metadata` failed: a Cargo.toml of the workspace does not parse (its \
                 message is above)"
            );
        }
        let metadata: Metadata =
            serde_json::from_slice(&output.stdout).context("reading `cargo metadata`")?;
        Ok(Self {
            root: metadata.workspace_root,
            target: metadata.target_directory,
            packages: metadata.packages,
        })
    }

    /// Makes a cargo command in the root folder.
    pub fn cargo(&self) -> Command {
        let mut command = Command::new(cargo_path());
        command.current_dir(&self.root);
        command
    }

    /// Returns the folder that the host reads components from.
    pub fn components(&self) -> PathBuf {
        self.target.join("components")
    }

    /// Lists the handlers that are served, sorted by name: members of `components/` that are
    /// cdylibs. The parts of the Spin edition lie one folder deeper.
    pub fn handlers(&self) -> Vec<Guest> {
        self.guests_in(Path::new("components"))
    }

    /// Lists the guests that only tests run, sorted by name: members of `tests/guests/` that are
    /// cdylibs.
    pub fn test_guests(&self) -> Vec<Guest> {
        self.guests_in(&Path::new("tests").join("guests"))
    }

    fn guests_in(&self, folder: &Path) -> Vec<Guest> {
        let folder = self.root.join(folder);
        let mut guests: Vec<Guest> =
            self.packages.iter().filter_map(|package| guest_of(package, &folder)).collect();
        guests.sort_by(|a, b| a.name.cmp(&b.name));
        guests
    }
}

fn guest_of(package: &Package, folder: &Path) -> Option<Guest> {
    let home = package.manifest_path.parent()?;
    if home.parent()? != folder {
        return None;
    }
    let is_cdylib = |target: &Target| target.crate_types.iter().any(|kind| kind == "cdylib");
    if !package.targets.iter().any(is_cdylib) {
        return None;
    }
    Some(Guest { package: package.name.clone(), name: home.file_name()?.to_str()?.to_owned() })
}

/// Returns the cargo that started this task, so that one toolchain builds everything.
fn cargo_path() -> PathBuf {
    env::var_os("CARGO").map_or_else(|| PathBuf::from("cargo"), PathBuf::from)
}

/// Says whether this is a CI run, where nobody watches and nothing may be skipped.
pub fn is_ci() -> bool {
    env::var("CI").is_ok_and(|value| value == "true" || value == "1")
}

/// Says what happens next.
pub fn step(title: &str) {
    eprintln!("\n== {title}");
}

/// Runs a program, whose output goes where ours does.
///
/// Errors: the program does not start or fails. `mend` says what to do then.
pub fn execute(command: &mut Command, mend: &str) -> Result<()> {
    let status = command.status().with_context(|| format!("`{}` does not start", show(command)))?;
    if !status.success() {
        bail!("`{}` failed ({status})\n  to mend: {mend}", show(command));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn package(manifest: &str, crate_type: &str) -> Package {
        Package {
            name: "eyesonly-events".into(),
            manifest_path: manifest.into(),
            targets: vec![Target { crate_types: vec![crate_type.into()] }],
        }
    }

    #[test]
    fn a_guest_is_a_cdylib_directly_in_its_folder() {
        let folder = Path::new("/r/components");
        let guest =
            guest_of(&package("/r/components/events/Cargo.toml", "cdylib"), folder).unwrap();
        assert_eq!(guest.name, "events");
        assert_eq!(guest_of(&package("/r/components/events/Cargo.toml", "rlib"), folder), None);
        assert_eq!(
            guest_of(&package("/r/components/spin/front/Cargo.toml", "cdylib"), folder),
            None
        );
        assert_eq!(guest_of(&package("/r/host/Cargo.toml", "cdylib"), folder), None);
    }
}
