//! The pages: the login, which is the same for everybody, the wall of one viewer's cameras, and
//! those about sharing.
//!
//! Names that people chose (a viewer's, a camera's) enter only through maud's escaping. This module
//! must never write a script, a style or an event handler into a page: the policy beside it forbids
//! them all.

mod sharing;

pub use sharing::{join_page, sharing_page};

use std::fmt::Write as _;

use maud::{DOCTYPE, Markup, html};

/// One camera on the wall, with what this viewer may do there.
///
/// The flags only choose what the page offers; the server decides again for each request.
#[derive(Debug, Clone)]
pub struct WallCamera<'a> {
    /// The camera's id, as in addresses.
    pub id: String,
    /// The name that the camera's household gave it.
    pub name: &'a str,
    /// The viewer may see its newest still and live view.
    pub live: bool,
    /// The viewer may list its events.
    pub events: bool,
    /// The viewer may play its clips.
    pub clips: bool,
    /// The viewer may delete its events.
    pub may_delete: bool,
}

/// The widths offered for the wall. The browser picks one by its screen.
const WALL_WIDTHS: [u32; 4] = [320, 640, 960, 1280];

/// The number of pictures loaded at once: those above the fold of most screens. The others wait
/// until the person scrolls near them.
const EAGER_CAMERAS: usize = 6;

/// The imports of the wall's entry module. They are named here so that the browser fetches all of
/// them at once.
const WALL_MODULES: [&str; 16] = [
    "/assets/wall.js",
    "/assets/address.js",
    "/assets/age.js",
    "/assets/ask.js",
    "/assets/boxes.js",
    "/assets/clock.js",
    "/assets/enlarge.js",
    "/assets/live.js",
    "/assets/player.js",
    "/assets/row.js",
    "/assets/screen.js",
    "/assets/still.js",
    "/assets/tiles.js",
    "/assets/timeline.js",
    "/assets/tracks.js",
    "/assets/words.js",
];

/// The imports of the login's entry module.
const LOGIN_MODULES: [&str; 4] =
    ["/assets/login.js", "/assets/ask.js", "/assets/clock.js", "/assets/words.js"];

/// Builds the page at `/`: a login form without a private byte, identical for everybody.
#[must_use]
pub fn login_page() -> String {
    let body = html! {
        main.login {
            div.login-card {
                div.login-brand { (icon("eye")) span { "Eyesonly" } }
                h1 { "See your cameras" }
                p.message id="login-news" data-testid="login-news" role="status" {}
                // POST, so that a browser without scripts never puts a password into an address.
                form id="login" method="post" action="/v1/session" novalidate {
                    label for="login-name" { "Name" }
                    input id="login-name" data-testid="login-name" name="name" type="text"
                        autocomplete="username" autocapitalize="none" autocorrect="off"
                        spellcheck="false" enterkeyhint="next" required;
                    label for="login-password" { "Password" }
                    input id="login-password" data-testid="login-password" name="password"
                        type="password" autocomplete="current-password" enterkeyhint="go" required;
                    p.message.is-error id="login-error" data-testid="login-error" role="alert" {}
                    button.button.is-main id="login-submit" data-testid="login-submit"
                        type="submit" {
                        "Log in"
                    }
                }
                noscript {
                    p.message.is-error {
                        "This page needs JavaScript. Please switch it on and reload."
                    }
                }
            }
        }
    };
    page("Log in", &LOGIN_MODULES, &body)
}

