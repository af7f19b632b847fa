//! Credentials, which a viewer's session and a camera present with each request. SPEC.md,
//! “Credentials”, has their form.
//!
//! A credential names its subject under a MAC, so no lookup can change whose it is. A credential
//! must never be logged. No type here has a `Debug` that would print one.

use crate::record::{Record, RecordError, seal_record};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use eyesonly_seal::{
    CameraId, CredentialId, EdgeKey, HouseholdId, MacKey, SealingKey, SessionId, ViewerId,
};

/// The first characters of a viewer's credential. The number is the version of the format.
const VIEWER_PREFIX: &str = "ev1.";
/// The first characters of a camera's credential. The number is the version of the format.
const CAMERA_PREFIX: &str = "ec1.";
/// The length of a viewer id and a session id, in bytes.
const VIEWER_BODY_BYTES: usize = 32;
/// The length of a household id, a camera id and a credential id, in bytes.
const CAMERA_BODY_BYTES: usize = 48;
/// The length of an HMAC-SHA256, in bytes.
const MAC_BYTES: usize = 32;

/// The reason why a credential is not accepted. The client learns only that it is not accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CredentialError {
    /// The text does not have the form of a credential of this kind.
    #[error("the credential does not have the form of one")]
    Malformed,
    /// The MAC does not fit. The credential is made up, cut from two, or of another installation.
    #[error("the credential's MAC does not fit")]
    Forged,
}

/// The 128-bit tag of a session, which makes every private address a session's own.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
pub struct Tag([u8; 16]);

impl Tag {
    /// Returns the tag as it stands in an address: 32 lower-case hexadecimal digits.
    pub fn to_text(self) -> String {
        base16ct::lower::encode_string(&self.0)
    }

    /// Says whether `text` is this tag, in constant time.
    pub fn is(self, text: &str) -> bool {
        subtle::ConstantTimeEq::ct_eq(self.to_text().as_bytes(), text.as_bytes()).into()
    }
}

/// A viewer's credential whose MAC fits. The MAC proves who asks, but not that the session is live.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct VerifiedSession {
    viewer: ViewerId,
    session: SessionId,
    tag: Tag,
}

impl VerifiedSession {
    /// Returns the viewer that the credential names.
    pub fn viewer(&self) -> ViewerId {
        self.viewer
    }
    /// Returns the session that the credential names.
    pub fn session(&self) -> SessionId {
        self.session
    }
    /// Returns the session's tag.
    pub fn tag(&self) -> Tag {
        self.tag
    }
}

/// A camera's credential whose MAC fits. The MAC proves which enrolment speaks, but not that the
/// credential is in force.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct VerifiedCamera {
    household: HouseholdId,
    camera: CameraId,
    credential: CredentialId,
}

impl VerifiedCamera {
    /// Returns the household that the credential names.
    pub fn household(&self) -> HouseholdId {
        self.household
    }
    /// Returns the camera that the credential names.
    pub fn camera(&self) -> CameraId {
        self.camera
    }
    /// Returns the id of the credential, which is one of the camera's.
    pub fn credential(&self) -> CredentialId {
        self.credential
    }
}

/// The verifier of one installation's credentials, which can't make a credential.
pub struct Verifier {
    mac: MacKey,
    tag: MacKey,
}

impl Verifier {
    /// Makes the verifier of the installation whose root key this is.
    #[must_use]
    pub fn new(edge: &EdgeKey) -> Self {
        Self { mac: edge.credential_key(), tag: edge.tag_key() }
    }

    /// Verifies a viewer's credential. FROM CLIENT.
    ///
    /// # Errors
    /// [`CredentialError::Malformed`] if the text has another form. [`CredentialError::Forged`] if
    /// its MAC does not fit.
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
    /// [`CredentialError::Malformed`] if the text has another form. [`CredentialError::Forged`] if
    /// its MAC does not fit.
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

    /// Computes the tag of a session: the first 128 bits of an HMAC over its viewer and its id.
    fn tag(&self, viewer: ViewerId, session: SessionId) -> Tag {
        let mac = self.tag.mac(&[b"tag", viewer.as_bytes(), session.as_bytes()]);
        let mut tag = [0; 16];
        tag.iter_mut().zip(mac).for_each(|(to, from)| *to = from);
        Tag(tag)
    }
}

/// The maker of credentials, which also seals records. Only identity and administration have one.
pub struct Mint {
    mac: MacKey,
    record: SealingKey,
}

impl Mint {
    /// Makes the mint of the installation whose root key this is.
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

    /// Seals a record for the registry. `salt` is 24 fresh random bytes.
    ///
    /// # Errors
    /// [`RecordError`] if the record can't be written as JSON or sealed.
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
