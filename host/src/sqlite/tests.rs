//! What the seams rely on: durable, shared commits; fresh reads; a file that is ours.

use super::{Database, Fault, OpenError, schema, writer};
use crate::index::conformance::{camera, id, new, row};
use crate::index::{Committed, Index, IndexError, SqliteIndex};
use crate::registry::{Change, Expect, Nonce, Registry, RegistryError, SqliteRegistry};
use eyesonly_seal::Kind;
use rusqlite::Connection;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::PathBuf;
use std::sync::{Arc, Barrier, mpsc};
use std::time::Duration;
use tempfile::TempDir;
use tokio::task::JoinSet;

const NONCE: [u8; 16] = [6; 16];

fn place() -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("registry.sqlite");
    (folder, path)
}

fn session(key: u8) -> Vec<Change> {
    vec![Change {
        kind: "session",
        key: vec![key],
        expect: Expect::Absent,
        record: Some(vec![key; 40]),
    }]
}

/// Stops the writer inside a transaction of its own until the returned sender is used or dropped.
async fn pause(database: &Arc<Database>) -> (mpsc::Sender<()>, tokio::task::JoinHandle<Result<(), Fault>>) {
    let (started, running) = tokio::sync::oneshot::channel();
    let (go_on, paused) = mpsc::channel::<()>();
    let database = Arc::clone(database);
    let job = tokio::spawn(async move {
        let work = move |_: &Connection| {
            started.send(()).unwrap();
            let _dropped_or_told = paused.recv();
            Ok(Ok::<(), Fault>(()))
        };
        database.write(work).await
    });
    running.await.unwrap();
    (go_on, job)
}

