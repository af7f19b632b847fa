//! The inlet, lying: a camera's head with another camera's body. Bodies of the same length change places, so that no length gives it away.

use crate::http::Inlet;
use crate::storm::lies::{Kind as Lie, Liar, Lies};
use async_trait::async_trait;
use axum::body::{Body, Bytes};
use std::collections::HashMap;
use std::sync::{Arc, Mutex};

/// Longest body that changes places, in bytes: storm's own are shorter.
const BODY_BYTES_MAX: usize = 1024 * 1024;
/// Lengths of which a body is kept.
const KEPT_MAX: usize = 64;

/// An inlet that lies.
pub struct LyingInlet {
    honest: Arc<dyn Inlet>,
    lies: Arc<Lies>,
    kept: Mutex<HashMap<usize, Bytes>>,
}

impl LyingInlet {
    /// Around an honest inlet.
    pub fn new(honest: Arc<dyn Inlet>, lies: Arc<Lies>) -> Self {
        Self {
            honest,
            lies,
            kept: Mutex::default(),
        }
    }

    /// What arrives where `bytes` were sent.
    pub fn crossed(&self, bytes: Bytes) -> Bytes {
        let lie = self.lies.next(Liar::Ingest);
        let Ok(mut kept) = self.kept.lock() else { return bytes };
        let another = kept.get(&bytes.len()).cloned();
        if another.is_some() || kept.len() < KEPT_MAX {
            kept.insert(bytes.len(), bytes.clone());
        }
        match (lie, another) {
            (Some(lie @ Lie::AnotherName), Some(another)) if another != bytes => {
                self.lies.was_told(Liar::Ingest, lie);
                another
            }
            _ => bytes,
        }
    }
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl Inlet for LyingInlet {
    async fn carry(&self, body: Body) -> Body {
        let body = self.honest.carry(body).await;
        if !self.lies.has(Liar::Ingest, Lie::AnotherName) {
            return body;
        }
        match axum::body::to_bytes(body, BODY_BYTES_MAX).await {
            Ok(bytes) => Body::from(self.crossed(bytes)),
            Err(_) => Body::empty(),
        }
    }
}
