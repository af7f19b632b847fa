//! The town: made-up households, their cameras and all footage that there will be. Each byte of it
//! is a function of the run's seed.
//!
//! Storm's clients compare what they receive with what the town says. Nothing here comes from a
//! server. The town must never hold anything of a real household.

use crate::mark::{Mark, TEXT_BYTES, What, mix};
use crate::video;
use bytes::Bytes;
use eyesonly_seal::{CameraId, CredentialId, FootageId, HouseholdId, SessionId, ViewerId};

/// The length of every clip, in bytes: three chunks, so that there is an order to be disturbed.
pub const CLIP_BYTES: usize = 40 * 1024;
/// The length of a long clip, in bytes: three extents, so that it can be cut between them.
pub const LONG_CLIP_BYTES: usize = 3 * 1024 * 1024;
/// The distance from one mark to the next in a clip, in bytes.
pub const MARK_EVERY_BYTES: usize = 4096;
/// The distance between objects of one camera, in milliseconds.
const APART_MILLISECONDS: u64 = 10_000;
/// The age of the first object, in milliseconds.
const PAST_MILLISECONDS: u64 = 12 * 3600 * 1000;
/// Encoded videos, into which marks are spliced.
const TEMPLATES: [&[u8]; 3] = [
    include_bytes!("templates/template-1.mp4"),
    include_bytes!("templates/template-2.mp4"),
    include_bytes!("templates/template-3.mp4"),
];
/// Streets that made-up households live in.
const STREETS: [&str; 6] =
    ["Alder Lane", "Birch Row", "Cedar Close", "Dogwood Way", "Elm Street", "Fir Court"];

/// One camera of one household, by their numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Place {
    /// The household's number.
    pub household: u32,
    /// The camera's number within it.
    pub camera: u32,
}

/// A town.
#[derive(Debug, Clone)]
pub struct Town {
    /// The seed that everything follows from.
    pub seed: u64,
    /// The number of households that come back.
    pub households: u32,
    /// The number of further households, each of which looks at one long clip.
    pub streams: u32,
    /// The number of cameras of each household.
    pub cameras_each: u32,
    /// The moment when its clocks started, in milliseconds since 1970.
    pub began_milliseconds: u64,
}

impl Town {
    /// Makes a town whose footage starts 12 hours before `now_milliseconds`.
    pub fn new(
        seed: u64,
        households: u32,
        streams: u32,
        cameras_each: u32,
        now_milliseconds: u64,
    ) -> Self {
        Self {
            seed,
            households,
            streams,
            cameras_each,
            began_milliseconds: now_milliseconds.saturating_sub(PAST_MILLISECONDS),
        }
    }

    /// Returns the number of households, those with a long clip included.
    pub fn all_households(&self) -> u32 {
        self.households.saturating_add(self.streams)
    }

    /// Lists every camera of the households that come back.
    pub fn places(&self) -> impl Iterator<Item = Place> + use<> {
        self.places_of(self.households)
    }

    /// Lists every camera.
    pub fn all_places(&self) -> impl Iterator<Item = Place> + use<> {
        self.places_of(self.all_households())
    }

    fn places_of(&self, households: u32) -> impl Iterator<Item = Place> + use<> {
        let each = self.cameras_each;
        (0..households)
            .flat_map(move |household| (0..each).map(move |camera| Place { household, camera }))
    }

    /// Lists the cameras that handed in a long clip.
    pub fn streams(&self) -> impl Iterator<Item = Place> + use<> {
        (self.households..self.all_households()).map(|household| Place { household, camera: 0 })
    }

    fn id(&self, what: u64, a: u32, b: u32) -> [u8; 16] {
        let bytes =
            |salt: u64| mix(&[self.seed, what, u64::from(a), u64::from(b), salt]).to_be_bytes();
        let mut random = [0; 10];
        random
            .iter_mut()
            .zip(bytes(1).into_iter().chain(bytes(2)))
            .for_each(|(to, from)| *to = from);
        *uuid::Builder::from_unix_timestamp_millis(self.began_milliseconds, &random)
            .into_uuid()
            .as_bytes()
    }

