//! Places: how many of something one holder may have at once.

use crate::sync::Mutex;
use std::collections::HashMap;
use std::hash::Hash;
use std::sync::Arc;

/// Counts for each holder. A holder without a place takes no memory.
pub struct Places<K: Eq + Hash + Copy> {
    each_max: usize,
    taken: Mutex<HashMap<K, usize>>,
}

/// One place, given back on drop.
pub struct Place<K: Eq + Hash + Copy> {
    places: Arc<Places<K>>,
    holder: K,
}

impl<K: Eq + Hash + Copy> Places<K> {
    /// Makes `each_max` places for each holder.
    pub fn new(each_max: usize) -> Arc<Self> {
        Arc::new(Self { each_max, taken: Mutex::default() })
    }

    /// Takes a place. Returns `None` if this holder has all of its places.
    pub fn take(self: &Arc<Self>, holder: K) -> Option<Place<K>> {
        let mut taken = self.taken.lock().ok()?;
        let count = taken.entry(holder).or_default();
        if *count >= self.each_max {
            return None;
        }
        *count = count.saturating_add(1);
        Some(Place { places: Arc::clone(self), holder })
    }

    /// Returns how many places are taken, of all holders together.
    pub fn taken(&self) -> usize {
        self.taken.lock().map_or(0, |taken| taken.values().sum())
    }
}

impl<K: Eq + Hash + Copy> Drop for Place<K> {
    fn drop(&mut self) {
        let Ok(mut taken) = self.places.taken.lock() else {
            return;
        };
        if let Some(count) = taken.get_mut(&self.holder) {
            *count = count.saturating_sub(1);
            if *count == 0 {
                taken.remove(&self.holder);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_holder_has_its_places() {
        let places = Places::new(2);
        let (first, second) = (places.take(1), places.take(1));
        assert!(first.is_some() && second.is_some() && places.take(1).is_none());
        assert!(places.take(2).is_some(), "another holder has its own");
        assert_eq!(places.taken(), 2, "its place is free again");
        drop(first);
        assert!(places.take(1).is_some(), "a place that was given back is free");
        drop(second);
        assert!(places.taken.lock().unwrap().is_empty(), "nothing is kept for nobody");
    }
}
