//! The requests of viewers. FROM CLIENT: every parameter.

use crate::answer::{Answer, Part, page, private};
use crate::bindings::eyesonly::edge::footage::{Body, FootageRange, Response as Handled};
use crate::bindings::eyesonly::edge::types::{
    EventsQuestion, MediaType, Question, Status, StillQuestion,
};
use crate::bindings::eyesonly::spin::admission::{self, Departure};
use crate::bindings::{event_pages, thumbnail};
use crate::head::{Head, Place};
use crate::pace::within;
use eyesonly_web::problem::Problem;
use eyesonly_web::range::{self, Span};
use eyesonly_web::routes::{Handles, Name, Route};
use eyesonly_web::viewer::{ASSETS, WallCamera, login_page, wall_page};
use eyesonly_web::{answer, ask, credential, login as logins, openapi};
use futures::StreamExt as _;
use http::{HeaderValue, Response, StatusCode, header};
use spin_sdk::http::IncomingRequest;
use std::pin::pin;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Answers `GET /`.
pub fn shell() -> Answer {
    let mut response = Response::new(login_page());
    answer::page(response.headers_mut());
    response.into()
}

/// Answers `GET /assets/{file}`.
pub fn asset(head: &Head) -> Result<Answer, Problem> {
    let path = head.request.uri().path();
    let asset = ASSETS.iter().find(|asset| asset.path == path).ok_or(Problem::NotFound)?;
    let mut response = Response::new(asset.bytes);
    answer::asset(response.headers_mut(), asset.media_type);
    Ok(response.into())
}

/// Answers `GET /v1/openapi.json`.
pub fn document() -> Answer {
    let mut response = Response::new(openapi::document(false));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    response.into()
}

