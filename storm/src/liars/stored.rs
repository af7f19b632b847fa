//! The lying tiers and the lying object store: all lies about sealed bytes.

use crate::forge::Forge;
use crate::lies::{Kind as Lie, Liar, Lies};
use crate::mark::mix;
use crate::whose::{Names, Whose};
use async_trait::async_trait;
use bytes::Bytes;
use eyesonly_gate::{Claimed, Sealed, SealedPart};
use eyesonly_seal::ObjectName;
use eyesonly_seal::format::{HEADER_BYTES, SEALED_CHUNK_BYTES};
use eyesonly_service::store::{Listed, Store, StoreError, Upload};
use eyesonly_service::tiers::{ExtentKey, Tier};
use std::collections::{HashSet, VecDeque};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

/// The most answers that a liar remembers to give for others.
const REMEMBERED_MAX: usize = 4096;
/// The text of a store's error, which a status should have said.
pub const ERROR_TEXT: &[u8] =
    b"<?xml version=\"1.0\"?><Error><Code>SlowDown</Code><Message>Please reduce your request \
      rate.</Message></Error>";

/// The extents that a liar has seen go by.
#[derive(Default)]
struct Seen(Mutex<VecDeque<(ExtentKey, Claimed)>>);

impl Seen {
    fn add(&self, key: ExtentKey, extent: &Claimed) {
        let Ok(mut seen) = self.0.lock() else { return };
        if seen.len() >= REMEMBERED_MAX {
            seen.pop_front();
        }
        seen.push_back((key, extent.clone()));
    }

    /// Finds an extent that is what the lie says for `key`, starting anywhere. Returns it with its
    /// name.
    fn instead(
        &self,
        names: &Names,
        key: ExtentKey,
        lie: Lie,
        choice: u64,
    ) -> Option<(ObjectName, Claimed)> {
        let wanted = names.is(key.0)?;
        let seen = self.0.lock().ok()?;
        let from = usize::try_from(choice).unwrap_or(0).checked_rem(seen.len())?;
        let fits = |(other, _): &&(ExtentKey, Claimed)| {
            other.1 == key.1
                && names.is(other.0).is_some_and(|other| is_instead(lie, wanted, other))
        };
        let mut around = seen.iter().skip(from).chain(seen.iter().take(from));
        around.find(fits).map(|((name, _), extent)| (*name, extent.clone()))
    }
}

/// Says whether `other` is what the lie gives where `wanted` was asked for.
fn is_instead(lie: Lie, wanted: Whose, other: Whose) -> bool {
    let alike = wanted.is_like(&other);
    match lie {
        Lie::AnotherHousehold | Lie::AnotherFlight => alike && other.household != wanted.household,
        Lie::AnotherObject => alike && other.camera == wanted.camera && other.id != wanted.id,
        Lie::OldVersion => alike && other.camera == wanted.camera && other.id < wanted.id,
        _ => false,
    }
}

/// Spoils the honest answer. None: this lie spoils nothing, or can't.
fn spoilt(lie: Lie, honest: &Claimed, choice: u64) -> Option<Claimed> {
    let chunks = &honest.chunks;
    let spoilt = match lie {
        Lie::Cut => chunks.slice(..chunks.len() / 2),
        Lie::Extended => [chunks.as_ref(), &chunks.slice(..chunks.len().min(100))].concat().into(),
        Lie::FlippedBit => {
            let mut bytes = chunks.to_vec();
            let at = usize::try_from(choice).unwrap_or(0).checked_rem(bytes.len())?;
            *bytes.get_mut(at)? ^= 1 << (choice % 8);
            bytes.into()
        }
        Lie::Reordered => {
            if chunks.len() < 2 * SEALED_CHUNK_BYTES {
                return None;
            }
            let (first, second) = (
                chunks.slice(..SEALED_CHUNK_BYTES),
                chunks.slice(SEALED_CHUNK_BYTES..2 * SEALED_CHUNK_BYTES),
            );
            [second.as_ref(), &first, &chunks.slice(2 * SEALED_CHUNK_BYTES..)].concat().into()
        }
        // A block that was never written reads as zeros; an object that was never written reads as
        // nothing.
        Lie::Empty if choice.is_multiple_of(2) => Bytes::new(),
        Lie::Empty => vec![0; chunks.len()].into(),
        Lie::ErrorAsSuccess => Bytes::from_static(ERROR_TEXT),
        _ => return None,
    };
    Some(Claimed { header: honest.header, chunks: spoilt })
}

/// A liar's mouth: it remembers what it has seen, and tells the lies about sealed bytes.
pub struct Mouth {
    liar: Liar,
    lies: Arc<Lies>,
    forge: Arc<Forge>,
    seen: Seen,
}

impl Mouth {
    /// Makes the mouth of this liar.
    pub fn new(liar: Liar, lies: Arc<Lies>, forge: Arc<Forge>) -> Self {
        Self { liar, lies, forge, seen: Seen::default() }
    }

    /// Remembers an extent that goes by.
    pub fn hears(&self, key: ExtentKey, extent: &Claimed) {
        self.seen.add(key, extent);
    }