/// Builds the page at `/v1/{tag}/` with this viewer's cameras. Every address in it is relative to
/// that one. Only the native host has live view (`has_live`).
#[must_use]
pub fn wall_page(viewer_name: &str, cameras: &[WallCamera<'_>], has_live: bool) -> String {
    let body = html! {
        header.top {
            a.brand href="#" id="brand" aria-label="Eyesonly, all cameras" {
                (icon("eye")) span { "Eyesonly" }
            }
            span.top-space {}
            a.viewer-name data-testid="account" href="sharing/#account" dir="auto"
                title={ (viewer_name) ": where you are logged in, and your password" } {
                (viewer_name)
            }
            a.button.is-quiet data-testid="sharing" href="sharing/" {
                (icon("person")) "Sharing" span.asks id="asks" data-testid="asks" {}
            }
            button.button.is-quiet id="logout" data-testid="logout" type="button" {
                (icon("leave")) "Log out"
            }
        }
        main {
            noscript {
                p.message.is-error { "This page needs JavaScript. Please switch it on and reload." }
            }
            section id="wall-view" aria-labelledby="wall-title" {
                div.wall-top {
                    h1 id="wall-title" tabindex="-1" { "Cameras" }
                    @if has_live {
                        button.button.is-quiet id="live-toggle" data-testid="live-toggle"
                            type="button" aria-pressed="true" hidden {
                            (icon("play")) span { "Live pictures: on" }
                        }
                    }
                }
                @if cameras.is_empty() {
                    div.empty data-testid="wall-empty" {
                        (icon("camera"))
                        h2 { "No cameras yet" }
                        p {
                            "As soon as a camera is added to your household, or shared with you, \
                             it appears here."
                        }
                    }
                }
                ul.wall id="wall" data-testid="wall" role="list" aria-label="Cameras"
                    hidden[cameras.is_empty()] {
                    @for (place, camera) in cameras.iter().enumerate() {
                        (camera_card(place, camera, card_sizes(cameras.len())))
                    }
                }
            }
            (timeline_view())
        }
        p.status id="status" data-testid="status" role="status" aria-live="polite" {}
        (enlarge_dialog())
        (player_dialog())
        (timeline_templates())
    };
    page("Cameras", &WALL_MODULES, &body)
}

/// Builds the frame that all pages share. The first module of `modules` is the one that runs.
fn page(title: &str, modules: &[&str], body: &Markup) -> String {
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                title { (title) " · Eyesonly" }
                meta name="viewport"
                    content="width=device-width, initial-scale=1, viewport-fit=cover";
                meta name="color-scheme" content="light dark";
                meta name="theme-color" media="(prefers-color-scheme: light)" content="#f6f5f1";
                meta name="theme-color" media="(prefers-color-scheme: dark)" content="#101314";
                meta name="referrer" content="no-referrer";
                meta name="robots" content="noindex";
                meta name="format-detection" content="telephone=no";
                link rel="icon" type="image/svg+xml" href="/assets/favicon.svg";
                link rel="stylesheet" href="/assets/app.css";
                @for module in modules.iter().skip(1) { link rel="modulepreload" href=(module); }
                @if let Some(entry) = modules.first() { script type="module" src=(entry) {} }
            }
            body { (body) }
        }
    }
    .into_string()
}

/// Returns how wide a card becomes among `cameras` cards. The text repeats the stylesheet's columns
/// in the form of HTML's `sizes`.
fn card_sizes(cameras: usize) -> &'static str {
    match cameras {
        1 => "(min-width: 84rem) 80rem, 96vw",
        2 | 4 => "(min-width: 80rem) 38rem, (min-width: 42rem) 47vw, 96vw",
        _ => "(min-width: 90rem) 28rem, (min-width: 64rem) 31vw, (min-width: 42rem) 47vw, 96vw",
    }
}

fn camera_card(place: usize, camera: &WallCamera<'_>, sizes: &str) -> Markup {
    let segment = path_segment(&camera.id);
    let thumbnail = |width: u32| format!("cameras/{segment}/thumbnail?width={width}");
    let choices: Vec<String> =
        WALL_WIDTHS.iter().map(|&width| format!("{} {width}w", thumbnail(width))).collect();
    let missing = (!camera.live).then_some("Its picture isn't shared with you");
    let loading = if place < EAGER_CAMERAS { "eager" } else { "lazy" };
    html! {
        li.card data-testid="camera-card" data-camera=(camera.id) data-live[camera.live]
            data-events[camera.events] data-clips[camera.clips] data-may-delete[camera.may_delete] {
            button.picture type="button" data-testid="camera-enlarge" data-state="loading"
                data-missing=[missing] {
                // The button names the camera, so the picture itself needs no text.
                span.unseen {
                    "Enlarge the picture of " (camera.name) ". " span.age-spoken {}
                }
                img data-testid="camera-thumb" alt="" width="640" height="360"
                    decoding="async" loading=(loading) src=(thumbnail(640))
                    srcset=(choices.join(", ")) sizes=(sizes);
                (live_picture())
                (picture_note())
                span.picture-badge aria-hidden="true" { (icon("alert")) span.age-loud {} }
            }
            div.card-foot {
                div.camera-words {
                    p.watched data-testid="watched" role="status" {}
                    h2.camera-name data-testid="camera-name" dir="auto" { (camera.name) }
                    // The button says it too, beside the picture's name.
                    p.age-quiet aria-hidden="true" {}
                }
                @if camera.events {
                    a.button.is-quiet data-testid="camera-events" href={ "#camera=" (segment) } {
                        (icon("clock")) "Events" span.unseen { " of " (camera.name) }
                    }
                }
            }
        }
    }
}

