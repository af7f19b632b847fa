//! A web cache in front of a server, in this process. The cache keeps every answer to a `GET` under
//! its address, whatever the headers say. The next client that asks for this address gets the kept
//! answer.

use crate::client::{Ask, Client};
use crate::lies::{Kind as Lie, Liar, Lies};
use anyhow::Context as _;
use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use std::collections::HashMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};
use tokio::sync::oneshot;

/// The largest body that passes through, in bytes.
const BODY_BYTES_MAX: usize = 16 * 1024 * 1024;

/// A running web cache; it ends when it is dropped.
pub struct WebCache {
    /// The address that it listens on.
    pub address: SocketAddr,
    _stop: oneshot::Sender<()>,
}

struct Inner {
    behind: Client,
    lies: Arc<Lies>,
    /// Says whether it keeps answers by addresses without the session's tag: a control.
    without_tag: bool,
    kept: Mutex<HashMap<String, (StatusCode, Bytes)>>,
}

impl WebCache {
    /// Starts a cache in front of the server at `behind`. `without_tag` says whether it keeps
    /// answers by addresses without the session's tag.
    ///
    /// # Errors
    /// No port is free.
    pub async fn open(
        behind: SocketAddr,
        lies: Arc<Lies>,
        without_tag: bool,
    ) -> anyhow::Result<Self> {
        let listener = tokio::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await;
        let listener = listener.context("no port for the web cache")?;
        let address = listener.local_addr()?;
        let (stop, stopped) = oneshot::channel::<()>();
        let inner = Arc::new(Inner {
            behind: Client::new(behind),
            lies,
            without_tag,
            kept: Mutex::default(),
        });
        let router = Router::new().fallback(pass).with_state(inner);
        let served = axum::serve(listener, router)
            .with_graceful_shutdown(async move { drop(stopped.await) });
        tokio::spawn(served.into_future());
        Ok(Self { address, _stop: stop })
    }
}

async fn pass(
    State(cache): State<Arc<Inner>>,
    request: Request<Body>,
) -> Result<Response, StatusCode> {
    let (parts, body) = request.into_parts();
    let path = parts.uri.path_and_query().map_or("/", |path| path.as_str()).to_owned();
    let text =
        |name: header::HeaderName| parts.headers.get(name).and_then(|value| value.to_str().ok());
    let range = text(header::RANGE).unwrap_or_default();
    let kept_by = if cache.without_tag { without_tag(&path) } else { &path };
    let key = format!("{kept_by} {range}");
    let lies = parts.method == Method::GET && cache.lies.next(Liar::WayOut) == Some(Lie::WebCache);
    if lies
        && let Some((status, body)) =
            cache.kept.lock().ok().and_then(|kept| kept.get(&key).cloned())
    {
        cache.lies.was_told(Liar::WayOut, Lie::WebCache);
        let mut response = (status, body).into_response();
        response.headers_mut().insert("x-cache", HeaderValue::from_static("HIT"));
        return Ok(response);
    }
    let credential = text(header::AUTHORIZATION).and_then(|value| value.strip_prefix("Bearer "));
    let sent = axum::body::to_bytes(body, BODY_BYTES_MAX)
        .await
        .map_err(|_| StatusCode::PAYLOAD_TOO_LARGE)?;
    let media_type = match text(header::CONTENT_TYPE) {
        Some("application/json") => "application/json",
        Some("video/mp4") => "video/mp4",
        _ => "image/jpeg",
    };
    let ask = Ask {
        method: parts.method.clone(),
        path,
        credential: credential.unwrap_or_default().to_owned(),
        range: range.strip_prefix("bytes=").and_then(|range| {
            let (first, last) = range.split_once('-')?;
            Some((first.parse().ok()?, last.parse().ok()?))
        }),
        body: (!sent.is_empty()).then_some((media_type, sent)),
    };
    let reply = cache.behind.ask(&ask).await.filter(|reply| reply.whole);
    let reply = reply.ok_or(StatusCode::BAD_GATEWAY)?;
    if parts.method == Method::GET
        && reply.status.is_success()
        && let Ok(mut kept) = cache.kept.lock()
    {
        kept.insert(key, (reply.status, reply.body.clone()));
    }
    let mut response = (reply.status, reply.body).into_response();
    if let Some(location) = reply.location.and_then(|at| HeaderValue::from_str(&at).ok()) {
        response.headers_mut().insert(header::CONTENT_LOCATION, location);
    }
    Ok(response)
}

/// Strips the session's tag from an address.
fn without_tag(path: &str) -> &str {
    let below = path.strip_prefix("/v1/").and_then(|rest| rest.split_once('/'));
    below.map_or(path, |(_, rest)| rest)
}
