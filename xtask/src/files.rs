//! Checks what every file of the repository must have: a header, a bearable length, documented
//! contracts, no unfinished work.
//!
//! It reads the files that git knows, and new ones that git doesn't ignore. It must never change a
//! file.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, bail};

/// The most lines of a file without a reason.
const LINES_MAX: usize = 500;
const LONG: &str = "//! Long:";
// The words are in halves, so that this file does not accuse itself.
const UNFINISHED: [&str; 3] =
    [concat!("to", "do!("), concat!("FIX", "ME"), concat!("unimple", "mented!(")];
/// The endings of files in which unfinished work is looked for.
const CODE: [&str; 8] = ["rs", "wit", "toml", "js", "css", "html", "py", "sh"];
/// The words that start an item in a .wit file.
const WIT_ITEMS: [&str; 7] =
    ["interface", "world", "record", "variant", "enum", "flags", "resource"];

/// Checks every file.
///
/// Errors: git does not run, or one error that lists every fault.
pub fn check(root: &Path) -> Result<()> {
    let mut faults = Vec::new();
    let mut count = 0_usize;
    for name in names(root)? {
        // A file that is gone is being moved or deleted. A picture is not text.
        let Ok(text) = fs::read_to_string(root.join(&name)) else {
            continue;
        };
        count += 1;
        faults.extend(faults_of(&name, &text).into_iter().map(|fault| format!("{name}{fault}")));
    }
    if count == 0 {
        bail!("git names no files: is this a clone?");
    }
    if !faults.is_empty() {
        bail!("{} faults in files:\n  {}", faults.len(), faults.join("\n  "));
    }
    eprintln!("   {count} files");
    Ok(())
}

/// Lists the files that git knows, and new ones that git doesn't ignore.
///
/// Errors: git does not run.
pub fn names(root: &Path) -> Result<Vec<String>> {
    let output = Command::new("git")
        .args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"])
        .current_dir(root)
        .output()
        .context("git does not run")?;
    if !output.status.success() {
        bail!("`git ls-files` failed: {}", String::from_utf8_lossy(&output.stderr).trim());
    }
    let list = String::from_utf8(output.stdout).context("a file name is not UTF-8")?;
    Ok(list.split('\0').filter(|name| !name.is_empty()).map(str::to_owned).collect())
}

/// Returns a file's faults. Each starts with `:line: ` or `: `, ready to follow the file's name.
fn faults_of(name: &str, text: &str) -> Vec<String> {
    let Some(extension) = Path::new(name).extension().and_then(|extension| extension.to_str())
    else {
        return Vec::new();
    };
    let mut faults = Vec::new();
    if CODE.contains(&extension) {
        for (line, content) in numbered(text) {
            if let Some(word) = UNFINISHED.iter().find(|word| content.contains(**word)) {
                faults.push(format!(
                    ":{line}: unfinished work ({word}): finish it, or say what is \
                     missing in plain words"
                ));
            }
        }
    }
    match extension {
        "rs" => faults.extend(rust_faults(text)),
        "wit" => faults.extend(wit_faults(text)),
        _ => {}
    }
    faults
}

fn rust_faults(text: &str) -> Vec<String> {
    let mut faults = Vec::new();
    if !text.starts_with("//! ") {
        faults.push(
            ":1: must open with `//! `: what this room is for and what it must never do".to_owned(),
        );
    }
    let lines = text.lines().count();
    let has_reason = text
        .lines()
        .any(|line| line.strip_prefix(LONG).is_some_and(|reason| !reason.trim().is_empty()));
    if lines > LINES_MAX && !has_reason {
        faults.push(format!(
            ": {lines} lines, at most {LINES_MAX}: split it, or give the reason in a line \
             `{LONG} …`"
        ));
    }
    faults
}

fn wit_faults(text: &str) -> Vec<String> {
    let mut faults = Vec::new();
    let mut documented = false;
    for (line, content) in numbered(text) {
        let content = content.trim();
        if is_wit_item(content) && !documented {
            faults.push(format!(
                ":{line}: `{content}` has no `///` above it: say what it is, its units, \
                 limits and errors"
            ));
        }
        // An attribute such as @since may stand between the words and the item.
        documented = content.starts_with("///") || (documented && content.starts_with('@'));
    }
    faults
}

fn is_wit_item(line: &str) -> bool {
    let word = line.split_whitespace().next().unwrap_or_default();
    let is_function = line.contains(": func(")
        || line.contains(": static func(")
        || line.contains(": async func(");
    WIT_ITEMS.contains(&word) || (is_function && !line.starts_with("//"))
}

fn numbered(text: &str) -> impl Iterator<Item = (usize, &str)> {
    text.lines().enumerate().map(|(index, line)| (index + 1, line))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(name: &str, text: &str, expected: &[&str]) {
        let faults = faults_of(name, text);
        assert_eq!(faults.len(), expected.len(), "{faults:?}");
        for (fault, start) in faults.iter().zip(expected) {
            assert!(fault.contains(start), "{fault:?} does not name {start:?}");
        }
    }

    #[test]
    fn rust_opens_with_its_header() {
        check("a.rs", "//! A room.\nfn f() {}\n", &[]);
        check("a.rs", "fn f() {}\n//! late\n", &[":1:"]);
        check("a.rs", "", &[":1:"]);
    }

    #[test]
    fn a_long_file_needs_a_reason() {
        let long = format!("//! A room.\n{}", "//\n".repeat(LINES_MAX));
        check("a.rs", &long, &["501 lines"]);
        check("a.rs", &format!("//! A room.\n{LONG}\n{long}"), &["lines"]);
        check("a.rs", &format!("//! A room.\n{LONG} one table.\n{long}"), &[]);
        check("a.rs", &long.replacen("//\n", "", 1), &[]);
    }

    #[test]
    fn unfinished_work_is_found_with_its_line() {
        check(
            "a.rs",
            &format!("//! A room.\nfn f() {{ {}) }}\n", UNFINISHED[0]),
            &[":2: unfinished"],
        );
        check("a.js", &format!("// {} later\n", UNFINISHED[1]), &[":1: unfinished"]);
        check("a.png", UNFINISHED[1], &[]);
    }

    #[test]
    fn every_wit_item_is_documented() {
        check(
            "a.wit",
            "package a:b;\n\n/// Words.\ninterface i {\n  /// Words.\n  f: func();\n}\n",
            &[],
        );
        check("a.wit", "package a:b;\n\ninterface i {\n  f: func();\n}\n", &[":3:", ":4:"]);
        check("a.wit", "/// Words.\n\nworld w {}\n", &[":3:"]);
        check("a.wit", "/// Words.\n@since(version = 0.1.0)\nworld w {}\n", &[]);
    }
}
