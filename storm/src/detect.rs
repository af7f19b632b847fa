//! The detector: it judges an answer by its bytes and by what the town says alone.
//!
//! It knows nothing of the server. An answer that shows a mark of somebody else is an exposure,
//! whatever its status or its headers say.

use crate::client::Reply;
use crate::mark::{Mark, What};
use crate::town::{Place, Town};
use crate::video::{self, GROUP, NUMBERS};
use axum::body::Bytes;
use axum::http::StatusCode;
use serde::Deserialize;

/// The verdict on an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// The right answer, to the byte.
    Right,
    /// No footage, where there should be some: an error, or a body that was cut.
    Refused {
        /// Says whether the server said when to come back.
        shed: bool,
    },
    /// Something of this household, which the viewer may not see.
    Exposed(u32),
    /// An answer of the past, or one without what was acknowledged. Also footage that went on to
    /// its end after its right was taken.
    Stale,
    /// Bytes of nobody, or of another object of the viewer's own.
    Wrong,
}

/// The judge of the answers to one viewer.
pub struct Detector<'a> {
    /// The town, which says what there is.
    pub town: &'a Town,
    /// The household whose own viewer asks.
    pub household: u32,
}

/// What is known of a camera's live video when a segment of it has come.
pub struct Live {
    /// The pictures that the camera has sent so far.
    pub begun: u32,
    /// The picture that was seen last: what comes now is newer.
    pub after: Option<u32>,
    /// The same picture, if its segment ended before its group of pictures did. Nothing more may
    /// come of that stream: the camera may be told late that the server has ended it.
    pub early: Option<u32>,
    /// The pictures that were sent before the right ended, if it has.
    pub until: Option<u32>,
    /// The first picture of each stream of the camera but the first.
    pub starts: Vec<u32>,
}

/// The age of a picture that is not live any more, in pictures. The host sends nothing that came
/// more than 30 seconds ago, and waits up to 15 seconds for what comes next.
const OLD: u32 = 600;

#[derive(Deserialize)]
struct Cameras {
    cameras: Vec<Camera>,
}
#[derive(Deserialize)]
struct Camera {
    id: String,
    name: String,
}
#[derive(Deserialize)]
struct Events {
    events: Vec<Event>,
}
#[derive(Deserialize)]
struct Event {
    id: String,
    label: String,
}

