//! How long a client may take. An engine gives a request an instance of its own for as long as the
//! request lasts, and has few instances. A request whose client has gone silent must give its
//! instance back. It must never end a request whose client keeps the pace.

use spin_executor::{CancelOnDropToken, push_waker_and_get_token};
use std::future::poll_fn;
use std::pin::pin;
use std::task::Poll;
use std::time::{Duration, Instant};
use wasi::clocks::monotonic_clock::subscribe_duration;

/// The longest pause of a body, in either direction: as for the native host's uploads.
pub const IDLE: Duration = Duration::from_secs(60);
/// The lowest average speed of an upload in bytes a second, after [`IDLE`]: as for the native host.
const BYTES_A_SECOND_MIN: u64 = 2 * 1024;

/// Waits for `work` for at most `time`; returns none if it took longer.
pub async fn within<T>(time: Duration, work: impl Future<Output = T>) -> Option<T> {
    let mut work = pin!(work);
    let deadline = Instant::now() + time;
    let mut timer = None;
    poll_fn(|context| {
        if let Poll::Ready(done) = work.as_mut().poll(context) {
            return Poll::Ready(Some(done));
        }
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Poll::Ready(None);
        }
        // A timer that is replaced is cancelled.
        let pollable = subscribe_duration(u64::try_from(left.as_nanos()).unwrap_or(u64::MAX));
        let waker = context.waker().clone();
        timer = Some(CancelOnDropToken::from(push_waker_and_get_token(pollable, waker)));
        Poll::Pending
    })
    .await
}

/// The pace of one upload.
pub struct Pace {
    begun: Instant,
    received: u64,
}

impl Pace {
    /// Starts to measure now.
    pub fn begin() -> Self {
        Self { begun: Instant::now(), received: 0 }
    }

    /// Counts bytes that came, and says whether they came fast enough on average.
    pub fn keeps(&mut self, bytes: usize) -> bool {
        self.received = self.received.saturating_add(bytes as u64);
        let counted = self.begun.elapsed().saturating_sub(IDLE).as_secs();
        self.received >= counted.saturating_mul(BYTES_A_SECOND_MIN)
    }
}
