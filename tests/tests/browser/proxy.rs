//! A proxy between the browser and the edge, which changes or holds what the browser sends.
//!
//! It must never change an answer.

use eyesonly_tests::Edge;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// What a proxy does with requests.
#[derive(Debug, Clone)]
pub struct Proxy {
    /// Each text that it changes, and the text of the same length that takes its place.
    pub changed: &'static [(&'static str, &'static str)],
    /// A request that contains this text waits until the value is true.
    pub held: Option<(&'static str, watch::Receiver<bool>)>,
}

impl Proxy {
    /// Starts in front of `edge`, and returns the proxy's address. It ends with the test.
    pub async fn start(self, edge: &Edge) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let edge = edge.door().authority();
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                tokio::spawn(self.clone().pass_on(client, edge.clone()));
            }
        });
        address
    }

    async fn pass_on(mut self, client: TcpStream, edge: String) -> std::io::Result<()> {
        let (mut answers, mut requests) = TcpStream::connect(edge).await?.into_split();
        let (mut from_client, mut to_client) = client.into_split();
        tokio::spawn(async move { tokio::io::copy(&mut answers, &mut to_client).await });
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