/// Builds the live picture over a still, and what is said of it.
fn live_picture() -> Markup {
    html! {
        video data-testid="live-video" muted playsinline disablepictureinpicture tabindex="-1"
            aria-hidden="true" {}
        // The words change with each second, and would be spoken each time.
        span.live-badge data-testid="live-badge" aria-hidden="true" { span.live-words {} }
        span.unseen.live-spoken {}
    }
}

/// Builds the words that are in the place of a missing picture.
fn picture_note() -> Markup {
    html! { span.picture-note { (icon("camera")) span.picture-words { "Loading" } } }
}

fn timeline_view() -> Markup {
    html! {
        section id="timeline-view" aria-labelledby="timeline-title" hidden {
            a.button.is-quiet.back id="timeline-back" data-testid="timeline-back" href="#" {
                (icon("left")) "All cameras"
            }
            h1 id="timeline-title" data-testid="timeline-title" tabindex="-1" dir="auto" {}
            p.unseen id="timeline-news" role="status" {}
            div.timeline-news {
                button.button.is-main id="timeline-news-go" data-testid="timeline-news"
                    type="button" hidden {
                    (icon("up")) span id="timeline-news-words" {}
                }
            }
            div.timeline id="timeline" data-testid="timeline" aria-busy="false" {}
            div.empty id="timeline-empty" data-testid="timeline-empty" hidden {
                (icon("clock"))
                h2 { "No events yet" }
                p { "When this camera notices something, it appears here with the newest on top." }
            }
            p.message id="timeline-message" data-testid="timeline-message" role="status" {}
            div.timeline-more {
                button.button id="timeline-again" data-testid="timeline-again" type="button"
                    hidden {
                    "Try again"
                }
                button.button id="older" data-testid="older" type="button" hidden { "Show older" }
            }
        }
    }
}

fn enlarge_dialog() -> Markup {
    html! {
        dialog.enlarge id="enlarge" data-testid="enlarge" aria-labelledby="enlarge-name"
            aria-describedby="enlarge-badge enlarge-age" {
            div.enlarge-frame {
                div.enlarge-top {
                    div.camera-words {
                        p.enlarge-name id="enlarge-name" data-testid="enlarged-name" dir="auto"
                            aria-live="polite" {}
                        p.age-quiet id="enlarge-age" {}
                    }
                    button.button.is-round id="enlarge-close" data-testid="enlarged-close"
                        type="button" aria-label="Close" { (icon("close")) }
                }
                div.picture.is-whole id="enlarge-picture" data-state="loading" {
                    img id="enlarge-image" data-testid="enlarged-image" alt="";
                    (live_picture())
                    (picture_note())
                    span.picture-badge {
                        (icon("alert")) span.age-loud id="enlarge-badge" {}
                    }
                }
                div.enlarge-foot {
                    button.button.is-round id="enlarge-previous" data-testid="enlarged-previous"
                        type="button" aria-label="Previous camera" { (icon("left")) }
                    span.enlarge-place id="enlarge-place" {}
                    button.button.is-round id="enlarge-next" data-testid="enlarged-next"
                        type="button" aria-label="Next camera" { (icon("right")) }
                }
            }
        }
    }
}

