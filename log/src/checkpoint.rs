//! Checkpoints: the size and the root of a log, signed.

use crate::hash::Hash;
use crate::note::{Name, Note, NoteError, SigningKey, VerifyingKey};
use alloc::string::ToString;
use core::fmt;

/// The size and the root of a log. As text it is what is signed: three lines.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checkpoint {
    origin: Name,
    size: u64,
    root: Hash,
}

/// The reason why a checkpoint was rejected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CheckpointError {
    /// The note was rejected.
    #[error(transparent)]
    Note(#[from] NoteError),
    /// The text is not an origin, a size and a root.
    #[error("a checkpoint is three lines: the log's name, its size and its root")]
    Malformed,
    /// More lines follow. C2SP allows them, and advises against them. No log of this project has
    /// any.
    #[error("the checkpoint has more than three lines")]
    Extension,
    /// The checkpoint is of a log whose name is not the key's.
    #[error("the checkpoint is of another log than the key")]
    Origin,
}

impl Checkpoint {
    /// Takes the name of a log, its number of entries, and its root.
    pub const fn new(origin: Name, size: u64, root: Hash) -> Self {
        Self { origin, size, root }
    }

    /// Reads the text of a checkpoint. Nothing may be left over.
    pub fn parse(text: &str) -> Result<Self, CheckpointError> {
        let mut lines = text.strip_suffix('\n').ok_or(CheckpointError::Malformed)?.split('\n');
        let mut line = || lines.next().ok_or(CheckpointError::Malformed);
        let (origin, size, root) = (line()?, line()?, line()?);
        if lines.next().is_some() {
            return Err(CheckpointError::Extension);
        }
        let origin = Name::new(origin).map_err(|_| CheckpointError::Malformed)?;
        let number: u64 = size.parse().map_err(|_| CheckpointError::Malformed)?;
        // A sign or a further zero is not canonical.
        if number.to_string() != size {
            return Err(CheckpointError::Malformed);
        }
        let root = Hash::from_base64(root).ok_or(CheckpointError::Malformed)?;
        Ok(Self { origin, size: number, root })
    }

    /// Opens a signed checkpoint. The key's name is the log's.
    pub fn open(note: &[u8], key: &VerifyingKey) -> Result<Self, CheckpointError> {
        let note = Note::parse(note)?;
        let checkpoint = Self::parse(note.verify(key)?)?;
        let same = checkpoint.origin == *key.name();
        same.then_some(checkpoint).ok_or(CheckpointError::Origin)
    }

    /// Signs the checkpoint. The key's name must be the log's.
    pub fn sign(&self, key: &SigningKey) -> Result<Note, CheckpointError> {
        if self.origin != *key.verifying_key().name() {
            return Err(CheckpointError::Origin);
        }
        Ok(Note::sign(&self.to_string(), key)?)
    }

    /// Returns the name of the log.
    pub const fn origin(&self) -> &Name {
        &self.origin
    }

    /// Returns the number of entries.
    pub const fn size(&self) -> u64 {
        self.size
    }

    /// Returns the root.
    pub const fn root(&self) -> &Hash {
        &self.root
    }
}

impl fmt::Display for Checkpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}\n{}\n{}", self.origin, self.size, self.root)
    }
}

#[cfg(test)]
mod tests;
