//! Events: pages and details, built only from rows whose details opened under the grant.

use super::acknowledged::missed;
use super::{Footage, FootageError};
use crate::defence::{self, Defence};
use crate::grant::{Grant, Scope};
use crate::index::ObjectRow;
use crate::ledger::{Fault, Seam};
use crate::vault::{self, Asked, Located, Proven, SealedExtent};
use bytes::Bytes;
use eyesonly_seal::format::HEADER_BYTES;
use eyesonly_seal::{FootageId, Kind, SlotName};
use serde::{Deserialize, Serialize};
use std::collections::HashSet;
use std::sync::Arc;

/// What an event can be.
pub const EVENT_KINDS: [&str; 8] = [
    "motion", "person", "vehicle", "animal", "package", "doorbell", "sound", "other",
];
/// Longest label in characters.
pub const LABEL_CHARACTERS_MAX: usize = 200;

/// Whether a text is shown as it is written: no control characters, and none that turn the direction of what stands beside it.
pub fn is_plain_text(text: &str) -> bool {
    let turns =
        |c: char| matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    !text.chars().any(|c| c.is_control() || turns(c))
}
/// Most events in one page.
const PAGE_MAX: u32 = 100;

/// What a camera says of an event: JSON, sealed as the event's details.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EventDetails {
    /// One of [`EVENT_KINDS`].
    pub kind: String,
    /// Free text, at most [`LABEL_CHARACTERS_MAX`] characters.
    #[serde(default)]
    pub label: String,
    /// How long it lasted.
    #[serde(default)]
    pub duration_milliseconds: Option<u32>,
}

/// An event as a handler sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventSummary {
    /// Its id.
    pub id: String,
    /// Its id's own time.
    pub time_milliseconds: u64,
    /// One of [`EVENT_KINDS`].
    pub kind: String,
    /// Free text.
    pub label: String,
    /// How long it lasted.
    pub duration_milliseconds: Option<u32>,
    /// There is a still that the grant reaches.
    pub has_still: bool,
    /// There is a clip that the grant reaches.
    pub has_clip: bool,
}

/// Events, newest first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventPage {
    /// At most as many as were asked for.
    pub events: Vec<EventSummary>,
    /// Where the next page starts.
    pub next: Option<String>,
}

impl Footage {
    /// A page of the camera's events. FROM GUEST: `before`, `limit`.
    ///
    /// # Errors
    /// [`FootageError`].
    pub async fn events(
        self: &Arc<Self>,
        grant: &Arc<Grant>,
        before: Option<&str>,
        limit: u32,
    ) -> Result<EventPage, FootageError> {
        let before = before
            .map(FootageId::parse)
            .transpose()
            .map_err(|_| FootageError::Invalid)?;
        match limit {
            0 => return Err(FootageError::Invalid),
            1..=PAGE_MAX => {}
            _ => return Err(FootageError::Limit),
        }
        if !grant.kinds().events {
            return Ok(EventPage {
                events: Vec::new(),
                next: None,
            });
        }
        let (scope, limit) = (grant.scope(), limit as usize);
        // One more than asked for tells whether there is a next page.
        let asked = limit.saturating_add(1);
        let mut opened = self.page(scope, before, asked).await?;
        let more = opened.len() > limit;
        opened.truncate(limit);
        let next = opened.last().filter(|_| more).map(|(id, _)| id.to_string());
        opened.retain(|(id, _)| grant.covers(Kind::Event, *id));
        let events = self.summaries(grant, opened).await?;
        Ok(EventPage { events, next })
    }

    /// A page that proves itself, and withholds nothing that is known to be there.
    async fn page(
        &self,
        scope: &Scope,
        before: Option<FootageId>,
        asked: usize,
    ) -> Result<Vec<(FootageId, EventDetails)>, FootageError> {
        for _ in 0..super::ASKS_MAX {
            let known = self.acknowledged.of(scope.camera());
            let opened = self
                .ask(
                    scope,
                    |nonce| self.index.events(scope.camera(), before, asked, nonce),
                    |rows| open_page(scope, before, asked, rows),
                )
                .await?;
            let shown: Vec<FootageId> = opened.iter().map(|(id, _)| *id).collect();
            let missed = missed(&known, before, asked, &shown);
            if missed.is_empty() || !self.are_withheld(scope, &missed).await? {
                return Ok(opened);
            }
            self.refuse(Seam::Index, Fault::Missing, scope);
            self.index.reset();
        }
        Err(FootageError::Unavailable)
    }

    /// Whether events that were acknowledged here are missing without a proven word that they were deleted. Another process may have deleted
    /// them: those are forgotten here.
    async fn are_withheld(&self, scope: &Scope, missed: &[FootageId]) -> Result<bool, FootageError> {
        for id in missed {
            let asked = Asked::footage(Kind::Event, *id);
            let slots = [vault::slot(scope, &asked).map_err(|_| FootageError::Invalid)?];
            let deleted = self
                .ask(
                    scope,
                    |nonce| self.index.objects(&slots, nonce),
                    |rows| match super::one(rows)? {
                        None => Ok(false),
                        Some(row) => vault::prove_row(scope, &asked, row).map(|row| matches!(row, Proven::Deleted)),
                    },
                )
                .await?;
            if !deleted {
                return Ok(true);
            }
            self.acknowledged.forget(scope.camera(), *id);
        }
        Ok(false)
    }

