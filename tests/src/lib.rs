//! Support for the suites: the real binary, used from outside as cameras and viewers use it.
//!
//! The parts that the suites share with the tasks are in `harness/`. Here are the asynchronous
//! client, and expectations that end a test. It must never link the host: a suite sees the edge
//! only through HTTP, the command line, the data folder and the log.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "all of this is a test: a failed expectation ends it, and says where"
)]

pub mod built;
pub mod burnt;
pub mod canary;
pub mod dice;
mod edge;
pub mod folder;
pub mod footage;
mod home;
mod http;
pub mod live;
pub mod npm;
mod people;
pub mod picture;
pub mod proxy;
pub mod python;
pub mod raw;
mod seed;
pub mod tool;
pub mod webdriver;

/// Returns the number in a variable of the environment, or the default.
pub fn variable(name: &str, default: u64) -> u64 {
    std::env::var(name).map_or(default, |value| value.parse().unwrap())
}

pub use edge::{Edge, EdgeOptions, poll};
pub use home::Home;
pub use http::{Answer, Door, send_look};
pub use people::{Account, Camera, Household, Viewer, without_times};
