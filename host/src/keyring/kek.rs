//! The key-encryption key: from the environment, or from the file `kek` of the data folder.
//!
//! While it is being changed there are two: the environment has `EYESONLY_KEK_NEXT` as well, or the
//! folder has `kek.next`. Which one counts is what the keyring opens with: the seal names its key.
//!
//! INVARIANT: the key that the keyring on the disk opens with is on the disk, or in the
//! environment, at every moment. `kek.next` is durable before the keyring that needs it, and `kek`
//! goes only after.

use super::{EDGE_OWNER, KeyringError, unwrap, write_durably};
use eyesonly_seal::{EdgeKey, KeyEncryptionKey};
use eyesonly_service::clock;
use eyesonly_service::kv::read_kek;
use std::io::{Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};
use zeroize::Zeroizing;

/// The environment variable with the key-encryption key: 64 hexadecimal digits.
pub const KEK_VARIABLE: &str = "EYESONLY_KEK";
/// The environment variable with the next one, while it is being changed.
pub const KEK_NEXT_VARIABLE: &str = "EYESONLY_KEK_NEXT";

/// The hexadecimal digits of a key.
const KEK_DIGITS: usize = 64;

/// Where a key-encryption key is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum By {
    /// In the file `kek`.
    File,
    /// In the environment.
    Environment,
}

fn file(folder: &Path) -> PathBuf {
    folder.join("kek")
}
fn next_file(folder: &Path) -> PathBuf {
    folder.join("kek.next")
}

/// Reads the key of a variable, if it is set.
fn of_variable(name: &str) -> Result<Option<KeyEncryptionKey>, KeyringError> {
    let Ok(text) = std::env::var(name) else { return Ok(None) };
    parse(name, &Zeroizing::new(text)).map(Some)
}

/// Reads the key of a file, if it is there.
fn of_file(path: &Path) -> Result<Option<KeyEncryptionKey>, KeyringError> {
    match std::fs::read_to_string(path) {
        Ok(text) => parse(&path.display().to_string(), &Zeroizing::new(text)).map(Some),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(KeyringError::Io { path: path.into(), source }),
    }
}

fn parse(whence: &str, text: &str) -> Result<KeyEncryptionKey, KeyringError> {
    read_kek(text).map_err(|_| {
        KeyringError::Form(format!(
            "the key-encryption key ({whence}) must be 64 hexadecimal digits"
        ))
    })
}

/// Makes a key in a file.
fn make(path: &Path) -> Result<(), KeyringError> {
    let key = Zeroizing::new(clock::random::<32>());
    let text = Zeroizing::new(key.iter().map(|byte| format!("{byte:02x}")).collect::<String>());
    write_durably(path, text.as_bytes())
}

/// Returns the key of a new installation, and makes it if the environment has none.
pub fn first(folder: &Path) -> Result<KeyEncryptionKey, KeyringError> {
    if let Some(kek) = of_variable(KEK_VARIABLE)? {
        return Ok(kek);
    }
    if of_file(&file(folder))?.is_none() {
        make(&file(folder))?;
    }
    of_file(&file(folder))?.ok_or_else(|| missing(folder))
}

/// Returns the key that a keyring opens with, and the edge's key that it opens. The environment's
/// keys come first. With them, no file is read.
pub fn that_opens(
    folder: &Path,
    keyring: &Path,
    edge: &str,
) -> Result<(KeyEncryptionKey, EdgeKey), KeyringError> {
    let of_environment = of_variable(KEK_VARIABLE)?;
    let candidates = if of_environment.is_some() {
        [of_environment, of_variable(KEK_NEXT_VARIABLE)?]
    } else {
        // The next one is read first: if it takes the other's place meanwhile, it is read there.
        let next = of_file(&next_file(folder));
        let today = of_file(&file(folder));
        // Either may have been being written when a rotation was killed. The other one opens then.
        match (today, next) {
            (Err(KeyringError::Form(_)), Ok(Some(next))) => [None, Some(next)],
            (Ok(Some(today)), Err(KeyringError::Form(_))) => [Some(today), None],
            (today, next) => [today?, next?],
        }
    };
    let mut has_any = false;
    for kek in candidates.into_iter().flatten() {
        has_any = true;
        if let Ok(edge) = unwrap(&kek, EDGE_OWNER, edge) {
            return Ok((kek, EdgeKey::from_bytes(*edge)));
        }
    }
    if !has_any {
        return Err(missing(folder));
    }
    Err(KeyringError::Form(format!(
        "{}: does not open with this key-encryption key. If it is from before a rotation of the \
         key, put today's keyring.json in its place. Otherwise set {KEK_VARIABLE}, or restore the \
         file `kek`, that it was made with.",
        keyring.display()
    )))
}

