//! The requests of viewers: they sign in, see their cameras, stills, events and clips, and delete
//! an event. FROM CLIENT: every parameter.

use super::problem::Problem;
use super::wayout::{self, Head};
use super::{Departing, Edge, credential, of_row, openapi, range, read_body};
use crate::sandbox::{HandlerFailure, Question};

use axum::extract::{ConnectInfo, FromRequestParts, Path, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, Uri, header};
use axum::response::{IntoResponse as _, Response};
use eyesonly_gate::rules::{MediaType, Status};
use eyesonly_gate::{
    Answer, Content, Departure, Grant, Identified, Instance, Leaving, RawCredential,
};
use eyesonly_rights::Action;
use eyesonly_seal::FootageId;
use eyesonly_service::chain::Chain;
use eyesonly_service::clock;
use eyesonly_service::footage::{entity_tag, shown_time};
use eyesonly_web::login::{LOGIN_BYTES_MAX, LOGIN_SECONDS_MAX, Login};
use eyesonly_web::routes::{Route, Serves, Who};
use eyesonly_web::viewer::{ASSETS, WallCamera, login_page, wall_page};
use eyesonly_web::{answer, ask, login};
use serde::Deserialize;
use std::net::SocketAddr;
use std::sync::Arc;

type Edged = State<Arc<Edge>>;

/// `GET /`
pub async fn shell() -> Response {
    let mut response = login_page().into_response();
    answer::page(response.headers_mut());
    response
}

/// `GET /assets/{file}`
pub async fn asset(uri: Uri) -> Result<Response, Problem> {
    let asset = ASSETS.iter().find(|asset| asset.path == uri.path()).ok_or(Problem::NotFound)?;
    let mut response = asset.bytes.into_response();
    answer::asset(response.headers_mut(), asset.media_type);
    Ok(response)
}

/// `GET /v1/openapi.json`
pub async fn document() -> Response {
    let mut response = openapi::document(true).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    response
}

/// `GET /healthz`
pub async fn health(State(edge): Edged) -> Result<Response, Problem> {
    edge.admission.records().position().await?;
    if !edge.ledger.is_open() {
        return Err(Problem::Unavailable);
    }
    Ok((StatusCode::OK, "ok\n").into_response())
}

/// `POST /v1/session`
pub async fn login(
    State(edge): Edged,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    headers: HeaderMap,
    uri: Uri,
    request: Request,
) -> Result<Response, Problem> {
    edge.check_json(&headers, &uri)?;
    let body = read_body(request.into_body(), LOGIN_BYTES_MAX, LOGIN_SECONDS_MAX).await?;
    let Login { name, password, bearer } = login::read(&body)?;
    let address = edge.proxies.client(peer, &headers);
    let client = answer::client(&headers);
    let session =
        edge.identity.login(&name, password, address, client).await.inspect_err(|error| {
            // Never log the name: people type their password into that field.
            tracing::info!(%error, client = %address, "a login was refused");
        })?;
    // A session that is not in the ledger is not given out.
    if let Err(error) = edge.ledger.signed_in(session.viewer).await {
        tracing::error!(%error, "a login was not entered in the ledger");
        edge.identity.take_back(&session).await;
        return Err(Problem::Unavailable);
    }
    let response = login::begun(&login::Begun {
        credential: session.credential.text(),
        tag: &session.tag.to_text(),
        expires_at_seconds: session.expires_at_seconds,
        now_seconds: clock::now_seconds(),
        bearer,
        tls: edge.tls,
    })?;
    Ok(response.into_response())
}

/// A viewer's request of any kind. FROM CLIENT.
pub struct ByViewer {
    pub(super) edge: Arc<Edge>,
    pub(super) raw: RawCredential,
    /// The row of the table that routed it.
    pub(super) row: &'static Route,
    method: Method,
    pub(super) headers: HeaderMap,
    pub(super) uri: Uri,
}

impl FromRequestParts<Arc<Edge>> for ByViewer {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, edge: &Arc<Edge>) -> Result<Self, Problem> {
        Ok(Self {
            row: of_row(&parts.extensions, Who::Viewer)?,
            edge: Arc::clone(edge),
            raw: RawCredential::new(credential::of_viewer(&parts.headers, edge.tls)?),
            method: parts.method.clone(),
            headers: std::mem::take(&mut parts.headers),
            uri: parts.uri.clone(),
        })
    }
}

impl ByViewer {
    /// Checks that the request comes from a page of this site.
    pub(super) fn check_origin(&self) -> Result<(), Problem> {
        let authority = self.uri.authority().map(|authority| authority.as_str());
        let public_origin = self.edge.public_origin.as_deref();
        credential::check_origin(&self.headers, authority, public_origin)
    }

