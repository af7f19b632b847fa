//! Compiled components kept on disk, so that a second start does not compile again.
//!
//! Such a file is native code that this process will run. It is authenticated in memory, over
//! exactly the bytes that are then used, under a key that only the host has. It is bound to the
//! component and to the engine's settings. A file that does not match is ignored, and the component
//! is compiled again. Nothing here may ever be run because of a path, a name or a date.

use std::fs::{self, DirBuilder, File, OpenOptions, Permissions};
use std::hash::{Hash, Hasher};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use sha2::{Digest, Sha256};
use wasmtime::Engine;
use wasmtime::component::Component;

/// A MAC over the cached files. Only the host has the key.
pub trait CacheMac: Send + Sync {
    /// Returns the tag of all `parts`. The encoding keeps the parts apart, for example by length
    /// prefixes.
    fn mac(&self, parts: &[&[u8]]) -> [u8; 32];
    /// Says whether `tag` is the tag of `parts`, in constant time.
    fn verify(&self, parts: &[&[u8]], tag: &[u8]) -> bool;
}

/// The folder that compiled components are kept in, and the MAC that authenticates them.
pub struct CacheDir {
    /// The folder, used for nothing else. It is made with mode 0700.
    pub dir: PathBuf,
    /// The MAC, with the key.
    pub mac: Box<dyn CacheMac>,
}

const TAG_BYTES: usize = 32;
/// Separates this use of the key from every other.
const PURPOSE: &[u8] = b"eyesonly compiled component v1";
/// The largest file that is read whole, in bytes. No handler compiles to that much.
const FILE_BYTES_MAX: u64 = 256 << 20;
/// Numbers the writes of this process, so that two files written at once have different names.
static WRITES: AtomicU32 = AtomicU32::new(0);

/// Why a kept file was not used. In every case the component is compiled.
#[derive(Debug, thiserror::Error)]
enum Unusable {
    #[error("there is none yet")]
    Absent,
    #[error("it can't be read: {0}")]
    Io(#[from] io::Error),
    #[error("it is not the file that this host wrote")]
    NotAuthentic,
    #[error("the engine refused it: {0}")]
    Refused(wasmtime::Error),
}

impl CacheDir {
    /// Returns the component compiled for `engine`. It comes from the file if that is authentic;
    /// otherwise the component is compiled now and kept.
    ///
    /// # Errors
    /// If the component does not compile. A cache that can't be read or written is only logged.
    pub(super) fn component(
        &self,
        engine: &Engine,
        bytes: &[u8],
        sha256: &[u8; 32],
    ) -> wasmtime::Result<Component> {
        let settings = settings_digest(engine);
        let path = self.dir.join(format!("{}-{}.compiled", hex(sha256), hex(&settings)));
        match self.read(engine, &path, sha256, &settings) {
            Ok(component) => {
                tracing::debug!(path = %path.display(), "component taken from the cache");
                return Ok(component);
            }
            Err(Unusable::Absent) => {
                tracing::info!(path = %path.display(), "compiling a component")
            }
            Err(why) => {
                tracing::warn!(
                    path = %path.display(), %why,
                    "compiled component not used; compiling again"
                )
            }
        }
        let component = Component::from_binary(engine, bytes)?;
        let compiled = component.serialize()?;
        if let Err(error) = self.write(&path, &compiled, sha256, &settings) {
            tracing::warn!(path = %path.display(), %error, "compiled component not kept");
        }
        Ok(component)
    }

    fn read(
        &self,
        engine: &Engine,
        path: &Path,
        sha256: &[u8; 32],
        settings: &[u8; 32],
    ) -> Result<Component, Unusable> {
        let file = match File::open(path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Err(Unusable::Absent),
            Err(error) => return Err(error.into()),
        };
        let mut kept = Vec::new();
        file.take(FILE_BYTES_MAX).read_to_end(&mut kept)?;
        let (tag, compiled) = kept.split_at_checked(TAG_BYTES).ok_or(Unusable::NotAuthentic)?;
        if !self.mac.verify(&[PURPOSE, sha256, settings, compiled], tag) {
            return Err(Unusable::NotAuthentic);
        }
        // SAFETY: `deserialize` needs bytes that `Component::serialize` made. The tag above was
        // verified over exactly this buffer, which nobody else can write. Only `write` below makes
        // such tags, over bytes that `serialize` returned for an engine of the same settings and
        // version.
        #[allow(unsafe_code, reason = "the one place that turns authenticated bytes into code")]
        let component = unsafe { Component::deserialize(engine, compiled) };
        component.map_err(Unusable::Refused)
    }