/// Answers `GET /healthz`.
pub fn health() -> Result<Answer, Problem> {
    admission::health()?;
    let mut response = Response::new("ok\n");
    response
        .headers_mut()
        .insert(header::CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    Ok(response.into())
}

/// Reads a small body, within its limits of size (bytes) and time.
pub async fn read_body(request: IncomingRequest, most: usize) -> Result<Vec<u8>, Problem> {
    let seconds = logins::LOGIN_SECONDS_MAX;
    let body = within(Duration::from_secs(seconds), read(request, most)).await;
    body.ok_or(Problem::TooSlow(seconds))?
}

async fn read(request: IncomingRequest, most: usize) -> Result<Vec<u8>, Problem> {
    let mut body = Vec::new();
    let mut pieces = pin!(request.into_body_stream());
    while let Some(piece) = pieces.next().await {
        let piece =
            piece.map_err(|_| Problem::BadRequest("The body did not come in full.".into()))?;
        body.extend(piece);
        if body.len() > most {
            return Err(Problem::TooLarge(most as u64));
        }
    }
    Ok(body)
}

/// Answers `POST /v1/session`.
pub async fn login(head: &Head, request: IncomingRequest) -> Result<Answer, Problem> {
    check_json(head)?;
    let login = logins::read(&read_body(request, logins::LOGIN_BYTES_MAX).await?)?;
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

/// Checks that a JSON body comes from a page of this site, or from no page.
pub fn check_json(head: &Head) -> Result<(), Problem> {
    with_origin(|origin| logins::check(head.headers(), head.authority.as_deref(), origin))
}

/// Checks that a request comes from a page of this site, or from no page.
pub fn check_origin(head: &Head) -> Result<(), Problem> {
    let authority = head.authority.as_deref();
    with_origin(|origin| credential::check_origin(head.headers(), authority, origin))
}

/// Checks where a request comes from. The backend is asked for the address in browsers only if the
/// request does not come from its own host.
fn with_origin(check: impl Fn(Option<&str>) -> Result<(), Problem>) -> Result<(), Problem> {
    match check(None) {
        Err(Problem::OtherOrigin) => check(admission::public_origin()?.as_deref()),
        checked => checked,
    }
}

/// Answers `DELETE /v1/session`.
pub fn logout(head: &Head) -> Result<Answer, Problem> {
    let raw = credential::of_viewer(head.headers(), head.tls)?;
    check_origin(head)?;
    admission::logout(raw)?;
    Ok(logins::ended(head.tls).into())
}

/// Answers `GET /v1/{tag}/`.
pub fn wall(head: &Head, place: &Place<'_>) -> Result<Answer, Problem> {
    page_or_login(head, wall_of(head, place))
}

/// Answers with a page. If the session has ended, a person gets the page to sign in on, and a
/// program gets the problem.
fn page_or_login(head: &Head, page: Result<Answer, Problem>) -> Result<Answer, Problem> {
    match page {
        Err(Problem::Unidentified | Problem::NotFound) if answer::is_person(head.headers()) => {
            let mut response = Response::new(Vec::new());
            *response.status_mut() = StatusCode::SEE_OTHER;
            response.headers_mut().insert(header::LOCATION, HeaderValue::from_static("/"));
            answer::private(response.headers_mut());
            Ok(Answer::Open(response))
        }
        page => page,
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
    let html = wall_page(&viewer, &cameras, false);
    Ok(page(Departure::of_list(raw, html.as_bytes())?))
}

/// Answers `GET /v1/{tag}/cameras`.
pub fn cameras(head: &Head, place: &Place<'_>) -> Result<Answer, Problem> {
    let raw = credential::of_viewer(head.headers(), head.tls)?;
    let admission::Cameras { cameras, .. } = admission::list_cameras(raw, place.tag)?;
    let cameras: Vec<ask::Camera<'_>> = cameras
        .iter()
        .map(|camera| ask::Camera {
            id: camera.id.clone(),
            name: &camera.name,
            household: camera.household.clone(),
            kinds: ask::Kinds { live: camera.live, events: camera.events, clips: camera.clips },
            may_delete: camera.may_delete,
            still_at_milliseconds: camera.still_at_milliseconds,
        })
        .collect();
    let body = ask::cameras(&cameras)?;
    Ok(private(Departure::of_list(raw, &body)?, "application/json", None))
}

/// Answers `GET /v1/{tag}/sharing/` and `GET /v1/{tag}/sharing`.
pub fn sharing(head: &Head, row: Name, place: &Place<'_>) -> Result<Answer, Problem> {
    let is_page = row == Name::SharingPage;
    let departure = || -> Result<Departure, Problem> {
        let raw = credential::of_viewer(head.headers(), head.tls)?;
        Ok(admission::list_sharing(raw, place.tag, is_page)?)
    };
    if is_page {
        return page_or_login(head, departure().map(page));
    }
    Ok(private(departure()?, "application/json", None))
}

/// Answers `GET /v1/{tag}/watching`.
pub fn watching(head: &Head, place: &Place<'_>) -> Result<Answer, Problem> {
    let raw = credential::of_viewer(head.headers(), head.tls)?;
    let mut response = Response::new(admission::watching(raw, place.tag)?);
    let headers = response.headers_mut();
    answer::private(headers);
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    Ok(response.into())
}

/// Answers the routes below a camera that a handler serves.
pub fn handled(head: &Head, route: &Route, place: &Place<'_>) -> Result<Answer, Problem> {
    let handler = route.serves.and_then(|serves| serves.handler).ok_or(Problem::NotFound)?;
    let (named, question, wanted) = asked(head, route.name, place)?;
    let raw = credential::of_viewer(head.headers(), head.tls)?;
    let grant = admission::admit(named, raw, place.tag, place.camera)?;
    let handled = match handler {
        Handles::Thumbnail => thumbnail::handle(grant, &question),
        Handles::Events => event_pages::handle(grant, &question),
        // There is no live view here.
        Handles::Live => return Err(Problem::NotFound),
    };
    leave(head, place, raw, wanted, handled)
}

/// Returns the row's name for the backend, the handler's question, and the text for a client whose
/// question the handler calls malformed.
fn asked(
    head: &Head,
    name: Name,
    place: &Place<'_>,
) -> Result<(admission::Route, Question, &'static str), Problem> {
    let still = |event: Option<&str>| -> Result<Question, Problem> {
        let width = ask::number(head.query(), "width", ask::WIDTH_DEFAULT)?;
        let event = event.map(str::to_owned);
        Ok(Question::Still(StillQuestion { event, width }))
    };
    Ok(match name {
        Name::Thumbnail => (admission::Route::Thumbnail, still(None)?, ask::WANTED_STILL),
        Name::EventThumbnail => {
            let question = still(Some(place.event()?))?;
            (admission::Route::EventThumbnail, question, ask::WANTED_EVENT_STILL)
        }
        Name::Events => {
            let before = ask::parameter(head.query(), "before");
            let limit = ask::number(head.query(), "limit", ask::LIMIT_DEFAULT)?;
            let question = Question::Events(EventsQuestion { before, limit });
            (admission::Route::Events, question, ask::WANTED_EVENTS)
        }
        Name::Event => {
            let question = Question::Event(place.event()?.to_owned());
            (admission::Route::Event, question, ask::WANTED_EVENT)
        }
        Name::Clip => {
            let question = Question::Clip(place.event()?.to_owned());
            (admission::Route::Clip, question, ask::WANTED_EVENT)
        }
        _ => return Err(Problem::NotFound),
    })
}

/// Answers `DELETE …/events/{event}`.
pub fn delete_event(head: &Head, place: &Place<'_>) -> Result<Answer, Problem> {
    let raw = credential::of_viewer(head.headers(), head.tls)?;
    check_origin(head)?;
    let departure = admission::delete_event(raw, place.tag, place.camera, place.event()?)?;
    let mut response = Response::new(departure);
    *response.status_mut() = StatusCode::NO_CONTENT;
    answer::private(response.headers_mut());
    Ok(Answer::Private(response))
}

/// Takes a handler's answer out through the backend.
fn leave(
    head: &Head,
    place: &Place<'_>,
    raw: &str,
    wanted: &'static str,
    mut handled: Handled,
) -> Result<Answer, Problem> {
    match handled.status {
        Status::Ok => {}
        Status::BadRequest => return Err(Problem::BadRequest(wanted.into())),
        Status::NotFound => return Err(Problem::NotFound),
        Status::Unavailable => return Err(Problem::Unavailable),
        Status::Failed => {
            eprintln!(
                "a handler could not answer from the footage that is there; most likely its \
                 picture data was damaged before it came here"
            );
            return Err(Problem::Failed);
        }
    }
    let is_clip = handled.media_type == MediaType::Mp4;
    let media_type = match handled.media_type {
        MediaType::Jpeg => "image/jpeg",
        MediaType::Mp4 => "video/mp4",
        MediaType::Json => "application/json",
        MediaType::Playlist => "application/vnd.apple.mpegurl",
    };
    let part = match &mut handled.body {
        Body::Empty => return Err(Problem::Failed),
        // There is no live view here.
        Body::Live(_) => return Err(Problem::NotFound),
        Body::Footage(range) if is_clip => Some(narrowed(head, range)?),
        Body::Footage(_) | Body::Bytes(_) => None,
    };
    let still_time = match &handled.body {
        Body::Footage(range) if !is_clip => Some(admission::still_time(&range.source)),
        _ => None,
    };
    let departure = Departure::open(raw, place.event, handled)?;
    let mut answer = private(departure, media_type, part.as_ref());
    if let Some(time) = still_time {
        answer.headers_mut().insert(answer::STILL_TIME, HeaderValue::from(time));
    }
    Ok(answer)
}

/// Narrows the handler's range to the client's, if the handler answered with the whole clip.
fn narrowed(head: &Head, range: &mut FootageRange) -> Result<Part, Problem> {
    let total = range.source.length();
    let tag = admission::entity_tag(&range.source);
    let mut is_part = false;
    if (range.offset, range.length) == (0, total) {
        let method = head.request.method();
        let Span { start, length, partial } = range::span(method, head.headers(), total, &tag)?;
        (range.offset, range.length, is_part) = (start, length, partial);
    }
    Ok(Part { tag, start: range.offset, is_part, total })
}
