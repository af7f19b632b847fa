//! The object store over a key-value store. An object's bytes are in its head, or in parts where
//! they do not fit there.
//!
//! An object appears with its head, which is written last and only if there is none. A part belongs
//! to the upload that wrote it.

use super::{KeyValue, KvError, VALUE_BYTES_MAX, decode, encode, hex, unhex};
use crate::chain::Chain;
use crate::clock;
use crate::ingest::CLIP_BYTES_MAX;
use crate::store::{Listed, Store, StoreError, Upload};
use async_trait::async_trait;
use bytes::Bytes;
use eyesonly_gate::SealedPart;
use eyesonly_seal::ObjectName;
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::sync::Arc;

/// The length of one part, in bytes.
const PART_BYTES: usize = 256 * 1024;
const _: () = assert!(PART_BYTES < VALUE_BYTES_MAX);
/// The most parts of an object. The longest clip has about half as many, and the note of an upload
/// has room for up to twice the parts that there are.
const PARTS_MAX: u64 = 1 << 14;
const _: () = assert!(CLIP_BYTES_MAX + CLIP_BYTES_MAX / 512 < PARTS_MAX * PART_BYTES as u64);

/// The head of an object, which is written last.
#[derive(Serialize, Deserialize)]
struct Head {
    length: u64,
    written_at_milliseconds: u64,
    body: Body,
}

#[derive(Serialize, Deserialize)]
enum Body {
    /// All bytes of the object.
    Here(Vec<u8>),
    /// The upload in whose parts the bytes are.
    Parts([u8; 16]),
}

/// The note of an upload that has started, by which a sweep finds one that broke off.
#[derive(Serialize, Deserialize)]
struct Begun {
    at_milliseconds: u64,
    parts: u64,
    /// The name of the object that it will be. If that object is there with this upload's parts,
    /// the parts stay.
    name: [u8; 32],
    /// A sweep has claimed the upload, which must not end.
    claimed: bool,
}

/// The store.
pub struct KvStore(Arc<dyn KeyValue>);

impl KvStore {
    /// Makes an object store over this store.
    pub fn new(kv: Arc<dyn KeyValue>) -> Self {
        Self(kv)
    }
}

impl From<KvError> for StoreError {
    fn from(error: KvError) -> Self {
        Self::Unavailable(error.into())
    }
}

const HEADS: &str = "object/";
const BEGUN: &str = "upload/";

fn head_key(name: ObjectName) -> String {
    format!("{HEADS}{}", hex(name.as_bytes()))
}
fn begun_key(upload: &[u8; 16]) -> String {
    format!("{BEGUN}{}", hex(upload))
}
fn part_key(upload: &[u8; 16], part: u64) -> String {
    format!("part/{}/{part}", hex(upload))
}

fn write_head(
    kv: &dyn KeyValue,
    name: ObjectName,
    length: usize,
    body: Body,
) -> Result<(), StoreError> {
    let head =
        Head { length: length as u64, written_at_milliseconds: clock::now_milliseconds(), body };
    if kv.swap(&head_key(name), None, &encode(&head)?)? { Ok(()) } else { Err(StoreError::Exists) }
}

fn parts_of(length: u64) -> u64 {
    length.div_ceil(PART_BYTES as u64)
}

fn drop_parts(kv: &dyn KeyValue, upload: &[u8; 16], parts: u64) -> Result<(), KvError> {
    let keys: Vec<String> =
        (0..parts).map(|part| part_key(upload, part)).chain([begun_key(upload)]).collect();
    kv.delete_many(&keys)
}

/// Reads a head. Nobody vouches for its length, so one that no object has is refused: its parts
/// would be counted one by one.
fn read_head(key: &str, raw: &[u8]) -> Result<Head, KvError> {
    let head: Head = decode(key, raw)?;
    if parts_of(head.length) > PARTS_MAX { Err(too_many(key)) } else { Ok(head) }
}

fn too_many(key: &str) -> KvError {
    KvError(format!("{key} claims more parts than an object has").into())
}

