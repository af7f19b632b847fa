//! Tests of roots and proofs made from tiles, against two other crates.

use super::*;
use crate::edge::Edge;
use crate::hash::{leaf, to_bytes};
use crate::proof::{verify_consistency, verify_inclusion};
use crate::testing::{Memory, entry, leaves, log_of, naive_root};
use ct_merkle::mem_backed_tree::MemoryBackedTree;
use ct_merkle::{ConsistencyProof, InclusionProof, RootHash};
use sha2::Sha256;
use std::convert::Infallible;
use tlog_tiles::HashReader;

type Other = MemoryBackedTree<Sha256, Vec<u8>>;

/// All hashes of a tree, as `tlog_tiles` numbers them.
#[derive(Default)]
struct Stored(Vec<tlog_tiles::Hash>);

impl HashReader for Stored {
    fn read_hashes(&self, at: &[u64]) -> Result<Vec<tlog_tiles::Hash>, tlog_tiles::Error> {
        Ok(at.iter().map(|at| self.0[*at as usize]).collect())
    }
}

/// The same log three times: as tiles, in `ct-merkle`, and in `tlog_tiles`.
struct Three {
    files: Memory,
    edge: Edge,
    tree: Other,
    stored: Stored,
}

fn same(ours: &[Hash], theirs: &[tlog_tiles::Hash]) -> bool {
    ours.iter().map(Hash::as_bytes).eq(theirs.iter().map(|hash| &hash.0))
}

impl Three {
    fn new() -> Self {
        Self {
            files: Memory::default(),
            edge: Edge::default(),
            tree: Other::new(),
            stored: Stored::default(),
        }
    }

    fn grow(&mut self, size: u64) {
        for number in self.edge.size()..size {
            let entry = entry(number);
            let full = self.edge.push(leaf(&entry)).unwrap();
            self.files.0.extend(full.into_iter().map(|(tile, hashes)| (tile, to_bytes(&hashes))));
            self.tree.push(entry.to_vec());
            let hashes = tlog_tiles::stored_hashes(number, &entry, &self.stored).unwrap();
            self.stored.0.extend(hashes);
        }
        let partial = self.edge.partial().map(|(tile, hashes)| (tile, to_bytes(hashes)));
        self.files.0.extend(partial);
    }

    fn root(&self) -> Hash {
        let root = root(self.edge.size(), &self.files).unwrap();
        assert_eq!(root, self.edge.root());
        assert_eq!(root.as_bytes().as_slice(), self.tree.root().as_bytes().as_slice());
        assert_eq!(root, self.their_root(self.edge.size()));
        root
    }

    fn their_root(&self, size: u64) -> Hash {
        Hash::from_bytes(tlog_tiles::tree_hash(size, &self.stored).unwrap().0)
    }

    fn compare_inclusion(&self, index: u64) {
        let (size, root, entry) = (self.edge.size(), self.edge.root(), entry(index));
        let proof = inclusion(index, size, &self.files).unwrap();
        assert_eq!(verify_inclusion(&leaf(&entry), index, size, &root, &proof), Ok(()));
        let theirs = self.tree.prove_inclusion(index as usize);
        assert_eq!(to_bytes(&proof), theirs.as_bytes(), "{index} of {size}");
        let theirs = tlog_tiles::prove_record(size, index, &self.stored).unwrap();
        assert!(same(&proof, &theirs), "{index} of {size}");
        // Each takes ours.
        let ours = InclusionProof::try_from_bytes(to_bytes(&proof)).unwrap();
        self.tree.root().verify_inclusion(&entry, index, &ours).unwrap();
        let (root, leaf) = (root.as_bytes(), tlog_tiles::record_hash(&entry));
        tlog_tiles::check_record(&theirs, size, tlog_tiles::Hash(*root), index, leaf).unwrap();
    }

