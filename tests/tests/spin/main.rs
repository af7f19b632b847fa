//! The Spin edition alone: what its component is made of and asks for, and what it does with a key or a store that is not right. What both
//! editions do is in `e2e` and `matrix`.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "all of this is a test"
)]

mod composition;
mod silence;
mod store;

use eyesonly_tests::EdgeOptions;
use eyesonly_tests::built::Edition;

/// The Spin edition, whichever is under test elsewhere.
fn spin() -> EdgeOptions {
    EdgeOptions { edition: Some(Edition::Spin), ..EdgeOptions::default() }
}
