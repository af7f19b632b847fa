//! The listener: HTTP/1.1 and HTTP/2 on one port, TLS if there is a certificate, limits on what one
//! connection may take.

use super::Edge;
use super::linger::Lingering;
use super::routes;
use super::tls::Tls;
use crate::metrics::Metrics;
use axum::extract::ConnectInfo;
use axum::http::{HeaderValue, Version, header};
use http_body::{Frame, SizeHint};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use std::convert::Infallible;
use std::error::Error;
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout};
use tower::ServiceExt as _;

/// The most connections at once. Further ones wait in the system's queue.
const CONNECTIONS_MAX: usize = 8192;
/// The open files that connections leave to the rest: 256 uploads, as many objects being read, the
/// database, the log, the scraper.
const OPEN_FILES_RESERVED: usize = 600;
/// The most connections of scrapers at once. There are one or two scrapers, and each asks seldom.
const SCRAPERS_MAX: usize = 16;
/// The longest time from the start of a connection to the head of its first request, TLS included,
/// in seconds.
const HEAD_SECONDS_MAX: u64 = 20;
/// The longest time from an answer over HTTP/1.1 to the head of the next request, in seconds. It is
/// more than proxies keep a connection that they don't use (60), and more than answers promise, so
/// that no request meets a connection that is just being closed.
const KEPT_SECONDS_MAX: u64 = 90;
/// The time for which answers over HTTP/1.1 promise that the connection is kept.
const KEEP_ALIVE: HeaderValue = HeaderValue::from_static("timeout=75");
/// The longest time, in seconds, that a connection stays open while no request is under way.
/// HTTP/1.1 ends earlier (see `KEPT_SECONDS_MAX`), but an HTTP/2 client is likely to ask again
/// soon. At 8 KiB a second, this time also suffices to send what an answer left in our buffers (at
/// most 1 MiB).
const IDLE_SECONDS_MAX: u64 = 128;
/// The longest time, in seconds, that a connection being ended may take to send the last of its
/// answers, once no request is under way.
const LINGER_SECONDS: u64 = 2;
/// The least time between two warnings that connections can't be accepted. Clients decide how often
/// that happens.
const WARNING_SECONDS: u64 = 1;
/// The largest head of a request, in bytes.
const HEAD_BYTES_MAX: usize = 32 * 1024;
/// The most requests at once on one HTTP/2 connection.
const STREAMS_MAX: u32 = 64;
/// What an HTTP/2 connection begins with (RFC 9113, 3.4).
const PREFACE: [u8; 24] = *b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
/// The time, in seconds, that open requests have to end when the edge is told to stop.
const DRAIN_SECONDS: u64 = 10;

/// Why the edge can't serve.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The edge can't listen on the address.
    #[error("can't listen on {address}: {source}. {}", listen_hint(setting, source))]
    Listen {
        /// The setting that the address comes from.
        setting: &'static str,
        /// The address.
        address: SocketAddr,
        /// The error from the system.
        source: std::io::Error,
    },
    /// The certificate or the key can't be used.
    #[error(
        "`[tls]` in the configuration can't be used (`certificate` must be a PEM file with the \
         chain, `key` one with its private key)"
    )]
    Tls(#[source] Box<dyn Error + Send + Sync>),
}

/// Suggests what to do when the edge can't listen on an address.
fn listen_hint(setting: &str, source: &std::io::Error) -> String {
    let why = match source.kind() {
        std::io::ErrorKind::AddrInUse => "Another program is there",
        std::io::ErrorKind::AddrNotAvailable => "It is no address of this machine",
        std::io::ErrorKind::PermissionDenied => {
            "Ports below 1024 need a right that this user does not have"
        }
        _ => "The system does not allow it",
    };
    let options = if setting == "listen" { " (or use --listen, in the demo --port)" } else { "" };
    format!("{why}: set `{setting}` in the configuration to another one{options}.")
}

