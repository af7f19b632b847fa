//! Checks that a build with tests and one without have the same crates of others: each with the
//! same features. Otherwise cargo builds many of them twice, which takes minutes.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, Result, bail};

use crate::workspace::Workspace;

/// Each crate, by name and version, with the sets of features that it is built with.
type Features = BTreeMap<String, BTreeSet<String>>;

/// Compares the two builds.
///
/// Errors: a crate has other features in one of them. The error names each.
pub fn check(workspace: &Workspace) -> Result<()> {
    let plain = read(workspace, "normal,build")?;
    let tested = read(workspace, "normal,build,dev")?;
    let differs = |(name, features): &(&String, &BTreeSet<String>)| {
        tested.get(*name).is_some_and(|with_tests| with_tests != *features)
    };
    let faults: Vec<String> = plain.iter().filter(differs).map(|(name, _)| name.clone()).collect();
    if faults.is_empty() {
        return Ok(());
    }
    bail!(
        "these crates have other features where tests are built:\n  {}\n  to mend: ask for the \
         features in tests/Cargo.toml too, where its last dependencies are",
        faults.join("\n  ")
    )
}

fn read(workspace: &Workspace, edges: &str) -> Result<Features> {
    let mut cargo = workspace.cargo();
    cargo.args(["tree", "--workspace", "--edges", edges, "--prefix", "none"]);
    let output = cargo.args(["--format", "{p}\t{f}"]).output().context("cargo tree")?;
    if !output.status.success() {
        bail!("cargo tree: {}", String::from_utf8_lossy(&output.stderr));
    }
    Ok(of_others(&String::from_utf8(output.stdout)?))
}

/// Reads the lines of `cargo tree`, without the crates of this repository, whose lines have a path.
fn of_others(text: &str) -> Features {
    let mut found = Features::new();
    for line in text.lines().filter(|line| !line.contains("(/")) {
        let Some((package, features)) = line.split_once('\t') else { continue };
        let package = package.replace(" (proc-macro)", "");
        let features = features.replace(" (*)", "");
        found.entry(package).or_default().insert(features);
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn crates_of_others_are_read_with_their_features() {
        let text = "eyesonly v0.1.0 (/home/alder/host)\tbench\n\
                    tokio v1.54.1\tfs,net\n\
                    tokio v1.54.1\tfs,net (*)\n\
                    serde_derive v1.0.229 (proc-macro)\tdefault\n";
        let found = of_others(text);
        let names: Vec<_> = found.keys().map(String::as_str).collect();
        assert_eq!(names, ["serde_derive v1.0.229", "tokio v1.54.1"]);
        assert_eq!(found["tokio v1.54.1"].len(), 1);
    }
}
