//! Tests of signed notes: known ones, spoiled ones, and those of another crate.

use super::*;
use crate::testing::{key, name};
use proptest::prelude::*;
use signed_note::{StandardSigner, StandardVerifier, VerifierList};
use std::boxed::Box;
use std::format;
use std::vec;

/// The note and key that the documentation of Go's `note` package has.
const KNOWN_KEY: &str = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";
const KNOWN_TEXT: &str = "If you think cryptography is the answer to your problem,\n\
                          then you don't know what your problem is.\n";
const KNOWN_SIGNATURE: &str = "\u{2014} PeterNeumann \
    x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n";

/// The example of C2SP, whose key isn't published.
const EXAMPLE: &str = "Ognuno sta solo sul cuor della terra\n\
    trafitto da un raggio di sole:\n\n\
    ed \u{e8} subito sera.\n\n\
    \u{2014} quasimodo.example/salvatore \
    NnugSzTjtVAewIS+Z/iJhUPeFDkO/5QQ2i5ddnGITLlC+EhfLW9oJKONrMouFSQU0xMcXxj99ihAQwaqP3ZekRwNtIc=\n";

fn known() -> String {
    format!("{KNOWN_TEXT}\n{KNOWN_SIGNATURE}")
}

fn other_key() -> SigningKey {
    SigningKey::from_seed(Name::new("witness.example/w1").unwrap(), &[8; 32]).unwrap()
}

#[test]
fn a_known_note_is_verified() {
    let key = VerifyingKey::parse(KNOWN_KEY).unwrap();
    assert_eq!(key.to_string(), KNOWN_KEY);
    assert_eq!((key.name().as_str(), key.id()), ("PeterNeumann", [0xc7, 0x4f, 0x20, 0xa3]));
    let note = Note::parse(known().as_bytes()).unwrap();
    assert_eq!(note.verify(&key), Ok(KNOWN_TEXT));
    assert_eq!(note.to_string(), known());
}

#[test]
fn the_example_of_c2sp_is_read_and_written() {
    let note = Note::parse(EXAMPLE.as_bytes()).unwrap();
    assert_eq!(note.to_string(), EXAMPLE);
    assert!(note.text.ends_with("sole:\n\ned \u{e8} subito sera.\n"));
    let [signature] = note.signatures() else { panic!("one signature") };
    assert_eq!(signature.name().as_str(), "quasimodo.example/salvatore");
    assert_eq!(signature.id(), [0x36, 0x7b, 0xa0, 0x4b]);
    assert_eq!(note.verify(&key().verifying_key()), Err(NoteError::Unsigned));
}

#[test]
fn each_flipped_bit_is_found() {
    let key = VerifyingKey::parse(KNOWN_KEY).unwrap();
    let note = known();
    for at in 0..note.len() {
        for bit in 0..8 {
            let mut bytes = note.clone().into_bytes();
            bytes[at] ^= 1 << bit;
            let opened = Note::parse(&bytes).and_then(|note| note.verify(&key).map(str::len));
            assert!(opened.is_err(), "{at} {bit}");
        }
    }
}

#[test]
fn what_is_no_note_is_rejected() {
    let line = KNOWN_SIGNATURE.trim_end();
    let with = |lines: &str| format!("{KNOWN_TEXT}\n{lines}");
    let cases = [
        (String::new(), NoteError::NoSignatures),
        ("\n".into(), NoteError::NoSignatures),
        (KNOWN_TEXT.into(), NoteError::NoSignatures),
        (format!("{KNOWN_TEXT}{line}\n"), NoteError::NoSignatures),
        (format!("\n{line}\n"), NoteError::NoSignatures),
        (with(""), NoteError::NoSignatures),
        (with(line), NoteError::NoSignatures),
        (with("\n"), NoteError::NoSignatures),
        (with(&format!("{line}\r\n")), NoteError::Text),
        (with(&format!("{line}\n\n")), NoteError::NoSignatures),
        (with(&format!("{line}\nmore\n")), NoteError::Signature(2)),
        (with(&format!("{line} \n")), NoteError::Signature(1)),
        (with(&format!(" {line}\n")), NoteError::Signature(1)),
        (with(&format!("{line}\n{line}x\n")), NoteError::Signature(2)),
        (with(&line.replace('\u{2014}', "-")).clone() + "\n", NoteError::Signature(1)),
        (with(&line.replace("\u{2014} ", "\u{2014}")) + "\n", NoteError::Signature(1)),
        (with(&line.replace("\u{2014} ", "\u{2014}  ")) + "\n", NoteError::Signature(1)),
        (with(&line.replace("PeterNeumann", "Peter+Neumann")) + "\n", NoteError::Signature(1)),
        (with(&line.replace("PeterNeumann", "Peter\u{2003}N")) + "\n", NoteError::Signature(1)),
        (with(&line.replace('=', "")) + "\n", NoteError::Signature(1)),
        (with(&line.replace("AM=", "AN=")) + "\n", NoteError::Signature(1)),
        // Four bytes are an id without a signature.
        (with("\u{2014} PeterNeumann x08gow==\n"), NoteError::Signature(1)),
        (with("\u{2014} PeterNeumann \n"), NoteError::Signature(1)),
        (with("\u{2014} PeterNeumann\n"), NoteError::Signature(1)),
        (format!("a\tb\n\n{line}\n"), NoteError::Text),
        (format!("a\0b\n\n{line}\n"), NoteError::Text),
        (with(&format!("{line}\n").repeat(MAX_SIGNATURES + 1)), NoteError::TooMany),
    ];
    for (note, error) in cases {
        assert_eq!(Note::parse(note.as_bytes()), Err(error), "{note:?}");
    }
    assert_eq!(Note::parse(b"\xff\n\n"), Err(NoteError::Text));
    let most = with(&format!("{line}\n").repeat(MAX_SIGNATURES));
    assert!(Note::parse(most.as_bytes()).is_ok());
}

