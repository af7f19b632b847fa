//! Kills the edge (SIGKILL) at random points while cameras hand in footage, a hundred times on one
//! data folder. An acknowledged upload is there and opens. Any other upload is there wholly or not
//! at all. The leftovers of the kills are swept.
//!
//! It prints its seed. `EYESONLY_SEED` runs it from another one, and `EYESONLY_KILLS` sets the
//! number of kills.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "all of this is a test"
)]

mod footage;

use std::collections::{BTreeMap, BTreeSet};
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, SystemTime};

use eyesonly_harness::footage::fresh_id;
use eyesonly_tests::footage::media;
use eyesonly_tests::{Camera, Edge, EdgeOptions, Viewer, poll};
use footage::{Body, Kind, STILLS, Sent, hand_in};
use futures::future::{FutureExt as _, join_all};
use rusqlite::Connection;

/// The number of kills, if not set otherwise.
const KILLS: usize = 100;
/// The most steps of the cameras before a kill. At a step, a piece of a body is about to be sent,
/// or an answer has come.
const STEPS_MAX: u64 = 60;
/// The longest wait after that in microseconds, so that a kill strikes between the steps too.
const LATER_MICROSECONDS_MAX: u64 = 4000;
/// One in so many clips is larger than an extent, and goes to the store in parts.
const LARGE_EVERY: u64 = 3;
const WIDTH: u32 = 160;
/// How many viewers ask for what was handed in.
const VIEWERS: usize = 16;

/// Random numbers from a seed (SplitMix64).
struct Dice(AtomicU64);

impl Dice {
    fn roll(&self, below: u64) -> u64 {
        let mut mixed = self
            .0
            .fetch_add(0x9E37_79B9_7F4A_7C15, Ordering::Relaxed)
            .wrapping_add(0x9E37_79B9_7F4A_7C15);
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (mixed ^ (mixed >> 31)) % below
    }
}

/// Counts steps, and kills the edge at the last one.
struct Fuse {
    left: AtomicU64,
    later: Duration,
    process: rustix::process::Pid,
}

impl Fuse {
    fn step(&self) {
        if self.left.fetch_sub(1, Ordering::SeqCst) == 1 {
            let (later, process) = (self.later, self.process);
            std::thread::spawn(move || {
                // No synchronisation is wanted here: this is the random point.
                std::thread::sleep(later);
                rustix::process::kill_process(process, rustix::process::Signal::KILL).unwrap();
            });
        }
    }
}

/// One installation, its cameras, and all uploads so far.
struct World {
    edge: Edge,
    cameras: Vec<Camera>,
    /// They ask in turns. One viewer may not ask as often as this test does.
    viewers: Vec<Viewer>,
    asked: AtomicUsize,
    sent: Vec<Sent>,
    dice: Dice,
    /// The thumbnail of each of [`STILLS`].
    thumbnails: Vec<bytes::Bytes>,
}

async fn world(seed: u64) -> World {
    let edge = Edge::start(EdgeOptions {
        log: Some("warn,eyesonly=info".into()),
        ..EdgeOptions::default()
    });
    let household = edge.household("Crash");
    let cameras: Vec<_> = ["one", "two", "three"].map(|name| household.camera(name)).into();
    let model = household.camera("a camera for comparison");
    let mut viewers = Vec::new();
    for number in 0..VIEWERS {
        viewers.push(household.viewer(&format!("crash-{number}")).login().await);
    }
    let mut thumbnails = Vec::new();
    for name in STILLS {
        model.put_still(&fresh_id(), media(name)).await.expect(201);
        thumbnails.push(viewers[0].thumbnail(&model, WIDTH).await.expect(200).body);
    }
    assert_eq!(
        thumbnails.iter().collect::<BTreeSet<_>>().len(),
        STILLS.len(),
        "the stills can be told apart"
    );
    let (sent, asked, dice) = (Vec::new(), AtomicUsize::new(0), Dice(AtomicU64::new(seed)));
    World { edge, cameras, viewers, asked, sent, dice, thumbnails }
}

impl World {
    /// Returns the viewer whose turn it is.
    fn viewer(&self) -> &Viewer {
        &self.viewers[self.asked.fetch_add(1, Ordering::Relaxed) % VIEWERS]
    }

