//! The other side: what a grant covers of a stream, and segments that are followed while they are
//! made.

use super::Live;
use super::fragments::{FRAGMENT_BYTES_MAX, INIT_BYTES_MAX};
use super::hub::{Channel, Listed};
use super::notes::{Closing, Opening};
use super::places::Place;
use crate::chain::Chain;
use crate::footage::FootageError;
use crate::sync::timeout_at;
use async_trait::async_trait;
use eyesonly_gate::live::{Chunk, Follow, Segment, Stream};
use eyesonly_gate::records::ASKS_MAX;
use eyesonly_gate::{Cut, Grant, Seam};
use eyesonly_rights::Fault;
use eyesonly_seal::{FootageId, SessionId};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// The most segments of a listing: more than a ring has.
pub const NEWEST_MAX: usize = 100;
/// The age at which what came last is no head any more, in milliseconds. A segment that is no older
/// is found again after a gap of the network.
const HEAD_MILLISECONDS_MAX: u64 = 20_000;
/// The age at which a chunk is not sent any more, in milliseconds: more than a ring has.
const FOLLOWED_MILLISECONDS_MAX: u64 = 30_000;
/// The longest wait for a new segment, in seconds.
pub const WAIT_SECONDS_MAX: u64 = 10;
/// The longest wait for the next chunk of a segment, in seconds. A camera may send a fragment every
/// ten seconds.
const CHUNK_SECONDS_MAX: u64 = 15;
/// The longest wait for a chunk that the hub has listed, in seconds.
const LISTED_SECONDS_MAX: u64 = 2;
/// The most bytes of a sealed chunk: a fragment, its notes and what sealing adds.
const CHUNK_SEALED_BYTES_MAX: usize = FRAGMENT_BYTES_MAX + INIT_BYTES_MAX;
/// The shortest time between two looks at a hub that wakes for nothing, in milliseconds.
const WOKEN_MILLISECONDS: u64 = 20;

/// A segment, as a handler is told of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shown {
    /// The segment. The time of its id is when its first chunk came.
    pub segment: FootageId,
    /// The segment before it, if it goes on where that one ends.
    pub before: Option<FootageId>,
    /// What it is.
    pub opening: Opening,
    /// What it became. `None` while it is being made.
    pub closing: Option<Closing>,
    /// When the newest of its chunks came, in milliseconds since 1970.
    pub newest_at_milliseconds: u64,
}

impl Live {
    /// Returns what there is of a stream, the oldest first, at most the newest `newest_max`
    /// segments. It is empty if the camera is off, or if nothing of it is within the grant.
    ///
    /// # Errors
    /// [`FootageError::Unavailable`] if the hub gives no proven answer.
    pub async fn segments(
        &self,
        grant: &Arc<Grant>,
        stream: Stream,
        newest_max: usize,
    ) -> Result<Vec<Shown>, FootageError> {
        let channel = (grant.camera(), stream);
        for _ in 0..ASKS_MAX {
            let mut older = self.proven(grant, channel, newest_max).await?;
            let Some((newest, chunks)) = older.pop() else { return Ok(Vec::new()) };
            let newest = match self.shown(&newest, chunks).await {
                Ok(newest) => newest,
                // The newest is dropped last. Without it, the ones before would be the head, and a
                // player would go back.
                Err(FootageError::NotFound) => continue,
                Err(error) => return Err(error),
            };
            if !self.is_head(&newest) {
                return Ok(Vec::new());
            }
            let mut shown = Vec::new();
            for (segment, chunks) in older {
                match self.shown(&segment, chunks).await {
                    Ok(one) => shown.push(one),
                    // It was dropped meanwhile.
                    Err(FootageError::NotFound) => {}
                    Err(error) => return Err(error),
                }
            }
            shown.push(newest);
            return Ok(shown);
        }
        Err(FootageError::Unavailable)
    }