    /// Writes the file atomically: a reader finds the old file, no file, or the new one.
    fn write(
        &self,
        path: &Path,
        compiled: &[u8],
        sha256: &[u8; 32],
        settings: &[u8; 32],
    ) -> io::Result<()> {
        DirBuilder::new().recursive(true).mode(0o700).create(&self.dir)?;
        // The folder may exist already, with another mode.
        fs::set_permissions(&self.dir, Permissions::from_mode(0o700))?;
        let tag = self.mac.mac(&[PURPOSE, sha256, settings, compiled]);
        let number = WRITES.fetch_add(1, Ordering::Relaxed);
        let partial = path.with_extension(format!("{}-{number}.partial", std::process::id()));
        let result = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&partial)
            .and_then(|mut file| {
                file.write_all(&tag)?;
                file.write_all(compiled)?;
                file.sync_all()
            })
            .and_then(|()| fs::rename(&partial, path));
        if result.is_err() {
            // Removes the rest of a failed attempt. If the file is gone already, that does not
            // matter.
            let _ = fs::remove_file(&partial);
        }
        result
    }
}

/// Returns a digest of everything that decides whether compiled code fits this engine: version,
/// settings and processor.
fn settings_digest(engine: &Engine) -> [u8; 32] {
    struct Digesting(Sha256);
    impl Hasher for Digesting {
        fn write(&mut self, bytes: &[u8]) {
            self.0.update(bytes);
        }
        fn finish(&self) -> u64 {
            0
        }
    }
    let mut digesting = Digesting(Sha256::new());
    engine.precompile_compatibility_hash().hash(&mut digesting);
    digesting.0.finalize().into()
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A substitute for the host's key: a digest of a secret and the parts.
    struct TestMac(u8);

    impl CacheMac for TestMac {
        fn mac(&self, parts: &[&[u8]]) -> [u8; 32] {
            let mut digest = Sha256::new();
            digest.update([self.0]);
            for part in parts {
                digest.update(part.len().to_le_bytes());
                digest.update(part);
            }
            digest.finalize().into()
        }

        fn verify(&self, parts: &[&[u8]], tag: &[u8]) -> bool {
            self.mac(parts) == tag
        }
    }

    /// The smallest component: only a header.
    const EMPTY: &[u8] = b"\0asm\x0d\0\x01\0";
    const SHA256: [u8; 32] = [7; 32];

    fn kept(dir: &Path) -> PathBuf {
        let files: Vec<_> = fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path()).collect();
        assert_eq!(files.len(), 1, "{files:?}");
        files.into_iter().next().unwrap()
    }

    fn cache(dir: &Path, key: u8) -> CacheDir {
        CacheDir { dir: dir.to_owned(), mac: Box::new(TestMac(key)) }
    }

    /// Says whether the kept file is used after `change`, which returns the key to read it with.
    fn used_after(change: impl FnOnce(&Path) -> u8) -> bool {
        let directory = tempfile::tempdir().unwrap();
        let dir = directory.path().join("compiled");
        let engine =
            Engine::new(&super::super::engine::config(&super::super::Limits::default())).unwrap();
        cache(&dir, 1).component(&engine, EMPTY, &SHA256).unwrap();
        let path = kept(&dir);
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(fs::metadata(&dir).unwrap().permissions().mode() & 0o777, 0o700);
        let key = change(&path);
        let cache = cache(&dir, key);
        let settings = settings_digest(&engine);
        let used = cache.read(&engine, &path, &SHA256, &settings).is_ok();
        // In both cases there is a component, and then a good file at the path.
        cache.component(&engine, EMPTY, &SHA256).unwrap();
        assert!(cache.read(&engine, &kept(&dir), &SHA256, &settings).is_ok());
        assert!(
            cache.read(&engine, &path, &[8; 32], &settings).is_err(),
            "used for another component"
        );
        assert!(cache.read(&engine, &path, &SHA256, &[9; 32]).is_err(), "used for other settings");
        used
    }

    #[test]
    fn a_kept_component_is_used_only_as_it_was_written() {
        assert!(used_after(|_| 1));
        assert!(!used_after(|_| 2), "another key");
        assert!(!used_after(|path| {
            fs::remove_file(path).unwrap();
            1
        }));
        for position in [0, TAG_BYTES, 4096] {
            assert!(!used_after(|path| {
                let mut bytes = fs::read(path).unwrap();
                bytes[position] ^= 1;
                fs::write(path, bytes).unwrap();
                1
            }));
        }
        for length in [0, TAG_BYTES - 1, TAG_BYTES, 5000] {
            assert!(!used_after(|path| {
                let mut bytes = fs::read(path).unwrap();
                bytes.truncate(length);
                fs::write(path, bytes).unwrap();
                1
            }));
        }
    }
}
