//! The way of a question, against a host of the test's own: which calls are made, and what each refusal becomes.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a failed expectation is how a test fails"
)]

use std::cell::RefCell;

use eyesonly_thumbnail::{Answer, Footage, Refusal, answer};

const SOURCE: &[u8] = include_bytes!("../testdata/quadrants-1280x720.jpg");

#[derive(Debug, PartialEq, Eq)]
enum Object {
    Source,
    Rendition(Vec<u8>),
}

/// A host that answers as it was told and notes what it was asked.
struct Host {
    source: Vec<u8>,
    found: Result<(), Refusal>,
    recalled: Result<Option<Vec<u8>>, Refusal>,
    read: Result<(), Refusal>,
    remembered: Result<(), Refusal>,
    calls: RefCell<Vec<String>>,
}

impl Host {
    fn new(source: &[u8]) -> Self {
        Self {
            source: source.to_vec(),
            found: Ok(()),
            recalled: Ok(None),
            read: Ok(()),
            remembered: Ok(()),
            calls: RefCell::default(),
        }
    }

    fn note(&self, call: impl Into<String>) {
        self.calls.borrow_mut().push(call.into());
    }
}

impl Footage for Host {
    type Object = Object;

    fn newest_still(&self) -> Result<Object, Refusal> {
        self.note("newest");
        self.found.map(|()| Object::Source)
    }

    fn event_still(&self, event: &str) -> Result<Object, Refusal> {
        self.note(format!("event {event}"));
        self.found.map(|()| Object::Source)
    }

    fn length(&self, object: &Object) -> u64 {
        match object {
            Object::Source => self.source.len() as u64,
            Object::Rendition(bytes) => bytes.len() as u64,
        }
    }

    fn read(&self, object: &Object, offset: u64, length: u32) -> Result<Vec<u8>, Refusal> {
        assert_eq!(*object, Object::Source, "only the source is ever read");
        self.note("read");
        self.read?;
        // Shorter pieces than were asked for: a reader must not count on whole ones.
        let from = usize::try_from(offset).unwrap();
        let to = self.source.len().min(from + usize::try_from(length).unwrap().min(5000));
        Ok(self.source[from..to].to_vec())
    }

    fn recall(&self, source: &Object, name: &str) -> Result<Option<Object>, Refusal> {
        assert_eq!(*source, Object::Source);
        self.note(format!("recall {name}"));
        self.recalled.clone().map(|found| found.map(Object::Rendition))
    }

    fn remember(&self, source: &Object, name: &str, bytes: &[u8]) -> Result<Object, Refusal> {
        assert_eq!(*source, Object::Source);
        self.note(format!("remember {name}"));
        self.remembered.map(|()| Object::Rendition(bytes.to_vec()))
    }
}

#[test]
fn a_rendition_at_hand_is_answered_by_its_handle_and_nothing_is_read() {
    let mut host = Host::new(SOURCE);
    host.recalled = Ok(Some(vec![7; 1234]));
    assert_eq!(
        answer(&host, None, 300),
        Answer::Rendition(Object::Rendition(vec![7; 1234]), 1234)
    );
    assert_eq!(*host.calls.borrow(), ["newest", "recall w320-1"]);
}

#[test]
fn a_rendition_not_at_hand_is_made_and_remembered() {
    let host = Host::new(SOURCE);
    let Answer::Rendition(Object::Rendition(made), length) = answer(&host, Some("some-id"), 320) else {
        panic!("expected a rendition");
    };
    assert_eq!(made.len() as u64, length);
    assert!(made.starts_with(b"\xff\xd8") && made.ends_with(b"\xff\xd9"));
    let calls = host.calls.borrow();
    assert_eq!(calls[..2], ["event some-id", "recall w320-1"]);
    assert_eq!(
        calls.iter().filter(|call| *call == "read").count(),
        SOURCE.len().div_ceil(5000)
    );
    assert_eq!(calls.last().unwrap(), "remember w320-1");
}

#[test]
fn what_could_not_be_remembered_is_answered_as_bytes() {
    let mut host = Host::new(SOURCE);
    host.remembered = Err(Refusal::Unavailable);
    assert!(matches!(answer(&host, None, 320), Answer::Bytes(bytes) if bytes.starts_with(b"\xff\xd8")));
}

#[test]
fn a_width_that_does_not_exist_is_refused_before_anything_is_opened() {
    for width in [0, 1921, 999_999] {
        let host = Host::new(SOURCE);
        assert_eq!(answer(&host, None, width), Answer::BadRequest);
        assert!(host.calls.borrow().is_empty());
    }
}

#[test]
fn each_refusal_has_its_answer() {
    let check = |change: &dyn Fn(&mut Host), expected: Answer<Object>| {
        let mut host = Host::new(SOURCE);
        change(&mut host);
        assert_eq!(answer(&host, None, 320), expected);
        assert!(!host.calls.borrow().iter().any(|call| call.starts_with("remember")));
    };
    check(&|host| host.found = Err(Refusal::NotFound), Answer::NotFound);
    check(&|host| host.found = Err(Refusal::Invalid), Answer::NotFound);
    check(&|host| host.found = Err(Refusal::Unavailable), Answer::Unavailable);
    check(&|host| host.found = Err(Refusal::Limit), Answer::Failed);
    check(&|host| host.recalled = Err(Refusal::Unavailable), Answer::Unavailable);
    check(&|host| host.recalled = Ok(Some(Vec::new())), Answer::Failed);
    check(&|host| host.read = Err(Refusal::Unavailable), Answer::Unavailable);
    check(&|host| host.read = Err(Refusal::Limit), Answer::Failed);
    check(&|host| host.source = b"not a picture".to_vec(), Answer::Failed);
    check(&|host| host.source = Vec::new(), Answer::Failed);
}

#[test]
fn a_source_above_the_limit_is_not_read() {
    let host = Host::new(&vec![0; 16 * 1024 * 1024 + 1]);
    assert_eq!(answer(&host, None, 320), Answer::Failed);
    assert!(!host.calls.borrow().iter().any(|call| call == "read"));
}
