//! The registry of the native host: SQLite, behind the seam of `eyesonly_service::registry`.
//! It must never answer from anything but what it was asked for; nobody believes it all the same.

mod sqlite;

pub use eyesonly_service::registry::*;
pub use sqlite::SqliteRegistry;
