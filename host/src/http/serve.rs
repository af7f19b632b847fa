//! The listener: HTTP/1.1 and HTTP/2 on one port, TLS where a certificate is given, limits on what a connection may take.

use super::Edge;
use super::routes;
use crate::metrics::Metrics;
use axum::extract::ConnectInfo;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use hyper_util::server::graceful::GracefulShutdown;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tower::ServiceExt as _;

/// Most connections at once; more wait in the system's queue.
const CONNECTIONS_MAX: usize = 8192;
/// How long a client may take to send the head of a request, or to agree on TLS.
const HEAD_SECONDS_MAX: u64 = 20;
/// Largest head of a request in bytes.
const HEAD_BYTES_MAX: usize = 32 * 1024;
/// Most requests at once on one HTTP/2 connection.
const STREAMS_MAX: u32 = 64;
/// How long open requests have to end when the edge is told to.
const DRAIN_SECONDS: u64 = 10;

/// Why the edge can't serve.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The address can't be listened on.
    #[error(
        "can't listen on {address}: {source}. Is another program there? Set `listen` in the configuration to another port."
    )]
    Listen {
        /// The address.
        address: SocketAddr,
        /// What the system said.
        source: std::io::Error,
    },
    /// Certificate or key can't be used.
    #[error(
        "`[tls]` in the configuration: {0}. `certificate` must be a PEM file with the chain, `key` one with its private key."
    )]
    Tls(String),
}

/// Certificate chain and key.
#[derive(Clone)]
pub struct Tls(TlsAcceptor);

impl Tls {
    /// Reads PEM files.
    ///
    /// # Errors
    /// [`ServeError::Tls`] that names the file.
    pub fn read(certificate: &Path, key: &Path) -> Result<Self, ServeError> {
        let said = |path: &Path, e: &dyn std::fmt::Display| ServeError::Tls(format!("{}: {e}", path.display()));
        let chain: Result<Vec<_>, _> = CertificateDer::pem_file_iter(certificate)
            .map_err(|e| said(certificate, &e))?
            .collect();
        let chain = chain.map_err(|e| said(certificate, &e))?;
        let private = PrivateKeyDer::from_pem_file(key).map_err(|e| said(key, &e))?;
        let mut config = ServerConfig::builder()
            .with_no_client_auth()
            .with_single_cert(chain, private)
            .map_err(|e| ServeError::Tls(e.to_string()))?;
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Ok(Self(TlsAcceptor::from(Arc::new(config))))
    }
}

/// An address that is being listened on.
pub struct Listener {
    tcp: TcpListener,
    /// The address, with the port that the system chose where 0 was asked for.
    pub address: SocketAddr,
}

impl Listener {
    /// Listens.
    ///
    /// # Errors
    /// [`ServeError::Listen`].
    pub async fn bind(address: SocketAddr) -> Result<Self, ServeError> {
        let failed = |source| ServeError::Listen { address, source };
        let tcp = TcpListener::bind(address).await.map_err(failed)?;
        let address = tcp.local_addr().map_err(failed)?;
        Ok(Self { tcp, address })
    }

    /// The socket, for a server that is not this one.
    #[cfg(feature = "storm")]
    pub(crate) fn into_tcp(self) -> TcpListener {
        self.tcp
    }
}

/// Serves until `stop` is done, then lets open requests end.
pub async fn serve(edge: Arc<Edge>, listener: Listener, tls: Option<Tls>, stop: impl Future<Output = ()>) {
    let router = routes::router(edge);
    let graceful = Arc::new(GracefulShutdown::new());
    let places = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    tokio::pin!(stop);
    loop {
        let accepted = tokio::select! {
            () = &mut stop => break,
            accepted = accept(&listener.tcp, &places) => accepted,
        };
        let Some((stream, peer, place)) = accepted else {
            continue;
        };
        let (router, tls, graceful) = (router.clone(), tls.clone(), Arc::clone(&graceful));
        tokio::spawn(async move {
            let _place = place;
            let _ = stream.set_nodelay(true);
            match tls {
                None => connection(stream, peer, router, &graceful).await,
                Some(Tls(acceptor)) => {
                    let limit = Duration::from_secs(HEAD_SECONDS_MAX);
                    if let Ok(Ok(stream)) = tokio::time::timeout(limit, acceptor.accept(stream)).await {
                        connection(stream, peer, router, &graceful).await;
                    }
                }
            }
        });
    }
    drop(listener);
    if let Some(graceful) = Arc::into_inner(graceful) {
        let _ = tokio::time::timeout(Duration::from_secs(DRAIN_SECONDS), graceful.shutdown()).await;
    }
}

async fn accept(tcp: &TcpListener, places: &Arc<Semaphore>) -> Option<(TcpStream, SocketAddr, OwnedSemaphorePermit)> {
    let place = Arc::clone(places).acquire_owned().await.ok()?;
    match tcp.accept().await {
        Ok((stream, peer)) => Some((stream, peer, place)),
        Err(error) => {
            // Out of file descriptors, most likely: let some close before the next try.
            tracing::warn!(%error, "a connection could not be taken");
            tokio::time::sleep(Duration::from_millis(50)).await;
            None
        }
    }
}

async fn connection<S>(stream: S, peer: SocketAddr, router: axum::Router, graceful: &GracefulShutdown)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let service = hyper::service::service_fn(move |mut request: hyper::Request<hyper::body::Incoming>| {
        request.extensions_mut().insert(ConnectInfo(peer));
        router.clone().oneshot(request.map(axum::body::Body::new))
    });
    let mut builder = Builder::new(TokioExecutor::new());
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(Duration::from_secs(HEAD_SECONDS_MAX))
        .max_buf_size(HEAD_BYTES_MAX);
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(STREAMS_MAX)
        .max_header_list_size(HEAD_BYTES_MAX as u32)
        .keep_alive_interval(Duration::from_secs(HEAD_SECONDS_MAX));
    let served = builder.serve_connection(TokioIo::new(stream), service).into_owned();
    if let Err(error) = graceful.watch(served).await {
        tracing::debug!(%error, "a connection ended with an error");
    }
}

/// Serves `/metrics` to a scraper, on a listener of its own.
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
    if let Err(error) = axum::serve(listener.tcp, router).await {
        tracing::error!(%error, "metrics are not served any more");
    }
}
