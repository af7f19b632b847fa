//! Shares: which cameras are shared with whom, and what each guest had at which time.
//!
//! Who shares what is a function of the town. What a guest had follows from the acts of the people
//! themselves: when each was sent, and when it was acknowledged. Nothing here comes from what a
//! server says of a right.

use crate::load::TWIN;
use crate::mark::{What, mix};
use crate::town::{Place, Town};
use eyesonly_rights::Kinds;
use std::collections::HashMap;
use std::sync::Mutex;

/// In each run of so many households, there is a guest of each course.
const BLOCK: u32 = 32;
/// The guests of a run, by their place in it, and the course of what is shared with each.
///
/// Nothing else is taken from these households, so that each record has one cause to change.
const GUESTS: [(u32, Course); 5] = [
    (4, Course::TakenBack),
    (5, Course::Asked),
    (6, Course::Narrowed),
    (7, Course::Expires),
    (8, Course::Offered),
];
/// The households of a run that share: the first ones. Their cameras stream, if any do.
const GIVERS: u32 = 4;
/// One of so many clips that are read while a right ends is read by a guest.
const STREAMS_EACH: u32 = 4;
/// The place of such a clip among them.
const STREAM_OF_GUEST: u32 = 2;
/// The first number in the window of most shares. What comes before is older than the window.
const FROM: u32 = 1;

/// The course that a share takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Course {
    /// Its owner takes it back while everybody comes back.
    TakenBack,
    /// Somebody asks for it by an invitation, and its owner confirms that.
    Asked,
    /// Its owner narrows it.
    Narrowed,
    /// It ends by itself.
    Expires,
    /// It is offered by an invitation that nobody asks with.
    Offered,
    /// Its owner takes it back while the guest reads a long clip.
    WhileRead,
}

/// What a guest may see of a camera.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Right {
    /// The kinds of footage.
    pub kinds: Kinds,
    /// The number of the first still and event in the window.
    pub from: u32,
    /// When it ends by itself, in seconds since 1970.
    pub expires_at_seconds: Option<u64>,
}

impl Right {
    /// What the token of an invitation shows: the names of household and camera.
    pub const NAMES: Self = Self { kinds: Kinds::NONE, from: 0, expires_at_seconds: None };

    /// Says whether it lets anything be seen but names.
    pub fn is_share(&self) -> bool {
        self.kinds != Kinds::NONE
    }

    /// Says whether it covers what has this kind and number.
    pub fn covers(&self, what: What, number: u32) -> bool {
        // What a second camera hands in under the same id has the number of the first one's.
        let is_within = number % TWIN >= self.from;
        match what {
            What::Name | What::Home => true,
            What::Live | What::Init => self.kinds.live,
            What::Still => self.kinds.live && is_within,
            What::EventStill | What::Details => self.kinds.events && is_within,
            What::Clip => self.kinds.clips && is_within,
        }
    }

    fn has_ended(&self, at_milliseconds: u64) -> bool {
        self.expires_at_seconds.is_some_and(|at| at_milliseconds >= at.saturating_mul(1000))
    }
}

/// The plan of one share.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Share {
    /// The camera.
    pub place: Place,
    /// The household whose viewer is the guest.
    pub guest: u32,
    /// The course that it takes.
    pub course: Course,
}

impl Share {
    /// Returns what is shared at first. `expires_at_seconds` is when an expiring one ends.
    pub fn first(&self, expires_at_seconds: u64) -> Right {
        let whole = Right { kinds: Kinds::ALL, from: FROM, expires_at_seconds: None };
        match self.course {
            Course::Expires => Right {
                kinds: Kinds { clips: false, ..Kinds::ALL },
                expires_at_seconds: Some(expires_at_seconds),
                ..whole
            },
            Course::WhileRead => Right { from: 0, ..whole },
            _ => whole,
        }
    }

    /// Returns what is left of a share that was narrowed: less time, and no live view.
    pub fn narrowed(&self) -> Right {
        let kinds = Kinds { live: false, ..Kinds::ALL };
        Right { kinds, from: FROM + 1, expires_at_seconds: None }
    }
}

