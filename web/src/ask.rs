//! The parameters of a viewer's request below a camera. FROM CLIENT: all of it.

use crate::problem::Problem;

/// The width of a thumbnail if the request names none, in pixels.
pub const WIDTH_DEFAULT: u32 = 320;
/// The number of events in a page if the request names none.
pub const LIMIT_DEFAULT: u32 = 50;

/// The text for a still's request that a handler calls bad.
pub const WANTED_STILL: &str = "`width` must be 1 to 1920.";
/// The text for an event still's request that a handler calls bad.
pub const WANTED_EVENT_STILL: &str = "`width` must be 1 to 1920, and the event a UUIDv7.";
/// The text for a request of a page of events that a handler calls bad.
pub const WANTED_EVENTS: &str = "`limit` must be 1 to 100, and `before` an event's id (a UUIDv7).";
/// The text for the request of an event or its video that a handler calls bad.
pub const WANTED_EVENT: &str = "The event must be a UUIDv7.";

/// The text for a request of live view that a handler calls bad.
pub const WANTED_LIVE: &str =
    "`stream` must be main or sub, and `after` a segment's id (a UUIDv7).";

/// Returns a parameter of the query.
pub fn parameter(query: Option<&str>, name: &str) -> Option<String> {
    form_urlencoded::parse(query?.as_bytes())
        .find(|(key, _)| key == name)
        .map(|(_, value)| value.into_owned())
}

/// Reads a number in the query, or returns `default` if it isn't there.
///
/// # Errors
/// [`Problem::BadRequest`] if the parameter is no whole number, or too large.
pub fn number(query: Option<&str>, name: &str, default: u32) -> Result<u32, Problem> {
    match parameter(query, name) {
        None => Ok(default),
        Some(text) if !text.is_empty() && text.bytes().all(|c| c.is_ascii_digit()) => {
            text.parse().map_err(|_| Problem::BadRequest(format!("`{name}` is too large.").into()))
        }
        Some(_) => Err(Problem::BadRequest(format!("`{name}` must be a whole number.").into())),
    }
}

/// One camera in the list of a viewer's cameras.
#[derive(serde::Serialize)]
pub struct Camera<'a> {
    /// The camera's id.
    pub id: String,
    /// The name that the camera's household gave it.
    pub name: &'a str,
    /// The household's id.
    pub household: String,
    /// The kinds of footage that this viewer may see.
    pub kinds: Kinds,
    /// Says whether this viewer may delete the camera's events.
    pub may_delete: bool,
    /// The time of its newest still, in milliseconds since 1970. None if the viewer may not see the
    /// still, or if there is none.
    pub still_at_milliseconds: Option<u64>,
}

/// The kinds of a camera's footage that a viewer may see.
#[derive(serde::Serialize)]
pub struct Kinds {
    /// The camera's newest still.
    pub live: bool,
    /// The camera's events.
    pub events: bool,
    /// The videos of the events.
    pub clips: bool,
}

/// Returns the list of a viewer's cameras, as JSON.
pub fn cameras(cameras: &[Camera<'_>]) -> Result<Vec<u8>, Problem> {
    serde_json::to_vec(&serde_json::json!({ "cameras": cameras })).map_err(|_| Problem::Failed)
}
