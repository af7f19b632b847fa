//! The check of stills: the decoder that will show a still is asked first whether it can.
//!
//! It must never take a still that no viewer could be shown.

use super::IngestError;
use async_trait::async_trait;
use eyesonly_seal::{CameraId, HouseholdId};

/// Runs the decoder over stills, away from the host's memory.
#[async_trait]
pub trait StillCheck: Send + Sync {
    /// Says whether a file can be shown at every width. FROM CLIENT: `jpeg`.
    ///
    /// # Errors
    /// [`IngestError::Form`] says why it can't. [`IngestError::Busy`]: there was no turn in time.
    /// [`IngestError::Unavailable`]: the check itself failed.
    async fn check(
        &self,
        household: HouseholdId,
        camera: CameraId,
        jpeg: &[u8],
    ) -> Result<(), IngestError>;
}

/// Takes every still, for tests without a sandbox.
#[cfg(any(test, feature = "conformance"))]
#[derive(Debug)]
pub struct TakesAll;

#[cfg(any(test, feature = "conformance"))]
#[async_trait]
impl StillCheck for TakesAll {
    async fn check(&self, _: HouseholdId, _: CameraId, _: &[u8]) -> Result<(), IngestError> {
        Ok(())
    }
}
