//! Admission is the way in: from a raw credential and a route to a grant. Whatever lies between is
//! asked afresh.
//!
//! INVARIANT: [`Admission::grant`] is the only caller of `Grant::new`, and
//! [`Admission::admit_camera`] the only one of `IntakeGrant::new`. Neither uses an answer that was
//! not proven, nor an answer of an earlier request.

use crate::departure::Leaving;
use crate::derived::{CameraKeys, Derived};
use crate::entry::{Entered, Outcome, Stage};
use crate::grant::{Grant, IntakeGrant};
use crate::host::{Clock, Keys, KeysError};
use crate::ledger::{Delivery, Handed, Ledger, LedgerError, Seam};
use crate::records::Records;
use crate::registry::Position;
use eyesonly_rights::{
    Action, CameraRecord, Fault, Intake, Permit, Requester, Rights, SessionRecord, VerifiedCamera,
    VerifiedSession, Verifier, intake, requester,
};
use eyesonly_seal::{CameraId, HouseholdId, Kind, LedgerKey};
use std::error::Error;
use std::sync::Arc;
use zeroize::Zeroizing;

/// The credential that a client presented, as text, which is never printed and is wiped when
/// dropped.
pub struct RawCredential(Zeroizing<String>);

impl RawCredential {
    /// Takes the text of a credential. FROM CLIENT.
    #[must_use]
    pub fn new(text: &str) -> Self {
        Self(Zeroizing::new(text.to_owned()))
    }
    /// Returns the text.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.0
    }
}

/// The reason why nobody is admitted, or nothing leaves.
#[derive(Debug, thiserror::Error)]
pub enum Refused {
    /// There is no credential, it is not one of this installation's, or it has no live session.
    #[error("nobody is signed in with this credential")]
    Unidentified,
    /// The requester is signed in, but there is nothing for them under this name.
    #[error("nothing here for this requester")]
    NotFound,
    /// The camera is switched off.
    #[error("the camera is switched off")]
    Off,
    /// This seam gave no proven answer. The source is the seam's error, if it gave one.
    #[error("no proven answer from {0:?}")]
    Unavailable(Seam, #[source] Option<Box<dyn Error + Send + Sync>>),
    /// The viewer has received too much in too short a time.
    #[error("too many deliveries to this viewer")]
    TooMany {
        /// When the viewer may ask again, in seconds from now.
        seconds: u32,
    },
}

/// How long one entry covers the live view of a camera in a session, in milliseconds.
pub const WATCH_MILLISECONDS: u64 = 60_000;

impl Refused {
    /// Makes the refusal for an answer that came but was not proven.
    pub(crate) fn unproven(seam: Seam) -> Self {
        Self::Unavailable(seam, None)
    }
}

/// The admission of requesters and cameras, and the new decisions about what is under way.
pub struct Admission {
    verifier: Verifier,
    records: Arc<Records>,
    keys: Arc<dyn Keys>,
    derived: Derived,
    ledger: Arc<dyn Ledger>,
    /// The key of entries that are of no camera.
    accounts: Arc<LedgerKey>,
    clock: Arc<dyn Clock>,
}

/// A viewer who was identified, and what they may see.
pub struct Identified {
    rights: Rights,
    position: Position,
}

impl Identified {
    /// Returns what the viewer may see. The list of cameras comes from here.
    #[must_use]
    pub fn rights(&self) -> &Rights {
        &self.rights
    }
    pub(crate) fn decided_at(&self) -> u64 {
        self.position.rights.number
    }
}

impl Admission {
    /// Makes an admission that uses these services.
    pub fn new(
        keys: Arc<dyn Keys>,
        records: Arc<Records>,
        ledger: Arc<dyn Ledger>,
        clock: Arc<dyn Clock>,
    ) -> Arc<Self> {
        let verifier = Verifier::new(keys.edge());
        let accounts = Arc::new(keys.edge().ledger_key());
        let derived = Derived::default();
        Arc::new(Self { verifier, records, keys, derived, ledger, accounts, clock })
    }

    /// Returns the client that proves the registry's answers.
    #[must_use]
    pub fn records(&self) -> &Arc<Records> {
        &self.records
    }

    fn verified(&self, raw: &RawCredential) -> Result<VerifiedSession, Refused> {
        self.verifier.viewer(raw.text()).map_err(|_| Refused::Unidentified)
    }

    fn requester(
        &self,
        verified: &VerifiedSession,
        session: Option<&SessionRecord>,
    ) -> Result<Requester, Refused> {
        let found = requester(verified, session, self.clock.now_seconds());
        found.map_err(|_| Refused::Unidentified)
    }

    /// Says who sent `raw`, without looking at rights, for ending a session.
    ///
    /// # Errors
    /// [`Refused::Unidentified`] if the credential or its session is not valid.
    /// [`Refused::Unavailable`] if the registry gives no proven answer.
    pub async fn identify(&self, raw: &RawCredential) -> Result<Requester, Refused> {
        let verified = self.verified(raw)?;
        let key = SessionRecord::key_of(verified.viewer(), verified.session());
        let session = self.records.read::<SessionRecord>(&key).await?;
        self.requester(&verified, session.as_ref())
    }

