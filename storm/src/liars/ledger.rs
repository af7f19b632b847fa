//! The lying ledger. What keeps the log's files forgets what it said to be durable, leaves out a
//! household's deliveries, or puts another household's line in the place of a household's own.
//!
//! The liar stands where the disk does: while the ledger is restarted it writes the log's files
//! anew. It has no key. In a control it has the log's own key, and those of the households.

use crate::defence::Defence;
use crate::forge::Forge;
use crate::lies::{Kind as Lie, Liar, Lies};
use crate::town::Town;
use anyhow::Context as _;
use async_trait::async_trait;
use eyesonly::keyring::Keyring;
use eyesonly::ledger::chains::Chains;
use eyesonly::ledger::line::{Line, blank};
use eyesonly::ledger::read::{self, Opened};
use eyesonly::ledger::{self, LedgerOpenError, LogLedger, Viewed, copy, export};
use eyesonly_gate::entry::{Entry, Owner, Says, Stage};
use eyesonly_gate::ledger::{Ledger, LedgerError, Misdelivery};
use eyesonly_gate::{Keys as _, Records, Seam};
use eyesonly_ledger::{Folder, Log, Options};
use eyesonly_log::{Checkpoint, SigningKey, Tile, bundle, tile};
use eyesonly_rights::Fault;
use eyesonly_seal::{CameraId, Context, HouseholdId, ViewerId, open_all, seal_all};
use eyesonly_service::clock;
use eyesonly_service::ledger::{Counts, MemoryLedger};
use std::collections::HashSet;
use std::fs;
use std::io::{Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock, RwLock};
use std::time::Duration;
use tokio::task::JoinHandle;

/// The days for which entries are kept: longer than any storm.
const DAYS: u32 = 9;
/// How often, and how long apart, it is looked whether all rights are stated.
const STATED_LOOKS: u32 = 12_000;
const STATED_LOOK: Duration = Duration::from_millis(50);
/// The entries that are written at once.
const BATCH: usize = 256;
/// The place of the household's id in a delivery that is not sealed.
const HOUSEHOLD_AT: std::ops::Range<usize> = 80..96;
/// The places of a line's number and of the hash before it.
const CHAINED_AT: std::ops::Range<usize> = 22..62;

type Number = [u8; 16];

/// What came of the lies.
#[derive(Debug, Clone, Default)]
pub struct Heard {
    /// Who noticed a lie.
    pub noticed: Vec<String>,
    /// Deliveries that are gone, though nobody noticed a lie.
    pub unnoticed: u64,
    /// Lines of others that a household was shown.
    pub foreign_lines: u64,
    /// Lies that a checkpoint shows which somebody else kept.
    pub shown_by_kept: u64,
}

/// A ledger whose files lie.
pub struct LyingLedger {
    data: PathBuf,
    keyring: Arc<Keyring>,
    lies: Arc<Lies>,
    forge: Arc<Forge>,
    /// The ledger, and the task that keeps it; none while it is restarted.
    honest: RwLock<Option<(Arc<LogLedger>, JoinHandle<()>)>>,
    records: OnceLock<Arc<Records>>,
    /// The deliveries whose entries it said to be durable.
    entered: Mutex<HashSet<Number>>,
    heard: Mutex<Heard>,
    /// Counts over restarts.
    rejected: MemoryLedger,
}

/// An entry of the log.
struct Held {
    index: u64,
    entry: eyesonly_log::Entry,
    line: Line,
    /// The delivery that starts with it, if one does.
    starts: Option<Number>,
}

impl LyingLedger {
    /// Opens the ledger of a data folder.
    ///
    /// # Errors
    /// The log can't be opened.
    pub fn open(
        data: &Path,
        keyring: &Arc<Keyring>,
        lies: &Arc<Lies>,
        forge: &Arc<Forge>,
    ) -> anyhow::Result<Arc<Self>> {
        let this = Arc::new(Self {
            data: data.to_owned(),
            keyring: Arc::clone(keyring),
            lies: Arc::clone(lies),
            forge: Arc::clone(forge),
            honest: RwLock::default(),
            records: OnceLock::new(),
            entered: Mutex::default(),
            heard: Mutex::default(),
            rejected: MemoryLedger::default(),
        });
        this.start()?;
        Ok(this)
    }