    /// Returns a household's id.
    pub fn household_id(&self, household: u32) -> HouseholdId {
        HouseholdId::from_bytes(self.id(1, household, 0))
    }
    /// Returns the name that a household's record has. It carries a mark, so that everybody who
    /// reads it is known to have read it.
    pub fn home_name(&self, household: u32) -> String {
        let mark = Mark { household, camera: 0, what: What::Home, number: 0 };
        format!("{}, {}", self.household_name(household), mark.text(self.seed))
    }
    /// Returns the login name of a household's viewer, who is called as the household.
    pub fn household_name(&self, household: u32) -> String {
        let street = STREETS.get(household as usize % STREETS.len()).unwrap_or(&"Alder Lane");
        format!("{street} {}", household / 6 + 1)
    }
    /// Returns a camera's id.
    pub fn camera_id(&self, place: Place) -> CameraId {
        CameraId::from_bytes(self.id(2, place.household, place.camera))
    }
    /// Returns the id of a camera's credential.
    pub fn credential_id(&self, place: Place) -> CredentialId {
        CredentialId::from_bytes(self.id(3, place.household, place.camera))
    }
    /// Returns the id of a household's viewer.
    pub fn viewer_id(&self, household: u32) -> ViewerId {
        ViewerId::from_bytes(self.id(4, household, 0))
    }
    /// Returns the id of the session of a household's viewer.
    pub fn session_id(&self, household: u32) -> SessionId {
        SessionId::from_bytes(self.id(5, household, 0))
    }

    /// Returns the place of the camera of this household that has this id.
    pub fn place_of(&self, household: u32, camera: &str) -> Option<Place> {
        (0..self.cameras_each)
            .map(|camera| Place { household, camera })
            .find(|place| self.camera_id(*place).to_string() == camera)
    }

    /// Returns the start of a window, in milliseconds since 1970: the time of the still with this
    /// number. The event with the number before is older.
    pub fn window_from(&self, place: Place, number: u32) -> Option<u64> {
        self.still_id(place, number).map(|still| still.time_milliseconds())
    }

    fn footage_id(&self, place: Place, what: What, number: u32) -> Option<FootageId> {
        let late = mix(&[self.seed, u64::from(place.household), u64::from(place.camera)])
            % (APART_MILLISECONDS / 2);
        let event = u64::from(what != What::Still) * APART_MILLISECONDS / 2;
        let at = self
            .began_milliseconds
            .saturating_add(u64::from(number).saturating_mul(APART_MILLISECONDS))
            .saturating_add(late + event);
        let random = mix(&[
            self.seed,
            6,
            u64::from(place.household),
            u64::from(place.camera),
            u64::from(number),
        ]);
        let mut bytes = [0; 10];
        bytes.iter_mut().zip(random.to_be_bytes()).for_each(|(to, from)| *to = from);
        FootageId::from_time(at, bytes).ok()
    }
    /// Returns the id of a camera's still. Greater numbers have greater ids. None: the time is past
    /// what an id can have.
    pub fn still_id(&self, place: Place, number: u32) -> Option<FootageId> {
        self.footage_id(place, What::Still, number)
    }
    /// Returns the id of a camera's event.
    pub fn event_id(&self, place: Place, number: u32) -> Option<FootageId> {
        self.footage_id(place, What::Details, number)
    }

    /// Returns the mark of a piece of footage.
    pub fn mark(&self, place: Place, what: What, number: u32) -> Mark {
        Mark { household: place.household, camera: place.camera, what, number }
    }

    /// Returns a camera's name.
    pub fn camera_name(&self, place: Place) -> String {
        self.mark(place, What::Name, 0).text(self.seed)
    }
    /// Draws a still, of the camera or of an event.
    pub fn still(&self, place: Place, what: What, number: u32) -> Bytes {
        self.mark(place, what, number).still(self.seed).into()
    }
    /// Makes the init of a camera's live video.
    pub fn live_init(&self, place: Place) -> Bytes {
        video::init(&self.mark(place, What::Init, 0).text(self.seed))
    }
    /// Makes one picture of a camera's live video, as a fragment.
    pub fn live_fragment(&self, place: Place, number: u32) -> Bytes {
        video::fragment(number, &self.mark(place, What::Live, number).picture(self.seed))
    }
    /// Writes an event's description, as its camera sends it.
    pub fn details(&self, place: Place, number: u32) -> Bytes {
        let label = self.mark(place, What::Details, number).text(self.seed);
        serde_json::json!({
            "kind": "motion",
            "label": label,
            "duration_milliseconds": 1000 + number
        })
        .to_string()
        .into()
    }

