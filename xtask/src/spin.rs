//! `build --spin`: compiles the front and the backend of the Spin edition, and composes them with
//! the handler files that the native host reads.
//!
//! INVARIANT: handlers reach the backend's contract (types, footage, events, renditions) and not
//! its admission, which only the front has. The composition below decides this, and
//! `tests/tests/spin/composition.rs` checks the composed file.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};
use eyesonly_harness::installation::{COMPONENT, Server};
use sha2::{Digest, Sha256};
use wac_graph::types::Package;
use wac_graph::{CompositionGraph, EncodeOptions, NodeId, PackageId};

use crate::components::{self, hex, write_if_changed};
use crate::workspace::{Workspace, execute, output_of, step};

/// The target of both parts, by Spin's convention.
const TARGET: &str = "wasm32-wasip2";
/// The flags of both parts. They are those of handlers without the small stack: these parts check
/// passwords.
const FLAGS: [&str; 2] = ["-C", "target-feature=+simd128,+bulk-memory"];

/// The packages of both parts.
const PACKAGES: [&str; 2] = ["eyesonly-spin-front", "eyesonly-spin-backend"];
/// The backend's interfaces that a handler may reach.
const CONTRACT: [&str; 4] = [
    "eyesonly:edge/types@0.3.0",
    "eyesonly:edge/footage@0.3.0",
    "eyesonly:edge/events@0.3.0",
    "eyesonly:edge/renditions@0.3.0",
];
const ADMISSION: &str = "eyesonly:spin/admission@0.5.0";
const HANDLER: &str = "eyesonly:edge/handler@0.3.0";
/// What the backend asks of a still before it takes it.
const STILL_CHECK: &str = "eyesonly:edge/still-check@0.3.0";
/// The front's own names for the two handlers.
const THUMBNAIL: &str = "thumbnail";
const EVENT_PAGES: &str = "event-pages";
/// The variable by which a person says which `spin` to take.
const SPIN: &str = "SPIN_BIN";
/// The start of the version that this `spin` prints. Debian's `spin` is a model checker.
const SPIN_VERSION: &str = "spin 4.";
/// The interface that engines call, whichever 0.2 the SDK was written for.
const ENTRY: &str = "wasi:http/incoming-handler@0.2";

/// Builds the composed component and returns its path: target/components/spin/eyesonly.wasm.
///
/// Errors: there is no compiler for the target, a part does not compile, or the parts don't fit.
pub fn build(workspace: &Workspace) -> Result<PathBuf> {
    let handlers = components::build_handlers(workspace)?;
    let read = |name: &str| {
        let path = handlers.join(format!("{name}.wasm"));
        fs::read(&path).with_context(|| format!("reading {}", path.display()))
    };
    let (thumbnail, events, still_check) =
        (read("thumbnail")?, read("events")?, read("still-check")?);

    step("the Spin edition's front and backend: compile");
    let mut cargo = workspace.cargo();
    cargo.args(["build", "--lib"]);
    parts(workspace, &mut cargo)?;
    // A rendition is bound to the handler that made it. Only the thumbnail handler makes
    // renditions.
    cargo.env("EYESONLY_THUMBNAIL_SHA256", hex(&Sha256::digest(&thumbnail)));
    execute(&mut cargo, "the compiler's message is above")?;
    let built = workspace.target.join(TARGET).join("guest");
    let part = |file: &str| {
        let path = built.join(file);
        fs::read(&path).with_context(|| format!("reading {}", path.display()))
    };

    step("the Spin edition: compose");
    let composed = compose(&Parts {
        front: part("eyesonly_spin_front.wasm")?,
        backend: part("eyesonly_spin_backend.wasm")?,
        thumbnail,
        events,
        still_check,
    })?;
    // spin.toml names this path, whatever cargo's target folder is.
    let path = workspace.root.join(COMPONENT);
    path.parent().map_or(Ok(()), fs::create_dir_all)?;
    let written = write_if_changed(&path, &composed)?;
    let note = if written { "" } else { " (unchanged)" };
    eprintln!(
        "   {} {} bytes, SHA-256 {}{note}",
        path.display(),
        composed.len(),
        hex(&Sha256::digest(&composed))
    );
    Ok(path)
}

/// Chooses what serves the component on this machine, and prints which. It is `spin up` where there
/// is a `spin` 4, and the engine that was built otherwise.
///
/// Errors: SPIN_BIN names something else.
pub fn server(engine: PathBuf) -> Result<Server> {
    Ok(match installed()? {
        Some(spin) => {
            step(&format!("served by `spin up` of {}", spin.display()));
            Server::Spin(spin)
        }
        None => {
            step(&format!("{NO_SPIN}: served by wasmtime's own WASI HTTP"));
            Server::Engine(engine)
        }
    })
}

/// The message where there is no `spin`.
pub const NO_SPIN: &str = "no spin 4 here (SPIN_BIN or PATH)";

