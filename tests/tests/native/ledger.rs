//! The access ledger on the disk: what was received is in it, whatever happens, and whoever changes
//! it is found out.
//!
//! Variable: EYESONLY_LEDGER_ROUNDS, how often the edge is killed.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::process::Output;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use eyesonly_harness::footage::{description, fresh_id, mp4_around, noise};
use eyesonly_tests::folder::copy;
use eyesonly_tests::footage::media;
use eyesonly_tests::{Edge, EdgeOptions, variable};
use serde_json::Value;

use crate::Home;

fn command(edge: &Edge, arguments: &[&str]) -> Output {
    edge.command_line().command(arguments).output().unwrap()
}

/// Runs `ledger who` with these further arguments.
fn who(edge: &Edge, further: &[&str]) -> Vec<Value> {
    let output = command(edge, &[&["ledger", "who", "--json"], further].concat());
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let lines = String::from_utf8(output.stdout).unwrap();
    lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn verify(edge: &Edge, further: &[&str]) -> Result<String, String> {
    let output = command(edge, &[&["ledger", "verify"], further].concat());
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8(said).unwrap();
    if output.status.success() { Ok(said) } else { Err(said) }
}

/// What was handed out is in the ledger with its viewer, its camera and what was opened.
#[tokio::test]
async fn the_ledger_says_who_received_what() {
    let mut home = Home::new().await;
    let event = fresh_id();
    home.camera.put_still(&fresh_id(), media("alder-garden.jpg")).await.expect(201);
    home.camera.put_event(&event, &description("a cat")).await.expect(201);
    let clip = mp4_around(&noise("a clip", 300_000));
    home.camera.put_clip(&event, clip.clone()).await.expect(201);
    // A head is no delivery, and one entry is for the same still again.
    let path = format!("cameras/{}/thumbnail?width=320", home.camera.id);
    let head = home.viewer.ask(reqwest::Method::HEAD, &path).send().await.unwrap();
    assert_eq!(head.status(), 200);
    let still = home.viewer.thumbnail(&home.camera, 320).await.expect(200).body;
    home.viewer.thumbnail(&home.camera, 320).await.expect(200);
    home.viewer.clip(&home.camera, &event).await.expect(200);
    home.viewer.clip_range(&home.camera, &event, "bytes=0-99").await.expect(206);
    home.viewer.cameras().await;
    let other = home.edge.household("Birch Row 9").viewer("birch").login().await;
    other.clip(&home.camera, &event).await.expect_problem(404);
    home.edge.stop();

    let of_camera = who(&home.edge, &["--camera", &home.camera.id]);
    let handed: Vec<_> = of_camera.iter().map(|line| line["handed"].as_str().unwrap()).collect();
    assert_eq!(handed, ["still", "clip", "clip"], "{of_camera:?}");
    for line in &of_camera {
        assert_eq!(line["camera"], home.camera.id.as_str());
        let is_clip = line["handed"] == "clip";
        assert_eq!(line["outcome"], if is_clip { "whole".into() } else { Value::Null }, "{line}");
    }
    assert_eq!(of_camera[0]["bytes"], still.len());
    assert_eq!(of_camera[1]["bytes"], clip.len());
    assert_eq!(of_camera[2]["bytes"], 100);
    let opened = of_camera[1]["opened"].as_array().unwrap();
    assert!(opened.iter().any(|object| object["id"] == event.as_str()), "{opened:?}");
    // The list of cameras is of no household.
    let all = who(&home.edge, &[]);
    let lists = all.iter().filter(|line| line["household"].is_null());
    assert!(lists.count() >= 1, "{all:?}");
    // Three starts, two ends of clips, and those of the list of cameras.
    let said = verify(&home.edge, &[]).unwrap();
    let acts = command(&home.edge, &["ledger", "acts"]);
    let acts = String::from_utf8(acts.stdout).unwrap().lines().count();
    assert!(said.contains(&format!("is whole: {} entries", 7 + acts)), "{said}");
    // Times are shown in whole seconds, and such a time is a good bound.
    let at = of_camera[0]["at_milliseconds"].as_u64().unwrap() / 1000;
    let second = |at: u64| {
        let time = std::time::UNIX_EPOCH + Duration::from_secs(at);
        humantime::format_rfc3339_seconds(time).to_string()
    };
    let still_of = |from: u64, until: u64| {
        let (from, until) = (second(from), second(until));
        let seen = who(&home.edge, &["--from", &from, "--until", &until]);
        seen.iter().any(|line| line["handed"] == "still")
    };
    assert!(still_of(at, at) && still_of(at + 9, at + 20), "it stands for ten seconds");
    assert!(!still_of(at - 9, at - 1) && !still_of(at + 12, at + 20));
}

/// What is asked for too often is refused, and what was entered stays readable. A household that
/// is removed takes its entries with it.
#[tokio::test]
async fn a_removed_household_leaves_entries_that_nobody_reads() {
    let mut home = Home::new().await;
    let event = fresh_id();
    home.camera.put_event(&event, &description("a cat")).await.expect(201);
    home.viewer.event(&home.camera, &event).await.expect(200);
    home.edge.stop();
    assert_eq!(who(&home.edge, &["--household", &home.household.id]).len(), 1);
    let removed = command(&home.edge, &["household", "remove", &home.household.id]);
    assert!(removed.status.success());
    let output = command(&home.edge, &["ledger", "who"]);
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success() && said.contains("5 entries can't be read"), "{said}");
    assert!(verify(&home.edge, &[]).is_ok());
}

