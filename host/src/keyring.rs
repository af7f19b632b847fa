//! The keyring: the installation's own key and each household's key, wrapped under the
//! key-encryption key.
//!
//! The keyring is a separate file, not in the database. So once a household's entry is destroyed
//! and the key-encryption key is rotated, no backup of its footage can be opened. Each key is
//! wrapped for its owner, so an entry under another household's name does not open.
//!
//! It must never hold or write a key in the clear. The one exception is the file of the
//! key-encryption key, which it makes with mode 0600 if `EYESONLY_KEK` is not set.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use eyesonly_gate::{Keys, KeysError};
use eyesonly_seal::{EdgeKey, HouseholdId, HouseholdKey, KeyEncryptionKey};
use eyesonly_service::clock;
use eyesonly_service::keys;
use eyesonly_service::kv::read_kek;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, HashMap};
use std::io::Write as _;
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};
use zeroize::Zeroizing;

/// The environment variable with the key-encryption key: 64 hexadecimal digits.
pub const KEK_VARIABLE: &str = "EYESONLY_KEK";
/// The most households that one keyring takes. This bounds the file, and the keys that are kept
/// unwrapped.
pub const HOUSEHOLDS_MAX: usize = 200_000;
/// The owner name of the installation's own key.
const EDGE_OWNER: &[u8] = b"edge";

/// Why the keyring has no key to give.
#[derive(Debug, thiserror::Error)]
pub enum KeyringError {
    /// The file can't be read or written.
    #[error("{path}: {source}")]
    Io {
        /// The file.
        path: PathBuf,
        /// The error from the system.
        source: std::io::Error,
    },
    /// A file has the wrong content.
    #[error("{0}")]
    Form(String),
    /// The keyring is not what this program writes as JSON.
    #[error(
        "{path}: the keyring is damaged; put it back from a backup (docs/running.md, \"Backups\")"
    )]
    Json {
        /// The file.
        path: PathBuf,
        /// The error from the parser, with line and column.
        source: serde_json::Error,
    },
    /// The household has no key here: it was never made, or it was destroyed.
    #[error("the keyring has no key for this household")]
    NoKey,
    /// The household's entry does not open: it is another household's, another installation's, or
    /// changed.
    #[error("the household's entry in the keyring does not open")]
    WrongKey,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    version: u8,
    edge: String,
    households: BTreeMap<HouseholdId, String>,
}

struct State {
    file: File,
    /// The mark of the file that was read.
    mark: Mark,
    /// The unwrapped keys. Each is made on first use, and all are dropped when the file changes.
    open: HashMap<HouseholdId, Arc<HouseholdKey>>,
}

/// Tells one file under a name from the next: inode, time (seconds and nanoseconds) and length.
type Mark = (u64, i64, i64, u64);

fn mark(path: &Path) -> Result<Mark, KeyringError> {
    let meta =
        std::fs::metadata(path).map_err(|source| KeyringError::Io { path: path.into(), source })?;
    Ok((meta.ino(), meta.mtime(), meta.mtime_nsec(), meta.len()))
}

impl State {
    /// Reads the file. Nothing is unwrapped yet.
    fn read(path: &Path) -> Result<Self, KeyringError> {
        // The mark comes before the content, so that a file replaced in between is read again.
        let mark = mark(path)?;
        Ok(Self { file: read(path)?, mark, open: HashMap::new() })
    }
}

/// The opened keyring of one installation.
pub struct Keyring {
    path: PathBuf,
    kek: KeyEncryptionKey,
    edge: EdgeKey,
    state: RwLock<State>,
}

