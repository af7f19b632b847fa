//! The command line over a data folder.

use eyesonly_harness::footage::fresh_id;
use eyesonly_tests::{Edge, EdgeOptions};

#[test]
fn only_adding_a_household_makes_an_installation() {
    let edge = Edge::installed(EdgeOptions { is_empty: true, ..EdgeOptions::default() });
    let command_line = edge.command_line();
    let id = fresh_id();
    for arguments in [
        &["household", "list"][..],
        &["camera", "list"],
        &["viewer", "remove", &id],
        &["camera", "add", "--household", &id, "--name", "Front door"],
    ] {
        let said = command_line.run(arguments, "").unwrap_err().to_string();
        let folder = edge.data();
        assert!(
            said.contains(folder.to_str().unwrap())
                && said.contains("`data`")
                && said.contains("eyesonly.toml"),
            "{arguments:?}: {said}"
        );
        assert!(!folder.exists(), "{arguments:?}: the data folder was made");
    }
    let made = |name| {
        let output = command_line.command(&["household", "add", name]).output().unwrap();
        assert!(output.status.success());
        String::from_utf8(output.stderr).unwrap()
    };
    let said = made("Alder Lane 4");
    assert!(said.lines().count() == 1 && said.contains(edge.data().to_str().unwrap()), "{said}");
    assert_eq!(made("Birch Court 9"), "");
    for (json, said) in [(&[][..], "there is no camera"), (&["--json"], "")] {
        let mut command = command_line.command(&["camera", "list"]);
        let output = command.args(json).output().unwrap();
        assert!(output.status.success() && output.stdout.is_empty());
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert!(stderr.contains(said) && stderr.is_empty() == said.is_empty(), "{stderr}");
    }
}
