//! Tests of the primitives against published vectors, and of the two implementations against each
//! other.

use super::*;
use std::string::String;
use std::vec::Vec;

fn hex(text: &str) -> Vec<u8> {
    let text: String = text.split_whitespace().collect();
    let digits = text.as_bytes().chunks(2).map(|pair| str::from_utf8(pair).unwrap());
    digits.map(|pair| u8::from_str_radix(pair, 16).unwrap()).collect()
}

fn hmac_sha256<P: Primitives>(key: &[u8; 32], parts: &[&[u8]]) -> [u8; 32] {
    let mut mac = P::mac_start(key);
    parts.iter().for_each(|part| P::mac_update(&mut mac, part));
    P::mac_finish(mac)
}

/// Checks test cases 13 and 14 of the GCM proposal (an AES-256 key, no associated data) and test
/// case 1 of RFC 4231.
fn published<P: Primitives>() {
    let aead = P::aead(&[0; 32]).unwrap();
    assert_eq!(
        P::seal(&aead, &[0; 12], &mut []).unwrap()[..],
        hex("530f8afbc74536b9a963b4f1c4cb738b")
    );
    let mut data = [0; 16];
    let tag = P::seal(&aead, &[0; 12], &mut data).unwrap();
    assert_eq!(data[..], hex("cea7403d4d606b6e074ec5d3baf39d18"));
    assert_eq!(tag[..], hex("d0d1c8a799996bf0265b98b5d48ab919"));
    let mut plain = [1; 16];
    assert_eq!(P::open(&aead, &[0; 12], &data, &tag, &mut plain), Ok(()));
    assert_eq!(plain, [0; 16]);
    assert_eq!(P::open(&aead, &[1; 12], &data, &tag, &mut plain), Err(SealError::BadChunk));
    assert_eq!(P::open(&aead, &[0; 12], &data[1..], &tag, &mut plain), Err(SealError::BadChunk));
    assert_eq!(P::open(&aead, &[0; 12], &data, &[0; 16], &mut plain), Err(SealError::BadChunk));
    assert_eq!(P::open(&aead, &[0; 12], &data, &tag, &mut plain[..15]), Err(SealError::BadChunk));

    // The key of RFC 4231, test case 1, has 20 bytes. With zeros after it, HMAC takes it as the
    // same key.
    let mut key = [0; 32];
    key[..20].fill(0x0b);
    let expected = hex("b0344c61d8db38535ca8afceaf0bf12b 881dc200c9833da726e9376c2e32cff7");
    assert_eq!(hmac_sha256::<P>(&key, &[b"Hi ", b"There"])[..], expected);
    assert!(same(&hmac_sha256::<P>(&key, &[b"Hi There"]), &expected));
    assert!(!same(&hmac_sha256::<P>(&key, &[b"Hi There!"]), &expected));
    let expected = "87aa7cdea5ef619d4ff0b4241a1d6cb0 2379f4e2ce4ec2787ad0b30545e17cde
                    daa833b7d6b8a702038b274eaea3f4e4 be9d914eeb61f1702e696c203a126854";
    assert_eq!(P::hmac_sha512(&key, &[b"Hi ", b"There"])[..], hex(expected));
}

#[test]
#[cfg(not(target_arch = "wasm32"))]
fn aws_lc_gives_the_published_answers() {
    published::<AwsLc>();
}

#[test]
fn rustcrypto_gives_the_published_answers() {
    published::<RustCrypto>();
}

#[test]
#[cfg(not(target_arch = "wasm32"))]
fn both_implementations_agree() {
    const NONCE: &[u8; 12] = b"twelve bytes";
    let key: [u8; 32] = core::array::from_fn(|place| u8::try_from(place * 7).unwrap());
    let (one, two) = (AwsLc::aead(&key).unwrap(), RustCrypto::aead(&key).unwrap());
    for size in [0, 1, 15, 16, 17, 1000, 16_383, 16_384] {
        let plain: Vec<u8> = (0..size).map(|place| u8::try_from(place % 256).unwrap()).collect();
        let (mut a, mut b) = (plain.clone(), plain.clone());
        let tag = AwsLc::seal(&one, NONCE, &mut a).unwrap();
        assert_eq!(tag, RustCrypto::seal(&two, NONCE, &mut b).unwrap());
        assert_eq!(a, b);
        let (mut c, mut d) = (std::vec![0; size], std::vec![0; size]);
        assert_eq!(AwsLc::open(&one, NONCE, &b, &tag, &mut c), Ok(()));
        assert_eq!(RustCrypto::open(&two, NONCE, &a, &tag, &mut d), Ok(()));
        assert!(c == plain && d == plain);
        assert_eq!(
            hmac_sha256::<AwsLc>(&key, &[&a, &b]),
            hmac_sha256::<RustCrypto>(&key, &[&a, &b])
        );
        let info: [&[u8]; 2] = [&a, b"x"];
        let expanded = AwsLc::hkdf_expand_sha512::<200>(&key, &info);
        assert_eq!(expanded, RustCrypto::hkdf_expand_sha512::<200>(&key, &info));
        let prk = aws_lc_rs::hkdf::Prk::new_less_safe(aws_lc_rs::hkdf::HKDF_SHA512, &key);
        let mut library = [0; 200];
        prk.expand(&info, Length).unwrap().fill(&mut library).unwrap();
        assert_eq!(*expanded, library, "as the library's own HKDF-Expand");
    }
}

#[cfg(not(target_arch = "wasm32"))]
struct Length;

#[cfg(not(target_arch = "wasm32"))]
impl aws_lc_rs::hkdf::KeyType for Length {
    fn len(&self) -> usize {
        200
    }
}
