//! Each point of time at which the power goes or an operation fails.

use super::*;
use crate::testing::{Dice, Fate};
use std::path::PathBuf;

/// What is done to a log.
enum Act {
    Append(u64),
    Sign,
    Forget(u64),
}

/// A log's life, with each of its steps.
const LIFE: &[Act] = &[
    Act::Append(1),
    Act::Append(3),
    Act::Sign,
    Act::Append(250),
    Act::Append(10),
    Act::Append(5),
    Act::Append(400),
    Act::Forget(512),
    Act::Append(2),
    Act::Sign,
    Act::Append(60),
];

/// A log whose verification takes long.
const LARGE: u64 = 10_000;

/// Lives until something fails. Returns how many entries were acknowledged.
fn live(disk: &Memory, acts: &[Act]) -> u64 {
    let mut acknowledged = 0;
    let Ok((mut store, _)) = open(disk) else { return 0 };
    for act in acts {
        let done = match act {
            Act::Append(count) => {
                let first = store.size();
                let appended = store.append(&entries(first..first + count));
                appended.and_then(|_| {
                    acknowledged = store.size();
                    store.roll()
                })
            }
            Act::Sign => store.sign().map(drop),
            Act::Forget(before) => store.forget(*before).and_then(|_| store.sweep()).map(drop),
        };
        if done.is_err() {
            break;
        }
    }
    acknowledged
}

/// Counts the operations of a life.
fn calls(disk: &Memory, acts: &[Act]) -> u64 {
    let disk = disk.copy();
    live(&disk, acts);
    disk.calls()
}

/// Checks what is left of a log: nothing that was acknowledged is lost, it has no fault, and it
/// goes on.
fn check_left(disk: &Memory, acknowledged: u64) {
    match folder(disk) {
        Ok(folder) => {
            assert!(folder.size() >= acknowledged);
            // A large log is verified once, below.
            if folder.size() < LARGE {
                assert_eq!(folder.verify(&[]).unwrap().report.faults, []);
            }
        }
        // It was being made.
        Err(FolderError::Absent { .. } | FolderError::Missing { .. }) => {
            assert_eq!(acknowledged, 0);
        }
        Err(error) => panic!("{error}"),
    }
    let (mut store, recovery) = open(disk).unwrap();
    let size = store.size();
    assert_eq!(recovery.size, size);
    assert!(size >= acknowledged, "{size} {acknowledged}");
    if size < LARGE {
        assert_eq!(check(disk), size);
    }
    // What was not removed is removed by and by.
    while !store.sweep().unwrap() {}
    append(&mut store, &[3, 300]);
    store.sign().unwrap();
    assert_eq!(check(disk), size + 303);
    let bundles = disk.files().into_keys().filter(|path| path.starts_with("ledger/tile/entries"));
    assert_eq!(bundles.count() as u64, (store.base - store.oldest) / BUNDLE);
    // Of each level one partial tile is left.
    let partial = |path: &PathBuf| path.to_str().unwrap().contains(".p/");
    let partial = disk.files().into_keys().filter(partial).count();
    assert_eq!(partial, eyesonly_log::tile::partial(store.base).count());
}

#[test]
fn the_power_may_go_at_any_time() {
    let disk = Memory::new();
    let total = calls(&disk, LIFE);
    assert!(total > 100, "{total}");
    for at in 0..total {
        let disk = disk.copy();
        disk.set(Some(Fate::PowerGoes(at)));
        let acknowledged = live(&disk, LIFE);
        for seed in 0..3 {
            check_left(&disk.without_power(&mut Dice(seed)), acknowledged);
        }
        // The process ends, and the machine goes on.
        check_left(&disk.copy(), acknowledged);
    }
}

#[test]
fn the_power_may_go_while_a_start_finishes_the_work() {
    let disk = Memory::new();
    let mut dice = Dice(1);
    for at in (0..calls(&disk, LIFE)).step_by(11) {
        let disk = disk.copy();
        disk.set(Some(Fate::PowerGoes(at)));
        let acknowledged = live(&disk, LIFE);
        let left = disk.without_power(&mut dice);
        for at in 0..calls(&left, &[]) {
            let left = left.copy();
            left.set(Some(Fate::PowerGoes(at)));
            live(&left, &[]);
            check_left(&left.without_power(&mut dice), acknowledged);
        }
    }
}

#[test]
fn the_power_may_go_where_a_tile_of_level_1_becomes_full() {
    let disk = log_of(&[1000; 65]);
    let (mut store, _) = open(&disk).unwrap();
    append(&mut store, &[500]);
    store.forget(65_000).unwrap();
    while !store.sweep().unwrap() {}
    drop(store);
    let acts = [Act::Append(100), Act::Sign, Act::Append(200), Act::Append(300)];
    for at in 0..calls(&disk, &acts) {
        let disk = disk.copy();
        disk.set(Some(Fate::PowerGoes(at)));
        let acknowledged = live(&disk, &acts);
        check_left(&disk.without_power(&mut Dice(at)), acknowledged);
    }
}

#[test]
fn what_a_failed_flush_lost_is_not_believed() {
    let disk = Memory::new();
    for at in 0..calls(&disk, LIFE) {
        let disk = disk.copy();
        disk.set(Some(Fate::Fails(at)));
        let acknowledged = live(&disk, LIFE);
        disk.set(None);
        // The bytes that were lost can still be read. The start must not build on them.
        let (mut store, _) = open(&disk).unwrap();
        assert!(store.size() >= acknowledged);
        append(&mut store, &[1]);
        let acknowledged = store.size();
        drop(store);
        for seed in 0..3 {
            check_left(&disk.without_power(&mut Dice(seed)), acknowledged);
        }
    }
}
