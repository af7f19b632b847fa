//! The claim: what must hold of the folder `trusted/`, so that a person can read it in an evening
//! and believe it.
//!
//! It counts lines of code as they stand at 100 columns: no blanks, no comments, no tests. It must
//! never change a file.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use crate::width::COLUMNS_MAX;

/// The most lines of code in the claim.
const LINES_MAX: usize = 3650;
/// The words that a reader of the claim must never meet: of a switch, or of what attacks the claim.
const WORDS: [&str; 4] = ["storm", "defence", "is_on", "cfg(feature"];
/// The conditions that `cfg` may name in the claim.
const CONDITIONS: [&str; 2] = ["test", "target_arch"];

/// Checks every source file of the claim.
///
/// Errors: the claim has a fault. The one error lists every fault, with its file.
pub fn check(root: &Path) -> Result<()> {
    let folder = root.join("trusted");
    let (mut lines, mut faults) = (0_usize, Vec::new());
    for part in folders(&folder)? {
        let sources = part.join("src");
        let manifest = fs::read_to_string(part.join("Cargo.toml"))
            .with_context(|| part.display().to_string())?;
        if manifest.contains("[features]") {
            faults.push(format!("{}: has features; the claim has none", part.display()));
        }
        let entry = sources.join("lib.rs");
        let text = fs::read_to_string(&entry).with_context(|| entry.display().to_string())?;
        if !text.contains("#![forbid(unsafe_code)]") {
            faults.push(format!("{}: does not forbid unsafe code", entry.display()));
        }
        let mut files = Vec::new();
        gather(&sources, &mut files)?;
        let tests = tests_of(&files)?;
        for file in &files {
            let text = fs::read_to_string(file).with_context(|| file.display().to_string())?;
            faults.extend(
                faults_of(&text).into_iter().map(|fault| format!("{}{fault}", file.display())),
            );
            if !tests.contains(file) {
                lines = lines.saturating_add(lines_of_code(&text));
            }
        }
    }
    if lines > LINES_MAX {
        faults.push(format!("trusted/ has {lines} lines of code, and may have {LINES_MAX}"));
    }
    if !faults.is_empty() {
        bail!("the claim:\n  {}", faults.join("\n  "));
    }
    eprintln!("   {lines} lines of code in trusted/, of {LINES_MAX}");
    Ok(())
}

fn folders(at: &Path) -> Result<Vec<PathBuf>> {
    let entries = fs::read_dir(at).with_context(|| at.display().to_string())?;
    let mut folders = Vec::new();
    for entry in entries {
        let path = entry?.path();
        if path.is_dir() {
            folders.push(path);
        }
    }
    folders.sort();
    Ok(folders)
}

fn gather(at: &Path, files: &mut Vec<PathBuf>) -> Result<()> {
    let entries = fs::read_dir(at).with_context(|| at.display().to_string())?;
    for entry in entries {
        let path = entry?.path();
        if path.is_dir() {
            gather(&path, files)?;
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
    Ok(())
}

/// Returns the files that only tests have: those that a file names under `#[cfg(test)]`.
fn tests_of(files: &[PathBuf]) -> Result<BTreeSet<PathBuf>> {
    let mut tests = BTreeSet::new();
    for file in files {
        let text = fs::read_to_string(file)?;
        let mut lines = text.lines();
        while let Some(line) = lines.next() {
            if line.trim() == "#[cfg(test)]"
                && let Some(name) = lines
                    .next()
                    .and_then(|next| next.trim().strip_prefix("mod ")?.strip_suffix(';'))
            {
                tests.insert(file.with_extension("").join(format!("{name}.rs")));
                tests.insert(file.with_file_name(format!("{name}.rs")));
            }
        }
    }
    Ok(tests)
}

/// Counts lines of code: neither blank, nor a comment, nor in a module of tests. Such a module ends
/// at a line that is only its brace.
fn lines_of_code(text: &str) -> usize {
    let (mut count, mut lines) = (0_usize, text.lines().peekable());
    while let Some(line) = lines.next() {
        let trimmed = line.trim();
        if trimmed == "#[cfg(test)]" {
            // A module in a file of its own takes one more line. A module in this file goes on to
            // its brace.
            if lines.next().is_some_and(|next| next.trim_end().ends_with('{')) {
                lines.by_ref().find(|line| *line == "}");
            }
        } else if !trimmed.is_empty() && !trimmed.starts_with("//") {
            count = count.saturating_add(1);
        }
    }
    count
}

fn faults_of(text: &str) -> Vec<String> {
    let mut faults = Vec::new();
    for (number, line) in (1_usize..).zip(text.lines()) {
        let lower = line.to_lowercase();
        for word in WORDS.iter().filter(|word| lower.contains(*word)) {
            faults.push(format!(":{number}: says {word:?}"));
        }
        if line.chars().count() > COLUMNS_MAX {
            faults.push(format!(":{number}: is longer than {COLUMNS_MAX} columns"));
        }
        if let Some((_, condition)) = line.split_once("cfg(").or_else(|| line.split_once("cfg!("))
            && condition
                .split(|c: char| !(c.is_alphanumeric() || c == '_'))
                .filter(|word| !["", "not", "any", "all", "wasm32"].contains(word))
                .take_while(|word| *word != "mod")
                .any(|word| !CONDITIONS.contains(&word))
        {
            faults.push(format!(
                ":{number}: asks the compiler for something else than {CONDITIONS:?}"
            ));
        }
    }
    faults
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn code_is_counted_and_nothing_else() {
        let text = "//! A header.\n\nuse a::b;\n\n/// A word.\n\
            fn c() {\n    // Why.\n    d();\n}\n\n\
            #[cfg(test)]\nmod tests {\n    fn e() {\n    }\n}\n\
            fn f() {}\n#[cfg(test)]\nmod more;\n";
        assert_eq!(lines_of_code(text), 5);
    }

    #[test]
    fn switches_and_words_are_found() {
        let check =
            |line: &str, expected: usize| assert_eq!(faults_of(line).len(), expected, "{line}");
        check("fn a() {}", 0);
        check("#[cfg(test)]", 0);
        check("#[cfg(any(test, target_arch = \"wasm32\"))]", 0);
        check("#[cfg(not(target_arch = \"wasm32\"))]", 0);
        check("#[cfg(debug_assertions)]", 1);
        check(concat!("#[cfg(feat", "ure = \"x\")]"), 2);
        check("if cfg!(debug_assertions) {", 1);
        check(concat!("// a Sto", "rm"), 1);
        check(&"x".repeat(101), 1);
    }
}
