//! The choice among three values for each hash of a tile that does not fit.

use crate::hash::Hash;
use alloc::vec::Vec;

/// Hashes of a tile, as far as they are known.
pub(super) type Known = Vec<Option<Hash>>;

/// The values of one hash: as the tile has it, from the tile below, and from the entries below.
pub(super) type Values = [Option<Hash>; 3];

const STORED: usize = 0;
const TILES: usize = 1;
const ENTRIES: usize = 2;

/// The ways to choose, in the order in which they are tried: whether two values that are the same
/// outvote the third, and which value comes first.
///
/// If only one thing is wrong about each hash, the first way gives the right ones. The others are
/// for tiles that are wrong where the entries or the tiles below are wrong, too.
const WAYS: [(bool, [usize; 3]); 5] = [
    (true, [STORED, TILES, ENTRIES]),
    (true, [TILES, STORED, ENTRIES]),
    (true, [ENTRIES, TILES, STORED]),
    (false, [TILES, STORED, ENTRIES]),
    (false, [ENTRIES, TILES, STORED]),
];

/// The hashes that were chosen for some tiles.
pub(super) struct Choice {
    pub(super) chosen: Vec<Known>,
    /// Whether they fit what is above.
    pub(super) settled: bool,
    /// Whether no hash was computed from entries, as there are none below.
    pub(super) no_entries: bool,
}

impl Choice {
    /// Takes hashes that fit.
    pub(super) const fn settled(chosen: Vec<Known>) -> Self {
        Self { chosen, settled: true, no_entries: false }
    }

    /// Chooses hashes that fit. If no way leads to them, the first way is taken.
    pub(super) fn among(tiles: &[Vec<Values>], fits: impl Fn(&[Vec<Hash>]) -> bool) -> Self {
        let no_entries = tiles.iter().flatten().all(|values| values.last() == Some(&None));
        let mut first = None;
        for (majority, order) in WAYS {
            let one = |values: &Values| pick(values, majority, order);
            let chosen: Vec<Known> =
                tiles.iter().map(|tile| tile.iter().map(one).collect()).collect();
            let hashes: Option<Vec<Vec<_>>> =
                chosen.iter().map(|known| known.iter().copied().collect()).collect();
            if hashes.is_some_and(|hashes| fits(&hashes)) {
                return Self { chosen, settled: true, no_entries };
            }
            first = first.or(Some(chosen));
        }
        Self { chosen: first.unwrap_or_default(), settled: false, no_entries }
    }
}

/// Picks one of three values.
fn pick(values: &Values, majority: bool, order: [usize; 3]) -> Option<Hash> {
    let [first, second, third] = order.map(|at| values.get(at).copied().flatten());
    let outvoted = majority && second.is_some() && second == third;
    if outvoted { second } else { first.or(second).or(third) }
}

/// Marks all hashes of a tile as known.
pub(super) fn all_known(hashes: Vec<Hash>) -> Known {
    hashes.into_iter().map(Some).collect()
}
