//! The subcommands that change and list households, and the terminal input and output of all
//! subcommands.
//!
//! Answers go to standard output, everything else to standard error. Only `household add` may make
//! a new installation.

use crate::HouseholdCommand;
use crate::place::fold;
use anyhow::{Context as _, bail};
use eyesonly::config::Config;
use eyesonly::edge;
use eyesonly::keyring::KEK_VARIABLE;
use eyesonly::keyvalue::SpinFile;
use eyesonly::ledger::fold::Folded;
use eyesonly::sqlite::{SqliteIndex, SqliteRegistry};
use eyesonly_gate::{Keys as _, KeysError, Records, Registry};
use eyesonly_rights::Freshness;
use eyesonly_seal::{HouseholdId, KeyEncryptionKey};
use eyesonly_service::admin::{Admin, HouseholdRecord};
use eyesonly_service::catalogue::Catalogue;
use eyesonly_service::clock::{self, System};
use eyesonly_service::index::Index;
use eyesonly_service::keys::Keyring;
use eyesonly_service::kv::{KeyValue, KvAttempts, KvIndex, KvKeys, KvRegistry, KvStore, read_kek};
use eyesonly_service::ledger::MemoryLedger;
use eyesonly_service::store::{ORPHAN_AT_ONCE_MILLISECONDS, ORPHAN_MILLISECONDS, collect_before};
use serde_json::{Value, json};
use std::io::{BufRead, ErrorKind, IsTerminal as _, Read as _, Write};
use std::path::Path;
use std::sync::Arc;
use zeroize::Zeroizing;

/// Opens the administration of the installation that the configuration names; `file` is the
/// configuration's path, for messages. With `may_make`, it makes a new installation if there is
/// none.
pub async fn admin(file: &Path, config: &Config, may_make: bool) -> anyhow::Result<Admin> {
    let (folder, file) = (config.data.display(), file.display());
    let installed = edge::is_installed(&config.data);
    if !installed && !may_make {
        bail!(
            "{folder}: there is no installation in this folder. Set `data` in {file} to the folder \
             that has it, or begin one with `eyesonly household add NAME`"
        );
    }
    let data = edge::open_data(config)?;
    if !installed {
        note(&format!("a new installation was made in {folder}, where `data` in {file} says"));
    }
    native_admin(&data).await
}

/// Makes the administration of an opened data folder, and upgrades what an older version wrote.
pub async fn native_admin(data: &edge::Data) -> anyhow::Result<Admin> {
    let registry = Arc::new(SqliteRegistry::new(Arc::clone(&data.database)));
    let index = Arc::new(SqliteIndex::new(Arc::clone(&data.database)));
    let keys = Arc::clone(&data.keyring) as _;
    let proven = proven(&*data.keyring, registry, index, Freshness::Echoed);
    administration(keys, proven).await
}

/// Makes the administration, and upgrades what an older version wrote.
async fn administration(
    keys: Arc<dyn Keyring>,
    (records, catalogue): (Arc<Records>, Arc<Catalogue>),
) -> anyhow::Result<Admin> {
    let admin = Admin::new(keys, records, catalogue).with_acts();
    let upgraded = admin.upgrade().await.context("records of an older version stay as they are")?;
    if upgraded > 0 {
        note(&format!("accounts and sessions of an older version, written anew: {upgraded}"));
    }
    Ok(admin)
}

/// Makes the records and the catalogue, which prove the answers of registry and index.
fn proven(
    keys: &dyn eyesonly_gate::Keys,
    registry: Arc<dyn Registry>,
    index: Arc<dyn Index>,
    demanded: Freshness,
) -> (Arc<Records>, Arc<Catalogue>) {
    let (ledger, system) = (Arc::new(MemoryLedger::default()), || Arc::new(System));
    let records = Records::new(keys, registry, ledger, (system(), system()), demanded);
    let catalogue = Catalogue::new(index, Arc::clone(&records));
    (records, catalogue)
}

/// The label of the store that the Spin edition uses.
const SPIN_STORE: &str = "default";

/// The Spin edition's store, opened with its keys.
pub struct SpinStore {
    /// Its values.
    pub kv: Arc<dyn KeyValue>,
    /// Its keys.
    pub keys: Arc<KvKeys>,
}

impl SpinStore {
    /// Makes the records and the catalogue, which prove the store's answers.
    pub fn proven(&self) -> (Arc<Records>, Arc<Catalogue>) {
        let registry = Arc::new(KvRegistry::new(Arc::clone(&self.kv)));
        let index = Arc::new(KvIndex::new(Arc::clone(&self.kv)));
        proven(&*self.keys, registry, index, Freshness::Unproven)
    }

