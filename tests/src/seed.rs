//! What a start makes that takes long, made once for all tests: the compiled handlers of an edge,
//! with the keys that they are authentic under.
//!
//! It must never give a test anything of another test's households: a seed has none.

use std::fs::{self, File};
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

use eyesonly_harness::installation::{Config, Edition, Installation};

use crate::built;

/// The files of a data folder that belong to its keys.
const KEYS: [&str; 2] = ["kek", "keyring.json"];
/// The folder of its compiled handlers.
const COMPILED: &str = "compiled";

/// Puts a seed into a new data folder. The first test that wants one makes it.
pub fn sow(data: &Path) {
    let seed = seed();
    fs::DirBuilder::new().mode(0o700).create(data).unwrap();
    fs::DirBuilder::new().mode(0o700).create(data.join(COMPILED)).unwrap();
    for name in KEYS {
        fs::copy(seed.join(name), data.join(name)).unwrap();
    }
    for file in fs::read_dir(seed.join(COMPILED)).unwrap() {
        let from = file.unwrap().path();
        fs::copy(&from, data.join(COMPILED).join(from.file_name().unwrap())).unwrap();
    }
}

/// Returns the seed of the binary under test. Only one process makes it, the others wait.
fn seed() -> PathBuf {
    let binary = built::binary();
    let about = binary.metadata().unwrap();
    let mut hasher = DefaultHasher::new();
    (&binary, about.len(), about.modified().unwrap()).hash(&mut hasher);
    let folder = Path::new(built::ROOT).join("target/seeds");
    fs::create_dir_all(&folder).unwrap();
    let seed = folder.join(format!("{:016x}", hasher.finish()));
    let lock = File::create(folder.join("lock")).unwrap();
    lock.lock().unwrap();
    if !seed.exists() {
        let made = tempfile::tempdir_in(&folder).unwrap();
        let edition = Edition::Native(Config::new(made.path(), 0));
        let mut installation = Installation::create(&binary, made.path(), edition).unwrap();
        installation.serve().unwrap().process.stop().unwrap();
        fs::rename(made.path().join("data"), &seed).unwrap();
    }
    seed
}
