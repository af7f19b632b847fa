//! One change of a camera's rows, with the pages and groups that lead to them.

use super::row::StoredRow;
use super::{Draft, IndexError, KvError, hex, name_key, row_key};
use crate::index::{SUPERSEDED_MAX, quota_bytes};
use eyesonly_gate::vault::{ObjectRow, State};
use eyesonly_seal::{CameraId, FootageId, HouseholdId, Kind, ObjectName, ObjectVersion};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The state of a camera's journal.
#[derive(Serialize, Deserialize, Default)]
pub(super) struct Camera {
    /// Bytes that count against a quota, by household. There is one household, though the seam
    /// allows more.
    bytes: BTreeMap<[u8; 16], u64>,
    /// The newest still's pointer.
    pub(super) pointer: Option<StoredRow>,
}

impl Camera {
    pub(super) fn bytes_of(&self, household: HouseholdId) -> u64 {
        self.bytes.get(household.as_bytes()).copied().unwrap_or(0)
    }
}

/// A class of rows with pages of its own: stills come and go, events stay.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Class {
    Stills,
    Events,
}

impl Class {
    fn of(row: &ObjectRow) -> Self {
        if row.kind == Kind::Still { Self::Stills } else { Self::Events }
    }
    const fn name(self) -> &'static str {
        match self {
            Self::Stills => "stills",
            Self::Events => "events",
        }
    }
}

/// The days that have a page, ascending.
pub(super) type Days = Vec<u32>;
/// The ids of a day, ascending, and beside an event's id the slot of its details if they are there.
pub(super) type Page = Vec<([u8; 16], Option<[u8; 32]>)>;
/// The slots of all live rows of an id.
type Group = Vec<[u8; 32]>;

pub(super) fn days_key(camera: CameraId, class: Class) -> String {
    format!("days/{}/{}", hex(camera.as_bytes()), class.name())
}
pub(super) fn page_key(camera: CameraId, class: Class, day: u32) -> String {
    format!("page/{}/{}/{day}", hex(camera.as_bytes()), class.name())
}
fn group_key(camera: CameraId, class: Class, id: &[u8; 16]) -> String {
    format!("group/{}/{}/{}", hex(camera.as_bytes()), class.name(), hex(id))
}

/// A change that is being put together.
pub(super) struct Change<'a> {
    camera: CameraId,
    draft: Draft<'a, Camera>,
}

impl<'a> Change<'a> {
    pub(super) fn new(camera: CameraId, draft: Draft<'a, Camera>) -> Self {
        Self { camera, draft }
    }

    /// Decides the change. False: somebody else was first.
    pub(super) fn commit(self) -> Result<bool, KvError> {
        Ok(self.draft.commit()?.is_some())
    }

    /// Returns the bytes of this camera that count against the household's quota.
    pub(super) fn bytes_of(&self, household: HouseholdId) -> u64 {
        self.draft.state.bytes_of(household)
    }

    /// Returns the row of a slot, live or deleted.
    pub(super) fn row(&self, slot: &[u8; 32]) -> Result<Option<ObjectRow>, KvError> {
        let key = row_key(slot);
        let stored: Option<StoredRow> = self.draft.get(&key)?;
        stored.map(|stored| stored.row(&key)).transpose()
    }

    /// Says whether a live row has this name.
    pub(super) fn is_named(&self, name: &ObjectName) -> Result<bool, KvError> {
        Ok(self.draft.get::<[u8; 32]>(&name_key(name))?.is_some())
    }

    /// Returns the live rows of an id.
    pub(super) fn group(&self, class: Class, id: FootageId) -> Result<Vec<ObjectRow>, KvError> {
        self.group_of(class, id.as_bytes())
    }

    fn group_of(&self, class: Class, id: &[u8; 16]) -> Result<Vec<ObjectRow>, KvError> {
        let group: Group = self.draft.get(&group_key(self.camera, class, id))?.unwrap_or_default();
        let mut rows = Vec::with_capacity(group.len());
        for slot in &group {
            rows.extend(self.row(slot)?.filter(|row| row.state == State::Live));
        }
        Ok(rows)
    }

    /// Returns live rows of stills below `before` and of an earlier version, the oldest first, as
    /// many as go at once.
    pub(super) fn superseded(
        &self,
        before: FootageId,
        version: ObjectVersion,
    ) -> Result<Vec<ObjectRow>, KvError> {
        let mut rows = self.rows_of(Class::Stills, SUPERSEDED_MAX, |id| id < before.as_bytes())?;
        rows.retain(|row| row.version < version);
        Ok(rows)
    }

    /// Returns live rows, at most `limit`.
    pub(super) fn some(&self, limit: usize) -> Result<Vec<ObjectRow>, KvError> {
        let mut rows = self.rows_of(Class::Stills, limit, |_| true)?;
        rows.extend(self.rows_of(Class::Events, limit.saturating_sub(rows.len()), |_| true)?);
        Ok(rows)
    }

