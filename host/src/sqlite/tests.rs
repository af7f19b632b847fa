//! The properties that the seams rely on: durable and shared commits, fresh reads, a file that is
//! ours.

mod file;

use super::{Database, Fault, OpenError, SqliteIndex, SqliteRegistry, schema, writer};
use eyesonly_gate::registry::{Change, Expect, Nonce, RecordName, Registry, RegistryError};
use eyesonly_seal::Kind;
use eyesonly_service::chain::Chain;
use eyesonly_service::index::{
    Committed, Index, IndexError,
    conformance::{camera, id, new, row},
};
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

/// Returns how many commits of sessions there were.
async fn sessions(registry: &SqliteRegistry) -> u64 {
    let answer = registry.read(&[], Nonce::from_bytes(NONCE)).await.unwrap();
    answer.position.sessions.number
}

/// Returns the keys of all sessions.
async fn keys(registry: &SqliteRegistry) -> Vec<Vec<u8>> {
    let listing = registry.list("session", None, 9, Nonce::from_bytes(NONCE)).await;
    listing.unwrap().keys
}

/// Stops the writer inside a separate transaction until the returned sender is used or dropped.
async fn pause(
    database: &Arc<Database>,
) -> (mpsc::Sender<()>, tokio::task::JoinHandle<Result<(), Fault>>) {
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

/// Lets the other tasks of this thread run until `jobs` jobs wait.
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
        let (registry, index) =
            (SqliteRegistry::new(Arc::clone(&database)), SqliteIndex::new(Arc::clone(&database)));
        tasks.spawn(async move {
            let sequence = registry.commit(session(number), None).await.unwrap().sessions.number;
            let object = row(camera(number), Kind::Event, id(5), None);
            assert_eq!(index.commit(new(object)).await.unwrap(), Committed::Written(vec![]));
            (number, sequence)
        });
    }
    let acknowledged = tasks.join_all().await;
    database.close();
    drop(database);

    let database = Database::open(&path).unwrap();
    let (registry, index) =
        (SqliteRegistry::new(Arc::clone(&database)), SqliteIndex::new(database));
    for (number, sequence) in acknowledged {
        let names: [RecordName<'_>; 1] = [("session", &[number])];
        let answer = registry.read(&names, Nonce::from_bytes(NONCE)).await.unwrap();
        assert_eq!(answer.records, [Some(vec![number; 40])]);
        assert!(sequence <= 64);
        assert_eq!(answer.position.sessions.number, 64);
        let events = index.events(camera(number), None, 9, Nonce::from_bytes(NONCE)).await.unwrap();
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
        tasks.spawn(async move {
            registry.commit(session(number), None).await.unwrap().sessions.number
        });
    }
    until_waiting(&database, 64).await;
    assert_eq!(sessions(&registry).await, 0, "nothing was acknowledged or written yet");
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
    // Every task has run by now, and those beyond the limit wait for a place.
    tokio::task::yield_now().await;
    assert_eq!(database.writer.waiting(), writer::QUEUE_JOBS_MAX);
    drop(go_on);
    assert!(tasks.join_all().await.iter().all(Result::is_ok));
    paused.await.unwrap().unwrap();
    let least = 1 + total.div_ceil(writer::BATCH_JOBS_MAX) as u64;
    assert!(database.transactions() >= least, "{} < {least}", database.transactions());
}

#[tokio::test]
async fn a_job_that_fails_takes_nobody_with_it() {
    let (_folder, path) = place();
    let database = Database::open(&path).unwrap();
    let registry = SqliteRegistry::new(Arc::clone(&database));
    let (go_on, paused) = pause(&database).await;
    let conflict = vec![session(2).remove(0), session(1).remove(0)];
    let broken = database.write(|connection| {
        connection.execute("UPDATE registry SET rights = 900", ())?;
        connection.execute("INSERT INTO records VALUES ('session', x'', x'', 1)", ())?;
        Ok(Ok::<_, Fault>(()))
    });
    let (first, second, third, fourth, ()) = tokio::join!(
        biased;
        registry.commit(session(1), None),
        registry.commit(conflict, None),
        broken,
        registry.commit(session(3), None),
        async {
            until_waiting(&database, 4).await;
            drop(go_on);
        },
    );
    paused.await.unwrap().unwrap();
    assert_eq!(first.unwrap().sessions.number, 1);
    assert!(matches!(second, Err(RegistryError::Conflict)), "{second:?}");
    let third = third.unwrap_err();
    assert!(Chain(&third).to_string().contains("CHECK"), "{third:?}");
    assert_eq!(fourth.unwrap().sessions.number, 2);
    assert_eq!(database.transactions(), 2, "they did share one");
    assert_eq!(keys(&registry).await, [[1], [3]]);
    let position = registry.read(&[], Nonce::from_bytes(NONCE)).await.unwrap().position;
    assert_eq!(position.rights.number, 0, "what failed left nothing");
}

