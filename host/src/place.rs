//! What is administered: a data folder of the native host, or a store of the Spin edition; and
//! whose ledger is read.

use crate::commands::{self, SpinStore, note, open_spin_store, proven};
use anyhow::Context as _;
use eyesonly::config::Config;
use eyesonly::keyring::Keyring;
use eyesonly::ledger::fold::Folded;
use eyesonly::ledger::{self, LogLedger};
use eyesonly_gate::Keys;
use eyesonly_rights::Freshness;
use eyesonly_service::admin::Admin;
use eyesonly_service::kv::{KvEntries, KvIndex, KvKeys, KvRegistry};
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

impl Place {
    /// Opens the administration. With `may_make`, it makes a new installation if there is none.
    pub async fn admin(&self, may_make: bool) -> anyhow::Result<Admin> {
        match self {
            Self::DataFolder(config, file) => commands::admin(file, config, may_make).await,
            Self::SpinStore(store) => commands::spin_admin(store, may_make).await,
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
        let (data, admin) = (self.data(), self.admin(false).await?);
        let keys: Arc<dyn Keys> = match self {
            Self::DataFolder(..) => Arc::new(Keyring::open(&data)?),
            Self::SpinStore(store) => {
                fold(store).await?;
                Arc::new(open_spin_store(store, false)?.keys)
            }
        };
        Ok(Kept { data, keys, admin })
    }

    /// Begins the log of a Spin store that has none, and states the rights that there are: only
    /// what comes after such a statement can be judged. A data folder's log is begun by `serve`.
    pub async fn begin_ledger(&self) -> anyhow::Result<()> {
        if let Self::SpinStore(store) = self
            && !ledger::folder(&spin_data(store)).exists()
        {
            fold(store).await?;
        }
        Ok(())
    }
}

/// Returns the folder that has the log of a Spin edition's store, as a data folder has it.
fn spin_data(file: &Path) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(".ledger");
    name.into()
}

/// Opens the log of the Spin edition's store, and makes it if there is none.
pub fn spin_ledger(file: &Path, keys: &KvKeys) -> anyhow::Result<Arc<LogLedger>> {
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
/// soon to do that.
pub async fn fold(file: &Path) -> anyhow::Result<Folded> {
    let SpinStore { kv, keys } = open_spin_store(file, false)?;
    let registry = Arc::new(KvRegistry::new(Arc::clone(&kv)));
    let index = Arc::new(KvIndex::new(Arc::clone(&kv)));
    let (records, _) = proven(&keys, registry, index, Freshness::Unproven);
    let ledger = spin_ledger(file, &keys)?;
    let keys: Arc<dyn Keys> = Arc::new(keys);
    let folded = ledger.fold(records, &keys, &KvEntries::new(kv)).await?;
    if folded.damaged > 0 {
        note(&format!(
            "{} values in the store were no entries of this ledger: somebody changed them, and \
             the ledger may lack as many deliveries. It says so now (`ledger misdeliveries`)",
            folded.damaged
        ));
    }
    Ok(folded)
}
