//! The native host alone: its process, its data folder, its memory, TLS and HTTP/2. The suite `e2e`
//! tests what both editions do.
//!
//! Nothing here looks into the host: a test learns everything through HTTP, the command line, the
//! data folder and the log.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "all of this is a test"
)]

mod administration;
mod before;
mod bystanders;
mod export;
mod handover;
mod incident;
mod keys;
mod large;
mod ledger;
mod protocols;
mod revocation;
mod room;
mod secrecy;
mod sharing;
mod uploads;

use eyesonly_tests::Home;
