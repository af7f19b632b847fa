//! The decision beside Cedar's: another language, another engine, and random questions.
//!
//! EYESONLY_ORACLE_SEED repeats a run, and EYESONLY_ORACLE_QUESTIONS says how many there are.
#![allow(clippy::unwrap_used, clippy::panic, reason = "all of this is a test")]

use eyesonly_rights::{
    Action, CameraRight, Kinds, Mint, Rights, Role, SessionRecord, Verifier, ViewerRecord, Window,
    requester,
};
use eyesonly_seal::{CameraId, EdgeKey, HouseholdId, Kind, SessionId, ViewerId};
use eyesonly_tests::built::ROOT;
use eyesonly_tests::dice::Dice;
use eyesonly_tests::python::python;
use serde_json::{Value, json};
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{SystemTime, UNIX_EPOCH};

/// How many questions Cedar is asked at once.
const AT_ONCE: u64 = 1000;

/// Says yes three times of four.
fn flag(dice: &mut Dice) -> bool {
    dice.below(4) > 0
}

/// Returns a time. Times lie close together, so that ends meet.
fn time(dice: &mut Dice) -> u64 {
    if dice.below(50) == 0 { dice.roll() >> 2 } else { 100 + dice.below(6) as u64 }
}

fn end(dice: &mut Dice) -> Option<u64> {
    (dice.below(3) > 0).then(|| time(dice))
}

/// One question, with all that it depends on.
#[derive(Debug, Clone)]
struct Question {
    right: CameraRight,
    belongs: bool,
    epochs: (u64, u64),
    now: u64,
    session_ends: u64,
    action: Action,
    object: (Kind, u64),
}

impl Question {
    fn random(dice: &mut Dice) -> Self {
        let roles = [Role::Owner, Role::Member, Role::Guest, Role::Installer];
        let actions = [Action::Live, Action::Events, Action::Clips, Action::Delete];
        let kinds = [Kind::Still, Kind::LiveChunk, Kind::Event, Kind::EventStill, Kind::Clip];
        let right = CameraRight {
            camera: CameraId::from_bytes([3; 16]),
            household: HouseholdId::from_bytes([4; 16]),
            name: "Front door".into(),
            role: dice.one_of(&roles),
            kinds: Kinds { live: flag(dice), events: flag(dice), clips: flag(dice) },
            window: Window { from_milliseconds: end(dice), until_milliseconds: end(dice) },
            expires_at_seconds: end(dice),
        };
        let epoch = dice.below(3) as u64;
        Self {
            right,
            belongs: flag(dice),
            epochs: (epoch, if flag(dice) { epoch } else { dice.below(3) as u64 }),
            now: 100 + dice.below(6) as u64,
            session_ends: if flag(dice) { 200 } else { time(dice) },
            action: dice.one_of(&actions),
            object: (dice.one_of(&kinds), time(dice)),
        }
    }

    /// The project's decision.
    fn ours(&self) -> bool {
        let edge = EdgeKey::from_bytes([1; 32]);
        let (viewer, session) = (ViewerId::from_bytes([1; 16]), SessionId::from_bytes([2; 16]));
        let credential = Mint::new(&edge).viewer(viewer, session);
        let verified = Verifier::new(&edge).viewer(&credential).ok().unwrap();
        let (epoch, expires_at_seconds) = (self.epochs.0, self.session_ends);
        let client = String::new();
        let record = SessionRecord { session, viewer, epoch, expires_at_seconds, client };
        let Ok(requester) = requester(&verified, Some(&record), self.now) else { return false };
        let record = ViewerRecord {
            viewer,
            name: "alder".into(),
            households: if self.belongs { vec![self.right.household] } else { vec![] },
            cameras: vec![self.right.clone()],
            epoch: self.epochs.1,
            sequence: 1,
        };
        let Some(rights) = Rights::of(requester, record, self.now) else { return false };
        let permit = rights.permit(self.right.camera, self.action);
        permit.is_some_and(|permit| permit.covers(self.object.0, self.object.1))
    }

    /// The same question for Cedar: the action and the context.
    fn asked(&self) -> Value {
        let right = &self.right;
        let of = match self.object.0 {
            Kind::Still | Kind::LiveChunk => "live",
            Kind::Event | Kind::EventStill => "events",
            Kind::Clip => "clips",
        };
        let mut context = json!({
            "role": format!("{:?}", right.role).to_lowercase(),
            "live": right.kinds.live,
            "events": right.kinds.events,
            "clips": right.kinds.clips,
            "belongs": self.belongs,
            "session_epoch": self.epochs.0,
            "epoch": self.epochs.1,
            "session_ends": self.session_ends,
            "now": self.now,
            "of": of,
            "time": self.object.1,
        });
        for (name, end) in [
            ("ends", right.expires_at_seconds),
            ("from", right.window.from_milliseconds),
            ("until", right.window.until_milliseconds),
        ] {
            // Cedar's records have no null.
            if let Some(end) = end {
                context[name] = end.into();
            }
        }
        json!([format!("{:?}", self.action).to_lowercase(), context])
    }
}

#[test]
fn cedar_decides_alike() {
    let from = |name: &str| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_nanos() as u64;
    let seed = from("EYESONLY_ORACLE_SEED").unwrap_or(now);
    let questions = from("EYESONLY_ORACLE_QUESTIONS").unwrap_or(20_000);
    let mut cedar = Command::new(python("oracle"))
        .arg(Path::new(ROOT).join("tests/oracle/cedar.py"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut to = cedar.stdin.take().unwrap();
    let mut answers = BufReader::new(cedar.stdout.take().unwrap()).lines();
    let (mut dice, mut allowed, mut asked) = (Dice(seed), 0, 0);
    while asked < questions {
        let many = AT_ONCE.min(questions - asked);
        asked += many;
        let some: Vec<_> = (0..many).map(|_| Question::random(&mut dice)).collect();
        let line = Value::from_iter(some.iter().map(Question::asked));
        writeln!(to, "{line}").unwrap();
        let answer = answers.next().unwrap_or_else(|| panic!("seed {seed}: no answer")).unwrap();
        let theirs: Vec<bool> = serde_json::from_str(&answer).unwrap();
        assert_eq!(theirs.len(), some.len(), "seed {seed}");
        for (question, theirs) in some.iter().zip(theirs) {
            assert_eq!(question.ours(), theirs, "seed {seed}: {question:?}");
            allowed += u64::from(theirs);
        }
    }
    drop(to);
    assert!(cedar.wait().unwrap().success());
    println!("seed {seed}: {allowed} of {questions} questions were allowed");
    assert!(allowed * 50 > questions, "both answers must come: {allowed} of {questions}");
}
