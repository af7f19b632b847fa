//! A load of many viewers: each connection asks for the next path of one list, over and over.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use bytes::Bytes;
use http_body_util::{BodyExt as _, Empty};
use hyper::Request;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use serde::{Deserialize, Serialize};
use tokio::net::TcpStream;

/// The input: whom to load.
#[derive(Debug, Clone, Deserialize)]
pub struct Input {
    /// The server's address, `127.0.0.1:PORT`.
    address: String,
    connections: usize,
    seconds: u64,
    /// The paths, each with its credential.
    asked: Vec<(String, String)>,
}

/// What came of it.
#[derive(Debug, Serialize)]
pub struct Output {
    requests_per_second: f64,
    p50_milliseconds: f64,
    p99_milliseconds: f64,
}

/// Loads a server.
///
/// # Errors
/// An answer is not 200, or a connection breaks.
pub fn load(input: Input) -> anyhow::Result<Output> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async move {
        let (input, next) = (Arc::new(input), Arc::new(AtomicUsize::new(0)));
        let began = Instant::now();
        let until = began + Duration::from_secs(input.seconds);
        let connections: Vec<_> = (0..input.connections)
            .map(|_| tokio::spawn(connection(Arc::clone(&input), Arc::clone(&next), until)))
            .collect();
        let mut times = Vec::new();
        for connection in connections {
            times.extend(connection.await??);
        }
        let seconds = began.elapsed().as_secs_f64();
        times.sort_unstable();
        let share = |of: f64| {
            let at = (times.len() as f64 * of) as usize;
            let time = times.get(at.min(times.len().saturating_sub(1)));
            time.map(|time| time.as_secs_f64() * 1000.0).context("nothing was answered")
        };
        Ok(Output {
            requests_per_second: times.len() as f64 / seconds,
            p50_milliseconds: share(0.5)?,
            p99_milliseconds: share(0.99)?,
        })
    })
}

async fn connection(
    input: Arc<Input>,
    next: Arc<AtomicUsize>,
    until: Instant,
) -> anyhow::Result<Vec<Duration>> {
    let stream = TcpStream::connect(&input.address).await?;
    stream.set_nodelay(true)?;
    let (mut sender, connection) =
        http1::handshake::<_, Empty<Bytes>>(TokioIo::new(stream)).await?;
    tokio::spawn(connection);
    let mut times = Vec::new();
    while Instant::now() < until {
        let at = next.fetch_add(1, Ordering::Relaxed) % input.asked.len().max(1);
        let (path, credential) = input.asked.get(at).context("no paths")?;
        let request = Request::builder()
            .uri(path)
            .header("host", &input.address)
            .header("authorization", format!("Bearer {credential}"))
            .body(Empty::new())?;
        let began = Instant::now();
        let answer = sender.send_request(request).await?;
        let status = answer.status();
        let body = answer.into_body().collect().await?.to_bytes();
        if status != 200 {
            bail!("{path}: {status}: {}", String::from_utf8_lossy(&body));
        }
        times.push(began.elapsed());
    }
    Ok(times)
}
