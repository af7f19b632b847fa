//! The load: cameras that push what they have, viewers who look, and what each of them makes of the answers.

use super::client::{Ask, Client, Reply};
use super::detect::{Detector, Verdict};
use super::lies::{Kind as Lie, Liar, Lies};
use super::mark::{What, mix};
use super::tally::{Ended, Tally};
use super::town::{CLIP_BYTES, Place, Town};
use axum::http::{Method, StatusCode};
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// How often a camera tries an upload before it keeps it for another day.
const TRIES_MAX: u32 = 12;
/// Longest wait between two tries.
const WAIT_MAX: Duration = Duration::from_secs(1);
/// Events in one page: few, so that there is a next one.
const PAGE: usize = 2;
/// Events of one camera, at most: they are noted in 64 bits.
pub const EVENTS_MAX: u32 = 64;
/// Numbers from here on are of a camera that has another's credential.
const TWIN: u32 = 1000;

/// What was handed in of one camera, as its own camera knows it.
#[derive(Default)]
struct Handed {
    /// Numbers below it have been begun.
    stills_begun: AtomicU32,
    /// Number of the newest acknowledged still, and 1; 0: none.
    newest: AtomicU32,
    events_begun: AtomicU64,
    events: AtomicU64,
    stills: AtomicU64,
    clips: AtomicU64,
    /// Event stills that a second camera with the same credential was told to be taken.
    twins: AtomicU64,
    revoked: AtomicBool,
}

impl Handed {
    /// Acknowledged events, newest first.
    fn events(&self) -> Vec<u32> {
        let bits = self.events.load(Ordering::SeqCst);
        (0..EVENTS_MAX).rev().filter(|number| has(bits, *number)).collect()
    }
}

fn has(bits: u64, number: u32) -> bool {
    bits.checked_shr(number).is_some_and(|rest| rest & 1 == 1)
}

fn set(bits: &AtomicU64, number: u32) {
    bits.fetch_or(1_u64.checked_shl(number).unwrap_or(0), Ordering::SeqCst);
}

/// One server's cameras and viewers.
pub struct Crowd {
    /// Who they are.
    pub town: Arc<Town>,
    /// How they reach the server.
    pub client: Client,
    /// Each viewer's credential, and what its private addresses begin with.
    pub viewers: Vec<(String, String)>,
    /// Each camera's credential, in the order of the town's places.
    pub cameras: Vec<String>,
    /// The lies that are the crowd's own to tell (two cameras with one credential).
    pub lies: Arc<Lies>,
    /// The share of a viewer's questions that are given up in the middle.
    pub dropped_share: f64,
    handed: Vec<Handed>,
    ended: Vec<AtomicBool>,
}

impl Crowd {
    /// A crowd that has handed in nothing yet.
    pub fn new(
        town: Arc<Town>,
        client: Client,
        viewers: Vec<(String, String)>,
        cameras: Vec<String>,
        lies: Arc<Lies>,
        dropped_share: f64,
    ) -> Self {
        Self {
            handed: cameras.iter().map(|_| Handed::default()).collect(),
            ended: viewers.iter().map(|_| AtomicBool::new(false)).collect(),
            town,
            client,
            viewers,
            cameras,
            lies,
            dropped_share,
        }
    }

    fn at(&self, place: Place) -> usize {
        (place.household as usize)
            .saturating_mul(self.town.cameras_each as usize)
            .saturating_add(place.camera as usize)
    }

    fn handed(&self, place: Place) -> Option<&Handed> {
        self.handed.get(self.at(place))
    }

    /// Notes that the viewer may not see this camera any more.
    pub fn revoked(&self, place: Place) {
        if let Some(handed) = self.handed(place) {
            handed.revoked.store(true, Ordering::SeqCst);
        }
    }

    /// A camera hands in what has these numbers: a still, and an event with its still and its video, each until it is taken.
    pub async fn push(&self, place: Place, numbers: Range<u32>, tally: &Tally) {
        let Some(handed) = self.handed(place) else { return };
        let town = &self.town;
        for number in numbers {
            let (Some(still), Some(event)) = (town.still_id(place, number), town.event_id(place, number)) else {
                return;
            };
            handed.stills_begun.fetch_max(number + 1, Ordering::SeqCst);
            let body = town.still(place, What::Still, number);
            if self
                .put(place, format!("stills/{still}"), "image/jpeg", body, tally)
                .await
            {
                handed.newest.fetch_max(number + 1, Ordering::SeqCst);
            }
            set(&handed.events_begun, number);
            let details = town.details(place, number);
            if !self
                .put(place, format!("events/{event}"), "application/json", details, tally)
                .await
            {
                continue;
            }
            set(&handed.events, number);
            self.put_event_still(place, number, &event.to_string(), tally).await;
            let clip = town.clip(place, number);
            if self
                .put(place, format!("events/{event}/clip"), "video/mp4", clip, tally)
                .await
            {
                set(&handed.clips, number);
            }
        }
    }

