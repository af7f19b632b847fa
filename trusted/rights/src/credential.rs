//! Credentials: what a viewer's session and a camera present with each request. SPEC.md,
//! “Credentials”.
//!
//! A credential names its subject under a MAC, so no lookup can change whose it is. It must never
//! be logged; nothing here has a `Debug` that would print one.

use crate::record::{Record, RecordError, seal_record};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use eyesonly_seal::{
    CameraId, CredentialId, EdgeKey, HouseholdId, MacKey, SealingKey, SessionId, ViewerId,
};

/// First characters of a viewer's credential; the number is the format's version.
const VIEWER_PREFIX: &str = "ev1.";
/// First characters of a camera's credential.
const CAMERA_PREFIX: &str = "ec1.";
/// Viewer id and session id.
const VIEWER_BODY_BYTES: usize = 32;
/// Household id, camera id and credential id.
const CAMERA_BODY_BYTES: usize = 48;
/// HMAC-SHA256.
const MAC_BYTES: usize = 32;

/// Why a credential is not accepted. The outside learns only that it isn't.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CredentialError {
    /// Not the form of a credential of this kind.
    #[error("the credential does not have the form of one")]
    Malformed,
    /// The MAC does not fit: made up, cut from two, or of another installation.
    #[error("the credential's MAC does not fit")]
    Forged,
}

/// A session's 128-bit tag: makes every private address a session's own.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
pub struct Tag([u8; 16]);

impl Tag {
    /// The tag as it stands in an address: 32 lower-case hexadecimal digits.
    pub fn to_text(self) -> String {
        base16ct::lower::encode_string(&self.0)
    }

    /// Whether `text` is this tag, in constant time.
    pub fn is(self, text: &str) -> bool {
        subtle::ConstantTimeEq::ct_eq(self.to_text().as_bytes(), text.as_bytes()).into()
    }
}

/// A viewer's credential whose MAC fits. It says who asks, not yet that the session is live.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct VerifiedSession {
    viewer: ViewerId,
    session: SessionId,
    tag: Tag,
}

impl VerifiedSession {
    /// The viewer that it names.
    pub fn viewer(&self) -> ViewerId {
        self.viewer
    }
    /// The session that it names.
    pub fn session(&self) -> SessionId {
        self.session
    }
    /// The session's tag.
    pub fn tag(&self) -> Tag {
        self.tag
    }
}

/// A camera's credential whose MAC fits. It says which enrolment speaks, not yet that it is in
/// force.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct VerifiedCamera {
    household: HouseholdId,
    camera: CameraId,
    credential: CredentialId,
}

impl VerifiedCamera {
    /// The household that it names.
    pub fn household(&self) -> HouseholdId {
        self.household
    }
    /// The camera that it names.
    pub fn camera(&self) -> CameraId {
        self.camera
    }
    /// Which of the camera's credentials it is.
    pub fn credential(&self) -> CredentialId {
        self.credential
    }
}

/// Verifies the credentials of one installation. It can't make one.
pub struct Verifier {
    mac: MacKey,
    tag: MacKey,
}

impl Verifier {
    /// The verifier of the installation whose root key this is.
    #[must_use]
    pub fn new(edge: &EdgeKey) -> Self {
        Self { mac: edge.credential_key(), tag: edge.tag_key() }
    }

    /// Verifies a viewer's credential. FROM CLIENT.
    ///
    /// # Errors
    /// [`CredentialError::Malformed`] or [`CredentialError::Forged`].
    pub fn viewer(&self, raw: &str) -> Result<VerifiedSession, CredentialError> {
        let bytes = decode::<{ VIEWER_BODY_BYTES + MAC_BYTES }>(VIEWER_PREFIX, raw)?;
        let (viewer, rest) = take16(&bytes)?;
        let (session, mac) = take16(rest)?;
        self.check(&[b"viewer", &viewer, &session], mac)?;
        let (viewer, session) = (ViewerId::from_bytes(viewer), SessionId::from_bytes(session));
        Ok(VerifiedSession { viewer, session, tag: self.tag(viewer, session) })
    }

