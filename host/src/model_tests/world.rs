//! The real edge, over seams in memory, asked through its router. It also has the names of
//! everything that the model knows by number.

use super::model::{Answer, JPEGS, Look, Operation, Push, Role, Shown, What, Who, pick};
use crate::config::Config;
use crate::edge::{Seams, assemble};
use crate::handlers::Handlers;
use crate::http::{Direct, Edge, routes};
use crate::keyring::Keyring;
use crate::sandbox::{Limits, Sandbox};
use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::http::{Request, header};
use eyesonly_gate::registry::{Change, Expect};
use eyesonly_gate::{Keys as _, Seam};
use eyesonly_rights::{Kinds, Mint, Record as _, SessionRecord, Verifier, ViewerRecord, Window};
use eyesonly_seal::{CameraId, FootageId, HouseholdId, SessionId, ViewerId};
use eyesonly_service::admin::{self, Act, ActRecord, Admin, Deed};
use eyesonly_service::clock::{self, System};
use eyesonly_service::index::memory::MemoryIndex;
use eyesonly_service::ledger::MemoryLedger;
use eyesonly_service::ledger::acts::Done;
use eyesonly_service::ledger::replay::{Hole, Replay};
use eyesonly_service::live::MemoryHub;
use eyesonly_service::registry::memory::MemoryRegistry;
use eyesonly_service::store::memory::MemoryStore;
use eyesonly_service::tiers::{Flights, MemoryTier, Tier};
use serde_json::{Value, json};
use std::net::SocketAddr;
use std::sync::Arc;
use tower::ServiceExt as _;
use zeroize::Zeroizing;

/// The time between two ids. Three steps are longer than the 10 minutes after which a still is
/// superseded.
const STEP_MILLISECONDS: u64 = 4 * 60 * 1000;

/// Different pictures, of which the handler makes different thumbnails.
const PICTURES: [&[u8]; JPEGS as usize] = [
    include_bytes!("../../../components/thumbnail/testdata/quadrants-96x64.jpg"),
    include_bytes!("../../../components/thumbnail/testdata/quadrants-96x64-gray.jpg"),
    include_bytes!("../../../tests/media/special/orientation-6.jpg"),
];

/// The parts that all cases share: the handlers, compiled once, and their thumbnails of the
/// pictures.
pub struct Stage {
    handlers: Handlers,
    thumbnails: Vec<Vec<u8>>,
}

impl Stage {
    pub async fn new() -> Self {
        let sandbox = Sandbox::new(Limits::default(), None).unwrap();
        let mut stage = Self {
            handlers: Handlers::load(&sandbox, None, |_| ()).unwrap(),
            thumbnails: Vec::new(),
        };
        let mut world = World::new(&stage);
        let mut thumbnails = Vec::new();
        for operation in [
            Operation::AddHousehold,
            Operation::AddCamera(0),
            Operation::AddViewer(0),
            Operation::Begin(0),
        ] {
            world.answer(&operation).await;
        }
        for jpeg in 0..JPEGS {
            let pushed = Operation::Push(Who::Camera(0), Push::Still { still: jpeg, jpeg });
            assert_eq!(world.answer(&pushed).await, Answer::Status(201));
            let camera = world.cameras[0].0;
            let (status, thumbnail) =
                world.get(Who::Session(0), None, &format!("cameras/{camera}/thumbnail")).await;
            assert_eq!(status, 200);
            assert!(!thumbnails.contains(&thumbnail), "picture {jpeg} is like another");
            thumbnails.push(thumbnail);
        }
        stage.thumbnails = thumbnails;
        stage
    }
}

/// One edge, and the ids and credentials of everybody by number, also of those who are gone.
pub struct World<'a> {
    stage: &'a Stage,
    edge: Arc<Edge>,
    keyring: Arc<Keyring>,
    router: Router,
    admin: Admin,
    began_at_milliseconds: u64,
    households: Vec<HouseholdId>,
    cameras: Vec<(CameraId, Zeroizing<String>)>,
    viewers: Vec<ViewerId>,
    /// The credential and the tag of each session.
    sessions: Vec<(String, String)>,
    _folder: tempfile::TempDir,
}

