//! What the drawn cameras saw: tests/media/manifest.json and the files beside it.
//!
//! It reads and checks the manifest; it must never invent footage.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use serde::Deserialize;
use serde_json::json;

use crate::footage::id_of_time_ago;
use crate::people;
use crate::request::Request;

/// The age of a camera's newest still: young, but not from the future of a machine whose clock is
/// behind.
const STILL_AGE: Duration = Duration::from_secs(20);

/// The households.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// At least two, so that there is something foreign to ask for.
    pub households: Vec<Household>,
}

/// A household with one viewer, its owner.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Household {
    /// What people call it.
    pub name: String,
    /// Its viewer's name.
    pub login: String,
    /// At least one.
    pub cameras: Vec<Camera>,
}

/// A camera and what it has to tell.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Camera {
    /// What the household calls it.
    pub name: String,
    /// The device's serial number.
    pub serial: String,
    /// The newest still, a JPEG's file name.
    pub still: String,
    /// The colour of a corner of all its stills, `#rrggbb`: by it a test knows which camera made a
    /// picture.
    pub corner_colour: String,
    /// What happened, in any order.
    pub events: Vec<Event>,
}

/// One event.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Event {
    /// As the contract names kinds: `person`, `animal`, …
    pub kind: String,
    /// A few words.
    pub label: String,
    /// How long it lasted.
    pub duration_milliseconds: u32,
    /// How long ago it happened.
    pub minutes_ago: u64,
    /// A JPEG's file name.
    pub still: Option<String>,
    /// An MP4's file name.
    pub clip: Option<String>,
}

/// The manifest, and where its files are.
pub struct Media {
    /// What there is.
    pub manifest: Manifest,
    folder: PathBuf,
}

impl Media {
    /// Reads `tests/media/manifest.json` below `root`.
    ///
    /// Errors: it can't be read, has an unknown key, or has too little for a demo.
    pub fn load(root: &Path) -> Result<Self> {
        let folder = root.join("tests").join("media");
        let path = folder.join("manifest.json");
        let text =
            fs::read_to_string(&path).with_context(|| format!("reading {}", path.display()))?;
        let manifest = parse(&text).with_context(|| format!("reading {}", path.display()))?;
        Ok(Self { manifest, folder })
    }

    /// The bytes of a file that the manifest names.
    ///
    /// Errors: it can't be read.
    pub fn bytes(&self, name: &str) -> Result<Vec<u8>> {
        let path = self.folder.join(name);
        fs::read(&path).with_context(|| format!("reading {}", path.display()))
    }
}

/// How much cameras hand in.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Cameras.
    pub cameras: u64,
    /// Stills, those of events too.
    pub stills: u64,
    /// Descriptions of events.
    pub events: u64,
    /// Clips.
    pub clips: u64,
}

impl Counts {
    /// All uploads.
    pub fn uploads(self) -> u64 {
        self.stills + self.events + self.clips
    }
}

impl Manifest {
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
}

/// A camera's footage, as the requests that hand it in.
pub struct Footage {
    /// In this order.
    pub requests: Vec<Request>,
    /// Each event's id, and the name of its clip.
    pub events: Vec<(String, Option<String>)>,
}

impl Camera {
    /// Makes the requests by which an enrolled camera hands in all of this, as of now.
    ///
    /// Errors: a file can't be read.
    pub fn footage(&self, media: &Media, enrolled: &people::Camera) -> Result<Footage> {
        let (mut requests, mut events) = (Vec::new(), Vec::new());
        for event in &self.events {
            let id = id_of_time_ago(Duration::from_secs(event.minutes_ago.saturating_mul(60)));
            let description = json!({
                "kind": event.kind, "label": event.label, "duration_milliseconds": event.duration_milliseconds,
            });
            requests.push(enrolled.event(&id, &description));
            if let Some(still) = &event.still {
                requests.push(enrolled.event_still(&id, media.bytes(still)?));
            }
            if let Some(clip) = &event.clip {
                requests.push(enrolled.clip(&id, media.bytes(clip)?));
            }
            events.push((id, event.clip.clone()));
        }
        requests.push(enrolled.still(&id_of_time_ago(STILL_AGE), media.bytes(&self.still)?));
        Ok(Footage { requests, events })
    }
}

fn parse(text: &str) -> Result<Manifest> {
    let manifest: Manifest = serde_json::from_str(text)?;
    if manifest.households.len() < 2 {
        bail!("it needs two households or more: with one there is nothing foreign to ask for");
    }
    for household in &manifest.households {
        let has_clip = |camera: &Camera| camera.events.iter().any(|event| event.clip.is_some());
        if !household.cameras.iter().any(has_clip) {
            bail!("household {:?} needs a camera with an event that has a clip", household.name);
        }
    }
    Ok(manifest)
}

#[cfg(test)]
mod tests {
    use super::*;

    const EVENT: &str =
        r#"{"kind":"person","label":"x","duration_milliseconds":1,"minutes_ago":5,"clip":"c.mp4"}"#;

    fn household(events: &str) -> String {
        format!(
            r##"{{"name":"A","login":"a","cameras":[{{"name":"c","serial":"s","still":"s.jpg","corner_colour":"#000000","events":[{events}]}}]}}"##
        )
    }

    fn check(households: &[String], expected: Result<u64, &str>) {
        let text = format!(r#"{{"households":[{}]}}"#, households.join(","));
        match (parse(&text), expected) {
            (Ok(manifest), Ok(uploads)) => assert_eq!(manifest.counts().uploads(), uploads),
            (Err(error), Err(part)) => assert!(format!("{error:#}").contains(part), "{error:#}"),
            (Ok(_), Err(part)) => panic!("accepted, but should say {part:?}"),
            (Err(error), Ok(_)) => panic!("{error:#}"),
        }
    }

    #[test]
    fn a_manifest_has_enough_for_a_demo() {
        let whole = household(EVENT);
        check(&[whole.clone(), whole.clone()], Ok(6));
        check(std::slice::from_ref(&whole), Err("two households"));
        check(&[whole.clone(), household("")], Err("needs a camera"));
        check(&[whole.clone(), whole.replace("serial", "seriall")], Err("seriall"));
    }
}
