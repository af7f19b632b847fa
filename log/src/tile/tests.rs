//! Tests of the names of files, against the examples of C2SP and against another crate.

use super::*;
use crate::testing::{leaves, naive_root};
use proptest::prelude::*;
use std::string::ToString;
use std::vec;

fn paths(tiles: impl Iterator<Item = Tile>) -> Vec<String> {
    tiles.map(|tile| tile.path()).collect()
}

#[test]
fn the_examples_of_c2sp_have_their_paths() {
    assert_eq!(Tile::hashes(0, 1_234_067, 256).unwrap().path(), "tile/0/x001/x234/067");
    assert_eq!(Tile::hashes(63, 0, 1).unwrap().path(), "tile/63/000.p/1");
    assert_eq!(Tile::entries(1_000, 255).unwrap().path(), "tile/entries/x001/000.p/255");
    assert_eq!(Tile::entries(999, 256).unwrap().path(), "tile/entries/999");
    assert_eq!(paths(partial(70_000)), ["tile/2/000.p/1", "tile/1/001.p/17", "tile/0/273.p/112"]);
    assert_eq!(paths(partial(256)), ["tile/1/000.p/1"]);
    assert_eq!(paths(partial(0)), [""; 0]);
    // A tree of 70,000 entries has 273 full tiles of level 0 and one of level 1.
    let all = paths(changed(0, 70_000));
    let count = |start: &str| all.iter().filter(|path| path.starts_with(start)).count();
    assert_eq!(["tile/entries/", "tile/0/", "tile/1/", "tile/2/"].map(count), [274, 274, 2, 1]);
    assert_eq!(all.len(), 551);
    assert_eq!(paths(changed(0, 256)), ["tile/entries/000", "tile/0/000", "tile/1/000.p/1"]);
}

#[test]
fn there_is_no_tile_without_hashes_or_with_more_than_256() {
    assert_eq!(Tile::hashes(0, 0, 0), None);
    assert_eq!(Tile::entries(0, 257), None);
    assert_eq!(Tile::hashes(64, 0, 1), None);
    assert_eq!(Tile::of_size(Kind::Hashes(1), 0, 255), None);
    assert_eq!(Tile::of_size(Kind::Hashes(1), 0, 256), Tile::hashes(1, 0, 1));
    assert_eq!(Tile::of_size(Kind::Entries, u64::MAX, u64::MAX), None);
    assert_eq!(Tile::of_size(Kind::Hashes(63), 0, u64::MAX), None);
    assert_eq!(Tile::of_size(Kind::Hashes(TOP_LEVEL), 0, u64::MAX), Tile::hashes(7, 0, 255));
}

#[test]
fn what_is_no_path_is_rejected() {
    for path in [
        "",
        "tile",
        "tile/",
        "tile/0",
        "tile/0/",
        "/tile/0/000",
        "tile/0/0",
        "tile/0/00",
        "tile/0/0000",
        "tile/0/x000",
        "tile/0/x000/000",
        "tile/0/001/000",
        "tile/0/x001/x000",
        "tile/0/x001/1000",
        "tile/0/X001/000",
        "tile/0/xx01/000",
        "tile/0/+01",
        "tile/0/-01",
        "tile/0/ 01",
        "tile/0/000/",
        "tile/0//000",
        "tile/00/000",
        "tile/+0/000",
        "tile/64/000",
        "tile/256/000",
        "tile/-1/000",
        "tile/data/000",
        "tile/entries/",
        "tile/Entries/000",
        "tile/0/000.p",
        "tile/0/000.p/",
        "tile/0/000.p/0",
        "tile/0/000.p/00",
        "tile/0/000.p/01",
        "tile/0/000.p/256",
        "tile/0/000.p/257",
        "tile/0/000.p/65792",
        "tile/0/000.p/+1",
        "tile/0/000.p/1/",
        "tile/0/000.p/1.p/1",
        "tile/0/../000",
        "tile/0/x018/x446/x744/x073/x709/x551/616",
        "tile/0/\u{661}\u{661}\u{661}",
    ] {
        assert_eq!(Tile::parse(path), Err(PathError), "{path}");
    }
    let last = Tile::entries(u64::MAX, 1).unwrap();
    assert_eq!(last.path(), "tile/entries/x018/x446/x744/x073/x709/x551/615.p/1");
    assert_eq!(Tile::parse(&last.path()), Ok(last));
}

