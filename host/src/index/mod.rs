//! The index of the native host: SQLite, behind the seam of `eyesonly_service::index`.
//! It must never answer from anything but what it was asked for; nobody believes it all the same.

mod sqlite;

pub use eyesonly_service::index::*;
pub use sqlite::SqliteIndex;
