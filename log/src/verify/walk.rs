//! The walk through a log, from the signed root down to each entry.

use super::choice::{Choice, Known, all_known};
use super::{Fault, Report, Tail};
use crate::bundle::{RECORD_BYTES, entry, records};
use crate::checkpoint::Checkpoint;
use crate::frontier::Frontier;
use crate::hash::{Hash, leaf};
use crate::tile::{self, FULL, Files, Kind, Tile, above, partial};
use crate::tree;
use alloc::vec;
use alloc::vec::Vec;

/// A walk: what is read, and what was found.
struct Walk<'a, F> {
    files: &'a F,
    oldest: u64,
    /// Checkpoints that were kept, the smallest last, and the proven entries up to now. It is
    /// `None` when no checkpoint is left, or when an entry was not proven.
    kept: Option<(Vec<&'a Checkpoint>, Frontier)>,
    report: Report,
}

/// Walks through a log.
pub(super) fn walk<F: Files>(
    checkpoint: &Checkpoint,
    kept: Vec<&Checkpoint>,
    oldest: u64,
    files: &F,
    report: Report,
) -> Result<Report, F::Error> {
    let size = checkpoint.size();
    let mut walk = Walk { files, oldest, kept: Some((kept, Frontier::default())), report };
    walk.compare_kept();
    let edge: Vec<_> = partial(size).collect();
    walk.tiles(&edge, true, Fault::Root, |tiles| {
        let frontier = Frontier::from_partial(size, tiles);
        frontier.is_ok_and(|frontier| frontier.root() == *checkpoint.root())
    })?;
    if size.is_multiple_of(FULL.into())
        && let Some(next) = Tile::entries(size / 256, 1)
        && let Some(bytes) = tile::read(files, &next)?
    {
        walk.tail(&bytes);
    }
    Ok(walk.report)
}

