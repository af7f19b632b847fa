//! Answers of the past: older rows are put back while the edge runs.

use eyesonly_harness::footage::{description, fresh_id};
use eyesonly_tests::footage::media;
use rusqlite::types::Value;

use crate::cell::Cell;
use crate::cell::Expect::{Other, Refused, Right};
use crate::files::SEAL_BROKEN;
use crate::hands::swap_files;
use crate::rows::ALL_OF_POINTER;
use crate::world::{CLIP, World, id_bytes};

/// Returns the sealed record of a viewer, and the sequence number that it was written at.
fn rights_of(world: &World, person: &str) -> (Vec<u8>, i64) {
    let question = "SELECT record, sequence FROM records WHERE kind = 'viewer' AND key = ?1";
    let key = id_bytes(&world.person(person).account.id);
    world.database().query_row(question, [key], |row| Ok((row.get(0)?, row.get(1)?))).unwrap()
}

fn set_rights(world: &World, person: &str, (record, sequence): &(Vec<u8>, i64)) {
    let statement =
        "UPDATE records SET record = ?2, sequence = ?3 WHERE kind = 'viewer' AND key = ?1";
    let key = id_bytes(&world.person(person).account.id);
    assert_eq!(world.database().execute(statement, (key, record, sequence)).unwrap(), 1);
}

#[tokio::test]
async fn rights_of_before_a_revocation_do_not_come_back() {
    let mut world = World::new().await;
    let before = rights_of(&world, "a");
    world.person("a").household.remove_camera(&world.filmed("a2").camera);
    let after = rights_of(&world, "a");
    let revoked = Cell {
        name: "a camera was removed",
        swap: Box::new(|_| {}),
        expected: &[("a2/upload", Refused(401)), ("a2/*", Refused(404)), ("a/cameras", Other(200))],
        counted: &[],
    };
    assert_eq!(revoked.judge(&world).await, Vec::<String>::new());

    set_rights(&world, "a", &before);
    let put_back = Cell {
        name: "the older rights were put back",
        swap: Box::new(|_| {}),
        expected: &[
            ("a/login", Right),
            ("a1/upload", Right),
            ("a2/upload", Refused(401)),
            ("a*", Refused(503)),
        ],
        counted: &[("registry", "stale")],
    };
    assert_eq!(put_back.judge(&world).await, Vec::<String>::new());

    set_rights(&world, "a", &(before.0, after.1));
    assert_eq!(
        put_back.judge(&world).await,
        Vec::<String>::new(),
        "the row's own sequence says nothing"
    );

    set_rights(&world, "a", &after);
    let healed = Cell {
        name: "the rights in force are there again",
        counted: &[("registry", "stale")],
        ..revoked
    };
    assert_eq!(healed.judge(&world).await, Vec::<String>::new());
    world.edge.stop();
}

#[tokio::test]
async fn a_registry_of_the_past_is_refused_as_a_whole() {
    let world = World::new().await;
    // The newest sessions were written, but not read yet, so a request reads the registry first.
    world.person("a").viewer.get("cameras").await.expect(200);
    let back = world
        .database()
        .execute("UPDATE registry SET rights = rights - 1, sessions = sessions - 1", ())
        .unwrap();
    assert_eq!(back, 1);
    let cell = Cell {
        name: "the registry's position went back",
        swap: Box::new(|_| {}),
        expected: &[("a*", Refused(503)), ("b*", Refused(503)), ("c*", Refused(503))],
        counted: &[("registry", "stale")],
    };
    assert_eq!(cell.judge(&world).await, Vec::<String>::new());
}

#[tokio::test]
async fn an_older_newest_still_does_not_come_back() {
    let world = World::new().await;
    let camera = &world.filmed("a1").camera;
    let key = id_bytes(&camera.id);
    let columns = ALL_OF_POINTER;
    let pointer = |connection: &rusqlite::Connection| -> Vec<Value> {
        let question = format!("SELECT {columns} FROM pointers WHERE camera = ?1");
        connection
            .query_row(&question, [&key], |row| (0..11).map(|column| row.get(column)).collect())
            .unwrap()
    };
    let older = pointer(&world.database());
    camera.put_still(&fresh_id(), media("alder-driveway.jpg")).await.expect(201);
    let newer = pointer(&world.database());
    assert_ne!(older, newer);
    let seen = world.ask_all().await;
    for key in ["a1/thumb-320", "a1/thumb-640"] {
        assert_eq!(seen[key].status, 200);
        assert_ne!(seen[key].body, world.right[key].body, "the newer still is shown");
    }

    let places: Vec<_> = columns
        .split(", ")
        .enumerate()
        .map(|(at, column)| format!("{column} = ?{}", at + 2))
        .collect();
    let statement = format!("UPDATE pointers SET {} WHERE camera = ?1", places.join(", "));
    let parameters = std::iter::once(Value::Blob(key.clone())).chain(older);
    assert_eq!(
        world.database().execute(&statement, rusqlite::params_from_iter(parameters)).unwrap(),
        1
    );
    let cell = Cell {
        name: "the older pointer was put back",
        swap: Box::new(|_| {}),
        expected: &[("a1/thumb*", Refused(503))],
        counted: &[("index", "stale")],
    };
    assert_eq!(cell.judge(&world).await, Vec::<String>::new());
}

#[tokio::test]
async fn what_is_in_memory_goes_on_being_served_when_the_store_lies() {
    let mut world = World::new().await;
    // Everything was asked for before, so the memory tier has it. The edge proved it before it went
    // into the tier.
    swap_files(&world.row("a1", CLIP, false).file, &world.row("b1", CLIP, false).file);
    let cell = Cell {
        name: "swapped while in memory",
        swap: Box::new(|_| {}),
        expected: &[("a1/clip*", Right)],
        counted: &[],
    };
    assert_eq!(cell.judge(&world).await, Vec::<String>::new());
    world.edge.restart_with(|options| options.memory_tier_bytes = Some(1));
    let cell = Cell {
        name: "the same without a memory tier",
        swap: Box::new(|_| {}),
        expected: &[("a1/clip*", Refused(503)), ("b1/clip*", Refused(503))],
        counted: SEAL_BROKEN,
    };
    assert_eq!(cell.judge(&world).await, Vec::<String>::new());
    // None of this stops an upload.
    world.filmed("a1").camera.put_event(&fresh_id(), &description("afterwards")).await.expect(201);
}