    /// Verifies a camera's credential. FROM CLIENT.
    ///
    /// # Errors
    /// [`CredentialError::Malformed`] or [`CredentialError::Forged`].
    pub fn camera(&self, raw: &str) -> Result<VerifiedCamera, CredentialError> {
        let bytes = decode::<{ CAMERA_BODY_BYTES + MAC_BYTES }>(CAMERA_PREFIX, raw)?;
        let (household, rest) = take16(&bytes)?;
        let (camera, rest) = take16(rest)?;
        let (credential, mac) = take16(rest)?;
        self.check(&[b"camera", &household, &camera, &credential], mac)?;
        Ok(VerifiedCamera {
            household: HouseholdId::from_bytes(household),
            camera: CameraId::from_bytes(camera),
            credential: CredentialId::from_bytes(credential),
        })
    }

    fn check(&self, parts: &[&[u8]], mac: &[u8]) -> Result<(), CredentialError> {
        self.mac.verify(parts, mac).map_err(|_| CredentialError::Forged)
    }

    /// The tag of a session: the first 128 bits of an HMAC of it.
    fn tag(&self, viewer: ViewerId, session: SessionId) -> Tag {
        let mac = self.tag.mac(&[b"tag", viewer.as_bytes(), session.as_bytes()]);
        let mut tag = [0; 16];
        tag.iter_mut().zip(mac).for_each(|(to, from)| *to = from);
        Tag(tag)
    }
}

/// Makes credentials and seals records. Only identity and administration have one.
pub struct Mint {
    mac: MacKey,
    record: SealingKey,
}

impl Mint {
    /// The mint of the installation whose root key this is.
    #[must_use]
    pub fn new(edge: &EdgeKey) -> Self {
        Self { mac: edge.credential_key(), record: edge.record_key() }
    }

    /// Makes a viewer's credential for one session.
    #[must_use]
    pub fn viewer(&self, viewer: ViewerId, session: SessionId) -> String {
        let (viewer, session) = (viewer.as_bytes(), session.as_bytes());
        let mac = self.mac.mac(&[b"viewer", viewer, session]);
        encode(VIEWER_PREFIX, &[viewer, session, &mac])
    }

    /// Makes a camera's credential.
    #[must_use]
    pub fn camera(&self, home: HouseholdId, camera: CameraId, credential: CredentialId) -> String {
        let parts: [&[u8]; 3] = [home.as_bytes(), camera.as_bytes(), credential.as_bytes()];
        let [home, camera, credential] = parts;
        let mac = self.mac.mac(&[b"camera", home, camera, credential]);
        encode(CAMERA_PREFIX, &[home, camera, credential, &mac])
    }

    /// Seals a record for the registry. `salt`: 24 random bytes, fresh.
    ///
    /// # Errors
    /// [`RecordError`] if it can't be written as JSON or sealed.
    pub fn seal<R: Record>(&self, record: &R, salt: [u8; 24]) -> Result<Vec<u8>, RecordError> {
        seal_record(&self.record, record, salt)
    }
}

fn encode(prefix: &str, parts: &[&[u8]]) -> String {
    let mut text = String::from(prefix);
    let bytes: Vec<u8> = parts.concat();
    URL_SAFE_NO_PAD.encode_string(&bytes, &mut text);
    text
}

fn decode<const N: usize>(prefix: &str, raw: &str) -> Result<[u8; N], CredentialError> {
    let text = raw.strip_prefix(prefix).ok_or(CredentialError::Malformed)?;
    let mut bytes = [0; N];
    match URL_SAFE_NO_PAD.decode_slice(text, &mut bytes) {
        Ok(n) if n == N => Ok(bytes),
        _ => Err(CredentialError::Malformed),
    }
}