    /// An event's still; where two cameras have one credential, the other one's comes under the same id at the same time.
    async fn put_event_still(&self, place: Place, number: u32, event: &str, tally: &Tally) {
        let Some(handed) = self.handed(place) else { return };
        let path = || format!("events/{event}/still");
        let own = self.town.still(place, What::EventStill, number);
        let twin =
            self.lies.has(Liar::Ingest, Lie::OneCredential) && self.lies.next(Liar::Ingest) == Some(Lie::OneCredential);
        let own = self.put(place, path(), "image/jpeg", own, tally);
        let (own, other) = if twin {
            self.lies.was_told(Liar::Ingest, Lie::OneCredential);
            let other = self.town.still(place, What::EventStill, TWIN + number);
            tokio::join!(own, self.put(place, path(), "image/jpeg", other, tally))
        } else {
            (own.await, false)
        };
        if own {
            set(&handed.stills, number);
        }
        if other {
            set(&handed.twins, number);
        }
    }

    /// Hands in one body until it is taken. False: it was not.
    async fn put(
        &self,
        place: Place,
        path: String,
        media_type: &'static str,
        body: axum::body::Bytes,
        tally: &Tally,
    ) -> bool {
        let Some(credential) = self.cameras.get(self.at(place)) else {
            return false;
        };
        let ask = Ask::put(format!("/v1/ingest/{path}"), credential, media_type, body);
        for attempt in 0..TRIES_MAX {
            let began = Instant::now();
            let reply = self.client.ask(&ask).await;
            let taken = reply.as_ref().is_some_and(|reply| reply.status.is_success());
            let ended = match &reply {
                None => Ended::Unanswered,
                Some(_) if taken => Ended::Answered(Verdict::Right),
                Some(reply) => Ended::Answered(Verdict::Refused {
                    shed: reply.status == StatusCode::SERVICE_UNAVAILABLE && reply.comes_back,
                }),
            };
            tally.count(place.household, false, began, ended);
            if taken {
                tally.acknowledged();
                return true;
            }
            // Another body was there before: it stays, and this one is not taken.
            if reply.is_some_and(|reply| reply.status == StatusCode::CONFLICT) && attempt > 2 {
                return false;
            }
            let wait = Duration::from_millis(20_u64 << attempt.min(6));
            tokio::time::sleep(wait.min(WAIT_MAX)).await;
        }
        false
    }

    /// A viewer asks; some questions are given up in the middle.
    async fn ask(&self, household: u32, opens: bool, ask: &Ask, turn: u64, tally: &Tally) -> Option<(Reply, Instant)> {
        let began = Instant::now();
        let drawn = mix(&[self.town.seed, 7, u64::from(household), turn]);
        let gives_up = (drawn >> 11) as f64 / ((1_u64 << 53) as f64) < self.dropped_share;
        let reply = if gives_up {
            let patience = Duration::from_micros(drawn % 3000);
            match tokio::time::timeout(patience, self.client.ask(ask)).await {
                Ok(reply) => reply,
                Err(_) => {
                    tally.count(household, opens, began, Ended::Dropped);
                    return None;
                }
            }
        } else {
            self.client.ask(ask).await
        };
        if reply.is_none() {
            tally.count(household, opens, began, Ended::Unanswered);
        }
        reply.map(|reply| (reply, began))
    }

    /// A viewer comes: their cameras, each one's newest still, events and videos, and a try at somebody else's camera.
    pub async fn visit(&self, household: u32, nth: u64, tally: &Tally) {
        let Some((credential, prefix)) = self.viewers.get(household as usize) else {
            return;
        };
        let visit = Visit {
            crowd: self,
            household,
            credential,
            prefix,
            nth,
            tally,
            turn: AtomicU64::new(0),
        };
        if self
            .ended
            .get(household as usize)
            .is_some_and(|ended| ended.load(Ordering::SeqCst))
        {
            return visit.after_the_end().await;
        }
        visit.all().await;
    }

