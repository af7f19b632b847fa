//! Records: what the registry keeps, sealed when it is written. SPEC.md, “The rights record”.
//!
//! A record is JSON in the sealed format, under the installation's record key and a context of its
//! kind and key: one that was asked for by another name does not open. A record must never be built
//! from what a registry returned unproven.

use eyesonly_seal::{
    CameraId, Context, CredentialId, HouseholdId, SealError, SealingKey, SessionId, ViewerId,
    open_all, seal_all,
};
use serde::{Deserialize, Serialize, de::DeserializeOwned};

/// What a viewer is to a household.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Sees everything of the household's cameras, and may delete events.
    Owner,
    /// Sees what its rights say.
    Member,
    /// Sees what its rights say, for a while.
    Guest,
}

/// Which kinds of footage a right covers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Kinds {
    /// The newest still and live view.
    pub live: bool,
    /// Events, their details and stills.
    pub events: bool,
    /// Event videos.
    pub clips: bool,
}

impl Kinds {
    /// All of them.
    pub const ALL: Self = Self { live: true, events: true, clips: true };
    /// None of them.
    pub const NONE: Self = Self { live: false, events: false, clips: false };
}

/// A span of footage time, both ends in milliseconds since 1970 and inclusive; an open end is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Window {
    /// Footage before this is not covered.
    pub from_milliseconds: Option<u64>,
    /// Footage after this is not covered.
    pub until_milliseconds: Option<u64>,
}

impl Window {
    /// Whether footage of this time is covered.
    pub fn covers(&self, time_milliseconds: u64) -> bool {
        self.from_milliseconds.is_none_or(|from| time_milliseconds >= from)
            && self.until_milliseconds.is_none_or(|until| time_milliseconds <= until)
    }
}

/// One right of a viewer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CameraRight {
    /// The camera.
    pub camera: CameraId,
    /// The household that it belongs to.
    pub household: HouseholdId,
    /// What its people call it.
    pub name: String,
    /// The role that the right comes from.
    pub role: Role,
    /// What may be seen.
    pub kinds: Kinds,
    /// Of which time.
    pub window: Window,
    /// Until when the right itself holds, seconds since 1970; none: until it is taken away.
    pub expires_at_seconds: Option<u64>,
}

/// A viewer's whole set of rights. Key: the viewer's id.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ViewerRecord {
    /// The viewer.
    pub viewer: ViewerId,
    /// The login name.
    pub name: String,
    /// The households that the viewer belongs to.
    pub households: Vec<HouseholdId>,
    /// The rights, one for each camera.
    pub cameras: Vec<CameraRight>,
    /// The registry's sequence when this was written.
    pub sequence: u64,
}

/// A live session. Key: the session's id. A session that ended has no record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SessionRecord {
    /// The session.
    pub session: SessionId,
    /// Whose it is.
    pub viewer: ViewerId,
    /// When it ends by itself, seconds since 1970.
    pub expires_at_seconds: u64,
}

/// One enrolment of a device. Key: the camera's id.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CameraRecord {
    /// The camera.
    pub camera: CameraId,
    /// Its household.
    pub household: HouseholdId,
    /// The credential in force; none once the enrolment has ended.
    pub credential: Option<CredentialId>,
    /// What its people call it.
    pub name: String,
    /// The device's serial number: an attribute, never an identity.
    pub serial: String,
    /// The household's quota in bytes of sealed objects.
    pub quota_bytes: u64,
    /// The registry's sequence when this was written.
    pub sequence: u64,
}

/// A kind of record: how it is named and how it proves its own name.
pub trait Record: Serialize + DeserializeOwned {
    /// The name of the kind in contexts and tables.
    const KIND: &'static str;
    /// The key that this record itself claims.
    fn key(&self) -> Vec<u8>;
    /// The sequence that it was written at; 0 for records that are written once.
    fn sequence(&self) -> u64;
}

macro_rules! record {
    ($type:ty, $kind:literal, $self:ident, $key:expr, $sequence:expr) => {
        impl Record for $type {
            const KIND: &'static str = $kind;
            fn key(&$self) -> Vec<u8> {
                $key.as_bytes().to_vec()
            }
            fn sequence(&$self) -> u64 {
                $sequence
            }
        }
    };
}

record!(ViewerRecord, "viewer", self, self.viewer, self.sequence);
record!(SessionRecord, "session", self, self.session, 0);
record!(CameraRecord, "camera", self, self.camera, self.sequence);

/// Why a record could not be sealed or opened.
#[derive(Debug, thiserror::Error)]
pub enum RecordError {
    /// The sealed bytes are not this record's.
    #[error("the record does not open under the name it was asked by: {0}")]
    Seal(#[from] SealError),
    /// It opened, but is not a record of this kind or names something else.
    #[error("the record's content is not what its name says")]
    Content,
}

/// Seals a record for the registry. `salt`: 24 random bytes, fresh.
pub(crate) fn seal_record<R: Record>(
    key: &SealingKey,
    record: &R,
    salt: [u8; 24],
) -> Result<Vec<u8>, RecordError> {
    let plain =
        zeroize::Zeroizing::new(serde_json::to_vec(record).map_err(|_| RecordError::Content)?);
    let context = Context::record(R::KIND, &record.key())?;
    Ok(seal_all(key, &context, salt, &plain)?)
}

/// Opens a record that was asked for by `asked` (a key of kind `R`).
pub(crate) fn open_record<R: Record>(
    key: &SealingKey,
    asked: &[u8],
    sealed: &[u8],
) -> Result<R, RecordError> {
    let context = Context::record(R::KIND, asked)?;
    let plain = zeroize::Zeroizing::new(open_all(key, &context, sealed)?);
    let record: R = serde_json::from_slice(&plain).map_err(|_| RecordError::Content)?;
    // INVARIANT: a record names itself. The seal already binds it to `asked`; this is the second
    // lock on the same door.
    if record.key() == asked { Ok(record) } else { Err(RecordError::Content) }
}
