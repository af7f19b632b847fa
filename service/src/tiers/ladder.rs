//! The ladder: one tier after the other, then the store by the coalescer, then the store directly. An answer that does not prove its question
//! is refused, counted, and the question is asked one rung deeper. Past the last rung the request ends with an error, never with a wrong byte.

use super::{Coalescer, ExtentKey, FetchError, Fetched, Flights, Standing, Tier};
use crate::clock;
use crate::grant::Scope;
use crate::ledger::{Fault, Ledger, Misdelivery, Seam};
use crate::store::{Store, StoreError};
use crate::sync::timeout;
use crate::vault::{self, Located, OpenExtent, SealedExtent};
use eyesonly_seal::CameraId;
use eyesonly_seal::format::HEADER_BYTES;
use futures::FutureExt as _;
use std::sync::Arc;
use std::time::Duration;

/// How long the store may take for one extent: a request must not wait for ever for a disk that hangs.
const READ_MAX: Duration = Duration::from_secs(10);

/// No rung gave an answer that proves its question.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("no layer gave a proven answer")]
pub struct LadderError;

/// How deep an extent came from, or how deep asking begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Layer(usize);

impl Layer {
    /// The first tier.
    pub const FIRST: Self = Self(0);
    /// The store, past every tier. What comes from there has authenticated to the last chunk.
    pub const STORE: Self = Self(usize::MAX);

    /// The next one.
    pub fn deeper(self) -> Self {
        Self(self.0.saturating_add(1))
    }
}

/// One tier of the ladder.
struct Rung {
    tier: Arc<dyn Tier>,
    standing: Arc<Standing>,
}

/// Asks one layer after the other.
pub struct Ladder {
    rungs: Vec<Rung>,
    coalescer: Arc<dyn Coalescer>,
    store: Arc<dyn Store>,
    ledger: Arc<dyn Ledger>,
    read_max: Duration,
}

impl Ladder {
    /// A ladder over these tiers, the nearest first, and the store behind them.
    pub fn new(tiers: Vec<(Seam, Arc<dyn Tier>)>, store: Arc<dyn Store>, ledger: Arc<dyn Ledger>) -> Self {
        let rung = |(seam, tier)| Rung {
            tier,
            standing: Arc::new(Standing::new(seam)),
        };
        Self {
            rungs: tiers.into_iter().map(rung).collect(),
            coalescer: Arc::new(Flights::default()),
            store,
            ledger,
            read_max: READ_MAX,
        }
    }

    /// The same with another coalescer.
    #[must_use]
    pub fn with_coalescer(self, coalescer: Arc<dyn Coalescer>) -> Self {
        Self { coalescer, ..self }
    }

    /// One that does not wait long for its store.
    #[cfg(any(test, feature = "conformance"))]
    pub fn impatient(self) -> Self {
        Self {
            read_max: Duration::from_millis(20),
            ..self
        }
    }

    /// The first tier, for tests that look into it.
    #[cfg(test)]
    pub(crate) fn first(&self) -> &Arc<dyn Tier> {
        &self.rungs[0].tier
    }

    /// The store.
    pub fn store(&self) -> &Arc<dyn Store> {
        &self.store
    }

    /// How the tiers stand, the nearest first.
    pub fn standings(&self) -> impl Iterator<Item = &Arc<Standing>> {
        self.rungs.iter().map(|rung| &rung.standing)
    }

    /// An extent of `located` whose seal has proven to be the right one. Its chunks authenticate as they are opened; where one does not,
    /// report it with [`Ladder::refused`] and ask with `from` one deeper.
    ///
    /// # Errors
    /// [`LadderError`].
    pub async fn open(
        &self,
        scope: &Scope,
        located: &Located,
        index: u64,
        from: Layer,
    ) -> Result<(OpenExtent, Layer), LadderError> {
        let key = (located.name(), index);
        for (depth, rung) in self.rungs.iter().enumerate().skip(from.0) {
            let Some(extent) = rung.answer(key).await else {
                continue;
            };
            // What goes up to a nearer tier must have authenticated to the last chunk; of the nearest one's, chunks authenticate as they open.
            let proven = if depth == 0 {
                vault::accept(scope, located, index, extent.clone())
            } else {
                prove(scope, located, index, &extent)
            };
            match proven {
                Ok(open) => {
                    self.fill(depth, key, &extent).await;
                    return Ok((open, Layer(depth)));
                }
                Err(fault) => self.refused(scope.camera(), Layer(depth), key, fault).await,
            }
        }
        let open = self.store_has(scope, located, index).await?;
        Ok((open, Layer::STORE))
    }

