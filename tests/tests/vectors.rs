//! The sealed format against an independent implementation, both ways. A script with PyPI's
//! `cryptography` opens what this project seals, and this project opens what the script seals. The
//! script computes keys, contexts and names from SPEC.md alone. A second script opens a whole data
//! folder.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "all of this is a test"
)]

use std::path::Path;
use std::process::Command;

use eyesonly_harness::footage::{description, fresh_id, mp4_around, noise};
use eyesonly_tests::built::ROOT;
use eyesonly_tests::canary::files_below;
use eyesonly_tests::folder::copy;
use eyesonly_tests::footage::media;
use eyesonly_tests::python::{python, run, target};
use eyesonly_tests::{Edge, EdgeOptions};

fn script(python: &Path, command: &str, path: &Path) {
    run(Command::new(python)
        .arg(Path::new(ROOT).join("tests/vectors/vectors.py"))
        .arg(command)
        .arg(path));
}

fn ours(command: &str, directory: &Path) {
    run(Command::new(env!("CARGO"))
        .args([
            "run",
            "--quiet",
            "--package",
            "eyesonly-seal",
            "--example",
            "vectors",
            "--",
            command,
        ])
        .arg(directory)
        .env("CARGO_TARGET_DIR", target())
        .current_dir(ROOT));
}

#[test]
fn an_independent_implementation_agrees_both_ways() {
    let python = python("vectors");
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (theirs, mine) = (folder.path().join("theirs"), folder.path().join("ours"));
    script(&python, "known", &Path::new(ROOT).join("tests/vectors/known-answers.json"));
    ours("write", &mine);
    script(&python, "check", &mine);
    script(&python, "write", &theirs);
    ours("check", &theirs);
}

/// The reader was written by somebody who had SPEC.md and nothing else.
#[tokio::test]
async fn a_reader_that_knows_spec_alone_opens_a_whole_data_folder() {
    let python = python("vectors");
    let mut edge = Edge::start(EdgeOptions::default());
    for name in ["alder", "birch"] {
        let household = edge.household(&format!("{name} lane"));
        let (camera, account) = (household.camera("Front door"), household.viewer(name));
        camera.put_still(&fresh_id(), media("alder-front-door.jpg")).await.expect(201);
        let viewer = account.login().await;
        for label in ["kept", "deleted"] {
            let event = fresh_id();
            camera.put_event(&event, &description(label)).await.expect(201);
            camera.put_event_still(&event, media("alder-driveway-car.jpg")).await.expect(201);
            // Two extents and a bit.
            let clip = mp4_around(&noise(label, 2_200_000));
            camera.put_clip(&event, clip).await.expect(201);
            viewer.event_thumbnail(&camera, &event, 640).await.expect(200);
            if label == "deleted" {
                viewer.delete(&camera, &event).await.expect(204);
            }
        }
        viewer.thumbnail(&camera, 320).await.expect(200);
    }
    edge.stop();
    let read = |folder: &Path| {
        let mut reader = Command::new(&python);
        reader.arg(Path::new(ROOT).join("tests/vectors/reader.py")).arg(folder);
        reader.output().unwrap()
    };
    let output = read(&edge.data());
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{said}{}", String::from_utf8_lossy(&output.stderr));
    assert!(said.contains("opened objects: clip: 2 of 2"), "{said}");
    // The row of the last one may not have come before the stop.
    assert!(said.contains("opened renditions: ") && !said.contains("renditions: 0 of"), "{said}");

    // The control: a byte that changed is found.
    let objects = files_below(&edge.data().join("objects"));
    let largest = objects.iter().max_by_key(|path| std::fs::metadata(path).unwrap().len()).unwrap();
    let mut bytes = std::fs::read(largest).unwrap();
    bytes[1_500_000] ^= 1;
    std::fs::write(largest, bytes).unwrap();
    assert!(!read(&edge.data()).status.success());
}

/// A household is deleted, and the key-encryption key is changed. From then on a backup of the day
/// before opens nothing of the household: neither with its own keyring nor with today's.
#[tokio::test]
async fn after_a_rotation_a_backup_opens_nothing_of_who_was_deleted() {
    let python = python("vectors");
    let mut edge = Edge::start(EdgeOptions::default());
    let mut households = Vec::new();
    for name in ["alder", "birch"] {
        let household = edge.household(&format!("{name} lane"));
        let camera = household.camera("Front door");
        let event = fresh_id();
        camera.put_event(&event, &description(name)).await.expect(201);
        camera.put_clip(&event, mp4_around(&noise(name, 100_000))).await.expect(201);
        households.push(household);
    }
    edge.stop();
    let backup = edge.folder().join("backup");
    copy(&edge.data(), &backup);
    let read = || {
        let mut reader = Command::new(&python);
        reader.arg(Path::new(ROOT).join("tests/vectors/reader.py")).arg(&backup);
        String::from_utf8(reader.output().unwrap().stdout).unwrap()
    };
    assert!(read().contains("opened objects: clip: 2 of 2"), "the control: {}", read());

    edge.command_line().run(&["household", "remove", &households[0].id], "").unwrap();
    edge.command_line().run(&["keys", "rotate"], "").unwrap();
    let restore = |name: &str| {
        std::fs::copy(edge.data().join(name), backup.join(name)).unwrap();
    };
    restore("kek");
    let said = read();
    assert!(!said.contains("clip: 1 of") && !said.contains("clip: 2 of"), "{said}");
    restore("keyring.json");
    let said = read();
    assert!(said.contains("opened objects: clip: 1 of 2"), "the other one's: {said}");
}
