//! The key-encryption key is changed, whatever happens in the middle.
//!
//! Variable: EYESONLY_KEYS_ROUNDS, how often a rotation is killed.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use eyesonly_harness::footage::fresh_id;
use eyesonly_tests::built::binary;
use eyesonly_tests::footage::media;
use eyesonly_tests::{poll, variable};

use crate::Home;

/// Runs a command at a place with keys in its environment. Returns whether it was done, and all
/// that it said.
fn eyesonly(place: [&Path; 2], keys: &[(&str, &str)], arguments: &[&str]) -> (bool, String) {
    let mut command = Command::new(binary());
    command.args(place).args(arguments).envs(keys.iter().copied());
    let output = command.output().unwrap();
    let said = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8(said).unwrap())
}

/// A rotation is killed at many moments while the edge serves. The edge goes on, no household is
/// lost, and the next command ends what was begun.
#[tokio::test]
async fn a_killed_rotation_loses_nobody() {
    let rounds = variable("EYESONLY_KEYS_ROUNDS", 12);
    let home = Home::new().await;
    home.camera.put_still(&fresh_id(), media("alder-garden.jpg")).await.expect(201);
    // Many households make the file long, so that some are killed while it is written.
    for number in 0..20 {
        home.edge.household(&format!("Birch Row {number}"));
    }
    let config = home.edge.folder().join("eyesonly.toml");
    let rotate = || {
        let mut command = Command::new(binary());
        command.arg("--config").arg(&config).args(["keys", "rotate"]);
        command.stdout(Stdio::null()).stderr(Stdio::null());
        command
    };
    let start = Instant::now();
    assert!(rotate().status().unwrap().success());
    let whole = start.elapsed();
    let (mut killed, mut ended) = (0, 0);
    for round in 0..rounds {
        let mut process = rotate().spawn().unwrap();
        std::thread::sleep(whole.mul_f64(round as f64 / rounds as f64 * 1.2));
        let _gone = process.kill();
        match process.wait().unwrap().success() {
            true => ended += 1,
            false => killed += 1,
        }
        // The edge looks at the file each second, and for a household that it does not know.
        home.viewer.thumbnail(&home.camera, 320).await.expect(200);
        let listed = home.edge.command_line().command(&["household", "list"]).output().unwrap();
        assert!(listed.status.success(), "{listed:?}");
        if round % 6 == 0 {
            let other = home.edge.household(&format!("Cedar Close {round}"));
            let (camera, account) =
                (other.camera("Porch"), other.viewer(&format!("cedar-{round}")));
            camera.put_still(&fresh_id(), media("alder-garden.jpg")).await.expect(201);
            account.login().await.thumbnail(&camera, 320).await.expect(200);
        }
    }
    println!("{killed} rotations were killed, {ended} had ended; a whole one takes {whole:?}");
    assert!(killed > 0, "no rotation was killed");
    assert!(rotate().status().unwrap().success());
    let names: Vec<_> = std::fs::read_dir(home.edge.data()).unwrap().collect();
    let left = names.iter().any(|entry| entry.as_ref().unwrap().file_name() == "kek.next");
    assert!(!left, "the rotation has ended");
    let id = fresh_id();
    home.camera.put_still(&id, media("alder-front-door.jpg")).await.expect(201);
    poll("the new still is shown", 10, async || {
        home.viewer.thumbnail(&home.camera, 320).await.status == 200
    })
    .await;
    tokio::time::sleep(Duration::from_millis(1_500)).await;
    home.viewer.thumbnail(&home.camera, 640).await.expect(200);
}

