//! What is administered: a data folder of the native host, or a store of the Spin edition; and
//! whose ledger is read.

use crate::commands::{self, SpinStore, note, open_spin_store};
use anyhow::Context as _;
use eyesonly::config::Config;
use eyesonly::keyring::Keyring;
use eyesonly::ledger::fold::Folded;
use eyesonly::ledger::{self, LogLedger};
use eyesonly_gate::Keys;
use eyesonly_ledger::Folder;
use eyesonly_service::admin::Admin;
use eyesonly_service::kv::{KvEntries, KvKeys};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The place that is administered or served.
pub enum Place {
    /// The native host's data folder, as the configuration file at this path says.
    DataFolder(Box<Config>, PathBuf),
    /// The Spin edition's key-value store.
    SpinStore(PathBuf),
}

/// A ledger, with what is needed to read it.
pub struct Kept {
    /// The folder that has the log, as a data folder has it.
    pub data: PathBuf,
    /// The keys of the entries' owners.
    pub keys: Arc<dyn Keys>,
    /// The administration, which knows people and cameras by their names.
    pub admin: Admin,
}

impl Kept {
    /// Opens the log.
    pub fn log(&self) -> anyhow::Result<Folder> {
        Ok(ledger::open(&ledger::folder(&self.data))?)
    }
}

impl Place {
    /// Opens the administration. With `may_make`, it makes a new installation if there is none.
    pub async fn admin(&self, may_make: bool) -> anyhow::Result<Admin> {
        match self {
            Self::DataFolder(config, file) => commands::admin(file, config, may_make).await,
            Self::SpinStore(store) => open_spin_store(store, may_make)?.admin().await,
        }
    }

    /// Returns the folder that has the log, as a data folder has it.
    pub fn data(&self) -> PathBuf {
        match self {
            Self::DataFolder(config, _) => config.data.clone(),
            Self::SpinStore(store) => spin_data(store),
        }
    }

    /// Opens the ledger's keys and the administration. First enters in the log what waits in a
    /// Spin store.
    pub async fn kept(&self) -> anyhow::Result<Kept> {
        let data = self.data();
        let (admin, keys): (_, Arc<dyn Keys>) = match self {
            Self::DataFolder(..) => {
                (self.admin(false).await?, Arc::new(Keyring::open(&data)?) as _)
            }
            Self::SpinStore(file) => {
                let store = open_spin_store(file, false)?;
                let admin = store.admin().await?;
                fold(file, &store, None).await?;
                (admin, store.keys)
            }
        };
        Ok(Kept { data, keys, admin })
    }

    /// Enters in the log what waits in a Spin store. `serve` does it for a data folder.
    pub async fn enter_waiting(&self) -> anyhow::Result<()> {
        if let Self::SpinStore(file) = self {
            fold(file, &open_spin_store(file, false)?, None).await?;
        }
        Ok(())
    }

    /// Begins the log of a Spin store that has none, and states the rights that there are: only
    /// what comes after such a statement can be judged. A data folder's log is begun by `serve`.
    pub async fn begin_ledger(&self) -> anyhow::Result<()> {
        if ledger::folder(&self.data()).exists() { Ok(()) } else { self.enter_waiting().await }
    }
}

/// Returns the folder that has the log of a Spin edition's store, as a data folder has it.
fn spin_data(file: &Path) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(".ledger");
    name.into()
}

/// Opens the log of the Spin edition's store, and makes it if there is none.
fn spin_ledger(file: &Path, keys: &KvKeys) -> anyhow::Result<Arc<LogLedger>> {
    let data = spin_data(file);
    let is_new = !ledger::folder(&data).exists();
    std::fs::create_dir_all(&data).with_context(|| format!("{}: can't be made", data.display()))?;
    let ledger = LogLedger::open(&data, keys.edge())?;
    if is_new {
        note(&format!(
            "the access ledger begins in {}: keep this folder with the store",
            data.display()
        ));
    }
    Ok(Arc::new(ledger))
}

/// Enters in the log what waits in the Spin edition's store. Requests of the Spin edition end too
/// soon to do that. With `days`, forgets what is older than so many days.
pub async fn fold(file: &Path, store: &SpinStore, days: Option<u32>) -> anyhow::Result<Folded> {
    let (records, _) = store.proven();
    let ledger = spin_ledger(file, &store.keys)?;
    let keys: Arc<dyn Keys> = Arc::clone(&store.keys) as _;
    let waiting = KvEntries::new(Arc::clone(&store.kv));
    let folded = ledger.fold(records, &keys, &waiting).await?;
    if let Some(days) = days {
        ledger.forget(days).await;
    }
    ledger.close().await?;
    if folded.damaged > 0 {
        note(&format!(
            "{} values in the store were no entries of this ledger: somebody changed them, and \
             the ledger may lack as many deliveries. It says so now (`ledger misdeliveries`)",
            folded.damaged
        ));
    }
    Ok(folded)
}
