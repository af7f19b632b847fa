//! The stored form of a row.

use super::KvError;
use eyesonly_gate::vault::{ObjectRow, State};
use eyesonly_seal::{CameraId, FootageId, Kind, ObjectName, ObjectVersion, SlotName};
use serde::{Deserialize, Serialize};

/// An [`ObjectRow`], field by field.
#[derive(Serialize, Deserialize)]
pub(super) struct StoredRow {
    slot: [u8; 32],
    camera: [u8; 16],
    kind: u8,
    id: [u8; 16],
    rendition: bool,
    version: [u8; 16],
    name: [u8; 32],
    sealed_length: u64,
    body_digest: [u8; 32],
    deleted: bool,
    inline: Option<Vec<u8>>,
    proof: [u8; 32],
}

impl From<&ObjectRow> for StoredRow {
    fn from(row: &ObjectRow) -> Self {
        Self {
            slot: *row.slot.as_bytes(),
            camera: *row.camera.as_bytes(),
            kind: row.kind.code(),
            id: *row.id.as_bytes(),
            rendition: row.rendition,
            version: *row.version.as_bytes(),
            name: *row.name.as_bytes(),
            sealed_length: row.sealed_length,
            body_digest: row.body_digest,
            deleted: row.state == State::Deleted,
            inline: row.inline.clone(),
            proof: row.proof,
        }
    }
}

impl StoredRow {
    /// Returns the row, for which nobody has vouched.
    ///
    /// # Errors
    /// [`KvError`] if the value of `key` is not a row.
    pub(super) fn row(self, key: &str) -> Result<ObjectRow, KvError> {
        let strange = || KvError(format!("the value of {key} is no row").into());
        Ok(ObjectRow {
            slot: SlotName::from_bytes(self.slot),
            camera: CameraId::from_bytes(self.camera),
            kind: Kind::from_code(self.kind).ok_or_else(strange)?,
            id: FootageId::from_bytes(self.id).map_err(|_| strange())?,
            rendition: self.rendition,
            version: ObjectVersion::from_bytes(self.version),
            name: ObjectName::from_bytes(self.name),
            sealed_length: self.sealed_length,
            body_digest: self.body_digest,
            state: if self.deleted { State::Deleted } else { State::Live },
            inline: self.inline,
            proof: self.proof,
        })
    }
}
