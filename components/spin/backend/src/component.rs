//! The component: the contract's bindings around [`Backend`] and [`Handling`]. It must never hold
//! logic of its own.

use crate::change;
use crate::contract::{self, Handling};
use crate::departure::{self, Answered};
use crate::log;
use crate::state::{Backend, Closed, Settings};
use crate::store::WasiKv;
use crate::upload;
use async_trait::async_trait;
use bindings::eyesonly::edge::still_check;
use eyesonly_gate::Keys as _;
use eyesonly_gate::rules::{MediaType, Status};
use eyesonly_seal::{CameraId, HouseholdId, Kind};
use eyesonly_service::chain::Chain;
use eyesonly_service::footage::{EventSummary, FootageError};
use eyesonly_service::ingest::{FormError, IngestError, StillCheck, Taken};
use eyesonly_service::kv::{KeyValue, KvKeys, KvLedger};
use eyesonly_web::change::Told;
use eyesonly_web::problem::Problem;
use eyesonly_web::routes::Name;
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
        path: ["../../../wit", "../wit"],
        world: "eyesonly:spin/backend",
        generate_all,
    });
}

use bindings::exports::eyesonly::edge::{events, footage, renditions, types};
use bindings::exports::eyesonly::spin::admission as asked;
use bindings::wasi::config::store as config;

struct Component;

bindings::export!(Component with_types_in bindings);

/// The back end of this instance; none if it can't answer anything. The reason is on stderr then.
static BACKEND: LazyLock<Option<Backend>> = LazyLock::new(|| {
    log::begin();
    let said = |closed: &Closed| {
        log::line(&format!("ERROR nothing can be answered: {}", Chain(closed)));
    };
    open().inspect_err(said).ok()
});

fn backend() -> Result<&'static Backend, Problem> {
    BACKEND.as_ref().ok_or(Problem::Unavailable)
}

/// Reads a variable. The provider's own error is not logged, because it might quote the value.
fn variable(name: &str) -> Option<String> {
    config::get(name).unwrap_or_else(|_| {
        log::line(&format!("ERROR the variable `{name}` can't be read from its provider"));
        None
    })
}

fn open() -> Result<Backend, Closed> {
    let settings = Settings {
        key_encryption_key: variable("key_encryption_key").map(Zeroizing::new),
        session_seconds: variable("session_seconds"),
        public_url: variable("public_url"),
    };
    let kv = WasiKv::open().map_err(|error| Closed::Store(Box::new(error)))?;
    let kv: Arc<dyn KeyValue> = Arc::new(kv);
    let entries = Arc::clone(&kv);
    let ledger = |keys: &KvKeys| Arc::new(KvLedger::new(entries, keys.edge())) as _;
    Backend::open(settings, kv, ledger, Arc::new(Decoder))
}

/// The component that checks stills, composed with this one.
struct Decoder;

#[async_trait]
impl StillCheck for Decoder {
    async fn check(&self, _: HouseholdId, _: CameraId, jpeg: &[u8]) -> Result<(), IngestError> {
        still_check::check(jpeg).map_err(|fault| {
            IngestError::Form(match fault {
                still_check::Fault::NotJpeg => FormError::NotJpeg,
                still_check::Fault::Unusual => FormError::UnusualJpeg,
                still_check::Fault::TooManyPixels => FormError::TooManyPixels,
                still_check::Fault::TooHeavy => FormError::TooHeavy,
                still_check::Fault::Damaged => FormError::Damaged,
            })
        })
    }
}

/// The gate's side of the handler's `grant`.
pub struct Granted(Arc<Handling>);

type Code = types::ErrorCode;

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

impl footage::Guest for Component {
    type Grant = Granted;
    type Object = contract::Object;
}

