//! The wire: refusals that arrive, connections that are kept, slow cameras, renewed certificates.
//!
//! A test that waits does so around limits that the edge has or had. None asserts a time.

use std::path::Path;
use std::time::Duration;

use bytes::Bytes;
use eyesonly_harness::footage::{description, fresh_id, mp4_around};
use eyesonly_harness::installation::TlsFiles;
use eyesonly_harness::request::Request;
use eyesonly_tests::footage::media;
use eyesonly_tests::raw::{self, Line, half_a_clip, read_head};
use eyesonly_tests::{Answer, Door, Edge, EdgeOptions, Home, poll};
use reqwest::Method;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::time::{sleep, timeout};

use super::{is_native, report};

/// More bytes than the edge takes of a refused body, with all that the system holds on the way.
const REFUSED_BYTES_MAX: usize = 64 << 20;
/// Longer than the edge takes a refused body, in seconds.
const REFUSED_SECONDS_MAX: u64 = 60;

#[tokio::test]
async fn r14_a_client_that_sends_everything_first_reads_the_refusal() {
    if !is_native() {
        return;
    }
    let home = Home::new().await;
    let (large, clip) = (vec![0; 9 << 20], mp4_around(&vec![0; 6 << 20]));
    let stranger = home.camera.with_credential("nobody's");
    let event = fresh_id();
    home.camera.put_event(&event, &description("refused")).await.expect(201);
    let typed = |media_type, body: Bytes| {
        (*home.camera).upload(&format!("events/{event}/clip"), media_type).with_body(body)
    };
    for (request, status) in [
        (home.camera.still(&fresh_id(), large.clone()), 413),
        (stranger.still(&fresh_id(), large[..6 << 20].to_vec()), 401),
        (stranger.clip(&event, clip.clone()), 401),
        (typed("video/quicktime", clip.clone()), 415),
        (typed("video/mp4", large[..6 << 20].to_vec().into()), 415),
        (home.camera.clip("not-an-id", clip.clone()), 400),
        (Request::new("PUT", "/v1/ingest/elsewhere").with_body(clip.clone()), 404),
    ] {
        let mut line = Line::to(home.edge.door()).await;
        let answer = line.ask(&request).await;
        assert_eq!(answer.status, status, "{}: {answer:?}", request.told());
        assert_eq!(answer.header("content-type"), "application/problem+json");
        // The answer says that this is the end, and the end is no reset.
        assert_eq!(answer.header("connection"), "close");
        let mut rest = Vec::new();
        let ended = line.into_stream().read_to_end(&mut rest).await;
        assert!(ended.is_ok() && rest.is_empty(), "{ended:?}: {rest:?}");
    }
}

/// A refused client that goes on and on is let go: after so many bytes, or after a while.
#[tokio::test]
async fn r14_what_is_read_of_a_refused_body_is_bounded() {
    if !is_native() {
        return;
    }
    let home = Home::new().await;
    let head = format!(
        "PUT /v1/ingest/events/{}/clip HTTP/1.1\r\nHost: edge\r\nAuthorization: Bearer nobody's\r\n\
         Content-Type: video/mp4\r\nContent-Length: 2000000000\r\n\r\n",
        fresh_id()
    );
    let begin = async || {
        let mut stream = raw::begin(home.edge.door(), head.as_bytes()).await;
        assert_eq!(read_head(&mut stream).await.status, 401);
        stream
    };
    let fast = async {
        let (mut stream, piece) = (begin().await, vec![0; 64 << 10]);
        let mut sent = 0;
        while stream.write_all(&piece).await.is_ok() {
            sent += piece.len();
            assert!(sent < REFUSED_BYTES_MAX, "it is read without end");
        }
        assert!(sent > 8 << 20, "the connection ended after {sent} bytes");
    };
    let slow = async {
        let mut stream = begin().await;
        while stream.write_all(&[0]).await.is_ok() {
            sleep(Duration::from_millis(200)).await;
        }
    };
    let silent = async {
        let mut rest = Vec::new();
        let _ = begin().await.read_to_end(&mut rest).await;
    };
    let limit = Duration::from_secs(REFUSED_SECONDS_MAX);
    let ended = timeout(limit, async { tokio::join!(fast, slow, silent) }).await;
    assert!(ended.is_ok(), "a refused client is kept without end");
}

/// A request on an idle connection never meets its end, and each answer says for how long.
#[tokio::test]
async fn r15_an_idle_connection_is_kept() {
    let home = Home::new().await;
    let mut line = Line::to(home.edge.door()).await;
    for pause in [0, 25] {
        sleep(Duration::from_secs(pause)).await;
        let answer = line.ask(&home.camera.still(&fresh_id(), report("19-red.jpg"))).await;
        assert_eq!(answer.status, 201, "{answer:?}");
        if is_native() {
            assert_eq!(answer.header("keep-alive"), "timeout=75");
            assert_eq!(answer.header("connection"), "");
        }
    }
}

