//! The conventional server: built the way such systems are built. It must leak, or the detector has
//! not been shown to work.
//!
//! A session says which viewer is asking. A map, read from the database once and then cached, says
//! which devices are whose. The API checks the map. What is behind the API is trusted: plain bytes
//! in caches and store, and rows as they come. The server has the same routes, the same database,
//! folder and caches as the system beside it, and the same liars in front of them. The server is
//! not slower or more careless than it needs to be.

mod book;
mod hub;
pub mod plain;
mod shelves;

pub use book::Book;
pub use shelves::Shelves;

use crate::liars::HubMouth;
use crate::lies::{Kind as Lie, Liar, Lies};
use crate::mark::mix;
use crate::whose::{Names, Whose};
use axum::Router;
use axum::body::Bytes;
use axum::extract::{Path, Query, Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{MethodRouter, delete, get, put};
use eyesonly::edge::Seams;
use eyesonly_gate::registry::{Change, Expect, Nonce};
use eyesonly_gate::vault::{ObjectRow, State as RowState};
use eyesonly_rights::{
    Action, CameraRecord, CameraRight, Record, SessionRecord, Verifier, ViewerRecord, Window,
};
use eyesonly_seal::format::sealed_length;
use eyesonly_seal::{CameraId, FootageId, Kind, ObjectName, ObjectVersion, SlotName, ViewerId};
use eyesonly_service::clock;
use eyesonly_service::index::{Committed, NewObject};
use eyesonly_service::store::StoreError;
use futures::FutureExt as _;
use plain::believed;
use serde::Deserialize;
use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use tokio::net::TcpListener;

/// The number of questions after which a connection of the pool is closed and another one taken.
/// Otherwise one lie would be told for ever.
const CONNECTION_QUESTIONS: u64 = 64;
/// The seconds for which a viewer's device-user map is cached.
const MAP_SECONDS: u64 = 60;
/// The largest body of an upload, in bytes.
const BODY_BYTES_MAX: usize = 8 * 1024 * 1024;
/// The number of events in a page when the request names none.
const LIMIT_DEFAULT: usize = 50;

/// A conventional server.
pub struct Conventional {
    verifier: Verifier,
    seams: Seams,
    shelves: Shelves,
    names: Arc<Names>,
    lies: Arc<Lies>,
    /// Event details, by the names of their rows.
    details: Mutex<HashMap<ObjectName, Bytes>>,
    /// The devices of each viewer, and when they were read.
    map: Mutex<HashMap<ViewerId, (Instant, Arc<ViewerRecord>)>>,
    /// The ledger.
    book: Arc<Book>,
    /// The live video of every device.
    hub: hub::PlainHub,
    /// The questions to the database so far.
    questions: AtomicU64,
    /// The body of the last response, which a mixed-up way out gives to another request.
    last: Mutex<Option<Bytes>>,
}

/// Who asks for which camera, as the server believes after its check.
#[derive(Clone, Copy)]
struct Checked {
    viewer: ViewerId,
    camera: CameraId,
    /// The time of the footage that may be seen.
    window: Window,
}

type Server = State<Arc<Conventional>>;
type Answer = Result<Response, StatusCode>;

impl Conventional {
    /// Makes a server over these seams and shelves. In `names` it notes for the liars whose a name
    /// is, and in `book` what it hands to whom.
    pub fn new(
        verifier: Verifier,
        seams: Seams,
        shelves: Shelves,
        (names, book): (&Arc<Names>, Arc<Book>),
        lies: Arc<Lies>,
    ) -> Arc<Self> {
        Arc::new(Self {
            verifier,
            seams,
            shelves,
            names: Arc::clone(names),
            hub: hub::PlainHub::new(HubMouth::new(Arc::clone(&lies), Arc::clone(names))),
            lies,
            book,
            details: Mutex::default(),
            map: Mutex::default(),
            questions: AtomicU64::new(0),
            last: Mutex::default(),
        })
    }

    /// Serves until `stop`.
    pub async fn serve(
        self: Arc<Self>,
        listener: TcpListener,
        stop: impl Future<Output = ()> + Send + 'static,
    ) {
        let router = Router::new()
            .route("/v1/session", delete(logout))
            .route("/v1/{tag}/cameras", get(cameras))
            .route("/v1/{tag}/cameras/{camera}/thumbnail", get(thumbnail))
            .route("/v1/{tag}/cameras/{camera}/events", get(events))
            .route("/v1/{tag}/cameras/{camera}/events/{event}", get(event))
            .route("/v1/{tag}/cameras/{camera}/events/{event}/thumbnail", get(event_still))
            .route("/v1/{tag}/cameras/{camera}/events/{event}/clip", get(clip))
            .route("/v1/{tag}/cameras/{camera}/live/next", get(hub::next))
            .route("/v1/ingest/live/{stream}", put(hub::put))
            .route("/v1/ingest/stills/{id}", taken(Kind::Still))
            .route("/v1/ingest/events/{id}", taken(Kind::Event))
            .route("/v1/ingest/events/{id}/still", taken(Kind::EventStill))
            .route("/v1/ingest/events/{id}/clip", taken(Kind::Clip))
            .with_state(self);
        let served = axum::serve(listener, router).with_graceful_shutdown(stop);
        if let Err(error) = served.await {
            tracing::error!(%error, "the conventional server ended");
        }
    }

    /// Returns whose session it is, as the session store says.
    async fn viewer(&self, headers: &HeaderMap) -> Result<(ViewerId, SessionRecord), StatusCode> {
        let verified = self.verifier.viewer(bearer(headers)?);
        let verified = verified.map_err(|_| StatusCode::UNAUTHORIZED)?;
        let key = SessionRecord::key_of(verified.viewer(), verified.session());
        let session: SessionRecord = self.record(&key).await?.ok_or(StatusCode::UNAUTHORIZED)?;
        Ok((session.viewer, session))
    }

    async fn record<R: Record>(&self, key: &[u8]) -> Result<Option<R>, StatusCode> {
        let nonce = Nonce::from_bytes([0; 16]);
        if self.questions.fetch_add(1, Ordering::Relaxed).is_multiple_of(CONNECTION_QUESTIONS) {
            self.seams.registry.reset();
            self.seams.index.reset();
        }
        let answer = self.seams.registry.read(&[(R::KIND, key)], nonce).await;
        let answer = answer.map_err(|_| StatusCode::SERVICE_UNAVAILABLE)?;
        Ok(believed(key, &answer))
    }

    /// Returns the viewer's devices, from the cache if they are there.
    async fn devices(&self, viewer: ViewerId) -> Result<Arc<ViewerRecord>, StatusCode> {
        if let Ok(map) = self.map.lock()
            && let Some((at, devices)) = map.get(&viewer)
            && at.elapsed() < Duration::from_secs(MAP_SECONDS)
        {
            return Ok(Arc::clone(devices));
        }
        let devices: ViewerRecord =
            self.record(viewer.as_bytes()).await?.ok_or(StatusCode::UNAUTHORIZED)?;
        let devices = Arc::new(devices);
        if let Ok(mut map) = self.map.lock() {
            map.insert(viewer, (Instant::now(), Arc::clone(&devices)));
        }
        Ok(devices)
    }

    /// Checks at the API that the viewer may do this with the camera, as the map says.
    async fn check(
        &self,
        headers: &HeaderMap,
        camera: &str,
        action: Action,
    ) -> Result<Checked, StatusCode> {
        let (viewer, _) = self.viewer(headers).await?;
        let camera = CameraId::parse(camera).map_err(|_| StatusCode::NOT_FOUND)?;
        let (devices, now) = (self.devices(viewer).await?, clock::now_seconds());
        let found = devices.cameras.iter().find(|right| right.camera == camera);
        let right = found
            .filter(|right| right.is_in_force(&devices.households, now) && right.allows(action));
        let window = right.ok_or(StatusCode::NOT_FOUND)?.window;
        Ok(Checked { viewer, camera, window })
    }

    async fn row(
        &self,
        camera: CameraId,
        kind: Kind,
        id: FootageId,
    ) -> Result<ObjectRow, StatusCode> {
        let rows =
            self.seams.index.objects(&[slot(camera, kind, id)], Nonce::from_bytes([0; 16])).await;
        let rows = rows.map_err(|_| StatusCode::SERVICE_UNAVAILABLE)?.rows;
        rows.into_iter()
            .next()
            .filter(|row| row.state == RowState::Live)
            .ok_or(StatusCode::NOT_FOUND)
    }

    /// Makes a response to whoever was checked, and enters it in the ledger.
    fn hand(&self, to: Checked, media_type: &'static str, body: Bytes) -> Response {
        self.book.handed(to.viewer, to.camera);
        self.respond(media_type, body)
    }

    /// Returns the row of something of an event, after the check at the API.
    async fn of_event(
        &self,
        headers: &HeaderMap,
        camera: &str,
        event: &str,
        kind: Kind,
    ) -> Result<(Checked, ObjectRow), StatusCode> {
        let action = if kind == Kind::Clip { Action::Clips } else { Action::Events };
        let checked = self.check(headers, camera, action).await?;
        let id = FootageId::parse(event).map_err(|_| StatusCode::NOT_FOUND)?;
        if !checked.window.covers(id.time_milliseconds()) {
            return Err(StatusCode::NOT_FOUND);
        }
        Ok((checked, self.row(checked.camera, kind, id).await?))
    }

    /// Reads the object of a row, from the first cache that has it, else from the store.
    async fn object(&self, row: &ObjectRow) -> Result<Bytes, StatusCode> {
        for cache in &self.shelves.caches {
            if let Some(object) = cache.get(row.name) {
                return Ok(plain::body(&object));
            }
        }
        let (store, name) = (Arc::clone(&self.shelves.store), row.name);
        let read = async move { store.get(name).await };
        let object = self.seams.coalescer.fetch((name, 0), read.boxed()).await;
        let object = object.map_err(|_| StatusCode::SERVICE_UNAVAILABLE)?;
        for cache in &self.shelves.caches {
            cache.put(name, object.clone());
        }
        Ok(plain::body(&object))
    }

    /// Deletes stored objects that the index does not know.
    ///
    /// # Errors
    /// The index or the folder does not answer.
    pub async fn collect(&self, before_milliseconds: u64) -> Result<usize, StoreError> {
        let unavailable = |error: std::io::Error| StoreError::Unavailable(error.into());
        let store = &self.shelves.store;
        let names = store.written_before(before_milliseconds).map_err(unavailable)?;
        let mut collected = 0;
        for some in names.chunks(500) {
            let known = self.seams.index.known(some, Nonce::from_bytes([0; 16])).await;
            let known = known.map_err(|error| StoreError::Unavailable(error.into()))?;
            let known: HashSet<_> = known.names.into_iter().collect();
            for name in some.iter().filter(|name| !known.contains(name)) {
                store.delete(*name).map_err(unavailable)?;
                collected += 1;
            }
        }
        Ok(collected)
    }

    /// Makes a response. The way out may lie here.
    fn respond(&self, media_type: &'static str, body: Bytes) -> Response {
        let lie = self.lies.next(Liar::WayOut);
        let last = self.last.lock().ok().and_then(|mut last| last.replace(body.clone()));
        let body = match (lie, last) {
            (Some(lie @ (Lie::AnotherRequest | Lie::CrossedBodies)), Some(last)) => {
                self.lies.was_told(Liar::WayOut, lie);
                last
            }
            _ => body,
        };
        let mut response = body.into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(media_type));
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("private, no-store"));
        response
    }

    /// Returns the record of the camera whose credential this is.
    async fn camera(&self, headers: &HeaderMap) -> Result<CameraRecord, StatusCode> {
        let verified = self.verifier.camera(bearer(headers)?);
        let verified = verified.map_err(|_| StatusCode::UNAUTHORIZED)?;
        self.record(verified.camera().as_bytes()).await?.ok_or(StatusCode::UNAUTHORIZED)
    }

    async fn take(&self, kind: Kind, id: &str, request: Request) -> Answer {
        let camera = self.camera(request.headers()).await?;
        let id = FootageId::parse(id).map_err(|_| StatusCode::BAD_REQUEST)?;
        let request = self.seams.inlet.carry(request).await;
        let body = axum::body::to_bytes(request.into_body(), BODY_BYTES_MAX)
            .await
            .map_err(|_| StatusCode::BAD_REQUEST)?;
        let (slot, version) =
            (slot(camera.camera, kind, id), ObjectVersion::from_bytes(clock::fresh_id()));
        let (name, household) = (object_name(&slot), camera.household);
        let whose = Whose { household, camera: camera.camera, kind, id, version, rendition: None };
        self.names.note(name, whose);
        if kind != Kind::Event {
            // An object that is there already is most likely of the same upload, sent once more.
            let put = self.shelves.store.put(name, plain::object(&body)).await;
            put.map_err(|_| StatusCode::SERVICE_UNAVAILABLE)?;
        } else if let Ok(mut details) = self.details.lock() {
            details.entry(name).or_insert_with(|| body.clone());
        }
        let row = ObjectRow {
            slot,
            camera: camera.camera,
            kind,
            id,
            rendition: false,
            version,
            name,
            sealed_length: sealed_length(body.len() as u64).unwrap_or(0),
            body_digest: [0; 32],
            state: RowState::Live,
            inline: None,
            proof: [0; 32],
        };
        let new = NewObject {
            pointer: (kind == Kind::Still).then(|| row.clone()),
            row,
            inline: None,
            household,
            quota_bytes: u64::MAX >> 2,
            requires: None,
            supersedes: None,
        };
        match self.seams.index.commit(new).await {
            Ok(Committed::Written(_)) => Ok(StatusCode::CREATED.into_response()),
            Ok(_) => Ok(StatusCode::OK.into_response()),
            Err(_) => Err(StatusCode::SERVICE_UNAVAILABLE),
        }
    }
}

