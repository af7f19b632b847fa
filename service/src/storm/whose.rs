//! Whose a name is: what only a liar that knows everything could know, so that it can choose the lie that hurts most.
//!
//! The vault notes each name here as it makes it, in storm's build alone. Nothing of the edge ever reads it.

use eyesonly_seal::{CameraId, FootageId, HouseholdId, Kind, ObjectName};
use std::collections::HashMap;
use std::sync::{LazyLock, Mutex};

/// What an object is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Whose {
    /// Its household.
    pub household: HouseholdId,
    /// Its camera.
    pub camera: CameraId,
    /// Its kind.
    pub kind: Kind,
    /// Its id.
    pub id: FootageId,
    /// It is a rendition.
    pub rendition: bool,
}

const SHARDS: usize = 64;
type Shard = Mutex<HashMap<ObjectName, Whose>>;
static NAMES: LazyLock<[Shard; SHARDS]> = LazyLock::new(|| std::array::from_fn(|_| Shard::default()));

fn shard(name: ObjectName) -> Option<&'static Shard> {
    let first = name.as_bytes().first().copied().unwrap_or(0);
    NAMES.get(usize::from(first) % SHARDS)
}

/// Notes what has this name.
pub fn note(name: ObjectName, whose: Whose) {
    if let Some(Ok(mut names)) = shard(name).map(|shard| shard.lock()) {
        names.entry(name).or_insert(whose);
    }
}

/// What has this name, if it was noted.
pub fn is(name: ObjectName) -> Option<Whose> {
    shard(name)?.lock().ok()?.get(&name).copied()
}

/// Forgets all of it, between runs.
pub fn forget() {
    for shard in &*NAMES {
        if let Ok(mut names) = shard.lock() {
            names.clear();
        }
    }
}
