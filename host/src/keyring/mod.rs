//! The keyring: the installation's own key and each household's key, wrapped under the
//! key-encryption key.
//!
//! The keyring is a separate file, not in the database. So once a household's entry is destroyed
//! and the key-encryption key is rotated, no backup of its footage can be opened. Each key is
//! wrapped for its owner, so an entry under another household's name does not open.
//!
//! It must never hold or write a household's key in the clear. The one exception is the file of the
//! key-encryption key (`kek.rs`).

mod kek;
#[cfg(test)]
mod tests;

pub use kek::{By, KEK_NEXT_VARIABLE, KEK_VARIABLE};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use eyesonly_gate::{Keys, KeysError};
use eyesonly_seal::{EdgeKey, HouseholdId, HouseholdKey, KeyEncryptionKey};
use eyesonly_service::clock;
use eyesonly_service::keys;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, HashMap};
use std::io::Write as _;
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use zeroize::Zeroizing;

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
    /// The same, of this household, where all are opened.
    #[error(
        "household {0}: its entry in the keyring does not open, so nothing was changed. Put its \
         entry back from a backup, or remove the household, and try again"
    )]
    Household(HouseholdId),
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
    /// The key-encryption key that opens the file.
    kek: KeyEncryptionKey,
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
    /// Reads the file, and finds the key-encryption key that opens it. No household's key is
    /// unwrapped yet.
    fn read(folder: &Path, path: &Path) -> Result<(Self, EdgeKey), KeyringError> {
        // The mark comes before the content, so that a file replaced in between is read again.
        let mark = mark(path)?;
        let file = read(path)?;
        let (kek, edge) = kek::that_opens(folder, path, &file.edge)?;
        Ok((Self { file, kek, mark, open: HashMap::new() }, edge))
    }
}

/// The opened keyring of one installation.
pub struct Keyring {
    folder: PathBuf,
    path: PathBuf,
    edge: EdgeKey,
    state: RwLock<State>,
    /// How often the unwrapped keys were forgotten.
    forgotten: AtomicU64,
}

impl Keyring {
    /// Opens `folder`/keyring.json. If there is none yet, it makes one and a key-encryption key. A
    /// rotation that was broken off is ended.
    ///
    /// # Errors
    /// [`KeyringError`], with what to do about it in its text.
    pub fn open(folder: &Path) -> Result<Self, KeyringError> {
        let path = folder.join("keyring.json");
        // If two processes make one at the same time, it is made once.
        let _alone = lock(&path)?;
        if !path.exists() {
            let kek = kek::first(folder)?;
            let edge = Zeroizing::new(clock::random::<32>());
            let edge = wrap(&kek, EDGE_OWNER, &edge)?;
            write(&path, &File { version: 1, edge, households: BTreeMap::new() })?;
        }
        let (state, edge) = State::read(folder, &path)?;
        // A key has opened it. So a rotation that can't be ended now is no reason to stop: both
        // keys stay where they are, and the next rotation says why.
        let _ = kek::settle(folder, &path, &state.file.edge);
        let (state, forgotten) = (RwLock::new(state), AtomicU64::default());
        Ok(Self { folder: folder.into(), path, edge, state, forgotten })
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
        let new = self.read_again()?;
        self.replace(&mut *self.state.write().map_err(broken)?, new);
        Ok(())
    }

    /// Forgets the unwrapped keys, and goes on with the file that was read anew.
    fn replace(&self, state: &mut State, new: State) {
        *state = new;
        self.forgotten.fetch_add(1, Ordering::SeqCst);
    }

    /// Reads the file anew. It must be this installation's.
    fn read_again(&self) -> Result<State, KeyringError> {
        let (state, edge) = State::read(&self.folder, &self.path)?;
        // Another key of the same installation gives the same answers.
        if edge.credential_key().mac(&[]) != self.edge.credential_key().mac(&[]) {
            return Err(KeyringError::Form(format!(
                "{}: is another installation's by now. Nothing was changed.",
                self.path.display()
            )));
        }
        Ok(state)
    }

    /// Says whether any household has a key here.
    pub fn has_households(&self) -> bool {
        self.state.read().is_ok_and(|state| !state.file.households.is_empty())
    }

