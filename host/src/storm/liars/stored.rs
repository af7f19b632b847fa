//! Tiers and the object store, lying: all that is told of sealed bytes.

use crate::store::{Listed, Store, StoreError, Upload};
use crate::storm::lies::{Kind as Lie, Liar, Lies};
use crate::storm::mark::mix;
use crate::storm::whose::{self, Whose};
use crate::tiers::{ExtentKey, Tier};
use crate::vault::SealedExtent;
use async_trait::async_trait;
use bytes::Bytes;
use eyesonly_seal::ObjectName;
use eyesonly_seal::format::{HEADER_BYTES, SEALED_CHUNK_BYTES};
use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

/// How many answers a liar remembers to give for others.
const REMEMBERED_MAX: usize = 4096;
/// What a store says when it fails, where it should have said so by its status.
const ERROR_TEXT: &[u8] =
    b"<?xml version=\"1.0\"?><Error><Code>SlowDown</Code><Message>Please reduce your request rate.</Message></Error>";

/// What a liar has seen go by.
#[derive(Default)]
struct Seen(Mutex<VecDeque<(ExtentKey, SealedExtent)>>);

impl Seen {
    fn add(&self, key: ExtentKey, extent: &SealedExtent) {
        let Ok(mut seen) = self.0.lock() else { return };
        if seen.len() >= REMEMBERED_MAX {
            seen.pop_front();
        }
        seen.push_back((key, extent.clone()));
    }

    /// Something for `key` that is what the lie says, beginning anywhere.
    fn instead(&self, key: ExtentKey, lie: Lie, choice: u64) -> Option<SealedExtent> {
        let wanted = whose::is(key.0)?;
        let seen = self.0.lock().ok()?;
        let from = usize::try_from(choice).unwrap_or(0).checked_rem(seen.len())?;
        let fits = |(other, _): &&(ExtentKey, SealedExtent)| {
            other.1 == key.1 && whose::is(other.0).is_some_and(|other| is_instead(lie, wanted, other))
        };
        let mut around = seen.iter().skip(from).chain(seen.iter().take(from));
        around.find(fits).map(|(_, extent)| extent.clone())
    }
}

/// Whether `other` is what the lie gives where `wanted` was asked for.
fn is_instead(lie: Lie, wanted: Whose, other: Whose) -> bool {
    let alike = (other.kind, other.rendition) == (wanted.kind, wanted.rendition);
    match lie {
        Lie::AnotherHousehold | Lie::AnotherFlight => alike && other.household != wanted.household,
        Lie::AnotherObject => alike && other.camera == wanted.camera && other.id != wanted.id,
        Lie::OldVersion => alike && other.camera == wanted.camera && other.id < wanted.id,
        _ => false,
    }
}

/// The honest answer, spoilt.
fn spoilt(lie: Lie, honest: &SealedExtent, choice: u64) -> Option<SealedExtent> {
    let chunks = &honest.chunks;
    let spoilt = match lie {
        Lie::Cut => chunks.slice(..chunks.len() / 2),
        Lie::Extended => [chunks.as_ref(), &chunks.slice(..chunks.len().min(100))]
            .concat()
            .into(),
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
            [second.as_ref(), &first, &chunks.slice(2 * SEALED_CHUNK_BYTES..)]
                .concat()
                .into()
        }
        // A block that was never written reads as zeros; an object that was never written reads as nothing.
        Lie::Empty if choice.is_multiple_of(2) => Bytes::new(),
        Lie::Empty => vec![0; chunks.len()].into(),
        Lie::ErrorAsSuccess => Bytes::from_static(ERROR_TEXT),
        _ => return None,
    };
    Some(SealedExtent {
        header: honest.header,
        chunks: spoilt,
    })
}

/// A liar with its memory.
struct Mouth {
    liar: Liar,
    lies: Arc<Lies>,
    seen: Seen,
}

