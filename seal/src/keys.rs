//! The key schedule: from the roots of an installation to the one key that a sealer or an opener takes.
//!
//! Each step is HKDF-Expand with SHA-512 and `info = "eyesonly/v1/" || purpose || 0x00 || ids`, 32 bytes long:
//!
//! | from | purpose | ids | gives |
//! |---|---|---|---|
//! | edge key | `credential` | | the MAC key of credentials |
//! | edge key | `tag` | | the MAC key of the `{tag}` in private URLs |
//! | edge key | `record` | | the sealing key of the registry's records |
//! | edge key | `component-cache` | | the MAC key of components compiled ahead |
//! | edge key | `attempts` | | the MAC key of whose failed logins are counted, in a key-value store |
//! | key-encryption key | `wrapped-key` | | the sealing key of wrapped keys |
//! | household key | `camera` | household, camera | the camera key |
//! | camera key | `day` | day since 1970-01-01 UTC, four bytes big-endian | the sealing key of that day's footage |
//! | camera key | `name` | | the MAC key of names in tiers, stores and the index |
//! | camera key | `index` | | the MAC key of proofs of index rows and pointers |
//! | camera key | `body-digest` | | the MAC key of digests of uploaded bodies |
//!
//! INVARIANT: a key has one use. Roots, household and camera keys only derive; a sealing key only seals; a MAC key only
//! authenticates. No key leaves this file as bytes, except wrapped, or to [`KeyEncryptionKey::unwrap`]'s caller.

use crate::SealError;
use crate::context::{Context, Slot};
use crate::format::{self, SALT_BYTES};
use crate::ids::{CameraId, FootageId, HouseholdId};
use crate::names::{ObjectName, SlotName};
use crate::primitives::{Primitives, Suite};
use alloc::vec::Vec;
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

/// A secret of 32 bytes: wiped when it goes, never printed, never given out.
macro_rules! secret {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Zeroize, ZeroizeOnDrop)]
        pub struct $name([u8; 32]);

        impl $name {
            /// Takes 32 uniformly random or derived bytes. The caller wipes its own copy.
            #[must_use]
            pub const fn from_bytes(bytes: [u8; 32]) -> Self {
                Self(bytes)
            }
        }
    };
}

secret!(
    /// The root of this installation's own credentials, records and caches. It opens no footage.
    EdgeKey
);
secret!(
    /// Wraps the household keys in the keyring.
    KeyEncryptionKey
);
secret!(
    /// The random key of one household.
    HouseholdKey
);
secret!(
    /// The key of one camera in one household.
    CameraKey
);
secret!(
    /// What a sealer or an opener takes, and nothing else does.
    SealingKey
);
secret!(
    /// A key of HMAC-SHA256.
    MacKey
);

fn derive(from: &[u8; 32], purpose: &str, ids: &[&[u8]]) -> [u8; 32] {
    let mut info = Vec::from([b"eyesonly/v1/".as_slice(), purpose.as_bytes(), &[0]]);
    info.extend_from_slice(ids);
    *Suite::hkdf_expand_sha512(from, &info)
}

impl EdgeKey {
    /// Authenticates credentials: of sessions, cameras and viewers.
    #[must_use]
    pub fn credential_key(&self) -> MacKey {
        MacKey(derive(&self.0, "credential", &[]))
    }

    /// Makes the `{tag}` of a session's private URLs.
    #[must_use]
    pub fn tag_key(&self) -> MacKey {
        MacKey(derive(&self.0, "tag", &[]))
    }

    /// Seals the registry's records; the context is [`Context::record`].
    #[must_use]
    pub fn record_key(&self) -> SealingKey {
        SealingKey(derive(&self.0, "record", &[]))
    }

    /// Authenticates components that were compiled ahead and lie on disk as native code.
    #[must_use]
    pub fn component_cache_key(&self) -> MacKey {
        MacKey(derive(&self.0, "component-cache", &[]))
    }

    /// Names the counters of failed logins in a key-value store, so that it learns no account and no address.
    #[must_use]
    pub fn attempts_key(&self) -> MacKey {
        MacKey(derive(&self.0, "attempts", &[]))
    }
}

impl KeyEncryptionKey {
    fn sealing_key(&self) -> SealingKey {
        SealingKey(derive(&self.0, "wrapped-key", &[]))
    }

    /// Seals a secret for its owner (a household's id). The salt is 24 random bytes, never used before with this key.
    ///
    /// # Errors
    /// [`SealError::TooLong`] for an owner of more than 65535 bytes, [`SealError::Primitive`].
    pub fn wrap(&self, owner: &[u8], secret: &[u8; 32], salt: [u8; SALT_BYTES]) -> Result<Vec<u8>, SealError> {
        format::seal_all(&self.sealing_key(), &Context::wrapped_key(owner)?, salt, secret)
    }

