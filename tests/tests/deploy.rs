//! The files of `deploy/` are well formed. Manifests are checked by Kubernetes' schemas and against
//! each other, the unit by systemd's own tools, and the configurations in them by the host. Each
//! check also rejects a copy with a slip in it, because a check that takes everything would be
//! worth nothing.
//!
//! Rules written by hand check the SpinApp: no package of crates.io, PyPI or npm carries its schema
//! (tests/deploy/manifests.py says more). Nothing here builds the image or talks to a cluster:
//! docs/deploying.md says what was not tried.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "all of this is a test"
)]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use eyesonly_tests::built::ROOT;
use eyesonly_tests::built::binary;
use eyesonly_tests::python::python;
use eyesonly_tests::tool::tool;
use tempfile::TempDir;

/// Ten times the worst exposure score that passes. The unit has 1.1 by systemd 252;
/// docs/deploying.md says what that is made of.
const EXPOSURE: &str = "--threshold=12";

fn deploy(name: &str) -> String {
    fs::read_to_string(Path::new(ROOT).join("deploy").join(name)).unwrap()
}

/// Replaces `from` with `to` in the file's text. `from` must be in it, or else the copy has no
/// slip.
fn slip(text: &str, from: &str, to: &str) -> String {
    assert!(text.contains(from), "{from:?} is not in the file any more");
    text.replace(from, to)
}

fn write(folder: &TempDir, name: &str, text: &str) -> PathBuf {
    let path = folder.path().join(name);
    fs::write(&path, text).unwrap();
    path
}

fn said(output: &Output) -> String {
    let text = |bytes| String::from_utf8_lossy(bytes).into_owned();
    text(&output.stdout) + &text(&output.stderr)
}

fn manifests(python: &Path, command: &str, file: &Path) -> Output {
    let script = Path::new(ROOT).join("tests/deploy/manifests.py");
    Command::new(python).arg(script).arg(command).arg(file).output().unwrap()
}

/// Checks that the file passes, that each copy with one slip does not, and that the message has
/// `part` in it.
fn check_manifest(command: &str, slips: &[(&str, &str, &str)]) {
    let python = python("deploy");
    let folder = tempfile::tempdir().unwrap();
    let (name, text) = (format!("{command}.yaml"), deploy(&format!("{command}.yaml")));
    write(&folder, "Containerfile", &deploy("Containerfile"));
    let output = manifests(&python, command, &write(&folder, &name, &text));
    assert!(output.status.success(), "{}", said(&output));
    for (from, to, part) in slips {
        let output = manifests(&python, command, &write(&folder, &name, &slip(&text, from, to)));
        assert_eq!(output.status.code(), Some(1), "{from:?} → {to:?} was taken");
        assert!(said(&output).contains(part), "{from:?} → {to:?}: {}", said(&output));
    }
}

#[test]
fn the_kubernetes_objects_are_what_kubernetes_takes() {
    check_manifest(
        "kubernetes",
        &[
            ("readOnlyRootFilesystem", "readOnlyRootFileSystem", "readOnlyRootFileSystem"),
            ("replicas: 1", "replicas: one", "spec.replicas"),
            ("apiVersion: apps/v1\n", "", "apiVersion"),
            ("replicas: 1", "replicas: 2", "one process serves a data folder"),
            ("type: Recreate", "type: RollingUpdate", "one process serves a data folder"),
            ("targetPort: https", "targetPort: http", "no port of the container"),
            ("claimName: eyesonly", "claimName: eyesonyl", "no claim is called"),
            ("egress: []", "egress: [{}]", "egress must be closed"),
            ("runAsUser: 65532", "runAsUser: 65533", "the image's user"),
            ("mountPath: /data}", "mountPath: /data", "expected"),
        ],
    );
}

#[test]
fn the_spin_app_is_what_its_operator_takes() {
    check_manifest(
        "spinapp",
        &[
            ("keyValueStores", "keyValueStore", "keyValueStore"),
            ("executor: containerd-shim-spin\n", "", "executor"),
            ("secretKeyRef", "secretRef", "secretRef"),
            ("claimName", "claim", "claim"),
            ("value: /data/", "value: /tmp/", "on no volume"),
        ],
    );
}

