//! The paths that a viewer reads from, below a session's tag. It must never hold an answer.

/// The viewer's cameras.
pub const CAMERAS: &str = "cameras";

/// A camera's newest still.
pub fn thumbnail(camera: &str, width: u32) -> String {
    format!("cameras/{camera}/thumbnail?width={width}")
}

/// A camera's newest events, as many as fit in one page.
pub fn events(camera: &str) -> String {
    format!("cameras/{camera}/events?limit=100")
}

/// One event.
pub fn event(camera: &str, event: &str) -> String {
    format!("cameras/{camera}/events/{event}")
}

/// An event's still.
pub fn event_thumbnail(camera: &str, event: &str, width: u32) -> String {
    format!("cameras/{camera}/events/{event}/thumbnail?width={width}")
}

/// An event's clip.
pub fn clip(camera: &str, event: &str) -> String {
    format!("cameras/{camera}/events/{event}/clip")
}
