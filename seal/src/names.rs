//! What sealed objects are called where nobody may learn what they are: in tiers, stores and the index.
//!
//! A name is a MAC over what it names, so it tells nothing, and nobody without the camera's key can make one.

use crate::ids::{IdError, read_hex, write_hex};
use core::fmt;

macro_rules! name {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name([u8; 32]);

        impl $name {
            /// A name as a store or an index gave it. Having one proves nothing.
            #[must_use]
            pub const fn from_bytes(bytes: [u8; 32]) -> Self {
                Self(bytes)
            }

            /// The name's bytes.
            #[must_use]
            pub const fn as_bytes(&self) -> &[u8; 32] {
                &self.0
            }

            /// Reads 64 lower-case hexadecimal digits.
            ///
            /// # Errors
            /// [`IdError::Length`] or [`IdError::Form`].
            pub fn parse(text: &str) -> Result<Self, IdError> {
                if text.len() != 64 {
                    return Err(IdError::Length);
                }
                read_hex(text.bytes()).map(Self)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.iter().try_for_each(|byte| write_hex(out, *byte))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, out)
            }
        }
    };
}

name!(
    /// The name of one version of one object in tiers and stores; made by [`crate::CameraKey::object_name`].
    ObjectName
);
name!(
    /// The name of an object whatever its version is, by which the index is asked; made by [`crate::CameraKey::slot_name`].
    SlotName
);