impl Keyring {
    /// Opens `folder`/keyring.json. If there is none yet, it makes one and a key-encryption key.
    ///
    /// # Errors
    /// [`KeyringError`], with what to do about it in its text.
    pub fn open(folder: &Path) -> Result<Self, KeyringError> {
        let path = folder.join("keyring.json");
        // If two processes make one at the same time, it is made once.
        let _alone = lock(&path)?;
        let kek = key_encryption_key(folder, path.exists())?;
        if !path.exists() {
            let edge = Zeroizing::new(clock::random::<32>());
            let wrapped =
                kek.wrap(EDGE_OWNER, &edge, clock::random()).map_err(|_| KeyringError::WrongKey)?;
            write(
                &path,
                &File { version: 1, edge: STANDARD.encode(wrapped), households: BTreeMap::new() },
            )?;
        }
        let state = State::read(&path)?;
        let edge = unwrap(&kek, EDGE_OWNER, &state.file.edge).map_err(|_| {
            KeyringError::Form(format!(
                "{}: does not open with this key-encryption key. Set {KEK_VARIABLE}, or restore \
                 the file `kek`, that it was made with.",
                path.display()
            ))
        })?;
        let edge = EdgeKey::from_bytes(*edge);
        Ok(Self { path, kek, edge, state: RwLock::new(state) })
    }

    /// Checks whether another process has changed the file, and forgets the unwrapped keys if so.
    /// From then on, a key that was destroyed opens nothing here.
    ///
    /// # Errors
    /// [`KeyringError`] if the file can't be read. What is known stays.
    pub fn look_again(&self) -> Result<(), KeyringError> {
        if self.state.read().map_err(broken)?.mark == mark(&self.path)? {
            return Ok(());
        }
        let new = State::read(&self.path)?;
        *self.state.write().map_err(broken)? = new;
        Ok(())
    }

    /// Says whether any household has a key here.
    pub fn has_households(&self) -> bool {
        self.state.read().is_ok_and(|state| !state.file.households.is_empty())
    }

    fn unwrap_household(&self, household: HouseholdId) -> Result<Arc<HouseholdKey>, KeyringError> {
        let mut state = self.state.write().map_err(broken)?;
        if !state.file.households.contains_key(&household) {
            // Another process (administration) may have added the household meanwhile.
            *state = State::read(&self.path)?;
        }
        let wrapped = state.file.households.get(&household).ok_or(KeyringError::NoKey)?;
        let key =
            Arc::new(HouseholdKey::from_bytes(*unwrap(&self.kek, household.as_bytes(), wrapped)?));
        state.open.insert(household, Arc::clone(&key));
        Ok(key)
    }

    /// Makes and keeps a key for each of these new households: for all, or for none. The keys are
    /// durable on return.
    ///
    /// # Errors
    /// [`KeyringError`], in which case nothing has changed.
    pub fn add_households(&self, households: &[HouseholdId]) -> Result<(), KeyringError> {
        self.change(|file, kek| {
            for household in households {
                let key = Zeroizing::new(clock::random::<32>());
                let sealed = kek.wrap(household.as_bytes(), &key, clock::random());
                let wrapped = STANDARD.encode(sealed.map_err(|_| KeyringError::WrongKey)?);
                file.households.insert(*household, wrapped);
            }
            if file.households.len() > HOUSEHOLDS_MAX {
                return Err(KeyringError::Form(format!(
                    "the keyring is full ({HOUSEHOLDS_MAX} households)"
                )));
            }
            Ok(())
        })
    }

    /// Changes the file under its lock. New keys are wrapped with the key-encryption key that opens
    /// the file's own entry.
    fn change(
        &self,
        edit: impl FnOnce(&mut File, &KeyEncryptionKey) -> Result<(), KeyringError>,
    ) -> Result<(), KeyringError> {
        let mut state = self.state.write().map_err(broken)?;
        let _alone = lock(&self.path)?;
        let mut file = read(&self.path)?;
        // Another process may have changed the key-encryption key since this one started. In that
        // case nothing is written with the old one.
        let edge = unwrap(&self.kek, EDGE_OWNER, &file.edge).map_err(|_| {
            KeyringError::Form(format!(
                "{}: was wrapped anew with another key-encryption key since this process started. \
                 Start it again with that key; nothing was changed.",
                self.path.display()
            ))
        })?;
        if EdgeKey::from_bytes(*edge).credential_key().mac(&[])
            != self.edge.credential_key().mac(&[])
        {
            return Err(KeyringError::Form(format!(
                "{}: is another installation's by now. Nothing was changed.",
                self.path.display()
            )));
        }
        edit(&mut file, &self.kek)?;
        write(&self.path, &file)?;
        *state = State::read(&self.path)?;
        Ok(())
    }
}

