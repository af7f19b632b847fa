//! The arena: one server of either kind with lying seams, in this process, on a port of its own on
//! loopback.

use crate::audit::{self, Audit, Exposed};
use crate::conventional::{Book, Conventional, Shelves};
use crate::defence::Defence;
use crate::forge::Forge;
use crate::liars::{
    LyingCoalescer, LyingHub, LyingIndex, LyingInlet, LyingLedger, LyingOutlet, LyingPool,
    LyingRegistry, LyingStore, LyingTier, Mouth, PooledIndex, Reads,
};
use crate::lies::{Liar, Lies};
use crate::settle::{How, Writer};
use crate::shares::Right;
use crate::stop::folder_in;
use crate::town::{Place, Town};
use crate::whose::{Known, Names};
use axum::Router;
use axum::extract::Request;
use eyesonly::config::{Config, ProxyConfig};
use eyesonly::edge::{self, Seams};
use eyesonly::handlers::Handlers;
use eyesonly::http::{Edge, Listener, routes, serve};
use eyesonly::keyring::Keyring;
use eyesonly_gate::{Clock, Keys as _, Records, Registry, Seam};
use eyesonly_rights::{Fault, Freshness, Mint, Verifier};
use eyesonly_seal::EdgeKey;
use eyesonly_service::admin::Admin;
use eyesonly_service::catalogue::Catalogue;
use eyesonly_service::clock;
use eyesonly_service::clock::System;
use eyesonly_service::ledger::{Counts, MemoryLedger};
use eyesonly_service::store::collect_before;
use eyesonly_service::tiers::{MemoryTier, Tier};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tower::ServiceExt as _;

/// The bytes of one tier in the storm: few, so that evicted extents are asked for one layer deeper.
pub const TIER_BYTES: u64 = 32 * 1024 * 1024;
/// The length of a session: longer than any storm.
const SESSION_SECONDS: u64 = 7 * 24 * 3600;

/// The kind of server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Which {
    /// This system.
    Here,
    /// A server built the way such systems usually are.
    Conventional,
}

/// A running server.
pub struct Arena {
    /// The address that it listens on.
    pub address: SocketAddr,
    /// The lies that its seams tell.
    pub lies: Arc<Lies>,
    /// The mint of its credentials.
    pub mint: Mint,
    /// The verifier of its credentials.
    pub verifier: Verifier,
    names: Arc<Names>,
    writer: Writer,
    reads: Arc<Reads>,
    server: Server,
    kept: Kept,
    stop: Option<oneshot::Sender<()>>,
    _folder: TempDir,
}

enum Server {
    /// This system, as it is deployed.
    Here(Arc<Edge>),
    /// This system, made anew for each request, so that it remembers nothing between requests.
    Forgetful(Box<Parts>),
    Conventional(Arc<Conventional>),
}

/// Where a server's ledger can be read when all is over.
enum Kept {
    /// Nowhere: only counts are kept.
    Counts,
    /// In the log on the disk. Administration reads the records of today past the liars.
    Log { ledger: Arc<LyingLedger>, keyring: Arc<Keyring>, admin: Box<Admin>, data: PathBuf },
    /// In a conventional server's book.
    Book(Arc<Book>),
}

/// The parts that an arena is made from.
pub struct Ground<'a> {
    /// The households that live there.
    pub town: &'a Town,
    /// The lies that are told.
    pub lies: Arc<Lies>,
    /// The defences that the liars in front of this system can forge.
    pub forge: &'a [Defence],
    /// The tiers, the nearest first.
    pub tiers: &'a [Liar],
    /// The budget of each tier, in bytes.
    pub tier_bytes: u64,
    /// Says whether a tier that keeps lying is set aside.
    pub sets_aside: bool,
    /// Says whether this system keeps the real ledger, on the disk.
    pub ledger: bool,
    /// The parent of its folder. None: the folder of temporary files.
    pub folder: Option<&'a Path>,
    /// The thumbnail and the events handler.
    pub handlers: Handlers,
}

/// The parts that an edge is assembled from.
#[derive(Clone)]
struct Parts {
    config: Arc<Config>,
    keyring: Arc<Keyring>,
    seams: Seams,
    handlers: Handlers,
    /// The ledger, which outlives an edge that is gone with its request.
    ledger: Arc<dyn Counts>,
}

