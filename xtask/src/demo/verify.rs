//! `demo --check`: checks each household as any client could. It does one login, one thumbnail, one
//! event page, one clip range, one segment of a live stream and refused foreign reads.
//!
//! INVARIANT: nothing is counted that was not compared with what the cameras sent.

use anyhow::{Context, Result, bail, ensure};
use eyesonly_harness::footage::fresh_id;
use eyesonly_harness::paths;
use eyesonly_harness::people::Session;

use super::{Camera, Demo, Household};
use crate::client::{Answer, Client};

/// A width that a phone's wall asks for, in pixels.
const THUMBNAIL_WIDTH: u32 = 320;
/// The range, in bytes. It starts and ends within the clip, and not at a chunk's edge.
const RANGE_START: usize = 1000;
const RANGE_LENGTH: usize = 2345;

/// The fragments between two key frames of a recording, and how many such groups it has.
const GROUP: u32 = 30;
const GROUPS: u32 = 4;

/// Checks every household, and prints what was checked.
///
/// Errors: a check failed. It is the first one that did.
pub fn all(demo: &Demo) -> Result<()> {
    let (client, households) = (Client::new(&demo.listening), &demo.households);
    ensure!(households.len() > 1, "with one household there is nothing foreign to ask for");
    for (index, household) in households.iter().enumerate() {
        let foreign = households.get((index + 1) % households.len()).context("no household")?;
        one(&client, household, foreign)
            .with_context(|| format!("household {:?}", household.name))?;
    }
    let (count, footage) = (households.len(), &demo.footage);
    let live = households.iter().filter(|household| live_of(household).is_some()).count();
    println!(
        "demo: ok ({footage}; {count} logins, {count} thumbnails, {count} event pages, \
         {count} clip ranges, {live} live segments, {refused} foreign reads refused)",
        refused = count + live
    );
    Ok(())
}

fn one(client: &Client, household: &Household, foreign: &Household) -> Result<()> {
    let session = client.log_in(&household.account(), false)?;
    sees_own_cameras(client, &session, household, foreign)?;
    let (camera, event, file) = clip_of(household).context("no clip was pushed")?;
    thumbnail(client, &session, camera)?;
    event_page(client, &session, camera)?;
    let clip = eyesonly_demo::file(file).with_context(|| format!("the demo has no {file}"))?;
    clip_range(client, &session, camera, event, clip)?;
    if let Some((camera, recording)) = live_of(household) {
        let file = eyesonly_demo::file(recording).context("the demo has no such recording")?;
        segment(client, &session, camera, file)?;
        let (camera, _) = live_of(foreign).context("the other household streams nothing")?;
        let path = paths::live_next(&camera.id);
        client.send(session.get(&path))?.expect_status(404, "EXPOSURE? a foreign live stream")?;
    }
    refused(client, &session, foreign)
}

/// Returns the camera that streams, and its recording.
fn live_of(household: &Household) -> Option<(&Camera, &str)> {
    household.cameras.iter().find_map(|camera| Some((camera, camera.live.as_deref()?)))
}

/// Follows a segment to its end, and compares it with what the camera streams.
fn segment(
    client: &Client,
    session: &Session,
    camera: &Camera,
    recording: &'static [u8],
) -> Result<()> {
    let answer = client.send(session.get(&paths::live_next(&camera.id)))?;
    let answer = answer.expect_status(200, "live segment")?;
    let live = eyesonly_demo::Loop::of(recording).context("the recording is broken")?;
    let media = answer.body.strip_prefix(live.init()).context("live segment: another init")?;
    // Only the times of a fragment tell one round of the recording from the next. They stand in its
    // head.
    let starts = (0..GROUPS).any(|group| {
        let key = live.fragment(group * GROUP);
        let picture = key.get(key.len() / 2..).unwrap_or_default();
        media.get(..key.len()).is_some_and(|got| got.ends_with(picture))
    });
    ensure!(starts, "live segment: other pictures than the camera streams");
    Ok(())
}

fn clip_of(household: &Household) -> Option<(&Camera, &str, &str)> {
    let events = household
        .cameras
        .iter()
        .flat_map(|camera| camera.events.iter().map(move |event| (camera, event)));
    events
        .into_iter()
        .find_map(|(camera, (event, clip))| Some((camera, event.as_str(), clip.as_deref()?)))
}

