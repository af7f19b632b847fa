//! The routes, as one table. The router, the OpenAPI document and the matrix test are made from it; a route that isn't here does not exist.

use super::{Edge, camera, openapi, problem, viewer};
use axum::Router;
use axum::extract::{DefaultBodyLimit, Request};
use axum::http::uri::Authority;
use axum::http::{HeaderValue, Version, header};
use axum::middleware::{self, Next};
use axum::response::Response;
use axum::routing::{MethodFilter, MethodRouter, on};
use problem::Problem;
use std::sync::Arc;
use std::time::Instant;

/// Longest path in bytes: the longest route with its ids has 180.
pub const PATH_BYTES_MAX: usize = 512;
/// Longest query in bytes.
pub const QUERY_BYTES_MAX: usize = 512;

/// Who may ask.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Who {
    /// Anybody: nothing private is in the answer.
    Anyone,
    /// A viewer with a live session.
    Viewer,
    /// A camera with its own credential.
    Camera,
}

/// What a route does.
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
    #[cfg(feature = "bench")]
    Plain,
}

/// One route.
#[derive(Debug, Clone, Copy)]
pub struct Route {
    /// What it does.
    pub name: Name,
    /// `GET` also answers `HEAD`.
    pub method: &'static str,
    /// With `{parameters}`.
    pub path: &'static str,
    /// Who may ask.
    pub who: Who,
    /// One line for the OpenAPI document.
    pub summary: &'static str,
}

const fn route(name: Name, method: &'static str, path: &'static str, who: Who, summary: &'static str) -> Route {
    Route {
        name,
        method,
        path,
        who,
        summary,
    }
}

/// All of them.
pub const ROUTES: &[Route] = &[
    route(Name::Shell, "GET", "/", Who::Anyone, "The page to sign in on"),
    route(Name::Asset, "GET", "/assets/{file}", Who::Anyone, "A file of the pages"),
    route(Name::OpenApi, "GET", "/v1/openapi.json", Who::Anyone, "This document"),
    route(
        Name::Health,
        "GET",
        "/healthz",
        Who::Anyone,
        "Whether the edge can answer",
    ),
    route(Name::Login, "POST", "/v1/session", Who::Anyone, "Begin a session"),
    route(Name::Logout, "DELETE", "/v1/session", Who::Viewer, "End this session"),
    route(
        Name::Wall,
        "GET",
        "/v1/{tag}/",
        Who::Viewer,
        "The viewer's cameras, as a page",
    ),
    route(
        Name::Cameras,
        "GET",
        "/v1/{tag}/cameras",
        Who::Viewer,
        "The viewer's cameras",
    ),
    route(
        Name::Thumbnail,
        "GET",
        "/v1/{tag}/cameras/{camera}/thumbnail",
        Who::Viewer,
        "The newest still at a width",
    ),
    route(
        Name::Events,
        "GET",
        "/v1/{tag}/cameras/{camera}/events",
        Who::Viewer,
        "Events, newest first",
    ),
    route(
        Name::Event,
        "GET",
        "/v1/{tag}/cameras/{camera}/events/{event}",
        Who::Viewer,
        "One event",
    ),
    route(
        Name::DeleteEvent,
        "DELETE",
        "/v1/{tag}/cameras/{camera}/events/{event}",
        Who::Viewer,
        "Delete an event and its footage",
    ),
    route(
        Name::EventThumbnail,
        "GET",
        "/v1/{tag}/cameras/{camera}/events/{event}/thumbnail",
        Who::Viewer,
        "An event's still at a width",
    ),
    route(
        Name::Clip,
        "GET",
        "/v1/{tag}/cameras/{camera}/events/{event}/clip",
        Who::Viewer,
        "An event's video; one range at a time",
    ),
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
    ),
];

/// The router of all routes.
pub fn router(edge: Arc<Edge>) -> Router {
    let mut router = Router::new();
    for route in ROUTES {
        router = router.route(route.path, serve(*route, &edge));
    }
    router
        .fallback(|| async { Problem::NotFound })
        .method_not_allowed_fallback(|| async { Problem::Method })
        // Each route has a limit of its own for its body.
        .layer(DefaultBodyLimit::disable())
        .layer(middleware::from_fn(guard))
        .with_state(edge)
}

fn serve(route: Route, edge: &Arc<Edge>) -> MethodRouter<Arc<Edge>> {
    let method = match route.method {
        "POST" => MethodFilter::POST,
        "PUT" => MethodFilter::PUT,
        "DELETE" => MethodFilter::DELETE,
        _ => MethodFilter::GET,
    };
    let methods = match route.name {
        Name::Shell => on(method, viewer::shell),
        Name::Asset => on(method, viewer::asset),
        Name::OpenApi => on(method, openapi::document),
        Name::Health => on(method, viewer::health),
        Name::Login => on(method, viewer::login),
        Name::Logout => on(method, viewer::logout),
        Name::Wall => on(method, viewer::wall),
        Name::Cameras => on(method, viewer::cameras),
        Name::Thumbnail | Name::EventThumbnail => on(method, viewer::thumbnail),
        Name::Events => on(method, viewer::events),
        Name::Event => on(method, viewer::event),
        Name::DeleteEvent => on(method, viewer::delete_event),
        Name::Clip => on(method, viewer::clip),
        Name::PutStill => on(method, camera::still),
        Name::PutEvent => on(method, camera::event),
        Name::PutEventStill => on(method, camera::event_still),
        Name::PutClip => on(method, camera::clip),
        #[cfg(feature = "bench")]
        Name::Plain => on(method, viewer::plain),
    };
    let metrics = Arc::clone(&edge.metrics);
    methods.layer(middleware::from_fn(move |request: Request, next: Next| {
        let metrics = Arc::clone(&metrics);
        async move {
            let began = Instant::now();
            let response = next.run(request).await;
            let status = response.status();
            // The route, never the address: that has ids in it.
            tracing::debug!(method = route.method, route = route.path, %status, took = ?began.elapsed(), "answered");
            metrics.answered(route.method, route.path, status);
            response
        }
    }))
}

/// Refuses targets that no route has. And a request may be refused before its body was read: over HTTP/1.1 the connection can't be used again
/// then, and says so.
async fn guard(request: Request, next: Next) -> Response {
    use axum::response::IntoResponse as _;
    let headers = request.headers();
    let has_body = headers.contains_key(header::TRANSFER_ENCODING)
        || headers.get(header::CONTENT_LENGTH).is_some_and(|length| length != "0");
    let may_close = has_body && request.version() <= Version::HTTP_11;
    let mut response = match check_target(&request) {
        Ok(()) => next.run(request).await,
        Err(problem) => problem.into_response(),
    };
    if may_close && (response.status().is_client_error() || response.status().is_server_error()) {
        response
            .headers_mut()
            .insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
    response
}

/// Whether a request says once, and clearly, whom it is for (RFC 9112, 3.2; RFC 9113, 8.3.1). FROM CLIENT.
fn check_host(request: &Request) -> Result<(), Problem> {
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

/// Whether a route may have this target, before anything looks at it. FROM CLIENT.
fn check_target(request: &Request) -> Result<(), Problem> {
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
