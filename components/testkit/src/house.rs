//! A household in memory, and the built component in the real sandbox before it: the one that is
//! deployed, with its limits.
//!
//! A question is asked as the host's routes ask it: a fresh grant from admission, with the right
//! that the question needs, and out by the gate. It must never reach footage by another way than a
//! handler does, but to say whether a rendition is at hand.

use std::path::PathBuf;
use std::sync::Arc;

use eyesonly::sandbox::{Handler, HandlerFailure, Limits, Question, Sandbox};
use eyesonly_gate::Content;
use eyesonly_gate::rules::{MediaType, Status};
use eyesonly_rights::Action;
use eyesonly_seal::{FootageId, Kind};
use eyesonly_service::footage::testing::{Home, footage_id};
use eyesonly_service::footage::{Held, Recalled};
use eyesonly_service::ingest::Taken;

/// One household with one camera and one viewer, and a sandbox.
pub struct House {
    home: Home,
    sandbox: Sandbox,
}

/// What a handler answered, with its body read to the end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answered {
    /// How it went.
    pub status: Status,
    /// What the body is.
    pub media_type: MediaType,
    /// The body.
    pub bytes: Vec<u8>,
    /// True where the handler answered by an object's handle, and the gate opened the bytes.
    pub is_footage: bool,
}

impl House {
    /// A house without footage.
    pub async fn new() -> Self {
        Self { home: Home::new().await, sandbox: Sandbox::new(Limits::default(), None).unwrap() }
    }

    /// The household, for what this kit has no word for.
    pub fn home(&self) -> &Home {
        &self.home
    }

    /// Loads a component that was built before: `thumbnail`, or `guests/privacy-mask`.
    pub fn load(&self, name: &str) -> Handler {
        self.sandbox.load(name, &path(name)).unwrap()
    }

    /// The file of a component that was built before.
    pub fn component(name: &str) -> Vec<u8> {
        std::fs::read(path(name)).unwrap()
    }

    /// The camera hands in a still.
    pub async fn put_still(&self, jpeg: &[u8]) {
        self.put(Kind::Still, footage_id(), jpeg).await;
    }

    /// The camera hands in an event's description; gives the event's id.
    pub async fn put_event(&self, label: &str) -> String {
        let id = footage_id();
        let taken = self.home.put_event(id, label).await.unwrap();
        assert_eq!(taken, Taken::Created);
        id.to_string()
    }

    /// The camera hands in an event's still.
    pub async fn put_event_still(&self, event: &str, jpeg: &[u8]) {
        self.put(Kind::EventStill, FootageId::parse(event).unwrap(), jpeg).await;
    }

    /// The camera hands in an event's video.
    pub async fn put_event_clip(&self, event: &str, mp4: &[u8]) {
        self.put(Kind::Clip, FootageId::parse(event).unwrap(), mp4).await;
    }

    async fn put(&self, kind: Kind, id: FootageId, bytes: &[u8]) {
        assert_eq!(self.home.put(kind, id, bytes).await.unwrap(), Taken::Created);
    }

    /// Asks as the viewer does, and reads the whole body.
    ///
    /// # Errors
    /// [`HandlerFailure`]: the handler trapped, took too long, or answered what it may not.
    pub async fn ask(
        &self,
        handler: &Handler,
        question: Question,
    ) -> Result<Answered, HandlerFailure> {
        let action = match &question {
            Question::Still { event: None, .. } => Action::Live,
            Question::Still { .. } | Question::Events { .. } | Question::Event(_) => Action::Events,
            Question::Clip(_) => Action::Clips,
        };
        let grant = self.home.grant(action).await;
        let footage = Arc::clone(&self.home.footage);
        let answer = handler.handle(footage, Arc::clone(&grant), question).await?;
        let (status, media_type) = (answer.status(), answer.media_type());
        let is_footage = matches!(answer.content(), Content::Footage { .. });
        let bytes = match status {
            Status::Ok => {
                let (bytes, cut) = self.home.let_out(&grant, answer).await.unwrap();
                assert!(cut.is_none(), "the body was cut");
                bytes
            }
            // The host writes a problem of its own.
            _ => Vec::new(),
        };
        Ok(Answered { status, media_type, bytes, is_footage })
    }

    /// Whether `handler` would find its rendition `name` of a still: of this event's, or (none) of
    /// the newest.
    pub async fn is_at_hand(&self, handler: &Handler, event: Option<&str>, name: &str) -> bool {
        let source = self.still(event).await;
        let recalled = self.home.footage.recall(&source, handler.sha256(), name).await.unwrap();
        matches!(recalled, Recalled::AtHand(_))
    }

    async fn still(&self, event: Option<&str>) -> Held {
        let footage = &self.home.footage;
        let found = match event {
            Some(event) => {
                let event = FootageId::parse(event).unwrap();
                footage.event_still(&self.home.grant(Action::Events).await, event).await
            }
            None => footage.newest_still(&self.home.grant(Action::Live).await).await,
        };
        found.unwrap()
    }
}

/// Where `cargo xtask build` puts a component, or where EYESONLY_COMPONENTS says that it is. One
/// that is missing is a failure: a test of a component is never left out.
fn path(name: &str) -> PathBuf {
    let folder = std::env::var_os("EYESONLY_COMPONENTS").map_or_else(
        || PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../target/components")),
        PathBuf::from,
    );
    let path = folder.join(format!("{name}.wasm"));
    assert!(path.is_file(), "{} is missing: run `cargo xtask build`", path.display());
    path
}
