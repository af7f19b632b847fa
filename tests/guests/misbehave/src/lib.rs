//! A guest that tries what a handler must not get away with. The width asked for chooses what it
//! tries.
//!
//! Widths below 100 end in an answer or in a failure of the whole request. Widths from 100 answer
//! with a line for each try (`what: outcome`), so that the host's test can compare the text. It
//! must never get further than the test says.
#![cfg(target_arch = "wasm32")]

use core::fmt::Debug;
use core::hint::black_box;

#[allow(missing_docs, clippy::all, reason = "generated code")]
mod bindings {
    wit_bindgen::generate!({ world: "footage-handler", path: "../../../wit" });
}

use bindings::exports::eyesonly::edge::handler::{
    Body, FootageRange, Guest, MediaType, Question, Response, Status,
};
use bindings::eyesonly::edge::events::{get_event, list_events};
use bindings::eyesonly::edge::footage::{Grant, Object};
use bindings::eyesonly::edge::renditions::{recall, remember};
use bindings::eyesonly::edge::types::ErrorCode;

/// A canonical UUIDv7 that no camera has made.
const ABSENT: &str = "01900000-0000-7000-8000-000000000000";

struct Misbehave;
bindings::export!(Misbehave with_types_in bindings);

impl Guest for Misbehave {
    fn handle(grant: Grant, question: Question) -> Response {
        let Question::Still(still) = question else {
            return respond(Status::NotFound, Body::Empty);
        };
        match still.width {
            0 => whole_still(&grant),
            1 => core::arch::wasm32::unreachable(),
            2 => spin(),
            3 => hog(),
            4 => recurse(0),
            5 => range(&grant, 0, |length| length + 1),
            6 => range(&grant, 0, |_| 0),
            7 => range(&grant, u64::MAX, |_| 2),
            8 => range(&grant, 1, |length| length),
            9 => ok(vec![0; (1 << 20) + 1]),
            10 => ok(vec![0; 8 << 20]),
            11 => respond(Status::NotFound, Body::Bytes(vec![1; 100])),
            12 => rendition(&grant),
            13 => make_and_never_end(&grant),
            14 => make_and_trap(&grant),
            15 => ok(vec![0; 1 << 20]),
            100 => report(&wrong_questions(&grant)),
            101 => report(&too_many_objects(&grant)),
            102 => report(&remember_of_two(&grant)),
            103 => report(&remember_badly(&grant)),
            _ => respond(Status::BadRequest, Body::Empty),
        }
    }
}

fn respond(status: Status, body: Body) -> Response {
    Response { status, media_type: MediaType::Jpeg, body }
}

fn ok(bytes: Vec<u8>) -> Response {
    respond(Status::Ok, Body::Bytes(bytes))
}

fn report(lines: &[String]) -> Response {
    ok(lines.join("\n").into_bytes())
}

/// Answers as a well-behaved handler does with a stored rendition: no allocation, one object, its
/// bytes by handle.
fn whole_still(grant: &Grant) -> Response {
    range(grant, 0, |length| length)
}

fn range(grant: &Grant, offset: u64, length: impl Fn(u64) -> u64) -> Response {
    let Ok(source) = grant.newest_still() else {
        return respond(Status::NotFound, Body::Empty);
    };
    let length = length(source.length());
    respond(Status::Ok, Body::Footage(FootageRange { source, offset, length }))
}

fn spin() -> ! {
    loop {
        black_box(());
    }
}

fn hog() -> ! {
    loop {
        core::mem::forget(black_box(vec![1_u8; 1 << 20]));
    }
}

#[inline(never)]
fn recurse(depth: u64) -> Response {
    if depth == u64::MAX {
        return respond(Status::Failed, Body::Empty);
    }
    let deeper = recurse(black_box(depth + 1));
    black_box(&deeper);
    deeper
}

/// Makes the rendition "small" of the newest still, unless the host has it, and answers with its
/// handle.
fn rendition(grant: &Grant) -> Response {
    let Ok(source) = grant.newest_still() else {
        return respond(Status::NotFound, Body::Empty);
    };
    let made = match recall(&source, "small") {
        Ok(Some(at_hand)) => Ok(at_hand),
        Ok(None) => source.read(0, 16).and_then(|bytes| remember(&source, "small", &bytes)),
        Err(error) => Err(error),
    };
    match made {
        Ok(source) => {
            let length = source.length();
            respond(Status::Ok, Body::Footage(FootageRange { source, offset: 0, length }))
        }
        Err(_) => respond(Status::Failed, Body::Empty),
    }
}

fn make_and_never_end(grant: &Grant) -> Response {
    let _making = grant.newest_still().map(|source| recall(&source, "never").map(|_| source));
    spin()
}

fn make_and_trap(grant: &Grant) -> Response {
    let _making = grant.newest_still().map(|source| recall(&source, "trap").map(|_| source));
    core::arch::wasm32::unreachable()
}

