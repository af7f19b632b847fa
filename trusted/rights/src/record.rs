//! Records, which the registry keeps. A record is sealed when it is written. SPEC.md, “Records”,
//! has their form.
//!
//! A record is JSON in the sealed format, under the installation's record key and a context of its
//! kind and key. So a record that was asked for by another name does not open. A record must never
//! be built from what a registry returned unproven.

use eyesonly_seal::{
    CameraId, Context, CredentialId, HouseholdId, SealError, SealingKey, SessionId, ViewerId,
    open_all, seal_all,
};
use serde::{Deserialize, Serialize, de::DeserializeOwned};

/// The role of a viewer in a household.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// An owner may delete events. An owner's rights are written with all kinds of footage of the
    /// household's cameras.
    Owner,
    /// A member belongs to the household, and sees what its rights say.
    Member,
    /// A guest does not belong to the household, and sees what its rights say.
    Guest,
    /// An installer sets cameras up: it sees their live pictures, for a while.
    Installer,
}

/// The kinds of footage that a right covers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Kinds {
    /// True if it covers the newest still and the live view.
    pub live: bool,
    /// True if it covers events, their details and stills.
    pub events: bool,
    /// True if it covers event videos.
    pub clips: bool,
}

impl Kinds {
    /// All kinds.
    pub const ALL: Self = Self { live: true, events: true, clips: true };
    /// No kind.
    pub const NONE: Self = Self { live: false, events: false, clips: false };
}

/// A span of footage time. Both ends are in milliseconds since 1970 and inclusive. An end that is
/// `None` does not limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Window {
    /// Footage before this is not covered.
    pub from_milliseconds: Option<u64>,
    /// Footage after this is not covered.
    pub until_milliseconds: Option<u64>,
}

impl Window {
    /// Says whether footage of this time (milliseconds since 1970) is covered.
    pub fn covers(&self, time_milliseconds: u64) -> bool {
        self.from_milliseconds.is_none_or(|from| time_milliseconds >= from)
            && self.until_milliseconds.is_none_or(|until| time_milliseconds <= until)
    }
}

/// One right of a viewer, to one camera.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CameraRight {
    /// The camera.
    pub camera: CameraId,
    /// The household that it belongs to.
    pub household: HouseholdId,
    /// The name that the camera's people gave it.
    pub name: String,
    /// The role that the right comes from.
    pub role: Role,
    /// The kinds of footage that may be seen.
    pub kinds: Kinds,
    /// The time of the footage that may be seen.
    pub window: Window,
    /// When the right ends, in seconds since 1970. `None` means that it holds until it is taken
    /// away.
    pub expires_at_seconds: Option<u64>,
}

/// The whole set of a viewer's rights, kept under the viewer's id.
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
    /// The number of times that the viewer's sessions were ended all at once. A session of another
    /// epoch is worth nothing.
    #[serde(default)]
    pub epoch: u64,
    /// The registry's sequence when this was written: the number in `rights` of its position.
    pub sequence: u64,
}

/// A live session, kept under its viewer's id and its own, one after the other. So the sessions of
/// a viewer stand together. A session that ended has no record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SessionRecord {
    /// The session.
    pub session: SessionId,
    /// The viewer whose session it is.
    pub viewer: ViewerId,
    /// The viewer's epoch that the session started in.
    #[serde(default)]
    pub epoch: u64,
    /// When the session ends by itself, in seconds since 1970.
    pub expires_at_seconds: u64,
    /// What the client called itself when it signed in. Nothing is decided by it.
    #[serde(default)]
    pub client: String,
}

impl SessionRecord {
    /// Returns the key of a session's record.
    pub fn key_of(viewer: ViewerId, session: SessionId) -> [u8; 32] {
        let mut key = [0; 32];
        let both = viewer.as_bytes().iter().chain(session.as_bytes());
        key.iter_mut().zip(both).for_each(|(to, from)| *to = *from);
        key
    }
}

/// Whether an enrolment takes footage, while it has a credential.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum CameraState {
    /// It takes footage.
    #[default]
    On,
    /// An owner has switched it off for now.
    Off,
    /// The device was handed over. It has no credential and never takes footage again.
    Closed,
}

/// One enrolment of a device, kept under the camera's id.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CameraRecord {
    /// The camera.
    pub camera: CameraId,
    /// Its household.
    pub household: HouseholdId,
    /// The credential in force. `None` means that the enrolment has ended.
    pub credential: Option<CredentialId>,
    /// The name that the camera's people gave it.
    pub name: String,
    /// The device's serial number, which is an attribute and never an identity.
    pub serial: String,
    /// The household's quota in bytes of sealed objects.
    pub quota_bytes: u64,
    /// Whether it takes footage.
    #[serde(default)]
    pub state: CameraState,
    /// The registry's sequence when this was written: the number in `rights` of its position.
    pub sequence: u64,
}

/// A kind of record, which has a name. Each record says its own key.
pub trait Record: Serialize + DeserializeOwned + Clone + Send + Sync + 'static {
    /// The name of the kind in contexts and tables.
    const KIND: &'static str;
    /// Whether the gate may remember what a record's very bytes open to. It may of the records that
    /// each request asks for. They hold no secret.
    const REMEMBERED: bool = false;
    /// Returns the key that this record itself claims.
    fn key(&self) -> Vec<u8>;
    /// Returns the sequence at which the record was written; 0 for records that are written once.
    fn sequence(&self) -> u64;
}

macro_rules! record {
    ($type:ty, $kind:literal, $self:ident, $key:expr, $sequence:expr) => {
        impl Record for $type {
            const KIND: &'static str = $kind;
            const REMEMBERED: bool = true;
            fn key(&$self) -> Vec<u8> {
                $key.to_vec()
            }
            fn sequence(&$self) -> u64 {
                $sequence
            }
        }
    };
}

record!(ViewerRecord, "viewer", self, self.viewer.as_bytes(), self.sequence);
record!(SessionRecord, "session", self, Self::key_of(self.viewer, self.session), 0);
record!(CameraRecord, "camera", self, self.camera.as_bytes(), self.sequence);

/// The reason why a record could not be sealed or opened.
#[derive(Debug, thiserror::Error)]
pub enum RecordError {
    /// The sealed bytes are not this record's, or sealing failed.
    #[error("the record does not open under the name it was asked by: {0}")]
    Seal(#[from] SealError),
    /// The content is not a record of this kind, names something else, or can't be written as JSON.
    #[error("the record's content is not what its name says")]
    Content,
}

/// Seals a record for the registry. `salt` is 24 fresh random bytes.
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
    // INVARIANT: a record names itself. The seal already binds it to `asked`, and this comparison
    // checks the same once more.
    if record.key() == asked { Ok(record) } else { Err(RecordError::Content) }
}
