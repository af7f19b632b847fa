//! End to end: the real thing, fed as cameras feed it, read as viewers read it. One suite serves
//! both editions (`EYESONLY_EDITION`).
//!
//! Nothing here looks inside: a test learns everything through HTTP, the command line, the names in
//! the store and the log.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "all of this is a test"
)]

mod administration;
mod clips;
mod events;
mod room;
mod sessions;
mod thumbnails;
mod uploads;

use eyesonly_tests::Home;
