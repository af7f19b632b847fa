//! The files of a log, as tlog-tiles names them: tiles of hashes and bundles of entries.
//!
//! A tile of level 0 has the hashes of 256 entries. A hash of level *n* + 1 covers one full tile of
//! level *n*. Only the last tile of a level is partial.

use crate::bundle::RECORD_BYTES;
use crate::hash::{HASH_BYTES, Hash, subtree};
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

/// The number of hashes or entries in a full tile or bundle.
pub const FULL: u16 = 256;

/// The highest level of which a log of 2⁶⁴ - 1 entries has a hash.
pub const TOP_LEVEL: u8 = 7;

/// The content of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// Entries: a bundle.
    Entries,
    /// Hashes of this level, 0 to 63.
    Hashes(u8),
}

/// The place of a file in a log: what it contains, its index within the level, and its width.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Tile {
    kind: Kind,
    index: u64,
    width: u16,
}

/// The reason why a text is no path of a tile.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("this is not the path of a tile")]
pub struct PathError;

impl Tile {
    /// Names a tile of hashes. Returns `None` if the level is above 63, or the width not 1 to 256.
    pub fn hashes(level: u8, index: u64, width: u16) -> Option<Self> {
        (level <= 63).then_some(())?;
        Self::new(Kind::Hashes(level), index, width)
    }

    /// Names a bundle of entries. Returns `None` if the width is not 1 to 256.
    pub fn entries(index: u64, width: u16) -> Option<Self> {
        Self::new(Kind::Entries, index, width)
    }

    fn new(kind: Kind, index: u64, width: u16) -> Option<Self> {
        (1..=FULL).contains(&width).then_some(Self { kind, index, width })
    }

    /// Returns the tile of this kind and index that a log of this size has. Returns `None` if the
    /// log is too small to have one.
    pub fn of_size(kind: Kind, index: u64, size: u64) -> Option<Self> {
        let after = row(kind, size).checked_sub(index.checked_mul(FULL.into())?)?;
        Self::new(kind, index, u16::try_from(after.min(FULL.into())).ok()?)
    }

    /// Returns what the file contains.
    pub const fn kind(&self) -> Kind {
        self.kind
    }

    /// Returns the index within the level.
    pub const fn index(&self) -> u64 {
        self.index
    }

    /// Returns the number of hashes or entries.
    pub const fn width(&self) -> u16 {
        self.width
    }

    /// Returns whether the width is 256.
    pub const fn is_full(&self) -> bool {
        self.width == FULL
    }

    /// Returns the full tile at the same place.
    pub const fn filled(&self) -> Self {
        Self { width: FULL, ..*self }
    }

    /// Returns the length of the file in bytes.
    pub const fn bytes(&self) -> usize {
        let each = if let Kind::Entries = self.kind { RECORD_BYTES } else { HASH_BYTES };
        each.saturating_mul(self.width as usize)
    }

    /// Returns the path, such as `tile/0/x001/234.p/5` or `tile/entries/067`.
    pub fn path(&self) -> String {
        alloc::format!("{self}")
    }

    /// Reads a path. Each tile has exactly one path.
    pub fn parse(path: &str) -> Result<Self, PathError> {
        let (kind, rest) =
            path.strip_prefix("tile/").and_then(|rest| rest.split_once('/')).ok_or(PathError)?;
        let (index, width) = match rest.split_once(".p/") {
            Some((index, width)) => (index, width.parse().map_err(|_| PathError)?),
            None => (rest, FULL),
        };
        let index = index.split('/').try_fold(0, |index: u64, part| {
            let digits: u64 = part.strip_prefix('x').unwrap_or(part).parse().ok()?;
            index.checked_mul(1000)?.checked_add(digits)
        });
        let index = index.ok_or(PathError)?;
        let tile = match kind {
            "entries" => Self::entries(index, width),
            level => Self::hashes(level.parse().map_err(|_| PathError)?, index, width),
        };
        // One tile, one path: a sign, a missing or a further zero, or a `.p/256` is none.
        tile.filter(|tile| tile.path() == path).ok_or(PathError)
    }
}

impl fmt::Display for Tile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.kind {
            Kind::Entries => f.write_str("tile/entries/")?,
            Kind::Hashes(level) => write!(f, "tile/{level}/")?,
        }
        let mut parts = Vec::new();
        let mut index = self.index;
        while index >= 1000 {
            parts.push(index % 1000);
            index /= 1000;
        }
        if !parts.is_empty() {
            write!(f, "x{index:03}/")?;
            index = parts.remove(0);
        }
        parts.iter().rev().try_for_each(|part| write!(f, "x{part:03}/"))?;
        write!(f, "{index:03}")?;
        if self.is_full() { Ok(()) } else { write!(f, ".p/{}", self.width) }
    }
}

/// Returns how many hashes of a level, or entries, a log of this size has.
fn row(kind: Kind, size: u64) -> u64 {
    match kind {
        Kind::Entries => size,
        Kind::Hashes(level) => size.checked_shr(u32::from(level).saturating_mul(8)).unwrap_or(0),
    }
}

/// Lists the files that are new or wider when a log grows from one size to another: bundles, then
/// tiles from the lowest level up. Of a tile that fills up only the full one is listed.
pub fn changed(from: u64, to: u64) -> impl Iterator<Item = Tile> {
    let kinds = core::iter::once(Kind::Entries).chain((0..=TOP_LEVEL).map(Kind::Hashes));
    kinds.flat_map(move |kind| {
        let (old, new) = (row(kind, from), row(kind, to));
        let indices = if old < new { old / 256..new.div_ceil(256) } else { 0..0 };
        indices.filter_map(move |index| Tile::of_size(kind, index, to))
    })
}

/// Lists the partial tiles of hashes that a log of this size has, from the highest level down. They
/// determine the root.
pub fn partial(size: u64) -> impl Iterator<Item = Tile> {
    (0..=TOP_LEVEL).rev().filter_map(move |level| {
        let kind = Kind::Hashes(level);
        Tile::of_size(kind, row(kind, size) / 256, size)
    })
}

/// Hashes a full tile: one hash of the level above. Returns `None` unless there are 256 hashes.
pub fn above(hashes: &[Hash]) -> Option<Hash> {
    (hashes.len() == usize::from(FULL)).then(|| subtree(hashes)).flatten()
}

/// The bytes of a log, wherever they are. Nothing that comes from here is believed.
pub trait Files {
    /// The reason why a file can't be read, other than that it is absent.
    type Error: core::error::Error + 'static;

    /// Returns the bytes of a file, or `None` if it is absent. Instead of a partial file, a wider
    /// one at the same place will do: a log may keep one file a tile, which grows in place.
    fn read(&self, tile: &Tile) -> Result<Option<Vec<u8>>, Self::Error>;
}

/// Reads a file, or the full one at the same place if there is no partial one any more.
pub(crate) fn read<F: Files>(files: &F, tile: &Tile) -> Result<Option<Vec<u8>>, F::Error> {
    match files.read(tile)? {
        None if !tile.is_full() => files.read(&tile.filled()),
        bytes => Ok(bytes),
    }
}

#[cfg(test)]
mod tests;
