//! How much one viewer may change, and how many accounts the invitations of one household may make.
//! So nobody keeps the registry busy for all: each change moves its position, and everything under
//! way is decided anew.

use crate::known::make_room;
use eyesonly_seal::{HouseholdId, ViewerId};
use std::collections::HashMap;
use std::sync::Mutex;

/// The most changes of one viewer in a minute.
pub const CHANGES_A_MINUTE: u32 = 60;
/// The most accounts that are made by the invitations of one household in a day.
pub const NEWCOMERS_A_DAY: u32 = 100;

/// Who is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Who {
    /// A viewer, who changes something.
    Viewer(ViewerId),
    /// A household, to whose invitation a newcomer answers.
    Household(HouseholdId),
}

impl Who {
    /// Returns the length of a span in seconds, and how many are counted in it.
    fn limit(self) -> (u64, u32) {
        match self {
            Self::Viewer(_) => (60, CHANGES_A_MINUTE),
            Self::Household(_) => (86_400, NEWCOMERS_A_DAY),
        }
    }
}

/// The counts of each, with the end of its span in seconds since 1970.
#[derive(Debug, Default)]
pub(super) struct Pace(Mutex<HashMap<Who, (u64, u32)>>);

impl Pace {
    /// Counts one.
    ///
    /// # Errors
    /// There were too many: the seconds until the next one.
    pub(super) fn take(&self, who: Who, now_seconds: u64) -> Result<(), u32> {
        let (length, most) = who.limit();
        let left = length - now_seconds % length;
        let ends = now_seconds.saturating_add(left);
        let Ok(mut known) = self.0.lock() else { return Err(60) };
        make_room(&mut known, &who, |(ends, _)| now_seconds < *ends);
        let (of, count) = known.entry(who).or_default();
        if *of != ends {
            (*of, *count) = (ends, 0);
        }
        if *count >= most {
            return Err(u32::try_from(left).unwrap_or(u32::MAX));
        }
        *count = count.saturating_add(1);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_viewer_has_a_pace_and_nobody_else_waits() {
        let pace = Pace::default();
        let [one, two] = [1, 2].map(|byte| Who::Viewer(ViewerId::from_bytes([byte; 16])));
        for _ in 0..CHANGES_A_MINUTE {
            pace.take(one, 130).unwrap();
        }
        assert_eq!(pace.take(one, 130), Err(50));
        pace.take(two, 130).unwrap();
        pace.take(one, 180).unwrap();
        let home = Who::Household(HouseholdId::from_bytes([1; 16]));
        for _ in 0..NEWCOMERS_A_DAY {
            pace.take(home, 86_400).unwrap();
        }
        assert_eq!(pace.take(home, 2 * 86_400 - 10), Err(10));
    }
}