#[tokio::test]
async fn a_commit_that_fails_is_told_to_all_in_it() {
    let (_folder, path) = place();
    let database = Database::open(&path).unwrap();
    let registry = SqliteRegistry::new(Arc::clone(&database));
    let (go_on, paused) = pause(&database).await;
    // Ends the transaction that the other jobs share, as a full disk may.
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
    assert!(matches!(second, Err(Fault::Sqlite(_))), "{second:?}");
    assert!(matches!(third, Err(RegistryError::Unavailable(_))), "{third:?}");
    assert!(keys(&registry).await.is_empty());
    assert_eq!(
        registry.commit(session(1), None).await.unwrap().sessions.number,
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
        let names: [RecordName<'_>; 1] = [("viewer", &[key])];
        let answer = registry.read(&names, Nonce::from_bytes(NONCE)).await.unwrap();
        (answer.records[0].is_some(), answer.position.rights.number)
    };
    let viewer = |key: u8| {
        let mut changes = session(key);
        changes[0].kind = "viewer";
        changes
    };
    assert_eq!(seen(1).await, (false, 0));
    assert_eq!(other.commit(viewer(1), Some(1)).await.unwrap().rights.number, 1);
    assert_eq!(seen(1).await, (true, 1));
    assert_eq!(registry.commit(viewer(2), Some(2)).await.unwrap().rights.number, 2);
    let stale = other.commit(viewer(3), Some(2)).await;
    assert!(matches!(stale, Err(RegistryError::Conflict)), "{stale:?}");
    let foreign = Connection::open(&path).unwrap();
    foreign
        .execute_batch("BEGIN; DELETE FROM records; UPDATE registry SET rights = 40; COMMIT")
        .unwrap();
    assert_eq!(seen(1).await, (false, 40));
}

#[tokio::test]
async fn a_closed_database_refuses_writes_and_finishes_those_it_has() {
    let (_folder, path) = place();
    let database = Database::open(&path).unwrap();
    let (registry, index) =
        (SqliteRegistry::new(Arc::clone(&database)), SqliteIndex::new(Arc::clone(&database)));
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
    assert_eq!(queued.await.unwrap().unwrap().sessions.number, 1);
    assert!(matches!(registry.commit(session(2), None).await, Err(RegistryError::Unavailable(_))));
    let late = index.commit(new(row(camera(1), Kind::Clip, id(1), None))).await;
    assert!(matches!(late, Err(IndexError::Unavailable(_))), "{late:?}");
    assert_eq!(sessions(&registry).await, 1);
}

#[tokio::test]
async fn only_who_closes_folds_the_log() {
    let (_folder, path) = place();
    let log = || std::fs::metadata(path.with_extension("sqlite-wal")).map_or(0, |log| log.len());
    let database = Database::open(&path).unwrap();
    let registry = SqliteRegistry::new(Arc::clone(&database));
    registry.commit(session(1), None).await.unwrap();
    assert!(log() > 0, "there is a log to fold");
    // A command beside the edge waits for no reader, and keeps nobody from writing.
    drop(Database::open(&path).unwrap());
    assert!(log() > 0, "the command left it alone");
    database.close();
    assert_eq!(log(), 0);
    assert_eq!(sessions(&registry).await, 1);
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
    assert_eq!(sessions(&registry).await, 1);
}

#[tokio::test]
async fn a_writer_that_panics_leaves_nobody_waiting() {
    let (_folder, path) = place();
    let database = Database::open(&path).unwrap();
    let broken = database.write(|_| -> rusqlite::Result<Result<(), Fault>> {
        panic!("a job that panics, on purpose")
    });
    assert!(matches!(broken.await, Err(Fault::Closed)));
    database.close();
    let late = database.write(|_| Ok(Ok::<_, Fault>(()))).await;
    assert!(matches!(late, Err(Fault::Closed)), "{late:?}");
}

#[test]
fn a_reader_cannot_write() {
    let (_folder, path) = place();
    let database = Database::open(&path).unwrap();
    for statement in
        ["DELETE FROM records", "UPDATE registry SET rights = 9", "PRAGMA user_version = 9"]
    {
        let found = database.read(|connection| connection.execute_batch(statement));
        let found = found.unwrap_err();
        assert!(Chain(&found).to_string().contains("readonly"), "{statement}: {found:?}");
    }
    // Two protections: the mode in which the file was opened, and the connection's setting.
    let locks = database.read(|connection| {
        let query_only: i64 =
            connection.pragma_query_value(None, "query_only", |row| row.get(0))?;
        Ok((connection.is_readonly("main")?, query_only))
    });
    assert_eq!(locks.unwrap(), (true, 1));
}

#[test]
fn a_thread_keeps_its_connection_until_reset() {
    let (_folder, path) = place();
    let (database, other) = (Database::open(&path).unwrap(), Database::open(&path).unwrap());
    // A temporary view would be a write. A setting marks the connection as well.
    let mark = |database: &Database, value: i64| {
        database.read(|connection| connection.pragma_update(None, "cache_spill", value)).unwrap();
    };
    let marked = |database: &Database| {
        let value = database.read(|connection| {
            connection.pragma_query_value(None, "cache_spill", |row| row.get::<_, i64>(0))
        });
        value.unwrap()
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
async fn between_writes_the_readers_lock_is_kept_and_the_log_begins_anew_all_the_same() {
    let (_folder, path) = place();
    let database = Database::open(&path).unwrap();
    // Each commit has 400 KB. After every ten of them the log is copied into the file and starts
    // over.
    for number in 1..=100_i64 {
        let work = move |connection: &Connection| {
            let change =
                "INSERT OR REPLACE INTO records VALUES ('test', x'00', zeroblob(400000), ?1)";
            connection.execute(change, [number])?;
            Ok(Ok::<(), Fault>(()))
        };
        database.write(work).await.unwrap();
    }
    let log = std::fs::metadata(path.with_extension("sqlite-wal")).unwrap().len();
    assert!(log < 12_000_000, "the log grew to {log} bytes of 40,000,000 written");

    // A line of /proc/locks is "1: POSIX ADVISORY READ PID DEVICE:INODE FIRST LAST". The bytes 123
    // to 127 are the readers' (sqlite.org/walformat.html).
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
