//! `Content-Digest` (RFC 9530): the sender's digests of the body, compared with those of the bytes
//! that were sealed.

use sha2::{Digest as _, Sha256, Sha512};

/// The longest header value that is read, in bytes.
const HEADER_BYTES_MAX: usize = 1024;

/// The reason why a Content-Digest can't be used, or does not fit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum DigestError {
    /// It does not have the form of RFC 9530.
    #[error("Content-Digest is not a dictionary of byte sequences (RFC 9530), such as sha-256=:…:")]
    Malformed,
    /// It has no algorithm that is known here.
    #[error("Content-Digest has neither sha-256 nor sha-512")]
    Unknown,
    /// The body is another one.
    #[error("the body is not the one that Content-Digest describes")]
    Mismatch,
}

/// The digests that were declared, at least one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContentDigest {
    sha256: Option<[u8; 32]>,
    sha512: Option<[u8; 64]>,
}

impl ContentDigest {
    /// Reads a header's value. Several lines are one list (RFC 9110, 5.3). Every known algorithm
    /// counts. FROM CLIENT.
    pub fn parse(value: &str) -> Result<Self, DigestError> {
        if value.len() > HEADER_BYTES_MAX {
            return Err(DigestError::Malformed);
        }
        let dictionary: sfv::Dictionary =
            sfv::Parser::new(value).parse().map_err(|_| DigestError::Malformed)?;
        let declared =
            Self { sha256: bytes(&dictionary, "sha-256")?, sha512: bytes(&dictionary, "sha-512")? };
        if declared.sha256.is_none() && declared.sha512.is_none() {
            return Err(DigestError::Unknown);
        }
        Ok(declared)
    }
}

fn bytes<const N: usize>(
    dictionary: &sfv::Dictionary,
    name: &str,
) -> Result<Option<[u8; N]>, DigestError> {
    match dictionary.get(name) {
        None => Ok(None),
        Some(sfv::ListEntry::Item(sfv::Item {
            bare_item: sfv::BareItem::ByteSequence(bytes),
            ..
        })) => bytes.as_slice().try_into().map(Some).map_err(|_| DigestError::Malformed),
        Some(_) => Err(DigestError::Malformed),
    }
}

/// Computes the digests that a [`ContentDigest`] declared, and keeps beside each the expected
/// value.
pub struct Hasher {
    sha256: Option<(Sha256, [u8; 32])>,
    sha512: Option<(Sha512, [u8; 64])>,
}

impl Hasher {
    /// Starts to compute the declared digests.
    pub fn new(declared: ContentDigest) -> Self {
        Self {
            sha256: declared.sha256.map(|expected| (Sha256::default(), expected)),
            sha512: declared.sha512.map(|expected| (Sha512::default(), expected)),
        }
    }
    /// Takes the next bytes.
    pub fn update(&mut self, bytes: &[u8]) {
        if let Some((hasher, _)) = &mut self.sha256 {
            hasher.update(bytes);
        }
        if let Some((hasher, _)) = &mut self.sha512 {
            hasher.update(bytes);
        }
    }
    /// Compares the computed digests with the declared ones.
    ///
    /// # Errors
    /// [`DigestError::Mismatch`] if one of them differs.
    pub fn check(self) -> Result<(), DigestError> {
        let same_256 =
            self.sha256.is_none_or(|(hasher, expected)| hasher.finalize().as_slice() == expected);
        let same_512 =
            self.sha512.is_none_or(|(hasher, expected)| hasher.finalize().as_slice() == expected);
        if same_256 && same_512 { Ok(()) } else { Err(DigestError::Mismatch) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;

    fn check(value: &str, body: &[u8], expected: Result<(), DigestError>) {
        let got = ContentDigest::parse(value).and_then(|declared| {
            let mut hasher = Hasher::new(declared);
            hasher.update(body);
            hasher.check()
        });
        assert_eq!(got, expected, "{value}");
    }

    #[test]
    fn every_known_algorithm_counts() {
        let sha256 = STANDARD.encode(Sha256::digest(b"body"));
        let sha512 = STANDARD.encode(Sha512::digest(b"body"));
        let other = STANDARD.encode(Sha256::digest(b"other"));
        check(&format!("sha-256=:{sha256}:"), b"body", Ok(()));
        check(&format!("sha-512=:{sha512}:"), b"body", Ok(()));
        check(&format!("unixsum=:AAAA:, sha-256=:{sha256}:"), b"body", Ok(()));
        check(&format!("sha-256=:{sha256}:, sha-512=:{sha512}:"), b"body", Ok(()));
        let mixed = format!("sha-256=:{other}:, sha-512=:{sha512}:");
        check(&mixed, b"body", Err(DigestError::Mismatch));
        check(&format!("sha-256=:{other}:"), b"body", Err(DigestError::Mismatch));
        check(&format!("sha-512=:{sha512}:"), b"bodY", Err(DigestError::Mismatch));
    }

    #[test]
    fn what_is_no_digest_is_refused() {
        for value in [
            "",
            "sha-256",
            "sha-256=abc",
            "sha-256=:AAAA:",
            "sha-256=:!!!:",
            "sha-256=(:AAAA:)",
            &"a=:AAAA:,".repeat(200),
        ] {
            let got = ContentDigest::parse(value);
            assert!(
                matches!(got, Err(DigestError::Malformed | DigestError::Unknown)),
                "{value}: {got:?}"
            );
        }
        assert_eq!(ContentDigest::parse("md5=:AAAA:"), Err(DigestError::Unknown));
    }
}