impl Detector<'_> {
    /// Returns an exposure by the first mark of another household, if there is one.
    fn foreign(&self, marks: &[Mark]) -> Option<Verdict> {
        marks
            .iter()
            .find(|mark| mark.household != self.household)
            .map(|mark| Verdict::Exposed(mark.household))
    }

    /// Looks for marks of others anywhere in the answer, whatever was asked.
    fn exposed(&self, body: &Bytes) -> Option<Verdict> {
        let mut marks = Mark::find(body, self.town.seed);
        marks.extend(Mark::in_still(body, self.town.seed));
        let (_, pictures) = video::parts(body);
        marks.extend(
            pictures.iter().filter_map(|(_, picture)| Mark::in_still(picture, self.town.seed)),
        );
        self.foreign(&marks)
    }

    /// Judges an answer that should show nothing: the request was for another household's camera,
    /// or for what ended or was revoked. `of` is the household that would be shown.
    pub fn nothing(&self, reply: &Reply, of: u32) -> Verdict {
        if let Some(exposed) = self.exposed(&reply.body) {
            return exposed;
        }
        let marked = !Mark::find(&reply.body, self.town.seed).is_empty()
            || Mark::in_still(&reply.body, self.town.seed).is_some();
        if reply.status.is_success() && (marked || of != self.household) {
            Verdict::Exposed(of)
        } else {
            Verdict::Right
        }
    }

    /// Judges an answer that a cache gave: says whether it shows anybody else.
    pub fn anybody_elses(&self, reply: &Reply) -> Verdict {
        self.exposed(&reply.body).unwrap_or(Verdict::Right)
    }

    /// Judges what comes first in every answer: foreign bytes, or no success.
    fn before(&self, reply: &Reply) -> Option<Verdict> {
        if let Some(exposed) = self.exposed(&reply.body) {
            return Some(exposed);
        }
        if !reply.status.is_success() || !reply.whole {
            let shed = reply.status == StatusCode::SERVICE_UNAVAILABLE && reply.comes_back;
            return Some(Verdict::Refused { shed });
        }
        None
    }

    /// Judges the list of cameras. `places` are those that the viewer has.
    pub fn cameras(&self, reply: &Reply, places: &[Place]) -> Verdict {
        if let Some(verdict) = self.before(reply) {
            return verdict;
        }
        let Ok(list) = serde_json::from_slice::<Cameras>(&reply.body) else {
            return Verdict::Wrong;
        };
        let expected = places
            .iter()
            .map(|place| (self.town.camera_id(*place).to_string(), self.town.camera_name(*place)));
        let found = list.cameras.into_iter().map(|camera| (camera.id, camera.name));
        if found.eq(expected) { Verdict::Right } else { Verdict::Wrong }
    }

    /// Judges a still. `newest` are the numbers that the newest still may have. For an event's
    /// still, it is the very number.
    pub fn still(
        &self,
        reply: &Reply,
        place: Place,
        what: What,
        newest: std::ops::RangeInclusive<u32>,
    ) -> Verdict {
        if let Some(verdict) = self.before(reply) {
            return verdict;
        }
        match Mark::in_still(&reply.body, self.town.seed) {
            Some(mark) if (mark.camera, mark.what) == (place.camera, what) => {
                if newest.contains(&mark.number) {
                    Verdict::Right
                } else if what == What::Still && mark.number < *newest.start() {
                    Verdict::Stale
                } else {
                    Verdict::Wrong
                }
            }
            _ => Verdict::Wrong,
        }
    }

    /// Judges an event's video, or a part of it.
    pub fn clip(
        &self,
        reply: &Reply,
        place: Place,
        number: u32,
        range: Option<(usize, usize)>,
    ) -> Verdict {
        if let Some(verdict) = self.before(reply) {
            return verdict;
        }
        let clip = self.town.clip(place, number);
        let expected = match range {
            None => clip,
            Some((first, last)) => {
                clip.slice(first.min(clip.len())..last.saturating_add(1).min(clip.len()))
            }
        };
        if reply.body == expected { Verdict::Right } else { Verdict::Wrong }
    }

    /// Judges a long clip that was being read when its right was taken: it has to be cut.
    pub fn stream(&self, reply: &Reply, place: Place) -> Verdict {
        if let Some(exposed) = self.exposed(&reply.body) {
            return exposed;
        }
        let clip = self.town.long_clip(place);
        if !clip.starts_with(&reply.body) {
            Verdict::Wrong
        } else if reply.body.len() == clip.len() {
            Verdict::Stale
        } else {
            Verdict::Right
        }
    }

    /// Judges a segment of live video, by its pictures. Returns the last picture's place in the
    /// video, too.
    pub fn live(&self, reply: &Reply, place: Place, live: &Live) -> (Verdict, Option<u32>) {
        let (init, fragments) = video::parts(&reply.body);
        let mut marks = Mark::find(&reply.body, self.town.seed);
        let seen = fragments.iter().map(|(_, picture)| Mark::in_still(picture, self.town.seed));
        let seen: Vec<Option<Mark>> = seen.collect();
        marks.extend(seen.iter().flatten());
        if let Some(exposed) = self.foreign(&marks) {
            return (exposed, None);
        }
        let refused = Verdict::Refused { shed: reply.status == StatusCode::SERVICE_UNAVAILABLE };
        if fragments.is_empty() {
            let nothing = reply.body.is_empty() || !reply.status.is_success();
            return (if nothing || !reply.whole { refused } else { Verdict::Wrong }, None);
        }
        // The place of each picture in the whole video: at most as many as were sent.
        let at = |number: u32| {
            let past = (live.begun % NUMBERS).wrapping_sub(number + 1) % NUMBERS;
            live.begun.checked_sub(past)?.checked_sub(1)
        };
        let mut last = None;
        for ((fragment, _), mark) in fragments.iter().zip(&seen) {
            let Some(number) = mark.filter(|mark| mark.what == What::Live).map(|mark| mark.number)
            else {
                return (Verdict::Wrong, last);
            };
            let Some(at) = at(number) else { return (Verdict::Wrong, last) };
            if live.until.is_some_and(|until| at >= until) || live.begun - at > OLD {
                return (Verdict::Stale, last);
            }
            let follows = match last {
                Some(last) => at == last + 1,
                None => {
                    let of_another = |early: u32| {
                        live.starts.iter().any(|start| (early + 1..=at).contains(start))
                    };
                    at.is_multiple_of(GROUP)
                        && live.after.is_none_or(|after| at > after)
                        && live.early.is_none_or(of_another)
                }
            };
            if !follows || *fragment != self.town.live_fragment(place, number) {
                return (Verdict::Wrong, last);
            }
            last = Some(at);
        }
        if init != self.town.live_init(place) {
            return (Verdict::Wrong, last);
        }
        (if reply.whole { Verdict::Right } else { refused }, last)
    }

    /// Judges one event.
    pub fn event(&self, reply: &Reply, place: Place, number: u32) -> Verdict {
        if let Some(verdict) = self.before(reply) {
            return verdict;
        }
        match serde_json::from_slice::<Event>(&reply.body) {
            Ok(event) if self.is_event(&event, place, number) => Verdict::Right,
            _ => Verdict::Wrong,
        }
    }

    fn is_event(&self, event: &Event, place: Place, number: u32) -> bool {
        let id = self.town.event_id(place, number).map(|id| id.to_string());
        id.as_deref() == Some(&event.id) && event.label == self.label(place, number)
    }

    fn label(&self, place: Place, number: u32) -> String {
        self.town.mark(place, What::Details, number).text(self.town.seed)
    }

    /// Judges a page of events. `numbers` were acknowledged before the question, newest first, as
    /// many as the page has room for. `maybe` says whether a number was on its way.
    pub fn page(
        &self,
        reply: &Reply,
        place: Place,
        numbers: &[u32],
        maybe: impl Fn(u32) -> bool,
    ) -> Verdict {
        if let Some(verdict) = self.before(reply) {
            return verdict;
        }
        let Ok(page) = serde_json::from_slice::<Events>(&reply.body) else {
            return Verdict::Wrong;
        };
        let mut shown = Vec::new();
        for event in &page.events {
            let mark = Mark::find(event.label.as_bytes(), self.town.seed);
            let Some(mark) = mark.first() else {
                return Verdict::Wrong;
            };
            let known = numbers.contains(&mark.number) || maybe(mark.number);
            if mark.camera != place.camera || !known || !self.is_event(event, place, mark.number) {
                return Verdict::Wrong;
            }
            shown.push(mark.number);
        }
        // Events come newest first, and none comes twice.
        if shown.windows(2).any(|pair| matches!(pair, [a, b] if a <= b)) {
            return Verdict::Wrong;
        }
        // Events that came meanwhile may have pushed the oldest off the page.
        let newer = shown.iter().filter(|number| !numbers.contains(number)).count();
        let expected = numbers.len().saturating_sub(newer);
        if numbers.iter().take(expected).all(|number| shown.contains(number)) {
            Verdict::Right
        } else {
            Verdict::Stale
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn town() -> Town {
        Town::new(3, 4, 0, 2, 1_800_000_000_000)
    }

    fn reply(status: StatusCode, body: impl Into<Bytes>) -> Reply {
        Reply {
            status,
            comes_back: status == StatusCode::SERVICE_UNAVAILABLE,
            from_cache: false,
            location: None,
            body: body.into(),
            whole: true,
        }
    }

    const MINE: Place = Place { household: 1, camera: 0 };
    const OTHER: Place = Place { household: 1, camera: 1 };
    const FOREIGN: Place = Place { household: 2, camera: 0 };

    #[test]
    fn each_verdict_is_told_from_bytes_alone() {
        let town = town();
        let detector = Detector { town: &town, household: 1 };
        let ok = |body: Bytes| reply(StatusCode::OK, body);
        let still = |place, number| {
            detector.still(&ok(town.still(place, What::Still, number)), MINE, What::Still, 3..=4)
        };
        assert_eq!(still(MINE, 3), Verdict::Right);
        assert_eq!(still(MINE, 4), Verdict::Right);
        assert_eq!(still(MINE, 2), Verdict::Stale);
        assert_eq!(still(MINE, 5), Verdict::Wrong);
        assert_eq!(still(OTHER, 3), Verdict::Wrong);
        assert_eq!(still(FOREIGN, 3), Verdict::Exposed(2));
        let clip = |place, number| detector.clip(&ok(town.clip(place, number)), MINE, 1, None);
        assert_eq!(clip(MINE, 1), Verdict::Right);
        assert_eq!(clip(MINE, 2), Verdict::Wrong);
        assert_eq!(clip(FOREIGN, 1), Verdict::Exposed(2));
        let mut flipped = town.clip(MINE, 1).to_vec();
        flipped[20_000] ^= 1;
        assert_eq!(detector.clip(&ok(flipped.into()), MINE, 1, None), Verdict::Wrong);
        let long = town.long_clip(MINE);
        let stream = |body: Bytes| detector.stream(&ok(body), MINE);
        assert_eq!(stream(long.slice(..1 << 20)), Verdict::Right);
        assert_eq!(stream(long.clone()), Verdict::Stale);
        assert_eq!(stream(town.clip(MINE, 1)), Verdict::Wrong);
        assert_eq!(stream(town.long_clip(FOREIGN).slice(..1 << 20)), Verdict::Exposed(2));
        let refused = reply(StatusCode::SERVICE_UNAVAILABLE, "");
        assert_eq!(detector.clip(&refused, MINE, 1, None), Verdict::Refused { shed: true });
        let told_anyway = reply(StatusCode::NOT_FOUND, town.clip(FOREIGN, 1));
        assert_eq!(detector.nothing(&told_anyway, 2), Verdict::Exposed(2));
        assert_eq!(detector.nothing(&reply(StatusCode::NOT_FOUND, "{}"), 2), Verdict::Right);
        assert_eq!(detector.nothing(&ok(town.clip(MINE, 1)), 1), Verdict::Exposed(1));
    }

    #[test]
    fn a_segment_of_live_video_is_judged_by_its_pictures() {
        let town = town();
        let detector = Detector { town: &town, household: 1 };
        let body = |place, init, numbers: std::ops::Range<u32>| {
            let mut body = town.live_init(init).to_vec();
            numbers.for_each(|number| body.extend(town.live_fragment(place, number % NUMBERS)));
            reply(StatusCode::OK, body)
        };
        let judge = |reply: &Reply, after, until| {
            let live = Live { begun: 2100, after, early: None, until, starts: vec![2064] };
            detector.live(reply, MINE, &live)
        };
        let check = |numbers, after, until, expected| {
            assert_eq!(judge(&body(MINE, MINE, numbers), after, until).0, expected);
        };
        assert_eq!(judge(&body(MINE, MINE, 2064..2080), None, None), (Verdict::Right, Some(2079)));
        check(2032..2048, None, None, Verdict::Right);
        check(2064..2080, Some(2063), None, Verdict::Right);
        check(2064..2080, Some(2064), None, Verdict::Wrong);
        check(2064..2080, None, Some(2080), Verdict::Right);
        check(2064..2080, None, Some(2079), Verdict::Stale);
        check(2048..2060, None, None, Verdict::Right);
        check(2065..2080, None, None, Verdict::Wrong);
        check(1504..1520, None, None, Verdict::Right);
        check(1488..1504, None, None, Verdict::Stale);
        // A segment that ended early has to be the last one of its stream.
        let after_an_early = |early, starts| {
            let live =
                Live { begun: 2100, after: Some(early), early: Some(early), until: None, starts };
            detector.live(&body(MINE, MINE, 2064..2080), MINE, &live).0
        };
        assert_eq!(after_an_early(2050, vec![]), Verdict::Wrong);
        assert_eq!(after_an_early(2050, vec![2048, 2080]), Verdict::Wrong);
        assert_eq!(after_an_early(2050, vec![2064]), Verdict::Right);
        assert_eq!(after_an_early(2018, vec![2032, 2080]), Verdict::Right);
        let other = body(OTHER, MINE, 2064..2080);
        assert_eq!(judge(&other, None, None).0, Verdict::Wrong);
        let foreign = body(FOREIGN, MINE, 2064..2065);
        assert_eq!(judge(&foreign, None, None).0, Verdict::Exposed(2));
        assert_eq!(judge(&body(MINE, OTHER, 2064..2080), None, None).0, Verdict::Wrong);
        assert_eq!(judge(&body(MINE, FOREIGN, 2064..2080), None, None).0, Verdict::Exposed(2));
        let cut = Reply { whole: false, ..body(MINE, MINE, 2064..2070) };
        assert_eq!(judge(&cut, None, None).0, Verdict::Refused { shed: false });
        let nothing = reply(StatusCode::NOT_FOUND, "{}");
        assert_eq!(judge(&nothing, None, None).0, Verdict::Refused { shed: false });
    }

    #[test]
    fn a_page_has_what_was_acknowledged_in_order_and_once() {
        let town = town();
        let detector = Detector { town: &town, household: 1 };
        let check = |shown: &[(Place, u32)], expected| {
            let events: Vec<_> = shown
                .iter()
                .map(|(place, number)| {
                    let id = town.event_id(*place, *number).unwrap().to_string();
                    serde_json::json!({ "id": id, "label": detector.label(*place, *number) })
                })
                .collect();
            let body = serde_json::json!({ "events": events, "next": null }).to_string();
            let verdict =
                detector.page(&reply(StatusCode::OK, body), MINE, &[2, 1, 0], |number| number == 3);
            assert_eq!(verdict, expected, "{shown:?}");
        };
        check(&[(MINE, 2), (MINE, 1), (MINE, 0)], Verdict::Right);
        check(&[(MINE, 3), (MINE, 2), (MINE, 1), (MINE, 0)], Verdict::Right);
        check(&[(MINE, 3), (MINE, 2), (MINE, 1)], Verdict::Right);
        check(&[(MINE, 2), (MINE, 0)], Verdict::Stale);
        check(&[], Verdict::Stale);
        check(&[(MINE, 2), (MINE, 2), (MINE, 1), (MINE, 0)], Verdict::Wrong);
        check(&[(MINE, 1), (MINE, 2), (MINE, 0)], Verdict::Wrong);
        check(&[(MINE, 4), (MINE, 2), (MINE, 1), (MINE, 0)], Verdict::Wrong);
        check(&[(FOREIGN, 2), (MINE, 1), (MINE, 0)], Verdict::Exposed(2));
        check(&[(OTHER, 2), (MINE, 1), (MINE, 0)], Verdict::Wrong);
    }
}
