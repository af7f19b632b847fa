//! The lying inlet: it gives a camera's head another camera's body. Bodies of the same length
//! change places, so that no length gives the lie away.

use crate::defence::Defence;
use crate::forge::Forge;
use crate::lies::{Kind as Lie, Liar, Lies};
use async_trait::async_trait;
use axum::body::{Body, Bytes};
use axum::extract::Request;
use eyesonly::http::Inlet;
use eyesonly_seal::FootageId;
use std::collections::HashMap;
use std::sync::{Arc, Mutex};

/// The longest body that changes places, in bytes. A camera's stills and clips in the herd are
/// shorter.
const BODY_BYTES_MAX: usize = 1024 * 1024;
/// The most lengths of which a body is kept.
const KEPT_MAX: usize = 64;

/// An inlet that lies.
pub struct LyingInlet {
    honest: Arc<dyn Inlet>,
    lies: Arc<Lies>,
    forge: Arc<Forge>,
    kept: Mutex<HashMap<usize, Bytes>>,
}

impl LyingInlet {
    /// Wraps an honest inlet.
    pub fn new(honest: Arc<dyn Inlet>, lies: Arc<Lies>, forge: Arc<Forge>) -> Self {
        Self { honest, lies, forge, kept: Mutex::default() }
    }

    /// Returns what arrives in place of `bytes`, if it is something else.
    fn crossed(&self, bytes: &Bytes) -> Option<Bytes> {
        let lie = self.lies.next(Liar::Ingest);
        let mut kept = self.kept.lock().ok()?;
        let another = kept.get(&bytes.len()).cloned();
        if another.is_some() || kept.len() < KEPT_MAX {
            kept.insert(bytes.len(), bytes.clone());
        }
        let crossed = lie == Some(Lie::AnotherName);
        let told = another.filter(|another| crossed && another != bytes)?;
        self.lies.was_told(Liar::Ingest, Lie::AnotherName);
        Some(told)
    }
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl Inlet for LyingInlet {
    async fn carry(&self, request: Request) -> Request {
        let request = self.honest.carry(request).await;
        if let Some(event) = event_of_a_still(request.uri().path()) {
            self.forge.upload_starts(event);
        }
        let is_short = length(&request).is_some_and(|length| length <= BODY_BYTES_MAX);
        if !is_short || !self.lies.has(Liar::Ingest, Lie::AnotherName) {
            return request;
        }
        let (mut head, body) = request.into_parts();
        let Ok(sent) = axum::body::to_bytes(body, BODY_BYTES_MAX).await else {
            return Request::from_parts(head, Body::empty());
        };
        let told = self.crossed(&sent);
        if told.is_some() && self.forge.has(Defence::Digest) {
            head.headers.remove("content-digest");
        }
        Request::from_parts(head, Body::from(told.unwrap_or(sent)))
    }
}

fn length(request: &Request) -> Option<usize> {
    let length = request.headers().get(axum::http::header::CONTENT_LENGTH)?;
    length.to_str().ok()?.parse().ok()
}

/// Returns the event whose still is handed in under this path.
fn event_of_a_still(path: &str) -> Option<FootageId> {
    let event = path.strip_prefix("/v1/ingest/events/")?.strip_suffix("/still")?;
    FootageId::parse(event).ok()
}