fn bearer(headers: &HeaderMap) -> Result<&str, StatusCode> {
    headers
        .get(header::AUTHORIZATION)
        .and_then(|value| value.to_str().ok()?.strip_prefix("Bearer "))
        .ok_or(StatusCode::UNAUTHORIZED)
}

/// Computes the slot that the index is asked by.
fn slot(camera: CameraId, kind: Kind, id: FootageId) -> SlotName {
    let words = |salt: u64| {
        let mut numbers = vec![salt, u64::from(kind.code())];
        for half in camera.as_bytes().chunks(8).chain(id.as_bytes().chunks(8)) {
            numbers.push(half.iter().fold(0, |word, byte| word << 8 | u64::from(*byte)));
        }
        mix(&numbers).to_be_bytes()
    };
    let mut bytes = [0; 32];
    bytes.iter_mut().zip((0..4).flat_map(words)).for_each(|(to, from)| *to = from);
    SlotName::from_bytes(bytes)
}

fn object_name(slot: &SlotName) -> ObjectName {
    ObjectName::from_bytes(*slot.as_bytes())
}

async fn logout(State(server): Server, headers: HeaderMap) -> Answer {
    let (_, session) = server.viewer(&headers).await?;
    let key = session.key();
    let change = Change { kind: SessionRecord::KIND, key, expect: Expect::Any, record: None };
    let ended = server.seams.registry.commit(vec![change], None).await;
    ended.map_err(|_| StatusCode::SERVICE_UNAVAILABLE)?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

async fn cameras(State(server): Server, headers: HeaderMap) -> Answer {
    let (viewer, _) = server.viewer(&headers).await?;
    let devices = server.devices(viewer).await?;
    let camera =
        |right: &CameraRight| serde_json::json!({ "id": right.camera, "name": right.name });
    let now = clock::now_seconds();
    let in_force = |right: &&CameraRight| right.is_in_force(&devices.households, now);
    let list: Vec<_> = devices.cameras.iter().filter(in_force).map(camera).collect();
    let body = serde_json::json!({ "cameras": list }).to_string();
    Ok(server.respond("application/json", body.into()))
}

async fn thumbnail(
    State(server): Server,
    headers: HeaderMap,
    Path((_, camera)): Path<(String, String)>,
) -> Answer {
    let checked = server.check(&headers, &camera, Action::Live).await?;
    let rows = server.seams.index.newest_still(checked.camera, Nonce::from_bytes([0; 16])).await;
    let rows = rows.map_err(|_| StatusCode::SERVICE_UNAVAILABLE)?.rows;
    let row = rows.first().filter(|row| checked.window.covers(row.id.time_milliseconds()));
    let row = row.ok_or(StatusCode::NOT_FOUND)?;
    let body = server.object(row).await?;
    Ok(server.hand(checked, "image/jpeg", body))
}

#[derive(Deserialize)]
struct Page {
    before: Option<String>,
    limit: Option<usize>,
}

async fn events(
    State(server): Server,
    headers: HeaderMap,
    Path((_, camera)): Path<(String, String)>,
    Query(page): Query<Page>,
) -> Answer {
    let checked = server.check(&headers, &camera, Action::Events).await?;
    let before = page
        .before
        .map(|before| FootageId::parse(&before))
        .transpose()
        .map_err(|_| StatusCode::BAD_REQUEST)?;
    let limit = page.limit.unwrap_or(LIMIT_DEFAULT).clamp(1, 100);
    let nonce = Nonce::from_bytes([0; 16]);
    let rows = server.seams.index.events(checked.camera, before, limit + 1, nonce).await;
    let mut rows = rows.map_err(|_| StatusCode::SERVICE_UNAVAILABLE)?.rows;
    rows.retain(|row| checked.window.covers(row.id.time_milliseconds()));
    let more = rows.len() > limit;
    rows.truncate(limit);
    let next = rows.last().filter(|_| more).map(|row| row.id.to_string());
    let list: Vec<_> = rows.iter().map(|row| summary(&server, row)).collect();
    let body = serde_json::json!({ "events": list, "next": next }).to_string();
    Ok(server.hand(checked, "application/json", body.into()))
}

fn summary(server: &Conventional, row: &ObjectRow) -> serde_json::Value {
    let details = server.details.lock().ok().and_then(|details| details.get(&row.name).cloned());
    let mut value: serde_json::Value =
        serde_json::from_slice(&details.unwrap_or_default()).unwrap_or_default();
    if let Some(fields) = value.as_object_mut() {
        fields.insert("id".to_owned(), row.id.to_string().into());
    }
    value
}

async fn event(
    State(server): Server,
    headers: HeaderMap,
    Path((_, camera, event)): Path<(String, String, String)>,
) -> Answer {
    let (checked, row) = server.of_event(&headers, &camera, &event, Kind::Event).await?;
    Ok(server.hand(checked, "application/json", summary(&server, &row).to_string().into()))
}

async fn event_still(
    State(server): Server,
    headers: HeaderMap,
    Path((_, camera, event)): Path<(String, String, String)>,
) -> Answer {
    let (checked, row) = server.of_event(&headers, &camera, &event, Kind::EventStill).await?;
    let body = server.object(&row).await?;
    Ok(server.hand(checked, "image/jpeg", body))
}

async fn clip(
    State(server): Server,
    headers: HeaderMap,
    Path((_, camera, event)): Path<(String, String, String)>,
) -> Answer {
    let (checked, row) = server.of_event(&headers, &camera, &event, Kind::Clip).await?;
    let body = server.object(&row).await?;
    // Storm's clients ask for `bytes=first-last` and nothing else.
    let range = headers
        .get(header::RANGE)
        .and_then(|value| value.to_str().ok()?.strip_prefix("bytes=")?.split_once('-'))
        .and_then(|(first, last)| {
            Some((first.parse::<usize>().ok()?, last.parse::<usize>().ok()?))
        });
    let Some((first, last)) = range else {
        return Ok(server.hand(checked, "video/mp4", body));
    };
    let end = last.saturating_add(1).min(body.len());
    let part = body.slice(first.min(end)..end);
    let mut response = server.hand(checked, "video/mp4", part);
    *response.status_mut() = StatusCode::PARTIAL_CONTENT;
    Ok(response)
}

/// Takes what cameras hand in of one kind.
fn taken(kind: Kind) -> MethodRouter<Arc<Conventional>> {
    put(move |State(server): Server, Path(id): Path<String>, request: Request| async move {
        server.take(kind, &id, request).await
    })
}