    /// Counts a chunk or header of a tier that did not authenticate, and evicts it there. A tier that keeps on is set aside.
    pub async fn refused(&self, camera: CameraId, layer: Layer, key: ExtentKey, fault: Fault) {
        let Some(rung) = self.rungs.get(layer.0) else {
            return;
        };
        rung.tier.evict(key).await;
        self.count(rung.standing.seam(), fault, camera);
        if rung.standing.refused(clock::now_milliseconds()) {
            tracing::warn!(
                tier = rung.standing.seam().name(),
                seconds = super::standing::ASIDE_MILLISECONDS / 1000,
                "a tier keeps giving wrong answers and is set aside; serving goes on from the next layer"
            );
        }
    }

    /// What the first tier has of an object that fits in one extent; none of it is proven.
    pub async fn whole_from_first(&self, name: eyesonly_seal::ObjectName) -> Option<SealedExtent> {
        self.rungs.first()?.answer((name, 0)).await
    }

    /// Keeps an extent that was sealed here, or has authenticated, in every tier.
    pub async fn keep(&self, key: ExtentKey, extent: &SealedExtent) {
        self.fill(self.rungs.len(), key, extent).await;
    }

    /// Takes an extent out of every tier.
    pub async fn evict(&self, key: ExtentKey) {
        for rung in &self.rungs {
            rung.tier.evict(key).await;
        }
    }

    /// Fills the tiers nearer than `depth`.
    async fn fill(&self, depth: usize, key: ExtentKey, extent: &SealedExtent) {
        for rung in self.rungs.iter().take(depth) {
            if rung.standing.is_asked(clock::now_milliseconds()) {
                rung.tier.put(key, extent.clone()).await;
            }
        }
    }

    async fn store_has(&self, scope: &Scope, located: &Located, index: u64) -> Result<OpenExtent, LadderError> {
        let (start, length) = located.extent_range(index).ok_or(LadderError)?;
        let key = (located.name(), index);
        for coalesced in [true, false] {
            let seam = if coalesced { Seam::Coalescer } else { Seam::Store };
            let read = read(Arc::clone(&self.store), self.read_max, key, start, length);
            let answer = if coalesced {
                self.coalescer.fetch(key, read.boxed()).await
            } else {
                read.await
            };
            let fault = match answer {
                Ok(extent) => match prove(scope, located, index, &extent) {
                    Ok(open) => {
                        self.keep(key, &extent).await;
                        return Ok(open);
                    }
                    Err(fault) => fault,
                },
                Err(FetchError::Missing) => Fault::Missing,
                Err(FetchError::Short) => Fault::WrongLength,
                Err(FetchError::Unavailable) => continue,
            };
            self.count(seam, fault, scope.camera());
        }
        Err(LadderError)
    }

    fn count(&self, seam: Seam, fault: Fault, camera: CameraId) {
        self.ledger.misdelivery(&Misdelivery {
            at_milliseconds: clock::now_milliseconds(),
            seam,
            fault,
            camera: Some(camera),
        });
    }
}

impl Rung {
    /// What the tier says, unless it is set aside.
    async fn answer(&self, key: ExtentKey) -> Option<SealedExtent> {
        if self.standing.is_asked(clock::now_milliseconds()) {
            self.tier.get(key).await
        } else {
            None
        }
    }
}

/// Accepts an extent and authenticates every chunk: what fills a tier went through here.
fn prove(scope: &Scope, located: &Located, index: u64, extent: &SealedExtent) -> Result<OpenExtent, Fault> {
    let open = vault::accept(scope, located, index, extent.clone())?;
    open.verify(&mut Vec::new())?;
    Ok(open)
}

async fn read(store: Arc<dyn Store>, read_max: Duration, key: ExtentKey, start: u64, length: u64) -> Fetched {
    let ranges = [(0, HEADER_BYTES as u64), (start, length)];
    let Ok(answer) = timeout(read_max, store.get(key.0, &ranges)).await else {
        tracing::error!(limit = ?read_max, "the store takes too long");
        return Err(FetchError::Unavailable);
    };
    let parts = answer.map_err(|error| match error {
        StoreError::NotFound => FetchError::Missing,
        StoreError::Short => FetchError::Short,
        error => {
            tracing::error!(%error, "the store does not answer");
            FetchError::Unavailable
        }
    })?;
    let [header, chunks] = <[bytes::Bytes; 2]>::try_from(parts).map_err(|_| FetchError::Short)?;
    let header = header.as_ref().try_into().map_err(|_| FetchError::Short)?;
    Ok(SealedExtent { header, chunks })
}
