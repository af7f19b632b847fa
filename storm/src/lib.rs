//! The storm: a replay of the incident in which every seam lies.
//!
//! A camera cloud comes back from an outage. Its cameras push what they kept, its viewers reload,
//! and every seam that may answer wrongly does. This system and a conventional one get the same
//! load, with the same liars at the same rates. Clients that know nothing of either server count
//! what reached the wrong eyes.
//!
//! The host's library is tested as it is deployed, and nothing in it can be switched off. A control
//! gives the liar what a defence rests on ([`forge`]), so that the lie passes the real checks. This
//! crate has a mint for sessions, and liars: it must never be part of what is deployed.

mod again;
pub mod arena;
pub mod audit;
pub mod cells;
pub mod client;
pub mod command;
pub mod conventional;
pub mod defence;
pub mod detect;
pub mod files;
pub mod forge;
mod guest;
pub mod incident;
pub mod liars;
pub mod lies;
pub mod live;
pub mod load;
pub mod mark;
pub mod progress;
pub mod replay;
pub mod report;
pub mod rows;
pub mod said;
pub mod settle;
pub mod shares;
pub mod sharing;
pub mod stop;
pub mod streams;
pub mod tally;
pub mod town;
pub mod video;
mod visit;
pub mod webcache;
pub mod webcaches;
pub mod whose;
