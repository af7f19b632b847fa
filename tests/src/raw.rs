//! Requests as bytes on a socket, for those that no HTTP library would send.

use std::time::Duration;

use eyesonly_harness::footage::content_digest;
use eyesonly_harness::request::Request;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::http::Door;
use crate::people::Camera;

/// The longest silence of the edge, in seconds, before the test fails. The edge itself waits for up
/// to a minute.
const SECONDS_MAX: u64 = 120;

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

    /// Returns a header's value, or "".
    pub fn header(&self, name: &str) -> &str {
        let head = self.text.split("\r\n\r\n").next().unwrap_or_default();
        let mut lines = head.lines().filter_map(|line| line.split_once(": "));
        lines.find(|(named, _)| named.eq_ignore_ascii_case(name)).map_or("", |(_, value)| value)
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

/// A connection that is kept: one request after the other goes over it.
///
/// It sends all of a request before it reads a byte of the answer, as simple clients do.
pub struct Line {
    stream: TcpStream,
    authority: String,
}

impl Line {
    /// Connects.
    ///
    /// # Panics
    /// If nothing listens there.
    pub async fn to(door: &Door) -> Self {
        let authority = door.authority();
        Self { stream: TcpStream::connect(&authority).await.unwrap(), authority }
    }

    /// States another host from now on, as a proxy does.
    pub fn named(self, host: &str) -> Self {
        Self { authority: host.to_owned(), ..self }
    }

    /// Sends a request and reads the whole answer to it. The answer must state its length.
    ///
    /// # Panics
    /// If the connection ends, or is reset, before that.
    pub async fn ask(&mut self, request: &Request) -> RawAnswer {
        let body = request.body.clone().unwrap_or_default();
        let line = |(name, value): &(&str, String)| format!("{name}: {value}\r\n");
        let headers: String = request.headers.iter().map(line).collect();
        let head = format!(
            "{} {} HTTP/1.1\r\nHost: {}\r\n{headers}Content-Length: {}\r\n\r\n",
            request.method,
            request.path,
            self.authority,
            body.len()
        );
        let sent = self.stream.write_all(&[head.as_bytes(), &body].concat()).await;
        sent.unwrap_or_else(|error| panic!("{}: not all was taken: {error}", request.told()));
        self.answer().await
    }

    /// Reads the next answer.
    ///
    /// # Panics
    /// If the connection ends, or is reset, before the answer has.
    pub async fn answer(&mut self) -> RawAnswer {
        let head = read_head(&mut self.stream).await;
        assert_ne!(head.status, 0, "no answer came");
        let mut body = vec![0; head.header("content-length").parse().unwrap_or(0)];
        let limit = Duration::from_secs(SECONDS_MAX);
        let read = tokio::time::timeout(limit, self.stream.read_exact(&mut body)).await;
        read.expect("the answer goes on").expect("the answer is whole");
        RawAnswer { text: head.text + &String::from_utf8_lossy(&body), ..head }
    }

    /// Returns the connection.
    pub fn into_stream(self) -> TcpStream {
        self.stream
    }
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
