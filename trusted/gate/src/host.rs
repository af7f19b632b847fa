//! What the host brings: keys, the time, randomness.

use eyesonly_seal::{EdgeKey, HouseholdId, HouseholdKey};
use std::error::Error;
use std::sync::Arc;

/// Why a key can't be had.
#[derive(Debug, thiserror::Error)]
pub enum KeysError {
    /// The household has no key here: never made, or destroyed.
    #[error("there is no key for this household")]
    NoKey,
    /// The household's entry does not open: another household's, another installation's, or
    /// changed.
    #[error("the household's key does not open")]
    WrongKey,
    /// Where keys are kept does not answer, or is not what it should be.
    #[error("the keys can't be had: {0}")]
    Unavailable(#[source] Box<dyn Error + Send + Sync>),
}

/// Gives out keys.
///
/// Threat. Whatever keeps them is NOT trusted for whose key is whose: each is wrapped for its
/// owner, so that one under another household's name does not open.
pub trait Keys: Send + Sync + 'static {
    /// The installation's own key.
    fn edge(&self) -> &EdgeKey;

    /// The key of a household.
    ///
    /// # Errors
    /// [`KeysError`].
    fn household_key(&self, household: HouseholdId) -> Result<Arc<HouseholdKey>, KeysError>;
}

/// Tells the time.
pub trait Clock: Send + Sync + 'static {
    /// Milliseconds since 1970-01-01T00:00:00Z.
    fn now_milliseconds(&self) -> u64;

    /// Seconds since 1970-01-01T00:00:00Z.
    fn now_seconds(&self) -> u64 {
        self.now_milliseconds() / 1000
    }
}

/// Draws random bytes, fit for keys.
pub trait Random: Send + Sync + 'static {
    /// Fills the whole buffer.
    fn fill(&self, bytes: &mut [u8]);
}
