//! The file: private, synced, made once, and refused if it is not ours.
//!
//! A test here must never reach the file's content.

use super::*;

#[tokio::test]
async fn the_file_is_private_logged_ahead_and_synced() {
    let (folder, path) = place();
    let database = Database::open(&path).unwrap();
    SqliteRegistry::new(Arc::clone(&database)).commit(session(1), None).await.unwrap();
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
    assert_eq!(settings.await.unwrap(), ("wal".to_owned(), 2, 1, 0));
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
    assert_eq!(std::fs::read(path).unwrap(), before, "a file that is refused is left as it is");
}

#[test]
fn a_file_of_another_version_or_program_is_refused() {
    let (_folder, path) = place();
    drop(Database::open(&path).unwrap());
    let mark = |pragma: &str| Connection::open(&path).unwrap().execute_batch(pragma).unwrap();
    mark("PRAGMA user_version = 7");
    assert!(matches!(
        Database::open(&path),
        Err(OpenError::Version { found: 7, known: schema::SCHEMA_VERSION, .. })
    ));
    check_refused(
        &path,
        "{} has schema version 7, this program knows version 4: use the program that wrote it",
    );
    let not_ours = "{} is not a registry of eyesonly: it was left as it is";
    mark("PRAGMA application_id = 1; PRAGMA user_version = 4");
    check_refused(&path, not_ours);
    mark("PRAGMA application_id = 0; PRAGMA user_version = 0");
    check_refused(&path, not_ours);
    std::fs::write(&path, "a letter to a friend, longer than SQLite's header is. ".repeat(9))
        .unwrap();
    check_refused(&path, not_ours);
    assert!(matches!(Database::open(&path.join("deeper")), Err(OpenError::File { .. })));
}
