//! The routes, as one table, and the check of targets. Both editions' routers, the OpenAPI document
//! and the matrix test are made from the table; a route that isn't here does not exist. The check
//! runs before anything else reads a target.

mod native;
mod sharing;

pub use native::NATIVE_ROUTES;
pub use sharing::SHARING_ROUTES;

use crate::problem::Problem;
use eyesonly_gate::ledger::Handed;
use eyesonly_rights::Action;
use http::uri::Authority;
use http::{HeaderValue, Request, Version, header};

/// The longest path, in bytes. The longest route with its ids has 180.
pub const PATH_BYTES_MAX: usize = 512;
/// The longest query, in bytes.
pub const QUERY_BYTES_MAX: usize = 512;

/// The kinds of client that may ask.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Who {
    /// Anybody: the answer has nothing private.
    Anyone,
    /// A viewer with a live session.
    Viewer,
    /// A camera with its own credential.
    Camera,
}

/// The name of each route.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the table below says what each is")]
pub enum Name {
    Shell,
    Asset,
    OpenApi,
    Health,
    Login,
    Logout,
    Wall,
    Cameras,
    Thumbnail,
    Events,
    Event,
    DeleteEvent,
    EventThumbnail,
    Clip,
    PutStill,
    PutEvent,
    PutEventStill,
    PutClip,
    Live,
    LiveNext,
    LivePlaylist,
    LiveSegment,
    LiveInit,
    LiveMedia,
    PutLive,
    PutLiveFile,
    PutLiveTrack,
    DeleteLiveFile,
    DeleteLiveTrack,
    Join,
    Look,
    NewAccount,
    Ask,
    SharingPage,
    Sharing,
    Invite,
    Withdraw,
    Confirm,
    PutShare,
    DeleteShare,
    PutMember,
    DeleteMember,
    Sessions,
    EndSession,
    Password,
    Viewed,
    Watching,
    Switch,
    OfferCamera,
    KeepCamera,
    TakeCamera,
    #[cfg(feature = "bench")]
    Plain,
}

/// The handler that answers a route.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Handles {
    /// The thumbnail handler.
    Thumbnail,
    /// The events handler.
    Events,
    /// The live handler.
    Live,
}

/// The right that a route below one camera needs, its handler, and its word for the ledger. Both
/// editions ask for a grant by this row only.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Serves {
    /// The right that the viewer needs.
    pub action: Action,
    /// The handler that answers. `None`: the host itself answers, and shows nothing.
    pub handler: Option<Handles>,
    /// The word for the ledger.
    pub handed: Handed,
}

/// One route.
#[derive(Debug, Clone, Copy)]
pub struct Route {
    /// The name of the route.
    pub name: Name,
    /// The method. `GET` also answers `HEAD`.
    pub method: &'static str,
    /// The path, with `{parameters}`.
    pub path: &'static str,
    /// The kind of client that may ask.
    pub who: Who,
    /// The right, the handler and the word for the ledger, if the route is below one camera.
    pub serves: Option<Serves>,
    /// The line for the OpenAPI document.
    pub summary: &'static str,
}

const fn route(
    name: Name,
    method: &'static str,
    path: &'static str,
    who: Who,
    summary: &'static str,
) -> Route {
    Route { name, method, path, who, serves: None, summary }
}

impl Route {
    const fn serves(self, action: Action, handler: Option<Handles>, handed: Handed) -> Self {
        Self { serves: Some(Serves { action, handler, handed }), ..self }
    }
}

impl Name {
    /// Returns the row of the table.
    pub fn route(self) -> Option<&'static Route> {
        of_both().chain(NATIVE_ROUTES).find(|route| route.name == self)
    }
}

const THUMBNAIL: Option<Handles> = Some(Handles::Thumbnail);
const EVENTS: Option<Handles> = Some(Handles::Events);

