//! A tier's standing: how often its answers were rejected lately, and whether it is set aside.
//!
//! A tier that lies once costs one more question. A tier that keeps lying costs one more with every
//! request. So that tier is set aside after [`STRIKES_MAX`] rejected answers within
//! [`WINDOW_MILLISECONDS`], and tried again after [`ASIDE_MILLISECONDS`]. Meanwhile, serving goes
//! on from the next layer.
//!
//! A standing must never decide whether an answer is right (the vault does), and it has no clock of
//! its own.

use eyesonly_gate::Seam;
use std::sync::atomic::{AtomicU64, Ordering};

/// The number of rejected answers within the window at which a tier is set aside. A disk with a bad
/// sector has fewer, because a rejected extent is evicted.
pub const STRIKES_MAX: u64 = 32;
/// The length of the window in which rejected answers are counted, in milliseconds.
pub const WINDOW_MILLISECONDS: u64 = 10_000;
/// The time for which a tier is set aside before it is tried again, in milliseconds.
pub const ASIDE_MILLISECONDS: u64 = 30_000;

/// The counters of one tier's rejected answers. They are atomic numbers without a lock, because one
/// rejected answer more or less does not matter.
#[derive(Debug)]
pub struct Standing {
    seam: Seam,
    window_began_milliseconds: AtomicU64,
    strikes: AtomicU64,
    aside_until_milliseconds: AtomicU64,
    times_aside: AtomicU64,
}

impl Standing {
    /// Makes the standing of a tier of which nothing is known.
    pub fn new(seam: Seam) -> Self {
        Self {
            seam,
            window_began_milliseconds: AtomicU64::new(0),
            strikes: AtomicU64::new(0),
            aside_until_milliseconds: AtomicU64::new(0),
            times_aside: AtomicU64::new(0),
        }
    }

    /// Returns the seam of the tier.
    pub fn seam(&self) -> Seam {
        self.seam
    }

    /// Says whether the tier is asked at this time, that is, not set aside.
    pub fn is_asked(&self, now_milliseconds: u64) -> bool {
        now_milliseconds >= self.aside_until_milliseconds.load(Ordering::Relaxed)
    }

    /// Returns how often the tier was set aside since the start.
    pub fn times_aside(&self) -> u64 {
        self.times_aside.load(Ordering::Relaxed)
    }

    /// Counts a rejected answer, and returns true if this one sets the tier aside.
    pub fn refused(&self, now_milliseconds: u64) -> bool {
        let began = self.window_began_milliseconds.load(Ordering::Relaxed);
        if now_milliseconds.saturating_sub(began) >= WINDOW_MILLISECONDS {
            self.window_began_milliseconds.store(now_milliseconds, Ordering::Relaxed);
            self.strikes.store(0, Ordering::Relaxed);
        }
        let strikes = self.strikes.fetch_add(1, Ordering::Relaxed).saturating_add(1);
        // Answers that were in flight when the tier was set aside raise the count further. Only the
        // one that reaches the bound sets the tier aside.
        if strikes != STRIKES_MAX {
            return false;
        }
        let until = now_milliseconds.saturating_add(ASIDE_MILLISECONDS);
        self.aside_until_milliseconds.store(until, Ordering::Relaxed);
        // The next window starts when the tier is tried again.
        self.window_began_milliseconds.store(until, Ordering::Relaxed);
        self.strikes.store(0, Ordering::Relaxed);
        self.times_aside.fetch_add(1, Ordering::Relaxed);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tier_that_keeps_lying_is_set_aside_and_tried_again() {
        let standing = Standing::new(Seam::DiskTier);
        let now = 1_000_000;
        for _ in 1..STRIKES_MAX {
            assert!(!standing.refused(now));
        }
        assert!(standing.is_asked(now));
        assert!(standing.refused(now), "the one that meets the bound");
        assert!(!standing.is_asked(now + ASIDE_MILLISECONDS - 1));
        assert!(standing.is_asked(now + ASIDE_MILLISECONDS), "tried again");
        for _ in 1..STRIKES_MAX {
            assert!(!standing.refused(now + ASIDE_MILLISECONDS));
        }
        assert!(standing.refused(now + ASIDE_MILLISECONDS), "and set aside again");
        assert_eq!(standing.times_aside(), 2);
    }

    #[test]
    fn a_lie_now_and_then_sets_nothing_aside() {
        let standing = Standing::new(Seam::MemoryTier);
        for n in 1..1000 {
            assert!(!standing.refused(n * WINDOW_MILLISECONDS));
        }
        assert!(standing.is_asked(1000 * WINDOW_MILLISECONDS));
    }
}
