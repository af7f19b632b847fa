//! The client: what a phone or a camera is to a server. It knows addresses and credentials, and nothing of what is behind them.

use axum::body::{Body, Bytes};
use axum::http::{HeaderValue, Method, Request, StatusCode, header};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http_body_util::BodyExt as _;
use hyper_util::client::legacy::Client as Pool;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use sha2::{Digest as _, Sha256};
use std::net::SocketAddr;
use std::time::Duration;

/// How long an answer may take, in seconds: longer than any limit of the server.
const SECONDS_MAX: u64 = 30;
/// Idle connections that are kept.
const IDLE_MAX: usize = 512;

/// One question.
#[derive(Debug, Clone)]
pub struct Ask {
    /// `GET`, `PUT`, `DELETE`.
    pub method: Method,
    /// The address behind the host's name.
    pub path: String,
    /// The bearer credential.
    pub credential: String,
    /// First and last byte that are asked for.
    pub range: Option<(usize, usize)>,
    /// What is handed in, and its media type.
    pub body: Option<(&'static str, Bytes)>,
}

impl Ask {
    /// A `GET`.
    pub fn get(path: String, credential: &str) -> Self {
        Self {
            method: Method::GET,
            path,
            credential: credential.to_owned(),
            range: None,
            body: None,
        }
    }
    /// A `PUT` of a body, with its digest.
    pub fn put(path: String, credential: &str, media_type: &'static str, body: Bytes) -> Self {
        Self {
            method: Method::PUT,
            body: Some((media_type, body)),
            ..Self::get(path, credential)
        }
    }
}

/// What came back.
#[derive(Debug, Clone)]
pub struct Reply {
    /// The status.
    pub status: StatusCode,
    /// `Retry-After` was there.
    pub comes_back: bool,
    /// A proxy says that it had the answer itself.
    pub from_cache: bool,
    /// The body, as far as it came.
    pub body: Bytes,
    /// The body ended as it should.
    pub whole: bool,
}

/// A client with its connections.
#[derive(Clone)]
pub struct Client {
    pool: Pool<HttpConnector, Body>,
    address: SocketAddr,
}

impl Client {
    /// A client of the server at `address`.
    pub fn new(address: SocketAddr) -> Self {
        let mut connector = HttpConnector::new();
        connector.set_nodelay(true);
        let pool = Pool::builder(TokioExecutor::new())
            .pool_max_idle_per_host(IDLE_MAX)
            .build(connector);
        Self { pool, address }
    }

    /// Asks, and waits for the whole answer. None: there was none.
    pub async fn ask(&self, ask: &Ask) -> Option<Reply> {
        let limit = Duration::from_secs(SECONDS_MAX);
        tokio::time::timeout(limit, self.exchange(ask)).await.ok()?
    }

    async fn exchange(&self, ask: &Ask) -> Option<Reply> {
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
            let digest = format!("sha-256=:{}:", STANDARD.encode(Sha256::digest(body)));
            headers.insert("content-digest", HeaderValue::from_str(&digest).ok()?);
            *request.body_mut() = Body::from(body.clone());
        }
        let response = self.pool.request(request).await.ok()?;
        let status = response.status();
        let has = |name: &str| response.headers().get(name).and_then(|value| value.to_str().ok());
        let comes_back = has("retry-after").is_some();
        let from_cache = has("x-cache") == Some("HIT");
        let (mut body, mut bytes, mut whole) = (response.into_body(), Vec::new(), true);
        while let Some(frame) = body.frame().await {
            match frame.map(hyper::body::Frame::into_data) {
                Ok(Ok(piece)) => bytes.extend_from_slice(&piece),
                Ok(Err(_)) => {}
                Err(_) => {
                    whole = false;
                    break;
                }
            }
        }
        Some(Reply {
            status,
            comes_back,
            from_cache,
            body: bytes.into(),
            whole,
        })
    }
}
