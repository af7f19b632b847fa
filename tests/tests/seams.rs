//! What is swapped, changed or put back by hand in a data folder is refused and counted, and nobody gets anything of somebody else.
//!
//! Each cell of the tables below does one thing to the pristine folder of three households, and says what every question is answered
//! with then: what is not named must be answered rightly, for household `c` always. The same questions are asked of the pristine
//! folder first, and get the right bytes; so each cell can fail.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "all of this is a test")]

#[path = "seams/world.rs"]
mod world;

use std::fs;

use eyesonly_tests::footage::{description, fresh_id, media};
use rusqlite::types::Value;
use world::Expect::{Cut, Refused, Right};
use world::{CLIP, EVENT, EVENT_STILL, EXTENT_CHUNKS, HEADER_BYTES, SEALED_CHUNK_BYTES, STILL};
use world::{Cell, Swap, World, change_file, id_bytes, swap_columns, swap_files, swap_keys};

/// Runs each cell on a stopped edge that is then started again.
async fn run(cells: Vec<Cell>) {
    let mut world = World::new().await;
    let mut wrong = Vec::new();
    let count = cells.len();
    for cell in cells {
        world.put_back();
        (cell.swap)(&world);
        world.edge.restart();
        wrong.extend(cell.judge(&world).await);
    }
    assert!(wrong.is_empty(), "of {count} cells:\n{}", wrong.join("\n"));
}

/// The sealed files of two cameras' objects. `rendition`: the one of 320 pixels.
fn files(one: &'static str, other: &'static str, kind: u8, rendition: bool) -> Swap {
    Box::new(move |world| {
        let (one, other) = (world.row(one, kind, rendition).file, world.row(other, kind, rendition).file);
        swap_files(&one, &other);
    })
}

#[tokio::test]
async fn two_cameras_sealed_files() {
    // Both ways of asking the store: by the coalescer, then directly.
    const WRONG_SEAL: &[(&str, &str)] = &[("coalescer", "wrong_seal"), ("store", "wrong_seal")];
    const EITHER: &[(&str, &str)] =
        &[("coalescer", "wrong_seal"), ("store", "wrong_seal"), ("coalescer", "wrong_length"), ("store", "wrong_length")];
    run(vec![
        Cell {
            name: "clips of two households, equally long",
            swap: files("a1", "b1", CLIP, false),
            expected: &[("a1/clip*", Refused(503)), ("b1/clip*", Refused(503))],
            counted: WRONG_SEAL,
        },
        Cell {
            name: "clips of one household, one longer",
            swap: files("a1", "a2", CLIP, false),
            expected: &[("a1/clip*", Refused(503)), ("a2/clip*", Refused(503))],
            counted: EITHER,
        },
        Cell {
            name: "clips of two households, one longer",
            swap: files("a2", "b1", CLIP, false),
            expected: &[("a2/clip*", Refused(503)), ("b1/clip*", Refused(503))],
            counted: EITHER,
        },
        Cell {
            // The small rendition is an object of its own: it is served without its source.
            name: "stills of two households, equally long",
            swap: files("a1", "b1", STILL, false),
            expected: &[("a1/thumb-640", Refused(503)), ("b1/thumb-640", Refused(503))],
            counted: WRONG_SEAL,
        },
        Cell {
            name: "stills of one household, one longer",
            swap: files("a1", "a2", STILL, false),
            expected: &[("a1/thumb-640", Refused(503)), ("a2/thumb-640", Refused(503))],
            counted: EITHER,
        },
        Cell {
            name: "events' stills of two households, equally long",
            swap: files("a1", "b1", EVENT_STILL, false),
            expected: &[("a1/of-event-640", Refused(503)), ("b1/of-event-640", Refused(503))],
            counted: WRONG_SEAL,
        },
        Cell {
            // A rendition that does not prove itself is made again, from its own source.
            name: "renditions of two households",
            swap: files("a1", "b1", STILL, true),
            expected: &[("a1/thumb-320", Right), ("b1/thumb-320", Right)],
            counted: EITHER,
        },
        Cell {
            name: "a rendition of one household, and the source of another",
            swap: Box::new(|world| {
                fs::copy(world.row("b1", STILL, false).file, world.row("a1", STILL, true).file).unwrap();
            }),
            expected: &[("a1/thumb-320", Right)],
            counted: WRONG_SEAL,
        },
    ])
    .await;
}

/// A change of the bytes of `a1`'s sealed clip.
fn clip(change: impl Fn(&mut Vec<u8>) + 'static) -> Swap {
    Box::new(move |world| change_file(&world.row("a1", CLIP, false).file, &change))
}