/// Where the environment brings the key, it brings the next one as well.
#[tokio::test]
async fn a_key_of_the_environment_is_changed_by_the_environment() {
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("eyesonly.toml");
    std::fs::write(&config, "data = \"data\"\n").unwrap();
    let [old, new, other] = ["11", "22", "33"].map(|byte| byte.repeat(32));
    let run = |keys: &[(&str, &str)], arguments: &[&str]| {
        eyesonly(["--config".as_ref(), config.as_path()], keys, arguments)
    };
    let today = [("EYESONLY_KEK", old.as_str())];
    let both = [("EYESONLY_KEK", old.as_str()), ("EYESONLY_KEK_NEXT", new.as_str())];
    let (done, said) = run(&today, &["household", "add", "Alder Lane 4"]);
    assert!(done, "{said}");
    let keyring = folder.path().join("data/keyring.json");
    let copy = folder.path().join("keyring-of-yesterday.json");
    std::fs::copy(&keyring, &copy).unwrap();

    let (done, said) = run(&today, &["keys", "rotate"]);
    assert!(!done && said.contains("EYESONLY_KEK_NEXT"), "{said}");
    let same = [("EYESONLY_KEK", old.as_str()), ("EYESONLY_KEK_NEXT", old.as_str())];
    let (done, said) = run(&same, &["keys", "rotate"]);
    assert!(!done && said.contains("already"), "{said}");
    assert_eq!(std::fs::read(&keyring).unwrap(), std::fs::read(&copy).unwrap());
    let (done, said) = run(&both, &["keys", "rotate"]);
    assert!(done && said.contains("the keys of 1 households"), "{said}");
    // Both variables go on to open it, and so does the new key alone.
    let tomorrow = [("EYESONLY_KEK", new.as_str())];
    for keys in [&both[..], &tomorrow] {
        let (done, said) = run(keys, &["household", "list"]);
        assert!(done && said.contains("Alder Lane 4"), "{said}");
    }
    for keys in [today, [("EYESONLY_KEK", other.as_str())]] {
        let (done, said) = run(&keys, &["household", "list"]);
        assert!(!done && said.contains("does not open"), "{said}");
    }
    let which = |file: &Path| run(&tomorrow, &["keys", "which", file.to_str().unwrap()]);
    // Without its keyring a folder keeps its key.
    let away = folder.path().join("keyring-away.json");
    std::fs::rename(&keyring, &away).unwrap();
    let third = [tomorrow[0], ("EYESONLY_KEK_NEXT", other.as_str())];
    let (done, said) = run(&third, &["keys", "rotate"]);
    assert!(!done && said.contains("is missing"), "{said}");
    std::fs::rename(&away, &keyring).unwrap();
    assert!(which(&keyring).1.contains("key opens"));
    assert!(which(&copy).1.contains("does not open"));
    assert!(!which(&config).0, "no keyring");
    assert!(!folder.path().join("data/kek").exists());
}

/// The key of a Spin store is changed by both variables. Spin itself goes on with the new one.
#[test]
fn the_key_of_a_spin_store_is_changed() {
    let folder = tempfile::tempdir().unwrap();
    let [store, copy] = ["store.db", "yesterday.db"].map(|name| folder.path().join(name));
    let [old, new] = ["11", "22"].map(|byte| byte.repeat(32));
    let run = |keys: &[(&str, &str)], arguments: &[&str]| {
        eyesonly(["--spin-store".as_ref(), store.as_path()], keys, arguments)
    };
    let (today, tomorrow) = ([("EYESONLY_KEK", &*old)], [("EYESONLY_KEK", &*new)]);
    let both = [today[0], ("EYESONLY_KEK_NEXT", &*new)];
    let (done, said) = run(&both, &["keys", "rotate"]);
    assert!(!done && said.contains("no such store"), "{said}");
    for name in ["Alder Lane 4", "Birch Row 9"] {
        let (done, said) = run(&today, &["household", "add", name]);
        assert!(done, "{said}");
    }
    std::fs::copy(&store, &copy).unwrap();
    let (done, said) = run(&today, &["keys", "rotate"]);
    assert!(!done && said.contains("EYESONLY_KEK_NEXT"), "{said}");
    let (done, said) = run(&[tomorrow[0], ("EYESONLY_KEK_NEXT", "33")], &["keys", "rotate"]);
    assert!(!done && said.contains("64"), "{said}");
    let other = "33".repeat(32);
    let (done, said) = run(&[tomorrow[0], ("EYESONLY_KEK_NEXT", &other)], &["keys", "rotate"]);
    assert!(!done && said.contains("opens neither"), "{said}");
    let (done, said) = run(&both, &["keys", "rotate"]);
    assert!(done && said.contains("the keys of 2 households"), "{said}");
    // A rotation that was done is done, and one with the two keys swapped does nothing.
    let swapped = [tomorrow[0], ("EYESONLY_KEK_NEXT", &*old)];
    for (keys, done) in [(&both, "already"), (&swapped, "the keys of 2 households")] {
        let (ok, said) = run(keys, &["keys", "rotate"]);
        assert!(ok && said.contains(done), "{said}");
    }
    let (ok, said) = run(&swapped, &["keys", "rotate"]);
    assert!(ok && said.contains("swapped"), "{said}");
    assert!(run(&both, &["keys", "rotate"]).0);
    let (done, said) = run(&tomorrow, &["household", "list"]);
    assert!(done && said.contains("Alder Lane 4") && said.contains("Birch Row 9"), "{said}");
    let (done, said) = run(&today, &["household", "list"]);
    assert!(!done && said.contains("another key-encryption key"), "{said}");
    let which = |file: &Path| run(&tomorrow, &["keys", "which", file.to_str().unwrap()]);
    assert!(which(&store).1.contains("key opens"));
    assert!(which(&copy).1.contains("does not open"));
    assert!(!which(&folder.path().join("none.db")).0);
}