/// An address that the edge listens on.
pub struct Listener {
    tcp: TcpListener,
    /// The address. If port 0 was asked for, it has the port that the system chose.
    pub address: SocketAddr,
}

impl Listener {
    /// Listens on `address`. `setting` names the setting that the address comes from, for the
    /// error.
    ///
    /// # Errors
    /// [`ServeError::Listen`] if the system refuses.
    pub async fn bind(setting: &'static str, address: SocketAddr) -> Result<Self, ServeError> {
        let failed = |source| ServeError::Listen { setting, address, source };
        let tcp = TcpListener::bind(address).await.map_err(failed)?;
        let address = tcp.local_addr().map_err(failed)?;
        Ok(Self { tcp, address })
    }
}

/// Serves until `stop` is done, then waits for open requests to end.
pub async fn serve(
    edge: Arc<Edge>,
    listener: Listener,
    tls: Option<Tls>,
    stop: impl Future<Output = ()>,
) {
    let places = connections_max(raise_open_files());
    if places < CONNECTIONS_MAX {
        tracing::info!(
            connections = places,
            "fewer connections at once than could be: the limit of open files (ulimit -Hn) is low"
        );
    }
    serve_router(routes::router(edge), listener, tls, places, stop).await;
}

/// Raises the limit of open files as far as this process may, and returns it. `None` means no
/// limit.
fn raise_open_files() -> Option<u64> {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    let raised = Rlimit { current: maximum, maximum };
    match setrlimit(Resource::Nofile, raised) {
        Ok(()) => maximum,
        Err(error) => {
            tracing::warn!(
                %error,
                "the limit of open files can't be raised; fewer connections are taken"
            );
            current
        }
    }
}

/// Returns how many connections this limit of open files leaves room for. If the limit is very low,
/// a quarter of it serves better than none.
fn connections_max(open_files: Option<u64>) -> usize {
    let open_files =
        open_files.map_or(usize::MAX, |limit| usize::try_from(limit).unwrap_or(usize::MAX));
    open_files.saturating_sub(OPEN_FILES_RESERVED).max(open_files / 4).clamp(1, CONNECTIONS_MAX)
}

async fn serve_router(
    router: axum::Router,
    listener: Listener,
    tls: Option<Tls>,
    places: usize,
    stop: impl Future<Output = ()>,
) {
    let stopping = watch::Sender::new(false);
    let places = Arc::new(Semaphore::new(places));
    let (mut warned, mut connections) = (None, JoinSet::new());
    let mut stop = pin!(stop);
    loop {
        let accepted = tokio::select! {
            () = &mut stop => break,
            accepted = accept(&listener.tcp, &places, &mut warned) => accepted,
        };
        let Some((stream, peer, place)) = accepted else {
            continue;
        };
        while connections.try_join_next().is_some() {}
        let (router, tls, stopped) = (router.clone(), tls.clone(), stopping.subscribe());
        connections.spawn(async move {
            let _place = place;
            let _ = stream.set_nodelay(true);
            greet(stream, peer, router, tls, stopped).await;
        });
    }
    drop(listener);
    stopping.send_replace(true);
    let ended = async { while connections.join_next().await.is_some() {} };
    let _ = timeout(Duration::from_secs(DRAIN_SECONDS), ended).await;
    // What is cut off now ends here, while its end can still be entered in the ledger.
    connections.shutdown().await;
}

async fn accept(
    tcp: &TcpListener,
    places: &Arc<Semaphore>,
    warned: &mut Option<Instant>,
) -> Option<(TcpStream, SocketAddr, OwnedSemaphorePermit)> {
    let place = Arc::clone(places).acquire_owned().await.ok()?;
    match tcp.accept().await {
        Ok((stream, peer)) => Some((stream, peer, place)),
        Err(error) => {
            if warned.is_none_or(|at| at.elapsed() >= Duration::from_secs(WARNING_SECONDS)) {
                *warned = Some(Instant::now());
                tracing::warn!(%error, "a connection could not be taken; it is tried again");
            }
            // Most likely the process has no free file descriptors: let some close before the next
            // try.
            tokio::time::sleep(Duration::from_millis(50)).await;
            None
        }
    }
}

