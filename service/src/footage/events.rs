//! Events: pages and details are built only from rows whose details opened under the grant.

use super::{Footage, FootageError, page};
use crate::acknowledged::withheld;
use eyesonly_gate::rules::EVENTS_MAX;
use eyesonly_gate::vault::{ObjectRow, State};
use eyesonly_gate::{Asked, Grant, Located};
use eyesonly_rights::Fault;
use eyesonly_seal::{FootageId, Kind, SlotName};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};
use std::collections::HashSet;
use std::sync::Arc;

/// The kinds of event that there are.
pub const EVENT_KINDS: [&str; 8] =
    ["motion", "person", "vehicle", "animal", "package", "doorbell", "sound", "other"];
/// The longest label, in characters.
pub const LABEL_CHARACTERS_MAX: usize = 200;

/// Says whether a text is shown as it is written. Such a text has no control characters, and none
/// that end a line or turn the direction of the text beside them.
pub fn is_plain_text(text: &str) -> bool {
    let turns = |c: char| {
        matches!(
            c,
            '\u{61c}'
                | '\u{200e}'
                | '\u{200f}'
                | '\u{2028}'
                | '\u{2029}'
                | '\u{202a}'..='\u{202e}'
                | '\u{2066}'..='\u{2069}'
        )
    };
    !text.chars().any(|c| c.is_control() || turns(c))
}

/// A camera's description of an event: JSON, sealed as the event's details.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EventDetails {
    /// One of [`EVENT_KINDS`].
    pub kind: String,
    /// Free text, at most [`LABEL_CHARACTERS_MAX`] characters.
    #[serde(default, deserialize_with = "text_or_null")]
    pub label: String,
    /// The length of the event.
    #[serde(default, deserialize_with = "whole_number")]
    pub duration_milliseconds: Option<u32>,
}

/// Reads a text, which counts as empty if it is null.
fn text_or_null<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

/// Reads a whole number, however it is written: JSON has one kind of number (RFC 8259, 6), and
/// 8000, 8000.0 and 8e3 are the same.
fn whole_number<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u32>, D::Error> {
    let Some(number) = Option::<f64>::deserialize(deserializer)? else {
        return Ok(None);
    };
    // Each u32 is a number of the type f64 too.
    if number.fract() == 0.0 && (0.0..=f64::from(u32::MAX)).contains(&number) {
        Ok(Some(number as u32))
    } else {
        Err(D::Error::custom("a duration is a whole number of milliseconds, at most 4294967295"))
    }
}

/// An event as a handler sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventSummary {
    /// The event's id.
    pub id: String,
    /// The time in the event's id.
    pub time_milliseconds: u64,
    /// One of [`EVENT_KINDS`].
    pub kind: String,
    /// Free text.
    pub label: String,
    /// The length of the event.
    pub duration_milliseconds: Option<u32>,
    /// True if there is a still that the grant covers.
    pub has_still: bool,
    /// True if there is a clip that the grant covers.
    pub has_clip: bool,
}

/// A page of events, newest first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventPage {
    /// The events, at most as many as were asked for.
    pub events: Vec<EventSummary>,
    /// The event before which the next page starts, if there is a next page.
    pub next: Option<String>,
}

/// The events of a page, newest first. An event that the grant does not cover has no details.
type Page = Vec<(FootageId, Option<EventDetails>)>;

impl Footage {
    /// Returns a page of the camera's events.
    pub async fn events(
        self: &Arc<Self>,
        grant: &Arc<Grant>,
        before: Option<FootageId>,
        limit: u32,
    ) -> Result<EventPage, FootageError> {
        match limit {
            0 => return Err(FootageError::Invalid),
            1..=EVENTS_MAX => {}
            _ => return Err(FootageError::Limit),
        }
        if !grant.kinds().events {
            return Ok(EventPage { events: Vec::new(), next: None });
        }
        let limit = limit as usize;
        // One event more than was asked for tells whether there is a next page.
        let asked = limit.saturating_add(1);
        let opened = self.page(grant, until(grant, before), asked).await?;
        // What is not covered is older than the window: neither is it shown, nor is it a cursor.
        let covered = opened.into_iter().filter_map(|(id, details)| Some((id, details?)));
        let mut covered: Vec<_> = covered.collect();
        let more = covered.len() > limit;
        covered.truncate(limit);
        let next = covered.last().filter(|_| more).map(|(id, _)| id.to_string());
        let events = self.summaries(grant, covered).await?;
        Ok(EventPage { events, next })
    }

    /// Returns a page that proves itself and omits no event that is known to be there.
    async fn page(
        &self,
        grant: &Arc<Grant>,
        before: Option<FootageId>,
        asked: usize,
    ) -> Result<Page, FootageError> {
        let camera = grant.camera();
        for _ in 0..crate::catalogue::ASKS_MAX {
            let known = self.catalogue.acknowledged().of(camera);
            let opened = self
                .catalogue
                .ask(
                    camera,
                    |nonce| self.catalogue.index().events(camera, before, asked, nonce),
                    |rows| open_page(grant, before, asked, rows),
                )
                .await?;
            let shown: Vec<FootageId> = opened.iter().map(|(id, _)| *id).collect();
            let withheld = withheld(&known, before, asked, &shown);
            if withheld.is_empty() || !self.are_withheld(grant, &withheld).await? {
                return Ok(opened);
            }
            self.catalogue.reject(Fault::Missing, Some(camera));
        }
        Err(FootageError::Unavailable)
    }

