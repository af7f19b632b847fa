//! The way out: nothing private leaves but to the requester whose grant made it, and not before the ledger has it.
//!
//! INVARIANT: a response with a private body is built only in this file, and each builder takes a [`Pass`], which only [`pass`] makes: it
//! verifies this request's raw credential once more, against the grant's requester.

use super::Edge;
use super::problem::Problem;
use super::range::Span;
use crate::admission::RawCredential;
use crate::clock;
use crate::defence::{self, Defence};
use crate::footage::{FootageError, Held, Pieces};
use crate::grant::Grant;
use crate::ledger::{Delivery, Fault, Handed, Seam};
use crate::sandbox::{Body as Answered, MediaType};
use axum::body::Body;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::Response;
use bytes::Bytes;
use eyesonly_rights::Requester;
use eyesonly_seal::{CameraId, FootageId, HouseholdId};
use std::sync::Arc;

/// Proof that the way out was opened for one response.
pub struct Pass(());

/// What is about to leave.
pub struct Leaving {
    /// Whose footage; none for the list of cameras.
    pub source: Option<(HouseholdId, CameraId)>,
    /// What.
    pub handed: Handed,
    /// Of which event.
    pub event: Option<FootageId>,
    /// Bytes of the body.
    pub body_bytes: u64,
}

/// Whether an answer is this request's: it was made under the very grant that this request holds, and so was what it hands out.
///
/// # Errors
/// [`Problem::Unavailable`]: it is another request's.
pub fn same_request(edge: &Edge, grant: &Arc<Grant>, made: &Arc<Grant>, body: &Answered) -> Result<(), Problem> {
    let held_under = match body {
        Answered::Footage { source, .. } => source.grant(),
        Answered::Empty | Answered::Bytes(_) => made,
    };
    let same = Arc::ptr_eq(grant, made) && Arc::ptr_eq(grant, held_under);
    if same || !defence::is_on(Defence::WayOut) {
        return Ok(());
    }
    edge.admission
        .refuse(Seam::WayOut, Fault::WrongAnswer, Some(grant.scope().camera()));
    Err(Problem::Unavailable)
}

/// Opens the way out: the request's own credential must be `requester`'s, and the ledger must have taken the entry.
///
/// # Errors
/// [`Problem::Unavailable`]: nothing leaves.
pub fn pass(edge: &Edge, requester: &Requester, raw: &RawCredential, leaving: &Leaving) -> Result<Pass, Problem> {
    if defence::is_on(Defence::WayOut) && !requester.sent(edge.admission.credentials(), raw.text()) {
        edge.admission.refuse(
            Seam::WayOut,
            Fault::WrongAnswer,
            leaving.source.map(|(_, camera)| camera),
        );
        return Err(Problem::Unavailable);
    }
    let entry = Delivery {
        at_milliseconds: clock::now_milliseconds(),
        viewer: requester.viewer(),
        session: requester.session(),
        source: leaving.source,
        handed: leaving.handed,
        event: leaving.event,
        body_bytes: leaving.body_bytes,
    };
    edge.admission.ledger().delivery(&entry).map_err(|error| {
        tracing::error!(%error, "nothing leaves without the ledger");
        Problem::Unavailable
    })?;
    Ok(Pass(()))
}

const fn media_type(media_type: MediaType) -> &'static str {
    match media_type {
        MediaType::Jpeg => "image/jpeg",
        MediaType::Mp4 => "video/mp4",
        MediaType::Json => "application/json",
    }
}

pub use eyesonly_web::answer::private;

fn response(status: StatusCode, content_type: &'static str, length: u64, body: Body) -> Response {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    let headers = response.headers_mut();
    private(headers);
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    headers.insert(header::CONTENT_LENGTH, HeaderValue::from(length));
    response
}

/// A whole body at once.
pub fn bytes(_pass: Pass, kind: MediaType, body: impl Into<Bytes>) -> Response {
    let body = body.into();
    response(StatusCode::OK, media_type(kind), body.len() as u64, Body::from(body))
}

/// A page.
pub fn page(_pass: Pass, html: String) -> Response {
    let mut response = response(
        StatusCode::OK,
        "text/html; charset=utf-8",
        html.len() as u64,
        Body::from(html),
    );
    eyesonly_web::answer::page(response.headers_mut());
    response
}

/// Nothing.
pub fn no_content(_pass: Pass) -> Response {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::NO_CONTENT;
    private(response.headers_mut());
    response
}

/// Footage that is about to leave: its first piece has opened, so it is known to be what it should be.
pub struct Opened {
    source: Held,
    span: Span,
    first: Bytes,
    rest: Pieces,
}

impl Opened {
    /// Proves the length of `source`, and opens the first piece of the span.
    ///
    /// # Errors
    /// [`Problem`] of the footage.
    pub async fn new(source: Held, span: Span) -> Result<Self, Problem> {
        source.prove_length().await?;
        let mut rest = Pieces::new(&source, span.start, span.length)?;
        let first = rest.next(&source).await?.ok_or(FootageError::Unavailable)?;
        Ok(Self {
            source,
            span,
            first,
            rest,
        })
    }

    /// How many bytes leave.
    pub fn length(&self) -> u64 {
        self.span.length
    }
}

/// Footage, as one body or piece by piece. A piece that can't be proven cuts the connection: the client sees a body that is too short, never
/// a wrong byte. The grant lives until the last byte, in the object that is held.
pub fn footage(_pass: Pass, kind: MediaType, opened: Opened) -> Response {
    let Opened {
        source,
        span,
        first,
        rest,
    } = opened;
    let total = source.length();
    let tag = (kind == MediaType::Mp4).then(|| source.entity_tag());
    let body = if first.len() as u64 == span.length {
        Body::from(first)
    } else {
        let pieces = futures::stream::unfold((Some(first), rest, source), |(first, mut rest, source)| async move {
            let piece = match first {
                Some(first) => Ok(first),
                None => rest.next(&source).await.transpose()?,
            };
            Some((piece, (None, rest, source)))
        });
        Body::from_stream(pieces)
    };
    let status = if span.partial {
        StatusCode::PARTIAL_CONTENT
    } else {
        StatusCode::OK
    };
    let mut response = response(status, media_type(kind), span.length, body);
    let headers = response.headers_mut();
    if let Some(tag) = tag {
        eyesonly_web::answer::ranged(headers, &tag);
    }
    if span.partial {
        eyesonly_web::answer::part(headers, span.start, span.length, total);
    }
    response
}
