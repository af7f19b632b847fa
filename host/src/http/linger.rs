//! The rest of a body that nobody wants.
//!
//! An upload may be refused before its body has come. If the connection were closed then, the
//! system would answer what still comes by a reset, and a client that sends all of its body before
//! it reads would never see why (RFC 9112, 9.6). So the rest is taken and thrown away, within
//! limits, while the answer is on its way. It must never keep a byte of it.

use axum::body::Bytes;
use http_body::{Body, Frame, SizeHint};
use http_body_util::BodyExt as _;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::runtime::Handle;
use tokio::time::timeout;

/// The most bytes of a refused body that are taken: a still that is too large, or a short clip.
const BYTES_MAX: u64 = 32 * 1024 * 1024;
/// The longest time that they may take, in seconds.
const SECONDS_MAX: u64 = 15;

/// A request's body, whose rest is thrown away if it is dropped early.
pub struct Lingering<B: Body<Data = Bytes> + Send + Unpin + 'static>(Option<B>);

impl<B: Body<Data = Bytes> + Send + Unpin + 'static> Lingering<B> {
    /// Takes a body.
    pub fn new(body: B) -> Self {
        Self(Some(body))
    }
}

impl<B: Body<Data = Bytes> + Send + Unpin + 'static> Body for Lingering<B> {
    type Data = Bytes;
    type Error = B::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, B::Error>>> {
        let Some(body) = &mut self.0 else {
            return Poll::Ready(None);
        };
        let frame = Pin::new(body).poll_frame(cx);
        // A body that has ended or failed has no rest.
        if matches!(frame, Poll::Ready(None | Some(Err(_)))) {
            self.0 = None;
        }
        frame
    }

    fn is_end_stream(&self) -> bool {
        self.0.as_ref().is_none_or(B::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.0.as_ref().map_or_else(|| SizeHint::with_exact(0), B::size_hint)
    }
}

impl<B: Body<Data = Bytes> + Send + Unpin + 'static> Drop for Lingering<B> {
    fn drop(&mut self) {
        let Some(body) = self.0.take().filter(|body| !body.is_end_stream()) else {
            return;
        };
        if let Ok(runtime) = Handle::try_current() {
            runtime.spawn(timeout(Duration::from_secs(SECONDS_MAX), thrown_away(body)));
        }
    }
}

async fn thrown_away<B: Body<Data = Bytes> + Unpin>(mut body: B) {
    let mut taken = 0_u64;
    while let Some(Ok(frame)) = body.frame().await {
        taken = taken.saturating_add(frame.data_ref().map_or(0, |data| data.len() as u64));
        if taken > BYTES_MAX {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::StreamExt as _;
    use http_body_util::StreamBody;
    use std::convert::Infallible;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU64, Ordering::SeqCst};

    /// Makes a body of so many pieces of a MiB, and a counter of those that were taken.
    fn body(pieces: u64) -> (impl Body<Data = Bytes> + Send + Unpin, Arc<AtomicU64>) {
        let taken = Arc::new(AtomicU64::new(0));
        let counted = Arc::clone(&taken);
        let stream = futures::stream::iter(0..pieces).map(move |_| {
            counted.fetch_add(1, SeqCst);
            Ok::<_, Infallible>(Frame::data(Bytes::from(vec![0; 1 << 20])))
        });
        (StreamBody::new(stream), taken)
    }

    async fn dropped(pieces: u64) -> u64 {
        let (body, taken) = body(pieces);
        let mut body = Lingering::new(body);
        assert!(body.frame().await.is_some_and(|frame| frame.is_ok()));
        drop(body);
        for _ in 0..1000 {
            tokio::task::yield_now().await;
        }
        taken.load(SeqCst)
    }

    #[tokio::test]
    async fn the_rest_is_taken_within_a_limit() {
        assert_eq!(dropped(1).await, 1);
        assert_eq!(dropped(9).await, 9);
        assert_eq!(dropped(1000).await, 1 + BYTES_MAX / (1 << 20) + 1);
    }
}
