//! The sealed format against an independent implementation, both ways. A script with PyPI's
//! `cryptography` opens what this project seals, and this project opens what the script seals. The
//! script computes keys, contexts and names from SPEC.md alone.

use std::path::Path;
use std::process::Command;

use eyesonly_tests::built::ROOT;
use eyesonly_tests::python::{python, run, target};

fn script(python: &Path, command: &str, path: &Path) {
    run(Command::new(python)
        .arg(Path::new(ROOT).join("tests/vectors/vectors.py"))
        .arg(command)
        .arg(path));
}

fn ours(command: &str, directory: &Path) {
    run(Command::new(env!("CARGO"))
        .args([
            "run",
            "--quiet",
            "--package",
            "eyesonly-seal",
            "--example",
            "vectors",
            "--",
            command,
        ])
        .arg(directory)
        .env("CARGO_TARGET_DIR", target())
        .current_dir(ROOT));
}

#[test]
fn an_independent_implementation_agrees_both_ways() {
    let python = python("vectors");
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (theirs, mine) = (folder.path().join("theirs"), folder.path().join("ours"));
    script(&python, "known", &Path::new(ROOT).join("tests/vectors/known-answers.json"));
    ours("write", &mine);
    script(&python, "check", &mine);
    script(&python, "write", &theirs);
    ours("check", &theirs);
}
