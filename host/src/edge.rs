//! The assembly of the edge: data folder, keyring, registry, index, tiers, store, sandbox and
//! handlers.

use crate::config::Config;
use crate::disk_tier::DiskTier;
use crate::folder::FolderStore;
use crate::handlers::Handlers;
use crate::http::{CHANGES, Direct, Edge, Inlet, Outlet, Proxies};
use crate::keyring::Keyring;
use crate::ledger::Viewed;
use crate::metrics::Metrics;
use crate::room::Room;
use crate::sandbox::{CacheDir, CacheMac, Limits, Sandbox};
use crate::sqlite::{Database, SqliteIndex, SqliteRegistry};
use anyhow::{Context as _, bail};
use eyesonly_gate::{Admission, Clock, Keys as _, Records, Registry, Seam};
use eyesonly_rights::Freshness;
use eyesonly_seal::MacKey;
use eyesonly_service::admin::Admin;
use eyesonly_service::catalogue::Catalogue;
use eyesonly_service::chain::Chain;
use eyesonly_service::clock::{self, Numbers, System};
use eyesonly_service::footage::Footage;
use eyesonly_service::identity::{Identity, Throttle};
use eyesonly_service::index::Index;
use eyesonly_service::ingest::Ingest;
use eyesonly_service::ledger::Counts;
use eyesonly_service::live::{Live, LiveHub, MemoryHub};
use eyesonly_service::store::{self, ORPHAN_MILLISECONDS, Store};
use eyesonly_service::tiers::{Coalescer, Flights, Ladder, MemoryTier, Tier};
use eyesonly_web::origin::PublicUrl;
use std::fs::{DirBuilder, File, OpenOptions, TryLockError};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Semaphore;

/// The time between two collections, in seconds.
const COLLECT_SECONDS: u64 = 6 * 3600;
/// The time between two looks at the keyring's file, in seconds. A key that another process
/// destroyed is known here for as long.
const KEYRING_SECONDS: u64 = 1;

/// The parts of the opened data folder that administration needs too.
pub struct Data {
    /// The keys.
    pub keyring: Arc<Keyring>,
    /// The database behind registry and index.
    pub database: Arc<Database>,
}

/// Opens the data folder, and makes it if there is none.
///
/// # Errors
/// The folder can't be made, or its keyring or its database can't be opened, or the database is
/// lost.
pub fn open_data(config: &Config) -> anyhow::Result<Data> {
    let folder = &config.data;
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder)
        .with_context(|| format!("{}: can't be made", folder.display()))?;
    let path = database_in(folder);
    // The keyring is made first, so a database without one had one. A new keyring would open
    // nothing in it.
    let is_lost = !has_content(&path);
    if !is_lost && !keyring_in(folder).exists() {
        bail!(
            "{}: is missing, but the database beside it has records. Put the keyring back from a \
             backup (docs/running.md, \"Backups\"); nothing was changed",
            keyring_in(folder).display()
        );
    }
    let keyring = Arc::new(Keyring::open(folder)?);
    // A new database would name no object, so everything in the store would be collected.
    if is_lost && keyring.has_households() {
        bail!(
            "{}: is missing or empty, but the keyring beside it has households. Put the \
             database back from a backup (docs/running.md, \"Backups\"); nothing was changed",
            path.display()
        );
    }
    let database = Database::open(&path).with_context(|| {
        format!(
            "{}: can't be opened. If it is damaged, put it back from a backup (docs/running.md, \
             \"Backups\")",
            path.display()
        )
    })?;
    Ok(Data { keyring, database })
}

/// Says whether this folder has an installation, or a part of one.
pub fn is_installed(folder: &Path) -> bool {
    keyring_in(folder).exists() || has_content(&database_in(folder))
}

fn keyring_in(folder: &Path) -> PathBuf {
    folder.join("keyring.json")
}

fn database_in(folder: &Path) -> PathBuf {
    folder.join("registry.sqlite")
}

fn has_content(file: &Path) -> bool {
    std::fs::metadata(file).is_ok_and(|file| file.len() > 0)
}

