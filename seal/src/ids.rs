//! The ids of the system: sixteen bytes each, told apart by type so that one can't be used for another.
//!
//! An id has exactly one spelling, the lower-case hyphenated UUID form. Anything else is refused, so that two spellings
//! can never name the same thing on one side of a check and different things on the other. Ids are not secrets.

use core::fmt::{self, Write};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// What is wrong with an id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum IdError {
    /// The text is not as long as an id is.
    #[error(
        "not as long as an id: 36 characters such as 01234567-89ab-cdef-0123-456789abcdef, as it was printed when it was added"
    )]
    Length,
    /// A character that the canonical form does not have at its place.
    #[error("not the canonical form: lower-case hexadecimal digits, with hyphens after 8, 12, 16 and 20 of an id")]
    Form,
    /// A footage id that is not a UUID of version 7 in the variant of RFC 9562.
    #[error("a footage id is a UUID of version 7")]
    NotVersion7,
    /// A time that 48 bits of milliseconds don't hold.
    #[error("the time does not fit into an id")]
    Time,
}

/// The value of one lower-case hexadecimal digit.
fn nibble(character: Option<u8>) -> Result<u8, IdError> {
    match character {
        Some(digit @ b'0'..=b'9') => Ok(digit & 0x0f),
        Some(letter @ b'a'..=b'f') => Ok((letter & 0x0f).wrapping_add(9)),
        _ => Err(IdError::Form),
    }
}

/// Reads exactly N bytes of lower-case hexadecimal digits.
pub(crate) fn read_hex<const N: usize>(mut digits: impl Iterator<Item = u8>) -> Result<[u8; N], IdError> {
    let mut bytes = [0; N];
    for byte in &mut bytes {
        let high = nibble(digits.next())?;
        *byte = high << 4 | nibble(digits.next())?;
    }
    match digits.next() {
        None => Ok(bytes),
        Some(_) => Err(IdError::Length),
    }
}

/// Writes one byte as two lower-case hexadecimal digits.
pub(crate) fn write_hex(out: &mut fmt::Formatter<'_>, byte: u8) -> fmt::Result {
    for value in [byte >> 4, byte & 0x0f] {
        out.write_char(char::from_digit(u32::from(value), 16).ok_or(fmt::Error)?)?;
    }
    Ok(())
}

fn parse_uuid(text: &str) -> Result<[u8; 16], IdError> {
    if text.len() != 36 {
        return Err(IdError::Length);
    }
    let hyphen = |place: usize| matches!(place, 8 | 13 | 18 | 23);
    if text
        .bytes()
        .enumerate()
        .any(|(place, character)| hyphen(place) != (character == b'-'))
    {
        return Err(IdError::Form);
    }
    read_hex(text.bytes().filter(|character| *character != b'-'))
}

fn write_uuid(out: &mut fmt::Formatter<'_>, bytes: &[u8; 16]) -> fmt::Result {
    for (place, byte) in bytes.iter().enumerate() {
        if matches!(place, 4 | 6 | 8 | 10) {
            out.write_char('-')?;
        }
        write_hex(out, *byte)?;
    }
    Ok(())
}

/// Reads an id out of a string of any format that serde knows.
struct Canonical<T>(fn(&str) -> Result<T, IdError>);

impl<T> de::Visitor<'_> for Canonical<T> {
    type Value = T;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("an id in the canonical form of a UUID")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<T, E> {
        (self.0)(text).map_err(E::custom)
    }
}

/// What every id has: its one spelling, and the bytes.
macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name([u8; 16]);

        impl $name {
            /// The sixteen bytes, in the order of the text.
            #[must_use]
            pub const fn as_bytes(&self) -> &[u8; 16] {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
                write_uuid(out, &self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, out)
            }
        }

        impl core::str::FromStr for $name {
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
                deserializer.deserialize_str(Canonical(Self::parse))
            }
        }
    };
}

/// An id that may be any sixteen bytes.
macro_rules! plain_id {
    ($(#[$doc:meta])* $name:ident) => {
        id!($(#[$doc])* $name);

        impl $name {
            /// Any sixteen bytes are an id.
            #[must_use]
            pub const fn from_bytes(bytes: [u8; 16]) -> Self {
                Self(bytes)
            }

            /// Reads the canonical form only: 36 characters, lower-case, hyphenated.
            ///
            /// # Errors
            /// [`IdError::Length`] or [`IdError::Form`].
            pub fn parse(text: &str) -> Result<Self, IdError> {
                parse_uuid(text).map(Self)
            }
        }
    };
}

plain_id!(
    /// The tenant: it owns cameras, and its footage has its own random key.
    HouseholdId
);
plain_id!(
    /// One enrolment of a device in one household.
    CameraId
);
plain_id!(
    /// A person with an account.
    ViewerId
);
plain_id!(
    /// One login of a viewer.
    SessionId
);
plain_id!(
    /// One credential, of a viewer or a camera.
    CredentialId
);
plain_id!(
    /// Which writing of an object this is. A new one is made for every writing, so an old one does not open as the new.
    ObjectVersion
);
id!(
    /// A still, an event or a live segment, named by its camera: a UUID of version 7 (RFC 9562, section 5.7), unique
    /// within that camera. Its time is the time of the footage; order of ids is order of time.
    FootageId
);

impl FootageId {
    const MILLISECONDS_PER_DAY: u64 = 86_400_000;

    /// Takes the bytes of a UUID of version 7.
    ///
    /// # Errors
    /// [`IdError::NotVersion7`] for another version or variant.
    pub const fn from_bytes(bytes: [u8; 16]) -> Result<Self, IdError> {
        let [_, _, _, _, _, _, version, _, variant, ..] = bytes;
        if version >> 4 == 7 && variant >> 6 == 0b10 {
            Ok(Self(bytes))
        } else {
            Err(IdError::NotVersion7)
        }
    }

    /// Reads the canonical form of a UUID of version 7.
    ///
    /// # Errors
    /// [`IdError::Length`], [`IdError::Form`] or [`IdError::NotVersion7`].
    pub fn parse(text: &str) -> Result<Self, IdError> {
        Self::from_bytes(parse_uuid(text)?)
    }

    /// Makes an id from a time (milliseconds since 1970-01-01 UTC) and ten random bytes, of which 74 bits are used.
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

    /// The time of the footage, in milliseconds since 1970-01-01 UTC.
    #[must_use]
    pub const fn time_milliseconds(&self) -> u64 {
        let [t0, t1, t2, t3, t4, t5, ..] = self.0;
        u64::from_be_bytes([0, 0, t0, t1, t2, t3, t4, t5])
    }

    /// The UTC day of the footage, in days since 1970-01-01. It chooses the day key.
    #[must_use]
    pub fn day(&self) -> u32 {
        let days = self.time_milliseconds() / Self::MILLISECONDS_PER_DAY;
        // 48 bits of milliseconds are at most 3,257,812 days.
        u32::try_from(days).unwrap_or(u32::MAX)
    }
}

#[cfg(test)]
mod tests;