#[test]
fn names_and_keys_are_checked() {
    for name in ["", "a b", "a+b", "a\nb", "a\u{a0}b", "a\u{2028}b", " a", "a\u{1}"] {
        assert_eq!(Name::new(name), Err(NoteError::Name), "{name:?}");
    }
    assert!(Name::new("example.com/\u{e8}").is_ok());
    for text in [
        "",
        "PeterNeumann",
        "PeterNeumann+c74f20a3",
        "PeterNeumann+c74f20a3+",
        "+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
        "Peter Neumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
        "PeterNeumann+c74f20a4+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
        "PeterNeumann+C74F20A3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
        "PeterNeumann+c74f20a3+AhpC2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
        "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10T=",
        "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TWAA==",
        "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW\n",
    ] {
        assert!(VerifyingKey::parse(text).is_err(), "{text:?}");
    }
}

#[test]
fn only_a_text_that_can_be_read_back_is_signed() {
    for text in ["", "no newline", "a\r\n", "a\tb\n", "a\n\0\n"] {
        assert_eq!(Note::sign(text, &key()), Err(NoteError::Text), "{text:?}");
    }
    for text in ["\n", "a\n", "a\n\n", "a\n\n\u{2014} b c\n", "\u{7f}\n"] {
        let note = Note::sign(text, &key()).unwrap();
        let read = Note::parse(note.to_string().as_bytes()).unwrap();
        assert_eq!(read.verify(&key().verifying_key()), Ok(text), "{text:?}");
    }
}

#[test]
fn one_false_signature_makes_the_note_false() {
    let mut note = Note::sign("text\n", &key()).unwrap();
    note.add(&other_key()).unwrap();
    let (ours, theirs) = (key().verifying_key(), other_key().verifying_key());
    assert_eq!(note.verify(&ours), Ok("text\n"));
    assert_eq!(note.verify(&theirs), Ok("text\n"));
    // Signing again replaces the signature.
    let before = note.signatures().len();
    note.add(&key()).unwrap();
    assert_eq!(note.signatures().len(), before);

    let false_one = Note::sign("other\n", &key()).unwrap();
    note.signatures.extend(false_one.signatures);
    assert_eq!(note.verify(&ours), Err(NoteError::False));
    assert_eq!(note.verify(&theirs), Ok("text\n"));
    // The same key under another name is another key.
    let renamed = SigningKey::from_seed(Name::new("other").unwrap(), &[7; 32]).unwrap();
    assert_eq!(note.verify(&renamed.verifying_key()), Err(NoteError::Unsigned));
}

#[test]
fn a_note_has_a_largest_number_of_signatures() {
    let mut note = Note::sign("text\n", &key()).unwrap();
    let signature = Note::sign("text\n", &other_key()).unwrap().signatures;
    note.signatures.extend(vec![signature[0].clone(); MAX_SIGNATURES - 1]);
    let third = SigningKey::from_seed(Name::new("third").unwrap(), &[9; 32]).unwrap();
    assert_eq!(note.add(&third), Err(NoteError::TooMany));
    assert_eq!(note.add(&key()), Ok(()));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn another_crate_takes_our_notes_and_we_take_theirs(
        text in "([a-z\u{e8}\u{2014} ]{0,9}\n){1,4}",
        seed in any::<[u8; 32]>(),
    ) {
        let ours = SigningKey::from_seed(name(), &seed).unwrap();
        let public = ours.verifying_key();
        let secret = BASE64_STANDARD.encode([&[ED25519_TYPE], seed.as_slice()].concat());
        let id = u32::from_be_bytes(public.id());
        let theirs = format!("PRIVATE+KEY+{}+{id:08x}+{secret}", name());
        let theirs = StandardSigner::new(&theirs).unwrap();
        let verifier = StandardVerifier::new(&public.to_string()).unwrap();

        let note = Note::sign(&text, &ours).unwrap().to_string();
        let mut other = signed_note::Note::new(text.as_bytes(), &[]).unwrap();
        other.add_sigs(&[&theirs]).unwrap();
        prop_assert_eq!(note.as_bytes(), other.to_bytes());
        let read = signed_note::Note::from_bytes(note.as_bytes()).unwrap();
        let known = VerifierList::new(vec![Box::new(verifier)]);
        prop_assert_eq!(read.verify(&known).unwrap().0.len(), 1);
        let read = Note::parse(&other.to_bytes()).unwrap();
        prop_assert_eq!(read.verify(&public), Ok(text.as_str()));
    }
}

proptest! {
    #[test]
    fn another_crate_rejects_the_same_notes(
        cut in 0..200_usize,
        with in "[\n\u{2014} a+=\t]{0,3}",
    ) {
        let note = known();
        let at = (0..=cut.min(note.len())).rev().find(|at| note.is_char_boundary(*at)).unwrap();
        let spoiled = format!("{}{with}{}", &note[..at], &note[at..]);
        let ours = Note::parse(spoiled.as_bytes());
        let theirs = signed_note::Note::from_bytes(spoiled.as_bytes());
        prop_assert_eq!(ours.is_ok(), theirs.is_ok(), "{:?}", spoiled);
    }

    #[test]
    fn any_text_that_is_read_is_written_alike(
        bytes in "(a?\n){0,3}(\u{2014} n [A-Z]{8}\n){0,2}",
    ) {
        if let Ok(note) = Note::parse(bytes.as_bytes()) {
            prop_assert_eq!(note.to_string(), bytes);
        }
    }
}
