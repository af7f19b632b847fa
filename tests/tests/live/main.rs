//! Live view from outside: a camera streams, and viewers follow it while it is made.
//!
//! Variable: EYESONLY_LIVE_SECONDS, how long players play. The default is short.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "all of this is a test"
)]

mod bounds;
mod cut;
mod ffmpeg;
mod follow;
mod load;
mod players;
mod proxies;
mod refused;
mod walker;

use std::time::Duration;

use bytes::Bytes;
use eyesonly_tests::{Account, Camera, Edge, EdgeOptions, Household, Viewer, poll};
use reqwest::Method;
use serde_json::Value;

/// An edge with one household, one camera and one viewer.
struct Scene {
    edge: Edge,
    household: Household,
    camera: Camera,
    account: Account,
    viewer: Viewer,
}

impl Scene {
    async fn new() -> Self {
        Self::with(EdgeOptions::default()).await
    }

    async fn with(options: EdgeOptions) -> Self {
        let edge = Edge::start(options);
        let household = edge.household("Alder Lane 4");
        let (camera, account) = (household.camera("Front door"), household.viewer("alder"));
        let viewer = account.login().await;
        Self { edge, household, camera, account, viewer }
    }

    fn path(&self, rest: &str) -> String {
        format!("cameras/{}/live{rest}", self.camera.id)
    }

    /// Returns the camera's streams, as the edge tells them.
    async fn streams(&self) -> Vec<Value> {
        let live = self.viewer.get(&self.path("")).await.expect(200).json();
        live["streams"].as_array().unwrap().clone()
    }

    /// Waits until the camera is live.
    async fn is_live(&self) {
        poll("the camera is live", 30, async || !self.streams().await.is_empty()).await;
    }

    /// Asks for the next segment, and returns it as it comes.
    async fn follow(&self, query: &str) -> Following {
        Following::of(&self.viewer, &self.path(&format!("/next{query}"))).await
    }
}

/// A segment that is being followed.
struct Following {
    segment: String,
    response: reqwest::Response,
}

impl Following {
    async fn of(viewer: &Viewer, path: &str) -> Self {
        let request = viewer.ask(Method::GET, path).timeout(Duration::from_secs(60));
        let response = request.send().await.unwrap();
        assert_eq!(response.status(), 200);
        let location = response.headers()["content-location"].to_str().unwrap();
        let segment = location.rsplit('/').next().unwrap().to_owned();
        Self { segment, response }
    }

    /// Returns the next bytes. `None` is the regular end, and an error is a cut.
    async fn piece(&mut self) -> Result<Option<Bytes>, reqwest::Error> {
        self.response.chunk().await
    }

    /// Returns all bytes until the end, and whether the end is a cut.
    async fn rest(mut self) -> (Vec<u8>, bool) {
        let mut bytes = Vec::new();
        loop {
            match self.piece().await {
                Ok(Some(piece)) => bytes.extend_from_slice(&piece),
                Ok(None) => return (bytes, false),
                Err(_) => return (bytes, true),
            }
        }
    }
}
