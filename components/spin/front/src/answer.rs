//! Answers on their way out. INVARIANT: a private body is here only as a departure, and the bytes
//! that are sent of it were read back from that departure.

use crate::bindings::eyesonly::spin::admission::Departure;
use crate::pace::{IDLE, within};
use eyesonly_web::answer;
use futures::{Sink, SinkExt as _};
use http::{HeaderMap, HeaderValue, Response, StatusCode, header};
use spin_sdk::http::{Fields, OutgoingResponse, ResponseOutparam};
use std::time::{SystemTime, UNIX_EPOCH};

/// The most bytes that are sent before the client must have taken some of them. It is small, so
/// that a slow line keeps up.
const SENT_BYTES: usize = 64 * 1024;

/// An answer.
pub enum Answer {
    /// An answer without private data, with its whole body.
    Open(Response<Vec<u8>>),
    /// A private answer, sent piece by piece.
    Private(Response<Departure>),
}

impl<B: Into<Vec<u8>>> From<Response<B>> for Answer {
    fn from(response: Response<B>) -> Self {
        Self::Open(response.map(Into::into))
    }
}

/// The part of a clip that leaves.
pub struct Part {
    /// The clip's entity tag.
    pub tag: String,
    /// The first byte.
    pub start: u64,
    /// True if the client asked for a part.
    pub is_part: bool,
    /// The clip's length.
    pub total: u64,
}

/// Makes an answer of the viewer's cameras, as a page.
pub fn page(departure: Departure) -> Answer {
    let mut response = Response::new(departure);
    answer::page(response.headers_mut());
    Answer::Private(response)
}

/// Makes an answer of data or footage; for a clip, `part` says which part.
pub fn private(departure: Departure, media_type: &'static str, part: Option<&Part>) -> Answer {
    let mut response = Response::new(departure);
    let length = response.body().length();
    let headers = response.headers_mut();
    answer::private(headers);
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(media_type));
    if let Some(Part { tag, start, is_part, total }) = part {
        answer::ranged(headers, tag);
        if *is_part {
            answer::part(headers, *start, length, *total);
            *response.status_mut() = StatusCode::PARTIAL_CONTENT;
        }
    }
    Answer::Private(response)
}

/// Makes the head of a response whose body has `length` bytes.
fn begin(status: StatusCode, mut headers: HeaderMap, length: u64) -> Option<OutgoingResponse> {
    if status != StatusCode::NO_CONTENT {
        headers.insert(header::CONTENT_LENGTH, HeaderValue::from(length));
    }
    let entries =
        headers.iter().map(|(name, value)| (name.as_str().to_owned(), value.as_bytes().to_vec()));
    let entries: Vec<(String, Vec<u8>)> = entries.collect();
    let response = OutgoingResponse::new(Fields::from_list(&entries).ok()?);
    response.set_status_code(status.as_u16()).ok()?;
    Some(response)
}

/// Sends bytes in chunks of [`SENT_BYTES`]. It fails if the client has gone, or takes nothing any
/// more.
async fn send(body: &mut (impl Sink<Vec<u8>> + Unpin), bytes: &[u8]) -> Result<(), ()> {
    for some in bytes.chunks(SENT_BYTES) {
        match within(IDLE, body.send(some.to_vec())).await {
            Some(Ok(())) => {}
            Some(Err(_)) | None => return Err(()),
        }
    }
    Ok(())
}

/// Sends a departure. If the body ends short of its length, the engine cuts the connection, and the
/// client sees that.
async fn send_departing(body: &mut (impl Sink<Vec<u8>> + Unpin), departure: &Departure) {
    loop {
        match departure.next() {
            Ok(Some(piece)) => {
                if send(body, &piece).await.is_err() {
                    return;
                }
            }
            Ok(None) => return,
            Err(_) => {
                eprintln!("a body could not be proven to its end, and was cut");
                return;
            }
        }
    }
}

impl Answer {
    /// Returns the headers, to change them.
    pub fn headers_mut(&mut self) -> &mut HeaderMap {
        match self {
            Self::Open(response) => response.headers_mut(),
            Self::Private(response) => response.headers_mut(),
        }
    }

    /// Tells the edge's time.
    pub fn tell_time(&mut self) {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let now = u64::try_from(now.as_millis()).unwrap_or(u64::MAX);
        self.headers_mut().insert(answer::EDGE_TIME, HeaderValue::from(now));
    }

    /// Writes the answer; for a HEAD without its body.
    pub async fn send(self, out: ResponseOutparam, is_head: bool) {
        let (status, headers, length) = match &self {
            Self::Open(of) => (of.status(), of.headers(), of.body().len() as u64),
            Self::Private(of) => (of.status(), of.headers(), of.body().length()),
        };
        let Some(outgoing) = begin(status, headers.clone(), length) else {
            return;
        };
        if is_head || length == 0 {
            out.set(outgoing);
            return;
        }
        let mut body = outgoing.take_body();
        out.set(outgoing);
        match self {
            Self::Open(response) => {
                if send(&mut body, response.body()).await.is_err() {
                    eprintln!("the client went away");
                }
            }
            Self::Private(response) => send_departing(&mut body, response.body()).await,
        }
    }
}
