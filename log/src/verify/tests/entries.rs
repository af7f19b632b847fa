//! Tests of entries: edited, dropped, swapped, and cut out.

use super::*;

/// Takes the files of another list of entries, but keeps the hashes: somebody changed the entries.
fn with_entries(files: &Memory, entries: &[Entry]) -> Memory {
    let mut spoiled = files.clone();
    spoiled.0.retain(|tile, _| tile.kind() != Kind::Entries);
    let (other, _) = log(entries);
    spoiled.0.extend(other.0.into_iter().filter(|(tile, _)| tile.kind() == Kind::Entries));
    spoiled
}

/// Spoils one log at one place in each way, and checks what is found.
fn spoil_entries(files: &mut Memory, checkpoint: &Checkpoint, index: u64, bytes: &[usize]) {
    let size = checkpoint.size();
    let bundle = bundle_of(files, index);
    let good = files.0[&bundle].clone();
    let at = offset(index);
    let end = bundle.index() * 256 + u64::from(bundle.width()) - 1;

    // Edited: a bit of the entry, or of the length before it.
    for byte in bytes {
        files.0.get_mut(&bundle).unwrap()[at + byte] ^= 1;
        assert_eq!(faults_of(checkpoint, files), [edited(index, index)], "{index} of {size}");
        files.0.insert(bundle, good.clone());
    }

    // Dropped from the bundle.
    files.0.get_mut(&bundle).unwrap().drain(at..at + RECORD_BYTES);
    assert_eq!(faults_of(checkpoint, files), [dropped(index, index)], "{index} of {size}");
    files.0.insert(bundle, good.clone());

    // Swapped with the neighbour.
    if index < end {
        let (left, right) = (at..at + RECORD_BYTES, at + RECORD_BYTES..at + 2 * RECORD_BYTES);
        let mut bytes = good.clone();
        bytes[left.clone()].copy_from_slice(&good[right.clone()]);
        bytes[right].copy_from_slice(&good[left]);
        files.0.insert(bundle, bytes);
        assert_eq!(faults_of(checkpoint, files), [edited(index, index + 1)], "{index} of {size}");
    }

    // Cut off within the entry, and cut out: this one and all but one of those behind it.
    files.0.insert(bundle, good[..at + 100].to_vec());
    assert_eq!(faults_of(checkpoint, files), [dropped(index, end)], "{index} of {size}");
    if index + 1 < end {
        let mut bytes = good.clone();
        bytes.drain(at..good.len() - RECORD_BYTES);
        files.0.insert(bundle, bytes);
        assert_eq!(faults_of(checkpoint, files), [dropped(index, end - 1)], "{index} of {size}");
    }
    files.0.insert(bundle, good);
}

#[test]
fn an_edit_a_drop_a_swap_and_a_cut_are_located_at_every_place_of_small_logs() {
    for size in [1, 2, 7, 33, 257, 300] {
        let (mut files, edge) = log_of(size);
        let checkpoint = checkpoint(&edge);
        let bytes = [0, 1, 2, RECORD_BYTES - 1];
        (0..size).for_each(|index| spoil_entries(&mut files, &checkpoint, index, &bytes));
    }
}

#[test]
fn an_edit_a_drop_a_swap_and_a_cut_are_located_in_a_large_log() {
    let (mut files, edge) = log_of(LARGE);
    let checkpoint = checkpoint(&edge);
    let mut dice = Dice(2);
    for index in [0, 65_536, LARGE - 1].into_iter().chain((0..2).map(|_| dice.roll(LARGE))) {
        spoil_entries(&mut files, &checkpoint, index, &[9]);
    }
}

#[test]
fn entries_that_moved_are_located_where_the_move_starts() {
    let entries: Vec<_> = (0..600).map(entry).collect();
    let (files, edge) = log(&entries);
    let checkpoint = checkpoint(&edge);
    for index in [0, 1, 100, 255, 256, 400, 511, 512, 598] {
        // Dropped, and all that follow moved up, from bundle to bundle.
        let mut less = entries.clone();
        less.remove(index);
        let mut spoiled = with_entries(&files, &less);
        // The file of the last bundle has its old name.
        let bytes = spoiled.0.remove(&Tile::entries(2, 87).unwrap()).unwrap();
        spoiled.0.insert(Tile::entries(2, 88).unwrap(), bytes);
        let found = faults_of(&checkpoint, &spoiled);
        let index = index as u64;
        let expected = if index < 512 {
            vec![edited(index, 511), dropped(512, 512)]
        } else {
            vec![dropped(index, index)]
        };
        assert_eq!(found, expected, "{index}");
    }
    for (first, second) in [(0, 599), (3, 300), (255, 256), (10, 12)] {
        let mut swapped = entries.clone();
        swapped.swap(first, second);
        let (first, second) = (first as u64, second as u64);
        let expected = if first + 1 == second {
            vec![edited(first, second)]
        } else {
            vec![edited(first, first), edited(second, second)]
        };
        assert_eq!(faults_of(&checkpoint, &with_entries(&files, &swapped)), expected);
    }
    // One was put in: the bundle goes on after its last entry.
    let mut spoiled = files.clone();
    let bundle = Tile::entries(0, 256).unwrap();
    let bytes = spoiled.0.get_mut(&bundle).unwrap();
    bytes.splice(offset(7)..offset(7), write(&[entry(9_999)]).unwrap());
    let expected = [edited(7, 255), Fault::Surplus { tile: bundle }];
    assert_eq!(faults_of(&checkpoint, &spoiled), expected);
}
