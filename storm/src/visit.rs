//! One visit of one viewer: what they look at, and what becomes of each answer.

use crate::client::{Ask, Reply};
use crate::detect::{Detector, Verdict};
use crate::live::Sent;
use crate::load::{Crowd, Handed, PAGE, TWIN, has};
use crate::mark::{What, mix};
use crate::tally::{Ended, Tally};
use crate::town::{CLIP_BYTES, Place};
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
    fn detector(&self) -> Detector<'_> {
        Detector { town: &self.crowd.town, household: self.household }
    }

    /// Asks, judges and counts. `opens` is as in [`Tally::count`].
    async fn look(
        &self,
        path: String,
        range: Option<(usize, usize)>,
        opens: bool,
        judge: impl Fn(&Reply) -> Verdict,
    ) -> Option<Verdict> {
        let ask = Ask { range, ..Ask::get(format!("{}{path}", self.prefix), self.credential) };
        let turn = mix(&[self.nth, self.turn.fetch_add(1, Ordering::Relaxed)]);
        let (reply, began) = self.crowd.ask(self.household, opens, &ask, turn, self.tally).await?;
        // The server can't prevent that a cache in front gives an answer back to the very viewer
        // who had it before. What the cache gives to others is the server's to prevent.
        let verdict =
            if reply.from_cache { self.detector().anybody_elses(&reply) } else { judge(&reply) };
        self.tally.count(self.household, opens, Some(began), Ended::Answered(verdict));
        Some(verdict)
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

    /// Looks at the newest still, and at a larger one as after a tap.
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
        self.look(path, None, false, |reply| self.detector().page(reply, place, first, maybe))
            .await;
        if let Some(last) = first.last()
            && let Some(before) = town.event_id(place, *last)
        {
            let path = self.camera(place, &format!("events?limit={PAGE}&before={before}"));
            let next = rest.get(..rest.len().min(PAGE)).unwrap_or_default();
            // Only what is older than the cursor may come, whatever was on its way.
            let maybe = |number: u32| number < *last && maybe(number);
            self.look(path, None, false, |reply| self.detector().page(reply, place, next, maybe))
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
        self.look(path, None, true, |reply| self.detector().event(reply, place, number)).await;
        let own = has(handed.stills.load(Ordering::SeqCst), number);
        let twin = has(handed.twins.load(Ordering::SeqCst), number);
        if own || twin {
            let path = self.camera(place, &format!("events/{event}/thumbnail?width=160"));
            self.look(path, None, true, |reply| {
                let shown = if own { number } else { TWIN + number };
                let verdict = self.detector().still(reply, place, What::EventStill, shown..=shown);
                // Two cameras were told that their still is there, and there is only one.
                if own && twin && verdict == Verdict::Right { Verdict::Wrong } else { verdict }
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

    /// Asks for a camera of another household, where nothing may be seen.
    async fn somebody_elses(&self) {
        let town = &self.crowd.town;
        if town.households < 2 {
            return;
        }
        let drawn = mix(&[town.seed, 9, u64::from(self.household), self.nth]);
        let step = 1 + u32::try_from(drawn % u64::from(town.households - 1)).unwrap_or(0);
        let other = Place { household: (self.household + step) % town.households, camera: 0 };
        self.must_see_nothing(other).await;
    }

    async fn must_see_nothing(&self, place: Place) {
        let path = self.camera(place, "thumbnail?width=160");
        self.look(path, None, false, |reply| self.detector().nothing(reply, place.household)).await;
        if self.crowd.live(place).is_some_and(Sent::has_begun) {
            let path = self.camera(place, "live/next");
            self.look(path, None, true, |reply| self.detector().nothing(reply, place.household))
                .await;
        }
        let path = self.camera(place, "events?limit=2");
        self.look(path, None, true, |reply| {
            let seen = self.detector().nothing(reply, place.household);
            // A page without an event shows nothing of anybody.
            let empty = reply.body.starts_with(b"{\"events\":[]");
            if empty { Verdict::Right } else { seen }
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
            self.look(path, None, false, |reply| self.detector().nothing(reply, self.household))
                .await;
        }
    }
}
