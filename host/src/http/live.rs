//! Live view: cameras hand in streams, and viewers follow them. FROM CLIENT: every parameter and
//! every byte.

use super::problem::Problem;
use super::viewer::Asked;
use super::{Edge, camera};
use crate::sandbox::Question;
use axum::extract::{Path, Request, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use eyesonly_gate::live::{Part, Stream};
use eyesonly_seal::FootageId;
use eyesonly_service::clock;
use eyesonly_service::footage::FootageError;
use eyesonly_service::ingest::Taken;
use eyesonly_web::{answer, ask, upload};
use std::sync::Arc;

type Edged = State<Arc<Edge>>;

fn stream(name: &str) -> Option<Stream> {
    match name {
        "main" => Some(Stream::Main),
        "sub" => Some(Stream::Sub),
        _ => None,
    }
}

/// `PUT /v1/ingest/live/{stream}`
pub async fn put_stream(
    State(edge): Edged,
    Path(name): Path<String>,
    request: Request,
) -> Result<Response, Problem> {
    let (request, raw) = camera::arrived(&edge, request).await?;
    let grant = edge.admission.admit_camera(&raw).await?;
    let stream = stream(&name).ok_or(Problem::NotFound)?;
    upload::declared(request.headers())?;
    edge.live.stream(grant, stream, request.into_body().into_data_stream()).await?;
    Ok(taken(StatusCode::OK))
}

/// `PUT /v1/ingest/live/{session}/{file}`
pub async fn put_file(
    State(edge): Edged,
    Path((session, file)): Path<(String, String)>,
    request: Request,
) -> Result<Response, Problem> {
    put(&edge, (session, None, file), request).await
}

/// `PUT /v1/ingest/live/{session}/{track}/{file}`
pub async fn put_track(
    State(edge): Edged,
    Path((session, track, file)): Path<(String, String, String)>,
    request: Request,
) -> Result<Response, Problem> {
    put(&edge, (session, Some(track), file), request).await
}

async fn put(
    edge: &Edge,
    names: (String, Option<String>, String),
    request: Request,
) -> Result<Response, Problem> {
    let (request, raw) = camera::arrived(edge, request).await?;
    let grant = edge.admission.admit_camera(&raw).await?;
    upload::declared(request.headers())?;
    let body = request.into_body().into_data_stream();
    Ok(match edge.live.file(grant, names, body).await? {
        Taken::Created => taken(StatusCode::CREATED),
        Taken::Same => taken(StatusCode::OK),
    })
}

/// `DELETE /v1/ingest/live/{session}/{file}` and `…/{session}/{track}/{file}`: nothing is kept for
/// long, so there is nothing to delete.
pub async fn delete_file(State(edge): Edged, request: Request) -> Result<Response, Problem> {
    let (_, raw) = camera::arrived(&edge, request).await?;
    edge.admission.admit_camera(&raw).await?;
    Ok(taken(StatusCode::NO_CONTENT))
}

fn taken(status: StatusCode) -> Response {
    let mut response = status.into_response();
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// Returns the stream that a viewer asks for: the main one, if none is named.
fn of(asked: &Asked) -> Result<Stream, Problem> {
    let name = asked.parameter("stream");
    stream(name.as_deref().unwrap_or("main")).ok_or(Problem::BadRequest(ask::WANTED_LIVE.into()))
}

/// `GET /v1/{tag}/cameras/{camera}/live`
pub async fn streams(asked: Asked) -> Result<Response, Problem> {
    let mut response = asked.answer(Question::Live).await?;
    let now = HeaderValue::from(clock::now_milliseconds());
    response.headers_mut().insert(answer::EDGE_TIME, now);
    Ok(response)
}

/// `GET /v1/{tag}/cameras/{camera}/live/next`
///
/// The request is admitted, so that a refusal is answered at once. Then it waits, and what comes is
/// decided anew.
pub async fn next(asked: Asked) -> Result<Response, Problem> {
    let of = of(&asked)?;
    let after = asked.parameter("after");
    let parsed = after.as_deref().map(FootageId::parse).transpose();
    let parsed = parsed.map_err(|_| Problem::BadRequest(ask::WANTED_LIVE.into()))?;
    let grant = asked.admit().await?;
    if !asked.is_head() {
        match asked.edge().live.wait(grant, of, parsed).await {
            Ok(()) => {}
            // Another try works once others have stopped to wait.
            Err(FootageError::Limit) => return Err(Problem::Unavailable),
            Err(error) => return Err(error.into()),
        }
    }
    asked.answer(Question::Next { of, after }).await
}

/// `GET /v1/{tag}/cameras/{camera}/live/index.m3u8`
pub async fn playlist(asked: Asked) -> Result<Response, Problem> {
    let of = of(&asked)?;
    asked.answer(Question::Playlist(of)).await
}

/// `GET /v1/{tag}/cameras/{camera}/live/{segment}`
pub async fn segment(asked: Asked) -> Result<Response, Problem> {
    of_segment(asked, Part::Whole).await
}

/// `GET /v1/{tag}/cameras/{camera}/live/{segment}/init.mp4`
pub async fn init(asked: Asked) -> Result<Response, Problem> {
    of_segment(asked, Part::Init).await
}

/// `GET /v1/{tag}/cameras/{camera}/live/{segment}/media.m4s`
pub async fn media(asked: Asked) -> Result<Response, Problem> {
    of_segment(asked, Part::Media).await
}

async fn of_segment(asked: Asked, part: Part) -> Result<Response, Problem> {
    let (of, segment) = (of(&asked)?, asked.segment()?);
    asked.answer(Question::Segment { of, segment, part }).await
}