impl Mouth {
    fn says(&self, key: ExtentKey, honest: SealedExtent) -> SealedExtent {
        self.seen.add(key, &honest);
        let Some(lie) = self.lies.next(self.liar) else {
            return honest;
        };
        let choice = self.lies.choice(self.liar);
        let told = spoilt(lie, &honest, choice).or_else(|| self.seen.instead(key, lie, choice));
        match told {
            Some(told) => {
                self.lies.was_told(self.liar, lie);
                told
            }
            None => honest,
        }
    }
}

/// A tier that lies.
pub struct LyingTier {
    honest: Arc<dyn Tier>,
    mouth: Mouth,
}

impl LyingTier {
    /// Around an honest tier.
    pub fn new(honest: Arc<dyn Tier>, liar: Liar, lies: Arc<Lies>) -> Self {
        let seen = Seen::default();
        Self {
            honest,
            mouth: Mouth { liar, lies, seen },
        }
    }
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl Tier for LyingTier {
    async fn get(&self, key: ExtentKey) -> Option<SealedExtent> {
        let honest = self.honest.get(key).await?;
        Some(self.mouth.says(key, honest))
    }
    async fn put(&self, key: ExtentKey, extent: SealedExtent) {
        self.mouth.seen.add(key, &extent);
        self.honest.put(key, extent).await;
    }
    async fn evict(&self, key: ExtentKey) {
        self.honest.evict(key).await;
    }
}

/// A store that lies, and counts what it is asked to read.
pub struct LyingStore {
    honest: Arc<dyn Store>,
    mouth: Mouth,
    reads: AtomicU64,
    objects: Mutex<std::collections::HashSet<u64>>,
}

impl LyingStore {
    /// Around an honest store.
    pub fn new(honest: Arc<dyn Store>, lies: Arc<Lies>) -> Self {
        Self {
            honest,
            mouth: Mouth {
                liar: Liar::ObjectStore,
                lies,
                seen: Seen::default(),
            },
            reads: AtomicU64::new(0),
            objects: Mutex::default(),
        }
    }

    /// How many reads there were, and how many different extents they were for.
    pub fn reads(&self) -> (u64, u64) {
        let objects = self.objects.lock().map_or(0, |objects| objects.len() as u64);
        (self.reads.load(Ordering::Relaxed), objects)
    }

    fn count(&self, key: (ObjectName, u64)) {
        self.reads.fetch_add(1, Ordering::Relaxed);
        let first = key.0.as_bytes().first_chunk::<8>().copied().unwrap_or_default();
        if let Ok(mut objects) = self.objects.lock() {
            objects.insert(mix(&[u64::from_be_bytes(first), key.1]));
        }
    }
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl Store for LyingStore {
    async fn put(&self, name: ObjectName, sealed: Bytes) -> Result<(), StoreError> {
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
        // The read of an extent: its object's header, and its chunks.
        let [(0, _), (start, _)] = ranges else {
            return Ok(parts);
        };
        let [header, chunks] = parts.as_slice() else {
            return Ok(parts);
        };
        self.count((name, *start));
        let Ok(header) = <[u8; HEADER_BYTES]>::try_from(header.as_ref()) else {
            return Ok(parts);
        };
        let honest = SealedExtent {
            header,
            chunks: chunks.clone(),
        };
        let told = self.mouth.says((name, *start), honest);
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
    use crate::store::conformance as store_conformance;
    use crate::store::memory::MemoryStore;
    use crate::tiers::{MemoryTier, conformance};

    #[tokio::test]
    async fn without_a_lie_both_conform() {
        let lies = Arc::new(Lies::new(1, &[]));
        let tier = LyingTier::new(Arc::new(MemoryTier::new(1 << 20)), Liar::MemoryTier, Arc::clone(&lies));
        conformance::check(&tier, || {}).await;
        store_conformance::check(&LyingStore::new(Arc::new(MemoryStore::default()), lies)).await;
    }
}