fn missing(folder: &Path) -> KeyringError {
    KeyringError::Form(format!(
        "{}: missing. The keyring beside it was made with it: restore it, or set {KEK_VARIABLE}.",
        file(folder).display()
    ))
}

/// Returns the key to rotate to. Without one in the environment, it is made, durable, in
/// `kek.next`.
pub fn next(folder: &Path) -> Result<(KeyEncryptionKey, By), KeyringError> {
    if of_variable(KEK_VARIABLE)?.is_some() {
        let next = of_variable(KEK_NEXT_VARIABLE)?.ok_or_else(|| {
            KeyringError::Form(format!(
                "{KEK_VARIABLE} brings the key-encryption key, so the new one has to come in \
                 {KEK_NEXT_VARIABLE} (`openssl rand -hex 32`). Nothing was changed."
            ))
        })?;
        return Ok((next, By::Environment));
    }
    if std::env::var_os(KEK_NEXT_VARIABLE).is_some() {
        return Err(KeyringError::Form(format!(
            "{KEK_NEXT_VARIABLE} is set, and {KEK_VARIABLE} is not. With both, the keys come from \
             the environment; with neither, the new one is made in the data folder. Nothing was \
             changed."
        )));
    }
    // The old key is overwritten in the end. That it can be is found before anything is written.
    let today = file(folder);
    let writable = std::fs::OpenOptions::new().write(true).open(&today);
    writable.map_err(|source| KeyringError::Io { path: today, source })?;
    let path = next_file(folder);
    make(&path)?;
    let next = of_file(&path)?.ok_or_else(|| missing(folder))?;
    Ok((next, By::File))
}

/// Ends a rotation whose keyring is written: `kek.next` takes the place of `kek`, and the old key
/// is overwritten. Drops a `kek.next` that no keyring needs.
pub fn settle(folder: &Path, keyring: &Path, edge: &str) -> Result<(), KeyringError> {
    let (path, next) = (file(folder), next_file(folder));
    let io = |source| KeyringError::Io { path: next.clone(), source };
    if of_variable(KEK_VARIABLE)?.is_some() || !next.exists() {
        return Ok(());
    }
    let opens = |path: &Path| match of_file(path) {
        Ok(kek) => Ok(kek.is_some_and(|kek| unwrap(&kek, EDGE_OWNER, edge).is_ok())),
        // It was being written.
        Err(KeyringError::Form(_)) => Ok(false),
        Err(error) => Err(error),
    };
    if opens(&next)? {
        // The old key is spoilt before its name goes: a file that is renamed over can't be reached.
        if path.exists() {
            overwrite(&path)?;
        }
        std::fs::rename(&next, &path).map_err(io)?;
    } else if opens(&path)? {
        overwrite(&next)?;
        std::fs::remove_file(&next).map_err(io)?;
    } else {
        return Err(KeyringError::Form(format!(
            "{}: opens neither with `kek` nor with `kek.next` beside it; restore the one that it \
             was made with.",
            keyring.display()
        )));
    }
    std::fs::File::open(folder).and_then(|folder| folder.sync_all()).map_err(io)
}

/// Overwrites a key's bytes where they are, as far as the disk does so.
fn overwrite(path: &Path) -> Result<(), KeyringError> {
    let io = |source| KeyringError::Io { path: path.into(), source };
    let mut file = std::fs::OpenOptions::new().write(true).open(path).map_err(io)?;
    let length = file.metadata().map_err(io)?.len();
    let zeros = vec![b'0'; usize::try_from(length).unwrap_or(KEK_DIGITS).max(KEK_DIGITS)];
    file.seek(SeekFrom::Start(0)).map_err(io)?;
    file.write_all(&zeros).map_err(io)?;
    // What is left is a key by its form, so that a start in the middle reads it.
    file.set_len(KEK_DIGITS as u64).and_then(|()| file.sync_all()).map_err(io)
}
