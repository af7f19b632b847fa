//! The primitives underneath: AES-256-GCM, HMAC with SHA-256 and SHA-512, and HKDF-Expand (RFC
//! 5869).
//!
//! Two implementations lie behind one trait. The two must agree to the byte, and the tests compare
//! them. Nothing here chooses a nonce or a key.
//!
//! HKDF-Expand is written here, on top of HMAC. The versions in the libraries return an error for
//! lengths that this crate never asks for. With them, each derivation of a key would return a
//! `Result`.

use crate::SealError;
use alloc::vec::Vec;
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

/// The implementation in use: aws-lc-rs in a native program, RustCrypto in a WebAssembly component.
#[cfg(not(target_arch = "wasm32"))]
pub(crate) type Suite = AwsLc;
/// The implementation in use: aws-lc-rs in a native program, RustCrypto in a WebAssembly component.
#[cfg(target_arch = "wasm32")]
pub(crate) type Suite = RustCrypto;

/// The functions that the rest of the crate is built on.
pub(crate) trait Primitives {
    /// A key of AES-256-GCM, expanded.
    type Aead;
    /// A running HMAC-SHA256.
    type Mac;

    /// Expands a key of AES-256-GCM.
    fn aead(key: &[u8; 32]) -> Result<Self::Aead, SealError>;

    /// Encrypts in place and returns the tag. There is no associated data. After an error the
    /// content of `data` is undefined, and the caller must wipe it.
    fn seal(key: &Self::Aead, nonce: &[u8; 12], data: &mut [u8]) -> Result<[u8; 16], SealError>;

    /// Verifies, and decrypts into a buffer of exactly the ciphertext's length. After
    /// [`SealError::BadChunk`] the content of the buffer is undefined, and the caller must wipe it.
    fn open(
        key: &Self::Aead,
        nonce: &[u8; 12],
        ciphertext: &[u8],
        tag: &[u8; 16],
        plain: &mut [u8],
    ) -> Result<(), SealError>;

    /// Starts an HMAC-SHA256.
    fn mac_start(key: &[u8; 32]) -> Self::Mac;

    /// Takes more of the message.
    fn mac_update(mac: &mut Self::Mac, part: &[u8]);

    /// Computes the MAC of all parts.
    fn mac_finish(mac: Self::Mac) -> [u8; 32];

    /// Computes HMAC-SHA512 over the concatenation of the parts.
    fn hmac_sha512(key: &[u8; 32], parts: &[&[u8]]) -> Zeroizing<Vec<u8>>;

    /// Expands a key with HKDF-Expand and SHA-512 (RFC 5869, section 2.3). `info` is the
    /// concatenation of the parts. The compiler checks that N is at most 16,320.
    fn hkdf_expand_sha512<const N: usize>(key: &[u8; 32], info: &[&[u8]]) -> Zeroizing<[u8; N]> {
        const { assert!(N <= 255 * 64, "HKDF-Expand gives at most 255 blocks") };
        let info = info.concat();
        let mut out = Zeroizing::new([0; N]);
        let mut block = Zeroizing::new(Vec::new());
        for (counter, piece) in (1..=u8::MAX).zip(out.chunks_mut(64)) {
            block = Self::hmac_sha512(key, &[&block, &info, &[counter]]);
            copy(piece, block.iter());
        }
        out
    }
}

/// Copies bytes until either side has no more.
pub(crate) fn copy<'a>(to: &mut [u8], from: impl IntoIterator<Item = &'a u8>) {
    to.iter_mut().zip(from).for_each(|(to, from)| *to = *from);
}

/// Compares in constant time if the lengths are equal. Lengths are public.
pub(crate) fn same(a: &[u8], b: &[u8]) -> bool {
    bool::from(a.ct_eq(b))
}

/// The primitives of aws-lc-rs.
#[cfg(not(target_arch = "wasm32"))]
pub(crate) struct AwsLc;

#[cfg(not(target_arch = "wasm32"))]
impl Primitives for AwsLc {
    type Aead = aws_lc_rs::aead::LessSafeKey;
    type Mac = aws_lc_rs::hmac::Context;

    fn aead(key: &[u8; 32]) -> Result<Self::Aead, SealError> {
        let key = aws_lc_rs::aead::UnboundKey::new(&aws_lc_rs::aead::AES_256_GCM, key);
        key.map(Self::Aead::new).map_err(|_| SealError::Primitive)
    }

