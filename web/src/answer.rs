//! The headers of answers.

use http::{HeaderMap, HeaderName, HeaderValue, header};

/// The header of every answer to a camera: the edge's time, in milliseconds since 1970. By it a
/// camera notices that its clock is wrong.
pub const EDGE_TIME: HeaderName = HeaderName::from_static("eyesonly-time");
/// The header of a still's answer: the still's time, in milliseconds since 1970.
pub const STILL_TIME: HeaderName = HeaderName::from_static("eyesonly-still-time");

/// The header by which nginx and its like send on what comes as it comes.
pub const ACCEL_BUFFERING: HeaderName = HeaderName::from_static("x-accel-buffering");

/// Says whether an answer to this path has the edge's time: the path is of an upload.
pub fn tells_time(path: &str) -> bool {
    path.starts_with("/v1/ingest/")
}

/// Makes a header value of text that is known to be printable ASCII.
pub fn header_text(text: &str) -> HeaderValue {
    HeaderValue::from_str(text).unwrap_or_else(|_| HeaderValue::from_static(""))
}

/// Sets the headers of every private answer, and of every problem.
pub fn private(headers: &mut HeaderMap) {
    for (name, value) in [
        (header::CACHE_CONTROL, "private, no-store"),
        (header::VARY, "Authorization, Cookie"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
        (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
}

/// Sets the headers of a private page.
pub fn page(headers: &mut HeaderMap) {
    private(headers);
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
    let policy = HeaderValue::from_static(crate::viewer::CONTENT_SECURITY_POLICY);
    headers.insert(header::CONTENT_SECURITY_POLICY, policy);
}

/// Sets the headers of a file of the pages.
pub fn asset(headers: &mut HeaderMap, media_type: &'static str) {
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(media_type));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
}

/// Sets the headers of a clip that clients can ask for in parts, with its entity tag.
pub fn ranged(headers: &mut HeaderMap, tag: &str) {
    headers.insert(header::ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    headers.insert(header::ETAG, header_text(tag));
}

/// Sets the header of a part: `length` bytes from `start`, of `total`.
pub fn part(headers: &mut HeaderMap, start: u64, length: u64, total: u64) {
    let last = start.saturating_add(length).saturating_sub(1);
    headers.insert(header::CONTENT_RANGE, header_text(&format!("bytes {start}-{last}/{total}")));
}

/// Returns what a client calls itself, for the list of sessions. FROM CLIENT.
pub fn client(headers: &HeaderMap) -> &str {
    headers.get(header::USER_AGENT).and_then(|v| v.to_str().ok()).unwrap_or_default()
}

/// Says whether the client is a person with a browser rather than a program.
pub fn is_person(headers: &HeaderMap) -> bool {
    headers
        .get(header::ACCEPT)
        .and_then(|v| v.to_str().ok())
        .is_some_and(|accept| accept.contains("text/html"))
}
