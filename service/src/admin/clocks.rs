//! Cameras' clocks: since when a camera hands in footage, and how its clock stood when it was heard
//! last. It must never decide what a camera may hand in by a time that nobody proved.

use super::{Admin, AdminError};
use crate::catalogue::at_most_one;
use crate::clock;
use eyesonly_gate::vault::ObjectRow;
use eyesonly_seal::CameraId;

/// The longest time before its enrolment of which a camera may hand in footage, in milliseconds: 7
/// days.
pub const SINCE_MILLISECONDS_MAX: u64 = 7 * 24 * 60 * 60 * 1000;

/// What is known of a camera's clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Heard {
    /// The time at which its latest footage came, in milliseconds since 1970.
    pub at_milliseconds: u64,
    /// The time of that footage by the camera's clock, less the time at which it came, in
    /// milliseconds. It is above 0 if that clock is ahead.
    pub offset_milliseconds: i64,
}

impl Admin {
    /// Returns when a camera was last heard, and how its clock stood then, by its newest still and
    /// its newest event. Nobody proves these times: they are for the operator and open nothing.
    pub async fn heard(&self, camera: CameraId) -> Result<Option<Heard>, AdminError> {
        let index = self.catalogue.index();
        let last = |rows: &[ObjectRow]| {
            Ok(at_most_one(rows)?.map(|row| (row.version, row.id.time_milliseconds())))
        };
        let still = self.catalogue.ask(camera, |nonce| index.newest_still(camera, nonce), last);
        let still = still.await?;
        let event = self.catalogue.ask(camera, |nonce| index.events(camera, None, 1, nonce), last);
        Ok(still.max(event.await?).map(|(version, footage_milliseconds)| {
            let at_milliseconds = clock::time_milliseconds(version.as_bytes());
            let offset_milliseconds =
                footage_milliseconds.cast_signed() - at_milliseconds.cast_signed();
            Heard { at_milliseconds, offset_milliseconds }
        }))
    }
}

/// Returns the time from which a new camera may hand in footage.
pub(super) fn since(milliseconds: Option<u64>, now_milliseconds: u64) -> Result<u64, AdminError> {
    let since = milliseconds.unwrap_or(now_milliseconds);
    match now_milliseconds.checked_sub(since) {
        None => Err(AdminError::Input(
            "the time since which the camera hands in footage lies ahead; give one of the past, \
             or none"
                .into(),
        )),
        Some(ago) if ago > SINCE_MILLISECONDS_MAX => Err(AdminError::Input(
            "a camera may hand in footage of up to 7 days before its enrolment; give a later time"
                .into(),
        )),
        Some(_) => Ok(since),
    }
}
