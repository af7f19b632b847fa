//! Answers on their way out. INVARIANT: a private body is here only after the vault's way out: as bytes that it has passed, or as a departure.

use crate::bindings::eyesonly::edge::admission::Departure;
use crate::pace::{IDLE, within};
use eyesonly_web::answer::{part, private, ranged};
use eyesonly_web::range::Span;
use futures::{Sink, SinkExt as _};
use http::{HeaderMap, HeaderValue, Response, StatusCode, header};
use spin_sdk::http::{Fields, OutgoingResponse, ResponseOutparam};

/// How much is sent before a client must have taken some of it again: little, so that a slow line keeps up.
const SENT_BYTES: usize = 64 * 1024;

/// An answer.
pub enum Answer {
    /// With its whole body.
    Whole(Response<Vec<u8>>),
    /// With footage, piece by piece.
    Footage(Response<Departure>),
}

impl<B: Into<Vec<u8>>> From<Response<B>> for Answer {
    fn from(response: Response<B>) -> Self {
        Self::Whole(response.map(Into::into))
    }
}

/// A private body that the vault has passed.
pub fn passed(media_type: &'static str, body: Vec<u8>) -> Answer {
    let mut response = Response::new(body);
    private(response.headers_mut());
    let media_type = HeaderValue::from_static(media_type);
    response.headers_mut().insert(header::CONTENT_TYPE, media_type);
    Answer::Whole(response)
}

/// Footage whose first piece has opened: a span of `total` bytes.
pub fn footage(media_type: &'static str, departure: Departure, span: Span, total: u64, tag: Option<&str>) -> Answer {
    let mut response = Response::new(departure);
    let headers = response.headers_mut();
    private(headers);
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(media_type));
    headers.insert(header::CONTENT_LENGTH, HeaderValue::from(span.length));
    if let Some(tag) = tag {
        ranged(headers, tag);
    }
    if span.partial {
        part(headers, span.start, span.length, total);
        *response.status_mut() = StatusCode::PARTIAL_CONTENT;
    }
    Answer::Footage(response)
}

fn begin(status: StatusCode, headers: &HeaderMap) -> Option<OutgoingResponse> {
    let entries: Vec<(String, Vec<u8>)> = headers
        .iter()
        .map(|(name, value)| (name.as_str().to_owned(), value.as_bytes().to_vec()))
        .collect();
    let response = OutgoingResponse::new(Fields::from_list(&entries).ok()?);
    response.set_status_code(status.as_u16()).ok()?;
    Some(response)
}

/// Sends bytes, some at a time. Errors: the client has gone, or takes nothing any more.
async fn send(body: &mut (impl Sink<Vec<u8>> + Unpin), bytes: &[u8]) -> Result<(), ()> {
    for some in bytes.chunks(SENT_BYTES) {
        match within(IDLE, body.send(some.to_vec())).await {
            Some(Ok(())) => {}
            Some(Err(_)) | None => return Err(()),
        }
    }
    Ok(())
}

impl Answer {
    /// Writes it; for a HEAD without its body.
    pub async fn send(self, out: ResponseOutparam, is_head: bool) {
        match self {
            Self::Whole(mut response) => {
                let length = HeaderValue::from(response.body().len());
                let has_length = response.status() != StatusCode::NO_CONTENT;
                if has_length {
                    response.headers_mut().insert(header::CONTENT_LENGTH, length);
                }
                let (head, mut body) = response.into_parts();
                if is_head {
                    body.clear();
                }
                let Some(outgoing) = begin(head.status, &head.headers) else {
                    return;
                };
                if body.is_empty() {
                    out.set(outgoing);
                    return;
                }
                let mut sink = outgoing.take_body();
                out.set(outgoing);
                if send(&mut sink, &body).await.is_err() {
                    eprintln!("the client went away");
                }
            }
            Self::Footage(response) => {
                let (head, departure) = response.into_parts();
                let Some(outgoing) = begin(head.status, &head.headers) else {
                    return;
                };
                if is_head {
                    out.set(outgoing);
                    return;
                }
                let mut body = outgoing.take_body();
                out.set(outgoing);
                loop {
                    match departure.next() {
                        Ok(Some(piece)) => {
                            // The body ends short of its length: the engine cuts the connection.
                            if send(&mut body, &piece).await.is_err() {
                                return;
                            }
                        }
                        Ok(None) => return,
                        Err(_) => {
                            // The body ends short of its length: the engine cuts the connection, and the client sees it.
                            eprintln!("footage could not be proven in the middle of a body, which was cut there");
                            return;
                        }
                    }
                }
            }
        }
    }
}
