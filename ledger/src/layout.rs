//! The names in a log's folder. Tiles and bundles have the names of tlog-tiles below it.

/// The lock of whoever writes.
pub(crate) const LOCK: &str = "lock";

/// The verifier key: which log this is. It never changes.
pub(crate) const ORIGIN: &str = "origin";

/// The newest checkpoint, signed.
pub(crate) const CHECKPOINT: &str = "checkpoint";

/// The entries that are in no full bundle yet.
pub(crate) const TAIL: &str = "tail";

/// The note of what was forgotten, signed. It is absent as long as all entries are kept.
pub(crate) const OLDEST: &str = "oldest";

/// The folder of tiles and bundles.
pub(crate) const TILE: &str = "tile";

/// A file that is being written. It gets its name when it is durable.
pub(crate) const UNFINISHED: &str = "unfinished";

/// The number of entries in a full bundle.
pub(crate) const BUNDLE: u64 = eyesonly_log::tile::FULL as u64;
