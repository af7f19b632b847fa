//! HTTP/1.1 by hand over one kept connection. The client does as little work as possible, because
//! it shares the machine with what is measured.
//!
//! It knows only what the bench asks for: a bearer token, and bodies whose length is stated. It
//! must never be used where a real client's behaviour matters.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use anyhow::{Context, Result, bail};

/// The longest wait for an answer, in seconds: longer than any answer takes, shorter than a
/// person's patience.
const TIMEOUT_SECONDS: u64 = 60;
/// The most bytes of one read: a large buffer needs few system calls a megabyte.
const BUFFER_BYTES: usize = 256 * 1024;

/// One connection to a server on this machine.
pub struct Connection {
    stream: TcpStream,
    buffer: Vec<u8>,
}

/// The head of an answer.
#[derive(Debug)]
pub struct Head {
    /// The status code.
    pub status: u16,
    text: String,
}

impl Head {
    /// Returns a header's value, or "".
    pub fn header(&self, name: &str) -> &str {
        self.text
            .lines()
            .filter_map(|line| line.split_once(':'))
            .find(|(key, _)| key.eq_ignore_ascii_case(name))
            .map_or("", |(_, value)| value.trim())
    }
}

impl Connection {
    /// Connects to `address`: `HOST:PORT`.
    ///
    /// Errors: nobody listens there.
    pub fn open(address: &str) -> Result<Self> {
        Self::with_buffer(address, BUFFER_BYTES)
    }

    /// Connects as [`Connection::open`] does, with a buffer of so many bytes.
    ///
    /// Errors: nobody listens there.
    pub fn with_buffer(address: &str, buffer_bytes: usize) -> Result<Self> {
        let stream =
            TcpStream::connect(address).with_context(|| format!("connecting to {address}"))?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(Duration::from_secs(TIMEOUT_SECONDS)))?;
        Ok(Self { stream, buffer: vec![0; buffer_bytes] })
    }

    /// Sends a question without waiting for its answer.
    ///
    /// Errors: the connection is gone.
    pub fn send(&mut self, path: &str, token: &str) -> Result<()> {
        let head =
            format!("GET {path} HTTP/1.1\r\nHost: bench\r\nAuthorization: Bearer {token}\r\n\r\n");
        Ok(self.stream.write_all(head.as_bytes())?)
    }

    /// Asks, and returns the body of the answer.
    ///
    /// Errors: no answer comes, or its status is not 200.
    pub fn get(&mut self, path: &str, token: &str) -> Result<Vec<u8>> {
        self.send(path, token)?;
        let (head, body) = self.whole()?;
        if head.status != 200 {
            bail!("GET {path}: {}", head.status);
        }
        Ok(body)
    }

    fn whole(&mut self) -> Result<(Head, Vec<u8>)> {
        let mut body = Vec::new();
        let head = self.receive(|piece| body.extend_from_slice(piece))?;
        Ok((head, body))
    }

    /// Waits for an answer. `piece` gets the body in the pieces that arrive.
    ///
    /// Errors: the connection ends before the body does, or the body's length is not stated.
    pub fn receive(&mut self, mut piece: impl FnMut(&[u8])) -> Result<Head> {
        let mut filled = 0;
        let head_bytes = loop {
            let room = self
                .buffer
                .get_mut(filled..)
                .filter(|room| !room.is_empty())
                .context("a head without an end")?;
            let read = self.stream.read(room)?;
            if read == 0 {
                bail!("the connection ended in the head");
            }
            filled += read;
            let begun = self.buffer.get(..filled).unwrap_or_default();
            if let Some(at) = begun.windows(4).position(|window| window == b"\r\n\r\n") {
                break at + 4;
            }
        };
        let text =
            String::from_utf8_lossy(self.buffer.get(..head_bytes).unwrap_or_default()).into_owned();
        let status = text.split(' ').nth(1).and_then(|status| status.parse().ok());
        let head = Head { status: status.context("no status")?, text };
        let length: usize = match (head.status, head.header("content-length")) {
            (204 | 304, _) => 0,
            (_, length) => length.parse().context("an answer that does not state its length")?,
        };
        let begun = self.buffer.get(head_bytes..filled).unwrap_or_default();
        if begun.len() > length {
            bail!("more came than was announced");
        }
        piece(begun);
        let mut left = length - begun.len();
        while left > 0 {
            let read = self.stream.read(&mut self.buffer)?;
            if read == 0 || read > left {
                bail!("the connection ended in the body, or more came than was announced");
            }
            piece(self.buffer.get(..read).unwrap_or_default());
            left -= read;
        }
        Ok(head)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::TcpListener;
    use std::thread;

    /// Checks what a client makes of an answer that comes in these pieces.
    fn check(pieces: &'static [&'static str], expected: Result<(u16, &str), &str>) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let server = thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut question = [0; 1000];
            let read = stream.read(&mut question).unwrap();
            for piece in pieces {
                stream.write_all(piece.as_bytes()).unwrap();
                stream.flush().unwrap();
            }
            String::from_utf8_lossy(&question[..read]).into_owned()
        });
        let mut connection = Connection::open(&address).unwrap();
        connection.send("/a", "secret").unwrap();
        match (connection.whole(), expected) {
            (Ok((head, body)), Ok(expected)) => {
                assert_eq!((head.status, String::from_utf8_lossy(&body).as_ref()), expected)
            }
            (Err(error), Err(part)) => assert!(format!("{error:#}").contains(part), "{error:#}"),
            (got, expected) => panic!("{got:?} where {expected:?} was expected"),
        }
        let question = server.join().unwrap();
        assert!(
            question.starts_with("GET /a HTTP/1.1\r\n") && question.contains("Bearer secret"),
            "{question}"
        );
    }

    #[test]
    fn an_answer_may_come_in_pieces() {
        check(&["HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\nabc"], Ok((200, "abc")));
        check(&["HTTP/1.1 404 No\r", "\nContent-Length: 3\r\n\r\na", "bc"], Ok((404, "abc")));
        check(&["HTTP/1.1 204 No\r\n\r\n"], Ok((204, "")));
    }

    #[test]
    fn a_cut_or_unmeasured_answer_is_an_error() {
        check(&["HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nabc"], Err("ended in the body"));
        check(&["HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nabc"], Err("more came"));
        check(&["HTTP/1.1 200 OK\r\n\r\nabc"], Err("state its length"));
        check(&["HTTP/1.1 200"], Err("ended in the head"));
    }
}