    /// Returns the honest answer, or a lie in its place.
    pub fn says(&self, key: ExtentKey, honest: Claimed) -> Claimed {
        self.hears(key, &honest);
        let Some(lie) = self.lies.next(self.liar) else {
            return honest;
        };
        let choice = self.lies.choice(self.liar);
        let spoilt = spoilt(lie, &honest, choice).map(|extent| (key.0, extent));
        let told = spoilt.or_else(|| self.seen.instead(self.forge.names(), key, lie, choice));
        let Some((of, told)) = told else {
            return honest;
        };
        self.lies.was_told(self.liar, lie);
        let forged = self.forge.extent(lie, key.0, &honest, (of, &told), choice);
        forged.unwrap_or(told)
    }
}

/// A tier that lies.
pub struct LyingTier {
    honest: Arc<dyn Tier>,
    mouth: Mouth,
}

impl LyingTier {
    /// Wraps an honest tier.
    pub fn new(honest: Arc<dyn Tier>, mouth: Mouth) -> Self {
        Self { honest, mouth }
    }
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl Tier for LyingTier {
    async fn get(&self, key: ExtentKey) -> Option<Claimed> {
        let honest = self.honest.get(key).await?;
        Some(self.mouth.says(key, honest))
    }
    async fn put(&self, key: ExtentKey, extent: Sealed) {
        self.mouth.hears(key, &extent.clone().into());
        self.honest.put(key, extent).await;
    }
    async fn evict(&self, key: ExtentKey) {
        self.honest.evict(key).await;
    }
}

/// The counts of what a store is asked to read.
#[derive(Default)]
pub struct Reads {
    reads: AtomicU64,
    extents: Mutex<HashSet<u64>>,
}

impl Reads {
    /// Counts the read of one extent.
    pub fn count(&self, key: ExtentKey) {
        self.reads.fetch_add(1, Ordering::Relaxed);
        let first = key.0.as_bytes().first_chunk::<8>().copied().unwrap_or_default();
        if let Ok(mut extents) = self.extents.lock() {
            extents.insert(mix(&[u64::from_be_bytes(first), key.1]));
        }
    }

    /// Returns how many reads there were, and how many different extents they were for.
    pub fn so_far(&self) -> (u64, u64) {
        let extents = self.extents.lock().map_or(0, |extents| extents.len() as u64);
        (self.reads.load(Ordering::Relaxed), extents)
    }
}

/// A store that lies, and counts what it is asked to read.
pub struct LyingStore {
    honest: Arc<dyn Store>,
    mouth: Mouth,
    reads: Arc<Reads>,
}

impl LyingStore {
    /// Wraps an honest store.
    pub fn new(honest: Arc<dyn Store>, mouth: Mouth, reads: Arc<Reads>) -> Self {
        Self { honest, mouth, reads }
    }
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl Store for LyingStore {
    async fn put(&self, name: ObjectName, sealed: SealedPart) -> Result<(), StoreError> {
        self.honest.put(name, sealed).await
    }
    async fn begin(&self, name: ObjectName) -> Result<Box<dyn Upload>, StoreError> {
        self.honest.begin(name).await
    }
    fn part_bytes(&self) -> usize {
        self.honest.part_bytes()
    }
    async fn get(&self, name: ObjectName, ranges: &[(u64, u64)]) -> Result<Vec<Bytes>, StoreError> {
        let parts = self.honest.get(name, ranges).await?;
        // The read of an extent asks for its object's header and for its chunks.
        let [(0, _), (start, _)] = ranges else {
            return Ok(parts);
        };
        let [header, chunks] = parts.as_slice() else {
            return Ok(parts);
        };
        self.reads.count((name, *start));
        let Ok(header) = <[u8; HEADER_BYTES]>::try_from(header.as_ref()) else {
            return Ok(parts);
        };
        let told = self.mouth.says((name, *start), Claimed { header, chunks: chunks.clone() });
        Ok(vec![Bytes::copy_from_slice(&told.header), told.chunks])
    }
    async fn delete(&self, name: ObjectName) -> Result<(), StoreError> {
        self.honest.delete(name).await
    }
    async fn sweep(&self, before_milliseconds: u64) -> Result<Vec<Listed>, StoreError> {
        self.honest.sweep(before_milliseconds).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use eyesonly_service::store::conformance as store_conformance;
    use eyesonly_service::store::memory::MemoryStore;
    use eyesonly_service::tiers::{MemoryTier, conformance};

    #[tokio::test]
    async fn without_a_lie_both_conform() {
        let mouth = |liar| Mouth::new(liar, Arc::new(Lies::new(1, &[])), Forge::nothing());
        let tier = LyingTier::new(Arc::new(MemoryTier::new(1 << 20)), mouth(Liar::MemoryTier));
        conformance::check(&tier, || {}).await;
        let store = Arc::new(MemoryStore::default());
        store_conformance::check(&LyingStore::new(store, mouth(Liar::ObjectStore), Arc::default()))
            .await;
    }
}
