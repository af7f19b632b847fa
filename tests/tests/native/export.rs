//! A household's export of the access ledger: it is read and verified without the log.

use std::path::Path;
use std::process::Output;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use eyesonly_harness::footage::{description, fresh_id};
use eyesonly_tests::Edge;
use eyesonly_tests::footage::media;
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use crate::Home;

fn ledger(edge: &Edge, arguments: &[&str]) -> Output {
    edge.command_line().command(&[&["ledger"], arguments].concat()).output().unwrap()
}

/// Verifies an export by its file alone. Returns the exit code, and what was said.
fn verify(edge: &Edge, file: &Path, key: &str) -> (Option<i32>, String) {
    let output = ledger(edge, &["verify", file.to_str().unwrap(), "--key", key]);
    (output.status.code(), String::from_utf8([output.stdout, output.stderr].concat()).unwrap())
}

/// A household's own entries are in its export, each with what it says. Whoever changes the file is
/// found out.
#[tokio::test]
async fn a_household_verifies_its_export_without_the_log() {
    let mut home = Home::new().await;
    let event = fresh_id();
    home.camera.put_still(&fresh_id(), media("alder-garden.jpg")).await.expect(201);
    home.camera.put_event(&event, &description("a cat")).await.expect(201);
    home.viewer.thumbnail(&home.camera, 320).await.expect(200);
    home.viewer.event(&home.camera, &event).await.expect(200);
    let other = home.edge.household("Birch Row 9");
    let foreign = other.camera("Hall");
    foreign.put_still(&fresh_id(), media("alder-garden.jpg")).await.expect(201);
    other.viewer("birch").login().await.thumbnail(&foreign, 320).await.expect(200);
    home.edge.stop();

    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("export");
    let household = home.household.id.clone();
    let export = |household: &str| {
        ledger(&home.edge, &["export", "--household", household, file.to_str().unwrap()])
    };
    let output = export(&household);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(!export(&household).status.success(), "the file is there");
    let key = String::from_utf8(ledger(&home.edge, &["key"]).stdout).unwrap();
    let (key, text) = (key.trim(), std::fs::read_to_string(&file).unwrap());
    let (code, said) = verify(&home.edge, &file, key);
    assert_eq!(code, Some(0), "{said}");

    let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let says: Vec<&Value> = lines[1..].iter().map(|line| &line["says"]).collect();
    let handed: Vec<_> = says.iter().filter_map(|says| says["handed"].as_str()).collect();
    assert_eq!(handed, ["still", "events", "events"], "{text}");
    let enrolled =
        |says: &&&Value| says["deed"] == "camera" && says["camera"] == home.camera.id.as_str();
    assert_eq!(says.iter().filter(enrolled).count(), 1, "{text}");
    assert!(!text.contains(&foreign.id) && !text.contains(&other.id), "{text}");
    strangers_proof(&lines);

    // Whoever changes it is found out.
    let changed = |change: &dyn Fn(&mut Vec<Value>)| {
        let mut lines = lines.clone();
        change(&mut lines);
        let lines: Vec<String> = lines.iter().map(ToString::to_string).collect();
        std::fs::write(&file, lines.join("\n")).unwrap();
        verify(&home.edge, &file, key)
    };
    assert_eq!(changed(&|_| {}).0, Some(0));
    let one_less = |lines: &mut Vec<Value>| lines[0]["entries"] = (lines.len() - 2).into();
    type Change<'a> = (&'a dyn Fn(&mut Vec<Value>), &'a str);
    let changes: [Change; 8] = [
        (&|lines| drop(lines.remove(2)), "an entry is missing"),
        (&|lines| lines.swap(2, 3), "an entry is missing"),
        (&|lines| drop(lines.pop()), "was cut"),
        (&|lines| lines[1]["says"]["viewer"] = "somebody".into(), "something else than its entry"),
        (&|lines| lines[1]["index"] = 7777.into(), "does not have this entry"),
        (&|lines| lines[0]["days"] = serde_json::json!({}), "something else than its entry"),
        (&|lines| lines[0]["household"] = other.id.as_str().into(), "no entry of this household"),
        (
            &|lines| {
                let bytes = STANDARD.decode(lines[1]["entry"].as_str().unwrap()).unwrap();
                let mut bytes = bytes;
                bytes[100] ^= 1;
                lines[1]["entry"] = STANDARD.encode(bytes).into();
            },
            "does not have this entry",
        ),
    ];
    for (change, expected) in changes {
        let (code, said) = changed(change);
        assert!(code == Some(3) && said.contains(expected), "{expected}: {said}");
    }
    // What is left out at the end, with its count, is found by the next export alone.
    let (code, _) = changed(&|lines| {
        one_less(lines);
        drop(lines.pop());
    });
    assert_eq!(code, Some(0));
    let (code, said) = changed(&|lines| {
        let note = lines[0]["checkpoint"].as_str().unwrap().replacen('\n', "\n1", 1);
        lines[0]["checkpoint"] = note.into();
    });
    assert!(code == Some(3) && said.contains("checkpoint is not to be believed"), "{said}");
    // With another key of its days it says nothing, and is not taken for whole.
    let (code, said) = changed(&|lines| {
        for key in lines[0]["days"].as_object_mut().unwrap().values_mut() {
            *key = STANDARD.encode([7; 32]).into();
        }
        lines[1..].iter_mut().for_each(|line| line["says"] = Value::Null);
    });
    assert!(code == Some(3) && said.contains("of them do not open"), "{said}");
    std::fs::write(&file, "no export\n").unwrap();
    let (code, said) = verify(&home.edge, &file, key);
    assert!(code == Some(3) && said.contains("no header of an export"), "{said}");
    // A household that is not there has none.
    std::fs::remove_file(&file).unwrap();
    assert!(!export("0190a7c0-0000-7000-8000-000000000000").status.success());
    assert!(!file.exists());
}

/// Checks the proof of each entry by RFC 6962 alone, and without a line of Eyesonly's.
fn strangers_proof(lines: &[Value]) {
    let note = lines[0]["checkpoint"].as_str().unwrap();
    let mut head = note.lines().skip(1);
    let size: u64 = head.next().unwrap().parse().unwrap();
    let root = STANDARD.decode(head.next().unwrap()).unwrap();
    for line in &lines[1..] {
        let (mut at, mut last) = (line["index"].as_u64().unwrap(), size - 1);
        let entry = STANDARD.decode(line["entry"].as_str().unwrap()).unwrap();
        let mut hash = Sha256::digest([&[0], &entry[..]].concat()).to_vec();
        for other in line["proof"].as_array().unwrap() {
            let other = STANDARD.decode(other.as_str().unwrap()).unwrap();
            let is_right = at % 2 == 1 || at == last;
            let pair = if is_right { [other, hash].concat() } else { [hash, other].concat() };
            hash = Sha256::digest([&[1], &pair[..]].concat()).to_vec();
            while is_right && at.is_multiple_of(2) && at != 0 {
                (at, last) = (at / 2, last / 2);
            }
            (at, last) = (at / 2, last / 2);
        }
        assert_eq!((last, hash), (0, root.clone()), "{line}");
    }
}
