//! The paths that a viewer reads from, below a session's tag. This file must never hold an answer.

/// The path of the viewer's cameras.
pub const CAMERAS: &str = "cameras";

/// Returns the path of a camera's newest still.
pub fn thumbnail(camera: &str, width: u32) -> String {
    format!("cameras/{camera}/thumbnail?width={width}")
}

/// Returns the path of a camera's newest events, as many as fit in one page.
pub fn events(camera: &str) -> String {
    format!("cameras/{camera}/events?limit=100")
}

/// Returns the path of one event.
pub fn event(camera: &str, event: &str) -> String {
    format!("cameras/{camera}/events/{event}")
}

/// Returns the path of an event's still.
pub fn event_thumbnail(camera: &str, event: &str, width: u32) -> String {
    format!("cameras/{camera}/events/{event}/thumbnail?width={width}")
}

/// Returns the path of the newest segment of a camera's live stream.
pub fn live_next(camera: &str) -> String {
    format!("cameras/{camera}/live/next")
}

/// Returns the path of an event's clip.
pub fn clip(camera: &str, event: &str) -> String {
    format!("cameras/{camera}/events/{event}/clip")
}