impl KvStore {
    fn head(&self, name: ObjectName) -> Result<Option<Head>, KvError> {
        let key = head_key(name);
        self.0.get(&key)?.map(|raw| read_head(&key, &raw)).transpose()
    }

    /// Returns one range, and reads each part once.
    fn range(
        &self,
        upload: &[u8; 16],
        (start, end): (u64, u64),
        parts: &mut HashMap<u64, Bytes>,
    ) -> Result<Bytes, StoreError> {
        let part_bytes = PART_BYTES as u64;
        let mut range = Vec::new();
        for part in start / part_bytes..parts_of(end) {
            let bytes = match parts.get(&part) {
                Some(bytes) => bytes.clone(),
                None => {
                    let bytes = self.0.get(&part_key(upload, part))?.ok_or(StoreError::Short)?;
                    parts.entry(part).or_insert(Bytes::from(bytes)).clone()
                }
            };
            let at = part.saturating_mul(part_bytes);
            let from = usize::try_from(start.saturating_sub(at)).map_err(|_| StoreError::Short)?;
            let to = usize::try_from(end.saturating_sub(at).min(part_bytes))
                .map_err(|_| StoreError::Short)?;
            range.extend_from_slice(bytes.get(from..to).ok_or(StoreError::Short)?);
        }
        Ok(Bytes::from(range))
    }
}

#[async_trait]
impl Store for KvStore {
    async fn put(&self, name: ObjectName, sealed: SealedPart) -> Result<(), StoreError> {
        let bytes = sealed.bytes();
        if bytes.len() <= PART_BYTES {
            return write_head(&*self.0, name, bytes.len(), Body::Here(bytes.to_vec()));
        }
        let mut upload = self.begin(name).await?;
        upload.part(sealed).await?;
        upload.finish().await
    }

    async fn begin(&self, name: ObjectName) -> Result<Box<dyn Upload>, StoreError> {
        if self.head(name)?.is_some() {
            return Err(StoreError::Exists);
        }
        Ok(Box::new(KvUpload {
            kv: Arc::clone(&self.0),
            name,
            upload: clock::random(),
            waiting: Vec::new(),
            noted: None,
            parts_noted: 0,
            parts: 0,
            length: 0,
        }))
    }

    fn part_bytes(&self) -> usize {
        PART_BYTES
    }

    async fn get(&self, name: ObjectName, ranges: &[(u64, u64)]) -> Result<Vec<Bytes>, StoreError> {
        let head = self.head(name)?.ok_or(StoreError::NotFound)?;
        let ends = ranges.iter().map(|(start, length)| match start.checked_add(*length) {
            Some(end) if end <= head.length => Ok((*start, end)),
            _ => Err(StoreError::Short),
        });
        let ends = ends.collect::<Result<Vec<_>, _>>()?;
        match head.body {
            Body::Here(bytes) => {
                let bytes = Bytes::from(bytes);
                let slice = |(start, end): (u64, u64)| {
                    let (start, end) = (usize::try_from(start).ok()?, usize::try_from(end).ok()?);
                    (start <= end && end <= bytes.len()).then(|| bytes.slice(start..end))
                };
                ends.into_iter().map(|range| slice(range).ok_or(StoreError::Short)).collect()
            }
            Body::Parts(upload) => {
                let mut parts = HashMap::new();
                ends.into_iter().map(|range| self.range(&upload, range, &mut parts)).collect()
            }
        }
    }

    async fn delete(&self, name: ObjectName) -> Result<(), StoreError> {
        let Some(head) = self.head(name)? else { return Ok(()) };
        self.0.delete_many(&[head_key(name)])?;
        if let Body::Parts(upload) = head.body {
            drop_parts(&*self.0, &upload, parts_of(head.length))?;
        }
        Ok(())
    }

