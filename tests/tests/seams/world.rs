//! Three households with footage, every question that can be asked of it, and the right answers.
//!
//! The data folder is put back to its pristine state before each cell. It must never be asked
//! anything that changes what it holds, except by the cells themselves.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use bytes::Bytes;
use eyesonly_harness::footage::{
    content_digest, description, footage_id, mp4_around, noise, now_milliseconds,
};
use eyesonly_tests::folder::copy;
use eyesonly_tests::footage::{media, with_comment};
use eyesonly_tests::{
    Account, Answer, Camera, Edge, EdgeOptions, Household, Viewer, poll, send_look,
};
use futures::future::{BoxFuture, FutureExt as _, join_all};
use reqwest::{Body, Method, RequestBuilder};
use rusqlite::Connection;
use tempfile::TempDir;

/// The layout of a sealed file, as in SPEC.md: a header, then chunks, with 64 chunks to an extent.
pub const HEADER_BYTES: usize = 56;
pub const CHUNK_BYTES: usize = 16 * 1024;
pub const SEALED_CHUNK_BYTES: usize = CHUNK_BYTES + 16;
pub const EXTENT_CHUNKS: usize = 64;

/// The kinds of objects in the index, as SPEC.md numbers them.
pub const STILL: u8 = 1;
pub const EVENT_STILL: u8 = 2;
pub const CLIP: u8 = 3;
pub const EVENT: u8 = 4;

/// The length of a clip: two and a half extents.
const CLIP_BYTES: usize = 5 * EXTENT_CHUNKS * CHUNK_BYTES / 2 + 1000;
/// The length that comment segments pad a still to. Two sealed stills then have the same length, if
/// the plan wants that.
const STILL_BYTES: usize = 160_000;

/// A viewer.
pub struct Person {
    pub key: &'static str,
    pub household: Household,
    pub account: Account,
    pub viewer: Viewer,
    /// The key of the session's record.
    pub session: Vec<u8>,
}

/// A camera and the footage that it handed in.
pub struct Filmed {
    pub key: &'static str,
    pub camera: Camera,
    pub still: String,
    pub event: String,
    pub older_event: String,
    jpeg: Bytes,
}

/// A row of the index.
pub struct Row {
    pub rowid: i64,
    /// The path of the sealed file, if there is one.
    pub file: PathBuf,
}

/// An answer, as a client saw it.
#[derive(Clone, PartialEq, Eq)]
pub struct Seen {
    pub status: u16,
    pub body: Bytes,
    /// True if the body ended as it should.
    pub whole: bool,
}

/// An installation with its pristine state.
pub struct World {
    pub edge: Edge,
    pub people: Vec<Person>,
    pub cameras: Vec<Filmed>,
    pristine: TempDir,
    pub right: BTreeMap<String, Seen>,
}

