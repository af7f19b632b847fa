//! The storm: the incident replayed, with every seam lying.
//!
//! A camera cloud comes back from an outage: its cameras push what they kept, its viewers reload, and whatever may answer wrongly does. The same load
//! goes to this system and to a conventional one, with the same liars at the same rates in both, and clients that know nothing of either count what
//! reached the wrong eyes.
//!
//! All of this is compiled into storm's build alone (feature `storm`): the liars, the mint for sessions, and the switches for the defences.

mod again;
pub mod arena;
pub mod cells;
pub mod client;
pub mod command;
pub mod conventional;
pub mod detect;
pub mod files;
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
pub mod tally;
pub mod town;
mod visit;
pub mod webcache;
pub mod webcaches;

pub use eyesonly_service::storm::{plain, whose};
