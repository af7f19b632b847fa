//! The services that the host brings: keys, the time, randomness.

use eyesonly_seal::{EdgeKey, HouseholdId, HouseholdKey};
use std::error::Error;
use std::sync::Arc;

/// The reason why a key can't be had.
#[derive(Debug, thiserror::Error)]
pub enum KeysError {
    /// The household has no key here: its key was never made, or was destroyed.
    #[error("there is no key for this household")]
    NoKey,
    /// The household's entry does not open: it is another household's, another installation's, or
    /// was changed.
    #[error("the household's key does not open")]
    WrongKey,
    /// The place where keys are kept does not answer, or is not what it should be.
    #[error("the keys can't be had: {0}")]
    Unavailable(#[source] Box<dyn Error + Send + Sync>),
}

/// The keys of the installation and of its households.
///
/// Threat. Whatever keeps the keys is NOT trusted to say whose key is whose. Each key is wrapped
/// for its owner, so that it does not open under another household's name.
pub trait Keys: Send + Sync + 'static {
    /// Returns the installation's own key.
    fn edge(&self) -> &EdgeKey;

    /// Returns the key of a household.
    ///
    /// # Errors
    /// [`KeysError`] if there is no key, it does not open, or the place where keys are kept fails.
    fn household_key(&self, household: HouseholdId) -> Result<Arc<HouseholdKey>, KeysError>;

    /// Returns how often keys that were given before have been forgotten, because the place where
    /// keys are kept has changed. Nothing that was derived from them is used any more. Whoever
    /// keeps no key between two calls has none to forget.
    fn forgotten(&self) -> u64 {
        0
    }
}

/// The clock, which tells the time.
pub trait Clock: Send + Sync + 'static {
    /// Returns the milliseconds since 1970-01-01T00:00:00Z.
    fn now_milliseconds(&self) -> u64;

    /// Returns the seconds since 1970-01-01T00:00:00Z.
    fn now_seconds(&self) -> u64 {
        self.now_milliseconds() / 1000
    }
}

/// The source of random bytes, which are fit for keys.
pub trait Random: Send + Sync + 'static {
    /// Fills the whole buffer with random bytes.
    fn fill(&self, bytes: &mut [u8]);
}