    /// Opens the secret of this owner.
    ///
    /// # Errors
    /// [`SealError::WrongSeal`] for another owner's or another key's; others as [`format::open_all`].
    pub fn unwrap(&self, owner: &[u8], wrapped: &[u8]) -> Result<Zeroizing<[u8; 32]>, SealError> {
        let plain = Zeroizing::new(format::open_all(
            &self.sealing_key(),
            &Context::wrapped_key(owner)?,
            wrapped,
        )?);
        let secret = plain.as_slice().try_into().map_err(|_| SealError::BadLength)?;
        Ok(Zeroizing::new(secret))
    }
}

impl HouseholdKey {
    /// The key of one camera of this household.
    #[must_use]
    pub fn camera_key(&self, household: &HouseholdId, camera: &CameraId) -> CameraKey {
        CameraKey(derive(&self.0, "camera", &[household.as_bytes(), camera.as_bytes()]))
    }
}

impl CameraKey {
    /// Seals the footage of one UTC day, counted from 1970-01-01.
    #[must_use]
    pub fn day_key(&self, day: u32) -> SealingKey {
        SealingKey(derive(&self.0, "day", &[&day.to_be_bytes()]))
    }

    /// Seals this object: the key of the day that its id says.
    #[must_use]
    pub fn footage_key(&self, object: &FootageId) -> SealingKey {
        self.day_key(object.day())
    }

    /// Names objects and slots.
    #[must_use]
    pub fn name_key(&self) -> MacKey {
        MacKey(derive(&self.0, "name", &[]))
    }

    /// Proves rows and pointers of the index.
    #[must_use]
    pub fn index_key(&self) -> MacKey {
        MacKey(derive(&self.0, "index", &[]))
    }

    /// Digests uploaded bodies, so that a repeated upload can be told from a different one.
    #[must_use]
    pub fn body_digest_key(&self) -> MacKey {
        MacKey(derive(&self.0, "body-digest", &[]))
    }

    /// The name of one version of one object, in tiers and stores.
    #[must_use]
    pub fn object_name(&self, context: &Context) -> ObjectName {
        ObjectName::from_bytes(self.name_key().mac(&[context.as_bytes()]))
    }

    /// The name of an object whatever its version is, for the index.
    #[must_use]
    pub fn slot_name(&self, slot: &Slot) -> SlotName {
        SlotName::from_bytes(self.name_key().mac(&[slot.as_bytes()]))
    }
}

/// Before a digest's message. A part is never this long, so a digest is never the MAC of a list.
const DIGEST_PREFIX: [u8; 8] = [0xff; 8];

impl MacKey {
    fn begin(&self, parts: &[&[u8]]) -> <Suite as Primitives>::Mac {
        let mut mac = Suite::mac_begin(&self.0);
        for part in parts {
            // A usize is at most 64 bits wide, so nothing is lost.
            Suite::mac_update(&mut mac, &(part.len() as u64).to_be_bytes());
            Suite::mac_update(&mut mac, part);
        }
        mac
    }

    /// HMAC-SHA256 over a list. Each part is preceded by its length (eight bytes, big-endian), so that `ab, c` and
    /// `a, bc` differ.
    #[must_use]
    pub fn mac(&self, parts: &[&[u8]]) -> [u8; 32] {
        Suite::mac_finish(self.begin(parts))
    }

    /// Verifies a MAC of [`MacKey::mac`] in constant time.
    ///
    /// # Errors
    /// [`SealError::WrongMac`], also for a MAC that is not 32 bytes long.
    pub fn verify(&self, parts: &[&[u8]], mac: &[u8]) -> Result<(), SealError> {
        crate::primitives::same(&self.mac(parts), mac)
            .then_some(())
            .ok_or(SealError::WrongMac)
    }
}

/// A keyed digest of a body that comes in pieces: HMAC-SHA256 over eight bytes 0xff and the body.
pub struct KeyedDigest(<Suite as Primitives>::Mac);

impl KeyedDigest {
    /// Starts a digest.
    #[must_use]
    pub fn new(key: &MacKey) -> Self {
        let mut mac = Suite::mac_begin(&key.0);
        Suite::mac_update(&mut mac, &DIGEST_PREFIX);
        Self(mac)
    }

    /// Takes the next piece; where the pieces are cut makes no difference.
    pub fn update(&mut self, piece: &[u8]) {
        Suite::mac_update(&mut self.0, piece);
    }

    /// The digest of all pieces.
    #[must_use]
    pub fn finish(self) -> [u8; 32] {
        Suite::mac_finish(self.0)
    }
}

impl SealingKey {
    /// The format's own derivation (C2SP chunked-encryption, "Key derivation"): key, base nonce and commitment of one
    /// message.
    pub(crate) fn message(&self, context: &Context, salt: &[u8; SALT_BYTES]) -> Zeroizing<[u8; 76]> {
        let label = b"c2sp.org/chunked-encryption@v1+AEAD_AES_256_GCM\0";
        Suite::hkdf_expand_sha512(&self.0, &[label, salt, context.as_bytes()])
    }
}

#[cfg(test)]
mod tests;

#[cfg(test)]
mod known_answers;
