//! A Python with the packages from PyPI that a suite's script needs. It is made once below
//! `target`, and kept.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::built::ROOT;

/// Runs a command to its end.
///
/// # Panics
/// If the command does not start or fails; the message is what it printed.
#[track_caller]
pub fn run(command: &mut Command) {
    try_run(command).unwrap_or_else(|error| panic!("{error}"));
}

fn try_run(command: &mut Command) -> Result<(), String> {
    let output =
        command.output().map_err(|error| format!("{command:?} does not start: {error}"))?;
    if output.status.success() {
        return Ok(());
    }
    Err(format!(
        "{command:?} failed ({}):\n{}{}",
        output.status,
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr),
    ))
}

/// Returns this build's folder `target`, found from the test's own path (target/debug/deps).
///
/// # Panics
/// If the test's path is another one.
pub fn target() -> PathBuf {
    let test = std::env::current_exe().expect("the path of this test");
    test.ancestors().nth(3).expect("a folder above debug/deps").to_path_buf()
}

/// Returns a Python with the packages of `tests/{suite}/requirements.txt`. pip does nothing if all
/// are installed.
///
/// # Panics
/// If python3 or its venv is missing, or a package can't be installed.
#[track_caller]
pub fn python(suite: &str) -> PathBuf {
    try_python(suite).unwrap_or_else(|error| panic!("{error}"))
}

/// Returns a Python like [`python`].
///
/// # Errors
/// python3 or its venv is missing, or a package can't be installed: there may be no network.
pub fn try_python(suite: &str) -> Result<PathBuf, String> {
    let found = Command::new("python3").arg("--version").output();
    if !found.is_ok_and(|output| output.status.success()) {
        let needs = "this test needs python3 with venv: apt-get install python3 python3-venv, or \
                     your system's like";
        return Err(needs.into());
    }
    // Tests of one suite are processes of their own and start together: one makes the venv, the
    // others wait.
    let lock =
        File::create(target().join(format!("{suite}-venv.lock"))).expect("a file beside the venv");
    lock.lock().expect("a lock beside the venv");
    let venv = target().join(format!("{suite}-venv"));
    let python = venv.join("bin/python");
    if !venv.join("pyvenv.cfg").exists() || !python.exists() {
        try_run(Command::new("python3").args(["-m", "venv", "--clear"]).arg(&venv))?;
    }
    let requirements = Path::new(ROOT).join("tests").join(suite).join("requirements.txt");
    try_run(
        Command::new(&python)
            .args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-r"])
            .arg(requirements),
    )?;
    Ok(python)
}
