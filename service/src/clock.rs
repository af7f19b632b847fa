//! The clock and the randomness of the host come from here. The modules that decide receive both
//! from their caller.

use eyesonly_gate::{Clock, Random};
use std::time::{SystemTime, UNIX_EPOCH};

/// The operating system's clock and randomness.
pub struct System;

impl Clock for System {
    fn now_milliseconds(&self) -> u64 {
        now_milliseconds()
    }
}

impl Random for System {
    /// # Aborts
    /// If the operating system gives no random bytes, no nonce or salt can be fresh, and going on
    /// would be worse than ending.
    fn fill(&self, bytes: &mut [u8]) {
        if getrandom::fill(bytes).is_err() {
            tracing::error!("the operating system gives no random bytes; ending");
            std::process::abort();
        }
    }
}

/// The numbers that name questions and deliveries. They come from a generator of each thread
/// (ChaCha), which the operating system seeds. So a request makes no system call for them.
///
/// They are no keys and no salts. A machine that was copied while it runs may draw the same numbers
/// as its copy: with a salt, that would give footage away.
pub struct Numbers;

impl Random for Numbers {
    /// # Panics
    /// If the operating system gives no random bytes when a thread draws its first number.
    fn fill(&self, bytes: &mut [u8]) {
        rand::Rng::fill_bytes(&mut rand::rng(), bytes);
    }
}

/// Returns the milliseconds since 1970-01-01T00:00:00Z. A clock set before 1970 gives 0.
pub fn now_milliseconds() -> u64 {
    milliseconds_of(SystemTime::now())
}

/// Returns a time in milliseconds since 1970. A time before 1970 gives 0.
pub fn milliseconds_of(time: SystemTime) -> u64 {
    time.duration_since(UNIX_EPOCH).map_or(0, |d| u64::try_from(d.as_millis()).unwrap_or(u64::MAX))
}

/// Returns the seconds since 1970-01-01T00:00:00Z.
pub fn now_seconds() -> u64 {
    now_milliseconds() / 1000
}

/// Returns random bytes from the operating system.
pub fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    System.fill(&mut bytes);
    bytes
}

/// Makes a fresh UUID (version 7) for something that the host names itself: households, cameras,
/// viewers, sessions, object versions.
pub fn fresh_id() -> [u8; 16] {
    fresh_id_after(None)
}

/// Makes a fresh UUID (version 7) whose time is later than that of `earlier`.
pub fn fresh_id_after(earlier: Option<&[u8; 16]>) -> [u8; 16] {
    fresh_id_of(now_milliseconds().max(earlier.map_or(0, |id| time_milliseconds(id) + 1)))
}

/// Makes a fresh UUID (version 7) of this time, in milliseconds since 1970.
pub fn fresh_id_of(milliseconds: u64) -> [u8; 16] {
    *uuid::Builder::from_unix_timestamp_millis(milliseconds, &random()).into_uuid().as_bytes()
}

/// Returns the time in a UUID, in milliseconds since 1970, or none if the UUID is not of version 7.
pub fn time_of(id: &[u8; 16]) -> Option<u64> {
    let is_of_version_7 = id.get(6).is_some_and(|byte| byte >> 4 == 7);
    is_of_version_7.then(|| time_milliseconds(id))
}

/// Returns the time in a UUID of version 7, in milliseconds since 1970.
pub fn time_milliseconds(id: &[u8; 16]) -> u64 {
    id.iter().take(6).fold(0, |time, byte| time << 8 | u64::from(*byte))
}