/// Locks the data folder, so that no other server uses it.
///
/// # Errors
/// Another server has the lock, or the folder can't be locked.
pub fn lock_data(folder: &Path) -> anyhow::Result<File> {
    let path = folder.join("serve.lock");
    let file =
        OpenOptions::new().create(true).truncate(false).write(true).mode(0o600).open(&path)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => bail!(
            "{}: another `eyesonly serve` uses this data folder; stop it first",
            folder.display()
        ),
        Err(TryLockError::Error(error)) => {
            Err(error).with_context(|| format!("{}: can't be locked", path.display()))
        }
    }
}

/// Loads the handlers. `progress` is told which one is next, since compiling takes some seconds the
/// first time.
///
/// # Errors
/// If a component is missing, asks for more than the contract, or does not compile.
pub fn load_handlers(
    config: &Config,
    keyring: &Keyring,
    progress: impl Fn(&str),
) -> anyhow::Result<Handlers> {
    let mac = Box::new(CacheKey(keyring.edge().component_cache_key()));
    let cache = CacheDir { dir: config.data.join("compiled"), mac };
    let sandbox = Sandbox::new(Limits::default(), Some(cache))?;
    Handlers::load(&sandbox, config.components.as_deref(), progress)
}

/// The key that authenticates components compiled ahead.
struct CacheKey(MacKey);

impl CacheMac for CacheKey {
    fn mac(&self, parts: &[&[u8]]) -> [u8; 32] {
        self.0.mac(parts)
    }
    fn verify(&self, parts: &[&[u8]], tag: &[u8]) -> bool {
        self.0.verify(parts, tag).is_ok()
    }
}

/// The seams: every place where the edge asks and something else answers. No seam is trusted.
#[derive(Clone)]
pub struct Seams {
    /// Records of rights and sessions.
    pub registry: Arc<dyn Registry>,
    /// The rows of the objects that there are.
    pub index: Arc<dyn Index>,
    /// Sealed objects.
    pub store: Arc<dyn Store>,
    /// Sealed extents at hand, the nearest tier first.
    pub tiers: Vec<(Seam, Arc<dyn Tier>)>,
    /// Joins the waiters for one extent to one read.
    pub coalescer: Arc<dyn Coalescer>,
    /// Brings a camera's body.
    pub inlet: Arc<dyn Inlet>,
    /// Carries an answer to the way out.
    pub outlet: Arc<dyn Outlet>,
    /// Holds the last seconds of live streams.
    pub hub: Arc<dyn LiveHub>,
    /// The clock by which the tiers' standing is measured.
    pub clock: Arc<dyn Clock>,
}

/// Opens the seams that the configuration names.
///
/// # Errors
/// One of the seams can't be opened.
pub fn seams(config: &Config, database: &Arc<Database>) -> anyhow::Result<Seams> {
    let memory: Arc<dyn Tier> = Arc::new(MemoryTier::new(config.memory_tier_bytes));
    let mut tiers = vec![(Seam::MemoryTier, memory)];
    if config.disk_tier_bytes > 0 {
        let folder = config.data.join("tier");
        let disk = DiskTier::open(&folder, config.disk_tier_bytes, Room::of(config)).with_context(
            || format!("{}: can't be made the disk tier's folder", folder.display()),
        )?;
        tiers.push((Seam::DiskTier, Arc::new(disk)));
    }
    Ok(Seams {
        registry: Arc::new(SqliteRegistry::new(Arc::clone(database))),
        index: Arc::new(SqliteIndex::new(Arc::clone(database))),
        store: Arc::new(FolderStore::open(&config.data.join("objects"), Room::of(config))?),
        tiers,
        coalescer: Arc::new(Flights::default()),
        inlet: Arc::new(Direct),
        outlet: Arc::new(Direct),
        hub: Arc::new(MemoryHub::new(config.live_memory_bytes)),
        clock: Arc::new(System),
    })
}

