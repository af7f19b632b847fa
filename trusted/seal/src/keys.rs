//! The key schedule: from the roots of an installation to the one key that seals or opens an
//! object.
//!
//! Each step is HKDF-Expand with SHA-512, `info = "eyesonly/v1/" || purpose || 0x00 || ids` and an
//! output of 32 bytes:
//!
//! | from | purpose | ids | gives |
//! |---|---|---|---|
//! | edge key | `credential` | | MAC key: credentials |
//! | edge key | `tag` | | MAC key: the `{tag}` in private URLs |
//! | edge key | `record` | | sealing key: the registry's records |
//! | edge key | `component-cache` | | MAC key: components compiled ahead |
//! | edge key | `attempts` | | MAC key: names of the counters of failed logins |
//! | edge key | `account` | | MAC key: the names of accounts in the registry |
//! | edge key | `ledger` | | ledger key of what is about an account |
//! | edge key | `ledger-checkpoint` | | seed of the key that signs the ledger's checkpoints |
//! | key-encryption key | `wrapped-key` | | sealing key: wrapped keys |
//! | household key | `camera` | household, camera | camera key |
//! | household key | `ledger` | household | ledger key of the household |
//! | ledger key | `entries` | day, four bytes big-endian | sealing key: that day's entries |
//! | camera key | `day` | day, four bytes big-endian | sealing key: that day's footage |
//! | camera key | `name` | | MAC key: names in tiers, stores and the index |
//! | camera key | `index` | | MAC key: proofs of index rows and pointers |
//! | camera key | `body-digest` | | MAC key: digests of uploaded bodies |
//!
//! INVARIANT: a key has one use (`every_purpose_has_a_key_of_its_own`). Roots, household keys and
//! camera keys only derive. A sealing key only seals. A MAC key only authenticates. No key of the
//! table leaves this file as bytes, except wrapped, to the caller of [`KeyEncryptionKey::unwrap`],
//! as the seed of a signature, or as what opens one day's entries of one ledger's owner.

use crate::SealError;
use crate::context::{Context, Slot};
use crate::format::{self, SALT_BYTES};
use crate::ids::{CameraId, FootageId, HouseholdId, ObjectName, SlotName};
use crate::primitives::{Primitives, Suite, same};
use alloc::vec::Vec;
use zeroize::Zeroizing;