    /// A viewer signs out. True: it was acknowledged.
    pub async fn sign_out(&self, household: u32, tally: &Tally) -> bool {
        let Some((credential, _)) = self.viewers.get(household as usize) else {
            return false;
        };
        let ask = Ask {
            method: Method::DELETE,
            ..Ask::get("/v1/session".to_owned(), credential)
        };
        for turn in 0..TRIES_MAX {
            let reply = self.client.ask(&ask).await;
            if reply.is_some_and(|reply| reply.status.is_success()) {
                if let Some(ended) = self.ended.get(household as usize) {
                    ended.store(true, Ordering::SeqCst);
                }
                return true;
            }
            tokio::time::sleep(Duration::from_millis(20 << turn.min(5))).await;
        }
        let _ = tally;
        false
    }

    /// Looks whether everything that was acknowledged of this camera is there, and counts what is not.
    pub async fn check_kept(&self, place: Place, tally: &Tally) {
        let signed_out = self
            .ended
            .get(place.household as usize)
            .is_none_or(|ended| ended.load(Ordering::SeqCst));
        let (Some(handed), Some((credential, prefix))) =
            (self.handed(place), self.viewers.get(place.household as usize))
        else {
            return;
        };
        if signed_out || handed.revoked.load(Ordering::SeqCst) {
            return;
        }
        let detector = Detector {
            town: &self.town,
            household: place.household,
        };
        let camera = format!("{prefix}/cameras/{}", self.town.camera_id(place));
        let ask = async |path: String| self.client.ask(&Ask::get(format!("{camera}/{path}"), credential)).await;
        let newest = handed.newest.load(Ordering::SeqCst);
        if let Some(number) = newest.checked_sub(1) {
            let reply = ask("thumbnail?width=160".to_owned()).await;
            let latest = handed.stills_begun.load(Ordering::SeqCst).saturating_sub(1);
            let kept = reply
                .is_some_and(|reply| detector.still(&reply, place, What::Still, number..=latest) == Verdict::Right);
            if !kept {
                tally.lost();
            }
        }
        for number in 0..EVENTS_MAX {
            let Some(event) = self.town.event_id(place, number) else {
                return;
            };
            if has(handed.events.load(Ordering::SeqCst), number) {
                let reply = ask(format!("events/{event}")).await;
                if !reply.is_some_and(|reply| detector.event(&reply, place, number) == Verdict::Right) {
                    tally.lost();
                }
            }
            if has(handed.clips.load(Ordering::SeqCst), number) {
                let reply = ask(format!("events/{event}/clip")).await;
                if !reply.is_some_and(|reply| detector.clip(&reply, place, number, None) == Verdict::Right) {
                    tally.lost();
                }
            }
        }
    }
}

/// One visit of one viewer.
struct Visit<'a> {
    crowd: &'a Crowd,
    household: u32,
    credential: &'a str,
    prefix: &'a str,
    nth: u64,
    tally: &'a Tally,
    turn: AtomicU64,
}

