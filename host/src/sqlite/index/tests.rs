//! The index in SQLite: the conformance suite, and the faults that only SQLite can have.

use super::*;
use eyesonly_service::index::conformance::{self, camera, id, new, row};
use rusqlite::StatementStatus;

fn index(folder: &tempfile::TempDir) -> SqliteIndex {
    SqliteIndex::new(Database::open(&folder.path().join("registry.sqlite")).unwrap())
}

#[tokio::test]
async fn conforms() {
    let folder = tempfile::tempdir().unwrap();
    let index = index(&folder);
    conformance::check(&index).await;
    conformance::echoes(&index).await;
}

/// Every question searches by an index. None reads a whole table.
#[test]
fn no_question_scans_a_table() {
    let folder = tempfile::tempdir().unwrap();
    let index = index(&folder);
    let objects: Vec<_> = [1, 3, SLOTS_MAX].map(|slots| index.objects.of(slots).unwrap().0).into();
    let known = index.known.of(SLOTS_MAX).unwrap().0;
    for statement in objects.into_iter().chain([known, EVENTS, NEWEST_STILL, HOUSEHOLD_BYTES]) {
        let plan: Vec<String> = index
            .database
            .read(|connection| {
                let mut plan = connection.prepare(&format!("EXPLAIN QUERY PLAN {statement}"))?;
                let steps = plan.raw_query().mapped(|step| step.get(3));
                steps.collect()
            })
            .unwrap();
        assert!(plan.iter().any(|step| step.starts_with("SEARCH")), "{statement}\n{plan:#?}");
        // The question's own row, the registry's one row, the page of at most 101 rows, and no
        // sorting.
        let harmless = ["SCAN CONSTANT ROW", "SCAN question", "SCAN registry", "SCAN answer"];
        for step in &plan {
            assert!(
                !step.starts_with("SCAN") || harmless.iter().any(|fine| step.starts_with(fine)),
                "{plan:#?}"
            );
            assert!(!step.contains("USE TEMP B-TREE"), "{plan:#?}");
        }
    }
}

/// A statement is compiled once. Binding another value must not make SQLite plan it again, because
/// that costs more than the question.
#[tokio::test]
async fn no_question_is_compiled_twice() {
    let folder = tempfile::tempdir().unwrap();
    let index = index(&folder);
    for number in 0..5 {
        let nonce = Nonce::from_bytes([number; 16]);
        index.objects(&[row(camera(number), Kind::Clip, id(1), None).slot], nonce).await.unwrap();
        index.events(camera(number), Some(id(number.into())), 9, nonce).await.unwrap();
        index.newest_still(camera(number), nonce).await.unwrap();
        let nonce = Nonce::from_bytes([number; 16]);
        index.known(&[ObjectName::from_bytes([number; 32])], nonce).await.unwrap();
    }
    for statement in
        [index.objects.of(1).unwrap().0, EVENTS, NEWEST_STILL, index.known.of(1).unwrap().0]
    {
        let counts = index.database.read(|connection| {
            let statement = connection.prepare_cached(statement)?;
            Ok((
                statement.get_status(StatementStatus::Run),
                statement.get_status(StatementStatus::RePrepare),
            ))
        });
        assert_eq!(counts.unwrap(), (5, 0), "{statement}");
    }
}

#[tokio::test]
async fn two_commits_of_one_slot_one_is_written() {
    let folder = tempfile::tempdir().unwrap();
    let index = index(&folder);
    let first = row(camera(1), Kind::Clip, id(1), None);
    let second = ObjectRow { name: ObjectName::from_bytes([9; 32]), ..first.clone() };
    let (one, other) =
        tokio::join!(index.commit(new(first.clone())), index.commit(new(second.clone())));
    match (one.unwrap(), other.unwrap()) {
        (Committed::Written(_), Committed::Taken(row)) => assert_eq!(*row, first),
        (Committed::Taken(row), Committed::Written(_)) => assert_eq!(*row, second),
        neither => panic!("{neither:?}"),
    }
}

#[tokio::test]
async fn a_full_disk_is_told_and_reading_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let index = index(&folder);
    index
        .database
        .write(|connection| {
            let pages: i64 = connection.pragma_query_value(None, "page_count", |row| row.get(0))?;
            connection.pragma_update_and_check(None, "max_page_count", pages + 8, |_| Ok(()))?;
            Ok(Ok::<_, IndexError>(()))
        })
        .await
        .unwrap();
    let mut written = Vec::new();
    let refused = loop {
        let row = row(camera(1), Kind::Clip, id(written.len() as u64), None);
        match index.commit(new(row.clone())).await {
            Ok(Committed::Written(_)) => written.push(row),
            other => break other,
        }
        assert!(written.len() < 10_000, "the limit was never met");
    };
    assert!(matches!(refused, Err(IndexError::Full)), "{refused:?}");
    assert!(!written.is_empty());
    for row in &written {
        let found = index.objects(&[row.slot], Nonce::from_bytes([1; 16])).await.unwrap().rows;
        assert_eq!(found, std::slice::from_ref(row));
    }
}

/// A row that another program wrote into the file is an error.
#[tokio::test]
async fn a_row_that_no_writer_of_ours_wrote_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let index = index(&folder);
    let good = row(camera(1), Kind::Clip, id(1), None);
    index.commit(new(good.clone())).await.unwrap();
    for (column, value) in [("kind", "77"), ("id", "zeroblob(16)")] {
        let foreign = rusqlite::Connection::open(folder.path().join("registry.sqlite")).unwrap();
        foreign.execute(&format!("UPDATE objects SET {column} = {value}"), ()).unwrap();
        let found = index.objects(&[good.slot], Nonce::from_bytes([1; 16])).await;
        assert!(matches!(found, Err(IndexError::Unavailable(_))), "{column}: {found:?}");
        foreign.execute("UPDATE objects SET kind = 3, id = ?1", [good.id.as_bytes()]).unwrap();
        assert_eq!(
            index.objects(&[good.slot], Nonce::from_bytes([1; 16])).await.unwrap().rows,
            std::slice::from_ref(&good)
        );
    }
}
