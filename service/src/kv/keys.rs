//! Keys over a key-value store. Each key is wrapped for its owner under the key-encryption key,
//! which is never in the store.
//!
//! Once a household's entry is destroyed and the key-encryption key is rotated, every backup of the
//! store stays closed for that household. The same holds for a keyring file.

use super::{KeyValue, KvError, TRIES_MAX, hex, unhex};
use crate::clock;
use crate::keys::Keyring;
use eyesonly_gate::{Keys, KeysError};
use eyesonly_seal::{EdgeKey, HouseholdId, HouseholdKey, KeyEncryptionKey};
use std::sync::Arc;
use zeroize::Zeroizing;

/// The key of the installation's own entry, and the name of that entry's owner.
const EDGE: &str = "key/edge";
const EDGE_OWNER: &[u8] = b"edge";
/// What the keys of all households' entries start with.
const HOUSEHOLDS: &str = "key/household/";

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
    let bytes = unhex(text.trim()).map(Zeroizing::new);
    let bytes = bytes.and_then(|bytes| <[u8; 32]>::try_from(bytes.as_slice()).ok());
    bytes.map(KeyEncryptionKey::from_bytes).ok_or_else(|| {
        KeysError::Unavailable(
            "the key-encryption key must be 64 hexadecimal digits; none of it is shown".into(),
        )
    })
}

fn place(household: HouseholdId) -> String {
    format!("{HOUSEHOLDS}{}", hex(household.as_bytes()))
}

/// Says which key opens with neither of two.
fn neither(place: &str) -> KeysError {
    match place.strip_prefix(HOUSEHOLDS) {
        None => KeysError::WrongKey,
        Some(household) => KeysError::Unavailable(
            format!(
                "{HOUSEHOLDS}{household}: this household's key opens with neither key. Nothing was \
                 changed. Put that value of a backup back; if there is no such household \
                 (`household list`), delete it"
            )
            .into(),
        ),
    }
}

/// Returns the owner that the key at this place is wrapped for.
fn owner(place: &str) -> Option<Vec<u8>> {
    if place == EDGE { Some(EDGE_OWNER.to_vec()) } else { unhex(place.strip_prefix(HOUSEHOLDS)?) }
}

impl KvKeys {
    /// Wraps every key anew with `next`. Returns the number of households, and how many keys were
    /// wrapped. Whoever is killed in the middle does it again: a key that `next` opens stays as it
    /// is. The edge's own key comes first, so that from then on nobody opens the store with the old
    /// key-encryption key alone.
    ///
    /// # Errors
    /// [`KeysError::WrongKey`]: the edge's key opens with neither of the two.
    /// [`KeysError::NoKey`]: the store was not started. [`KeysError::Unavailable`]: both are the
    /// same key, a household's key opens with neither, or the store fails. Unless the store fails,
    /// nothing was changed.
    pub fn rotate(
        kv: &dyn KeyValue,
        old: &KeyEncryptionKey,
        next: &KeyEncryptionKey,
    ) -> Result<(usize, usize), KeysError> {
        let turn = |place: &str, writes: bool| {
            let owner = owner(place).ok_or(KeysError::WrongKey)?;
            // A household that was destroyed meanwhile has no key to wrap.
            let Some(wrapped) = kv.get(place)? else { return Ok(false) };
            if next.unwrap(&owner, &wrapped).is_ok() {
                return Ok(false);
            }
            let key = old.unwrap(&owner, &wrapped).map_err(|_| neither(place))?;
            let anew = next.wrap(&owner, &key, clock::random()).map_err(|_| KeysError::WrongKey)?;
            if writes {
                // If somebody else wrote, the next pass looks again.
                kv.swap(place, Some(&wrapped), &anew)?;
            }
            Ok::<_, KeysError>(true)
        };
        let edge = kv.get(EDGE)?.ok_or(KeysError::NoKey)?;
        let opens = |kek: &KeyEncryptionKey| kek.unwrap(EDGE_OWNER, &edge).is_ok();
        if opens(old) && opens(next) {
            return Err(KeysError::Unavailable(
                "the new key-encryption key is the old one; make a new one (`openssl rand -hex 32`)"
                    .into(),
            ));
        }
        let mut households = kv.list(HOUSEHOLDS)?;
        for place in std::iter::once(EDGE).chain(households.iter().map(String::as_str)) {
            turn(place, false)?;
        }
        let mut wrapped: usize = 0;
        for _ in 0..TRIES_MAX {
            let before = wrapped;
            wrapped = wrapped.saturating_add(turn(EDGE, true)?.into());
            households = kv.list(HOUSEHOLDS)?;
            for place in &households {
                wrapped = wrapped.saturating_add(turn(place, true)?.into());
            }
            if wrapped == before {
                return Ok((households.len(), wrapped));
            }
        }
        Err(KeysError::Unavailable("somebody else goes on writing keys; try again".into()))
    }

