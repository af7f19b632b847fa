//! The requests of cameras: they upload a still, an event, an event's still, an event's clip.
//! FROM CLIENT: every parameter and every byte.

use super::problem::Problem;
use super::{Edge, credential};
use axum::body::Body;
use axum::extract::{Path, Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use eyesonly_gate::{IntakeGrant, RawCredential};
use eyesonly_seal::Kind;
use eyesonly_service::ingest::{ContentDigest, Declared, IngestError, Taken};
use eyesonly_web::routes::Who;
use eyesonly_web::upload;
use std::sync::Arc;

type Edged = State<Arc<Edge>>;

/// `PUT /v1/ingest/stills/{still}`
pub async fn still(
    State(edge): Edged,
    Path(id): Path<String>,
    request: Request,
) -> Result<Response, Problem> {
    footage(&edge, Kind::Still, &id, "image/jpeg", request).await
}

/// `PUT /v1/ingest/events/{event}/still`
pub async fn event_still(
    State(edge): Edged,
    Path(id): Path<String>,
    request: Request,
) -> Result<Response, Problem> {
    footage(&edge, Kind::EventStill, &id, "image/jpeg", request).await
}

/// `PUT /v1/ingest/events/{event}/clip`
pub async fn clip(
    State(edge): Edged,
    Path(id): Path<String>,
    request: Request,
) -> Result<Response, Problem> {
    footage(&edge, Kind::Clip, &id, "video/mp4", request).await
}

/// `PUT /v1/ingest/events/{event}`
pub async fn event(
    State(edge): Edged,
    Path(id): Path<String>,
    request: Request,
) -> Result<Response, Problem> {
    let (grant, declared, body) = admitted(&edge, "application/json", request).await?;
    let taken = edge.ingest.event(&grant, &id, declared, body.into_data_stream()).await?;
    Ok(answer(taken))
}

async fn footage(
    edge: &Edge,
    kind: Kind,
    id: &str,
    media_type: &str,
    request: Request,
) -> Result<Response, Problem> {
    let (grant, declared, body) = admitted(edge, media_type, request).await?;
    let taken = edge.ingest.footage(&grant, kind, id, declared, body.into_data_stream()).await?;
    Ok(answer(taken))
}

/// Admits an upload of this media type, if the disk has room for it. Returns what the camera may
/// hand in, what the head declares of the body, and the body.
async fn admitted(
    edge: &Edge,
    media_type: &str,
    request: Request,
) -> Result<(IntakeGrant, Declared, Body), Problem> {
    let (request, raw) = arrived(edge, request).await?;
    let grant = edge.admission.admit_camera(&raw).await?;
    upload::check_media_type(request.headers(), media_type)?;
    let declared = declared(request.headers())?;
    edge.room.check().map_err(IngestError::from)?;
    Ok((grant, declared, request.into_body()))
}

/// Returns the upload as the inlet delivers it, and the credential that its camera presents.
pub(super) async fn arrived(
    edge: &Edge,
    request: Request,
) -> Result<(Request, RawCredential), Problem> {
    super::of_row(request.extensions(), Who::Camera)?;
    let raw = RawCredential::new(credential::of_camera(request.headers())?);
    Ok((edge.inlet.carry(request).await, raw))
}

fn answer(taken: Taken) -> Response {
    let status = match taken {
        Taken::Created => StatusCode::CREATED,
        Taken::Same => StatusCode::OK,
    };
    let mut response = status.into_response();
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// Reads the length and the digest that the head declares for the body.
fn declared(headers: &HeaderMap) -> Result<Declared, Problem> {
    let upload::Declared { length, digest } = upload::declared(headers)?;
    let digest = digest.map(|text| ContentDigest::parse(&text)).transpose();
    Ok(Declared { length, digest: digest.map_err(IngestError::from)? })
}
