//! The client: what a phone or a camera is to a server. It knows addresses and credentials, and
//! nothing of what is behind them.

use axum::body::{Body, Bytes};
use axum::http::{HeaderValue, Method, Request, Response, StatusCode, header};
use eyesonly_harness::footage::content_digest;
use futures::Stream;
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use hyper_util::client::legacy::Client as Pool;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioIo};
use socket2::{Domain, Protocol, Socket, Type};
use std::convert::Infallible;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::net::TcpSocket;

/// The longest wait for an answer, in seconds: longer than any limit of the server.
const SECONDS_MAX: u64 = 30;
/// The most idle connections that are kept.
const IDLE_MAX: usize = 512;
/// The receive buffer of a slow line, in bytes.
const SLOW_LINE_BYTES: usize = 16 * 1024;
/// The bytes of one segment on a slow line: as many as on any line but loopback.
const SEGMENT_BYTES: u32 = 1_400;

/// One request.
#[derive(Debug, Clone)]
pub struct Ask {
    /// `GET`, `POST`, `PUT` or `DELETE`.
    pub method: Method,
    /// The part of the address behind the host's name.
    pub path: String,
    /// The bearer credential.
    pub credential: String,
    /// First and last byte that are asked for.
    pub range: Option<(usize, usize)>,
    /// The media type and the body of an upload.
    pub body: Option<(&'static str, Bytes)>,
}

impl Ask {
    /// Makes a `GET`.
    pub fn get(path: String, credential: &str) -> Self {
        Self {
            method: Method::GET,
            path,
            credential: credential.to_owned(),
            range: None,
            body: None,
        }
    }
    /// Makes a `POST` of JSON.
    pub fn post(path: String, credential: &str, body: String) -> Self {
        let body = Some(("application/json", body.into()));
        Self { method: Method::POST, body, ..Self::get(path, credential) }
    }
    /// Makes a `PUT` of a body, which is sent with its digest.
    pub fn put(path: String, credential: &str, media_type: &'static str, body: Bytes) -> Self {
        Self { method: Method::PUT, body: Some((media_type, body)), ..Self::get(path, credential) }
    }
}

/// A reply.
#[derive(Debug, Clone)]
pub struct Reply {
    /// The status.
    pub status: StatusCode,
    /// Says whether the reply has a `Retry-After`.
    pub comes_back: bool,
    /// Says whether a proxy claims that it answered by itself.
    pub from_cache: bool,
    /// The address of what was sent (`Content-Location`).
    pub location: Option<String>,
    /// The body, as far as it came.
    pub body: Bytes,
    /// Says whether the body ended as it should.
    pub whole: bool,
}

/// A client with its connections.
#[derive(Clone)]
pub struct Client {
    pool: Pool<HttpConnector, Body>,
    address: SocketAddr,
}

impl Client {
    /// Makes a client of the server at `address`.
    pub fn new(address: SocketAddr) -> Self {
        let mut connector = HttpConnector::new();
        connector.set_nodelay(true);
        let pool =
            Pool::builder(TokioExecutor::new()).pool_max_idle_per_host(IDLE_MAX).build(connector);
        Self { pool, address }
    }

    /// Asks, and waits for the whole answer. None: no answer came.
    pub async fn ask(&self, ask: &Ask) -> Option<Reply> {
        let limit = Duration::from_secs(SECONDS_MAX);
        tokio::time::timeout(limit, self.exchange(ask)).await.ok()?
    }

    async fn exchange(&self, ask: &Ask) -> Option<Reply> {
        let response = self.pool.request(self.request(ask)?).await.ok()?;
        let mut reading = Reading::of(response);
        reading.on(usize::MAX).await;
        Some(reading.reply())
    }

