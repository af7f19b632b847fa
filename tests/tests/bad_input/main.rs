//! Bad input: each case gets a clear problem, changes nothing, and the next request works.
//!
//! Everything goes over the wire to the real binary; requests that no HTTP library would send go as
//! bytes on a socket.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "all of this is a test"
)]

mod questions;
mod starts;
mod uploads;
mod wire;

use std::path::PathBuf;

use bytes::Bytes;
use eyesonly_harness::footage::{description, fresh_id, mp4_around, noise};
use eyesonly_tests::footage::media;
use eyesonly_tests::{Account, Camera, Edge, EdgeOptions, Viewer, poll};
use serde_json::Value;

/// An edge with one camera that has a still and an event with a clip.
struct Scene {
    edge: Edge,
    account: Account,
    viewer: Viewer,
    camera: Camera,
    /// An event that has a still and a clip.
    event: String,
    /// An event that has neither.
    bare_event: String,
    clip: Bytes,
}

/// All that a viewer and the disk show of the scene.
#[derive(PartialEq)]
struct Shown {
    cameras: Vec<Value>,
    events: Vec<Value>,
    thumbnail: Bytes,
    clip: Bytes,
    files: Vec<(PathBuf, u64)>,
}

impl Scene {
    async fn new() -> Self {
        let edge = Edge::start(EdgeOptions::default());
        let household = edge.household("Alder Lane 4");
        let camera = household.camera("Front door");
        let account = household.viewer("alder");
        let (event, bare_event) = (fresh_id(), fresh_id());
        let clip = mp4_around(&noise("clip", 100_000));
        camera.put_still(&fresh_id(), media("special/orientation-1.jpg")).await.expect(201);
        camera.put_event(&event, &description("whole")).await.expect(201);
        camera.put_event_still(&event, media("special/orientation-1.jpg")).await.expect(201);
        camera.put_clip(&event, clip.clone()).await.expect(201);
        camera.put_event(&bare_event, &description("bare")).await.expect(201);
        let viewer = account.login().await;
        // A look makes the rendition. The edge keeps it while the answer goes out.
        viewer.thumbnail(&camera, 320).await.expect(200);
        poll("the rendition is kept", 30, async || {
            edge.objects().len() == 4 && edge.store_files().len() == 4
        })
        .await;
        Self { edge, account, viewer, camera, event, bare_event, clip }
    }

    /// Returns the store's files with their lengths, staged ones too.
    fn files(&self) -> Vec<(PathBuf, u64)> {
        let with_length = |path: PathBuf| {
            let length = path.metadata().ok()?.len();
            Some((path, length))
        };
        self.edge.store_files().into_iter().filter_map(with_length).collect()
    }

    async fn shown(&self) -> Shown {
        Shown {
            cameras: self.viewer.cameras().await,
            events: self.viewer.events(&self.camera).await,
            thumbnail: self.viewer.thumbnail(&self.camera, 320).await.expect(200).body,
            clip: self.viewer.clip(&self.camera, &self.event).await.expect(200).body,
            files: self.files(),
        }
    }

    /// Checks that nothing new is there and nothing is gone. The staged bytes of a refused upload
    /// are removed in the background.
    async fn expect_unchanged(&self, before: &Shown, after_what: &str) {
        assert!(
            before.thumbnail.len() > 100 && before.clip == self.clip && before.events.len() == 2
        );
        // The files are the still, the event's still, its clip, and the rendition that was looked
        // at.
        assert_eq!(before.files.len(), 4);
        poll(&format!("no file is left {after_what}"), 30, async || self.files() == before.files)
            .await;
        assert!(self.shown().await == *before, "a viewer sees something else {after_what}");
    }

    /// Returns the path of the clip under the viewer's tag.
    fn clip_path(&self) -> String {
        format!("cameras/{}/events/{}/clip", self.camera.id, self.event)
    }
}