impl Keys for Keyring {
    fn edge(&self) -> &EdgeKey {
        &self.edge
    }

    fn household_key(&self, household: HouseholdId) -> Result<Arc<HouseholdKey>, KeysError> {
        if let Ok(state) = self.state.read()
            && let Some(key) = state.open.get(&household)
        {
            return Ok(Arc::clone(key));
        }
        Ok(self.unwrap_household(household)?)
    }
}

impl keys::Keyring for Keyring {
    fn add_household(&self, household: HouseholdId) -> Result<(), KeysError> {
        Ok(self.add_households(&[household])?)
    }

    fn destroy_household(&self, household: HouseholdId) -> Result<(), KeysError> {
        Ok(self.change(|file, _| {
            file.households.remove(&household).map(|_| ()).ok_or(KeyringError::NoKey)
        })?)
    }
}

impl From<KeyringError> for KeysError {
    fn from(error: KeyringError) -> Self {
        match error {
            KeyringError::NoKey => Self::NoKey,
            KeyringError::WrongKey => Self::WrongKey,
            other => Self::Unavailable(Box::new(other)),
        }
    }
}

/// Says that somebody panicked while holding the lock of the state.
fn broken<G>(_: PoisonError<G>) -> KeyringError {
    KeyringError::Form("the keyring's lock is broken".into())
}

/// Locks the file against other processes while it is changed.
fn lock(path: &Path) -> Result<std::fs::File, KeyringError> {
    let path = path.with_extension("lock");
    let io = |source| KeyringError::Io { path: path.clone(), source };
    let file = std::fs::OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .mode(0o600)
        .open(&path)
        .map_err(io)?;
    file.lock().map_err(io)?;
    Ok(file)
}

fn key_encryption_key(
    folder: &Path,
    keyring_exists: bool,
) -> Result<KeyEncryptionKey, KeyringError> {
    let path = folder.join("kek");
    let text = match std::env::var(KEK_VARIABLE) {
        Ok(text) => Zeroizing::new(text),
        Err(_) if path.exists() => Zeroizing::new(
            std::fs::read_to_string(&path)
                .map_err(|source| KeyringError::Io { path: path.clone(), source })?,
        ),
        Err(_) if keyring_exists => {
            return Err(KeyringError::Form(format!(
                "{}: missing. The keyring beside it was made with it: restore it, or set \
                 {KEK_VARIABLE}.",
                path.display()
            )));
        }
        Err(_) => {
            let key = Zeroizing::new(clock::random::<32>());
            let text = Zeroizing::new(key.iter().map(|b| format!("{b:02x}")).collect::<String>());
            write_durably(&path, text.as_bytes())?;
            text
        }
    };
    read_kek(&text).map_err(|_| {
        KeyringError::Form(format!(
            "the key-encryption key ({KEK_VARIABLE} or {}) must be 64 hexadecimal digits",
            path.display()
        ))
    })
}

fn unwrap(
    kek: &KeyEncryptionKey,
    owner: &[u8],
    wrapped: &str,
) -> Result<Zeroizing<[u8; 32]>, KeyringError> {
    let wrapped = STANDARD.decode(wrapped).map_err(|_| KeyringError::WrongKey)?;
    kek.unwrap(owner, &wrapped).map_err(|_| KeyringError::WrongKey)
}

fn read(path: &Path) -> Result<File, KeyringError> {
    let text =
        std::fs::read(path).map_err(|source| KeyringError::Io { path: path.into(), source })?;
    let file: File = serde_json::from_slice(&text)
        .map_err(|source| KeyringError::Json { path: path.into(), source })?;
    if file.version != 1 {
        return Err(KeyringError::Form(format!(
            "{}: version {} is not known here",
            path.display(),
            file.version
        )));
    }
    Ok(file)
}

fn write(path: &Path, file: &File) -> Result<(), KeyringError> {
    let text = serde_json::to_vec_pretty(file)
        .map_err(|source| KeyringError::Json { path: path.into(), source })?;
    write_durably(path, &text)
}

