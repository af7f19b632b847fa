//! What cameras were last told to be there: their latest events, an id each.
//!
//! The index may withhold a row, and a page without it looks whole. So what this process acknowledged itself is remembered, a few ids a camera,
//! and missed where it should be. It must never decide that something is there: only that somebody was told so.

use crate::defence::{self, Defence};
use eyesonly_seal::{CameraId, FootageId};
use std::collections::{HashMap, VecDeque};
use std::sync::Mutex;

/// Events of one camera that are remembered: the latest that were handed in.
pub const EVENTS_MAX: usize = 4;
/// Cameras whose events are remembered: about 16 MiB. Past it, the events of further ones are not.
pub const CAMERAS_MAX: usize = 1 << 17;

/// The latest events of each camera.
#[derive(Default)]
pub struct Acknowledged(Mutex<HashMap<CameraId, VecDeque<FootageId>>>);

impl Acknowledged {
    /// Remembers an event that was acknowledged.
    pub fn add(&self, camera: CameraId, event: FootageId) {
        let Ok(mut cameras) = self.0.lock() else { return };
        if cameras.len() >= CAMERAS_MAX && !cameras.contains_key(&camera) {
            return;
        }
        let events = cameras.entry(camera).or_default();
        if events.len() >= EVENTS_MAX {
            events.pop_front();
        }
        events.push_back(event);
    }

    /// Forgets an event that was deleted.
    pub fn forget(&self, camera: CameraId, event: FootageId) {
        let Ok(mut cameras) = self.0.lock() else { return };
        let Some(events) = cameras.get_mut(&camera) else { return };
        events.retain(|id| *id != event);
        if events.is_empty() {
            cameras.remove(&camera);
        }
    }

    /// What is remembered of a camera. Ask before the index is asked: what is handed in meanwhile may or may not be in its answer.
    pub fn of(&self, camera: CameraId) -> Vec<FootageId> {
        if !defence::is_on(Defence::Acknowledged) {
            return Vec::new();
        }
        let cameras = self.0.lock();
        cameras.map_or_else(
            |_| Vec::new(),
            |cameras| cameras.get(&camera).into_iter().flatten().copied().collect(),
        )
    }
}

/// What of `known` belongs on a page of `limit` events before `before`, and is not among `shown` (newest first).
pub fn missed(known: &[FootageId], before: Option<FootageId>, limit: usize, shown: &[FootageId]) -> Vec<FootageId> {
    // A full page ends with its last event; one that is not full has all that there is.
    let last = shown.last().filter(|_| shown.len() >= limit);
    let belongs = |id: &&FootageId| before.is_none_or(|before| **id < before) && last.is_none_or(|last| *id > last);
    known
        .iter()
        .filter(belongs)
        .filter(|id| !shown.contains(id))
        .copied()
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const CAMERA: CameraId = CameraId::from_bytes([1; 16]);

    fn id(milliseconds: u64) -> FootageId {
        FootageId::from_time(milliseconds, [7; 10]).unwrap()
    }

    #[test]
    fn what_was_acknowledged_is_missed_where_it_belongs() {
        let known = [10, 20, 30].map(id);
        let check = |before: Option<u64>, limit, shown: &[u64], expected: &[u64]| {
            let shown: Vec<_> = shown.iter().map(|time| id(*time)).collect();
            let expected: Vec<_> = expected.iter().map(|time| id(*time)).collect();
            assert_eq!(
                missed(&known, before.map(id), limit, &shown),
                expected,
                "{before:?} {limit} {shown:?}"
            );
        };
        check(None, 10, &[30, 20, 10], &[]);
        check(None, 10, &[30, 10], &[20]);
        check(None, 10, &[], &[10, 20, 30]);
        check(None, 2, &[30, 20], &[]);
        check(None, 2, &[30, 10], &[20]);
        check(Some(20), 10, &[10, 5], &[]);
        check(Some(20), 10, &[5], &[10]);
    }

    #[test]
    fn a_few_are_remembered_and_what_was_deleted_is_forgotten() {
        let acknowledged = Acknowledged::default();
        for time in 1..=10 {
            acknowledged.add(CAMERA, id(time));
        }
        assert_eq!(acknowledged.of(CAMERA), [id(7), id(8), id(9), id(10)]);
        assert!(acknowledged.of(CameraId::from_bytes([2; 16])).is_empty());
        for time in 1..=10 {
            acknowledged.forget(CAMERA, id(time));
        }
        assert!(acknowledged.0.lock().unwrap().is_empty());
    }
}
