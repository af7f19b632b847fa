//! The sink: seals bytes as they come and writes them to the store, in one go when they are few, in parts when they are many.

use super::IngestError;
use crate::store::{Store, Upload};
use crate::vault::Sealer;
use bytes::Bytes;
use eyesonly_seal::ObjectName;
use eyesonly_seal::format::CHUNK_BYTES;
use std::sync::Arc;

/// An object that is durable in the store and known to nobody yet.
pub struct Object {
    /// Its length in bytes.
    pub sealed_length: u64,
}

/// Where one upload goes. Dropped half-way: nothing is visible.
pub struct Sink {
    store: Arc<dyn Store>,
    name: ObjectName,
    sealer: Sealer,
    /// Sealed bytes that have not gone to the store yet; less than a part and a chunk.
    waiting: Vec<u8>,
    upload: Option<Box<dyn Upload>>,
    sealed_length: u64,
}

impl Sink {
    /// A sink for one object.
    pub fn new(store: Arc<dyn Store>, name: ObjectName, sealer: Sealer) -> Self {
        let waiting = sealer.header().to_vec();
        Self {
            store,
            name,
            sealer,
            waiting,
            upload: None,
            sealed_length: 0,
        }
    }

    /// Takes plain bytes.
    ///
    /// # Errors
    /// [`IngestError`] of the store.
    pub async fn push(&mut self, plain: &[u8]) -> Result<(), IngestError> {
        let part_bytes = self.store.part_bytes();
        for piece in plain.chunks(CHUNK_BYTES) {
            self.sealer.push(piece, &mut self.waiting)?;
            if self.waiting.len() >= part_bytes {
                let rest = self.waiting.split_off(part_bytes);
                let part = std::mem::replace(&mut self.waiting, rest);
                self.write(Bytes::from(part)).await?;
            }
        }
        Ok(())
    }

    async fn write(&mut self, part: Bytes) -> Result<(), IngestError> {
        let upload = match &mut self.upload {
            Some(upload) => upload,
            none => none.insert(self.store.begin(self.name).await?),
        };
        self.sealed_length = self.sealed_length.saturating_add(part.len() as u64);
        Ok(upload.part(part).await?)
    }

    /// Seals the end and makes the object durable.
    ///
    /// # Errors
    /// [`IngestError`] of the store; nothing is visible then.
    pub async fn finish(mut self) -> Result<Object, IngestError> {
        let mut last = std::mem::take(&mut self.waiting);
        self.sealer.finish(&mut last)?;
        let sealed_length = self.sealed_length.saturating_add(last.len() as u64);
        match self.upload.take() {
            None => self.store.put(self.name, Bytes::from(last)).await?,
            Some(mut upload) => {
                upload.part(Bytes::from(last)).await?;
                upload.finish().await?;
            }
        }
        Ok(Object { sealed_length })
    }
}
