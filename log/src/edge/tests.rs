//! Tests of the edge: it writes the tiles that a log of its size has, and is read from them.

use super::*;
use crate::testing::{Memory, leaves, log_of, naive_root};
use crate::tile::{Kind, changed};
use std::collections::BTreeSet;

#[test]
fn growing_writes_each_tile_that_changes() {
    let leaves = leaves(66_100);
    let mut edge = Edge::default();
    let mut before = 0;
    for (leaf, size) in leaves.iter().zip(1..) {
        let full = edge.push(*leaf).unwrap();
        if size % 255 == 0 || size % 256 < 2 {
            let mut written: BTreeSet<_> = edge.partial().map(|(tile, _)| tile).collect();
            written.extend(full.iter().map(|(tile, _)| *tile));
            let due = changed(size - 1, size).filter(|tile| tile.kind() != Kind::Entries);
            due.for_each(|tile| assert!(written.contains(&tile), "{size}: {tile}"));
        }
        for (tile, hashes) in full {
            assert!(changed(before, size).any(|due| due == tile), "{size}: {tile}");
            assert_eq!(hashes.len(), 256);
            before = size - 1;
        }
        assert_eq!(edge.size(), size);
    }
}

#[test]
fn the_edge_has_the_root_of_the_definition() {
    let leaves = leaves(600);
    let mut edge = Edge::default();
    for (size, leaf) in leaves.iter().enumerate() {
        assert_eq!(edge.root(), naive_root(&leaves[..size]), "{size}");
        assert_eq!(edge.frontier().size(), size as u64);
        edge.push(*leaf).unwrap();
    }
}

#[test]
fn an_edge_that_was_read_goes_on_like_the_one_that_wrote() {
    for size in [0, 1, 255, 256, 257, 511, 512, 513, 65_535, 65_536, 65_537, 65_792] {
        let (files, mut edge) = log_of(size);
        let mut read = Edge::read(size, &files).unwrap();
        assert_eq!(read.root(), edge.root(), "{size}");
        for leaf in leaves(300) {
            assert_eq!(read.push(leaf), edge.push(leaf), "{size}");
        }
        assert_eq!(read.root(), edge.root(), "{size}");
        assert!(read.partial().eq(edge.partial()), "{size}");
    }
}

#[test]
fn a_tile_that_is_missing_is_named() {
    let tile = Tile::hashes(0, 0, 1).unwrap();
    assert_eq!(Edge::read(1, &Memory::default()), Err(TreeError::Missing(tile)));
}
