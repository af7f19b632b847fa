//! The programs that some tests need. On a person's machine a test whose tool is missing says so and ends; in CI it fails.

use std::process::Command;

/// Name, a command that succeeds where it is installed, and Debian's package.
const TOOLS: [(&str, &[&str], &str); 6] = [
    ("ffmpeg", &["ffmpeg", "-version"], "ffmpeg"),
    ("chromium", &["chromium", "--version"], "chromium chromium-driver"),
    ("nginx", &["nginx", "-v"], "nginx-light"),
    ("varnishd", &["varnishd", "-V"], "varnish"),
    ("strace", &["strace", "-V"], "strace"),
    ("systemd-analyze", &["systemd-analyze", "--version"], "systemd"),
];

/// Whether `name` is here. If not, the test that asks must return: it has been said why.
///
/// # Panics
/// In CI (the variable `CI` is set) when it is missing, and anywhere when `name` is not in the list above.
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

/// Says that a test can't run here, and what it needs. It must return then.
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
