//! `eyesonly incident`: who received what they had no right to.

use std::process::Output;

use eyesonly_harness::footage::{description, fresh_id};
use eyesonly_tests::Edge;
use eyesonly_tests::footage::media;
use serde_json::Value;

use crate::Home;

fn incident(edge: &Edge, further: &[&str]) -> Output {
    edge.command_line().command(&[&["incident"], further].concat()).output().unwrap()
}

/// Runs it, and returns the report and the exit code.
fn report(edge: &Edge, further: &[&str]) -> (Value, Option<i32>) {
    let output = incident(edge, &[&["--json"], further].concat());
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    (
        serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{text}")),
        output.status.code(),
    )
}

/// Returns the groups of the account of this name.
fn groups(report: &Value, name: &str) -> Vec<String> {
    let accounts = report["accounts"].as_array().unwrap();
    let account = accounts.iter().find(|account| account["name"] == name).unwrap();
    let groups = account["groups"].as_array().unwrap();
    groups.iter().map(|group| group.as_str().unwrap().to_owned()).collect()
}

/// An old registry is put back, and with it a right that was taken back. What the neighbour then
/// receives is listed: the ledger remembers that the right was taken.
#[tokio::test]
async fn a_right_that_came_back_with_an_old_registry_is_found() {
    let mut home = Home::new().await;
    let event = fresh_id();
    home.camera.put_still(&fresh_id(), media("alder-garden.jpg")).await.expect(201);
    home.camera.put_event(&event, &description("a cat")).await.expect(201);
    let neighbour = home.edge.household("Birch Row 9").viewer("birch");
    home.edge.household("Cedar Lane 3").viewer("cedar");
    let camera = home.camera.id.clone();
    let share = |words: &[&str], edge: &Edge, more: &[&str]| {
        let of = ["--camera", camera.as_str(), "--viewer", "birch"];
        let output = edge.command_line().command(&[words, &of, more].concat()).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    };
    share(&["share", "add"], &home.edge, &["--kinds", "live,events", "--past"]);
    neighbour.login().await.event(&home.camera, &event).await.expect(200);
    home.edge.stop();
    let database = home.edge.data().join("registry.sqlite");
    let old = std::fs::read(&database).unwrap();
    home.edge.restart();
    share(&["share", "remove"], &home.edge, &[]);
    // What was allowed is no incident, though it is not allowed now.
    let (before, code) = report(&home.edge, &[]);
    assert_eq!((&before["exposures"], code), (&Value::Array(vec![]), Some(0)), "{before}");
    assert_eq!(groups(&before, "birch"), ["not-affected"]);
    home.edge.stop();

    std::fs::write(&database, old).unwrap();
    home.edge.restart();
    let viewer = neighbour.through(home.edge.door()).login().await;
    viewer.thumbnail(&home.camera, 320).await.expect(200);
    let (received, _) = report(&home.edge, &[]);
    assert_eq!(groups(&received, "birch"), ["received"], "{received}");
    viewer.event(&home.camera, &event).await.expect(200);
    home.edge.stop();

    let (report, code) = report(&home.edge, &[]);
    let exposures = report["exposures"].as_array().unwrap();
    let handed: Vec<_> = exposures.iter().map(|exposure| &exposure["handed"]).collect();
    assert_eq!(handed, ["still", "events"], "{report}");
    for exposure in exposures {
        assert_eq!(exposure["camera"], home.camera.id.as_str());
        assert_eq!(exposure["viewer_name"], "birch");
        assert!(exposure["camera_name"].is_string() && exposure["household_name"].is_string());
        assert_eq!(
            (&exposure["viewer"], &exposure["wrong"]),
            (&neighbour.id.as_str().into(), &"no-right".into())
        );
    }
    assert_eq!(exposures[1]["event"], event.as_str());
    assert_eq!(groups(&report, "birch"), ["opened"]);
    assert_eq!(groups(&report, &home.account.login), ["shown"]);
    assert_eq!(groups(&report, "cedar"), ["not-affected"]);
    // The record has what no act wrote, and that is said too.
    assert_eq!(code, Some(3), "{report}");
    let holes = report["holes"].as_array().unwrap();
    assert_eq!((holes.len(), &holes[0]["viewer"]), (1, &neighbour.id.as_str().into()), "{report}");

    let text = String::from_utf8(incident(&home.edge, &[]).stdout).unwrap();
    assert!(text.contains("2 deliveries should not have been"), "{text}");
    assert!(text.contains("THE LISTS ARE NOT COMPLETE"), "{text}");
    assert!(text.contains("an older registry may have been put back"), "{text}");
    let received = format!("birch ({}) received still of ", neighbour.id);
    assert!(text.contains(&received) && text.contains(&home.camera.id), "{text}");
    let csv = String::from_utf8(incident(&home.edge, &["--format", "csv"]).stdout).unwrap();
    // A head, two deliveries for each of the two whom they are about, and one who is not affected.
    // A line more says what the lists may lack.
    assert_eq!(csv.lines().count(), 7, "{csv}");
    assert_eq!(csv.lines().filter(|line| line.starts_with("incomplete,")).count(), 1, "{csv}");
    let of = |start: String| csv.lines().filter(|line| line.starts_with(&start)).count();
    assert_eq!(of(format!("opened,{},birch,", neighbour.id)), 2, "{csv}");
    assert_eq!(of(format!("shown,{},", home.account.id)), 2, "{csv}");
    assert!(csv.contains("cedar,,,,,,,,,"), "{csv}");
    let html = String::from_utf8(incident(&home.edge, &["--format", "html"]).stdout).unwrap();
    assert!(html.contains("no right to this camera"), "{html}");
    // Nothing was handed out before the edge was there.
    let (none, _) = self::report(&home.edge, &["--until", "2020-01-01T00:00:00Z"]);
    assert_eq!(none["exposures"], Value::Array(vec![]), "{none}");
    assert_eq!((&none["deliveries"], &none["begins_before"]), (&0.into(), &true.into()));
    // Nor is anything said of a time to come.
    let early = incident(&home.edge, &["--until", "2100-01-01T00:00:00Z"]);
    let said = String::from_utf8(early.stderr).unwrap();
    assert!(early.status.code() == Some(1) && said.contains("in the future"), "{said}");
    // Nobody is said to be unaffected by a camera that nobody knows.
    let unknown = incident(&home.edge, &["--camera", &fresh_id()]);
    let said = String::from_utf8(unknown.stderr).unwrap();
    assert!(unknown.status.code() == Some(1) && said.contains("no such camera"), "{said}");
    let blank = home.edge.data().join("none");
    let more = ["--letters", "letters", "--incomplete", "--templates", blank.to_str().unwrap()];
    assert_eq!(incident(&home.edge, &more).status.code(), Some(1));
    letters(&home, &neighbour.id);
}

