//! Tests of the frontier against the definition of the tree.

use super::*;
use crate::testing::{Dice, leaves, log_of, naive_root};
use crate::tile::Tile;
use std::vec;

#[test]
fn each_size_has_the_root_of_the_definition() {
    let leaves = leaves(300);
    let mut frontier = Frontier::default();
    for (size, leaf) in leaves.iter().enumerate() {
        assert_eq!(frontier.size(), size as u64);
        assert_eq!(frontier.root(), naive_root(&leaves[..size]), "{size}");
        let read = Frontier::from_bytes(&frontier.to_bytes());
        assert_eq!(read, Ok(frontier.clone()));
        frontier.push(*leaf).unwrap();
    }
}

#[test]
fn a_frontier_is_read_from_tiles_of_its_size_or_of_a_larger_log() {
    let leaves = leaves(70_000);
    let (files, _) = log_of(70_000);
    let mut frontier = Frontier::default();
    for (size, leaf) in (0..).zip(&leaves) {
        // Only the last partial tiles are there: of smaller sizes, those within full tiles.
        if size % 256 == 0 && size >> 16 << 16 == size || size == 70_000 {
            assert_eq!(Frontier::read(size, &files), Ok(frontier.clone()), "{size}");
        }
        frontier.push(*leaf).unwrap();
    }
    assert_eq!(Frontier::read(70_000, &files), Ok(frontier.clone()));
    assert_eq!(frontier.root(), naive_root(&leaves));
    let mut dice = Dice(1);
    for size in (0..20).map(|_| dice.roll(65_536)) {
        // The last entries of a size are in full tiles of level 0 and 1.
        let root = Frontier::read(size, &files).unwrap().root();
        assert_eq!(root, naive_root(&leaves[..size as usize]), "{size}");
    }
}

#[test]
fn bytes_that_are_no_frontier_are_rejected() {
    let mut frontier = Frontier::default();
    leaves(7).into_iter().try_for_each(|leaf| frontier.push(leaf)).unwrap();
    let bytes = frontier.to_bytes();
    assert_eq!(bytes.len(), 8 + 3 * 32);
    for length in 0..bytes.len() {
        assert_eq!(Frontier::from_bytes(&bytes[..length]), Err(FrontierError));
    }
    assert_eq!(Frontier::from_bytes(&[bytes.as_slice(), &[0]].concat()), Err(FrontierError));
    assert_eq!(Frontier::from_bytes(&[bytes.as_slice(), &[0; 32]].concat()), Err(FrontierError));
    let mut other = bytes;
    other[7] = 8;
    assert_eq!(Frontier::from_bytes(&other), Err(FrontierError));
}

#[test]
fn a_log_ends_at_its_largest_size() {
    let full = [u64::MAX.to_be_bytes().to_vec(), vec![1; 64 * 32]].concat();
    let mut frontier = Frontier::from_bytes(&full).unwrap();
    let before = frontier.clone();
    assert_eq!(frontier.push(EMPTY_ROOT), Err(TooLarge));
    assert_eq!(frontier, before);
}

#[test]
fn a_missing_and_a_short_tile_are_named() {
    let (mut files, _) = log_of(300);
    let tile = Tile::hashes(0, 1, 44).unwrap();
    files.0.get_mut(&tile).unwrap().pop();
    assert_eq!(Frontier::read(300, &files), Err(TreeError::Malformed(tile)));
    files.0.remove(&tile);
    assert_eq!(Frontier::read(300, &files), Err(TreeError::Missing(tile)));
}
