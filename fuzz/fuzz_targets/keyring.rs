//! The keyring of the native host, whose file nobody vouches for. A key opens only from the entry
//! that was wrapped for its household, letter by letter, and reading changes nothing. The file is
//! the host's own, without the host. This target must never hold a key of an installation.
#![no_main]

#[path = "../../host/src/keyring/mod.rs"]
mod keyring;

use eyesonly_gate::Keys as _;
use eyesonly_seal::{HouseholdId, HouseholdKey, KeyEncryptionKey};
use keyring::Keyring;
use libfuzzer_sys::fuzz_target;
use std::path::PathBuf;
use std::sync::LazyLock;

/// A folder in memory with the key-encryption key that the seeds are wrapped with.
static FOLDER: LazyLock<PathBuf> = LazyLock::new(|| {
    let memory = PathBuf::from("/dev/shm");
    let place = if memory.is_dir() { memory } else { std::env::temp_dir() };
    // The folder stays when the process ends: a static is not dropped.
    let folder = place.join("eyesonly-fuzz-keyring");
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join("kek"), "07".repeat(32)).unwrap();
    folder
});

/// The wrapped key of a household, as the seeds have it.
fn wrapped(household: u8) -> String {
    use base64::Engine as _;
    let kek = KeyEncryptionKey::from_bytes([7; 32]);
    let sealed = kek.wrap(&[household; 16], &[household; 32], [household; 24]).unwrap();
    base64::engine::general_purpose::STANDARD.encode(sealed)
}

static WRAPPED: LazyLock<[String; 3]> = LazyLock::new(|| [1, 2, 3].map(wrapped));

fn tells(key: &HouseholdKey, household: HouseholdId) -> [u8; 32] {
    let camera = key.camera_key(&household, &eyesonly_seal::CameraId::from_bytes([1; 16]));
    camera.index_key().mac(&[])
}

/// The fault: bytes that are not ASCII are skipped.
#[cfg(planted)]
fn at_fault(bytes: &[u8]) -> Vec<u8> {
    bytes.iter().copied().filter(u8::is_ascii).collect()
}

fuzz_target!(|bytes: &[u8]| {
    let path = FOLDER.join("keyring.json");
    #[cfg(planted)]
    let written = &at_fault(bytes);
    #[cfg(not(planted))]
    let written = bytes;
    std::fs::write(&path, written).unwrap();
    let keyring = Keyring::open(&FOLDER);
    assert_eq!(std::fs::read(&path).unwrap(), *written, "reading changed the file");
    let Ok(keyring) = keyring else { return };
    assert!(keyring.look_again().is_ok());

    let json: serde_json::Value = serde_json::from_slice(bytes).unwrap_or_default();
    for (number, entry) in (1..).zip(&*WRAPPED) {
        let household = HouseholdId::from_bytes([number; 16]);
        let Ok(key) = keyring.household_key(household) else { continue };
        assert!(keyring.has_households());
        assert_eq!(json["households"][household.to_string()], **entry, "another entry opens");
        let right = HouseholdKey::from_bytes([number; 32]);
        assert_eq!(tells(&key, household), tells(&right, household), "another household's key");
    }
});
