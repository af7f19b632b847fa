//! Tests the keyring on a disk.

use super::*;
use eyesonly_service::keys::Keyring as _;

fn household(n: u8) -> HouseholdId {
    HouseholdId::from_bytes([n; 16])
}

#[test]
fn keys_are_kept_and_bound_to_their_household() {
    let folder = tempfile::tempdir().unwrap();
    let keyring = Keyring::open(folder.path()).unwrap();
    keyring.add_household(household(1)).unwrap();
    keyring.add_household(household(2)).unwrap();
    assert!(keyring.household_key(household(1)).is_ok());
    assert!(matches!(keyring.household_key(household(3)), Err(KeysError::NoKey)));

    let path = folder.path().join("keyring.json");
    let mut file = read(&path).unwrap();
    let (one, two) =
        (file.households[&household(1)].clone(), file.households[&household(2)].clone());
    file.households.insert(household(1), two);
    file.households.insert(household(2), one);
    write(&path, &file).unwrap();
    let swapped = Keyring::open(folder.path()).unwrap();
    assert!(matches!(swapped.household_key(household(1)), Err(KeysError::WrongKey)));
}

#[test]
fn another_process_adds_and_this_one_sees_it() {
    let folder = tempfile::tempdir().unwrap();
    let (server, admin) =
        (Keyring::open(folder.path()).unwrap(), Keyring::open(folder.path()).unwrap());
    assert!(server.household_key(household(1)).is_err());
    admin.add_household(household(1)).unwrap();
    assert!(server.household_key(household(1)).is_ok());
}

#[test]
fn another_process_destroys_and_this_one_forgets() {
    let folder = tempfile::tempdir().unwrap();
    let (server, admin) =
        (Keyring::open(folder.path()).unwrap(), Keyring::open(folder.path()).unwrap());
    admin.add_household(household(1)).unwrap();
    admin.add_household(household(2)).unwrap();
    assert!(server.household_key(household(1)).is_ok());
    admin.destroy_household(household(1)).unwrap();
    server.look_again().unwrap();
    assert!(matches!(server.household_key(household(1)), Err(KeysError::NoKey)));
    assert!(server.household_key(household(2)).is_ok());
    // A file that can't be read makes the keyring forget nothing.
    std::fs::write(folder.path().join("keyring.json"), "{").unwrap();
    assert!(server.look_again().is_err());
    assert!(server.household_key(household(2)).is_ok());
}

#[test]
fn it_says_whenever_it_has_forgotten_keys() {
    let folder = tempfile::tempdir().unwrap();
    let (server, admin) =
        (Keyring::open(folder.path()).unwrap(), Keyring::open(folder.path()).unwrap());
    server.look_again().unwrap();
    assert_eq!(server.forgotten(), 0, "nothing has changed");
    server.add_household(household(1)).unwrap();
    assert_eq!(server.forgotten(), 1, "it added one");
    server.household_key(household(1)).unwrap();
    assert_eq!(server.forgotten(), 1, "it gave a key");
    admin.add_household(household(2)).unwrap();
    server.look_again().unwrap();
    assert_eq!(server.forgotten(), 2, "another process added one");
    admin.add_household(household(3)).unwrap();
    server.household_key(household(3)).unwrap();
    assert_eq!(server.forgotten(), 3, "it looked for what it did not know");
    server.destroy_household(household(1)).unwrap();
    assert_eq!(server.forgotten(), 4, "it destroyed one");
    server.rotate().unwrap();
    assert_eq!(server.forgotten(), 5, "it has another key-encryption key");
}

#[test]
fn a_lost_or_foreign_key_encryption_key_is_said_plainly() {
    let folder = tempfile::tempdir().unwrap();
    drop(Keyring::open(folder.path()).unwrap());
    std::fs::write(folder.path().join("kek"), "00".repeat(32)).unwrap();
    let message = Keyring::open(folder.path()).err().unwrap().to_string();
    assert!(message.contains("does not open with this key-encryption key"), "{message}");
    std::fs::remove_file(folder.path().join("kek")).unwrap();
    let message = Keyring::open(folder.path()).err().unwrap().to_string();
    assert!(message.contains("restore it"), "{message}");
    std::fs::write(folder.path().join("kek"), "abc").unwrap();
    assert!(
        Keyring::open(folder.path()).err().unwrap().to_string().contains("64 hexadecimal digits")
    );
}