impl<'a> World<'a> {
    pub fn new(stage: &'a Stage) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let text = format!("data = {:?}", folder.path());
        let config: Config = toml::from_str(&text).unwrap();
        let memory: Arc<dyn Tier> = Arc::new(MemoryTier::new(64 << 20));
        let seams = Seams {
            registry: Arc::new(MemoryRegistry::default()),
            index: Arc::new(MemoryIndex::default()),
            store: Arc::new(MemoryStore::default()),
            tiers: vec![(Seam::MemoryTier, memory)],
            coalescer: Arc::new(Flights::default()),
            inlet: Arc::new(Direct),
            outlet: Arc::new(Direct),
            hub: Arc::new(MemoryHub::new(1 << 20)),
            clock: Arc::new(System),
        };
        let keyring = Arc::new(Keyring::open(folder.path()).unwrap());
        let ledger = Arc::new(MemoryLedger::default());
        let edge = assemble(&config, &keyring, seams, stage.handlers.clone(), ledger);
        Self {
            stage,
            router: routes::router(Arc::clone(&edge)),
            admin: Admin::new(
                Arc::clone(&keyring) as _,
                Arc::clone(edge.admission.records()),
                Arc::clone(&edge.catalogue),
            )
            .with_acts(),
            keyring,
            edge,
            began_at_milliseconds: clock::now_milliseconds() - 3600 * 1000,
            households: Vec::new(),
            cameras: Vec::new(),
            viewers: Vec::new(),
            sessions: Vec::new(),
            _folder: folder,
        }
    }

    /// Replays the acts that were written. Returns where they do not follow one another, or do not
    /// lead to the rights that stand in the viewers' records.
    pub async fn holes(&self) -> Vec<Hole> {
        let mut acts = self.admin.list::<ActRecord>("act").await.unwrap();
        acts.sort_by_key(|record| record.sequence);
        let mut replay = Replay::default();
        // There was nothing before the first act.
        let mark = |deed| {
            let act = Act::of(deed, None, None, None);
            Done { sequence: 0, at_milliseconds: 0, actor: None, act }
        };
        let none = [Deed::Stating, Deed::AllStated].map(mark);
        let done = none.into_iter().chain(acts.iter().flat_map(Done::all));
        let mut holes: Vec<Hole> = done.filter_map(|done| replay.act(&done).err()).collect();
        let viewers = self.admin.list::<ViewerRecord>("viewer").await.unwrap();
        holes.extend(replay.holes(&viewers));
        holes
    }

