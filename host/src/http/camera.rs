//! What cameras ask: hand in a still, an event, its still, its clip. FROM CLIENT: every parameter and every byte.

use super::problem::Problem;
use super::{Edge, credential};
use crate::ingest::{ContentDigest, Declared, IngestError, Taken};
use axum::extract::{Path, Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use eyesonly_seal::Kind;
use std::sync::Arc;

type Edged = State<Arc<Edge>>;

/// `PUT /v1/ingest/stills/{still}`
pub async fn still(State(edge): Edged, Path(id): Path<String>, request: Request) -> Result<Response, Problem> {
    footage(&edge, Kind::Still, &id, "image/jpeg", request).await
}

/// `PUT /v1/ingest/events/{event}/still`
pub async fn event_still(State(edge): Edged, Path(id): Path<String>, request: Request) -> Result<Response, Problem> {
    footage(&edge, Kind::EventStill, &id, "image/jpeg", request).await
}

/// `PUT /v1/ingest/events/{event}/clip`
pub async fn clip(State(edge): Edged, Path(id): Path<String>, request: Request) -> Result<Response, Problem> {
    footage(&edge, Kind::Clip, &id, "video/mp4", request).await
}

/// `PUT /v1/ingest/events/{event}`
pub async fn event(State(edge): Edged, Path(id): Path<String>, request: Request) -> Result<Response, Problem> {
    let raw = credential::of_camera(request.headers())?;
    let grant = edge.admission.admit_camera(&raw).await?;
    check_media_type(request.headers(), "application/json")?;
    let declared = declared(request.headers())?;
    let body = edge.inlet.carry(request.into_body()).await;
    let taken = edge
        .ingest
        .event(&grant, &id, declared, body.into_data_stream())
        .await?;
    Ok(answer(taken))
}

async fn footage(edge: &Edge, kind: Kind, id: &str, media_type: &str, request: Request) -> Result<Response, Problem> {
    let raw = credential::of_camera(request.headers())?;
    let grant = edge.admission.admit_camera(&raw).await?;
    check_media_type(request.headers(), media_type)?;
    let declared = declared(request.headers())?;
    let body = edge.inlet.carry(request.into_body()).await;
    let taken = edge
        .ingest
        .footage(&grant, kind, id, declared, body.into_data_stream())
        .await?;
    Ok(answer(taken))
}

fn answer(taken: Taken) -> Response {
    let status = match taken {
        Taken::Created => StatusCode::CREATED,
        Taken::Same => StatusCode::OK,
    };
    let mut response = status.into_response();
    response
        .headers_mut()
        .insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// A body whose type is given must be of the type that the route takes.
fn check_media_type(headers: &HeaderMap, expected: &str) -> Result<(), Problem> {
    let Some(value) = headers.get(header::CONTENT_TYPE) else {
        return Ok(());
    };
    let given = value
        .to_str()
        .unwrap_or_default()
        .split(';')
        .next()
        .unwrap_or_default()
        .trim();
    if given.eq_ignore_ascii_case(expected) {
        Ok(())
    } else {
        Err(Problem::MediaType(
            format!("This address takes {expected}; set the Content-Type header to it.").into(),
        ))
    }
}

fn declared(headers: &HeaderMap) -> Result<Declared, Problem> {
    if headers
        .get(header::CONTENT_ENCODING)
        .is_some_and(|encoding| encoding != "identity")
    {
        return Err(Problem::MediaType(
            "Send the body as it is, without a Content-Encoding.".into(),
        ));
    }
    if headers.contains_key(header::CONTENT_RANGE) {
        return Err(Problem::BadRequest(
            "An upload is whole: Content-Range is not taken (RFC 9110, 14.5).".into(),
        ));
    }
    let malformed = || Problem::BadRequest("Content-Length is not a number.".into());
    let length = match headers.get(header::CONTENT_LENGTH) {
        None => None,
        Some(value) => Some(
            value
                .to_str()
                .ok()
                .and_then(|text| text.parse().ok())
                .ok_or_else(malformed)?,
        ),
    };
    let lines: Result<Vec<&str>, _> = headers
        .get_all("content-digest")
        .iter()
        .map(|line| line.to_str())
        .collect();
    let lines = lines.map_err(|_| Problem::BadRequest("Content-Digest is not text.".into()))?;
    let digest = if lines.is_empty() {
        None
    } else {
        Some(ContentDigest::parse(&lines.join(", ")).map_err(IngestError::from)?)
    };
    Ok(Declared { length, digest })
}
