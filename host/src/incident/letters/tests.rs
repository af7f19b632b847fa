//! Tests of what the letters say.

use super::*;
use eyesonly_seal::{HouseholdId, ViewerId};
use eyesonly_service::ledger::replay::Wrong;
use std::collections::BTreeSet;

const OTHER: [u8; 16] = [1; 16];
const OWNER: [u8; 16] = [2; 16];

fn exposure(entry: u64, word: Handed, camera_name: Option<&str>) -> Exposure {
    Exposure {
        entry,
        at_milliseconds: 1_700_000_000_000 + entry,
        viewer: ViewerId::from_bytes(OTHER),
        viewer_name: None,
        household: HouseholdId::from_bytes([3; 16]),
        household_name: None,
        camera: CameraId::from_bytes([4; 16]),
        camera_name: camera_name.map(str::to_owned),
        handed: handed(word),
        what: handed(word).to_owned(),
        event: None,
        objects: Vec::new(),
        objects_count: 1,
        bytes: Some(5),
        left: "5 bytes".to_owned(),
        wrong: Wrong::NoRight,
    }
}

/// Makes the one letter of an account that has so many cameras, in this group.
fn letter(group: Group, cameras: usize, exposures: Vec<Exposure>) -> String {
    let account = Account {
        viewer: ViewerId::from_bytes(OWNER),
        name: Some("nora".to_owned()),
        cameras,
        groups: BTreeSet::from([group]),
        entries: exposures.iter().map(|exposure| exposure.entry).collect(),
    };
    let made = "2026-11-30T10:31:14Z".to_owned();
    let report = Report { made, exposures, accounts: vec![account], ..Report::default() };
    let letters = make(&report, None).unwrap();
    letters.into_iter().next().unwrap().1
}

#[test]
fn equal_lines_are_one_with_a_count() {
    let exposures = [Handed::Still, Handed::Clip, Handed::Still];
    let number = |(entry, word)| exposure(entry, word, Some("Front door"));
    let text = letter(Group::Shown, 1, (0..).zip(exposures).map(number).collect());
    let camera = CameraId::from_bytes([4; 16]);
    let lines: Vec<&str> = text.lines().filter(|line| line.starts_with("  ")).collect();
    let at = "2023-11-14T22:13:20Z";
    let still = format!("  {at}  still of Front door ({camera}), 2 times");
    assert_eq!(lines, [still, format!("  {at}  clip of Front door ({camera})")]);
    assert!(!text.contains("deleted by them"), "{text}");
    assert!(text.contains("the beginning of our records and 2026-11-30T10:31:14Z"), "{text}");
    assert!(text.ends_with("\n\n[your name, and how to reach you]"), "{text}");
}

#[test]
fn only_a_deletion_is_said_to_be_one() {
    let text = letter(Group::Shown, 1, vec![exposure(0, Handed::Deletion, None)]);
    assert!(text.contains("or deleted by them. We are sorry"), "{text}");
    assert!(text.contains("deletion of a camera that is gone ("), "{text}");
}

#[test]
fn whoever_has_no_camera_is_told_nothing_of_cameras() {
    assert!(letter(Group::NotAffected, 1, Vec::new()).contains("anything of your cameras"));
    assert!(!letter(Group::NotAffected, 0, Vec::new()).contains("your cameras"));
}
