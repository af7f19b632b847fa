//! Why a viewer may see something, or may not: a decision, and the record that it comes from.
//!
//! It is for the operator alone. A requester is never told why.

use super::household::HouseholdRecord;
use super::{Admin, AdminError, has_ended};
use crate::clock;
use eyesonly_rights::{Action, CameraRecord, CameraRight, Kinds, Role, ViewerRecord, Window};
use eyesonly_seal::{CameraId, ViewerId};

/// A decision, with what it comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Why {
    /// The viewer may, with a live session.
    May {
        /// The role that the right comes from.
        role: Role,
        /// The footage that it covers.
        window: Window,
        /// When it ends, in seconds since 1970.
        until_seconds: Option<u64>,
    },
    /// There is no such camera.
    NoCamera,
    /// The camera's enrolment has ended.
    Ended,
    /// Nothing of the camera is shared with the viewer.
    NotShared {
        /// The name of the camera's household.
        household: String,
        /// True if the viewer belongs to it.
        belongs: bool,
    },
    /// There was a right.
    Over {
        /// The role that it came from.
        role: Role,
        /// When it ended, in seconds since 1970.
        at_seconds: Option<u64>,
    },
    /// The right is to other kinds of footage, or does not let events be deleted.
    OtherKinds {
        /// The role that it comes from.
        role: Role,
        /// The kinds that it covers.
        kinds: Kinds,
    },
    /// The right is to footage of another time.
    OtherTime {
        /// The time that it covers.
        window: Window,
    },
}

impl Admin {
    /// Explains whether a viewer may do this with this camera now, to footage of this time
    /// (milliseconds since 1970) if one is given.
    ///
    /// # Errors
    /// There is no such viewer, or the registry gave no proven answer.
    pub async fn why(
        &self,
        viewer: ViewerId,
        camera: CameraId,
        action: Action,
        time_milliseconds: Option<u64>,
    ) -> Result<Why, AdminError> {
        let record: ViewerRecord = self.read(viewer.as_bytes(), "viewer").await?;
        match record.cameras.iter().find(|right| right.camera == camera) {
            Some(right) => Ok(decide(&record, right, action, time_milliseconds)),
            None => self.nothing(&record, camera).await,
        }
    }

    /// Says why there is no right at all.
    async fn nothing(&self, of: &ViewerRecord, camera: CameraId) -> Result<Why, AdminError> {
        let Some(record) = self.records.read::<CameraRecord>(camera.as_bytes()).await? else {
            return Ok(Why::NoCamera);
        };
        if has_ended(&record) {
            return Ok(Why::Ended);
        }
        let home: HouseholdRecord = self.read(record.household.as_bytes(), "household").await?;
        let belongs = home.member(of.viewer).is_some();
        Ok(Why::NotShared { household: home.name, belongs })
    }
}

fn decide(record: &ViewerRecord, right: &CameraRight, action: Action, time: Option<u64>) -> Why {
    let (role, window, until_seconds) = (right.role, right.window, right.expires_at_seconds);
    if !right.is_in_force(&record.households, clock::now_seconds()) {
        Why::Over { role, at_seconds: until_seconds }
    } else if !right.allows(action) {
        Why::OtherKinds { role, kinds: right.seen() }
    } else if time.is_some_and(|time| !window.covers(time)) {
        Why::OtherTime { window }
    } else {
        Why::May { role, window, until_seconds }
    }
}
