//! The index over a key-value store: one journal for each camera.
//!
//! A store that lists without order can't page, so the index keeps pages and groups. A page has the
//! ids of one camera and UTC day, in their order. A group has the slots of all rows of one id.
//! Pages and groups are claims, like any other answer here. What is shown are the rows that they
//! lead to, and each row carries its camera's proof and its sealed details.
//!
//! Spin's own store can't tell the first of two writers of a key that is not there, since its
//! `swap` overwrites then. So the command line, whose `swap` can, starts a camera's journal when it
//! enrols the camera. From then on every swap of the journal has something to compare with.
//!
//! Bytes are counted for each camera and added up for the household's quota. If several of its
//! cameras hand in at the very same moment, each may fit.

mod change;
mod row;

use super::journal::{Draft, entry, open, state};
use super::{KeyValue, KvError, TRIES_MAX, decode, encode, hex};
use crate::index::{
    Committed, Forgotten, INLINE_BYTES_MAX, Index, IndexError, Known, NewObject, PAGE_ROWS_MAX,
    Removed, Rows, SLOTS_MAX, quota_bytes,
};
use async_trait::async_trait;
use change::{Camera, Change, Class, Days, Page, days_key, page_key};
use eyesonly_gate::vault::{ObjectRow, State};
use eyesonly_rights::{Nonce, Position};
use eyesonly_seal::{CameraId, FootageId, HouseholdId, Kind, ObjectName, SlotName};
use row::StoredRow;
use std::sync::Arc;

/// The number of names in one question.
const NAMES_ASKED: usize = 256;

/// The index.
pub struct KvIndex(Arc<dyn KeyValue>);

impl From<KvError> for IndexError {
    fn from(error: KvError) -> Self {
        Self::Unavailable(error.into())
    }
}

/// What the key of a camera's journal starts with.
const JOURNALS: &str = "camera/";

fn journal(camera: CameraId) -> String {
    format!("{JOURNALS}{}", hex(camera.as_bytes()))
}
fn cameras_key(household: HouseholdId) -> String {
    format!("cameras/{}", hex(household.as_bytes()))
}
fn row_key(slot: &[u8; 32]) -> String {
    format!("row/{}", hex(slot))
}
fn name_key(name: &ObjectName) -> String {
    format!("name/{}", hex(name.as_bytes()))
}

impl KvIndex {
    /// Makes an index over this store.
    pub fn new(kv: Arc<dyn KeyValue>) -> Self {
        Self(kv)
    }

    /// Returns the rows under these slots, without the absent ones.
    fn rows(&self, slots: &[[u8; 32]]) -> Result<Vec<ObjectRow>, KvError> {
        let keys: Vec<String> = slots.iter().map(row_key).collect();
        let mut rows = Vec::with_capacity(keys.len());
        for (key, raw) in keys.iter().zip(self.0.get_many(&keys)?) {
            if let Some((value, _)) = raw.map_or(Ok(None), |raw| open(key, &raw))? {
                rows.push(decode::<StoredRow>(key, &value)?.row(key)?);
            }
        }
        Ok(rows)
    }

    /// Those of these names that a row has.
    fn live(&self, names: &[ObjectName]) -> Result<Vec<ObjectName>, KvError> {
        let mut live = Vec::new();
        for some in names.chunks(NAMES_ASKED) {
            let keys: Vec<String> = some.iter().map(name_key).collect();
            for ((name, key), raw) in some.iter().zip(&keys).zip(self.0.get_many(&keys)?) {
                if raw.map_or(Ok(None), |raw| open(key, &raw))?.is_some() {
                    live.push(*name);
                }
            }
        }
        Ok(live)
    }

    fn value<T: serde::de::DeserializeOwned + Default>(&self, key: &str) -> Result<T, KvError> {
        entry(&*self.0, key)?.map_or(Ok(T::default()), |(value, _)| decode(key, &value))
    }

    fn cameras(&self, household: HouseholdId) -> Result<Vec<[u8; 16]>, KvError> {
        let key = cameras_key(household);
        self.0.get(&key)?.map_or(Ok(Vec::new()), |raw| decode(&key, &raw))
    }

    /// Notes that the household has this camera, before the camera's first row, so that its bytes
    /// are counted.
    fn note_camera(&self, household: HouseholdId, camera: CameraId) -> Result<(), KvError> {
        let key = cameras_key(household);
        for _ in 0..TRIES_MAX {
            let was = self.0.get(&key)?;
            let mut cameras: Vec<[u8; 16]> =
                was.as_ref().map_or(Ok(Vec::new()), |raw| decode(&key, raw))?;
            if cameras.contains(camera.as_bytes()) {
                return Ok(());
            }
            cameras.push(*camera.as_bytes());
            if self.0.swap(&key, was.as_deref(), &encode(&cameras)?)? {
                return Ok(());
            }
        }
        Err(KvError(format!("{key} is written by too many at once").into()))
    }