/// Lets the other tasks of this thread run until so many jobs wait.
async fn until_waiting(database: &Database, jobs: usize) {
    while database.writer.waiting() < jobs {
        tokio::task::yield_now().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn what_was_acknowledged_is_there_after_reopening() {
    let (_folder, path) = place();
    let database = Database::open(&path).unwrap();
    let mut tasks = JoinSet::new();
    for number in 0..64 {
        let (registry, index) = (
            SqliteRegistry::new(Arc::clone(&database)),
            SqliteIndex::new(Arc::clone(&database)),
        );
        tasks.spawn(async move {
            let sequence = registry.commit(session(number), None).await.unwrap();
            let object = row(camera(number), Kind::Event, id(5), None);
            assert_eq!(index.commit(new(object)).await.unwrap(), Committed::Written(vec![]));
            (number, sequence)
        });
    }
    let acknowledged = tasks.join_all().await;
    database.close();
    drop(database);

    let database = Database::open(&path).unwrap();
    let (registry, index) = (SqliteRegistry::new(Arc::clone(&database)), SqliteIndex::new(database));
    for (number, sequence) in acknowledged {
        let answer = registry
            .read("session", &[number], Nonce::from_bytes(NONCE))
            .await
            .unwrap();
        assert_eq!(
            (answer.record, answer.record_sequence),
            (Some(vec![number; 40]), sequence)
        );
        assert_eq!(answer.sequence, 64);
        let events = index
            .events(camera(number), None, 9, Nonce::from_bytes(NONCE))
            .await
            .unwrap();
        assert_eq!(events.rows, [row(camera(number), Kind::Event, id(5), None)]);
    }
}

#[tokio::test]
async fn jobs_that_wait_share_one_transaction() {
    let (_folder, path) = place();
    let database = Database::open(&path).unwrap();
    let registry = SqliteRegistry::new(Arc::clone(&database));
    let (go_on, paused) = pause(&database).await;
    let mut tasks = JoinSet::new();
    for number in 0..64 {
        let registry = registry.clone();
        tasks.spawn(async move { registry.commit(session(number), None).await.unwrap() });
    }
    until_waiting(&database, 64).await;
    assert_eq!(
        registry.sequence().await.unwrap(),
        0,
        "nothing was acknowledged or written yet"
    );
    drop(go_on);
    let mut sequences = tasks.join_all().await;
    paused.await.unwrap().unwrap();
    sequences.sort_unstable();
    assert_eq!(sequences, (1..=64).collect::<Vec<u64>>());
    assert_eq!(database.transactions(), 2, "the pause, and all the others");
}

#[tokio::test]
async fn batch_and_queue_are_bounded() {
    let (_folder, path) = place();
    let database = Database::open(&path).unwrap();
    let (go_on, paused) = pause(&database).await;
    let mut tasks = JoinSet::new();
    let total = writer::QUEUE_JOBS_MAX + 10;
    for _ in 0..total {
        let database = Arc::clone(&database);
        tasks.spawn(async move { database.write(|_| Ok(Ok::<_, Fault>(()))).await });
    }
    until_waiting(&database, writer::QUEUE_JOBS_MAX).await;
    // Every task has run by now: those beyond the limit wait for a place.
    tokio::task::yield_now().await;
    assert_eq!(database.writer.waiting(), writer::QUEUE_JOBS_MAX);
    drop(go_on);
    assert!(tasks.join_all().await.iter().all(Result::is_ok));
    paused.await.unwrap().unwrap();
    let least = 1 + total.div_ceil(writer::BATCH_JOBS_MAX) as u64;
    assert!(
        database.transactions() >= least,
        "{} < {least}",
        database.transactions()
    );
}

#[tokio::test]
async fn a_job_that_fails_takes_nobody_with_it() {
    let (_folder, path) = place();
    let database = Database::open(&path).unwrap();
    let registry = SqliteRegistry::new(Arc::clone(&database));
    let (go_on, paused) = pause(&database).await;
    let conflict = vec![session(2).remove(0), session(1).remove(0)];
    let broken = database.write(|connection| {
        connection.execute("UPDATE registry SET sequence = 900", ())?;
        connection.execute("INSERT INTO records VALUES ('session', x'', x'', 1)", ())?;
        Ok(Ok::<_, Fault>(()))
    });
    let (first, second, third, fourth, ()) = tokio::join!(
        biased;
        registry.commit(session(1), Some(1)),
        registry.commit(conflict, None),
        broken,
        registry.commit(session(3), Some(2)),
        async {
            until_waiting(&database, 4).await;
            drop(go_on);
        },
    );
    paused.await.unwrap().unwrap();
    assert_eq!(first.unwrap(), 1);
    assert!(matches!(second, Err(RegistryError::Conflict)), "{second:?}");
    assert!(
        matches!(&third, Err(Fault::Unavailable(text)) if text.contains("CHECK")),
        "{third:?}"
    );
    assert_eq!(fourth.unwrap(), 2);
    assert_eq!(database.transactions(), 2, "they did share one");
    let keys: Vec<_> = registry
        .list("session", None, 9)
        .await
        .unwrap()
        .into_iter()
        .map(|row| row.key)
        .collect();
    assert_eq!(keys, [[1], [3]]);
}

#[tokio::test]
async fn a_commit_that_fails_is_told_to_all_in_it() {
    let (_folder, path) = place();
    let database = Database::open(&path).unwrap();
    let registry = SqliteRegistry::new(Arc::clone(&database));
    let (go_on, paused) = pause(&database).await;
    // Ends the transaction under the others' feet, as a full disk may.
    let ending = database.write(|connection| {
        connection.execute_batch("ROLLBACK; not SQL")?;
        Ok(Ok::<_, Fault>(()))
    });
    let (first, second, third, ()) = tokio::join!(
        biased;
        registry.commit(session(1), None),
        ending,
        registry.commit(session(2), None),
        async {
            until_waiting(&database, 3).await;
            drop(go_on);
        },
    );
    paused.await.unwrap().unwrap();
    assert!(matches!(first, Err(RegistryError::Unavailable(_))), "{first:?}");
    assert!(matches!(second, Err(Fault::Unavailable(_))), "{second:?}");
    assert!(matches!(third, Err(RegistryError::Unavailable(_))), "{third:?}");
    assert!(registry.list("session", None, 9).await.unwrap().is_empty());
    assert_eq!(
        registry.commit(session(1), Some(1)).await.unwrap(),
        1,
        "the writer goes on"
    );
}

#[tokio::test]
async fn the_next_read_sees_what_another_process_wrote() {
    let (_folder, path) = place();
    let registry = SqliteRegistry::new(Database::open(&path).unwrap());
    let other = SqliteRegistry::new(Database::open(&path).unwrap());
    let seen = async |key: u8| {
        let answer = registry
            .read("session", &[key], Nonce::from_bytes(NONCE))
            .await
            .unwrap();
        (answer.record.is_some(), answer.sequence)
    };
    assert_eq!(seen(1).await, (false, 0));
    assert_eq!(other.commit(session(1), Some(1)).await.unwrap(), 1);
    assert_eq!(seen(1).await, (true, 1));
    assert_eq!(registry.commit(session(2), Some(2)).await.unwrap(), 2);
    let stale = other.commit(session(3), Some(2)).await;
    assert!(matches!(stale, Err(RegistryError::Conflict)), "{stale:?}");
    let foreign = Connection::open(&path).unwrap();
    foreign
        .execute_batch("BEGIN; DELETE FROM records; UPDATE registry SET sequence = 40; COMMIT")
        .unwrap();
    assert_eq!(seen(1).await, (false, 40));
}

#[tokio::test]
async fn a_closed_database_refuses_writes_and_finishes_those_it_has() {
    let (_folder, path) = place();
    let database = Database::open(&path).unwrap();
    let (registry, index) = (
        SqliteRegistry::new(Arc::clone(&database)),
        SqliteIndex::new(Arc::clone(&database)),
    );
    let (go_on, paused) = pause(&database).await;
    let queued = tokio::spawn({
        let registry = registry.clone();
        async move { registry.commit(session(1), None).await }
    });
    until_waiting(&database, 1).await;
    drop(go_on);
    database.close();
    database.close();
    paused.await.unwrap().unwrap();
    assert_eq!(queued.await.unwrap().unwrap(), 1);
    assert!(matches!(
        registry.commit(session(2), None).await,
        Err(RegistryError::Unavailable(_))
    ));
    let late = index.commit(new(row(camera(1), Kind::Clip, id(1), None))).await;
    assert!(matches!(late, Err(IndexError::Unavailable(_))), "{late:?}");
    assert_eq!(registry.sequence().await.unwrap(), 1);
}

#[tokio::test]
async fn a_queued_write_is_done_though_its_caller_went_away() {
    let (_folder, path) = place();
    let database = Database::open(&path).unwrap();
    let registry = SqliteRegistry::new(Arc::clone(&database));
    let (go_on, paused) = pause(&database).await;
    let caller = tokio::spawn({
        let registry = registry.clone();
        async move { registry.commit(session(1), None).await }
    });
    until_waiting(&database, 1).await;
    caller.abort();
    assert!(caller.await.unwrap_err().is_cancelled());
    drop(go_on);
    paused.await.unwrap().unwrap();
    database.close();
    assert_eq!(registry.sequence().await.unwrap(), 1);
}

#[tokio::test]
async fn a_writer_that_panics_leaves_nobody_waiting() {
    let (_folder, path) = place();
    let database = Database::open(&path).unwrap();
    let broken = database.write(|_| -> rusqlite::Result<Result<(), Fault>> { panic!("a job that panics, on purpose") });
    assert_eq!(broken.await, Err(Fault::stopped()));
    database.close();
    assert_eq!(database.write(|_| Ok(Ok::<_, Fault>(()))).await, Err(Fault::stopped()));
}

#[test]
fn a_reader_cannot_write() {
    let (_folder, path) = place();
    let database = Database::open(&path).unwrap();
    for statement in [
        "DELETE FROM records",
        "UPDATE registry SET sequence = 9",
        "PRAGMA user_version = 9",
    ] {
        let found = database.read(|connection| connection.execute_batch(statement));
        assert!(
            matches!(&found, Err(Fault::Unavailable(text)) if text.contains("readonly")),
            "{statement}: {found:?}"
        );
    }
    // Two locks on that door: the file's mode of opening, and the connection's setting.
    let locks = database.read(|connection| {
        let query_only: i64 = connection.pragma_query_value(None, "query_only", |row| row.get(0))?;
        Ok((connection.is_readonly("main")?, query_only))
    });
    assert_eq!(locks, Ok((true, 1)));
}

#[test]
fn a_thread_keeps_its_connection_until_reset() {
    let (_folder, path) = place();
    let (database, other) = (Database::open(&path).unwrap(), Database::open(&path).unwrap());
    // A temporary view would be a write; a setting of the connection marks it as well.
    let mark = |database: &Database, value: i64| {
        database
            .read(|connection| connection.pragma_update(None, "cache_spill", value))
            .unwrap();
    };
    let marked = |database: &Database| {
        database.read(|connection| connection.pragma_query_value(None, "cache_spill", |row| row.get::<_, i64>(0)))
    };
    let fresh = marked(&database);
    mark(&database, 0);
    assert_ne!(marked(&database), fresh);
    assert_eq!(marked(&other), fresh, "another database's connection is another");
    assert_eq!(
        std::thread::scope(|threads| threads.spawn(|| marked(&database)).join().unwrap()),
        fresh
    );
    other.reset();
    assert_ne!(marked(&database), fresh);
    database.reset();
    assert_eq!(marked(&database), fresh);
    mark(&database, 0);
    let _failed = database.read(|connection| connection.execute_batch("not SQL"));
    assert_eq!(
        marked(&database),
        fresh,
        "a connection on which something failed is not used again"
    );
}

#[tokio::test]
async fn the_file_is_private_logged_ahead_and_synced() {
    let (folder, path) = place();
    let database = Database::open(&path).unwrap();
    SqliteRegistry::new(Arc::clone(&database))
        .commit(session(1), None)
        .await
        .unwrap();
    for file in std::fs::read_dir(folder.path()).unwrap() {
        let file = file.unwrap();
        assert_eq!(
            file.metadata().unwrap().permissions().mode() & 0o777,
            0o600,
            "{:?}",
            file.file_name()
        );
    }
    assert_eq!(
        std::fs::read_dir(folder.path()).unwrap().count(),
        3,
        "the file, its log, and the log's index"
    );
    let settings = database.write(|connection| {
        let number = |name| connection.pragma_query_value(None, name, |row| row.get::<_, i64>(0));
        let mode: String = connection.pragma_query_value(None, "journal_mode", |row| row.get(0))?;
        Ok(Ok::<_, Fault>((
            mode,
            number("synchronous")?,
            number("foreign_keys")?,
            number("trusted_schema")?,
        )))
    });
    assert_eq!(settings.await, Ok(("wal".to_owned(), 2, 1, 0)));
    drop(database);
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
    drop(Database::open(&path).unwrap());
    assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
}

#[test]
fn two_that_open_a_new_file_at_once_make_it_once() {
    for _ in 0..16 {
        let (_folder, path) = place();
        let barrier = Barrier::new(4);
        let open = || {
            barrier.wait();
            Database::open(&path).map(drop)
        };
        std::thread::scope(|threads| {
            let all: Vec<_> = (0..4).map(|_| threads.spawn(open)).collect();
            for one in all {
                one.join().unwrap().unwrap();
            }
        });
    }
}

fn check_refused(path: &std::path::Path, expected: &str) {
    let before = std::fs::read(path).unwrap();
    let message = Database::open(path).unwrap_err().to_string();
    assert_eq!(message, expected.replace("{}", &path.display().to_string()));
    assert_eq!(
        std::fs::read(path).unwrap(),
        before,
        "a file that is refused is left as it is"
    );
}

#[test]
fn a_file_of_another_version_or_program_is_refused() {
    let (_folder, path) = place();
    drop(Database::open(&path).unwrap());
    let mark = |pragma: &str| Connection::open(&path).unwrap().execute_batch(pragma).unwrap();
    mark("PRAGMA user_version = 7");
    assert!(matches!(
        Database::open(&path),
        Err(OpenError::Version {
            found: 7,
            known: schema::SCHEMA_VERSION,
            ..
        })
    ));
    check_refused(
        &path,
        "{} has schema version 7, this program knows version 1: use the program that wrote it",
    );
    let not_ours = "{} is not a registry of eyesonly: it was left as it is";
    mark("PRAGMA application_id = 1; PRAGMA user_version = 1");
    check_refused(&path, not_ours);
    mark("PRAGMA application_id = 0; PRAGMA user_version = 0");
    check_refused(&path, not_ours);
    std::fs::write(
        &path,
        "a letter to a friend, longer than SQLite's header is. ".repeat(9),
    )
    .unwrap();
    check_refused(&path, not_ours);
    assert!(matches!(
        Database::open(&path.join("deeper")),
        Err(OpenError::File { .. })
    ));
}

#[tokio::test]
async fn between_writes_the_readers_lock_is_kept_and_the_log_begins_anew_all_the_same() {
    let (_folder, path) = place();
    let database = Database::open(&path).unwrap();
    // A commit of 400 KB each: the log is copied into the file after every ten of them, and begins anew then.
    for number in 1..=100_i64 {
        let work = move |connection: &Connection| {
            let change = "INSERT OR REPLACE INTO records VALUES ('test', x'00', zeroblob(400000), ?1)";
            connection.execute(change, [number])?;
            Ok(Ok::<(), Fault>(()))
        };
        database.write(work).await.unwrap();
    }
    let log = std::fs::metadata(path.with_extension("sqlite-wal")).unwrap().len();
    assert!(log < 12_000_000, "the log grew to {log} bytes of 40,000,000 written");

    // /proc/locks: "1: POSIX ADVISORY READ PID DEVICE:INODE FIRST LAST"; bytes 123 to 127 are readers' (sqlite.org/walformat.html).
    let inode = std::fs::metadata(path.with_extension("sqlite-shm")).unwrap().ino();
    let is_kept = || {
        let locks = std::fs::read_to_string("/proc/locks").unwrap();
        locks.lines().any(|line| {
            let fields: Vec<&str> = line.split_whitespace().collect();
            let of_ours = fields.get(5).is_some_and(|place| place.ends_with(&format!(":{inode}")));
            of_ours && fields[3] == "READ" && (123..=127).contains(&fields[6].parse().unwrap())
        })
    };
    for _ in 0..1000 {
        if is_kept() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    panic!("nobody keeps the readers' lock");
}
