//! Uploads that are cut: their bytes on the disk are removed.

use eyesonly_harness::footage::{description, fresh_id, mp4_around, noise};
use eyesonly_tests::poll;
use eyesonly_tests::raw::{self, half_a_clip};
use tokio::io::AsyncWriteExt as _;

use crate::Home;

#[tokio::test]
async fn an_upload_that_is_cut_leaves_nothing() {
    let mut home = Home::new().await;
    let event = fresh_id();
    home.camera.put_event(&event, &description("cut")).await.expect(201);
    let clip = mp4_around(&noise("cut", 6 << 20));
    let shows_nothing = async |home: &Home| {
        home.viewer.clip(&home.camera, &event).await.expect_problem(404);
        assert_eq!(home.viewer.event(&home.camera, &event).await.expect(200).json()["clip"], false);
        assert!(home.edge.objects().is_empty());
    };
    // Half of the clip is on the disk, then the connection ends.
    let mut line =
        raw::begin(home.edge.door(), &half_a_clip(&home.camera, &event, &clip, 4 << 20)).await;
    poll("some of it is staged", 30, async || !home.edge.store_files().is_empty()).await;
    shows_nothing(&home).await;
    line.shutdown().await.unwrap();
    drop(line);
    poll("what was staged is gone", 30, async || home.edge.store_files().is_empty()).await;
    shows_nothing(&home).await;
    // Half of the clip is on the disk, then the process is killed.
    let line =
        raw::begin(home.edge.door(), &half_a_clip(&home.camera, &event, &clip, 4 << 20)).await;
    poll("some of it is staged", 30, async || !home.edge.store_files().is_empty()).await;
    home.edge.kill9();
    drop(line);
    assert!(!home.edge.store_files().is_empty(), "nothing was left to be swept");
    home.edge.restart();
    poll("the remains are swept", 30, async || home.edge.store_files().is_empty()).await;
    shows_nothing(&home).await;
    home.camera.put_clip(&event, clip.clone()).await.expect(201);
    assert!(home.viewer.clip(&home.camera, &event).await.expect(200).body == clip);
    assert_eq!(home.edge.store_files().len(), 1);
}
