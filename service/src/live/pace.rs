//! How much comes within ten seconds.

use std::time::Duration;
use tokio::time::Instant;

/// The time over which is counted.
const OVER: Duration = Duration::from_secs(10);

/// A count that starts anew every ten seconds.
pub struct Pace {
    since: Instant,
    sum: u64,
}

impl Pace {
    /// Starts to count.
    pub fn new() -> Self {
        Self { since: Instant::now(), sum: 0 }
    }

    /// Counts what came. Returns false if more came within the time than `a_second_max` allows.
    pub fn count(&mut self, amount: u64, a_second_max: u64) -> bool {
        if self.since.elapsed() >= OVER {
            *self = Self::new();
        }
        self.sum = self.sum.saturating_add(amount);
        self.sum <= a_second_max.saturating_mul(OVER.as_secs())
    }
}
