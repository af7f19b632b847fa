//! An upload is acknowledged only once it is durable. The right order is: object flushed, its
//! folder flushed, index committed, then the answer. The test sees it from outside: strace shows
//! the system calls of the edge during one upload.
//!
//! strace makes a disk slow, too: what waits for one flush is seen then.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "all of this is a test"
)]

mod trace;

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};

use eyesonly_harness::footage::{description, fresh_id, mp4_around, noise};
use eyesonly_harness::paths;
use eyesonly_tests::footage::media;
use eyesonly_tests::tool::{skipped, tool};
use eyesonly_tests::{Camera, Edge, EdgeOptions};
use reqwest::Method;
use tempfile::NamedTempFile;
use tokio::task::JoinSet;
use trace::{Call, calls};

const TRACED: &str = "trace=write,writev,pwrite64,pwritev,pwritev2,sendto,sendmsg,fsync,fdatasync,\
                      sync_file_range,\
                      link,linkat,rename,renameat,renameat2";

/// A flush of the ledger takes 0.3 s.
const SLOW: &str = "inject=fdatasync:delay_enter=300000";

/// strace, attached to an edge. strace ends with the test, and the edge runs on.
struct Tracer {
    child: Child,
    output: NamedTempFile,
}

impl Tracer {
    /// Attaches strace; returns none if this user may not (the edge lets only root trace it).
    fn attach(edge: &Edge, expression: &str) -> Option<Self> {
        let output = NamedTempFile::new().unwrap();
        let mut command = Command::new("strace");
        command
            .args(["-f", "-y", "-s", "96", "-e", expression, "-o"])
            .arg(output.path())
            .args(["-p", &edge.pid().to_string()]);
        let mut child = command.stdin(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        let mut said = BufReader::new(child.stderr.take().unwrap());
        let mut line = String::new();
        said.read_line(&mut line).unwrap();
        if line.contains("attached") {
            // strace prints more at its end, so the pipe must stay open until then.
            std::thread::spawn(move || said.lines().for_each(drop));
            return Some(Self { child, output });
        }
        assert!(line.contains("not permitted"), "strace said {line:?}");
        skipped("the right to trace the edge: run it as root");
        let _ = child.wait();
        None
    }

    /// Detaches, and returns the calls.
    fn finish(mut self) -> Vec<Call> {
        let pid = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
        self.child.wait().unwrap();
        calls(&std::fs::read_to_string(self.output.path()).unwrap())
    }
}

impl Drop for Tracer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The traces that an upload leaves behind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Leaves {
    /// A sealed file and a row.
    FileAndRow,
    /// A row that holds everything.
    Row,
}

/// Says what is out of order in the calls of one upload; none if all is as it should be.
fn disorder(calls: &[Call], leaves: Leaves) -> Option<&'static str> {
    let done: Vec<&Call> = calls.iter().filter(|call| call.succeeded).collect();
    let Some(answer) = calls.iter().find(|call| call.sends("HTTP/1.1 2")) else {
        return Some("no answer was sent");
    };
    let log = |call: &&Call| call.path().is_some_and(|path| path.ends_with("/registry.sqlite-wal"));
    let mut committing = calls.iter().filter(|call| call.is_write()).filter(log);
    let Some(first_row) = committing.next() else {
        return Some("nothing was written to the index");
    };
    let last_row = committing.next_back().unwrap_or(first_row);
    let is_committed = done.iter().any(|call| {
        call.is_flush() && log(call) && last_row.is_before(call) && call.is_before(answer)
    });
    if !is_committed {
        return Some("the answer was sent before the index was flushed");
    }
    if leaves == Leaves::Row {
        return None;
    }
    let Some((published, from, to)) =
        done.iter().find_map(|call| call.gives_name().map(|(from, to)| (call, from, to)))
    else {
        return Some("no object was given its name");
    };
    let mut writes = calls.iter().filter(|call| call.is_write() && call.path() == Some(from));
    let Some(last_write) = writes.next_back() else {
        return Some("the object was not written");
    };
    let is_object = |path: &str| path == from || path == to;
    let object_flushed = done.iter().find(|call| {
        call.is_flush() && call.path().is_some_and(is_object) && last_write.is_before(call)
    });
    let Some(object_flushed) = object_flushed else {
        return Some("the object was not flushed after its last byte");
    };
    let folder = to.rsplit_once('/').map(|(folder, _)| folder);
    let folder_flushed = done
        .iter()
        .find(|call| call.is_flush() && call.path() == folder && published.is_before(call));
    let Some(folder_flushed) = folder_flushed else {
        return Some("the folder was not flushed after the object had its name");
    };
    if !object_flushed.is_before(folder_flushed) {
        return Some("the folder was flushed before the object");
    }
    if !folder_flushed.is_before(first_row) {
        return Some("the index was written before the folder was flushed");
    }
    None
}

/// Starts an edge with one camera, and returns the calls of one upload; none if strace can't be
/// used.
async fn traced(upload: impl AsyncFnOnce(&Camera) -> u16) -> Option<Vec<Call>> {
    if !tool("strace") {
        return None;
    }
    let edge = Edge::start(EdgeOptions::default());
    let camera = edge.household("Traced").camera("one");
    // The camera hands in once before, so that everything that happens only once has happened.
    camera.put_still(&fresh_id(), media("special/orientation-1.jpg")).await.expect(201);
    let tracer = Tracer::attach(&edge, TRACED)?;
    let status = upload(&camera).await;
    let calls = tracer.finish();
    assert_eq!(status, 201);
    Some(calls)
}

fn check(calls: &[Call], leaves: Leaves) {
    assert_eq!(disorder(calls, leaves), None, "in {}", trace::listing(calls));
}