impl Visit<'_> {
    fn detector(&self) -> Detector<'_> {
        Detector {
            town: &self.crowd.town,
            household: self.household,
        }
    }

    /// Asks, judges, counts. `opens`: as in [`Tally::count`].
    async fn look(
        &self,
        path: String,
        range: Option<(usize, usize)>,
        opens: bool,
        judge: impl Fn(&Reply) -> Verdict,
    ) -> Option<Verdict> {
        let ask = Ask {
            range,
            ..Ask::get(format!("{}{path}", self.prefix), self.credential)
        };
        let turn = mix(&[self.nth, self.turn.fetch_add(1, Ordering::Relaxed)]);
        let (reply, began) = self.crowd.ask(self.household, opens, &ask, turn, self.tally).await?;
        // What a cache in front gives back to the very viewer who had it before is not the server's to prevent; what it gives to others is.
        let verdict = if reply.from_cache {
            self.detector().anybody_elses(&reply)
        } else {
            judge(&reply)
        };
        self.tally.count(self.household, opens, began, Ended::Answered(verdict));
        Some(verdict)
    }

    async fn all(&self) {
        let town = &self.crowd.town;
        let places: Vec<Place> = (0..town.cameras_each)
            .map(|camera| Place {
                household: self.household,
                camera,
            })
            .collect();
        let revoked = |place: &Place| {
            self.crowd
                .handed(*place)
                .is_some_and(|handed| handed.revoked.load(Ordering::SeqCst))
        };
        let (lost, kept): (Vec<Place>, Vec<Place>) = places.iter().partition(|place| revoked(place));
        self.look("/cameras".to_owned(), None, false, |reply| {
            self.detector().cameras(reply, &kept)
        })
        .await;
        for place in lost {
            self.must_see_nothing(place).await;
        }
        for place in kept {
            self.newest(place).await;
            self.events(place).await;
        }
        self.somebody_elses().await;
    }

    fn camera(&self, place: Place, path: &str) -> String {
        format!("/cameras/{}/{path}", self.crowd.town.camera_id(place))
    }

    /// The newest still, and larger when it is tapped.
    async fn newest(&self, place: Place) {
        let Some(handed) = self.crowd.handed(place) else { return };
        for (width, opens) in [(160, false), (320, true)] {
            let Some(first) = handed.newest.load(Ordering::SeqCst).checked_sub(1) else {
                return;
            };
            let path = self.camera(place, &format!("thumbnail?width={width}"));
            self.look(path, None, opens, |reply| {
                let last = handed.stills_begun.load(Ordering::SeqCst).saturating_sub(1);
                self.detector().still(reply, place, What::Still, first..=last)
            })
            .await;
        }
    }

    async fn events(&self, place: Place) {
        let Some(handed) = self.crowd.handed(place) else { return };
        let town = &self.crowd.town;
        let maybe = |number: u32| has(handed.events_begun.load(Ordering::SeqCst), number);
        let numbers = handed.events();
        let (first, rest) = numbers.split_at(numbers.len().min(PAGE));
        let path = self.camera(place, &format!("events?limit={PAGE}"));
        self.look(path, None, false, |reply| {
            self.detector().page(reply, place, first, maybe)
        })
        .await;
        if let Some(last) = first.last()
            && let Some(before) = town.event_id(place, *last)
        {
            let path = self.camera(place, &format!("events?limit={PAGE}&before={before}"));
            let next = rest.get(..rest.len().min(PAGE)).unwrap_or_default();
            // Only what is older than the cursor may come, whatever was on its way.
            let maybe = |number: u32| number < *last && maybe(number);
            self.look(path, None, false, |reply| {
                self.detector().page(reply, place, next, maybe)
            })
            .await;
        }
        let drawn = mix(&[town.seed, 8, u64::from(self.household), self.nth]);
        let chosen = usize::try_from(drawn).unwrap_or(0).checked_rem(numbers.len());
        let Some(number) = chosen.and_then(|at| numbers.get(at).copied()) else {
            return;
        };
        self.event(place, handed, number).await;
    }

    async fn event(&self, place: Place, handed: &Handed, number: u32) {
        let Some(event) = self.crowd.town.event_id(place, number) else {
            return;
        };
        let path = self.camera(place, &format!("events/{event}"));
        self.look(path, None, true, |reply| self.detector().event(reply, place, number))
            .await;
        let own = has(handed.stills.load(Ordering::SeqCst), number);
        let twin = has(handed.twins.load(Ordering::SeqCst), number);
        if own || twin {
            let path = self.camera(place, &format!("events/{event}/thumbnail?width=160"));
            self.look(path, None, true, |reply| {
                let shown = if own { number } else { TWIN + number };
                let verdict = self.detector().still(reply, place, What::EventStill, shown..=shown);
                // Two were told that theirs is there, and one is.
                if own && twin && verdict == Verdict::Right {
                    Verdict::Wrong
                } else {
                    verdict
                }
            })
            .await;
        }
        if has(handed.clips.load(Ordering::SeqCst), number) {
            let path = || self.camera(place, &format!("events/{event}/clip"));
            let middle = (CLIP_BYTES / 3, CLIP_BYTES / 2);
            for range in [Some((0, CLIP_BYTES - 1)), Some(middle)] {
                self.look(path(), range, true, |reply| {
                    self.detector().clip(reply, place, number, range)
                })
                .await;
            }
        }
    }

    /// A camera of another household: there is nothing to be seen.
    async fn somebody_elses(&self) {
        let town = &self.crowd.town;
        if town.households < 2 {
            return;
        }
        let drawn = mix(&[town.seed, 9, u64::from(self.household), self.nth]);
        let step = 1 + u32::try_from(drawn % u64::from(town.households - 1)).unwrap_or(0);
        let other = Place {
            household: (self.household + step) % town.households,
            camera: 0,
        };
        self.must_see_nothing(other).await;
    }

    async fn must_see_nothing(&self, place: Place) {
        let path = self.camera(place, "thumbnail?width=160");
        self.look(path, None, false, |reply| {
            self.detector().nothing(reply, place.household)
        })
        .await;
        let path = self.camera(place, "events?limit=2");
        self.look(path, None, true, |reply| {
            let seen = self.detector().nothing(reply, place.household);
            // A page without an event shows nothing of anybody.
            let empty = reply.body.starts_with(b"{\"events\":[]");
            if empty { Verdict::Right } else { seen }
        })
        .await;
    }

    /// The session has ended: whatever comes with it is for nobody.
    async fn after_the_end(&self) {
        self.look("/cameras".to_owned(), None, false, |reply| {
            self.detector().nothing(reply, self.household)
        })
        .await;
    }
}
