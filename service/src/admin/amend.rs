//! Changes of a household, camera or viewer that exists: its quota, its credential, its password.
//!
//! Each change is one commit, a compare-and-swap of the records that it read. It must never
//! overwrite what somebody else wrote meanwhile.

use super::{Admin, AdminError, Deed, HouseholdRecord, NewCamera, quota};
use crate::clock;
use crate::identity::{AccountRecord, account_name, hash_password};
use eyesonly_rights::{CameraRecord, ViewerRecord};
use eyesonly_seal::{CameraId, CredentialId, HouseholdId, ViewerId};
use zeroize::Zeroizing;

impl Admin {
    /// Changes how many bytes a household may hold, in its own record and in that of each of its
    /// cameras.
    ///
    /// # Errors
    /// The quota can't be used, there is no such household, or the registry gave no proven answer.
    pub async fn set_quota(
        &self,
        household: HouseholdId,
        quota_bytes: u64,
    ) -> Result<(), AdminError> {
        quota(quota_bytes)?;
        self.settle(async |writing| {
            let mut home: HouseholdRecord = self.read(household.as_bytes(), "household").await?;
            for camera in &home.cameras {
                let mut record: CameraRecord = self.read(camera.as_bytes(), "camera").await?;
                record.quota_bytes = quota_bytes;
                let expect = writing.renumber(&mut record.sequence);
                writing.put(&record, expect)?;
            }
            home.quota_bytes = quota_bytes;
            writing.act(Deed::Household, Some(household), None, None);
            let expect = writing.renumber(&mut home.sequence);
            writing.put(&home, expect)
        })
        .await
    }

    /// Gives a camera a new credential. The old one is refused from the next request on. The
    /// footage stays.
    ///
    /// # Errors
    /// The camera's enrolment has ended, there is no such camera, or the registry gave no proven
    /// answer.
    pub async fn renew_credential(&self, camera: CameraId) -> Result<NewCamera, AdminError> {
        let fresh = CredentialId::from_bytes(clock::fresh_id());
        let household = self
            .settle(async |writing| {
                let mut record: CameraRecord = self.read(camera.as_bytes(), "camera").await?;
                if record.credential.replace(fresh).is_none() {
                    return Err(AdminError::Ended);
                }
                writing.act(Deed::Camera, Some(record.household), Some(camera), None);
                let expect = writing.renumber(&mut record.sequence);
                writing.put(&record, expect)?;
                Ok(record.household)
            })
            .await?;
        Ok(self.new_camera(household, camera, fresh))
    }

    /// Gives a viewer a new password, and ends the viewer's sessions: each started in an epoch that
    /// is over.
    ///
    /// # Errors
    /// The password can't be used, there is no such viewer, or the registry gave no proven answer.
    pub async fn set_password(
        &self,
        viewer: ViewerId,
        password: &Zeroizing<String>,
    ) -> Result<(), AdminError> {
        self.write_password(viewer, hash_password(password)?, None).await
    }

    /// Gives the viewer who asks a new password, and ends all of their sessions, the one that asks
    /// among them. `checked` is the account's record that the old password was checked against.
    ///
    /// # Errors
    /// [`AdminError::Changed`] if the account has changed since. Others as
    /// [`Admin::set_password`].
    pub async fn change_password(
        &self,
        checked: &AccountRecord,
        password_hash: String,
    ) -> Result<(), AdminError> {
        self.write_password(checked.viewer, password_hash, Some(checked.sequence)).await
    }

    async fn write_password(
        &self,
        viewer: ViewerId,
        password_hash: String,
        checked_at: Option<u64>,
    ) -> Result<(), AdminError> {
        self.settle(async |writing| {
            let mut rights: ViewerRecord = self.read(viewer.as_bytes(), "viewer").await?;
            let account = account_name(&self.accounts, &rights.name);
            let mut login: AccountRecord = self.read(account.as_bytes(), "viewer").await?;
            if login.viewer != viewer {
                return Err(AdminError::Absent("viewer"));
            }
            if checked_at.is_some_and(|at| at != login.sequence) {
                return Err(AdminError::Changed);
            }
            writing.allowed |= writing.actor == Some(viewer);
            login.password_hash.clone_from(&password_hash);
            rights.epoch = rights.epoch.saturating_add(1);
            login.epoch = rights.epoch;
            writing.act(Deed::Viewer, None, None, Some(viewer));
            let expect = writing.renumber(&mut login.sequence);
            writing.put(&login, expect)?;
            let expect = writing.renumber(&mut rights.sequence);
            writing.put(&rights, expect)
        })
        .await
    }
}
