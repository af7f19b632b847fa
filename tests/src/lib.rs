//! Support for the suites: starts the real binary and speaks to it as cameras and viewers do, from outside.
//!
//! It must never link the host: what a suite says of the edge is seen through HTTP, the command line, the data folder and the log.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "all of this is a test: a failed expectation ends it, and says where"
)]

pub mod built;
pub mod canary;
pub mod command_line;
pub mod edge;
pub mod footage;
pub mod home;
pub mod http;
pub mod people;
pub mod picture;
pub mod python;
pub mod raw;
pub mod tool;
pub mod webdriver;

pub use edge::{Edge, EdgeOptions};
pub use home::Home;
pub use http::{Answer, Door};
pub use people::{Account, Camera, Household, Viewer};