#[tokio::test]
async fn a_still() {
    let upload = async |camera: &Camera| {
        camera.put_still(&fresh_id(), media("alder-garden.jpg")).await.status
    };
    let Some(calls) = traced(upload).await else { return };
    check(&calls, Leaves::FileAndRow);
    every_disorder_is_seen(&calls);
}

#[tokio::test]
async fn a_clip_that_is_stored_in_parts() {
    let upload = async |camera: &Camera| {
        let id = fresh_id();
        camera.put_event(&id, &description("with a clip")).await.expect(201);
        camera.put_clip(&id, mp4_around(&noise("traced", 2_700_000))).await.status
    };
    let Some(calls) = traced(upload).await else { return };
    // The event's own answer comes first. All later calls are the clip's.
    let event_answered = calls.iter().position(|call| call.sends("HTTP/1.1 2")).unwrap();
    let (event, clip) = calls.split_at(event_answered + 1);
    check(event, Leaves::Row);
    check(clip, Leaves::FileAndRow);
    let written = clip.iter().filter(|call| {
        call.is_write() && call.path().is_some_and(|path| path.contains("/objects/"))
    });
    assert!(written.count() >= 2, "it came in parts");
    every_disorder_is_seen(clip);
}

#[tokio::test]
async fn an_event() {
    let upload =
        async |camera: &Camera| camera.put_event(&fresh_id(), &description("traced")).await.status;
    let Some(calls) = traced(upload).await else { return };
    check(&calls, Leaves::Row);
    let stored =
        calls.iter().find(|call| call.path().is_some_and(|path| path.contains("/objects/")));
    assert!(stored.is_none(), "an event is a row and nothing else: {stored:?}");
}

/// A function that selects calls.
type Chosen<'a> = dyn Fn(&Call) -> bool + 'a;

/// Spoils a real trace in every way that matters. A check that lets one of these pass would be
/// worth nothing.
fn every_disorder_is_seen(calls: &[Call]) {
    let folder = |call: &Call| {
        call.is_flush()
            && call.path().is_some_and(|path| path.rsplit('/').next().unwrap().len() == 2)
    };
    let object = |call: &Call| {
        call.is_flush()
            && call.path().is_some_and(|path| path.contains("/objects/"))
            && !folder(call)
    };
    let log =
        |call: &Call| call.is_flush() && call.path().is_some_and(|path| path.ends_with("-wal"));
    let answer = |call: &Call| call.sends("HTTP/1.1 2");
    let write =
        |call: &Call| call.is_write() && call.path().is_some_and(|path| path.contains("/objects/"));
    let spoilt = |spoil: &dyn Fn(&mut Vec<Call>)| {
        let mut calls = calls.to_vec();
        spoil(&mut calls);
        trace::number_anew(&mut calls);
        disorder(&calls, Leaves::FileAndRow)
    };
    assert_eq!(spoilt(&|_| {}), None, "numbering anew changes nothing");
    let kinds: [(&str, &Chosen); 4] = [
        ("the object's flush", &object),
        ("the folder's flush", &folder),
        ("the index's flush", &log),
        ("the answer", &answer),
    ];
    for (name, is_it) in kinds {
        assert!(calls.iter().any(is_it), "{name} is in the trace");
        assert!(spoilt(&|calls| calls.retain(|call| !is_it(call))).is_some(), "without {name}");
    }
    for (name, is_it) in &kinds[..3] {
        let failed = spoilt(&|calls| {
            calls.iter_mut().filter(|call| is_it(call)).for_each(|call| call.succeeded = false)
        });
        assert!(failed.is_some(), "{name} failed");
        assert!(
            spoilt(&|calls| move_behind(calls, is_it, &answer)).is_some(),
            "{name} after the answer"
        );
    }
    assert!(
        spoilt(&|calls| move_behind(calls, &folder, &log)).is_some(),
        "the folder's flush after the index's"
    );
    assert!(
        spoilt(&|calls| move_behind(calls, &object, &folder)).is_some(),
        "the object's flush after the folder's"
    );
    assert!(
        spoilt(&|calls| move_behind(calls, &write, &object)).is_some(),
        "the object's bytes after its flush"
    );
    assert!(spoilt(&|calls| calls.reverse()).is_some(), "backwards");
}

/// Moves every call that `which` selects behind the last one that `target` selects.
fn move_behind(calls: &mut Vec<Call>, which: &Chosen, target: &Chosen) {
    let (moved, mut rest): (Vec<_>, Vec<_>) = calls.drain(..).partition(|call| which(call));
    let at = rest.iter().rposition(target).expect("the target is in the trace") + 1;
    rest.splice(at..at, moved);
    *calls = rest;
}

/// Many ask for one still at once, by one session, while its entry waits for the disk. That entry
/// covers them all: one viewer may have fifty a second.
#[tokio::test(flavor = "multi_thread")]
async fn one_entry_covers_all_that_ask_at_once() {
    if !tool("strace") {
        return;
    }
    let edge = Edge::start(EdgeOptions::default());
    let household = edge.household("Alder Lane 4");
    let (camera, account) = (household.camera("Door"), household.viewer("alder"));
    camera.put_still(&fresh_id(), media("alder-front-door.jpg")).await.expect(201);
    let viewer = account.login().await;
    viewer.cameras().await;
    let Some(tracer) = Tracer::attach(&edge, SLOW) else { return };
    let mut asking = JoinSet::new();
    for _ in 0..200 {
        let ask = viewer.ask(Method::GET, &paths::thumbnail(&camera.id, 320));
        asking.spawn(async move { ask.send().await.unwrap().status().as_u16() });
    }
    let answers = asking.join_all().await;
    tracer.finish();
    assert_eq!(answers, [200; 200]);
}
