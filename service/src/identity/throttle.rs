//! The throttle: it slows failed logins down for each account and for each address, in bounded
//! memory.
//!
//! Both counters matter. One address may try many accounts, and many addresses may try one account.
//! An account's throttle is short, so that a stranger can't lock the owner out for long.

use std::collections::HashMap;
use std::hash::BuildHasher as _;
use std::net::IpAddr;
use std::sync::Mutex;

/// The failures in a row that are free for an account from one address, since people mistype.
pub const ACCOUNT_HERE_FREE: u32 = 5;
/// The same for an account from everywhere, against many addresses. The number is so high that a
/// stranger does not lock the owner out at once.
pub const ACCOUNT_FREE: u32 = 100;
/// The same for an address, behind which a whole household or office may sit.
pub const ADDRESS_FREE: u32 = 20;
/// The longest wait, in seconds.
const WAIT_SECONDS_MAX: u64 = 60;
/// The time without a failure after which a counter is forgotten, in seconds.
const FORGET_SECONDS: u64 = 15 * 60;
/// The most counters that are kept. When all are in use, the older half goes.
const COUNTERS_MAX: usize = 65_536;

/// Slows failed logins down.
pub trait Attempts: Send + Sync + 'static {
    /// Counts an attempt of `name` from `address` as failed, unless it has to wait.
    ///
    /// # Errors
    /// The seconds to wait; nothing was counted then.
    fn attempt(&self, name: &str, address: IpAddr, now_seconds: u64) -> Result<(), u64>;

    /// Takes a right attempt back: the account starts afresh, and its address gets this attempt
    /// back.
    fn succeeded(&self, name: &str, address: IpAddr);
}

/// The key of a counter: a keyed hash of an account's name or of an address, never the name itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct ThrottleKey {
    hash: u64,
    free: u32,
}

/// Failures in a row, and the time of the last.
#[derive(Clone, Copy, Default)]
pub struct Counter {
    /// The number of failures.
    pub failures: u32,
    /// The time of the last failure, in seconds since 1970.
    pub last_at_seconds: u64,
}

impl Counter {
    /// Says whether it was quiet for so long that it counts for nothing.
    #[must_use]
    pub fn is_forgotten(self, now_seconds: u64) -> bool {
        now_seconds.saturating_sub(self.last_at_seconds) > FORGET_SECONDS
    }

    /// Returns the counter after one more failure.
    #[must_use]
    pub fn failed(self, now_seconds: u64) -> Self {
        let before = if self.is_forgotten(now_seconds) { 0 } else { self.failures };
        Self { failures: before.saturating_add(1), last_at_seconds: now_seconds }
    }

    /// Returns the counter after a right attempt: an account starts afresh, an address gets it
    /// back.
    #[must_use]
    pub fn taken_back(self, free: u32) -> Self {
        let failures = if free == ADDRESS_FREE { self.failures.saturating_sub(1) } else { 0 };
        Self { failures, ..self }
    }
}

/// Counts failed logins.
#[derive(Default)]
pub struct Throttle {
    hasher: std::hash::RandomState,
    counters: Mutex<HashMap<u64, Counter>>,
}

impl Attempts for Throttle {
    fn attempt(&self, name: &str, address: IpAddr, now_seconds: u64) -> Result<(), u64> {
        self.count(&self.keys(name, address), now_seconds)
    }
    fn succeeded(&self, name: &str, address: IpAddr) {
        self.take_back(&self.keys(name, address));
    }
}

impl Throttle {
    fn keys(&self, name: &str, address: IpAddr) -> [ThrottleKey; 3] {
        [self.account_here(name, address), self.account(name), self.address(address)]
    }

    /// Returns the key of an account.
    fn account(&self, name: &str) -> ThrottleKey {
        ThrottleKey { hash: self.hasher.hash_one(("account", name)), free: ACCOUNT_FREE }
    }

    /// Returns the key of an account as one address tries it.
    fn account_here(&self, name: &str, address: IpAddr) -> ThrottleKey {
        let hash = self.hasher.hash_one(("here", name, self.address(address).hash));
        ThrottleKey { hash, free: ACCOUNT_HERE_FREE }
    }

    /// Returns the key of an address, or of the /64 of an IPv6 address, which belongs to one line.
    fn address(&self, address: IpAddr) -> ThrottleKey {
        ThrottleKey {
            hash: self.hasher.hash_one(("address", network(address))),
            free: ADDRESS_FREE,
        }
    }

    /// Counts an attempt as failed, unless one of the keys has to wait.
    ///
    /// # Errors
    /// The seconds to wait; nothing was counted then.
    fn count(&self, keys: &[ThrottleKey], now_seconds: u64) -> Result<(), u64> {
        let Ok(mut counters) = self.counters.lock() else {
            return Err(WAIT_SECONDS_MAX);
        };
        let wait = keys
            .iter()
            .map(|key| {
                counters.get(&key.hash).map_or(0, |c| wait_seconds(*c, key.free, now_seconds))
            })
            .max();
        if let Some(wait) = wait
            && wait > 0
        {
            return Err(wait);
        }
        for key in keys {
            if counters.len() >= COUNTERS_MAX && !counters.contains_key(&key.hash) {
                make_room(&mut counters, now_seconds);
            }
            let counter = counters.entry(key.hash).or_default();
            *counter = counter.failed(now_seconds);
        }
        Ok(())
    }

