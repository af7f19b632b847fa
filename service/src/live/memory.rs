//! The hub of one process: a ring of segments for each stream, in memory, under a budget.

use super::hub::{Channel, HubError, Listed, LiveHub};
use crate::clock;
use async_trait::async_trait;
use bytes::Bytes;
use eyesonly_gate::SealedPart;
use eyesonly_gate::live::Statement;
use eyesonly_seal::{CameraId, FootageId, HouseholdId};
use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};
use tokio::sync::watch;

/// The shortest time that a ring keeps, in milliseconds. The running segment is kept anyway.
pub const RING_MILLISECONDS: u64 = 12_000;
/// The age at which the ring of a stream that ended goes, in milliseconds.
const FORGOTTEN_MILLISECONDS: u64 = 60_000;
/// The time between two looks for such rings, in milliseconds.
const SWEEP_MILLISECONDS: u64 = 1_000;
/// The share of the budget that one household may have: an eighth.
const HOUSEHOLD_SHARE: u64 = 8;
/// The bytes that a chunk costs besides its own.
const CHUNK_OVERHEAD_BYTES: u64 = 64;

/// A hub in memory.
pub struct MemoryHub {
    budget_bytes: u64,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    rings: HashMap<Channel, Ring>,
    bytes: u64,
    of_households: HashMap<HouseholdId, u64>,
    swept_at_milliseconds: u64,
}

/// The last segments of one stream.
struct Ring {
    household: Option<HouseholdId>,
    segments: VecDeque<Kept>,
    /// Counts what has changed, for those who wait.
    changes: watch::Sender<u64>,
}

struct Kept {
    statement: Statement,
    chunks: Vec<Bytes>,
    bytes: u64,
}

impl Kept {
    fn time(&self) -> u64 {
        self.statement.segment.time_milliseconds()
    }
}

impl Default for Ring {
    fn default() -> Self {
        Self { household: None, segments: VecDeque::new(), changes: watch::Sender::new(0) }
    }
}

impl Ring {
    /// Returns the newest segment that is listed: one that has a chunk.
    fn newest(&self) -> Option<FootageId> {
        let listed = self.segments.iter().rev().find(|kept| !kept.chunks.is_empty());
        listed.map(|kept| kept.statement.segment)
    }
    fn find(&self, segment: FootageId) -> Option<&Kept> {
        self.segments.iter().rev().find(|kept| kept.statement.segment == segment)
    }
    fn changed(&self) {
        self.changes.send_modify(|count| *count = count.wrapping_add(1));
    }
}

impl State {
    /// Gives back the bytes of one segment.
    fn freed(&mut self, household: Option<HouseholdId>, bytes: u64) {
        self.bytes = self.bytes.saturating_sub(bytes);
        if let Some(household) = household
            && let Some(of) = self.of_households.get_mut(&household)
        {
            *of = of.saturating_sub(bytes);
            if *of == 0 {
                self.of_households.remove(&household);
            }
        }
    }

    /// Drops the oldest segment of a ring, but never the running one. Returns false if there is
    /// none to drop.
    fn drop_oldest(&mut self, channel: Channel) -> bool {
        let Some(ring) = self.rings.get_mut(&channel).filter(|ring| ring.segments.len() > 1) else {
            return false;
        };
        let household = ring.household;
        let Some(kept) = ring.segments.pop_front() else { return false };
        self.freed(household, kept.bytes);
        true
    }

    fn drop_ring(&mut self, channel: Channel) {
        if let Some(ring) = self.rings.get_mut(&channel) {
            let bytes = ring.segments.iter().map(|kept| kept.bytes).sum();
            let household = ring.household.take();
            ring.segments.clear();
            ring.changed();
            if ring.changes.is_closed() {
                self.rings.remove(&channel);
            }
            self.freed(household, bytes);
        }
    }

    /// Drops what nobody can ask for any more: rings that ended, and empty ones where nobody waits.
    fn sweep(&mut self, now_milliseconds: u64) {
        if now_milliseconds.saturating_sub(self.swept_at_milliseconds) < SWEEP_MILLISECONDS {
            return;
        }
        self.swept_at_milliseconds = now_milliseconds;
        let old: Vec<Channel> = self
            .rings
            .iter()
            .filter(|(_, ring)| match ring.segments.back() {
                Some(kept) => now_milliseconds.saturating_sub(kept.time()) > FORGOTTEN_MILLISECONDS,
                None => ring.changes.is_closed(),
            })
            .map(|(channel, _)| *channel)
            .collect();
        for channel in old {
            self.drop_ring(channel);
        }
    }
}

impl MemoryHub {
    /// Makes a hub that holds at most `budget_bytes`.
    #[must_use]
    pub fn new(budget_bytes: u64) -> Self {
        Self { budget_bytes, state: Mutex::default() }
    }