    fn request(&self, ask: &Ask) -> Option<Request<Body>> {
        let mut request = Request::new(Body::empty());
        *request.method_mut() = ask.method.clone();
        *request.uri_mut() = format!("http://{}{}", self.address, ask.path).parse().ok()?;
        let headers = request.headers_mut();
        let credential = HeaderValue::from_str(&format!("Bearer {}", ask.credential)).ok()?;
        headers.insert(header::AUTHORIZATION, credential);
        if let Some((first, last)) = ask.range {
            headers.insert(
                header::RANGE,
                HeaderValue::from_str(&format!("bytes={first}-{last}")).ok()?,
            );
        }
        if let Some((media_type, body)) = &ask.body {
            headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(media_type));
            headers.insert("content-digest", HeaderValue::from_str(&content_digest(body)).ok()?);
            *request.body_mut() = Body::from(body.clone());
        }
        Some(request)
    }

    /// Hands in a body that has no end of its own. Returns when the server has answered, or the
    /// connection is gone.
    pub async fn stream<S>(&self, path: &str, credential: &str, pieces: S)
    where
        S: Stream<Item = Result<Bytes, Infallible>> + Send + 'static,
    {
        let ask = Ask { method: Method::PUT, ..Ask::get(path.to_owned(), credential) };
        let Some(mut request) = self.request(&ask) else { return };
        let media_type = HeaderValue::from_static("video/mp4");
        request.headers_mut().insert(header::CONTENT_TYPE, media_type);
        *request.body_mut() = Body::from_stream(pieces);
        if let Ok(response) = self.pool.request(request).await {
            tracing::debug!(status = %response.status(), "the server ended a stream");
        }
    }

    /// Asks on a connection of its own, which takes in no more than is read from it. None: no
    /// answer came.
    pub async fn ask_slowly(&self, ask: &Ask) -> Option<Reading> {
        let limit = Duration::from_secs(SECONDS_MAX);
        let asking = async {
            let stream = slow_line()?.connect(self.address).await.ok()?;
            let (mut line, connection) =
                hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.ok()?;
            tokio::spawn(connection);
            let mut request = self.request(ask)?;
            let host = HeaderValue::from_str(&self.address.to_string()).ok()?;
            request.headers_mut().insert(header::HOST, host);
            Some(Reading::of(line.send_request(request).await.ok()?))
        };
        tokio::time::timeout(limit, asking).await.ok()?
    }
}

/// Makes a socket whose server can't send far ahead. On loopback, other sockets have room for
/// megabytes.
fn slow_line() -> Option<TcpSocket> {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, Some(Protocol::TCP)).ok()?;
    socket.set_recv_buffer_size(SLOW_LINE_BYTES).ok()?;
    socket.set_tcp_mss(SEGMENT_BYTES).ok()?;
    socket.set_nonblocking(true).ok()?;
    Some(TcpSocket::from_std_stream(socket.into()))
}

/// An answer that is being read.
pub struct Reading {
    reply: Reply,
    bytes: Vec<u8>,
    body: Option<Incoming>,
}

impl Reading {
    fn of(response: Response<Incoming>) -> Self {
        let has = |name: &str| response.headers().get(name).and_then(|value| value.to_str().ok());
        let reply = Reply {
            status: response.status(),
            comes_back: has("retry-after").is_some(),
            from_cache: has("x-cache") == Some("HIT"),
            location: has("content-location").map(str::to_owned),
            body: Bytes::new(),
            whole: true,
        };
        Self { reply, bytes: Vec::new(), body: Some(response.into_body()) }
    }

    /// Returns the status.
    pub fn status(&self) -> StatusCode {
        self.reply.status
    }

    /// Reads on until there are `until` bytes, or the body has ended. A body whose next piece takes
    /// too long counts as cut. A slow line may take any time for the whole.
    pub async fn on(&mut self, until: usize) {
        let limit = Duration::from_secs(SECONDS_MAX);
        while self.bytes.len() < until
            && let Some(body) = &mut self.body
        {
            match tokio::time::timeout(limit, body.frame()).await {
                Ok(Some(Ok(frame))) => {
                    if let Ok(piece) = frame.into_data() {
                        self.bytes.extend_from_slice(&piece);
                    }
                }
                Ok(Some(Err(_))) | Err(_) => {
                    self.reply.whole = false;
                    self.body = None;
                }
                Ok(None) => self.body = None,
            }
        }
    }

    /// Returns what was read, as a reply.
    pub fn reply(self) -> Reply {
        Reply { body: self.bytes.into(), ..self.reply }
    }
}
