//! An index in memory, for tests: the shortest program that does what the trait says.
//!
//! It must never be more lenient than the real one. Both pass the same suite.
#![allow(clippy::unwrap_used, reason = "for tests: a failed expectation is the point")]

use super::{
    Committed, Forgotten, INLINE_BYTES_MAX, Index, IndexError, Known, NewObject, PAGE_ROWS_MAX,
    Removed, Rows, SLOTS_MAX, SUPERSEDED_MAX, quota_bytes,
};
use async_trait::async_trait;
use eyesonly_gate::vault::{ObjectRow, State};
use eyesonly_rights::{Nonce, Position};
use eyesonly_seal::{CameraId, FootageId, HouseholdId, Kind, ObjectName, SlotName};
use std::collections::BTreeMap;
use std::sync::Mutex;

#[derive(Debug, Default)]
struct Content {
    objects: BTreeMap<SlotName, ObjectRow>,
    pointers: BTreeMap<CameraId, ObjectRow>,
    used: BTreeMap<HouseholdId, u64>,
}

impl Content {
    fn live(&self) -> impl Iterator<Item = &ObjectRow> {
        self.objects.values().filter(|row| row.state == State::Live)
    }
}

/// The index.
#[derive(Debug, Default)]
pub struct MemoryIndex(Mutex<Content>);

#[async_trait]
impl Index for MemoryIndex {
    async fn objects(&self, slots: &[SlotName], nonce: Nonce) -> Result<Rows, IndexError> {
        if slots.len() > SLOTS_MAX {
            return Err(IndexError::Limit("slots in one question"));
        }
        let content = self.0.lock().unwrap();
        let rows =
            content.objects.values().filter(|row| slots.contains(&row.slot)).cloned().collect();
        Ok(Rows { echo: Some(nonce), rows })
    }

    async fn events(
        &self,
        camera: CameraId,
        before: Option<FootageId>,
        limit: usize,
        nonce: Nonce,
    ) -> Result<Rows, IndexError> {
        if limit > PAGE_ROWS_MAX {
            return Err(IndexError::Limit("rows in one page"));
        }
        let content = self.0.lock().unwrap();
        let of_camera =
            |row: &&ObjectRow| row.camera == camera && row.kind == Kind::Event && !row.rendition;
        let in_page = |row: &&ObjectRow| before.is_none_or(|before| row.id < before);
        let mut rows: Vec<_> = content.live().filter(of_camera).filter(in_page).cloned().collect();
        rows.sort_by_key(|row| std::cmp::Reverse(row.id));
        rows.truncate(limit);
        Ok(Rows { echo: Some(nonce), rows })
    }

    async fn newest_still(&self, camera: CameraId, nonce: Nonce) -> Result<Rows, IndexError> {
        Ok(Rows {
            echo: Some(nonce),
            rows: self.0.lock().unwrap().pointers.get(&camera).cloned().into_iter().collect(),
        })
    }

    async fn begin(&self, _: HouseholdId, _: CameraId) -> Result<(), IndexError> {
        Ok(())
    }

    async fn commit(&self, new: NewObject) -> Result<Committed, IndexError> {
        let inline_bytes = new.inline.as_ref().map(|inline| inline.bytes().len());
        if inline_bytes.is_some_and(|bytes| bytes > INLINE_BYTES_MAX) {
            return Err(IndexError::Limit("bytes of an object kept inline"));
        }
        if i64::try_from(new.row.sealed_length).is_err() {
            return Err(IndexError::Limit("bytes of an object"));
        }
        let mut content = self.0.lock().unwrap();
        if let Some(row) = content.objects.get(&new.row.slot) {
            return Ok(Committed::Taken(Box::new(row.clone())));
        }
        if new.requires.is_some_and(|required| !content.live().any(|row| row.slot == required)) {
            return Ok(Committed::NoEvent);
        }
        let is_superseded = |row: &&ObjectRow| {
            let before = new.supersedes.is_some_and(|before| row.id < before);
            let is_older = before && row.version < new.row.version;
            is_older && row.camera == new.row.camera && row.kind == Kind::Still
        };
        let superseded: Vec<_> =
            content.live().filter(is_superseded).take(SUPERSEDED_MAX).cloned().collect();
        let freed: u64 = superseded.iter().map(quota_bytes).sum();
        let used = content.used.get(&new.household).copied().unwrap_or(0);
        let used = used.saturating_sub(freed) + quota_bytes(&new.row);
        if used > new.quota_bytes {
            return Ok(Committed::OverQuota);
        }
        let inline_fits = inline_bytes.is_none_or(|bytes| bytes as u64 == new.row.sealed_length);
        if !inline_fits
            || content.objects.values().any(|row| row.name == new.row.name)
            || new.row.state != State::Live
        {
            return Err(IndexError::Unavailable("not a new row".into()));
        }
        let kept = new.kept_row();
        content.used.insert(new.household, used);
        for row in &superseded {
            content.objects.remove(&row.slot);
        }
        if let Some(pointer) = new.pointer {
            let present = content.pointers.entry(pointer.camera).or_insert_with(|| pointer.clone());
            if pointer.version > present.version {
                *present = pointer;
            }
        }
        content.objects.insert(new.row.slot, kept);
        Ok(Committed::Written(superseded.into_iter().map(|row| row.name).collect()))
    }

