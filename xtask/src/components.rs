//! `build`: makes components of handlers and test guests, and builds the host.
//!
//! INVARIANT: the same sources give the same bytes. A rendition is bound to the digest of the
//! handler that made it. So nothing of this machine (paths, flags, time) may get into a component,
//! and a file whose content did not change is not written again.
//! INVARIANT: a handler that asks for more than the contract never reaches the folder that the host
//! reads.

use std::env;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use eyesonly_build::{Crates, NoToolchain, Toolchain};
use sha2::{Digest, Sha256};
use wit_component::DecodedWasm;

use crate::tools;
use crate::workspace::{Guest, Workspace, execute, is_ci, step};

/// The start of every name that a handler may import.
const CONTRACT: &str = "eyesonly:edge/";

/// The start of the name that a handler must export.
const HANDLER: &str = "eyesonly:edge/handler";

/// The start of the name that the check of stills exports, which imports nothing.
const STILL_CHECK: &str = "eyesonly:edge/still-check";

/// The magic number and the version of a component, which a core module does not have.
const COMPONENT_START: &[u8] = b"\0asm\x0d\0\x01\0";

/// The files that a build made.
pub struct Built {
    /// The host's binary.
    pub binary: PathBuf,
    /// The folder of its components.
    pub components: PathBuf,
}

impl Built {
    /// Returns the program that runs the Spin edition's component without Spin.
    pub fn engine(&self) -> PathBuf {
        engine_of(&self.binary)
    }
}

/// Returns the engine of the Spin edition. It was built into the folder of the host's binary.
pub fn engine_of(binary: &Path) -> PathBuf {
    binary.with_file_name(format!("eyesonly-engine{}", env::consts::EXE_SUFFIX))
}

/// Builds everything that runs. The host has the dev profile unless `release`.
///
/// Errors: no compiler for wasm, a compile error, or a handler that imports more than the contract.
pub fn build(workspace: &Workspace, release: bool) -> Result<Built> {
    let components = build_handlers(workspace)?;
    let test_guests = workspace.test_guests();
    if !test_guests.is_empty() {
        step("test guests: compile, make components");
        for (guest, component) in compile(workspace, &test_guests)? {
            publish(&components.join("guests"), &guest, &component)?;
        }
    }
    let binary = build_host(workspace, release)?;
    Ok(Built { binary, components })
}

/// Builds the handlers alone and returns their folder.
///
/// Errors: no compiler for wasm, a compile error, or a handler that imports more than the contract.
pub fn build_handlers(workspace: &Workspace) -> Result<PathBuf> {
    let components = workspace.components();
    step("handlers: compile, make components");
    for (guest, component) in compile(workspace, &workspace.handlers())? {
        check_surface(&component).with_context(|| format!("the handler {}", guest.name))?;
        publish(&components, &guest, &component)?;
    }
    Ok(components)
}

fn build_host(workspace: &Workspace, release: bool) -> Result<PathBuf> {
    step("host");
    let mut cargo = workspace.cargo();
    cargo.arg("build");
    if release {
        cargo.args(["--package", "eyesonly", "--release"]);
    } else {
        // The whole workspace is named, so that dependencies have the same features as in the
        // tests. Otherwise wasmtime and others would be built twice, once for the demo and once for
        // the tests.
        cargo.args(["--workspace", "--bin", "eyesonly-engine"]);
    }
    execute(cargo.args(["--bin", "eyesonly"]), "the compiler's message is above")?;
    binary_of(workspace, release)
}

/// Builds what the demo runs: `eyesonly`, and for the Spin edition the engine beside it.
///
/// In CI the whole workspace is named, as for the tests, so that nothing is built there twice.
/// Elsewhere only the host is named, and its dependencies have fewer features.
///
/// Errors: a compile error.
pub fn build_demo(workspace: &Workspace, spin: bool) -> Result<PathBuf> {
    if spin || is_ci() {
        return build_host(workspace, false);
    }
    step("host");
    let mut cargo = workspace.cargo();
    let mend = "the compiler's message is above";
    execute(cargo.args(["build", "--package", "eyesonly", "--bin", "eyesonly"]), mend)?;
    binary_of(workspace, false)
}

