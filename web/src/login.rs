//! A login and its answer. FROM CLIENT: the login.

use crate::answer::{header_text, private};
use crate::credential;
use crate::problem::Problem;
use http::{HeaderMap, HeaderValue, Response, StatusCode, header};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

/// The longest body of a login, in bytes.
pub const LOGIN_BYTES_MAX: usize = 4096;
/// The longest body of a change by a viewer, in bytes. The ids of 1,000 cameras fit.
pub const CHANGE_BYTES_MAX: usize = 64 * 1024;
/// The longest time that the body of a login may take, in seconds. It is one packet.
pub const LOGIN_SECONDS_MAX: u64 = 10;

/// The body of a login.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Login {
    /// The account.
    pub name: String,
    /// Its password.
    pub password: Zeroizing<String>,
    /// Says that the client wants a token instead of a cookie.
    #[serde(default)]
    pub bearer: bool,
}

/// Checks that a login comes from no other site's page, and as JSON.
///
/// # Errors
/// [`Problem::OtherOrigin`] for another site's page, [`Problem::MediaType`] if it is not JSON.
pub fn check(
    headers: &HeaderMap,
    authority: Option<&str>,
    public_origin: Option<&str>,
) -> Result<(), Problem> {
    credential::check_origin(headers, authority, public_origin)?;
    // A browser asks this server before another site's page may send JSON. It does not ask for
    // text/plain.
    let media_type =
        headers.get(header::CONTENT_TYPE).and_then(|v| v.to_str().ok()).unwrap_or_default();
    let is_json = media_type
        .split(';')
        .next()
        .is_some_and(|first| first.trim().eq_ignore_ascii_case("application/json"));
    if is_json {
        Ok(())
    } else {
        Err(Problem::MediaType("Send a JSON body (Content-Type: application/json).".into()))
    }
}

/// Reads the body of a login. It must be an object, because serde would also take a list of the
/// values.
pub fn read(body: &[u8]) -> Result<Login, Problem> {
    let is_object = body.trim_ascii_start().starts_with(b"{");
    let login = serde_json::from_slice(body).ok().filter(|_| is_object);
    login.ok_or_else(|| {
        Problem::BadRequest(
            "The body must be {\"name\": …, \"password\": …}, and may have \"bearer\": true."
                .into(),
        )
    })
}

/// A new session.
pub struct Begun<'a> {
    /// The credential to present from now on.
    pub credential: &'a str,
    /// The tag of the session's addresses.
    pub tag: &'a str,
    /// The time at which the session ends by itself, in seconds since 1970.
    pub expires_at_seconds: u64,
    /// The present time, in seconds since 1970.
    pub now_seconds: u64,
    /// Says that the client wants a token rather than a cookie.
    pub bearer: bool,
    /// Says that cookies are `Secure`.
    pub tls: bool,
}

#[derive(Serialize)]
struct LoggedIn<'a> {
    expires_at_seconds: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    token: Option<&'a str>,
}

/// Builds the answer to a correct login.
pub fn begun(session: &Begun<'_>) -> Result<Response<String>, Problem> {
    let answer = LoggedIn {
        expires_at_seconds: session.expires_at_seconds,
        token: session.bearer.then_some(session.credential),
    };
    let body = serde_json::to_string(&answer).map_err(|_| Problem::Failed)?;
    let mut response = Response::new(body);
    *response.status_mut() = StatusCode::CREATED;
    let headers = response.headers_mut();
    private(headers);
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(header::LOCATION, header_text(&format!("/v1/{}/", session.tag)));
    if !session.bearer {
        let seconds = session.expires_at_seconds.saturating_sub(session.now_seconds);
        headers.insert(
            header::SET_COOKIE,
            credential::set_cookie(session.credential, seconds, session.tls),
        );
    }
    Ok(response)
}

/// Builds the answer to a logout. It removes the cookie.
pub fn ended(tls: bool) -> Response<String> {
    let mut response = Response::new(String::new());
    *response.status_mut() = StatusCode::NO_CONTENT;
    private(response.headers_mut());
    response.headers_mut().insert(header::SET_COOKIE, credential::set_cookie("", 0, tls));
    response
}
