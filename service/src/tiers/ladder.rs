//! The ladder asks one tier after the other, then the store through the coalescer, then the store
//! directly. If an answer does not prove that it belongs to the question, the ladder rejects it,
//! counts it, and asks the next layer. After the last layer the request ends with an error, and
//! must never end with a wrong byte.

use super::{Coalescer, ExtentKey, FetchError, Fetched, Flights, Standing, Tier};
use crate::chain::Chain;
use crate::clock::System;
use crate::store::{Store, StoreError};
use crate::sync::timeout;
use eyesonly_gate::{Claimed, Clock, Located, OpenExtent, Records, Sealed, Seam};
use eyesonly_rights::Fault;
use eyesonly_seal::format::HEADER_BYTES;
use eyesonly_seal::{CameraId, ObjectName};
use futures::FutureExt as _;
use std::sync::Arc;
use std::time::Duration;

/// The longest time that the store may take for one extent. A request must not wait for ever for a
/// disk that hangs.
const READ_MAX: Duration = Duration::from_secs(10);

/// The error when no layer gave a proven answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("no layer gave a proven answer")]
pub struct LadderError;

/// The layer that an extent came from, or the layer to ask first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Layer(usize);

impl Layer {
    /// The first tier.
    pub const FIRST: Self = Self(0);
    /// The store, behind every tier. Every chunk of an extent from the store has authenticated.
    pub const STORE: Self = Self(usize::MAX);

    /// Returns the next layer.
    pub fn deeper(self) -> Self {
        Self(self.0.saturating_add(1))
    }
}

/// One tier of the ladder.
struct Rung {
    tier: Arc<dyn Tier>,
    standing: Arc<Standing>,
}

/// The tiers and the store, which are asked one after the other.
pub struct Ladder {
    rungs: Vec<Rung>,
    coalescer: Arc<dyn Coalescer>,
    store: Arc<dyn Store>,
    records: Arc<Records>,
    clock: Arc<dyn Clock>,
    read_max: Duration,
}

impl Ladder {
    /// Makes a ladder over these tiers, the nearest first, and the store behind them. `records`
    /// counts rejected answers.
    pub fn new(
        tiers: Vec<(Seam, Arc<dyn Tier>)>,
        store: Arc<dyn Store>,
        records: Arc<Records>,
    ) -> Self {
        let rung = |(seam, tier)| Rung { tier, standing: Arc::new(Standing::new(seam)) };
        Self {
            rungs: tiers.into_iter().map(rung).collect(),
            coalescer: Arc::new(Flights::default()),
            store,
            records,
            clock: Arc::new(System),
            read_max: READ_MAX,
        }
    }

    /// Replaces the coalescer.
    #[must_use]
    pub fn with_coalescer(self, coalescer: Arc<dyn Coalescer>) -> Self {
        Self { coalescer, ..self }
    }

    /// Replaces the clock that measures the standing of tiers.
    #[must_use]
    pub fn with_clock(self, clock: Arc<dyn Clock>) -> Self {
        Self { clock, ..self }
    }

    /// Shortens the time that the store may take, for tests.
    #[cfg(any(test, feature = "conformance"))]
    pub fn impatient(self) -> Self {
        Self { read_max: Duration::from_millis(20), ..self }
    }

    /// Returns the first tier, for tests that look into it.
    #[cfg(test)]
    pub(crate) fn first(&self) -> &Arc<dyn Tier> {
        &self.rungs[0].tier
    }

    /// Returns the store.
    pub fn store(&self) -> &Arc<dyn Store> {
        &self.store
    }

    /// Returns the standing of each tier, the nearest first.
    pub fn standings(&self) -> impl Iterator<Item = &Arc<Standing>> {
        self.rungs.iter().map(|rung| &rung.standing)
    }

    /// Returns an extent of `located` whose seal is the right one, and the layer that it came from.
    /// Each chunk authenticates when it is opened. If a chunk does not, report it with
    /// [`Ladder::rejected`] and ask again with `from` one layer deeper.
    pub async fn open(
        &self,
        located: &Located,
        index: u64,
        from: Layer,
    ) -> Result<(OpenExtent, Layer), LadderError> {
        let key = (located.name(), index);
        for (depth, rung) in self.rungs.iter().enumerate().skip(from.0) {
            let Some(extent) = self.answer(rung, key).await else {
                continue;
            };
            // An extent goes up to nearer tiers only after every chunk has authenticated. No tier
            // is nearer than the first one, so its chunks authenticate when they are opened.
            let proven = located.accept(index, extent).and_then(|open| {
                let sealed = if depth == 0 { None } else { Some(open.verify()?) };
                Ok((open, sealed))
            });
            match proven {
                Ok((open, sealed)) => {
                    if let Some(sealed) = sealed {
                        self.fill(depth, key, &sealed).await;
                    }
                    return Ok((open, Layer(depth)));
                }
                Err(fault) => {
                    self.rejected(located.grant().camera(), Layer(depth), key, fault).await
                }
            }
        }
        let open = self.store_has(located, index).await?;
        Ok((open, Layer::STORE))
    }

