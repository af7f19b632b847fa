//! A camera's footage as uploads: plain data that every client sends by its own means.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use serde_json::json;
use uuid::{NoContext, Timestamp, Uuid};

use crate::{Camera, file};

/// The age of a camera's newest still: young, but not from the future of a machine whose clock is
/// behind.
const STILL_AGE: Duration = Duration::from_secs(20);

/// One upload of a camera.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Upload {
    /// The path below `/v1/ingest/`.
    pub path: String,
    /// The media type, such as `image/jpeg`.
    pub media_type: &'static str,
    /// The body.
    pub body: Bytes,
}

/// The footage that a camera hands in.
#[derive(Debug)]
pub struct Footage {
    /// The uploads, in the order in which they are sent.
    pub uploads: Vec<Upload>,
    /// Each event's id, and the name of its clip.
    pub events: Vec<(String, Option<String>)>,
}

impl Footage {
    /// Makes the upload of the newest still once more, as one of this moment.
    pub fn still_of_now(&self) -> Option<Upload> {
        let still = self.uploads.iter().find(|upload| upload.path.starts_with("stills/"))?;
        let path = format!("stills/{}", id_of_time_ago(Duration::ZERO));
        Some(Upload { path, ..still.clone() })
    }
}

impl Camera {
    /// Makes the uploads by which the camera hands in its footage, with ages counted from now. A
    /// file that is not in this crate is left out.
    pub fn footage(&self) -> Footage {
        let (mut uploads, mut events) = (Vec::new(), Vec::new());
        let mut add = |path: String, media_type, name: &str| {
            if let Some(bytes) = file(name) {
                let body = Bytes::from_static(bytes);
                uploads.push(Upload { path, media_type, body });
            }
        };
        let mut descriptions = Vec::new();
        for event in &self.events {
            let id = id_of_time_ago(Duration::from_secs(event.minutes_ago.saturating_mul(60)));
            let description = json!({
                "kind": event.kind,
                "label": event.label,
                "duration_milliseconds": event.duration_milliseconds,
            });
            descriptions.push(Upload {
                path: format!("events/{id}"),
                media_type: "application/json",
                body: description.to_string().into(),
            });
            if let Some(still) = &event.still {
                add(format!("events/{id}/still"), "image/jpeg", still);
            }
            if let Some(clip) = &event.clip {
                add(format!("events/{id}/clip"), "video/mp4", clip);
            }
            events.push((id, event.clip.clone()));
        }
        add(format!("stills/{}", id_of_time_ago(STILL_AGE)), "image/jpeg", &self.still);
        // An event's description comes before its footage.
        descriptions.append(&mut uploads);
        Footage { uploads: descriptions, events }
    }
}

/// Makes the id of footage of that age: a UUIDv7 whose time is the footage's.
pub fn id_of_time_ago(ago: Duration) -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let time = now.saturating_sub(ago);
    Uuid::new_v7(Timestamp::from_unix(NoContext, time.as_secs(), time.subsec_nanos())).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Manifest;

    #[test]
    fn every_upload_of_the_manifest_is_made() {
        let manifest = Manifest::load().unwrap();
        let cameras = manifest.households.iter().flat_map(|household| &household.cameras);
        let uploads: Vec<Upload> = cameras.flat_map(|camera| camera.footage().uploads).collect();
        assert_eq!(uploads.len() as u64, manifest.counts().uploads());
        let mut paths: Vec<&str> = uploads.iter().map(|upload| upload.path.as_str()).collect();
        paths.sort_unstable();
        paths.dedup();
        assert_eq!(paths.len(), uploads.len(), "no id is made twice");
    }
}
