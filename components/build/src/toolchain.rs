//! Gets the compiler for handlers: std for wasm32-unknown-unknown.
//!
//! There are three ways, in this order: std is there already, `rustup target add`, or Debian's
//! rustc with the library's sources. It must never wait without end. If every way fails, the error
//! says what to install.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

/// The target whose std imports nothing from a host.
pub const TARGET: &str = "wasm32-unknown-unknown";

/// The longest wait for rustup. It is long enough for a slow line, and short enough for a machine
/// without a way to rustup's server.
const RUSTUP_SECONDS_MAX: u64 = 120;

const DEBIAN_RUSTC: &str = "/usr/bin/rustc";
const DEBIAN_LIBRARY: &str = "library/std/Cargo.toml";

/// The compiler that makes the handlers.
#[derive(Debug)]
pub enum Toolchain {
    /// The one that builds everything else: it has std for the target.
    Own,
    /// Debian's rustc, which builds std from its sources, with the linker of the own toolchain.
    Debian {
        /// rust-lld.
        linker: PathBuf,
    },
}

/// The error when no way led to a compiler for the target.
#[derive(Debug)]
pub struct NoToolchain {
    why: String,
}

impl NoToolchain {
    /// The packages that Debian 12 or later needs for the third way.
    pub const DEBIAN_PACKAGES: [&str; 2] = ["rustc-web", "rust-web-src"];
}

impl std::fmt::Display for NoToolchain {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            formatter,
            "no compiler for {TARGET} ({}). Install one of:\n  rustup target add {TARGET}\n  \
             apt-get install -y --no-install-recommends {}   (Debian 12 or later, as root)",
            self.why,
            Self::DEBIAN_PACKAGES.join(" ")
        )
    }
}

impl std::error::Error for NoToolchain {}

impl Toolchain {
    /// Finds a compiler, or gets one. It installs nothing but the target's std, by rustup.
    ///
    /// # Errors
    /// No way led to a compiler. The message says what to install.
    pub fn get() -> Result<Self, NoToolchain> {
        let Err(error) = get_std(TARGET) else {
            return Ok(Self::Own);
        };
        debian().map_err(|none| NoToolchain { why: format!("{error:#}; {none:#}") })
    }

    /// Adds what cargo needs to compile for the target with this compiler.
    pub fn apply(&self, cargo: &mut Command) {
        cargo.args(["--target", TARGET]);
        if let Self::Debian { linker } = self {
            cargo
                .arg("-Zbuild-std=std,panic_abort")
                .env("RUSTC", DEBIAN_RUSTC)
                .env("RUSTC_BOOTSTRAP", "1")
                .env("CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER", linker);
        }
    }

    /// Says whether this toolchain's clippy can read std for the target.
    pub fn has_clippy(&self) -> bool {
        matches!(self, Self::Own)
    }
}

/// Makes sure that this toolchain has std for `target`, and gets it if needed.
///
/// # Errors
/// rustup can't bring it. The message says what to do.
pub fn get_std(target: &str) -> Result<()> {
    if has_std(target) {
        return Ok(());
    }
    eprintln!("std for {target} is missing: rustup target add {target}");
    let added = rustup_target_add(target);
    if has_std(target) {
        return Ok(());
    }
    match added {
        Ok(()) => {
            bail!("rustup says that std for {target} is there, but this toolchain does not have it")
        }
        Err(error) => Err(error.context(format!(
            "std for {target} is missing; get it by: rustup target add {target}"
        ))),
    }
}

/// Says whether this toolchain has std for `target`.
pub fn has_std(target: &str) -> bool {
    let Some(folder) = output_of("rustc", &["--print", "target-libdir", "--target", target]) else {
        return false;
    };
    let Ok(entries) = Path::new(&folder).read_dir() else {
        return false;
    };
    entries.filter_map(Result::ok).any(|entry| {
        let name = entry.file_name();
        let name = name.to_string_lossy();
        name.starts_with("libstd-") && name.ends_with(".rlib")
    })
}

fn rustup_target_add(target: &str) -> Result<()> {
    let mut child = Command::new("rustup")
        .args(["target", "add", target])
        .spawn()
        .context("rustup does not run")?;
    match wait_at_most(&mut child, Duration::from_secs(RUSTUP_SECONDS_MAX))? {
        Some(status) if status.success() => Ok(()),
        Some(status) => bail!("rustup failed ({status})"),
        None => bail!("rustup was not done after {RUSTUP_SECONDS_MAX} s"),
    }
}

/// Waits for a program and returns its status. When the time is up, ends the program and returns
/// none.
fn wait_at_most(child: &mut Child, limit: Duration) -> Result<Option<ExitStatus>> {
    let started = Instant::now();
    while started.elapsed() < limit {
        if let Some(status) = child.try_wait()? {
            return Ok(Some(status));
        }
        // std has no wait with a limit. A person does not notice a tenth of a second.
        thread::sleep(Duration::from_millis(100));
    }
    child.kill()?;
    child.wait()?;
    Ok(None)
}

fn debian() -> Result<Toolchain> {
    if !debian_has_sources() {
        bail!("{DEBIAN_RUSTC} has no library sources");
    }
    let sysroot = output_of("rustc", &["--print", "sysroot"]).context("rustc does not run")?;
    let host =
        output_of("rustc", &["--print", "host-tuple"]).context("rustc does not say its host")?;
    let linker = Path::new(&sysroot).join("lib/rustlib").join(host).join("bin/rust-lld");
    if !linker.exists() {
        bail!("{} is missing: the toolchain carries no rust-lld", linker.display());
    }
    Ok(Toolchain::Debian { linker })
}

fn debian_has_sources() -> bool {
    output_of(DEBIAN_RUSTC, &["--print", "sysroot"]).is_some_and(|sysroot| {
        Path::new(&sysroot).join("lib/rustlib/src/rust").join(DEBIAN_LIBRARY).exists()
    })
}

/// Returns a program's standard output, or none if the program does not start or fails.
pub fn output_of<S: AsRef<OsStr>>(program: S, arguments: &[&str]) -> Option<String> {
    let output = Command::new(program)
        .args(arguments)
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .output()
        .ok()?;
    let text = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    output.status.success().then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_that_does_not_end_is_ended() {
        let mut child = Command::new("sleep").arg("1000").spawn().unwrap();
        assert!(wait_at_most(&mut child, Duration::ZERO).unwrap().is_none());
        assert!(child.try_wait().unwrap().is_some());
    }

    #[test]
    fn a_program_that_ends_gives_its_status() {
        let mut child = Command::new("false").spawn().unwrap();
        let status = wait_at_most(&mut child, Duration::from_secs(60)).unwrap();
        assert!(!status.unwrap().success());
    }
}
