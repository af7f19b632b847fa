//! Tests of tiles: missing, wrong, and rewritten together with entries.

use super::*;

#[test]
fn each_file_that_is_missing_is_named() {
    for size in SIZES.into_iter().chain([LARGE]) {
        let (mut files, edge) = log_of(size);
        let checkpoint = checkpoint(&edge);
        let all: Vec<_> = files.0.keys().copied().collect();
        let step = if size == LARGE { 201 } else { 1 };
        let high = |tile: &&Tile| matches!(tile.kind(), Kind::Hashes(1..));
        for tile in all.iter().step_by(step).chain(all.iter().filter(high)) {
            let bytes = files.0.remove(tile).unwrap();
            assert_eq!(faults_of(&checkpoint, &files), [Fault::Missing { tile: *tile }], "{tile}");
            files.0.insert(*tile, bytes);
        }
    }
}

#[test]
fn each_wrong_tile_is_named() {
    for size in SIZES.into_iter().chain([LARGE]) {
        let (mut files, edge) = log_of(size);
        let checkpoint = checkpoint(&edge);
        let tiles: Vec<_> = files.0.keys().copied().collect();
        let step = if size == LARGE { 201 } else { 1 };
        let high = |tile: &&Tile| matches!(tile.kind(), Kind::Hashes(1..));
        for tile in tiles.iter().step_by(step).chain(tiles.iter().filter(high)) {
            if tile.kind() == Kind::Entries {
                continue;
            }
            let good = files.0[tile].clone();
            let last = good.len() - 1;
            for at in [last / 2, last] {
                files.0.get_mut(tile).unwrap()[at] ^= 0x80;
                assert_eq!(faults_of(&checkpoint, &files), [Fault::Tile { tile: *tile }]);
                files.0.insert(*tile, good.clone());
            }
            if size == LARGE {
                continue;
            }
            // Another length is wrong, too; only what grows in place may be longer.
            files.0.insert(*tile, good[..last].to_vec());
            assert_eq!(faults_of(&checkpoint, &files), [Fault::Tile { tile: *tile }]);
            files.0.insert(*tile, [good.as_slice(), &[0; 32]].concat());
            let longer = faults_of(&checkpoint, &files);
            let expected = [Fault::Tile { tile: *tile }];
            assert_eq!(longer, if tile.is_full() { expected.as_slice() } else { &[] });
            files.0.insert(*tile, good);
        }
    }
}

#[test]
fn what_was_rewritten_with_its_hashes_is_located_to_the_range_of_the_tile() {
    let (files, edge) = log_of(LARGE);
    let checkpoint = checkpoint(&edge);
    let rewritten = |first, last| vec![Fault::Rewritten { first, last }];
    let cases = [
        (300, 1, rewritten(256, 511)),
        (300, 2, rewritten(0, 65_535)),
        (300, 3, vec![Fault::Root]),
        (66_000, 1, rewritten(65_792, 66_047)),
        // These are partial tiles, which nothing but the root covers.
        (66_000, 2, vec![Fault::Root]),
        (69_999, 1, vec![Fault::Root]),
    ];
    for (index, levels, expected) in cases {
        let mut spoiled = files.clone();
        rewrite(&mut spoiled, LARGE, index, levels);
        assert_eq!(faults_of(&checkpoint, &spoiled), expected, "{index} {levels}");
    }
}

#[test]
fn several_faults_are_all_named() {
    let (files, edge) = log_of(LARGE);
    let checkpoint = checkpoint(&edge);
    let tile = |level, index, width| Tile::hashes(level, index, width).unwrap();
    let mut spoiled = files.clone();
    // An entry under a wrong tile of level 1, and a wrong and a missing tile under it.
    spoiled.0.get_mut(&Tile::entries(3, 256).unwrap()).unwrap()[offset(5) + 9] ^= 1;
    spoiled.0.get_mut(&tile(1, 0, 256)).unwrap()[9 * 32] ^= 1;
    spoiled.0.get_mut(&tile(0, 7, 256)).unwrap()[0] ^= 1;
    spoiled.0.remove(&tile(0, 8, 256)).unwrap();
    // A partial tile, and an entry in the last bundle.
    spoiled.0.get_mut(&tile(1, 1, 17)).unwrap()[0] ^= 1;
    spoiled.0.get_mut(&Tile::entries(273, 112).unwrap()).unwrap()[offset(2) + 9] ^= 1;
    let expected = [
        Fault::Tile { tile: tile(1, 1, 17) },
        Fault::Tile { tile: tile(1, 0, 256) },
        edited(773, 773),
        Fault::Tile { tile: tile(0, 7, 256) },
        Fault::Missing { tile: tile(0, 8, 256) },
        edited(273 * 256 + 2, 273 * 256 + 2),
    ];
    assert_eq!(faults_of(&checkpoint, &spoiled), expected);
}

