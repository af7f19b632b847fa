//! What cameras were last told to be there.
//!
//! The index may withhold a row, and an answer without it looks whole. So what this process acknowledged itself is
//! remembered, within bounds: of each camera its latest events and its newest still, and the names of all objects. It
//! must never decide that something is there: only that somebody was told so.

use eyesonly_seal::{CameraId, FootageId, ObjectName};
use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::Mutex;

/// Events of one camera that are remembered: the latest that were handed in.
pub const EVENTS_MAX: usize = 4;
/// Cameras whose events are remembered: about 16 MiB. Past it, the events of further ones are not.
pub const CAMERAS_MAX: usize = 1 << 17;
/// How many cameras' newest stills are remembered as a floor for the pointer (an id each). Past it, new ones are not held
/// to it.
pub const NEWEST_MAX: usize = 1 << 20;
/// How many objects' names are remembered: about 32 MiB. Past it, collection waits for the next start.
pub const NAMES_MAX: usize = 1 << 20;

/// What was acknowledged since this process started.
#[derive(Default)]
pub struct Acknowledged {
    events: Mutex<HashMap<CameraId, VecDeque<FootageId>>>,
    newest: Mutex<HashMap<CameraId, FootageId>>,
    names: Mutex<Names>,
}

#[derive(Default)]
struct Names {
    /// First bytes of names: enough to tell them apart. Two that are alike keep an object too many.
    kept: HashSet<u64>,
    /// There were more than can be kept.
    are_more: bool,
}

fn start_of(name: ObjectName) -> u64 {
    name.as_bytes().first_chunk().copied().map_or(0, u64::from_be_bytes)
}

impl Acknowledged {
    /// Remembers the name of an object that was acknowledged.
    pub fn add_name(&self, name: ObjectName) {
        let Ok(mut names) = self.names.lock() else { return };
        if names.kept.len() < NAMES_MAX {
            names.kept.insert(start_of(name));
        } else {
            names.are_more = true;
        }
    }

    /// Forgets the name of an object that was deleted.
    pub fn forget_name(&self, name: ObjectName) {
        if let Ok(mut names) = self.names.lock() {
            names.kept.remove(&start_of(name));
        }
    }

    /// Says whether this may be the name of an object that was acknowledged: then nobody deletes it for want of a row.
    pub fn may_have(&self, name: ObjectName) -> bool {
        self.names
            .lock()
            .map_or(true, |names| names.are_more || names.kept.contains(&start_of(name)))
    }

    /// The newest still of a camera that this process has seen or acknowledged.
    pub fn newest(&self, camera: CameraId) -> Option<FootageId> {
        self.newest.lock().ok()?.get(&camera).copied()
    }

    /// Remembers a still as the newest, if it is.
    pub fn newest_is(&self, camera: CameraId, id: FootageId) {
        let Ok(mut newest) = self.newest.lock() else { return };
        match newest.get_mut(&camera) {
            Some(seen) => *seen = id.max(*seen),
            None => {
                if newest.len() < NEWEST_MAX {
                    newest.insert(camera, id);
                }
            }
        }
    }

    /// Remembers an event that was acknowledged.
    pub fn add(&self, camera: CameraId, event: FootageId) {
        let Ok(mut cameras) = self.events.lock() else { return };
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
        let Ok(mut cameras) = self.events.lock() else { return };
        let Some(events) = cameras.get_mut(&camera) else { return };
        events.retain(|id| *id != event);
        if events.is_empty() {
            cameras.remove(&camera);
        }
    }

    /// What is remembered of a camera. Ask before the index is asked: what is handed in meanwhile may or may not be in its answer.
    pub fn of(&self, camera: CameraId) -> Vec<FootageId> {
        let cameras = self.events.lock();
        cameras.map_or_else(
            |_| Vec::new(),
            |cameras| cameras.get(&camera).into_iter().flatten().copied().collect(),
        )
    }
}

/// Says which of `known` belong on a page of `limit` events before `before`, and are not among `shown` (newest first).
pub fn withheld(
    known: &[FootageId],
    before: Option<FootageId>,
    limit: usize,
    shown: &[FootageId],
) -> Vec<FootageId> {
    // A full page ends with its last event; one that is not full has all that there is.
    let last = shown.last().filter(|_| shown.len() >= limit);
    let belongs = |id: &&FootageId| {
        before.is_none_or(|before| **id < before) && last.is_none_or(|last| *id > last)
    };
    known.iter().filter(belongs).filter(|id| !shown.contains(id)).copied().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const CAMERA: CameraId = CameraId::from_bytes([1; 16]);

    fn id(milliseconds: u64) -> FootageId {
        FootageId::from_time(milliseconds, [7; 10]).unwrap()
    }

    #[test]
    fn what_was_acknowledged_is_noticed_where_it_is_withheld() {
        let known = [10, 20, 30].map(id);
        let check = |before: Option<u64>, limit, shown: &[u64], expected: &[u64]| {
            let shown: Vec<_> = shown.iter().map(|time| id(*time)).collect();
            let expected: Vec<_> = expected.iter().map(|time| id(*time)).collect();
            assert_eq!(
                withheld(&known, before.map(id), limit, &shown),
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
        assert!(acknowledged.events.lock().unwrap().is_empty());
    }

    #[test]
    fn names_are_kept_until_they_are_deleted() {
        let acknowledged = Acknowledged::default();
        let [one, two] = [1, 2].map(|n| ObjectName::from_bytes([n; 32]));
        acknowledged.add_name(one);
        assert!(acknowledged.may_have(one) && !acknowledged.may_have(two));
        acknowledged.forget_name(one);
        assert!(!acknowledged.may_have(one));
        acknowledged.names.lock().unwrap().are_more = true;
        assert!(acknowledged.may_have(one), "past the bound nothing is known to be nobody's");
    }
}