/// Writes a file beside `path`, flushes it, renames it and flushes the folder. After a crash there
/// is the old file or the new one, never half of one.
fn write_durably(path: &Path, bytes: &[u8]) -> Result<(), KeyringError> {
    let io = |source| KeyringError::Io { path: path.into(), source };
    let beside = path.with_extension("new");
    let mut file = std::fs::OpenOptions::new()
        .create(true)
        .truncate(true)
        .write(true)
        .mode(0o600)
        .open(&beside)
        .map_err(io)?;
    file.write_all(bytes).and_then(|()| file.sync_all()).map_err(io)?;
    std::fs::rename(&beside, path).map_err(io)?;
    let folder = path.parent().unwrap_or(Path::new("."));
    std::fs::File::open(folder).and_then(|f| f.sync_all()).map_err(io)
}

#[cfg(test)]
mod tests {
    use super::*;
    use eyesonly_service::keys::Keyring as _;

    fn household(n: u8) -> HouseholdId {
        HouseholdId::from_bytes([n; 16])
    }

    #[test]
    fn keys_are_kept_and_bound_to_their_household() {
        let folder = tempfile::tempdir().unwrap();
        let keyring = Keyring::open(folder.path()).unwrap();
        keyring.add_household(household(1)).unwrap();
        keyring.add_household(household(2)).unwrap();
        assert!(keyring.household_key(household(1)).is_ok());
        assert!(matches!(keyring.household_key(household(3)), Err(KeysError::NoKey)));

        let path = folder.path().join("keyring.json");
        let mut file = read(&path).unwrap();
        let (one, two) =
            (file.households[&household(1)].clone(), file.households[&household(2)].clone());
        file.households.insert(household(1), two);
        file.households.insert(household(2), one);
        write(&path, &file).unwrap();
        let swapped = Keyring::open(folder.path()).unwrap();
        assert!(matches!(swapped.household_key(household(1)), Err(KeysError::WrongKey)));
    }

    #[test]
    fn another_process_adds_and_this_one_sees_it() {
        let folder = tempfile::tempdir().unwrap();
        let (server, admin) =
            (Keyring::open(folder.path()).unwrap(), Keyring::open(folder.path()).unwrap());
        assert!(server.household_key(household(1)).is_err());
        admin.add_household(household(1)).unwrap();
        assert!(server.household_key(household(1)).is_ok());
    }

    #[test]
    fn another_process_destroys_and_this_one_forgets() {
        let folder = tempfile::tempdir().unwrap();
        let (server, admin) =
            (Keyring::open(folder.path()).unwrap(), Keyring::open(folder.path()).unwrap());
        admin.add_household(household(1)).unwrap();
        admin.add_household(household(2)).unwrap();
        assert!(server.household_key(household(1)).is_ok());
        admin.destroy_household(household(1)).unwrap();
        server.look_again().unwrap();
        assert!(matches!(server.household_key(household(1)), Err(KeysError::NoKey)));
        assert!(server.household_key(household(2)).is_ok());
        // A file that can't be read makes the keyring forget nothing.
        std::fs::write(folder.path().join("keyring.json"), "{").unwrap();
        assert!(server.look_again().is_err());
        assert!(server.household_key(household(2)).is_ok());
    }

    #[test]
    fn a_lost_or_foreign_key_encryption_key_is_said_plainly() {
        let folder = tempfile::tempdir().unwrap();
        drop(Keyring::open(folder.path()).unwrap());
        std::fs::write(folder.path().join("kek"), "00".repeat(32)).unwrap();
        let message = Keyring::open(folder.path()).err().unwrap().to_string();
        assert!(message.contains("does not open with this key-encryption key"), "{message}");
        std::fs::remove_file(folder.path().join("kek")).unwrap();
        let message = Keyring::open(folder.path()).err().unwrap().to_string();
        assert!(message.contains("restore it"), "{message}");
        std::fs::write(folder.path().join("kek"), "abc").unwrap();
        assert!(
            Keyring::open(folder.path())
                .err()
                .unwrap()
                .to_string()
                .contains("64 hexadecimal digits")
        );
    }
}