/// A copy that is made while the edge goes on is whole, and what was changed in it is found.
#[tokio::test(flavor = "multi_thread")]
async fn a_copy_is_whole_while_the_edge_goes_on() {
    let home = Home::new().await;
    let event = fresh_id();
    home.camera.put_event(&event, &description("a cat")).await.expect(201);
    let looking = tokio::spawn({
        let (viewer, camera) = (home.viewer.clone(), home.camera.clone());
        async move {
            loop {
                let _limited = viewer.event(&camera, &event).await;
            }
        }
    });
    for nth in 0..8 {
        tokio::time::sleep(Duration::from_millis(300)).await;
        let to = home.edge.folder().join(format!("copy-{nth}"));
        let to = to.to_str().unwrap();
        let output = command(&home.edge, &["ledger", "copy", to]);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "copy {nth}: {said}");
        verify(&home.edge, &[to]).unwrap();
    }
    looking.abort();
    let again = command(&home.edge, &["ledger", "copy", home.edge.data().to_str().unwrap()]);
    let said = String::from_utf8_lossy(&again.stderr).into_owned();
    assert!(!again.status.success() && said.contains("is there already"), "{said}");
}

/// What administration does is in the ledger, whether the edge runs meanwhile or not, and before
/// what was received by it.
#[tokio::test]
async fn acts_are_entered_before_what_they_allow() {
    let mut home = Home::new().await;
    let event = fresh_id();
    home.camera.put_event(&event, &description("a cat")).await.expect(201);
    let neighbour = home.edge.household("Birch Row 9").viewer("birch");
    let camera = home.camera.id.clone();
    let share = ["--camera", camera.as_str(), "--viewer", "birch"];
    let run = |edge: &Edge, words: &[&str], more: &[&str]| {
        let output = command(edge, &[words, &share, more].concat());
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    };
    run(&home.edge, &["share", "add"], &["--kinds", "events", "--past"]);
    let viewer = neighbour.login().await;
    viewer.event(&home.camera, &event).await.expect(200);
    run(&home.edge, &["share", "remove"], &[]);
    viewer.event(&home.camera, &event).await.expect_problem(404);
    home.edge.stop();
    // Nobody holds the log now. The next start enters it.
    run(&home.edge, &["share", "add"], &["--kinds", "live"]);
    home.edge.restart();
    home.viewer = home.account.through(home.edge.door()).login().await;
    home.viewer.event(&home.camera, &event).await.expect(200);
    home.edge.stop();

    let output = command(&home.edge, &["ledger", "acts", "--json"]);
    let lines = String::from_utf8(output.stdout).unwrap();
    let acts: Vec<Value> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let of_neighbour: Vec<&Value> = acts
        .iter()
        .filter(|act| {
            act["viewer"] == neighbour.id.as_str() && act["camera"] == home.camera.id.as_str()
        })
        .collect();
    let deeds: Vec<_> = of_neighbour.iter().map(|act| act["deed"].as_str().unwrap()).collect();
    assert_eq!(deeds, ["right", "right-taken", "right"], "{lines}");
    let kinds = &of_neighbour[2]["right"]["kinds"];
    assert_eq!((&kinds["live"], &kinds["events"]), (&true.into(), &false.into()));
    let entry = |act: &Value| act["entry"].as_u64().unwrap();
    let seen = who(&home.edge, &["--viewer", "birch", "--camera", &home.camera.id]);
    let [received] = &seen[..] else { panic!("{seen:?}") };
    assert!(entry(of_neighbour[0]) < entry(received), "{lines}");
    // The numbers only grow. A session is part of no commit of rights, and has none.
    let numbers = acts.iter().filter(|act| !act["deed"].as_str().unwrap().starts_with("signed-"));
    let numbers: Vec<u64> = numbers.map(|act| act["number"].as_u64().unwrap()).collect();
    assert!(numbers.is_sorted(), "{lines}");
    assert!(verify(&home.edge, &[]).is_ok());
}