/// Where a chunk begins.
const fn chunk(number: usize) -> usize {
    HEADER_BYTES + number * SEALED_CHUNK_BYTES
}

fn swap_chunks(bytes: &mut [u8], one: usize, other: usize) {
    for offset in 0..SEALED_CHUNK_BYTES {
        bytes.swap(chunk(one) + offset, chunk(other) + offset);
    }
}

const WHOLE_CLIP_REFUSED: &[(&str, world::Expect)] = &[("a1/clip*", Refused(503))];
/// The last extent is sound, so a total can be stated; the first is not.
const FIRST_EXTENT_REFUSED: &[(&str, world::Expect)] =
    &[("a1/clip", Refused(503)), ("a1/clip-first", Refused(503))];
const BAD_CHUNK: &[(&str, &str)] = &[("coalescer", "bad_chunk"), ("store", "bad_chunk")];
const SEAL_BROKEN: &[(&str, &str)] = &[("coalescer", "wrong_seal"), ("store", "wrong_seal")];
const WRONG_LENGTH: &[(&str, &str)] = &[("coalescer", "wrong_length"), ("store", "wrong_length")];
const MISSING: &[(&str, &str)] = &[("coalescer", "missing"), ("store", "missing")];

#[tokio::test]
async fn a_sealed_file_that_was_changed() {
    let cell = |name, swap, expected, counted| Cell { name, swap, expected, counted };
    run(vec![
        cell("a bit of the salt", clip(|bytes| bytes[3] ^= 1), WHOLE_CLIP_REFUSED, SEAL_BROKEN),
        cell("a bit of the commitment", clip(|bytes| bytes[HEADER_BYTES - 1] ^= 0x80), WHOLE_CLIP_REFUSED, SEAL_BROKEN),
        cell("a bit of the first chunk", clip(|bytes| bytes[chunk(0)] ^= 1), FIRST_EXTENT_REFUSED, BAD_CHUNK),
        cell(
            "a bit of a chunk in the middle",
            clip(|bytes| bytes[chunk(EXTENT_CHUNKS + 20) + 999] ^= 0x10),
            &[("a1/clip", Cut), ("a1/clip-middle", Refused(503))],
            BAD_CHUNK,
        ),
        cell("a bit of the last chunk", clip(|bytes| *bytes.last_mut().unwrap() ^= 1), WHOLE_CLIP_REFUSED, BAD_CHUNK),
        cell("cut by a byte", clip(|bytes| bytes.truncate(bytes.len() - 1)), WHOLE_CLIP_REFUSED, WRONG_LENGTH),
        cell("cut after the first extent", clip(|bytes| bytes.truncate(chunk(EXTENT_CHUNKS))), WHOLE_CLIP_REFUSED, WRONG_LENGTH),
        cell("cut within the header", clip(|bytes| bytes.truncate(20)), WHOLE_CLIP_REFUSED, WRONG_LENGTH),
        cell("emptied", clip(Vec::clear), WHOLE_CLIP_REFUSED, WRONG_LENGTH),
        cell(
            "deleted",
            Box::new(|world| fs::remove_file(world.row("a1", CLIP, false).file).unwrap()),
            WHOLE_CLIP_REFUSED,
            MISSING,
        ),
        // What is behind the proven length is never asked for.
        cell("a byte more", clip(|bytes| bytes.push(7)), &[("a1/clip*", Right)], &[]),
        cell("a chunk more", clip(|bytes| bytes.extend_from_within(chunk(0)..chunk(1))), &[("a1/clip*", Right)], &[]),
        cell("two chunks of an extent exchanged", clip(|bytes| swap_chunks(bytes, 0, 1)), FIRST_EXTENT_REFUSED, BAD_CHUNK),
        cell(
            "two chunks of two extents exchanged",
            clip(|bytes| swap_chunks(bytes, 3, EXTENT_CHUNKS + 3)),
            &[("a1/clip", Refused(503)), ("a1/clip-first", Refused(503)), ("a1/clip-middle", Refused(503))],
            BAD_CHUNK,
        ),
        cell("a chunk twice", clip(|bytes| bytes.copy_within(chunk(0)..chunk(1), chunk(1))), FIRST_EXTENT_REFUSED, BAD_CHUNK),
    ])
    .await;
}