fn line(what: &str, outcome: Result<impl Debug, ErrorCode>) -> String {
    format!(
        "{what}: {}",
        outcome.map_or_else(|error| error.name().to_owned(), |value| format!("{value:?}"))
    )
}

fn wrong_questions(grant: &Grant) -> Vec<String> {
    let length = |object: Object| object.length();
    let mut lines = vec![
        line("event-still of no id", grant.event_still("").map(length)),
        line(
            "event-still of a path",
            grant.event_still("../../../../../../../../etc/passwd..").map(length),
        ),
        line("event-still of an absent id", grant.event_still(ABSENT).map(length)),
        line("event-clip of an absent id", grant.event_clip(ABSENT).map(length)),
        line("event-clip of a long id", grant.event_clip(&ABSENT.repeat(1000)).map(length)),
        line("get-event of an absent id", get_event(grant, ABSENT).map(|event| event.id)),
        line(
            "get-event of a long id",
            get_event(grant, &"0".repeat(100_000)).map(|event| event.id),
        ),
        line("list-events, none", list_events(grant, None, 0).map(|page| page.events.len())),
        line("list-events, too many", list_events(grant, None, 101).map(|page| page.events.len())),
        line("list-events, most", list_events(grant, None, u32::MAX).map(|page| page.events.len())),
        line(
            "list-events before a word",
            list_events(grant, Some("now"), 10).map(|page| page.events.len()),
        ),
    ];
    if let Ok(still) = grant.newest_still() {
        let end = still.length();
        let read = |offset, length| still.read(offset, length).map(|bytes| bytes.len());
        lines.push(line("read nothing", read(0, 0)));
        lines.push(line("read at the end", read(end, 1)));
        lines.push(line("read past the end", read(end + 1, 1)));
        lines.push(line("read at the end of numbers", read(u64::MAX, u32::MAX)));
        lines.push(line("read too much", read(0, (16 << 20) + 1)));
        lines.push(line("read over the end", read(end - 1, 100)));
        lines.push(line("read the first byte", read(0, 1)));
    }
    lines
}

fn too_many_objects(grant: &Grant) -> Vec<String> {
    let mut held: Vec<Object> = Vec::new();
    let mut outcomes = Vec::new();
    for number in 1..=9 {
        match grant.newest_still() {
            Ok(object) => held.push(object),
            Err(error) => outcomes.push(format!("object {number}: {}", error.name())),
        }
    }
    outcomes.push(line(
        "recall with no room",
        held.first().map_or(Err(ErrorCode::NotFound), |source| {
            recall(source, "small").map(|found| found.is_some())
        }),
    ));
    held.pop();
    outcomes.push(line("after one was dropped", grant.newest_still().map(|_| "opened")));
    outcomes
}

fn remember_of_two(grant: &Grant) -> Vec<String> {
    let (Ok(first), Ok(second)) = (grant.newest_still(), grant.newest_still()) else {
        return vec!["no still".into()];
    };
    let mut lines = vec![
        line("of the first", remember(&first, "two", b"bytes").map(|_| "remembered")),
        line("of the second", remember(&second, "two", b"bytes").map(|_| "remembered")),
    ];
    drop(second);
    lines.push(line(
        "after the second was dropped",
        remember(&first, "two", b"bytes").map(|_| "remembered"),
    ));
    lines
}

fn remember_badly(grant: &Grant) -> Vec<String> {
    let Ok(source) = grant.newest_still() else {
        return vec!["no still".into()];
    };
    let kept = |name: &str, bytes: &[u8]| remember(&source, name, bytes).map(|_| "remembered");
    let found = |name: &str| recall(&source, name).map(|found| found.is_some());
    let mut lines = vec![
        line("no name", kept("", b"bytes")),
        line("a name too long", kept(&"a".repeat(33), b"bytes")),
        line("a name with a slash", kept("a/b", b"bytes")),
        line("a name in capitals", kept("A", b"bytes")),
        line("no bytes", kept("bad", b"")),
        line("too many bytes", kept("bad", &vec![0; 1_000_001])),
        line("recall of no name", found("")),
        line("recall of a name too long", found(&"a".repeat(33))),
        line("recall, to be made", found("first")),
        line("recall of another meanwhile", found("second")),
    ];
    match remember(&source, "first", b"bytes") {
        Ok(made) => {
            lines.push(line(
                "rendition of a rendition",
                remember(&made, "third", b"bytes").map(|_| "remembered"),
            ));
            lines.push(line(
                "recall of a rendition's",
                recall(&made, "third").map(|found| found.is_some()),
            ));
        }
        Err(error) => lines.push(format!("remember: {}", error.name())),
    }
    lines.push(line("recall of what was remembered", found("first")));
    lines
}
