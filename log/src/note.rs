//! Signed notes: a text, an empty line, and one line a signature.
//!
//! A note that was parsed keeps its text back until a signature is verified. Of the types of
//! signatures that C2SP knows, this crate makes and verifies Ed25519 alone. It keeps the others as
//! they are.

use crate::hash::Hash;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use aws_lc_rs::signature::{ED25519, Ed25519KeyPair, KeyPair, UnparsedPublicKey};
use base64::{Engine, prelude::BASE64_STANDARD};
use core::fmt;

/// The largest number of signatures that a note has.
pub const MAX_SIGNATURES: usize = 32;

/// What a signature line starts with: an em dash and a space.
const DASH: &str = "\u{2014} ";

/// The type of Ed25519 signatures.
const ED25519_TYPE: u8 = 1;

/// The reason why a note, a key or a name was rejected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NoteError {
    /// The name is empty, or has a space, a plus sign or a control character.
    #[error("a key's name is not empty and has no space, plus sign or control character")]
    Name,
    /// The text is no public key of Ed25519.
    #[error("this is no public key of a signed note with Ed25519")]
    Key,
    /// The text is empty, has a control character, or does not end with a newline.
    #[error("the text of a note has no control characters and ends with a newline")]
    Text,
    /// No empty line and no signatures follow the text.
    #[error("the note has no signatures")]
    NoSignatures,
    /// A line after the empty one is no signature.
    #[error("line {0} after the text of the note is not a signature")]
    Signature(usize),
    /// There are more signatures than [`MAX_SIGNATURES`].
    #[error("the note has more than {MAX_SIGNATURES} signatures")]
    TooMany,
    /// No signature is by the key.
    #[error("the note is not signed with this key")]
    Unsigned,
    /// A signature says that it is by the key, and is not.
    #[error("a signature of the note is false")]
    False,
    /// The cryptographic library failed.
    #[error("the cryptographic library failed")]
    Primitive,
}

/// A key's name, and the origin of a log: an address without a scheme, such as
/// `example.com/ledger`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Name(String);

impl Name {
    /// Checks a name. It is not empty, and has no space, plus sign or control character.
    pub fn new(name: &str) -> Result<Self, NoteError> {
        let wrong = |c: char| c.is_whitespace() || c < ' ' || c == '+';
        if name.is_empty() || name.contains(wrong) {
            return Err(NoteError::Name);
        }
        Ok(Self(name.to_string()))
    }

    /// Returns the name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A public key of Ed25519 with its name. As text it is a verifier key: `NAME+ID+KEY`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifyingKey {
    name: Name,
    id: [u8; 4],
    key: [u8; 32],
}

impl VerifyingKey {
    /// Takes the name and the 32 bytes of RFC 8032.
    pub fn new(name: Name, key: [u8; 32]) -> Self {
        let named = [name.as_str().as_bytes(), b"\n", &[ED25519_TYPE], &key].concat();
        let [a, b, c, d, ..] = *Hash::of(&named).as_bytes();
        Self { name, id: [a, b, c, d], key }
    }

    /// Reads a verifier key. Its id must be the one of its name and key.
    pub fn parse(text: &str) -> Result<Self, NoteError> {
        // A name has no plus sign, base64 has.
        let (name, rest) = text.split_once('+').ok_or(NoteError::Key)?;
        let (_, encoded) = rest.split_once('+').ok_or(NoteError::Key)?;
        let bytes = BASE64_STANDARD.decode(encoded).map_err(|_| NoteError::Key)?;
        let key = bytes.strip_prefix(&[ED25519_TYPE]).and_then(|key| key.try_into().ok());
        let key = Self::new(Name::new(name)?, key.ok_or(NoteError::Key)?);
        if key.to_string() == text { Ok(key) } else { Err(NoteError::Key) }
    }

    /// Returns the name.
    pub const fn name(&self) -> &Name {
        &self.name
    }

    /// Returns the id: the start of a hash of the name and the key.
    pub const fn id(&self) -> [u8; 4] {
        self.id
    }
}

impl fmt::Display for VerifyingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let key = BASE64_STANDARD.encode([&[ED25519_TYPE], self.key.as_slice()].concat());
        write!(f, "{}+{:08x}+{key}", self.name, u32::from_be_bytes(self.id))
    }
}

/// A private key of Ed25519 with its name.
pub struct SigningKey {
    pair: Ed25519KeyPair,
    public: VerifyingKey,
}

