//! The tiers of the native host: a disk tier of its own beside those of `eyesonly_service::tiers`.
//! It must never answer from anything but what it was asked for; nobody believes it all the same.

mod disk;

pub use disk::DiskTier;
pub use eyesonly_service::tiers::*;