/// Lists the routes that both editions have.
pub fn of_both() -> impl Iterator<Item = &'static Route> {
    ROUTES.iter().chain(SHARING_ROUTES)
}

/// The routes of footage and sessions, in both editions. A row has the client that may ask, the
/// right that is needed, the handler that answers, and the word for the ledger.
pub const ROUTES: &[Route] = &[
    route(Name::Shell, "GET", "/", Who::Anyone, "The page to sign in on"),
    route(Name::Asset, "GET", "/assets/{file}", Who::Anyone, "A file of the pages"),
    route(Name::OpenApi, "GET", "/v1/openapi.json", Who::Anyone, "This document"),
    route(Name::Health, "GET", "/healthz", Who::Anyone, "Whether the edge can answer"),
    route(Name::Login, "POST", "/v1/session", Who::Anyone, "Begin a session"),
    route(Name::Logout, "DELETE", "/v1/session", Who::Viewer, "End this session"),
    route(Name::Wall, "GET", "/v1/{tag}/", Who::Viewer, "The viewer's cameras, as a page"),
    route(Name::Cameras, "GET", "/v1/{tag}/cameras", Who::Viewer, "The viewer's cameras"),
    route(
        Name::Thumbnail,
        "GET",
        "/v1/{tag}/cameras/{camera}/thumbnail",
        Who::Viewer,
        "The newest still at a width",
    )
    .serves(Action::Live, THUMBNAIL, Handed::Still),
    route(
        Name::Events,
        "GET",
        "/v1/{tag}/cameras/{camera}/events",
        Who::Viewer,
        "Events, newest first",
    )
    .serves(Action::Events, EVENTS, Handed::Events),
    route(
        Name::Event,
        "GET",
        "/v1/{tag}/cameras/{camera}/events/{event}",
        Who::Viewer,
        "One event",
    )
    .serves(Action::Events, EVENTS, Handed::Events),
    route(
        Name::DeleteEvent,
        "DELETE",
        "/v1/{tag}/cameras/{camera}/events/{event}",
        Who::Viewer,
        "Delete an event and its footage",
    )
    .serves(Action::Delete, None, Handed::Deletion),
    route(
        Name::EventThumbnail,
        "GET",
        "/v1/{tag}/cameras/{camera}/events/{event}/thumbnail",
        Who::Viewer,
        "An event's still at a width",
    )
    .serves(Action::Events, THUMBNAIL, Handed::Still),
    route(
        Name::Clip,
        "GET",
        "/v1/{tag}/cameras/{camera}/events/{event}/clip",
        Who::Viewer,
        "An event's video; one range at a time",
    )
    .serves(Action::Clips, EVENTS, Handed::Clip),
    route(
        Name::PutStill,
        "PUT",
        "/v1/ingest/stills/{still}",
        Who::Camera,
        "Hand in a still (JPEG)",
    ),
    route(
        Name::PutEvent,
        "PUT",
        "/v1/ingest/events/{event}",
        Who::Camera,
        "Hand in an event's description (JSON)",
    ),
    route(
        Name::PutEventStill,
        "PUT",
        "/v1/ingest/events/{event}/still",
        Who::Camera,
        "Hand in an event's still (JPEG)",
    ),
    route(
        Name::PutClip,
        "PUT",
        "/v1/ingest/events/{event}/clip",
        Who::Camera,
        "Hand in an event's video (MP4)",
    ),
    #[cfg(feature = "bench")]
    route(
        Name::Plain,
        "GET",
        "/v1/{tag}/cameras/{camera}/plain",
        Who::Viewer,
        "The bench's bytes, from host code",
    )
    .serves(Action::Live, None, Handed::Still),
];

/// Says why the Spin edition lists no sessions.
const NO_SESSIONS: &str = "This edition can't list sessions. A new password ends all of them.";
/// Says why the Spin edition doesn't say who viewed.
const NO_VIEWS: &str = "This edition's ledger is with whoever runs it: ask them who viewed.";

