//! Tests of the store's steps: their order, and their number.

use crate::testing::{Memory, append, entries, log_of, open};

/// Returns what is done to the disk, without the folder.
fn done(disk: &Memory, act: impl FnOnce()) -> Vec<String> {
    let before = disk.writes().len();
    act();
    let writes = disk.writes();
    writes[before..].iter().map(|what| what.replace("ledger/", "")).collect()
}

#[test]
fn a_group_is_one_write_and_one_flush() {
    let disk = log_of(&[1]);
    let (mut store, _) = open(&disk).unwrap();
    let done = done(&disk, || append(&mut store, &[7]));
    assert_eq!(done, [format!("write {}", 7 * 568), "flush".into()]);
}

#[test]
fn a_full_bundle_becomes_files_before_it_leaves_the_tail() {
    let disk = log_of(&[250]);
    let (mut store, _) = open(&disk).unwrap();
    store.append(&entries(250..300)).unwrap();
    let done = done(&disk, || store.roll().unwrap());
    let order = |what: &str| done.iter().rposition(|done| done == what).unwrap();
    let steps = [
        "rename to tile/entries/000",
        "flush tile/entries",
        "rename to checkpoint",
        "rename to tail",
        "flush ledger",
    ];
    assert!(steps.map(order).is_sorted(), "{done:?}");
    // Before a rename the bytes are durable.
    let renames = done.windows(2).filter(|pair| pair[1].starts_with("rename"));
    assert_eq!(renames.inspect(|pair| assert_eq!(pair[0], "flush")).count(), 5);
    assert!(done.contains(&"flush tile".to_owned()));
}

#[test]
fn what_is_signed_is_not_signed_again() {
    let disk = log_of(&[3]);
    let (mut store, _) = open(&disk).unwrap();
    assert!(done(&disk, || _ = store.sign().unwrap()).is_empty());
    assert!(done(&disk, || store.roll().unwrap()).is_empty());
    append(&mut store, &[1]);
    assert_eq!(done(&disk, || _ = store.sign().unwrap()).len(), 5);
}

#[test]
fn bundles_are_removed_in_steps_and_each_is_durable() {
    let disk = log_of(&[1000; 18]);
    let (mut store, _) = open(&disk).unwrap();
    store.forget(u64::MAX).unwrap();
    // 70 full bundles are removed, 64 at once.
    for (count, all) in [(64, false), (6, true), (0, true)] {
        let done = done(&disk, || assert_eq!(store.sweep().unwrap(), all));
        let removed = done.iter().filter(|what| what.starts_with("remove")).count();
        assert_eq!(removed, count);
        assert!(count == 0 || done.last().unwrap() == "flush tile/entries", "{done:?}");
    }
    // A start finds nothing that is left.
    drop(store);
    assert_eq!(open(&disk).unwrap().0.swept, 70);
}