fn player_dialog() -> Markup {
    html! {
        dialog.player id="player" data-testid="player" aria-labelledby="player-title" {
            div.player-frame {
                div.player-screen {
                    video id="player-video" data-testid="clip-video" controls playsinline
                        preload="metadata" hidden {}
                    img id="player-still" data-testid="event-still" alt="" hidden;
                    div.player-note id="player-note" hidden {
                        (icon("camera"))
                        p id="player-message" data-testid="player-message" role="status" {}
                        button.button id="player-again" data-testid="player-again" type="button"
                            hidden {
                            "Try again"
                        }
                    }
                }
                div.player-side {
                    div.player-head {
                        h2 id="player-title" data-testid="event-title" tabindex="-1" {}
                        button.button.is-round id="player-close" data-testid="player-close"
                            type="button" aria-label="Close" { (icon("close")) }
                    }
                    p.player-label id="player-label" data-testid="event-label" dir="auto" hidden {}
                    dl.facts {
                        div { dt { "Camera" } dd id="player-camera" dir="auto" {} }
                        div { dt { "Day" } dd id="player-day" {} }
                        div { dt { "Time" } dd { time id="player-time" {} } }
                        div id="player-duration-row" {
                            dt { "Duration" } dd id="player-duration" {}
                        }
                    }
                    p.message id="player-sound" data-testid="player-sound" role="status" {}
                    a.button.player-download id="player-download" data-testid="player-download"
                        download hidden {
                        (icon("download")) "Download the clip"
                    }
                    div.player-steps {
                        button.button.is-quiet id="player-newer" data-testid="event-newer"
                            type="button" {
                            (icon("left")) "Newer"
                        }
                        button.button.is-quiet id="player-older" data-testid="event-older"
                            type="button" {
                            "Older" (icon("right"))
                        }
                    }
                    (delete_step())
                }
            }
        }
    }
}

/// Builds the two steps of a deletion. The second one has its focus on the harmless choice at
/// first.
fn delete_step() -> Markup {
    html! {
        div.player-delete id="player-delete" hidden {
            button.button.is-quiet.is-danger id="delete" data-testid="event-delete" type="button" {
                (icon("trash")) "Delete event"
            }
            div.confirm id="delete-confirm" role="group" aria-labelledby="delete-question" hidden {
                p id="delete-question" {
                    "Delete this event? Its picture and clip can't be brought back."
                }
                div.confirm-choices {
                    button.button id="delete-no" data-testid="event-delete-cancel" type="button" {
                        "Keep it"
                    }
                    button.button.is-danger-main id="delete-yes" data-testid="event-delete-confirm"
                        type="button" {
                        "Delete"
                    }
                }
            }
            p.message.is-error id="delete-message" data-testid="event-delete-message"
                role="alert" {}
        }
    }
}

/// Builds the templates that the timeline's module copies for each day and each event.
fn timeline_templates() -> Markup {
    html! {
        template id="day-template" {
            section.day { h2.day-name {} ol.day-events role="list" {} }
        }
        template id="event-template" {
            li.event data-testid="event-item" {
                button.event-open data-testid="event-play" type="button" {
                    span.event-picture data-state="loading" {
                        img data-testid="event-thumb" alt="" width="320" height="180"
                            decoding="async" loading="lazy";
                        span.event-kind { (icon("other")) }
                        span.event-mark { (icon("play")) }
                    }
                    span.event-words {
                        span.event-title { (icon("other")) span data-part="title" {} }
                        span.event-label data-part="label" dir="auto" {}
                        span.event-when { time data-part="time" {} span data-part="duration" {} }
                    }
                    span.unseen data-part="action" {}
                }
            }
        }
    }
}

/// Builds a drawing of the sprite. It says nothing by itself; the words beside it or the label do.
fn icon(name: &'static str) -> Markup {
    html! {
        svg.icon viewBox="0 0 24 24" aria-hidden="true" focusable="false" {
            use href={ "/assets/icons.svg#" (name) } {}
        }
    }
}

/// Encodes an id as one segment of a path (RFC 3986: unreserved characters stay).
fn path_segment(id: &str) -> String {
    let mut segment = String::with_capacity(id.len());
    for byte in id.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) {
            segment.push(char::from(byte));
        } else {
            // Writing into a String can't fail.
            let _ = write!(segment, "%{byte:02X}");
        }
    }
    segment
}

#[cfg(test)]
mod tests;
