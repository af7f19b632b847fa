//! The sink: seals bytes as they come and writes them to the store, in one go when they are few, in parts when they are many.

use super::IngestError;
use crate::store::{Store, Upload};
use eyesonly_gate::SealedPart;
use eyesonly_gate::vault::{Finished, Sealing};
use eyesonly_seal::format::CHUNK_BYTES;

/// Where one upload goes. Dropped half-way: nothing is visible.
pub struct Sink<'a> {
    store: &'a dyn Store,
    sealing: Sealing<'a>,
    upload: Option<Box<dyn Upload>>,
}

impl<'a> Sink<'a> {
    /// A sink for one object.
    pub fn new(store: &'a dyn Store, sealing: Sealing<'a>) -> Self {
        Self { store, sealing, upload: None }
    }

    /// Takes plain bytes.
    ///
    /// # Errors
    /// [`IngestError`] of the store.
    pub async fn push(&mut self, plain: &[u8]) -> Result<(), IngestError> {
        let part_bytes = self.store.part_bytes();
        for piece in plain.chunks(CHUNK_BYTES) {
            self.sealing.push(piece)?;
            if let Some(part) = self.sealing.part(part_bytes) {
                self.write(part).await?;
            }
        }
        Ok(())
    }

    async fn write(&mut self, part: SealedPart) -> Result<(), IngestError> {
        let upload = match &mut self.upload {
            Some(upload) => upload,
            none => none.insert(self.store.begin(self.sealing.name()).await?),
        };
        Ok(upload.part(part).await?)
    }

    /// Seals the end and makes the object durable. Gives what the index is to be told of it.
    ///
    /// # Errors
    /// [`IngestError`] of the store; nothing is visible then.
    pub async fn finish(self) -> Result<Finished, IngestError> {
        let finished = self.sealing.finish()?;
        let rest = finished.rest.clone();
        match self.upload {
            None => self.store.put(finished.row.name, rest).await?,
            Some(mut upload) => {
                upload.part(rest).await?;
                upload.finish().await?;
            }
        }
        Ok(finished)
    }
}
