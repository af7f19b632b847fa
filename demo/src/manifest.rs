//! The manifest: households, cameras and events.

use serde::Deserialize;

/// The households.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// At least two households, so that there is something foreign to ask for.
    pub households: Vec<Household>,
}

/// A household with one viewer, its owner.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Household {
    /// The name that people use.
    pub name: String,
    /// The login name of its viewer.
    pub login: String,
    /// Its cameras, at least one.
    pub cameras: Vec<Camera>,
}

/// A camera and its footage.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Camera {
    /// The household's name for the camera.
    pub name: String,
    /// The device's serial number.
    pub serial: String,
    /// The file name of the newest still, a JPEG.
    pub still: String,
    /// The colour of a corner of all its stills, `#rrggbb`. By that colour a test knows which
    /// camera made a picture.
    pub corner_colour: String,
    /// The file name of what it sends as its live stream, a fragmented MP4 without sound.
    #[serde(default)]
    pub live: Option<String>,
    /// The events, in any order.
    pub events: Vec<Event>,
}

/// One event.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Event {
    /// The kind, as the contract names it: `person`, `animal`, …
    pub kind: String,
    /// A few words about the event.
    pub label: String,
    /// The length of the event.
    pub duration_milliseconds: u32,
    /// The age of the event.
    pub minutes_ago: u64,
    /// The file name of the event's still, a JPEG.
    pub still: Option<String>,
    /// The file name of the event's clip, an MP4.
    pub clip: Option<String>,
}

/// The counts of what cameras hand in.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// The cameras.
    pub cameras: u64,
    /// The stills, those of events too.
    pub stills: u64,
    /// The descriptions of events.
    pub events: u64,
    /// The clips.
    pub clips: u64,
}

impl Counts {
    /// Counts all uploads.
    pub fn uploads(self) -> u64 {
        self.stills + self.events + self.clips
    }
}

impl Manifest {
    /// Reads the manifest of this crate.
    ///
    /// # Errors
    /// The manifest has a wrong form. A test of this crate reads it.
    pub fn load() -> Result<Self, serde_json::Error> {
        serde_json::from_str(include_str!("../media/manifest.json"))
    }

    /// Counts what the cameras hand in.
    pub fn counts(&self) -> Counts {
        let mut counts = Counts::default();
        for camera in self.households.iter().flat_map(|household| &household.cameras) {
            counts.cameras += 1;
            counts.stills += 1;
            for event in &camera.events {
                counts.events += 1;
                counts.stills += u64::from(event.still.is_some());
                counts.clips += u64::from(event.clip.is_some());
            }
        }
        counts
    }

    /// Says what the cameras hand in.
    pub fn told(&self) -> String {
        let counts = self.counts();
        format!(
            "{} households, {} cameras, {} stills, {} events, {} clips",
            self.households.len(),
            counts.cameras,
            counts.stills,
            counts.events,
            counts.clips
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_manifest_has_enough_for_a_demo_and_every_file_is_there() {
        let manifest = Manifest::load().unwrap();
        assert!(manifest.households.len() >= 2, "there is something foreign to ask for");
        for household in &manifest.households {
            let events = household.cameras.iter().flat_map(|camera| &camera.events);
            assert!(events.clone().any(|event| event.clip.is_some()), "{}", household.name);
            let stills = household.cameras.iter().map(|camera| &camera.still);
            let of_events = events.flat_map(|event| event.still.iter().chain(&event.clip));
            for name in stills.chain(of_events) {
                assert!(crate::file(name).is_some(), "{name}");
            }
        }
        assert!(crate::file("make.py").is_none());
    }

    #[test]
    fn an_unknown_key_is_an_error() {
        let error = serde_json::from_str::<Manifest>(r#"{"households":[],"more":1}"#).unwrap_err();
        assert!(error.to_string().contains("more"), "{error}");
    }
}
