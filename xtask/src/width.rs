//! Checks that every line can be read on paper: no file has a line over 100 columns, and no table
//! in Markdown has a paragraph in a cell.
//!
//! It reads the files that git knows, and new ones that git doesn't ignore. It must never change a
//! file.

use std::fs;
use std::path::Path;

use anyhow::{Result, bail};

use crate::files::names;

/// The most columns of a line. A column is one character, whatever its bytes.
pub const COLUMNS_MAX: usize = 100;
/// The most characters of a cell of a table.
const CELL_CHARACTERS_MAX: usize = 80;
/// The characters of an address that may make its line too long. A shorter one can be wrapped.
const ADDRESS_CHARACTERS_MIN: usize = 60;
/// The endings of the files that are checked. Lock files, snapshots and what a compiler printed
/// (`.stderr`) have other endings.
const CHECKED: [&str; 7] = ["rs", "md", "py", "toml", "wit", "yaml", "sh"];
/// A file without an ending that is checked too.
const CI: &str = ".ci/run";
/// The folder of files that a machine wrote, or that are as an older version wrote them.
const FIXTURES: &str = "tests/fixtures/";
/// The starts of the names of files whose tables may have long cells: reports and notes of changes.
const REPORTS: [&str; 2] = ["docs/storm", "CHANGELOG"];
/// The way to mend each fault.
const MEND: &str = "\
    wrap comments and prose, and break a string with `\\` at the line's end; \
    move a long cell below its table, or shorten it";

/// Checks every file.
///
/// Errors: git does not run, or one error that lists every fault.
pub fn check(root: &Path) -> Result<()> {
    let (mut faults, mut count) = (Vec::new(), 0_usize);
    for name in names(root)? {
        if !is_checked(&name) {
            continue;
        }
        // A file that is gone is being moved or deleted.
        let Ok(text) = fs::read_to_string(root.join(&name)) else {
            continue;
        };
        count = count.saturating_add(1);
        faults.extend(faults_of(&name, &text).into_iter().map(|fault| format!("{name}:{fault}")));
    }
    if !faults.is_empty() {
        bail!("{} lines are too wide:\n  {}\n  to mend: {MEND}", faults.len(), faults.join("\n  "));
    }
    eprintln!("   {count} files");
    Ok(())
}

fn is_checked(name: &str) -> bool {
    let ending = Path::new(name).extension().and_then(|ending| ending.to_str());
    name == CI
        || (ending.is_some_and(|ending| CHECKED.contains(&ending)) && !name.starts_with(FIXTURES))
}

/// Returns a file's faults. Each starts with the number of its line.
fn faults_of(name: &str, text: &str) -> Vec<String> {
    let is_markdown = name.ends_with(".md");
    let may_have_long_cells = REPORTS.iter().any(|start| name.starts_with(start));
    let (mut faults, mut is_code) = (Vec::new(), false);
    for (number, line) in (1_usize..).zip(text.lines()) {
        if is_markdown && line.trim_start().starts_with("```") {
            is_code = !is_code;
        }
        if is_markdown && !is_code && line.starts_with('|') {
            let longest = cells(line).map(|cell| cell.chars().count()).max().unwrap_or_default();
            if longest > CELL_CHARACTERS_MAX && !may_have_long_cells {
                faults.push(format!("{number}: a cell of {longest} characters"));
            }
            continue;
        }
        let columns = line.chars().count();
        if columns > COLUMNS_MAX && !(is_markdown && is_only_an_address(line)) {
            faults.push(format!("{number}: {columns} columns"));
        }
    }
    faults
}

/// Splits a row of a table at its pipes, except escaped ones (`\|`).
fn cells(row: &str) -> impl Iterator<Item = &str> {
    let mut is_escaped = false;
    row.split(move |character: char| {
        let is_pipe = character == '|' && !is_escaped;
        is_escaped = character == '\\' && !is_escaped;
        is_pipe
    })
    .map(str::trim)
}

/// Says whether a line is short but for one long address, which can't be wrapped.
fn is_only_an_address(line: &str) -> bool {
    let is_address = |word: &&str| {
        word.chars().count() > ADDRESS_CHARACTERS_MIN
            && (word.contains("://") || word.contains("]("))
    };
    line.split_whitespace()
        .filter(is_address)
        .any(|word| line.chars().count().saturating_sub(word.chars().count()) <= COLUMNS_MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(name: &str, text: &str, expected: &[&str]) {
        assert_eq!(faults_of(name, text), expected, "{name}");
    }

    #[test]
    fn a_column_is_a_character() {
        check("a.rs", &"x".repeat(COLUMNS_MAX), &[]);
        check("a.rs", &format!("fn f() {{}}\n{}\n", "ü".repeat(101)), &["2: 101 columns"]);
        check("a.py", &"→".repeat(COLUMNS_MAX), &[]);
        check(CI, &"#".repeat(120), &["1: 120 columns"]);
    }

    #[test]
    fn only_text_that_people_write_is_checked() {
        for name in ["a.rs", "docs/a.md", "deploy/a.yaml", "wit/a.wit", CI] {
            assert!(is_checked(name), "{name}");
        }
        for name in
            ["Cargo.lock", "a.snap", "a.stderr", "a.json", "tests/fixtures/a.toml", "a", "a.rs.txt"]
        {
            assert!(!is_checked(name), "{name}");
        }
    }

    #[test]
    fn an_address_may_be_long() {
        let address = format!("https://example.org/{}", "x".repeat(90));
        check("a.md", &address, &[]);
        check("a.md", &format!("- [a name]({address}),"), &[]);
        check("a.md", &format!("[name](../{}.md#part)", "x".repeat(90)), &[]);
        check("a.rs", &format!("// {address}"), &["1: 113 columns"]);
        // A word is no address, and beside an address the line must be short.
        check("a.md", &"x".repeat(101), &["1: 101 columns"]);
        check("a.md", &format!("{}{address}", "word ".repeat(21)), &["1: 215 columns"]);
    }

    #[test]
    fn a_table_may_be_wide_and_its_cells_may_not() {
        let wide = format!("|{}", format!(" {} |", "x".repeat(80)).repeat(3));
        check("a.md", &wide, &[]);
        let long = format!("| {} | y |", "x".repeat(81));
        check("a.md", &format!("\n{long}"), &["2: a cell of 81 characters"]);
        check("docs/storm-2026.md", &long, &[]);
        check("CHANGELOG.md", &long, &[]);
        // An escaped pipe is text, and a row in a block of code is a line.
        let pipe = format!("| {}\\|{} |", "x".repeat(40), "x".repeat(40));
        check("a.md", &pipe, &["1: a cell of 82 characters"]);
        check("a.md", &format!("```\n{wide}\n```"), &["2: 250 columns"]);
        check("a.rs", &wide, &["1: 250 columns"]);
    }
}