    /// Takes a right attempt back: its account starts afresh, and its address gets this attempt
    /// back.
    fn take_back(&self, keys: &[ThrottleKey]) {
        let Ok(mut counters) = self.counters.lock() else { return };
        for key in keys {
            if let Some(counter) = counters.get_mut(&key.hash) {
                *counter = counter.taken_back(key.free);
            }
        }
    }
}

/// Returns the part of an address that is counted: all of an IPv4 address, the /64 of an IPv6
/// address. One line has a whole /64.
pub fn network(address: IpAddr) -> [u8; 8] {
    match address.to_canonical() {
        // Four zeros come first: no /64 in use starts so.
        IpAddr::V4(v4) => u64::from(u32::from(v4)).to_be_bytes(),
        IpAddr::V6(v6) => {
            let [a, b, c, d, e, f, g, h, ..] = v6.octets();
            [a, b, c, d, e, f, g, h]
        }
    }
}

/// Returns the seconds to wait, which double with each failure past the free ones.
pub fn wait_seconds(counter: Counter, free: u32, now_seconds: u64) -> u64 {
    let since = now_seconds.saturating_sub(counter.last_at_seconds);
    let over = counter.failures.checked_sub(free);
    let Some(over) = over.filter(|_| !counter.is_forgotten(now_seconds)) else {
        return 0;
    };
    let wait = 1_u64.checked_shl(over).unwrap_or(WAIT_SECONDS_MAX).min(WAIT_SECONDS_MAX);
    wait.saturating_sub(since)
}

/// Drops the counters that have been quiet for long. If no room is free then, drops the older half.
fn make_room(counters: &mut HashMap<u64, Counter>, now_seconds: u64) {
    counters.retain(|_, counter| !counter.is_forgotten(now_seconds));
    if counters.len() >= COUNTERS_MAX {
        let mut ages: Vec<u64> = counters.values().map(|c| c.last_at_seconds).collect();
        let (_, median, _) = ages.select_nth_unstable(COUNTERS_MAX / 2);
        let median = *median;
        counters.retain(|_, c| c.last_at_seconds > median);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HERE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);

    #[test]
    fn an_account_waits_longer_and_longer() {
        let throttle = Throttle::default();
        let key = [throttle.account_here("alder", HERE)];
        for _ in 0..ACCOUNT_HERE_FREE {
            assert_eq!(throttle.count(&key, 100), Ok(()));
        }
        assert_eq!(throttle.count(&key, 100), Err(1));
        assert_eq!(throttle.count(&key, 101), Ok(()));
        assert_eq!(throttle.count(&key, 101), Err(2));
        assert_eq!(throttle.count(&[throttle.account_here("birch", HERE)], 101), Ok(()));
        let elsewhere = IpAddr::V4(std::net::Ipv4Addr::new(10, 0, 0, 1));
        assert_eq!(
            throttle.count(&[throttle.account_here("alder", elsewhere)], 101),
            Ok(()),
            "its owner gets in"
        );
        assert_eq!(throttle.count(&key, 101 + FORGET_SECONDS + 1), Ok(()));
        assert_eq!(throttle.count(&key, 101 + FORGET_SECONDS + 1), Ok(()));
    }

    #[test]
    fn one_address_that_tries_many_accounts_waits() {
        let throttle = Throttle::default();
        let address = throttle.address(HERE);
        for n in 0..ADDRESS_FREE {
            assert_eq!(throttle.count(&[throttle.account(&n.to_string()), address], 100), Ok(()));
        }
        assert!(throttle.count(&[throttle.account("another"), address], 100).is_err());
    }

    #[test]
    fn a_right_login_is_taken_back() {
        let throttle = Throttle::default();
        let keys = [throttle.account("alder"), throttle.address(HERE)];
        for _ in 0..1000 {
            assert_eq!(throttle.count(&keys, 100), Ok(()));
            throttle.take_back(&keys);
        }
    }

    #[test]
    fn its_memory_is_bounded() {
        let throttle = Throttle::default();
        for n in 0..(COUNTERS_MAX as u64 * 2) {
            let _ = throttle.count(&[throttle.account(&n.to_string())], n / 1000);
        }
        assert!(throttle.counters.lock().unwrap().len() <= COUNTERS_MAX);
    }

    #[test]
    fn addresses_of_one_line_are_one() {
        let throttle = Throttle::default();
        let key = |text: &str| throttle.address(text.parse().unwrap());
        assert_eq!(key("2001:db8::1"), key("2001:db8::ffff"));
        assert_ne!(key("2001:db8::1"), key("2001:db8:0:1::1"));
        assert_eq!(key("::ffff:10.0.0.1"), key("10.0.0.1"));
    }
}
