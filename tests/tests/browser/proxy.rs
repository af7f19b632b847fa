//! A proxy between the browser and the edge, which changes or holds what the browser sends.
//!
//! It must never change an answer.

use std::sync::Arc;

use eyesonly_tests::Edge;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Mutex, watch};
use tokio::time::{Duration, Instant};

/// What a proxy does with requests.
#[derive(Debug, Clone, Default)]
pub struct Proxy {
    /// Each text that it changes, and the text of the same length that takes its place.
    pub changed: &'static [(&'static str, &'static str)],
    /// A request that contains this text waits until the value is true.
    pub held: Option<(&'static str, watch::Receiver<bool>)>,
    /// How many bytes of answers it passes on in a second, over all connections.
    pub bytes_a_second: Option<u32>,
}

/// The line of answers, which all connections share.
type Line = Arc<Mutex<Instant>>;

impl Proxy {
    /// Starts in front of `edge` as one that changes nothing, and returns its address.
    pub async fn plain(edge: &Edge) -> String {
        Self::default().start(edge).await
    }

    /// Starts in front of `edge`, and returns the proxy's address. It ends with the test.
    pub async fn start(self, edge: &Edge) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let (door, line) = (edge.door().clone(), Line::new(Mutex::new(Instant::now())));
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                // An edge that was started again has another port.
                tokio::spawn(self.clone().pass_on(client, door.authority(), Arc::clone(&line)));
            }
        });
        address
    }

    async fn pass_on(mut self, client: TcpStream, edge: String, line: Line) -> std::io::Result<()> {
        let (mut answers, mut requests) = TcpStream::connect(edge).await?.into_split();
        let (mut from_client, mut to_client) = client.into_split();
        let rate = self.bytes_a_second;
        tokio::spawn(async move {
            let Some(rate) = rate else {
                return tokio::io::copy(&mut answers, &mut to_client).await.map(drop);
            };
            let mut buffer = vec![0; 2048];
            loop {
                let length = answers.read(&mut buffer).await?;
                if length == 0 {
                    return Ok(());
                }
                let took = Duration::from_secs_f64(length as f64 / f64::from(rate));
                let free = {
                    let mut free = line.lock().await;
                    *free = (*free).max(Instant::now()) + took;
                    *free
                };
                tokio::time::sleep_until(free).await;
                to_client.write_all(&buffer[..length]).await?;
            }
        });
        let mut buffer = vec![0; 64 * 1024];
        loop {
            let length = from_client.read(&mut buffer).await?;
            if length == 0 {
                return Ok(());
            }
            let read = &mut buffer[..length];
            for (old, new) in self.changed {
                while let Some(at) = find(read, old) {
                    read[at..at + new.len()].copy_from_slice(new.as_bytes());
                }
            }
            if let Some((text, gate)) = &mut self.held
                && find(read, text).is_some()
            {
                let _ = gate.wait_for(|open| *open).await;
            }
            requests.write_all(read).await?;
        }
    }
}

fn find(bytes: &[u8], text: &str) -> Option<usize> {
    bytes.windows(text.len()).position(|window| window == text.as_bytes())
}
