//! What the owner of a household sees of its people, and what a viewer was given by others.

use super::household::HouseholdRecord;
use super::{Admin, AdminError};
use crate::clock;
use eyesonly_rights::{CameraRecord, CameraRight, CameraState, Role, ViewerRecord};
use eyesonly_seal::{CameraId, HouseholdId, ViewerId};
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

/// What a viewer shares, and has from others.
#[derive(Debug, Clone)]
pub struct Sharing {
    /// The viewer.
    pub viewer: ViewerId,
    /// The viewer's own login name.
    pub name: String,
    /// The households that the viewer owns.
    pub owned: Vec<Owned>,
    /// The rights that the viewer has from others, with the names of the households.
    pub given: Vec<(CameraRight, String)>,
}

/// A household, as its owner sees it.
#[derive(Debug, Clone)]
pub struct Owned {
    /// Its record, with what is in force.
    pub record: HouseholdRecord,
    /// The names and states of its cameras, in the record's order.
    pub cameras: Vec<(CameraId, String, CameraState)>,
    /// The login names of its people, and of those who ask. An account that was removed has none.
    pub names: BTreeMap<ViewerId, String>,
}

impl Admin {
    /// Returns what the viewer who asks shares, and has from others.
    ///
    /// # Errors
    /// The session is not live, or the registry gave no proven answer.
    pub async fn sharing(&self) -> Result<Sharing, AdminError> {
        let viewer = self.viewer().await?;
        let now = clock::now_seconds();
        let record: ViewerRecord = self.read(viewer.as_bytes(), "viewer").await?;
        let mut owned = Vec::new();
        for household in &record.households {
            let home = self.records.read::<HouseholdRecord>(household.as_bytes()).await?;
            // A membership that has ended by itself may outlive its household.
            let Some(home) = home else { continue };
            let home = home.in_force(now);
            if home.has_owner(viewer) {
                owned.push(self.owned(home).await?);
            }
        }
        let mut households: BTreeMap<HouseholdId, String> = BTreeMap::new();
        let mut given = Vec::new();
        for right in record.cameras.into_iter().filter(|right| right.role != Role::Owner) {
            if right.expires_at_seconds.is_some_and(|at| at <= now) {
                continue;
            }
            let name = match households.entry(right.household) {
                Entry::Occupied(known) => known.into_mut(),
                Entry::Vacant(unknown) => {
                    let key = right.household;
                    let home = self.records.read::<HouseholdRecord>(key.as_bytes()).await?;
                    unknown.insert(home.map(|home| home.name).unwrap_or_default())
                }
            };
            given.push((right, name.clone()));
        }
        Ok(Sharing { viewer, name: record.name, owned, given })
    }

    /// Returns a household that the viewer who asks owns.
    ///
    /// # Errors
    /// [`AdminError::Absent`] if there is none, or if it is another's.
    pub async fn owned_household(&self, household: HouseholdId) -> Result<Owned, AdminError> {
        let viewer = self.viewer().await?;
        let home: HouseholdRecord = self.read(household.as_bytes(), "household").await?;
        let home = home.in_force(clock::now_seconds());
        if !home.has_owner(viewer) {
            return Err(AdminError::Absent("household"));
        }
        self.owned(home).await
    }

    async fn owned(&self, record: HouseholdRecord) -> Result<Owned, AdminError> {
        let mut cameras = Vec::new();
        for camera in &record.cameras {
            let known: CameraRecord = self.read(camera.as_bytes(), "camera").await?;
            cameras.push((*camera, known.name, known.state));
        }
        let asks = record.invitations.iter().filter_map(|invitation| {
            invitation.offer.viewer.or(invitation.request.map(|request| request.viewer))
        });
        let givers = record.shares.iter().filter_map(|share| share.giver);
        let mut names = BTreeMap::new();
        for viewer in record.people().into_iter().chain(asks).chain(givers) {
            if names.contains_key(&viewer) {
                continue;
            }
            if let Some(known) = self.records.read::<ViewerRecord>(viewer.as_bytes()).await? {
                names.insert(viewer, known.name);
            }
        }
        Ok(Owned { record, cameras, names })
    }
}