#[tokio::test]
async fn a_sealed_file_that_was_changed_with_anothers_or_by_a_picture() {
    let cell = |name, swap, expected, counted| Cell { name, swap, expected, counted };
    let still = |change: fn(&mut Vec<u8>)| -> Swap { Box::new(move |world| change_file(&world.row("a1", STILL, false).file, change)) };
    let rendition = |change: fn(&mut Vec<u8>)| -> Swap { Box::new(move |world| change_file(&world.row("a1", STILL, true).file, change)) };
    let source_refused: &[_] = &[("a1/thumb-640", Refused(503))];
    let made_again: &[_] = &[("a1/thumb-320", Right)];
    run(vec![
        cell(
            "one chunk of another household's clip",
            Box::new(|world| {
                let theirs = fs::read(world.row("b1", CLIP, false).file).unwrap();
                let change = |bytes: &mut Vec<u8>| bytes[chunk(2)..chunk(3)].copy_from_slice(&theirs[chunk(2)..chunk(3)]);
                change_file(&world.row("a1", CLIP, false).file, change);
            }),
            FIRST_EXTENT_REFUSED,
            BAD_CHUNK,
        ),
        cell(
            "all chunks of another household's clip under one's own header",
            Box::new(|world| {
                let theirs = fs::read(world.row("b1", CLIP, false).file).unwrap();
                let change = |bytes: &mut Vec<u8>| bytes[chunk(0)..].copy_from_slice(&theirs[chunk(0)..]);
                change_file(&world.row("a1", CLIP, false).file, change);
            }),
            WHOLE_CLIP_REFUSED,
            BAD_CHUNK,
        ),
        cell(
            "another household's header before one's own chunks",
            Box::new(|world| {
                let theirs = fs::read(world.row("b1", CLIP, false).file).unwrap();
                let change = |bytes: &mut Vec<u8>| bytes[..HEADER_BYTES].copy_from_slice(&theirs[..HEADER_BYTES]);
                change_file(&world.row("a1", CLIP, false).file, change);
            }),
            WHOLE_CLIP_REFUSED,
            SEAL_BROKEN,
        ),
        cell("a bit of a still", still(|bytes| bytes[70_000] ^= 1), source_refused, BAD_CHUNK),
        cell("a still, emptied", still(Vec::clear), source_refused, WRONG_LENGTH),
        cell(
            "a still, deleted",
            Box::new(|world| fs::remove_file(world.row("a1", STILL, false).file).unwrap()),
            source_refused,
            MISSING,
        ),
        cell("a bit of a rendition", rendition(|bytes| *bytes.last_mut().unwrap() ^= 1), made_again, BAD_CHUNK),
        cell("a rendition, cut", rendition(|bytes| bytes.truncate(100)), made_again, WRONG_LENGTH),
        cell(
            "a rendition, deleted",
            Box::new(|world| fs::remove_file(world.row("a1", STILL, true).file).unwrap()),
            made_again,
            MISSING,
        ),
    ])
    .await;
}

/// Two records of a kind, swapped by key: content and sequence.
fn records(kind: &'static str, keys: fn(&World) -> [Vec<u8>; 2]) -> Swap {
    Box::new(move |world| {
        let rows = keys(world).map(|key| {
            let question = "SELECT rowid FROM records WHERE kind = ?1 AND key = ?2";
            Value::Integer(world.database().query_row(question, (kind, key), |row| row.get(0)).unwrap())
        });
        swap_columns(&mut world.database(), "records", "record, sequence", "rowid = ?1", rows);
    })
}

#[tokio::test]
async fn two_records_and_two_wrapped_keys() {
    run(vec![
        Cell {
            name: "two viewers' rights",
            swap: records("viewer", |world| ["a", "b"].map(|key| id_bytes(&world.person(key).account.id))),
            expected: &[
                ("a/login", Right),
                ("b/login", Right),
                ("a1/upload", Right),
                ("a2/upload", Right),
                ("b1/upload", Right),
                ("a*", Refused(503)),
                ("b*", Refused(503)),
            ],
            counted: &[("registry", "wrong_seal")],
        },
        Cell {
            name: "two viewers' logins",
            swap: records("login", |_| [b"a".to_vec(), b"b".to_vec()]),
            expected: &[("a/login", Refused(503)), ("b/login", Refused(503))],
            counted: &[("registry", "wrong_seal")],
        },
        Cell {
            name: "two viewers' sessions",
            swap: records("session", |world| ["a", "b"].map(|key| world.person(key).session.clone())),
            expected: &[
                ("a/login", Right),
                ("b/login", Right),
                ("a1/upload", Right),
                ("a2/upload", Right),
                ("b1/upload", Right),
                ("a*", Refused(503)),
                ("b*", Refused(503)),
            ],
            counted: &[("sessions", "wrong_seal")],
        },
        Cell {
            name: "two cameras' enrolments",
            swap: records("camera", |world| ["a1", "b1"].map(|key| id_bytes(&world.filmed(key).camera.id))),
            expected: &[("a1/upload", Refused(503)), ("b1/upload", Refused(503))],
            counted: &[("registry", "wrong_seal")],
        },
        Cell {
            name: "two households' wrapped keys",
            swap: Box::new(|world| swap_keys(world, "a", "b")),
            expected: &[
                ("a/*", Right),
                ("b/*", Right),
                ("a1/*", Refused(503)),
                ("a2/*", Refused(503)),
                ("b1/*", Refused(503)),
            ],
            counted: &[("keyring", "wrong_answer")],
        },
    ])
    .await;
}