/// A seam, a fault by its name in metrics, and how often answers were rejected with it.
type Rejected = (Seam, &'static str, u64);

/// Makes records that ask a registry as a new process does.
fn records(keyring: &Keyring, registry: &Arc<dyn Registry>) -> Arc<Records> {
    let (ledger, system) = (Arc::new(MemoryLedger::default()), || Arc::new(System));
    let registry = Arc::clone(registry);
    Records::new(keyring, registry, ledger, (system(), system()), Freshness::Echoed)
}

/// Lists what an edge's ledger counts, without zeros.
fn rejected(ledger: &dyn Counts) -> impl Iterator<Item = Rejected> + '_ {
    let every = Seam::ALL
        .into_iter()
        .flat_map(|(seam, _)| Fault::ALL.map(|(fault, name)| (seam, fault, name)));
    let counts = every.map(|(seam, fault, name)| (seam, name, ledger.misdeliveries(seam, fault)));
    counts.filter(|(_, _, count)| *count > 0)
}

impl Parts {
    fn edge(&self) -> Arc<Edge> {
        edge::assemble(
            &self.config,
            &self.keyring,
            self.seams.clone(),
            self.handlers.clone(),
            Arc::clone(&self.ledger),
        )
    }

    /// Makes records that ask the registry as a new process does.
    fn records(&self) -> Arc<Records> {
        records(&self.keyring, &self.seams.registry)
    }

    /// Answers each request with an edge of its own, which is gone with its response.
    fn router(self) -> Router {
        let parts = Arc::new(self);
        Router::new().fallback(move |request: Request| {
            let edge = parts.edge();
            async move {
                match routes::router(edge).oneshot(request).await {
                    Ok(response) => response,
                    Err(never) => match never {},
                }
            }
        })
    }
}

impl Arena {
    /// Makes a server's folder, settles the town in it, and serves.
    ///
    /// # Errors
    /// The folder, the records or the listener can't be made.
    pub async fn open(which: Which, ground: Ground<'_>) -> anyhow::Result<Self> {
        let folder = folder_in(ground.folder)?;
        let config = Config {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            data: folder.path().to_owned(),
            components: None,
            metrics: None,
            memory_tier_bytes: ground.tier_bytes,
            disk_tier_bytes: ground.tier_bytes,
            reserve_bytes: Some(0),
            ledger_days: 1,
            live_memory_bytes: LIVE_BYTES,
            session_seconds: SESSION_SECONDS,
            public_url: None,
            proxy: ProxyConfig::default(),
            tls: None,
        };
        let data = edge::open_data(&config)?;
        let honest = edge::seams(&config, &data.database)?;
        let registry = Arc::clone(&honest.registry);
        let (stop, stopped) = oneshot::channel::<()>();
        let stopped = async move { drop(stopped.await) };
        let reads = Arc::new(Reads::default());
        let lies = Arc::clone(&ground.lies);
        let (address, names, writer, server, kept, edge_key, asks);
        match which {
            Which::Here => {
                let town = ground.town;
                let households: Vec<_> =
                    (0..town.all_households()).map(|one| town.household_id(one)).collect();
                data.keyring.add_households(&households)?;
                let known = Known {
                    keys: Arc::clone(&data.keyring) as _,
                    thumbnail: *ground.handlers.thumbnail.sha256(),
                };
                names = Names::new(town, Some(known));
                let forge = Forge::new(ground.forge, Arc::clone(&names));
                let keyring = Arc::clone(&data.keyring);
                let ledger: Arc<dyn Counts>;
                if ground.ledger {
                    let data = folder.path().to_owned();
                    let log = LyingLedger::open(&data, &keyring, &lies, &forge)?;
                    ledger = Arc::clone(&log) as _;
                    let honestly = records(&keyring, &registry);
                    let catalogue =
                        Catalogue::new(Arc::clone(&honest.index), Arc::clone(&honestly));
                    let admin = Admin::new(Arc::clone(&keyring) as _, honestly, catalogue);
                    let admin = Box::new(admin);
                    kept = Kept::Log { ledger: log, keyring, admin, data };
                } else {
                    ledger = Arc::new(MemoryLedger::default());
                    kept = Kept::Counts;
                }
                let parts = Parts {
                    config: Arc::new(config),
                    keyring: Arc::clone(&data.keyring),
                    seams: lying(honest, &ground, &forge, &reads),
                    handlers: ground.handlers.clone(),
                    ledger,
                };
                let mint = Mint::new(data.keyring.edge());
                if forge.is_forgetful() {
                    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
                    address = listener.local_addr()?;
                    let served = axum::serve(listener, parts.clone().router())
                        .with_graceful_shutdown(stopped);
                    tokio::spawn(served.into_future());
                    asks = Some(parts.records());
                    writer = Writer::new(How::Sealed(parts.records(), mint), registry);
                    server = Server::Forgetful(Box::new(parts));
                } else {
                    let listener = Listener::bind("listen", parts.config.listen).await?;
                    address = listener.address;
                    let edge = parts.edge();
                    tokio::spawn(serve(Arc::clone(&edge), listener, None, stopped));
                    let records = || Arc::clone(edge.admission.records());
                    asks = Some(records());
                    writer = Writer::new(How::Sealed(records(), mint), registry);
                    server = Server::Here(edge);
                }
                edge_key = None;
            }
            Which::Conventional => {
                names = Names::new(ground.town, None);
                let forge = Forge::new(&[], Arc::clone(&names));
                let shelves = Shelves::open(folder.path(), &ground, &forge, &reads)?;
                let key = EdgeKey::from_bytes(clock::random());
                let seams = lying(honest, &ground, &forge, &reads);
                let book = Arc::new(Book::default());
                let conventional = Conventional::new(
                    Verifier::new(&key),
                    seams,
                    shelves,
                    (&names, Arc::clone(&book)),
                    Arc::clone(&lies),
                );
                let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
                address = listener.local_addr()?;
                tokio::spawn(Arc::clone(&conventional).serve(listener, stopped));
                writer = Writer::new(How::Plain(Arc::clone(&book)), registry);
                server = Server::Conventional(conventional);
                (kept, asks) = (Kept::Book(book), None);
                edge_key = Some(key);
            }
        }
        let edge_key = edge_key.as_ref().unwrap_or(data.keyring.edge());
        let arena = Self {
            address,
            lies,
            mint: Mint::new(edge_key),
            verifier: Verifier::new(edge_key),
            names,
            writer,
            reads,
            server,
            kept,
            stop: Some(stop),
            _folder: folder,
        };
        // The liars are silent while the town is settled.
        arena.lies.be_silent(true);
        let expires = clock::now_seconds().saturating_add(SESSION_SECONDS);
        arena.writer.settle(ground.town, expires).await?;
        if let (Kept::Log { ledger, .. }, Some(records)) = (&arena.kept, asks) {
            ledger.takes_acts(records).await?;
        }
        arena.lies.be_silent(false);
        Ok(arena)
    }

