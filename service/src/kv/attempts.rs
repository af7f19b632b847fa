//! Failed logins, counted over a key-value store, for a process that ends with its request. Names
//! and addresses are kept as MACs.

use super::{KeyValue, KvError, TRIES_MAX, decode, encode, hex};
use crate::chain::Chain;
use crate::identity::{
    ACCOUNT_FREE, ACCOUNT_HERE_FREE, ADDRESS_FREE, Attempts, Counter, network, wait_seconds,
};
use eyesonly_seal::MacKey;
use std::net::IpAddr;
use std::sync::Arc;

/// The prefix of the counters' keys.
const PLACE: &str = "attempts/";

/// Counts failed logins.
pub struct KvAttempts {
    kv: Arc<dyn KeyValue>,
    key: MacKey,
}

impl KvAttempts {
    /// Makes counters over this store. `key` is the installation's.
    pub fn new(kv: Arc<dyn KeyValue>, key: MacKey) -> Self {
        Self { kv, key }
    }

    /// Removes counters that count for nothing any more, and returns their number. `now_seconds` is
    /// since 1970.
    ///
    /// # Errors
    /// [`KvError`]; the counters that were not looked at stay.
    pub fn forget(&self, now_seconds: u64) -> Result<usize, KvError> {
        let mut old = Vec::new();
        for place in self.kv.list(PLACE)? {
            let (raw, counter) = self.read(&place)?;
            if raw.is_some() && counter.is_forgotten(now_seconds) {
                old.push(place);
            }
        }
        self.kv.delete_many(&old)?;
        Ok(old.len())
    }

    fn counters(&self, name: &str, address: IpAddr) -> [(String, u32); 3] {
        let network = network(address);
        let place = |parts: &[&[u8]]| format!("{PLACE}{}", hex(&self.key.mac(parts)));
        [
            (place(&[b"here", name.as_bytes(), &network]), ACCOUNT_HERE_FREE),
            (place(&[b"account", name.as_bytes()]), ACCOUNT_FREE),
            (place(&[b"address", &network]), ADDRESS_FREE),
        ]
    }

    fn read(&self, place: &str) -> Result<(Option<Vec<u8>>, Counter), KvError> {
        let raw = self.kv.get(place)?;
        let counter = match &raw {
            Some(raw) => {
                let (failures, last_at_seconds) = decode(place, raw)?;
                Counter { failures, last_at_seconds }
            }
            None => Counter::default(),
        };
        Ok((raw, counter))
    }

    /// Changes a counter. Where `change` gives none, the counter stays and the answer is false.
    fn change(
        &self,
        place: &str,
        change: impl Fn(Counter) -> Option<Counter>,
    ) -> Result<bool, KvError> {
        for _ in 0..TRIES_MAX {
            let (was, counter) = self.read(place)?;
            let Some(counter) = change(counter) else {
                return Ok(false);
            };
            let value = encode(&(counter.failures, counter.last_at_seconds))?;
            if self.kv.swap(place, was.as_deref(), &value)? {
                return Ok(true);
            }
        }
        Err(KvError(format!("{place} is written by too many at once").into()))
    }
}

impl Attempts for KvAttempts {
    fn attempt(&self, name: &str, address: IpAddr, now_seconds: u64) -> Result<(), u64> {
        // If the store does not answer, nobody may try.
        let unknown = |error: KvError| {
            tracing::error!(error = %Chain(&error), "failed logins can't be counted");
            1_u64
        };
        let counters = self.counters(name, address);
        let mut wait = 0;
        for (place, free) in &counters {
            let (_, counter) = self.read(place).map_err(unknown)?;
            wait = wait.max(wait_seconds(counter, *free, now_seconds));
        }
        if wait > 0 {
            return Err(wait);
        }
        for (place, free) in &counters {
            // Each change checks again: of many attempts at once, only as many get in as are free.
            // An attempt that is refused here stays counted in the counters before.
            let is_free = |counter| wait_seconds(counter, *free, now_seconds) == 0;
            let counted =
                self.change(place, |counter| is_free(counter).then(|| counter.failed(now_seconds)));
            if !counted.map_err(unknown)? {
                return Err(1);
            }
        }
        Ok(())
    }

    fn succeeded(&self, name: &str, address: IpAddr) {
        for (place, free) in self.counters(name, address) {
            let taken_back = self.change(&place, |counter| Some(counter.taken_back(free)));
            if let Err(error) = taken_back {
                tracing::warn!(
                    error = %Chain(&error),
                    "a right login stays counted as a failed one"
                );
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kv::memory::MemoryKv;

    #[test]
    fn an_account_waits_longer_and_longer_and_a_right_login_is_taken_back() {
        let attempts = KvAttempts::new(Arc::new(MemoryKv::default()), MacKey::from_bytes([1; 32]));
        let [here, there] = [1, 2].map(|n| IpAddr::from([10, 0, 0, n]));
        for _ in 0..ACCOUNT_HERE_FREE {
            assert_eq!(attempts.attempt("alder", here, 100), Ok(()));
        }
        assert_eq!(attempts.attempt("alder", here, 100), Err(1));
        assert_eq!(attempts.attempt("alder", there, 100), Ok(()), "its owner gets in");
        assert_eq!(attempts.attempt("birch", here, 100), Ok(()));
        attempts.succeeded("alder", here);
        assert_eq!(attempts.attempt("alder", here, 100), Ok(()), "afresh");
    }

    #[test]
    fn counters_that_count_for_nothing_are_forgotten() {
        let kv = Arc::new(MemoryKv::default());
        let attempts = KvAttempts::new(Arc::clone(&kv) as _, MacKey::from_bytes([1; 32]));
        let [here, there] = [1, 2].map(|n| IpAddr::from([10, 0, n, 0]));
        attempts.attempt("alder", here, 100).unwrap();
        attempts.attempt("birch", there, 900).unwrap();
        assert_eq!(attempts.forget(1000).unwrap(), 0, "they count");
        assert_eq!(attempts.forget(1001).unwrap(), 3);
        assert_eq!(kv.list(PLACE).unwrap().len(), 3);
    }

    #[test]
    fn of_many_at_once_only_those_that_are_free_get_in() {
        let attempts = KvAttempts::new(Arc::new(MemoryKv::default()), MacKey::from_bytes([1; 32]));
        let here = IpAddr::from([10, 0, 0, 1]);
        let together = std::sync::Barrier::new(16);
        let attempt = || {
            together.wait();
            attempts.attempt("alder", here, 100).is_ok()
        };
        let got_in = std::thread::scope(|scope| {
            let guesses: Vec<_> = (0..16).map(|_| scope.spawn(attempt)).collect();
            guesses.into_iter().map(|guess| guess.join().unwrap()).filter(|got_in| *got_in).count()
        });
        assert!(got_in <= ACCOUNT_HERE_FREE as usize, "{got_in}");
    }
}
