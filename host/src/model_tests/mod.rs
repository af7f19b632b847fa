//! The whole host against a model of who may see what.
//!
//! Random operations, by households' administration, cameras and viewers, are done to a real edge
//! over seams in memory and to [`model::Model`]. Every answer of the edge must be the model's. A
//! failure names the shortest operations that show it.

mod model;
mod world;

use model::{EVENTS, JPEGS, Look, Model, Operation, Push, Role, Share, What, Who};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestCaseError, TestError, TestRunner};
use world::World;

/// The number of sequences that are tried.
const CASES: u32 = 48;
/// The most operations of a sequence, after those of `BEGINNING`.
const OPERATIONS_MAX: usize = 30;

/// The start of every sequence: two households, each with a camera and a viewer who is signed in,
/// so that there is something to see.
const BEGINNING: [Operation; 10] = [
    Operation::AddHousehold,
    Operation::AddHousehold,
    Operation::AddCamera(0),
    Operation::AddCamera(1),
    Operation::AddViewer(0),
    Operation::AddViewer(1),
    Operation::Begin(0),
    Operation::Begin(1),
    Operation::Push(Who::Camera(0), Push::Event { event: 0, label: 0 }),
    Operation::Push(Who::Camera(1), Push::Event { event: 0, label: 1 }),
];

fn who(sessions: u32, cameras: u32) -> impl Strategy<Value = Who> {
    prop_oneof![
        sessions => any::<u8>().prop_map(Who::Session),
        cameras => any::<u8>().prop_map(Who::Camera),
        1 => Just(Who::Nobody),
    ]
}

/// Nearly always the session's own tag.
fn tag() -> impl Strategy<Value = Option<u8>> {
    prop_oneof![6 => Just(None), 1 => any::<u8>().prop_map(Some)]
}

fn push() -> impl Strategy<Value = Push> {
    let event = 0..EVENTS;
    prop_oneof![
        3 => (event.clone(), 0..JPEGS).prop_map(|(still, jpeg)| Push::Still { still, jpeg }),
        3 => (event.clone(), 0..3_u8).prop_map(|(event, label)| Push::Event { event, label }),
        2 => (event.clone(), 0..JPEGS).prop_map(|(event, jpeg)| Push::EventStill { event, jpeg }),
        2 => (event, 0..3_u8).prop_map(|(event, clip)| Push::Clip { event, clip }),
    ]
}

fn what() -> impl Strategy<Value = What> {
    let event = 0..EVENTS;
    prop_oneof![
        Just(What::Thumbnail),
        (proptest::option::of(event.clone()), 1..4_u8)
            .prop_map(|(before, limit)| What::Page { before, limit }),
        event.clone().prop_map(What::Event),
        event.clone().prop_map(What::EventThumbnail),
        event.clone().prop_map(What::Clip),
        event.prop_map(What::Delete),
    ]
}

fn look() -> impl Strategy<Value = Look> {
    prop_oneof![
        1 => Just(Look::Cameras),
        6 => (any::<u8>(), what()).prop_map(|(camera, what)| Look::At { camera, what }),
    ]
}

fn role() -> impl Strategy<Value = Role> {
    prop_oneof![2 => Just(Role::Owner), 3 => Just(Role::Member), 1 => Just(Role::Installer)]
}

fn share() -> impl Strategy<Value = Share> {
    let kinds = (any::<bool>(), any::<bool>(), any::<bool>());
    let end = || proptest::option::of(0..EVENTS);
    (kinds, end(), end()).prop_map(|((live, events, clips), from, until)| Share {
        live,
        events,
        clips,
        from,
        until,
    })
}

/// An operation on who belongs to a household, or on what is shared.
fn sharing() -> impl Strategy<Value = Operation> {
    let two = || (any::<u8>(), any::<u8>());
    prop_oneof![
        2 => (two(), role()).prop_map(|((household, viewer), role)| Operation::SetMember {
            household,
            viewer,
            role
        }),
        1 => two().prop_map(|(household, viewer)| Operation::RemoveMember { household, viewer }),
        5 => (two(), share()).prop_map(|((camera, viewer), share)| Operation::Share {
            camera,
            viewer,
            share
        }),
        2 => two().prop_map(|(camera, viewer)| Operation::Unshare { camera, viewer }),
    ]
}

fn operation() -> impl Strategy<Value = Operation> {
    prop_oneof![
        8 => sharing(),
        1 => Just(Operation::AddHousehold),
        1 => any::<u8>().prop_map(Operation::RemoveHousehold),
        2 => any::<u8>().prop_map(Operation::AddCamera),
        2 => any::<u8>().prop_map(Operation::RemoveCamera),
        1 => any::<u8>().prop_map(Operation::AddViewer),
        1 => any::<u8>().prop_map(Operation::RemoveViewer),
        2 => any::<u8>().prop_map(Operation::Begin),
        1 => who(6, 1).prop_map(Operation::End),
        10 => (who(1, 12), push()).prop_map(|(who, push)| Operation::Push(who, push)),
        12 => (who(10, 1), tag(), look())
            .prop_map(|(who, tag, look)| Operation::Look { who, tag, look }),
    ]
}

/// Runs random sequences against the edge until one differs from `model`.
fn compare(
    model: Model,
    cases: u32,
    max_shrink_iters: u32,
) -> Result<(), TestError<Vec<Operation>>> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let stage = runtime.block_on(world::Stage::new());
    let config = Config { cases, max_shrink_iters, failure_persistence: None, ..Config::default() };
    let sequences = proptest::collection::vec(operation(), 1..=OPERATIONS_MAX);
    TestRunner::new(config).run(&sequences, |operations| {
        let run = run(&stage, model.clone(), &operations);
        runtime.block_on(run).map_err(TestCaseError::fail)
    })
}

async fn run(
    stage: &world::Stage,
    mut model: Model,
    operations: &[Operation],
) -> Result<(), String> {
    let mut world = World::new(stage);
    for (number, operation) in BEGINNING.iter().chain(operations).enumerate() {
        let expected = model.answer(operation);
        let got = world.answer(operation).await;
        if got != expected {
            return Err(format!(
                "operation {number}, {operation:?}: {got:?}, but the model has {expected:?}"
            ));
        }
    }
    // In the end every session that ever was looks at everything that ever was.
    for look in model.everything() {
        let (expected, got) = (model.answer(&look), world.answer(&look).await);
        if got != expected {
            return Err(format!("in the end, {look:?}: {got:?}, but the model has {expected:?}"));
        }
    }
    // Whoever replays what the ledger is told of knows every right that there is.
    let holes = world.holes().await;
    if !holes.is_empty() {
        return Err(format!("the acts do not lead to the records: {holes:?}"));
    }
    Ok(())
}

#[test]
fn everybody_sees_what_the_model_says() {
    if let Err(error) = compare(Model::default(), CASES, 300) {
        panic!("{error}");
    }
}

/// The control: each of these models is wrong about one thing, and the comparison must find that
/// out.
#[test]
fn a_model_that_is_wrong_is_caught() {
    for wrong in model::WRONGS {
        // The run ends with the first case that differs. There are many cases, so that a rare one
        // is not left out by chance.
        let result = compare(Model::wrong(wrong), 40 * CASES, 0);
        assert!(matches!(result, Err(TestError::Fail(..))), "{wrong:?}: {result:?}");
    }
}
