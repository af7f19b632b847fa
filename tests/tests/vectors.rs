//! The sealed format against an independent implementation, both ways: what this project seals, a script with PyPI's
//! `cryptography` opens; what the script seals, this project opens. The script computes keys, contexts and names from
//! SPEC.md alone.

use std::path::{Path, PathBuf};
use std::process::Command;

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");

/// Runs a command to its end; its output is the message if it fails.
#[track_caller]
fn run(command: &mut Command) {
    let output = command
        .output()
        .unwrap_or_else(|error| panic!("{command:?} does not start: {error}"));
    assert!(
        output.status.success(),
        "{command:?} failed ({}):\n{}{}",
        output.status,
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr),
    );
}

/// Where this build's files are: the folder `target`, found from this test's own place (target/debug/deps).
fn target() -> PathBuf {
    let test = std::env::current_exe().expect("the path of this test");
    test.ancestors()
        .nth(3)
        .expect("a folder above debug/deps")
        .to_path_buf()
}

/// A Python with what requirements.txt says. It is made once and kept: pip does nothing when all is there.
fn python() -> PathBuf {
    let found = Command::new("python3").arg("--version").output();
    assert!(
        found.is_ok_and(|output| output.status.success()),
        "this test needs python3 with venv: apt-get install python3 python3-venv, or your system's like",
    );
    let venv = target().join("vectors-venv");
    let python = venv.join("bin/python");
    if !venv.join("pyvenv.cfg").exists() || !python.exists() {
        run(Command::new("python3").args(["-m", "venv", "--clear"]).arg(&venv));
    }
    let requirements = Path::new(ROOT).join("tests/vectors/requirements.txt");
    run(Command::new(&python)
        .args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-r"])
        .arg(requirements));
    python
}

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
    let python = python();
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (theirs, mine) = (folder.path().join("theirs"), folder.path().join("ours"));
    script(
        &python,
        "known",
        &Path::new(ROOT).join("tests/vectors/known-answers.json"),
    );
    ours("write", &mine);
    script(&python, "check", &mine);
    script(&python, "write", &theirs);
    ours("check", &theirs);
}