/// Declares secrets of 32 bytes. A secret is wiped when it is dropped, and is never printed or
/// given out.
macro_rules! secrets {
    ($($(#[$doc:meta])* $name:ident,)*) => {$(
        $(#[$doc])*
        pub struct $name(Zeroizing<[u8; 32]>);

        impl $name {
            /// Takes 32 uniformly random bytes. The caller wipes its own copy.
            pub fn from_bytes(bytes: [u8; 32]) -> Self {
                Self(Zeroizing::new(bytes))
            }
        }
    )*};
}

secrets!(
    /// The root of this installation's own credentials, records and caches, which opens no footage.
    EdgeKey,
    /// The key that wraps the household keys in the keyring.
    KeyEncryptionKey,
    /// The random key of one household.
    HouseholdKey,
    /// The key of a household's entries in the access ledger, or of those about accounts.
    LedgerKey,
    /// The key of a sealer or an opener.
    SealingKey,
    /// A key of HMAC-SHA256.
    MacKey,
);

/// Derives one key, by one step of the table above.
fn derive(from: &[u8; 32], purpose: &str, ids: &[&[u8]]) -> Zeroizing<[u8; 32]> {
    let purpose: [&[u8]; 3] = [b"eyesonly/v1/", purpose.as_bytes(), &[0]];
    Suite::hkdf_expand_sha512(from, &[&purpose, ids].concat())
}

impl EdgeKey {
    /// Derives the key that authenticates credentials: of sessions, cameras and viewers.
    pub fn credential_key(&self) -> MacKey {
        MacKey(derive(&self.0, "credential", &[]))
    }

    /// Derives the key that makes the `{tag}` of a session's private URLs.
    pub fn tag_key(&self) -> MacKey {
        MacKey(derive(&self.0, "tag", &[]))
    }

    /// Derives the key that seals the registry's records; their context is [`Context::record`].
    pub fn record_key(&self) -> SealingKey {
        SealingKey(derive(&self.0, "record", &[]))
    }

    /// Derives the key that authenticates components that are kept on disk as native code.
    pub fn component_cache_key(&self) -> MacKey {
        MacKey(derive(&self.0, "component-cache", &[]))
    }

    /// Derives the key that names the counters of failed logins in a key-value store, so that the
    /// store learns no account and no address.
    pub fn attempts_key(&self) -> MacKey {
        MacKey(derive(&self.0, "attempts", &[]))
    }

    /// Derives the key that makes an [`AccountName`](crate::AccountName) of a login name, so that
    /// the registry learns no login name.
    pub fn account_key(&self) -> MacKey {
        MacKey(derive(&self.0, "account", &[]))
    }

    /// Derives the seed of the key that signs the ledger's checkpoints (Ed25519).
    pub fn ledger_seed(&self) -> Zeroizing<[u8; 32]> {
        derive(&self.0, "ledger-checkpoint", &[])
    }

    /// Derives the key of the ledger's entries that are about an account and no camera.
    pub fn ledger_key(&self) -> LedgerKey {
        LedgerKey(derive(&self.0, "ledger", &[]))
    }
}

impl LedgerKey {
    /// Derives the key that seals the entries of a UTC day; their context is [`Context::entry`].
    pub fn day_key(&self, day: u32) -> SealingKey {
        SealingKey(self.day_secret(day))
    }
    /// Derives the same key as bytes, for an export: whoever gets them opens that day's entries.
    pub fn day_secret(&self, day: u32) -> Zeroizing<[u8; 32]> {
        derive(&self.0, "entries", &[&day.to_be_bytes()])
    }
}

impl KeyEncryptionKey {
    fn sealing_key(&self) -> SealingKey {
        SealingKey(derive(&self.0, "wrapped-key", &[]))
    }

    /// Seals a secret of 32 bytes for its owner: a household's id, or `edge`. The salt is 24 random
    /// bytes, never used before with this key.
    ///
    /// # Errors
    /// [`SealError::TooLong`] if the owner has more than 65,535 bytes. Others as
    /// [`format::seal_all`].
    pub fn wrap(
        &self,
        owner: &[u8],
        secret: &[u8; 32],
        salt: [u8; SALT_BYTES],
    ) -> Result<Vec<u8>, SealError> {
        format::seal_all(&self.sealing_key(), &Context::wrapped_key(owner)?, salt, secret)
    }

    /// Opens the secret of this owner.
    ///
    /// # Errors
    /// [`SealError::WrongSeal`] if it was wrapped for another owner or with another key.
    /// [`SealError::BadLength`] if the secret is not 32 bytes long. Others as [`format::open_all`].
    pub fn unwrap(&self, owner: &[u8], wrapped: &[u8]) -> Result<Zeroizing<[u8; 32]>, SealError> {
        let context = Context::wrapped_key(owner)?;
        let plain = Zeroizing::new(format::open_all(&self.sealing_key(), &context, wrapped)?);
        let secret = plain.as_slice().try_into().map_err(|_| SealError::BadLength)?;
        Ok(Zeroizing::new(secret))
    }
}

impl HouseholdKey {
    /// Derives the keys of one camera of this household.
    pub fn camera_key(&self, household: &HouseholdId, camera: &CameraId) -> CameraKey {
        let ids: [&[u8]; 2] = [household.as_bytes(), camera.as_bytes()];
        CameraKey::new(derive(&self.0, "camera", &ids))
    }

    /// Derives the key of this household's entries in the ledger.
    pub fn ledger_key(&self, household: &HouseholdId) -> LedgerKey {
        LedgerKey(derive(&self.0, "ledger", &[household.as_bytes()]))
    }
}

/// The keys of one camera in one household. Only [`HouseholdKey::camera_key`] makes them, and only
/// they can compute a name.
pub struct CameraKey {
    root: Zeroizing<[u8; 32]>,
    // These are derived once, because a request names several objects.
    name: MacKey,
    index: MacKey,
}

impl CameraKey {
    fn new(root: Zeroizing<[u8; 32]>) -> Self {
        Self {
            name: MacKey(derive(&root, "name", &[])),
            index: MacKey(derive(&root, "index", &[])),
            root,
        }
    }

    /// Derives the key that seals this object: the key of the UTC day in the object's id.
    pub fn footage_key(&self, object: &FootageId) -> SealingKey {
        SealingKey(derive(&self.root, "day", &[&object.day().to_be_bytes()]))
    }

    /// Computes the name of one version of one object, for tiers and stores.
    pub fn object_name(&self, context: &Context) -> ObjectName {
        ObjectName::from_bytes(self.name.mac(&[context.as_bytes()]))
    }

    /// Computes the name of an object for the index, the same for all its versions.
    pub fn slot_name(&self, slot: &Slot) -> SlotName {
        SlotName::from_bytes(self.name.mac(&[slot.as_bytes()]))
    }

    /// Returns the key that proves rows and pointers of the index.
    pub fn index_key(&self) -> &MacKey {
        &self.index
    }

    /// Derives the key that digests uploaded bodies, so that a repeated upload can be told from a
    /// different one.
    pub fn body_digest_key(&self) -> MacKey {
        MacKey(derive(&self.root, "body-digest", &[]))
    }
}

impl MacKey {
    /// Computes HMAC-SHA256 over a list of parts. Each part is preceded by its length (eight bytes,
    /// big-endian), so that `ab, c` and `a, bc` differ.
    pub fn mac(&self, parts: &[&[u8]]) -> [u8; 32] {
        let mut mac = Suite::mac_start(&self.0);
        for part in parts {
            // A usize is at most 64 bits wide, so nothing is lost.
            Suite::mac_update(&mut mac, &(part.len() as u64).to_be_bytes());
            Suite::mac_update(&mut mac, part);
        }
        Suite::mac_finish(mac)
    }

    /// Verifies a MAC of [`MacKey::mac`] in constant time.
    ///
    /// # Errors
    /// [`SealError::WrongMac`] if the MAC does not fit these parts or is not 32 bytes long.
    pub fn verify(&self, parts: &[&[u8]], mac: &[u8]) -> Result<(), SealError> {
        same(&self.mac(parts), mac).then_some(()).ok_or(SealError::WrongMac)
    }
}

/// A keyed digest of a body that arrives in pieces: HMAC-SHA256 over eight bytes 0xff and the body.
pub struct KeyedDigest(<Suite as Primitives>::Mac);

impl KeyedDigest {
    /// Starts a digest.
    pub fn new(key: &MacKey) -> Self {
        let mut mac = Suite::mac_start(&key.0);
        // The MAC of a list starts with a length, and no part is this long. So a digest is never
        // the MAC of a list.
        Suite::mac_update(&mut mac, &[0xff; 8]);
        Self(mac)
    }

    /// Takes the next piece. Where the pieces are cut makes no difference.
    pub fn update(&mut self, piece: &[u8]) {
        Suite::mac_update(&mut self.0, piece);
    }

    /// Computes the digest of all pieces.
    pub fn finish(self) -> [u8; 32] {
        Suite::mac_finish(self.0)
    }
}

impl SealingKey {
    /// Derives the key (32 bytes), the base nonce (12) and the commitment (32) of one message. The
    /// source is C2SP chunked-encryption, "Key derivation".
    pub(crate) fn message(
        &self,
        context: &Context,
        salt: &[u8; SALT_BYTES],
    ) -> Zeroizing<[u8; 76]> {
        let label = b"c2sp.org/chunked-encryption@v1+AEAD_AES_256_GCM\0";
        Suite::hkdf_expand_sha512(&self.0, &[label, salt, context.as_bytes()])
    }
}

#[cfg(test)]
mod tests;

#[cfg(test)]
mod known_answers;
