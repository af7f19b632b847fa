//! A tier's standing: how often it was refused lately, and whether it is set aside.
//!
//! A tier that lies once costs one more question. One that keeps lying costs one with every request, so it is set aside after
//! [`STRIKES_MAX`] refusals within [`WINDOW_MILLISECONDS`], and tried again after [`ASIDE_MILLISECONDS`]. Serving goes on from the next layer.
//!
//! It must never decide whether an answer is right (the vault does), and has no clock of its own.

use eyesonly_gate::Seam;
use std::sync::atomic::{AtomicU64, Ordering};

/// Refusals within the window after which a tier is set aside. A disk with a bad sector has fewer: what was refused is evicted there.
pub const STRIKES_MAX: u64 = 32;
/// How far back refusals count, in milliseconds.
pub const WINDOW_MILLISECONDS: u64 = 10_000;
/// How long a tier is set aside before it is tried again, in milliseconds.
pub const ASIDE_MILLISECONDS: u64 = 30_000;

/// What is known of one tier's answers. Numbers alone: they are read and written without a lock, and one refusal more or less does not matter.
#[derive(Debug)]
pub struct Standing {
    seam: Seam,
    window_began_milliseconds: AtomicU64,
    strikes: AtomicU64,
    aside_until_milliseconds: AtomicU64,
    times_aside: AtomicU64,
}

impl Standing {
    /// A tier of which nothing is known.
    pub fn new(seam: Seam) -> Self {
        Self {
            seam,
            window_began_milliseconds: AtomicU64::new(0),
            strikes: AtomicU64::new(0),
            aside_until_milliseconds: AtomicU64::new(0),
            times_aside: AtomicU64::new(0),
        }
    }

    /// Which tier it is.
    pub fn seam(&self) -> Seam {
        self.seam
    }

    /// Whether the tier is asked now.
    pub fn is_asked(&self, now_milliseconds: u64) -> bool {
        now_milliseconds >= self.aside_until_milliseconds.load(Ordering::Relaxed)
    }

    /// How often it was set aside since the start.
    pub fn times_aside(&self) -> u64 {
        self.times_aside.load(Ordering::Relaxed)
    }

    /// Counts a refused answer; true if the tier is set aside by it.
    pub fn refused(&self, now_milliseconds: u64) -> bool {
        let began = self.window_began_milliseconds.load(Ordering::Relaxed);
        if now_milliseconds.saturating_sub(began) >= WINDOW_MILLISECONDS {
            self.window_began_milliseconds.store(now_milliseconds, Ordering::Relaxed);
            self.strikes.store(0, Ordering::Relaxed);
        }
        let strikes = self.strikes.fetch_add(1, Ordering::Relaxed).saturating_add(1);
        // Answers that were under way when the tier was set aside raise the count further; the one that met the bound did it.
        if strikes != STRIKES_MAX {
            return false;
        }
        let until = now_milliseconds.saturating_add(ASIDE_MILLISECONDS);
        self.aside_until_milliseconds.store(until, Ordering::Relaxed);
        // The next window begins when it is tried again.
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