/// Answers that were not what was asked for are entered, with how many there were.
#[tokio::test]
async fn rejected_answers_are_entered() {
    let mut home = Home::new().await;
    let event = fresh_id();
    home.camera.put_event(&event, &description("a cat")).await.expect(201);
    let clip = mp4_around(&noise("a clip", 300_000));
    home.camera.put_clip(&event, clip).await.expect(201);
    let [object] = &home.edge.objects()[..] else { panic!("one object was stored") };
    let mut bytes = std::fs::read(object).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(object, bytes).unwrap();
    assert!(home.viewer.clip(&home.camera, &event).await.status != 200);
    home.edge.stop();
    let output = command(&home.edge, &["ledger", "misdeliveries", "--json"]);
    let lines = String::from_utf8(output.stdout).unwrap();
    let all: Vec<Value> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let chunk = all.iter().find(|line| line["fault"] == "bad_chunk").expect(&lines);
    assert_eq!(chunk["camera"], home.camera.id.as_str(), "{chunk}");
    assert_eq!(chunk["camera_name"], "Front door", "{chunk}");
    assert!(chunk["count"].as_u64().unwrap() >= 1);
    assert!(verify(&home.edge, &[]).is_ok());
}

/// The file that spares a start the reading of the log is believed only where it fits.
#[tokio::test]
async fn a_start_goes_on_with_each_owners_lines() {
    let mut home = Home::new().await;
    let event = fresh_id();
    home.camera.put_event(&event, &description("a cat")).await.expect(201);
    let saved = home.edge.data().join("ledger-chains");
    let mut kept = Vec::new();
    let look = async |home: &Home| {
        for _ in 0..3 {
            home.viewer.event(&home.camera, &event).await.expect(200);
        }
    };
    for round in 0..4 {
        look(&home).await;
        home.edge.stop();
        let said = verify(&home.edge, &[]).unwrap_or_else(|said| panic!("round {round}: {said}"));
        assert!(said.contains("whole"), "{said}");
        match round {
            0 => kept = std::fs::read(&saved).unwrap(),
            // An older one is good, and the lines since are read.
            1 => std::fs::write(&saved, &kept).unwrap(),
            2 => std::fs::write(&saved, "torn").unwrap(),
            _ => std::fs::remove_file(&saved).unwrap(),
        }
        home.edge.restart();
        home.viewer = home.account.through(home.edge.door()).login().await;
    }
    look(&home).await;
    home.edge.stop();
    assert!(verify(&home.edge, &[]).is_ok());
    assert!(who(&home.edge, &["--camera", &home.camera.id]).len() >= 15);
}

/// A change of the files is found with the files and the key alone, and a rollback with a
/// checkpoint that was kept.
#[tokio::test]
async fn a_changed_ledger_is_found_out() {
    let mut home = Home::new().await;
    let event = fresh_id();
    home.camera.put_event(&event, &description("a cat")).await.expect(201);
    for _ in 0..20 {
        home.viewer.event(&home.camera, &event).await.expect(200);
    }
    home.edge.stop();
    let folder = home.edge.data().join("ledger");
    let before = home.edge.folder().join("ledger-before");
    copy(&folder, &before);
    home.edge.restart();
    for _ in 0..20 {
        home.viewer.event(&home.camera, &event).await.expect(200);
    }
    home.edge.stop();
    let key = command(&home.edge, &["ledger", "key"]);
    let key = String::from_utf8(key.stdout).unwrap().trim().to_owned();
    let kept = home.edge.folder().join("checkpoint");
    std::fs::write(&kept, command(&home.edge, &["ledger", "checkpoint"]).stdout).unwrap();
    let kept = kept.to_str().unwrap();
    assert!(verify(&home.edge, &["--key", &key, "--since", kept]).is_ok());

    // An older state of the log is whole by itself. With the checkpoint it is not.
    let before = before.to_str().unwrap();
    assert!(verify(&home.edge, &[before, "--key", &key]).is_ok());
    let said = verify(&home.edge, &[before, "--key", &key, "--since", kept]).unwrap_err();
    assert!(said.contains("NOT whole"), "{said}");

    // One bit of one entry.
    let tail = largest(&folder);
    let mut bytes = std::fs::read(&tail).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(&tail, &bytes).unwrap();
    let said = verify(&home.edge, &["--key", &key]).unwrap_err();
    assert!(said.contains("NOT whole"), "{said}");
}