    /// Says whether `kek` opens every key of a store.
    ///
    /// # Errors
    /// [`KeysError::NoKey`]: the store was not started. Others as the store.
    pub fn opens(kv: &dyn KeyValue, kek: &KeyEncryptionKey) -> Result<bool, KeysError> {
        kv.get(EDGE)?.ok_or(KeysError::NoKey)?;
        for place in std::iter::once(EDGE.to_owned()).chain(kv.list(HOUSEHOLDS)?) {
            let owner = owner(&place).unwrap_or_default();
            let Some(wrapped) = kv.get(&place)? else { continue };
            if kek.unwrap(&owner, &wrapped).is_err() {
                return Ok(false);
            }
        }
        Ok(true)
    }

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
        let place = place(household);
        if !self.kv.swap(&place, None, &wrapped.map_err(|_| KeysError::WrongKey)?)? {
            return Err(KeysError::Unavailable("the household has a key already".into()));
        }
        // A rotation that read the list before this key was in it has changed the edge's key first.
        let edge = self.kv.get(EDGE).map_err(KeysError::from);
        let ours = edge.and_then(|edge| {
            let opened = edge.map(|edge| self.kek.unwrap(EDGE_OWNER, &edge));
            opened.and_then(Result::ok).map(|_| ()).ok_or(KeysError::WrongKey)
        });
        if ours.is_err() {
            self.kv.delete_many(&[place])?;
        }
        ours
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
    use std::sync::Mutex;

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

    /// A store that fails at its n-th write.
    struct Failing(Arc<MemoryKv>, Mutex<usize>);

    impl KeyValue for Failing {
        fn get(&self, key: &str) -> Result<Option<Vec<u8>>, KvError> {
            self.0.get(key)
        }
        fn get_many(&self, keys: &[String]) -> Result<Vec<Option<Vec<u8>>>, KvError> {
            self.0.get_many(keys)
        }
        fn set(&self, key: &str, value: &[u8]) -> Result<(), KvError> {
            self.0.set(key, value)
        }
        fn swap(&self, key: &str, was: Option<&[u8]>, value: &[u8]) -> Result<bool, KvError> {
            let mut left = self.1.lock().unwrap();
            *left = left.checked_sub(1).ok_or_else(|| KvError("broken".into()))?;
            self.0.swap(key, was, value)
        }
        fn delete_many(&self, keys: &[String]) -> Result<(), KvError> {
            self.0.delete_many(keys)
        }
        fn list(&self, prefix: &str) -> Result<Vec<String>, KvError> {
            self.0.list(prefix)
        }
    }

    #[test]
    fn a_rotation_goes_on_wherever_it_broke_off() {
        let households = [1, 2, 3].map(|n| HouseholdId::from_bytes([n; 16]));
        for writes in 0..=4 {
            let kv = Arc::new(MemoryKv::default());
            let keys = KvKeys::open(Arc::clone(&kv) as _, kek(1), true).unwrap();
            households.iter().for_each(|household| keys.add_household(*household).unwrap());
            let edge = keys.edge.account_key().mac(&[b"a"]);
            let broken = Failing(Arc::clone(&kv), Mutex::new(writes));
            assert_eq!(KvKeys::rotate(&broken, &kek(1), &kek(2)).is_ok(), writes == 4);
            let opens = |n| KvKeys::opens(&*kv, &kek(n)).unwrap();
            assert_eq!((opens(1), opens(2)), (writes == 0, writes == 4));
            // A process from before can't add a household that only the old key opens.
            let late = HouseholdId::from_bytes([9; 16]);
            if writes > 0 {
                assert!(matches!(keys.add_household(late), Err(KeysError::WrongKey)));
                assert!(kv.get(&place(late)).unwrap().is_none());
                let old = KvKeys::open(Arc::clone(&kv) as _, kek(1), false);
                assert!(matches!(old, Err(KeysError::WrongKey)));
            }
            assert_eq!(KvKeys::rotate(&*kv, &kek(1), &kek(2)).unwrap(), (3, 4 - writes));
            let after = KvKeys::open(Arc::clone(&kv) as _, kek(2), false).unwrap();
            assert_eq!(after.edge.account_key().mac(&[b"a"]), edge);
            for household in households {
                assert!(after.household_key(household).is_ok(), "{writes}");
                let wrapped = kv.get(&place(household)).unwrap().unwrap();
                assert!(kek(1).unwrap(household.as_bytes(), &wrapped).is_err());
            }
        }
    }

    #[test]
    fn a_rotation_changes_nothing_if_a_key_opens_with_neither() {
        let kv = Arc::new(MemoryKv::default());
        assert!(matches!(KvKeys::rotate(&*kv, &kek(1), &kek(2)), Err(KeysError::NoKey)));
        let keys = KvKeys::open(Arc::clone(&kv) as _, kek(1), true).unwrap();
        let one = HouseholdId::from_bytes([1; 16]);
        keys.add_household(one).unwrap();
        kv.set(&place(one), b"damaged").unwrap();
        let before = kv.get(EDGE).unwrap();
        let refused = KvKeys::rotate(&*kv, &kek(1), &kek(2)).unwrap_err().to_string();
        assert!(refused.contains(&hex(one.as_bytes())), "{refused}");
        let refused = KvKeys::rotate(&*kv, &kek(3), &kek(2));
        assert!(matches!(refused, Err(KeysError::WrongKey)), "the edge's own");
        let refused = KvKeys::rotate(&*kv, &kek(1), &kek(1)).unwrap_err().to_string();
        assert!(refused.contains("is the old one"), "{refused}");
        assert_eq!(kv.get(EDGE).unwrap(), before);
    }

    #[test]
    fn a_key_encryption_key_is_64_digits() {
        for bad in ["", "00", &"0".repeat(63), &"0".repeat(65), &"g".repeat(64), &"é".repeat(32)] {
            assert!(read_kek(bad).is_err(), "{bad:?}");
        }
        assert!(read_kek(&format!("{}\n", "0a".repeat(32))).is_ok());
    }
}