/// Checks that the host reads the configuration, and complains only that the folder has no
/// installation yet.
fn check_configuration(text: &str, data: &str, refusal: &str) {
    let folder = tempfile::tempdir().unwrap();
    let text = slip(text, &format!("{data:?}"), "\"data\"");
    let file = write(&folder, "eyesonly.toml", &text);
    let output =
        Command::new(binary()).arg("--config").arg(file).args(["camera", "list"]).output().unwrap();
    assert!(said(&output).contains(refusal), "{text}\n{}", said(&output));
}

#[test]
fn the_configurations_are_what_the_host_takes() {
    let file = Path::new(ROOT).join("deploy/kubernetes.yaml");
    let output = manifests(&python("deploy"), "configuration", &file);
    assert!(output.status.success(), "{}", said(&output));
    let in_cluster = String::from_utf8(output.stdout).unwrap();
    for (text, data) in [
        (&deploy("eyesonly.toml"), "/data/eyesonly"),
        (&deploy("debian/eyesonly.toml"), "/var/lib/eyesonly"),
        (&in_cluster, "/data/eyesonly"),
    ] {
        check_configuration(text, data, "no installation");
        check_configuration(&slip(text, "listen =", "listens ="), data, "unknown field `listens`");
    }
}

/// The scripts of the Debian package are shell, and a slip in one is found.
#[test]
fn the_scripts_of_the_package_are_shell() {
    let is_shell = |text: &str| {
        let folder = tempfile::tempdir().unwrap();
        let script = write(&folder, "script", text);
        Command::new("sh").arg("-n").arg(script).output().unwrap().status.success()
    };
    for script in ["postinst", "prerm", "postrm"] {
        let text = deploy(&format!("debian/{script}"));
        assert!(text.starts_with("#!/bin/sh\n") && is_shell(&text), "{script}");
        let (all_but_the_end, _) = text.rsplit_once("fi\n").unwrap();
        assert!(!is_shell(all_but_the_end), "{script}");
    }
}

fn systemd_analyze(arguments: &[&str], unit: &Path) -> Output {
    // No manager is asked: the file alone counts.
    Command::new("systemd-analyze")
        .args(arguments)
        .arg(unit)
        .env("SYSTEMD_COLORS", "0")
        .output()
        .unwrap()
}

/// Returns the output of `systemd-analyze verify`. The command succeeds on an unknown key, so a
/// sound unit is one without any output.
fn faults(folder: &TempDir, unit: &str) -> String {
    // The command looks for the program, which is not installed here.
    let unit = slip(unit, "/usr/local/bin/eyesonly ", "/bin/true ");
    said(&systemd_analyze(&["verify", "--man=no"], &write(folder, "eyesonly.service", &unit)))
}

fn is_closed_enough(folder: &TempDir, unit: &str) -> bool {
    let output = systemd_analyze(
        &["security", "--offline=true", "--no-pager", EXPOSURE],
        &write(folder, "eyesonly.service", unit),
    );
    assert!(said(&output).contains("Overall exposure level"), "{}", said(&output));
    output.status.success()
}

#[test]
fn the_unit_is_what_systemd_takes_and_stays_closed() {
    if !tool("systemd-analyze") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let unit = deploy("eyesonly.service");
    assert_eq!(faults(&folder, &unit), "");
    assert!(faults(&folder, &slip(&unit, "PrivateTmp=", "PrivateTemp=")).contains("PrivateTemp"));
    assert!(
        faults(&folder, &slip(&unit, "@system-service", "@system-services"))
            .contains("@system-services")
    );

    assert!(is_closed_enough(&folder, &unit));
    for line in ["NoNewPrivileges=yes\n", "CapabilityBoundingSet=\n", "ProtectSystem=strict\n"] {
        assert!(
            !is_closed_enough(&folder, &slip(&unit, line, "")),
            "the unit without {line} passes"
        );
    }
    // Compiled handlers need this line, whatever the score would be without it.
    assert!(unit.contains("\nMemoryDenyWriteExecute=no\n"));
}