    /// One event. FROM GUEST: `event`.
    ///
    /// # Errors
    /// [`FootageError`].
    pub async fn event(self: &Arc<Self>, grant: &Arc<Grant>, event: &str) -> Result<EventSummary, FootageError> {
        let id = FootageId::parse(event).map_err(|_| FootageError::Invalid)?;
        if !grant.covers(Kind::Event, id) {
            return Err(FootageError::NotFound);
        }
        let scope = grant.scope();
        let asked = Asked::footage(Kind::Event, id);
        let slots = [vault::slot(scope, &asked).map_err(|_| FootageError::Invalid)?];
        let is_known = self.acknowledged.of(scope.camera()).contains(&id);
        let details = self
            .ask(
                scope,
                |nonce| self.index.objects(&slots, nonce),
                |rows| match super::one(rows)? {
                    None if is_known => Err(Fault::Missing),
                    None => Ok(None),
                    Some(row) => match vault::prove_row(scope, &asked, row)? {
                        Proven::Deleted => Ok(None),
                        Proven::Live(located) => open_details(scope, &located, row).map(Some),
                    },
                },
            )
            .await?
            .ok_or(FootageError::NotFound)?;
        self.summaries(grant, vec![(id, details)])
            .await?
            .pop()
            .ok_or(FootageError::NotFound)
    }

    /// Adds to each event whether its still and clip are there and within the grant.
    async fn summaries(
        &self,
        grant: &Grant,
        events: Vec<(FootageId, EventDetails)>,
    ) -> Result<Vec<EventSummary>, FootageError> {
        let scope = grant.scope();
        let mut wanted = Vec::new();
        for (id, _) in &events {
            for kind in [Kind::EventStill, Kind::Clip] {
                if grant.covers(kind, *id) {
                    let asked = Asked::footage(kind, *id);
                    wanted.push((vault::slot(scope, &asked).map_err(|_| FootageError::Invalid)?, asked));
                }
            }
        }
        let slots: Vec<SlotName> = wanted.iter().map(|(slot, _)| *slot).collect();
        let there = if slots.is_empty() {
            HashSet::new()
        } else {
            self.ask(
                scope,
                |nonce| self.index.objects(&slots, nonce),
                |rows| which_are_live(scope, &wanted, rows),
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

/// Opens a page: each row an event of this camera, each older than the one before, none at or past the cursor.
fn open_page(
    scope: &Scope,
    before: Option<FootageId>,
    limit: usize,
    rows: &[ObjectRow],
) -> Result<Vec<(FootageId, EventDetails)>, Fault> {
    let in_order = defence::is_on(Defence::Rows);
    if rows.len() > limit && in_order {
        return Err(Fault::WrongAnswer);
    }
    let mut cursor = before;
    let mut events = Vec::with_capacity(rows.len());
    for row in rows {
        if in_order && cursor.is_some_and(|cursor| row.id >= cursor) {
            return Err(Fault::WrongAnswer);
        }
        cursor = Some(row.id);
        let located = vault::prove_event(scope, row)?;
        events.push((row.id, open_details(scope, &located, row)?));
    }
    Ok(events)
}

fn open_details(scope: &Scope, located: &Located, row: &ObjectRow) -> Result<EventDetails, Fault> {
    let sealed = row.inline.as_deref().ok_or(Fault::Missing)?;
    let (header, chunks) = sealed.split_first_chunk::<HEADER_BYTES>().ok_or(Fault::WrongLength)?;
    let open = vault::accept(
        scope,
        located,
        0,
        SealedExtent {
            header: *header,
            chunks: Bytes::copy_from_slice(chunks),
        },
    )?;
    let mut plain = Vec::new();
    open.open(0, open.chunk_count(), &mut plain)?;
    let details = serde_json::from_slice(&plain).map_err(|_| Fault::WrongSeal);
    zeroize::Zeroize::zeroize(&mut plain);
    details
}

fn which_are_live(
    scope: &Scope,
    wanted: &[(SlotName, Asked)],
    rows: &[ObjectRow],
) -> Result<HashSet<(Kind, FootageId)>, Fault> {
    let mut live = HashSet::new();
    for row in rows {
        let asked = wanted.iter().find(|(slot, _)| *slot == row.slot);
        let asked = match asked {
            Some((_, asked)) => asked,
            None if defence::is_on(Defence::Rows) => return Err(Fault::WrongAnswer),
            None => continue,
        };
        if let Proven::Live(_) = vault::prove_row(scope, asked, row)? {
            live.insert((asked.kind, asked.id));
        }
    }
    Ok(live)
}