    /// Lets cameras hand in until the edge is dead. Returns what they sent.
    async fn round(&mut self) -> Vec<Sent> {
        let fuse = Arc::new(Fuse {
            left: AtomicU64::new(1 + self.dice.roll(STEPS_MAX)),
            later: Duration::from_micros(self.dice.roll(LATER_MICROSECONDS_MAX)),
            process: rustix::process::Pid::from_raw(self.edge.pid().try_into().unwrap()).unwrap(),
        });
        let number = AtomicUsize::new(self.sent.len());
        let next = || u64::try_from(number.fetch_add(1, Ordering::Relaxed)).unwrap();
        let (dice, fuse) = (&self.dice, &fuse);
        let stills = self.cameras.iter().enumerate().map(|(camera, at)| async move {
            let mut sent = Vec::new();
            loop {
                sent.push(Sent::new(
                    camera,
                    Kind::Still,
                    fresh_id(),
                    Body::still(dice.roll(STILLS.len() as u64), next()),
                ));
                if !hand_in(at, &mut sent, fuse).await {
                    return sent;
                }
            }
        });
        let events = self.cameras.iter().enumerate().map(|(camera, at)| async move {
            let mut sent = Vec::new();
            loop {
                let id = fresh_id();
                let clip = Body::clip(
                    next(),
                    if dice.roll(LARGE_EVERY) == 0 {
                        1_100_000 + dice.roll(900_000)
                    } else {
                        1000 + dice.roll(90_000)
                    },
                );
                let parts = [
                    (Kind::Event, Body::event(next())),
                    (Kind::EventStill, Body::still(0, next())),
                    (Kind::Clip, clip),
                ];
                for (kind, body) in parts {
                    sent.push(Sent::new(camera, kind, id.clone(), body));
                    if !hand_in(at, &mut sent, fuse).await {
                        return sent;
                    }
                }
            }
        });
        let (stills, events) = tokio::join!(join_all(stills), join_all(events));
        self.edge.kill9();
        stills.into_iter().chain(events).flatten().collect()
    }

    /// Checks that each camera shows its newest acknowledged still, or a later one that was on its
    /// way.
    async fn check_newest_stills(&self) {
        for (number, camera) in self.cameras.iter().enumerate() {
            let stills = || {
                self.sent.iter().filter(|sent| sent.camera == number && sent.kind == Kind::Still)
            };
            let acknowledged =
                stills().filter(|sent| sent.is_acknowledged).max_by_key(|sent| sent.id.clone());
            let floor = acknowledged.map_or("", |sent| sent.id.as_str());
            let answer = self.viewer().thumbnail(camera, WIDTH).await;
            if answer.status == 404 {
                assert!(
                    acknowledged.is_none(),
                    "camera {number} has an acknowledged still, and shows none"
                );
                continue;
            }
            let shown = answer.expect(200).body;
            let candidates: Vec<_> = stills().filter(|sent| sent.id.as_str() >= floor).collect();
            let fits = candidates.iter().any(|sent| self.thumbnails[sent.body.still] == shown);
            assert!(fits, "camera {number} shows none of its {} newest stills", candidates.len());
        }
    }

    /// Checks that every listed event was sent and opens completely, and that every acknowledged
    /// one is listed with all its parts. `from` is the index of the first of `sent` that is
    /// checked.
    async fn check_events(&self, from: usize) {
        for (number, camera) in self.cameras.iter().enumerate() {
            let mut sent: BTreeMap<(&str, Kind), &Sent> = BTreeMap::new();
            for one in self.sent[from..]
                .iter()
                .filter(|one| one.camera == number && one.kind != Kind::Still)
            {
                sent.insert((&one.id, one.kind), one);
            }
            let Some(oldest) = sent.keys().map(|(id, _)| *id).min() else {
                continue;
            };
            let mut listed = BTreeSet::new();
            for event in self.listed(camera, oldest).await {
                let id = event["id"].as_str().unwrap();
                let of = |kind| {
                    *sent
                        .get(&(id, kind))
                        .unwrap_or_else(|| panic!("{kind:?} of {id} is listed, and was never sent"))
                };
                assert_eq!(event["label"], of(Kind::Event).body.label(), "{id}");
                listed.insert((id.to_owned(), Kind::Event));
                if event["still"] == true {
                    let still = self.viewer().event_thumbnail(camera, id, WIDTH).await;
                    let picture = still.expect(200).body;
                    assert_eq!(picture, self.thumbnails[of(Kind::EventStill).body.still], "{id}");
                    listed.insert((id.to_owned(), Kind::EventStill));
                }
                if event["clip"] == true {
                    let clip = self.viewer().clip(camera, id).await.expect(200).body;
                    assert!(
                        clip == of(Kind::Clip).body.bytes(),
                        "the clip of {id} has other bytes"
                    );
                    listed.insert((id.to_owned(), Kind::Clip));
                }
            }
            for ((id, kind), sent) in sent.iter().filter(|(_, sent)| sent.is_acknowledged) {
                assert!(
                    listed.contains(&((*id).to_owned(), *kind)),
                    "{:?} of {id} was acknowledged and is lost",
                    sent.kind
                );
            }
        }
    }

    /// Returns the listed events of a camera, newest first, down to `oldest`.
    async fn listed(&self, camera: &Camera, oldest: &str) -> Vec<serde_json::Value> {
        let (mut events, mut path) =
            (Vec::new(), format!("cameras/{}/events?limit=100", camera.id));
        loop {
            let page = self.viewer().get(&path).await.expect(200).json();
            events.extend(page["events"].as_array().unwrap().iter().cloned());
            let is_last = events.last().is_none_or(|event| event["id"].as_str().unwrap() < oldest);
            let Some(next) = page["next"].as_str().filter(|_| !is_last) else {
                break;
            };
            path = format!("cameras/{}/events?limit=100&before={next}", camera.id);
        }
        events.retain(|event| event["id"].as_str().unwrap() >= oldest);
        events
    }

