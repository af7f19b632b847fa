//! The programs that some tests need, and how to get them.
//!
//! It installs only when it was told to (CI=true or --install), and only as root on a system with
//! apt-get. It must never install packages other than those named here or by its caller.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};
use eyesonly_harness::installation::TlsFiles;

use crate::workspace::{Workspace, execute, is_ci, output_of, step};

/// A program that a test starts.
#[derive(Debug, PartialEq, Eq)]
pub struct Tool {
    /// Its name in EYESONLY_TOOLS_MISSING, by which tests know it.
    pub name: &'static str,
    /// The package of Debian that has it.
    pub package: &'static str,
    /// The suites that need it, for a person to read.
    pub needed_by: &'static str,
    probe: &'static [&'static str],
}

/// Every tool, in the order in which a person sees them.
pub const TOOLS: [Tool; 11] = [
    Tool {
        name: "python3",
        package: "python3-venv",
        needed_by: "vectors, deploy, reports",
        // Debian's python3 alone has venv but can't put pip into one.
        probe: &["python3", "-c", "import venv, ensurepip"],
    },
    Tool { name: "curl", package: "curl", needed_by: "e2e", probe: &["curl", "--version"] },
    Tool { name: "ffmpeg", package: "ffmpeg", needed_by: "e2e", probe: &["ffmpeg", "-version"] },
    Tool {
        name: "djpeg",
        package: "libjpeg-turbo-progs",
        needed_by: "reports",
        probe: &["djpeg", "-version"],
    },
    Tool {
        name: "chromium",
        package: "chromium",
        needed_by: "browser",
        probe: &["chromium", "--version"],
    },
    Tool {
        name: "chromedriver",
        package: "chromium-driver",
        needed_by: "browser",
        probe: &["chromedriver", "--version"],
    },
    Tool {
        name: "nginx",
        package: "nginx-light",
        needed_by: "reports, storm",
        probe: &["nginx", "-v"],
    },
    Tool { name: "haproxy", package: "haproxy", needed_by: "reports", probe: &["haproxy", "-v"] },
    Tool { name: "varnishd", package: "varnish", needed_by: "storm", probe: &["varnishd", "-V"] },
    Tool { name: "strace", package: "strace", needed_by: "syscalls", probe: &["strace", "-V"] },
    Tool {
        name: "systemd-analyze",
        package: "systemd",
        needed_by: "deploy",
        probe: &["systemd-analyze", "--version"],
    },
];

impl Tool {
    fn is_here(&self) -> bool {
        self.probe
            .split_first()
            .is_some_and(|(program, arguments)| output_of(program, arguments).is_some())
    }
}

/// Lists the tools that are not on this machine.
pub fn missing() -> Vec<&'static Tool> {
    TOOLS.iter().filter(|tool| !tool.is_here()).collect()
}

/// Installs these tools.
///
/// Errors: not root, no apt-get, or a tool is missing even after the installation.
pub fn install(tools: &[&Tool]) -> Result<()> {
    let packages: Vec<&str> = tools.iter().map(|tool| tool.package).collect();
    apt_install(&packages)?;
    let still: Vec<&str> =
        tools.iter().filter(|tool| !tool.is_here()).map(|tool| tool.name).collect();
    if !still.is_empty() {
        bail!("installed {}, but these still don't run: {}", packages.join(" "), still.join(", "));
    }
    Ok(())
}

/// Says how a person gets these tools.
pub fn how_to_get(tools: &[&Tool]) -> String {
    let packages: Vec<&str> = tools.iter().map(|tool| tool.package).collect();
    format!("{}   (as root; or `cargo xtask test --install`)", install_line(&packages))
}

