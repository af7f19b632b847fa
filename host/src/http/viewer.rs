//! What viewers ask: sign in, see their cameras, stills, events and clips, delete an event. FROM CLIENT: every parameter.

use super::problem::Problem;
use super::wayout::{self, Leaving, Opened};
use super::{Departing, Edge, credential, openapi, range};
use crate::admission::{Identified, RawCredential};
use crate::clock;
use crate::footage::Held;
use crate::grant::Grant;
use crate::ledger::Handed;
use crate::sandbox::{Answer, Body as Answered, Handler, HandlerFailure, MediaType, Question, Status};

use axum::extract::{ConnectInfo, FromRequestParts, Path, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, StatusCode, Uri, header};
use axum::response::{IntoResponse as _, Response};
use eyesonly_rights::{Action, Requester, Role};
use eyesonly_seal::FootageId;
use eyesonly_web::login::{LOGIN_BYTES_MAX, LOGIN_SECONDS_MAX, Login};
use eyesonly_web::viewer::{ASSETS, WallCamera, login_page, wall_page};
use eyesonly_web::{answer, ask, login};
use serde::Deserialize;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

type Edged = State<Arc<Edge>>;

/// `GET /`
pub async fn shell() -> Response {
    let mut response = login_page().into_response();
    answer::page(response.headers_mut());
    response
}

/// `GET /assets/{file}`
pub async fn asset(uri: Uri) -> Result<Response, Problem> {
    let asset = ASSETS
        .iter()
        .find(|asset| asset.path == uri.path())
        .ok_or(Problem::NotFound)?;
    let mut response = asset.bytes.into_response();
    answer::asset(response.headers_mut(), asset.media_type);
    Ok(response)
}

/// `GET /v1/openapi.json`
pub async fn document() -> Response {
    let mut response = openapi::document().into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    response
}

/// `GET /healthz`
pub async fn health(State(edge): Edged) -> Result<Response, Problem> {
    edge.admission
        .registry()
        .sequence()
        .await
        .map_err(|_| Problem::Unavailable)?;
    Ok((StatusCode::OK, "ok\n").into_response())
}

/// The body of a login.
async fn read_login(request: Request) -> Result<Login, Problem> {
    let too_large = |_| Problem::TooLarge(LOGIN_BYTES_MAX as u64);
    let limit = Duration::from_secs(LOGIN_SECONDS_MAX);
    let body = tokio::time::timeout(limit, axum::body::to_bytes(request.into_body(), LOGIN_BYTES_MAX))
        .await
        .map_err(|_| Problem::TooSlow(LOGIN_SECONDS_MAX))?
        .map_err(too_large)?;
    login::read(&body)
}

