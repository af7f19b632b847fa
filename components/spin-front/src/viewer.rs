//! What viewers ask. FROM CLIENT: every parameter.

use crate::answer::{Answer, footage, passed};
use crate::bindings::eyesonly::edge::admission::{self, Action, Departure, Handed};
use crate::bindings::eyesonly::edge::footage::Object;
use crate::bindings::{event_pages, thumbnail};
use crate::head::{Head, Place};
use crate::pace::within;
use eyesonly_web::problem::Problem;
use eyesonly_web::range::{self, Span};
use eyesonly_web::viewer::{ASSETS, WallCamera, login_page, wall_page};
use eyesonly_web::{answer, ask, credential, login as logins, openapi};
use futures::StreamExt as _;
use http::{HeaderValue, Response, StatusCode, header};
use spin_sdk::http::IncomingRequest;
use std::pin::pin;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// `GET /`
pub fn shell() -> Answer {
    let mut response = Response::new(login_page());
    answer::page(response.headers_mut());
    response.into()
}

/// `GET /assets/{file}`
pub fn asset(head: &Head) -> Result<Answer, Problem> {
    let path = head.request.uri().path();
    let asset = ASSETS
        .iter()
        .find(|asset| asset.path == path)
        .ok_or(Problem::NotFound)?;
    let mut response = Response::new(asset.bytes);
    answer::asset(response.headers_mut(), asset.media_type);
    Ok(response.into())
}

/// `GET /v1/openapi.json`
pub fn document() -> Answer {
    let mut response = Response::new(openapi::document());
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    response.into()
}

/// `GET /healthz`
pub fn health() -> Result<Answer, Problem> {
    admission::health()?;
    let mut response = Response::new("ok\n");
    response.headers_mut().insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("text/plain; charset=utf-8"),
    );
    Ok(response.into())
}

/// The body of a login.
async fn read_login(request: IncomingRequest) -> Result<Vec<u8>, Problem> {
    let mut body = Vec::new();
    let mut pieces = pin!(request.into_body_stream());
    while let Some(piece) = pieces.next().await {
        let piece = piece.map_err(|_| Problem::BadRequest("The body did not come in full.".into()))?;
        body.extend(piece);
        if body.len() > logins::LOGIN_BYTES_MAX {
            return Err(Problem::TooLarge(logins::LOGIN_BYTES_MAX as u64));
        }
    }
    Ok(body)
}

/// `POST /v1/session`
pub async fn login(head: &Head, request: IncomingRequest) -> Result<Answer, Problem> {
    logins::check(head.headers(), head.authority.as_deref())?;
    let seconds = logins::LOGIN_SECONDS_MAX;
    let body = within(Duration::from_secs(seconds), read_login(request)).await;
    let login = logins::read(&body.ok_or(Problem::TooSlow(seconds))??)?;
    let session = admission::login(&login.name, &login.password, &head.address())?;
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    let response = logins::begun(&logins::Begun {
        credential: &session.credential,
        tag: &session.tag,
        expires_at_seconds: session.expires_at_seconds,
        now_seconds: now.map_or(0, |now| now.as_secs()),
        bearer: login.bearer,
        tls: head.tls,
    })?;
    Ok(response.into())
}

/// `DELETE /v1/session`
pub fn logout(head: &Head) -> Result<Answer, Problem> {
    let raw = credential::of_viewer(head.headers(), head.tls)?;
    credential::check_origin(head.headers(), head.authority.as_deref())?;
    admission::logout(raw)?;
    Ok(logins::ended(head.tls).into())
}

/// `GET /v1/{tag}/`
pub fn wall(head: &Head, place: &Place<'_>) -> Result<Answer, Problem> {
    match wall_of(head, place) {
        // A person whose session has ended gets the page to sign in on; a program gets the problem.
        Err(Problem::Unidentified | Problem::NotFound) if answer::is_person(head.headers()) => {
            let mut response = Response::new(Vec::new());
            *response.status_mut() = StatusCode::SEE_OTHER;
            response
                .headers_mut()
                .insert(header::LOCATION, HeaderValue::from_static("/"));
            answer::private(response.headers_mut());
            Ok(Answer::Whole(response))
        }
        wall => wall,
    }
}