fn binary_of(workspace: &Workspace, release: bool) -> Result<PathBuf> {
    let profile = if release { "release" } else { "debug" };
    let binary =
        workspace.target.join(profile).join(format!("eyesonly{}", env::consts::EXE_SUFFIX));
    if !binary.exists() {
        bail!(
            "{} is not there after the build: is CARGO_BUILD_TARGET set? Unset it",
            binary.display()
        );
    }
    eprintln!("   {}", binary.display());
    Ok(binary)
}

/// Compiles the guests together and makes a component of each.
fn compile(workspace: &Workspace, guests: &[Guest]) -> Result<Vec<(Guest, Vec<u8>)>> {
    let packages: Vec<&str> = guests.iter().map(|guest| guest.package.as_str()).collect();
    let crates = Crates {
        root: &workspace.root,
        target: &workspace.target.join("handlers"),
        packages: &packages,
        locked: true,
    };
    let made = crates.components(&toolchain()?)?;
    let of = |guest: &Guest| {
        let component = made.iter().find(|component| component.package == guest.package);
        let component = component.with_context(|| format!("cargo made no {}", guest.package))?;
        Ok((guest.clone(), component.bytes.clone()))
    };
    guests.iter().map(of).collect()
}

/// Gets the compiler for handlers, from Debian's packages if there is no other way.
///
/// Errors: no way led to a compiler. The message says what to install.
pub fn toolchain() -> Result<Toolchain> {
    match Toolchain::get() {
        Ok(toolchain) => Ok(toolchain),
        Err(none) => {
            step("trying Debian's rustc and library sources");
            let installed = tools::apt_install(&NoToolchain::DEBIAN_PACKAGES);
            installed.with_context(|| none.to_string())?;
            Ok(Toolchain::get()?)
        }
    }
}

/// Writes a component where the host reads it, and prints its length and digest.
fn publish(folder: &Path, guest: &Guest, component: &[u8]) -> Result<()> {
    fs::create_dir_all(folder)?;
    let path = folder.join(format!("{}.wasm", guest.name));
    let written = write_if_changed(&path, component)?;
    let note = if written { "" } else { " (unchanged)" };
    eprintln!(
        "   {} {} bytes, SHA-256 {}{note}",
        path.display(),
        component.len(),
        hex(&Sha256::digest(component))
    );
    Ok(())
}

/// Writes a file if its content changed, and returns whether it did. It writes a temporary file and
/// renames it, so that nobody reads half a file.
pub fn write_if_changed(path: &Path, bytes: &[u8]) -> Result<bool> {
    if fs::read(path).is_ok_and(|old| old == bytes) {
        return Ok(false);
    }
    let temporary = path.with_extension(format!("{}.tmp", std::process::id()));
    fs::write(&temporary, bytes).with_context(|| format!("writing {}", temporary.display()))?;
    fs::rename(&temporary, path).with_context(|| format!("renaming to {}", path.display()))?;
    Ok(true)
}

/// Reads the built handlers again and checks what each imports and exports.
///
/// Errors: a file can't be read, an import is not in the contract, or a component exports no
/// handler.
pub fn check_surfaces(workspace: &Workspace) -> Result<()> {
    for guest in workspace.handlers() {
        let path = workspace.components().join(format!("{}.wasm", guest.name));
        let component = fs::read(&path).with_context(|| format!("reading {}", path.display()))?;
        let surface = check_surface(&component).with_context(|| path.display().to_string())?;
        eprintln!("   {}: imports {}", guest.name, surface.imports.join(", "));
    }
    Ok(())
}

/// Checks what a component imports and exports.
///
/// Errors: it is no handler, or imports more than the contract.
pub fn check_surface(component: &[u8]) -> Result<Surface> {
    let surface = surface(component)?;
    let faults = faults(&surface);
    if !faults.is_empty() {
        bail!(
            "{}\n  to mend: find the dependency that asks for it; a handler has no clock, file, \
             network or random source",
            faults.join("; ")
        );
    }
    Ok(surface)
}

/// The names of a component's imports and exports.
pub struct Surface {
    imports: Vec<String>,
    exports: Vec<String>,
}

fn surface(component: &[u8]) -> Result<Surface> {
    // `decode` takes a core module for a component that imports nothing.
    if !component.starts_with(COMPONENT_START) {
        bail!("this is not a component");
    }
    let DecodedWasm::Component(resolve, world) = wit_component::decode(component)? else {
        bail!("this is a WIT package, not a component");
    };
    let world = resolve.worlds.get(world).context("a component without its world")?;
    Ok(Surface {
        imports: world.imports.keys().map(|key| resolve.name_world_key(key)).collect(),
        exports: world.exports.keys().map(|key| resolve.name_world_key(key)).collect(),
    })
}