    fn unwrap_household(&self, household: HouseholdId) -> Result<Arc<HouseholdKey>, KeyringError> {
        let mut state = self.state.write().map_err(broken)?;
        if !state.file.households.contains_key(&household) {
            // Another process (administration) may have added the household meanwhile.
            self.replace(&mut state, self.read_again()?);
        }
        let wrapped = state.file.households.get(&household).ok_or(KeyringError::NoKey)?;
        let key = unwrap(&state.kek, household.as_bytes(), wrapped)?;
        let key = Arc::new(HouseholdKey::from_bytes(*key));
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
                file.households.insert(*household, wrap(kek, household.as_bytes(), &key)?);
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
    /// the file as it is then.
    fn change(
        &self,
        edit: impl FnOnce(&mut File, &KeyEncryptionKey) -> Result<(), KeyringError>,
    ) -> Result<(), KeyringError> {
        let mut state = self.state.write().map_err(broken)?;
        let _alone = lock(&self.path)?;
        let State { mut file, kek, .. } = self.read_again()?;
        edit(&mut file, &kek)?;
        write(&self.path, &file)?;
        self.replace(&mut state, self.read_again()?);
        Ok(())
    }

    /// Wraps every key anew with another key-encryption key, and ends the old one. Without
    /// `EYESONLY_KEK` the new key is made here. With it, `EYESONLY_KEK_NEXT` brings the new one.
    /// Killed at any moment, it leaves a keyring that opens; the next start, or the next rotation,
    /// ends it.
    ///
    /// # Errors
    /// [`KeyringError`]. If it is about one household's entry, nothing has changed.
    pub fn rotate(&self) -> Result<Rotated, KeyringError> {
        let mut state = self.state.write().map_err(broken)?;
        let _alone = lock(&self.path)?;
        let State { file, kek: old, .. } = self.read_again()?;
        kek::settle(&self.folder, &self.path, &file.edge)?;
        // Every key is opened before anything is written.
        let edge = unwrap(&old, EDGE_OWNER, &file.edge)?;
        let keys = file.households.iter().map(|(household, wrapped)| {
            let key = unwrap(&old, household.as_bytes(), wrapped);
            key.map(|key| (*household, key)).map_err(|_| KeyringError::Household(*household))
        });
        let keys = keys.collect::<Result<Vec<_>, _>>()?;
        let (new, by) = kek::next(&self.folder)?;
        if unwrap(&new, EDGE_OWNER, &file.edge).is_ok() {
            return Err(KeyringError::Form(format!(
                "{KEK_NEXT_VARIABLE} is the key that the keyring has already. If that is what you \
                 wanted, it is done: give `serve` this value as {KEK_VARIABLE}. Otherwise make a \
                 new one (`openssl rand -hex 32`). Nothing was changed."
            )));
        }
        let mut households = BTreeMap::new();
        for (household, key) in &keys {
            households.insert(*household, wrap(&new, household.as_bytes(), key)?);
        }
        let file = File { version: 1, edge: wrap(&new, EDGE_OWNER, &edge)?, households };
        write(&self.path, &file)?;
        kek::settle(&self.folder, &self.path, &file.edge)?;
        self.replace(&mut state, self.read_again()?);
        Ok(Rotated { households: keys.len(), by })
    }
}

/// What a rotation has done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rotated {
    /// The households whose keys were wrapped anew.
    pub households: usize,
    /// Where the new key is.
    pub by: By,
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

    fn forgotten(&self) -> u64 {
        self.forgotten.load(Ordering::SeqCst)
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

/// Says whether the key-encryption key of `folder`, or of the environment, opens this keyring.
///
/// # Errors
/// [`KeyringError`] if the file is no keyring, or if `folder`'s own keyring does not open.
pub fn opens(folder: &Path, keyring: &Path) -> Result<bool, KeyringError> {
    let (state, _) = State::read(folder, &folder.join("keyring.json"))?;
    Ok(unwrap(&state.kek, EDGE_OWNER, &read(keyring)?.edge).is_ok())
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

fn unwrap(
    kek: &KeyEncryptionKey,
    owner: &[u8],
    wrapped: &str,
) -> Result<Zeroizing<[u8; 32]>, KeyringError> {
    let wrapped = STANDARD.decode(wrapped).map_err(|_| KeyringError::WrongKey)?;
    kek.unwrap(owner, &wrapped).map_err(|_| KeyringError::WrongKey)
}

fn wrap(kek: &KeyEncryptionKey, owner: &[u8], key: &[u8; 32]) -> Result<String, KeyringError> {
    let sealed = kek.wrap(owner, key, clock::random()).map_err(|_| KeyringError::WrongKey)?;
    Ok(STANDARD.encode(sealed))
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
