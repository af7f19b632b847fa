//! Tests of checkpoints that were kept: a fork and a rollback are found.

use super::*;

#[test]
fn a_checkpoint_that_was_kept_shows_a_fork_and_a_rollback() {
    let entries: Vec<_> = (0..600).map(entry).collect();
    let mut other_entries = entries.clone();
    other_entries[300] = entry(1 << 40);
    let [kept, other]: [Vec<_>; 2] = [entries.clone(), other_entries].map(|entries| {
        let at = |size: usize| checkpoint(&log(&entries[..size]).1);
        [0, 1, 300, 301, 512, 599, 600].map(at).to_vec()
    });
    let (files, edge) = log(&entries);
    let now = checkpoint(&edge);
    assert_eq!(verify(&now, &kept, 0, &files).unwrap(), Report::default());
    // The other log is the same up to the entry 299.
    let fork = |size| Fault::Fork { size };
    let expected = [301, 512, 599, 600].map(fork);
    assert_eq!(verify(&now, &other, 0, &files).unwrap().faults, expected);
    // The order in which they were kept is of no matter.
    let turned: Vec<_> = other.iter().rev().cloned().collect();
    assert_eq!(verify(&now, &turned, 0, &files).unwrap().faults, expected);

    // The log is put back to what it was: the entries that came later are gone.
    let (old_files, old_edge) = log(&entries[..512]);
    let report = verify(&checkpoint(&old_edge), &kept, 0, &old_files).unwrap();
    let rollback = |kept| Fault::Rollback { kept, size: 512 };
    assert_eq!(report.faults, [599, 600].map(rollback));

    let name = Name::new("example.com/ledger/attic").unwrap();
    let stranger = Checkpoint::new(name.clone(), 1, *kept[1].root());
    let report = verify(&now, &[stranger], 0, &files).unwrap();
    assert_eq!(report.faults, [Fault::OtherLog { origin: name }]);
    let empty = Checkpoint::new(now.origin().clone(), 0, leaf(b"other"));
    assert_eq!(verify(&now, &[empty], 0, &files).unwrap().faults, [fork(0)]);
}

#[test]
fn a_fork_is_found_in_a_log_that_the_keys_holder_rewrote() {
    let (_, edge) = log_of(LARGE - 5);
    let kept = checkpoint(&edge);
    let mut entries: Vec<_> = (0..LARGE).map(entry).collect();
    entries[4_711] = entry(1 << 40);
    let (files, edge) = log(&entries);
    let now = checkpoint(&edge);
    // All of it fits the new signature.
    let note = now.sign(&key()).unwrap().to_string();
    assert_eq!(Checkpoint::open(note.as_bytes(), &key().verifying_key()), Ok(now.clone()));
    assert_eq!(faults_of(&now, &files), []);
    let report = verify(&now, &[kept], 0, &files).unwrap();
    assert_eq!(report.faults, [Fault::Fork { size: LARGE - 5 }]);
}

#[test]
fn a_spoiled_file_is_no_fork() {
    let (mut files, edge) = log_of(600);
    let kept = [400, 512, 599].map(|size| checkpoint(&log_of(size).1));
    let tile = Tile::hashes(0, 0, 256).unwrap();
    files.0.get_mut(&tile).unwrap()[0] ^= 1;
    files.0.get_mut(&Tile::entries(1, 256).unwrap()).unwrap()[2] ^= 1;
    let report = verify(&checkpoint(&edge), &kept, 0, &files).unwrap();
    assert_eq!(report.faults, [Fault::Tile { tile }, edited(256, 256)]);
    // Of what is not proven, nothing can be said.
    let (mut files, _) = log_of(600);
    rewrite(&mut files, 600, 300, 1);
    let report = verify(&checkpoint(&edge), &kept, 0, &files).unwrap();
    assert_eq!(report.faults, [Fault::Rewritten { first: 256, last: 511 }]);
}
