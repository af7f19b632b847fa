//! A data folder that an earlier version wrote, served by this one.
//!
//! It must never be served where it lies: a start may bring a folder to a newer form.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use eyesonly_harness::footage::{content_digest, description, fresh_id, mp4_around, noise};
use eyesonly_harness::people;
use eyesonly_tests::canary::{Canary, scan};
use eyesonly_tests::folder::copy;
use eyesonly_tests::{Account, Camera, Edge, EdgeOptions};
use serde_json::Value;
use tempfile::TempDir;

/// The folders that earlier versions wrote, named after the commit.
const FOLDERS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures");
/// It kept login names in the clear.
const WITH_NAMES: &str = "data-6e52c58";
/// It knew nobody but owners, and no epochs.
const WITH_VIEWERS: &str = "data-831dcd9";

/// Makes a copy of a folder with its key-encryption key, and reads `said.json`, which was written
/// with the folder.
fn data(name: &str) -> (TempDir, Value) {
    let folder = tempfile::tempdir().unwrap();
    copy(&Path::new(FOLDERS).join(name), folder.path());
    let kek = folder.path().join("kek");
    fs::write(&kek, "22".repeat(32)).unwrap();
    fs::set_permissions(&kek, fs::Permissions::from_mode(0o600)).unwrap();
    let said = fs::read(folder.path().join("said.json")).unwrap();
    (folder, serde_json::from_slice(&said).unwrap())
}

fn text(said: &Value, field: &str) -> String {
    said[field].as_str().unwrap_or_else(|| panic!("no {field}")).into()
}

#[tokio::test]
async fn a_folder_with_names_in_the_clear_is_served() {
    is_served(WITH_NAMES).await;
}

#[tokio::test]
async fn a_folder_of_owners_alone_is_served() {
    is_served(WITH_VIEWERS).await;
}

async fn is_served(name: &str) {
    let (folder, said) = data(name);
    let options = EdgeOptions { data: Some(folder.path().to_owned()), ..EdgeOptions::default() };
    let mut edge = Edge::start(options);
    let camera =
        people::Camera { id: text(&said, "camera"), credential: text(&said, "credential") };
    let camera = Camera::known(camera, edge.door());
    let [event, deleted] = ["event", "deleted"].map(|field| text(&said, field));
    let account = people::Account {
        id: String::new(),
        login: "alder".into(),
        password: "a long password".into(),
    };
    let account = Account::known(account, edge.door());

    // The footage of the folder is there, and the deleted event is not.
    let viewer = account.login().await;
    let cameras = viewer.cameras().await;
    assert!(cameras.iter().any(|listed| listed["id"] == camera.id.as_str()), "{cameras:?}");
    let clip = text(&said, "clip_digest");
    let sees_what_it_held = async |edge: &Edge| {
        let viewer = account.login().await;
        let events = viewer.events(&camera).await;
        assert!(events.iter().any(|listed| listed["id"] == event.as_str()), "{events:?}");
        assert!(events.iter().all(|listed| listed["id"] != deleted.as_str()), "{events:?}");
        viewer.thumbnail(&camera, 320).await.expect(200);
        viewer.event_thumbnail(&camera, &event, 320).await.expect(200);
        assert_eq!(content_digest(&viewer.clip(&camera, &event).await.expect(200).body), clip);
        viewer.clip(&camera, &deleted).await.expect_problem(404);
        assert!(!edge.log().contains("ERROR"), "{}", edge.log());
    };
    sees_what_it_held(&edge).await;

    // An earlier version kept login names in the clear. This one does not, once it has stopped.
    // In a row and in its key of the index, the name follows the record's kind.
    let in_clear = [Canary::new("the login name", "loginalder")];
    let had_names = !scan(&Path::new(FOLDERS).join(name), &in_clear).1.is_empty();
    assert_eq!(had_names, name == WITH_NAMES);
    edge.stop();
    assert_eq!(scan(&edge.data(), &in_clear).1, Vec::<String>::new());
    edge.restart();

    // The folder remains usable: the camera hands in, the viewer sees that and deletes it, and a
    // restart changes nothing.
    let fresh = fresh_id();
    camera.put_event(&fresh, &description("after")).await.expect(201);
    let after = mp4_around(&noise("after", 100_000));
    camera.put_clip(&fresh, after.clone()).await.expect(201);
    assert!(viewer.clip(&camera, &fresh).await.expect(200).body == after);
    edge.restart();
    sees_what_it_held(&edge).await;
    viewer.delete(&camera, &fresh).await.expect(204);
    viewer.clip(&camera, &fresh).await.expect_problem(404);
}

/// Who was a viewer of a household is an owner, in the command line and in the decisions. Each of
/// them can get another role, and the other household sees nothing.
#[tokio::test]
async fn the_people_of_an_earlier_version_are_owners() {
    let (folder, said) = data(WITH_VIEWERS);
    let options = EdgeOptions { data: Some(folder.path().to_owned()), ..EdgeOptions::default() };
    let edge = Edge::start(options);
    let [household, camera, event, second] =
        ["household", "camera", "event", "second"].map(|field| text(&said, field));
    let run = |arguments: &[&str]| edge.command_line().run(arguments, "").unwrap();
    let list = ["member", "list", "--household", &household, "--json"];
    let listed = edge.command_line().command(&list).output().unwrap();
    let listed = String::from_utf8(listed.stdout).unwrap();
    let members: Vec<Value> =
        listed.lines().map(|member| serde_json::from_str(member).unwrap()).collect();
    assert_eq!(members.len(), 2, "{listed}");
    assert!(members.iter().all(|member| member["role"] == "owner"), "{listed}");
    let camera = people::Camera { id: camera, credential: text(&said, "credential") };
    let camera = Camera::known(camera, edge.door());
    let account = |login: &str| {
        let (login, password) = (login.to_owned(), "a long password".into());
        Account::known(people::Account { id: String::new(), login, password }, edge.door())
    };
    let (viewer, other) = (account("alder-two").login().await, account("birch").login().await);
    viewer.clip(&camera, &event).await.expect(200);
    other.clip(&camera, &event).await.expect_problem(404);
    run(&["member", "set", "--household", &household, "--viewer", &second, "--role", "member"]);
    viewer.clip(&camera, &event).await.expect_problem(404);
    let share = ["--camera", &camera.id, "--viewer", &second, "--kinds", "events,clips", "--past"];
    run(&[&["share", "add"], share.as_slice()].concat());
    viewer.clip(&camera, &event).await.expect(200);
    viewer.delete(&camera, &event).await.expect_problem(404);
}
