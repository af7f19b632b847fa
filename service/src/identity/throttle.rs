//! The throttle: failed logins are slowed down per account and per address, in bounded memory.
//!
//! Both counters matter: one address that tries many accounts, and many addresses that try one account. An account's throttle is short, so
//! that a stranger can't lock its owner out for long.

use std::collections::HashMap;
use std::hash::BuildHasher as _;
use std::net::IpAddr;
use std::sync::Mutex;

/// Failures in a row that are free: people mistype.
const ACCOUNT_HERE_FREE: u32 = 5;
/// The same for an account from everywhere: a guard against many addresses, high enough that a stranger does not lock its owner out at once.
const ACCOUNT_FREE: u32 = 100;
/// The same for an address, behind which a whole household or office may sit.
const ADDRESS_FREE: u32 = 20;
/// Longest wait in seconds.
const WAIT_SECONDS_MAX: u64 = 60;
/// A counter is forgotten after so long without a failure.
const FORGET_SECONDS: u64 = 15 * 60;
/// Most counters that are kept. When all are in use the oldest go first.
const COUNTERS_MAX: usize = 65_536;

/// What is counted: a keyed hash of an account's name or of an address, never the name itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ThrottleKey {
    hash: u64,
    free: u32,
}

#[derive(Clone, Copy)]
struct Counter {
    failures: u32,
    last_at_seconds: u64,
}

/// Counts failed logins.
#[derive(Default)]
pub struct Throttle {
    hasher: std::hash::RandomState,
    counters: Mutex<HashMap<u64, Counter>>,
}

impl Throttle {
    /// The key of an account.
    pub fn account(&self, name: &str) -> ThrottleKey {
        ThrottleKey {
            hash: self.hasher.hash_one(("account", name)),
            free: ACCOUNT_FREE,
        }
    }

    /// The key of an account as one address tries it.
    pub fn account_here(&self, name: &str, address: IpAddr) -> ThrottleKey {
        let hash = self.hasher.hash_one(("here", name, self.address(address).hash));
        ThrottleKey {
            hash,
            free: ACCOUNT_HERE_FREE,
        }
    }

    /// The key of an address; of an IPv6 address its /64, which one line has all of.
    pub fn address(&self, address: IpAddr) -> ThrottleKey {
        let network = match address.to_canonical() {
            IpAddr::V4(v4) => u128::from(u32::from(v4)),
            IpAddr::V6(v6) => u128::from(v6) >> 64,
        };
        ThrottleKey {
            hash: self
                .hasher
                .hash_one(("address", address.to_canonical().is_ipv4(), network)),
            free: ADDRESS_FREE,
        }
    }

    /// Counts an attempt as failed, unless one of the keys has to wait.
    ///
    /// # Errors
    /// Seconds to wait; nothing was counted then.
    pub fn attempt(&self, keys: &[ThrottleKey], now_seconds: u64) -> Result<(), u64> {
        let Ok(mut counters) = self.counters.lock() else {
            return Err(WAIT_SECONDS_MAX);
        };
        let wait = keys
            .iter()
            .map(|key| {
                counters
                    .get(&key.hash)
                    .map_or(0, |c| wait_seconds(*c, key.free, now_seconds))
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
            let counter = counters.entry(key.hash).or_insert(Counter {
                failures: 0,
                last_at_seconds: now_seconds,
            });
            if now_seconds.saturating_sub(counter.last_at_seconds) > FORGET_SECONDS {
                counter.failures = 0;
            }
            counter.failures = counter.failures.saturating_add(1);
            counter.last_at_seconds = now_seconds;
        }
        Ok(())
    }

    /// A login succeeded: its account starts afresh, its address gets this attempt back.
    pub fn succeeded(&self, keys: &[ThrottleKey]) {
        let Ok(mut counters) = self.counters.lock() else { return };
        for key in keys {
            if key.free != ADDRESS_FREE {
                counters.remove(&key.hash);
            } else if let Some(counter) = counters.get_mut(&key.hash) {
                counter.failures = counter.failures.saturating_sub(1);
            }
        }
    }
}

/// Doubles with each failure past the free ones.
fn wait_seconds(counter: Counter, free: u32, now_seconds: u64) -> u64 {
    let since = now_seconds.saturating_sub(counter.last_at_seconds);
    let Some(over) = counter.failures.checked_sub(free).filter(|_| since <= FORGET_SECONDS) else {
        return 0;
    };
    let wait = 1_u64
        .checked_shl(over)
        .unwrap_or(WAIT_SECONDS_MAX)
        .min(WAIT_SECONDS_MAX);
    wait.saturating_sub(since)
}

/// Drops what has been quiet for long; if that is nothing, the older half.
fn make_room(counters: &mut HashMap<u64, Counter>, now_seconds: u64) {
    counters.retain(|_, c| now_seconds.saturating_sub(c.last_at_seconds) <= FORGET_SECONDS);
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
            assert_eq!(throttle.attempt(&key, 100), Ok(()));
        }
        assert_eq!(throttle.attempt(&key, 100), Err(1));
        assert_eq!(throttle.attempt(&key, 101), Ok(()));
        assert_eq!(throttle.attempt(&key, 101), Err(2));
        assert_eq!(throttle.attempt(&[throttle.account_here("birch", HERE)], 101), Ok(()));
        let elsewhere = IpAddr::V4(std::net::Ipv4Addr::new(10, 0, 0, 1));
        assert_eq!(
            throttle.attempt(&[throttle.account_here("alder", elsewhere)], 101),
            Ok(()),
            "its owner gets in"
        );
        assert_eq!(throttle.attempt(&key, 101 + FORGET_SECONDS + 1), Ok(()));
        assert_eq!(throttle.attempt(&key, 101 + FORGET_SECONDS + 1), Ok(()));
    }

    #[test]
    fn one_address_that_tries_many_accounts_waits() {
        let throttle = Throttle::default();
        let address = throttle.address(HERE);
        for n in 0..ADDRESS_FREE {
            assert_eq!(
                throttle.attempt(&[throttle.account(&n.to_string()), address], 100),
                Ok(())
            );
        }
        assert!(throttle.attempt(&[throttle.account("another"), address], 100).is_err());
    }

    #[test]
    fn a_right_login_is_taken_back() {
        let throttle = Throttle::default();
        let keys = [throttle.account("alder"), throttle.address(HERE)];
        for _ in 0..1000 {
            assert_eq!(throttle.attempt(&keys, 100), Ok(()));
            throttle.succeeded(&keys);
        }
    }

    #[test]
    fn its_memory_is_bounded() {
        let throttle = Throttle::default();
        for n in 0..(COUNTERS_MAX as u64 * 2) {
            let _ = throttle.attempt(&[throttle.account(&n.to_string())], n / 1000);
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
