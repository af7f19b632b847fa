//! Programs of others from npm, for tests alone. What is fetched is compared with a digest that
//! stands in the test.

use std::fs;
use std::io::Write as _;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use sha2::{Digest as _, Sha256};

use crate::python::target;

/// Returns one file of a package of the registry of npm. It is fetched once, and kept below
/// `target`. Ask [`crate::tool::tool`] first for curl.
///
/// # Panics
/// If it can't be fetched, or the package is another one.
pub fn file(name: &str, version: &str, sha256: &str, path: &str) -> Vec<u8> {
    let kept: PathBuf = target().join(format!("npm/{name}-{version}.tgz"));
    if !kept.exists() {
        let address = format!("https://registry.npmjs.org/{name}/-/{name}-{version}.tgz");
        let mut command = Command::new("curl");
        let output = command.args(["-sSfL", "--retry", "3", &address]).output().expect("curl");
        let told = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{address}: {told}");
        // Several tests may do this at once, and each renames a whole file.
        let folder = kept.parent().expect("a folder");
        fs::create_dir_all(folder).expect("a folder for packages");
        let mut file = tempfile::NamedTempFile::new_in(folder).expect("a file");
        file.write_all(&output.stdout).expect("a file");
        file.persist(&kept).expect("a file");
    }
    let package = fs::read(&kept).expect("a package");
    let digest = Sha256::digest(&package);
    let digest: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(digest, sha256, "{}: it is not the package that the test means", kept.display());
    let mut command = Command::new("tar");
    command.args(["-xzO", "-f"]).arg(&kept).arg(format!("package/{path}"));
    let output = command.stderr(Stdio::inherit()).output().expect("tar");
    assert!(output.status.success() && !output.stdout.is_empty(), "{path} is in the package");
    output.stdout
}
