//! Looks for plaintext where only sealed bytes may be: in every file below a folder, as raw bytes.

use std::fs;
use std::path::{Path, PathBuf};

/// Bytes that must not be found.
#[derive(Debug, Clone)]
pub struct Canary {
    /// The canary's name in messages.
    pub name: String,
    /// Its bytes.
    pub bytes: Vec<u8>,
}

impl Canary {
    /// Makes a canary of at least eight bytes, so that it is not found by chance.
    ///
    /// # Panics
    /// If the bytes are fewer.
    pub fn new(name: &str, bytes: impl AsRef<[u8]>) -> Self {
        let bytes = bytes.as_ref().to_vec();
        assert!(bytes.len() >= 8, "{name} is too short to mean anything");
        Self { name: name.into(), bytes }
    }

    /// Says whether the canary is in `haystack`.
    pub fn is_in(&self, haystack: &[u8]) -> bool {
        let Some((first, rest)) = self.bytes.split_first() else {
            return false;
        };
        let mut from = 0;
        while let Some(found) = haystack[from..].iter().position(|byte| byte == first) {
            let after = from + found + 1;
            if haystack[after..].starts_with(rest) {
                return true;
            }
            from = after;
        }
        false
    }
}

/// Returns every file below a folder.
pub fn files_below(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() { found.extend(files_below(&path)) } else { found.push(path) }
    }
    found
}

/// Returns how many files were read, and every canary that was found, with its file.
pub fn scan(folder: &Path, canaries: &[Canary]) -> (usize, Vec<String>) {
    let mut found = Vec::new();
    let files = files_below(folder);
    for path in &files {
        let bytes = fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let name = path.to_string_lossy();
        for canary in canaries {
            if canary.is_in(&bytes) || canary.is_in(name.as_bytes()) {
                found.push(format!("{} in {}", canary.name, path.display()));
            }
        }
    }
    (files.len(), found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_planted_canary_is_found_wherever_it_is() {
        let folder = tempfile::tempdir().unwrap();
        let below = folder.path().join("a/b");
        fs::create_dir_all(&below).unwrap();
        let canary = Canary::new("the canary", b"\xFFcanary\x00\xFF");
        let check = |content: &[u8], expected: usize| {
            fs::write(below.join("file"), content).unwrap();
            let (files, found) = scan(folder.path(), std::slice::from_ref(&canary));
            assert_eq!((files, found.len()), (1, expected), "{content:?}");
        };
        check(b"", 0);
        check(b"\xFFcanary\x00", 0);
        check(b"\xFFcanary\x00\xFF", 1);
        check(b"\xFF\xFFcanary\x00\xFF\x00", 1);
        check(&[vec![0xFF; 100_000], canary.bytes.clone()].concat(), 1);
    }
}
