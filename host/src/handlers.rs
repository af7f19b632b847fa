//! The handlers that are served: those that the binary brings along, or those of a folder.
//!
//! It must never change what a handler is: a rendition is bound to the handler's very bytes.

use crate::sandbox::{Handler, Sandbox};
use anyhow::Context as _;
use std::path::Path;

/// The handlers of this build, as components.
const EMBEDDED: [(&str, &[u8]); 2] = [
    ("thumbnail", include_bytes!(env!("EYESONLY_THUMBNAIL"))),
    ("events", include_bytes!(env!("EYESONLY_EVENTS"))),
];

/// The handlers, loaded.
#[derive(Clone)]
pub struct Handlers {
    /// Answers for stills.
    pub thumbnail: Handler,
    /// Answers for events and clips.
    pub events: Handler,
}

impl Handlers {
    /// Loads the handlers from `folder`, or those that the binary brings along. `progress` is told
    /// which one is next, since compiling takes some seconds the first time.
    ///
    /// # Errors
    /// A file is missing, asks for more than the contract, or does not compile.
    pub fn load(
        sandbox: &Sandbox,
        folder: Option<&Path>,
        progress: impl Fn(&str),
    ) -> anyhow::Result<Self> {
        let load = |(name, bytes): (&str, &[u8])| {
            progress(name);
            let Some(folder) = folder else {
                let loaded = sandbox.load_bytes(name, &Path::new("embedded").join(name), bytes);
                return loaded
                    .with_context(|| format!("the {name} handler of this binary can't be loaded"));
            };
            sandbox.load(name, &folder.join(format!("{name}.wasm"))).with_context(|| {
                format!(
                    "the {name} handler can't be loaded; `components` must be a folder with {name}.wasm, or be left out: the binary brings its own"
                )
            })
        };
        let [thumbnail, events] = EMBEDDED;
        Ok(Self { thumbnail: load(thumbnail)?, events: load(events)? })
    }
}