/// Returns a program that cargo installs: the one on PATH if it has this version, or ours in
/// target/tools, which is built when it is missing.
///
/// Errors: it can't be built.
pub fn cargo_tool(workspace: &Workspace, name: &str, version: &str) -> Result<PathBuf> {
    let wanted = format!("{name} {version}");
    let tools = workspace.target.join("tools");
    let ours = tools.join("bin").join(name);
    let probe = [name.trim_start_matches("cargo-"), "--version"];
    for program in [Path::new(name), &ours] {
        if output_of(program, &probe).is_some_and(|version| version == wanted) {
            return Ok(program.to_owned());
        }
    }
    step(&format!("building {wanted} into {} (once; some minutes)", tools.display()));
    let mut cargo = workspace.cargo();
    // Without optimisation it builds in a fifth of the time, and reads this workspace in seconds
    // all the same.
    cargo
        .args(["install", "--locked", "--debug", "--quiet", name, "--version", version, "--root"])
        .arg(&tools)
        .arg("--target-dir")
        .arg(tools.join("build"))
        .env("CARGO_PROFILE_DEV_DEBUG", "0");
    let mend = format!("cargo install --locked {name} --version {version}   (needs crates.io)");
    execute(&mut cargo, &mend)?;
    // Nobody reads this half gigabyte again. If it stays, it only takes room on the disk.
    let _ = std::fs::remove_dir_all(tools.join("build"));
    Ok(ours)
}

/// Checks that a program of a Debian package is here. In CI it is installed.
///
/// Errors: it is missing, or can't be installed. The message says for what (`why`) it is needed.
pub fn need(program: &str, package: &str, why: &str) -> Result<()> {
    if output_of(program, &["--version"]).is_some() {
        return Ok(());
    }
    if is_ci() {
        return apt_install(&[package]);
    }
    bail!("{program} is not here: {why}\n  to mend: {}   (as root)", install_line(&[package]))
}

/// Runs `apt-get update`, then `apt-get install`.
///
/// Errors: not root, no apt-get, or apt-get fails.
pub fn apt_install(packages: &[&str]) -> Result<()> {
    let by_hand = format!("apt-get update && {}", install_line(packages));
    if !rustix::process::geteuid().is_root() || !Path::new("/usr/bin/apt-get").exists() {
        bail!("can't install here (it needs root and apt-get). To mend: {by_hand}");
    }
    step(&format!("installing {}", packages.join(" ")));
    let mend = format!("look at apt-get's message above, then: {by_hand}");
    execute(apt().args(["update", "-qq"]), &mend)?;
    execute(apt().args(["install", "-y", "-qq", "--no-install-recommends"]).args(packages), &mend)
}

/// Returns the command by which a person installs these packages.
fn install_line(packages: &[&str]) -> String {
    format!("apt-get install -y --no-install-recommends {}", packages.join(" "))
}

fn apt() -> Command {
    let mut command = Command::new("apt-get");
    command.env("DEBIAN_FRONTEND", "noninteractive");
    command
}

/// Makes a key and a certificate for this machine, in `folder`.
///
/// Errors: openssl is missing, or makes none.
pub fn certify(folder: &Path) -> Result<TlsFiles> {
    let files = TlsFiles { certificate: folder.join("chain.pem"), key: folder.join("key.pem") };
    let mut openssl = Command::new("openssl");
    openssl.args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"]);
    openssl.args(["-nodes", "-days", "2", "-subj", "/CN=localhost", "-addext"]);
    openssl.args(["subjectAltName=IP:127.0.0.1", "-out"]).arg(&files.certificate);
    let output = openssl.arg("-keyout").arg(&files.key).output();
    let output = output.context("openssl does not start: apt-get install -y openssl")?;
    if !output.status.success() {
        bail!("openssl makes no certificate: {}", String::from_utf8_lossy(&output.stderr));
    }
    Ok(files)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tool(probe: &'static [&'static str]) -> Tool {
        Tool { name: "it", package: "it-package", needed_by: "nothing", probe }
    }

    #[test]
    fn a_tool_is_here_when_its_probe_succeeds() {
        assert!(tool(&["true"]).is_here());
        assert!(!tool(&["false"]).is_here());
        assert!(!tool(&["no-such-program-anywhere"]).is_here());
        assert!(!tool(&[]).is_here());
    }

    #[test]
    fn the_way_to_get_a_tool_names_its_package() {
        assert!(how_to_get(&[&tool(&[])]).contains("it-package"));
    }
}
