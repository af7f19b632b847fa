//! The component: the contract's bindings around [`Vault`]. It must never hold logic of its own.

use crate::admission::may_delete;
use crate::contract;
use crate::departure;
use crate::ledger::StderrLedger;
use crate::log;
use crate::state::{Closed, Settings, Vault};
use crate::store::WasiKv;
use crate::upload;
use eyesonly_rights::Action;
use eyesonly_seal::Kind;
use eyesonly_service::footage::{EventSummary, FootageError};
use eyesonly_service::grant::Grant;
use eyesonly_service::ingest::Taken;
use eyesonly_service::ledger::Handed;
use eyesonly_web::problem::Problem;
use std::sync::{Arc, LazyLock};
use zeroize::Zeroizing;

/// Generated from `wit/`.
#[allow(
    missing_docs,
    clippy::all,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "generated code"
)]
pub mod bindings {
    wit_bindgen::generate!({
        path: ["../../wit", "wit"],
        world: "eyesonly:vault/vault",
        generate_all,
    });
}

use bindings::exports::eyesonly::edge::{admission as asked, events, footage, renditions};
use bindings::wasi::config::store as config;

struct Component;

bindings::export!(Component with_types_in bindings);

/// What this instance has; none where it can't answer anything, which was said on stderr then.
static VAULT: LazyLock<Option<Vault>> = LazyLock::new(|| {
    log::begin();
    open()
        .inspect_err(|closed| log::line(&format!("ERROR nothing can be answered: {closed}")))
        .ok()
});

fn vault() -> Result<&'static Vault, Problem> {
    VAULT.as_ref().ok_or(Problem::Unavailable)
}

/// A variable. What a provider says of its failure stays unsaid: it might quote the value.
fn variable(name: &str) -> Option<String> {
    config::get(name).unwrap_or_else(|_| {
        log::line(&format!("ERROR the variable `{name}` can't be read from its provider"));
        None
    })
}

fn open() -> Result<Vault, Closed> {
    let settings = Settings {
        key_encryption_key: variable("key_encryption_key").map(Zeroizing::new),
        session_seconds: variable("session_seconds"),
    };
    let kv = WasiKv::open().map_err(|error| Closed::Store(error.to_string()))?;
    Vault::open(settings, Arc::new(kv), Arc::new(StderrLedger::default()))
}

/// What the handler's `grant` stands for.
pub struct GrantHandle(Arc<Grant>);

type Code = footage::ErrorCode;

impl From<FootageError> for Code {
    fn from(error: FootageError) -> Self {
        match error {
            FootageError::NotFound => Self::NotFound,
            FootageError::Invalid => Self::Invalid,
            FootageError::Limit => Self::Limit,
            FootageError::Unavailable => Self::Unavailable,
        }
    }
}

fn for_handler() -> Result<&'static Vault, Code> {
    VAULT.as_ref().ok_or(Code::Unavailable)
}

impl footage::Guest for Component {
    type Grant = GrantHandle;
    type Object = contract::Object;
}

impl footage::GuestGrant for GrantHandle {
    fn kinds(&self) -> footage::Kinds {
        let granted = Vault::kinds(&self.0);
        let flags = [
            (granted.live, footage::Kinds::LIVE),
            (granted.events, footage::Kinds::EVENTS),
            (granted.clips, footage::Kinds::CLIPS),
        ];
        let allowed = flags.into_iter().filter(|(allowed, _)| *allowed);
        allowed.fold(footage::Kinds::empty(), |kinds, (_, kind)| kinds | kind)
    }
    fn newest_still(&self) -> Result<footage::Object, Code> {
        Ok(footage::Object::new(for_handler()?.newest_still(&self.0)?))
    }
    fn event_still(&self, event: String) -> Result<footage::Object, Code> {
        Ok(footage::Object::new(for_handler()?.event_still(&self.0, &event)?))
    }
    fn event_clip(&self, event: String) -> Result<footage::Object, Code> {
        Ok(footage::Object::new(for_handler()?.event_clip(&self.0, &event)?))
    }
}

impl footage::GuestObject for contract::Object {
    fn length(&self) -> u64 {
        contract::Object::length(self)
    }
    fn read(&self, offset: u64, length: u32) -> Result<Vec<u8>, Code> {
        Ok(contract::Object::read(self, offset, length)?)
    }
}

impl From<EventSummary> for events::Event {
    fn from(event: EventSummary) -> Self {
        Self {
            id: event.id,
            time_milliseconds: event.time_milliseconds,
            kind: event.kind,
            label: event.label,
            duration_milliseconds: event.duration_milliseconds,
            has_still: event.has_still,
            has_clip: event.has_clip,
        }
    }
}

impl events::Guest for Component {
    fn list_events(grant: events::GrantBorrow<'_>, before: Option<String>, limit: u32) -> Result<events::Page, Code> {
        let grant = grant.get::<GrantHandle>();
        let page = for_handler()?.list_events(&grant.0, before.as_deref(), limit)?;
        Ok(events::Page {
            events: page.events.into_iter().map(events::Event::from).collect(),
            next: page.next,
        })
    }
    fn get_event(grant: events::GrantBorrow<'_>, id: String) -> Result<events::Event, Code> {
        let grant = grant.get::<GrantHandle>();
        Ok(for_handler()?.get_event(&grant.0, &id)?.into())
    }
}

