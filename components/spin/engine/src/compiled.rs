//! The compiled component, kept beside the component's own file, so that of many starts only the
//! first compiles it.
//!
//! It must never be used by what a deployment runs: it believes the folder that the component lies
//! in. That is the folder of a build, and whoever writes there can replace this program too.

use std::fs;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::path::Path;
use wasmtime::Engine;
use wasmtime::component::Component;

/// The end of the name of a kept file.
const EXTENSION: &str = "compiled";

/// Returns the component of these bytes, compiled for `engine`. If it can't be kept, the next start
/// compiles it again.
///
/// # Errors
/// It does not compile.
pub fn component(engine: &Engine, path: &Path, bytes: &[u8]) -> wasmtime::Result<Component> {
    let mut hasher = DefaultHasher::new();
    bytes.hash(&mut hasher);
    engine.precompile_compatibility_hash().hash(&mut hasher);
    let kept = path.with_extension(format!("{:016x}.{EXTENSION}", hasher.finish()));
    if let Ok(compiled) = fs::read(&kept) {
        // SAFETY: `deserialize` needs bytes that `Component::serialize` made. `keep` alone writes a
        // file of this name, whole, and the folder is believed as this program's own file is.
        #[expect(unsafe_code, reason = "compiled code is native code")]
        let component = unsafe { Component::deserialize(engine, compiled) };
        if component.is_ok() {
            return component;
        }
    }
    let component = Component::from_binary(engine, bytes)?;
    if let Ok(compiled) = component.serialize() {
        keep(&kept, &compiled);
    }
    Ok(component)
}

/// Writes a file under its name at once, in the place of those of builds before.
fn keep(kept: &Path, compiled: &[u8]) {
    let before = kept.parent().and_then(|folder| fs::read_dir(folder).ok());
    for file in before.into_iter().flatten().flatten().map(|file| file.path()) {
        if file.extension().is_some_and(|extension| extension == EXTENSION) {
            let _ = fs::remove_file(file);
        }
    }
    let part = kept.with_extension(format!("{}.part", std::process::id()));
    if fs::write(&part, compiled).is_ok() {
        let _ = fs::rename(&part, kept);
    }
}
