//! The answer to a question, against a scripted grant: which calls are made, and which answer each
//! refusal leads to.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a failed expectation is how a test fails"
)]

use eyesonly_testkit::{ErrorCode, Grant, Object};
use eyesonly_thumbnail::{Answer, Footage, Refusal, answer};

const SOURCE: &[u8] = include_bytes!("../testdata/quadrants-1280x720.jpg");

/// The scripted grant, as this handler sees the host.
struct Host(Grant);

impl Host {
    fn new(source: &[u8]) -> Self {
        Self(Grant {
            // The pieces are shorter than asked for: a reader must not count on whole ones.
            read_bytes_max: 5000,
            ..Grant::with_still(source)
        })
    }
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
    type Object = Object;

    fn newest_still(&self) -> Result<Object, Refusal> {
        self.0.newest_still().map_err(refusal)
    }

    fn event_still(&self, event: &str) -> Result<Object, Refusal> {
        self.0.event_still(event).map_err(refusal)
    }

    fn length(&self, object: &Object) -> u64 {
        self.0.length(object)
    }

    fn read(&self, object: &Object, offset: u64, length: u32) -> Result<Vec<u8>, Refusal> {
        assert!(!object.is_rendition(), "only the source is ever read");
        self.0.read(object, offset, length).map_err(refusal)
    }

    fn recall(&self, source: &Object, name: &str) -> Result<Option<Object>, Refusal> {
        assert!(!source.is_rendition());
        self.0.recall(source, name).map_err(refusal)
    }

    fn remember(&self, source: &Object, name: &str, bytes: &[u8]) -> Result<Object, Refusal> {
        assert!(!source.is_rendition());
        self.0.remember(source, name, bytes).map_err(refusal)
    }
}

#[test]
fn a_rendition_at_hand_is_answered_by_its_handle_and_nothing_is_read() {
    let mut host = Host::new(SOURCE);
    host.0.recall = Ok(Some(vec![7; 1234]));
    assert_eq!(answer(&host, None, 300), Answer::Rendition(Object::rendition([7; 1234]), 1234));
    assert_eq!(host.0.asked(), ["newest", "recall w320-1"]);
}

#[test]
fn a_rendition_not_at_hand_is_made_and_remembered() {
    let host = Host::new(SOURCE);
    let Answer::Rendition(made, length) = answer(&host, Some("some-id"), 320) else {
        panic!("expected a rendition");
    };
    assert!(made.is_rendition());
    let made = made.bytes();
    assert_eq!(made.len() as u64, length);
    assert!(made.starts_with(b"\xff\xd8") && made.ends_with(b"\xff\xd9"));
    let calls = host.0.asked();
    assert_eq!(calls[..2], ["event some-id", "recall w320-1"]);
    assert_eq!(calls.iter().filter(|call| *call == "read").count(), SOURCE.len().div_ceil(5000));
    assert_eq!(calls.last().unwrap(), "remember w320-1");
}

#[test]
fn what_could_not_be_remembered_is_answered_as_bytes() {
    let mut host = Host::new(SOURCE);
    host.0.remember = Err(ErrorCode::Unavailable);
    assert!(
        matches!(answer(&host, None, 320), Answer::Bytes(bytes) if bytes.starts_with(b"\xff\xd8"))
    );
}

#[test]
fn a_width_that_does_not_exist_is_refused_before_anything_is_opened() {
    for width in [0, 1921, 999_999] {
        let host = Host::new(SOURCE);
        assert_eq!(answer(&host, None, width), Answer::BadRequest);
        assert!(host.0.asked().is_empty());
    }
}

#[test]
fn each_refusal_has_its_answer() {
    let check = |change: &dyn Fn(&mut Host), expected: Answer<Object>| {
        let mut host = Host::new(SOURCE);
        change(&mut host);
        assert_eq!(answer(&host, None, 320), expected);
        assert!(!host.0.asked().iter().any(|call| call.starts_with("remember")));
    };
    check(&|host| host.0.newest_still = Err(ErrorCode::NotFound), Answer::NotFound);
    check(&|host| host.0.newest_still = Err(ErrorCode::Invalid), Answer::NotFound);
    check(&|host| host.0.newest_still = Err(ErrorCode::Unavailable), Answer::Unavailable);
    check(&|host| host.0.newest_still = Err(ErrorCode::Limit), Answer::Failed);
    check(&|host| host.0.recall = Err(ErrorCode::Unavailable), Answer::Unavailable);
    check(&|host| host.0.recall = Ok(Some(Vec::new())), Answer::Failed);
    check(&|host| host.0.read = Err(ErrorCode::Unavailable), Answer::Unavailable);
    check(&|host| host.0.read = Err(ErrorCode::Limit), Answer::Failed);
    check(&|host| host.0.newest_still = Ok(b"not a picture".to_vec()), Answer::Failed);
    check(&|host| host.0.newest_still = Ok(Vec::new()), Answer::Failed);
}

#[test]
fn a_source_above_the_limit_is_not_read() {
    let host = Host::new(&vec![0; 16 * 1024 * 1024 + 1]);
    assert_eq!(answer(&host, None, 320), Answer::Failed);
    assert!(!host.0.asked().iter().any(|call| call == "read"));
}
