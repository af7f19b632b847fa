//! Data that somebody swapped, changed or put back by hand in a data folder is rejected and
//! counted, and nobody gets anything of somebody else.
//!
//! Each cell of the tables below makes one change to the pristine folder of three households. The
//! cell says which answer each question then gets. A question that it does not name must be
//! answered correctly, and every question of household `c` always. The pristine folder first gets
//! the same questions, and gives the right bytes, so each cell can fail.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "all of this is a test"
)]

mod cell;
mod files;
mod hands;
mod past;
mod rows;
mod world;

use cell::Expect::{Refused, Right};
use cell::{Cell, cell, judge};
use world::{CLIP, World};

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

/// The control of all tables: a cell whose expectation is wrong must fail.
#[tokio::test]
async fn a_cell_can_fail() {
    let mut world = World::new().await;
    let nothing_done = cell(
        "nothing was swapped",
        Box::new(|_| {}),
        &[("a1/clip", Refused(503))],
        &[("store", "wrong_seal")],
    );
    let wrong = nothing_done.judge(&world).await;
    assert_eq!(wrong.len(), 2, "the answer and the count: {wrong:?}");

    world.put_back();
    let swapped = cell("nothing is expected", files::files("a1", "b1", CLIP, false), &[], &[]);
    (swapped.swap)(&world);
    world.edge.restart();
    let wrong = swapped.judge(&world).await;
    assert_eq!(wrong.len(), 9, "four questions to each of two clips, and the count: {wrong:?}");

    // An answer of one household to another's question is reported as an exposure.
    let foreign = world.right["b1/clip-first"].clone();
    let told = judge(&world, "a1/clip-first", &foreign, Right).unwrap_err();
    assert!(told.contains("EXPOSURE"), "{told}");
}
