//! The ladder: memory, then the store by the coalescer, then the store directly; an answer that does not prove its question is refused,
//! counted, and the question is asked one rung deeper. Past the last rung the request ends with an error, never with a wrong byte.

use super::{Coalescer, ExtentKey, FetchError, Tier};
use crate::clock;
use crate::grant::Scope;
use crate::ledger::{Fault, Ledger, Misdelivery, Seam};
use crate::store::{Store, StoreError};
use crate::vault::{self, Located, OpenExtent, SealedExtent};
use eyesonly_seal::CameraId;
use eyesonly_seal::format::HEADER_BYTES;
use std::sync::Arc;
use std::time::Duration;

/// How long the store may take for one extent: a request must not wait for ever for a disk that hangs.
const READ_MAX: Duration = Duration::from_secs(10);

/// No rung gave an answer that proves its question.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("no layer gave a proven answer")]
pub struct LadderError;

/// Where an extent came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Layer {
    /// The memory tier.
    Memory,
    /// The store; every chunk has authenticated already.
    Store,
}

/// Asks one layer after the other.
pub struct Ladder {
    memory: Arc<dyn Tier>,
    coalescer: Arc<Coalescer>,
    store: Arc<dyn Store>,
    ledger: Arc<dyn Ledger>,
    read_max: Duration,
}

impl Ladder {
    /// A ladder over these layers.
    pub fn new(memory: Arc<dyn Tier>, store: Arc<dyn Store>, ledger: Arc<dyn Ledger>) -> Self {
        Self {
            memory,
            coalescer: Arc::new(Coalescer::default()),
            store,
            ledger,
            read_max: READ_MAX,
        }
    }

    /// One that does not wait long for its store.
    #[cfg(test)]
    pub(crate) fn impatient(self) -> Self {
        Self {
            read_max: Duration::from_millis(20),
            ..self
        }
    }

    /// The memory tier.
    pub fn memory(&self) -> &Arc<dyn Tier> {
        &self.memory
    }
    /// The store.
    pub fn store(&self) -> &Arc<dyn Store> {
        &self.store
    }

    /// An extent of `located` whose seal has proven to be the right one. Its chunks authenticate as they are opened; where one does not,
    /// report it with [`Ladder::refused`] and ask with `from` = [`Layer::Store`].
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
        if from == Layer::Memory
            && let Some(extent) = self.memory.get(key).await
        {
            match vault::accept(scope, located, index, extent) {
                Ok(open) => return Ok((open, Layer::Memory)),
                Err(fault) => self.refused(scope.camera(), key, fault).await,
            }
        }
        self.store_has(scope, located, index)
            .await
            .map(|open| (open, Layer::Store))
    }

    /// Counts a chunk or header from the memory tier that did not authenticate, and evicts it there.
    pub async fn refused(&self, camera: CameraId, key: ExtentKey, fault: Fault) {
        self.memory.evict(key).await;
        self.count(Seam::MemoryTier, fault, camera);
    }

    /// What the memory tier has of an object that fits in one extent; none of it is proven.
    pub async fn whole_from_memory(&self, name: eyesonly_seal::ObjectName) -> Option<SealedExtent> {
        self.memory.get((name, 0)).await
    }

    async fn store_has(&self, scope: &Scope, located: &Located, index: u64) -> Result<OpenExtent, LadderError> {
        let (start, length) = located.extent_range(index).ok_or(LadderError)?;
        let key = (located.name(), index);
        for coalesced in [true, false] {
            let seam = if coalesced { Seam::Coalescer } else { Seam::Store };
            let read = read(Arc::clone(&self.store), self.read_max, key, start, length);
            let answer = if coalesced {
                self.coalescer.fetch(key, || read).await
            } else {
                read.await
            };
            let fault = match answer {
                Ok(extent) => match prove(scope, located, index, extent.clone()) {
                    Ok(open) => {
                        self.memory.put(key, extent).await;
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

/// Accepts an extent and authenticates every chunk: what fills a tier went through here.
fn prove(scope: &Scope, located: &Located, index: u64, extent: SealedExtent) -> Result<OpenExtent, Fault> {
    let open = vault::accept(scope, located, index, extent)?;
    open.verify(&mut Vec::new())?;
    Ok(open)
}

async fn read(
    store: Arc<dyn Store>,
    read_max: Duration,
    key: ExtentKey,
    start: u64,
    length: u64,
) -> Result<SealedExtent, FetchError> {
    let ranges = [(0, HEADER_BYTES as u64), (start, length)];
    let Ok(answer) = tokio::time::timeout(read_max, store.get(key.0, &ranges)).await else {
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