/// Puts the services together over these seams. `ledger` takes the entries of what is delivered.
pub fn assemble(
    config: &Config,
    keyring: &Arc<Keyring>,
    seams: Seams,
    handlers: Handlers,
    ledger: Arc<dyn Counts>,
) -> Arc<Edge> {
    let system = || Arc::new(System);
    let records = Records::new(
        &**keyring,
        seams.registry,
        Arc::clone(&ledger) as _,
        (system(), Arc::new(Numbers)),
        Freshness::Echoed,
    );
    let admission = Admission::new(
        Arc::clone(keyring) as _,
        Arc::clone(&records),
        Arc::clone(&ledger) as _,
        system(),
    );
    let ladder = Ladder::new(seams.tiers, seams.store, Arc::clone(&records))
        .with_coalescer(seams.coalescer)
        .with_clock(seams.clock);
    let ladder = Arc::new(ladder);
    let catalogue = Catalogue::new(seams.index, Arc::clone(&records));
    let live = Live::new(seams.hub, Arc::clone(&admission), system());
    let footage =
        Footage::with_live(Arc::clone(&catalogue), Arc::clone(&ladder), Arc::clone(&live));
    let admin = Admin::new(Arc::clone(keyring) as _, Arc::clone(&records), Arc::clone(&catalogue));
    Arc::new(Edge {
        admin: Arc::new(admin.with_acts()),
        changes: Arc::new(Semaphore::new(CHANGES)),
        viewed: Viewed::new(&config.data, Arc::clone(keyring)),
        identity: Identity::new(
            &**keyring,
            records,
            config.session_seconds,
            Arc::new(Throttle::default()),
        )
        .listing(),
        ingest: Ingest::new(
            Arc::clone(&catalogue),
            Arc::clone(&ladder),
            Arc::clone(&admission),
            Arc::new(handlers.still_check.clone()),
        ),
        metrics: Arc::new(Metrics::new(
            Arc::clone(&ledger),
            ladder.standings().cloned().collect(),
            Arc::clone(&live),
        )),
        tls: config.tls.is_some() || config.public_url.as_ref().is_some_and(PublicUrl::is_https),
        public_origin: config.public_url.as_ref().map(|url| url.origin().to_owned()),
        proxies: Proxies::new(&config.proxy),
        ledger,
        admission,
        catalogue,
        ladder,
        footage,
        live,
        handlers,
        room: Room::of(config),
        inlet: seams.inlet,
        outlet: seams.outlet,
    })
}

/// Collects, every few hours, objects older than a day that no row names. At the start it also
/// deletes what broken uploads had staged. `started_at_milliseconds` is a moment before the first
/// upload could start.
///
/// At the start too, a whole file that no row names stays for a day. The database may be an older
/// copy, and the newer one may come back.
pub async fn collect(edge: Arc<Edge>, started_at_milliseconds: u64) {
    let store = &**edge.ladder.store();
    // One walk through the store does both.
    let mut broken_before = started_at_milliseconds;
    loop {
        let old_before = clock::now_milliseconds().saturating_sub(ORPHAN_MILLISECONDS);
        let collected = async {
            let mut listed = store.sweep(broken_before).await?;
            listed.retain(|listed| listed.written_at_milliseconds < old_before);
            store::collect(&edge.catalogue, store, &listed).await
        };
        match collected.await {
            Ok(0) => {}
            Ok(count) => tracing::info!(count, "collected objects that the index does not have"),
            Err(error) => tracing::warn!(error = %Chain(&error), "collection did not finish"),
        }
        tokio::time::sleep(Duration::from_secs(COLLECT_SECONDS)).await;
        broken_before = clock::now_milliseconds().saturating_sub(ORPHAN_MILLISECONDS);
    }
}

/// Forgets keys that another process has destroyed, within a second or two.
pub async fn watch_keyring(keyring: Arc<Keyring>) {
    let mut told = false;
    loop {
        tokio::time::sleep(Duration::from_secs(KEYRING_SECONDS)).await;
        let looking = Arc::clone(&keyring);
        let looked = tokio::task::spawn_blocking(move || looking.look_again()).await;
        match &looked {
            Ok(Err(error)) if !told => {
                tracing::warn!(error = %Chain(error), "the keyring can't be looked at")
            }
            _ => {}
        }
        told = matches!(looked, Ok(Err(_)));
    }
}
