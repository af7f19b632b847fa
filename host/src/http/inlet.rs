//! The inlet: it brings a camera's body to ingest.
//!
//! Threat. A proxy, a buffer or a pool in front may give one upload the body of another. Two things
//! must hold. If the head of a request declares a length or a `Content-Digest`, no body with other
//! bytes is acknowledged. An object that exists under an id is never replaced.

use super::Direct;
use async_trait::async_trait;
use axum::extract::Request;

/// Brings uploads. NOT trusted.
#[async_trait]
pub trait Inlet: Send + Sync + 'static {
    /// Returns the request that comes out when `upload` goes in.
    async fn carry(&self, upload: Request) -> Request;
}

#[async_trait]
impl Inlet for Direct {
    async fn carry(&self, upload: Request) -> Request {
        upload
    }
}