/// All columns of the index but the key.
const ALL: &str = "camera, kind, id, rendition, version, name, sealed_length, body_digest, state, inline, proof";
/// All columns of the newest still's pointers but the key.
const ALL_OF_POINTER: &str = "slot, kind, id, rendition, version, name, sealed_length, body_digest, state, inline, proof";
/// Those that say which object it is, and where.
const PLACE: &str = "version, name, sealed_length";

fn rows(columns: &'static str, one: &'static str, other: &'static str, kind: u8) -> Swap {
    Box::new(move |world| {
        let rows = [one, other].map(|camera| Value::Integer(world.row(camera, kind, false).rowid));
        swap_columns(&mut world.database(), "objects", columns, "rowid = ?1", rows);
    })
}

fn pointers(columns: &'static str) -> Swap {
    Box::new(move |world| {
        let rows = ["a1", "b1"].map(|camera| Value::Blob(id_bytes(&world.filmed(camera).camera.id)));
        swap_columns(&mut world.database(), "pointers", columns, "camera = ?1", rows);
    })
}

#[tokio::test]
async fn two_index_rows() {
    const CROSSED: &[(&str, &str)] = &[("index", "wrong_answer")];
    // A page tells whether each event has a clip, and proves it: so the page is refused as well.
    const CLIPS: &[(&str, world::Expect)] = &[
        ("a1/clip*", Refused(503)),
        ("b1/clip*", Refused(503)),
        ("a1/event", Refused(503)),
        ("b1/event", Refused(503)),
        ("a1/events", Refused(503)),
        ("b1/events", Refused(503)),
    ];
    const EVENTS: &[(&str, world::Expect)] = &[
        ("a1/event", Refused(503)),
        ("b1/event", Refused(503)),
        ("a1/events", Refused(503)),
        ("b1/events", Refused(503)),
    ];
    const THUMBS: &[(&str, world::Expect)] = &[("a1/thumb*", Refused(503)), ("b1/thumb*", Refused(503))];
    let cell = |name, swap, expected, counted| Cell { name, swap, expected, counted };
    run(vec![
        cell("clips, all but the key", rows(ALL, "a1", "b1", CLIP), CLIPS, CROSSED),
        cell("clips, version, name and length", rows(PLACE, "a1", "b1", CLIP), CLIPS, CROSSED),
        cell("clips, name", rows("name", "a1", "b1", CLIP), CLIPS, CROSSED),
        cell("clips, proof", rows("proof", "a1", "b1", CLIP), CLIPS, CROSSED),
        // A still is uploaded again: what the index says of it is not believed either.
        cell(
            "stills, all but the key",
            rows(ALL, "a1", "b1", STILL),
            &[("a1/upload", Refused(503)), ("b1/upload", Refused(503))],
            CROSSED,
        ),
        cell("newest stills, all but the key", pointers(ALL_OF_POINTER), THUMBS, CROSSED),
        cell("newest stills, version, name and length", pointers("version, name"), THUMBS, CROSSED),
        cell("newest stills, id and proof", pointers("id, proof"), THUMBS, CROSSED),
        cell("events, all but the key", rows(ALL, "a1", "b1", EVENT), EVENTS, CROSSED),
        cell("events, what is sealed inline", rows("inline", "a1", "b1", EVENT), EVENTS, &[("index", "wrong_seal")]),
        cell("events, key and place", rows("slot", "a1", "b1", EVENT), EVENTS, CROSSED),
    ])
    .await;
}