/// The parameters of a route in a path: `name`, `value`.
pub type Parameters<'a> = Vec<(&'static str, &'a str)>;

/// Returns the route of a method and path in the Spin edition, and its parameters. `HEAD` has the
/// routes of `GET`.
///
/// # Errors
/// [`Problem::NotFound`] if no route has this path, [`Problem::Method`] if only another method has
/// one. [`Problem::NotHere`] if only the native host has it, beside live view.
pub fn find<'a>(method: &str, path: &'a str) -> Result<(&'static Route, Parameters<'a>), Problem> {
    let method = if method == "HEAD" { "GET" } else { method };
    let mut problem = Problem::NotFound;
    let listed = NATIVE_ROUTES.iter().find(|route| {
        matches!(route.name, Name::Sessions | Name::Viewed)
            && route.method == method
            && parameters(route.path, path).is_some()
    });
    if let Some(route) = listed {
        return Err(Problem::NotHere(match route.name {
            Name::Viewed => NO_VIEWS,
            _ => NO_SESSIONS,
        }));
    }
    for route in of_both() {
        if let Some(parameters) = parameters(route.path, path) {
            if route.method == method {
                return Ok((route, parameters));
            }
            problem = Problem::Method;
        }
    }
    Err(problem)
}

/// Returns the methods that a path takes, in the form of `Allow`. The text is empty if no route has
/// the path.
pub fn allowed(path: &str) -> String {
    let mut methods = Vec::new();
    for route in of_both() {
        if parameters(route.path, path).is_some() {
            methods.push(route.method);
            if route.method == "GET" {
                methods.push("HEAD");
            }
        }
    }
    methods.join(",")
}

fn parameters<'a>(pattern: &'static str, path: &'a str) -> Option<Parameters<'a>> {
    let (mut patterns, mut segments) = (pattern.split('/'), path.split('/'));
    let mut parameters = Parameters::new();
    loop {
        match (patterns.next(), segments.next()) {
            (None, None) => return Some(parameters),
            (Some(pattern), Some(segment)) => {
                match pattern.strip_prefix('{').and_then(|p| p.strip_suffix('}')) {
                    Some(name) if !segment.is_empty() => parameters.push((name, segment)),
                    None if pattern == segment => {}
                    _ => return None,
                }
            }
            _ => return None,
        }
    }
}

/// Checks that a request names its host once and unambiguously (RFC 9112, 3.2; RFC 9113, 8.3.1).
/// FROM CLIENT.
fn check_host<B>(request: &Request<B>) -> Result<(), Problem> {
    let refused = |why: &'static str| Err(Problem::BadRequest(why.into()));
    let mut lines = request.headers().get_all(header::HOST).iter();
    let (host, another) = (lines.next(), lines.next());
    if another.is_some() {
        return refused("A request has one Host header.");
    }
    let Some(host) = host else {
        return if request.version() == Version::HTTP_11 {
            refused("An HTTP/1.1 request has a Host header (RFC 9112, 3.2).")
        } else {
            Ok(())
        };
    };
    let Ok(named) = Authority::try_from(host.as_bytes()) else {
        return refused("The Host header is not a host with or without a port.");
    };
    if named.as_str().contains('@') {
        return refused("The Host header is not a host with or without a port.");
    }
    match request.uri().authority() {
        Some(authority) if !authority.as_str().eq_ignore_ascii_case(named.as_str()) => {
            refused("The Host header names another host than the address.")
        }
        _ => Ok(()),
    }
}

