//! The grant: the capability made for one request. It covers one camera, and carries the keys that open it.
//!
//! INVARIANT: the one constructor takes a [`Permit`], which only the decision in `eyesonly_rights` can make. A grant can't be copied,
//! written down or sent anywhere; it lives until the last byte of its response. No IO, no clock: whoever asks brings the time.

use eyesonly_rights::{Intake, Kinds, Permit, Requester, VerifiedCamera};
use eyesonly_seal::{
    CameraId, CameraKey, Context, FootageId, HouseholdId, HouseholdKey, Kind, MacKey, ObjectName, Slot, SlotName,
};

/// One camera of one household, and the keys of its footage: what the vault opens and seals with.
pub struct Scope {
    household: HouseholdId,
    camera: CameraId,
    key: CameraKey,
    /// Derived once: a request names several objects.
    name: MacKey,
    index: MacKey,
}

impl Scope {
    fn new(household: HouseholdId, camera: CameraId, household_key: &HouseholdKey) -> Self {
        // The camera key is derived over both ids: the key of another household, whoever mixed it up, opens nothing here.
        let key = household_key.camera_key(&household, &camera);
        let (name, index) = (key.name_key(), key.index_key());
        Self {
            household,
            camera,
            key,
            name,
            index,
        }
    }
    /// The household.
    pub fn household(&self) -> HouseholdId {
        self.household
    }
    /// The camera.
    pub fn camera(&self) -> CameraId {
        self.camera
    }
    pub(crate) fn key(&self) -> &CameraKey {
        &self.key
    }
    /// The name of one version of one object, as [`CameraKey::object_name`] has it.
    pub(crate) fn object_name(&self, context: &Context) -> ObjectName {
        ObjectName::from_bytes(self.name.mac(&[context.as_bytes()]))
    }
    /// What the index asks by, as [`CameraKey::slot_name`] has it.
    pub(crate) fn slot_name(&self, slot: &Slot) -> SlotName {
        SlotName::from_bytes(self.name.mac(&[slot.as_bytes()]))
    }
    pub(crate) fn index_key(&self) -> &MacKey {
        &self.index
    }
}

/// The capability of one viewer's request.
pub struct Grant {
    permit: Permit,
    scope: Scope,
    registry_sequence: u64,
}

impl Grant {
    /// Makes the grant that a permit allows. `registry_sequence`: the registry's sequence in the snapshot that the permit was decided on.
    pub(crate) fn new(permit: Permit, household_key: &HouseholdKey, registry_sequence: u64) -> Self {
        let scope = Scope::new(permit.household(), permit.camera(), household_key);
        Self {
            permit,
            scope,
            registry_sequence,
        }
    }
    /// What the right allows.
    pub fn kinds(&self) -> Kinds {
        self.permit.kinds()
    }
    /// Whose grant it is.
    pub fn requester(&self) -> &Requester {
        self.permit.requester()
    }
    /// The camera it covers, and its keys.
    pub fn scope(&self) -> &Scope {
        &self.scope
    }
    /// Whether the right lets its viewer see this kind of footage with this id.
    pub fn covers(&self, kind: Kind, id: FootageId) -> bool {
        let kinds = self.permit.kinds();
        let allowed = match kind {
            Kind::Still | Kind::Live => kinds.live,
            Kind::Event | Kind::EventStill => kinds.events,
            Kind::Clip => kinds.clips,
        };
        allowed && self.permit.covers(id)
    }
    /// Whether its viewer may delete events.
    pub fn may_delete(&self) -> bool {
        self.permit.may_delete()
    }
    /// Whether it has not run out.
    pub fn holds_at(&self, now_seconds: u64) -> bool {
        self.permit.holds_at(now_seconds)
    }
    /// The registry's sequence that it was decided on.
    pub fn registry_sequence(&self) -> u64 {
        self.registry_sequence
    }
}

/// The capability of one camera's upload.
pub struct IntakeGrant {
    scope: Scope,
    quota_bytes: u64,
    credential: VerifiedCamera,
    registry_sequence: u64,
}

impl IntakeGrant {
    /// Makes the grant that an intake allows. `registry_sequence`: the registry's sequence in the snapshot that it was decided on.
    pub(crate) fn new(
        intake: &Intake,
        credential: VerifiedCamera,
        household_key: &HouseholdKey,
        registry_sequence: u64,
    ) -> Self {
        let scope = Scope::new(intake.household(), intake.camera(), household_key);
        Self {
            scope,
            quota_bytes: intake.quota_bytes(),
            credential,
            registry_sequence,
        }
    }
    /// The credential that it was made for.
    pub fn credential(&self) -> &VerifiedCamera {
        &self.credential
    }
    /// The registry's sequence that it was decided on.
    pub fn registry_sequence(&self) -> u64 {
        self.registry_sequence
    }
    /// The camera, and its keys.
    pub fn scope(&self) -> &Scope {
        &self.scope
    }
    /// How many bytes of sealed objects its household may hold.
    pub fn quota_bytes(&self) -> u64 {
        self.quota_bytes
    }
}