#[test]
fn a_full_tile_has_the_hash_of_its_subtree() {
    let leaves = leaves(256);
    assert_eq!(above(&leaves), Some(naive_root(&leaves)));
    assert_eq!(above(&leaves[..128]), None);
    assert_eq!(above(&[]), None);
}

#[test]
fn growing_step_by_step_names_the_last_tiles_of_growing_at_once() {
    for to in [1, 255, 256, 257, 600, 65_536, 65_537, 70_000] {
        let all: Vec<_> = changed(0, to).collect();
        for from in [0, 1, 100, 255, 256, 257, 511, 512, 65_535, 65_536, to] {
            if from <= to {
                let kept = changed(0, from).filter(|tile| all.contains(tile));
                let mut both: Vec<_> = changed(from, to).chain(kept).collect();
                both.sort();
                let mut expected = all.clone();
                expected.sort();
                assert_eq!(both, expected, "{from} {to}");
            }
        }
    }
    assert_eq!(changed(5, 5).count() + changed(6, 5).count(), 0);
}

/// The other crate names the height of tiles in each path, and bundles "data".
fn other_path(tile: &Tile) -> String {
    tile.path().replace("tile/", "tile/8/").replace("entries", "data")
}

fn any_tile() -> impl Strategy<Value = Tile> {
    let kind = prop_oneof![Just(Kind::Entries), (0..=63_u8).prop_map(Kind::Hashes)];
    let index = prop_oneof![0..2_000_u64, any::<u64>()];
    (kind, index, 1..=FULL).prop_map(|(kind, index, width)| Tile { kind, index, width })
}

proptest! {
    #[test]
    fn a_path_leads_back_to_its_tile(tile in any_tile()) {
        prop_assert_eq!(Tile::parse(&tile.path()), Ok(tile));
    }

    #[test]
    fn another_crate_writes_the_same_path(tile in any_tile()) {
        let (level, is_data) = match tile.kind() {
            Kind::Entries => (0, true),
            Kind::Hashes(level) => (level, false),
        };
        let other =
            tlog_tiles::Tile::new(8, level, tile.index(), tile.width().into(), is_data);
        prop_assert_eq!(other.path(), other_path(&tile));
    }

    #[test]
    fn any_text_that_is_read_is_written_alike(
        path in "tile/(entries|[0-9]{1,2})/(x[0-9]{2,3}/){0,2}[0-9]{2,3}(.p/[0-9]{1,3})?",
    ) {
        let read = Tile::parse(&path);
        prop_assert!(read.is_err() || read.unwrap().to_string() == path);
    }

    #[test]
    fn another_crate_lists_the_same_new_tiles(from in 0..200_000_u64, more in 0..70_000_u64) {
        let other = tlog_tiles::Tile::new_tiles(8, from, from + more);
        let other: Vec<_> = other.iter().map(tlog_tiles::Tile::path).collect();
        let ours = changed(from, from + more).filter(|tile| tile.kind() != Kind::Entries);
        prop_assert_eq!(ours.map(|tile| other_path(&tile)).collect::<Vec<_>>(), other);
        let bundles: Vec<_> = changed(from, from + more)
            .filter(|tile| tile.kind() == Kind::Entries)
            .map(|tile| (tile.index(), tile.width()))
            .collect();
        let tiles: Vec<_> = changed(from, from + more)
            .filter(|tile| tile.kind() == Kind::Hashes(0))
            .map(|tile| (tile.index(), tile.width()))
            .collect();
        prop_assert_eq!(bundles, tiles);
    }
}

struct One(Tile);

impl Files for One {
    type Error = core::convert::Infallible;

    fn read(&self, tile: &Tile) -> Result<Option<Vec<u8>>, Self::Error> {
        Ok((*tile == self.0).then(|| vec![1]))
    }
}

#[test]
fn where_a_partial_tile_is_gone_the_full_one_is_read() {
    let partial = Tile::hashes(0, 3, 5).unwrap();
    assert_eq!(read(&One(partial), &partial), Ok(Some(vec![1])));
    assert_eq!(read(&One(partial.filled()), &partial), Ok(Some(vec![1])));
    assert_eq!(read(&One(partial), &partial.filled()), Ok(None));
    assert_eq!(read(&One(Tile::hashes(0, 3, 6).unwrap()), &partial), Ok(None));
}
