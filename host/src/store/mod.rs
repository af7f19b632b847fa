//! The store of the native host: a local folder, behind the seam of `eyesonly_service::store`.
//! It must never answer from anything but what it was asked for; nobody believes it all the same.

mod folder;

pub use eyesonly_service::store::*;
pub use folder::FolderStore;
