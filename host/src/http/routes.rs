//! The router: it joins each route of the table (`eyesonly_web::routes`) to the function that
//! answers.

use super::{Edge, accounts, camera, live, problem, sharing, viewer};
use axum::Router;
use axum::extract::{DefaultBodyLimit, Request};
use axum::http::{HeaderValue, Version, header};
use axum::middleware::{self, Next};
use axum::response::Response;
use axum::routing::{MethodFilter, MethodRouter, on};
use eyesonly_service::clock;
use eyesonly_web::answer;
use eyesonly_web::routes::{NATIVE_ROUTES, Name, Route, check_target, of_both};
use problem::Problem;
use std::sync::Arc;
use std::time::Instant;

/// Builds the router with all routes of the table.
pub fn router(edge: Arc<Edge>) -> Router {
    let mut router = Router::new();
    for route in of_both().chain(NATIVE_ROUTES) {
        router = router.route(route.path, serve(route, &edge));
    }
    router
        .fallback(|| async { Problem::NotFound })
        .method_not_allowed_fallback(|| async { Problem::Method })
        // Each route has a limit of its own for its body.
        .layer(DefaultBodyLimit::disable())
        .layer(middleware::from_fn(guard))
        .with_state(edge)
}

fn serve(route: &'static Route, edge: &Arc<Edge>) -> MethodRouter<Arc<Edge>> {
    let method = match route.method {
        "POST" => MethodFilter::POST,
        "PUT" => MethodFilter::PUT,
        "DELETE" => MethodFilter::DELETE,
        _ => MethodFilter::GET,
    };
    let methods = match route.name {
        Name::Shell => on(method, viewer::shell),
        Name::Asset => on(method, viewer::asset),
        Name::OpenApi => on(method, viewer::document),
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
        Name::Live => on(method, live::streams),
        Name::LiveNext => on(method, live::next),
        Name::LivePlaylist => on(method, live::playlist),
        Name::LiveSegment => on(method, live::segment),
        Name::LiveInit => on(method, live::init),
        Name::LiveMedia => on(method, live::media),
        Name::PutLive => on(method, live::put_stream),
        Name::PutLiveFile => on(method, live::put_file),
        Name::PutLiveTrack => on(method, live::put_track),
        Name::DeleteLiveFile | Name::DeleteLiveTrack => on(method, live::delete_file),
        Name::Join => on(method, sharing::join),
        Name::Look => on(method, sharing::look),
        Name::NewAccount => on(method, sharing::new_account),
        Name::SharingPage => on(method, sharing::page),
        Name::Sharing => on(method, sharing::sharing),
        Name::Ask
        | Name::Invite
        | Name::Withdraw
        | Name::Confirm
        | Name::PutShare
        | Name::DeleteShare
        | Name::PutMember
        | Name::DeleteMember
        | Name::Switch
        | Name::OfferCamera
        | Name::KeepCamera
        | Name::TakeCamera => on(method, sharing::change),
        Name::Sessions => on(method, accounts::sessions),
        Name::EndSession => on(method, accounts::end_session),
        Name::Password => on(method, accounts::password),
        Name::Viewed => on(method, accounts::viewed),
        Name::Watching => on(method, accounts::watching),
        #[cfg(feature = "bench")]
        Name::Plain => on(method, viewer::plain),
    };
    let metrics = Arc::clone(&edge.metrics);
    methods.layer(middleware::from_fn(move |mut request: Request, next: Next| {
        let metrics = Arc::clone(&metrics);
        request.extensions_mut().insert(route);
        async move {
            let began = Instant::now();
            let response = next.run(request).await;
            let status = response.status();
            // The log names the route, never the address: an address has ids in it.
            tracing::debug!(
                method = route.method, route = route.path, %status, took = ?began.elapsed(),
                "answered"
            );
            metrics.answered(route.method, route.path, status);
            response
        }
    }))
}

/// Refuses targets that no route has, and tells cameras the time.
///
/// A request may be refused before its body was read. An HTTP/1.1 connection can't be used again
/// after that, so the response says `Connection: close`.
async fn guard(request: Request, next: Next) -> Response {
    use axum::response::IntoResponse as _;
    let headers = request.headers();
    let has_body = headers.contains_key(header::TRANSFER_ENCODING)
        || headers.get(header::CONTENT_LENGTH).is_some_and(|length| length != "0");
    let may_close = has_body && request.version() <= Version::HTTP_11;
    let tells_time = answer::tells_time(request.uri().path());
    let mut response = match check_target(&request) {
        Ok(()) => next.run(request).await,
        Err(problem) => problem.into_response(),
    };
    if tells_time {
        let now = HeaderValue::from(clock::now_milliseconds());
        response.headers_mut().insert(answer::EDGE_TIME, now);
    }
    if may_close && (response.status().is_client_error() || response.status().is_server_error()) {
        response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
    response
}