    fn rows_of(
        &self,
        class: Class,
        limit: usize,
        wanted: impl Fn(&[u8; 16]) -> bool,
    ) -> Result<Vec<ObjectRow>, KvError> {
        let days: Days = self.draft.get(&days_key(self.camera, class))?.unwrap_or_default();
        let mut rows = Vec::new();
        for day in days {
            let page: Page =
                self.draft.get(&page_key(self.camera, class, day))?.unwrap_or_default();
            for (id, _) in &page {
                if rows.len() >= limit || !wanted(id) {
                    rows.truncate(limit);
                    return Ok(rows);
                }
                rows.extend(self.group_of(class, id)?);
            }
        }
        rows.truncate(limit);
        Ok(rows)
    }

    /// Sets the pointer, unless it would go back.
    pub(super) fn point(&mut self, pointer: &ObjectRow) -> Result<(), IndexError> {
        let state = &mut self.draft.state;
        let present = state.pointer.take().map(|row| row.row("a pointer")).transpose()?;
        let newest = match &present {
            Some(present) if present.version >= pointer.version => present,
            _ => pointer,
        };
        state.pointer = Some(StoredRow::from(newest));
        Ok(())
    }

    /// Takes the pointer away.
    pub(super) fn point_nowhere(&mut self) {
        self.draft.state.pointer = None;
    }

    /// Adds a live row.
    pub(super) fn add(&mut self, household: HouseholdId, row: &ObjectRow) -> Result<(), KvError> {
        let (class, slot) = (Class::of(row), *row.slot.as_bytes());
        self.draft.put(row_key(&slot), &StoredRow::from(row))?;
        self.draft.put(name_key(&row.name), &slot)?;
        let key = group_key(self.camera, class, row.id.as_bytes());
        let mut group: Group = self.draft.get(&key)?.unwrap_or_default();
        group.push(slot);
        self.draft.put(key, &group)?;
        let details = is_details(row).then_some(slot);
        self.page(class, row.id, |page| {
            let id = *row.id.as_bytes();
            match page.binary_search_by(|(there, _)| there.cmp(&id)) {
                Ok(at) => {
                    if let (Some(entry), Some(_)) = (page.get_mut(at), details) {
                        entry.1 = details;
                    }
                }
                Err(at) => page.insert(at, (id, details)),
            }
        })?;
        let bytes = self.draft.state.bytes.entry(*household.as_bytes()).or_default();
        *bytes = bytes.saturating_add(quota_bytes(row));
        Ok(())
    }

    /// Takes a live row out, and leaves `tombstone` in its place if there is one.
    pub(super) fn remove(
        &mut self,
        household: HouseholdId,
        row: &ObjectRow,
        tombstone: Option<&ObjectRow>,
    ) -> Result<(), KvError> {
        let (class, slot) = (Class::of(row), *row.slot.as_bytes());
        match tombstone {
            Some(tombstone) => {
                let bare = ObjectRow { inline: None, ..tombstone.clone() };
                self.draft.put(row_key(&slot), &StoredRow::from(&bare))?;
            }
            None => self.draft.remove(row_key(&slot)),
        }
        self.draft.remove(name_key(&row.name));
        let key = group_key(self.camera, class, row.id.as_bytes());
        let mut group: Group = self.draft.get(&key)?.unwrap_or_default();
        group.retain(|there| *there != slot);
        let is_last = group.is_empty();
        if is_last {
            self.draft.remove(key);
        } else {
            self.draft.put(key, &group)?;
        }
        self.page(class, row.id, |page| {
            let id = *row.id.as_bytes();
            if is_last {
                page.retain(|(there, _)| *there != id);
            } else if is_details(row) {
                for (_, details) in page.iter_mut().filter(|(there, _)| *there == id) {
                    *details = None;
                }
            }
        })?;
        let bytes = self.draft.state.bytes.entry(*household.as_bytes()).or_default();
        *bytes = bytes.saturating_sub(quota_bytes(row));
        Ok(())
    }

    /// Changes the page of an id's day. An empty page goes, and its day with it.
    fn page(
        &mut self,
        class: Class,
        id: FootageId,
        change: impl FnOnce(&mut Page),
    ) -> Result<(), KvError> {
        let key = page_key(self.camera, class, id.day());
        let mut page: Page = self.draft.get(&key)?.unwrap_or_default();
        let was_empty = page.is_empty();
        change(&mut page);
        // The list of days changes only where a page comes or goes.
        if was_empty != page.is_empty() {
            let days_key = days_key(self.camera, class);
            let mut days: Days = self.draft.get(&days_key)?.unwrap_or_default();
            match days.binary_search(&id.day()) {
                Ok(at) if page.is_empty() => drop(days.remove(at)),
                Err(at) if was_empty => days.insert(at, id.day()),
                _ => {}
            }
            self.draft.put(days_key, &days)?;
        }
        if page.is_empty() {
            self.draft.remove(key);
            Ok(())
        } else {
            self.draft.put(key, &page)
        }
    }
}

fn is_details(row: &ObjectRow) -> bool {
    row.kind == Kind::Event && !row.rendition
}
