//! Keys: the seam behind which the installation's own key and each household's are kept, wrapped
//! under the key-encryption key.
//!
//! Threat. The place that keeps the wrapped keys is NOT trusted to say whose key is whose. What
//! must hold: each key is wrapped for its owner, so a key under another household's name does not
//! unwrap. A keyring must never give out a key in the clear, except to the modules that receive the
//! keyring when they are made.

use eyesonly_gate::{Keys, KeysError};
use eyesonly_seal::HouseholdId;

/// Keys that can also be made and destroyed, for administration.
pub trait Keyring: Keys {
    /// Makes and keeps a key for a new household. The key is durable on return.
    ///
    /// # Errors
    /// [`KeysError`] if no key was made; nothing has changed then.
    fn add_household(&self, household: HouseholdId) -> Result<(), KeysError>;

    /// Destroys a household's key. After that, the household's footage can't be opened any more,
    /// here or in any later copy.
    ///
    /// # Errors
    /// [`KeysError`] if no key was destroyed; nothing has changed then.
    fn destroy_household(&self, household: HouseholdId) -> Result<(), KeysError>;
}

/// Keys in memory, for tests.
#[cfg(any(test, feature = "conformance"))]
pub mod memory {
    use super::Keyring;
    use crate::clock;
    use eyesonly_gate::{Keys, KeysError};
    use eyesonly_seal::{EdgeKey, HouseholdId, HouseholdKey};
    use std::collections::HashMap;
    use std::sync::{Arc, PoisonError, RwLock};

    /// Keys that are lost when the process ends.
    pub struct MemoryKeys {
        edge: EdgeKey,
        households: RwLock<HashMap<HouseholdId, Arc<HouseholdKey>>>,
    }

    impl Default for MemoryKeys {
        fn default() -> Self {
            Self { edge: EdgeKey::from_bytes(clock::random()), households: RwLock::default() }
        }
    }

    impl Keys for MemoryKeys {
        fn edge(&self) -> &EdgeKey {
            &self.edge
        }
        fn household_key(&self, household: HouseholdId) -> Result<Arc<HouseholdKey>, KeysError> {
            let households = self.households.read().unwrap_or_else(PoisonError::into_inner);
            households.get(&household).cloned().ok_or(KeysError::NoKey)
        }
    }

    impl Keyring for MemoryKeys {
        fn add_household(&self, household: HouseholdId) -> Result<(), KeysError> {
            let mut households = self.households.write().unwrap_or_else(PoisonError::into_inner);
            households.insert(household, Arc::new(HouseholdKey::from_bytes(clock::random())));
            Ok(())
        }
        fn destroy_household(&self, household: HouseholdId) -> Result<(), KeysError> {
            let mut households = self.households.write().unwrap_or_else(PoisonError::into_inner);
            households.remove(&household).map(|_| ()).ok_or(KeysError::NoKey)
        }
    }
}
