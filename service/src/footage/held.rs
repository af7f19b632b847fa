//! An object held open under its grant: read by a handler, or streamed to the requester once the handler has ended.

use super::{Footage, FootageError};
use crate::grant::Grant;
use crate::tiers::Layer;
use crate::vault::{Asked, Located, OpenExtent};
use bytes::Bytes;
use eyesonly_rights::Action;
use eyesonly_seal::format::{CHUNK_BYTES, EXTENT_CHUNKS};
use std::sync::Arc;

/// How many chunks are opened into one piece of a response: 128 KiB, what a connection holds in plain form at a time.
const PIECE_CHUNKS: u64 = 8;

/// An object, its grant, and the services to read it.
/// Never printed: it holds keys.
pub struct Held {
    footage: Arc<Footage>,
    grant: Arc<Grant>,
    asked: Asked,
    located: Located,
    /// What a long response asks admission for again.
    action: Action,
    /// The whole footage, where it was opened to find it (renditions).
    whole: Option<Bytes>,
}

impl Held {
    pub(super) fn new(
        footage: &Arc<Footage>,
        grant: &Arc<Grant>,
        asked: Asked,
        located: Located,
        action: Action,
    ) -> Self {
        Self {
            footage: Arc::clone(footage),
            grant: Arc::clone(grant),
            asked,
            located,
            action,
            whole: None,
        }
    }
    pub(super) fn whole(mut self, whole: Bytes) -> Self {
        self.whole = Some(whole);
        self
    }
    /// Length of its footage in bytes.
    pub fn length(&self) -> u64 {
        let whole = self.whole.as_ref().map(|whole| whole.len() as u64);
        whole.unwrap_or_else(|| self.located.plain_length())
    }
    /// What it was asked as.
    pub fn asked(&self) -> &Asked {
        &self.asked
    }
    /// The grant that it is held under.
    pub fn grant(&self) -> &Arc<Grant> {
        &self.grant
    }
    pub(super) fn located(&self) -> &Located {
        &self.located
    }
    pub(super) fn action(&self) -> Action {
        self.action
    }

    /// A name for exactly these bytes, for `ETag`: a part of the object's own keyed name.
    pub fn entity_tag(&self) -> String {
        let name = self.located.name().to_string();
        format!("\"{}\"", name.get(..32).unwrap_or_default())
    }

    /// Reads up to `length_max` bytes from `offset`; fewer only at the end. FROM GUEST: both.
    ///
    /// # Errors
    /// [`FootageError::Invalid`] past the end, [`FootageError::Unavailable`].
    pub async fn read(&self, offset: u64, length_max: u32) -> Result<Vec<u8>, FootageError> {
        let left = self
            .length()
            .checked_sub(offset)
            .filter(|left| *left > 0 && length_max > 0)
            .ok_or(FootageError::Invalid)?;
        let length = left.min(u64::from(length_max));
        let mut pieces = Pieces::new(self, offset, length)?;
        let mut bytes = Vec::with_capacity(usize::try_from(length).map_err(|_| FootageError::Limit)?);
        while let Some(piece) = pieces.next(self).await? {
            bytes.extend_from_slice(&piece);
        }
        Ok(bytes)
    }

    /// Authenticates the end of the object, and with it the length that a response is about to state.
    ///
    /// # Errors
    /// [`FootageError::Unavailable`].
    pub async fn prove_length(&self) -> Result<(), FootageError> {
        if self.whole.is_some() {
            return Ok(());
        }
        let mut scratch = Vec::new();
        let last = self.length() / CHUNK_BYTES as u64;
        Window::default().open(self, last, 1, &mut scratch).await?;
        zeroize::Zeroize::zeroize(&mut scratch);
        Ok(())
    }

    /// Whether the grant would be made again now.
    async fn still_granted(&self) -> Result<(), FootageError> {
        self.footage
            .admission()
            .still_holds(&self.grant, self.action)
            .await
            .map_err(|refused| {
                tracing::info!(%refused, "a response ends early: its grant no longer holds");
                FootageError::Unavailable
            })
    }
}

/// The extent that is open now.
#[derive(Default)]
struct Window {
    open: Option<(u64, OpenExtent, Layer)>,
}

