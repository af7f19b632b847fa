//! What the demo's cameras saw: tests/media/manifest.json and the files beside it.
//!
//! It reads and checks the manifest; it must never invent footage.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use serde::Deserialize;

/// The households of the demo.
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
    /// The colour of a corner of all its stills, `#rrggbb`: a test can tell by it which camera made a picture.
    #[serde(rename = "corner_colour")]
    pub _corner_colour: String,
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
        let text = fs::read_to_string(&path).with_context(|| format!("reading {}", path.display()))?;
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

impl Manifest {
    /// How many uploads the cameras will make.
    pub fn uploads(&self) -> u64 {
        let one = |present: bool| u64::from(present);
        let of_event = |event: &Event| 1 + one(event.still.is_some()) + one(event.clip.is_some());
        let of_camera = |camera: &Camera| 1 + camera.events.iter().map(of_event).sum::<u64>();
        self.households
            .iter()
            .flat_map(|household| &household.cameras)
            .map(of_camera)
            .sum()
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
            bail!(
                "household {:?} needs a camera with an event that has a clip",
                household.name
            );
        }
    }
    Ok(manifest)
}

#[cfg(test)]
mod tests {
    use super::*;

    const EVENT: &str = r#"{"kind":"person","label":"x","duration_milliseconds":1,"minutes_ago":5,"clip":"c.mp4"}"#;

    fn household(events: &str) -> String {
        format!(
            r##"{{"name":"A","login":"a","cameras":[{{"name":"c","serial":"s","still":"s.jpg","corner_colour":"#000000","events":[{events}]}}]}}"##
        )
    }

    fn check(households: &[String], expected: Result<u64, &str>) {
        let text = format!(r#"{{"households":[{}]}}"#, households.join(","));
        match (parse(&text), expected) {
            (Ok(manifest), Ok(uploads)) => assert_eq!(manifest.uploads(), uploads),
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