    /// Does an operation, and returns the edge's answer.
    pub async fn answer(&mut self, operation: &Operation) -> Answer {
        match *operation {
            Operation::AddHousehold => {
                let name = format!("Household {}", self.households.len());
                let added = self.admin.add_household(&name, 1 << 40).await;
                self.households.push(added.unwrap());
                Answer::Done(true)
            }
            Operation::RemoveHousehold(n) => {
                let household = self.households[usize::from(pick(n, self.households.len()))];
                Answer::Done(self.admin.remove_household(household).await.is_ok())
            }
            Operation::AddCamera(n) => {
                let household = self.households[usize::from(pick(n, self.households.len()))];
                let name = format!("Camera {}", self.cameras.len());
                let added = self
                    .admin
                    .add_camera(household, &name, "", Some(self.began_at_milliseconds))
                    .await;
                let is_added = added.is_ok();
                self.cameras.extend(added.map(|new| (new.camera, new.credential)));
                Answer::Done(is_added)
            }
            Operation::RemoveCamera(n) => {
                let (camera, _) = self.cameras[usize::from(pick(n, self.cameras.len()))];
                Answer::Done(self.admin.remove_camera(camera).await.is_ok())
            }
            Operation::AddViewer(n) => {
                let household = self.households[usize::from(pick(n, self.households.len()))];
                let name = format!("viewer-{}", self.viewers.len());
                let password = Zeroizing::new("a long password".to_owned());
                let added = self.admin.add_viewer(Some(household), &name, &password).await;
                let is_added = added.is_ok();
                self.viewers.extend(added);
                Answer::Done(is_added)
            }
            Operation::RemoveViewer(n) => {
                let viewer = self.viewers[usize::from(pick(n, self.viewers.len()))];
                Answer::Done(self.admin.remove_viewer(viewer).await.is_ok())
            }
            Operation::SetMember { household, viewer, role } => {
                let household =
                    self.households[usize::from(pick(household, self.households.len()))];
                let viewer = self.viewers[usize::from(pick(viewer, self.viewers.len()))];
                let (role, seconds) = match role {
                    Role::Owner => (eyesonly_rights::Role::Owner, None),
                    Role::Member => (eyesonly_rights::Role::Member, None),
                    Role::Installer => (eyesonly_rights::Role::Installer, Some(3600)),
                };
                let set = self.admin.set_member(household, viewer, role, seconds);
                Answer::Done(set.await.is_ok())
            }
            Operation::RemoveMember { household, viewer } => {
                let household =
                    self.households[usize::from(pick(household, self.households.len()))];
                let viewer = self.viewers[usize::from(pick(viewer, self.viewers.len()))];
                Answer::Done(self.admin.remove_member(household, viewer).await.is_ok())
            }
            Operation::Share { camera, viewer, share } => {
                let share = admin::Share {
                    camera: self.cameras[usize::from(pick(camera, self.cameras.len()))].0,
                    viewer: self.viewers[usize::from(pick(viewer, self.viewers.len()))],
                    giver: None,
                    kinds: Kinds { live: share.live, events: share.events, clips: share.clips },
                    window: Window {
                        from_milliseconds: share.from.map(|n| self.footage(n).time_milliseconds()),
                        until_milliseconds: share
                            .until
                            .map(|n| self.footage(n).time_milliseconds()),
                    },
                    expires_at_seconds: None,
                };
                Answer::Done(self.admin.share(share).await.is_ok())
            }
            Operation::Unshare { camera, viewer } => {
                let (camera, _) = self.cameras[usize::from(pick(camera, self.cameras.len()))];
                let viewer = self.viewers[usize::from(pick(viewer, self.viewers.len()))];
                Answer::Done(self.admin.unshare(camera, viewer).await.is_ok())
            }
            Operation::Begin(n) => {
                self.begin(self.viewers[usize::from(pick(n, self.viewers.len()))]).await;
                Answer::Done(true)
            }
            Operation::End(who) => {
                Answer::Status(self.send("DELETE", who, "/v1/session", Vec::new()).await.0)
            }
            Operation::Push(who, push) => Answer::Status(self.push(who, push).await),
            Operation::Look { who, tag, look: Look::Cameras } => {
                let (status, body) = self.get(who, tag, "cameras").await;
                self.read(status, &body, Self::cameras)
            }
            Operation::Look { who, tag, look: Look::At { camera, what } } => {
                self.look(who, tag, camera, what).await
            }
        }
    }

    /// Writes a session's record as a login does. A login itself would hash the password, which
    /// takes longer than all the rest.
    async fn begin(&mut self, viewer: ViewerId) {
        let session = SessionId::from_bytes(clock::fresh_id());
        let (expires_at_seconds, client) = (u64::MAX, String::new());
        let record = SessionRecord { session, viewer, epoch: 0, expires_at_seconds, client };
        let edge_key = self.keyring.edge();
        let mint = Mint::new(edge_key);
        let change = Change {
            kind: SessionRecord::KIND,
            key: record.key(),
            expect: Expect::Absent,
            record: Some(mint.seal(&record, clock::random()).unwrap()),
        };
        let records = self.edge.admission.records();
        records.commit(vec![change], None).await.unwrap();
        let credential = mint.viewer(viewer, session);
        let tag = Verifier::new(edge_key).viewer(&credential).unwrap().tag().to_text();
        self.sessions.push((credential.to_string(), tag.to_string()));
    }