#[test]
fn two_faults_about_one_hash_are_told_apart() {
    let (files, edge) = log_of(LARGE);
    let checkpoint = checkpoint(&edge);
    let (upper, lower) = (Tile::hashes(1, 0, 256).unwrap(), Tile::hashes(0, 3, 256).unwrap());
    let bundle = Tile::entries(3, 256).unwrap();
    let index = 3 * 256 + 5;
    let faults = |spoil: &dyn Fn(&mut Memory)| {
        let mut spoiled = files.clone();
        spoil(&mut spoiled);
        faults_of(&checkpoint, &spoiled)
    };
    let flip = |files: &mut Memory, tile: &Tile, at: usize| files.0.get_mut(tile).unwrap()[at] ^= 1;
    let [upper_fault, lower_fault] = [upper, lower].map(|tile| Fault::Tile { tile });

    // The hash of a tile of level 0 is wrong, and so is an entry below it, or that tile.
    let found = faults(&|files| {
        flip(files, &upper, 3 * 32);
        flip(files, &bundle, offset(5) + 9);
    });
    assert_eq!(found, [upper_fault.clone(), edited(index, index)]);
    let found = faults(&|files| {
        flip(files, &upper, 3 * 32);
        flip(files, &lower, 5 * 32);
    });
    assert_eq!(found, [upper_fault.clone(), lower_fault.clone()]);
    // Elsewhere, something else below is wrong at the same time.
    let other = Tile::hashes(0, 9, 256).unwrap();
    let found = faults(&|files| {
        flip(files, &upper, 3 * 32);
        flip(files, &bundle, offset(5) + 9);
        flip(files, &other, 0);
    });
    let other_fault = Fault::Tile { tile: other };
    assert_eq!(found, [upper_fault.clone(), edited(index, index), other_fault]);
    let found = faults(&|files| {
        flip(files, &upper, 3 * 32);
        flip(files, &lower, 5 * 32);
        flip(files, &Tile::entries(9, 256).unwrap(), 9);
    });
    let other_fault = edited(9 * 256, 9 * 256);
    assert_eq!(found, [upper_fault.clone(), lower_fault.clone(), other_fault]);
    // The same, and the wrong hash fits what is wrong below it.
    let found = faults(&|files| {
        rewrite(files, LARGE, index, 2);
        let good = log_of(1024).0.0.remove(&lower).unwrap();
        files.0.insert(lower, good);
    });
    assert_eq!(found, [upper_fault.clone(), edited(index, index)]);
    let found = faults(&|files| {
        let good = files.0[&bundle].clone();
        rewrite(files, LARGE, index, 2);
        files.0.insert(bundle, good);
    });
    assert_eq!(found, [upper_fault, lower_fault]);
}

#[test]
fn any_changed_byte_is_found_in_its_file() {
    let (mut files, edge) = log_of(LARGE);
    let checkpoint = checkpoint(&edge);
    let tiles: Vec<_> = files.0.keys().copied().collect();
    let mut dice = Dice(3);
    for _ in 0..12 {
        let tile = tiles[dice.roll(tiles.len() as u64) as usize];
        let bytes = files.0.get_mut(&tile).unwrap();
        let at = dice.roll(bytes.len() as u64) as usize;
        bytes[at] ^= 1;
        let place = tile.index() * 256 + (at / RECORD_BYTES) as u64;
        let expected = match tile.kind() {
            Kind::Entries => edited(place, place),
            Kind::Hashes(_) => Fault::Tile { tile },
        };
        assert_eq!(faults_of(&checkpoint, &files), [expected]);
        files.0.get_mut(&tile).unwrap()[at] ^= 1;
    }
}

#[test]
fn another_root_is_a_fault_and_nothing_else_is_blamed() {
    for size in [0, 1, 256, 300] {
        let (files, edge) = log_of(size);
        let other = Checkpoint::new(checkpoint(&edge).origin().clone(), size, leaf(b"other"));
        assert_eq!(faults_of(&other, &files), [Fault::Root], "{size}");
    }
}
