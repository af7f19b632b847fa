//! Live video at the conventional server: a plain hub, as such servers have one. Whoever may see a
//! device, as the cached map says, gets whatever the hub gives under that device's id.

use super::{Answer, Checked, Conventional, Server};
use crate::liars::{HubMouth, Told, spoilt};
use crate::lies::Kind as Lie;
use axum::body::{Body, Bytes};
use axum::extract::{Path, Query, Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use eyesonly_gate::live::Stream;
use eyesonly_rights::Action;
use eyesonly_seal::{CameraId, FootageId};
use eyesonly_service::clock;
use eyesonly_service::live::fragments::{Part, Walker};
use futures::{StreamExt as _, stream};
use serde::Deserialize;
use std::collections::{HashMap, VecDeque};
use std::convert::Infallible;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::sync::watch;

/// The segments of each stream that are kept.
const KEPT: usize = 8;
/// The longest wait for a segment or a chunk.
const WAIT: Duration = Duration::from_secs(10);

/// A hub of plain chunks.
pub struct PlainHub {
    mouth: HubMouth,
    rings: Mutex<HashMap<CameraId, VecDeque<Segment>>>,
    changes: watch::Sender<u64>,
}

struct Segment {
    id: FootageId,
    chunks: Vec<Bytes>,
    has_ended: bool,
}

impl PlainHub {
    /// Makes an empty hub.
    pub fn new(mouth: HubMouth) -> Self {
        Self { mouth, rings: Mutex::default(), changes: watch::Sender::new(0) }
    }

    fn change(&self, camera: CameraId, edit: impl FnOnce(&mut VecDeque<Segment>)) {
        if let Ok(mut rings) = self.rings.lock() {
            edit(rings.entry(camera).or_default());
        }
        self.changes.send_modify(|count| *count = count.wrapping_add(1));
    }

    fn change_newest(&self, camera: CameraId, edit: impl FnOnce(&mut Segment)) {
        self.change(camera, |ring| {
            if let Some(newest) = ring.back_mut() {
                edit(newest);
            }
        });
    }

    fn start(&self, camera: CameraId, init: Bytes) {
        let Ok(id) = FootageId::from_time(clock::now_milliseconds(), clock::random()) else {
            return;
        };
        self.mouth.hears((camera, Stream::Main), id);
        self.change(camera, |ring| {
            if ring.len() >= KEPT {
                ring.pop_front();
            }
            ring.push_back(Segment { id, chunks: vec![init], has_ended: false });
        });
    }

    fn append(&self, camera: CameraId, fragment: Bytes) {
        self.change_newest(camera, |segment| segment.chunks.push(fragment));
    }

    fn end(&self, camera: CameraId) {
        self.change_newest(camera, |segment| segment.has_ended = true);
    }

    /// Returns the newest segment, once it is another one than `after`.
    async fn newest(&self, camera: CameraId, after: Option<FootageId>) -> Option<FootageId> {
        let mut changes = self.changes.subscribe();
        loop {
            let lie = self.mouth.head();
            {
                let rings = self.rings.lock().ok()?;
                let ids: Vec<_> =
                    rings.get(&camera).into_iter().flatten().map(|one| one.id).collect();
                let told = match lie {
                    Some(Lie::FrozenHead) => ids.iter().rev().nth(1),
                    Some(_) => ids.first(),
                    None => None,
                };
                if let (Some(told), Some(lie)) = (told, lie) {
                    self.mouth.told(lie);
                    return Some(*told);
                }
                if let Some(newest) = ids.last().filter(|newest| after != Some(**newest)) {
                    return Some(*newest);
                }
            }
            changes.changed().await.ok()?;
        }
    }

    /// Returns a chunk, once it is there. None: the segment has ended, or is gone.
    async fn honest(&self, camera: CameraId, segment: FootageId, number: usize) -> Option<Bytes> {
        let mut changes = self.changes.subscribe();
        loop {
            {
                let rings = self.rings.lock().ok()?;
                let segment = rings.get(&camera)?.iter().find(|one| one.id == segment)?;
                if let Some(chunk) = segment.chunks.get(number) {
                    return Some(chunk.clone());
                }
                if segment.has_ended {
                    return None;
                }
            }
            changes.changed().await.ok()?;
        }
    }

    async fn chunk(&self, camera: CameraId, segment: FootageId, number: usize) -> Option<Bytes> {
        let asked = ((camera, Stream::Main), segment, number as u64);
        let honest = self.honest(camera, segment, number).await?;
        let Some((lie, told)) = self.mouth.chunk(asked) else { return Some(honest) };
        let told = match told {
            Told::Spoilt => Some(spoilt(lie, &honest)),
            Told::Nothing => None,
            Told::Instead(((other, _), segment, number)) => {
                let number = usize::try_from(number).ok()?;
                let other = self.honest(other, segment, number);
                let other = tokio::time::timeout(Duration::from_millis(200), other).await;
                let Ok(Some(other)) = other else { return Some(honest) };
                Some(other)
            }
        };
        self.mouth.told(lie);
        told
    }
}

/// `PUT /v1/ingest/live/{stream}`
pub async fn put(State(server): Server, request: Request) -> Answer {
    let camera = server.camera(request.headers()).await?.camera;
    let taken = take(&server.hub, camera, request).await;
    server.hub.end(camera);
    taken.ok_or(StatusCode::BAD_REQUEST)?;
    Ok(StatusCode::OK.into_response())
}

async fn take(hub: &PlainHub, camera: CameraId, request: Request) -> Option<()> {
    let (mut walker, mut init) = (Walker::new(), None);
    let mut body = request.into_body().into_data_stream();
    while let Some(piece) = body.next().await {
        walker.push(&piece.ok()?).ok()?;
        while let Some(part) = walker.next_part().ok()? {
            match part {
                Part::Init(read) => init = Some(read),
                Part::Fragment(fragment) => {
                    let init = init.as_ref()?;
                    if fragment.timing(init).ok()?.first()?.starts_with_key {
                        hub.end(camera);
                        hub.start(camera, init.bytes.clone());
                    }
                    hub.append(camera, fragment.bytes);
                }
            }
        }
    }
    Some(())
}

/// The parameters of a question for live video.
#[derive(Deserialize)]
pub struct After {
    after: Option<String>,
}

/// `GET /v1/{tag}/cameras/{camera}/live/next`
pub async fn next(
    State(server): Server,
    headers: HeaderMap,
    Path((_, camera)): Path<(String, String)>,
    Query(After { after }): Query<After>,
) -> Answer {
    let checked = server.check(&headers, &camera, Action::Live).await?;
    let Checked { camera, window, .. } = checked;
    let after = after.and_then(|after| FootageId::parse(&after).ok());
    let newest = tokio::time::timeout(WAIT, server.hub.newest(camera, after)).await;
    let covered = |segment: &FootageId| window.covers(segment.time_milliseconds());
    let segment = newest.ok().flatten().filter(covered).ok_or(StatusCode::NOT_FOUND)?;
    server.book.handed(checked.viewer, camera);
    let body =
        stream::unfold((server, 0), move |(server, number): (Arc<Conventional>, _)| async move {
            let chunk = tokio::time::timeout(WAIT, server.hub.chunk(camera, segment, number)).await;
            Some((Ok::<_, Infallible>(chunk.ok()??), (server, number + 1)))
        });
    let mut response = Response::new(Body::from_stream(body));
    let location = format!("/v1/me/cameras/{camera}/live/{segment}");
    let location = HeaderValue::from_str(&location).map_err(|_| StatusCode::NOT_FOUND)?;
    response.headers_mut().insert(header::CONTENT_LOCATION, location);
    Ok(response)
}
