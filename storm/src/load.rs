//! The load: cameras that push what they have, and viewers who look and judge the answers.

use crate::audit::By;
use crate::client::{Ask, Client, Reply};
use crate::detect::{Detector, Verdict};
use crate::lies::{Kind as Lie, Liar, Lies};
use crate::live::Sent;
use crate::mark::{What, mix};
use crate::shares::Shares;
use crate::tally::{Ended, Tally};
use crate::town::{Place, Town};
use crate::visit::Visit;
use axum::http::{Method, StatusCode};
use eyesonly_service::clock;
use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// The most tries of one upload. After them, the camera keeps it for another day.
const TRIES_MAX: u32 = 12;
/// The longest wait between two tries.
const WAIT_MAX: Duration = Duration::from_secs(1);
/// The events in one page: few, so that there is a next one.
pub(super) const PAGE: usize = 2;
/// The most events of one camera: they are noted in 64 bits.
pub const EVENTS_MAX: u32 = 64;
/// The first number of a camera that has another camera's credential.
pub(super) const TWIN: u32 = 1000;

/// The uploads of one camera, as the camera itself knows them.
#[derive(Default)]
pub(super) struct Handed {
    /// The uploads of stills with numbers below this have started.
    pub(super) stills_begun: AtomicU32,
    /// The number of the newest acknowledged still, plus 1. 0: there is none.
    pub(super) newest: AtomicU32,
    pub(super) events_begun: AtomicU64,
    pub(super) events: AtomicU64,
    pub(super) stills: AtomicU64,
    pub(super) clips: AtomicU64,
    /// The event stills that were acknowledged to a second camera with the same credential.
    pub(super) twins: AtomicU64,
    pub(super) revoked: AtomicBool,
    live: Sent,
}

impl Handed {
    /// Returns the acknowledged events, newest first.
    pub(super) fn events(&self) -> Vec<u32> {
        let bits = self.events.load(Ordering::SeqCst);
        (0..EVENTS_MAX).rev().filter(|number| has(bits, *number)).collect()
    }
}

pub(super) fn has(bits: u64, number: u32) -> bool {
    bits.checked_shr(number).is_some_and(|rest| rest & 1 == 1)
}

fn set(bits: &AtomicU64, number: u32) {
    bits.fetch_or(1_u64.checked_shl(number).unwrap_or(0), Ordering::SeqCst);
}

/// One server's cameras and viewers.
pub struct Crowd {
    /// The town that they live in.
    pub town: Arc<Town>,
    /// The client by which they reach the server.
    pub client: Client,
    /// Each viewer's credential, and the start of that viewer's private addresses.
    pub viewers: Vec<(String, String)>,
    /// Each camera's credential, in the order of the town's places.
    pub cameras: Vec<String>,
    /// The lies that are the crowd's own to tell (two cameras with one credential).
    pub lies: Arc<Lies>,
    /// Cameras that were handed another household's credential, by their place in `cameras`.
    pub crossed: HashMap<usize, String>,
    /// The share of a viewer's questions that are given up in the middle.
    pub dropped_share: f64,
    /// What the households share.
    pub shares: Shares,
    /// Says whether the server takes invitations, and lists what is shared.
    pub has_sharing: bool,
    handed: Vec<Handed>,
    ended: Vec<AtomicBool>,
}

