//! The bytes of fragments that are not whole yet: a bound for each household, and one for all.

use crate::sync::Mutex;
use eyesonly_seal::HouseholdId;
use std::collections::HashMap;
use std::sync::Arc;

/// The most bytes of one household.
pub const HOUSEHOLD_BYTES_MAX: u64 = 64 << 20;
/// The most bytes in all.
pub const ALL_BYTES_MAX: u64 = 512 << 20;

/// The bytes that bodies hold. A household that holds none takes no memory.
#[derive(Default)]
pub struct Room {
    held: Mutex<(u64, HashMap<HouseholdId, u64>)>,
}

/// The bytes that one body holds, given back on drop.
pub struct Held {
    room: Arc<Room>,
    household: HouseholdId,
    bytes: u64,
}

impl Room {
    /// Starts to count for a body of this household.
    pub fn hold(self: &Arc<Self>, household: HouseholdId) -> Held {
        Held { room: Arc::clone(self), household, bytes: 0 }
    }
}

impl Held {
    /// Says that the body holds so many bytes now. Returns false, and counts as before, if there is
    /// no room for more.
    pub fn set(&mut self, bytes: usize) -> bool {
        let bytes = u64::try_from(bytes).unwrap_or(u64::MAX);
        let Ok(mut held) = self.room.held.lock() else { return false };
        let (all, households) = &mut *held;
        let of = households.get(&self.household).copied().unwrap_or(0);
        let of = of.saturating_sub(self.bytes).saturating_add(bytes);
        let sum = all.saturating_sub(self.bytes).saturating_add(bytes);
        if bytes > self.bytes && (of > HOUSEHOLD_BYTES_MAX || sum > ALL_BYTES_MAX) {
            return false;
        }
        *all = sum;
        if of == 0 {
            households.remove(&self.household);
        } else {
            households.insert(self.household, of);
        }
        self.bytes = bytes;
        true
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.set(0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_household_has_its_room_and_so_have_all() {
        let room = Arc::new(Room::default());
        let household = |n| HouseholdId::from_bytes([n; 16]);
        let most = usize::try_from(HOUSEHOLD_BYTES_MAX).unwrap();
        let (mut first, mut second) = (room.hold(household(1)), room.hold(household(1)));
        assert!(first.set(most - 1) && second.set(1) && !second.set(2));
        assert!(first.set(1) && second.set(2), "what was given back is free");
        let mut others: Vec<Held> = (2..9).map(|n| room.hold(household(n))).collect();
        assert!(others.iter_mut().all(|held| held.set(most)));
        let mut last = room.hold(household(9));
        assert!(!last.set(most) && last.set(10), "all together have no room for it");
        drop((first, second, others, last));
        let held = room.held.lock().unwrap();
        assert!(held.0 == 0 && held.1.is_empty(), "nothing is kept for nobody");
    }
}
