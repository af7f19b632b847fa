//! Renditions: what a handler made of an object, sealed like any other object, found again by the same handler under the same camera.
//!
//! INVARIANT: a rendition's context has its source's id and version and the SHA-256 of the handler, so it can't be taken for the
//! rendition of anything else. Whether an instance may remember at all is the sandbox's to say (it opened exactly one object).

use super::{Footage, FootageError, Held};
use crate::clock;
use crate::grant::Scope;
use crate::index::{NewObject, ObjectRow, State};
use crate::sync::spawn;
use crate::tiers::Layer;
use crate::vault::{self, Asked, Located, RowKind, SealedExtent};
use bytes::Bytes;
use eyesonly_seal::ObjectName;
use eyesonly_seal::format::{EXTENT_PLAIN_BYTES, HEADER_BYTES};
use std::sync::Arc;
use tokio::sync::watch;

/// Longest name of a rendition in bytes.
const NAME_BYTES_MAX: usize = 32;
/// Largest rendition in bytes: it fits in one extent, so it is found, proven and opened in one go.
const RENDITION_BYTES_MAX: usize = 1_000_000;
const _: () = assert!(RENDITION_BYTES_MAX < EXTENT_PLAIN_BYTES);

/// What a recall finds.
pub enum Recalled {
    /// The rendition.
    AtHand(Held),
    /// Nothing: the asker makes it, and others wait for as long as it holds this.
    Make(Making),
}