    /// Takes a camera from its viewer.
    ///
    /// # Errors
    /// The registry does not answer or commit, or the record can't be sealed.
    pub async fn revoke(&self, town: &Town, place: Place) -> anyhow::Result<()> {
        self.writer.revoke(town, place).await
    }

    /// Narrows what a viewer may see of a camera to what is of the past now.
    ///
    /// # Errors
    /// As for [`Arena::revoke`].
    pub async fn narrow(&self, town: &Town, place: Place) -> anyhow::Result<()> {
        self.writer.narrow(town, place).await
    }

    /// Writes what is shared with a viewer, as an administrator's tool writes it.
    ///
    /// # Errors
    /// As for [`Arena::revoke`].
    pub async fn share(
        &self,
        town: &Town,
        guest: u32,
        shared: Option<(Place, Right)>,
    ) -> anyhow::Result<()> {
        self.writer.share(town, guest, shared).await
    }

    /// Waits until what was done stands in the ledger on the disk. Then the ledger is restarted, if
    /// its files lie.
    ///
    /// # Errors
    /// The acts are not entered, or the log can't be read or written.
    pub async fn ledger_restarts(&self, town: &Town) -> anyhow::Result<()> {
        let Kept::Log { ledger, .. } = &self.kept else { return Ok(()) };
        self.writer.acts_are_entered().await?;
        ledger.restart(town).await
    }

    /// Closes the ledger, so that nothing leaves any more, and audits it. Returns none if only
    /// counts were kept.
    ///
    /// # Errors
    /// The ledger can't be read.
    pub async fn audit(&self, town: &Town, seen: &Exposed) -> anyhow::Result<Option<Audit>> {
        let (ledger, keyring, admin, data) = match &self.kept {
            Kept::Counts => return Ok(None),
            Kept::Book(book) => return Ok(Some(book.audit(town, seen))),
            Kept::Log { ledger, keyring, admin, data } => (ledger, keyring, admin, data),
        };
        ledger.close().await?;
        let heard = ledger.heard()?;
        let audit = audit::of_log(admin, keyring, data, (town, seen)).await?;
        Ok(Some(Audit {
            noticed: heard.noticed,
            unnoticed: heard.unnoticed,
            foreign_lines: heard.foreign_lines,
            shown_by_kept: heard.shown_by_kept,
            ..audit
        }))
    }

