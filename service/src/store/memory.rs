//! A store in memory, for tests: the shortest program that does what the trait says. Both this
//! store and the real one pass the same suite.
#![allow(clippy::unwrap_used, reason = "for tests: a failed expectation is the point")]

use super::{Listed, Store, StoreError, Upload};
use async_trait::async_trait;
use bytes::Bytes;
use eyesonly_gate::SealedPart;
use eyesonly_seal::ObjectName;
use std::collections::HashMap;
use std::sync::{Arc, Mutex};

type Objects = Arc<Mutex<HashMap<ObjectName, Bytes>>>;

/// The store.
#[derive(Default)]
pub struct MemoryStore {
    /// Objects by name.
    pub objects: Objects,
    /// The number of reads that were made.
    pub reads: std::sync::atomic::AtomicUsize,
    /// Makes reads hang, as on a disk that does not answer.
    pub hangs: std::sync::atomic::AtomicBool,
}

#[async_trait]
impl Store for MemoryStore {
    async fn put(&self, name: ObjectName, sealed: SealedPart) -> Result<(), StoreError> {
        let mut objects = self.objects.lock().unwrap();
        if objects.contains_key(&name) {
            return Err(StoreError::Exists);
        }
        objects.insert(name, sealed.into_bytes());
        Ok(())
    }

    async fn begin(&self, name: ObjectName) -> Result<Box<dyn Upload>, StoreError> {
        Ok(Box::new(MemoryUpload { objects: Arc::clone(&self.objects), name, parts: Vec::new() }))
    }

    fn part_bytes(&self) -> usize {
        64 * 1024
    }

    async fn get(&self, name: ObjectName, ranges: &[(u64, u64)]) -> Result<Vec<Bytes>, StoreError> {
        self.reads.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
        if self.hangs.load(std::sync::atomic::Ordering::SeqCst) {
            std::future::pending::<()>().await;
        }
        let object =
            self.objects.lock().unwrap().get(&name).cloned().ok_or(StoreError::NotFound)?;
        let slice = |(start, length): &(u64, u64)| {
            let range = *start as usize..(start + length) as usize;
            if range.end > object.len() { Err(StoreError::Short) } else { Ok(object.slice(range)) }
        };
        ranges.iter().map(slice).collect()
    }

    async fn delete(&self, name: ObjectName) -> Result<(), StoreError> {
        self.objects.lock().unwrap().remove(&name);
        Ok(())
    }

    async fn sweep(&self, before_milliseconds: u64) -> Result<Vec<Listed>, StoreError> {
        let names = self.objects.lock().unwrap().keys().copied().collect::<Vec<_>>();
        let written_at_milliseconds = before_milliseconds.saturating_sub(1);
        Ok(names.into_iter().map(|name| Listed { name, written_at_milliseconds }).collect())
    }
}

struct MemoryUpload {
    objects: Objects,
    name: ObjectName,
    parts: Vec<u8>,
}

#[async_trait]
impl Upload for MemoryUpload {
    async fn part(&mut self, sealed: SealedPart) -> Result<(), StoreError> {
        self.parts.extend_from_slice(sealed.bytes());
        Ok(())
    }
    async fn finish(self: Box<Self>) -> Result<(), StoreError> {
        self.objects.lock().unwrap().insert(self.name, Bytes::from(self.parts));
        Ok(())
    }
    async fn abort(self: Box<Self>) {}
}

#[tokio::test]
async fn it_passes_the_suite() {
    super::conformance::check(&MemoryStore::default()).await;
}