    /// Says who sent `raw` and what they may see, read now. `tag` is the one in the address, which
    /// must be this session's.
    ///
    /// # Errors
    /// [`Refused::NotFound`] if the tag is not this session's. [`Refused::Unidentified`] also if
    /// the viewer was removed. Others as [`Admission::identify`].
    pub async fn rights(&self, raw: &RawCredential, tag: &str) -> Result<Identified, Refused> {
        self.read_rights(&self.verified(raw)?, Some(tag)).await
    }

    async fn read_rights(
        &self,
        verified: &VerifiedSession,
        tag: Option<&str>,
    ) -> Result<Identified, Refused> {
        let names = (verified.session(), verified.viewer());
        let ((session, record), position) = self.records.session_and_rights(names).await?;
        let requester = self.requester(verified, session.as_ref())?;
        if tag.is_some_and(|tag| !verified.tag().is(tag)) {
            return Err(Refused::NotFound);
        }
        // A viewer who was removed has no record, so their session is worth nothing.
        let rights = record.and_then(|r| Rights::of(requester, r, self.clock.now_seconds()));
        Ok(Identified { rights: rights.ok_or(Refused::Unidentified)?, position })
    }

    /// Makes a grant for one camera, from rights that are read now.
    ///
    /// # Errors
    /// [`Refused::NotFound`] both for what the requester may not see and for what does not exist.
    /// [`Refused::Unavailable`] also if the household's key can't be had. Others as
    /// [`Admission::rights`].
    pub async fn admit(
        &self,
        raw: &RawCredential,
        tag: &str,
        camera: &str,
        action: Action,
    ) -> Result<Arc<Grant>, Refused> {
        let camera = CameraId::parse(camera).map_err(|_| Refused::NotFound);
        self.grant(&self.rights(raw, tag).await?, camera?, action)
    }

    /// Makes a grant for one camera of a viewer who was identified for this very request. Nothing
    /// else makes a [`Grant`].
    ///
    /// # Errors
    /// As [`Admission::admit`].
    pub fn grant(
        &self,
        of: &Identified,
        camera: CameraId,
        action: Action,
    ) -> Result<Arc<Grant>, Refused> {
        let permit = of.rights.permit(camera, action).ok_or(Refused::NotFound)?;
        let keys = self.camera_keys(permit.household(), camera)?;
        Ok(Arc::new(Grant::new(permit, keys, of.position)))
    }

    /// Makes the grant of a camera that uploads. Nothing else makes an [`IntakeGrant`].
    ///
    /// # Errors
    /// [`Refused::Unidentified`] if the credential is not valid or not in force. [`Refused::Off`]
    /// if the camera is switched off. [`Refused::Unavailable`] if the registry gives no proven
    /// answer or the household's key can't be had.
    pub async fn admit_camera(&self, raw: &RawCredential) -> Result<IntakeGrant, Refused> {
        let verified = self.verifier.camera(raw.text()).map_err(|_| Refused::Unidentified)?;
        let (intake, position) = self.intake(&verified).await?;
        let keys = self.camera_keys(verified.household(), verified.camera())?;
        Ok(IntakeGrant::new(intake, keys, position))
    }

    async fn intake(&self, verified: &VerifiedCamera) -> Result<(Intake, Position), Refused> {
        let camera = verified.camera();
        let (record, position) = self.records.read_at::<CameraRecord>(camera.as_bytes()).await?;
        let intake = intake(verified, record.as_ref()).ok_or(Refused::Unidentified)?;
        if intake.takes() { Ok((intake, position)) } else { Err(Refused::Off) }
    }

    /// Decides again whether a camera may hand in its footage. An upload may take long, so the gate
    /// is asked again before the commit, and before each fragment of a live stream is sealed.
    ///
    /// # Errors
    /// [`Refused::Unidentified`] if the camera's credential is no longer in force.
    /// [`Refused::Off`] if the camera is switched off. [`Refused::Unavailable`] if the registry
    /// gives no proven answer.
    pub async fn again_intake(&self, grant: &IntakeGrant) -> Result<(), Refused> {
        let unknown = |_| Refused::unproven(Seam::Registry);
        let decided = *grant.decided.lock().map_err(unknown)?;
        // Sessions make no difference for a camera, so only the count of rights is compared.
        if self.records.position().await?.rights == decided.rights {
            return Ok(());
        }
        let (_, position) = self.intake(grant.intake.verified()).await?;
        *grant.decided.lock().map_err(unknown)? = position;
        Ok(())
    }