impl footage::GuestGrant for Granted {
    fn kinds(&self) -> types::Kinds {
        let granted = self.0.kinds();
        let flags = [
            (granted.live, types::Kinds::LIVE),
            (granted.events, types::Kinds::EVENTS),
            (granted.clips, types::Kinds::CLIPS),
        ];
        let allowed = flags.into_iter().filter(|(allowed, _)| *allowed);
        allowed.fold(types::Kinds::empty(), |kinds, (_, kind)| kinds | kind)
    }
    fn newest_still(&self) -> Result<footage::Object, Code> {
        Ok(footage::Object::new(self.0.newest_still()?))
    }
    fn event_still(&self, event: String) -> Result<footage::Object, Code> {
        Ok(footage::Object::new(self.0.event_still(&event)?))
    }
    fn event_clip(&self, event: String) -> Result<footage::Object, Code> {
        Ok(footage::Object::new(self.0.event_clip(&event)?))
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
    fn list_events(
        grant: events::GrantBorrow<'_>,
        before: Option<String>,
        limit: u32,
    ) -> Result<events::Page, Code> {
        let page = grant.get::<Granted>().0.list_events(before.as_deref(), limit)?;
        Ok(events::Page {
            events: page.events.into_iter().map(events::Event::from).collect(),
            next: page.next,
        })
    }
    fn get_event(grant: events::GrantBorrow<'_>, id: String) -> Result<events::Event, Code> {
        Ok(grant.get::<Granted>().0.get_event(&id)?.into())
    }
}

impl renditions::Guest for Component {
    fn recall(
        source: renditions::ObjectBorrow<'_>,
        name: String,
    ) -> Result<Option<renditions::Object>, Code> {
        let found = source.get::<contract::Object>().recall(&name)?;
        Ok(found.map(renditions::Object::new))
    }
    fn remember(
        source: renditions::ObjectBorrow<'_>,
        name: String,
        bytes: Vec<u8>,
    ) -> Result<renditions::Object, Code> {
        let kept = source.get::<contract::Object>().remember(&name, bytes)?;
        Ok(renditions::Object::new(kept))
    }
}

impl From<asked::Route> for Name {
    fn from(route: asked::Route) -> Self {
        match route {
            asked::Route::Thumbnail => Self::Thumbnail,
            asked::Route::Events => Self::Events,
            asked::Route::Event => Self::Event,
            asked::Route::EventThumbnail => Self::EventThumbnail,
            asked::Route::Clip => Self::Clip,
        }
    }
}

impl From<footage::Response> for Answered {
    fn from(response: footage::Response) -> Self {
        let status = match response.status {
            types::Status::Ok => Status::Ok,
            types::Status::BadRequest => Status::BadRequest,
            types::Status::NotFound => Status::NotFound,
            types::Status::Unavailable => Status::Unavailable,
            types::Status::Failed => Status::Failed,
        };
        let media_type = match response.media_type {
            types::MediaType::Jpeg => MediaType::Jpeg,
            types::MediaType::Mp4 => MediaType::Mp4,
            types::MediaType::Json => MediaType::Json,
            types::MediaType::Playlist => MediaType::Playlist,
        };
        // There is no live view here, so that no segment has a name.
        let status = match &response.body {
            footage::Body::Live(_) => Status::NotFound,
            _ => status,
        };
        let body = match response.body {
            footage::Body::Empty | footage::Body::Live(_) => contract::Body::Empty,
            footage::Body::Bytes(bytes) => contract::Body::Bytes(bytes),
            footage::Body::Footage(footage::FootageRange { source, offset, length }) => {
                let source = source.into_inner::<contract::Object>();
                contract::Body::Footage { source, offset, length }
            }
        };
        Self { status, media_type, body }
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
    type Change = change::Asked;
    type Departure = departure::Departure;
    type Intake = upload::Intake;
    type Upload = upload::Upload;

    fn health() -> Answer<()> {
        Ok(backend()?.health()?)
    }

    fn public_origin() -> Answer<Option<String>> {
        Ok(backend()?.public_origin().map(str::to_owned))
    }

    fn login(name: String, password: String, address: String) -> Answer<asked::Session> {
        let session = backend()?.login(&name, Zeroizing::new(password), &address)?;
        Ok(asked::Session {
            credential: session.credential.text().to_owned(),
            tag: session.tag.to_text(),
            expires_at_seconds: session.expires_at_seconds,
        })
    }

    fn logout(credential: String) -> Answer<()> {
        Ok(backend()?.logout(&Zeroizing::new(credential))?)
    }

    fn list_cameras(credential: String, tag: String) -> Answer<asked::Cameras> {
        let identified = backend()?.list_cameras(&Zeroizing::new(credential), &tag)?;
        let rights = identified.rights();
        let cameras = rights.cameras().map(|visible| {
            Ok(asked::Camera {
                id: visible.camera.to_string(),
                household: visible.household.to_string(),
                name: visible.name.to_owned(),
                live: visible.kinds.live,
                events: visible.kinds.events,
                clips: visible.kinds.clips,
                may_delete: visible.may_delete,
                still_at_milliseconds: backend()?.newest_time(identified, &visible)?,
            })
        });
        let cameras: Answer<Vec<asked::Camera>> = cameras.collect();
        Ok(asked::Cameras { cameras: cameras?, viewer: rights.viewer_name().to_owned() })
    }

    fn list_sharing(credential: String, tag: String, is_page: bool) -> Answer<asked::Departure> {
        let credential = Zeroizing::new(credential);
        let list = backend()?.sharing(&credential, &tag, is_page)?;
        Ok(asked::Departure::new(backend()?.depart_list(&credential, list)?))
    }

    fn watching(credential: String, tag: String) -> Answer<String> {
        Ok(backend()?.watching(&Zeroizing::new(credential), &tag)?.to_string())
    }

    fn look(body: Vec<u8>) -> Answer<asked::Told> {
        Ok(backend()?.look(&Zeroizing::new(body))?.into())
    }

    fn join(body: Vec<u8>, address: String) -> Answer<asked::Told> {
        Ok(backend()?.join(&Zeroizing::new(body), &address)?.into())
    }

    fn admit(
        route: asked::Route,
        credential: String,
        tag: String,
        camera: String,
    ) -> Answer<asked::Grant> {
        let credential = Zeroizing::new(credential);
        let handling = backend()?.admit(route.into(), &credential, &tag, &camera)?;
        Ok(asked::Grant::new(Granted(Arc::clone(handling))))
    }

    fn delete_event(
        credential: String,
        tag: String,
        camera: String,
        event: String,
    ) -> Answer<asked::Departure> {
        let credential = Zeroizing::new(credential);
        let departure = backend()?.delete_event(&credential, &tag, &camera, &event)?;
        Ok(asked::Departure::new(departure))
    }

    fn entity_tag(source: asked::ObjectBorrow<'_>) -> String {
        source.get::<contract::Object>().entity_tag()
    }

    fn still_time(source: asked::ObjectBorrow<'_>) -> u64 {
        source.get::<contract::Object>().still_time()
    }
}

impl From<Told> for asked::Told {
    fn from(told: Told) -> Self {
        match told {
            // There is no live view here that would have to be dropped.
            Told::Done | Told::Off(_) => Self { status: 204, body: None },
            Told::Made(status, value) => {
                Self { status: status.as_u16(), body: Some(value.to_string()) }
            }
        }
    }
}

impl asked::GuestChange for change::Asked {
    fn begin(method: String, path: String, credential: String) -> Answer<asked::Change> {
        let asked = backend()?.asks(&method, &path, &Zeroizing::new(credential))?;
        Ok(asked::Change::new(asked))
    }
    fn make(&self, body: Vec<u8>, address: String) -> Answer<asked::Told> {
        Ok(backend()?.make(self, &Zeroizing::new(body), &address)?.into())
    }
}

impl asked::GuestDeparture for departure::Departure {
    fn open(
        credential: String,
        event: Option<String>,
        response: asked::Response,
    ) -> Answer<asked::Departure> {
        let credential = Zeroizing::new(credential);
        let departure = backend()?.depart(&credential, event.as_deref(), response.into())?;
        Ok(asked::Departure::new(departure))
    }
    fn of_list(credential: String, page: Vec<u8>) -> Answer<asked::Departure> {
        let departure = backend()?.depart_list(&Zeroizing::new(credential), page)?;
        Ok(asked::Departure::new(departure))
    }
    fn length(&self) -> u64 {
        departure::Departure::length(self)
    }
    fn next(&self) -> Answer<Option<Vec<u8>>> {
        Ok(self.next_piece()?.map(Vec::from))
    }
}

impl asked::GuestIntake for upload::Intake {
    fn admit(credential: String) -> Answer<asked::Intake> {
        let intake = backend()?.admit_camera(&Zeroizing::new(credential))?;
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
