//! Requests as bytes on a socket, for those that no HTTP library would send.

use std::time::Duration;

use eyesonly_harness::footage::content_digest;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::http::Door;
use crate::people::Camera;

/// The longest silence of the edge, in seconds, before the test fails.
const SECONDS_MAX: u64 = 60;

/// The answer read from a socket.
#[derive(Debug, Clone)]
pub struct RawAnswer {
    /// The status code; 0 if the connection was closed without an answer.
    pub status: u16,
    /// The head and the body, as they came.
    pub text: String,
}

impl RawAnswer {
    fn of(bytes: &[u8]) -> Self {
        let text = String::from_utf8_lossy(bytes).into_owned();
        let status = text
            .strip_prefix("HTTP/1.1 ")
            .and_then(|rest| rest.get(..3)?.parse().ok())
            .unwrap_or(0);
        Self { status, text }
    }
}

/// Sends bytes and reads until the edge closes the connection, which the request should ask for
/// (`Connection: close`).
///
/// # Panics
/// If the edge neither answers nor closes.
pub async fn exchange(door: &Door, request: &[u8]) -> RawAnswer {
    let mut stream = TcpStream::connect(door.authority()).await.unwrap();
    // The edge may refuse, and close, before it has read everything.
    let _ = stream.write_all(request).await;
    read(&mut stream).await
}

/// Does the same, but shuts the sending side down: the edge sees the end of the stream.
///
/// # Panics
/// If the edge neither answers nor closes.
pub async fn exchange_and_end(door: &Door, request: &[u8]) -> RawAnswer {
    let mut stream = TcpStream::connect(door.authority()).await.unwrap();
    let _ = stream.write_all(request).await;
    let _ = stream.shutdown().await;
    read(&mut stream).await
}

/// Sends more on a connection and reads until the edge closes it.
///
/// # Panics
/// If the edge neither answers nor closes.
pub async fn exchange_on(mut stream: TcpStream, request: &[u8]) -> RawAnswer {
    let _ = stream.write_all(request).await;
    read(&mut stream).await
}

/// Reads the head of an answer, and no more.
///
/// # Panics
/// If the edge neither answers nor closes.
pub async fn read_head(stream: &mut TcpStream) -> RawAnswer {
    let mut bytes = Vec::new();
    let mut byte = [0];
    while !bytes.ends_with(b"\r\n\r\n") {
        let read =
            tokio::time::timeout(Duration::from_secs(SECONDS_MAX), stream.read(&mut byte)).await;
        match read.expect("the edge answers or closes") {
            Ok(0) | Err(_) => break,
            Ok(_) => bytes.push(byte[0]),
        }
    }
    RawAnswer::of(&bytes)
}

/// Reads until the edge closes the connection.
async fn read(stream: &mut TcpStream) -> RawAnswer {
    let mut bytes = Vec::new();
    let mut piece = [0; 16 * 1024];
    loop {
        let read =
            tokio::time::timeout(Duration::from_secs(SECONDS_MAX), stream.read(&mut piece)).await;
        match read.expect("the edge answers or closes") {
            Ok(0) | Err(_) => break,
            Ok(count) => bytes.extend_from_slice(&piece[..count]),
        }
    }
    RawAnswer::of(&bytes)
}

/// Starts an upload and returns the socket, so that the rest can be sent, or not.
pub async fn begin(door: &Door, head_and_some: &[u8]) -> TcpStream {
    let mut stream = TcpStream::connect(door.authority()).await.unwrap();
    stream.write_all(head_and_some).await.unwrap();
    stream.flush().await.unwrap();
    stream
}

/// Makes the head of a clip's upload and the first `sent` bytes of its body.
pub fn half_a_clip(camera: &Camera, event: &str, clip: &[u8], sent: usize) -> Vec<u8> {
    let (credential, length, digest) = (&camera.credential, clip.len(), content_digest(clip));
    let head = format!(
        "PUT /v1/ingest/events/{event}/clip HTTP/1.1\r\nHost: edge\r\n\
         Authorization: Bearer {credential}\r\n\
         Content-Type: video/mp4\r\nContent-Length: {length}\r\nContent-Digest: {digest}\r\n\r\n"
    );
    [head.as_bytes(), &clip[..sent]].concat()
}