/// Lists the faults that keep a component from being served.
fn faults(surface: &Surface) -> Vec<String> {
    let exports = |start| surface.exports.iter().any(|export| export.starts_with(start));
    if exports(STILL_CHECK) {
        let said = |import| format!("it imports {import}, but the check of stills reaches nothing");
        return surface.imports.iter().map(said).collect();
    }
    let mut faults: Vec<String> = beyond_contract(&surface.imports)
        .into_iter()
        .map(|import| format!("it imports {import}, which is not in the contract ({CONTRACT}*)"))
        .collect();
    if !exports(HANDLER) {
        faults.push(format!("it exports no {HANDLER}"));
    }
    faults
}

fn beyond_contract(imports: &[String]) -> Vec<&str> {
    imports.iter().map(String::as_str).filter(|import| !import.starts_with(CONTRACT)).collect()
}

/// Writes bytes in lower-case hexadecimal digits.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Makes a component that imports each of the names: an interface as an empty instance,
    /// anything else as a function.
    fn component(imports: &[&str]) -> Vec<u8> {
        let empty_function = [0x40, 0x00, 0x01, 0x00];
        let empty_instance = [0x42, 0x00];
        let mut bytes = COMPONENT_START.to_vec();
        for (index, name) in (0_u8..).zip(imports) {
            let is_interface = name.contains('/');
            let kind: &[u8] = if is_interface { &empty_instance } else { &empty_function };
            section(&mut bytes, 7, kind);
            let length = u8::try_from(name.len()).unwrap();
            let reference = [if is_interface { 0x05 } else { 0x01 }, index];
            section(&mut bytes, 10, &[&[0x00, length], name.as_bytes(), &reference].concat());
        }
        bytes
    }

    /// Adds a section with one entry.
    fn section(bytes: &mut Vec<u8>, id: u8, entry: &[u8]) {
        bytes.extend([id, u8::try_from(entry.len() + 1).unwrap(), 1]);
        bytes.extend(entry);
    }

    fn check(imports: &[&str], expected: &[&str]) {
        let surface = surface(&component(imports)).unwrap();
        assert_eq!(surface.imports, imports);
        assert_eq!(beyond_contract(&surface.imports), expected);
    }

    #[test]
    fn the_contract_may_be_imported() {
        check(&[], &[]);
        check(&["eyesonly:edge/footage@0.3.0", "eyesonly:edge/events@0.3.0"], &[]);
    }

    #[test]
    fn anything_else_may_not() {
        check(
            &["eyesonly:edge/footage@0.3.0", "wasi:clocks/wall@0.2.0"],
            &["wasi:clocks/wall@0.2.0"],
        );
        check(&["eyesonly:edge-more/x"], &["eyesonly:edge-more/x"]);
        check(&["f"], &["f"]);
    }

    #[test]
    fn a_handler_exports_the_handler() {
        let with = |exports: &[&str]| Surface {
            imports: Vec::new(),
            exports: exports.iter().map(|&export| export.to_owned()).collect(),
        };
        assert_eq!(faults(&with(&["eyesonly:edge/handler@0.3.0"])), [""; 0]);
        assert_eq!(
            faults(&with(&["eyesonly:edge/footage@0.3.0"])),
            ["it exports no eyesonly:edge/handler"]
        );
        let error =
            check_surface(&component(&["wasi:clocks/wall@0.2.0"])).err().unwrap().to_string();
        assert!(
            error.contains("imports wasi:clocks/wall@0.2.0") && error.contains("exports no"),
            "{error}"
        );
    }

    #[test]
    fn a_module_is_not_a_component() {
        assert!(surface(b"\0asm\x01\0\0\0").is_err());
        assert!(surface(b"").is_err());
    }

    #[test]
    fn an_unchanged_file_is_not_written_again() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.wasm");
        assert!(write_if_changed(&path, b"one").unwrap());
        assert!(!write_if_changed(&path, b"one").unwrap());
        assert!(write_if_changed(&path, b"two").unwrap());
        assert_eq!(fs::read(&path).unwrap(), b"two");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_digest_is_written_in_lower_case_hex() {
        assert_eq!(hex(&[0x00, 0xaf, 0x10]), "00af10");
    }
}
