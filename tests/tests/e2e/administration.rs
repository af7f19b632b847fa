//! The command line: changes while the edge serves, and the messages that a person or a script
//! gets.

use eyesonly_harness::footage::fresh_id;
use eyesonly_tests::footage::media;
use eyesonly_tests::{Edge, EdgeOptions};

use crate::Home;

#[tokio::test]
async fn a_new_credential_takes_the_place_of_the_old_one() {
    let home = Home::new().await;
    let still = media("special/orientation-1.jpg");
    home.camera.put_still(&fresh_id(), still.clone()).await.expect(201);
    let command_line = home.edge.command_line();
    let renewed = command_line.run(&["camera", "credential", &home.camera.id], "").unwrap();
    assert_eq!(renewed["camera"], home.camera.id.as_str());
    home.camera.put_still(&fresh_id(), still.clone()).await.expect_problem(401);
    home.viewer.thumbnail(&home.camera, 320).await.expect(200);
    let camera = home.camera.with_credential(renewed["credential"].as_str().unwrap());
    camera.put_still(&fresh_id(), still).await.expect(201);
    let removed = command_line.run(&["camera", "remove", &home.camera.id], "").unwrap();
    assert_eq!(removed["name"], "Front door");
    let error =
        command_line.run(&["camera", "credential", &home.camera.id], "").unwrap_err().to_string();
    assert!(error.contains("has ended already"), "{error}");
}

#[tokio::test]
async fn a_new_password_takes_the_place_of_the_old_one_and_ends_the_sessions() {
    let home = Home::new().await;
    let arguments = ["viewer", "password", &home.account.id, "--password-stdin"];
    let command_line = home.edge.command_line();
    let error = command_line.run(&arguments, "short\n").unwrap_err().to_string();
    assert!(error.contains("10 to 256 bytes"), "{error}");
    let set = command_line.run(&arguments, "another correct horse\n").unwrap();
    assert_eq!(set["name"], "alder");
    home.account.try_login(&home.account.password, true).await.expect_problem(401);
    home.viewer.get("cameras").await.expect_problem(401);
    home.account.try_login("another correct horse", true).await.expect(201);
}

/// Shares and roles by command, and what `why` says of them.
#[tokio::test]
async fn a_share_is_given_explained_and_taken_back() {
    let home = Home::new().await;
    let still = media("special/orientation-1.jpg");
    home.camera.put_still(&fresh_id(), still).await.expect(201);
    let command_line = home.edge.command_line();
    let run = |arguments: &[&str]| command_line.run(arguments, "");
    let added = command_line.run(&["viewer", "add", "--name", "birch"], "birch's password\n");
    let birch = home.household.known(added.unwrap()["viewer"].as_str().unwrap(), "birch");
    let guest = birch.login().await;
    assert!(guest.cameras().await.is_empty());
    let of = ["--camera", &home.camera.id, "--viewer", "birch"];
    let share = |more: &[&str]| run(&[&["share", "add"], of.as_slice(), more].concat());
    let why = |who: &str, kind: &str| {
        let answer = run(&["why", who, &home.camera.id, kind]).unwrap();
        (answer["may"].as_bool().unwrap(), answer["reason"].as_str().unwrap().to_owned())
    };
    let (may, reason) = why("birch", "live");
    assert!(!may && reason.contains("they don't belong to"), "{reason}");
    assert!(why("alder", "delete").0);
    // From now on alone, unless it is said otherwise.
    share(&["--kinds", "live"]).unwrap();
    guest.thumbnail(&home.camera, 320).await.expect_problem(404);
    share(&["--kinds", "live", "--past"]).unwrap();
    guest.thumbnail(&home.camera, 320).await.expect(200);
    assert!(why("birch", "live").0 && !why("birch", "clips").0 && !why("birch", "delete").0);
    let listed = run(&["share", "list", "--household", &home.household.id]).unwrap();
    assert_eq!((&listed["viewer"], &listed["giver"]), (&birch.id.as_str().into(), &().into()));
    // What would allow nothing, or would leave a household without an owner, is refused.
    for (arguments, words) in [
        (["--ends", "2020-01-01T00:00:00Z"].as_slice(), "would have ended already"),
        (&["--from", "2026-02-01T00:00:00Z", "--until", "2026-01-01T00:00:00Z"], "must not end"),
    ] {
        let error = share(arguments).unwrap_err().to_string();
        assert!(error.contains(words), "{error}");
    }
    let member = |what: &[&str]| {
        let of = ["--household", &home.household.id, "--viewer"];
        run(&[&["member", what[0]], of.as_slice(), &what[1..]].concat())
    };
    for what in [["remove", "alder"].as_slice(), &["set", "alder", "--role", "member"]] {
        let error = member(what).unwrap_err().to_string();
        assert!(error.contains("last owner"), "{error}");
    }
    let error = member(&["set", "birch", "--role", "installer"]).unwrap_err().to_string();
    assert!(error.contains("1 to 48 hours"), "{error}");
    run(&[&["share", "remove"], of.as_slice()].concat()).unwrap();
    guest.thumbnail(&home.camera, 320).await.expect_problem(404);
    assert!(guest.cameras().await.is_empty());
    let error = run(&[&["share", "remove"], of.as_slice()].concat()).unwrap_err().to_string();
    assert!(error.contains("nothing of this camera is shared"), "{error}");
}

#[tokio::test]
async fn a_quota_is_changed_for_the_cameras_that_are_there() {
    let home = Home::new().await;
    let still = media("special/orientation-1.jpg");
    home.camera.put_still(&fresh_id(), still.clone()).await.expect(201);
    let command_line = home.edge.command_line();
    let used =
        command_line.run(&["household", "list"], "").unwrap()["used_bytes"].as_u64().unwrap();
    assert!(used >= still.len() as u64, "{used}");
    let set = |bytes: u64| {
        let bytes = bytes.to_string();
        command_line.run(&["household", "quota", &home.household.id, "--quota-bytes", &bytes], "")
    };
    assert!(set(0).unwrap_err().to_string().contains("0 bytes"));
    set(1).unwrap();
    home.camera.put_still(&fresh_id(), still.clone()).await.expect_problem(507);
    assert_eq!(set(1 << 30).unwrap()["quota_bytes"], 1 << 30);
    home.camera.put_still(&fresh_id(), still.clone()).await.expect(201);
    let added = home.household.camera("Back yard");
    added.put_still(&fresh_id(), still).await.expect(201);
}

#[test]
fn a_closed_pipe_ends_a_list_quietly() {
    let edge = Edge::installed(EdgeOptions { is_empty: true, ..EdgeOptions::default() });
    let household = edge.household("Alder Lane 4");
    household.viewer("alder");
    for room in ["household", "viewer"] {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let mut command = edge.command_line().command(&[room, "list"]);
        let output = command.stdout(writer).output().unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(output.status.success() && said.is_empty(), "{room}: {said}");
    }
}
