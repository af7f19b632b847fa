//! Cameras that are switched off or change hands, in the middle of what they hand in and of what is
//! looked at.

use std::time::Duration;

use bytes::Bytes;
use eyesonly_harness::footage::{description, footage_id, fresh_id, mp4_around, now_milliseconds};
use eyesonly_tests::footage::media;
use eyesonly_tests::live::{Streaming, recording};
use eyesonly_tests::{Answer, Camera, Edge, EdgeOptions, Household, Viewer, poll};
use futures::channel::mpsc;
use reqwest::{Body, Method};
use serde_json::{Value, json};
use tokio::task::JoinHandle;

struct Lane {
    edge: Edge,
    camera: Camera,
    alder: Household,
    owner: Viewer,
    birch: Household,
    taker: Viewer,
    event: String,
}

/// An upload in two pieces, of which the first is sent.
struct Upload {
    rest: mpsc::UnboundedSender<Result<Bytes, std::io::Error>>,
    answer: JoinHandle<Answer>,
}

impl Upload {
    fn begin(camera: &Camera, event: &str) -> Self {
        let (rest, body) = mpsc::unbounded();
        let clip = mp4_around(&[7; 40_000]);
        let (first, second) = clip.split_at(clip.len() / 2);
        rest.unbounded_send(Ok(Bytes::copy_from_slice(first))).unwrap();
        let held = Bytes::copy_from_slice(second);
        let request = camera.upload(&format!("events/{event}/clip"), "video/mp4");
        let request = request.body(Body::wrap_stream(body));
        let answer = tokio::spawn(async { Answer::try_of(request).await.unwrap() });
        let upload = Self { rest, answer };
        upload.hold(held);
        upload
    }

    /// Keeps the second piece for a while, so that something happens before it comes.
    fn hold(&self, piece: Bytes) {
        let rest = self.rest.clone();
        tokio::spawn(async move {
            tokio::time::sleep(Duration::from_secs(2)).await;
            let _gone = rest.unbounded_send(Ok(piece));
        });
    }

    async fn ended(self) -> Answer {
        drop(self.rest);
        self.answer.await.unwrap()
    }
}

impl Lane {
    async fn new() -> Self {
        let edge = Edge::start(EdgeOptions::default());
        let (alder, birch) = (edge.household("Alder Lane 4"), edge.household("Birch Row 9"));
        let camera = alder.camera("Front door");
        let (owner, taker) =
            (alder.viewer("alder").login().await, birch.viewer("birch").login().await);
        let event = fresh_id();
        camera.put_still(&fresh_id(), media("special/orientation-1.jpg")).await.expect(201);
        camera.put_event(&event, &description("before")).await.expect(201);
        camera.put_clip(&event, mp4_around(b"a clip")).await.expect(201);
        Self { edge, camera, alder, owner, birch, taker, event }
    }

    async fn change(of: &Viewer, method: Method, path: &str, body: Value) -> Answer {
        Answer::of(of.ask(method, path).json(&body)).await
    }

    async fn switch(&self, on: bool) {
        let path = format!("switches/{}", self.camera.id);
        Self::change(&self.owner, Method::PUT, &path, json!({ "on": on })).await.expect(204);
    }

    /// Hands the camera over, and returns what the taker got.
    async fn hand_over(&self) -> Value {
        let path = format!("transfers/{}", self.camera.id);
        let offered = Answer::of(self.owner.ask(Method::POST, &path)).await.expect(201).json();
        let path = format!("households/{}/cameras", self.birch.id);
        let body = json!({ "token": offered["token"], "name": "Hall" });
        let taken = Self::change(&self.taker, Method::POST, &path, body.clone()).await;
        let taken = taken.expect(201).json();
        Self::change(&self.taker, Method::POST, &path, body).await.expect_problem(410);
        taken
    }

    async fn streams(&self) -> usize {
        let live = self.owner.get(&format!("cameras/{}/live", self.camera.id)).await;
        live.expect(200).json()["streams"].as_array().unwrap().len()
    }

    /// Streams, and waits until it is seen.
    async fn streaming(&self) -> Streaming {
        let streaming = Streaming::start(&self.camera, "main", recording("alder-front-door"));
        poll("the stream is there", 30, async || self.streams().await == 1).await;
        streaming
    }

    /// Checks that what was there before is there, and that nothing has come to it.
    async fn keeps_the_past(&self, later: &str) {
        self.owner.thumbnail(&self.camera, 320).await.expect(200);
        self.owner.clip(&self.camera, &self.event).await.expect(200);
        self.owner.clip(&self.camera, later).await.expect_problem(404);
    }
}