/// `POST /v1/session`
pub async fn login(
    State(edge): Edged,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    headers: HeaderMap,
    uri: Uri,
    request: Request,
) -> Result<Response, Problem> {
    login::check(&headers, uri.authority().map(|a| a.as_str()))?;
    let Login { name, password, bearer } = read_login(request).await?;
    let session = edge
        .identity
        .login(&name, password, peer.ip())
        .await
        .inspect_err(|error| {
            // Never the name: people type their password there.
            tracing::info!(%error, "a login was refused");
        })?;
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

/// `DELETE /v1/session`
pub async fn logout(State(edge): Edged, headers: HeaderMap, uri: Uri) -> Result<Response, Problem> {
    let raw = RawCredential::new(credential::of_viewer(&headers, edge.tls)?);
    credential::check_origin(&headers, uri.authority().map(|a| a.as_str()))?;
    let requester = edge.admission.identify(&raw).await?;
    edge.identity.logout(&requester).await?;
    Ok(login::ended(edge.tls).into_response())
}

/// `GET /v1/{tag}/`
pub async fn wall(State(edge): Edged, headers: HeaderMap, Path(tag): Path<String>) -> Result<Response, Problem> {
    let wall = wall_of(&edge, &headers, &tag).await;
    // A person whose session has ended gets the page to sign in on; a program gets the problem.
    let is_person = answer::is_person(&headers);
    match wall {
        Err(Problem::Unidentified | Problem::NotFound) if is_person => {
            let mut response = (StatusCode::SEE_OTHER, [(header::LOCATION, "/")]).into_response();
            wayout::private(response.headers_mut());
            Ok(response)
        }
        wall => wall,
    }
}

async fn wall_of(edge: &Edge, headers: &HeaderMap, tag: &str) -> Result<Response, Problem> {
    let raw = RawCredential::new(credential::of_viewer(headers, edge.tls)?);
    let Identified { requester, rights, .. } = edge.admission.rights(&raw, tag).await?;
    let cameras: Vec<WallCamera<'_>> = rights
        .cameras
        .iter()
        .map(|right| WallCamera {
            id: right.camera.to_string(),
            name: &right.name,
            live: right.kinds.live,
            events: right.kinds.events,
            clips: right.kinds.clips,
            may_delete: right.role == Role::Owner,
        })
        .collect();
    let html = wall_page(&rights.name, &cameras);
    let pass = cameras_leave(edge, &requester, &raw, html.len())?;
    Ok(wayout::page(pass, html))
}

/// The way out for a list of cameras, as page or as data.
fn cameras_leave(
    edge: &Edge,
    requester: &Requester,
    raw: &RawCredential,
    body_bytes: usize,
) -> Result<wayout::Pass, Problem> {
    let leaving = Leaving {
        source: None,
        handed: Handed::Cameras,
        event: None,
        body_bytes: body_bytes as u64,
    };
    wayout::pass(edge, requester, raw, &leaving)
}

/// `GET /v1/{tag}/cameras`
pub async fn cameras(State(edge): Edged, headers: HeaderMap, Path(tag): Path<String>) -> Result<Response, Problem> {
    let raw = RawCredential::new(credential::of_viewer(&headers, edge.tls)?);
    let Identified { requester, rights, .. } = edge.admission.rights(&raw, &tag).await?;
    let cameras: Vec<ask::Camera<'_>> = rights
        .cameras
        .iter()
        .map(|right| ask::Camera {
            id: right.camera.to_string(),
            name: &right.name,
            household: right.household.to_string(),
            kinds: ask::Kinds {
                live: right.kinds.live,
                events: right.kinds.events,
                clips: right.kinds.clips,
            },
            may_delete: right.role == Role::Owner,
        })
        .collect();
    let body = ask::cameras(&cameras)?;
    let pass = cameras_leave(&edge, &requester, &raw, body.len())?;
    Ok(wayout::bytes(pass, MediaType::Json, body))
}

/// A viewer's request below one camera, taken apart. FROM CLIENT, all of it.
pub struct Asked {
    edge: Arc<Edge>,
    headers: HeaderMap,
    uri: Uri,
    place: Place,
}

/// The parameters of an address below a camera.
#[derive(Deserialize)]
struct Place {
    tag: String,
    camera: String,
    event: Option<String>,
}

impl FromRequestParts<Arc<Edge>> for Asked {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, edge: &Arc<Edge>) -> Result<Self, Problem> {
        let place = Path::from_request_parts(parts, edge).await;
        let Path(place) = place.map_err(|_| Problem::NotFound)?;
        Ok(Self {
            edge: Arc::clone(edge),
            headers: std::mem::take(&mut parts.headers),
            uri: parts.uri.clone(),
            place,
        })
    }
}

impl Asked {
    /// What a question needs: the right, the handler, and the word for its answer in the ledger.
    fn needs(&self, question: &Question) -> (Action, &Handler, Handed) {
        let Edge { thumbnail, events, .. } = &*self.edge;
        match question {
            Question::Still { event: None, .. } => (Action::Live, thumbnail, Handed::Still),
            Question::Still { event: Some(_), .. } => (Action::Events, thumbnail, Handed::Still),
            Question::Events { .. } | Question::Event(_) => (Action::Events, events, Handed::Events),
            Question::Clip(_) => (Action::Clips, events, Handed::Clip),
        }
    }

    fn credential(&self) -> Result<RawCredential, Problem> {
        credential::of_viewer(&self.headers, self.edge.tls).map(RawCredential::new)
    }

    async fn admit(&self, raw: &RawCredential, action: Action) -> Result<Arc<Grant>, Problem> {
        let Place { tag, camera, .. } = &self.place;
        let grant = self.edge.admission.admit(raw, tag, camera, action).await?;
        Ok(Arc::new(grant))
    }

    /// One question to a handler under one grant.
    async fn answer(self, question: Question) -> Result<Response, Problem> {
        let (action, handler, handed) = self.needs(&question);
        let raw = self.credential()?;
        let grant = self.admit(&raw, action).await?;
        let wanted = wanted(&question);
        let answer = handler
            .handle(Arc::clone(&self.edge.footage), Arc::clone(&grant), question)
            .await?;
        let Departing { grant: made, answer } = self.edge.outlet.carry(Departing {
            grant: Arc::clone(&grant),
            answer,
        });
        let answer = succeeded(answer, handler.name(), wanted)?;
        wayout::same_request(&self.edge, &grant, &made, &answer.1)?;
        match answer {
            (_, Answered::Empty) => Err(Problem::Failed),
            (kind, Answered::Bytes(bytes)) => {
                let pass = self.pass(&made, &raw, handed, bytes.len() as u64)?;
                Ok(wayout::bytes(pass, kind, bytes))
            }
            (kind, Answered::Footage { source, offset, length }) => {
                let span = self.span(&source, kind, offset, length)?;
                let opened = Opened::new(source, span).await?;
                let pass = self.pass(&made, &raw, handed, opened.length())?;
                Ok(wayout::footage(pass, kind, opened))
            }
        }
    }