/// Whose page it is decides the browser, where it says so. Else `Origin` must name the host.
#[tokio::test]
async fn r16_a_login_through_whatever_changes_the_host() {
    let home = Home::new().await;
    let authority = home.edge.door().authority();
    let own = format!("http://{authority}");
    let check = async |host: &str, headers: &[(&'static str, &str)], expected: u16| {
        let mut request = home.account.log_in(false);
        request.headers.extend(headers.iter().map(|(name, value)| (*name, (*value).to_owned())));
        let answer = Line::to(home.edge.door()).await.named(host).ask(&request).await;
        assert_eq!(answer.status, expected, "{host} {headers:?}: {answer:?}");
        if expected == 403 {
            assert!(answer.text.contains("`public_url`"), "{answer:?}");
        }
    };
    for host in [authority.as_str(), "127.0.0.1", "upstream"] {
        let names_it = host == authority;
        check(host, &[("origin", &own), ("sec-fetch-site", "same-origin")], 201).await;
        check(host, &[("origin", &own), ("sec-fetch-site", "cross-site")], 403).await;
        check(host, &[("origin", &own), ("sec-fetch-site", "same-site")], 403).await;
        check(host, &[("origin", &own)], if names_it { 201 } else { 403 }).await;
        check(host, &[("origin", "null")], 403).await;
        check(host, &[], 201).await;
    }
}

#[tokio::test]
async fn r16_the_address_in_the_browser_is_a_setting() {
    let public_url = Some("https://Cameras.example:443/".to_owned());
    let home = Home::with(EdgeOptions { public_url, ..EdgeOptions::default() }).await;
    for (origin, expected) in
        [("https://cameras.example", 201), ("http://cameras.example", 403), ("https://other", 403)]
    {
        let mut request = home.account.log_in(false);
        request.headers.push(("origin", origin.to_owned()));
        let answer = Line::to(home.edge.door()).await.named("upstream").ask(&request).await;
        assert_eq!(answer.status, expected, "{origin}: {answer:?}");
    }
}

/// Sends a clip at this pace, and returns the status.
async fn at_a_pace(home: &Home, clip: Bytes, bytes_a_second: usize) -> u16 {
    let event = fresh_id();
    home.camera.put_event(&event, &description("slowly")).await.expect(201);
    let mut stream =
        raw::begin(home.edge.door(), &half_a_clip(&home.camera, &event, &clip, 0)).await;
    for piece in clip.chunks(bytes_a_second / 2) {
        stream.write_all(piece).await.unwrap();
        sleep(Duration::from_millis(500)).await;
    }
    read_head(&mut stream).await.status
}

/// Sends half of a clip, then nothing for so long, then the rest, and returns the status.
pub async fn with_a_stall(home: &Home, door: &Door, clip: Bytes, seconds: u64) -> u16 {
    let event = fresh_id();
    home.camera.put_event(&event, &description("in two halves")).await.expect(201);
    let half = clip.len() / 2;
    let mut stream = raw::begin(door, &half_a_clip(&home.camera, &event, &clip, half)).await;
    sleep(Duration::from_secs(seconds)).await;
    stream.write_all(&clip[half..]).await.unwrap();
    read_head(&mut stream).await.status
}

/// A SIM past its data volume sends 64 kbit/s at best, and a change of the cell takes half a
/// minute. The slower of the two took too long for the rule before: 30 s, and 8 KiB a second.
#[tokio::test]
async fn r18_a_slow_line_and_a_stall() {
    let home = Home::new().await;
    let (longer, shorter) = (media("alder-front-door-person.mp4"), media("birch-hallway-cat.mp4"));
    let statuses = tokio::join!(
        at_a_pace(&home, longer, 7_500),
        at_a_pace(&home, shorter.clone(), 3_000),
        with_a_stall(&home, home.edge.door(), shorter, 31),
    );
    assert_eq!(statuses, (201, 201, 201));
}

/// Writes a new self-signed certificate and its key.
fn write_certificate(files: &TlsFiles) {
    let made = certificate();
    std::fs::write(&files.certificate, made.0).unwrap();
    std::fs::write(&files.key, made.1).unwrap();
}

/// Makes a self-signed certificate, and its key.
fn certificate() -> (String, String) {
    let made = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).unwrap();
    (made.cert.pem(), made.signing_key.serialize_pem())
}

/// Says whether a client without a connection yet trusts what the edge shows, and is served.
async fn is_served(door: &Door) -> bool {
    Answer::try_of(door.request(Method::GET, "/healthz")).await.is_ok()
}

/// Makes a client that trusts the certificate that is in the file now.
fn trusting(edge: &Edge) -> Door {
    edge.door().by(|client| client.pool_max_idle_per_host(0))
}

#[tokio::test]
async fn r24_a_renewed_certificate_is_served_without_a_restart() {
    if !is_native() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str| Path::new(folder.path()).join(name);
    let files = TlsFiles { certificate: file("certificate.pem"), key: file("key.pem") };
    write_certificate(&files);
    let home = Home::with(EdgeOptions { tls: Some(files.clone()), ..EdgeOptions::default() }).await;
    let (edge, kept) = (&home.edge, home.edge.door());
    let refused = || edge.log().matches("the changed certificate is not used").count();
    let first = trusting(edge);
    assert!(is_served(kept).await && is_served(&first).await);

    write_certificate(&files);
    let second = trusting(edge);
    poll("the second certificate is served", 60, async || is_served(&second).await).await;
    assert!(!is_served(&first).await, "the first certificate is served as well");
    // This client trusts the first alone: its connection goes on.
    assert!(is_served(kept).await, "a connection ended by the renewal");

    // A renewal writes one file after the other. Until they fit each other, what was there stays.
    let before = refused();
    let (chain, key) = certificate();
    std::fs::write(&files.certificate, chain).unwrap();
    let third = trusting(edge);
    poll("a certificate without its key is not used", 60, async || refused() > before).await;
    assert!(is_served(&second).await && !is_served(&third).await);
    std::fs::write(&files.key, key).unwrap();
    poll("the third certificate is served", 60, async || is_served(&third).await).await;

    let mut last = third;
    for broken in ["", "-----BEGIN CERTIFICATE-----\n"] {
        let before = refused();
        std::fs::write(&files.certificate, broken).unwrap();
        poll("a broken certificate is not used", 60, async || refused() > before).await;
        assert!(is_served(&last).await, "{broken:?} was taken");
        write_certificate(&files);
        last = trusting(edge);
        poll("the next certificate is served", 60, async || is_served(&last).await).await;
    }
}
