//! The response: the component's answer, or a text that says that there is none.
//!
//! wasmtime ends a body in good order even if the component that wrote it has failed. Half an
//! answer would then look like a whole one. This file must never let that pass: an answer whose
//! component failed ends in an error, which the client sees as a broken connection.

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::body::{Body, Frame, SizeHint};
use hyper::header::{CONTENT_TYPE, HeaderValue};
use hyper::{Response, StatusCode};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, ready};
use wasmtime_wasi_http::Error;
use wasmtime_wasi_http::p2::body::HyperOutgoingBody;

pub(crate) type Answer = Response<HyperOutgoingBody>;

/// Makes the response that says why there is no answer.
pub(crate) fn failure(status: StatusCode, reason: &str) -> Answer {
    let body = Full::new(Bytes::from(format!("{reason}\n"))).map_err(|never| match never {});
    let mut answer = Response::new(body.boxed_unsync());
    *answer.status_mut() = status;
    answer
        .headers_mut()
        .insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    answer
}

/// Guards the component's answer. If the component fails, `cut` is set before the component is
/// dropped.
pub(crate) fn guarded(answer: Answer, cut: Arc<AtomicBool>) -> Answer {
    answer.map(|body| Guarded { body, cut }.boxed_unsync())
}

struct Guarded {
    body: HyperOutgoingBody,
    cut: Arc<AtomicBool>,
}

impl Body for Guarded {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Self::Data>, Self::Error>>> {
        let frame = ready!(Pin::new(&mut self.body).poll_frame(context));
        Poll::Ready(match frame {
            None if self.cut.load(Ordering::SeqCst) => Some(Err(Error::HttpResponseIncomplete)),
            frame => frame,
        })
    }

    fn is_end_stream(&self) -> bool {
        // A client that is told that the body ends here would not learn that it was cut.
        !self.cut.load(Ordering::SeqCst) && self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn read(cut: bool) -> Result<Bytes, Error> {
        let body = Full::new(Bytes::from_static(b"half")).map_err(|never| match never {});
        let answer = guarded(Response::new(body.boxed_unsync()), Arc::new(AtomicBool::new(cut)));
        answer.into_body().collect().await.map(|body| body.to_bytes())
    }

    #[tokio::test]
    async fn half_an_answer_does_not_look_like_a_whole_one() {
        assert_eq!(read(false).await.unwrap(), "half");
        assert!(matches!(read(true).await, Err(Error::HttpResponseIncomplete)));
    }
}