#[tokio::test]
async fn a_camera_that_is_switched_off_stops_in_the_middle() {
    let lane = Lane::new().await;
    let later = fresh_id();
    lane.camera.put_event(&later, &description("later")).await.expect(201);
    let streaming = lane.streaming().await;
    let upload = Upload::begin(&lane.camera, &later);
    lane.switch(false).await;
    assert_eq!(lane.streams().await, 0, "what was there of the stream is gone");
    streaming.ended().await.expect_problem(403);
    upload.ended().await.expect_problem(403);
    lane.camera
        .put_still(&fresh_id(), media("special/orientation-1.jpg"))
        .await
        .expect_problem(403);
    lane.keeps_the_past(&later).await;
    let watching = lane.owner.get("watching").await.expect(200).json();
    assert_eq!(watching["off"], json!([lane.camera.id]));
    lane.switch(true).await;
    lane.camera.put_clip(&later, mp4_around(b"a later clip")).await.expect(201);
    assert_eq!(lane.owner.get("watching").await.expect(200).json()["off"], json!([]));
}

#[tokio::test]
async fn a_camera_that_changes_hands_stops_in_the_middle() {
    let lane = Lane::new().await;
    let later = fresh_id();
    lane.camera.put_event(&later, &description("later")).await.expect(201);
    let streaming = lane.streaming().await;
    let upload = Upload::begin(&lane.camera, &later);
    let taken = lane.hand_over().await;
    // Nobody follows what comes after it, whoever follows.
    poll("the stream is gone", 30, async || lane.streams().await == 0).await;
    streaming.ended().await.expect_problem(401);
    upload.ended().await.expect_problem(401);
    lane.camera
        .put_still(&fresh_id(), media("special/orientation-1.jpg"))
        .await
        .expect_problem(401);
    lane.keeps_the_past(&later).await;
    let watching = lane.owner.get("watching").await.expect(200).json();
    assert_eq!(watching["closed"], json!([lane.camera.id]));

    let (id, credential) =
        (taken["camera"].as_str().unwrap(), taken["credential"].as_str().unwrap());
    let new = lane.camera.with_credential(credential).named(id);
    new.put_still(&fresh_id(), media("special/orientation-1.jpg")).await.expect(201);
    lane.taker.thumbnail(&new, 320).await.expect(200);
    lane.owner.thumbnail(&new, 320).await.expect_problem(404);
    lane.taker.thumbnail(&lane.camera, 320).await.expect_problem(404);
    // The device's backlog is of before.
    for before in [3_600_000, 60_000] {
        let backlog = footage_id(now_milliseconds() - before);
        let still = new.put_still(&backlog, media("special/orientation-1.jpg")).await;
        still.expect_problem(400);
    }
    let acts = lane.edge.command_line().command(&["ledger", "acts"]).output().unwrap();
    assert!(acts.status.success());
}

#[tokio::test]
async fn an_operator_hands_a_camera_over() {
    let lane = Lane::new().await;
    let of = ["camera", "hand-over", &lane.camera.id, "--household"];
    // What can't be done changes nothing.
    let alder = lane.edge.command_line().command(&[&of[..], &[&lane.alder.id]].concat()).output();
    assert!(!alder.unwrap().status.success(), "it is handed over to its own household");
    lane.camera.put_still(&fresh_id(), media("special/orientation-1.jpg")).await.expect(201);
    let taken = lane.birch.command(&[&of[..], &[&lane.birch.id, "--name", "Hall"]].concat());
    let (id, credential) =
        (taken["camera"].as_str().unwrap(), taken["credential"].as_str().unwrap());
    let new = lane.camera.with_credential(credential).named(id);
    new.put_still(&fresh_id(), media("special/orientation-1.jpg")).await.expect(201);
    lane.taker.thumbnail(&new, 320).await.expect(200);
    lane.owner.thumbnail(&lane.camera, 320).await.expect(200);
    lane.camera
        .put_still(&fresh_id(), media("special/orientation-1.jpg"))
        .await
        .expect_problem(401);
    assert_eq!(lane.taker.cameras().await[0]["name"], "Hall");
}

#[tokio::test]
async fn a_clock_that_is_fast_takes_nothing_along() {
    let lane = Lane::new().await;
    let ahead = footage_id(now_milliseconds() + 280_000);
    lane.camera.put_event(&ahead, &description("before")).await.expect(201);
    let taken = lane.hand_over().await;
    let (id, credential) =
        (taken["camera"].as_str().unwrap(), taken["credential"].as_str().unwrap());
    let new = lane.camera.with_credential(credential).named(id);
    new.put_event(&ahead, &description("before")).await.expect_problem(400);
    let still = media("special/orientation-1.jpg");
    new.put_still(&footage_id(now_milliseconds() + 275_000), still.clone())
        .await
        .expect_problem(400);
    new.put_still(&footage_id(now_milliseconds() + 290_000), still).await.expect(201);
    // It stays with those whose it was.
    lane.owner.event(&lane.camera, &ahead).await.expect(200);
    lane.taker.event(&new, &ahead).await.expect_problem(404);
}