    /// Says whether the index omits an event that was acknowledged here, without a proven
    /// tombstone. If another process has deleted the event, this process forgets the event. An
    /// event that the grant does not cover is not checked, since it would not be shown.
    async fn are_withheld(
        &self,
        grant: &Arc<Grant>,
        ids: &[FootageId],
    ) -> Result<bool, FootageError> {
        for asked in ids.iter().filter_map(|id| grant.ask(Kind::Event, *id)) {
            let slot = asked.slot().map_err(|_| FootageError::Invalid)?;
            let state = self
                .catalogue
                .row(asked.camera(), slot, |row| row.map(|row| asked.prove(row)).transpose())
                .await?;
            if state != Some(State::Deleted) {
                return Ok(true);
            }
            self.catalogue.acknowledged().forget(asked.camera(), asked.id());
        }
        Ok(false)
    }

    /// Returns one event.
    pub async fn event(
        self: &Arc<Self>,
        grant: &Arc<Grant>,
        id: FootageId,
    ) -> Result<EventSummary, FootageError> {
        let asked = grant.ask(Kind::Event, id).ok_or(FootageError::NotFound)?;
        let slot = asked.slot().map_err(|_| FootageError::Invalid)?;
        let is_known = self.catalogue.acknowledged().of(asked.camera()).contains(&id);
        let details = self
            .catalogue
            .row(asked.camera(), slot, |row| match row {
                None if is_known => Err(Fault::Missing),
                None => Ok(None),
                Some(row) => {
                    asked.locate(row)?.map(|located| open_details(&located, row)).transpose()
                }
            })
            .await?
            .ok_or(FootageError::NotFound)?;
        self.summaries(grant, vec![(id, details)]).await?.pop().ok_or(FootageError::NotFound)
    }

    /// Adds to each event whether it has a still and a clip that the grant covers.
    async fn summaries(
        &self,
        grant: &Arc<Grant>,
        events: Vec<(FootageId, EventDetails)>,
    ) -> Result<Vec<EventSummary>, FootageError> {
        let mut wanted = Vec::new();
        for (id, _) in &events {
            for kind in [Kind::EventStill, Kind::Clip] {
                if let Some(asked) = grant.ask(kind, *id) {
                    wanted.push((asked.slot().map_err(|_| FootageError::Invalid)?, asked));
                }
            }
        }
        let slots: Vec<SlotName> = wanted.iter().map(|(slot, _)| *slot).collect();
        let there = if slots.is_empty() {
            HashSet::new()
        } else {
            self.catalogue
                .ask(
                    grant.camera(),
                    |nonce| self.catalogue.index().objects(&slots, nonce),
                    |rows| which_are_live(&wanted, rows),
                )
                .await?
        };
        Ok(events
            .into_iter()
            .map(|(id, details)| EventSummary {
                id: id.to_string(),
                time_milliseconds: id.time_milliseconds(),
                kind: details.kind,
                label: details.label,
                duration_milliseconds: details.duration_milliseconds,
                has_still: there.contains(&(Kind::EventStill, id)),
                has_clip: there.contains(&(Kind::Clip, id)),
            })
            .collect())
    }
}

/// Returns the cursor of a page, which does not lie after the grant's window.
fn until(grant: &Grant, before: Option<FootageId>) -> Option<FootageId> {
    let last = grant.window().until_milliseconds;
    let after = last.and_then(|last| FootageId::from_time(last.saturating_add(1), [0; 10]).ok());
    match (before, after) {
        (Some(before), Some(after)) => Some(before.min(after)),
        (before, after) => before.or(after),
    }
}

/// Opens a page. Each row must be an event of this camera, and the rows must be in the order that
/// was asked for.
fn open_page(
    grant: &Arc<Grant>,
    before: Option<FootageId>,
    limit: usize,
    rows: &[ObjectRow],
) -> Result<Page, Fault> {
    page::in_order(before, limit, rows.iter().map(|row| row.id))?;
    let open = |row: &ObjectRow| {
        let (id, located) = grant.prove_event(row)?;
        let details = located.map(|located| open_details(&located, row)).transpose()?;
        Ok((id, details))
    };
    rows.iter().map(open).collect()
}

fn open_details(located: &Located, row: &ObjectRow) -> Result<EventDetails, Fault> {
    let plain = located.open_inline(row)?;
    let details = serde_json::from_slice(plain.bytes()).map_err(|_| Fault::WrongSeal);
    plain.wipe();
    details
}

fn which_are_live(
    wanted: &[(SlotName, Asked)],
    rows: &[ObjectRow],
) -> Result<HashSet<(Kind, FootageId)>, Fault> {
    let mut live = HashSet::new();
    for row in rows {
        let asked = wanted.iter().find(|(slot, _)| *slot == row.slot);
        let (_, asked) = asked.ok_or(Fault::WrongAnswer)?;
        if asked.prove(row)? == State::Live {
            live.insert((asked.kind(), asked.id()));
        }
    }
    Ok(live)
}