    async fn delete_event(
        &self,
        household: HouseholdId,
        camera: CameraId,
        event: FootageId,
        tombstones: Vec<ObjectRow>,
    ) -> Result<Option<Removed>, IndexError> {
        let mut content = self.0.lock().unwrap();
        let kinds = [Kind::Event, Kind::EventStill, Kind::Clip];
        let of_event =
            |row: &&ObjectRow| row.camera == camera && row.id == event && kinds.contains(&row.kind);
        let live: Vec<_> = content.live().filter(of_event).cloned().collect();
        let Some(details) = live.iter().find(|row| row.kind == Kind::Event && !row.rendition)
        else {
            return Ok(None);
        };
        let tombstone_of = |row: &ObjectRow| {
            tombstones
                .iter()
                .find(|tombstone| tombstone.slot == row.slot && tombstone.state == State::Deleted)
        };
        if tombstone_of(details).is_none() {
            return Err(IndexError::Unavailable("no tombstone for the event's details".into()));
        }
        let mut removed = Removed { names: Vec::new(), sealed_bytes: 0 };
        for row in live {
            match tombstone_of(&row).filter(|_| !row.rendition) {
                Some(tombstone) => {
                    content
                        .objects
                        .insert(row.slot, ObjectRow { inline: None, ..tombstone.clone() });
                }
                None => {
                    content.objects.remove(&row.slot);
                }
            }
            removed.names.push(row.name);
            removed.sealed_bytes += quota_bytes(&row);
        }
        let used = content.used.entry(household).or_default();
        *used = used.saturating_sub(removed.sealed_bytes);
        Ok(Some(removed))
    }

    async fn forget(
        &self,
        household: HouseholdId,
        camera: CameraId,
        limit: usize,
        nonce: Nonce,
    ) -> Result<Forgotten, IndexError> {
        let mut content = self.0.lock().unwrap();
        content.pointers.remove(&camera);
        let of_camera = |row: &&ObjectRow| row.camera == camera;
        let forgotten: Vec<_> = content.live().filter(of_camera).take(limit).cloned().collect();
        let used = content.used.entry(household).or_default();
        *used = forgotten.iter().fold(*used, |used, row| used.saturating_sub(quota_bytes(row)));
        for row in &forgotten {
            content.objects.remove(&row.slot);
        }
        Ok(Forgotten { echo: Some(nonce), rows: forgotten.len() })
    }

    async fn household_bytes(&self, household: HouseholdId) -> Result<u64, IndexError> {
        Ok(self.0.lock().unwrap().used.get(&household).copied().unwrap_or(0))
    }

    async fn known(&self, names: &[ObjectName], nonce: Nonce) -> Result<Known, IndexError> {
        let content = self.0.lock().unwrap();
        let known = content.live().map(|row| row.name).filter(|name| names.contains(name));
        Ok(Known {
            echo: Some(nonce),
            // This index belongs to no registry, so it is never behind one.
            position: Position::new(0, u64::MAX, u64::MAX),
            names: known.collect(),
        })
    }

    fn reset(&self) {}
}

#[tokio::test]
async fn conforms() {
    super::conformance::check(&MemoryIndex::default()).await;
    super::conformance::echoes(&MemoryIndex::default()).await;
}