    /// Proves the newest segments of a listing. Asks once more if an answer is rejected.
    async fn proven(
        &self,
        grant: &Arc<Grant>,
        channel: Channel,
        newest_max: usize,
    ) -> Result<Vec<(Segment, u64)>, FootageError> {
        for _ in 0..ASKS_MAX {
            // This is read before the question: the answer may lack what starts meanwhile.
            let head = self.head(channel);
            let listed = match self.hub.segments(channel).await {
                Ok(listed) => listed,
                Err(error) => {
                    tracing::warn!(error = %Chain(&error), "the hub did not answer");
                    continue;
                }
            };
            match self.check(grant, channel.1, head, &listed, newest_max) {
                Ok(proven) => {
                    if let Some(listed) = listed.last() {
                        self.saw(channel, listed.statement.segment);
                    }
                    return Ok(proven);
                }
                Err(fault) => self.reject(grant, fault),
            }
        }
        Err(FootageError::Unavailable)
    }

    fn check(
        &self,
        grant: &Arc<Grant>,
        stream: Stream,
        head: Option<FootageId>,
        listed: &[Listed],
        newest_max: usize,
    ) -> Result<Vec<(Segment, u64)>, Fault> {
        let rises = listed.is_sorted_by(|a, b| a.statement.segment < b.statement.segment);
        if !rises {
            return Err(Fault::WrongAnswer);
        }
        let newest = listed.len().saturating_sub(newest_max);
        let mut proven = Vec::new();
        for Listed { statement, chunks } in listed.iter().skip(newest) {
            // What lies outside of the right's window is left out.
            let segment = grant.prove_segment(stream, statement)?;
            proven.extend(segment.map(|segment| (segment, *chunks)));
        }
        // A head that is old is gone from the hub, and needs not be there.
        let oldest = self.clock.now_milliseconds().saturating_sub(HEAD_MILLISECONDS_MAX);
        let head = head.filter(|head| head.time_milliseconds() >= oldest);
        if listed.last().map(|listed| listed.statement.segment) < head {
            return Err(Fault::Stale);
        }
        Ok(proven)
    }

    async fn shown(&self, segment: &Segment, chunks: u64) -> Result<Shown, FootageError> {
        let limit = Duration::from_secs(LISTED_SECONDS_MAX);
        let first = self.chunk(segment, 0, limit).await?;
        let newest = match chunks.saturating_sub(1) {
            0 => None,
            number => Some(self.chunk(segment, number, limit).await?),
        };
        let read = |notes: &[u8]| serde_json::from_slice(notes);
        let opening = serde_json::from_slice(first.notes()).map_err(|_| FootageError::Unavailable);
        let closing = newest.as_ref().filter(|newest| newest.is_last());
        let closing = closing.map(|newest| read(newest.notes())).transpose();
        Ok(Shown {
            segment: segment.statement().segment,
            before: segment.statement().before,
            opening: opening?,
            closing: closing.map_err(|_| FootageError::Unavailable)?,
            newest_at_milliseconds: newest
                .map_or(first.arrived_at_milliseconds(), |newest| newest.arrived_at_milliseconds()),
        })
    }

    /// Opens one chunk, and waits for it. Asks once more if what came is not this chunk.
    async fn chunk(
        &self,
        segment: &Segment,
        number: u64,
        limit: Duration,
    ) -> Result<Chunk, FootageError> {
        let channel = (segment.grant().camera(), segment.statement().stream);
        let (id, deadline) = (segment.statement().segment, Instant::now() + limit);
        for _ in 0..ASKS_MAX {
            let asked = timeout_at(deadline, self.hub.chunk(channel, id, number)).await;
            match asked {
                Ok(Ok(Some(sealed))) if sealed.len() <= CHUNK_SEALED_BYTES_MAX => {
                    match segment.open(number, &sealed) {
                        Ok(chunk) => return Ok(chunk),
                        Err(fault) => self.reject(segment.grant(), fault),
                    }
                }
                Ok(Ok(Some(_))) => self.reject(segment.grant(), Fault::WrongLength),
                Ok(Ok(None)) => return Err(FootageError::NotFound),
                Ok(Err(error)) => {
                    tracing::warn!(error = %Chain(&error), "the hub gave no chunk");
                }
                Err(_) => break,
            }
        }
        Err(FootageError::Unavailable)
    }

