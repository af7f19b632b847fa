//! A data folder that an earlier version wrote, served by this one.
//!
//! It must never be served where it lies: a start may bring a folder to a newer form.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use eyesonly_harness::footage::{content_digest, description, fresh_id, mp4_around, noise};
use eyesonly_harness::people;
use eyesonly_tests::canary::{Canary, scan};
use eyesonly_tests::{Account, Camera, Edge, EdgeOptions};
use serde_json::Value;
use tempfile::TempDir;

/// The folder that 6e52c58 wrote.
const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/data-6e52c58");

/// Copies a folder with everything in it.
fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        match entry.file_type().unwrap().is_dir() {
            true => copy(&entry.path(), &target),
            false => drop(fs::copy(entry.path(), target).unwrap()),
        }
    }
}

/// Makes a copy of the folder with its key-encryption key, and reads `said.json`, which was written
/// with the folder.
fn data() -> (TempDir, Value) {
    let folder = tempfile::tempdir().unwrap();
    copy(Path::new(FOLDER), folder.path());
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
async fn a_folder_of_an_earlier_version_is_served() {
    let (folder, said) = data();
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
    assert_eq!(cameras.len(), 1);
    assert_eq!(cameras[0]["id"], camera.id.as_str());
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

    // That version kept login names in the clear. This one does not, once it has stopped.
    // In a row and in its key of the index, the name follows the record's kind.
    let name = [Canary::new("the login name", "loginalder")];
    assert!(!scan(Path::new(FOLDER), &name).1.is_empty(), "the folder has none to look for");
    edge.stop();
    assert_eq!(scan(&edge.data(), &name).1, Vec::<String>::new());
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
