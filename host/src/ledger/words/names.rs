//! The names that the registry has today for the ids in entries.

use eyesonly_rights::{CameraRecord, ViewerRecord};
use eyesonly_seal::{CameraId, HouseholdId, ViewerId};
use eyesonly_service::admin::{Admin, AdminError, HouseholdRecord};
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::hash::Hash;

/// What stands for the name of an account that the registry does not have.
pub const NO_ACCOUNT: &str = "an account that is gone";
/// What stands for the name of a camera that the registry does not have.
pub const NO_CAMERA: &str = "a camera that is gone";
/// What stands for the name of a household that the registry does not have.
pub const NO_HOUSEHOLD: &str = "a household that is gone";

/// Says whose account it is: the login name, and the id.
pub fn account(name: Option<&str>, id: ViewerId) -> String {
    format!("{} ({id})", name.unwrap_or(NO_ACCOUNT))
}

/// Says which camera it is: its name, and the id.
pub fn camera(name: Option<&str>, id: CameraId) -> String {
    format!("{} ({id})", name.unwrap_or(NO_CAMERA))
}

/// Says which household it is: its name, and the id.
pub fn household(name: Option<&str>, id: HouseholdId) -> String {
    format!("{} ({id})", name.unwrap_or(NO_HOUSEHOLD))
}

/// The names that were read. `None`: the registry has no such record.
#[derive(Debug, Default)]
pub struct Names {
    viewers: HashMap<ViewerId, Option<String>>,
    cameras: HashMap<CameraId, Option<String>>,
    households: HashMap<HouseholdId, Option<String>>,
}

impl Names {
    /// Returns the login name of a viewer.
    ///
    /// # Errors
    /// [`AdminError`] if the registry can't be read.
    pub async fn viewer(
        &mut self,
        admin: &Admin,
        id: Option<ViewerId>,
    ) -> Result<Option<String>, AdminError> {
        let Some(id) = id else { return Ok(None) };
        let record = admin.read::<ViewerRecord>(id.as_bytes(), "viewer");
        once(&mut self.viewers, id, record, |record| record.name).await
    }

    /// Returns the name of a camera.
    ///
    /// # Errors
    /// [`AdminError`] if the registry can't be read.
    pub async fn camera(
        &mut self,
        admin: &Admin,
        id: Option<CameraId>,
    ) -> Result<Option<String>, AdminError> {
        let Some(id) = id else { return Ok(None) };
        let record = admin.read::<CameraRecord>(id.as_bytes(), "camera");
        once(&mut self.cameras, id, record, |record| record.name).await
    }

    /// Returns the name of a household.
    ///
    /// # Errors
    /// [`AdminError`] if the registry can't be read.
    pub async fn household(
        &mut self,
        admin: &Admin,
        id: Option<HouseholdId>,
    ) -> Result<Option<String>, AdminError> {
        let Some(id) = id else { return Ok(None) };
        let record = admin.read::<HouseholdRecord>(id.as_bytes(), "household");
        once(&mut self.households, id, record, |record| record.name).await
    }
}

/// Returns the name in a record, which is read at most once.
async fn once<I: Eq + Hash, R>(
    known: &mut HashMap<I, Option<String>>,
    id: I,
    record: impl Future<Output = Result<R, AdminError>>,
    of: fn(R) -> String,
) -> Result<Option<String>, AdminError> {
    match known.entry(id) {
        Entry::Occupied(known) => Ok(known.get().clone()),
        Entry::Vacant(unknown) => {
            let name = match record.await {
                Ok(record) => Some(of(record)),
                Err(AdminError::Absent(_)) => None,
                Err(error) => return Err(error),
            };
            Ok(unknown.insert(name).clone())
        }
    }
}
