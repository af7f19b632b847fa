//! The inlet: what brings a camera's body to ingest.
//!
//! Threat. A proxy, a buffer or a pool in front may bring one upload the body of another. What must hold: nothing is acknowledged whose
//! bytes are not those that the head of the request declares, where it declares them (length, `Content-Digest`); and what is there under an id
//! is never replaced.

use super::Direct;
use async_trait::async_trait;
use axum::extract::Request;

/// Brings uploads. NOT trusted.
#[async_trait]
pub trait Inlet: Send + Sync + 'static {
    /// What comes out where `upload` went in.
    async fn carry(&self, upload: Request) -> Request;
}

#[async_trait]
impl Inlet for Direct {
    async fn carry(&self, upload: Request) -> Request {
        upload
    }
}
