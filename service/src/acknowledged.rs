//! The memory of what this process acknowledged to cameras.
//!
//! The index may withhold a row, and an answer without that row looks complete. So this module
//! remembers, within bounds, what this process acknowledged itself. The memory has each camera's
//! latest events and newest still, and the names of all objects. This module must never decide that
//! something is there: only that somebody was told so.

use eyesonly_seal::{CameraId, FootageId, ObjectName, ObjectVersion};
use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::Mutex;

/// The most events of one camera that are remembered: the latest that were handed in.
pub const EVENTS_MAX: usize = 4;
/// The most cameras whose events are remembered, which takes about 16 MiB. Events of further
/// cameras are not remembered.
pub const CAMERAS_MAX: usize = 1 << 17;
/// The most cameras whose newest still is remembered, as a floor for the pointer. Each takes one
/// version. The pointers of further cameras are not held to a floor.
pub const NEWEST_MAX: usize = 1 << 20;
/// The most object names that are remembered, which takes about 32 MiB. If there are more names,
/// collection waits for the next start.
pub const NAMES_MAX: usize = 1 << 20;

/// The memory of what was acknowledged since this process started.
#[derive(Default)]
pub struct Acknowledged {
    events: Mutex<HashMap<CameraId, VecDeque<FootageId>>>,
    newest: Mutex<HashMap<CameraId, ObjectVersion>>,
    names: Mutex<Names>,
}

#[derive(Default)]
struct Names {
    /// The first 8 bytes of each name, enough to tell names apart. If two names share these bytes,
    /// one object too many is kept.
    kept: HashSet<u64>,
    /// Says that there were more names than can be kept.
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

    /// Says whether this may be the name of an object that was acknowledged. Such an object is not
    /// deleted for want of a row.
    pub fn may_have(&self, name: ObjectName) -> bool {
        self.names
            .lock()
            .map_or(true, |names| names.are_more || names.kept.contains(&start_of(name)))
    }

    /// Returns the version of the newest still of a camera that this process has seen or
    /// acknowledged.
    pub fn newest(&self, camera: CameraId) -> Option<ObjectVersion> {
        self.newest.lock().ok()?.get(&camera).copied()
    }

    /// Remembers a still as the camera's newest, unless one that came later is known.
    pub fn newest_is(&self, camera: CameraId, version: ObjectVersion) {
        let Ok(mut newest) = self.newest.lock() else { return };
        match newest.get_mut(&camera) {
            Some(seen) => *seen = version.max(*seen),
            None => {
                if newest.len() < NEWEST_MAX {
                    newest.insert(camera, version);
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

    /// Returns the remembered events of a camera. Call this before asking the index: the index's
    /// answer may lack what is handed in meanwhile.
    pub fn of(&self, camera: CameraId) -> Vec<FootageId> {
        let cameras = self.events.lock();
        cameras.map_or_else(
            |_| Vec::new(),
            |cameras| cameras.get(&camera).into_iter().flatten().copied().collect(),
        )
    }
}

/// Returns the events of `known` that belong on a page but are not among `shown`. The page has up
/// to `limit` events before `before`, and `shown` lists the newest first.
pub fn withheld(
    known: &[FootageId],
    before: Option<FootageId>,
    limit: usize,
    shown: &[FootageId],
) -> Vec<FootageId> {
    // A full page ends with its last event. A page that is not full has every event there is.
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
