//! The primitives underneath: AES-256-GCM, HMAC with SHA-256 and SHA-512, and HKDF-Expand (RFC 5869) on top of it.
//!
//! Two implementations behind one trait. They must agree to the byte; the tests compare them. Nothing here chooses a
//! nonce or a key.

use crate::SealError;
use subtle::ConstantTimeEq;
use zeroize::{Zeroize, Zeroizing};

/// The implementation in use.
#[cfg(feature = "aws-lc")]
pub type Suite = AwsLc;
/// The implementation in use.
#[cfg(all(feature = "rustcrypto", not(feature = "aws-lc")))]
pub type Suite = RustCrypto;
#[cfg(not(any(feature = "aws-lc", feature = "rustcrypto")))]
compile_error!("eyesonly-seal needs one of its features `aws-lc` (native) or `rustcrypto` (wasm)");

/// What the rest of the crate is built on.
pub trait Primitives {
    /// A key of AES-256-GCM, expanded.
    type Aead;
    /// A running HMAC-SHA256.
    type Mac;
    /// A key of HMAC-SHA512, hashed in.
    type DerivationKey;

    /// Expands a key of AES-256-GCM.
    ///
    /// # Errors
    /// [`SealError::Primitive`] if the library refuses.
    fn aead(key: &[u8; 32]) -> Result<Self::Aead, SealError>;

    /// Encrypts in place and gives the tag. The associated data is empty.
    ///
    /// # Errors
    /// [`SealError::Primitive`]; the data may then be anything and must be wiped.
    fn seal_in_place(aead: &Self::Aead, nonce: &[u8; 12], data: &mut [u8]) -> Result<[u8; 16], SealError>;

    /// Verifies and decrypts into a buffer of exactly the ciphertext's length.
    ///
    /// # Errors
    /// [`SealError::BadChunk`]; the buffer may then be anything and must be wiped.
    fn open(
        aead: &Self::Aead,
        nonce: &[u8; 12],
        ciphertext: &[u8],
        tag: &[u8],
        plaintext: &mut [u8],
    ) -> Result<(), SealError>;

    /// Starts an HMAC-SHA256.
    fn mac_begin(key: &[u8; 32]) -> Self::Mac;

    /// Takes more of the message.
    fn mac_update(mac: &mut Self::Mac, part: &[u8]);

    /// Ends it.
    fn mac_finish(mac: Self::Mac) -> [u8; 32];

    /// Hashes in a key of HMAC-SHA512.
    fn derivation_key(key: &[u8; 32]) -> Self::DerivationKey;

    /// HMAC-SHA512 over the concatenation of the parts.
    fn hmac_sha512(key: &Self::DerivationKey, parts: &[&[u8]]) -> [u8; 64];

    /// HMAC-SHA256 over the concatenation of the parts.
    fn hmac_sha256(key: &[u8; 32], parts: &[&[u8]]) -> [u8; 32] {
        let mut mac = Self::mac_begin(key);
        parts.iter().for_each(|part| Self::mac_update(&mut mac, part));
        Self::mac_finish(mac)
    }

    /// Compares an HMAC-SHA256 over the concatenation of the parts in constant time.
    ///
    /// # Errors
    /// [`SealError::WrongMac`].
    fn hmac_verify(key: &[u8; 32], parts: &[&[u8]], mac: &[u8]) -> Result<(), SealError> {
        same(&Self::hmac_sha256(key, parts), mac)
            .then_some(())
            .ok_or(SealError::WrongMac)
    }

    /// HKDF-Expand with SHA-512 (RFC 5869, section 2.3); `info` is the concatenation of the parts. N is at most 16320,
    /// which is checked when it is compiled.
    fn hkdf_expand_sha512<const N: usize>(prk: &[u8; 32], info: &[&[u8]]) -> Zeroizing<[u8; N]> {
        const { assert!(N <= 255 * 64, "HKDF-Expand gives at most 255 blocks") };
        let key = Self::derivation_key(prk);
        let info = info.concat();
        let mut out = Zeroizing::new([0; N]);
        let mut block = Zeroizing::new([0; 64]);
        let mut previous: &[u8] = &[];
        for (counter, piece) in (1..=u8::MAX).zip(out.chunks_mut(64)) {
            let mut next = Self::hmac_sha512(&key, &[previous, &info, &[counter]]);
            block.copy_from_slice(&next);
            next.zeroize();
            piece.iter_mut().zip(block.iter()).for_each(|(to, from)| *to = *from);
            previous = block.as_slice();
        }
        out
    }
}

/// Compares in constant time for equal lengths; lengths are public.
pub(crate) fn same(a: &[u8], b: &[u8]) -> bool {
    bool::from(a.ct_eq(b))
}

/// The primitives of aws-lc-rs.
#[cfg(feature = "aws-lc")]
pub struct AwsLc;

#[cfg(feature = "aws-lc")]
impl Primitives for AwsLc {
    type Aead = aws_lc_rs::aead::LessSafeKey;
    type Mac = aws_lc_rs::hmac::Context;
    type DerivationKey = aws_lc_rs::hmac::Key;

    fn aead(key: &[u8; 32]) -> Result<Self::Aead, SealError> {
        let key = aws_lc_rs::aead::UnboundKey::new(&aws_lc_rs::aead::AES_256_GCM, key);
        key.map(Self::Aead::new).map_err(|_| SealError::Primitive)
    }