    /// Deletes objects that were written before a moment and that no row names, as far as the
    /// server can tell.
    pub async fn collect(&self, before_milliseconds: u64) {
        let collected = match &self.server {
            Server::Here(edge) => {
                collect_before(&edge.catalogue, &**edge.ladder.store(), before_milliseconds).await
            }
            Server::Forgetful(parts) => {
                let catalogue = Catalogue::new(Arc::clone(&parts.seams.index), parts.records());
                collect_before(&catalogue, &*parts.seams.store, before_milliseconds).await
            }
            Server::Conventional(server) => server.collect(before_milliseconds).await,
        };
        if let Err(error) = collected {
            tracing::debug!(%error, "collection did not finish");
        }
    }

    /// Returns the misdeliveries that the server counted, without zeros: the seam, the fault's name
    /// in metrics, and the count.
    pub fn misdeliveries(&self) -> Vec<(Seam, &'static str, u64)> {
        match &self.server {
            Server::Here(edge) => rejected(&*edge.ledger).collect(),
            Server::Forgetful(parts) => rejected(&*parts.ledger).collect(),
            Server::Conventional(_) => Vec::new(),
        }
    }

    /// Returns the tiers that were set aside, and how often.
    pub fn set_aside(&self) -> Vec<(Seam, u64)> {
        let Server::Here(edge) = &self.server else {
            return Vec::new();
        };
        let standings = edge.ladder.standings();
        standings
            .map(|standing| (standing.seam(), standing.times_aside()))
            .filter(|(_, times)| *times > 0)
            .collect()
    }

    /// Returns how many reads reached the store, and how many different extents they were for.
    pub fn origin_reads(&self) -> (u64, u64) {
        self.reads.so_far()
    }

    /// Returns how often a liar did not know whose a name is, and so told nothing of it.
    pub fn strangers(&self) -> u64 {
        self.names.strangers()
    }
}

impl Drop for Arena {
    fn drop(&mut self) {
        if let Some(stop) = self.stop.take() {
            let _gone = stop.send(());
        }
    }
}

/// The bytes of live chunks that an edge of the storm may hold.
const LIVE_BYTES: u64 = 64 << 20;

/// A clock that moves on by a second at each look. With it, no tier is set aside.
#[derive(Default)]
struct Hurrying(AtomicU64);

impl Clock for Hurrying {
    fn now_milliseconds(&self) -> u64 {
        self.0.fetch_add(1000, Ordering::Relaxed)
    }
}

/// Wraps every seam in its liar.
fn lying(honest: Seams, ground: &Ground<'_>, forge: &Arc<Forge>, reads: &Arc<Reads>) -> Seams {
    let (lies, forge) = (|| Arc::clone(&ground.lies), || Arc::clone(forge));
    let mouth = |liar| Mouth::new(liar, lies(), forge());
    let tier = |liar: Liar| -> Option<(Seam, Arc<dyn Tier>)> {
        let seam = match liar {
            Liar::MemoryTier => Seam::MemoryTier,
            Liar::DiskTier => Seam::DiskTier,
            Liar::SharedCache => Seam::SharedTier,
            _ => return None,
        };
        // A cache that several edges share is, for one edge, one more place that holds extents.
        let shared: Arc<dyn Tier> = Arc::new(MemoryTier::new(ground.tier_bytes));
        let inner = honest.tiers.iter().find(|(known, _)| *known == seam);
        let inner = inner.map_or(shared, |(_, tier)| Arc::clone(tier));
        Some((seam, Arc::new(LyingTier::new(inner, mouth(liar)))))
    };
    let tiers = ground.tiers.iter().filter_map(|liar| tier(*liar)).collect();
    let registry = Arc::new(LyingRegistry::new(honest.registry, lies(), forge()));
    let index = Arc::new(LyingIndex::new(honest.index, lies(), forge()));
    Seams {
        registry: Arc::new(LyingPool::new(registry, lies(), forge())),
        index: Arc::new(PooledIndex::new(index, lies(), forge())),
        store: Arc::new(LyingStore::new(honest.store, mouth(Liar::ObjectStore), Arc::clone(reads))),
        tiers,
        coalescer: Arc::new(LyingCoalescer::new(honest.coalescer, lies(), forge())),
        clock: if ground.sets_aside { honest.clock } else { Arc::new(Hurrying::default()) },
        inlet: Arc::new(LyingInlet::new(honest.inlet, lies(), forge())),
        outlet: Arc::new(LyingOutlet::new(honest.outlet, lies(), forge())),
        hub: Arc::new(LyingHub::new(honest.hub, lies(), forge(), ground.town.clone())),
    }
}