    /// Counts an answer of a tier whose header or chunk did not authenticate, and evicts the extent
    /// from that tier. A tier that keeps giving wrong answers is set aside.
    pub async fn rejected(&self, camera: CameraId, layer: Layer, key: ExtentKey, fault: Fault) {
        let Some(rung) = self.rungs.get(layer.0) else {
            return;
        };
        rung.tier.evict(key).await;
        self.records.reject(rung.standing.seam(), fault, Some(camera));
        if rung.standing.refused(self.clock.now_milliseconds()) {
            tracing::warn!(
                tier = rung.standing.seam().name(),
                seconds = super::standing::ASIDE_MILLISECONDS / 1000,
                "a tier keeps giving wrong answers and is set aside; \
                 serving goes on from the next layer"
            );
        }
    }

    /// Returns what the first tier has of an object that fits in one extent. None of the answer is
    /// proven.
    pub async fn whole_from_first(&self, name: ObjectName) -> Option<Claimed> {
        self.answer(self.rungs.first()?, (name, 0)).await
    }

    /// Deletes from the store an object that the index no longer has. Copies in the tiers can't be
    /// asked for any more. The first extent is evicted at once, the others when a tier needs room.
    pub async fn forget(&self, name: ObjectName) {
        self.evict((name, 0)).await;
        if let Err(error) = self.store.delete(name).await {
            tracing::warn!(error = %Chain(&error), "a deleted object is left for collection");
        }
    }

    /// Asks the tier, unless it is set aside.
    async fn answer(&self, rung: &Rung, key: ExtentKey) -> Option<Claimed> {
        if rung.standing.is_asked(self.clock.now_milliseconds()) {
            rung.tier.get(key).await
        } else {
            None
        }
    }

    /// Puts an extent that was sealed here, or has authenticated, into every tier.
    pub async fn keep(&self, key: ExtentKey, extent: &Sealed) {
        self.fill(self.rungs.len(), key, extent).await;
    }

    /// Evicts an extent from every tier.
    pub async fn evict(&self, key: ExtentKey) {
        for rung in &self.rungs {
            rung.tier.evict(key).await;
        }
    }

    /// Puts an extent into the tiers nearer than `depth`, but not into those that are set aside.
    async fn fill(&self, depth: usize, key: ExtentKey, extent: &Sealed) {
        for rung in self.rungs.iter().take(depth) {
            if rung.standing.is_asked(self.clock.now_milliseconds()) {
                rung.tier.put(key, extent.clone()).await;
            }
        }
    }

    async fn store_has(&self, located: &Located, index: u64) -> Result<OpenExtent, LadderError> {
        let (start, length) = located.extent_range(index).ok_or(LadderError)?;
        let key = (located.name(), index);
        for coalesced in [true, false] {
            let seam = if coalesced { Seam::Coalescer } else { Seam::Store };
            let read = read(Arc::clone(&self.store), self.read_max, key, start, length);
            let answer =
                if coalesced { self.coalescer.fetch(key, read.boxed()).await } else { read.await };
            let fault = match answer {
                Ok(extent) => {
                    match located.accept(index, extent).and_then(|open| Ok((open.verify()?, open)))
                    {
                        Ok((sealed, open)) => {
                            self.keep(key, &sealed).await;
                            return Ok(open);
                        }
                        Err(fault) => fault,
                    }
                }
                Err(FetchError::Missing) => Fault::Missing,
                Err(FetchError::Short) => Fault::WrongLength,
                Err(FetchError::Unavailable) => continue,
            };
            self.records.reject(seam, fault, Some(located.grant().camera()));
        }
        Err(LadderError)
    }
}

async fn read(
    store: Arc<dyn Store>,
    read_max: Duration,
    key: ExtentKey,
    start: u64,
    length: u64,
) -> Fetched {
    let ranges = [(0, HEADER_BYTES as u64), (start, length)];
    let Ok(answer) = timeout(read_max, store.get(key.0, &ranges)).await else {
        tracing::error!(limit = ?read_max, "the store takes too long");
        return Err(FetchError::Unavailable);
    };
    let parts = answer.map_err(|error| match error {
        StoreError::NotFound => FetchError::Missing,
        StoreError::Short => FetchError::Short,
        error => {
            tracing::error!(error = %Chain(&error), "the store does not answer");
            FetchError::Unavailable
        }
    })?;
    let [header, chunks] = <[bytes::Bytes; 2]>::try_from(parts).map_err(|_| FetchError::Short)?;
    let header = header.as_ref().try_into().map_err(|_| FetchError::Short)?;
    Ok(Claimed { header, chunks })
}
