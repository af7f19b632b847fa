//! Keys over a key-value store. Each key is wrapped for its owner under the key-encryption key,
//! which is never in the store.
//!
//! Once a household's entry is destroyed and the key-encryption key is rotated, every backup of the
//! store stays closed for that household. The same holds for a keyring file.

use super::{KeyValue, KvError, hex};
use crate::clock;
use crate::keys::Keyring;
use eyesonly_gate::{Keys, KeysError};
use eyesonly_seal::{EdgeKey, HouseholdId, HouseholdKey, KeyEncryptionKey};
use std::sync::Arc;
use zeroize::Zeroizing;

/// The key of the installation's own entry, and the name of that entry's owner.
const EDGE: &str = "key/edge";
const EDGE_OWNER: &[u8] = b"edge";

/// The keys.
pub struct KvKeys {
    kv: Arc<dyn KeyValue>,
    kek: KeyEncryptionKey,
    edge: EdgeKey,
}

impl From<KvError> for KeysError {
    fn from(error: KvError) -> Self {
        Self::Unavailable(Box::new(error))
    }
}

/// Reads a key-encryption key from text: 64 hexadecimal digits.
///
/// # Errors
/// [`KeysError::Unavailable`] with what the text must be.
pub fn read_kek(text: &str) -> Result<KeyEncryptionKey, KeysError> {
    let bytes = super::unhex(text.trim()).map(Zeroizing::new);
    let bytes = bytes.and_then(|bytes| <[u8; 32]>::try_from(bytes.as_slice()).ok());
    bytes.map(KeyEncryptionKey::from_bytes).ok_or_else(|| {
        KeysError::Unavailable(
            "the key-encryption key must be 64 hexadecimal digits; none of it is shown".into(),
        )
    })
}

fn place(household: HouseholdId) -> String {
    format!("key/household/{}", hex(household.as_bytes()))
}

impl KvKeys {
    /// Opens the keys under `kek`. First makes the installation's own key in an empty store, if
    /// `may_begin`.
    ///
    /// # Errors
    /// [`KeysError::WrongKey`]: the store was started with another key-encryption key.
    /// [`KeysError::NoKey`]: the store was not started. [`KeysError::Unavailable`]: the store has
    /// other values but no installation key.
    pub fn open(
        kv: Arc<dyn KeyValue>,
        kek: KeyEncryptionKey,
        may_begin: bool,
    ) -> Result<Self, KeysError> {
        let mut wrapped = kv.get(EDGE)?;
        if wrapped.is_none() && may_begin {
            // Records of an old key may be in the store, and a new key would end every credential
            // in them.
            if !kv.list("")?.is_empty() {
                return Err(KeysError::Unavailable(
                    format!(
                        "the store has other values but not its key ({EDGE}): nothing was changed; \
                         put a backup of the store back"
                    )
                    .into(),
                ));
            }
            let edge = Zeroizing::new(clock::random::<32>());
            let begun = kek.wrap(EDGE_OWNER, &edge, clock::random());
            kv.swap(EDGE, None, &begun.map_err(|_| KeysError::WrongKey)?)?;
            // Of two processes that make the key at once, the first one's counts.
            wrapped = kv.get(EDGE)?;
        }
        let wrapped = wrapped.ok_or(KeysError::NoKey)?;
        let edge = kek.unwrap(EDGE_OWNER, &wrapped).map_err(|_| KeysError::WrongKey)?;
        Ok(Self { kv, kek, edge: EdgeKey::from_bytes(*edge) })
    }
}

impl Keys for KvKeys {
    fn edge(&self) -> &EdgeKey {
        &self.edge
    }

    fn household_key(&self, household: HouseholdId) -> Result<Arc<HouseholdKey>, KeysError> {
        let wrapped = self.kv.get(&place(household))?.ok_or(KeysError::NoKey)?;
        let key = self.kek.unwrap(household.as_bytes(), &wrapped);
        Ok(Arc::new(HouseholdKey::from_bytes(*key.map_err(|_| KeysError::WrongKey)?)))
    }
}

impl Keyring for KvKeys {
    fn add_household(&self, household: HouseholdId) -> Result<(), KeysError> {
        let key = Zeroizing::new(clock::random::<32>());
        let wrapped = self.kek.wrap(household.as_bytes(), &key, clock::random());
        if self.kv.swap(&place(household), None, &wrapped.map_err(|_| KeysError::WrongKey)?)? {
            Ok(())
        } else {
            Err(KeysError::Unavailable("the household has a key already".into()))
        }
    }

    fn destroy_household(&self, household: HouseholdId) -> Result<(), KeysError> {
        let place = place(household);
        self.kv.get(&place)?.ok_or(KeysError::NoKey)?;
        Ok(self.kv.delete_many(&[place])?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kv::memory::MemoryKv;

    fn kek(n: u8) -> KeyEncryptionKey {
        KeyEncryptionKey::from_bytes([n; 32])
    }

    #[test]
    fn a_key_is_64_hexadecimal_digits() {
        assert!(read_kek(&"0a".repeat(32)).is_ok());
        assert!(read_kek(&format!(" {}\n", "FF".repeat(32))).is_ok());
        for text in ["+a".repeat(32), "0a".repeat(31), "0a".repeat(33), "0g".repeat(32)] {
            assert!(read_kek(&text).is_err(), "{text}");
        }
    }

    #[test]
    fn keys_are_kept_and_bound_to_their_household() {
        let kv: Arc<dyn KeyValue> = Arc::new(MemoryKv::default());
        assert!(matches!(KvKeys::open(Arc::clone(&kv), kek(1), false), Err(KeysError::NoKey)));
        let keys = KvKeys::open(Arc::clone(&kv), kek(1), true).unwrap();
        let [one, two] = [1, 2].map(|n| HouseholdId::from_bytes([n; 16]));
        keys.add_household(one).unwrap();
        keys.add_household(two).unwrap();
        assert!(keys.add_household(one).is_err(), "a key is never replaced");
        assert!(keys.household_key(one).is_ok());
        // One household's key is put under the other's name.
        let theirs = kv.get(&place(two)).unwrap().unwrap();
        kv.set(&place(one), &theirs).unwrap();
        assert!(matches!(keys.household_key(one), Err(KeysError::WrongKey)));
        keys.destroy_household(two).unwrap();
        assert!(matches!(keys.household_key(two), Err(KeysError::NoKey)));
        assert!(matches!(keys.destroy_household(two), Err(KeysError::NoKey)));
        assert!(matches!(KvKeys::open(kv, kek(2), true), Err(KeysError::WrongKey)));
    }

    #[test]
    fn a_key_encryption_key_is_64_digits() {
        for bad in ["", "00", &"0".repeat(63), &"0".repeat(65), &"g".repeat(64), &"é".repeat(32)] {
            assert!(read_kek(bad).is_err(), "{bad:?}");
        }
        assert!(read_kek(&format!("{}\n", "0a".repeat(32))).is_ok());
    }
}
