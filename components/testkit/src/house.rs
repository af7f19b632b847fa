//! A household in memory with the real sandbox, which runs the built component. Both the component
//! and the sandbox's limits are those that are deployed.
//!
//! A question is asked as the host's routes ask it. Admission gives a fresh grant with the right
//! that the question needs, and the answer leaves by the gate. It must never reach footage by
//! another way than a handler does, except to say whether a rendition is stored.

use std::path::Path;
use std::sync::Arc;

use eyesonly::handlers::Handlers;
use eyesonly::sandbox::{Handler, HandlerFailure, Limits, Question, Sandbox};
use eyesonly_build::{Crates, Toolchain, target_folder};
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

/// A handler's answer, with its body read to the end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answered {
    /// The status.
    pub status: Status,
    /// The media type of the body.
    pub media_type: MediaType,
    /// The body.
    pub bytes: Vec<u8>,
    /// True if the handler answered by an object's handle, and the gate opened the bytes.
    pub is_footage: bool,
}

impl House {
    /// Makes a house without footage.
    pub async fn new() -> Self {
        Self { home: Home::new().await, sandbox: Sandbox::new(Limits::default(), None).unwrap() }
    }

    /// Returns the household, for tests that need more than this kit offers.
    pub fn home(&self) -> &Home {
        &self.home
    }

    /// Loads a component, such as [`build`] gives, under a name of your own.
    pub fn load(&self, name: &str, component: &[u8]) -> Handler {
        self.sandbox.load_bytes(name, Path::new(name), component).unwrap()
    }

    /// Loads the handlers that the host brings along.
    pub fn handlers(&self) -> Handlers {
        Handlers::load(&self.sandbox, None, |_| ()).unwrap()
    }

    /// Hands in a still, as the camera.
    pub async fn put_still(&self, jpeg: &[u8]) {
        self.put(Kind::Still, footage_id(), jpeg).await;
    }

    /// Hands in an event's description, as the camera; returns the event's id.
    pub async fn put_event(&self, label: &str) -> String {
        let id = footage_id();
        let taken = self.home.put_event(id, label).await.unwrap();
        assert_eq!(taken, Taken::Created);
        id.to_string()
    }

    /// Hands in an event's still, as the camera.
    pub async fn put_event_still(&self, event: &str, jpeg: &[u8]) {
        self.put(Kind::EventStill, FootageId::parse(event).unwrap(), jpeg).await;
    }

    /// Hands in an event's video, as the camera.
    pub async fn put_event_clip(&self, event: &str, mp4: &[u8]) {
        self.put(Kind::Clip, FootageId::parse(event).unwrap(), mp4).await;
    }

    async fn put(&self, kind: Kind, id: FootageId, bytes: &[u8]) {
        assert_eq!(self.home.put(kind, id, bytes).await.unwrap(), Taken::Created);
    }

    /// Asks as the viewer does, and reads the whole body.
    ///
    /// # Errors
    /// [`HandlerFailure`]: the handler trapped, took too long, or broke the contract with its
    /// answer.
    pub async fn ask(
        &self,
        handler: &Handler,
        question: Question,
    ) -> Result<Answered, HandlerFailure> {
        let action = match &question {
            Question::Still { event: None, .. } => Action::Live,
            Question::Still { .. } | Question::Events { .. } | Question::Event(_) => Action::Events,
            Question::Clip(_) => Action::Clips,
            Question::Live
            | Question::Next { .. }
            | Question::Playlist(_)
            | Question::Segment { .. } => Action::Live,
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
            // The host writes a problem of its own instead of the handler's body.
            _ => Vec::new(),
        };
        Ok(Answered { status, media_type, bytes, is_footage })
    }

    /// Says whether `handler` would find its rendition `name` of a still: of this event's, or
    /// (none) of the newest.
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

/// Builds the handler whose Cargo.toml is in `folder`, and returns the component, as
/// `eyesonly-build` makes it. A test passes its own `env!("CARGO_MANIFEST_DIR")`.
///
/// # Panics
/// If the handler does not compile; the compiler's message is on standard error.
pub fn build(folder: &str) -> Vec<u8> {
    let test = std::env::current_exe().unwrap();
    let target = target_folder(test.parent().unwrap());
    let crates = Crates { root: Path::new(folder), target: &target, packages: &[], locked: false };
    let mut built = crates.components(&Toolchain::get().unwrap()).unwrap();
    assert_eq!(built.len(), 1, "one handler in {folder}");
    built.remove(0).bytes
}
