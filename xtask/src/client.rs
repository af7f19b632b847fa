//! HTTP for demo and bench: sends the requests of the harness's cameras and viewers, and waits for
//! each answer.
//!
//! It must never add to a request what a real client would not send.

use std::time::Duration;

use anyhow::{Context, Result, bail};
use eyesonly_harness::people::{Account, Session};
use eyesonly_harness::request::Request;
use ureq::Agent;
use ureq::http::{self, HeaderMap};

/// The longest time for a request, in seconds. On one machine, a slower one has failed.
const TIMEOUT_SECONDS: u64 = 60;
/// The most bytes of a body: more than any file of the demo. An answer without an end must not fill
/// the memory.
const BODY_BYTES_MAX: u64 = 256 * 1024 * 1024;

/// A whole answer.
pub struct Answer {
    /// The status code.
    pub status: u16,
    /// The headers.
    pub headers: HeaderMap,
    /// The whole body.
    pub body: Vec<u8>,
}

/// A client that knows where the edge is.
pub struct Client {
    agent: Agent,
    address: String,
}

impl Answer {
    /// Returns a header's value, or "".
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    /// Returns the start of the body, for an error. Of footage it returns only the length.
    pub fn excerpt(&self) -> String {
        let media_type = self.header("content-type");
        if media_type.starts_with("image/") || media_type.starts_with("video/") {
            return format!("({} bytes of {media_type})", self.body.len());
        }
        String::from_utf8_lossy(&self.body).chars().take(300).collect()
    }

    /// Returns the answer if it has this status.
    ///
    /// Errors: the status is another one. The error has the start of the body.
    pub fn expect_status(self, expected: u16, what: &str) -> Result<Self> {
        if self.status != expected {
            bail!("{what}: {} where {expected} was expected: {}", self.status, self.excerpt());
        }
        Ok(self)
    }
}

impl Client {
    /// Makes a client of the edge at `address`: `http://HOST:PORT`.
    pub fn new(address: &str) -> Self {
        let config = Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .proxy(None)
            .timeout_global(Some(Duration::from_secs(TIMEOUT_SECONDS)))
            .build();
        Self { agent: config.new_agent(), address: address.to_owned() }
    }

    /// Sends a request and reads the whole answer.
    ///
    /// Errors: no answer comes. Every status is an answer.
    pub fn send(&self, request: Request) -> Result<Answer> {
        let what = request.told();
        let mut builder = http::Request::builder()
            .method(request.method)
            .uri(format!("{}{}", self.address, request.path));
        for (name, value) in &request.headers {
            builder = builder.header(*name, value);
        }
        let response = match &request.body {
            Some(body) => self.agent.run(builder.body(body.as_ref())?),
            None => self.agent.run(builder.body(())?),
        };
        let (parts, mut body) = response.with_context(|| what.clone())?.into_parts();
        let body = body
            .with_config()
            .limit(BODY_BYTES_MAX)
            .read_to_vec()
            .with_context(|| format!("{what}: reading the body"))?;
        Ok(Answer { status: parts.status.as_u16(), headers: parts.headers, body })
    }

    /// Sends an upload.
    ///
    /// Errors: no answer comes, or its status is not 201.
    pub fn upload(&self, request: Request) -> Result<()> {
        let what = request.told();
        self.send(request)?.expect_status(201, &what)?;
        Ok(())
    }

    /// Logs a viewer in: with a token if `bearer`, otherwise with a cookie, as a browser does.
    ///
    /// Errors: no answer comes, its status is not 201, or it has no session.
    pub fn log_in(&self, account: &Account, bearer: bool) -> Result<Session> {
        let what = format!("POST /v1/session as {}", account.login);
        let request = account.log_in(bearer).with("origin", &self.address);
        let answer = self.send(request)?.expect_status(201, &what)?;
        Session::of(answer.header("location"), answer.header("set-cookie"), &answer.body)
            .context(what)
    }
}
