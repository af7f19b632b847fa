//! The arena: one server of either kind with lying seams, in this process, on a port of its own.

use super::conventional::Conventional;
use super::liars::{
    LyingCoalescer, LyingIndex, LyingInlet, LyingOutlet, LyingPool, LyingRegistry, LyingStore, LyingTier, PooledIndex,
};
use super::lies::{Liar, Lies};
use super::settle::Writer;
use super::stop::folder_in;
use super::town::{Place, Town};
use crate::clock;
use crate::config::Config;
use crate::edge::{self, Seams};
use crate::http::{Edge, Listener, serve};
use crate::ledger::{Fault, Seam};
use crate::sandbox::Handler;
use crate::store::Store;
use crate::tiers::Tier;
use eyesonly_rights::Credentials;
use eyesonly_seal::EdgeKey;
use eyesonly_service::keys::Keys as _;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::sync::Arc;
use tempfile::TempDir;
use tokio::sync::oneshot;

/// Bytes of one tier in the storm: small, so that what was pushed out is asked for deeper.
pub const TIER_BYTES: u64 = 32 * 1024 * 1024;
/// How long sessions last: longer than any storm.
const SESSION_SECONDS: u64 = 7 * 24 * 3600;

/// Which server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Which {
    /// This system.
    Here,
    /// One built the way such systems are built.
    Conventional,
}

/// A running server.
pub struct Arena {
    /// Where it listens.
    pub address: SocketAddr,
    /// What its seams tell.
    pub lies: Arc<Lies>,
    /// Makes its credentials.
    pub credentials: Credentials,
    writer: Writer,
    store: Arc<LyingStore>,
    edge: Option<Arc<Edge>>,
    stop: Option<oneshot::Sender<()>>,
    _folder: TempDir,
}

/// What an arena is made from.
pub struct Ground<'a> {
    /// Who lives there.
    pub town: &'a Town,
    /// The lies that are told.
    pub lies: Arc<Lies>,
    /// Which tiers there are, the nearest first.
    pub tiers: &'a [Liar],
    /// Budget of each of them.
    pub tier_bytes: u64,
    /// Where its folder is made; none: where temporary ones are.
    pub folder: Option<&'a Path>,
    /// The thumbnail and the events handler.
    pub handlers: (Handler, Handler),
}

impl Arena {
    /// Makes a server's folder, settles the town in it, and serves.
    ///
    /// # Errors
    /// What could not be made.
    pub async fn open(which: Which, ground: Ground<'_>) -> anyhow::Result<Self> {
        let folder = folder_in(ground.folder)?;
        let config = Config {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            data: folder.path().to_owned(),
            components: folder.path().to_owned(),
            metrics: None,
            memory_tier_bytes: ground.tier_bytes,
            disk_tier_bytes: ground.tier_bytes,
            session_seconds: SESSION_SECONDS,
            tls: None,
        };
        let data = edge::open_data(&config)?;
        let (seams, store) = lying(
            edge::seams(&config, &data.database)?,
            (ground.tiers, ground.tier_bytes),
            &ground.lies,
        );
        let listener = Listener::bind("listen", config.listen).await?;
        let address = listener.address;
        let (stop, stopped) = oneshot::channel::<()>();
        let stopped = async move { drop(stopped.await) };
        let expires = clock::now_seconds().saturating_add(SESSION_SECONDS);
        let mut arena = match which {
            Which::Here => {
                let households: Vec<_> = (0..ground.town.households)
                    .map(|household| ground.town.household_id(household))
                    .collect();
                data.keyring.add_households(&households)?;
                let edge = edge::assemble(&config, &data.keyring, seams, ground.handlers)?;
                let writer = Writer::Sealed(Arc::clone(&edge.admission));
                tokio::spawn(serve(Arc::clone(&edge), listener, None, stopped));
                Self {
                    address,
                    lies: ground.lies,
                    credentials: Credentials::new(data.keyring.edge()),
                    writer,
                    store,
                    edge: Some(edge),
                    stop: None,
                    _folder: folder,
                }
            }
            Which::Conventional => {
                let key = EdgeKey::from_bytes(clock::random());
                let credentials = Credentials::new(&key);
                let writer = Writer::Plain(Arc::clone(&seams.registry));
                let lies = Arc::clone(&ground.lies);
                let server = Conventional::new(Credentials::new(&key), seams, Arc::clone(&lies));
                tokio::spawn(server.serve(listener, stopped));
                Self {
                    address,
                    lies,
                    credentials,
                    writer,
                    store,
                    edge: None,
                    stop: None,
                    _folder: folder,
                }
            }
        };
        // Nobody lies while the town moves in.
        arena.lies.be_silent(true);
        arena.writer.settle(ground.town, expires).await?;
        arena.lies.be_silent(false);
        arena.stop = Some(stop);
        Ok(arena)
    }