/// The duty to make a rendition. When it is dropped, those who wait ask again.
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
    /// The rendition `name` of `source` by `handler`, or the duty to make it. FROM GUEST: `name`.
    ///
    /// # Errors
    /// [`FootageError`].
    pub async fn recall(
        self: &Arc<Self>,
        source: &Held,
        handler: &[u8; 32],
        name: &str,
    ) -> Result<Recalled, FootageError> {
        let asked = rendition_of(source, handler, name)?;
        // The version is the source's, so the name is known without asking anybody.
        let scope = source.grant().scope();
        let mut named = vault::located(scope, &asked, source.located().version(), HEADER_BYTES as u64 + 16)
            .map(Box::new)
            .map_err(|_| FootageError::Invalid)?;
        loop {
            named = match self.first_tier_has(source, &asked, named).await {
                Ok(held) => return Ok(Recalled::AtHand(held)),
                Err(named) => named,
            };
            let making = match self.turn(named.name())? {
                Turn::Wait(mut done) => {
                    let _ = done.changed().await;
                    continue;
                }
                Turn::Mine(making) => making,
            };
            // It may have come to hand while this asker was on its way here.
            if let Ok(held) = self.first_tier_has(source, &asked, named).await {
                return Ok(Recalled::AtHand(held));
            }
            return Ok(match self.layers_have(source, &asked).await {
                Some(held) => Recalled::AtHand(held),
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
        Ok(Turn::Mine(Making {
            footage: Arc::clone(self),
            name,
            _done: done,
        }))
    }

    /// What the first tier has, if it proves to be this rendition. It is opened whole: the last chunk proves its length.
    async fn first_tier_has(
        self: &Arc<Self>,
        source: &Held,
        asked: &Asked,
        mut named: Box<Located>,
    ) -> Result<Held, Box<Located>> {
        let Some(extent) = self.ladder.whole_from_first(named.name()).await else {
            return Err(named);
        };
        let mut plain = Vec::new();
        let scope = source.grant().scope();
        let opened = named
            .set_length((HEADER_BYTES as u64).saturating_add(extent.chunks.len() as u64))
            .and_then(|()| vault::accept(scope, &named, 0, extent))
            .and_then(|open| open.open(0, open.chunk_count(), &mut plain));
        match opened {
            Ok(()) => Ok(self.hold(source, asked, *named, Bytes::from(plain))),
            Err(fault) => {
                self.ladder
                    .refused(scope.camera(), Layer::FIRST, (named.name(), 0), fault)
                    .await;
                Err(named)
            }
        }
    }

    /// What index, deeper tiers and store have. Anything but a proven answer means: make it again.
    async fn layers_have(self: &Arc<Self>, source: &Held, asked: &Asked) -> Option<Held> {
        let scope = source.grant().scope();
        let located = self.locate(scope, asked).await.ok()??;
        if located.version() != source.located().version() {
            return None;
        }
        let (open, _) = self.ladder.open(scope, &located, 0, Layer::FIRST.deeper()).await.ok()?;
        let mut plain = Vec::new();
        open.open(0, open.chunk_count(), &mut plain).ok()?;
        Some(self.hold(source, asked, located, Bytes::from(plain)))
    }

    fn hold(self: &Arc<Self>, source: &Held, asked: &Asked, located: Located, plain: Bytes) -> Held {
        Held::new(self, source.grant(), asked.clone(), located, source.action()).whole(plain)
    }

    /// Keeps a rendition: sealed into the tiers at once, into store and index behind. FROM GUEST: `name`, `bytes`.
    ///
    /// # Errors
    /// [`FootageError`].
    pub async fn remember(
        self: &Arc<Self>,
        source: &Held,
        handler: &[u8; 32],
        name: &str,
        bytes: Vec<u8>,
    ) -> Result<Held, FootageError> {
        let asked = rendition_of(source, handler, name)?;
        if bytes.is_empty() {
            return Err(FootageError::Invalid);
        }
        if bytes.len() > RENDITION_BYTES_MAX {
            return Err(FootageError::Limit);
        }
        let scope = source.grant().scope();
        let version = source.located().version();
        let (mut sealer, object) =
            vault::sealer(scope, &asked, version, clock::random()).map_err(|_| FootageError::Unavailable)?;
        let header = *sealer.header();
        let mut chunks = Vec::with_capacity(bytes.len().saturating_add(bytes.len() / 512).saturating_add(64));
        let sealed = sealer
            .push(&bytes, &mut chunks)
            .and_then(|()| sealer.finish(&mut chunks));
        sealed.map_err(|_| FootageError::Unavailable)?;
        let extent = SealedExtent {
            header,
            chunks: Bytes::from(chunks),
        };
        let sealed_length = (HEADER_BYTES as u64).saturating_add(extent.chunks.len() as u64);
        let located = vault::located(scope, &asked, version, sealed_length).map_err(|_| FootageError::Unavailable)?;
        self.ladder.keep((object, 0), &extent).await;
        self.persist(scope, source, &asked, &located, extent)?;
        Ok(self.hold(source, &asked, located, Bytes::from(bytes)))
    }

    /// Writes a rendition to store and index in the background. It can be made again, so nobody waits for it and a failure is only logged.
    fn persist(
        self: &Arc<Self>,
        scope: &Scope,
        source: &Held,
        asked: &Asked,
        located: &Located,
        extent: SealedExtent,
    ) -> Result<(), FootageError> {
        let mut row = ObjectRow {
            slot: vault::slot(scope, asked).map_err(|_| FootageError::Invalid)?,
            camera: scope.camera(),
            kind: asked.kind,
            id: asked.id,
            rendition: true,
            version: located.version(),
            name: located.name(),
            sealed_length: located.sealed_length(),
            body_digest: [0; 32],
            state: State::Live,
            inline: None,
            proof: [0; 32],
        };
        row.proof = vault::proof(scope, RowKind::Object, &row);
        let source_slot = vault::slot(scope, source.asked()).map_err(|_| FootageError::Invalid)?;
        let new = NewObject {
            row,
            household: scope.household(),
            quota_bytes: u64::MAX,
            requires: Some(source_slot),
            pointer: None,
            supersedes: None,
        };
        let (footage, name, sealed_length) = (Arc::clone(self), located.name(), located.sealed_length());
        drop(spawn(async move {
            let mut sealed = Vec::with_capacity(HEADER_BYTES.saturating_add(extent.chunks.len()));
            sealed.extend_from_slice(&extent.header);
            sealed.extend_from_slice(&extent.chunks);
            let store = footage.ladder.store();
            match store.put(name, Bytes::from(sealed)).await {
                Ok(()) => {}
                // Made before, and lost from the tiers meanwhile.
                Err(crate::store::StoreError::Exists) => return,
                Err(error) => return tracing::warn!(%error, "a rendition was not kept"),
            }
            match footage.index.commit(new).await {
                Ok(crate::index::Committed::Written(_)) => {}
                // The same object by another maker at the same moment, or once more because it was lost: what the row names must stay.
                Ok(crate::index::Committed::Taken(row)) if row.name == name && row.sealed_length == sealed_length => {}
                // The source was deleted meanwhile, or another one was first: this one must not stay.
                Ok(_) => {
                    let _ = store.delete(name).await;
                    footage.ladder.evict((name, 0)).await;
                }
                Err(error) => tracing::warn!(%error, "a rendition was not kept"),
            }
        }));
        Ok(())
    }
}

fn rendition_of(source: &Held, handler: &[u8; 32], name: &str) -> Result<Asked, FootageError> {
    let well_formed = |c: u8| c.is_ascii_lowercase() || c.is_ascii_digit() || c == b'-';
    if name.is_empty()
        || name.len() > NAME_BYTES_MAX
        || !name.bytes().all(well_formed)
        || source.asked().rendition.is_some()
    {
        return Err(FootageError::Invalid);
    }
    Ok(Asked {
        rendition: Some((name.to_owned(), *handler)),
        ..source.asked().clone()
    })
}