/// Plans the shares of a town.
pub fn plan(town: &Town) -> Vec<Share> {
    let camera = town.cameras_each.saturating_sub(1);
    let mut all = Vec::new();
    for first in (0..town.households).step_by(BLOCK as usize) {
        let turn = u32::try_from(mix(&[town.seed, 11, first.into()]) % u64::from(GIVERS));
        for ((at, course), nth) in GUESTS.iter().zip(0..) {
            // Whoever changes a share ends the invitations to its camera. So each of the first four
            // has a giver of its own, and the last one has that of the share which nobody changes.
            let giver = (turn.unwrap_or(0) + GIVERS.saturating_sub(1).min(nth)) % GIVERS;
            let place = Place { household: first + giver, camera };
            all.push(Share { place, guest: first + at, course: *course });
        }
    }
    all.retain(|share| share.guest < town.households);
    for (place, nth) in town.streams().zip(0..) {
        let guest = place.household + 1;
        if nth % STREAMS_EACH == STREAM_OF_GUEST && guest < town.all_households() {
            all.push(Share { place, guest, course: Course::WhileRead });
        }
    }
    all
}

/// A time during which a guest had a right, or may have had it. All times are in milliseconds since
/// 1970.
struct Span {
    right: Right,
    /// The act that gives the right was sent.
    asked_at: u64,
    /// That act was acknowledged.
    given_at: Option<u64>,
    /// The act that ends the right was sent.
    leaves_at: Option<u64>,
    /// That act was acknowledged.
    gone_at: Option<u64>,
}

#[derive(Default)]
struct Past {
    spans: Vec<Span>,
    /// The pictures of live video that the camera had sent when the view of it ended.
    live_until: Option<u32>,
}

/// One share, with what became of it so far.
pub struct Held {
    /// The plan of it.
    pub share: Share,
    invitation: Mutex<Option<(String, String)>>,
    past: Mutex<Past>,
}

impl Held {
    /// Makes a share that nobody has given yet.
    pub fn new(share: Share) -> Self {
        Self { share, invitation: Mutex::default(), past: Mutex::default() }
    }

    /// Keeps the id and the token of its invitation.
    pub fn invites(&self, id: String, token: String) {
        if let Ok(mut invitation) = self.invitation.lock() {
            *invitation = Some((id, token));
        }
    }

    /// Returns the id and the token of its invitation.
    pub fn invitation(&self) -> Option<(String, String)> {
        self.invitation.lock().map_or(None, |invitation| invitation.clone())
    }

    /// Notes that an act is sent, after which the guest has `next`, or nothing.
    pub fn asks(&self, next: Option<Right>, now: u64) {
        let Ok(mut past) = self.past.lock() else { return };
        for span in past.spans.iter_mut().filter(|span| span.leaves_at.is_none()) {
            span.leaves_at = Some(now);
        }
        let span =
            |right| Span { right, asked_at: now, given_at: None, leaves_at: None, gone_at: None };
        past.spans.extend(next.map(span));
    }

    /// Notes that the act was acknowledged. `sent`: the pictures of live video that the camera had
    /// sent before.
    pub fn acknowledged(&self, now: u64, sent: u32) {
        let Ok(mut past) = self.past.lock() else { return };
        let saw_live = past.spans.iter().any(|span| span.gone_at.is_none() && span.sees_live());
        for span in &mut past.spans {
            if span.leaves_at.is_some() {
                span.gone_at.get_or_insert(now);
            } else {
                span.given_at.get_or_insert(now);
            }
        }
        let sees_live = past.spans.iter().any(|span| span.gone_at.is_none() && span.sees_live());
        if saw_live && !sees_live {
            past.live_until = Some(sent);
        }
    }

    /// Returns the pictures that the camera had sent when the live view was taken back.
    pub fn live_until(&self) -> Option<u32> {
        self.past.lock().map_or(None, |past| past.live_until)
    }

    /// Returns what the guest may have had at some moment from `since` to `now`, and had all the
    /// time.
    pub fn given(&self, since: u64, now: u64) -> Given {
        let place = self.share.place;
        let Ok(past) = self.past.lock() else {
            return Given { place, may: Vec::new(), must: None };
        };
        let may = past.spans.iter().filter(|span| span.may(since, now)).map(|span| span.right);
        let must = past.spans.iter().find(|span| span.must(since, now)).map(|span| span.right);
        Given { place, may: may.collect(), must }
    }