    fn footage(&self, number: u8) -> FootageId {
        let time = self.began_at_milliseconds + u64::from(number) * STEP_MILLISECONDS;
        FootageId::from_time(time, [7; 10]).unwrap()
    }

    async fn push(&self, who: Who, push: Push) -> u16 {
        let (kind, number, end, body) = match push {
            Push::Still { still, jpeg } => {
                ("stills", still, "", PICTURES[usize::from(jpeg)].to_vec())
            }
            Push::Event { event, label } => {
                let body = json!({ "kind": "person", "label": text_of(label) });
                ("events", event, "", body.to_string().into_bytes())
            }
            Push::EventStill { event, jpeg } => {
                ("events", event, "/still", PICTURES[usize::from(jpeg)].to_vec())
            }
            Push::Clip { event, clip } => ("events", event, "/clip", clip_of(clip)),
        };
        let path = format!("/v1/ingest/{kind}/{}{end}", self.footage(number));
        self.send("PUT", who, &path, body).await.0
    }

    async fn look(&self, who: Who, tag: Option<u8>, camera: u8, what: What) -> Answer {
        // One more than there are, for a camera that never was.
        let camera = usize::from(pick(camera, self.cameras.len() + 1));
        let never = CameraId::from_bytes([9; 16]);
        let camera = self.cameras.get(camera).map_or(never, |(camera, _)| *camera);
        let event = |event| format!("cameras/{camera}/events/{}", self.footage(event));
        match what {
            What::Thumbnail => {
                let (status, body) =
                    self.get(who, tag, &format!("cameras/{camera}/thumbnail")).await;
                self.read(status, &body, Self::picture)
            }
            What::EventThumbnail(n) => {
                let (status, body) = self.get(who, tag, &(event(n) + "/thumbnail")).await;
                self.read(status, &body, Self::picture)
            }
            What::Page { before, limit } => {
                let before =
                    before.map(|n| format!("&before={}", self.footage(n))).unwrap_or_default();
                let path = format!("cameras/{camera}/events?limit={limit}{before}");
                let (status, body) = self.get(who, tag, &path).await;
                self.read(status, &body, |world, body| {
                    let page: Value = serde_json::from_slice(body).ok()?;
                    let events = page["events"].as_array()?.iter().map(|event| world.shown(event));
                    let next = match &page["next"] {
                        Value::Null => None,
                        next => Some(world.number(next)?),
                    };
                    Some(Answer::Page(events.collect::<Option<_>>()?, next))
                })
            }
            What::Event(n) => {
                let (status, body) = self.get(who, tag, &event(n)).await;
                let one = |world: &Self, body: &[u8]| {
                    world.shown(&serde_json::from_slice(body).ok()?).map(Answer::Event)
                };
                self.read(status, &body, one)
            }
            What::Clip(n) => {
                let (status, body) = self.get(who, tag, &(event(n) + "/clip")).await;
                self.read(status, &body, |_, body| {
                    (0..3).find(|n| clip_of(*n) == body).map(Answer::Clip)
                })
            }
            What::Delete(n) => Answer::Status(
                self.send("DELETE", who, &self.path(who, tag, &event(n)), Vec::new()).await.0,
            ),
        }
    }

    /// Reads a body as the model's answer. Any status but 200 is the answer itself.
    fn read(
        &self,
        status: u16,
        body: &[u8],
        read: impl Fn(&Self, &[u8]) -> Option<Answer>,
    ) -> Answer {
        if status != 200 {
            return Answer::Status(status);
        }
        read(self, body)
            .unwrap_or_else(|| Answer::Strange(format!("{:.300}", String::from_utf8_lossy(body))))
    }