    async fn sweep(&self, before_milliseconds: u64) -> Result<Vec<Listed>, StoreError> {
        for key in self.0.list(BEGUN)? {
            let (Some(raw), Some(upload)) =
                (self.0.get(&key)?, key.strip_prefix(BEGUN).and_then(unhex))
            else {
                continue;
            };
            let (begun, Ok(upload)) = (decode::<Begun>(&key, &raw)?, <[u8; 16]>::try_from(upload))
            else {
                continue;
            };
            if begun.at_milliseconds >= before_milliseconds {
                continue;
            }
            if begun.parts > PARTS_MAX {
                return Err(too_many(&key).into());
            }
            // The sweep claims the upload first. If the upload goes on after all, it finds that it
            // has ended.
            let claimed = Begun { claimed: true, ..begun };
            if !self.0.swap(&key, Some(&raw), &encode(&claimed)?)? {
                continue;
            }
            // The upload may have broken off after the object appeared, before its note was
            // deleted.
            let head = self.head(ObjectName::from_bytes(claimed.name))?;
            match head.map(|head| head.body) {
                Some(Body::Parts(of)) if of == upload => self.0.delete_many(&[key])?,
                _ => drop_parts(&*self.0, &upload, claimed.parts)?,
            }
        }
        let mut listed = Vec::new();
        for key in self.0.list(HEADS)? {
            let name =
                key.strip_prefix(HEADS).and_then(unhex).and_then(|name| name.try_into().ok());
            let (Some(name), Some(raw)) = (name, self.0.get(&key)?) else {
                continue;
            };
            let head = read_head(&key, &raw)?;
            if head.written_at_milliseconds < before_milliseconds {
                listed.push(Listed {
                    name: ObjectName::from_bytes(name),
                    written_at_milliseconds: head.written_at_milliseconds,
                });
            }
        }
        Ok(listed)
    }
}

struct KvUpload {
    kv: Arc<dyn KeyValue>,
    name: ObjectName,
    upload: [u8; 16],
    /// The bytes that do not fill a part yet.
    waiting: Vec<u8>,
    /// The last note of this upload.
    noted: Option<Vec<u8>>,
    /// The number of parts that the last note has room for.
    parts_noted: u64,
    parts: u64,
    length: usize,
}

impl KvUpload {
    /// Notes that the upload goes on, with at most so many parts. The first time nobody else knows
    /// of the upload; later a sweep may have claimed it.
    fn note(&mut self, parts: u64) -> Result<(), KvError> {
        let begun = Begun {
            at_milliseconds: clock::now_milliseconds(),
            parts,
            name: *self.name.as_bytes(),
            claimed: false,
        };
        let (key, begun) = (begun_key(&self.upload), encode(&begun)?);
        match &self.noted {
            None => self.kv.set(&key, &begun)?,
            Some(noted) => {
                if !self.kv.swap(&key, Some(noted), &begun)? {
                    return Err(KvError(
                        "an upload paused for so long that it was collected".into(),
                    ));
                }
            }
        }
        self.noted = Some(begun);
        self.parts_noted = parts;
        Ok(())
    }

    fn write(&mut self) -> Result<(), KvError> {
        // The note comes before the part, so that a sweep finds the part. Each note has room for
        // twice as many parts, since Spin lets an instance swap 256 times.
        if self.parts >= self.parts_noted {
            self.note(self.parts_noted.saturating_mul(2).max(1))?;
        }
        self.kv.set(&part_key(&self.upload, self.parts), &self.waiting)?;
        self.parts = self.parts.saturating_add(1);
        self.waiting.clear();
        Ok(())
    }
}

#[async_trait]
impl Upload for KvUpload {
    async fn part(&mut self, sealed: SealedPart) -> Result<(), StoreError> {
        let mut rest = sealed.bytes().as_ref();
        self.length = self.length.saturating_add(rest.len());
        while !rest.is_empty() {
            let room = PART_BYTES.saturating_sub(self.waiting.len());
            let (now, later) = rest.split_at(room.min(rest.len()));
            self.waiting.extend_from_slice(now);
            rest = later;
            if self.waiting.len() == PART_BYTES {
                self.write()?;
            }
        }
        Ok(())
    }