#[test]
fn a_rotation_closes_what_was_copied_before_and_loses_nobody() {
    let folder = tempfile::tempdir().unwrap();
    let (server, admin) =
        (Keyring::open(folder.path()).unwrap(), Keyring::open(folder.path()).unwrap());
    let (path, kek) = (folder.path().join("keyring.json"), folder.path().join("kek"));
    admin.add_households(&[household(1), household(2)]).unwrap();
    let bytes = |keyring: &Keyring, of| {
        let key = keyring.household_key(household(of)).ok()?;
        let camera = eyesonly_seal::CameraId::from_bytes([9; 16]);
        Some(key.camera_key(&household(of), &camera).index_key().mac(&[]))
    };
    let before = bytes(&server, 2).unwrap();
    let (copy, old) = (folder.path().join("copy.json"), std::fs::read_to_string(&kek).unwrap());
    std::fs::copy(&path, &copy).unwrap();
    admin.destroy_household(household(1)).unwrap();

    let rotated = admin.rotate().unwrap();
    assert_eq!(rotated, Rotated { households: 1, by: By::File });
    assert!(!opens(folder.path(), &copy).unwrap(), "the copy from before");
    assert!(opens(folder.path(), &path).unwrap());
    assert_ne!(std::fs::read_to_string(&kek).unwrap(), old);
    assert!(!folder.path().join("kek.next").exists());
    // Whoever had the old key goes on with the new one.
    server.look_again().unwrap();
    assert!(bytes(&server, 1).is_none());
    assert_eq!(bytes(&server, 2), Some(before));
    server.add_household(household(3)).unwrap();
    for keyring in [admin, Keyring::open(folder.path()).unwrap()] {
        assert_eq!(bytes(&keyring, 2), Some(before));
        assert!(bytes(&keyring, 3).is_some() && bytes(&keyring, 1).is_none());
    }
}

#[test]
fn a_rotation_that_was_broken_off_is_ended() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str| folder.path().join(name);
    let keyring = Keyring::open(folder.path()).unwrap();
    keyring.add_household(household(1)).unwrap();
    let is_whole = |what: &str| {
        let keyring = Keyring::open(folder.path()).unwrap();
        assert!(keyring.household_key(household(1)).is_ok(), "{what}");
        assert!(!file("kek.next").exists(), "{what}");
    };
    std::fs::write(file("kek.next"), "ab".repeat(32)).unwrap();
    is_whole("the next key was made");
    std::fs::write(file("kek.next"), "").unwrap();
    is_whole("the next key was being made");
    let old = std::fs::read(file("kek")).unwrap();
    keyring.rotate().unwrap();
    std::fs::rename(file("kek"), file("kek.next")).unwrap();
    std::fs::write(file("kek"), &old).unwrap();
    is_whole("the keyring was written");
    std::fs::rename(file("kek"), file("kek.next")).unwrap();
    std::fs::write(file("kek"), "0".repeat(64)).unwrap();
    is_whole("the old key was overwritten");
    std::fs::rename(file("kek"), file("kek.next")).unwrap();
    std::fs::write(file("kek"), "0".repeat(65)).unwrap();
    is_whole("the old key was being overwritten");
    // Two keys, of which neither opens it: nothing is dropped.
    for name in ["kek", "kek.next"] {
        std::fs::write(file(name), "cd".repeat(32)).unwrap();
    }
    let message = Keyring::open(folder.path()).err().unwrap().to_string();
    assert!(message.contains("does not open"), "{message}");
    assert!(file("kek.next").exists());
}

/// People write the file by `openssl rand -hex 32 > kek`.
#[test]
fn a_key_with_a_line_end_is_overwritten_as_a_key() {
    let folder = tempfile::tempdir().unwrap();
    let kek = folder.path().join("kek");
    std::fs::write(&kek, format!("{}\n", "ab".repeat(32))).unwrap();
    let keyring = Keyring::open(folder.path()).unwrap();
    let kept = std::fs::File::open(&kek).unwrap();
    keyring.rotate().unwrap();
    // The old file, which has no name any more.
    let mut left = String::new();
    std::io::Read::read_to_string(&mut &kept, &mut left).unwrap();
    assert_eq!(left, "0".repeat(64));
    Keyring::open(folder.path()).unwrap();
}

/// The old key's file can't be written, as on a mount that is read-only.
#[test]
fn a_rotation_that_cant_be_ended_stops_the_next_one_and_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let keyring = Keyring::open(folder.path()).unwrap();
    let (path, kek) = (folder.path().join("keyring.json"), folder.path().join("kek"));
    let before = std::fs::read(&path).unwrap();
    let key = std::fs::read(&kek).unwrap();
    // The name leads into /proc, where nobody writes.
    std::fs::remove_file(&kek).unwrap();
    std::os::unix::fs::symlink("/proc/version", &kek).unwrap();
    std::fs::write(folder.path().join("kek.next"), key).unwrap();
    assert!(keyring.rotate().is_err());
    assert_eq!(std::fs::read(&path).unwrap(), before);
    Keyring::open(folder.path()).unwrap();
}

#[test]
fn an_entry_that_does_not_open_stops_a_rotation_before_it_writes() {
    let folder = tempfile::tempdir().unwrap();
    let keyring = Keyring::open(folder.path()).unwrap();
    keyring.add_households(&[household(1), household(2)]).unwrap();
    let path = folder.path().join("keyring.json");
    let mut file = read(&path).unwrap();
    let other = file.households[&household(2)].clone();
    file.households.insert(household(1), other);
    write(&path, &file).unwrap();
    let (before, kek) =
        (std::fs::read(&path).unwrap(), std::fs::read(folder.path().join("kek")).unwrap());
    let message = keyring.rotate().unwrap_err().to_string();
    assert!(message.contains(&household(1).to_string()), "{message}");
    assert_eq!(std::fs::read(&path).unwrap(), before);
    assert_eq!(std::fs::read(folder.path().join("kek")).unwrap(), kek);
    assert!(!folder.path().join("kek.next").exists());
}
