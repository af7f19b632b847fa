//! A log in memory, for the tests of all modules.

use crate::bundle::{ENTRY_BYTES, Entry, write};
use crate::checkpoint::Checkpoint;
use crate::edge::Edge;
use crate::hash::{Hash, leaf, node, to_bytes};
use crate::note::{Name, SigningKey};
use crate::tile::{Files, Tile};
use std::collections::BTreeMap;
use std::convert::Infallible;
use std::vec::Vec;

/// The files of a log.
#[derive(Clone, Default)]
pub struct Memory(pub BTreeMap<Tile, Vec<u8>>);

impl Files for Memory {
    type Error = Infallible;

    fn read(&self, tile: &Tile) -> Result<Option<Vec<u8>>, Infallible> {
        Ok(self.0.get(tile).cloned())
    }
}

/// Returns an entry that no other number gives.
pub fn entry(number: u64) -> Entry {
    let mut entry = [0x5a; ENTRY_BYTES];
    entry[..8].copy_from_slice(&number.to_be_bytes());
    entry
}

/// Returns the hashes of the entries 0, 1, 2 and so on.
pub fn leaves(count: u64) -> Vec<Hash> {
    (0..count).map(|number| leaf(&entry(number))).collect()
}

/// Returns the files of a log with these entries, and its edge.
pub fn log(entries: &[Entry]) -> (Memory, Edge) {
    let mut files = BTreeMap::new();
    let mut edge = Edge::default();
    for (bundle, index) in entries.chunks(256).zip(0..) {
        let width = bundle.len().try_into().unwrap();
        files.insert(Tile::entries(index, width).unwrap(), write(bundle).unwrap());
    }
    for entry in entries {
        let full = edge.push(leaf(entry)).unwrap();
        files.extend(full.into_iter().map(|(tile, hashes)| (tile, to_bytes(&hashes))));
    }
    files.extend(edge.partial().map(|(tile, hashes)| (tile, to_bytes(hashes))));
    (Memory(files), edge)
}

/// Returns the log of the entries 0, 1, 2 and so on.
pub fn log_of(size: u64) -> (Memory, Edge) {
    log(&(0..size).map(entry).collect::<Vec<_>>())
}

/// Returns a log's name.
pub fn name() -> Name {
    Name::new("example.com/ledger/hall").unwrap()
}

/// Returns a log's key.
pub fn key() -> SigningKey {
    SigningKey::from_seed(name(), &[7; 32]).unwrap()
}

/// Returns the checkpoint of a log.
pub fn checkpoint(edge: &Edge) -> Checkpoint {
    Checkpoint::new(name(), edge.size(), edge.root())
}

/// Computes a root as RFC 6962 defines it, without any of the crate's shortcuts.
pub fn naive_root(leaves: &[Hash]) -> Hash {
    match leaves {
        [] => Hash::of(b""),
        [one] => *one,
        _ => {
            let half = leaves.len().next_power_of_two() / 2;
            node(&naive_root(&leaves[..half]), &naive_root(&leaves[half..]))
        }
    }
}

/// Numbers that look random and are the same in each run.
pub struct Dice(pub u64);

impl Dice {
    /// Returns a number below `below`.
    pub fn roll(&mut self, below: u64) -> u64 {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % below
    }
}
