//! The uploads of cameras. FROM CLIENT: every parameter and every byte.

use crate::answer::Answer;
use crate::bindings::eyesonly::spin::admission::{Intake, Kind, Taken};
use crate::head::{Head, Place};
use crate::pace::{IDLE, Pace, within};
use eyesonly_web::problem::Problem;
use eyesonly_web::routes::Name;
use eyesonly_web::{credential, upload};
use futures::StreamExt as _;
use http::{HeaderValue, Response, StatusCode, header};
use spin_sdk::http::IncomingRequest;
use std::pin::pin;

/// Answers `PUT /v1/ingest/…`.
pub async fn put(
    head: &Head,
    name: Name,
    place: &Place<'_>,
    request: IncomingRequest,
) -> Result<Answer, Problem> {
    let (kind, media_type) = match name {
        Name::PutEvent => (Kind::Event, "application/json"),
        Name::PutEventStill => (Kind::EventStill, "image/jpeg"),
        Name::PutClip => (Kind::Clip, "video/mp4"),
        _ => (Kind::Still, "image/jpeg"),
    };
    let intake = Intake::admit(credential::of_camera(head.headers())?)?;
    upload::check_media_type(head.headers(), media_type)?;
    let upload::Declared { length, digest } = upload::declared(head.headers())?;
    let upload = intake.begin(kind, place.event()?, length, digest.as_deref())?;
    let mut pieces = pin!(request.into_body_stream());
    let mut pace = Pace::begin();
    let complete = loop {
        match within(IDLE, pieces.next()).await {
            Some(Some(Ok(piece))) if pace.keeps(piece.len()) => upload.push(&piece)?,
            Some(None) => break true,
            // The body broke off, fell silent, or came too slowly.
            _ => break false,
        }
    };
    let status = match upload.finish(complete)? {
        Taken::Created => StatusCode::CREATED,
        Taken::Same => StatusCode::OK,
    };
    let mut response = Response::new(Vec::new());
    *response.status_mut() = status;
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(Answer::Open(response))
}
