//! Credentials: the headers that carry them, their one spelling, and their MAC. Any text that
//! verifies is what the mint prints, to the letter. This target must never hold a key of an
//! installation.
#![no_main]

use eyesonly_fuzz::{Input, changed};
use eyesonly_rights::{CredentialError, Mint, Verifier};
use eyesonly_seal::{CameraId, CredentialId, EdgeKey, HouseholdId, SessionId, ViewerId};
use eyesonly_web::credential::{of_camera, of_viewer};
use http::{HeaderMap, HeaderValue, header};
use libfuzzer_sys::fuzz_target;
use std::sync::LazyLock;

struct Keys {
    mint: Mint,
    verifier: Verifier,
    other: Verifier,
}

static KEYS: LazyLock<Keys> = LazyLock::new(|| {
    let edge = EdgeKey::from_bytes([1; 32]);
    Keys {
        mint: Mint::new(&edge),
        verifier: Verifier::new(&edge),
        other: Verifier::new(&EdgeKey::from_bytes([2; 32])),
    }
});

/// What a credential says, printed again; none if it does not verify.
fn verified(verifier: &Verifier, text: &str) -> Option<String> {
    #[cfg(planted)]
    let text = &at_fault(text);
    let mint = &KEYS.mint;
    let viewer = verifier.viewer(text).map(|of| {
        assert!(of.tag().is(&of.tag().to_text()));
        mint.viewer(of.viewer(), of.session())
    });
    let camera =
        verifier.camera(text).map(|of| mint.camera(of.household(), of.camera(), of.credential()));
    match (viewer, camera) {
        (Ok(_), Ok(_)) => panic!("a viewer's credential is a camera's as well"),
        (Ok(printed), _) | (_, Ok(printed)) => Some(printed),
        (Err(one), Err(other)) => {
            // A credential has one prefix, so that one of the two says so.
            assert!(CredentialError::Malformed == one || CredentialError::Malformed == other);
            None
        }
    }
}

/// The fault: of a viewer's last letter, the bits that stand for nothing do not count.
#[cfg(planted)]
fn at_fault(text: &str) -> String {
    const LETTERS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let mut text = text.to_owned();
    if text.starts_with("ev1.") && text.len() == 90 {
        let value = text.pop().and_then(|last| LETTERS.iter().position(|one| *one == last as u8));
        text.push(char::from(LETTERS[value.unwrap_or(0) & 0b11_0000]));
    }
    text
}

fn check(text: &str) {
    if let Some(printed) = verified(&KEYS.verifier, text) {
        assert_eq!(printed, text, "two texts are one credential");
    }
    assert_eq!(verified(&KEYS.other, text), None, "another installation's credential");
}

fuzz_target!(|bytes: &[u8]| {
    let mut input = Input(bytes);
    let kind = input.byte();
    if kind % 4 == 0 {
        // A head as a client sends it.
        let mut headers = HeaderMap::new();
        for line in input.rest().split(|byte| *byte == b'\n') {
            let name =
                if line.first() == Some(&b'c') { header::COOKIE } else { header::AUTHORIZATION };
            let value = line.get(1..).and_then(|value| HeaderValue::from_bytes(value).ok());
            value.and_then(|value| headers.try_append(name, value).ok());
        }
        let lines = |name| headers.get_all(name).iter().map(HeaderValue::as_bytes);
        for found in [of_camera(&headers), of_viewer(&headers, true), of_viewer(&headers, false)] {
            let Ok(found) = found else { continue };
            let mut sent = lines(header::AUTHORIZATION).chain(lines(header::COOKIE));
            let is_part =
                |line: &[u8]| line.windows(found.len()).any(|part| part == found.as_bytes());
            assert!(found.is_empty() || sent.any(is_part), "nobody sent it");
            check(found);
        }
        if headers.get_all(header::AUTHORIZATION).iter().count() != 1 {
            assert!(of_camera(&headers).is_err(), "two headers are not one credential");
        }
        return;
    }
    let ids = [input.id(), input.id(), input.id()];
    let text = if kind % 4 == 1 {
        KEYS.mint.viewer(ViewerId::from_bytes(ids[0]), SessionId::from_bytes(ids[1]))
    } else {
        let (household, camera) = (HouseholdId::from_bytes(ids[0]), CameraId::from_bytes(ids[1]));
        KEYS.mint.camera(household, camera, CredentialId::from_bytes(ids[2]))
    };
    assert_eq!(verified(&KEYS.verifier, &text).as_deref(), Some(&*text));
    if let Ok(different) = String::from_utf8(changed(text.as_bytes(), &mut input)) {
        if different != text {
            assert_eq!(verified(&KEYS.verifier, &different), None, "{different} for {text}");
        }
        check(&different);
    }
});
