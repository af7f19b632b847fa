//! Digest headers, and what they say of a body. A second reading of the header must agree with the
//! first, and with the comparison of the body. The file is the service's own: nobody else has its
//! hasher. A control character in a header stands for a digest of the body, right or wrong by a
//! bit: this target must never look for collisions.
#![no_main]

#[path = "../../service/src/ingest/digest.rs"]
mod digest;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use digest::{ContentDigest, DigestError, Hasher};
use eyesonly_fuzz::Input;
use eyesonly_web::upload::declared;
use http::{HeaderMap, HeaderName, HeaderValue};
use libfuzzer_sys::fuzz_target;
use sfv::{BareItem, Dictionary, FieldType as _, Item, ListEntry, Parser};
use sha2::{Digest as _, Sha256, Sha512};

fn check(declared: ContentDigest, body: &[u8], pieces: usize) -> Result<(), DigestError> {
    #[cfg(planted)]
    let body = at_fault(&declared, body, pieces);
    let mut hasher = Hasher::new(declared);
    body.chunks(pieces).for_each(|piece| hasher.update(piece));
    hasher.check()
}

/// The fault: of a body in pieces, a last piece of one byte is not in the long digest.
#[cfg(planted)]
fn at_fault<'a>(declared: &ContentDigest, body: &'a [u8], pieces: usize) -> &'a [u8] {
    let is_long = format!("{declared:?}").contains("sha512: Some");
    let is_one = pieces > 1 && body.len() > pieces && body.len() % pieces == 1;
    if is_long && is_one { &body[..body.len() - 1] } else { body }
}

/// The bytes that a dictionary has under a name; none if there is something else.
fn entry<'a>(dictionary: &'a Dictionary, name: &str) -> Option<Option<&'a [u8]>> {
    match dictionary.get(name) {
        None => Some(None),
        Some(ListEntry::Item(Item { bare_item: BareItem::ByteSequence(bytes), .. })) => {
            Some(Some(bytes))
        }
        Some(_) => None,
    }
}

/// What must be said of a header and a body.
fn expected(text: &str, body: &[u8]) -> Result<(), DigestError> {
    if text.len() > 1024 {
        return Err(DigestError::Malformed);
    }
    let dictionary: Dictionary = Parser::new(text).parse().map_err(|_| DigestError::Malformed)?;
    let (Some(short), Some(long)) = (entry(&dictionary, "sha-256"), entry(&dictionary, "sha-512"))
    else {
        return Err(DigestError::Malformed);
    };
    let (is_short, is_long) = (Sha256::digest(body), Sha512::digest(body));
    match (short, long) {
        (None, None) => Err(DigestError::Unknown),
        _ if short.is_some_and(|short| short.len() != 32) => Err(DigestError::Malformed),
        _ if long.is_some_and(|long| long.len() != 64) => Err(DigestError::Malformed),
        _ if short.is_some_and(|short| short != &is_short[..]) => Err(DigestError::Mismatch),
        _ if long.is_some_and(|long| long != &is_long[..]) => Err(DigestError::Mismatch),
        _ => Ok(()),
    }
}

/// Writes the digests of a body where the header has places for them.
fn filled(header: &[u8], body: &[u8]) -> Option<String> {
    let mut text = String::new();
    for byte in header {
        match byte {
            0 => STANDARD.encode_string(Sha256::digest(body), &mut text),
            1 => STANDARD.encode_string(Sha512::digest(body), &mut text),
            4 => text.push_str("unixsum=:AAAA:"),
            // Digests that are wrong by a bit.
            2..32 => {
                let (mut short, mut long) = (Sha256::digest(body), Sha512::digest(body));
                (short[0], long[0]) = (short[0] ^ 1 << (byte % 8), long[0] ^ 1 << (byte % 8));
                let wrong = if byte % 2 == 0 { &short[..] } else { &long[..] };
                STANDARD.encode_string(wrong, &mut text);
            }
            byte => text.push(char::from(*byte)),
        }
    }
    text.is_ascii().then_some(text)
}

fuzz_target!(|bytes: &[u8]| {
    let mut input = Input(bytes);
    let (pieces, length) = (1 + usize::from(input.byte() % 8), usize::from(input.byte()));
    let body = input.take(length);
    let Some(text) = filled(input.rest(), body) else { return };
    let parsed = ContentDigest::parse(&text);
    assert_eq!(parsed, ContentDigest::parse(&text), "it has two meanings");
    let said = parsed.clone().and_then(|declared| check(declared, body, pieces));
    assert_eq!(said, expected(&text, body), "{text}");

    let Ok(parsed) = parsed else { return };
    let dictionary: Dictionary = Parser::new(&text).parse().expect("it was parsed before");
    let printed = dictionary.serialize().expect("it has entries");
    if printed.len() <= 1024 {
        assert_eq!(ContentDigest::parse(&printed).as_ref(), Ok(&parsed), "{printed}");
    }
    // Several lines are one list (RFC 9110, 5.3), and unknown algorithms don't count.
    let mut headers = HeaderMap::new();
    let name = HeaderName::from_static("content-digest");
    for line in ["unixsum=:AAAA:", text.trim_matches([' ', '\t'])] {
        let Ok(line) = HeaderValue::from_str(line) else { return };
        headers.append(&name, line);
    }
    let joined = declared(&headers).ok().and_then(|declared| declared.digest).expect("it is text");
    if joined.len() <= 1024 {
        assert_eq!(ContentDigest::parse(&joined), Ok(parsed), "{joined}");
    }
});