fn wall_of(head: &Head, place: &Place<'_>) -> Result<Answer, Problem> {
    let raw = credential::of_viewer(head.headers(), head.tls)?;
    let admission::Cameras { viewer, cameras } = admission::list_cameras(raw, place.tag)?;
    let cameras: Vec<WallCamera<'_>> = cameras
        .iter()
        .map(|camera| WallCamera {
            id: camera.id.clone(),
            name: &camera.name,
            live: camera.live,
            events: camera.events,
            clips: camera.clips,
            may_delete: camera.may_delete,
        })
        .collect();
    let html = wall_page(&viewer, &cameras);
    admission::pass(raw, Handed::Cameras, None, html.len() as u64)?;
    let mut response = Response::new(html);
    answer::page(response.headers_mut());
    Ok(response.into())
}

/// `GET /v1/{tag}/cameras`
pub fn cameras(head: &Head, place: &Place<'_>) -> Result<Answer, Problem> {
    let raw = credential::of_viewer(head.headers(), head.tls)?;
    let admission::Cameras { cameras, .. } = admission::list_cameras(raw, place.tag)?;
    let cameras: Vec<ask::Camera<'_>> = cameras
        .iter()
        .map(|camera| ask::Camera {
            id: camera.id.clone(),
            name: &camera.name,
            household: camera.household.clone(),
            kinds: ask::Kinds {
                live: camera.live,
                events: camera.events,
                clips: camera.clips,
            },
            may_delete: camera.may_delete,
        })
        .collect();
    let body = ask::cameras(&cameras)?;
    admission::pass(raw, Handed::Cameras, None, body.len() as u64)?;
    Ok(passed("application/json", body))
}

/// `GET …/thumbnail`
pub fn thumbnail(head: &Head, place: &Place<'_>) -> Result<Answer, Problem> {
    let width = ask::number(head.query(), "width", ask::WIDTH_DEFAULT)?;
    let (action, wanted) = match place.event {
        None => (Action::Live, ask::WANTED_STILL),
        Some(_) => (Action::Events, ask::WANTED_EVENT_STILL),
    };
    let raw = credential::of_viewer(head.headers(), head.tls)?;
    let grant = admission::admit(raw, place.tag, place.camera, action)?;
    let event = place.event.map(str::to_owned);
    let question = thumbnail::Question::Still(thumbnail::StillQuestion { event, width });
    let response = thumbnail::handle(grant, &question);
    leave(head, place, raw, Handed::Still, wanted, response.into())
}

/// `GET …/events`
pub fn events(head: &Head, place: &Place<'_>) -> Result<Answer, Problem> {
    let question = event_pages::Question::Events(event_pages::EventsQuestion {
        before: ask::parameter(head.query(), "before"),
        limit: ask::number(head.query(), "limit", ask::LIMIT_DEFAULT)?,
    });
    of_events(
        head,
        place,
        Action::Events,
        Handed::Events,
        ask::WANTED_EVENTS,
        &question,
    )
}

/// `GET …/events/{event}`
pub fn event(head: &Head, place: &Place<'_>) -> Result<Answer, Problem> {
    let question = event_pages::Question::Event(place.event()?.to_owned());
    of_events(
        head,
        place,
        Action::Events,
        Handed::Events,
        ask::WANTED_EVENT,
        &question,
    )
}

/// `GET …/events/{event}/clip`
pub fn clip(head: &Head, place: &Place<'_>) -> Result<Answer, Problem> {
    let question = event_pages::Question::Clip(place.event()?.to_owned());
    of_events(head, place, Action::Clips, Handed::Clip, ask::WANTED_EVENT, &question)
}

fn of_events(
    head: &Head,
    place: &Place<'_>,
    action: Action,
    handed: Handed,
    wanted: &'static str,
    question: &event_pages::Question,
) -> Result<Answer, Problem> {
    let raw = credential::of_viewer(head.headers(), head.tls)?;
    let grant = admission::admit(raw, place.tag, place.camera, action)?;
    let response = event_pages::handle(grant, question);
    leave(head, place, raw, handed, wanted, response.into())
}

