//! The handlers that are served. They come with the binary, or from a folder.
//!
//! It must never change what a handler is: a rendition is bound to the handler's very bytes. And it
//! must never serve the binary's own handler where a file was meant to replace it.

use crate::sandbox::{Handler, Sandbox, StillChecker};
use anyhow::{Context as _, bail};
use std::borrow::Cow;
use std::path::Path;

/// The handlers of this build, as components.
const EMBEDDED: [(&str, &[u8]); 4] = [
    ("thumbnail", include_bytes!(env!("EYESONLY_THUMBNAIL"))),
    ("events", include_bytes!(env!("EYESONLY_EVENTS"))),
    ("live", include_bytes!(env!("EYESONLY_LIVE"))),
    ("still-check", include_bytes!(env!("EYESONLY_STILL_CHECK"))),
];

/// The loaded handlers.
#[derive(Clone)]
pub struct Handlers {
    /// Answers for stills.
    pub thumbnail: Handler,
    /// Answers for events and clips.
    pub events: Handler,
    /// Answers for live view.
    pub live: Handler,
    /// Says of a still that is handed in whether `thumbnail` can show it.
    pub still_check: StillChecker,
}

impl Handlers {
    /// Loads the handlers that the binary brings along. A file of `folder` with a handler's name
    /// and the extension `wasm` replaces that handler. `progress` is told which one is next, since
    /// compiling takes some seconds the first time.
    ///
    /// # Errors
    /// The folder has no component, or one that is no handler's. Or a component asks for more than
    /// the contract, or does not compile.
    pub fn load(
        sandbox: &Sandbox,
        folder: Option<&Path>,
        progress: impl Fn(&str),
    ) -> anyhow::Result<Self> {
        let replaced = folder.map(names).transpose()?.unwrap_or_default();
        let bytes_of = |(name, embedded): (&str, &'static [u8])| -> anyhow::Result<_> {
            progress(name);
            let Some(folder) = folder.filter(|_| replaced.iter().any(|other| other == name)) else {
                return Ok((Path::new("embedded").join(name), Cow::Borrowed(embedded)));
            };
            let file = folder.join(format!("{name}.wasm"));
            tracing::info!(file = %file.display(), "the {name} handler is this file");
            let bytes = std::fs::read(&file).with_context(|| file.display().to_string())?;
            Ok((file, Cow::Owned(bytes)))
        };
        let refused = |name: &str| {
            if replaced.iter().any(|other| other == name) {
                format!(
                    "the {name} handler can't be loaded. Mend the file, or take it out of the \
                     folder that `components` names: the binary brings its own handlers"
                )
            } else {
                format!("the {name} handler of this binary can't be loaded")
            }
        };
        let load = |entry: (&str, &'static [u8])| -> anyhow::Result<Handler> {
            let (path, bytes) = bytes_of(entry)?;
            sandbox.load_bytes(entry.0, &path, &bytes).with_context(|| refused(entry.0))
        };
        let [thumbnail, events, live, still_check] = EMBEDDED;
        let (thumbnail, events, live) = (load(thumbnail)?, load(events)?, load(live)?);
        let (path, bytes) = bytes_of(still_check)?;
        let still_check =
            sandbox.load_still_check(&path, &bytes).with_context(|| refused(still_check.0))?;
        Ok(Self { thumbnail, events, live, still_check })
    }
}

/// Reads which handlers the files of a folder replace.
fn names(folder: &Path) -> anyhow::Result<Vec<String>> {
    let known = EMBEDDED.map(|(name, _)| format!("{name}.wasm")).join(", ");
    let entries = std::fs::read_dir(folder).with_context(|| {
        format!("{}: `components` must be a folder, or be left out", folder.display())
    })?;
    let mut names = Vec::new();
    for entry in entries {
        let path = entry.with_context(|| folder.display().to_string())?.path();
        if path.extension().is_none_or(|extension| extension != "wasm") {
            continue;
        }
        let name = path.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default();
        if EMBEDDED.iter().all(|(known, _)| *known != name) {
            bail!(
                "{}: no handler has that name; a folder of components may have {known}",
                path.display()
            );
        }
        names.push(name.to_owned());
    }
    if names.is_empty() {
        bail!(
            "{}: there is no component in this folder; put one or more of {known} there, or leave \
             `components` out: the binary brings its own handlers",
            folder.display()
        );
    }
    Ok(names)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic, reason = "a failed expectation is how a test fails")]
mod tests {
    use super::*;

    fn check(files: &[&str], expected: Result<&[&str], &str>) {
        let folder = tempfile::tempdir().unwrap();
        for file in files {
            std::fs::write(folder.path().join(file), "").unwrap();
        }
        match (names(folder.path()), expected) {
            (Ok(mut found), Ok(expected)) => {
                found.sort();
                assert_eq!(found, expected, "{files:?}");
            }
            (Err(error), Err(part)) => assert!(error.to_string().contains(part), "{error}"),
            (found, _) => panic!("{files:?}: {found:?}"),
        }
    }

    #[test]
    fn a_file_replaces_the_handler_of_its_name_and_no_other_name_is_taken() {
        check(&["thumbnail.wasm"], Ok(&["thumbnail"]));
        check(&["thumbnail.wasm", "events.wasm", "notes.txt"], Ok(&["events", "thumbnail"]));
        check(&["thumbnail.wasm", "thumbnails.wasm"], Err("no handler has that name"));
        check(&["notes.txt"], Err("there is no component in this folder"));
        check(&[], Err("there is no component in this folder"));
    }
}
