//! Compiles crates for wasm and makes components of them.

use std::env;
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};
use serde_json::Value;
use wit_component::ComponentEncoder;

use crate::toolchain::Toolchain;

/// The flags of a handler. It has 32 KiB of stack, because the default of 1 MiB makes every
/// instance reset 17 pages. A decoder needs 28 KiB.
pub const FLAGS: [&str; 4] =
    ["-C", "link-arg=-zstack-size=32768", "-C", "target-feature=+simd128,+bulk-memory"];

/// The profile of guests. Each request has an instance of its own, so size and the cost of a start
/// count as much as speed.
const PROFILE: [&str; 6] = [
    "profile.guest.inherits='release'",
    "profile.guest.debug=false",
    "profile.guest.lto=true",
    "profile.guest.codegen-units=1",
    "profile.guest.panic='abort'",
    "profile.guest.strip=true",
];

/// The variables that would bring the flags of an outer build, or of this machine, into the inner
/// one.
const OUTER: [&str; 9] = [
    "CARGO_BUILD_BUILD_DIR",
    "CARGO_BUILD_RUSTFLAGS",
    "CARGO_BUILD_TARGET",
    "CARGO_BUILD_TARGET_DIR",
    "CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_RUSTFLAGS",
    "RUSTC",
    "RUSTC_WORKSPACE_WRAPPER",
    "RUSTC_WRAPPER",
    "RUSTFLAGS",
];

/// The crates to compile.
pub struct Crates<'a> {
    /// The folder of the Cargo.toml: a workspace's or a package's.
    pub root: &'a Path,
    /// The folder that cargo builds in. It is never the one of an outer build's profile: there,
    /// cargo holds a lock.
    pub target: &'a Path,
    /// The packages. If there are none, the one package in `root` is compiled.
    pub packages: &'a [&'a str],
    /// Takes the versions of Cargo.lock and no others.
    pub locked: bool,
}

/// The component that was made of a crate.
#[derive(Clone)]
pub struct Component {
    /// The package's name.
    pub package: String,
    /// The folder of the package's Cargo.toml.
    pub folder: PathBuf,
    /// The component.
    pub bytes: Vec<u8>,
}

impl Crates<'_> {
    /// Compiles the crates for wasm32-unknown-unknown, and makes a component of each library of the
    /// type `cdylib`, sorted by package.
    ///
    /// # Errors
    /// A crate does not compile (the compiler's message is on standard error), a module has no
    /// contract, or there is no `cdylib`.
    pub fn components(&self, toolchain: &Toolchain) -> Result<Vec<Component>> {
        let mut cargo = self.cargo(toolchain);
        let output = cargo
            .stdin(Stdio::null())
            .stderr(Stdio::inherit())
            .output()
            .context("cargo does not run")?;
        if !output.status.success() {
            bail!("a handler does not compile ({}): cargo's message is above", output.status);
        }
        let lines = String::from_utf8(output.stdout).context("cargo's answer is no text")?;
        let mut components = Vec::new();
        for line in lines.lines() {
            let Some(made) = Made::read(line) else {
                continue;
            };
            let module = std::fs::read(&made.module)
                .with_context(|| format!("reading {}", made.module.display()))?;
            let bytes = component_of(&module)
                .with_context(|| format!("making a component of {}", made.package))?;
            components.push(Component { package: made.package, folder: made.folder, bytes });
        }
        if components.is_empty() {
            bail!(
                "there is no handler here: its Cargo.toml needs \
                 `crate-type = [\"cdylib\", \"rlib\"]` below [lib]"
            );
        }
        components.sort_by(|one, other| one.package.cmp(&other.package));
        Ok(components)
    }

    fn cargo(&self, toolchain: &Toolchain) -> Command {
        // This is the cargo that runs the build script or the test, so that one toolchain builds
        // everything.
        let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let mut command = Command::new(cargo);
        command.current_dir(self.root);
        for name in OUTER {
            command.env_remove(name);
        }
        command.args(["build", "--lib", "--message-format", "json-render-diagnostics"]);
        if self.locked {
            command.arg("--locked");
        }
        command.arg("--target-dir").arg(self.target);
        guest_profile(&mut command);
        toolchain.apply(&mut command);
        for package in self.packages {
            command.args(["--package", package]);
        }
        // This variable has precedence over RUSTFLAGS and every configuration file. With --target
        // it does not apply to build scripts and macros. So the machine's own flags don't get into
        // a component.
        command.env("CARGO_ENCODED_RUSTFLAGS", flags(self.root, &FLAGS));
        command
    }
}

/// A `cdylib` that cargo made, or found to be fresh.
struct Made {
    package: String,
    folder: PathBuf,
    module: PathBuf,
}

