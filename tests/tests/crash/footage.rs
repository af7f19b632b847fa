//! The uploads of this suite's cameras. A number tells their bodies apart, and each body is made
//! anew whenever it is needed.

use std::sync::{Arc, LazyLock};

use bytes::Bytes;
use eyesonly_harness::footage::{content_digest, description, mp4_around, noise};
use eyesonly_tests::Camera;
use eyesonly_tests::footage::{media, with_comment};
use futures::stream;

use crate::Fuse;

/// Stills that look different, so that a thumbnail shows which one it was made of.
pub const STILLS: [&str; 3] =
    ["special/orientation-1.jpg", "special/greyscale.jpg", "special/progressive.jpg"];
/// The bytes of a body that are handed to the connection at once.
const PIECE_BYTES: usize = 64 * 1024;

static NOISE: LazyLock<Vec<u8>> = LazyLock::new(|| noise("crash", 3 * 1024 * 1024));

/// The kind of an upload.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    Still,
    Event,
    EventStill,
    Clip,
}

/// A body; its number tells it apart from all others.
#[derive(Debug, Clone)]
pub struct Body {
    kind: Kind,
    number: u64,
    /// The index in [`STILLS`].
    pub still: usize,
    clip_bytes: usize,
}

impl Body {
    pub fn still(still: u64, number: u64) -> Self {
        Self { kind: Kind::Still, number, still: usize::try_from(still).unwrap(), clip_bytes: 0 }
    }

    pub fn event(number: u64) -> Self {
        Self { kind: Kind::Event, number, still: 0, clip_bytes: 0 }
    }

    pub fn clip(number: u64, bytes: u64) -> Self {
        Self { kind: Kind::Clip, number, still: 0, clip_bytes: usize::try_from(bytes).unwrap() }
    }

    pub fn label(&self) -> String {
        format!("event number {}", self.number)
    }

    pub fn bytes(&self) -> Bytes {
        match self.kind {
            Kind::Clip => {
                let start =
                    usize::try_from(self.number).unwrap() * 61 % (NOISE.len() - self.clip_bytes);
                let content =
                    [&self.number.to_be_bytes(), &NOISE[start..start + self.clip_bytes]].concat();
                mp4_around(&content)
            }
            Kind::Event => description(&self.label()).to_string().into(),
            Kind::Still | Kind::EventStill => {
                with_comment(&media(STILLS[self.still]), &self.number.to_be_bytes())
            }
        }
    }
}

/// One upload; `is_acknowledged` says whether the edge acknowledged it.
#[derive(Debug, Clone)]
pub struct Sent {
    pub camera: usize,
    pub kind: Kind,
    pub id: String,
    pub body: Body,
    pub is_acknowledged: bool,
}

impl Sent {
    pub fn new(camera: usize, kind: Kind, id: String, body: Body) -> Self {
        Self { camera, kind, id, body, is_acknowledged: false }
    }

    fn request(&self, camera: &Camera, body: &Bytes) -> reqwest::RequestBuilder {
        let (path, media_type) = match self.kind {
            Kind::Still => (format!("stills/{}", self.id), "image/jpeg"),
            Kind::Event => (format!("events/{}", self.id), "application/json"),
            Kind::EventStill => (format!("events/{}/still", self.id), "image/jpeg"),
            Kind::Clip => (format!("events/{}/clip", self.id), "video/mp4"),
        };
        camera.upload(&path, media_type).header("content-digest", content_digest(body))
    }

    /// Hands the upload in, and returns the status of the answer.
    pub async fn put(&self, camera: &Camera) -> u16 {
        let body = self.body.bytes();
        self.request(camera, &body).body(body).send().await.unwrap().status().as_u16()
    }
}

/// Hands in the last of `sent`, piece by piece. Returns false once the edge is dead.
pub async fn hand_in(camera: &Camera, sent: &mut [Sent], fuse: &Arc<Fuse>) -> bool {
    let sent = sent.last_mut().unwrap();
    let body = sent.body.bytes();
    let (request, length) = (sent.request(camera, &body), body.len());
    let step = Arc::clone(fuse);
    let pieces = (0..length).step_by(PIECE_BYTES).map(move |start| {
        step.step();
        Ok::<_, std::io::Error>(body.slice(start..(start + PIECE_BYTES).min(length)))
    });
    let request = request
        .header("content-length", length)
        .body(reqwest::Body::wrap_stream(stream::iter(pieces)));
    match request.send().await {
        Ok(answer) => {
            let status = answer.status().as_u16();
            assert_eq!(status, 201, "{:?} of a sound camera", sent.kind);
            sent.is_acknowledged = true;
            fuse.step();
            true
        }
        Err(_) => false,
    }
}
