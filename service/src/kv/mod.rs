//! Everything behind the seams over a key-value store: registry, index, object store, keys and the
//! counters of failed logins.
//!
//! Threat. A key-value store is NOT trusted: it may give another key's value, an old one, none, or
//! a changed one.
//!
//! What must hold is what holds for each seam (`registry`, `index`, `store`, `keys`): nothing that
//! is read here counts before it has proven itself there. This room adds order: several values that
//! belong together change together or not at all (`journal`).
//!
//! The store must never see a plain byte of footage, a plain name or a key in the clear.

mod attempts;
#[cfg(any(test, feature = "conformance"))]
pub mod conformance;
mod index;
mod journal;
mod keys;
mod ledger;
#[cfg(any(test, feature = "conformance"))]
pub mod memory;
mod registry;
mod store;

pub use attempts::KvAttempts;
pub use index::KvIndex;
pub use keys::{KvKeys, read_kek};
pub use ledger::{KvEntries, KvLedger, Waiting};
pub use registry::KvRegistry;
pub use store::KvStore;

use serde::Serialize;
use serde::de::DeserializeOwned;
use std::error::Error;

/// The longest value, in bytes. The smallest of the common stores takes 400 KB, which leaves room
/// for the value's key.
pub const VALUE_BYTES_MAX: usize = 384 * 1024;
/// The most tries of a change, which is tried again when somebody else wrote meanwhile.
const TRIES_MAX: usize = 32;

/// The store does not answer, or its value is not what was written.
#[derive(Debug, thiserror::Error)]
#[error("the key-value store failed")]
pub struct KvError(#[source] pub Box<dyn Error + Send + Sync>);

/// One store. Every call is one round trip, which has happened on return.
pub trait KeyValue: Send + Sync + 'static {
    /// Returns the value of a key.
    fn get(&self, key: &str) -> Result<Option<Vec<u8>>, KvError>;

    /// Returns the values of several keys, in the order of the keys.
    fn get_many(&self, keys: &[String]) -> Result<Vec<Option<Vec<u8>>>, KvError>;

    /// Writes a value, whatever is there.
    fn set(&self, key: &str, value: &[u8]) -> Result<(), KvError>;

    /// Writes `value` if the key has the value `was`, or no value where `was` is none
    /// (compare-and-swap). Returns whether the value was written.
    ///
    /// # Errors
    /// [`KvError`]: nobody knows then whether the value was written.
    fn swap(&self, key: &str, was: Option<&[u8]>, value: &[u8]) -> Result<bool, KvError>;

    /// Removes keys. A key that is not there is no error.
    fn delete_many(&self, keys: &[String]) -> Result<(), KvError>;

    /// Returns the keys that start with `prefix`, ascending. The call takes long and is for
    /// administration alone.
    fn list(&self, prefix: &str) -> Result<Vec<String>, KvError>;
}

fn encode<T: Serialize>(value: &T) -> Result<Vec<u8>, KvError> {
    postcard::to_allocvec(value).map_err(|error| KvError(error.into()))
}

fn decode<T: DeserializeOwned>(key: &str, value: &[u8]) -> Result<T, KvError> {
    postcard::from_bytes(value)
        .map_err(|_| KvError(format!("the value of {key} is not what is written there").into()))
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    // `from_str_radix` would take a sign.
    if !text.len().is_multiple_of(2) || !text.bytes().all(|digit| digit.is_ascii_hexdigit()) {
        return None;
    }
    let pair = |at: usize| u8::from_str_radix(text.get(at..at.checked_add(2)?)?, 16).ok();
    (0..text.len()).step_by(2).map(pair).collect()
}