    /// Makes an event's video: a template whose media data goes on with bytes of this clip alone.
    /// The clip's mark is in every 4 KiB.
    pub fn clip(&self, place: Place, number: u32) -> Bytes {
        self.clip_of(place, number, CLIP_BYTES)
    }

    /// Makes the video of the first event of a camera that hands in a long one.
    pub fn long_clip(&self, place: Place) -> Bytes {
        self.clip_of(place, 0, LONG_CLIP_BYTES)
    }

    fn clip_of(&self, place: Place, number: u32, bytes: usize) -> Bytes {
        let mark = self.mark(place, What::Clip, number);
        let code = mark.code(self.seed);
        let template =
            TEMPLATES.get(number as usize % TEMPLATES.len()).copied().unwrap_or_default();
        let mut clip = template.to_vec();
        // The media data is the last box: it grows to the end of the file.
        let data_begin = template
            .windows(4)
            .rposition(|window| window == b"mdat")
            .map_or(0, |at| at.saturating_sub(4));
        let size = u32::try_from(bytes - data_begin).unwrap_or(0).to_be_bytes();
        let field = clip.iter_mut().skip(data_begin).take(4);
        field.zip(size).for_each(|(to, from)| *to = from);
        let mut state = code;
        while clip.len() < bytes {
            state = mix(&[state]);
            clip.extend_from_slice(&state.to_be_bytes());
        }
        clip.truncate(bytes);
        let text = mark.text(self.seed);
        for block in clip.chunks_mut(MARK_EVERY_BYTES) {
            // The mark is at the end of each block, so that what stands before the media data is
            // left as it is.
            let from = block.len().saturating_sub(TEXT_BYTES);
            let end = block.iter_mut().skip(from);
            end.zip(text.bytes()).for_each(|(to, from)| *to = from);
        }
        clip.into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn town() -> Town {
        Town::new(5, 3, 1, 2, 1_800_000_000_000)
    }

    #[test]
    fn all_that_a_town_has_differs() {
        let town = town();
        let mut seen = std::collections::HashSet::new();
        for place in town.places() {
            assert!(seen.insert(town.camera_id(place).to_string()));
            assert!(seen.insert(town.camera_name(place)));
            for number in 0..5 {
                assert!(seen.insert(format!("{:?}", town.still(place, What::Still, number))));
                assert!(seen.insert(format!("{:?}", town.clip(place, number))));
                assert!(seen.insert(town.still_id(place, number).unwrap().to_string()));
                assert!(seen.insert(town.event_id(place, number).unwrap().to_string()));
                assert!(town.event_id(place, number) < town.event_id(place, number + 1));
                assert!(town.still_id(place, number) < town.still_id(place, number + 1));
            }
        }
        let again = Town::new(5, 3, 1, 2, 1_800_000_000_000);
        let place = Place { household: 2, camera: 1 };
        assert_eq!(again.clip(place, 4), town.clip(place, 4));
        assert_eq!(town.place_of(2, &town.camera_id(place).to_string()), Some(place));
        assert_eq!(town.place_of(1, &town.camera_id(place).to_string()), None);
    }

    #[test]
    fn a_clip_is_a_video_with_its_mark_in_every_block() {
        let town = town();
        let place = Place { household: 1, camera: 0 };
        for number in 0..4 {
            let (clip, bytes) = match number {
                3 => (town.long_clip(place), LONG_CLIP_BYTES),
                _ => (town.clip(place, number), CLIP_BYTES),
            };
            assert_eq!(clip.len(), bytes);
            let mark = town.mark(place, What::Clip, number % 3);
            for block in clip.chunks(MARK_EVERY_BYTES) {
                assert_eq!(Mark::find(block, town.seed), [mark]);
            }
            let mut form = eyesonly_service::ingest::Mp4Form::default();
            form.push(&clip).and_then(|()| form.end()).unwrap();
        }
    }
}
