//! A request as plain data. Every client sends the same one by its own means.
//!
//! It must never know where the edge is, or how it is reached.

use bytes::Bytes;

use crate::footage::content_digest;

/// A request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// The method, such as `PUT`.
    pub method: &'static str,
    /// Path and query, with a `/` at the start.
    pub path: String,
    /// Names in lower case, and values.
    pub headers: Vec<(&'static str, String)>,
    /// The body, if there is one.
    pub body: Option<Bytes>,
}

impl Request {
    /// Makes a request with neither headers nor body.
    pub fn new(method: &'static str, path: impl Into<String>) -> Self {
        Self { method, path: path.into(), headers: Vec::new(), body: None }
    }

    /// Adds a header.
    pub fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    /// Adds a body and its Content-Digest, as a careful camera sends them.
    pub fn with_body(self, body: impl Into<Bytes>) -> Self {
        let body = body.into();
        let mut request = self.with("content-digest", content_digest(&body));
        request.body = Some(body);
        request
    }

    /// Says what is asked, for an error.
    pub fn told(&self) -> String {
        format!("{} {}", self.method, self.path)
    }
}
