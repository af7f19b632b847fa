//! One visit of one viewer: what they look at, and what becomes of each answer.

use crate::client::{Ask, Reply};
use crate::detect::{Detector, Sure, Verdict};
use crate::live::Sent;
use crate::load::{Crowd, EVENTS_MAX, Handed, PAGE, TWIN, has};
use crate::mark::{What, mix};
use crate::tally::{Ended, Tally};
use crate::town::{CLIP_BYTES, Place};
use eyesonly_service::clock;
use std::ops::RangeInclusive;
use std::sync::atomic::{AtomicU64, Ordering};

/// One visit of one viewer.
pub(super) struct Visit<'a> {
    pub(super) crowd: &'a Crowd,
    pub(super) household: u32,
    pub(super) credential: &'a str,
    pub(super) prefix: &'a str,
    pub(super) nth: u64,
    pub(super) tally: &'a Tally,
    pub(super) turn: AtomicU64,
}

impl Visit<'_> {
    /// Asks for a path of the viewer's own, judges and counts. `opens` is as in [`Tally::count`].
    pub(super) async fn look(
        &self,
        path: String,
        range: Option<(usize, usize)>,
        opens: bool,
        judge: impl Fn(&Detector<'_>, &Reply) -> Verdict,
    ) -> Option<Verdict> {
        let ask = Ask { range, ..Ask::get(format!("{}{path}", self.prefix), self.credential) };
        self.asks(ask, opens, judge).await.map(|(verdict, _)| verdict)
    }

    /// Asks, judges and counts. Returns the verdict, and whether the answer shows anything.
    pub(super) async fn asks(
        &self,
        ask: Ask,
        opens: bool,
        judge: impl Fn(&Detector<'_>, &Reply) -> Verdict,
    ) -> Option<(Verdict, bool)> {
        let is_list = ask.path.ends_with("/cameras");
        let turn = mix(&[self.nth, self.turn.fetch_add(1, Ordering::Relaxed)]);
        let since = clock::now_milliseconds();
        let (reply, began) = self.crowd.ask(self.household, opens, &ask, turn, self.tally).await?;
        // The server can't prevent that a cache in front gives an answer back to the very viewer
        // who had it before. What the cache gives to others is the server's to prevent.
        let verdict = if reply.from_cache {
            self.crowd.detector(self.household, 0).anybody_elses(&reply)
        } else {
            judge(&self.crowd.detector(self.household, since), &reply)
        };
        self.tally.count(self.household, opens, Some(began), Ended::Answered(verdict));
        self.crowd.note(self.household, verdict, is_list, self.tally);
        Some((verdict, reply.status.is_success() && !is_empty_page(&reply)))
    }

    /// Looks at something of a camera with one of these numbers, which the viewer may see or not.
    pub(super) async fn see(
        &self,
        place: Place,
        (path, range, opens): (&str, Option<(usize, usize)>, bool),
        (what, numbers): (What, RangeInclusive<u32>),
        judge: impl Fn(&Detector<'_>, &Reply) -> Verdict,
    ) {
        let path = format!("{}/cameras/{}/{path}", self.prefix, self.crowd.town.camera_id(place));
        let ask = Ask { range, ..Ask::get(path, self.credential) };
        let judge = |detector: &Detector<'_>, reply: &Reply| {
            match detector.sure(place, what, numbers.clone()) {
                // A page without an event shows nothing of anybody.
                Sure::No if is_empty_page(reply) => Verdict::Right,
                Sure::No => detector.nothing(reply, place),
                sure => sure.soften(judge(detector, reply)),
            }
        };
        let ended = self.asks(ask, opens, judge).await;
        if place.household != self.household {
            self.tally.looked(ended == Some((Verdict::Right, true)));
        }
    }

    /// Makes the whole visit.
    pub(super) async fn all(&self) {
        let town = &self.crowd.town;
        let places: Vec<Place> = (0..town.cameras_each)
            .map(|camera| Place { household: self.household, camera })
            .collect();
        let revoked = |place: &Place| {
            self.crowd.handed(*place).is_some_and(|handed| handed.revoked.load(Ordering::SeqCst))
        };
        let (lost, kept): (Vec<Place>, Vec<Place>) =
            places.iter().partition(|place| revoked(place));
        let list = self.look("/cameras".to_owned(), None, false, |detector, reply| {
            detector.cameras(reply, &kept)
        });
        if let Some(Verdict::Exposed(household)) = list.await {
            // Whoever finds somebody else's camera on the list looks at it.
            self.must_see_nothing(Place { household, camera: 0 }).await;
        }
        for place in lost {
            self.must_see_nothing(place).await;
        }
        for place in kept {
            self.newest(place, &[(160, false), (320, true)]).await;
            self.events(place).await;
        }
        self.shared().await;
        self.somebody_elses().await;
    }

    fn camera(&self, place: Place, path: &str) -> String {
        format!("/cameras/{}/{path}", self.crowd.town.camera_id(place))
    }

    /// Looks at the newest still in these widths: at a larger one as after a tap.
    pub(super) async fn newest(&self, place: Place, widths: &[(u32, bool)]) {
        let Some(handed) = self.crowd.handed(place) else { return };
        for (width, opens) in widths.iter().copied() {
            let Some(first) = handed.newest.load(Ordering::SeqCst).checked_sub(1) else {
                return;
            };
            let path = format!("thumbnail?width={width}");
            // Whatever comes has been handed in by then, and a camera hands in no more than this.
            let numbers = first..=EVENTS_MAX;
            self.see(place, (&path, None, opens), (What::Still, numbers), |detector, reply| {
                let last = handed.stills_begun.load(Ordering::SeqCst).saturating_sub(1);
                detector.still(reply, place, What::Still, first..=last)
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
        self.look(path, None, false, |detector, reply| detector.page(reply, place, first, maybe))
            .await;
        if let Some(last) = first.last()
            && let Some(before) = town.event_id(place, *last)
        {
            let path = self.camera(place, &format!("events?limit={PAGE}&before={before}"));
            let next = rest.get(..rest.len().min(PAGE)).unwrap_or_default();
            // Only what is older than the cursor may come, whatever was on its way.
            let maybe = |number: u32| number < *last && maybe(number);
            let judge =
                |detector: &Detector<'_>, reply: &Reply| detector.page(reply, place, next, maybe);
            self.look(path, None, false, judge).await;
        }
        if let Some(number) = self.drawn(&numbers) {
            self.event(place, handed, number).await;
        }
    }

    /// Draws one of the events for this visit.
    pub(super) fn drawn(&self, numbers: &[u32]) -> Option<u32> {
        let drawn = mix(&[self.crowd.town.seed, 8, u64::from(self.household), self.nth]);
        let chosen = usize::try_from(drawn).unwrap_or(0).checked_rem(numbers.len());
        chosen.and_then(|at| numbers.get(at).copied())
    }

    /// Looks at one event, its still and its video.
    pub(super) async fn event(&self, place: Place, handed: &Handed, number: u32) {
        let Some(event) = self.crowd.town.event_id(place, number) else {
            return;
        };
        let path = format!("events/{event}");
        let details = (What::Details, number..=number);
        let judge = |detector: &Detector<'_>, reply: &Reply| detector.event(reply, place, number);
        self.see(place, (&path, None, true), details, judge).await;
        let own = has(handed.stills.load(Ordering::SeqCst), number);
        let twin = has(handed.twins.load(Ordering::SeqCst), number);
        if own || twin {
            let path = format!("events/{event}/thumbnail?width=160");
            let still = (What::EventStill, number..=number);
            self.see(place, (&path, None, true), still, |detector, reply| {
                let shown = if own { number } else { TWIN + number };
                let verdict = detector.still(reply, place, What::EventStill, shown..=shown);
                // Two cameras were told that their still is there, and there is only one.
                if own && twin && verdict == Verdict::Right { Verdict::Wrong } else { verdict }
            })
            .await;
        }
        if has(handed.clips.load(Ordering::SeqCst), number) {
            let path = format!("events/{event}/clip");
            let middle = (CLIP_BYTES / 3, CLIP_BYTES / 2);
            for range in [Some((0, CLIP_BYTES - 1)), Some(middle)] {
                let clip = (What::Clip, number..=number);
                self.see(place, (&path, range, true), clip, |detector, reply| {
                    detector.clip(reply, place, number, range)
                })
                .await;
            }
        }
    }

    /// Asks for a camera of another household, where nothing may be seen.
    async fn somebody_elses(&self) {
        let town = &self.crowd.town;
        if town.households < 2 {
            return;
        }
        let drawn = mix(&[town.seed, 9, u64::from(self.household), self.nth]);
        let step = 1 + u32::try_from(drawn % u64::from(town.households - 1)).unwrap_or(0);
        let other = Place { household: (self.household + step) % town.households, camera: 0 };
        // What is shared with this viewer was looked at already.
        if self.crowd.shares.with(self.household).all(|held| held.share.place != other) {
            self.must_see_nothing(other).await;
        }
    }

    async fn must_see_nothing(&self, place: Place) {
        let path = self.camera(place, "thumbnail?width=160");
        let nothing = |detector: &Detector<'_>, reply: &Reply| detector.nothing(reply, place);
        self.look(path, None, false, nothing).await;
        if self.crowd.live(place).is_some_and(Sent::has_begun) {
            let path = self.camera(place, "live/next");
            self.look(path, None, true, nothing).await;
        }
        let path = self.camera(place, "events?limit=2");
        self.look(path, None, true, |detector, reply| {
            let seen = detector.nothing(reply, place);
            // A page without an event shows nothing of anybody.
            if is_empty_page(reply) { Verdict::Right } else { seen }
        })
        .await;
    }

    /// Asks with the session that has ended. Whatever comes with it is for nobody.
    pub(super) async fn after_the_end(&self) {
        let newest = (0..self.crowd.town.cameras_each).map(|camera| {
            let place = Place { household: self.household, camera };
            self.camera(place, "thumbnail?width=160")
        });
        for path in std::iter::once("/cameras".to_owned()).chain(newest) {
            let own = Place { household: self.household, camera: 0 };
            self.look(path, None, false, |detector, reply| detector.nothing(reply, own)).await;
        }
    }
}

fn is_empty_page(reply: &Reply) -> bool {
    reply.body.starts_with(b"{\"events\":[]")
}
