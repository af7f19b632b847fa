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

/// Returns the milliseconds since 1970-01-01T00:00:00Z. A clock set before 1970 gives 0.
pub fn now_milliseconds() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |d| u64::try_from(d.as_millis()).unwrap_or(u64::MAX))
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
    let random: [u8; 10] = random();
    *uuid::Builder::from_unix_timestamp_millis(now_milliseconds(), &random).into_uuid().as_bytes()
}
