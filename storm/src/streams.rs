//! Streams: clips that are on their way when their right is taken.
//!
//! Each viewer reads the start of a long clip on a slow line. Then their camera is taken from them,
//! or they sign out. Some are guests, from whom the owner takes the camera back. Once that is
//! acknowledged, they read on. The server has to cut the clip before its end.

use crate::arena::Arena;
use crate::client::{Ask, Client};
use crate::detect::Verdict;
use crate::load::Crowd;
use crate::shares::Held;
use crate::sharing::take_back;
use crate::tally::{Ended, Tally};
use crate::town::Place;
use axum::http::StatusCode;
use eyesonly_service::clock;
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
        let shared = crowd.shares.by(place.household).next();
        let reader = shared.map_or(place.household, |held| held.share.guest);
        let ended = match one(crowd, arena, &client, (nth, place, shared)).await? {
            Some(verdict) => {
                crowd.note(reader, verdict, false, tally);
                Ended::Answered(verdict)
            }
            None => Ended::Unanswered,
        };
        tally.count(reader, true, Some(begun), ended);
    }
    Ok(())
}

async fn one(
    crowd: &Crowd,
    arena: &Arena,
    client: &Client,
    (nth, place, shared): (usize, Place, Option<&Held>),
) -> anyhow::Result<Option<Verdict>> {
    let (town, since) = (&crowd.town, clock::now_milliseconds());
    let reader = shared.map_or(place.household, |held| held.share.guest);
    let (Some((credential, prefix)), Some(event)) =
        (crowd.viewers.get(reader as usize), town.event_id(place, 0))
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
    let is_taken = if let Some(held) = shared {
        take_back(crowd, arena, held).await?
    } else if nth.is_multiple_of(2) {
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
    Ok(Some(crowd.detector(reader, since).stream(&reply, place)))
}