    /// Hands in every upload that was not acknowledged, and some of the others, again.
    async fn hand_in_again(&mut self, from: usize) {
        for number in from..self.sent.len() {
            let (camera, is_new) =
                (&self.cameras[self.sent[number].camera], !self.sent[number].is_acknowledged);
            if is_new {
                let status = self.sent[number].put(camera).await;
                assert!(
                    matches!(status, 200 | 201),
                    "{:?} was cut off by a kill; again it is answered with {status}",
                    self.sent[number].kind
                );
                self.sent[number].is_acknowledged = true;
            }
        }
        for _ in 0..2 {
            let again = usize::try_from(self.dice.roll(self.sent.len() as u64)).unwrap();
            let sent = &self.sent[again];
            let status = sent.put(&self.cameras[sent.camera]).await;
            assert_eq!(status, 200, "{:?} {} was acknowledged before", sent.kind, sent.id);
        }
    }

    fn staged(&self) -> usize {
        self.edge.store_files().len() - self.edge.objects().len()
    }

    /// Returns the sealed files that the index has: names with lengths.
    fn indexed(&self) -> BTreeMap<String, u64> {
        let connection = Connection::open(self.edge.data().join("registry.sqlite")).unwrap();
        let question = "SELECT lower(hex(name)), sealed_length FROM objects \
                        WHERE state = 1 AND inline IS NULL";
        let mut statement = connection.prepare(question).unwrap();
        let rows = statement
            .query_map((), |row| Ok((row.get(0)?, row.get::<_, i64>(1)?.cast_unsigned())))
            .unwrap();
        rows.map(Result::unwrap).collect()
    }

    fn stored(&self) -> BTreeMap<String, u64> {
        let files = self.edge.store_files().into_iter();
        // A file may be swept between the listing and the look at it.
        files
            .filter_map(|path| {
                Some((path.file_name()?.to_str()?.to_owned(), path.metadata().ok()?.len()))
            })
            .collect()
    }
}

fn number_from(variable: &str, default: impl FnOnce() -> u64) -> u64 {
    std::env::var(variable).map_or_else(
        |_| default(),
        |text| text.parse().unwrap_or_else(|error| panic!("{variable}: {error}")),
    )
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_acknowledged_survives_every_kill() {
    let seed = number_from("EYESONLY_SEED", || SystemTime::UNIX_EPOCH.elapsed().unwrap().as_secs());
    let kills = number_from("EYESONLY_KILLS", || KILLS as u64);
    eprintln!("EYESONLY_SEED={seed}");
    let mut world = world(seed).await;
    let (mut cut, mut staged) = (0, 0);
    for kill in 0..kills {
        let from = world.sent.len();
        let sent = world.round().await;
        world.sent.extend(sent);
        cut += world.sent[from..].iter().filter(|sent| !sent.is_acknowledged).count();
        staged += world.staged();
        world.edge.restart();
        world.check_newest_stills().await;
        world.check_events(from).await;
        world.hand_in_again(from).await;
        assert_eq!(world.edge.misdeliveries().await, 0.0, "after kill {kill}");
    }
    let acknowledged = world.sent.iter().filter(|sent| sent.is_acknowledged).count();
    eprintln!(
        "{kills} kills: {} uploads, {cut} cut off, {staged} staged files left behind",
        world.sent.len()
    );
    assert_eq!(acknowledged, world.sent.len());
    assert!(cut as u64 >= kills, "the kills hardly struck anything");
    assert!(staged > 0 || kills < 20, "no kill struck while a file was written");

    // Collection spares files that are younger than a day.
    world.edge.kill9();
    world.edge.age_files();
    world.edge.restart();
    poll("nothing is in the store but what the index has", 60, async || {
        world.stored() == world.indexed()
    })
    .await;
    world.check_newest_stills().await;
    world.check_events(0).await;
    for sent in &world.sent {
        assert_eq!(sent.put(&world.cameras[sent.camera]).await, 200, "{:?} {}", sent.kind, sent.id);
    }
    assert_eq!(world.edge.misdeliveries().await, 0.0);
    what_is_lost_is_noticed(&mut world).await;
}

/// Checks the control: `check_events` must fail for an acknowledged clip without its sealed file.
async fn what_is_lost_is_noticed(world: &mut World) {
    world.edge.kill9();
    // The longest object is a clip.
    let longest =
        world.edge.objects().into_iter().max_by_key(|path| path.metadata().unwrap().len());
    std::fs::remove_file(longest.unwrap()).unwrap();
    world.edge.restart();
    eprintln!("what is told now is told because it must be:");
    let checked = AssertUnwindSafe(world.check_events(0)).catch_unwind().await;
    assert!(checked.is_err(), "a lost clip was not noticed");
}
