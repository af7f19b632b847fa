//! The conventional server's ledger, as such servers keep one: which viewer it believed to ask, and
//! which camera it believed to show.
//!
//! The server enters what it knows, and that is its map. So an audit finds what went against the
//! database. What came wrongly from behind the API stands in the ledger as it should have been.

use crate::audit::{Audit, Exposed, Numbers, Pair};
use crate::town::Town;
use eyesonly_rights::ViewerRecord;
use eyesonly_seal::{CameraId, HouseholdId, ViewerId};
use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::Mutex;

/// What the ledger says.
enum Entry {
    /// Footage or details of this camera were handed to this viewer.
    Handed(ViewerId, CameraId),
    /// The database says from now on that a viewer has these cameras.
    Map(ViewerId, HashSet<CameraId>),
}

/// A conventional server's ledger.
#[derive(Default)]
pub struct Book(Mutex<Vec<Entry>>);

impl Book {
    fn enter(&self, entry: Entry) {
        if let Ok(mut entries) = self.0.lock() {
            entries.push(entry);
        }
    }

    /// Enters that something of a camera is handed to a viewer.
    pub fn handed(&self, viewer: ViewerId, camera: CameraId) {
        self.enter(Entry::Handed(viewer, camera));
    }

    /// Enters what was written into the database.
    pub fn written(&self, record: &ViewerRecord) {
        let cameras = record.cameras.iter().map(|right| right.camera).collect();
        self.enter(Entry::Map(record.viewer, cameras));
    }

    /// Audits the ledger against the map of its time, and compares that with what the clients saw.
    pub fn audit(&self, town: &Town, seen: &Exposed) -> Audit {
        let home = |place| (town.camera_id(place), town.household_id(place.household));
        let homes: HashMap<CameraId, HouseholdId> = town.all_places().map(home).collect();
        let numbers = Numbers::of(town);
        let mut map: HashMap<ViewerId, &HashSet<CameraId>> = HashMap::new();
        let (mut audit, mut listed) = (Audit::default(), BTreeSet::<Pair>::new());
        let Ok(entries) = self.0.lock() else { return audit };
        for entry in entries.iter() {
            match entry {
                Entry::Map(viewer, cameras) => {
                    audit.acts += 1;
                    map.insert(*viewer, cameras);
                }
                Entry::Handed(viewer, camera) => {
                    audit.deliveries += 1;
                    let has = map.get(viewer).is_some_and(|cameras| cameras.contains(camera));
                    if !has && let Some(household) = homes.get(camera) {
                        audit.listed += 1;
                        listed.insert(numbers.pair(viewer, household));
                    }
                }
            }
        }
        audit.compare(seen, &listed);
        audit
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::By;
    use crate::town::Place;
    use eyesonly_rights::{CameraRight, Kinds, Role, Window};

    #[test]
    fn it_knows_what_went_against_the_map_and_nothing_else() {
        let town = Town::new(5, 3, 0, 1, 1_800_000_000_000);
        let camera = |household| town.camera_id(Place { household, camera: 0 });
        let record = |viewer: u32, of: &[u32]| ViewerRecord {
            viewer: town.viewer_id(viewer),
            name: String::new(),
            households: Vec::new(),
            cameras: of
                .iter()
                .map(|of| CameraRight {
                    camera: camera(*of),
                    household: town.household_id(*of),
                    name: String::new(),
                    role: Role::Owner,
                    kinds: Kinds::ALL,
                    window: Window::default(),
                    expires_at_seconds: None,
                })
                .collect(),
            epoch: 0,
            sequence: 0,
        };
        let book = Book::default();
        (0..3).for_each(|viewer| book.written(&record(viewer, &[viewer])));
        let mut seen = Exposed::default();
        // Its map was mixed up: it entered whose camera it showed.
        book.handed(town.viewer_id(0), camera(1));
        seen.add((0, 1), By::Footage);
        // Its cache was mixed up: it believed to show the viewer's own.
        book.handed(town.viewer_id(1), camera(1));
        seen.add((1, 2), By::Footage);
        // The camera was taken, and its map is of before.
        book.handed(town.viewer_id(2), camera(2));
        book.written(&record(2, &[]));
        book.handed(town.viewer_id(2), camera(2));
        seen.add((2, 2), By::Footage);
        let audit = book.audit(&town, &seen);
        assert_eq!((audit.deliveries, audit.listed, audit.acts), (4, 2, 4));
        assert_eq!((audit.shown_known, audit.shown_unknown), (2, 1));
        assert_eq!((audit.pairs_known, audit.pairs_unknown, audit.pairs_alone), (2, 1, 0));
    }
}
