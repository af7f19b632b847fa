//! The way out: the one place where a departure becomes a response.
//!
//! INVARIANT: a response with a private body is built only here, and each builder takes a
//! [`Departure`], which only `eyesonly_gate` makes. If a piece can't be proven, the connection is
//! cut: the client sees a body that is too short, never a wrong byte.

use axum::body::Body;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::Response;
use eyesonly_gate::Departure;
use eyesonly_gate::rules::MediaType;
use eyesonly_service::clock;
use eyesonly_web::answer;
use eyesonly_web::range::Span;

const fn media_type(media_type: MediaType) -> &'static str {
    match media_type {
        MediaType::Jpeg => "image/jpeg",
        MediaType::Mp4 => "video/mp4",
        MediaType::Json => "application/json",
        MediaType::Playlist => "application/vnd.apple.mpegurl",
    }
}

/// The parts of a response's head besides its media type and length.
#[derive(Default)]
pub struct Head {
    /// The entity tag of an object that clients can ask for in parts.
    pub entity_tag: Option<String>,
    /// The part that is sent, and the length of the whole in bytes.
    pub part: Option<(Span, u64)>,
    /// The time of a still, in milliseconds since 1970.
    pub still_milliseconds: Option<u64>,
    /// The address of a live segment.
    pub location: Option<String>,
}

/// Builds a response from a departure.
pub fn response(departure: Departure, head: &Head) -> Response {
    let (length, kind) = (departure.length(), media_type(departure.media_type()));
    let mut response = Response::new(Body::new(departure));
    let headers = response.headers_mut();
    answer::private(headers);
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    if let Some(length) = length {
        headers.insert(header::CONTENT_LENGTH, HeaderValue::from(length));
    }
    if let Some(location) = &head.location {
        headers.insert(header::CONTENT_LOCATION, answer::header_text(location));
        headers.insert(answer::EDGE_TIME, HeaderValue::from(clock::now_milliseconds()));
        // A proxy that buffers would hold back each fragment until more come.
        headers.insert(answer::ACCEL_BUFFERING, HeaderValue::from_static("no"));
    }
    if let Some(tag) = &head.entity_tag {
        answer::ranged(headers, tag);
    }
    if let Some(time) = head.still_milliseconds {
        headers.insert(answer::STILL_TIME, HeaderValue::from(time));
    }
    if let Some((span, total)) = head.part {
        answer::part(headers, span.start, span.length, total);
        *response.status_mut() = StatusCode::PARTIAL_CONTENT;
    }
    response
}

/// Builds the same response, as a page.
pub fn page(departure: Departure) -> Response {
    let mut response = response(departure, &Head::default());
    answer::page(response.headers_mut());
    response
}

/// Builds the answer to an act that shows nothing.
pub fn no_content(departure: Departure) -> Response {
    let mut response = Response::new(Body::new(departure));
    *response.status_mut() = StatusCode::NO_CONTENT;
    answer::private(response.headers_mut());
    response
}