    async fn finish(mut self: Box<Self>) -> Result<(), StoreError> {
        if !self.waiting.is_empty() {
            self.write()?;
        }
        // The new note is young, so a sweep leaves it alone until long after the head is there.
        if let Err(swept) = self.note(self.parts) {
            drop_parts(&*self.kv, &self.upload, self.parts)?;
            return Err(swept.into());
        }
        let written = write_head(&*self.kv, self.name, self.length, Body::Parts(self.upload));
        match written {
            // The upload has ended, and its note goes.
            Ok(()) => self.kv.delete_many(&[begun_key(&self.upload)])?,
            Err(_) => drop_parts(&*self.kv, &self.upload, self.parts)?,
        }
        written
    }

    async fn abort(self: Box<Self>) {
        if let Err(error) = drop_parts(&*self.kv, &self.upload, self.parts) {
            tracing::warn!(
                error = %Chain(&error),
                "parts of an upload that was given up are left for collection"
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kv::memory::MemoryKv;
    use crate::testing;

    const LONG: usize = PART_BYTES * 2 + 1;

    fn long() -> SealedPart {
        testing::part(7, LONG)
    }

    fn store() -> (Arc<MemoryKv>, KvStore) {
        let kv = Arc::new(MemoryKv::default());
        (Arc::clone(&kv), KvStore::new(kv))
    }

    #[tokio::test]
    async fn parts_of_an_upload_that_broke_off_are_swept_when_they_are_old() {
        let (kv, store) = store();
        let mut upload = store.begin(ObjectName::from_bytes([1; 32])).await.unwrap();
        upload.part(long()).await.unwrap();
        drop(upload);
        assert_eq!(kv.list("part/").unwrap().len(), 2);
        store.sweep(0).await.unwrap();
        assert_eq!(kv.list("part/").unwrap().len(), 2, "it may be on its way");
        store.sweep(u64::MAX).await.unwrap();
        assert_eq!(kv.list("").unwrap(), [""; 0]);
    }

    #[tokio::test]
    async fn an_upload_that_was_swept_does_not_end_well() {
        for more in [100, LONG] {
            let (kv, store) = store();
            let mut upload = store.begin(ObjectName::from_bytes([1; 32])).await.unwrap();
            upload.part(long()).await.unwrap();
            store.sweep(u64::MAX).await.unwrap();
            // The upload is told at its end at the latest.
            let _ = upload.part(testing::part(7, more)).await;
            assert!(upload.finish().await.is_err());
            assert_eq!(kv.list("object/").unwrap(), [""; 0], "nothing is shown");
        }
    }

    #[tokio::test]
    async fn a_claim_of_more_parts_than_an_object_has_is_refused() {
        let (kv, store) = store();
        let name = ObjectName::from_bytes([1; 32]);
        let head =
            Head { length: u64::MAX, written_at_milliseconds: 1, body: Body::Parts([2; 16]) };
        kv.set(&head_key(name), &encode(&head).unwrap()).unwrap();
        assert!(store.delete(name).await.is_err());
        assert!(store.sweep(u64::MAX).await.is_err());
        kv.delete_many(&[head_key(name)]).unwrap();
        let begun = Begun { at_milliseconds: 1, parts: u64::MAX, name: [1; 32], claimed: false };
        kv.set(&begun_key(&[2; 16]), &encode(&begun).unwrap()).unwrap();
        assert!(store.sweep(u64::MAX).await.is_err());
    }

    #[tokio::test]
    async fn an_object_keeps_its_parts_where_its_upload_broke_off_at_the_very_end() {
        let (kv, store) = store();
        let name = ObjectName::from_bytes([1; 32]);
        store.put(name, long()).await.unwrap();
        let Some(Head { body: Body::Parts(upload), .. }) = store.head(name).unwrap() else {
            panic!("a long object is in parts");
        };
        let begun = Begun { at_milliseconds: 1, parts: 3, name: [1; 32], claimed: false };
        kv.set(&begun_key(&upload), &encode(&begun).unwrap()).unwrap();
        assert_eq!(store.sweep(u64::MAX).await.unwrap().len(), 1);
        assert_eq!(kv.list(BEGUN).unwrap(), [""; 0]);
        let whole = store.get(name, &[(0, LONG as u64)]).await.unwrap();
        assert_eq!(whole, [long().into_bytes()]);
    }
}
