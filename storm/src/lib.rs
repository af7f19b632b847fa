//! The storm: the incident replayed, with every seam lying.
//!
//! A camera cloud comes back from an outage: its cameras push what they kept, its viewers reload,
//! and whatever may answer wrongly does. The same load goes to this system and to a conventional
//! one, with the same liars at the same rates in both. Clients that know nothing of either count
//! what reached the wrong eyes.
//!
//! What is under test is the host's library as it is deployed. Nothing in it can be switched off: a
//! control gives the liar what a defence rests on ([`forge`]), and the lie passes the real checks.
//! This crate has a mint for sessions, and liars: it must never be part of what is deployed.

mod again;
pub mod arena;
pub mod cells;
pub mod client;
pub mod command;
pub mod conventional;
pub mod defence;
pub mod detect;
pub mod files;
pub mod forge;
pub mod liars;
pub mod lies;
pub mod load;
pub mod mark;
pub mod progress;
pub mod replay;
pub mod report;
pub mod rows;
pub mod said;
pub mod settle;
pub mod stop;
pub mod streams;
pub mod tally;
pub mod town;
mod visit;
pub mod webcache;
pub mod webcaches;
pub mod whose;
