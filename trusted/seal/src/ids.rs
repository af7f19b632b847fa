//! The ids of the system (16 bytes each) and the names of sealed objects (32 bytes each). Each is a
//! type of its own, so that none can be used for another.
//!
//! An id has exactly one spelling, the lower-case hyphenated UUID form. A name has 64 lower-case
//! hexadecimal digits. Every other spelling is rejected. Otherwise two spellings could be one id on
//! one side of a check and two ids on the other.
//!
//! Ids are not secrets. Tiers, stores and the index know an object by a name. A name is a MAC over
//! the fields of its object. The name tells nothing about the object, and only the camera's key can
//! make it.

use alloc::string::String;
use core::fmt;
use core::str::FromStr;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// The reason why a text, bytes or a time are not an id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum IdError {
    /// The text does not have the length of an id.
    #[error(
        "not as long as an id: 36 characters such as 01234567-89ab-cdef-0123-456789abcdef, as \
         `household list`, `camera list` and `viewer list` print them"
    )]
    Length,
    /// A character is not allowed at its place in the canonical form.
    #[error(
        "not the canonical form: lower-case hexadecimal digits, with hyphens after 8, 12, 16 and \
         20 of an id"
    )]
    Form,
    /// A footage id is not a UUID of version 7 in the variant of RFC 9562.
    #[error("a footage id is a UUID of version 7")]
    NotVersion7,
    /// The time has more than 48 bits of milliseconds.
    #[error("the time does not fit into an id")]
    Time,
}

/// The most characters of a spelling: those of a name.
const CHARACTERS_MAX: usize = 64;

/// Writes the one spelling of these bytes. Sixteen bytes are an id and get the hyphens of a UUID.
fn spell<'a>(bytes: &[u8], out: &'a mut [u8; CHARACTERS_MAX]) -> &'a str {
    let mut digits = [0; CHARACTERS_MAX];
    let digits = base16ct::lower::encode(bytes, &mut digits).unwrap_or_default();
    let mut free = out.iter_mut();
    for (place, pair) in digits.chunks(2).enumerate() {
        let hyphen = bytes.len() == 16 && matches!(place, 4 | 6 | 8 | 10);
        let characters = hyphen.then_some(&b'-').into_iter().chain(pair);
        characters.zip(&mut free).for_each(|(from, to)| *to = *from);
    }
    let length = CHARACTERS_MAX.saturating_sub(free.len());
    out.get(..length).and_then(|text| str::from_utf8(text).ok()).unwrap_or_default()
}

/// Reads the one spelling of `BYTES` bytes, which has `characters` characters, and no other.
fn read<T, const BYTES: usize>(
    text: &str,
    characters: usize,
    make: impl FnOnce([u8; BYTES]) -> Result<T, IdError>,
) -> Result<T, IdError> {
    if text.len() != characters {
        return Err(IdError::Length);
    }
    let has_hyphen = |place| BYTES == 16 && matches!(place, 8 | 13 | 18 | 23);
    if text.bytes().enumerate().any(|(place, byte)| has_hyphen(place) != (byte == b'-')) {
        return Err(IdError::Form);
    }
    let (mut digits, mut bytes) = ([0; CHARACTERS_MAX], [0; BYTES]);
    let without_hyphens = text.bytes().filter(|byte| *byte != b'-');
    let count = without_hyphens.zip(&mut digits).map(|(from, to)| *to = from).count();
    let digits = digits.get(..count).unwrap_or_default();
    base16ct::lower::decode(digits, &mut bytes).map_err(|_| IdError::Form)?;
    make(bytes)
}

