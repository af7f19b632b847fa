//! The records of one commit.

use super::act::{Act, ActRecord, Deed};
use super::household::HouseholdRecord;
use super::{Admin, AdminError};
use crate::clock;
use eyesonly_gate::registry::{CHANGES_MAX, Change, Expect};
use eyesonly_rights::{
    CameraRecord, CameraRight, CameraState, Record, SessionRecord, ViewerRecord,
};
use eyesonly_seal::{CameraId, CredentialId, HouseholdId, ViewerId};
use std::collections::HashMap;
use std::collections::hash_map::Entry;

/// The records of one commit, all of one sequence.
pub(super) struct Writing<'a> {
    pub(super) admin: &'a Admin,
    changes: Vec<Change>,
    pub(super) sequence: u64,
    /// The viewers' records that change, what is expected of each, and the rights that were in it.
    /// Several households may change one of them.
    viewers: HashMap<ViewerId, (ViewerRecord, Expect, Vec<CameraRight>)>,
    acts: Vec<Act>,
    /// The viewer who asks, decided in this attempt. `None`: the operator.
    pub(super) actor: Option<ViewerId>,
    /// Says that something allows the viewer to do this.
    pub(super) allowed: bool,
}

impl<'a> Writing<'a> {
    /// Begins a commit that holds only if nobody else commits before it.
    pub(super) async fn begin(admin: &'a Admin) -> Result<Self, AdminError> {
        let sequence = admin.records.position().await?.rights.number.saturating_add(1);
        let (changes, acts, viewers) = (Vec::new(), Vec::new(), HashMap::new());
        Ok(Self { admin, changes, sequence, viewers, acts, actor: None, allowed: false })
    }

    /// Says what is done by this commit, beside what becomes of rights.
    pub(super) fn act(
        &mut self,
        deed: Deed,
        household: Option<HouseholdId>,
        camera: Option<CameraId>,
        viewer: Option<ViewerId>,
    ) {
        self.acts.push(Act::of(deed, household, camera, viewer));
    }

    /// Removes a viewer's record, with all rights in it.
    pub(super) fn remove_viewer(&mut self, record: &ViewerRecord) {
        self.act(Deed::ViewerRemoved, None, None, Some(record.viewer));
        self.acts.extend(Act::changes(record.viewer, &record.cameras, &[]));
        self.remove(ViewerRecord::KIND, record.viewer.as_bytes().to_vec());
    }

    pub(super) fn put<R: Record>(&mut self, record: &R, expect: Expect) -> Result<(), AdminError> {
        let sealed = self.admin.mint.seal(record, clock::random())?;
        self.changes.push(Change {
            kind: R::KIND,
            key: record.key(),
            expect,
            record: Some(sealed),
        });
        Ok(())
    }

    /// Gives a record that was read the number of this commit, and returns what the commit expects:
    /// that the record has not changed since.
    pub(super) fn renumber(&self, sequence: &mut u64) -> Expect {
        Expect::At(std::mem::replace(sequence, self.sequence))
    }

    pub(super) fn remove(&mut self, kind: &'static str, key: Vec<u8>) {
        self.changes.push(Change { kind, key, expect: Expect::Any, record: None });
    }

    /// Changes a household's record, and writes it and the record of everybody whose rights change
    /// with it. Memberships and shares that have ended by themselves are dropped.
    ///
    /// # Errors
    /// A record can't be read or sealed.
    pub(super) async fn household(
        &mut self,
        home: HouseholdRecord,
        along: Along<'_>,
        change: impl FnOnce(&mut HouseholdRecord),
    ) -> Result<(), AdminError> {
        let mut people = home.people();
        let mut after = home.in_force(clock::now_seconds());
        change(&mut after);
        after.end_empty_offers();
        people.extend(after.people());
        people.sort_unstable();
        people.dedup();
        let mut names: HashMap<CameraId, String> =
            along.camera.iter().map(|camera| (camera.camera, camera.name.clone())).collect();
        let mut fresh = along.viewer;
        for viewer in people.into_iter().filter(|viewer| Some(*viewer) != along.gone) {
            let new = fresh.take_if(|fresh| fresh.viewer == viewer);
            let mut rights = after.rights_of(viewer);
            let belonged = home.member(viewer).is_some();
            let is_same = belonged == after.member(viewer).is_some();
            if new.is_none() && is_same && rights == home.rights_of(viewer) {
                continue;
            }
            let new = new.map(|new| (new, Expect::Absent, Vec::new()));
            let known = self.viewers.remove(&viewer).or(new);
            let (mut record, expect, before) = match known {
                Some(known) => known,
                None => {
                    let read = self.admin.records.read::<ViewerRecord>(viewer.as_bytes()).await?;
                    // Nobody has the rights of a viewer who was removed.
                    let Some(record) = read else { continue };
                    let (written_at, before) = (record.sequence, record.cameras.clone());
                    (record, Expect::At(written_at), before)
                }
            };
            self.name(&mut rights, &record, &mut names).await?;
            follow(&mut record, &after, rights);
            self.viewers.insert(viewer, (record, expect, before));
        }
        let expect = self.renumber(&mut after.sequence);
        self.put(&after, expect)
    }

