//! `dist`: makes what is handed out: one static binary, a Debian package of it, and the folder that
//! a container image is built from. The binary is compiled twice: the first one counts what it does
//! under a load, and by these counts the compiler lays the second one out.
//!
//! It must never hand out a binary that needs a library of the machine it was made on, or one that
//! counts.

mod train;

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};
use eyesonly_build::get_std;
use sha2::{Digest as _, Sha256};

use crate::components::hex;
use crate::demo;
use crate::tools::need;
use crate::workspace::{Workspace, execute, output_of, step};

/// The target of the binary: static, for each Linux with this processor.
const TARGET: &str = "x86_64-unknown-linux-musl";

/// The arguments of `cargo xtask dist`.
#[derive(clap::Args)]
pub struct Arguments {
    /// Runs the binary on a bare Debian (made by debootstrap, as root), installs the package there,
    /// and lets the demo check itself.
    #[arg(long)]
    check: bool,
}

/// Makes target/dist/: `eyesonly`, `eyesonly_VERSION_amd64.deb` and `image/`.
///
/// Errors: a tool is missing, a compile error, or a binary that is not static.
pub fn run(workspace: &Workspace, arguments: &Arguments) -> Result<()> {
    let (binary, out) = (binary(workspace)?, folder(workspace));
    let package = debian(workspace, &out, &binary)?;
    image(workspace, &out, &binary)?;
    if arguments.check {
        check(&out, &package)?;
    }
    Ok(())
}

fn folder(workspace: &Workspace) -> PathBuf {
    workspace.target.join("dist")
}

/// Makes the binary that is handed out. Returns its path.
///
/// Errors: those of [`run`] about the binary.
pub fn binary(workspace: &Workspace) -> Result<PathBuf> {
    let out = folder(workspace);
    get_std(TARGET)?;
    need("musl-gcc", "musl-tools", "it compiles the C in the host")?;
    need("readelf", "binutils", "it shows that the binary is static")?;
    let profile = profile(workspace, &out.join("profile"))?;
    step("the static binary, laid out by what was counted (ten minutes or more)");
    let built = compile(workspace, &format!("-Cprofile-use={}", profile.display()))?;
    let needed = output_of("readelf", &["--dynamic", &built.to_string_lossy()])
        .context("readelf does not read the binary")?;
    if needed.contains("(NEEDED)") {
        bail!("{} is not static:\n{needed}", built.display());
    }
    let binary = out.join("eyesonly");
    fs::copy(&built, &binary).with_context(|| binary.display().to_string())?;
    eprintln!("   {} {} bytes", binary.display(), fs::metadata(&binary)?.len());
    Ok(binary)
}

/// Compiles a binary that counts, loads it, and returns the file of what was counted. The file is
/// named after that binary: as long as nothing changes, nothing is counted or compiled again.
fn profile(workspace: &Workspace, folder: &Path) -> Result<PathBuf> {
    let merge = llvm_profdata()?;
    let counts = folder.join("counts");
    step("the binary that counts (ten minutes or more)");
    let built = compile(workspace, &format!("-Cprofile-generate={}", counts.display()))?;
    let profile = folder.join(format!("{}.profdata", hex(&Sha256::digest(fs::read(&built)?))));
    if profile.exists() {
        return Ok(profile);
    }
    if counts.exists() {
        fs::remove_dir_all(&counts)?;
    }
    fs::create_dir_all(&counts)?;
    train::run(&built, &counts)?;
    let counted = fs::read_dir(&counts)?.filter_map(|entry| Some(entry.ok()?.path()));
    let made = folder.join("new.profdata");
    let mut merge = Command::new(merge);
    merge.args(["merge", "--output"]).arg(&made).args(counted);
    execute(&mut merge, "did each edge end in order, and write what it counted?")?;
    fs::rename(&made, &profile)?;
    Ok(profile)
}

/// Compiles the host with these flags, optimized over all of its crates together.
fn compile(workspace: &Workspace, flags: &str) -> Result<PathBuf> {
    let mut cargo = workspace.cargo();
    cargo.args(["build", "--locked", "--release", "--package", "eyesonly", "--target", TARGET]);
    cargo.env("CARGO_PROFILE_RELEASE_STRIP", "symbols");
    cargo.env("CARGO_PROFILE_RELEASE_LTO", "fat").env("CARGO_PROFILE_RELEASE_CODEGEN_UNITS", "1");
    // Only for this target: what builds something is not counted.
    cargo.env_remove("RUSTFLAGS").env("CARGO_TARGET_X86_64_UNKNOWN_LINUX_MUSL_RUSTFLAGS", flags);
    execute(&mut cargo, "the compiler's message is above")?;
    Ok(workspace.target.join(TARGET).join("release/eyesonly"))
}

/// Returns the program that merges counts: of the compiler's own LLVM, which rustup brings.
fn llvm_profdata() -> Result<PathBuf> {
    let find = || {
        let root = output_of("rustc", &["--print", "sysroot"])?;
        let host = output_of("rustc", &["--print", "host-tuple"])?;
        let tools = Path::new(root.trim()).join("lib/rustlib").join(host.trim()).join("bin");
        Some(tools.join("llvm-profdata")).filter(|path| path.exists())
    };
    if let Some(path) = find() {
        return Ok(path);
    }
    let mut rustup = Command::new("rustup");
    execute(rustup.args(["component", "add", "llvm-tools"]), "rustup's message is above")?;
    find().context("llvm-profdata is missing; get it by: rustup component add llvm-tools")
}

