//! The check behind nginx's `auth_request`: a conventional server's check of session and ownership,
//! written to be fast.
//!
//! For each request it makes two look-ups in SQLite. The session is looked up by the SHA-256 of its
//! token, and the right by viewer and camera. The statements are compiled once, and each worker has
//! a read-only connection of its own. The check must do no less than the edge asks, or the
//! comparison would be worth nothing. The edge asks for a live session, the tag of this session,
//! and a right to this camera. The check must not be made slower than it needs to be, either.

use std::cell::RefCell;
use std::convert::Infallible;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::Context as _;
use bytes::Bytes;
use http_body_util::Empty;
use hyper::header::{AUTHORIZATION, HeaderMap};
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use rusqlite::{Connection, OpenFlags, OptionalExtension as _, params};
use serde::Deserialize;
use sha2::{Digest as _, Sha256};

const SCHEMA: &str = "\
    PRAGMA journal_mode = WAL; \
    CREATE TABLE sessions (token_sha256 BLOB PRIMARY KEY, viewer TEXT NOT NULL, tag TEXT NOT NULL, \
    expires_at INTEGER NOT NULL) WITHOUT ROWID; \
    CREATE TABLE rights (viewer TEXT NOT NULL, camera TEXT NOT NULL, live INTEGER NOT NULL, \
    PRIMARY KEY (viewer, camera)) WITHOUT ROWID;";
const SESSION: &str = "SELECT viewer, tag, expires_at FROM sessions WHERE token_sha256 = ?1";
const RIGHT: &str = "SELECT live FROM rights WHERE viewer = ?1 AND camera = ?2";
const SESSION_SECONDS: u64 = 24 * 3600;
/// The address that the viewer asked for, as nginx hands it on.
const ASKED: &str = "x-original-uri";

/// The input: what the service knows, and where it listens.
#[derive(Deserialize)]
pub struct Input {
    socket: PathBuf,
    database: PathBuf,
    sessions: Vec<Session>,
}

/// A viewer's session, and the cameras whose live picture that viewer may see.
#[derive(Deserialize)]
struct Session {
    token: String,
    tag: String,
    viewer: String,
    cameras: Vec<String>,
}

/// Fills the database, listens on the socket, and answers until the process is ended.
///
/// # Errors
/// Database or socket can't be made.
pub fn serve(input: Input) -> anyhow::Result<()> {
    fill(&input).context("filling the database")?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async move {
        let listener = tokio::net::UnixListener::bind(&input.socket).context("listening")?;
        println!("listening on {}", input.socket.display());
        let database: Arc<Path> = input.database.into();
        loop {
            let (stream, _) = listener.accept().await?;
            let database = Arc::clone(&database);
            tokio::spawn(async move {
                let service = service_fn(move |request: Request<hyper::body::Incoming>| {
                    let mut response = Response::new(Empty::<Bytes>::new());
                    *response.status_mut() = check(&database, request.headers());
                    async move { Ok::<_, Infallible>(response) }
                });
                let _ = hyper::server::conn::http1::Builder::new()
                    .serve_connection(TokioIo::new(stream), service)
                    .await;
            });
        }
    })
}

fn fill(input: &Input) -> anyhow::Result<()> {
    let mut connection = Connection::open(&input.database)?;
    connection.execute_batch(SCHEMA)?;
    let expires_at = i64::try_from(now_seconds().saturating_add(SESSION_SECONDS))?;
    let transaction = connection.transaction()?;
    for Session { token, tag, viewer, cameras } in &input.sessions {
        let digest = Sha256::digest(token.as_bytes());
        let session = params![digest.as_slice(), viewer, tag, expires_at];
        transaction.execute("INSERT INTO sessions VALUES (?1, ?2, ?3, ?4)", session)?;
        for camera in cameras {
            transaction
                .execute("INSERT INTO rights VALUES (?1, ?2, 1)", params![viewer, camera])?;
        }
    }
    Ok(transaction.commit()?)
}

fn now_seconds() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

fn check(database: &Path, headers: &HeaderMap) -> StatusCode {
    thread_local! {
        static CONNECTION: RefCell<Option<Connection>> = const { RefCell::new(None) };
    }
    let text =
        |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let Some(token) = text(AUTHORIZATION.as_str()).strip_prefix("Bearer ") else {
        return StatusCode::UNAUTHORIZED;
    };
    // /v1/{tag}/cameras/{camera}/…
    let mut segments = text(ASKED).split('/').skip(2);
    let (Some(tag), Some("cameras"), Some(camera)) =
        (segments.next(), segments.next(), segments.next())
    else {
        return StatusCode::FORBIDDEN;
    };
    let answer = CONNECTION.with_borrow_mut(|slot| {
        let connection = match slot {
            Some(connection) => connection,
            None => slot.insert(Connection::open_with_flags(database, read_only())?),
        };
        decide(connection, token, tag, camera)
    });
    answer.unwrap_or_else(|error| {
        eprintln!("the database does not answer: {error}");
        StatusCode::INTERNAL_SERVER_ERROR
    })
}

fn read_only() -> OpenFlags {
    OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX
}

fn decide(
    connection: &Connection,
    token: &str,
    tag: &str,
    camera: &str,
) -> rusqlite::Result<StatusCode> {
    let digest = Sha256::digest(token.as_bytes());
    let session: Option<(String, String, u64)> = connection
        .prepare_cached(SESSION)?
        .query_row([digest.as_slice()], |row| {
            Ok((row.get(0)?, row.get(1)?, row.get::<_, i64>(2)?.cast_unsigned()))
        })
        .optional()?;
    let Some((viewer, of_session, expires_at)) = session else {
        return Ok(StatusCode::UNAUTHORIZED);
    };
    if expires_at <= now_seconds() || of_session != tag {
        return Ok(StatusCode::UNAUTHORIZED);
    }
    let live: Option<bool> = connection
        .prepare_cached(RIGHT)?
        .query_row([viewer.as_str(), camera], |row| row.get(0))
        .optional()?;
    Ok(if live == Some(true) { StatusCode::NO_CONTENT } else { StatusCode::FORBIDDEN })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Checks the service's decision for one who has camera `c1` in the session of tag `t1`.
    fn check_decision(token: &str, tag: &str, camera: &str, expected: StatusCode) {
        let connection = Connection::open_in_memory().unwrap();
        connection.execute_batch(SCHEMA).unwrap();
        let digest = Sha256::digest(b"secret");
        let session = params![digest.as_slice(), "v1", "t1", i64::MAX];
        connection.execute("INSERT INTO sessions VALUES (?1, ?2, ?3, ?4)", session).unwrap();
        connection
            .execute(
                "INSERT INTO rights VALUES ('v1', 'c1', 1), ('v1', 'c2', 0), ('v2', 'c3', 1)",
                (),
            )
            .unwrap();
        assert_eq!(
            decide(&connection, token, tag, camera).unwrap(),
            expected,
            "{token} {tag} {camera}"
        );
    }

    #[test]
    fn it_refuses_what_the_edge_refuses() {
        check_decision("secret", "t1", "c1", StatusCode::NO_CONTENT);
        check_decision("guessed", "t1", "c1", StatusCode::UNAUTHORIZED);
        check_decision("secret", "t2", "c1", StatusCode::UNAUTHORIZED);
        check_decision("secret", "t1", "c2", StatusCode::FORBIDDEN);
        check_decision("secret", "t1", "c3", StatusCode::FORBIDDEN);
    }
}
