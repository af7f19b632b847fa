//! docs/writing-a-component.md shows this crate as it is. Every block of code in it is, word for
//! word, in a file of the crate.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a failed expectation is how a test fails")]

const DOCUMENT: &str = include_str!("../../../../docs/writing-a-component.md");
const FILES: [(&str, &str); 7] = [
    ("Cargo.toml", include_str!("../Cargo.toml")),
    ("src/lib.rs", include_str!("../src/lib.rs")),
    ("src/mask.rs", include_str!("../src/mask.rs")),
    ("src/answer.rs", include_str!("../src/answer.rs")),
    ("src/component.rs", include_str!("../src/component.rs")),
    ("tests/answers.rs", include_str!("../tests/answers.rs")),
    ("tests/component.rs", include_str!("../tests/component.rs")),
];

/// Returns the blocks of code: the lines between two fences, of which the first names a language.
/// What names none is for a shell.
fn blocks() -> Vec<String> {
    let mut blocks = Vec::new();
    let mut open: Option<(bool, String)> = None;
    for line in DOCUMENT.lines() {
        // No line of the crate starts with a fence. Such a line would end its block early, and the
        // test would fail.
        if line.trim_start().starts_with("```") {
            match open.take() {
                Some((is_code, block)) => blocks.extend(is_code.then_some(block)),
                None => open = Some((line.trim() != "```", String::new())),
            }
        } else if let Some((_, block)) = &mut open {
            block.push_str(line);
            block.push('\n');
        }
    }
    assert!(open.is_none(), "a block of code is not closed");
    blocks
}

/// Says whether the lines of `block` are consecutive whole lines of `text`.
fn has_lines(text: &str, block: &str) -> bool {
    text.starts_with(block) || text.contains(&format!("\n{block}"))
}

#[test]
fn every_block_of_code_is_in_the_crate() {
    let blocks = blocks();
    for block in &blocks {
        assert!(
            !block.trim().is_empty() && FILES.iter().any(|(_, text)| has_lines(text, block)),
            "this block of docs/writing-a-component.md is in no file of the crate:\n{block}"
        );
    }
    for (name, text) in FILES {
        assert!(
            blocks.iter().any(|block| has_lines(text, block)),
            "docs/writing-a-component.md shows nothing of {name}"
        );
    }
}

/// The handler itself is shown whole, so that a copy of the document's blocks is the crate.
#[test]
fn the_whole_handler_is_shown() {
    let blocks = blocks();
    for (name, text) in FILES.iter().filter(|(name, _)| !name.starts_with("tests/")) {
        assert!(
            blocks.iter().any(|block| block == text),
            "docs/writing-a-component.md does not show all of {name}"
        );
    }
}
