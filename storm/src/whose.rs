//! A register of whose each name is. Only a liar that knows everything could know this, and so
//! choose the lie that hurts most.
//!
//! The register learns from what passes the liars: the rows that are committed, and of each row the
//! renditions that the load asks for. Nothing of the edge ever reads it, nor writes to it.

use crate::town::Town;
use eyesonly_gate::Keys;
use eyesonly_gate::vault::ObjectRow;
use eyesonly_seal::{
    CameraId, CameraKey, Context, FootageId, HouseholdId, Kind, ObjectName, ObjectVersion,
    Question, Rendition, SealingKey,
};
use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

/// The widths of the stills that the load asks for, in pixels.
pub const WIDTHS: [u32; 2] = [160, 320];
/// The thumbnail handler's names for stills of these widths.
const RENDITIONS: [&str; 2] = ["w160-1", "w320-1"];

/// The identity of an object.
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
    /// The version under which it was sealed.
    pub version: ObjectVersion,
    /// The name of the rendition, if the object is one.
    pub rendition: Option<&'static str>,
}

impl Whose {
    /// Says whether one may be shown where the other is expected: the same kind, both renditions or
    /// neither.
    pub fn is_like(&self, other: &Self) -> bool {
        (self.kind, self.rendition.is_some()) == (other.kind, other.rendition.is_some())
    }
}

/// The keys of this system, and the handler that renditions are named by. A conventional server has
/// neither.
pub struct Known {
    /// Every household's key, and the installation's own.
    pub keys: Arc<dyn Keys>,
    /// The SHA-256 of the thumbnail handler.
    pub thumbnail: [u8; 32],
}

const SHARDS: usize = 64;
type Shard = Mutex<HashMap<ObjectName, Whose>>;

/// The meaning of each name of one server.
pub struct Names {
    known: Option<Known>,
    cameras: HashMap<CameraId, HouseholdId>,
    shards: [Shard; SHARDS],
    strangers: AtomicU64,
}

impl Names {
    /// Makes the names of a server that the town will be settled in.
    pub fn new(town: &Town, known: Option<Known>) -> Arc<Self> {
        let home = |place| (town.camera_id(place), town.household_id(place.household));
        Arc::new(Self {
            known,
            cameras: town.all_places().map(home).collect(),
            shards: std::array::from_fn(|_| Shard::default()),
            strangers: AtomicU64::new(0),
        })
    }

    /// Returns the keys of this system.
    pub fn keys(&self) -> Option<&Arc<dyn Keys>> {
        self.known.as_ref().map(|known| &known.keys)
    }

    /// Returns the household of a camera.
    pub fn household_of(&self, camera: CameraId) -> Option<HouseholdId> {
        self.cameras.get(&camera).copied()
    }

    /// Derives the key of a camera of the town.
    pub fn camera_key(&self, camera: CameraId) -> Option<CameraKey> {
        let household = self.household_of(camera)?;
        let key = self.keys()?.household_key(household).ok()?;
        Some(key.camera_key(&household, &camera))
    }

    /// Returns the key and the context that an object is sealed under.
    pub fn sealed_under(&self, whose: &Whose) -> Option<(SealingKey, Context)> {
        let key = self.camera_key(whose.camera)?;
        Some((key.footage_key(&whose.id), self.context(whose)?))
    }

    fn context(&self, whose: &Whose) -> Option<Context> {
        let Whose { household, camera, kind, id, version, rendition } = *whose;
        let handler = self.known.as_ref()?.thumbnail;
        let rendition = rendition.map(|name| Rendition { name, handler });
        Context::footage(&Question { household, camera, kind, rendition, object: id }, version).ok()
    }

    fn shard(&self, name: ObjectName) -> Option<&Shard> {
        let first = name.as_bytes().first().copied().unwrap_or(0);
        self.shards.get(usize::from(first) % SHARDS)
    }

    /// Notes which object has this name.
    pub fn note(&self, name: ObjectName, whose: Whose) {
        if let Some(Ok(mut names)) = self.shard(name).map(|shard| shard.lock()) {
            names.entry(name).or_insert(whose);
        }
    }

    /// Notes a row that is about to be committed, and the names that its renditions will have.
    pub fn committed(&self, household: HouseholdId, row: &ObjectRow) {
        let ObjectRow { camera, kind, id, version, .. } = *row;
        let whose = Whose { household, camera, kind, id, version, rendition: None };
        if row.rendition {
            return;
        }
        self.note(row.name, whose);
        if !matches!(kind, Kind::Still | Kind::EventStill) {
            return;
        }
        let Some(key) = self.camera_key(camera) else { return };
        for name in RENDITIONS {
            let whose = Whose { rendition: Some(name), ..whose };
            if let Some(context) = self.context(&whose) {
                self.note(key.object_name(&context), whose);
            }
        }
    }

    /// Returns the object with this name, if it was noted.
    pub fn is(&self, name: ObjectName) -> Option<Whose> {
        let found = self.shard(name)?.lock().ok()?.get(&name).copied();
        if found.is_none() {
            self.strangers.fetch_add(1, Ordering::Relaxed);
        }
        found
    }

    /// Returns how often a name was asked about that nobody had noted. Of such a name, liars tell
    /// nothing.
    pub fn strangers(&self) -> u64 {
        self.strangers.load(Ordering::Relaxed)
    }
}
