//! `Content-Digest` (RFC 9530): what the sender says the body is, compared over the bytes that were sealed.

use sha2::{Digest as _, Sha256, Sha512};

/// Longest header value that is looked at.
const HEADER_BYTES_MAX: usize = 1024;

/// Why a Content-Digest can't be used, or does not fit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum DigestError {
    /// Not the form of RFC 9530.
    #[error("Content-Digest is not a dictionary of byte sequences (RFC 9530), such as sha-256=:…:")]
    Malformed,
    /// No algorithm that is known here.
    #[error("Content-Digest has neither sha-256 nor sha-512")]
    Unknown,
    /// The body is another one.
    #[error("the body is not the one that Content-Digest describes")]
    Mismatch,
}

/// A digest that was declared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ContentDigest {
    /// SHA-256.
    Sha256([u8; 32]),
    /// SHA-512.
    Sha512([u8; 64]),
}

impl ContentDigest {
    /// Reads a header's value; the strongest known algorithm counts. FROM CLIENT.
    ///
    /// # Errors
    /// [`DigestError::Malformed`], [`DigestError::Unknown`].
    pub fn parse(value: &str) -> Result<Self, DigestError> {
        if value.len() > HEADER_BYTES_MAX {
            return Err(DigestError::Malformed);
        }
        let dictionary: sfv::Dictionary = sfv::Parser::new(value).parse().map_err(|_| DigestError::Malformed)?;
        let bytes = |name: &str| match dictionary.get(name) {
            None => Ok(None),
            Some(sfv::ListEntry::Item(sfv::Item {
                bare_item: sfv::BareItem::ByteSequence(bytes),
                ..
            })) => Ok(Some(bytes.clone())),
            Some(_) => Err(DigestError::Malformed),
        };
        if let Some(sha512) = bytes("sha-512")? {
            return Ok(Self::Sha512(sha512.try_into().map_err(|_| DigestError::Malformed)?));
        }
        match bytes("sha-256")? {
            Some(sha256) => Ok(Self::Sha256(sha256.try_into().map_err(|_| DigestError::Malformed)?)),
            None => Err(DigestError::Unknown),
        }
    }
}

/// Computes what a [`ContentDigest`] declared.
pub enum Hasher {
    /// SHA-256 so far, and what it should be.
    Sha256(Box<Sha256>, [u8; 32]),
    /// SHA-512 so far, and what it should be.
    Sha512(Box<Sha512>, [u8; 64]),
}

impl Hasher {
    /// Begins.
    pub fn new(declared: ContentDigest) -> Self {
        match declared {
            ContentDigest::Sha256(expected) => Self::Sha256(Box::default(), expected),
            ContentDigest::Sha512(expected) => Self::Sha512(Box::default(), expected),
        }
    }
    /// Takes the next bytes.
    pub fn update(&mut self, bytes: &[u8]) {
        match self {
            Self::Sha256(hasher, _) => hasher.update(bytes),
            Self::Sha512(hasher, _) => hasher.update(bytes),
        }
    }
    /// Compares.
    ///
    /// # Errors
    /// [`DigestError::Mismatch`].
    pub fn check(self) -> Result<(), DigestError> {
        let same = match self {
            Self::Sha256(hasher, expected) => hasher.finalize().as_slice() == expected,
            Self::Sha512(hasher, expected) => hasher.finalize().as_slice() == expected,
        };
        if same { Ok(()) } else { Err(DigestError::Mismatch) }
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
    fn the_strongest_known_algorithm_counts() {
        let sha256 = STANDARD.encode(Sha256::digest(b"body"));
        let sha512 = STANDARD.encode(Sha512::digest(b"body"));
        let other = STANDARD.encode(Sha256::digest(b"other"));
        check(&format!("sha-256=:{sha256}:"), b"body", Ok(()));
        check(&format!("sha-512=:{sha512}:"), b"body", Ok(()));
        check(&format!("unixsum=:AAAA:, sha-256=:{sha256}:"), b"body", Ok(()));
        check(&format!("sha-256=:{other}:, sha-512=:{sha512}:"), b"body", Ok(()));
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