/// Checks that a route may have this target, before anything else reads it. FROM CLIENT.
///
/// # Errors
/// [`Problem::BadRequest`] if the target is malformed, [`Problem::TargetTooLong`] if it is longer
/// than the limits.
pub fn check_target<B>(request: &Request<B>) -> Result<(), Problem> {
    check_host(request)?;
    let mut encodings = request.headers().get_all(header::TRANSFER_ENCODING).iter();
    let is_chunked = |value: &HeaderValue| value.as_bytes().eq_ignore_ascii_case(b"chunked");
    if encodings.next().is_some_and(|value| !is_chunked(value)) || encodings.next().is_some() {
        return Err(Problem::BadRequest(
            "Transfer-Encoding may be `chunked`, once, and nothing else.".into(),
        ));
    }
    let uri = request.uri();
    let (path, query) = (uri.path(), uri.query().unwrap_or_default());
    if path.len() > PATH_BYTES_MAX || query.len() > QUERY_BYTES_MAX {
        return Err(Problem::TargetTooLong);
    }
    let plain = path.bytes().all(|c| c.is_ascii_alphanumeric() || b"/-._".contains(&c));
    if !plain || path.split('/').any(|segment| segment == "." || segment == "..") {
        return Err(Problem::BadRequest(
            "The path has characters that no address here has.".into(),
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    type Found<'a> = (Name, &'a [(&'a str, &'a str)]);

    fn check(method: &str, path: &str, expected: Result<Found<'_>, Problem>) {
        let found = find(method, path).map(|(route, parameters)| (route.name, parameters));
        let expected = expected.map(|(name, parameters)| (name, parameters.to_vec()));
        assert_eq!(found, expected, "{method} {path}");
    }

    #[test]
    fn a_path_has_one_route() {
        check("GET", "/", Ok((Name::Shell, &[])));
        check("HEAD", "/healthz", Ok((Name::Health, &[])));
        check("GET", "/v1/t/", Ok((Name::Wall, &[("tag", "t")])));
        check("GET", "/v1/t/cameras", Ok((Name::Cameras, &[("tag", "t")])));
        check("DELETE", "/v1/session", Ok((Name::Logout, &[])));
        check(
            "GET",
            "/v1/t/cameras/c/events/e/clip",
            Ok((Name::Clip, &[("tag", "t"), ("camera", "c"), ("event", "e")])),
        );
        check("GET", "/v1/session", Err(Problem::Method));
        check("PUT", "/v1/ingest/stills/", Err(Problem::NotFound));
        for absent in
            ["", "/v1", "/v1/t", "//", "/v1//", "/v1/t/cameras/", "/v1/t/cameras/c", "/healthz/"]
        {
            check("GET", absent, Err(Problem::NotFound));
        }
        for route in of_both() {
            let found = find(route.method, route.path).map(|(found, _)| found.name);
            assert_eq!(found, Ok(route.name), "{}", route.path);
        }
        check("GET", "/v1/t/sessions", Err(Problem::NotHere(NO_SESSIONS)));
        check("HEAD", "/v1/t/households/h/viewed", Err(Problem::NotHere(NO_VIEWS)));
        check("GET", "/v1/t/cameras/c/live", Err(Problem::NotFound));
    }

    #[test]
    fn a_row_below_a_camera_says_what_it_needs() {
        for route in of_both().chain(NATIVE_ROUTES) {
            let below_camera = route.path.starts_with("/v1/{tag}/cameras/{camera}");
            assert_eq!(route.serves.is_some(), below_camera, "{}", route.path);
            assert!(!below_camera || route.who == Who::Viewer, "{}", route.path);
            let tagged = route.path.starts_with("/v1/{tag}");
            assert!(!tagged || route.who == Who::Viewer, "{}", route.path);
            assert_eq!(
                route.who == Who::Camera,
                route.path.starts_with("/v1/ingest/"),
                "{}",
                route.path
            );
        }
    }

    #[test]
    fn a_path_says_what_it_takes() {
        assert_eq!(allowed("/v1/t/cameras/c/events/e"), "GET,HEAD,DELETE");
        assert_eq!(allowed("/v1/session"), "POST,DELETE");
        assert_eq!(allowed("/nothing"), "");
    }
}