    /// Opens the departure of a list that is this viewer's own, as a page or as data.
    pub(super) async fn depart(
        &self,
        identified: &Identified,
        list: Vec<u8>,
    ) -> Result<Departure, Problem> {
        let (door, is_head) = (&self.edge.admission, self.method == Method::HEAD);
        Ok(Departure::of_list(door, identified, &self.raw, list.into(), is_head).await?)
    }

    /// Answers with a list that is this viewer's own, as data.
    pub(super) async fn list(
        &self,
        identified: &Identified,
        list: Vec<u8>,
    ) -> Result<Response, Problem> {
        Ok(wayout::response(self.depart(identified, list).await?, &Head::default()))
    }
}

/// `DELETE /v1/session`
pub async fn logout(asks: ByViewer) -> Result<Response, Problem> {
    asks.check_origin()?;
    let requester = asks.edge.admission.identify(&asks.raw).await?;
    asks.edge.identity.logout(&requester).await?;
    asks.edge.ledger.signed_out(requester.viewer());
    Ok(login::ended(asks.edge.tls).into_response())
}

/// `GET /v1/{tag}/`
pub async fn wall(
    Path(tag): Path<String>,
    headers: HeaderMap,
    asks: Result<ByViewer, Problem>,
) -> Result<Response, Problem> {
    let wall = match asks {
        Ok(asks) => wall_of(&asks, &tag).await,
        Err(problem) => Err(problem),
    };
    page_or_login(&headers, wall)
}

/// Answers with a page. If the session has ended, a person gets the page to sign in on, and a
/// program gets the problem.
pub fn page_or_login(
    headers: &HeaderMap,
    page: Result<Response, Problem>,
) -> Result<Response, Problem> {
    match page {
        Err(Problem::Unidentified | Problem::NotFound) if answer::is_person(headers) => {
            let mut response = (StatusCode::SEE_OTHER, [(header::LOCATION, "/")]).into_response();
            answer::private(response.headers_mut());
            Ok(response)
        }
        page => page,
    }
}

async fn wall_of(asks: &ByViewer, tag: &str) -> Result<Response, Problem> {
    let identified = asks.edge.admission.rights(&asks.raw, tag).await?;
    let rights = identified.rights();
    let cameras: Vec<WallCamera<'_>> = rights
        .cameras()
        .map(|camera| WallCamera {
            id: camera.camera.to_string(),
            name: camera.name,
            live: camera.kinds.live,
            events: camera.kinds.events,
            clips: camera.kinds.clips,
            may_delete: camera.may_delete,
        })
        .collect();
    let html = wall_page(rights.viewer_name(), &cameras, true);
    Ok(wayout::page(asks.depart(&identified, html.into()).await?))
}

/// `GET /v1/{tag}/cameras`
pub async fn cameras(Path(tag): Path<String>, asks: ByViewer) -> Result<Response, Problem> {
    let edge = &asks.edge;
    let identified = edge.admission.rights(&asks.raw, &tag).await?;
    let mut cameras = Vec::new();
    for camera in identified.rights().cameras() {
        // The list is answered even if a household's key or an answer of the index can't be had.
        let grant = || edge.admission.grant(&identified, camera.camera, Action::Live).ok();
        let still_at_milliseconds = match camera.kinds.live.then(grant).flatten() {
            Some(grant) => edge.footage.newest_time(&grant).await,
            None => None,
        };
        cameras.push(ask::Camera {
            id: camera.camera.to_string(),
            name: camera.name,
            household: camera.household.to_string(),
            kinds: ask::Kinds {
                live: camera.kinds.live,
                events: camera.kinds.events,
                clips: camera.kinds.clips,
            },
            may_delete: camera.may_delete,
            still_at_milliseconds,
        });
    }
    let body = ask::cameras(&cameras)?;
    asks.list(&identified, body).await
}

/// A viewer's request below one camera, parsed, and the row of the table that routed it.
/// FROM CLIENT: all but the row.
pub struct Asked {
    asks: ByViewer,
    serves: Serves,
    place: Place,
}

/// The parameters of an address below a camera.
#[derive(Deserialize)]
struct Place {
    tag: String,
    camera: String,
    event: Option<String>,
    segment: Option<String>,
}

