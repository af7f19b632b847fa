//! Renditions are what handlers made of objects. A rendition is sealed like any other object, and
//! the same handler finds it again under the same camera.
//!
//! INVARIANT: a rendition's context has its source's id and version and the handler's SHA-256, so
//! the rendition can't be taken for that of anything else. The sandbox decides whether an instance
//! may remember a rendition: the instance must have opened exactly one object.

use super::{Footage, FootageError, Held};
use crate::chain::Chain;
use crate::clock;
use crate::index::{Committed, NewObject};
use crate::store::StoreError;
use crate::sync::spawn;
use crate::tiers::Layer;
use eyesonly_gate::rules::RENDITION_BYTES_MAX;
use eyesonly_gate::vault::ObjectRow;
use eyesonly_gate::{Located, Plain, Sealed};
use eyesonly_seal::ObjectName;
use std::sync::Arc;
use tokio::sync::watch;

/// The result of a recall.
#[expect(
    clippy::large_enum_variant,
    reason = "it is moved once; a box would allocate on every hit"
)]
pub enum Recalled {
    /// The rendition.
    AtHand(Held),
    /// There is no rendition: the asker makes it, and others wait for as long as the asker holds
    /// this.
    Make(Making),
}

/// The duty to make a rendition. When the duty is dropped, the askers that wait ask again.
pub struct Making {
    footage: Arc<Footage>,
    name: ObjectName,
    _done: watch::Sender<()>,
}

impl Drop for Making {
    fn drop(&mut self) {
        if let Ok(mut makings) = self.footage.makings.lock() {
            makings.remove(&self.name);
        }
    }
}

enum Turn {
    Mine(Making),
    Wait(watch::Receiver<()>),
}

impl Footage {
    /// Returns the rendition `name` of `source` by `handler`, or the duty to make it. FROM GUEST:
    /// `name`.
    pub async fn recall(
        self: &Arc<Self>,
        source: &Held,
        handler: &[u8; 32],
        name: &str,
    ) -> Result<Recalled, FootageError> {
        // The version is the source's, so the rendition's name is known without a question.
        let named = source.object().rendition(name, *handler);
        let mut named = named.map(Box::new).ok_or(FootageError::Invalid)?;
        loop {
            if let Some(plain) = self.first_tier_has(&mut named).await {
                return Ok(Recalled::AtHand(Held::whole(self, *named, plain)));
            }
            let making = match self.turn(named.name())? {
                Turn::Wait(mut done) => {
                    let _ = done.changed().await;
                    continue;
                }
                Turn::Mine(making) => making,
            };
            // Another asker may have made the rendition since the first look.
            if let Some(plain) = self.first_tier_has(&mut named).await {
                return Ok(Recalled::AtHand(Held::whole(self, *named, plain)));
            }
            return Ok(match self.layers_have(&named).await {
                Some((located, plain)) => Recalled::AtHand(Held::whole(self, located, plain)),
                None => Recalled::Make(making),
            });
        }
    }

    fn turn(self: &Arc<Self>, name: ObjectName) -> Result<Turn, FootageError> {
        let mut makings = self.makings.lock().map_err(|_| FootageError::Unavailable)?;
        if let Some(done) = makings.get(&name) {
            return Ok(Turn::Wait(done.clone()));
        }
        let (done, waiting) = watch::channel(());
        makings.insert(name, waiting);
        Ok(Turn::Mine(Making { footage: Arc::clone(self), name, _done: done }))
    }

    /// Returns what the first tier has, if it proves to be this rendition. All chunks are opened,
    /// since the last one proves the length.
    async fn first_tier_has(&self, named: &mut Located) -> Option<Plain> {
        let extent = self.ladder.whole_from_first(named.name()).await?;
        match named.open_whole(extent) {
            Ok(plain) => Some(plain),
            Err(fault) => {
                let camera = named.grant().camera();
                self.ladder.rejected(camera, Layer::FIRST, (named.name(), 0), fault).await;
                None
            }
        }
    }

    /// Asks the index, the deeper tiers and the store. If no answer is proven, the rendition is
    /// made again.
    async fn layers_have(&self, named: &Located) -> Option<(Located, Plain)> {
        let located = self.locate(named.asked()).await.ok()??;
        if located.version() != named.version() {
            return None;
        }
        let (open, _) = self.ladder.open(&located, 0, Layer::FIRST.deeper()).await.ok()?;
        let plain = open.open(0, open.chunk_count()).ok()?;
        Some((located, plain))
    }

    /// Keeps a rendition: puts it, sealed, into the tiers at once, and into store and index in the
    /// background. FROM GUEST: `name`, `bytes`.
    pub async fn remember(
        self: &Arc<Self>,
        source: &Held,
        handler: &[u8; 32],
        name: &str,
        bytes: Vec<u8>,
    ) -> Result<Held, FootageError> {
        let named = source.object().rendition(name, *handler);
        let mut named = named.filter(|_| !bytes.is_empty()).ok_or(FootageError::Invalid)?;
        if bytes.len() > RENDITION_BYTES_MAX {
            return Err(FootageError::Limit);
        }
        let sealed = named.seal(bytes, clock::random());
        let (plain, sealed, row) = sealed.map_err(|_| FootageError::Unavailable)?;
        self.ladder.keep((named.name(), 0), &sealed).await;
        self.persist(source, row, sealed)?;
        Ok(Held::whole(self, named, plain))
    }

    /// Writes a rendition to store and index in the background. The rendition can be made again, so
    /// nobody waits for the write, and a failure is only logged.
    fn persist(
        self: &Arc<Self>,
        source: &Held,
        row: ObjectRow,
        sealed: Sealed,
    ) -> Result<(), FootageError> {
        let source_slot = source.object().asked().slot().map_err(|_| FootageError::Invalid)?;
        let (footage, name, sealed_length) = (Arc::clone(self), row.name, row.sealed_length);
        let new = NewObject {
            row,
            inline: None,
            household: source.grant().household(),
            quota_bytes: u64::MAX,
            requires: Some(source_slot),
            pointer: None,
            supersedes: None,
        };
        drop(spawn(async move {
            let store = footage.ladder.store();
            match store.put(name, sealed.whole()).await {
                Ok(()) => {}
                // The rendition was made before, and the tiers have lost it since.
                Err(StoreError::Exists) => return,
                Err(error) => {
                    return tracing::warn!(error = %Chain(&error), "a rendition was not kept");
                }
            }
            match footage.catalogue.index().commit(new).await {
                Ok(Committed::Written(_)) => {}
                // Another maker committed the same object at the same moment, or it was made once
                // more after a loss. The object that the row names must stay.
                Ok(Committed::Taken(row))
                    if row.name == name && row.sealed_length == sealed_length => {}
                // The source was deleted meanwhile, or another rendition came first. This object
                // must not stay.
                Ok(_) => footage.ladder.forget(name).await,
                Err(error) => tracing::warn!(error = %Chain(&error), "a rendition was not kept"),
            }
        }));
        Ok(())
    }
}
