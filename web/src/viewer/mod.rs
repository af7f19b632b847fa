//! The viewer's web pages: what a person at home opens to see the door.
//!
//! Everything here is a pure function of its arguments, or a file embedded in the binary: no clock,
//! no network, no registry. The files (`ASSETS`) and the login page are the same bytes for
//! everybody. So a cache that shows them to the wrong person shows nothing private. This module
//! must never put footage, a session's address or a viewer's name into any of those. Only
//! `wall_page` is about one viewer, and its answer is made under that viewer's grant alone.

mod pages;

pub use pages::{WallCamera, join_page, login_page, sharing_page, wall_page};

/// One file of the pages, embedded in the binary and the same for everybody.
#[derive(Debug, Clone, Copy)]
pub struct Asset {
    /// The absolute path that the file is served under, such as `/assets/app.css`.
    pub path: &'static str,
    /// The media type, with the charset if it is text.
    pub media_type: &'static str,
    /// The content.
    pub bytes: &'static [u8],
}

/// The Content-Security-Policy of every page and file (CSP Level 3, with Trusted Types).
///
/// Nothing is loaded from elsewhere, and no inline script or style runs. The scripts can't turn
/// text into markup: Trusted Types refuse that, and no policy may be made. `blob:` is for stills,
/// which are fetched and decoded first, and for the live picture, which the page puts together.
pub const CONTENT_SECURITY_POLICY: &str = "\
    default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; \
    media-src 'self' blob:; connect-src 'self'; form-action 'self'; base-uri 'none'; \
    frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'";

const CSS: &str = "text/css; charset=utf-8";
const JAVASCRIPT: &str = "text/javascript; charset=utf-8";
const SVG: &str = "image/svg+xml";

macro_rules! asset {
    ($name:literal, $media_type:expr) => {
        Asset {
            path: concat!("/assets/", $name),
            media_type: $media_type,
            bytes: include_bytes!(concat!("assets/", $name)),
        }
    };
}

/// Every file that the pages refer to.
pub const ASSETS: &[Asset] = &[
    asset!("app.css", CSS),
    asset!("icons.svg", SVG),
    asset!("favicon.svg", SVG),
    asset!("login.js", JAVASCRIPT),
    asset!("wall.js", JAVASCRIPT),
    asset!("address.js", JAVASCRIPT),
    asset!("age.js", JAVASCRIPT),
    asset!("ask.js", JAVASCRIPT),
    asset!("boxes.js", JAVASCRIPT),
    asset!("clock.js", JAVASCRIPT),
    asset!("enlarge.js", JAVASCRIPT),
    asset!("handover.js", JAVASCRIPT),
    asset!("join.js", JAVASCRIPT),
    asset!("live.js", JAVASCRIPT),
    asset!("player.js", JAVASCRIPT),
    asset!("row.js", JAVASCRIPT),
    asset!("rows.js", JAVASCRIPT),
    asset!("screen.js", JAVASCRIPT),
    asset!("sharing.js", JAVASCRIPT),
    asset!("still.js", JAVASCRIPT),
    asset!("terms.js", JAVASCRIPT),
    asset!("tiles.js", JAVASCRIPT),
    asset!("timeline.js", JAVASCRIPT),
    asset!("tracks.js", JAVASCRIPT),
    asset!("words.js", JAVASCRIPT),
];
