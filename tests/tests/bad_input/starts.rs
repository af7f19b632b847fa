//! Configurations and components that an edge must not start with, or must survive.

use eyesonly_harness::footage::fresh_id;
use eyesonly_tests::built::components;
use eyesonly_tests::footage::media;
use eyesonly_tests::{Edge, EdgeOptions};

/// Makes a folder of components in which `thumbnail.wasm` is a guest of the tests.
fn components_with(guest: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let built = components();
    std::fs::copy(built.join("events.wasm"), folder.path().join("events.wasm")).unwrap();
    let path = built.join("guests").join(guest);
    std::fs::copy(&path, folder.path().join("thumbnail.wasm")).unwrap_or_else(|error| {
        panic!("{}: {error}; run `cargo xtask build` first", path.display())
    });
    folder
}

#[test]
fn a_configuration_with_an_unknown_key_is_refused_by_name() {
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("eyesonly.toml");
    let data = folder.path().join("data");
    for (text, named) in [
        (format!("data = {:?}\nlisten_on = \"127.0.0.1:0\"\n", data), "listen_on"),
        (
            format!(
                "data = {:?}\n[tls]\ncertificate = \"c\"\nkey = \"k\"\npasswort = \"p\"\n",
                data
            ),
            "passwort",
        ),
        (format!("data = {:?}\nlisten = \"here\"\n", data), "listen"),
        ("listen = \"127.0.0.1:0\"\n".into(), "data"),
        (format!("data = {:?}\nsession_seconds = -1\n", data), "session_seconds"),
        ("this is no TOML".into(), "eyesonly.toml"),
    ] {
        std::fs::write(&config, &text).unwrap();
        let mut command = std::process::Command::new(eyesonly_tests::built::binary());
        let output = command.arg("--config").arg(&config).arg("serve").output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(
            !output.status.success() && said.contains(named) && said.contains("eyesonly.toml"),
            "{text}: {said}"
        );
        assert!(!data.exists(), "{text}: the data folder was made");
    }
}

#[tokio::test]
async fn a_lost_database_is_not_made_anew_over_footage() {
    let mut edge = Edge::start(EdgeOptions::default());
    let household = edge.household("Alder Lane 4");
    let (camera, account) = (household.camera("Front door"), household.viewer("alder"));
    camera.put_still(&fresh_id(), media("special/orientation-1.jpg")).await.expect(201);
    edge.stop();
    edge.age_files();
    let files = edge.store_files();
    assert!(!files.is_empty());
    let (database, kept) = (edge.data().join("registry.sqlite"), edge.data().join("kept"));
    let log = std::fs::metadata(edge.data().join("registry.sqlite-wal"));
    assert_eq!(log.map_or(0, |log| log.len()), 0, "a stopped edge has its database in one file");
    std::fs::rename(&database, &kept).unwrap();
    for lost in ["missing", "empty"] {
        if lost == "empty" {
            std::fs::write(&database, b"").unwrap();
        }
        let log = edge.try_serve().expect_err(lost);
        assert!(log.contains("registry.sqlite") && log.contains("backup"), "{log}");
        let listed = edge.command_line().run(&["household", "list"], "");
        assert!(listed.unwrap_err().to_string().contains("backup"));
        assert_eq!(edge.store_files(), files, "{lost}");
    }
    std::fs::rename(&kept, &database).unwrap();
    edge.restart();
    let viewer = account.through(edge.door()).login().await;
    viewer.thumbnail(&camera, 320).await.expect(200);
}

#[tokio::test]
async fn a_lost_keyring_is_not_made_anew_over_records() {
    let mut edge = Edge::start(EdgeOptions::default());
    let account = edge.household("Alder Lane 4").viewer("alder");
    edge.stop();
    let (keyring, kept) = (edge.data().join("keyring.json"), edge.data().join("kept"));
    std::fs::rename(&keyring, &kept).unwrap();
    let log = edge.try_serve().expect_err("no keyring");
    assert!(log.contains("keyring.json") && log.contains("backup"), "{log}");
    for command in [["household", "list"].as_slice(), &["household", "add", "Birch Row 12"]] {
        let said = edge.command_line().run(command, "").unwrap_err().to_string();
        assert!(said.contains("keyring.json") && said.contains("backup"), "{said}");
    }
    assert!(!keyring.exists());
    std::fs::rename(&kept, &keyring).unwrap();
    edge.restart();
    account.through(edge.door()).login().await;
}

#[test]
fn a_component_that_asks_for_more_than_the_contract_does_not_start() {
    let check = |folder: &tempfile::TempDir, expected: &[&str]| {
        let mut edge = Edge::installed(EdgeOptions {
            components: Some(folder.path().into()),
            ..EdgeOptions::default()
        });
        let log = edge.try_serve().expect_err("it started");
        assert!(expected.iter().all(|part| log.contains(part)), "{expected:?} is not in: {log}");
    };
    let wasi = components_with("wasi-import.wasm");
    check(&wasi, &["thumbnail", "wasi:clocks/monotonic-clock"]);
    std::fs::write(wasi.path().join("thumbnail.wasm"), b"not a component").unwrap();
    check(&wasi, &["thumbnail"]);
    // A slip in the name must not leave the binary's own handler in its place.
    std::fs::rename(wasi.path().join("thumbnail.wasm"), wasi.path().join("thumbnails.wasm"))
        .unwrap();
    check(&wasi, &["thumbnails.wasm", "no handler has that name"]);
    let empty = tempfile::tempdir().unwrap();
    check(&empty, &["there is no component in this folder"]);
}

#[tokio::test]
async fn a_component_that_traps_loops_or_allocates_ends_its_own_request() {
    let folder = components_with("misbehave.wasm");
    let edge = Edge::start(EdgeOptions {
        components: Some(folder.path().into()),
        ..EdgeOptions::default()
    });
    let household = edge.household("Alder Lane 4");
    let (camera, account) = (household.camera("Front door"), household.viewer("alder"));
    let still = media("special/orientation-1.jpg");
    camera.put_still(&fresh_id(), still.clone()).await.expect(201);
    let viewer = account.login().await;
    let works = async || assert_eq!(viewer.thumbnail(&camera, 0).await.expect(200).body, still);
    works().await;
    for (what, width) in [
        ("traps", 1),
        ("allocates without end", 3),
        ("recurses without end", 4),
        ("answers past the end", 5),
    ] {
        let answer = viewer.thumbnail(&camera, width).await;
        assert_eq!(answer.status, 500, "{what}: {}", answer.told());
        answer.expect_problem(500);
        works().await;
    }
    // While more instances loop than there are cores, others are served.
    let cores = std::thread::available_parallelism().map_or(2, usize::from);
    let loops = futures::future::join_all((0..cores * 2).map(|_| viewer.thumbnail(&camera, 2)));
    let meanwhile = async {
        for _ in 0..20 {
            works().await;
        }
    };
    let (looped, ()) = futures::future::join(loops, meanwhile).await;
    for answer in looped {
        answer.expect_problem(503);
    }
    works().await;
}