impl<F: Files> Walk<'_, F> {
    /// Settles the hashes of tiles that something above determines together, and goes on below.
    ///
    /// `proven` says that what is above is proven; otherwise only contradictions are faults.
    /// `unsettled` is the fault if neither the tiles nor what is below fits.
    fn tiles(
        &mut self,
        tiles: &[Tile],
        proven: bool,
        unsettled: Fault,
        fits: impl Fn(&[Vec<Hash>]) -> bool,
    ) -> Result<(), F::Error> {
        if self.report.unfinished {
            return Ok(());
        }
        let files = tiles.iter().map(|tile| tile::read(self.files, tile));
        let files = files.collect::<Result<Vec<_>, _>>()?;
        let read = |(tile, bytes): (&Tile, &Option<Vec<u8>>)| tree::hashes(tile, bytes.as_ref()?);
        let stored: Vec<_> = tiles.iter().zip(&files).map(read).collect();
        let whole: Option<Vec<_>> = stored.iter().cloned().collect();
        let Choice { chosen, settled, no_entries } = match whole.filter(|hashes| fits(hashes)) {
            Some(hashes) => Choice::settled(hashes.into_iter().map(all_known).collect()),
            None => self.choose(tiles, &stored, fits)?,
        };
        for (((tile, file), stored), chosen) in tiles.iter().zip(&files).zip(&stored).zip(&chosen) {
            let differs = |hashes: &Vec<Hash>| !chosen.iter().flatten().eq(hashes);
            if file.is_none() {
                self.report.add(Fault::Missing { tile: *tile });
            } else if stored.as_ref().is_none_or(differs) {
                self.report.add(Fault::Tile { tile: *tile });
            }
        }
        for (tile, chosen) in tiles.iter().zip(&chosen) {
            self.below(tile, chosen, proven && settled)?;
        }
        // Where a hash is not even known, the file that is missing has been named.
        if proven && !settled && chosen.iter().flatten().all(Option::is_some) {
            self.report.add(match (unsettled, tiles) {
                (Fault::Rewritten { .. }, [tile]) if no_entries => Fault::Tile { tile: *tile },
                (fault, _) => fault,
            });
        }
        Ok(())
    }

    /// Chooses among the hashes that tiles have and those that can be computed below them.
    fn choose(
        &self,
        tiles: &[Tile],
        stored: &[Option<Vec<Hash>>],
        fits: impl Fn(&[Vec<Hash>]) -> bool,
    ) -> Result<Choice, F::Error> {
        let mut values = Vec::new();
        for (tile, stored) in tiles.iter().zip(stored) {
            let unknown = || vec![None; tile.width().into()];
            let stored = stored.clone().map_or_else(unknown, all_known);
            let below = self.by_tiles(tile)?.into_iter().zip(self.by_entries(tile)?);
            let three = stored.into_iter().zip(below);
            values.push(three.map(|(a, (b, c))| [a, b, c]).collect());
        }
        Ok(Choice::among(&values, fits))
    }

    /// Goes on below a tile: to its bundle, or to each tile that one of its hashes covers.
    fn below(&mut self, tile: &Tile, hashes: &Known, proven: bool) -> Result<(), F::Error> {
        if tile.kind() == Kind::Hashes(0) {
            return self.bundle(tile, hashes, proven);
        }
        for (hash, child) in hashes.iter().zip(children(tile)) {
            let (first, last) = range(&child);
            let unsettled = Fault::Rewritten { first, last };
            self.tiles(&[child], proven && hash.is_some(), unsettled, |tiles| {
                hash.is_some() && tiles.first().and_then(|tile| above(tile)) == *hash
            })?;
        }
        Ok(())
    }

    /// Compares the entries of a bundle with the hashes of its tile.
    fn bundle(&mut self, tile: &Tile, expected: &Known, proven: bool) -> Result<(), F::Error> {
        self.grow(expected, proven);
        let (first, last) = range(tile);
        let Some(bundle) = Tile::entries(tile.index(), tile.width()) else { return Ok(()) };
        if last < self.oldest || self.report.unfinished {
            return Ok(());
        }
        let Some(bytes) = tile::read(self.files, &bundle)? else {
            self.report.add(Fault::Missing { tile: bundle });
            return Ok(());
        };
        let found = found(&bundle, &bytes);
        let fit = |(expected, found): (&Option<Hash>, &Option<Hash>)| {
            expected.is_none() || expected == found
        };
        let start = expected.iter().zip(&found).take_while(|pair| fit(*pair)).count();
        let lost = expected.len().saturating_sub(found.len());
        let at =
            |place: usize| u64::try_from(place).map_or(last, |place| first.saturating_add(place));
        // Either some entries were cut out and the others moved up, or each has its place.
        let mut others =
            expected.iter().skip(start.saturating_add(lost)).zip(found.iter().skip(start));
        let cut = if others.all(fit) { start } else { found.len() };
        for (place, pair) in expected.iter().zip(&found).enumerate().take(cut).skip(start) {
            if !fit(pair) {
                self.report.add(Fault::Edited { first: at(place), last: at(place) });
            }
        }
        if lost > 0 {
            let last = at(cut.saturating_add(lost).saturating_sub(1));
            self.report.add(Fault::Dropped { first: at(cut), last });
        }
        match bytes.get(bundle.bytes()..) {
            None | Some([]) => {}
            Some(_) if bundle.is_full() => self.report.add(Fault::Surplus { tile: bundle }),
            Some(rest) => self.tail(rest),
        }
        Ok(())
    }

    /// Notes what stands after the last entry.
    fn tail(&mut self, rest: &[u8]) {
        let (entries, torn) = records(rest);
        let entries = u64::try_from(entries.len()).unwrap_or(u64::MAX);
        self.report.tail = Tail { entries, torn: !torn.is_empty() };
    }

    /// Appends proven hashes to the tree that is held against the checkpoints that were kept.
    fn grow(&mut self, hashes: &Known, proven: bool) {
        for hash in hashes {
            let Some((_, frontier)) = &mut self.kept else { return };
            match hash.filter(|_| proven).map(|hash| frontier.push(hash)) {
                Some(Ok(())) => self.compare_kept(),
                _ => self.kept = None,
            }
        }
    }

    /// Compares the tree with the checkpoints that were kept at its size.
    fn compare_kept(&mut self) {
        let Some((kept, frontier)) = &mut self.kept else { return };
        while let Some(next) = kept.pop_if(|next| next.size() == frontier.size()) {
            if *next.root() != frontier.root() {
                self.report.add(Fault::Fork { size: next.size() });
            }
        }
        if kept.is_empty() {
            self.kept = None;
        }
    }

    /// Computes the hashes of a tile from the tiles below it.
    fn by_tiles(&self, tile: &Tile) -> Result<Known, F::Error> {
        if tile.kind() == Kind::Hashes(0) {
            return Ok(vec![None; tile.width().into()]);
        }
        let hash = |child: Tile| {
            let bytes = tile::read(self.files, &child)?;
            Ok(bytes.and_then(|bytes| above(&tree::hashes(&child, &bytes)?)))
        };
        children(tile).map(hash).collect()
    }

    /// Computes the hashes of a tile from the entries below it.
    fn by_entries(&self, tile: &Tile) -> Result<Known, F::Error> {
        if tile.kind() != Kind::Hashes(0) {
            return children(tile).map(|child| self.whole(&child)).collect();
        }
        let Some(bundle) = Tile::entries(tile.index(), tile.width()) else { return Ok(Vec::new()) };
        let bytes = tile::read(self.files, &bundle)?.unwrap_or_default();
        let mut hashes = found(&bundle, &bytes);
        hashes.resize(tile.width().into(), None);
        Ok(hashes)
    }

    /// Computes the hash of a full tile from the entries below it. Stops where one is absent.
    fn whole(&self, tile: &Tile) -> Result<Option<Hash>, F::Error> {
        let mut hashes = Vec::new();
        if tile.kind() == Kind::Hashes(0) {
            hashes.extend(self.by_entries(tile)?.into_iter().flatten());
        } else {
            for child in children(tile) {
                let Some(hash) = self.whole(&child)? else { return Ok(None) };
                hashes.push(hash);
            }
        }
        Ok(above(&hashes))
    }
}

/// Lists the full tiles that the hashes of a tile above level 0 cover.
fn children(tile: &Tile) -> impl Iterator<Item = Tile> + use<> {
    let level = match tile.kind() {
        Kind::Hashes(level) => level.checked_sub(1),
        Kind::Entries => None,
    };
    let first = tile.index().checked_mul(FULL.into());
    (0..u64::from(tile.width()))
        .filter_map(move |at| Tile::hashes(level?, first?.checked_add(at)?, FULL))
}

/// Returns the first and the last entry that a full tile, or one of level 0, covers.
fn range(tile: &Tile) -> (u64, u64) {
    let level = if let Kind::Hashes(level) = tile.kind() { u32::from(level) } else { 0 };
    let each = 1_u64.checked_shl(level.saturating_mul(8)).unwrap_or(u64::MAX);
    let first = tile.index().saturating_mul(FULL.into()).saturating_mul(each);
    let count = u64::from(tile.width()).saturating_mul(each);
    (first, first.saturating_add(count.saturating_sub(1)))
}

/// Hashes the entries that a bundle has, up to its width. Where the length before an entry is wrong
/// there is no entry.
fn found(bundle: &Tile, bytes: &[u8]) -> Known {
    let (records, _) = records(bytes);
    let hash = |record: &[u8; RECORD_BYTES]| entry(record).map(|entry| leaf(entry));
    records.iter().take(bundle.width().into()).map(hash).collect()
}