    fn seal(key: &Self::Aead, nonce: &[u8; 12], data: &mut [u8]) -> Result<[u8; 16], SealError> {
        use aws_lc_rs::aead::{Aad, Nonce};
        let nonce = Nonce::assume_unique_for_key(*nonce);
        let tag = key.seal_in_place_separate_tag(nonce, Aad::empty(), data);
        let tag = tag.map_err(|_| SealError::Primitive)?;
        tag.as_ref().try_into().map_err(|_| SealError::Primitive)
    }

    fn open(
        key: &Self::Aead,
        nonce: &[u8; 12],
        ciphertext: &[u8],
        tag: &[u8; 16],
        plain: &mut [u8],
    ) -> Result<(), SealError> {
        use aws_lc_rs::aead::{Aad, Nonce};
        let nonce = Nonce::assume_unique_for_key(*nonce);
        key.open_separate_gather(nonce, Aad::empty(), ciphertext, tag, plain)
            .map_err(|_| SealError::BadChunk)
    }

    fn mac_start(key: &[u8; 32]) -> Self::Mac {
        use aws_lc_rs::hmac::{HMAC_SHA256, Key};
        Self::Mac::with_key(&Key::new(HMAC_SHA256, key))
    }

    fn mac_update(mac: &mut Self::Mac, part: &[u8]) {
        mac.update(part);
    }

    fn mac_finish(mac: Self::Mac) -> [u8; 32] {
        let mut out = [0; 32];
        copy(&mut out, mac.sign().as_ref());
        out
    }

    fn hmac_sha512(key: &[u8; 32], parts: &[&[u8]]) -> Zeroizing<Vec<u8>> {
        use aws_lc_rs::hmac::{HMAC_SHA512, Key};
        let mut mac = Self::Mac::with_key(&Key::new(HMAC_SHA512, key));
        parts.iter().for_each(|part| mac.update(part));
        Zeroizing::new(mac.sign().as_ref().to_vec())
    }
}

/// The primitives of the RustCrypto project.
#[cfg(any(test, target_arch = "wasm32"))]
pub(crate) struct RustCrypto;

/// Pads a key with zeros to a whole block of the hash, as HMAC itself does (RFC 2104). The
/// constructor that takes a whole block can't fail.
#[cfg(any(test, target_arch = "wasm32"))]
fn whole_block<const N: usize>(key: &[u8; 32]) -> Zeroizing<[u8; N]> {
    const { assert!(N >= 32, "a block holds the key") };
    let mut block = Zeroizing::new([0; N]);
    copy(block.as_mut_slice(), key);
    block
}

#[cfg(any(test, target_arch = "wasm32"))]
impl Primitives for RustCrypto {
    type Aead = aes_gcm::Aes256Gcm;
    type Mac = hmac::Hmac<sha2::Sha256>;

    fn aead(key: &[u8; 32]) -> Result<Self::Aead, SealError> {
        Ok(<Self::Aead as aes_gcm::KeyInit>::new(key.into()))
    }

    fn seal(key: &Self::Aead, nonce: &[u8; 12], data: &mut [u8]) -> Result<[u8; 16], SealError> {
        let tag = aes_gcm::AeadInOut::encrypt_inout_detached(key, nonce.into(), &[], data.into());
        tag.map(Into::into).map_err(|_| SealError::Primitive)
    }

    fn open(
        key: &Self::Aead,
        nonce: &[u8; 12],
        ciphertext: &[u8],
        tag: &[u8; 16],
        plain: &mut [u8],
    ) -> Result<(), SealError> {
        use aes_gcm::aead::inout::InOutBuf;
        let data = InOutBuf::new(ciphertext, plain).map_err(|_| SealError::BadChunk)?;
        aes_gcm::AeadInOut::decrypt_inout_detached(key, nonce.into(), &[], data, tag.into())
            .map_err(|_| SealError::BadChunk)
    }

    fn mac_start(key: &[u8; 32]) -> Self::Mac {
        <Self::Mac as hmac::KeyInit>::new((&*whole_block::<64>(key)).into())
    }

    fn mac_update(mac: &mut Self::Mac, part: &[u8]) {
        hmac::Mac::update(mac, part);
    }

    fn mac_finish(mac: Self::Mac) -> [u8; 32] {
        hmac::Mac::finalize(mac).into_bytes().into()
    }

    fn hmac_sha512(key: &[u8; 32], parts: &[&[u8]]) -> Zeroizing<Vec<u8>> {
        use hmac::{Hmac, KeyInit, Mac};
        let mut mac = Hmac::<sha2::Sha512>::new((&*whole_block::<128>(key)).into());
        parts.iter().for_each(|part| mac.update(part));
        Zeroizing::new(mac.finalize().into_bytes().to_vec())
    }
}

#[cfg(test)]
mod tests;