    /// Takes a camera from its viewer.
    ///
    /// # Errors
    /// What the registry said.
    pub async fn revoke(&self, town: &Town, place: Place) -> anyhow::Result<()> {
        self.writer.revoke(town, place).await
    }

    /// Misdeliveries that the server counted, without what is 0.
    pub fn misdeliveries(&self) -> Vec<(Seam, Fault, u64)> {
        let Some(edge) = &self.edge else { return Vec::new() };
        let ledger = edge.admission.ledger();
        let every = Seam::ALL
            .into_iter()
            .flat_map(|seam| Fault::ALL.map(|fault| (seam, fault)));
        every
            .map(|(seam, fault)| (seam, fault, ledger.misdeliveries(seam, fault)))
            .filter(|(_, _, count)| *count > 0)
            .collect()
    }

    /// Tiers that were set aside, and how often.
    pub fn set_aside(&self) -> Vec<(Seam, u64)> {
        let Some(edge) = &self.edge else { return Vec::new() };
        let standings = edge.footage.ladder().standings();
        standings
            .map(|standing| (standing.seam(), standing.times_aside()))
            .filter(|(_, times)| *times > 0)
            .collect()
    }

    /// Reads that reached the store, and how many different extents they were for.
    pub fn origin_reads(&self) -> (u64, u64) {
        self.store.reads()
    }
}

impl Drop for Arena {
    fn drop(&mut self) {
        if let Some(stop) = self.stop.take() {
            let _gone = stop.send(());
        }
    }
}

/// Wraps every seam in its liar. `wanted`: which tiers there are, the nearest first, and the budget of each.
fn lying(honest: Seams, (wanted, tier_bytes): (&[Liar], u64), lies: &Arc<Lies>) -> (Seams, Arc<LyingStore>) {
    let lies = || Arc::clone(lies);
    let store = Arc::new(LyingStore::new(honest.store, lies()));
    let tier = |liar: Liar| -> Option<(Seam, Arc<dyn Tier>)> {
        let seam = match liar {
            Liar::MemoryTier => Seam::MemoryTier,
            Liar::DiskTier => Seam::DiskTier,
            Liar::SharedCache => Seam::SharedTier,
            _ => return None,
        };
        // What several edges share is, for one of them, one more place that holds extents.
        let shared: Arc<dyn Tier> = Arc::new(crate::tiers::MemoryTier::new(tier_bytes));
        let inner = honest.tiers.iter().find(|(known, _)| *known == seam);
        let inner = inner.map_or(shared, |(_, tier)| Arc::clone(tier));
        Some((seam, Arc::new(LyingTier::new(inner, liar, lies()))))
    };
    let registry = Arc::new(LyingRegistry::new(honest.registry, lies()));
    let index = Arc::new(LyingIndex::new(honest.index, lies()));
    let seams = Seams {
        registry: Arc::new(LyingPool::new(registry, lies())),
        index: Arc::new(PooledIndex::new(index, lies())),
        store: Arc::clone(&store) as Arc<dyn Store>,
        tiers: wanted.iter().filter_map(|liar| tier(*liar)).collect(),
        coalescer: Arc::new(LyingCoalescer::new(honest.coalescer, lies())),
        inlet: Arc::new(LyingInlet::new(honest.inlet, lies())),
        outlet: Arc::new(LyingOutlet::new(honest.outlet, lies())),
    };
    (seams, store)
}
