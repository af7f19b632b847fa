//! The defences, by name.
//!
//! In every build but storm's each of them is on, and asking is a constant that the compiler takes out. Storm's build (feature `storm`) can
//! switch one off, to show that its detector sees what then gets through. This file must never offer that to any other build.

/// What stops a lie.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Defence {
    /// Footage and event details are sealed, and bound to what they are.
    Seal,
    /// An answer of the registry proves its question: nonce, kind and key.
    Records,
    /// An answer of the past is refused.
    Floors,
    /// A row of the index proves its question, and a page is in order.
    Rows,
    /// What was acknowledged is missed where it is withheld.
    Acknowledged,
    /// An upload is compared with its length and digest.
    Digest,
    /// Another body under an id that is taken is refused.
    Conflict,
    /// A response leaves only by the request whose grant made it.
    WayOut,
    /// A private address is its session's own.
    Tag,
    /// A tier that keeps lying is set aside.
    Standing,
}

impl Defence {
    /// All of them.
    pub const ALL: [Self; 10] = [
        Self::Seal,
        Self::Records,
        Self::Floors,
        Self::Rows,
        Self::Acknowledged,
        Self::Digest,
        Self::Conflict,
        Self::WayOut,
        Self::Tag,
        Self::Standing,
    ];
}

/// Whether a defence is on.
#[cfg(not(feature = "storm"))]
#[inline(always)]
pub const fn is_on(_: Defence) -> bool {
    true
}

#[cfg(feature = "storm")]
pub use switch::{is_on, only_without};

#[cfg(feature = "storm")]
mod switch {
    use super::Defence;
    use std::sync::atomic::{AtomicU32, Ordering};

    static OFF: AtomicU32 = AtomicU32::new(0);

    const fn bit(defence: Defence) -> u32 {
        1 << defence as u32
    }

    /// Whether a defence is on.
    pub fn is_on(defence: Defence) -> bool {
        OFF.load(Ordering::Relaxed) & bit(defence) == 0
    }

    /// Switches these off, and every other one on, for the whole process.
    pub fn only_without(defences: &[Defence]) {
        OFF.store(defences.iter().fold(0, |all, one| all | bit(*one)), Ordering::Relaxed);
    }
}
