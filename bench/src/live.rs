//! Live view under load: cameras that stream, and viewers who follow, at this system or at another
//! server of the same bytes. The same clients load each.
//!
//! A fragment of the demo's recording is padded to one size. Its number stands in its last bytes,
//! so that a viewer knows when it was sent.

use std::convert::Infallible;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail, ensure};
use bytes::Bytes;
use eyesonly_demo::Loop;
use eyesonly_harness::footage::longer;
use futures::stream;
use http_body_util::{BodyExt as _, Either, Empty, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::client::conn::http1;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use serde::{Deserialize, Serialize};
use tokio::net::TcpStream;

/// The bytes of a fragment: 1 Mbit/s at 15 a second.
const FRAGMENT_BYTES: usize = 8_333;
/// The digits of a fragment's number.
const DIGITS: usize = 8;
/// The longest time without a byte, in milliseconds, before a picture counts as one that stands
/// still.
const STALL: Duration = Duration::from_secs(1);
/// The length of a file of a segment, in seconds.
const SEGMENT: Duration = Duration::from_secs(2);
/// The time in which streams and viewers settle before anything is counted.
const SETTLE: Duration = Duration::from_secs(4);

/// The kind of server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// This system: a PUT without an end, and a request for each segment.
    Edge,
    /// A server of HTTP-FLV: a POST without an end, and one request for ever.
    Flv,
    /// A server of files: a request for a file of two seconds, each two seconds.
    Files,
}

/// The input: whom to load, and by how many.
#[derive(Debug, Clone, Deserialize)]
pub struct Input {
    kind: Kind,
    /// The server's address, `127.0.0.1:PORT`.
    address: String,
    /// Where each camera streams to, and its credential, if the server asks for one.
    cameras: Vec<Asked>,
    /// What each viewer asks for, the number of the camera that it shows, and the credential.
    viewers: Vec<(usize, Asked)>,
    seconds: u64,
}

/// A path, and the credential that goes with it.
#[derive(Debug, Clone, Deserialize)]
struct Asked {
    path: String,
    credential: String,
}

/// What came of it.
#[derive(Debug, Default, Serialize)]
pub struct Output {
    /// The viewers whose picture stood still for a second.
    stalls: usize,
    /// Requests that were made in the measured time.
    requests: u64,
    /// Bytes that came in the measured time.
    bytes: u64,
    /// How old a fragment was when it came, half of them and 95 of 100, in milliseconds. None: the
    /// server gives out files.
    p50_milliseconds: Option<f64>,
    /// As above.
    p95_milliseconds: Option<f64>,
}

type Sent = Arc<Mutex<Vec<Instant>>>;
type Body = Either<
    Empty<Bytes>,
    StreamBody<
        std::pin::Pin<Box<dyn stream::Stream<Item = Result<Frame<Bytes>, Infallible>> + Send>>,
    >,
>;

/// Loads a server. Says `measuring` when the measured time begins.
///
/// # Errors
/// The server refuses a stream or a viewer, or a viewer got nothing.
pub fn load(input: Input) -> anyhow::Result<Output> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async move {
        let mut sent = Vec::new();
        for camera in &input.cameras {
            let times = Sent::default();
            if input.kind != Kind::Files {
                tokio::spawn(camera_streams(input.clone(), camera.clone(), Arc::clone(&times)));
            }
            sent.push(times);
        }
        tokio::time::sleep(SETTLE).await;
        let from = Instant::now() + SETTLE;
        let until = from + Duration::from_secs(input.seconds);
        let viewers: Vec<_> = input
            .viewers
            .iter()
            .enumerate()
            .map(|(nth, (camera, asked))| {
                let times = sent.get(*camera).cloned().unwrap_or_default();
                // Viewers do not come all at once.
                let late = SETTLE / 2 * u32::try_from(nth).unwrap_or(0)
                    / u32::try_from(input.viewers.len()).unwrap_or(1).max(1);
                let (input, asked) = (input.clone(), asked.clone());
                tokio::spawn(async move {
                    tokio::time::sleep(late).await;
                    viewer_follows(&input, &asked, &times, (from, until)).await
                })
            })
            .collect();
        tokio::time::sleep(from.saturating_duration_since(Instant::now())).await;
        println!("measuring");
        tokio::time::sleep(until.saturating_duration_since(Instant::now())).await;
        println!("measured");
        let (mut output, mut ages) = (Output::default(), Vec::new());
        for viewer in viewers {
            let saw = viewer.await??;
            ensure!(saw.bytes > 0, "a viewer got nothing");
            output.stalls += usize::from(saw.gap > STALL && input.kind != Kind::Files);
            output.requests += saw.requests;
            output.bytes += saw.bytes;
            ages.extend(saw.ages);
        }
        ages.sort_unstable();
        let at = |percent: usize| {
            let age = ages.get(ages.len().saturating_sub(1) * percent / 100);
            age.map(|age| age.as_secs_f64() * 1000.0)
        };
        (output.p50_milliseconds, output.p95_milliseconds) = (at(50), at(95));
        Ok(output)
    })
}