/// Negotiates TLS if there is a certificate, and serves the connection within the rest of its time.
async fn greet(
    stream: TcpStream,
    peer: SocketAddr,
    router: axum::Router,
    tls: Option<Tls>,
    mut stopped: watch::Receiver<bool>,
) {
    let begun = Instant::now();
    let limit = Duration::from_secs(HEAD_SECONDS_MAX);
    let patience = || {
        let first_head = limit.saturating_sub(begun.elapsed());
        Patience { first_head, ..Patience::default() }
    };
    let Some(tls) = tls else {
        if let Some(Ok(is_http1)) = in_time(limit, &mut stopped, is_http1(&stream)).await {
            connection((stream, is_http1), peer, router, stopped, patience()).await;
        }
        return;
    };
    let agreed = in_time(limit, &mut stopped, tls.acceptor().accept(stream)).await;
    if let Some(Ok(stream)) = agreed {
        let is_http1 = stream.get_ref().1.alpn_protocol() == Some(b"http/1.1");
        connection((stream, is_http1), peer, router, stopped, patience()).await;
    }
}

/// Returns what comes of `work`. It is none if that takes longer than `limit`, or if the edge is
/// told to stop.
async fn in_time<T>(
    limit: Duration,
    stopped: &mut watch::Receiver<bool>,
    work: impl Future<Output = T>,
) -> Option<T> {
    tokio::select! {
        done = timeout(limit, work) => done.ok(),
        () = told(stopped) => None,
    }
}

/// Looks at the first bytes of a connection, and says whether they can only be HTTP/1. hyper finds
/// out by itself too, but then it keeps a buffer of twice the size for as long as the connection
/// lasts.
async fn is_http1(stream: &TcpStream) -> std::io::Result<bool> {
    let mut first = [0; PREFACE.len()];
    let seen = stream.peek(&mut first).await?;
    Ok(!first.get(..seen).is_some_and(|seen| PREFACE.starts_with(seen)))
}

/// Returns when the edge is told to stop.
async fn told(stopped: &mut watch::Receiver<bool>) {
    let _ = stopped.wait_for(|stopped| *stopped).await.map(drop);
}

/// The longest waits on one connection.
#[derive(Clone, Copy)]
struct Patience {
    /// The wait for the head of its first request, from now.
    first_head: Duration,
    /// The wait for each further head over HTTP/1.1.
    next_head: Duration,
    /// The wait while no request is under way.
    idle: Duration,
    /// The wait while no request is under way and the connection is being ended.
    linger: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            first_head: Duration::from_secs(HEAD_SECONDS_MAX),
            next_head: Duration::from_secs(KEPT_SECONDS_MAX),
            idle: Duration::from_secs(IDLE_SECONDS_MAX),
            linger: Duration::from_secs(LINGER_SECONDS),
        }
    }
}

/// The state of a connection's requests.
#[derive(Clone, Copy, Default)]
struct Traffic {
    /// Says that the head of a request has arrived.
    begun: bool,
    /// The number of requests whose answer has not been handed over.
    under_way: usize,
}

/// One request that is under way. It is under way until this guard is dropped.
struct UnderWay(Arc<watch::Sender<Traffic>>);

impl UnderWay {
    fn begin(traffic: &Arc<watch::Sender<Traffic>>) -> Self {
        traffic.send_modify(|traffic| {
            traffic.begun = true;
            traffic.under_way = traffic.under_way.saturating_add(1);
        });
        Self(Arc::clone(traffic))
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.0.send_modify(|traffic| traffic.under_way = traffic.under_way.saturating_sub(1));
    }
}

/// The body of an answer. Its request is under way until the body is dropped.
struct Answer {
    body: axum::body::Body,
    _under_way: UnderWay,
}