impl FromRequestParts<Arc<Edge>> for Asked {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, edge: &Arc<Edge>) -> Result<Self, Problem> {
        let place = Path::from_request_parts(parts, edge).await;
        let Path(place) = place.map_err(|_| Problem::NotFound)?;
        // Only the row decides what the route needs, which handler answers it and what the ledger
        // calls it.
        let serves = of_row(&parts.extensions, Who::Viewer)?.serves.ok_or(Problem::Failed)?;
        let asks = ByViewer::from_request_parts(parts, edge).await?;
        Ok(Self { asks, serves, place })
    }
}

impl Asked {
    pub(super) async fn admit(&self) -> Result<Arc<Grant>, Problem> {
        let (Place { tag, camera, .. }, ByViewer { edge, raw, .. }) = (&self.place, &self.asks);
        Ok(edge.admission.admit(raw, tag, camera, self.serves.action).await?)
    }

    pub(super) fn edge(&self) -> &Arc<Edge> {
        &self.asks.edge
    }

    pub(super) fn is_head(&self) -> bool {
        self.asks.method == Method::HEAD
    }

    /// Puts one question to the row's handler, under one grant.
    pub(super) async fn answer(self, question: Question) -> Result<Response, Problem> {
        let grant = self.admit().await?;
        let edge = &self.asks.edge;
        let handler = edge.handler(self.serves.handler.ok_or(Problem::Failed)?);
        let wanted = wanted(&question);
        let answer =
            handler.handle(Arc::clone(&edge.footage), Arc::clone(&grant), question).await?;
        let carried = edge.outlet.carry(Departing { grant: Arc::clone(&grant), answer });
        let mut answer = carried.answer;
        succeeded(&answer, handler.name(), wanted)?;
        let head = self.head(&mut answer)?;
        Ok(wayout::response(self.depart(&grant, answer).await?, &head))
    }

    /// Opens the departure of an answer under its grant.
    async fn depart(&self, grant: &Arc<Grant>, answer: Answer) -> Result<Departure, Problem> {
        let ByViewer { edge, raw, .. } = &self.asks;
        let Place { event, segment, .. } = &self.place;
        let named = event.as_deref().or(segment.as_deref());
        let event = match answer.content() {
            Content::Live { source, .. } => Some(source.segment().statement().segment),
            _ => named.and_then(|named| FootageId::parse(named).ok()),
        };
        let is_head = self.is_head();
        let leaving = Leaving { handed: self.serves.handed, event, is_head };
        Ok(Departure::open(&edge.admission, grant, raw, answer, leaving).await?)
    }

    /// Narrows a clip to the range that the client asks for, and returns what its head says.
    fn head(&self, answer: &mut Answer) -> Result<Head, Problem> {
        let Content::Footage { source, offset, length } = answer.content() else {
            return match answer.content() {
                Content::Bytes(_) => Ok(Head::default()),
                Content::Live { source, .. } => {
                    let Place { tag, camera, .. } = &self.place;
                    let segment = source.segment().statement().segment;
                    let location = format!("/v1/{tag}/cameras/{camera}/live/{segment}");
                    Ok(Head { location: Some(location), ..Head::default() })
                }
                _ => Err(Problem::Failed),
            };
        };
        if answer.media_type() != MediaType::Mp4 {
            let still_milliseconds = Some(shown_time(source.located()));
            return Ok(Head { still_milliseconds, ..Head::default() });
        }
        let (total, tag) = (source.located().plain_length(), entity_tag(source.located()));
        let whole = *offset == 0 && *length == total;
        let ByViewer { method, headers, .. } = &self.asks;
        let span = if whole { Some(range::span(method, headers, total, &tag)?) } else { None };
        let part = span.filter(|span| span.partial).map(|span| (span, total));
        if let Some((span, _)) = part
            && !answer.narrow(span.start, span.length)
        {
            return Err(Problem::Range(total));
        }
        Ok(Head { entity_tag: Some(tag), part, ..Head::default() })
    }

    /// Returns the event of the address. Every route below an event has one.
    fn event(&self) -> Result<String, Problem> {
        self.place.event.clone().ok_or(Problem::NotFound)
    }

    /// Returns the segment of the address. Every route below a segment has one.
    pub(super) fn segment(&self) -> Result<String, Problem> {
        self.place.segment.clone().ok_or(Problem::NotFound)
    }

    fn number(&self, name: &str, default: u32) -> Result<u32, Problem> {
        ask::number(self.asks.uri.query(), name, default)
    }

    pub(super) fn parameter(&self, name: &str) -> Option<String> {
        ask::parameter(self.asks.uri.query(), name)
    }
}