impl renditions::Guest for Component {
    fn recall(source: renditions::ObjectBorrow<'_>, name: String) -> Result<Option<renditions::Object>, Code> {
        let found = for_handler()?.recall(source.get::<contract::Object>(), &name)?;
        Ok(found.map(renditions::Object::new))
    }
    fn remember(
        source: renditions::ObjectBorrow<'_>,
        name: String,
        bytes: Vec<u8>,
    ) -> Result<renditions::Object, Code> {
        let kept = for_handler()?.remember(source.get::<contract::Object>(), &name, bytes)?;
        Ok(renditions::Object::new(kept))
    }
}

impl From<asked::Action> for Action {
    fn from(action: asked::Action) -> Self {
        match action {
            asked::Action::Live => Self::Live,
            asked::Action::Events => Self::Events,
            asked::Action::Clips => Self::Clips,
        }
    }
}

impl From<asked::Handed> for Handed {
    fn from(handed: asked::Handed) -> Self {
        match handed {
            asked::Handed::Cameras => Self::Cameras,
            asked::Handed::Still => Self::Still,
            asked::Handed::Events => Self::Events,
            asked::Handed::Clip => Self::Clip,
        }
    }
}

impl From<asked::Kind> for Kind {
    fn from(kind: asked::Kind) -> Self {
        match kind {
            asked::Kind::Still => Self::Still,
            asked::Kind::Event => Self::Event,
            asked::Kind::EventStill => Self::EventStill,
            asked::Kind::Clip => Self::Clip,
        }
    }
}

type Answer<T> = Result<T, asked::Problem>;

impl asked::Guest for Component {
    type Departure = departure::Departure;
    type Intake = upload::Intake;
    type Upload = upload::Upload;

    fn health() -> Answer<()> {
        Ok(vault()?.health()?)
    }

    fn login(name: String, password: String, address: String) -> Answer<asked::Session> {
        let session = vault()?.login(&name, Zeroizing::new(password), &address)?;
        Ok(asked::Session {
            credential: session.credential.text().to_owned(),
            tag: session.tag.to_text(),
            expires_at_seconds: session.expires_at_seconds,
        })
    }

    fn logout(credential: String) -> Answer<()> {
        Ok(vault()?.logout(&Zeroizing::new(credential))?)
    }

    fn list_cameras(credential: String, tag: String) -> Answer<asked::Cameras> {
        let rights = vault()?.list_cameras(&Zeroizing::new(credential), &tag)?;
        let cameras = rights.cameras.iter().map(|right| asked::Camera {
            id: right.camera.to_string(),
            household: right.household.to_string(),
            name: right.name.clone(),
            live: right.kinds.live,
            events: right.kinds.events,
            clips: right.kinds.clips,
            may_delete: may_delete(right.role),
        });
        Ok(asked::Cameras {
            cameras: cameras.collect(),
            viewer: rights.name,
        })
    }

    fn admit(credential: String, tag: String, camera: String, action: asked::Action) -> Answer<asked::Grant> {
        let grant = vault()?.admit(&Zeroizing::new(credential), &tag, &camera, action.into())?;
        Ok(asked::Grant::new(GrantHandle(grant)))
    }

    fn delete_event(credential: String, tag: String, camera: String, event: String) -> Answer<()> {
        Ok(vault()?.delete_event(&Zeroizing::new(credential), &tag, &camera, &event)?)
    }

    fn pass(credential: String, handed: asked::Handed, event: Option<String>, body_bytes: u64) -> Answer<()> {
        let credential = Zeroizing::new(credential);
        Ok(vault()?.pass(&credential, handed.into(), event.as_deref(), body_bytes)?)
    }

    fn entity_tag(source: asked::ObjectBorrow<'_>) -> String {
        source.get::<contract::Object>().entity_tag()
    }
}

impl asked::GuestDeparture for departure::Departure {
    fn open(
        credential: String,
        handed: asked::Handed,
        event: Option<String>,
        source: asked::Object,
        offset: u64,
        length: u64,
    ) -> Answer<asked::Departure> {
        let (credential, source) = (Zeroizing::new(credential), source.into_inner::<contract::Object>());
        let departure = vault()?.depart(&credential, handed.into(), event.as_deref(), source, (offset, length))?;
        Ok(asked::Departure::new(departure))
    }
    fn next(&self) -> Answer<Option<Vec<u8>>> {
        Ok(self.next_piece()?)
    }
}

impl asked::GuestIntake for upload::Intake {
    fn admit(credential: String) -> Answer<asked::Intake> {
        let intake = vault()?.admit_camera(&Zeroizing::new(credential))?;
        Ok(asked::Intake::new(intake))
    }
    fn begin(
        &self,
        kind: asked::Kind,
        id: String,
        length: Option<u64>,
        digest: Option<String>,
    ) -> Answer<asked::Upload> {
        let upload = upload::Intake::begin(self, kind.into(), &id, length, digest.as_deref())?;
        Ok(asked::Upload::new(upload))
    }
}

impl asked::GuestUpload for upload::Upload {
    fn push(&self, bytes: Vec<u8>) -> Answer<()> {
        Ok(upload::Upload::push(self, bytes)?)
    }
    fn finish(&self, complete: bool) -> Answer<asked::Taken> {
        Ok(match upload::Upload::finish(self, complete)? {
            Taken::Created => asked::Taken::Created,
            Taken::Same => asked::Taken::Same,
        })
    }
}
