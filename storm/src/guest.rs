//! The part of a visit that is about sharing: what others share with the viewer, what an invitation
//! shows, and the list of who shares what.

use crate::client::{Ask, Reply};
use crate::detect::{Detector, Sure};
use crate::load::{EVENTS_MAX, PAGE, has};
use crate::mark::What;
use crate::shares::{Course, Held};
use crate::visit::Visit;
use eyesonly_service::clock;
use std::sync::atomic::Ordering;

impl Visit<'_> {
    /// Looks at what others share with this viewer, and at the list of what is shared.
    pub(super) async fn shared(&self) {
        let shares = &self.crowd.shares;
        for held in shares.with(self.household) {
            self.guest(held).await;
        }
        let is_anything = shares.with(self.household).chain(shares.by(self.household)).next();
        if self.crowd.has_sharing && is_anything.is_some() {
            self.list().await;
        }
    }

    /// Looks at a camera of another household: at what may be seen of it, at what is older than the
    /// window, and at what was never shared or is not shared any more.
    async fn guest(&self, held: &Held) {
        let place = held.share.place;
        let Some(handed) = self.crowd.handed(place) else { return };
        let is_asked_with = matches!(held.share.course, Course::Asked | Course::Offered);
        if let Some((_, token)) = held.invitation().filter(|_| is_asked_with) {
            self.offer(held, &token).await;
        }
        self.newest(place, &[(160, true)]).await;
        let numbers = handed.events();
        let path = format!("events?limit={PAGE}");
        // The right is for events at all: a page has whatever lies within the window.
        let events = || (What::Details, EVENTS_MAX..=EVENTS_MAX);
        self.see(place, (&path, None, false), events(), |detector, reply| {
            let from = detector.had(place).map_or(u32::MAX, |right| right.from);
            let within = numbers.iter().copied().filter(|number| *number >= from);
            let first: Vec<u32> = within.take(PAGE).collect();
            let maybe = |number: u32| has(handed.events_begun.load(Ordering::SeqCst), number);
            detector.page(reply, place, &first, maybe)
        })
        .await;
        // What is older than the window is on no page.
        let from = held.share.first(0).from;
        if let Some(before) = self.crowd.town.event_id(place, from) {
            let path = format!("events?limit={PAGE}&before={before}");
            let judge = |detector: &Detector<'_>, reply: &Reply| {
                detector.page(reply, place, &[], |_| false)
            };
            self.see(place, (&path, None, true), events(), judge).await;
        }
        // By turns, an event of the window and one from before it.
        let (within, older): (Vec<u32>, Vec<u32>) =
            numbers.iter().partition(|number| **number >= from);
        let numbers = if self.nth.is_multiple_of(2) { within } else { older };
        if let Some(number) = self.drawn(&numbers) {
            self.event(place, handed, number).await;
        }
    }

    /// Looks at what the token of an invitation shows.
    async fn offer(&self, held: &Held, token: &str) {
        let body = serde_json::json!({ "token": token }).to_string();
        let ask = Ask::post("/v1/invitation".to_owned(), self.credential, body);
        let place = held.share.place;
        self.asks(ask, false, |detector, reply| detector.offer(reply, place)).await;
    }

    /// Looks at the list of what the viewer shares and was given.
    async fn list(&self) {
        let since = clock::now_milliseconds();
        self.look("/sharing".to_owned(), None, false, |detector, reply| {
            let now = clock::now_milliseconds();
            let owned = self.crowd.shares.by(self.household).map(|held| {
                let given = held.given(since, now);
                let sure = match (given.must_share(), given.may_share()) {
                    (true, _) => Sure::Yes,
                    (false, true) => Sure::Maybe,
                    (false, false) => Sure::No,
                };
                (held.share.place, held.share.guest, sure)
            });
            detector.sharing(reply, &owned.collect::<Vec<_>>())
        })
        .await;
    }
}
