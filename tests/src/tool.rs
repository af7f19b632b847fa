//! The programs that some tests need. If a program is missing, its test prints that and ends on a
//! person's machine, and fails in CI.

use std::process::Command;

/// For each program: its name, a command that succeeds if it is installed, and Debian's package.
const TOOLS: [(&str, &[&str], &str); 9] = [
    ("curl", &["curl", "--version"], "curl"),
    ("ffmpeg", &["ffmpeg", "-version"], "ffmpeg"),
    ("chromium", &["chromium", "--version"], "chromium chromium-driver"),
    ("djpeg", &["djpeg", "-version"], "libjpeg-turbo-progs"),
    ("nginx", &["nginx", "-v"], "nginx-light"),
    ("haproxy", &["haproxy", "-v"], "haproxy"),
    ("varnishd", &["varnishd", "-V"], "varnish"),
    ("strace", &["strace", "-V"], "strace"),
    ("systemd-analyze", &["systemd-analyze", "--version"], "systemd"),
];

/// Says whether `name` is installed. If it is not, the reason has been printed, and the test must
/// return.
///
/// # Panics
/// In CI (the variable `CI` is set) if the program is missing, and anywhere if `name` is not in the
/// list above.
#[track_caller]
pub fn tool(name: &str) -> bool {
    let found = TOOLS.iter().find(|tool| tool.0 == name);
    let (_, probe, package) = found.unwrap_or_else(|| panic!("{name} is not in the list of tools"));
    let mut command = Command::new(probe[0]);
    if command.args(&probe[1..]).output().is_ok_and(|output| output.status.success()) {
        return true;
    }
    skipped(&format!("{name}: apt-get install {package}"));
    false
}

/// Prints that a test can't run here, and what it needs. The test must return then.
///
/// # Panics
/// In CI: nothing may be skipped there.
#[track_caller]
pub fn skipped(needs: &str) {
    assert!(
        std::env::var_os("CI").is_none_or(|ci| ci.is_empty()),
        "CI skips nothing, and this test needs {needs}"
    );
    eprintln!("SKIPPED: needs {needs}");
}
