//! The answer to each question, against a scripted grant.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a failed expectation is how a test fails"
)]

use eyesonly_events::{Answer, Event, Footage, Page, Refusal, clip, event, events};
use eyesonly_testkit::{ErrorCode, Grant};
use serde_json::{Value, json};

const NEWER: &str = "018db2b0-0000-7000-8000-000000000002";
const OLDER: &str = "018db2af-0000-7000-8000-000000000001";

fn sample(id: &str) -> Event {
    Event {
        id: id.to_owned(),
        time_milliseconds: 1_708_075_800_250,
        kind: "person".to_owned(),
        label: "somebody said \"hi\" <b>".to_owned(),
        duration_milliseconds: Some(4500),
        has_still: true,
        has_clip: false,
    }
}

fn sample_json(id: &str) -> Value {
    json!({
        "id": id,
        "time": "2024-02-16T09:30:00.250Z",
        "kind": "person",
        "label": "somebody said \"hi\" <b>",
        "duration_milliseconds": 4500,
        "still": true,
        "clip": false,
    })
}

/// The scripted grant, as this handler sees the host.
struct Host(Grant<Event, Page>);

fn host() -> Host {
    Host(Grant {
        list_events: Ok(Page {
            events: vec![sample(NEWER), sample(OLDER)],
            next: Some(OLDER.to_owned()),
        }),
        get_event: Ok(sample(NEWER)),
        event_clip: Ok(vec![0; 1_000_000]),
        ..Grant::default()
    })
}

fn refusal(code: ErrorCode) -> Refusal {
    match code {
        ErrorCode::NotFound => Refusal::NotFound,
        ErrorCode::Invalid => Refusal::Invalid,
        ErrorCode::Limit => Refusal::Limit,
        ErrorCode::Unavailable => Refusal::Unavailable,
    }
}

impl Footage for Host {
    /// The clip's length in bytes.
    type Object = u64;

    fn list_events(&self, before: Option<&str>, limit: u32) -> Result<Page, Refusal> {
        self.0.list_events(before, limit).map_err(refusal)
    }

    fn get_event(&self, id: &str) -> Result<Event, Refusal> {
        self.0.get_event(id).map_err(refusal)
    }

    fn event_clip(&self, id: &str) -> Result<u64, Refusal> {
        let clip = self.0.event_clip(id).map_err(refusal)?;
        Ok(self.0.length(&clip))
    }

    fn length(&self, object: &u64) -> u64 {
        *object
    }
}

fn parsed(answer: Answer<u64>) -> Value {
    let Answer::Json(text) = answer else { panic!("expected JSON, got {answer:?}") };
    serde_json::from_str(&text).unwrap()
}

#[test]
fn a_page_keeps_the_order_of_the_host() {
    let host = host();
    let found = parsed(events(&host, Some(NEWER), 100));
    assert_eq!(found, json!({ "events": [sample_json(NEWER), sample_json(OLDER)], "next": OLDER }));
    assert_eq!(host.0.asked(), [format!("list Some(\"{NEWER}\") 100")]);
}

#[test]
fn an_empty_page_is_a_page() {
    let mut host = host();
    host.0.list_events = Ok(Page { events: Vec::new(), next: None });
    assert_eq!(events(&host, None, 1), Answer::Json(r#"{"events":[],"next":null}"#.to_owned()));
}

#[test]
fn the_form_of_an_event_is_fixed() {
    let mut host = host();
    host.0.get_event = Ok(Event {
        duration_milliseconds: None,
        label: String::new(),
        has_clip: true,
        ..sample(NEWER)
    });
    let expected = format!(
        "{{\"id\":\"{NEWER}\",\"time\":\"2024-02-16T09:30:00.250Z\",\"kind\":\"person\",\
         \"label\":\"\",\"duration_milliseconds\":null,\"still\":true,\"clip\":true}}"
    );
    assert_eq!(event(&host, NEWER), Answer::Json(expected));
}

#[test]
fn limits_out_of_range_are_refused_before_anything_is_asked() {
    for limit in [0, 101, u32::MAX] {
        let host = host();
        assert_eq!(events(&host, None, limit), Answer::BadRequest);
        assert!(host.0.asked().is_empty());
    }
}

#[test]
fn a_clip_is_the_whole_object() {
    let host = host();
    assert_eq!(clip(&host, NEWER), Answer::Clip(1_000_000, 1_000_000));
    assert_eq!(host.0.asked(), [format!("clip {NEWER}")]);
}

#[test]
fn each_refusal_has_its_answer() {
    let check = |code, expected_page: Answer<u64>, expected: Answer<u64>| {
        let mut host = host();
        (host.0.list_events, host.0.get_event, host.0.event_clip) =
            (Err(code), Err(code), Err(code));
        assert_eq!(events(&host, None, 10), expected_page, "{code:?}");
        assert_eq!(event(&host, NEWER), expected, "{code:?}");
        assert_eq!(clip(&host, NEWER), expected, "{code:?}");
    };
    check(ErrorCode::NotFound, Answer::NotFound, Answer::NotFound);
    check(ErrorCode::Invalid, Answer::BadRequest, Answer::NotFound);
    check(ErrorCode::Unavailable, Answer::Unavailable, Answer::Unavailable);
    check(ErrorCode::Limit, Answer::Failed, Answer::Failed);
    let mut host = host();
    host.0.event_clip = Ok(Vec::new());
    assert_eq!(clip(&host, NEWER), Answer::Failed);
}
