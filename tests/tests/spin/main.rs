//! The Spin edition alone: its component's parts and imports, and its answers to a wrong key or
//! store. The suites `e2e` and `matrix` test what both editions do.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "all of this is a test"
)]

mod composition;
mod ledger;
mod silence;
mod store;

use eyesonly_tests::EdgeOptions;
use eyesonly_tests::built::Edition;

/// Returns options for the Spin edition, whichever edition is under test elsewhere.
fn spin() -> EdgeOptions {
    EdgeOptions { edition: Some(Edition::Spin), ..EdgeOptions::default() }
}