    /// Returns the bytes that count against the household's quota, of all its cameras but one.
    fn bytes_but(&self, household: HouseholdId, but: Option<CameraId>) -> Result<u64, KvError> {
        let mut bytes = 0_u64;
        for camera in self.cameras(household)? {
            let camera = CameraId::from_bytes(camera);
            if but != Some(camera) {
                let (_, state) = state::<Camera>(&*self.0, &journal(camera))?;
                bytes = bytes.saturating_add(state.bytes_of(household));
            }
        }
        Ok(bytes)
    }

    /// Tries a change until nobody else wrote meanwhile, at most [`TRIES_MAX`] times. Where
    /// `decide` returns [`Outcome::Nothing`], nothing is written.
    fn change<T>(
        &self,
        camera: CameraId,
        decide: impl Fn(&mut Change<'_>) -> Result<Outcome<T>, IndexError>,
    ) -> Result<T, IndexError> {
        for _ in 0..TRIES_MAX {
            let mut change = Change::new(camera, Draft::begin(&*self.0, journal(camera))?);
            match decide(&mut change)? {
                Outcome::Nothing(said) => return Ok(said),
                Outcome::Change(said) => {
                    if change.commit()? {
                        return Ok(said);
                    }
                }
            }
        }
        Err(IndexError::Unavailable("the camera is written by too many at once".into()))
    }

    fn decide_commit(
        &self,
        change: &mut Change<'_>,
        new: &NewObject,
    ) -> Result<Outcome<Committed>, IndexError> {
        if let Some(row) = change.row(new.row.slot.as_bytes())? {
            return Ok(Outcome::Nothing(Committed::Taken(Box::new(row))));
        }
        if let Some(required) = new.requires {
            let required = change.row(required.as_bytes())?;
            if required.is_none_or(|row| row.state != State::Live) {
                return Ok(Outcome::Nothing(Committed::NoEvent));
            }
        }
        let superseded = match new.supersedes {
            Some(before) => change.superseded(before, new.row.version)?,
            None => Vec::new(),
        };
        let freed =
            superseded.iter().fold(0_u64, |freed, row| freed.saturating_add(quota_bytes(row)));
        let here = change.bytes_of(new.household).saturating_sub(freed);
        let used = self
            .bytes_but(new.household, Some(new.row.camera))?
            .saturating_add(here)
            .saturating_add(quota_bytes(&new.row));
        if used > new.quota_bytes {
            return Ok(Outcome::Nothing(Committed::OverQuota));
        }
        if change.is_named(&new.row.name)? {
            return Err(not_new());
        }
        for row in &superseded {
            change.remove(new.household, row, None)?;
        }
        change.add(new.household, &new.kept_row())?;
        if let Some(pointer) = &new.pointer {
            change.point(pointer)?;
        }
        let names = superseded.into_iter().map(|row| row.name).collect();
        Ok(Outcome::Change(Committed::Written(names)))
    }
}

fn not_new() -> IndexError {
    IndexError::Unavailable("not a new row".into())
}

/// A decision, with what is said once it has happened.
enum Outcome<T> {
    Nothing(T),
    Change(T),
}

#[async_trait]
impl Index for KvIndex {
    async fn objects(&self, slots: &[SlotName], _: Nonce) -> Result<Rows, IndexError> {
        if slots.len() > SLOTS_MAX {
            return Err(IndexError::Limit("slots in one question"));
        }
        let mut asked: Vec<[u8; 32]> = slots.iter().map(|slot| *slot.as_bytes()).collect();
        asked.sort_unstable();
        asked.dedup();
        let rows = self.rows(&asked)?;
        Ok(Rows { echo: None, rows })
    }