#[tokio::test]
async fn rows_that_do_not_belong_there() {
    let cell = |name, swap, expected, counted| Cell { name, swap, expected, counted };
    let change = |statement: &'static str, camera: &'static str| -> Swap {
        Box::new(move |world| {
            let (theirs, rowid) = (id_bytes(&world.filmed("b1").camera.id), world.row(camera, EVENT, false).rowid);
            assert_eq!(world.database().execute(statement, (rowid, theirs)).unwrap(), 1);
        })
    };
    run(vec![
        cell(
            "another household's event in the list of a camera",
            change(
                "INSERT INTO objects (slot, camera, kind, id, rendition, version, name, sealed_length, body_digest, state, inline, proof) \
                 SELECT randomblob(32), ?2, kind, id, rendition, version, randomblob(32), sealed_length, body_digest, state, inline, proof \
                 FROM objects WHERE rowid = ?1",
                "a1",
            ),
            &[("b1/events", Refused(503))],
            &[("index", "wrong_answer")],
        ),
        cell(
            "two events of one camera, what is sealed inline",
            Box::new(|world| {
                let older = world.row_of("a1", EVENT, false, &world.filmed("a1").older_event).rowid;
                let rows = [world.row("a1", EVENT, false).rowid, older].map(Value::Integer);
                swap_columns(&mut world.database(), "objects", "inline, sealed_length", "rowid = ?1", rows);
            }),
            &[("a1/event", Refused(503)), ("a1/older-event", Refused(503)), ("a1/events", Refused(503))],
            &[("index", "wrong_answer")],
        ),
        cell(
            "a deleted mark on a live event",
            change("UPDATE objects SET state = 2, camera = iif(false, ?2, camera) WHERE rowid = ?1", "a1"),
            // It has gone from the list, as a row that is missing would; asked for by its name, it does not prove that it was deleted.
            &[("a1/event", Refused(503)), ("a1/events", Refused(200))],
            &[("index", "wrong_answer")],
        ),
    ])
    .await;
}

/// The sealed record of a viewer, and the sequence it was written at.
fn rights_of(world: &World, person: &str) -> (Vec<u8>, i64) {
    let question = "SELECT record, sequence FROM records WHERE kind = 'viewer' AND key = ?1";
    let key = id_bytes(&world.person(person).account.id);
    world.database().query_row(question, [key], |row| Ok((row.get(0)?, row.get(1)?))).unwrap()
}

fn set_rights(world: &World, person: &str, (record, sequence): &(Vec<u8>, i64)) {
    let statement = "UPDATE records SET record = ?2, sequence = ?3 WHERE kind = 'viewer' AND key = ?1";
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
        expected: &[("a2/upload", Refused(401)), ("a2/*", Refused(404)), ("a/cameras", Refused(200))],
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
    assert_eq!(put_back.judge(&world).await, Vec::<String>::new(), "the row's own sequence says nothing");

    set_rights(&world, "a", &after);
    let healed = Cell { name: "the rights in force are there again", counted: &[("registry", "stale")], ..revoked };
    assert_eq!(healed.judge(&world).await, Vec::<String>::new());
    world.edge.stop();
}

#[tokio::test]
async fn a_registry_of_the_past_is_refused_as_a_whole() {
    let world = World::new().await;
    let back = world.database().execute("UPDATE registry SET sequence = sequence - 1", ()).unwrap();
    assert_eq!(back, 1);
    let cell = Cell {
        name: "the registry's sequence went back",
        swap: Box::new(|_| {}),
        expected: &[("a*", Refused(503)), ("b*", Refused(503)), ("c*", Refused(503))],
        counted: &[("registry", "stale"), ("sessions", "stale")],
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
        connection.query_row(&question, [&key], |row| (0..11).map(|column| row.get(column)).collect()).unwrap()
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

    let places: Vec<_> = columns.split(", ").enumerate().map(|(at, column)| format!("{column} = ?{}", at + 2)).collect();
    let statement = format!("UPDATE pointers SET {} WHERE camera = ?1", places.join(", "));
    let parameters = std::iter::once(Value::Blob(key.clone())).chain(older);
    assert_eq!(world.database().execute(&statement, rusqlite::params_from_iter(parameters)).unwrap(), 1);
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
    // Everything was asked for, so the memory tier has it; it was proven when it was put there.
    for (one, other) in [("a1", "b1")] {
        swap_files(&world.row(one, CLIP, false).file, &world.row(other, CLIP, false).file);
    }
    let cell = Cell { name: "swapped while in memory", swap: Box::new(|_| {}), expected: &[("a1/clip*", Right)], counted: &[] };
    assert_eq!(cell.judge(&world).await, Vec::<String>::new());
    world.edge.restart_with(|options| options.memory_tier_bytes = Some(1));
    let cell = Cell {
        name: "the same without a memory tier",
        swap: Box::new(|_| {}),
        expected: &[("a1/clip*", Refused(503)), ("b1/clip*", Refused(503))],
        counted: SEAL_BROKEN,
    };
    assert_eq!(cell.judge(&world).await, Vec::<String>::new());
    // An upload is not held up by any of it.
    world.filmed("a1").camera.put_event(&fresh_id(), &description("afterwards")).await.expect(201);
}