    fn compare_consistency(&self, from: u64) {
        let (size, root, old) = (self.edge.size(), self.edge.root(), self.their_root(from));
        let proof = consistency(from, size, &self.files).unwrap();
        assert_eq!(verify_consistency((from, &old), (size, &root), &proof), Ok(()));
        // Neither of the others proves anything about a log without entries.
        if from == 0 {
            return;
        }
        let theirs = self.tree.prove_consistency((size - from) as usize);
        assert_eq!(to_bytes(&proof), theirs.as_bytes(), "{from} of {size}");
        let theirs = tlog_tiles::prove_tree(size, from, &self.stored).unwrap();
        assert!(same(&proof, &theirs), "{from} of {size}");
        let ours = ConsistencyProof::try_from_bytes(to_bytes(&proof)).unwrap();
        let their_old = RootHash::<Sha256>::new((*old.as_bytes()).into(), from);
        self.tree.root().verify_consistency(&their_old, &ours).unwrap();
        let [root, old] = [root, old].map(|hash| tlog_tiles::Hash(*hash.as_bytes()));
        tlog_tiles::check_tree(&theirs, size, root, from, old).unwrap();
    }
}

#[test]
fn two_other_crates_make_the_same_roots_and_proofs() {
    let leaves = leaves(600);
    let mut three = Three::new();
    for size in 1..=600 {
        three.grow(size);
        assert_eq!(three.root(), naive_root(&leaves[..size as usize]));
        // All of them for small sizes and around full tiles, some for the others.
        let all = size < 40 || [256, 300].contains(&size);
        let step = if all { 1 } else { 53 };
        let some = || (size % step..size).step_by(step as usize);
        some().for_each(|index| three.compare_inclusion(index));
        some().for_each(|from| three.compare_consistency(from));
    }
}

#[test]
fn two_other_crates_make_the_same_roots_and_proofs_of_large_logs() {
    let mut three = Three::new();
    for size in [65_535, 65_536, 65_537, 70_000] {
        three.grow(size);
        three.root();
        let some = || (0..size).step_by(5_919).chain([255, 256, 65_534, size - 1]);
        some().for_each(|index| three.compare_inclusion(index));
        some().for_each(|from| three.compare_consistency(from));
    }
}

/// A log whose tiles grow in place: one file a tile.
struct Growing(Memory);

impl Files for Growing {
    type Error = Infallible;

    fn read(&self, tile: &Tile) -> Result<Option<Vec<u8>>, Infallible> {
        let mut wider = self.0.0.range(tile..=&tile.filled());
        Ok(wider.next().map(|(_, bytes)| bytes.clone()))
    }
}

#[test]
fn a_proof_is_made_from_a_log_that_grew_since() {
    let files = Growing(log_of(600).0);
    let leaves = leaves(600);
    for size in 1..=600 {
        let root = naive_root(&leaves[..size as usize]);
        for index in [0, size / 2, size - 1] {
            let proof = inclusion(index, size, &files).unwrap();
            let leaf = &leaves[index as usize];
            assert_eq!(verify_inclusion(leaf, index, size, &root, &proof), Ok(()), "{size}");
        }
    }
}

#[test]
fn what_a_log_has_not_got_is_not_proven() {
    let (files, _) = log_of(5);
    assert_eq!(inclusion(5, 5, &files), Err(TreeError::OutOfRange));
    assert_eq!(inclusion(0, 0, &files), Err(TreeError::OutOfRange));
    assert_eq!(consistency(6, 5, &files), Err(TreeError::OutOfRange));
    let tile = Tile::hashes(0, 0, 6).unwrap();
    assert_eq!(inclusion(5, 6, &files), Err(TreeError::Missing(tile)));
    // A size that no log reaches ends with a missing tile, too.
    let missing = |proof| matches!(proof, Err(TreeError::Missing(_)));
    assert!(missing(inclusion(1 << 40, u64::MAX, &files)));
    assert!(missing(consistency(u64::MAX - 1, u64::MAX, &files)));
    assert!(root(u64::MAX, &files).is_err());
}