    async fn events(
        &self,
        camera: CameraId,
        before: Option<FootageId>,
        limit: usize,
        _: Nonce,
    ) -> Result<Rows, IndexError> {
        if limit > PAGE_ROWS_MAX {
            return Err(IndexError::Limit("rows in one page"));
        }
        let days: Days = self.value(&days_key(camera, Class::Events))?;
        let last = before.map_or(u32::MAX, |before| before.day());
        let mut slots = Vec::new();
        for day in days.into_iter().rev().filter(|day| *day <= last) {
            if slots.len() >= limit {
                break;
            }
            let page: Page = self.value(&page_key(camera, Class::Events, day))?;
            let listed = page.into_iter().rev().filter_map(|(id, details)| Some((id, details?)));
            let wanted =
                listed.filter(|(id, _)| before.is_none_or(|before| id < before.as_bytes()));
            slots.extend(wanted.map(|(_, slot)| slot).take(limit.saturating_sub(slots.len())));
        }
        let mut rows = self.rows(&slots)?;
        rows.retain(|row| row.state == State::Live);
        Ok(Rows { echo: None, rows })
    }

    async fn newest_still(&self, camera: CameraId, _: Nonce) -> Result<Rows, IndexError> {
        let journal = journal(camera);
        let (_, state) = state::<Camera>(&*self.0, &journal)?;
        let rows = state.pointer.into_iter().map(|row| row.row(&journal));
        let rows = rows.collect::<Result<_, _>>()?;
        Ok(Rows { echo: None, rows })
    }

    async fn begin(&self, household: HouseholdId, camera: CameraId) -> Result<(), IndexError> {
        self.note_camera(household, camera)?;
        // A change that changes nothing leaves a journal.
        self.change(camera, |_| Ok(Outcome::Change(())))
    }

    async fn commit(&self, new: NewObject) -> Result<Committed, IndexError> {
        let inline = new.inline.as_ref().map(|inline| inline.bytes().len());
        if inline.is_some_and(|length| length > INLINE_BYTES_MAX) {
            return Err(IndexError::Limit("bytes of an object kept inline"));
        }
        if i64::try_from(new.row.sealed_length).is_err() {
            return Err(IndexError::Limit("bytes of an object"));
        }
        let fits = inline.is_none_or(|length| length as u64 == new.row.sealed_length);
        if !fits || new.row.state != State::Live {
            return Err(not_new());
        }
        self.note_camera(new.household, new.row.camera)?;
        self.change(new.row.camera, |change| self.decide_commit(change, &new))
    }

    async fn delete_event(
        &self,
        household: HouseholdId,
        camera: CameraId,
        event: FootageId,
        tombstones: Vec<ObjectRow>,
    ) -> Result<Option<Removed>, IndexError> {
        let kinds = [Kind::Event, Kind::EventStill, Kind::Clip];
        self.change(camera, |change| {
            let mut rows = change.group(Class::Events, event)?;
            rows.retain(|row| kinds.contains(&row.kind));
            let Some(details) = rows.iter().find(|row| row.kind == Kind::Event && !row.rendition)
            else {
                return Ok(Outcome::Nothing(None));
            };
            let tombstone_of = |row: &ObjectRow| {
                tombstones.iter().find(|tombstone| {
                    tombstone.slot == row.slot && tombstone.state == State::Deleted
                })
            };
            if tombstone_of(details).is_none() {
                return Err(IndexError::Unavailable("no tombstone for the event's details".into()));
            }
            let mut removed = Removed { names: Vec::new(), sealed_bytes: 0 };
            for row in &rows {
                change.remove(household, row, tombstone_of(row).filter(|_| !row.rendition))?;
                removed.names.push(row.name);
                removed.sealed_bytes = removed.sealed_bytes.saturating_add(quota_bytes(row));
            }
            Ok(Outcome::Change(Some(removed)))
        })
    }

    async fn forget(
        &self,
        household: HouseholdId,
        camera: CameraId,
        limit: usize,
        _: Nonce,
    ) -> Result<Forgotten, IndexError> {
        let rows = self.change(camera, |change| {
            change.point_nowhere();
            let rows = change.some(limit)?;
            for row in &rows {
                change.remove(household, row, None)?;
            }
            Ok(Outcome::Change(rows.len()))
        })?;
        Ok(Forgotten { echo: None, rows })
    }

    async fn household_bytes(&self, household: HouseholdId) -> Result<u64, IndexError> {
        Ok(self.bytes_but(household, None)?)
    }

    async fn known(&self, names: &[ObjectName], _: Nonce) -> Result<Known, IndexError> {
        let (count, ()) = state(&*self.0, super::registry::JOURNAL)?;
        let mut known = self.live(names)?;
        if known.len() < names.len() {
            // A commit that was decided and not made yet is in its camera's journal alone.
            for journal in self.0.list(JOURNALS)? {
                state::<Camera>(&*self.0, &journal)?;
            }
            known = self.live(names)?;
        }
        Ok(Known { echo: None, position: Position::new(0, count, count), names: known })
    }

    fn reset(&self) {}
}