/// Declares a type of `$bytes` bytes, whose one spelling has `$characters` characters.
macro_rules! spelled {
    ($(#[$doc:meta])* $name:ident, $bytes:literal, $characters:literal, $make:expr) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name([u8; $bytes]);

        impl $name {
            /// Returns the bytes, in the order of the text.
            pub const fn as_bytes(&self) -> &[u8; $bytes] {
                &self.0
            }

            /// Reads the one spelling.
            ///
            /// # Errors
            /// [`IdError`] if the text is spelled in any other way.
            pub fn parse(text: &str) -> Result<Self, IdError> {
                read(text, $characters, $make)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
                out.write_str(spell(&self.0, &mut [0; CHARACTERS_MAX]))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
                out.write_str(spell(&self.0, &mut [0; CHARACTERS_MAX]))
            }
        }

        impl FromStr for $name {
            type Err = IdError;

            fn from_str(text: &str) -> Result<Self, IdError> {
                Self::parse(text)
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                Self::parse(&String::deserialize(deserializer)?).map_err(de::Error::custom)
            }
        }
    };
}

/// Declares types for which any bytes are a value.
macro_rules! any_bytes {
    ($bytes:literal, $characters:literal: $($(#[$doc:meta])* $name:ident,)*) => {$(
        spelled!($(#[$doc])* $name, $bytes, $characters, |bytes| Ok(Self(bytes)));

        impl $name {
            /// Takes the bytes as they are. The value proves nothing.
            pub const fn from_bytes(bytes: [u8; $bytes]) -> Self {
                Self(bytes)
            }
        }
    )*};
}

any_bytes!(16, 36:
    /// A tenant, which owns cameras. The keys of its footage derive from a random key of its own.
    HouseholdId,
    /// One enrolment of a device in one household.
    CameraId,
    /// A person with an account.
    ViewerId,
    /// One login of a viewer.
    SessionId,
    /// One credential, of a viewer or a camera.
    CredentialId,
    /// One writing of an object. Each writing has a new version, so that an old one does not open
    /// as the new one.
    ObjectVersion,
);

any_bytes!(32, 64:
    /// The name of one version of one object, in tiers and stores.
    /// [`CameraKey::object_name`](crate::CameraKey::object_name) makes it, and stores return it.
    ObjectName,
    /// The name of an object in the index, the same for all its versions.
    /// [`CameraKey::slot_name`](crate::CameraKey::slot_name) makes it, and the index returns it.
    SlotName,
    /// The name of an account in the registry: the MAC of its login name under
    /// [`EdgeKey::account_key`](crate::EdgeKey::account_key).
    AccountName,
);

spelled!(
    /// The id of a still, an event or a live segment: a UUID of version 7 (RFC 9562, section 5.7).
    /// The camera chooses the id, which is unique within that camera. The id's time is the time of
    /// the footage, so the order of ids is the order of time.
    FootageId, 16, 36, Self::from_bytes
);

impl FootageId {
    const MILLISECONDS_PER_DAY: u64 = 86_400_000;

    /// Takes the bytes of a UUID of version 7.
    ///
    /// # Errors
    /// [`IdError::NotVersion7`] if version or variant are others.
    pub const fn from_bytes(bytes: [u8; 16]) -> Result<Self, IdError> {
        let [_, _, _, _, _, _, version, _, variant, ..] = bytes;
        if version >> 4 == 7 && variant >> 6 == 0b10 {
            Ok(Self(bytes))
        } else {
            Err(IdError::NotVersion7)
        }
    }

    /// Makes an id from a time (milliseconds since 1970-01-01 UTC) and ten random bytes. 74 bits of
    /// the random bytes are used.
    ///
    /// # Errors
    /// [`IdError::Time`] if the time has more than 48 bits.
    pub const fn from_time(milliseconds: u64, random: [u8; 10]) -> Result<Self, IdError> {
        let [0, 0, t0, t1, t2, t3, t4, t5] = milliseconds.to_be_bytes() else {
            return Err(IdError::Time);
        };
        let [a, b, c, d, e, f, g, h, i, j] = random;
        let (version, variant) = (0x70 | a & 0x0f, 0x80 | c & 0x3f);
        Ok(Self([t0, t1, t2, t3, t4, t5, version, b, variant, d, e, f, g, h, i, j]))
    }

    /// Returns the time of the footage, in milliseconds since 1970-01-01 UTC.
    pub const fn time_milliseconds(&self) -> u64 {
        let [t0, t1, t2, t3, t4, t5, ..] = self.0;
        u64::from_be_bytes([0, 0, t0, t1, t2, t3, t4, t5])
    }

    /// Returns the UTC day of the footage, in days since 1970-01-01. The day selects the sealing
    /// key.
    pub fn day(&self) -> u32 {
        let days = self.time_milliseconds() / Self::MILLISECONDS_PER_DAY;
        // 48 bits of milliseconds are at most 3,257,812 days.
        u32::try_from(days).unwrap_or(u32::MAX)
    }
}

#[cfg(test)]
mod tests;