fn take16(bytes: &[u8]) -> Result<([u8; 16], &[u8]), CredentialError> {
    let (head, rest) = bytes.split_first_chunk::<16>().ok_or(CredentialError::Malformed)?;
    Ok((*head, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn credentials(seed: u8) -> (Mint, Verifier) {
        let edge = EdgeKey::from_bytes([seed; 32]);
        (Mint::new(&edge), Verifier::new(&edge))
    }

    #[test]
    fn a_viewers_credential_names_its_viewer_and_session() {
        let (mint, verifier) = credentials(1);
        let (v, s) = (ViewerId::from_bytes([2; 16]), SessionId::from_bytes([3; 16]));
        let verified = verifier.viewer(&mint.viewer(v, s)).unwrap();
        assert_eq!((verified.viewer(), verified.session()), (v, s));
    }

    #[test]
    fn every_bit_of_a_credential_counts() {
        let (mint, verifier) = credentials(1);
        let text = mint.camera(
            HouseholdId::from_bytes([1; 16]),
            CameraId::from_bytes([2; 16]),
            CredentialId::from_bytes([3; 16]),
        );
        assert!(verifier.camera(&text).is_ok());
        let raw = URL_SAFE_NO_PAD.decode(text.strip_prefix(CAMERA_PREFIX).unwrap()).unwrap();
        for bit in 0..raw.len() * 8 {
            let mut changed = raw.clone();
            changed[bit / 8] ^= 1 << (bit % 8);
            let forged = encode(CAMERA_PREFIX, &[&changed]);
            assert_eq!(verifier.camera(&forged).err(), Some(CredentialError::Forged), "bit {bit}");
        }
    }

    #[test]
    fn a_credential_cut_from_two_is_forged() {
        let (mint, verifier) = credentials(1);
        let one = mint.camera(
            HouseholdId::from_bytes([1; 16]),
            CameraId::from_bytes([1; 16]),
            CredentialId::from_bytes([1; 16]),
        );
        let two = mint.camera(
            HouseholdId::from_bytes([2; 16]),
            CameraId::from_bytes([2; 16]),
            CredentialId::from_bytes([2; 16]),
        );
        for cut in (VIEWER_PREFIX.len() + 1)..one.len() {
            let crossed = format!("{}{}", &one[..cut], &two[cut..]);
            if crossed != one && crossed != two {
                assert!(verifier.camera(&crossed).is_err(), "cut at {cut}");
            }
        }
    }

    #[test]
    fn kinds_installations_and_forms_are_told_apart() {
        let ((mint, verifier), (_, other)) = (credentials(1), credentials(2));
        let viewer = mint.viewer(ViewerId::from_bytes([2; 16]), SessionId::from_bytes([3; 16]));
        assert_eq!(verifier.camera(&viewer).err(), Some(CredentialError::Malformed));
        assert_eq!(other.viewer(&viewer).err(), Some(CredentialError::Forged));
        for bad in [
            "",
            "ev1.",
            "ev1.AAAA",
            "ev2.x",
            &viewer[..viewer.len() - 1],
            &format!("{viewer}A"),
            &format!("{viewer}="),
        ] {
            assert_eq!(verifier.viewer(bad).err(), Some(CredentialError::Malformed), "{bad}");
        }
    }

    #[test]
    fn two_sessions_have_two_tags() {
        let (mint, verifier) = credentials(1);
        let v = ViewerId::from_bytes([2; 16]);
        let one = verifier.viewer(&mint.viewer(v, SessionId::from_bytes([3; 16]))).unwrap().tag();
        let two = verifier.viewer(&mint.viewer(v, SessionId::from_bytes([4; 16]))).unwrap().tag();
        assert!(
            one.is(&one.to_text())
                && !one.is(&two.to_text())
                && !one.is("")
                && !one.is(&one.to_text()[..31])
        );
        assert_eq!(one.to_text().len(), 32);
    }
}