/// Each account gets the letter of its group, and a template that is wrong writes nothing.
fn letters(home: &Home, neighbour: &str) {
    let folder = tempfile::tempdir().unwrap();
    let (templates, letters) = (folder.path().join("templates"), folder.path().join("letters"));
    std::fs::create_dir(&templates).unwrap();
    let write = |text: &str| std::fs::write(templates.join("opened.txt"), text).unwrap();
    let run = || {
        let [letters, templates] = [&letters, &templates].map(|path| path.to_str().unwrap());
        let more = ["--letters", letters, "--templates", templates, "--incomplete"];
        let output = incident(&home.edge, &more);
        (output.status.code(), String::from_utf8(output.stderr).unwrap())
    };
    for (template, expected) in [
        ("Hello {{ nmae }}", "has the field `nmae`"),
        ("Hello {{ name", "opened.txt can't be used"),
        ("{% for delivery in deliveries %}{{ delivery.adress }}{% endfor %}", "can't be used"),
    ] {
        write(template);
        let (code, said) = run();
        assert!(code == Some(1) && said.contains(expected), "{template}: {said}");
        assert!(!letters.exists(), "{template}");
    }
    write("{{ name }}: {% for delivery in deliveries %}{{ delivery.what }}, {% endfor %}");
    let (code, said) = run();
    assert!(code == Some(3) && said.contains("3 letters"), "{said}");
    let letter = std::fs::read_to_string(letters.join("opened").join(format!("{neighbour}.txt")));
    assert_eq!(letter.unwrap(), "birch: still, events, ");
    let shown = std::fs::read_dir(letters.join("shown")).unwrap().next().unwrap().unwrap();
    let shown = std::fs::read_to_string(shown.path()).unwrap();
    let camera = format!(" ({})", home.camera.id);
    assert!(shown.contains(&camera) && shown.contains(&home.account.login), "{shown}");
    assert!(!shown.contains("deleted by them") && !shown.contains("and now"), "{shown}");
    // Whom the report may lack is not told that they are not affected.
    let other = folder.path().join("other");
    let output = incident(&home.edge, &["--letters", other.to_str().unwrap()]);
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.code() == Some(3) && said.contains("no letters were written"), "{said}");
    assert!(!other.exists() && !output.stdout.is_empty());
    // A folder that is there is never written into.
    let (code, said) = run();
    assert!(code == Some(1) && said.contains("is there already"), "{said}");
}
