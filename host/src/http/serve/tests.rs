//! Connections that ask nothing, over a stream in memory and with short limits.

use super::*;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

/// Short, so that a test is short. A limit that a test must not reach is `LONG`.
const SHORT: Duration = Duration::from_millis(200);
const LONG: Duration = Duration::from_secs(600);
const GET: &[u8] = b"GET /quick HTTP/1.1\r\nHost: edge\r\n\r\n";
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
/// Empty SETTINGS.
const SETTINGS: &[u8] = &[0, 0, 0, 4, 0, 0, 0, 0, 0];
/// HEADERS of stream 1, which also end it: GET, http, and the path "/" (RFC 7541, A, entries 2, 6
/// and 4).
const HEADERS: &[u8] = &[0, 0, 3, 1, 5, 0, 0, 0, 1, 0x82, 0x86, 0x84];

fn waits(first_head: Duration, next_head: Duration, idle: Duration) -> Patience {
    Patience { first_head, next_head, idle, linger: SHORT }
}

/// Returns everything that a client reads until its connection is closed. The client sends `sent`
/// and then waits.
async fn read_until_closed(
    patience: Patience,
    sent: &[u8],
    stop: impl Future<Output = ()>,
) -> Vec<u8> {
    let slow = || async {
        tokio::time::sleep(SHORT * 4).await;
        "slow answer"
    };
    let router = axum::Router::new()
        .route("/slow", axum::routing::get(slow))
        .route("/quick", axum::routing::get(|| async { "quick answer" }));
    let (mut client, server) = tokio::io::duplex(1 << 16);
    let stopping = watch::Sender::new(false);
    let peer = SocketAddr::from(([127, 0, 0, 1], 1));
    let served =
        tokio::spawn(connection((server, false), peer, router, stopping.subscribe(), patience));
    client.write_all(sent).await.unwrap();
    let mut read = Vec::new();
    let reading = async {
        let _ = client.read_to_end(&mut read).await;
    };
    let telling = async {
        stop.await;
        stopping.send_replace(true);
        std::future::pending::<()>().await;
    };
    timeout(Duration::from_secs(20), async {
        tokio::select! {
            () = reading => {}
            () = telling => {}
        }
    })
    .await
    .expect("the connection stays open");
    timeout(Duration::from_secs(20), served).await.unwrap().unwrap();
    read
}

#[tokio::test]
async fn a_connection_that_asks_nothing_is_closed() {
    for sent in [
        &b""[..],
        b"PRI * HT",
        PREFACE,
        &[PREFACE, SETTINGS].concat(),
        b"GET /qui",
        b"GET /quick HTTP/1.1\r\n",
    ] {
        let patience = waits(SHORT, LONG, LONG);
        let read = read_until_closed(patience, sent, std::future::pending()).await;
        assert!(!read.starts_with(b"HTTP/1.1 200"), "{sent:?}");
    }
}

#[tokio::test]
async fn an_idle_connection_is_closed_after_its_answer() {
    let asked_2 = [PREFACE, SETTINGS, HEADERS].concat();
    for (sent, patience) in [
        (GET, waits(LONG, SHORT, LONG)),
        (GET, waits(LONG, LONG, SHORT)),
        (&[GET, b"GET /quick HTT"].concat(), waits(LONG, SHORT, LONG)),
        (&asked_2, waits(LONG, LONG, SHORT)),
    ] {
        let read = read_until_closed(patience, sent, std::future::pending()).await;
        assert!(read.len() > 40, "{sent:?}: {read:?}");
    }
}

#[tokio::test]
async fn a_request_that_is_under_way_is_waited_for() {
    let slow = b"GET /slow HTTP/1.1\r\nHost: edge\r\n\r\n";
    let read = read_until_closed(waits(SHORT, SHORT, SHORT), slow, std::future::pending()).await;
    assert!(read.ends_with(b"slow answer"), "{read:?}");
    // The same holds when the edge stops.
    let read = read_until_closed(waits(LONG, LONG, LONG), slow, tokio::time::sleep(SHORT)).await;
    assert!(read.ends_with(b"slow answer"), "{read:?}");
    for sent in [&b""[..], GET, b"GET /qui", PREFACE] {
        read_until_closed(waits(LONG, LONG, LONG), sent, tokio::time::sleep(SHORT)).await;
    }
}

#[test]
fn connections_leave_files_to_the_rest() {
    let check =
        |open_files, expected| assert_eq!(connections_max(open_files), expected, "{open_files:?}");
    check(None, CONNECTIONS_MAX);
    check(Some(1 << 20), CONNECTIONS_MAX);
    check(Some(1024), 424);
    check(Some(256), 64);
    check(Some(0), 1);
    assert!(raise_open_files().is_none_or(|limit| limit > 0));
}
