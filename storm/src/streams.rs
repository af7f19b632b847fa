//! Streams: clips that are on their way when their right is taken.
//!
//! Each viewer reads the start of a long clip on a slow line. Then their camera is taken from them,
//! or they sign out. Once that is acknowledged, they read on. The server has to cut the clip before
//! its end.

use crate::arena::Arena;
use crate::client::{Ask, Client};
use crate::detect::{Detector, Verdict};
use crate::load::Crowd;
use crate::tally::{Ended, Tally};
use crate::town::Place;
use axum::http::StatusCode;
use std::time::Instant;

/// The bytes that are read before the right is taken: well within the first extent.
const START_BYTES: usize = 64 * 1024;
/// The most times that a viewer asks for the clip until it starts to come.
const TRIES_MAX: u32 = 8;

/// Lets every viewer of a long clip look at it, one after the other.
///
/// # Errors
/// The registry does not take a revocation.
pub async fn run(crowd: &Crowd, arena: &Arena, tally: &Tally) -> anyhow::Result<()> {
    // No cache stands in front: what a cache has read can't be cut any more.
    let client = Client::new(arena.address);
    for (nth, place) in crowd.town.streams().enumerate() {
        let begun = Instant::now();
        let ended = match one(crowd, arena, &client, (nth, place)).await? {
            Some(verdict) => Ended::Answered(verdict),
            None => Ended::Unanswered,
        };
        tally.count(place.household, true, Some(begun), ended);
    }
    Ok(())
}

async fn one(
    crowd: &Crowd,
    arena: &Arena,
    client: &Client,
    (nth, place): (usize, Place),
) -> anyhow::Result<Option<Verdict>> {
    let town = &crowd.town;
    let (Some((credential, prefix)), Some(event)) =
        (crowd.viewers.get(place.household as usize), town.event_id(place, 0))
    else {
        return Ok(None);
    };
    let path = format!("{prefix}/cameras/{}/events/{event}/clip", town.camera_id(place));
    let ask = Ask::get(path, credential);
    let mut reading = None;
    for _ in 0..TRIES_MAX {
        reading = client.ask_slowly(&ask).await;
        if reading.as_ref().is_some_and(|reading| reading.status() == StatusCode::OK) {
            break;
        }
    }
    let Some(mut reading) = reading else {
        return Ok(None);
    };
    reading.on(START_BYTES).await;
    let is_taken = if nth.is_multiple_of(2) {
        arena.revoke(town, place).await?;
        true
    } else {
        crowd.sign_out(place.household).await
    };
    reading.on(usize::MAX).await;
    let reply = reading.reply();
    if !is_taken || !reply.status.is_success() {
        return Ok(Some(Verdict::Refused { shed: false }));
    }
    Ok(Some(Detector { town, household: place.household }.stream(&reply, place)))
}
