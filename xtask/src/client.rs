//! HTTP as a camera and as a viewer speak it: the same requests that a real one would make.
//!
//! Everything goes through the public routes. It must never read the edge's folder or ask for more than a client may.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, bail};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha256};
use ureq::http::{HeaderMap, Response};
use ureq::{Agent, Body};
use uuid::{NoContext, Timestamp, Uuid};

/// A request that takes longer than this has failed: it all happens on one machine.
const TIMEOUT_SECONDS: u64 = 60;
/// More than any file of the demo; an answer without an end must not fill the memory.
const BODY_BYTES_MAX: u64 = 256 * 1024 * 1024;

/// What came back.
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

/// A viewer's session, carried by its cookie as a browser would.
pub struct Session {
    /// `/v1/{tag}/`
    pub location: String,
    cookie: String,
}

impl Answer {
    /// A header's value, or "".
    pub fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default()
    }

    /// The body's beginning, for an error; of footage only its length.
    pub fn excerpt(&self) -> String {
        let media_type = self.header("content-type");
        if media_type.starts_with("image/") || media_type.starts_with("video/") {
            return format!("({} bytes of {media_type})", self.body.len());
        }
        String::from_utf8_lossy(&self.body).chars().take(300).collect()
    }

    /// Errors: the status is another one; the error has the body's beginning.
    pub fn expect_status(self, expected: u16, what: &str) -> Result<Self> {
        if self.status != expected {
            bail!(
                "{what}: {} where {expected} was expected: {}",
                self.status,
                self.excerpt()
            );
        }
        Ok(self)
    }
}

impl Client {
    /// `address`: `http://HOST:PORT`.
    pub fn new(address: &str) -> Self {
        let config = Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .proxy(None)
            .timeout_global(Some(Duration::from_secs(TIMEOUT_SECONDS)))
            .build();
        Self {
            agent: config.new_agent(),
            address: address.to_owned(),
        }
    }

    /// Uploads with a camera's credential and a digest of the body.
    ///
    /// Errors: no answer, or another status than 201.
    pub fn upload(&self, credential: &str, path: &str, media_type: &str, body: &[u8]) -> Result<()> {
        let what = format!("PUT {path}");
        let response = self
            .agent
            .put(self.url(path))
            .header("Authorization", format!("Bearer {credential}"))
            .header("Content-Type", media_type)
            .header("Content-Digest", content_digest(body))
            .send(body)
            .with_context(|| what.clone())?;
        read(response, &what)?.expect_status(201, &what)?;
        Ok(())
    }

    /// Logs a viewer in.
    ///
    /// Errors: no answer, another status than 201, or an answer without Location or cookie.
    pub fn log_in(&self, name: &str, password: &str) -> Result<Session> {
        let what = format!("POST /v1/session as {name}");
        let body = serde_json::json!({ "name": name, "password": password }).to_string();
        let response = self
            .agent
            .post(self.url("/v1/session"))
            .header("Content-Type", "application/json")
            .header("Origin", &self.address)
            .send(body.as_bytes())
            .with_context(|| what.clone())?;
        let answer = read(response, &what)?.expect_status(201, &what)?;
        let location = answer.header("location").to_owned();
        let cookie = answer
            .header("set-cookie")
            .split(';')
            .next()
            .unwrap_or_default()
            .to_owned();
        if !location.starts_with("/v1/") || !location.ends_with('/') || !cookie.contains('=') {
            bail!("{what}: no Location /v1/…/ or no cookie (Location {location:?})");
        }
        Ok(Session { location, cookie })
    }

    /// Reads below a session's location; `range` is the value of a Range header.
    ///
    /// Errors: no answer. Every status is an answer.
    pub fn get(&self, session: &Session, path: &str, range: Option<&str>) -> Result<Answer> {
        let what = format!("GET {}{path}", session.location);
        let mut request = self.agent.get(self.url(&format!("{}{path}", session.location)));
        request = request.header("Cookie", &session.cookie);
        if let Some(range) = range {
            request = request.header("Range", range);
        }
        read(request.call().with_context(|| what.clone())?, &what)
    }

    fn url(&self, path: &str) -> String {
        format!("{}{path}", self.address)
    }
}

fn read(response: Response<Body>, what: &str) -> Result<Answer> {
    let (parts, mut body) = response.into_parts();
    let body = body
        .with_config()
        .limit(BODY_BYTES_MAX)
        .read_to_vec()
        .with_context(|| format!("{what}: reading the body"))?;
    Ok(Answer {
        status: parts.status.as_u16(),
        headers: parts.headers,
        body,
    })
}

/// RFC 9530.
fn content_digest(body: &[u8]) -> String {
    format!("sha-256=:{}:", STANDARD.encode(Sha256::digest(body)))
}

/// A UUIDv7 whose time is that long ago, as a camera would have made it then.
///
/// Errors: the clock is before 1970.
pub fn id_of_time_ago(ago: Duration) -> Result<Uuid> {
    let time = SystemTime::now().checked_sub(ago).context("the clock is before that")?;
    let since = time.duration_since(UNIX_EPOCH).context("the clock is before 1970")?;
    Ok(Uuid::new_v7(Timestamp::from_unix(
        NoContext,
        since.as_secs(),
        since.subsec_nanos(),
    )))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_digest_is_that_of_the_standard() {
        // RFC 9530, appendix D: the body is {"hello": "world"} and a line feed.
        let expected = "sha-256=:RK/0qy18MlBSVnWgjwz6lZEWjP/lF5HF9bvEF8FabDg=:";
        assert_eq!(content_digest(b"{\"hello\": \"world\"}\n"), expected);
    }

    #[test]
    fn ids_carry_their_time_and_differ() {
        let hour = id_of_time_ago(Duration::from_secs(3600)).unwrap();
        let now = id_of_time_ago(Duration::ZERO).unwrap();
        assert_eq!(hour.get_version_num(), 7);
        let seconds = |id: Uuid| id.get_timestamp().unwrap().to_unix().0;
        let apart = seconds(now) - seconds(hour);
        assert!((3600..3660).contains(&apart), "{apart}");
        assert_ne!(hour, id_of_time_ago(Duration::from_secs(3600)).unwrap());
    }
}