    /// The handler's own range, narrowed by the client's where a clip is asked for.
    fn span(&self, source: &Held, kind: MediaType, offset: u64, length: u64) -> Result<range::Span, Problem> {
        let whole = offset == 0 && length == source.length();
        if kind == MediaType::Mp4 && whole {
            return range::span(&self.headers, length, &source.entity_tag());
        }
        Ok(range::Span {
            start: offset,
            length,
            partial: false,
        })
    }

    fn pass(
        &self,
        grant: &Grant,
        raw: &RawCredential,
        handed: Handed,
        body_bytes: u64,
    ) -> Result<wayout::Pass, Problem> {
        let event = self.place.event.as_deref();
        let leaving = Leaving {
            source: Some((grant.scope().household(), grant.scope().camera())),
            handed,
            event: event.and_then(|event| FootageId::parse(event).ok()),
            body_bytes,
        };
        wayout::pass(&self.edge, grant.requester(), raw, &leaving)
    }

    /// The event of the address; every route below an event has one.
    fn event(&self) -> Result<String, Problem> {
        self.place.event.clone().ok_or(Problem::NotFound)
    }

    fn number(&self, name: &str, default: u32) -> Result<u32, Problem> {
        ask::number(self.uri.query(), name, default)
    }

    fn parameter(&self, name: &str) -> Option<String> {
        ask::parameter(self.uri.query(), name)
    }
}

/// What a handler wants of a question that it calls a bad one.
const fn wanted(question: &Question) -> &'static str {
    match question {
        Question::Still { event: None, .. } => ask::WANTED_STILL,
        Question::Still { event: Some(_), .. } => ask::WANTED_EVENT_STILL,
        Question::Events { .. } => ask::WANTED_EVENTS,
        Question::Event(_) | Question::Clip(_) => ask::WANTED_EVENT,
    }
}

impl From<HandlerFailure> for Problem {
    fn from(failure: HandlerFailure) -> Self {
        match failure {
            HandlerFailure::Busy => Self::Unavailable,
            failure => {
                tracing::error!(%failure, "a handler did not answer");
                Self::Failed
            }
        }
    }
}

fn succeeded(answer: Answer, handler: &str, wanted: &'static str) -> Result<(MediaType, Answered), Problem> {
    match answer.status {
        Status::Ok => Ok((answer.media_type, answer.body)),
        Status::BadRequest => Err(Problem::BadRequest(wanted.into())),
        Status::NotFound => Err(Problem::NotFound),
        Status::Unavailable => Err(Problem::Unavailable),
        Status::Failed => {
            tracing::error!(
                handler,
                "a handler could not answer from the footage that is there; most likely its picture data was damaged before it came here"
            );
            Err(Problem::Failed)
        }
    }
}

/// `GET /v1/{tag}/cameras/{camera}/thumbnail` and `GET /v1/{tag}/cameras/{camera}/events/{event}/thumbnail`
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
    let raw = asked.credential()?;
    credential::check_origin(&asked.headers, asked.uri.authority().map(|a| a.as_str()))?;
    let grant = asked.admit(&raw, Action::Delete).await?;
    asked.edge.footage.delete_event(&grant, &asked.event()?).await?;
    let pass = asked.pass(&grant, &raw, Handed::Deletion, 0)?;
    Ok(wayout::no_content(pass))
}

/// `GET /v1/{tag}/cameras/{camera}/plain`, in the bench's build alone: the bytes of the file that `EYESONLY_BENCH_FILE` names, by the same
/// identity, registry and way out, without sandbox and opening.
#[cfg(feature = "bench")]
pub async fn plain(asked: Asked) -> Result<Response, Problem> {
    static FILE: std::sync::LazyLock<axum::body::Bytes> = std::sync::LazyLock::new(|| {
        std::env::var_os("EYESONLY_BENCH_FILE")
            .and_then(|path| std::fs::read(path).ok())
            .unwrap_or_default()
            .into()
    });
    let raw = asked.credential()?;
    let grant = asked.admit(&raw, Action::Live).await?;
    let pass = asked.pass(&grant, &raw, Handed::Still, FILE.len() as u64)?;
    Ok(wayout::bytes(pass, MediaType::Jpeg, FILE.clone()))
}