    /// Opens the administration.
    pub async fn admin(&self) -> anyhow::Result<Admin> {
        administration(Arc::clone(&self.keys) as _, self.proven()).await
    }
}

/// Opens the values of a Spin edition's store, and makes the file if there is none.
pub fn spin_values(file: &Path) -> anyhow::Result<Arc<dyn KeyValue>> {
    Ok(Arc::new(SpinFile::open(file, SPIN_STORE)?))
}

/// Reads a key-encryption key of the Spin edition from a variable. `what` says which one it is.
pub fn spin_kek(variable: &str, what: &str) -> anyhow::Result<KeyEncryptionKey> {
    let kek = std::env::var(variable).map(Zeroizing::new).map_err(|_| {
        anyhow::anyhow!(
            "set {variable} to {what}, 64 hexadecimal digits: the value that Spin gets as \
             `key_encryption_key`. A new one: `openssl rand -hex 32`"
        )
    })?;
    read_kek(&kek).with_context(|| format!("{variable} can't be used"))
}

/// Opens the Spin edition's store. With `may_make`, an empty one is set up.
pub fn open_spin_store(file: &Path, may_make: bool) -> anyhow::Result<SpinStore> {
    if !file.exists() && !may_make {
        bail!(
            "{}: there is no such store; `eyesonly --spin-store FILE household add NAME` \
             starts one",
            file.display()
        );
    }
    let kek = spin_kek(KEK_VARIABLE, "the key-encryption key")?;
    let kv = spin_values(file)?;
    let keys = KvKeys::open(Arc::clone(&kv), kek, may_make).map_err(|error| match error {
        KeysError::NoKey => anyhow::anyhow!(
            "{}: this store was not started; `eyesonly --spin-store FILE household add NAME` \
             starts it",
            file.display()
        ),
        KeysError::WrongKey => anyhow::anyhow!(
            "{}: this store was started with another key-encryption key than the one in \
             {KEK_VARIABLE}, or its entry `key/edge` is damaged: set {KEK_VARIABLE} to the key it \
             was started with, or put a backup of the store back",
            file.display()
        ),
        KeysError::Unavailable(why) => {
            anyhow::Error::from_boxed(why).context(file.display().to_string())
        }
    })?;
    Ok(SpinStore { kv, keys: Arc::new(keys) })
}

/// Deletes from the Spin edition's store the objects that no row names, and old counters of failed
/// logins. Requests of the Spin edition end too soon to do that. Objects younger than a day stay;
/// with `now`, only those younger than a minute.
/// It also enters in the log what waits, and forgets what is older than `ledger_days` days.
pub async fn collect(file: &Path, now: bool, ledger_days: u32, json: bool) -> anyhow::Result<()> {
    let spin = open_spin_store(file, false)?;
    let Folded { entries, acts, damaged } = fold(file, &spin, Some(ledger_days)).await?;
    let (_, catalogue) = spin.proven();
    let store = KvStore::new(Arc::clone(&spin.kv));
    let (age_milliseconds, age) = if now {
        (ORPHAN_AT_ONCE_MILLISECONDS, "a minute")
    } else {
        (ORPHAN_MILLISECONDS, "a day")
    };
    let before_milliseconds = clock::now_milliseconds().saturating_sub(age_milliseconds);
    let objects = collect_before(&catalogue, &store, before_milliseconds).await?;
    let attempts = KvAttempts::new(spin.kv, spin.keys.edge().attempts_key());
    let counters = attempts.forget(clock::now_seconds())?;
    let value = json!({
        "objects": objects, "counters": counters, "entries": entries, "acts": acts,
        "damaged_entries": damaged,
    });
    say(json, &value, || {
        format!(
            "collected: objects {objects}, counters of failed logins {counters}, and the parts of \
             uploads that broke off (what is younger than {age} stays)\nentered in the ledger: \
             entries of requests {entries}, changes by administration {acts}"
        )
    })
}

/// Writes an answer. If the reader has closed the pipe, it wanted no more: that is no error.
pub fn say(json: bool, value: &Value, text: impl FnOnce() -> String) -> anyhow::Result<()> {
    let line = if json { value.to_string() } else { text() };
    let mut stdout = std::io::stdout().lock();
    match writeln!(stdout, "{line}").and_then(|()| stdout.flush()) {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        written => written.context("standard output can't be written to"),
    }
}

