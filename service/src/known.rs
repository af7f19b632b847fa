//! Maps of who or what is counted, which never grow without a limit.

use std::collections::HashMap;
use std::hash::Hash;

/// The most keys that are known.
const KNOWN_MAX: usize = 65_536;

/// Makes room for one more key. When so many are known, those that do not count any more are
/// forgotten, and then all of them.
pub(crate) fn make_room<K: Eq + Hash, V>(
    known: &mut HashMap<K, V>,
    key: &K,
    counts: impl Fn(&V) -> bool,
) {
    if known.len() < KNOWN_MAX || known.contains_key(key) {
        return;
    }
    known.retain(|_, value| counts(value));
    if known.len() >= KNOWN_MAX {
        known.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_counts_no_more_goes_first_and_then_all() {
        let full = |counts: usize| (0..KNOWN_MAX).map(|key| (key, key < counts)).collect();
        for (counts, key, left) in [(9, 7, KNOWN_MAX), (9, KNOWN_MAX, 9), (KNOWN_MAX, KNOWN_MAX, 0)]
        {
            let mut known: HashMap<usize, bool> = full(counts);
            make_room(&mut known, &key, |counts| *counts);
            assert_eq!(known.len(), left, "{counts} count, {key} comes");
        }
    }
}