impl Window {
    /// Opens `count` chunks from `chunk` on, all of one extent. A chunk of a tier that does not authenticate is counted and asked for again
    /// one layer deeper.
    async fn open(&mut self, held: &Held, chunk: u64, count: u64, out: &mut Vec<u8>) -> Result<(), FootageError> {
        let index = chunk / EXTENT_CHUNKS as u64;
        let first = usize::try_from(chunk % EXTENT_CHUNKS as u64).map_err(|_| FootageError::Limit)?;
        let count = usize::try_from(count).map_err(|_| FootageError::Limit)?;
        let (ladder, scope) = (held.footage.ladder(), held.grant.scope());
        let mut from = Layer::FIRST;
        loop {
            if self
                .open
                .as_ref()
                .is_none_or(|(at, _, layer)| *at != index || *layer < from)
            {
                let (extent, layer) = ladder.open(scope, &held.located, index, from).await?;
                self.open = Some((index, extent, layer));
            }
            let Some((_, extent, layer)) = &self.open else {
                return Err(FootageError::Unavailable);
            };
            match extent.open(first, count, out) {
                Ok(()) => return Ok(()),
                Err(fault) if *layer < Layer::STORE => {
                    from = layer.deeper();
                    ladder
                        .refused(scope.camera(), *layer, (held.located.name(), index), fault)
                        .await;
                }
                Err(_) => return Err(FootageError::Unavailable),
            }
        }
    }
}

/// A range of an object on its way out, piece by piece. Holds one sealed extent, and one opened piece at a time.
pub struct Pieces {
    position: u64,
    end: u64,
    window: Window,
    /// Extent whose grant was checked last.
    checked: u64,
}

impl Pieces {
    /// The range `offset..offset + length` of `held`.
    ///
    /// # Errors
    /// [`FootageError::Invalid`] if it is not inside the object.
    pub fn new(held: &Held, offset: u64, length: u64) -> Result<Self, FootageError> {
        let end = offset
            .checked_add(length)
            .filter(|end| *end <= held.length())
            .ok_or(FootageError::Invalid)?;
        let checked = offset / (CHUNK_BYTES * EXTENT_CHUNKS) as u64;
        Ok(Self {
            position: offset,
            end,
            window: Window::default(),
            checked,
        })
    }

    /// The next piece, or none at the end. Before each further extent the grant is checked again.
    ///
    /// # Errors
    /// [`FootageError::Unavailable`]: the response must be cut here.
    pub async fn next(&mut self, held: &Held) -> Result<Option<Bytes>, FootageError> {
        if self.position >= self.end {
            return Ok(None);
        }
        if let Some(whole) = &held.whole {
            let at = |n: u64| usize::try_from(n).map_err(|_| FootageError::Limit);
            let range = at(self.position)?..at(self.end)?;
            if range.end > whole.len() {
                return Err(FootageError::Invalid);
            }
            self.position = self.end;
            return Ok(Some(whole.slice(range)));
        }
        let chunk_bytes = CHUNK_BYTES as u64;
        let chunk = self.position / chunk_bytes;
        let extent = chunk / EXTENT_CHUNKS as u64;
        if extent != self.checked {
            held.still_granted().await?;
            self.checked = extent;
        }
        let last_wanted = self.end.saturating_sub(1) / chunk_bytes;
        let last_of_extent = extent
            .saturating_mul(EXTENT_CHUNKS as u64)
            .saturating_add(EXTENT_CHUNKS as u64 - 1);
        let last = last_wanted
            .min(last_of_extent)
            .min(chunk.saturating_add(PIECE_CHUNKS - 1));
        let count = last.saturating_sub(chunk).saturating_add(1);
        let mut plain = Vec::new();
        self.window.open(held, chunk, count, &mut plain).await?;
        let base = chunk.saturating_mul(chunk_bytes);
        let skip = usize::try_from(self.position.saturating_sub(base)).map_err(|_| FootageError::Limit)?;
        let until = usize::try_from(self.end.saturating_sub(base))
            .map_err(|_| FootageError::Limit)?
            .min(plain.len());
        if skip >= until {
            return Err(FootageError::Unavailable);
        }
        let piece = Bytes::from(plain).slice(skip..until);
        self.position = self.position.saturating_add(piece.len() as u64);
        Ok(Some(piece))
    }
}