/// Writes a file with this mode, in a folder that is made.
fn put(path: &Path, bytes: impl AsRef<[u8]>, mode: u32) -> Result<()> {
    path.parent().map_or(Ok(()), fs::create_dir_all)?;
    fs::write(path, bytes).with_context(|| path.display().to_string())?;
    fs::set_permissions(path, fs::Permissions::from_mode(mode))?;
    Ok(())
}

/// Makes the Debian package by dpkg-deb: the binary, the unit and a configuration.
fn debian(workspace: &Workspace, out: &Path, binary: &Path) -> Result<PathBuf> {
    need("dpkg-deb", "dpkg", "it makes the package")?;
    step("the Debian package");
    let version = env!("CARGO_PKG_VERSION");
    let tree = out.join("debian");
    if tree.exists() {
        fs::remove_dir_all(&tree)?;
    }
    let read = |name: &str| {
        let path = workspace.root.join(name);
        fs::read_to_string(&path).with_context(|| path.display().to_string())
    };
    let unit = read("deploy/eyesonly.service")?.replace("/usr/local/", "/usr/");
    put(&tree.join("usr/bin/eyesonly"), fs::read(binary)?, 0o755)?;
    put(&tree.join("usr/lib/systemd/system/eyesonly.service"), unit, 0o644)?;
    put(&tree.join("etc/eyesonly/eyesonly.toml"), read("deploy/debian/eyesonly.toml")?, 0o644)?;
    let documents = tree.join("usr/share/doc/eyesonly");
    put(&documents.join("deploying.md"), read("docs/deploying.md")?, 0o644)?;
    put(&documents.join("running.md"), read("docs/running.md")?, 0o644)?;
    put(&documents.join("copyright"), read("LICENSE")?, 0o644)?;
    let control = tree.join("DEBIAN");
    let kibibytes = fs::metadata(binary)?.len().div_ceil(1024);
    let fields = read("deploy/debian/control")?
        .replace("@VERSION@", version)
        .replace("@KIBIBYTES@", &kibibytes.to_string());
    put(&control.join("control"), fields, 0o644)?;
    put(&control.join("conffiles"), "/etc/eyesonly/eyesonly.toml\n", 0o644)?;
    for script in ["postinst", "prerm", "postrm"] {
        put(&control.join(script), read(&format!("deploy/debian/{script}"))?, 0o755)?;
    }
    let package = out.join(format!("eyesonly_{version}_amd64.deb"));
    let mut dpkg = Command::new("dpkg-deb");
    dpkg.args(["--root-owner-group", "--build"]).arg(&tree).arg(&package);
    execute(&mut dpkg, "dpkg-deb's message is above")?;
    Ok(package)
}

/// Makes the folder that an image is built from: `podman build target/dist/image`.
fn image(workspace: &Workspace, out: &Path, binary: &Path) -> Result<()> {
    step("the image's folder");
    let folder = out.join("image");
    if folder.exists() {
        fs::remove_dir_all(&folder)?;
    }
    put(&folder.join("eyesonly"), fs::read(binary)?, 0o755)?;
    for (from, to) in [
        ("deploy/Containerfile", "Containerfile"),
        ("deploy/eyesonly.toml", "eyesonly.toml"),
        ("LICENSE", "LICENSE"),
    ] {
        put(&folder.join(to), fs::read(workspace.root.join(from))?, 0o644)?;
    }
    // The folder of the volume, which takes over this folder's owner.
    fs::create_dir_all(folder.join("data"))?;
    eprintln!("   podman build -t eyesonly:{} {}", env!("CARGO_PKG_VERSION"), folder.display());
    Ok(())
}

/// Installs the package on a Debian with nothing but its base system, and lets the binary serve
/// there.
fn check(out: &Path, package: &Path) -> Result<()> {
    let root = out.join("bare");
    if !root.join("bin/sh").exists() {
        need("debootstrap", "debootstrap", "it makes the bare Debian")?;
        step("a bare Debian (some minutes, once)");
        let mut debootstrap = Command::new("debootstrap");
        debootstrap.args(["--variant=minbase", "bookworm"]).arg(&root);
        execute(&mut debootstrap, "it needs root and a Debian mirror")?;
    }
    let inside = |program: &str, arguments: &[&str]| {
        let mut command = Command::new("chroot");
        command.arg(&root).arg(program).args(arguments).env_clear();
        command.env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin");
        command
    };
    step("the package, on a bare Debian");
    fs::copy(package, root.join("eyesonly.deb"))?;
    execute(&mut inside("dpkg", &["--install", "/eyesonly.deb"]), "dpkg's message is above")?;
    execute(&mut inside("/usr/bin/eyesonly", &["--version"]), "the binary does not start")?;
    demo::check(inside("/usr/bin/eyesonly", &["demo", "--port", "0"]))?;
    execute(&mut inside("dpkg", &["--purge", "eyesonly"]), "dpkg's message is above")?;
    eprintln!("\ndist: ok");
    Ok(())
}