    /// Returns when it ends by itself, in seconds since 1970.
    pub fn expires_at_seconds(&self) -> Option<u64> {
        let past = self.past.lock().ok()?;
        past.spans.iter().find_map(|span| span.right.expires_at_seconds)
    }
}

impl Span {
    fn sees_live(&self) -> bool {
        self.right.kinds.live
    }

    /// Says whether the right may have been in force at some moment from `since` to `now`. What was
    /// asked for after an act was acknowledged meets that act.
    fn may(&self, since: u64, now: u64) -> bool {
        self.asked_at <= now
            && self.gone_at.is_none_or(|gone| since <= gone)
            && !self.right.has_ended(since)
    }

    /// Says whether the right was in force all the time from `since` to `now`.
    fn must(&self, since: u64, now: u64) -> bool {
        self.given_at.is_some_and(|given| given <= since)
            && self.leaves_at.is_none_or(|leaves| now < leaves)
            && !self.right.has_ended(now)
    }
}

/// What a viewer had of another household's camera, during one request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Given {
    /// The camera.
    pub place: Place,
    /// What the viewer may have had at some moment.
    pub may: Vec<Right>,
    /// What the viewer had all the time.
    pub must: Option<Right>,
}

impl Given {
    /// Says whether the camera may have been shared with the viewer at some moment.
    pub fn may_share(&self) -> bool {
        self.may.iter().any(Right::is_share)
    }

    /// Says whether it was shared all the time.
    pub fn must_share(&self) -> bool {
        self.must.as_ref().is_some_and(Right::is_share)
    }
}

/// The shares of one server's households.
#[derive(Default)]
pub struct Shares {
    all: Vec<Held>,
    of_guest: HashMap<u32, Vec<usize>>,
    of_giver: HashMap<u32, Vec<usize>>,
}

impl Shares {
    /// Makes the shares of a town, none of which was given yet.
    pub fn new(town: &Town) -> Self {
        let all: Vec<Held> = plan(town).into_iter().map(Held::new).collect();
        let mut of_guest: HashMap<u32, Vec<usize>> = HashMap::new();
        let mut of_giver: HashMap<u32, Vec<usize>> = HashMap::new();
        for (at, held) in all.iter().enumerate() {
            of_guest.entry(held.share.guest).or_default().push(at);
            of_giver.entry(held.share.place.household).or_default().push(at);
        }
        Self { all, of_guest, of_giver }
    }

    /// Lists all of them.
    pub fn all(&self) -> impl Iterator<Item = &Held> {
        self.all.iter()
    }

    /// Lists what is shared with a household's viewer.
    pub fn with(&self, guest: u32) -> impl Iterator<Item = &Held> {
        self.at(self.of_guest.get(&guest))
    }

    /// Lists what a household shares.
    pub fn by(&self, household: u32) -> impl Iterator<Item = &Held> {
        self.at(self.of_giver.get(&household))
    }

    fn at<'a>(&'a self, places: Option<&'a Vec<usize>>) -> impl Iterator<Item = &'a Held> {
        places.into_iter().flatten().filter_map(|at| self.all.get(*at))
    }