    /// Returns how many bytes it holds.
    pub fn held_bytes(&self) -> u64 {
        self.state().bytes
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Each change of the state is complete before anything in it can panic.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn watch(&self, channel: Channel) -> watch::Receiver<u64> {
        self.state().rings.entry(channel).or_default().changes.subscribe()
    }

    fn has_room(&self, state: &State, household: HouseholdId, bytes: u64) -> bool {
        let of = state.of_households.get(&household).copied().unwrap_or(0);
        state.bytes.saturating_add(bytes) <= self.budget_bytes
            && of.saturating_add(bytes) <= self.budget_bytes / HOUSEHOLD_SHARE
    }
}

#[async_trait]
impl LiveHub for MemoryHub {
    async fn start(
        &self,
        household: HouseholdId,
        channel: Channel,
        statement: Statement,
    ) -> Result<(), HubError> {
        let mut state = self.state();
        // What one stream says of the time must not count for the others.
        state.sweep(clock::now_milliseconds());
        let now_milliseconds = statement.segment.time_milliseconds();
        let ring = state.rings.entry(channel).or_default();
        ring.household = Some(household);
        ring.segments.push_back(Kept { statement, chunks: Vec::new(), bytes: 0 });
        loop {
            let second = state.rings.get(&channel).and_then(|ring| ring.segments.get(1));
            let is_enough = second.is_some_and(|second| {
                now_milliseconds.saturating_sub(second.time()) >= RING_MILLISECONDS
            });
            if !is_enough || !state.drop_oldest(channel) {
                return Ok(());
            }
        }
    }

    async fn append(
        &self,
        channel: Channel,
        segment: FootageId,
        number: u64,
        chunk: SealedPart,
    ) -> Result<(), HubError> {
        let mut state = self.state();
        let ring = state.rings.get(&channel).ok_or(HubError::Gone)?;
        let household = ring.household.ok_or(HubError::Gone)?;
        let bytes = (chunk.bytes().len() as u64).saturating_add(CHUNK_OVERHEAD_BYTES);
        while !self.has_room(&state, household, bytes) {
            if !state.drop_oldest(channel) {
                return Err(HubError::Full);
            }
        }
        let ring = state.rings.get_mut(&channel).ok_or(HubError::Gone)?;
        let kept = ring.segments.back_mut().filter(|kept| kept.statement.segment == segment);
        let kept = kept.filter(|kept| kept.chunks.len() as u64 == number).ok_or(HubError::Gone)?;
        kept.chunks.push(chunk.into_bytes());
        kept.bytes = kept.bytes.saturating_add(bytes);
        ring.changed();
        state.bytes = state.bytes.saturating_add(bytes);
        let of = state.of_households.entry(household).or_default();
        *of = of.saturating_add(bytes);
        Ok(())
    }

    async fn segments(&self, channel: Channel) -> Result<Vec<Listed>, HubError> {
        let state = self.state();
        let kept = state.rings.get(&channel).into_iter().flat_map(|ring| &ring.segments);
        Ok(kept
            .filter(|kept| !kept.chunks.is_empty())
            .map(|kept| Listed {
                statement: kept.statement.clone(),
                chunks: kept.chunks.len() as u64,
            })
            .collect())
    }

    async fn chunk(
        &self,
        channel: Channel,
        segment: FootageId,
        number: u64,
    ) -> Result<Option<Bytes>, HubError> {
        let number = usize::try_from(number).map_err(|_| HubError::Gone)?;
        let mut watch = None;
        loop {
            {
                let state = self.state();
                let ring = state.rings.get(&channel);
                let Some(kept) = ring.and_then(|ring| ring.find(segment)) else {
                    return Ok(None);
                };
                if let Some(chunk) = kept.chunks.get(number) {
                    return Ok(Some(chunk.clone()));
                }
            }
            // The first look is without a watch, since most chunks are there already.
            match &mut watch {
                None => watch = Some(self.watch(channel)),
                Some(watch) => watch.changed().await.map_err(|_| HubError::Gone)?,
            }
        }
    }

    async fn started(&self, channel: Channel, newest: Option<FootageId>) -> Result<(), HubError> {
        let mut watch = self.watch(channel);
        loop {
            let now = self.state().rings.get(&channel).and_then(Ring::newest);
            if now != newest && now.is_some() {
                return Ok(());
            }
            watch.changed().await.map_err(|_| HubError::Gone)?;
        }
    }

    async fn forget(&self, camera: CameraId) -> Result<(), HubError> {
        let mut state = self.state();
        let of: Vec<Channel> =
            state.rings.keys().filter(|(of, _)| *of == camera).copied().collect();
        for channel in of {
            state.drop_ring(channel);
        }
        Ok(())
    }
}