fn sees_own_cameras(
    client: &Client,
    session: &Session,
    own: &Household,
    foreign: &Household,
) -> Result<()> {
    let answer = client.send(session.get(paths::CAMERAS))?.expect_status(200, "camera list")?;
    let text = String::from_utf8_lossy(&answer.body);
    for camera in &own.cameras {
        ensure!(text.contains(&camera.id), "camera list: {:?} is missing", camera.name);
    }
    for camera in &foreign.cameras {
        ensure!(
            !text.contains(&camera.id),
            "camera list: {:?} of {:?} is in it",
            camera.name,
            foreign.name
        );
    }
    Ok(())
}

fn thumbnail(client: &Client, session: &Session, camera: &Camera) -> Result<()> {
    let path = paths::thumbnail(&camera.id, THUMBNAIL_WIDTH);
    let answer = client.send(session.get(&path))?.expect_status(200, "thumbnail")?;
    ensure!(
        answer.header("content-type") == "image/jpeg",
        "thumbnail: media type {:?}",
        answer.header("content-type")
    );
    ensure!(is_jpeg(&answer.body), "thumbnail: {} bytes that are no JPEG", answer.body.len());
    Ok(())
}

/// Says whether a body has start and end of a JPEG. A cut or crossed body does not have both.
fn is_jpeg(bytes: &[u8]) -> bool {
    bytes.starts_with(&[0xff, 0xd8, 0xff]) && bytes.ends_with(&[0xff, 0xd9])
}

fn event_page(client: &Client, session: &Session, camera: &Camera) -> Result<()> {
    let path = paths::events(&camera.id);
    let answer = client.send(session.get(&path))?.expect_status(200, "event page")?;
    serde_json::from_slice::<serde_json::Value>(&answer.body).context("event page: not JSON")?;
    let text = String::from_utf8_lossy(&answer.body);
    for (event, _) in &camera.events {
        ensure!(text.contains(event), "event page: {event} is missing");
    }
    Ok(())
}

fn clip_range(
    client: &Client,
    session: &Session,
    camera: &Camera,
    event: &str,
    clip: &[u8],
) -> Result<()> {
    let end = RANGE_START + RANGE_LENGTH;
    let expected = clip
        .get(RANGE_START..end)
        .context("the clip is shorter than the range that is asked for")?;
    let range = format!("bytes={RANGE_START}-{}", end - 1);
    let request = session.get(&paths::clip(&camera.id, event)).with("range", range);
    let answer = client.send(request)?.expect_status(206, "clip range")?;
    let content_range = format!("bytes {RANGE_START}-{}/{}", end - 1, clip.len());
    ensure!(
        answer.header("content-range") == content_range,
        "clip range: Content-Range {:?} where {content_range:?} was expected",
        answer.header("content-range")
    );
    ensure!(answer.body == expected, "clip range: other bytes than the camera sent");
    Ok(())
}

/// Checks that a foreign camera answers as one that does not exist.
fn refused(client: &Client, session: &Session, foreign: &Household) -> Result<()> {
    let camera = foreign.cameras.first().context("the other household has no camera")?;
    let ask = |id: &str| -> Result<Answer> {
        client.send(session.get(&paths::thumbnail(id, THUMBNAIL_WIDTH)))
    };
    let answer = ask(&camera.id)?.expect_status(404, "EXPOSURE? a foreign thumbnail")?;
    let absent = ask(&fresh_id())?.expect_status(404, "the thumbnail of no camera")?;
    if answer.body != absent.body {
        bail!(
            "a foreign camera answers {:?}, an absent one {:?}",
            answer.excerpt(),
            absent.excerpt()
        );
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_jpeg_has_a_start_and_an_end() {
        assert!(is_jpeg(&[0xff, 0xd8, 0xff, 0xe0, 0xff, 0xd9]));
        assert!(!is_jpeg(&[0xff, 0xd8, 0xff, 0xe0]));
        assert!(!is_jpeg(b"<html>"));
        assert!(!is_jpeg(&[]));
    }
}