/// Returns the text that says what a good question has, for one that a handler calls bad.
const fn wanted(question: &Question) -> &'static str {
    match question {
        Question::Still { event: None, .. } => ask::WANTED_STILL,
        Question::Still { event: Some(_), .. } => ask::WANTED_EVENT_STILL,
        Question::Events { .. } => ask::WANTED_EVENTS,
        Question::Event(_) | Question::Clip(_) => ask::WANTED_EVENT,
        Question::Live
        | Question::Next { .. }
        | Question::Playlist(_)
        | Question::Segment { .. } => ask::WANTED_LIVE,
    }
}

impl From<HandlerFailure> for Problem {
    fn from(failure: HandlerFailure) -> Self {
        match failure {
            HandlerFailure::Busy => Self::Unavailable,
            // Most likely it waited for cores that others used.
            HandlerFailure::Deadline => {
                tracing::warn!("a handler did not answer within its time");
                Self::Unavailable
            }
            failure => {
                tracing::error!(failure = %Chain(&failure), "a handler did not answer");
                Self::Failed
            }
        }
    }
}

fn succeeded(answer: &Answer, handler: &str, wanted: &'static str) -> Result<(), Problem> {
    match answer.status() {
        Status::Ok => Ok(()),
        Status::BadRequest => Err(Problem::BadRequest(wanted.into())),
        Status::NotFound => Err(Problem::NotFound),
        Status::Unavailable => Err(Problem::Unavailable),
        Status::Failed => {
            tracing::error!(
                handler,
                "a handler could not answer from the footage that is there; most likely its \
                 picture data was damaged before it came here"
            );
            Err(Problem::Failed)
        }
    }
}

/// `GET /v1/{tag}/cameras/{camera}/thumbnail` and
/// `GET /v1/{tag}/cameras/{camera}/events/{event}/thumbnail`
pub async fn thumbnail(asked: Asked) -> Result<Response, Problem> {
    let question = Question::Still {
        event: asked.place.event.clone(),
        width: asked.number("width", ask::WIDTH_DEFAULT)?,
    };
    asked.answer(question).await
}

/// `GET /v1/{tag}/cameras/{camera}/events`
pub async fn events(asked: Asked) -> Result<Response, Problem> {
    let question = Question::Events {
        before: asked.parameter("before"),
        limit: asked.number("limit", ask::LIMIT_DEFAULT)?,
    };
    asked.answer(question).await
}

/// `GET /v1/{tag}/cameras/{camera}/events/{event}`
pub async fn event(asked: Asked) -> Result<Response, Problem> {
    let question = Question::Event(asked.event()?);
    asked.answer(question).await
}

/// `GET /v1/{tag}/cameras/{camera}/events/{event}/clip`
pub async fn clip(asked: Asked) -> Result<Response, Problem> {
    let question = Question::Clip(asked.event()?);
    asked.answer(question).await
}

/// `DELETE /v1/{tag}/cameras/{camera}/events/{event}`
pub async fn delete_event(asked: Asked) -> Result<Response, Problem> {
    asked.asks.check_origin()?;
    let grant = asked.admit().await?;
    let event = FootageId::parse(&asked.event()?).map_err(|_| Problem::NotFound)?;
    let instance = Instance::new(Arc::clone(&grant));
    let answer = instance.answers(Status::Ok, MediaType::Json, Content::Empty);
    // What can't be entered in the ledger does not happen.
    let departure = asked.depart(&grant, answer.map_err(|_| Problem::Failed)?).await?;
    if let Err(error) = asked.asks.edge.footage.delete_event(&grant, event).await {
        departure.withhold();
        return Err(error.into());
    }
    Ok(wayout::no_content(departure))
}

/// `GET /v1/{tag}/cameras/{camera}/plain`, only in builds of the bench. It answers with the bytes
/// of the file that `EYESONLY_BENCH_FILE` names. Identity, registry and way out are the usual ones,
/// without sandbox and decryption.
#[cfg(feature = "bench")]
pub async fn plain(asked: Asked) -> Result<Response, Problem> {
    static FILE: std::sync::LazyLock<axum::body::Bytes> = std::sync::LazyLock::new(|| {
        std::env::var_os("EYESONLY_BENCH_FILE")
            .and_then(|path| std::fs::read(path).ok())
            .unwrap_or_default()
            .into()
    });
    let grant = asked.admit().await?;
    let instance = Instance::new(Arc::clone(&grant));
    let answer = instance.answers(Status::Ok, MediaType::Jpeg, Content::Bytes(FILE.clone()));
    let departure = asked.depart(&grant, answer.map_err(|_| Problem::Failed)?).await?;
    Ok(wayout::response(departure, &Head::default()))
}
