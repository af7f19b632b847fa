//! Who does something: the operator at the command line, or a viewer by a live session.
//!
//! INVARIANT: what a viewer does is decided inside its commit. Session, account and the record that
//! gives the power are read in the attempt, and the commit holds only if none of them has changed.
//! A second attempt decides again. A commit by a viewer that nothing has allowed is refused.

use super::household::HouseholdRecord;
use super::pace::Who;
use super::writing::Writing;
use super::{Admin, AdminError};
use crate::clock;
use eyesonly_gate::registry::Expect;
use eyesonly_gate::{Admission, RawCredential, Refused};
use eyesonly_rights::{CameraRecord, Mint, SessionRecord};
use eyesonly_seal::{CameraId, ViewerId};
use std::sync::Arc;

/// A viewer's request, which is not decided yet. FROM CLIENT: credential and tag.
pub struct Signed {
    /// The door that says whose request it is.
    pub door: Arc<Admission>,
    /// The credential that the request presents.
    pub raw: RawCredential,
    /// The tag of its address.
    pub tag: String,
}

impl Admin {
    /// Returns the administration that acts for a viewer, and may no more than the viewer.
    #[must_use]
    pub fn by(&self, signed: Signed) -> Self {
        let edge = self.keys.edge();
        Self {
            keys: Arc::clone(&self.keys),
            mint: Mint::new(edge),
            accounts: edge.account_key(),
            records: Arc::clone(&self.records),
            catalogue: Arc::clone(&self.catalogue),
            acts: self.acts,
            signed: Some(signed),
            pace: Arc::clone(&self.pace),
        }
    }

    /// Counts a change that a viewer is about to make.
    ///
    /// # Errors
    /// [`AdminError::TooMany`], with the seconds until the next one.
    pub fn count(&self, viewer: ViewerId) -> Result<(), AdminError> {
        let taken = self.pace.take(Who::Viewer(viewer), clock::now_seconds());
        taken.map_err(|seconds| AdminError::TooMany { seconds })
    }

    /// Returns the viewer who asks.
    ///
    /// # Errors
    /// [`AdminError::Refused`] if the session is not live, or if it is the operator who asks.
    pub async fn viewer(&self) -> Result<ViewerId, AdminError> {
        let signed = self.signed.as_ref().ok_or(Refused::Unidentified)?;
        let identified = signed.door.rights(&signed.raw, &signed.tag).await?;
        Ok(identified.rights().requester().viewer())
    }
}

impl Writing<'_> {
    /// Decides who asks, if it is a viewer. The session's record is written again, as it is: so the
    /// commit expects that the session is still there.
    pub(super) async fn decide_actor(&mut self) -> Result<(), AdminError> {
        let Some(signed) = &self.admin.signed else { return Ok(()) };
        let identified = signed.door.rights(&signed.raw, &signed.tag).await?;
        let requester = identified.rights().requester();
        let key = SessionRecord::key_of(requester.viewer(), requester.session());
        let session = self.admin.records.read::<SessionRecord>(&key).await?;
        self.put(&session.ok_or(Refused::Unidentified)?, Expect::Present)?;
        self.actor = Some(requester.viewer());
        Ok(())
    }

    /// Allows this commit to the operator and to the household's owners.
    ///
    /// # Errors
    /// [`AdminError::Absent`] for anybody else, as if there were no such household.
    pub(super) fn allow_owner(&mut self, home: &HouseholdRecord) -> Result<(), AdminError> {
        let Some(actor) = self.actor else { return Ok(()) };
        if !home.in_force(clock::now_seconds()).has_owner(actor) {
            return Err(AdminError::Absent("household"));
        }
        self.allowed = true;
        Ok(())
    }

    /// Reads a camera with its household, whose owners and the operator this commit is allowed to.
    ///
    /// # Errors
    /// As [`Writing::allow_owner`], and [`AdminError::Absent`] if there is no such camera.
    pub(super) async fn owned_camera(
        &mut self,
        camera: CameraId,
    ) -> Result<(CameraRecord, HouseholdRecord), AdminError> {
        let (record, home) = self.admin.camera_at_home(camera).await?;
        self.allow_owner(&home)?;
        Ok((record, home))
    }

    /// Allows this commit to the operator, to the household's owners, and to the viewer who gives
    /// up what is their own. `has`: there is something to give up.
    ///
    /// # Errors
    /// As [`Writing::allow_owner`].
    pub(super) fn allow_own(
        &mut self,
        home: &HouseholdRecord,
        whose: ViewerId,
        has: bool,
    ) -> Result<(), AdminError> {
        if self.actor == Some(whose) && has {
            self.allowed = true;
            return Ok(());
        }
        self.allow_owner(home)
    }
}
