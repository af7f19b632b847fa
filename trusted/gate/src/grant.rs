//! The grant is the capability that is made for one request. A grant covers one camera, and carries
//! its keys.
//!
//! INVARIANT: what may be asked comes from a grant. Each [`Asked`] comes from [`Grant::ask`], which
//! makes one only of kinds and times that the right covers. The vault opens for nothing else. A
//! grant can't be copied or serialised, and lives until the last byte of its response.

use crate::derived::CameraKeys;
use crate::entry::{Object, Opened};
use crate::registry::Position;
use crate::vault::Subject;
use eyesonly_rights::{Action, Intake, Kinds, Permit, Requester, Window};
use eyesonly_seal::{CameraId, FootageId, HouseholdId, Kind, SealError, SlotName};
use std::sync::{Arc, Mutex, PoisonError};

/// One camera of one household, and the keys of its footage and rows.
pub(crate) struct Scope {
    pub(crate) household: HouseholdId,
    pub(crate) camera: CameraId,
    pub(crate) keys: Arc<CameraKeys>,
}

/// The capability of one viewer's request.
pub struct Grant {
    permit: Arc<Permit>,
    pub(crate) scope: Scope,
    /// What was decided last, and the registry's position by then.
    pub(crate) decided: Mutex<(Position, Arc<Permit>)>,
    opened: Mutex<Opened>,
}

impl Grant {
    /// Makes the grant that a permit allows. `keys` are those of its camera. `position` is the
    /// registry's, from the snapshot that the permit was decided on.
    pub(crate) fn new(permit: Permit, keys: Arc<CameraKeys>, position: Position) -> Self {
        let scope = Scope { household: permit.household(), camera: permit.camera(), keys };
        let permit = Arc::new(permit);
        let decided = Mutex::new((position, Arc::clone(&permit)));
        Self { decided, permit, scope, opened: Mutex::default() }
    }
    /// Notes that an object was opened. A lock that broke is passed over: what it guards is whole.
    pub(crate) fn opened(&self, object: Object) {
        self.opened.lock().unwrap_or_else(PoisonError::into_inner).add(object);
    }
    /// Returns the number of the rights by which it was last decided.
    pub(crate) fn decided_at(&self) -> u64 {
        self.decided.lock().unwrap_or_else(PoisonError::into_inner).0.rights.number
    }
    /// Returns what was opened until now.
    pub(crate) fn all_opened(&self) -> Opened {
        *self.opened.lock().unwrap_or_else(PoisonError::into_inner)
    }
    /// Returns the requester whose grant it is.
    pub fn requester(&self) -> &Requester {
        self.permit.requester()
    }
    /// Returns the camera that it covers.
    pub fn camera(&self) -> CameraId {
        self.scope.camera
    }
    /// Returns the camera's household.
    pub fn household(&self) -> HouseholdId {
        self.scope.household
    }
    /// Returns the action of its route.
    pub fn action(&self) -> Action {
        self.permit.action()
    }
    /// Returns the kinds of footage that may be seen.
    pub fn kinds(&self) -> Kinds {
        self.permit.kinds()
    }
    /// Returns the time of the footage that may be seen.
    pub fn window(&self) -> Window {
        self.permit.window()
    }
    /// Makes the question for an object of the camera. Returns `None` if the right does not cover
    /// it.
    pub fn ask(self: &Arc<Self>, kind: Kind, id: FootageId) -> Option<Asked> {
        let holder = Arc::clone(self);
        self.permit.covers(kind, id.time_milliseconds()).then_some(About {
            holder,
            kind,
            id,
            rendition: None,
        })
    }
    /// Makes the questions for deleting what the camera handed in of an event: details, still and
    /// clip. Returns `None` if the right does not cover that.
    pub fn ask_to_delete(&self, event: FootageId) -> Option<[ToDelete<'_>; 3]> {
        let time = event.time_milliseconds();
        let may = self.permit.may_delete() && self.permit.covers(Kind::Event, time);
        let kinds = [Kind::Event, Kind::EventStill, Kind::Clip];
        may.then(|| {
            kinds.map(|kind| About { holder: Doomed(self), kind, id: event, rendition: None })
        })
    }
}

/// The capability of one camera's upload.
pub struct IntakeGrant {
    pub(crate) intake: Intake,
    /// The registry's position when it was decided last.
    pub(crate) decided: Mutex<Position>,
    pub(crate) scope: Scope,
}

impl IntakeGrant {
    pub(crate) fn new(intake: Intake, keys: Arc<CameraKeys>, position: Position) -> Self {
        let (household, camera) = (intake.verified().household(), intake.verified().camera());
        let scope = Scope { household, camera, keys };
        Self { intake, scope, decided: Mutex::new(position) }
    }
    /// Returns the camera.
    pub fn camera(&self) -> CameraId {
        self.scope.camera
    }
    /// Returns the camera's household.
    pub fn household(&self) -> HouseholdId {
        self.scope.household
    }
    /// Returns how many bytes of sealed objects the household may hold.
    pub fn quota_bytes(&self) -> u64 {
        self.intake.quota_bytes()
    }
    /// Names an object that the camera offers, which can be proven and sealed under this name, but
    /// not opened.
    pub fn offer(&self, kind: Kind, id: FootageId) -> Offered<'_> {
        About { holder: self, kind, id, rendition: None }
    }
}

/// A question about one object of a camera, and the holder of the question.
#[derive(Clone)]
pub struct About<H> {
    pub(crate) holder: H,
    pub(crate) kind: Kind,
    pub(crate) id: FootageId,
    /// The rendition's name, and the SHA-256 of the handler that makes it.
    pub(crate) rendition: Option<(Arc<str>, [u8; 32])>,
}

/// A question that a viewer asks under their grant: the object can be proven and opened.
pub type Asked = About<Arc<Grant>>;
/// An object that a camera offers: it can be proven and sealed.
pub type Offered<'a> = About<&'a IntakeGrant>;
/// An object that a viewer deletes: it can be proven and buried (with `bury`).
pub type ToDelete<'a> = About<Doomed<'a>>;

/// A grant that is used to delete.
#[derive(Clone, Copy)]
pub struct Doomed<'a>(&'a Grant);

/// A holder of a question, which can name objects of one camera.
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
    /// Returns the object's kind.
    pub fn kind(&self) -> Kind {
        self.kind
    }
    /// Returns the object's own id.
    pub fn id(&self) -> FootageId {
        self.id
    }
    /// Returns the camera.
    pub fn camera(&self) -> CameraId {
        self.holder.scope().camera
    }
    /// Returns the camera's household.
    pub fn household(&self) -> HouseholdId {
        self.holder.scope().household
    }
    /// Returns the keyed name by which the index is asked.
    ///
    /// # Errors
    /// [`SealError::TooLong`], which only the name of a rendition can cause.
    pub fn slot(&self) -> Result<SlotName, SealError> {
        self.subject().slot()
    }
    pub(crate) fn subject(&self) -> Subject<'_> {
        let rendition = self.rendition.as_ref().map(|(name, handler)| (&**name, *handler));
        Subject { scope: self.holder.scope(), kind: self.kind, id: self.id, rendition }
    }
}
