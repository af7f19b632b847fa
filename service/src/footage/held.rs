//! An object that is held under its grant. A handler reads the object, or a response sends the
//! object piece by piece once the handler has ended.

use super::{Footage, FootageError};
use crate::clock;
use crate::tiers::Layer;
use async_trait::async_trait;
use eyesonly_gate::{Cut, Grant, Located, OpenExtent, Plain, Source};
use eyesonly_seal::format::{CHUNK_BYTES, EXTENT_CHUNKS};
use std::sync::Arc;

/// The number of chunks that are opened into one piece of a response. They are 128 KiB, the most
/// that a connection holds in plain form at a time.
const PIECE_CHUNKS: u64 = 8;

/// An object, its grant, and the services to read it. A `Held` is never printed, because it holds
/// keys.
pub struct Held {
    footage: Arc<Footage>,
    located: Located,
    /// The whole footage, if finding the object opened all of it (renditions).
    whole: Option<Plain>,
    window: Window,
}

impl Held {
    pub(super) fn new(footage: &Arc<Footage>, located: Located) -> Self {
        Self { footage: Arc::clone(footage), located, whole: None, window: Window::default() }
    }
    pub(super) fn whole(footage: &Arc<Footage>, located: Located, whole: Plain) -> Self {
        Self { whole: Some(whole), ..Self::new(footage, located) }
    }
    /// Returns the length of the object's footage in bytes.
    pub fn length(&self) -> u64 {
        self.located.plain_length()
    }
    /// Returns the grant that the object is held under.
    pub fn grant(&self) -> &Arc<Grant> {
        self.located.grant()
    }
    pub(super) fn object(&self) -> &Located {
        &self.located
    }

    /// Reads `length_max` bytes from `offset`, or fewer at the end. FROM GUEST: both.
    ///
    /// # Errors
    /// [`FootageError::Invalid`] at or past the end, or for no bytes; [`FootageError::Unavailable`]
    /// if no layer gives a proven answer.
    pub async fn read(&self, offset: u64, length_max: u32) -> Result<Vec<u8>, FootageError> {
        let left = self
            .length()
            .checked_sub(offset)
            .filter(|left| *left > 0 && length_max > 0)
            .ok_or(FootageError::Invalid)?;
        let length = left.min(u64::from(length_max));
        let (mut window, mut at, end) = (Window::default(), offset, offset.saturating_add(length));
        let mut bytes =
            Vec::with_capacity(usize::try_from(length).map_err(|_| FootageError::Limit)?);
        while at < end {
            let piece = self.piece_by(&mut window, at, end).await?;
            if piece.bytes().is_empty() {
                return Err(FootageError::Unavailable);
            }
            bytes.extend_from_slice(piece.bytes());
            at = at.saturating_add(piece.bytes().len() as u64);
            piece.wipe();
        }
        Ok(bytes)
    }

    async fn piece_by(
        &self,
        window: &mut Window,
        at: u64,
        end: u64,
    ) -> Result<Plain, FootageError> {
        if let Some(whole) = &self.whole {
            return Ok(whole.within(&(at..end)));
        }
        let chunk_bytes = CHUNK_BYTES as u64;
        let (chunk, extent_chunks) = (at / chunk_bytes, EXTENT_CHUNKS as u64);
        let last_wanted = end.saturating_sub(1).max(at) / chunk_bytes;
        let last_of_extent =
            (chunk / extent_chunks).saturating_mul(extent_chunks).saturating_add(extent_chunks - 1);
        let last_of_piece = chunk.saturating_add(PIECE_CHUNKS - 1);
        let last = last_wanted.min(last_of_extent).min(last_of_piece);
        let count = last.saturating_sub(chunk).saturating_add(1);
        let plain = window.open(&self.footage, &self.located, chunk, count).await?;
        Ok(plain.within(&(at..end)))
    }
}

/// Returns the time of a still for people, in milliseconds since 1970. It is the earlier of the
/// time in the still's id, which the camera's clock gave, and the time at which it came here.
pub fn shown_time(located: &Located) -> u64 {
    let came = clock::time_milliseconds(located.version().as_bytes());
    located.asked().id().time_milliseconds().min(came)
}

/// Returns a name for exactly these bytes, for `ETag`: a part of the object's own keyed name.
pub fn entity_tag(located: &Located) -> String {
    let name = located.name().to_string();
    format!("\"{}\"", name.get(..32).unwrap_or_default())
}

#[async_trait]
impl Source for Held {
    fn located(&self) -> &Located {
        &self.located
    }
    async fn piece(&mut self, at: u64, end: u64) -> Result<Plain, Cut> {
        let mut window = std::mem::take(&mut self.window);
        let piece = self.piece_by(&mut window, at, end).await;
        self.window = window;
        piece.map_err(|_| Cut)
    }
}

/// The extent that is open now.
#[derive(Default)]
struct Window {
    open: Option<(u64, OpenExtent, Layer)>,
}

impl Window {
    /// Opens `count` chunks from `chunk` on, all of one extent. If a tier's chunk does not
    /// authenticate, the chunk is counted, and the next layer is asked for it.
    async fn open(
        &mut self,
        footage: &Footage,
        located: &Located,
        chunk: u64,
        count: u64,
    ) -> Result<Plain, FootageError> {
        let index = chunk / EXTENT_CHUNKS as u64;
        let first =
            usize::try_from(chunk % EXTENT_CHUNKS as u64).map_err(|_| FootageError::Limit)?;
        let count = usize::try_from(count).map_err(|_| FootageError::Limit)?;
        let ladder = &footage.ladder;
        let mut from = Layer::FIRST;
        loop {
            if self.open.as_ref().is_none_or(|(at, _, layer)| *at != index || *layer < from) {
                let (extent, layer) = ladder.open(located, index, from).await?;
                self.open = Some((index, extent, layer));
            }
            let Some((_, extent, layer)) = &self.open else {
                return Err(FootageError::Unavailable);
            };
            match extent.open(first, count) {
                Ok(plain) => return Ok(plain),
                Err(fault) if *layer < Layer::STORE => {
                    from = layer.deeper();
                    let camera = located.grant().camera();
                    ladder.rejected(camera, *layer, (located.name(), index), fault).await;
                }
                Err(_) => return Err(FootageError::Unavailable),
            }
        }
    }
}