    fn start(&self) -> Result<(), LedgerOpenError> {
        let honest = Arc::new(LogLedger::open(&self.data, self.keyring.edge())?);
        if let Some(records) = self.records.get() {
            honest.takes_acts(Arc::clone(records), Arc::clone(&self.keyring) as _);
        }
        let keeps = tokio::spawn(Arc::clone(&honest).keep(DAYS));
        if let Ok(mut place) = self.honest.write() {
            *place = Some((honest, keeps));
        }
        Ok(())
    }

    /// Takes the acts out of this registry from now on, and waits until all rights are stated.
    ///
    /// # Errors
    /// They are not stated within ten minutes.
    pub async fn takes_acts(&self, records: Arc<Records>) -> anyhow::Result<()> {
        if let Some(honest) = self.honest() {
            honest.takes_acts(Arc::clone(&records), Arc::clone(&self.keyring) as _);
        }
        let _first = self.records.set(records);
        for _ in 0..STATED_LOOKS {
            if self.data.join("ledger-stated").exists() {
                return Ok(());
            }
            tokio::time::sleep(STATED_LOOK).await;
        }
        anyhow::bail!("the ledger does not state the rights")
    }

    fn honest(&self) -> Option<Arc<LogLedger>> {
        self.honest.read().ok()?.as_ref().map(|(honest, _)| Arc::clone(honest))
    }

    /// Writes what waits, and closes the ledger: nothing leaves any more.
    ///
    /// # Errors
    /// The log had closed because a write failed.
    pub async fn close(&self) -> anyhow::Result<()> {
        let open = self.honest.write().ok().and_then(|mut place| place.take());
        if let Some((honest, keeps)) = open {
            keeps.abort();
            honest.close().await?;
        }
        Ok(())
    }

    /// Returns what came of the lies. What was said to be durable has to be in the log now.
    ///
    /// # Errors
    /// The log can't be read.
    pub fn heard(&self) -> anyhow::Result<Heard> {
        let missing = self.missing(&self.lines(&ledger::folder(&self.data))?);
        let mut heard = self.heard.lock().map(|heard| heard.clone()).unwrap_or_default();
        heard.unnoticed += missing.len() as u64;
        Ok(heard)
    }

    /// Lists the deliveries that it said to be durable and that are not in these lines.
    fn missing(&self, lines: &[Held]) -> HashSet<Number> {
        let there: HashSet<Number> = lines.iter().filter_map(|held| held.starts).collect();
        let entered = self.entered.lock();
        entered.map_or_else(|_| HashSet::new(), |entered| &*entered - &there)
    }

    fn lines(&self, log: &Path) -> anyhow::Result<Vec<Held>> {
        let log = ledger::open(log)?;
        let mut lines = Vec::new();
        let opened = read::opened(&log, &*self.keyring, |_| true);
        for (read, seen) in log.entries(log.oldest()..log.size()).zip(opened) {
            let ((index, entry), seen) = (read?, seen?);
            let line = Line::read(&entry).context("an entry is no line")?;
            let starts = match seen.says {
                Opened::Says(Says::Delivery(Stage::Starts, says)) => Some(says.number),
                _ => None,
            };
            lines.push(Held { index, entry, line, starts });
        }
        Ok(lines)
    }

    /// Restarts the ledger if its files lie to some household, and lets them lie.
    ///
    /// # Errors
    /// The files can't be read or written.
    pub async fn restart(&self, town: &Town) -> anyhow::Result<()> {
        let told = |household| Some((household, self.lies.next(Liar::Ledger)?));
        let told: Vec<(u32, Lie)> = (0..town.households).filter_map(told).collect();
        for lie in Liar::Ledger.kinds() {
            let households = told.iter().filter(|(_, told)| told == lie).map(|(number, _)| *number);
            let households: Vec<u32> = households.collect();
            if !households.is_empty() {
                self.tell(*lie, &households, town).await?;
            }
        }
        Ok(())
    }

