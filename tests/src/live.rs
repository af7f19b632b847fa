//! Live streams, as cameras hand them in: a recording that never ends, whose fragments carry their
//! number.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use bytes::Bytes;
use eyesonly_demo::Loop;
use eyesonly_harness::footage::longer;
use futures::channel::mpsc;
use tokio::task::JoinHandle;
use tokio::time::Instant;

use crate::http::Answer;
use crate::people::Camera;

/// The start of what marks a fragment in its own bytes. The number follows in eight digits.
pub const MARK: &[u8] = b"fragment number ";
/// The longest time that a stream goes on.
const STREAM_MAX: Duration = Duration::from_secs(12 * 3600);

/// Returns the recording of a camera of the demo, such as `alder-front-door`.
///
/// # Panics
/// If there is no such recording.
pub fn recording(camera: &str) -> Loop {
    let file = eyesonly_demo::file(&format!("{camera}-live.mp4")).expect("a recording");
    Loop::of(file).expect("a fragmented MP4")
}

/// Returns a fragment of a recording that carries its number behind its picture.
pub fn numbered(recording: &Loop, number: u32) -> Bytes {
    padded(recording, number, 0)
}

/// Returns the same with at least `bytes_min` bytes.
pub fn padded(recording: &Loop, number: u32, bytes_min: usize) -> Bytes {
    let mark = [MARK, format!("{number:08}").as_bytes()].concat();
    longer(recording.fragment(number), bytes_min, &mark).into()
}

/// Returns the numbers of the fragments that are in these bytes.
pub fn numbers(bytes: &[u8]) -> Vec<u32> {
    let digits = |at: usize| bytes.get(at + MARK.len()..at + MARK.len() + 8);
    let read = |digits: &[u8]| std::str::from_utf8(digits).ok()?.parse().ok();
    let marks = bytes.windows(MARK.len()).enumerate().filter(|(_, window)| *window == MARK);
    marks.filter_map(|(at, _)| read(digits(at)?)).collect()
}

/// A stream that is being handed in, whose pieces the test sends.
pub struct Stream {
    pieces: mpsc::UnboundedSender<Result<Bytes, std::io::Error>>,
    answer: JoinHandle<Result<Answer, reqwest::Error>>,
}

impl Stream {
    /// Starts to hand in a stream of this camera: `main` or `sub`.
    pub fn open(camera: &Camera, stream: &str) -> Self {
        let (pieces, body) = mpsc::unbounded();
        let request = camera.upload(&format!("live/{stream}"), "video/mp4");
        let request = request.body(reqwest::Body::wrap_stream(body));
        let request = request.timeout(STREAM_MAX);
        Self { pieces, answer: tokio::spawn(Answer::try_of(request)) }
    }

    /// Sends a piece. Returns false if the edge takes no more.
    pub fn send(&self, piece: impl Into<Bytes>) -> bool {
        self.pieces.unbounded_send(Ok(piece.into())).is_ok()
    }

    /// Waits until the edge ends the stream, and returns its answer.
    ///
    /// # Errors
    /// No answer came.
    pub async fn answered(&mut self) -> Result<Answer, reqwest::Error> {
        (&mut self.answer).await.expect("the request's task")
    }

    /// Ends the stream, and returns the edge's answer.
    ///
    /// # Errors
    /// No answer came.
    pub async fn end(self) -> Result<Answer, reqwest::Error> {
        drop(self.pieces);
        self.answer.await.expect("the request's task")
    }
}

/// A camera that streams in real time until this is dropped.
pub struct Streaming {
    task: JoinHandle<Answer>,
    sent: Arc<AtomicU32>,
}

impl Streaming {
    /// Starts to stream a recording.
    pub fn start(camera: &Camera, stream: &str, recording: Loop) -> Self {
        let line = Stream::open(camera, stream);
        let sent = Arc::new(AtomicU32::new(0));
        let counted = Arc::clone(&sent);
        let task = tokio::spawn(async move {
            line.send(Bytes::from_static(recording.init()));
            let start = Instant::now();
            for number in 0_u32.. {
                tokio::time::sleep_until(start + Loop::due(number)).await;
                if !line.send(numbered(&recording, number)) || line.answer.is_finished() {
                    break;
                }
                counted.store(number + 1, Ordering::SeqCst);
            }
            line.end().await.expect("an answer to a stream that the edge ended")
        });
        Self { task, sent }
    }

    /// Returns how many fragments were sent.
    pub fn sent(&self) -> u32 {
        self.sent.load(Ordering::SeqCst)
    }

    /// Waits until the edge ends the stream, and returns its answer.
    pub async fn ended(mut self) -> Answer {
        (&mut self.task).await.expect("the stream's task")
    }
}

impl Drop for Streaming {
    fn drop(&mut self) {
        self.task.abort();
    }
}
