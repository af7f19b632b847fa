//! The verdicts on what people are told of sharing: their lists, and what an invitation shows.

#[cfg(test)]
mod tests;

use super::{Detector, Sure, Verdict};
use crate::client::Reply;
use crate::mark::{Mark, What};
use crate::shares::{Given, Right};
use crate::town::Place;
use serde::Deserialize;

#[derive(Deserialize)]
struct Sharing {
    households: Vec<Owned>,
    given: Vec<Had>,
}
#[derive(Deserialize)]
struct Owned {
    shares: Vec<Listed>,
}
#[derive(Deserialize, PartialEq, Eq)]
struct Listed {
    camera: String,
    viewer: String,
}
#[derive(Deserialize)]
struct Had {
    camera: String,
}

impl Detector<'_> {
    /// Judges the list of what a viewer shares and was given. `owned` are the shares of the
    /// viewer's own household: the camera, the guest's household, and whether the share is there.
    pub fn sharing(&self, reply: &Reply, owned: &[(Place, u32, Sure)]) -> Verdict {
        if let Some(verdict) = self.before(reply) {
            return verdict;
        }
        let Ok(list) = serde_json::from_slice::<Sharing>(&reply.body) else {
            return Verdict::Wrong;
        };
        let listed: Vec<Listed> = list.households.into_iter().flat_map(|one| one.shares).collect();
        let expected = owned.iter().map(|(place, guest, sure)| {
            let camera = self.town.camera_id(*place).to_string();
            (Listed { camera, viewer: self.town.viewer_id(*guest).to_string() }, *sure)
        });
        let expected: Vec<(Listed, Sure)> = expected.collect();
        let known = |share: &Listed| expected.iter().any(|(known, _)| known == share);
        let fits = |(share, sure): &(Listed, Sure)| match sure {
            Sure::Yes => listed.contains(share),
            Sure::Maybe => true,
            Sure::No => !listed.contains(share),
        };
        let has = |given: &Given| {
            let camera = self.town.camera_id(given.place).to_string();
            let is_listed = list.given.iter().any(|had| had.camera == camera);
            if is_listed { given.may_share() } else { !given.must_share() }
        };
        if !listed.iter().all(known) || list.given.len() > self.given.len() {
            Verdict::Wrong
        } else if expected.iter().all(fits) && self.given.iter().all(has) {
            Verdict::Right
        } else {
            Verdict::Stale
        }
    }

    /// Judges what the token of an invitation to a camera shows: the names of the household and of
    /// the camera, as long as nobody has asked with it.
    pub fn offer(&self, reply: &Reply, place: Place) -> Verdict {
        let sure = match self.given(place) {
            Some(Given { must: Some(Right::NAMES), .. }) => Sure::Yes,
            Some(given) if given.may.contains(&Right::NAMES) => Sure::Maybe,
            _ => Sure::No,
        };
        if let Some(verdict) = self.before(reply) {
            let is_refused = matches!(verdict, Verdict::Refused { .. });
            return if is_refused && sure != Sure::Yes { Verdict::Right } else { verdict };
        }
        let names = [(What::Home, 0), (What::Name, place.camera)];
        let names = names.map(|(what, camera)| Mark {
            household: place.household,
            camera,
            what,
            number: 0,
        });
        let shown = Mark::find(&reply.body, self.town.seed);
        let is_it = names.iter().all(|name| shown.contains(name))
            && shown.iter().all(|mark| names.contains(mark));
        match (sure, is_it) {
            // Somebody has asked with it, or it was taken back.
            (Sure::No, _) => Verdict::Stale,
            (_, true) => Verdict::Right,
            (_, false) => Verdict::Wrong,
        }
    }
}