fn largest(folder: &Path) -> PathBuf {
    let files = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    files.filter(|path| path.is_file()).max_by_key(|path| path.metadata().unwrap().len()).unwrap()
}

/// What an orderly stop cuts off has its end, with what left of it.
#[tokio::test]
async fn what_a_stop_cuts_off_has_its_end() {
    let mut home = Home::new().await;
    let event = fresh_id();
    home.camera.put_event(&event, &description("a cat")).await.expect(201);
    let clip = mp4_around(&noise("long", 24 << 20));
    home.camera.put_clip(&event, clip.clone()).await.expect(201);
    let path = format!("cameras/{}/events/{event}/clip", home.camera.id);
    // Nobody reads it on, so the stop waits for it in vain.
    let mut stalled = home.viewer.ask(reqwest::Method::GET, &path).send().await.unwrap();
    stalled.chunk().await.unwrap();
    home.edge.stop();
    let all = who(&home.edge, &[]);
    let [delivery] = &all[..] else { panic!("one delivery: {all:?}") };
    assert_eq!(delivery["outcome"], "cut", "{delivery}");
    assert!(delivery["bytes"].as_u64().unwrap() < clip.len() as u64, "{delivery}");
}

/// The edge is killed while many receive. Every response whose head came has its entry, and the log
/// is whole after each start.
#[tokio::test(flavor = "multi_thread")]
async fn what_left_before_a_kill_has_its_entry() {
    let rounds = variable("EYESONLY_LEDGER_ROUNDS", 4);
    let mut edge = Edge::start(EdgeOptions::default());
    let household = edge.household("Alder Lane 4");
    let camera = household.camera("Front door");
    let mut events = Vec::new();
    for number in 0..8 {
        let event = fresh_id();
        camera.put_event(&event, &description(&format!("event {number}"))).await.expect(201);
        events.push(event);
    }
    let accounts: Vec<_> = (0..4).map(|n| household.viewer(&format!("viewer-{n}"))).collect();
    let received: Arc<Mutex<HashMap<(String, String), usize>>> = Arc::default();
    for round in 0..rounds {
        let mut asking = Vec::new();
        for account in &accounts {
            let viewer = account.through(edge.door()).login().await;
            let (camera, events) = (camera.through(edge.door()), events.clone());
            let (received, id) = (Arc::clone(&received), account.id.clone());
            asking.push(tokio::spawn(async move {
                for event in events.iter().cycle() {
                    let path = format!("cameras/{}/events/{event}", camera.id);
                    let request = viewer.ask(reqwest::Method::GET, &path);
                    match request.send().await {
                        Ok(answer) if answer.status() == 200 => {
                            let key = (id.clone(), event.clone());
                            *received.lock().unwrap().entry(key).or_default() += 1;
                        }
                        // A viewer has fifty entries a second.
                        Ok(answer) if answer.status() == 429 => {
                            tokio::time::sleep(Duration::from_millis(20)).await;
                        }
                        Ok(answer) => panic!("{}", answer.status()),
                        Err(_) => return,
                    }
                }
            }));
        }
        tokio::time::sleep(Duration::from_millis(150 + 97 * (round % 11))).await;
        edge.kill9();
        for task in asking {
            task.await.unwrap();
        }
        edge.restart();
        let said = verify(&edge, &[]).unwrap_or_else(|said| panic!("round {round}: {said}"));
        assert!(said.contains("whole"), "{said}");
    }
    edge.stop();
    let mut entered: HashMap<(String, String), usize> = HashMap::new();
    for line in who(&edge, &["--camera", &camera.id]) {
        let viewer = line["viewer"].as_str().unwrap().to_owned();
        let opened = line["opened"].as_array().unwrap();
        let event = opened[0]["id"].as_str().unwrap().to_owned();
        *entered.entry((viewer, event)).or_default() += 1;
    }
    let received = received.lock().unwrap();
    let all: usize = received.values().sum();
    assert!(all > 50, "only {all} responses came");
    for (key, count) in received.iter() {
        let has = entered.get(key).copied().unwrap_or(0);
        assert!(has >= *count, "{key:?}: {count} responses came, and {has} have an entry");
    }
    println!("{rounds} kills, {all} responses, {} entries", entered.values().sum::<usize>());
}
