//! The sink: seals bytes as they come and writes them to the store. A short object is written in
//! one go, a long one in parts.

use super::IngestError;
use crate::store::{Store, Upload};
use eyesonly_gate::SealedPart;
use eyesonly_gate::vault::{Finished, Sealing};
use eyesonly_seal::format::CHUNK_BYTES;

/// The destination of one upload, of which nothing is visible if the sink is dropped half-way.
pub struct Sink<'a> {
    store: &'a dyn Store,
    sealing: Sealing<'a>,
    upload: Option<Box<dyn Upload>>,
}

impl<'a> Sink<'a> {
    /// Makes a sink for one object.
    pub fn new(store: &'a dyn Store, sealing: Sealing<'a>) -> Self {
        Self { store, sealing, upload: None }
    }

    /// Seals plain bytes and writes the parts that are full.
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

    /// Seals the end, makes the object durable, and returns what the index is to be told of it.
    ///
    /// # Errors
    /// [`IngestError`] if the store fails; nothing is visible then.
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
