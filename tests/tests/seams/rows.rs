//! Rows of registry and index, and the keyring: swapped, copied, changed.

use rusqlite::types::Value;

use crate::cell::Expect::{self, Other, Refused, Right};
use crate::cell::{Cell, Swap, cell};
use crate::hands::{swap_columns, swap_keys};
use crate::run;
use crate::world::{CLIP, EVENT, STILL, World, id_bytes};

/// Swaps the content and sequence of two records of a kind, which their keys name.
fn records(kind: &'static str, keys: fn(&World) -> [Vec<u8>; 2]) -> Swap {
    Box::new(move |world| {
        let rows = keys(world).map(|key| {
            let question = "SELECT rowid FROM records WHERE kind = ?1 AND key = ?2";
            Value::Integer(
                world.database().query_row(question, (kind, key), |row| row.get(0)).unwrap(),
            )
        });
        swap_columns(&mut world.database(), "records", "record, sequence", "rowid = ?1", rows);
    })
}

/// The expectations if the edge can't tell who views in households `a` and `b`: logins and the
/// cameras' uploads work.
const NO_VIEWER_OF_A_AND_B: &[(&str, Expect)] = &[
    ("a/login", Right),
    ("b/login", Right),
    ("a1/upload", Right),
    ("a2/upload", Right),
    ("b1/upload", Right),
    ("a*", Refused(503)),
    ("b*", Refused(503)),
];

#[tokio::test]
async fn two_records_and_two_wrapped_keys() {
    run(vec![
        Cell {
            name: "two viewers' rights",
            swap: records("viewer", |world| {
                ["a", "b"].map(|key| id_bytes(&world.person(key).account.id))
            }),
            expected: NO_VIEWER_OF_A_AND_B,
            counted: &[("registry", "wrong_seal")],
        },
        Cell {
            name: "two viewers' logins",
            swap: records("account", |world| {
                // An account's key tells nothing; the viewers were added in this order.
                let places = ["a", "b"]
                    .map(|key| world.people.iter().position(|person| person.key == key).unwrap());
                places.map(|place| {
                    let question = "SELECT key FROM records WHERE kind = 'account' \
                                    ORDER BY rowid LIMIT 1 OFFSET ?1";
                    world.database().query_row(question, [place as i64], |row| row.get(0)).unwrap()
                })
            }),
            expected: &[("a/login", Refused(503)), ("b/login", Refused(503))],
            counted: &[("registry", "wrong_seal")],
        },
        Cell {
            name: "two viewers' sessions",
            swap: records("session", |world| {
                ["a", "b"].map(|key| world.person(key).session.clone())
            }),
            expected: NO_VIEWER_OF_A_AND_B,
            counted: &[("sessions", "wrong_seal")],
        },
        Cell {
            name: "two cameras' enrolments",
            swap: records("camera", |world| {
                ["a1", "b1"].map(|key| id_bytes(&world.filmed(key).camera.id))
            }),
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
const ALL: &str =
    "camera, kind, id, rendition, version, name, sealed_length, body_digest, state, inline, proof";
/// All columns of the newest still's pointers but the key.
pub const ALL_OF_POINTER: &str =
    "slot, kind, id, rendition, version, name, sealed_length, body_digest, state, inline, proof";
/// The columns that say which object it is, and where.
const PLACE: &str = "version, name, sealed_length";

fn rows(columns: &'static str, one: &'static str, other: &'static str, kind: u8) -> Swap {
    Box::new(move |world| {
        let rows = [one, other].map(|camera| Value::Integer(world.row(camera, kind, false).rowid));
        swap_columns(&mut world.database(), "objects", columns, "rowid = ?1", rows);
    })
}

fn pointers(columns: &'static str) -> Swap {
    Box::new(move |world| {
        let rows =
            ["a1", "b1"].map(|camera| Value::Blob(id_bytes(&world.filmed(camera).camera.id)));
        swap_columns(&mut world.database(), "pointers", columns, "camera = ?1", rows);
    })
}

#[tokio::test]
async fn two_index_rows() {
    const CROSSED: &[(&str, &str)] = &[("index", "wrong_answer")];
    // A page says whether each event has a clip, and proves it, so the page is refused too.
    const CLIPS: &[(&str, Expect)] = &[
        ("a1/clip*", Refused(503)),
        ("b1/clip*", Refused(503)),
        ("a1/event", Refused(503)),
        ("b1/event", Refused(503)),
        ("a1/events", Refused(503)),
        ("b1/events", Refused(503)),
    ];
    const EVENTS: &[(&str, Expect)] = &[
        ("a1/event", Refused(503)),
        ("b1/event", Refused(503)),
        ("a1/events", Refused(503)),
        ("b1/events", Refused(503)),
    ];
    const THUMBS: &[(&str, Expect)] = &[("a1/thumb*", Refused(503)), ("b1/thumb*", Refused(503))];
    run(vec![
        cell("clips, all but the key", rows(ALL, "a1", "b1", CLIP), CLIPS, CROSSED),
        cell("clips, version, name and length", rows(PLACE, "a1", "b1", CLIP), CLIPS, CROSSED),
        cell("clips, name", rows("name", "a1", "b1", CLIP), CLIPS, CROSSED),
        cell("clips, proof", rows("proof", "a1", "b1", CLIP), CLIPS, CROSSED),
        // The still is uploaded again. The edge does not trust the index for that either.
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
        cell(
            "events, what is sealed inline",
            rows("inline", "a1", "b1", EVENT),
            EVENTS,
            &[("index", "wrong_seal")],
        ),
        cell("events, camera", rows("camera", "a1", "b1", EVENT), EVENTS, CROSSED),
    ])
    .await;
}

#[tokio::test]
async fn rows_that_do_not_belong_there() {
    let change = |statement: &'static str, camera: &'static str| -> Swap {
        Box::new(move |world| {
            let (theirs, rowid) =
                (id_bytes(&world.filmed("b1").camera.id), world.row(camera, EVENT, false).rowid);
            assert_eq!(world.database().execute(statement, (rowid, theirs)).unwrap(), 1);
        })
    };
    run(vec![
        cell(
            "another household's event in the list of a camera",
            change(
                "INSERT INTO objects (slot, camera, kind, id, rendition, version, name, \
                 sealed_length, body_digest, state, inline, proof) \
                 SELECT randomblob(32), ?2, kind, id, rendition, version, randomblob(32), \
                 sealed_length, body_digest, state, inline, proof \
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
                swap_columns(
                    &mut world.database(),
                    "objects",
                    "inline, sealed_length",
                    "rowid = ?1",
                    rows,
                );
            }),
            &[
                ("a1/event", Refused(503)),
                ("a1/older-event", Refused(503)),
                ("a1/events", Refused(503)),
            ],
            &[("index", "wrong_answer")],
        ),
        cell(
            "a deleted mark on a live event",
            change(
                "UPDATE objects SET state = 2, camera = iif(false, ?2, camera) WHERE rowid = ?1",
                "a1",
            ),
            // The event goes from the list, as one without a row would. A question for it by its id
            // is refused, because the row does not prove a deletion.
            &[("a1/event", Refused(503)), ("a1/events", Other(200))],
            &[("index", "wrong_answer")],
        ),
    ])
    .await;
}