/// Returns a `spin` 4: the one that SPIN_BIN names, otherwise the one on PATH.
///
/// Errors: SPIN_BIN names something else.
pub fn installed() -> Result<Option<PathBuf>> {
    match env::var_os(SPIN) {
        Some(named) => {
            // The path must be absolute, because the program is started in other folders.
            let named = std::path::absolute(&named).unwrap_or_else(|_| PathBuf::from(&named));
            if !is_spin(&named) {
                bail!(
                    "{SPIN} is {}, which does not say that it is \"{SPIN_VERSION}x\": name the \
                     binary of Spin 4, or unset it",
                    named.display()
                );
            }
            Ok(Some(named))
        }
        None => Ok(Some(PathBuf::from("spin")).filter(|spin| is_spin(spin))),
    }
}

fn is_spin(binary: &Path) -> bool {
    output_of(binary, &["--version"]).is_some_and(|version| version.starts_with(SPIN_VERSION))
}

/// Adds the packages, profile, target and flags of both parts to a cargo command. It also gets the
/// target's std.
///
/// Errors: there is no compiler for the target.
pub fn parts(workspace: &Workspace, cargo: &mut Command) -> Result<()> {
    eyesonly_build::get_std(TARGET)?;
    eyesonly_build::guest_profile(cargo);
    cargo.args(["--target", TARGET]);
    for package in PACKAGES {
        cargo.args(["--package", package]);
    }
    cargo.env("CARGO_ENCODED_RUSTFLAGS", eyesonly_build::flags(&workspace.root, &FLAGS));
    Ok(())
}

/// The components that are put together.
struct Parts {
    front: Vec<u8>,
    backend: Vec<u8>,
    thumbnail: Vec<u8>,
    events: Vec<u8>,
    still_check: Vec<u8>,
}

fn compose(parts: &Parts) -> Result<Vec<u8>> {
    let mut graph = CompositionGraph::new();
    let still_check = instance(&mut graph, "eyesonly:still-check", &parts.still_check)?;
    let check = export_of(&mut graph, still_check, STILL_CHECK)?;
    let backend = instance(&mut graph, "eyesonly:backend", &parts.backend)?;
    give(&mut graph, backend, &[(STILL_CHECK, check)])?;
    let mut contract = Vec::new();
    for interface in CONTRACT {
        contract.push((interface, export_of(&mut graph, backend, interface)?));
    }
    let admission = export_of(&mut graph, backend, ADMISSION)?;
    let mut handler = |name: &str, bytes: &[u8]| -> Result<NodeId> {
        let handler = instance(&mut graph, name, bytes)?;
        give(&mut graph, handler, &contract)?;
        export_of(&mut graph, handler, HANDLER)
    };
    let thumbnail = handler("eyesonly:thumbnail", &parts.thumbnail)?;
    let event_pages = handler("eyesonly:events", &parts.events)?;
    let front = instance(&mut graph, "eyesonly:front", &parts.front)?;
    give(&mut graph, front, &contract)?;
    let own = [(ADMISSION, admission), (THUMBNAIL, thumbnail), (EVENT_PAGES, event_pages)];
    for (name, node) in own {
        graph
            .set_instantiation_argument(front, name, node)
            .with_context(|| format!("giving the front its {name}"))?;
    }
    let entry = exports_of(&graph, front)
        .into_iter()
        .find(|name| name.starts_with(ENTRY))
        .with_context(|| format!("the front does not export {ENTRY}"))?;
    let node = export_of(&mut graph, front, &entry)?;
    graph.export(node, entry)?;
    Ok(graph.encode(EncodeOptions::default())?)
}

fn instance(graph: &mut CompositionGraph, name: &str, bytes: &[u8]) -> Result<NodeId> {
    let package = Package::from_bytes(name, None, bytes.to_vec(), graph.types_mut())
        .with_context(|| format!("reading the component {name}"))?;
    let package: PackageId = graph.register_package(package)?;
    Ok(graph.instantiate(package))
}

/// Gives an instance what it asks for of these interfaces.
fn give(
    graph: &mut CompositionGraph,
    instance: NodeId,
    interfaces: &[(&str, NodeId)],
) -> Result<()> {
    let asked = imports_of(graph, instance);
    for (name, node) in interfaces {
        if asked.iter().any(|asked| asked == name) {
            graph
                .set_instantiation_argument(instance, name, *node)
                .with_context(|| format!("giving {name}"))?;
        }
    }
    Ok(())
}

fn export_of(graph: &mut CompositionGraph, instance: NodeId, name: &str) -> Result<NodeId> {
    graph.alias_instance_export(instance, name).with_context(|| format!("taking {name}"))
}

fn world_of(graph: &CompositionGraph, instance: NodeId) -> Option<&wac_graph::types::World> {
    let package = graph[instance].package()?;
    let ty = graph[package].ty();
    Some(&graph.types()[ty])
}

fn imports_of(graph: &CompositionGraph, instance: NodeId) -> Vec<String> {
    world_of(graph, instance).map_or_else(Vec::new, |world| world.imports.keys().cloned().collect())
}

fn exports_of(graph: &CompositionGraph, instance: NodeId) -> Vec<String> {
    world_of(graph, instance).map_or_else(Vec::new, |world| world.exports.keys().cloned().collect())
}