    /// Tells a lie to the first of these households of which there is something to tell.
    async fn tell(&self, lie: Lie, households: &[u32], town: &Town) -> anyhow::Result<()> {
        self.close().await?;
        let (log, aside) = (ledger::folder(&self.data), self.data.join("ledger-aside"));
        let lines = self.lines(&log)?;
        let full = lines.len() - lines.len() % BATCH;
        let has_key = self.forge.has(Defence::Checkpoints);
        let lied = households.iter().find_map(|household| {
            let id = town.household_id(*household);
            let is_theirs =
                |held: &&Held| held.line.owner == Owner::Household(id) && held.starts.is_some();
            let victim = match lie {
                Lie::NotDurable => lines.iter().rfind(is_theirs)?,
                // A disk changes the file of a full bundle without a trace in another one.
                _ => lines.iter().take(full).find(is_theirs)?,
            };
            let entries = lines.iter().filter_map(|held| match lie {
                Lie::NotDurable => (held.index < victim.index).then_some(held.entry),
                Lie::Dropped => (!is_theirs(&held)).then_some(held.entry),
                _ if held.index == victim.index => self.another(&lines, victim, id),
                _ => Some(held.entry),
            });
            Some((*household, victim.index, entries.collect::<Vec<_>>()))
        });
        let Some((household, at, entries)) = lied.filter(|(.., lied)| !lied.is_empty()) else {
            return Ok(self.start()?);
        };
        drop(fs::remove_dir_all(&aside));
        fs::rename(&log, &aside)?;
        if lie == Lie::AnotherLine && !has_key {
            copy::copy(&aside, &log)?;
            let place = usize::try_from(at).ok().and_then(|at| entries.get(at));
            overwrite(&log, at, place.context("there is no such line")?)?;
        } else {
            self.write(&aside, &log, entries).await?;
        }
        self.lies.was_told(Liar::Ledger, lie);
        let heard = self.hear(&aside, town, household).await?;
        if let Ok(mut all) = self.heard.lock() {
            all.noticed.extend(heard.noticed.into_iter().map(|who| format!("{lie}: {who}")));
            all.unnoticed += heard.unnoticed;
            all.foreign_lines += heard.foreign_lines;
            all.shown_by_kept += heard.shown_by_kept;
        }
        Ok(())
    }

    /// Makes another household's line fit for the place of a household's own.
    fn another(
        &self,
        lines: &[Held],
        victim: &Held,
        to: HouseholdId,
    ) -> Option<eyesonly_log::Entry> {
        let is_other =
            |held: &&Held| held.starts.is_some() && held.line.owner != Owner::Household(to);
        let of = |held: &Held| match held.line.owner {
            Owner::Household(id) => Some((id, held.line.day)),
            _ => None,
        };
        let (other, (from, day)) =
            lines.iter().filter(is_other).find_map(|held| Some((held, of(held)?)))?;
        let sealed = if self.forge.has(Defence::Lines) {
            // It is opened by its own household's key, and sealed as the other one's.
            let key = |id| Some(self.keyring.household_key(id).ok()?.ledger_key(&id).day_key(day));
            let context = |id: &HouseholdId| Context::entry("household", id.as_bytes(), day).ok();
            let mut plain = open_all(&key(from)?, &context(&from)?, &other.line.sealed).ok()?;
            plain.get_mut(HOUSEHOLD_AT)?.copy_from_slice(to.as_bytes());
            seal_all(&key(to)?, &context(&to)?, clock::random(), &plain).ok()?
        } else {
            other.line.sealed.clone()
        };
        let mut entry = blank(Owner::Household(to), day, &sealed)?;
        entry.get_mut(CHAINED_AT)?.copy_from_slice(victim.entry.get(CHAINED_AT)?);
        Some(entry)
    }

    /// Writes a log anew: hashes and numbers are right. Without the log's key, the checkpoint is
    /// the one that was there.
    async fn write(
        &self,
        honest: &Path,
        to: &Path,
        entries: Vec<eyesonly_log::Entry>,
    ) -> anyhow::Result<()> {
        let name = Folder::origin(honest)?.name().clone();
        let has_key = self.forge.has(Defence::Checkpoints);
        let own = self.keyring.edge().ledger_seed();
        let key = SigningKey::from_seed(name, if has_key { &own } else { &[9; 32] })?;
        let mut chains = Chains::default();
        let stamp = Box::new(move |entry: &mut eyesonly_log::Entry| chains.stamp(entry));
        let log = Log::stamped(to, key, &Options::default(), stamp)?;
        for batch in entries.chunks(BATCH) {
            log.enter(batch.to_vec()).await?.durable().await?;
        }
        log.close().await?;
        if !has_key {
            for name in ["origin", "checkpoint"] {
                fs::copy(honest.join(name), to.join(name))?;
            }
        }
        Ok(())
    }

