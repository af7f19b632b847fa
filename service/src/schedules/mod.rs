//! Schedules: small concurrent scenes of the real rooms, each run under many orders of its steps.
//! The crate shuttle decides on the orders (`--cfg schedules`).
//!
//! A failure prints its schedule for `shuttle::replay`. Each scene is also run with a deliberately
//! wrong stand-in, a control, so that the scene is known to be able to fail.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "all of this is a test"
)]

mod flights;
mod grants;
mod makings;
mod pool;
mod scene;
mod turns;

use crate::clock;
use shuttle::scheduler::{DfsScheduler, RandomScheduler};
use shuttle::{Config, Runner};
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// The number of random schedules within which a control must fail.
const CONTROL: usize = 3000;

fn config() -> Config {
    let mut config = Config::new();
    // Sealing and opening need more than shuttle's 32 KiB.
    config.stack_size = 1 << 20;
    config
}

fn random<F: Future<Output = ()> + 'static>(iterations: usize, scene: fn() -> F) {
    let seed = u64::from_be_bytes(clock::random());
    eprintln!("random schedules from the seed {seed}");
    Runner::new(RandomScheduler::new_from_seed(seed, iterations), config())
        .run(move || shuttle::future::block_on(scene()));
}

/// Runs a scene under random schedules, then under as many of all schedules in their order.
fn holds<F: Future<Output = ()> + 'static>(scene: fn() -> F, schedules: usize) {
    random(schedules, scene);
    Runner::new(DfsScheduler::new(Some(schedules), false), config())
        .run(move || shuttle::future::block_on(scene()));
}

/// The number of failures among which a control must fail with its own words.
const FAILURES: usize = 100;

/// Checks that a control fails, and with these words. A control may fail in other ways too, since
/// the fault can show first in another place.
fn fails<F: Future<Output = ()> + 'static>(scene: fn() -> F, words: &str) {
    let mut others = Vec::new();
    for _ in 0..FAILURES {
        let failed = catch_unwind(AssertUnwindSafe(|| random(CONTROL, scene)));
        let why = failed.expect_err("the control was not caught");
        let why = why
            .downcast_ref::<String>()
            .cloned()
            .or_else(|| why.downcast_ref::<&str>().map(ToString::to_string));
        let why = why.unwrap_or_default();
        if why.contains(words) {
            return;
        }
        others.push(why);
    }
    panic!("the control failed otherwise each time: {others:?}");
}