/// `DELETE …/events/{event}`
pub fn delete_event(head: &Head, place: &Place<'_>) -> Result<Answer, Problem> {
    let raw = credential::of_viewer(head.headers(), head.tls)?;
    credential::check_origin(head.headers(), head.authority.as_deref())?;
    admission::delete_event(raw, place.tag, place.camera, place.event()?)?;
    let mut response = Response::new(Vec::new());
    *response.status_mut() = StatusCode::NO_CONTENT;
    answer::private(response.headers_mut());
    Ok(Answer::Whole(response))
}

/// What a handler answered.
struct Handled {
    status: Status,
    media_type: &'static str,
    body: Body,
}

enum Status {
    Ok,
    BadRequest,
    NotFound,
    Unavailable,
    Failed,
}

enum Body {
    Empty,
    Bytes(Vec<u8>),
    Footage { source: Object, offset: u64, length: u64 },
}

/// The two handlers' answers are the same type by another name.
macro_rules! handled {
    ($handler:ident) => {
        impl From<$handler::Response> for Handled {
            fn from(response: $handler::Response) -> Self {
                let status = match response.status {
                    $handler::Status::Ok => Status::Ok,
                    $handler::Status::BadRequest => Status::BadRequest,
                    $handler::Status::NotFound => Status::NotFound,
                    $handler::Status::Unavailable => Status::Unavailable,
                    $handler::Status::Failed => Status::Failed,
                };
                let media_type = match response.media_type {
                    $handler::MediaType::Jpeg => "image/jpeg",
                    $handler::MediaType::Mp4 => VIDEO,
                    $handler::MediaType::Json => "application/json",
                };
                let body = match response.body {
                    $handler::Body::Empty => Body::Empty,
                    $handler::Body::Bytes(bytes) => Body::Bytes(bytes),
                    $handler::Body::Footage(range) => Body::Footage {
                        source: range.source,
                        offset: range.offset,
                        length: range.length,
                    },
                };
                Self {
                    status,
                    media_type,
                    body,
                }
            }
        }
    };
}
handled!(thumbnail);
handled!(event_pages);

const VIDEO: &str = "video/mp4";
/// Most bytes that a handler may answer with from its own memory.
const BODY_BYTES_MAX: usize = 1 << 20;

/// A handler's answer, out by the vault.
fn leave(
    head: &Head,
    place: &Place<'_>,
    raw: &str,
    handed: Handed,
    wanted: &'static str,
    handled: Handled,
) -> Result<Answer, Problem> {
    match handled.status {
        Status::Ok => {}
        Status::BadRequest => return Err(Problem::BadRequest(wanted.into())),
        Status::NotFound => return Err(Problem::NotFound),
        Status::Unavailable => return Err(Problem::Unavailable),
        Status::Failed => {
            eprintln!(
                "a handler could not answer from the footage that is there; most likely its picture data was damaged before it came here"
            );
            return Err(Problem::Failed);
        }
    }
    match handled.body {
        Body::Empty => Err(Problem::Failed),
        Body::Bytes(bytes) if bytes.len() > BODY_BYTES_MAX => Err(Problem::Failed),
        Body::Bytes(bytes) => {
            admission::pass(raw, handed, place.event, bytes.len() as u64)?;
            Ok(passed(handled.media_type, bytes))
        }
        Body::Footage { source, offset, length } => {
            let total = source.length();
            let is_clip = handled.media_type == VIDEO;
            let tag = is_clip.then(|| admission::entity_tag(&source));
            let mut span = Span {
                start: offset,
                length,
                partial: false,
            };
            if let Some(tag) = tag.as_deref().filter(|_| offset == 0 && length == total) {
                span = range::span(head.headers(), total, tag)?;
            }
            let departure = Departure::open(raw, handed, place.event, source, span.start, span.length)?;
            Ok(footage(handled.media_type, departure, span, total, tag.as_deref()))
        }
    }
}