    /// Writes a new enrolment, and the household that it belongs to.
    pub(super) async fn enrol(
        &mut self,
        home: HouseholdRecord,
        (camera, credential): (CameraId, CredentialId),
        name: String,
        serial: String,
    ) -> Result<(), AdminError> {
        let (household, quota_bytes) = (home.household, home.quota_bytes);
        let (credential, sequence) = (Some(credential), self.sequence);
        let state = CameraState::On;
        let record = CameraRecord {
            camera,
            household,
            credential,
            name,
            serial,
            quota_bytes,
            state,
            sequence,
        };
        self.act(Deed::Camera, Some(household), Some(camera), None);
        self.put(&record, Expect::Absent)?;
        let along = Along { camera: Some(&record), ..Along::default() };
        self.household(home, along, |home| home.cameras.push(camera)).await
    }

    /// Gives rights the names of their cameras.
    async fn name(
        &self,
        rights: &mut [CameraRight],
        record: &ViewerRecord,
        names: &mut HashMap<CameraId, String>,
    ) -> Result<(), AdminError> {
        for known in &record.cameras {
            names.entry(known.camera).or_insert_with(|| known.name.clone());
        }
        for right in rights {
            let name = match names.entry(right.camera) {
                Entry::Occupied(known) => known.into_mut(),
                Entry::Vacant(unknown) => {
                    let key = right.camera;
                    let camera: CameraRecord = self.admin.read(key.as_bytes(), "camera").await?;
                    unknown.insert(camera.name)
                }
            };
            right.name.clone_from(name);
        }
        Ok(())
    }

    /// Commits what was written, if anything was.
    pub(super) async fn commit(mut self) -> Result<(), AdminError> {
        for (mut record, expect, before) in std::mem::take(&mut self.viewers).into_values() {
            record.sequence = self.sequence;
            self.acts.extend(Act::changes(record.viewer, &before, &record.cameras));
            self.put(&record, expect)?;
        }
        // INVARIANT: a viewer writes nothing that was not allowed in this attempt.
        if self.admin.signed.is_some() && !self.allowed {
            return Err(AdminError::Forbidden);
        }
        if self.changes.iter().all(|change| change.kind == SessionRecord::KIND) {
            return Ok(());
        }
        if !self.acts.is_empty() && self.admin.acts {
            let (sequence, at_milliseconds) = (self.sequence, clock::now_milliseconds());
            let acts = std::mem::take(&mut self.acts);
            let record = ActRecord { sequence, at_milliseconds, actor: self.actor, acts };
            self.put(&record, Expect::Absent)?;
        }
        if self.changes.len() > CHANGES_MAX {
            return Err(AdminError::Input(
                "the household has too many cameras and viewers for one change; end some shares \
                 or memberships first"
                    .into(),
            ));
        }
        let committed = self.admin.records.commit(self.changes, Some(self.sequence)).await;
        Ok(committed.map(|_| ())?)
    }
}

/// What is written in the same commit as a household's record.
#[derive(Default)]
pub(super) struct Along<'a> {
    /// A camera that is new.
    pub(super) camera: Option<&'a CameraRecord>,
    /// A viewer who is new, without the rights that follow.
    pub(super) viewer: Option<ViewerRecord>,
    /// A viewer whose record is removed.
    pub(super) gone: Option<ViewerId>,
}

/// Puts the rights that follow from a household's record in a viewer's, in the place of those that
/// followed before.
fn follow(record: &mut ViewerRecord, home: &HouseholdRecord, rights: Vec<CameraRight>) {
    let place = record.households.iter().position(|other| *other == home.household);
    record.households.retain(|other| *other != home.household);
    if home.member(record.viewer).is_some() {
        record.households.insert(place.unwrap_or(record.households.len()), home.household);
    }
    let place = record.cameras.iter().position(|right| right.household == home.household);
    record.cameras.retain(|right| right.household != home.household);
    let place = place.unwrap_or(record.cameras.len());
    record.cameras.splice(place..place, rights);
}