impl Crowd {
    /// Makes a crowd that has handed in nothing yet.
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
            shares: Shares::default(),
            has_sharing: false,
            town,
            client,
            viewers,
            cameras,
            lies,
            crossed: HashMap::new(),
            dropped_share,
        }
    }

    /// Returns the credential that a camera presents: usually its own. In the control of a crossed
    /// map, that can be one that was minted for another household's camera.
    pub(super) fn credential(&self, place: Place) -> Option<&str> {
        let at = self.at(place);
        if let Some(another) = self.crossed.get(&at).filter(|_| !self.lies.is_silent()) {
            self.lies.was_told(Liar::Registry, Lie::CrossedMap);
            return Some(another);
        }
        self.cameras.get(at).map(String::as_str)
    }

    fn at(&self, place: Place) -> usize {
        (place.household as usize)
            .saturating_mul(self.town.cameras_each as usize)
            .saturating_add(place.camera as usize)
    }

    pub(super) fn handed(&self, place: Place) -> Option<&Handed> {
        self.handed.get(self.at(place))
    }

    /// Makes the judge of the answers that a viewer asked for after `since`, in milliseconds since
    /// 1970, and has by now.
    pub(super) fn detector(&self, household: u32, since: u64) -> Detector<'_> {
        let given = self.shares.given(household, since, clock::now_milliseconds());
        Detector { given, ..Detector::new(&self.town, household) }
    }

    /// Returns the live video of a camera.
    pub(super) fn live(&self, place: Place) -> Option<&Sent> {
        self.handed(place).map(|handed| &handed.live)
    }

    /// Notes that the viewer may not see this camera any more.
    pub fn revoked(&self, place: Place) {
        if let Some(handed) = self.handed(place) {
            handed.revoked.store(true, Ordering::SeqCst);
            handed.live.parted(false);
        }
    }

    /// Notes that the viewer may only see what is of the past now.
    pub fn narrowed(&self, place: Place) {
        if let Some(live) = self.live(place) {
            live.parted(true);
        }
    }

    /// Hands in what has these numbers: a still, and an event with its still and its video. Each
    /// upload is tried until it is taken, up to a bound.
    pub async fn push(&self, place: Place, numbers: Range<u32>, tally: &Tally) {
        let Some(handed) = self.handed(place) else { return };
        let town = &self.town;
        for number in numbers {
            let (Some(still), Some(event)) =
                (town.still_id(place, number), town.event_id(place, number))
            else {
                return;
            };
            handed.stills_begun.fetch_max(number + 1, Ordering::SeqCst);
            let body = town.still(place, What::Still, number);
            if self.put(place, format!("stills/{still}"), "image/jpeg", body, tally).await {
                handed.newest.fetch_max(number + 1, Ordering::SeqCst);
            }
            set(&handed.events_begun, number);
            let details = town.details(place, number);
            if !self.put(place, format!("events/{event}"), "application/json", details, tally).await
            {
                continue;
            }
            set(&handed.events, number);
            self.put_event_still(place, number, &event.to_string(), tally).await;
            let clip = town.clip(place, number);
            if self.put(place, format!("events/{event}/clip"), "video/mp4", clip, tally).await {
                set(&handed.clips, number);
            }
        }
    }

    /// Hands in one event with a long video. False: it was not taken.
    pub async fn push_long(&self, place: Place, tally: &Tally) -> bool {
        let town = &self.town;
        let Some(event) = town.event_id(place, 0) else {
            return false;
        };
        let (details, clip) = (town.details(place, 0), town.long_clip(place));
        self.put(place, format!("events/{event}"), "application/json", details, tally).await
            && self.put(place, format!("events/{event}/clip"), "video/mp4", clip, tally).await
    }

    /// Hands in an event's still. If two cameras have one credential, the other camera's still
    /// comes under the same id at the same time.
    async fn put_event_still(&self, place: Place, number: u32, event: &str, tally: &Tally) {
        let Some(handed) = self.handed(place) else { return };
        let path = || format!("events/{event}/still");
        let own = self.town.still(place, What::EventStill, number);
        let twin = self.lies.has(Liar::Ingest, Lie::OneCredential)
            && self.lies.next(Liar::Ingest) == Some(Lie::OneCredential);
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

    /// Tries to hand in one body until it is taken. False: it was not.
    async fn put(
        &self,
        place: Place,
        path: String,
        media_type: &'static str,
        body: axum::body::Bytes,
        tally: &Tally,
    ) -> bool {
        let Some(credential) = self.credential(place) else {
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
            tally.count(place.household, false, Some(began), ended);
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

    /// Asks for a viewer. Some questions are given up in the middle.
    pub(super) async fn ask(
        &self,
        household: u32,
        opens: bool,
        ask: &Ask,
        turn: u64,
        tally: &Tally,
    ) -> Option<(Reply, Instant)> {
        let began = Instant::now();
        let drawn = mix(&[self.town.seed, 7, u64::from(household), turn]);
        let gives_up = (drawn >> 11) as f64 / ((1_u64 << 53) as f64) < self.dropped_share;
        let reply = if gives_up {
            let patience = Duration::from_micros(drawn % 3000);
            match tokio::time::timeout(patience, self.client.ask(ask)).await {
                Ok(reply) => reply,
                Err(_) => {
                    tally.count(household, opens, Some(began), Ended::Dropped);
                    return None;
                }
            }
        } else {
            self.client.ask(ask).await
        };
        if reply.is_none() {
            tally.count(household, opens, Some(began), Ended::Unanswered);
        }
        reply.map(|reply| (reply, began))
    }

    /// Says whether a viewer has signed out.
    pub(super) fn has_ended(&self, household: u32) -> bool {
        self.ended.get(household as usize).is_none_or(|ended| ended.load(Ordering::SeqCst))
    }

    /// Notes what an answer showed to the viewer of `household`, if it was exposed.
    pub(super) fn note(&self, household: u32, verdict: Verdict, is_list: bool, tally: &Tally) {
        let Some(of) = verdict.exposes() else { return };
        let by = match is_list {
            _ if of == household && self.has_ended(household) => By::OwnAfterEnd,
            true => By::List,
            false => By::Footage,
        };
        tally.saw((household, of), by);
    }

    /// Makes a visit of a viewer: their cameras, each one's newest still, events and videos, and a
    /// try at somebody else's camera.
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
        if self.has_ended(household) {
            return visit.after_the_end().await;
        }
        visit.all().await;
    }

    /// Signs a viewer out. True: it was acknowledged.
    pub async fn sign_out(&self, household: u32) -> bool {
        let Some((credential, _)) = self.viewers.get(household as usize) else {
            return false;
        };
        let ask = Ask { method: Method::DELETE, ..Ask::get("/v1/session".to_owned(), credential) };
        for turn in 0..TRIES_MAX {
            let reply = self.client.ask(&ask).await;
            if reply.is_some_and(|reply| reply.status.is_success()) {
                if let Some(ended) = self.ended.get(household as usize) {
                    ended.store(true, Ordering::SeqCst);
                }
                for camera in 0..self.town.cameras_each {
                    if let Some(live) = self.live(Place { household, camera }) {
                        live.parted(false);
                    }
                }
                return true;
            }
            tokio::time::sleep(Duration::from_millis(20 << turn.min(5))).await;
        }
        false
    }

    /// Checks that the acknowledged still, events and videos of this camera are there, and counts
    /// what is not.
    pub async fn check_kept(&self, place: Place, tally: &Tally) {
        let signed_out = self.has_ended(place.household);
        let (Some(handed), Some((credential, prefix))) =
            (self.handed(place), self.viewers.get(place.household as usize))
        else {
            return;
        };
        if signed_out || handed.revoked.load(Ordering::SeqCst) {
            return;
        }
        let detector = Detector::new(&self.town, place.household);
        let camera = format!("{prefix}/cameras/{}", self.town.camera_id(place));
        let is_lost = async |path: String, judge: &(dyn Fn(&Reply) -> Verdict + Sync)| {
            let ask = Ask::get(format!("{camera}/{path}"), credential);
            for _ in 0..TRIES_MAX {
                match self.client.ask(&ask).await {
                    // A viewer may have so many answers in a second, and comes back.
                    Some(reply) if reply.status == StatusCode::TOO_MANY_REQUESTS => {}
                    Some(reply) if reply.whole => match judge(&reply) {
                        // The server is busy. What is lost does not come back by waiting.
                        Verdict::Refused { shed: true } => {}
                        verdict => return verdict != Verdict::Right,
                    },
                    _ => {}
                }
                tokio::time::sleep(WAIT_MAX).await;
            }
            true
        };
        let newest = handed.newest.load(Ordering::SeqCst);
        if let Some(number) = newest.checked_sub(1) {
            let latest = handed.stills_begun.load(Ordering::SeqCst).saturating_sub(1);
            let judge = |reply: &Reply| detector.still(reply, place, What::Still, number..=latest);
            if is_lost("thumbnail?width=160".to_owned(), &judge).await {
                tally.lost();
            }
        }
        for number in 0..EVENTS_MAX {
            let Some(event) = self.town.event_id(place, number) else {
                return;
            };
            let judge = |reply: &Reply| detector.event(reply, place, number);
            if has(handed.events.load(Ordering::SeqCst), number)
                && is_lost(format!("events/{event}"), &judge).await
            {
                tally.lost();
            }
            let judge = |reply: &Reply| detector.clip(reply, place, number, None);
            if has(handed.clips.load(Ordering::SeqCst), number)
                && is_lost(format!("events/{event}/clip"), &judge).await
            {
                tally.lost();
            }
        }
    }
}