/// The plan of a camera: key, media file, whether its still and clip are as long as the others',
/// the event's label.
struct Plan(&'static str, &'static str, bool, &'static str);

/// The households with their cameras. Household `c` is never touched: it must be served whatever
/// happens to the others.
const PLANS: [(&str, &[Plan]); 3] = [
    (
        "a",
        &[
            Plan("a1", "alder-front-door.jpg", true, "the first of Alder"),
            Plan("a2", "alder-garden.jpg", false, "the second of Alder is longer"),
        ],
    ),
    ("b", &[Plan("b1", "birch-hallway.jpg", true, "the first of Birch")]),
    ("c", &[Plan("c1", "cedar-porch.jpg", true, "the first of Cedar")]),
];

fn padded(jpeg: &Bytes, same_length: bool) -> Bytes {
    let wanted = if same_length { STILL_BYTES } else { STILL_BYTES + 7777 };
    // A segment has at most 65,533 bytes of content, and 4 of marker and length.
    let mut jpeg = jpeg.clone();
    while jpeg.len() < wanted {
        let room = (wanted - jpeg.len()).min(65_000);
        jpeg = with_comment(&jpeg, &vec![b'.'; room.saturating_sub(4)]);
    }
    jpeg
}

async fn film(household: &Household, plan: &Plan) -> Filmed {
    let Plan(key, file, same_length, label) = *plan;
    let camera = household.camera(key);
    let now = now_milliseconds();
    let (still, event, older_event) =
        (footage_id(now), footage_id(now - 60_000), footage_id(now - 3_600_000));
    let jpeg = padded(&media(file), same_length);
    let clip = mp4_around(&noise(key, CLIP_BYTES + if same_length { 0 } else { 100_000 }));
    camera.put_still(&still, jpeg.clone()).await.expect(201);
    camera.put_event(&event, &description(label)).await.expect(201);
    camera
        .put_event(&older_event, &description(&format!("an hour before {label}")))
        .await
        .expect(201);
    camera.put_event_still(&event, with_comment(&jpeg, b"of the event")).await.expect(201);
    camera.put_clip(&event, clip).await.expect(201);
    Filmed { key, camera, still, event, older_event, jpeg }
}

impl World {
    /// Makes a world, and checks that it answers correctly after a restart. Otherwise no cell would
    /// mean anything.
    pub async fn new() -> Self {
        let edge = Edge::start(EdgeOptions::default());
        let (mut people, mut cameras) = (Vec::new(), Vec::new());
        for (key, plans) in PLANS {
            let household = edge.household(key);
            for plan in plans {
                cameras.push(film(&household, plan).await);
            }
            let account = household.viewer(key);
            let before = sessions(&edge);
            let viewer = account.login().await;
            let session = sessions(&edge)
                .into_iter()
                .find(|key| !before.contains(key))
                .expect("a session has a record");
            people.push(Person { key, household, account, viewer, session });
        }
        let pristine = tempfile::tempdir().unwrap();
        let mut world = Self { edge, people, cameras, pristine, right: BTreeMap::new() };
        world.remember_small_renditions().await;
        world.edge.stop();
        copy(&world.edge.data(), world.pristine.path());
        world.edge.restart();
        world.right = world.ask_all().await;
        let wrong: Vec<_> = world
            .right
            .iter()
            .filter(|(_, seen)| !seen.whole || !(200..=206).contains(&seen.status))
            .collect();
        assert!(
            wrong.is_empty(),
            "not even the pristine edge answers: {:?}",
            wrong.iter().map(|(key, seen)| (key, seen.status)).collect::<Vec<_>>()
        );
        assert_eq!(world.misdeliveries().await, BTreeMap::new(), "a pristine edge counts nothing");
        world.right_answers_differ();
        world
    }

    /// Asks for every 320 pixel rendition, and waits until each is kept in store and index. The
    /// pristine folder has no rendition of 640 pixels, so a question for one after a restart opens
    /// the source.
    async fn remember_small_renditions(&self) {
        for (key, request) in self.requests().into_iter().filter(|(key, _)| key.ends_with("-320")) {
            assert_eq!(Answer::of(request).await.status, 200, "{key}");
        }
        let wanted = i64::try_from(2 * self.cameras.len()).unwrap();
        let kept = async || {
            self.database()
                .query_row("SELECT count(*) FROM objects WHERE rendition = 1", (), |row| {
                    row.get::<_, i64>(0)
                })
                .unwrap()
        };
        poll("every rendition is kept", 60, async || kept().await == wanted).await;
    }

    /// Checks that the right answers of any two cameras differ. If they were equal, one given for
    /// the other would not be seen.
    fn right_answers_differ(&self) {
        for (key, seen) in &self.right {
            let (owner, what) = key.split_once('/').unwrap();
            let others = self.right.iter().filter(|(other, _)| {
                other.ends_with(&format!("/{what}")) && !other.starts_with(owner)
            });
            for (other, other_seen) in others.filter(|_| !matches!(what, "login" | "upload")) {
                assert_ne!(seen.body, other_seen.body, "{key} and {other}");
            }
        }
    }

    pub fn person(&self, key: &str) -> &Person {
        self.people.iter().find(|person| person.key == key).unwrap()
    }

    pub fn filmed(&self, key: &str) -> &Filmed {
        self.cameras.iter().find(|camera| camera.key == key).unwrap()
    }

    /// Opens the registry's file, as somebody with access to the disk does.
    pub fn database(&self) -> Connection {
        let connection = Connection::open(self.edge.data().join("registry.sqlite")).unwrap();
        connection.busy_timeout(std::time::Duration::from_secs(10)).unwrap();
        connection
    }

    /// Returns the row of an object. If `rendition` is set, it is the one of 320 pixels.
    pub fn row(&self, camera: &str, kind: u8, rendition: bool) -> Row {
        let filmed = self.filmed(camera);
        let id = if kind == STILL { &filmed.still } else { &filmed.event };
        self.row_of(camera, kind, rendition, id)
    }

    pub fn row_of(&self, camera: &str, kind: u8, rendition: bool, id: &str) -> Row {
        let question = "SELECT rowid, lower(hex(name)) FROM objects \
                        WHERE camera = ?1 AND kind = ?2 AND rendition = ?3 AND id = ?4";
        let camera = id_bytes(&self.filmed(camera).camera.id);
        let found =
            self.database().query_row(question, (camera, kind, rendition, id_bytes(id)), |row| {
                Ok((row.get(0)?, row.get(1)?))
            });
        let (rowid, name): (i64, String) = found.unwrap();
        Row { rowid, file: self.edge.data().join("objects").join(&name[..2]).join(name) }
    }

    /// Stops the edge if it runs, and puts its data folder back to the pristine state.
    pub fn put_back(&mut self) {
        if self.edge.is_running() {
            self.edge.stop();
        }
        fs::remove_dir_all(self.edge.data()).unwrap();
        copy(self.pristine.path(), &self.edge.data());
    }

    /// Makes every request but the logins, by its key.
    fn requests(&self) -> Vec<(String, RequestBuilder)> {
        let mut requests = Vec::new();
        for person in &self.people {
            requests.push((
                format!("{}/cameras", person.key),
                person.viewer.ask(Method::GET, "cameras"),
            ));
        }
        for filmed in &self.cameras {
            let owner = self.person(&filmed.key[..1]);
            let mut ask = |what: &str, path: &str, range: Option<&str>| {
                let request =
                    owner.viewer.ask(Method::GET, &format!("cameras/{}/{path}", filmed.camera.id));
                let request = match range {
                    Some(range) => request.header("range", range),
                    None => request,
                };
                requests.push((format!("{}/{what}", filmed.key), request));
            };
            let event = format!("events/{}", filmed.event);
            ask("thumb-320", "thumbnail?width=320", None);
            ask("thumb-640", "thumbnail?width=640", None);
            ask("events", "events", None);
            ask("event", &event, None);
            ask("older-event", &format!("events/{}", filmed.older_event), None);
            ask("of-event-320", &format!("{event}/thumbnail?width=320"), None);
            ask("of-event-640", &format!("{event}/thumbnail?width=640"), None);
            let clip = format!("{event}/clip");
            ask("clip", &clip, None);
            ask("clip-first", &clip, Some("bytes=0-999"));
            let middle = EXTENT_CHUNKS * CHUNK_BYTES + 5000;
            ask("clip-middle", &clip, Some(&format!("bytes={middle}-{}", middle + 999)));
            ask("clip-last", &clip, Some("bytes=-1000"));
            let still = filmed.jpeg.clone();
            let upload = filmed.camera.upload(&format!("stills/{}", filmed.still), "image/jpeg");
            let upload =
                upload.header("content-digest", content_digest(&still)).body(Body::from(still));
            requests.push((format!("{}/upload", filmed.key), upload));
        }
        requests
    }

    /// Asks every question at the same time, as a household does.
    pub async fn ask_all(&self) -> BTreeMap<String, Seen> {
        let mut asked: Vec<BoxFuture<'_, (String, Seen)>> = Vec::new();
        for (key, request) in self.requests() {
            asked.push(async { (key, see(request).await) }.boxed());
        }
        for person in &self.people {
            let login = async {
                let status = person.account.try_login(&person.account.password, true).await.status;
                (
                    format!("{}/login", person.key),
                    Seen { status, body: status.to_string().into(), whole: true },
                )
            };
            asked.push(login.boxed());
        }
        join_all(asked).await.into_iter().collect()
    }

    /// Returns the counts of `/metrics` that are not 0: (seam, fault) → count.
    pub async fn misdeliveries(&self) -> BTreeMap<(String, String), u64> {
        let text = self.edge.metrics().await;
        let mut counts = BTreeMap::new();
        for line in text.lines().filter(|line| line.starts_with("eyesonly_misdeliveries_total{")) {
            let label = |name: &str| {
                line.split_once(&format!("{name}=\""))
                    .unwrap()
                    .1
                    .split_once('"')
                    .unwrap()
                    .0
                    .to_owned()
            };
            let count = line.rsplit_once(' ').unwrap().1.parse().unwrap();
            if count > 0 {
                counts.insert((label("seam"), label("fault")), count);
            }
        }
        counts
    }
}

/// Sends a request, and keeps what came before a body was cut.
async fn see(request: RequestBuilder) -> Seen {
    let mut response = send_look(request).await;
    let status = response.status().as_u16();
    let mut body = Vec::new();
    let whole = loop {
        match response.chunk().await {
            Ok(Some(piece)) => body.extend_from_slice(&piece),
            Ok(None) => break true,
            Err(_) => break false,
        }
    };
    Seen { status, body: body.into(), whole }
}

fn sessions(edge: &Edge) -> Vec<Vec<u8>> {
    let connection = Connection::open(edge.data().join("registry.sqlite")).unwrap();
    let mut statement =
        connection.prepare("SELECT key FROM records WHERE kind = 'session'").unwrap();
    let keys = statement.query_map((), |row| row.get(0)).unwrap();
    keys.map(Result::unwrap).collect()
}

/// Returns the sixteen bytes of an id.
pub fn id_bytes(id: &str) -> Vec<u8> {
    uuid::Uuid::parse_str(id).unwrap().into_bytes().to_vec()
}