    /// Decides again whether what was granted may be sent. The way out asks when the ledger has its
    /// entry, and before each further extent or live chunk of a long response. `object` is the
    /// kind and the time (milliseconds since 1970) of what is being sent. The permit in force must
    /// cover it, and what was opened under the grant.
    ///
    /// # Errors
    /// [`Refused::Unidentified`] if the grant or the session has ended. [`Refused::NotFound`] if
    /// the rights no longer cover the object. [`Refused::Unavailable`] if the registry gives no
    /// proven answer.
    pub async fn again(&self, grant: &Grant, object: Option<(Kind, u64)>) -> Result<(), Refused> {
        let now = self.clock.now_seconds();
        let (position, permit) =
            grant.decided.lock().map_err(|_| Refused::unproven(Seam::WayOut))?.clone();
        if now >= permit.expires_at_seconds() {
            return Err(Refused::Unidentified);
        }
        let covers = |permit: &Permit| {
            permit.household() == grant.household()
                && object.is_none_or(|(kind, time)| permit.covers(kind, time))
        };
        if self.records.position().await? == position {
            return if covers(&permit) { Ok(()) } else { Err(Refused::NotFound) };
        }
        // Something was written since. So session and rights are read and decided again.
        let asker = grant.requester().verified();
        let Identified { rights, position } = self.read_rights(asker, None).await?;
        let opened = grant.all_opened();
        let permit = rights.permit(grant.camera(), grant.action()).filter(|permit| {
            let mut objects = opened.objects();
            covers(permit) && objects.all(|of| permit.covers(of.kind, of.id.time_milliseconds()))
        });
        let permit = Arc::new(permit.ok_or(Refused::NotFound)?);
        *grant.decided.lock().map_err(|_| Refused::unproven(Seam::WayOut))? = (position, permit);
        Ok(())
    }

    /// Decides again about a list of cameras, which must not have changed.
    pub(crate) async fn again_list(&self, identified: &Identified) -> Result<(), Refused> {
        if self.records.position().await? == identified.position {
            return Ok(());
        }
        let again = self.read_rights(identified.rights.requester().verified(), None).await?;
        // A further request gives the list as it is by then.
        let is_same = again.rights == identified.rights;
        is_same.then_some(()).ok_or(Refused::unproven(Seam::Registry))
    }

    /// Checks that `raw` is the credential of this requester, and enters the delivery in the
    /// ledger. `from` is the grant of footage. Returns `None` if an entry that is there covers it.
    pub(crate) async fn let_out(
        &self,
        requester: &Requester,
        raw: &RawCredential,
        Leaving { handed, event, is_head }: Leaving,
        (from, decided_at): (Option<&Grant>, u64),
        length: u64,
    ) -> Result<Option<Entered>, Refused> {
        if !requester.sent(&self.verifier, raw.text()) {
            return Err(self.crossed(from.map(Grant::camera)));
        }
        if is_head {
            return Ok(None);
        }
        let at_milliseconds = self.clock.now_milliseconds();
        let (until_milliseconds, body_bytes) = match handed {
            Handed::Live => (at_milliseconds.saturating_add(WATCH_MILLISECONDS), 0),
            _ => (0, length),
        };
        let delivery = Delivery {
            number: self.records.number(),
            at_milliseconds,
            until_milliseconds,
            viewer: requester.viewer(),
            session: requester.session(),
            source: from.map(|grant| (grant.household(), grant.camera())),
            handed,
            event,
            opened: from.map(Grant::all_opened).unwrap_or_default(),
            body_bytes,
        };
        let key = Arc::clone(from.map_or(&self.accounts, |grant| &grant.scope.keys.ledger));
        let (ledger, clock) = (Arc::clone(&self.ledger), Arc::clone(&self.clock));
        let outcome = Some(Outcome::Withheld);
        // If it is dropped while it waits, it may have been entered, and nothing leaves.
        let mut entered =
            Entered { ledger, clock, key, delivery, decided_at, outcome, left_bytes: 0 };
        let started = self.ledger.starts(&entered.entry(Stage::Starts)).await;
        if !matches!(started, Ok(true) | Err(LedgerError::Late)) {
            entered.outcome = None;
        }
        match started {
            Ok(is_new) => Ok(is_new.then_some(entered)),
            Err(LedgerError::TooMany { seconds }) => Err(Refused::TooMany { seconds }),
            Err(error) => Err(Refused::Unavailable(Seam::WayOut, Some(Box::new(error)))),
        }
    }

    /// Counts an answer that came to the way out of another request, and makes its refusal.
    pub(crate) fn crossed(&self, camera: Option<CameraId>) -> Refused {
        self.records.reject(Seam::WayOut, Fault::WrongAnswer, camera);
        Refused::unproven(Seam::WayOut)
    }

    fn camera_keys(
        &self,
        household: HouseholdId,
        camera: CameraId,
    ) -> Result<Arc<CameraKeys>, Refused> {
        let forgotten = self.keys.forgotten();
        let key = self.keys.household_key(household).map_err(|error| {
            if matches!(error, KeysError::WrongKey) {
                self.records.reject(Seam::Keyring, Fault::WrongAnswer, Some(camera));
            }
            Refused::Unavailable(Seam::Keyring, Some(Box::new(error)))
        })?;
        Ok(self.derived.of((&key, forgotten), household, camera))
    }
}