    fn reject(&self, grant: &Grant, fault: Fault) {
        self.admission.records().reject(Seam::LiveHub, fault, Some(grant.camera()));
    }

    /// Opens a segment of a stream, to be followed.
    ///
    /// # Errors
    /// [`FootageError::NotFound`] if it is gone, never was, or is outside of the right.
    /// [`FootageError::Limit`] if the session follows too many. [`FootageError::Unavailable`] if
    /// the hub gives no proven answer.
    pub async fn open(
        self: &Arc<Self>,
        grant: &Arc<Grant>,
        stream: Stream,
        id: FootageId,
    ) -> Result<Followed, FootageError> {
        let proven = self.proven(grant, (grant.camera(), stream), NEWEST_MAX).await?;
        let mut found = proven.into_iter().map(|(segment, _)| segment);
        let segment = found.find(|segment| segment.statement().segment == id);
        let segment = segment.ok_or(FootageError::NotFound)?;
        let place = self.followed.take(grant.requester().session());
        let _place = place.ok_or(FootageError::Limit)?;
        Ok(Followed { live: Arc::clone(self), segment, _place })
    }

    /// Waits until a stream has another newest segment than `after`, or until the time is over.
    /// Who may wait was admitted with `grant`, which is not kept: what comes then is decided anew.
    ///
    /// # Errors
    /// [`FootageError::Limit`] if too many wait already, of the viewer, the household or in all.
    pub async fn wait(
        &self,
        grant: Arc<Grant>,
        stream: Stream,
        after: Option<FootageId>,
    ) -> Result<(), FootageError> {
        let channel = (grant.camera(), stream);
        let newest = self.proven(&grant, channel, 1).await?.pop();
        let newest = match newest {
            Some((segment, chunks)) => {
                let is_live = match self.shown(&segment, chunks).await {
                    Ok(shown) => self.is_head(&shown),
                    // It was dropped meanwhile.
                    Err(FootageError::NotFound) => false,
                    Err(error) => return Err(error),
                };
                let newest = segment.statement().segment;
                if is_live && after != Some(newest) {
                    return Ok(());
                }
                Some(newest)
            }
            None => None,
        };
        let waiting = &self.waiting;
        let _places = (
            waiting.of_viewers.take(grant.requester().viewer()).ok_or(FootageError::Limit)?,
            waiting.of_households.take(grant.household()).ok_or(FootageError::Limit)?,
            waiting.all.take(()).ok_or(FootageError::Limit)?,
        );
        drop(grant);
        let deadline = Instant::now() + Duration::from_secs(WAIT_SECONDS_MAX);
        if let Ok(Err(error)) = timeout_at(deadline, self.hub.started(channel, newest)).await {
            tracing::warn!(error = %Chain(&error), "the hub does not wake");
            tokio::time::sleep(Duration::from_millis(WOKEN_MILLISECONDS)).await;
        }
        Ok(())
    }

    /// Says whether the newest segment of a stream is young enough to be its head.
    fn is_head(&self, newest: &Shown) -> bool {
        let now = self.clock.now_milliseconds();
        now.saturating_sub(newest.newest_at_milliseconds) <= HEAD_MILLISECONDS_MAX
    }
}

/// A segment that is followed under its grant.
pub struct Followed {
    live: Arc<Live>,
    segment: Segment,
    _place: Place<SessionId>,
}

#[async_trait]
impl Follow for Followed {
    fn segment(&self) -> &Segment {
        &self.segment
    }
    async fn chunk(&mut self, number: u64) -> Result<Chunk, Cut> {
        let limit = Duration::from_secs(CHUNK_SECONDS_MAX);
        let chunk = self.live.chunk(&self.segment, number, limit).await.map_err(|_| Cut)?;
        // A hub that is late with each chunk would show the past, and nobody would see it.
        let now = self.live.clock.now_milliseconds();
        if now.saturating_sub(chunk.arrived_at_milliseconds()) > FOLLOWED_MILLISECONDS_MAX {
            self.live.reject(self.segment.grant(), Fault::Stale);
            return Err(Cut);
        }
        Ok(chunk)
    }
}
