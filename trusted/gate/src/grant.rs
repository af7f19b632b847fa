//! The grant: the capability made for one request. It covers one camera, and carries its keys.
//!
//! INVARIANT: what may be asked comes from a grant. [`Grant::ask`] alone makes an [`Asked`], and
//! only of kinds and times that the right covers; the vault opens for nothing else. A grant can't
//! be copied or written down, and lives until the last byte of its response.

use crate::admission::Refused;
use crate::ledger::Seam;
use crate::registry::Position;
use crate::vault::Subject;
use eyesonly_rights::{Action, Intake, Kinds, Permit, Requester};
use eyesonly_seal::{
    CameraId, CameraKey, FootageId, HouseholdId, HouseholdKey, Kind, SealError, SlotName,
};
use std::sync::{Arc, Mutex};

/// One camera of one household, and the key that all of its footage and rows hang on.
pub(crate) struct Scope {
    pub(crate) household: HouseholdId,
    pub(crate) camera: CameraId,
    pub(crate) key: CameraKey,
}

impl Scope {
    fn new(household: HouseholdId, camera: CameraId, key: &HouseholdKey) -> Self {
        // Derived over both ids: the key of another household, whoever mixed it up, opens nothing.
        Self { household, camera, key: key.camera_key(&household, &camera) }
    }
}

/// The capability of one viewer's request.
pub struct Grant {
    permit: Permit,
    pub(crate) scope: Scope,
    /// Where the registry was when it was decided last, and until when that holds.
    decided: Mutex<(Position, u64)>,
}

impl Grant {
    /// Makes the grant that a permit allows. `position`: the registry's, in the snapshot that the
    /// permit was decided on.
    pub(crate) fn new(permit: Permit, key: &HouseholdKey, position: Position) -> Self {
        let scope = Scope::new(permit.household(), permit.camera(), key);
        let expires_at_seconds = permit.expires_at_seconds();
        Self { permit, scope, decided: Mutex::new((position, expires_at_seconds)) }
    }
    /// Whose it is.
    pub fn requester(&self) -> &Requester {
        self.permit.requester()
    }
    /// The camera that it covers.
    pub fn camera(&self) -> CameraId {
        self.scope.camera
    }
    /// The camera's household.
    pub fn household(&self) -> HouseholdId {
        self.scope.household
    }
    /// What its route wants to do.
    pub fn action(&self) -> Action {
        self.permit.action()
    }
    /// What may be seen.
    pub fn kinds(&self) -> Kinds {
        self.permit.kinds()
    }
    /// Asks for footage of the camera. None: the right does not cover it.
    pub fn ask(self: &Arc<Self>, kind: Kind, id: FootageId) -> Option<Asked> {
        let holder = Arc::clone(self);
        self.permit.covers(kind, id).then_some(About { holder, kind, id, rendition: None })
    }
    /// Asks to delete what a camera handed in of an event. None: the right does not cover it.
    pub fn ask_to_delete(&self, event: FootageId) -> Option<[ToDelete<'_>; 3]> {
        let may = self.permit.may_delete() && self.permit.covers(Kind::Event, event);
        let kinds = [Kind::Event, Kind::EventStill, Kind::Clip];
        may.then(|| {
            kinds.map(|kind| About { holder: Doomed(self), kind, id: event, rendition: None })
        })
    }
    pub(crate) fn decided(&self) -> Option<(Position, u64)> {
        self.decided.lock().ok().map(|decided| *decided)
    }
    /// Puts a new decision in place of the last one.
    pub(crate) fn decide(&self, permit: &Permit, position: Position) -> Result<(), Refused> {
        let mut decided = self.decided.lock().map_err(|_| Refused::unproven(Seam::WayOut))?;
        *decided = (position, permit.expires_at_seconds());
        Ok(())
    }
}

/// The capability of one camera's upload.
pub struct IntakeGrant {
    pub(crate) intake: Intake,
    pub(crate) position: Position,
    scope: Scope,
}

impl IntakeGrant {
    pub(crate) fn new(intake: Intake, key: &HouseholdKey, position: Position) -> Self {
        let scope = Scope::new(intake.verified().household(), intake.verified().camera(), key);
        Self { intake, scope, position }
    }
    /// The camera.
    pub fn camera(&self) -> CameraId {
        self.scope.camera
    }
    /// Its household.
    pub fn household(&self) -> HouseholdId {
        self.scope.household
    }
    /// How many bytes of sealed objects its household may hold.
    pub fn quota_bytes(&self) -> u64 {
        self.intake.quota_bytes()
    }
    /// Names what the camera offers. It can be proven and sealed under this name, and not opened.
    pub fn offer(&self, kind: Kind, id: FootageId) -> Offered<'_> {
        About { holder: self, kind, id, rendition: None }
    }
}

/// One object of a camera, and in whose hand the question for it is.
#[derive(Clone)]
pub struct About<H> {
    pub(crate) holder: H,
    pub(crate) kind: Kind,
    pub(crate) id: FootageId,
    /// The rendition's name, and the SHA-256 of the handler that makes it.
    pub(crate) rendition: Option<(Arc<str>, [u8; 32])>,
}

/// What a viewer asks under their grant: it can be proven and opened.
pub type Asked = About<Arc<Grant>>;
/// What a camera offers: it can be proven and sealed.
pub type Offered<'a> = About<&'a IntakeGrant>;
/// What a viewer deletes: it can be proven and buried.
pub type ToDelete<'a> = About<Doomed<'a>>;

/// A grant that is used to delete.
#[derive(Clone, Copy)]
pub struct Doomed<'a>(&'a Grant);

/// Whoever can name objects of one camera.
pub(crate) trait Holder {
    fn scope(&self) -> &Scope;
}

impl Holder for Arc<Grant> {
    fn scope(&self) -> &Scope {
        &self.scope
    }
}

impl Holder for &IntakeGrant {
    fn scope(&self) -> &Scope {
        &self.scope
    }
}

impl Holder for Doomed<'_> {
    fn scope(&self) -> &Scope {
        &self.0.scope
    }
}

#[expect(private_bounds, reason = "nobody else may hold a question")]
impl<H: Holder> About<H> {
    /// Its kind.
    pub fn kind(&self) -> Kind {
        self.kind
    }
    /// Its own id.
    pub fn id(&self) -> FootageId {
        self.id
    }
    /// The camera.
    pub fn camera(&self) -> CameraId {
        self.holder.scope().camera
    }
    /// The camera's household.
    pub fn household(&self) -> HouseholdId {
        self.holder.scope().household
    }
    /// The keyed name that the index is asked by.
    ///
    /// # Errors
    /// [`SealError::TooLong`], for the name of a rendition alone.
    pub fn slot(&self) -> Result<SlotName, SealError> {
        self.subject().slot()
    }
    pub(crate) fn subject(&self) -> Subject<'_> {
        let rendition = self.rendition.as_ref().map(|(name, handler)| (&**name, *handler));
        Subject { scope: self.holder.scope(), kind: self.kind, id: self.id, rendition }
    }
}
