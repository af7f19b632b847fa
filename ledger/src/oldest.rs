//! The note of what was forgotten. It is signed, so that nobody else can pass off a deletion as
//! retention.
//!
//! Its text is the log's name, then `forgotten before` and a number. It is no checkpoint, as the
//! second line is no number.

use eyesonly_log::note::{Note, NoteError};
use eyesonly_log::{Name, SigningKey, VerifyingKey};

const WORDS: &str = "forgotten before ";

/// Signs the note that the entries before this one were forgotten.
pub(crate) fn sign(before: u64, key: &SigningKey) -> Result<String, NoteError> {
    Ok(Note::sign(&text(key.verifying_key().name(), before), key)?.to_string())
}

/// Opens the note. Returns the first entry that is kept. The error is `None` if the text is none of
/// ours.
pub(crate) fn open(note: &[u8], key: &VerifyingKey) -> Result<u64, Option<NoteError>> {
    let note = Note::parse(note)?;
    let signed = note.verify(key)?;
    let number = signed.lines().nth(1).and_then(|line| line.strip_prefix(WORDS)?.parse().ok());
    number.filter(|before| text(key.name(), *before) == signed).ok_or(None)
}

fn text(name: &Name, before: u64) -> String {
    format!("{name}\n{WORDS}{before}\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use eyesonly_log::Checkpoint;

    #[test]
    fn only_a_note_of_this_log_is_opened() {
        let name = |name| Name::new(name).unwrap();
        let key = SigningKey::from_seed(name("example.com/hall"), &[1; 32]).unwrap();
        let other = SigningKey::from_seed(name("example.com/hall"), &[2; 32]).unwrap();
        let note = sign(512, &key).unwrap();
        assert_eq!(open(note.as_bytes(), &key.verifying_key()), Ok(512));
        assert_eq!(open(note.as_bytes(), &other.verifying_key()), Err(Some(NoteError::Unsigned)));
        let edited = note.replace("512", "768");
        assert_eq!(open(edited.as_bytes(), &key.verifying_key()), Err(Some(NoteError::False)));
        // A checkpoint is no such note, and such a note is no checkpoint.
        assert!(Checkpoint::open(note.as_bytes(), &key.verifying_key()).is_err());
        let root = eyesonly_log::EMPTY_ROOT;
        let checkpoint = Checkpoint::new(name("example.com/hall"), 512, root).sign(&key).unwrap();
        assert_eq!(open(checkpoint.to_string().as_bytes(), &key.verifying_key()), Err(None));
    }
}
