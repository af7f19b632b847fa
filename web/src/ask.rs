//! What a viewer's request asks for below a camera. FROM CLIENT, all of it.

use crate::problem::Problem;

/// Width of a thumbnail when none is asked for, in pixels.
pub const WIDTH_DEFAULT: u32 = 320;
/// Events in a page when nothing is asked for.
pub const LIMIT_DEFAULT: u32 = 50;

/// What a handler wants of a still that it calls badly asked for.
pub const WANTED_STILL: &str = "`width` must be 1 to 1920.";
/// The same of an event's still.
pub const WANTED_EVENT_STILL: &str = "`width` must be 1 to 1920, and the event a UUIDv7.";
/// The same of a page of events.
pub const WANTED_EVENTS: &str = "`limit` must be 1 to 100, and `before` an event's id (a UUIDv7).";
/// The same of an event or its video.
pub const WANTED_EVENT: &str = "The event must be a UUIDv7.";

/// A parameter of the query.
pub fn parameter(query: Option<&str>, name: &str) -> Option<String> {
    form_urlencoded::parse(query?.as_bytes())
        .find(|(key, _)| key == name)
        .map(|(_, value)| value.into_owned())
}

/// A number in the query, or `default` if it isn't there.
///
/// # Errors
/// [`Problem::BadRequest`].
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
    /// Its id.
    pub id: String,
    /// The name its household gave it.
    pub name: &'a str,
    /// Its household's id.
    pub household: String,
    /// What may be seen of it.
    pub kinds: Kinds,
    /// Whether this viewer may delete its events.
    pub may_delete: bool,
}

/// What may be seen of a camera.
#[derive(serde::Serialize)]
pub struct Kinds {
    /// Its newest still.
    pub live: bool,
    /// Its events.
    pub events: bool,
    /// Their videos.
    pub clips: bool,
}

/// The list of a viewer's cameras, as JSON.
///
/// # Errors
/// [`Problem::Failed`].
pub fn cameras(cameras: &[Camera<'_>]) -> Result<Vec<u8>, Problem> {
    serde_json::to_vec(&serde_json::json!({ "cameras": cameras })).map_err(|_| Problem::Failed)
}