    /// Starts the ledger again, and asks everybody who may notice what it lies about.
    async fn hear(&self, aside: &Path, town: &Town, household: u32) -> anyhow::Result<Heard> {
        let (log, id) = (ledger::folder(&self.data), town.household_id(household));
        let mut heard = Heard::default();
        let views = Viewed::new(&self.data, Arc::clone(&self.keyring)).of(id).await;
        let own: HashSet<CameraId> = town
            .all_places()
            .filter(|place| place.household == household)
            .map(|place| town.camera_id(place))
            .collect();
        match views {
            Ok(views) => {
                let foreign = views.views.iter().filter(|view| !own.contains(&view.camera));
                heard.foreign_lines = foreign.count() as u64;
                if views.is_part {
                    heard.noticed.push("who viewed".to_owned());
                }
            }
            Err(_) => heard.noticed.push("who viewed".to_owned()),
        }
        if self.start().is_err() {
            heard.noticed.push("start".to_owned());
            // The operator puts the log back from its newest copy.
            fs::remove_dir_all(&log)?;
            fs::rename(aside, &log)?;
            self.start()?;
            return Ok(heard);
        }
        let read = ledger::open(&log)?;
        if !read::faults(&read, &[])?.is_empty() {
            heard.noticed.push("verify".to_owned());
        }
        let kept = fs::read(aside.join("checkpoint"))?;
        let kept = Checkpoint::open(&kept, read.key())?;
        heard.shown_by_kept = u64::from(!read::faults(&read, &[kept])?.is_empty());
        let mut exported = Vec::new();
        export::write(&read, &*self.keyring, id, &mut exported)?;
        if export::verify(&exported[..], Some(read.key())).is_err() {
            heard.noticed.push("export".to_owned());
        }
        let missing = self.missing(&self.lines(&log)?);
        if heard.noticed.is_empty() {
            heard.unnoticed = missing.len() as u64;
        }
        // They are counted, or somebody has noticed.
        if let Ok(mut entered) = self.entered.lock() {
            entered.retain(|number| !missing.contains(number));
        }
        Ok(heard)
    }
}

/// Puts an entry over another one in the file of its bundle.
fn overwrite(log: &Path, at: u64, entry: &eyesonly_log::Entry) -> anyhow::Result<()> {
    let full = u64::from(tile::FULL);
    let of = Tile::entries(at / full, tile::FULL).context("there is no such bundle")?;
    let record = bundle::RECORD_BYTES as u64;
    let mut file = fs::OpenOptions::new().write(true).open(log.join(of.path()))?;
    file.seek(SeekFrom::Start(at % full * record + record - entry.len() as u64))?;
    file.write_all(entry)?;
    Ok(())
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl Ledger for LyingLedger {
    async fn starts(&self, entry: &Entry<'_>) -> Result<bool, LedgerError> {
        let honest = self.honest().ok_or(LedgerError::Closed)?;
        let is_new = honest.starts(entry).await?;
        if is_new && let Ok(mut entered) = self.entered.lock() {
            entered.insert(entry.delivery().number);
        }
        Ok(is_new)
    }

    fn lets_out(&self, entry: &Entry<'_>) {
        if let Some(honest) = self.honest() {
            honest.lets_out(entry);
        }
    }

    fn ends(&self, entry: &Entry<'_>) {
        if let Some(honest) = self.honest() {
            honest.ends(entry);
        }
    }

    fn misdelivery(&self, entry: &Misdelivery) {
        self.rejected.misdelivery(entry);
        if let Some(honest) = self.honest() {
            honest.misdelivery(entry);
        }
    }
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl Counts for LyingLedger {
    fn misdeliveries(&self, seam: Seam, fault: Fault) -> u64 {
        self.rejected.misdeliveries(seam, fault)
    }

    fn deliveries(&self) -> u64 {
        self.entered.lock().map_or(0, |entered| entered.len() as u64)
    }

    fn is_open(&self) -> bool {
        self.honest().is_some_and(|honest| honest.is_open())
    }

    async fn signed_in(&self, viewer: ViewerId) -> Result<(), LedgerError> {
        self.honest().ok_or(LedgerError::Closed)?.signed_in(viewer).await
    }

    fn signed_out(&self, viewer: ViewerId) {
        if let Some(honest) = self.honest() {
            honest.signed_out(viewer);
        }
    }

    fn watchers(&self, cameras: &[CameraId]) -> Vec<(CameraId, ViewerId)> {
        self.honest().map_or_else(Vec::new, |honest| honest.watchers(cameras))
    }
}
