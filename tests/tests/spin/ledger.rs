//! The access ledger of the Spin edition: entries wait in the store, and a command enters them in
//! the log.

use eyesonly_harness::footage::{description, fresh_id};
use eyesonly_tests::footage::media;
use eyesonly_tests::{Answer, Edge, Home};
use reqwest::Method;
use rusqlite::Connection;
use serde_json::{Value, json};
use std::process::Output;
use std::time::Duration;

use super::spin;

fn eyesonly(edge: &Edge, arguments: &[&str]) -> Output {
    edge.command_line().command(arguments).output().unwrap()
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&[output.stdout.as_slice(), output.stderr.as_slice()].concat()).into()
}

/// Runs a command that says a JSON document a line.
fn lines(edge: &Edge, arguments: &[&str]) -> Vec<Value> {
    let output = eyesonly(edge, &[&["--json"], arguments].concat());
    assert!(output.status.success(), "{}", said(&output));
    let text = String::from_utf8(output.stdout).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn open(edge: &Edge) -> Connection {
    let store = Connection::open(edge.spin_store()).unwrap();
    store.busy_timeout(Duration::from_secs(10)).unwrap();
    store
}

/// Returns how many entries wait in the store.
fn waiting(edge: &Edge) -> u32 {
    let count = "SELECT count(*) FROM spin_key_value WHERE key LIKE 'ledger/%'";
    open(edge).query_row(count, [], |row| row.get(0)).unwrap()
}

fn handed(who: &[Value]) -> Vec<&str> {
    who.iter().filter_map(|line| line["handed"].as_str()).collect()
}

#[tokio::test]
async fn who_received_what_is_in_the_store_and_then_in_a_log_that_verifies() {
    let home = Home::with(spin()).await;
    let event = fresh_id();
    home.camera.put_still(&fresh_id(), media("alder-garden.jpg")).await.expect(201);
    home.camera.put_event(&event, &description("a cat")).await.expect(201);
    let before = waiting(&home.edge);
    home.viewer.thumbnail(&home.camera, 320).await.expect(200);
    assert_eq!(waiting(&home.edge), before + 1, "a still has no end");
    home.viewer.event(&home.camera, &event).await.expect(200);
    home.viewer.get("cameras").await.expect(200);
    let who = ["ledger", "who", "--camera", &home.camera.id];
    for _ in 0..2 {
        let told = lines(&home.edge, &who);
        assert_eq!(handed(&told), ["still", "events"], "{told:?}");
        assert!(told.iter().all(|line| line["name"] == home.account.login.as_str()), "{told:?}");
        assert_eq!(told[1]["event"], event.as_str());
        assert_eq!(waiting(&home.edge), 0);
    }
    let of_viewer = lines(&home.edge, &["ledger", "who", "--viewer", &home.account.login]);
    assert_eq!(handed(&of_viewer), ["still", "events", "list of cameras"], "{of_viewer:?}");
    let acts = lines(&home.edge, &["ledger", "acts"]);
    let deeds: Vec<_> = acts.iter().filter_map(|act| act["deed"].as_str()).collect();
    for deed in ["household", "camera", "viewer", "right", "signed-in"] {
        assert!(deeds.contains(&deed), "{deed}: {deeds:?}");
    }

    // The log is whole, by its files and the public key alone. It grows, and says so.
    let folder = tempfile::tempdir().unwrap();
    let note = folder.path().join("checkpoint");
    let checkpoint = eyesonly(&home.edge, &["ledger", "checkpoint"]);
    std::fs::write(&note, &checkpoint.stdout).unwrap();
    home.viewer.thumbnail(&home.camera, 640).await.expect(200);
    assert_eq!(lines(&home.edge, &who).len(), 3);
    let verify = ["ledger", "verify", "--since", note.to_str().unwrap()];
    let verified = eyesonly(&home.edge, &verify);
    assert_eq!(verified.status.code(), Some(0), "{}", said(&verified));
    assert!(said(&verified).contains("it has grown from"), "{}", said(&verified));

    let file = folder.path().join("export");
    let of = ["--household", &home.household.id, file.to_str().unwrap()];
    let exported = eyesonly(&home.edge, &[&["ledger", "export"], of.as_slice()].concat());
    assert!(exported.status.success(), "{}", said(&exported));
    let verified = eyesonly(&home.edge, &["ledger", "verify", file.to_str().unwrap()]);
    assert_eq!(verified.status.code(), Some(0), "{}", said(&verified));
    // Whoever changes the log is found.
    let tail = home.edge.spin_store().with_extension("db.ledger").join("ledger/tail");
    let mut bytes = std::fs::read(&tail).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    std::fs::write(&tail, bytes).unwrap();
    let verified = eyesonly(&home.edge, &["ledger", "verify"]);
    assert_eq!(verified.status.code(), Some(3), "{}", said(&verified));
}

/// A store that takes no entry, though it takes everything else.
#[tokio::test]
async fn what_the_store_does_not_enter_is_not_handed_out() {
    let home = Home::with(spin()).await;
    let event = fresh_id();
    home.camera.put_still(&fresh_id(), media("alder-garden.jpg")).await.expect(201);
    home.camera.put_event(&event, &description("a cat")).await.expect(201);
    let before = waiting(&home.edge);
    let full = "CREATE TRIGGER full BEFORE INSERT ON spin_key_value
        WHEN NEW.key LIKE 'ledger/%' BEGIN SELECT RAISE(ABORT, 'full'); END";
    open(&home.edge).execute_batch(full).unwrap();
    home.viewer.thumbnail(&home.camera, 320).await.expect_problem(503);
    home.viewer.event(&home.camera, &event).await.expect_problem(503);
    home.viewer.get("cameras").await.expect_problem(503);
    home.viewer.delete(&home.camera, &event).await.expect_problem(503);
    home.account.try_login(&home.account.password, true).await.expect_problem(503);
    // What hands nothing out goes on.
    home.camera.put_still(&fresh_id(), media("alder-garden.jpg")).await.expect(201);
    assert_eq!(waiting(&home.edge), before);
    assert!(home.edge.log().contains("the access ledger did not take an entry"));
    open(&home.edge).execute_batch("DROP TRIGGER full").unwrap();
    home.viewer.event(&home.camera, &event).await.expect(200);
    home.viewer.thumbnail(&home.camera, 320).await.expect(200);
}

/// A right that was taken comes back with an old copy of the store. The log remembers that it was
/// taken.
#[tokio::test]
async fn what_came_by_a_right_that_had_been_taken_is_listed() {
    let mut home = Home::with(spin()).await;
    home.camera.put_still(&fresh_id(), media("alder-garden.jpg")).await.expect(201);
    let neighbour = home.edge.household("Birch Row 9").viewer("birch");
    let kinds = json!({ "live": true, "events": true, "clips": true });
    let offer = json!({
        "cameras": [home.camera.id], "kinds": kinds, "past": true, "viewer": neighbour.id,
    });
    let path = format!("households/{}/invitations", home.household.id);
    let made = Answer::of(home.viewer.ask(Method::POST, &path).json(&offer)).await.expect(201);
    let viewer = neighbour.login().await;
    let token = json!({ "token": made.json()["token"] });
    Answer::of(viewer.ask(Method::POST, "invitation").json(&token)).await.expect(200);
    viewer.thumbnail(&home.camera, 320).await.expect(200);
    home.edge.stop();
    let old = std::fs::read(home.edge.spin_store()).unwrap();
    home.edge.restart();
    let share = format!("shares/{}/{}", home.camera.id, neighbour.id);
    let owner = home.account.through(home.edge.door()).login().await;
    Answer::of(owner.ask(Method::DELETE, &share)).await.expect(204);
    let viewer = neighbour.through(home.edge.door()).login().await;
    viewer.thumbnail(&home.camera, 320).await.expect_problem(404);
    let report = |edge: &Edge| -> Value {
        let output = eyesonly(edge, &["--json", "incident"]);
        serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{}", said(&output)))
    };
    let exposures = report(&home.edge)["exposures"].clone();
    assert_eq!(exposures, json!([]), "what was allowed is no incident");
    home.edge.stop();

    std::fs::write(home.edge.spin_store(), old).unwrap();
    home.edge.restart();
    let viewer = neighbour.through(home.edge.door()).login().await;
    viewer.thumbnail(&home.camera, 320).await.expect(200);
    let report = report(&home.edge);
    let exposures = report["exposures"].as_array().unwrap();
    assert_eq!(exposures.len(), 1, "{report}");
    assert_eq!(exposures[0]["viewer"], neighbour.id.as_str(), "{report}");
    // Each entry that came back with the old store is in the log once.
    let who = lines(&home.edge, &["ledger", "who", "--viewer", &neighbour.id]);
    assert_eq!(handed(&who), ["still", "still"], "{who:?}");
}