async fn connect(address: &str) -> anyhow::Result<http1::SendRequest<Body>> {
    let stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    let (sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    tokio::spawn(connection);
    Ok(sender)
}

fn request(
    input: &Input,
    method: &str,
    asked: &Asked,
) -> anyhow::Result<hyper::http::request::Builder> {
    let request = Request::builder().method(method).uri(&asked.path).header("host", &input.address);
    Ok(if asked.credential.is_empty() {
        request
    } else {
        request.header("authorization", format!("Bearer {}", asked.credential))
    })
}

/// Streams the recording in real time, without an end.
async fn camera_streams(input: Input, asked: Asked, sent: Sent) -> anyhow::Result<()> {
    let file = eyesonly_demo::file("alder-front-door-live.mp4").context("the demo's recording")?;
    let recording = Arc::new(Loop::of(file).context("a recording")?);
    let (kind, start) = (input.kind, Instant::now());
    let first = match kind {
        Kind::Edge => Bytes::from_static(recording.init()),
        _ => flv_head(recording.init()).context("a recording of H.264")?,
    };
    let fragments = stream::unfold((0_u32, Some(first)), move |(number, first)| {
        let (recording, sent) = (Arc::clone(&recording), Arc::clone(&sent));
        async move {
            if let Some(first) = first {
                return Some((Ok(Frame::data(first)), (number, None)));
            }
            let due = start + Loop::due(number);
            tokio::time::sleep(due.saturating_duration_since(Instant::now())).await;
            let fragment = recording.fragment(number);
            let bytes = match kind {
                Kind::Edge => padded(fragment, number).into(),
                _ => flv_tag(fragment, number),
            };
            if let Ok(mut sent) = sent.lock() {
                sent.push(Instant::now());
            }
            Some((Ok(Frame::data(bytes)), (number.checked_add(1)?, None)))
        }
    });
    let method = if kind == Kind::Edge { "PUT" } else { "POST" };
    let body: Body = Either::Right(StreamBody::new(Box::pin(fragments)));
    let mut sender = connect(&input.address).await?;
    let media_type = if kind == Kind::Edge { "video/mp4" } else { "video/x-flv" };
    let request = request(&input, method, &asked)?.header("content-type", media_type).body(body)?;
    let response = sender.send_request(request).await?;
    eprintln!("{}: the server ended a stream with {}", asked.path, response.status());
    Ok(())
}

/// Where the `mdat` of a fragment starts.
fn mdat(fragment: &[u8]) -> usize {
    let name = fragment.windows(4).position(|name| name == b"mdat");
    name.unwrap_or(0).saturating_sub(4)
}

/// Makes a fragment longer, with its number at the end.
fn padded(fragment: Vec<u8>, number: u32) -> Vec<u8> {
    longer(fragment, FRAGMENT_BYTES, format!("{number:08}").as_bytes())
}

/// One tag of FLV (video), with what follows it: its length.
fn tag(milliseconds: u32, body: &[u8]) -> Vec<u8> {
    let size = u32::try_from(body.len()).unwrap_or(0);
    let [_, size @ ..] = size.to_be_bytes();
    let [high, time @ ..] = milliseconds.to_be_bytes();
    let length = u32::try_from(body.len() + 11).unwrap_or(0).to_be_bytes();
    [&[9], &size[..], &time, &[high, 0, 0, 0], body, &length].concat()
}

/// The head of a stream of FLV: that it has video, and the configuration of the decoder.
fn flv_head(init: &[u8]) -> Option<Bytes> {
    let at = init.windows(4).position(|name| name == b"avcC")?;
    let size = init.get(at.checked_sub(4)?..at)?.first_chunk()?;
    let size = usize::try_from(u32::from_be_bytes(*size)).ok()?;
    let config = init.get(at + 4..at + size - 4)?;
    let head = [b"FLV".as_slice(), &[1, 1, 0, 0, 0, 9, 0, 0, 0, 0]].concat();
    Some([head, tag(0, &[&[0x17, 0, 0, 0, 0], config].concat())].concat().into())
}

/// A fragment as a tag of FLV: as many bytes, and its number at the end of the picture.
fn flv_tag(fragment: Vec<u8>, number: u32) -> Bytes {
    let padded = padded(fragment, number);
    let picture = padded.get(mdat(&padded) + 8..).unwrap_or_default();
    let milliseconds = u32::try_from(Loop::due(number).as_millis()).unwrap_or(0);
    let kind = if number.is_multiple_of(30) { 0x17 } else { 0x27 };
    tag(milliseconds, &[&[kind, 1, 0, 0, 0], picture].concat()).into()
}

/// What a viewer saw.
#[derive(Default)]
struct Saw {
    requests: u64,
    bytes: u64,
    ages: Vec<Duration>,
    gap: Duration,
    last: Option<Instant>,
    /// The last bytes that came, in which a number may stand.
    tail: Vec<u8>,
}

impl Saw {
    fn piece(&mut self, piece: &[u8], kind: Kind, sent: &Sent, (from, until): (Instant, Instant)) {
        let now = Instant::now();
        if now < from || now > until {
            return;
        }
        self.bytes += piece.len() as u64;
        if let Some(last) = self.last.replace(now) {
            self.gap = self.gap.max(now - last);
        }
        // Behind the number of a tag of FLV stands the tag's length.
        let behind = if kind == Kind::Flv { 4 } else { 0 };
        let keep = DIGITS + behind;
        self.tail
            .extend_from_slice(piece.get(piece.len().saturating_sub(keep)..).unwrap_or_default());
        self.tail.drain(..self.tail.len().saturating_sub(keep));
        let digits = self.tail.get(..DIGITS).and_then(|digits| std::str::from_utf8(digits).ok());
        let number = digits.and_then(|digits| digits.parse::<usize>().ok());
        let at = number.and_then(|number| sent.lock().ok()?.get(number).copied());
        // What had come before the viewer did is older, and is not counted.
        self.ages.extend(at.filter(|at| *at >= from).map(|at| now - at));
    }
}

async fn viewer_follows(
    input: &Input,
    asked: &Asked,
    sent: &Sent,
    (from, until): (Instant, Instant),
) -> anyhow::Result<Saw> {
    let (mut saw, mut query) = (Saw::default(), String::new());
    let mut sender = connect(&input.address).await?;
    let mut next = Instant::now();
    while Instant::now() < until {
        let path = format!("{}{query}", asked.path);
        let asked = Asked { path, credential: asked.credential.clone() };
        let request = request(input, "GET", &asked)?.body(Either::Left(Empty::new()))?;
        sender.ready().await?;
        let mut response: Response<Incoming> = sender.send_request(request).await?;
        if !response.status().is_success() {
            bail!("{}: {}", asked.path, response.status());
        }
        saw.requests += u64::from(Instant::now() >= from);
        let location = response.headers().get("content-location");
        if let Some(segment) = location.and_then(|at| at.to_str().ok()?.rsplit('/').next()) {
            query = format!("?after={segment}");
        }
        while let Some(frame) =
            tokio::time::timeout_at(until.into(), response.frame()).await.ok().flatten()
        {
            if let Ok(piece) = frame?.into_data() {
                saw.piece(&piece, input.kind, sent, (from, until));
            }
        }
        if input.kind == Kind::Files {
            next += SEGMENT;
            tokio::time::sleep(next.saturating_duration_since(Instant::now())).await;
        }
    }
    Ok(saw)
}