impl SigningKey {
    /// Makes the key that belongs to a seed of 32 secret bytes.
    pub fn from_seed(name: Name, seed: &[u8; 32]) -> Result<Self, NoteError> {
        let pair = Ed25519KeyPair::from_seed_unchecked(seed).map_err(|_| NoteError::Primitive)?;
        let key = pair.public_key().as_ref().try_into().map_err(|_| NoteError::Primitive)?;
        Ok(Self { pair, public: VerifyingKey::new(name, key) })
    }

    /// Returns the public key.
    pub fn verifying_key(&self) -> VerifyingKey {
        self.public.clone()
    }
}

/// One signature of a note.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signature {
    name: Name,
    id: [u8; 4],
    bytes: Vec<u8>,
}

impl Signature {
    /// Returns the key's name.
    pub const fn name(&self) -> &Name {
        &self.name
    }

    /// Returns the key's id.
    pub const fn id(&self) -> [u8; 4] {
        self.id
    }

    fn parse(line: &str) -> Option<Self> {
        let (name, encoded) = line.strip_prefix(DASH)?.split_once(' ')?;
        let bytes = BASE64_STANDARD.decode(encoded).ok()?;
        let (id, bytes) = bytes.split_first_chunk().filter(|(_, bytes)| !bytes.is_empty())?;
        Some(Self { name: Name::new(name).ok()?, id: *id, bytes: bytes.to_vec() })
    }

    fn is_by(&self, key: &VerifyingKey) -> bool {
        (&self.name, self.id) == (&key.name, key.id)
    }
}

impl fmt::Display for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bytes = BASE64_STANDARD.encode([&self.id, self.bytes.as_slice()].concat());
        write!(f, "{DASH}{} {bytes}", self.name)
    }
}

/// A signed note. As text it is what is stored and sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    text: String,
    signatures: Vec<Signature>,
}

impl Note {
    /// Signs a text, which ends with a newline.
    pub fn sign(text: &str, key: &SigningKey) -> Result<Self, NoteError> {
        if !text.ends_with('\n') || !is_plain(text) {
            return Err(NoteError::Text);
        }
        let mut note = Self { text: text.to_string(), signatures: Vec::new() };
        note.add(key)?;
        Ok(note)
    }

    /// Adds a signature. One of the same key is replaced.
    pub fn add(&mut self, key: &SigningKey) -> Result<(), NoteError> {
        let signed = key.pair.try_sign(self.text.as_bytes()).map_err(|_| NoteError::Primitive)?;
        let VerifyingKey { name, id, .. } = key.verifying_key();
        self.signatures.retain(|signature| !signature.is_by(&key.public));
        if self.signatures.len() >= MAX_SIGNATURES {
            return Err(NoteError::TooMany);
        }
        self.signatures.push(Signature { name, id, bytes: signed.as_ref().to_vec() });
        Ok(())
    }

    /// Reads a note. Nothing may be left over.
    pub fn parse(bytes: &[u8]) -> Result<Self, NoteError> {
        let note = core::str::from_utf8(bytes).map_err(|_| NoteError::Text)?;
        if !is_plain(note) {
            return Err(NoteError::Text);
        }
        let (text, rest) = note.rsplit_once("\n\n").ok_or(NoteError::NoSignatures)?;
        let lines = rest.strip_suffix('\n').ok_or(NoteError::NoSignatures)?;
        let mut signatures = Vec::new();
        for (line, number) in lines.split('\n').zip(1..) {
            if signatures.len() >= MAX_SIGNATURES {
                return Err(NoteError::TooMany);
            }
            signatures.push(Signature::parse(line).ok_or(NoteError::Signature(number))?);
        }
        Ok(Self { text: [text, "\n"].concat(), signatures })
    }

    /// Returns the text, if it is signed with the key. Signatures with other keys are ignored. One
    /// false signature that names the key makes the note false.
    pub fn verify(&self, key: &VerifyingKey) -> Result<&str, NoteError> {
        let public = UnparsedPublicKey::new(&ED25519, key.key);
        let mut signed = false;
        for signature in self.signatures.iter().filter(|signature| signature.is_by(key)) {
            let verified = public.verify(self.text.as_bytes(), &signature.bytes);
            verified.map_err(|_| NoteError::False)?;
            signed = true;
        }
        if signed { Ok(&self.text) } else { Err(NoteError::Unsigned) }
    }

    /// Returns the signatures. None of them is verified.
    pub fn signatures(&self) -> &[Signature] {
        &self.signatures
    }
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.text)?;
        self.signatures.iter().try_for_each(|signature| writeln!(f, "{signature}"))
    }
}

/// Returns whether a text has no ASCII control characters but newlines.
fn is_plain(text: &str) -> bool {
    text.chars().all(|c| c >= ' ' || c == '\n')
}

#[cfg(test)]
mod tests;