    fn seal_in_place(aead: &Self::Aead, nonce: &[u8; 12], data: &mut [u8]) -> Result<[u8; 16], SealError> {
        use aws_lc_rs::aead::{Aad, Nonce};
        let nonce = Nonce::assume_unique_for_key(*nonce);
        let tag = aead
            .seal_in_place_separate_tag(nonce, Aad::empty(), data)
            .map_err(|_| SealError::Primitive)?;
        tag.as_ref().try_into().map_err(|_| SealError::Primitive)
    }

    fn open(
        aead: &Self::Aead,
        nonce: &[u8; 12],
        ciphertext: &[u8],
        tag: &[u8],
        plaintext: &mut [u8],
    ) -> Result<(), SealError> {
        use aws_lc_rs::aead::{Aad, Nonce};
        let nonce = Nonce::assume_unique_for_key(*nonce);
        aead.open_separate_gather(nonce, Aad::empty(), ciphertext, tag, plaintext)
            .map_err(|_| SealError::BadChunk)
    }

    fn mac_begin(key: &[u8; 32]) -> Self::Mac {
        Self::Mac::with_key(&aws_lc_rs::hmac::Key::new(aws_lc_rs::hmac::HMAC_SHA256, key))
    }

    fn mac_update(mac: &mut Self::Mac, part: &[u8]) {
        mac.update(part);
    }

    fn mac_finish(mac: Self::Mac) -> [u8; 32] {
        let mut out = [0; 32];
        let tag = mac.sign();
        out.iter_mut().zip(tag.as_ref()).for_each(|(to, from)| *to = *from);
        out
    }

    fn derivation_key(key: &[u8; 32]) -> Self::DerivationKey {
        Self::DerivationKey::new(aws_lc_rs::hmac::HMAC_SHA512, key)
    }

    fn hmac_sha512(key: &Self::DerivationKey, parts: &[&[u8]]) -> [u8; 64] {
        let mut mac = Self::Mac::with_key(key);
        parts.iter().for_each(|part| mac.update(part));
        let tag = mac.sign();
        let mut out = [0; 64];
        out.iter_mut().zip(tag.as_ref()).for_each(|(to, from)| *to = *from);
        out
    }
}

/// The primitives of the RustCrypto project.
#[cfg(feature = "rustcrypto")]
pub struct RustCrypto;

/// A key, filled up with zeros to a whole block of the hash, which is what HMAC itself does with a short key
/// (RFC 2104). The constructor that takes a whole block can't fail.
#[cfg(feature = "rustcrypto")]
fn whole_block<const N: usize>(key: &[u8; 32]) -> Zeroizing<[u8; N]> {
    const { assert!(N >= 32, "a block holds the key") };
    let mut block = Zeroizing::new([0; N]);
    block.iter_mut().zip(key).for_each(|(to, from)| *to = *from);
    block
}

#[cfg(feature = "rustcrypto")]
impl Primitives for RustCrypto {
    type Aead = aes_gcm::Aes256Gcm;
    type Mac = hmac::Hmac<sha2::Sha256>;
    type DerivationKey = hmac::Hmac<sha2::Sha512>;

    fn aead(key: &[u8; 32]) -> Result<Self::Aead, SealError> {
        Ok(<Self::Aead as aes_gcm::KeyInit>::new(key.into()))
    }

    fn seal_in_place(aead: &Self::Aead, nonce: &[u8; 12], data: &mut [u8]) -> Result<[u8; 16], SealError> {
        let tag = aes_gcm::AeadInOut::encrypt_inout_detached(aead, nonce.into(), &[], data.into());
        tag.map(Into::into).map_err(|_| SealError::Primitive)
    }

    fn open(
        aead: &Self::Aead,
        nonce: &[u8; 12],
        ciphertext: &[u8],
        tag: &[u8],
        plaintext: &mut [u8],
    ) -> Result<(), SealError> {
        use aes_gcm::aead::inout::InOutBuf;
        let tag: &[u8; 16] = tag.try_into().map_err(|_| SealError::BadChunk)?;
        let buffer = InOutBuf::new(ciphertext, plaintext).map_err(|_| SealError::BadChunk)?;
        let opened = aes_gcm::AeadInOut::decrypt_inout_detached(aead, nonce.into(), &[], buffer, tag.into());
        opened.map_err(|_| SealError::BadChunk)
    }

    fn mac_begin(key: &[u8; 32]) -> Self::Mac {
        <Self::Mac as hmac::KeyInit>::new((&*whole_block::<64>(key)).into())
    }

    fn mac_update(mac: &mut Self::Mac, part: &[u8]) {
        hmac::Mac::update(mac, part);
    }

    fn mac_finish(mac: Self::Mac) -> [u8; 32] {
        hmac::Mac::finalize(mac).into_bytes().into()
    }

    fn derivation_key(key: &[u8; 32]) -> Self::DerivationKey {
        <Self::DerivationKey as hmac::KeyInit>::new((&*whole_block::<128>(key)).into())
    }

    fn hmac_sha512(key: &Self::DerivationKey, parts: &[&[u8]]) -> [u8; 64] {
        let mut mac = key.clone();
        parts.iter().for_each(|part| hmac::Mac::update(&mut mac, part));
        hmac::Mac::finalize(mac).into_bytes().into()
    }
}

#[cfg(test)]
mod tests;
