//! Cameras and viewers: what each was given, and the requests that they send with it.
//!
//! Everything goes through the public routes. They must never ask for more than a client may.

use anyhow::{Context, Result};
use bytes::Bytes;
use serde_json::{Value, json};

use crate::request::Request;

/// A camera with its credential.
#[derive(Debug, Clone)]
pub struct Camera {
    /// Its id.
    pub id: String,
    /// Its credential.
    pub credential: String,
}

impl Camera {
    /// Makes an upload without a body yet. `path` is below `/v1/ingest/`.
    pub fn upload(&self, path: &str, media_type: &str) -> Request {
        Request::new("PUT", format!("/v1/ingest/{path}"))
            .with("authorization", format!("Bearer {}", self.credential))
            .with("content-type", media_type)
    }

    /// Hands in a still (JPEG).
    pub fn still(&self, id: &str, jpeg: impl Into<Bytes>) -> Request {
        self.upload(&format!("stills/{id}"), "image/jpeg").with_body(jpeg)
    }

    /// Hands in an event's description.
    pub fn event(&self, id: &str, description: &Value) -> Request {
        self.upload(&format!("events/{id}"), "application/json").with_body(description.to_string())
    }

    /// Hands in an event's still (JPEG).
    pub fn event_still(&self, id: &str, jpeg: impl Into<Bytes>) -> Request {
        self.upload(&format!("events/{id}/still"), "image/jpeg").with_body(jpeg)
    }

    /// Hands in an event's clip (MP4).
    pub fn clip(&self, id: &str, mp4: impl Into<Bytes>) -> Request {
        self.upload(&format!("events/{id}/clip"), "video/mp4").with_body(mp4)
    }
}

/// A viewer's account.
#[derive(Debug, Clone)]
pub struct Account {
    /// Its id.
    pub id: String,
    /// The login name.
    pub login: String,
    /// The password.
    pub password: String,
}

impl Account {
    /// Asks for a session: with a token if `bearer`, with a cookie otherwise, as a browser does.
    pub fn log_in(&self, bearer: bool) -> Request {
        let body = json!({ "name": self.login, "password": self.password, "bearer": bearer });
        let mut request =
            Request::new("POST", "/v1/session").with("content-type", "application/json");
        request.body = Some(body.to_string().into());
        request
    }
}

/// The credential of a session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Credential {
    /// `Authorization: Bearer`
    Token(String),
    /// `Cookie`, as name=value.
    Cookie(String),
}

impl Credential {
    /// Returns the token, or the cookie's value.
    pub fn secret(&self) -> &str {
        match self {
            Self::Token(token) => token,
            Self::Cookie(cookie) => cookie.split_once('=').map_or("", |(_, value)| value),
        }
    }

    /// Returns the header that carries it.
    pub fn header(&self) -> (&'static str, String) {
        match self {
            Self::Token(token) => ("authorization", format!("Bearer {token}")),
            Self::Cookie(cookie) => ("cookie", cookie.clone()),
        }
    }
}

/// A viewer's session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    /// The credential that carries it.
    pub credential: Credential,
    /// Its tag.
    pub tag: String,
}

impl Session {
    /// Reads the answer to a login: its `Location`, its `Set-Cookie` (or ""), and its body.
    ///
    /// Errors: the answer has no tag, or neither a cookie nor a token.
    pub fn of(location: &str, set_cookie: &str, body: &[u8]) -> Result<Self> {
        let tag = location.strip_prefix("/v1/").and_then(|rest| rest.strip_suffix('/'));
        let tag = tag.with_context(|| format!("Location {location:?} is not /v1/{{tag}}/"))?;
        let cookie = set_cookie.split(';').next().filter(|cookie| cookie.contains('='));
        let credential = match cookie {
            Some(cookie) => Credential::Cookie(cookie.to_owned()),
            None => {
                let body: Value = serde_json::from_slice(body)
                    .context("a session without a cookie has a body")?;
                let token = body.get("token").and_then(Value::as_str);
                Credential::Token(token.context("neither a cookie nor a token")?.to_owned())
            }
        };
        Ok(Self { credential, tag: tag.to_owned() })
    }

    /// Gives the whole path of one below this session's tag, such as those of [`crate::paths`].
    pub fn path(&self, path: &str) -> String {
        format!("/v1/{}/{path}", self.tag)
    }

    /// Asks for a path below this session's tag.
    pub fn get(&self, path: &str) -> Request {
        let (name, value) = self.credential.header();
        Request::new("GET", self.path(path)).with(name, value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_is_read_from_the_answer_to_a_login() {
        let check = |location, cookie, body: &str, expected: Result<(&str, &str), &str>| match (
            Session::of(location, cookie, body.as_bytes()),
            expected,
        ) {
            (Ok(session), Ok(expected)) => {
                assert_eq!((session.tag.as_str(), session.credential.secret()), expected);
            }
            (Err(error), Err(part)) => assert!(format!("{error:#}").contains(part), "{error:#}"),
            (got, expected) => panic!("{got:?} where {expected:?} was expected"),
        };
        check("/v1/t/", "__Host-a=b; Secure", "", Ok(("t", "b")));
        check("/v1/t/", "", r#"{"token":"c"}"#, Ok(("t", "c")));
        check("/v1/t/", "", "{}", Err("neither"));
        check("/v1/t", "a=b", "", Err("Location"));
        check("", "a=b", "", Err("Location"));
    }
}
