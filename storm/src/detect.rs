//! The detector: it judges an answer by its bytes and by what the town says alone.
//!
//! It knows nothing of the server. An answer that shows a mark of somebody else is an exposure,
//! whatever its status or its headers say. It is none if the camera is shared with the viewer, who
//! may have had the right to this very thing at some moment of the request.

mod shared;
#[cfg(test)]
mod tests;

use crate::client::Reply;
use crate::mark::{Mark, What};
use crate::shares::{Given, Right};
use crate::town::{Place, Town};
use crate::video::{self, GROUP, NUMBERS};
use axum::body::Bytes;
use axum::http::StatusCode;
use serde::Deserialize;
use std::ops::RangeInclusive;

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
    /// Something of this household's camera that is or was shared with the viewer, outside of what
    /// they had: an exposure through the share.
    Outside(u32),
    /// An answer of the past, or one without what was acknowledged. Also footage that went on to
    /// its end after its right was taken.
    Stale,
    /// Bytes of nobody, or of another object of the viewer's own.
    Wrong,
}

impl Verdict {
    /// Returns the household that was exposed, if one was.
    pub fn exposes(self) -> Option<u32> {
        match self {
            Self::Exposed(of) | Self::Outside(of) => Some(of),
            _ => None,
        }
    }
}

/// Says whether the viewer had the right to something, while a request was under way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sure {
    /// All the time.
    Yes,
    /// At some moment, as far as is known.
    Maybe,
    /// At no moment.
    No,
}

impl Sure {
    /// Softens the verdict on an answer. Where the right may have ended, the answer may be refused,
    /// and may lack what is not the viewer's any more.
    pub fn soften(self, verdict: Verdict) -> Verdict {
        match verdict {
            Verdict::Refused { .. } | Verdict::Stale if self == Self::Maybe => Verdict::Right,
            _ => verdict,
        }
    }
}

/// The judge of the answers to one viewer.
pub struct Detector<'a> {
    /// The town, which says what there is.
    pub town: &'a Town,
    /// The household whose own viewer asks.
    pub household: u32,
    /// What the viewer had of others' cameras while the request was under way.
    pub given: Vec<Given>,
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
impl<'a> Detector<'a> {
    /// Makes the judge of the answers to a viewer who has nothing of others.
    pub fn new(town: &'a Town, household: u32) -> Self {
        Self { town, household, given: Vec::new() }
    }

    fn given(&self, place: Place) -> Option<&Given> {
        self.given.iter().find(|given| given.place == place)
    }

    /// Returns what the viewer had of another household's camera all the time.
    pub fn had(&self, place: Place) -> Option<Right> {
        self.given(place)?.must
    }

    /// Says whether the viewer had the right to what has one of these numbers.
    pub fn sure(&self, place: Place, what: What, numbers: RangeInclusive<u32>) -> Sure {
        if place.household == self.household {
            return Sure::Yes;
        }
        let Some(given) = self.given(place) else { return Sure::No };
        let covers = |right: &Right, number| right.covers(what, number);
        if given.must.is_some_and(|right| numbers.clone().all(|number| covers(&right, number))) {
            Sure::Yes
        } else if given.may.iter().any(|right| numbers.clone().any(|number| covers(right, number)))
        {
            Sure::Maybe
        } else {
            Sure::No
        }
    }

    /// Says whether the viewer had the right to what carries this mark, at some moment.
    fn may_see(&self, mark: &Mark) -> bool {
        let mut given = self.given.iter().filter(|given| is_of(mark, given.place));
        mark.household == self.household
            || given.any(|given| given.may.iter().any(|r| r.covers(mark.what, mark.number)))
    }

    /// Returns an exposure by a mark that the viewer may not see, if there is one. One of somebody
    /// who shares nothing with the viewer weighs more.
    fn foreign(&self, marks: &[Mark]) -> Option<Verdict> {
        let foreign = marks.iter().filter(|mark| !self.may_see(mark));
        let verdicts = foreign.map(|mark| {
            let is_shared = self.given.iter().any(|given| is_of(mark, given.place));
            exposure(mark.household, is_shared)
        });
        let verdicts: Vec<Verdict> = verdicts.collect();
        let exposed = verdicts.iter().find(|verdict| matches!(verdict, Verdict::Exposed(_)));
        exposed.or(verdicts.first()).copied()
    }

    /// Makes the verdict on something of a camera that the viewer may not see.
    fn exposure(&self, of: Place) -> Verdict {
        exposure(of.household, self.given(of).is_some())
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
    /// or for what ended or was revoked. `of` is the camera that would be shown.
    pub fn nothing(&self, reply: &Reply, of: Place) -> Verdict {
        if let Some(exposed) = self.exposed(&reply.body) {
            return exposed;
        }
        let marked = !Mark::find(&reply.body, self.town.seed).is_empty()
            || Mark::in_still(&reply.body, self.town.seed).is_some();
        if reply.status.is_success() && (marked || of.household != self.household) {
            self.exposure(of)
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

    /// Judges the list of cameras. `places` are those of the viewer's own.
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
        let mut found = list.cameras.into_iter().map(|camera| (camera.id, camera.name));
        if !found.by_ref().take(places.len()).eq(expected) {
            return Verdict::Wrong;
        }
        // What is shared comes after.
        let shared: Vec<(String, String)> = found.collect();
        let name = |given: &Given| {
            (self.town.camera_id(given.place).to_string(), self.town.camera_name(given.place))
        };
        let may: Vec<_> = self.given.iter().filter(|given| given.may_share()).map(name).collect();
        let mut must = self.given.iter().filter(|given| given.must_share()).map(name);
        if must.all(|had| shared.contains(&had)) && shared.iter().all(|had| may.contains(had)) {
            Verdict::Right
        } else {
            Verdict::Wrong
        }
    }

    /// Judges a still. `newest` are the numbers that the newest still may have. For an event's
    /// still, it is the very number.
    pub fn still(
        &self,
        reply: &Reply,
        place: Place,
        what: What,
        newest: RangeInclusive<u32>,
    ) -> Verdict {
        if let Some(verdict) = self.before(reply) {
            return verdict;
        }
        match Mark::in_still(&reply.body, self.town.seed) {
            Some(mark) if is_of(&mark, place) && mark.what == what => {
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
    /// video, too. A guest is exposed to what reached the server after the share was taken back.
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
            let is_after = live.until.is_some_and(|until| at >= until);
            if is_after && place.household != self.household {
                return (self.exposure(place), last);
            }
            if is_after || live.begun - at > OLD {
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

/// Says whether a mark is one of this camera, or of its household's name.
fn is_of(mark: &Mark, place: Place) -> bool {
    mark.household == place.household && (mark.what == What::Home || mark.camera == place.camera)
}

fn exposure(of: u32, is_shared: bool) -> Verdict {
    if is_shared { Verdict::Outside(of) } else { Verdict::Exposed(of) }
}