    fn cameras(&self, body: &[u8]) -> Option<Answer> {
        let list: Value = serde_json::from_slice(body).ok()?;
        let number = |camera: &Value| {
            let n = self.cameras.iter().position(|(id, _)| camera["id"] == id.to_string())?;
            (camera["name"] == format!("Camera {n}")).then(|| u8::try_from(n).unwrap())
        };
        let cameras = list["cameras"].as_array()?.iter().map(number);
        // Of several households, the one that came first is first. The model has no such order.
        let mut cameras = cameras.collect::<Option<Vec<u8>>>()?;
        cameras.sort_unstable();
        Some(Answer::Cameras(cameras))
    }

    fn picture(&self, body: &[u8]) -> Option<Answer> {
        let n = self.stage.thumbnails.iter().position(|thumbnail| thumbnail == body)?;
        Some(Answer::Picture(u8::try_from(n).unwrap()))
    }

    fn shown(&self, event: &Value) -> Option<Shown> {
        Some(Shown {
            event: self.number(&event["id"])?,
            label: (0..3).find(|n| event["label"] == text_of(*n))?,
            still: event["still"].as_bool()?,
            clip: event["clip"].as_bool()?,
        })
    }

    fn number(&self, id: &Value) -> Option<u8> {
        (0..super::EVENTS).find(|n| *id == self.footage(*n).to_string())
    }

    fn path(&self, who: Who, tag: Option<u8>, rest: &str) -> String {
        let own = match who {
            Who::Session(n) => n,
            Who::Camera(_) | Who::Nobody => 0,
        };
        let (_, tag) = &self.sessions[usize::from(pick(tag.unwrap_or(own), self.sessions.len()))];
        format!("/v1/{tag}/{rest}")
    }

    async fn get(&self, who: Who, tag: Option<u8>, rest: &str) -> (u16, Vec<u8>) {
        self.send("GET", who, &self.path(who, tag, rest), Vec::new()).await
    }

    async fn send(&self, method: &str, who: Who, path: &str, body: Vec<u8>) -> (u16, Vec<u8>) {
        let mut request = Request::builder()
            .method(method)
            .uri(path)
            .header(header::HOST, "edge")
            .extension(ConnectInfo(SocketAddr::from(([127, 0, 0, 1], 1))));
        let credential = match who {
            Who::Session(n) => {
                Some(self.sessions[usize::from(pick(n, self.sessions.len()))].0.as_str())
            }
            Who::Camera(n) => {
                Some(self.cameras[usize::from(pick(n, self.cameras.len()))].1.as_str())
            }
            Who::Nobody => None,
        };
        if let Some(credential) = credential {
            request = request.header(header::AUTHORIZATION, format!("Bearer {credential}"));
        }
        let request = request.body(Body::from(body)).unwrap();
        let response = self.router.clone().oneshot(request).await.unwrap();
        let status = response.status().as_u16();
        let body = axum::body::to_bytes(response.into_body(), usize::MAX).await.unwrap();
        (status, body.to_vec())
    }
}

/// Makes a label with characters that JSON escapes.
fn text_of(label: u8) -> String {
    format!("label {label} \"\\ \u{e9}</script>")
}

/// Makes a file with the boxes of an MP4: one small, one of some pieces, one of more than an
/// extent.
fn clip_of(number: u8) -> Vec<u8> {
    let part = |kind: &[u8; 4], content: &[u8]| {
        let length = u32::try_from(content.len() + 8).unwrap().to_be_bytes();
        [&length, kind.as_slice(), content].concat()
    };
    let length = [100, 300_000, 1_200_000][usize::from(number)];
    let content: Vec<u8> =
        (0_u32..length).map(|n| (n.wrapping_mul(2_654_435_761) >> 24) as u8 ^ number).collect();
    [part(b"ftyp", b"isom\0\0\0\0isom"), part(b"moov", &[0; 64]), part(b"mdat", &content)].concat()
}