impl http_body::Body for Answer {
    type Data = axum::body::Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Self::Data>, Self::Error>>> {
        Pin::new(&mut self.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// Returns once no request has been under way for as long as `patience` allows.
async fn quiet(traffic: &mut watch::Receiver<Traffic>, patience: &Patience, ending: bool) {
    loop {
        let now = *traffic.borrow_and_update();
        let limit = match now {
            Traffic { under_way: 1.., .. } => Duration::MAX,
            _ if ending => patience.linger,
            Traffic { begun: true, .. } => patience.idle,
            Traffic { begun: false, .. } => patience.first_head,
        };
        if !matches!(timeout(limit, traffic.changed()).await, Ok(Ok(()))) {
            return;
        }
    }
}

/// Serves one connection, of which it may be known that it speaks HTTP/1.
///
/// hyper has no deadline before it knows the version of HTTP, and none for an idle HTTP/2
/// connection whose peer answers pings. This function has both deadlines.
async fn connection<S>(
    (stream, is_http1): (S, bool),
    peer: SocketAddr,
    router: axum::Router,
    mut stopped: watch::Receiver<bool>,
    patience: Patience,
) where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let (traffic, mut seen) = watch::channel(Traffic::default());
    let traffic = Arc::new(traffic);
    let service =
        hyper::service::service_fn(move |mut request: hyper::Request<hyper::body::Incoming>| {
            let under_way = UnderWay::begin(&traffic);
            request.extensions_mut().insert(ConnectInfo(peer));
            // HTTP/2 resets a stream whose body nobody wants, and its answer still arrives.
            let is_kept = request.version() <= Version::HTTP_11;
            let request = request.map(|body| match is_kept {
                true => axum::body::Body::new(Lingering::new(body)),
                false => axum::body::Body::new(body),
            });
            let answered = router.clone().oneshot(request);
            async move {
                let answer = |body| Answer { body, _under_way: under_way };
                let mut answered = answered.await?.map(answer);
                if is_kept && !answered.headers().contains_key(header::CONNECTION) {
                    answered.headers_mut().insert("keep-alive", KEEP_ALIVE);
                }
                Ok::<_, Infallible>(answered)
            }
        });
    let mut builder = Builder::new(TokioExecutor::new());
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(patience.next_head)
        .max_buf_size(HEAD_BYTES_MAX);
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(STREAMS_MAX)
        .max_header_list_size(HEAD_BYTES_MAX as u32)
        .keep_alive_interval(Duration::from_secs(HEAD_SECONDS_MAX));
    if is_http1 {
        builder = builder.http1_only();
    }
    let mut served = pin!(builder.serve_connection(TokioIo::new(stream), service));
    let mut ending = false;
    loop {
        tokio::select! {
            ended = &mut served => {
                if let Err(error) = ended {
                    tracing::debug!(%error, "a connection ended with an error");
                }
                return;
            }
            () = quiet(&mut seen, &patience, ending) => {
                // No request came in time, or the connection was told to end and has not ended.
                if ending || !seen.borrow().begun {
                    tracing::debug!("a connection that asked nothing was closed");
                    return;
                }
            }
            () = told(&mut stopped), if !ending => {}
        }
        served.as_mut().graceful_shutdown();
        ending = true;
    }
}

/// Serves `/metrics` to scrapers, on a separate listener.
pub async fn serve_metrics(metrics: Arc<Metrics>, listener: Listener) {
    let text = move || {
        let metrics = Arc::clone(&metrics);
        async move {
            (
                [(
                    axum::http::header::CONTENT_TYPE,
                    "application/openmetrics-text; version=1.0.0; charset=utf-8",
                )],
                metrics.text(),
            )
        }
    };
    let router = axum::Router::new().route("/metrics", axum::routing::get(text));
    serve_router(router, listener, None, SCRAPERS_MAX, std::future::pending()).await;
}

#[cfg(test)]
mod tests;
