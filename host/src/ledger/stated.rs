//! Where the ledger has stated all rights, so that it is done anew each month and not at each
//! start.
//!
//! The file is no evidence. Without it, or with a wrong one, rights are stated once more, or later.

use eyesonly_log::VerifyingKey;
use std::path::Path;

/// The UTC days after which all rights are stated again.
const DAYS: u32 = 30;

/// The newest statement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stated {
    /// The index of its first entry, or of one before it.
    pub begins: u64,
    /// The UTC day, counted from 1970.
    pub day: u32,
}

impl Stated {
    /// Says whether rights need not be stated today. `oldest` is the index of the first entry that
    /// the log has kept.
    pub fn is_fresh(&self, oldest: u64, today: u32) -> bool {
        let is_recent = today.checked_sub(self.day).is_some_and(|days| days < DAYS);
        is_recent && self.begins >= oldest
    }

    /// Writes the file, for the log with this key. It takes the place of the one before as a whole.
    ///
    /// # Errors
    /// The file can't be written. The one before is still there then.
    pub fn save(&self, file: &Path, key: &VerifyingKey) -> std::io::Result<()> {
        super::replace(file, format!("{key}\n{} {}\n", self.begins, self.day).as_bytes())
    }

    /// Reads the file. Returns `None` if there is none for this log.
    pub fn saved(file: &Path, key: &VerifyingKey) -> Option<Self> {
        let text = std::fs::read_to_string(file).ok()?;
        let (of, numbers) = text.split_once('\n')?;
        let (begins, day) = numbers.trim_end().split_once(' ')?;
        let stated = Self { begins: begins.parse().ok()?, day: day.parse().ok()? };
        (of == key.to_string()).then_some(stated)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failed expectation is how a test fails")]
mod tests {
    use super::*;
    use eyesonly_log::{Name, SigningKey};

    fn key(name: &str) -> VerifyingKey {
        SigningKey::from_seed(Name::new(name).unwrap(), &[7; 32]).unwrap().verifying_key()
    }

    #[test]
    fn a_statement_counts_for_a_month_and_while_it_is_kept() {
        let stated = Stated { begins: 5, day: 100 };
        let fresh = |oldest, today| stated.is_fresh(oldest, today);
        assert!(fresh(0, 100) && fresh(5, 129));
        assert!(!fresh(6, 100) && !fresh(0, 130));
        // The clock was ahead.
        assert!(!fresh(0, 99));
    }

    #[test]
    fn a_file_of_another_log_says_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("stated");
        let (mine, other) = (key("example.com/one"), key("example.com/two"));
        assert_eq!(Stated::saved(&file, &mine), None);
        let stated = Stated { begins: 5, day: 100 };
        stated.save(&file, &mine).unwrap();
        assert_eq!(Stated::saved(&file, &mine), Some(stated));
        assert_eq!(Stated::saved(&file, &other), None);
        std::fs::write(&file, format!("{mine}\n5\n")).unwrap();
        assert_eq!(Stated::saved(&file, &mine), None);
    }
}