    /// Returns what a household's viewer had of others' cameras from `since` to `now`.
    pub fn given(&self, guest: u32, since: u64, now: u64) -> Vec<Given> {
        self.with(guest).map(|held| held.given(since, now)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WIDE: Right = Right { kinds: Kinds::ALL, from: 1, expires_at_seconds: None };
    const NARROW: Right = Right { from: 2, ..WIDE };

    fn held() -> Held {
        let place = Place { household: 2, camera: 1 };
        Held::new(Share { place, guest: 5, course: Course::TakenBack })
    }

    fn check(held: &Held, since: u64, now: u64, may: &[Right], must: Option<Right>) {
        let given = held.given(since, now);
        assert_eq!((given.may.as_slice(), given.must), (may, must), "{since} to {now}");
    }

    #[test]
    fn a_right_covers_its_kinds_from_the_start_of_its_window_on() {
        let all = [What::Still, What::EventStill, What::Details, What::Clip];
        for what in all {
            assert!(!WIDE.covers(what, 0), "{what:?}");
            assert!(WIDE.covers(what, 1), "{what:?}");
            assert!(!WIDE.covers(what, TWIN), "{what:?}: a twin of what lies before");
            assert!(WIDE.covers(what, TWIN + 1), "{what:?}");
            assert!(!Right::NAMES.covers(what, 1), "{what:?}");
        }
        assert!(WIDE.covers(What::Live, 0) && WIDE.covers(What::Init, 0));
        for what in [What::Name, What::Home] {
            assert!(WIDE.covers(what, 0) && Right::NAMES.covers(what, 0), "{what:?}");
        }
        let only = |live, events, clips| Right { kinds: Kinds { live, events, clips }, ..WIDE };
        let covered = |right: Right| {
            [What::Live, What::Still, What::EventStill, What::Details, What::Clip]
                .map(|what| right.covers(what, 1))
        };
        assert_eq!(covered(only(true, false, false)), [true, true, false, false, false]);
        assert_eq!(covered(only(false, true, false)), [false, false, true, true, false]);
        assert_eq!(covered(only(false, false, true)), [false, false, false, false, true]);
    }

    #[test]
    fn a_right_is_had_from_its_acknowledgement_until_it_is_taken_back() {
        let held = held();
        check(&held, 0, 9, &[], None);
        held.asks(Some(WIDE), 10);
        check(&held, 0, 9, &[], None);
        check(&held, 0, 10, &[WIDE], None);
        held.acknowledged(20, 0);
        check(&held, 19, 25, &[WIDE], None);
        check(&held, 20, 25, &[WIDE], Some(WIDE));
        held.asks(None, 30);
        check(&held, 20, 29, &[WIDE], Some(WIDE));
        check(&held, 20, 30, &[WIDE], None);
        check(&held, 50, 60, &[WIDE], None);
        held.acknowledged(40, 7);
        check(&held, 39, 60, &[WIDE], None);
        check(&held, 40, 60, &[WIDE], None);
        check(&held, 41, 60, &[], None);
        assert_eq!(held.live_until(), Some(7));
    }

    #[test]
    fn a_narrowed_right_takes_the_place_of_the_wider_one() {
        let held = held();
        held.asks(Some(WIDE), 10);
        held.acknowledged(20, 0);
        held.asks(Some(NARROW), 30);
        check(&held, 25, 35, &[WIDE, NARROW], None);
        held.acknowledged(40, 0);
        check(&held, 40, 45, &[WIDE, NARROW], Some(NARROW));
        check(&held, 41, 45, &[NARROW], Some(NARROW));
        assert_eq!(held.live_until(), None, "the live view goes on");
    }

    #[test]
    fn a_right_ends_with_its_expiry() {
        let held = held();
        let expires = Right { expires_at_seconds: Some(5), ..WIDE };
        held.asks(Some(expires), 10);
        held.acknowledged(20, 0);
        check(&held, 4998, 4999, &[expires], Some(expires));
        check(&held, 4999, 5000, &[expires], None);
        check(&held, 5000, 5001, &[], None);
    }

    #[test]
    fn a_town_shares_the_same_again_and_with_those_who_lose_nothing_else() {
        let town = |seed, households| Town::new(seed, households, 4, 2, 1_800_000_000_000);
        let shares = plan(&town(3, 100));
        assert_eq!(shares, plan(&town(3, 100)));
        assert!((0..20).any(|seed| plan(&town(seed, 100)) != shares), "the seed has no part in it");
        assert_eq!(shares.len(), 16, "five in each 32 households, and one of the clips");
        for share in &shares {
            let Share { place, guest, course } = *share;
            assert_ne!(place.household, guest);
            let is_read = course == Course::WhileRead;
            assert_eq!(is_read, guest >= 100, "{share:?}");
            assert!(is_read || !(1..4).contains(&(guest % 8)), "{share:?}");
        }
        // The invitation that somebody asks with must not end by what another share goes through.
        let giver = |course| {
            let found = shares.iter().find(|share| share.course == course);
            found.map(|share| share.place.household)
        };
        for course in [Course::TakenBack, Course::Narrowed] {
            assert_ne!(giver(course), giver(Course::Asked));
            assert_ne!(giver(course), giver(Course::Offered));
        }
        assert_ne!(giver(Course::Asked), giver(Course::Offered));
        assert_eq!(plan(&Town::new(3, 4, 0, 1, 0)), []);
        let all = Shares::new(&town(3, 100));
        let first = shares.first().unwrap();
        assert_eq!(all.with(first.guest).count(), 1);
        assert!(all.by(first.place.household).any(|held| held.share == *first));
    }
}
