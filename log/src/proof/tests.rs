//! Tests of the verifiers: they take the right proof, and no other one.

use super::*;
use crate::testing::{Memory, leaves, log_of, naive_root};
use crate::tree::{consistency, inclusion};
use std::vec::Vec;

/// Proofs that are nearly right.
fn spoiled(proof: &[Hash]) -> Vec<Vec<Hash>> {
    let other = crate::leaf(b"other");
    let mut all = Vec::new();
    for at in 0..proof.len() {
        let mut changed = proof.to_vec();
        changed[at] = other;
        all.push(changed);
        let mut shorter = proof.to_vec();
        shorter.remove(at);
        all.push(shorter);
    }
    for pair in 1..proof.len() {
        let mut swapped = proof.to_vec();
        swapped.swap(pair - 1, pair);
        all.push(swapped);
    }
    for at in 0..=proof.len() {
        let mut longer = proof.to_vec();
        longer.insert(at, other);
        all.push(longer);
    }
    all
}

#[test]
fn each_entry_is_proven_and_no_spoiled_proof_is_taken() {
    let leaves = leaves(40);
    for size in 1..=40 {
        let (files, _): (Memory, _) = log_of(size);
        let root = naive_root(&leaves[..size as usize]);
        for index in 0..size {
            let leaf = &leaves[index as usize];
            let proof = inclusion(index, size, &files).unwrap();
            assert_eq!(verify_inclusion(leaf, index, size, &root, &proof), Ok(()));
            for proof in spoiled(&proof) {
                assert!(verify_inclusion(leaf, index, size, &root, &proof).is_err());
            }
            for other in (0..size).filter(|other| *other != index) {
                assert!(verify_inclusion(leaf, other, size, &root, &proof).is_err());
                let other = &leaves[other as usize];
                let wrong = verify_inclusion(other, index, size, &root, &proof);
                assert_eq!(wrong, Err(ProofError::Root));
            }
        }
        let beyond = verify_inclusion(&leaves[0], size, size, &root, &[]);
        assert_eq!(beyond, Err(ProofError::OutOfRange));
    }
    let none = verify_inclusion(&leaves[0], 0, 0, &EMPTY_ROOT, &[]);
    assert_eq!(none, Err(ProofError::OutOfRange));
}

#[test]
fn each_size_is_proven_and_no_spoiled_proof_is_taken() {
    let leaves = leaves(40);
    let root = |size: u64| naive_root(&leaves[..size as usize]);
    for to in 0..=40 {
        let (files, _) = log_of(to);
        for from in 0..=to {
            let proof = consistency(from, to, &files).unwrap();
            let (old, new) = (root(from), root(to));
            assert_eq!(verify_consistency((from, &old), (to, &new), &proof), Ok(()));
            for proof in spoiled(&proof) {
                let taken = verify_consistency((from, &old), (to, &new), &proof);
                assert!(taken.is_err(), "{from} {to}");
            }
            let other = crate::leaf(b"other");
            assert!(verify_consistency((from, &other), (to, &new), &proof).is_err());
            if from > 0 {
                assert!(verify_consistency((from, &old), (to, &other), &proof).is_err());
            }
            if from < to {
                let back = verify_consistency((to, &new), (from, &old), &proof);
                assert_eq!(back, Err(ProofError::OutOfRange));
            }
        }
    }
}

#[test]
fn a_proof_ends_at_the_root_of_the_size_that_it_is_for() {
    let leaves = leaves(4);
    let (old, new) = (naive_root(&leaves[..1]), naive_root(&leaves[..2]));
    let proof = consistency(1, 2, &log_of(2).0).unwrap();
    assert_eq!(verify_consistency((1, &old), (2, &new), &proof), Ok(()));
    // In a log of three, a further step would come.
    let short = verify_consistency((1, &old), (3, &new), &proof);
    assert_eq!(short, Err(ProofError::Length));
    let short = verify_inclusion(&leaves[0], 0, 3, &new, &proof);
    assert_eq!(short, Err(ProofError::Length));
}

#[test]
fn a_log_without_entries_has_one_root() {
    let root = crate::leaf(b"some root");
    let nothing = (0, &EMPTY_ROOT);
    assert_eq!(verify_consistency(nothing, (9, &root), &[]), Ok(()));
    assert_eq!(verify_consistency(nothing, (9, &root), &[root]), Err(ProofError::Length));
    assert_eq!(verify_consistency((0, &root), (9, &root), &[]), Err(ProofError::OldRoot));
    assert_eq!(verify_consistency(nothing, (0, &root), &[]), Err(ProofError::Root));
    assert_eq!(verify_consistency((1, &root), nothing, &[]), Err(ProofError::OutOfRange));
}

#[test]
fn the_largest_sizes_do_not_overflow() {
    let hash = crate::leaf(b"some hash");
    let proof = [hash; 64];
    let max = u64::MAX;
    let inclusion = verify_inclusion(&hash, max - 1, max, &hash, &proof);
    assert!(matches!(inclusion, Err(ProofError::Root | ProofError::Length)));
    let inclusion = verify_inclusion(&hash, 0, max, &hash, &proof);
    assert_eq!(inclusion, Err(ProofError::Root));
    let consistency = verify_consistency((max - 1, &hash), (max, &hash), &proof);
    assert!(consistency.is_err());
    let consistency = verify_consistency((1 << 63, &hash), (max, &hash), &proof[..1]);
    assert!(consistency.is_err());
}