/// Writes a line for the person. It ignores errors, because standard error may be closed.
pub fn note(text: &str) {
    let _ = writeln!(std::io::stderr(), "eyesonly: {text}");
}

/// Notes in text mode that a list is empty.
pub fn note_if_empty<R>(json: bool, records: &[R], text: &str) {
    if records.is_empty() && !json {
        note(text);
    }
}

/// Asks at a terminal whether to go on. A script is not asked.
pub fn confirm(yes: bool, what_happens: &str) -> anyhow::Result<()> {
    let stdin = std::io::stdin();
    if yes || !stdin.is_terminal() {
        return Ok(());
    }
    ask(what_happens, &mut stdin.lock(), &mut std::io::stderr())
}

fn ask(
    what_happens: &str,
    input: &mut impl BufRead,
    output: &mut impl Write,
) -> anyhow::Result<()> {
    write!(output, "{what_happens}\nType yes to go on: ")?;
    output.flush()?;
    let mut answer = String::new();
    input.take(100).read_line(&mut answer).context("no answer was read")?;
    if answer.trim() != "yes" {
        bail!("nothing was removed: the answer was not `yes` (--yes leaves the question out)");
    }
    Ok(())
}

pub async fn household(admin: &Admin, command: HouseholdCommand, json: bool) -> anyhow::Result<()> {
    match command {
        HouseholdCommand::Add { name, quota_bytes } => {
            let id = admin.add_household(&name, quota_bytes).await?;
            say(json, &json!({ "household": id }), || format!("household {id}"))
        }
        HouseholdCommand::List => list_households(admin, json).await,
        HouseholdCommand::Quota { id, quota_bytes } => {
            admin.set_quota(id, quota_bytes).await?;
            let used_bytes = admin.used_bytes(id).await?;
            let value =
                json!({ "household": id, "used_bytes": used_bytes, "quota_bytes": quota_bytes });
            say(json, &value, || {
                format!("household {id} may hold {quota_bytes} bytes, and holds {used_bytes}")
            })
        }
        HouseholdCommand::Remove { id, yes } => remove_household(admin, id, yes, json).await,
    }
}

async fn list_households(admin: &Admin, json: bool) -> anyhow::Result<()> {
    let records = admin.list::<HouseholdRecord>("household").await?;
    note_if_empty(json, &records, "there is no household; `eyesonly household add NAME` adds one");
    for record in records {
        let HouseholdRecord { household: id, name, cameras, members, shares, quota_bytes, .. } =
            record;
        let (cameras, members, shares) = (cameras.len(), members.len(), shares.len());
        let used_bytes = admin.used_bytes(id).await?;
        let value = json!({
            "household": id,
            "name": name,
            "cameras": cameras,
            "members": members,
            "shares": shares,
            "used_bytes": used_bytes,
            "quota_bytes": quota_bytes
        });
        say(json, &value, || {
            format!(
                "{id}  {name}  (cameras: {cameras}, members: {members}, shares: {shares}, used: \
                 {used_bytes} of {quota_bytes} bytes)"
            )
        })?;
    }
    Ok(())
}

async fn remove_household(
    admin: &Admin,
    id: HouseholdId,
    yes: bool,
    json: bool,
) -> anyhow::Result<()> {
    let record: HouseholdRecord = admin.read(id.as_bytes(), "household").await?;
    let (name, cameras, members) = (record.name, record.cameras.len(), record.members.len());
    confirm(
        yes,
        &format!(
            "household {name} (cameras: {cameras}, members: {members}): its cameras hand in \
             nothing more, its footage is deleted and its key destroyed. Nobody can read any more \
             who saw it (`eyesonly ledger who --household` says it now). Of its members, those who \
             have nothing elsewhere are removed."
        ),
    )?;
    admin.remove_household(id).await?;
    say(json, &json!({ "removed": id, "name": name }), || {
        format!(
            "household {name} ({id}) is removed and its key is destroyed. Its footage and its \
             entries in the ledger can be opened only with the key-encryption key and a \
             keyring.json of an earlier backup."
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_yes_is_yes() {
        for (answer, agreed) in
            [("yes\n", true), ("y\n", false), ("\n", false), ("", false), ("no\n", false)]
        {
            let mut said = Vec::new();
            let outcome = ask("camera Front door goes.", &mut answer.as_bytes(), &mut said);
            assert_eq!(outcome.is_ok(), agreed, "{answer:?}");
            assert!(said.starts_with(b"camera Front door goes."));
        }
    }
}