impl Made {
    /// Reads a line of cargo's `--message-format json`. Returns none for a line about something
    /// else.
    fn read(line: &str) -> Option<Self> {
        let message: Value = serde_json::from_str(line).ok()?;
        let has = |key: &str, value: &str| message.get(key).and_then(Value::as_str) == Some(value);
        let target = message.get("target")?;
        let is_cdylib = target
            .get("crate_types")?
            .as_array()?
            .iter()
            .any(|kind| kind.as_str() == Some("cdylib"));
        if !has("reason", "compiler-artifact") || !is_cdylib {
            return None;
        }
        let files = message.get("filenames")?.as_array()?.iter().filter_map(Value::as_str);
        let module =
            files.map(PathBuf::from).find(|file| file.extension() == Some(OsStr::new("wasm")))?;
        let manifest = message.get("manifest_path").and_then(Value::as_str).map(Path::new)?;
        let package = message.get("package_id").and_then(Value::as_str).and_then(name_of)?;
        Some(Self { package, folder: manifest.parent()?.to_owned(), module })
    }
}

/// Reads the name out of a package id: `path+file:///a/thumbnail#eyesonly-thumbnail@0.1.0`, or
/// `path+file:///a/my-mask#0.1.0` where folder and package have one name.
fn name_of(id: &str) -> Option<String> {
    let (address, after) = id.rsplit_once('#')?;
    let name = match after.split_once('@') {
        Some((name, _)) => name,
        None => address.rsplit('/').next()?,
    };
    Some(name.to_owned())
}

/// Adds `--profile guest` to a cargo command, with the profile's settings.
pub fn guest_profile(cargo: &mut Command) {
    for setting in PROFILE {
        cargo.args(["--config", setting]);
    }
    cargo.args(["--profile", "guest"]);
}

/// Returns the flags for guests in the form of CARGO_ENCODED_RUSTFLAGS. They also rename the
/// folders of this machine (`root`, cargo's home).
pub fn flags(root: &Path, flags: &[&str]) -> OsString {
    let mut flags: Vec<OsString> = flags.iter().map(OsString::from).collect();
    // Panic messages carry paths.
    for (from, to) in [(cargo_home(), "cargo"), (Some(root.to_owned()), "eyesonly")] {
        if let Some(from) = from {
            let mut flag = OsString::from("--remap-path-prefix=");
            flag.push(from);
            flag.push("=");
            flag.push(to);
            flags.push(flag);
        }
    }
    flags.join(OsStr::new("\x1f"))
}

fn cargo_home() -> Option<PathBuf> {
    env::var_os("CARGO_HOME")
        .map(PathBuf::from)
        .or_else(|| env::home_dir().map(|home| home.join(".cargo")))
}

/// Makes a component of a core module that has wit-bindgen's bindings.
///
/// # Errors
/// The bytes are no module, or the module has no contract.
pub fn component_of(module: &[u8]) -> Result<Vec<u8>> {
    ComponentEncoder::default().validate(true).module(module)?.encode()
}

/// Returns the folder that handlers are built in. It is in the target folder of the outer build,
/// and the same for all profiles and features of that build. `within` is a folder in that target
/// folder, such as OUT_DIR. Cargo marks a target folder only if it made the folder itself: in any
/// other, the handlers are built in `within`.
pub fn target_folder(within: &Path) -> PathBuf {
    let target = within.ancestors().find(|folder| folder.join("CACHEDIR.TAG").exists());
    target.unwrap_or(within).join("handlers")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_package_is_called_as_its_id_says() {
        let check = |id, name: Option<&str>| assert_eq!(name_of(id).as_deref(), name);
        check("path+file:///a/thumbnail#eyesonly-thumbnail@0.1.0", Some("eyesonly-thumbnail"));
        check("path+file:///a/my-mask#0.1.0", Some("my-mask"));
        check("registry+https://github.com/rust-lang/crates.io-index#talc@5.1.0", Some("talc"));
        check("nothing", None);
    }

    #[test]
    fn only_a_cdylib_for_wasm_is_taken() {
        let line = |kind: &str, file: &str| {
            format!(
                r#"{{"reason":"compiler-artifact","package_id":"path+file:///a/b#c@1.0.0",
                    "manifest_path":"/a/b/Cargo.toml","target":{{"crate_types":["{kind}"]}},
                    "filenames":["/t/{file}"]}}"#
            )
        };
        let made = Made::read(&line("cdylib", "c.wasm")).unwrap();
        assert_eq!((made.package.as_str(), made.folder), ("c", PathBuf::from("/a/b")));
        assert!(Made::read(&line("rlib", "c.wasm")).is_none());
        assert!(Made::read(&line("cdylib", "libc.so")).is_none());
        assert!(Made::read(r#"{"reason":"build-finished","success":true}"#).is_none());
    }

    #[test]
    fn a_module_without_a_contract_is_no_component() {
        assert!(component_of(b"not wasm").is_err());
    }

    #[test]
    fn the_target_folder_is_the_one_that_cargo_has_marked() {
        let folder = env::temp_dir().join(format!("eyesonly-build-{}", std::process::id()));
        let within = folder.join("debug/build/x/out");
        std::fs::create_dir_all(&within).unwrap();
        assert_eq!(target_folder(&within), within.join("handlers"), "nothing is marked");
        std::fs::write(folder.join("CACHEDIR.TAG"), "").unwrap();
        assert_eq!(target_folder(&within), folder.join("handlers"));
        std::fs::remove_dir_all(&folder).unwrap();
    }
}
