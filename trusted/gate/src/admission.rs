//! Admission: the door in. Raw credential and route in, grant out; everything between is asked
//! afresh.
//!
//! INVARIANT: [`Admission::admit`] is the only caller of `Grant::new`, and
//! [`Admission::admit_camera`] the only one of `IntakeGrant::new`. Neither uses an answer that was
//! not proven, nor one of an earlier request.

use crate::departure::Leaving;
use crate::grant::{Grant, IntakeGrant};
use crate::host::{Clock, Keys, KeysError};
use crate::ledger::{Delivery, Ledger, Seam};
use crate::records::Records;
use crate::registry::Position;
use eyesonly_rights::{
    Action, CameraRecord, Fault, Intake, Permit, Requester, Rights, SessionRecord, Unidentified,
    VerifiedCamera, VerifiedSession, Verifier, intake, requester,
};
use eyesonly_seal::{CameraId, FootageId, HouseholdId, HouseholdKey, Kind};
use std::error::Error;
use std::sync::Arc;
use zeroize::Zeroizing;

/// What a client presented, as text. Wiped when it goes; never printed.
pub struct RawCredential(Zeroizing<String>);

impl RawCredential {
    /// Takes the text of a credential. FROM CLIENT.
    #[must_use]
    pub fn new(text: &str) -> Self {
        Self(Zeroizing::new(text.to_owned()))
    }
    /// Gives the text back.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.0
    }
}

/// Why nobody is admitted, or nothing leaves.
#[derive(Debug, thiserror::Error)]
pub enum Refused {
    /// No credential, not one of ours, or no live session.
    #[error("nobody is signed in with this credential")]
    Unidentified,
    /// Signed in, but there is nothing for them under this name.
    #[error("nothing here for this requester")]
    NotFound,
    /// No proven answer could be had from this seam.
    #[error("no proven answer from {0:?}")]
    Unavailable(Seam, #[source] Option<Box<dyn Error + Send + Sync>>),
}

impl Refused {
    /// An answer was there, and not proven.
    pub(crate) fn unproven(seam: Seam) -> Self {
        Self::Unavailable(seam, None)
    }
}

/// Admits requesters and cameras, and decides again about what is under way.
pub struct Admission {
    verifier: Verifier,
    records: Arc<Records>,
    keys: Arc<dyn Keys>,
    ledger: Arc<dyn Ledger>,
    clock: Arc<dyn Clock>,
}

/// A viewer who was identified, and what they may see.
pub struct Identified {
    rights: Rights,
    position: Position,
}

impl Identified {
    /// What they may see: the list of cameras comes from here.
    #[must_use]
    pub fn rights(&self) -> &Rights {
        &self.rights
    }
}

impl Admission {
    /// Makes the door over these services.
    pub fn new(
        keys: Arc<dyn Keys>,
        records: Arc<Records>,
        ledger: Arc<dyn Ledger>,
        clock: Arc<dyn Clock>,
    ) -> Arc<Self> {
        let verifier = Verifier::new(keys.edge());
        Arc::new(Self { verifier, records, keys, ledger, clock })
    }

    /// The registry's answers, proven.
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
        requester(verified, session, self.clock.now_seconds()).map_err(|why| {
            if why == Unidentified::Crossed {
                self.records.reject(Seam::Sessions, Fault::WrongAnswer, None);
            }
            Refused::Unidentified
        })
    }

    /// Says who sent `raw`, without looking at rights: for ending a session.
    ///
    /// # Errors
    /// [`Refused::Unidentified`], [`Refused::Unavailable`].
    pub async fn identify(&self, raw: &RawCredential) -> Result<Requester, Refused> {
        let verified = self.verified(raw)?;
        let session = self.records.read::<SessionRecord>(verified.session().as_bytes()).await?;
        self.requester(&verified, session.as_ref())
    }

    /// Says who sent `raw` and what they may see, read now. `tag`: the one in the address, which
    /// must be this session's.
    ///
    /// # Errors
    /// [`Refused`].
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
        // A viewer who was removed has no record: their session is worth nothing.
        let rights = record.and_then(|r| Rights::of(requester, r, self.clock.now_seconds()));
        Ok(Identified { rights: rights.ok_or(Refused::Unidentified)?, position })
    }

    /// Makes a grant: the one way to one.
    ///
    /// # Errors
    /// [`Refused`]. What the requester may not see and what does not exist are the same
    /// [`Refused::NotFound`].
    pub async fn admit(
        &self,
        raw: &RawCredential,
        tag: &str,
        camera: &str,
        action: Action,
    ) -> Result<Arc<Grant>, Refused> {
        let identified = self.rights(raw, tag).await?;
        let camera = CameraId::parse(camera).map_err(|_| Refused::NotFound)?;
        let permit = identified.rights.permit(camera, action).ok_or(Refused::NotFound)?;
        let key = self.household_key(permit.household(), camera)?;
        Ok(Arc::new(Grant::new(permit, &key, identified.position)))
    }

    /// Makes a camera's own grant: the one way to one.
    ///
    /// # Errors
    /// [`Refused::Unidentified`], [`Refused::Unavailable`].
    pub async fn admit_camera(&self, raw: &RawCredential) -> Result<IntakeGrant, Refused> {
        let verified = self.verifier.camera(raw.text()).map_err(|_| Refused::Unidentified)?;
        let (intake, position) = self.intake(&verified).await?;
        let key = self.household_key(verified.household(), verified.camera())?;
        Ok(IntakeGrant::new(intake, &key, position))
    }

    async fn intake(&self, verified: &VerifiedCamera) -> Result<(Intake, Position), Refused> {
        let camera = verified.camera();
        let (record, position) = self.records.read_at::<CameraRecord>(camera.as_bytes()).await?;
        let intake = intake(verified, record.as_ref()).ok_or(Refused::Unidentified)?;
        Ok((intake, position))
    }

    /// Decides again whether a camera may hand in: an upload may take long, and this is asked
    /// before it is committed.
    ///
    /// # Errors
    /// [`Refused`]: it may not, or nobody can say.
    pub async fn still_takes(&self, grant: &IntakeGrant) -> Result<(), Refused> {
        let position = self.records.position().await?;
        // A session more or less changes nothing for a camera.
        if position.rights == grant.position.rights {
            return Ok(());
        }
        self.intake(grant.intake.verified()).await.map(|_| ())
    }

    /// Decides again whether what was granted may be sent: before each further extent of a long
    /// response, and when the ledger has its entry. `object`: what is being sent, which the new
    /// permit must cover. Its expiry replaces the old one.
    ///
    /// # Errors
    /// [`Refused`]: it may not, or nobody can say.
    pub async fn again(
        &self,
        grant: &Grant,
        object: Option<(Kind, FootageId)>,
    ) -> Result<(), Refused> {
        let now = self.clock.now_seconds();
        let decided = grant.decided().filter(|(_, expires_at_seconds)| now < *expires_at_seconds);
        let (position, _) = decided.ok_or(Refused::Unidentified)?;
        if self.records.position().await? == position {
            return Ok(());
        }
        // Something was written since: decide again, from the session on.
        let asker = grant.requester().verified();
        let Identified { rights, position } = self.read_rights(asker, None).await?;
        let covers = |permit: &Permit| {
            permit.household() == grant.household()
                && object.is_none_or(|(kind, id)| permit.covers(kind, id))
        };
        let permit = rights.permit(grant.camera(), grant.action()).filter(covers);
        grant.decide(&permit.ok_or(Refused::NotFound)?, position)
    }

    /// Decides again about a list of cameras: it must still be the same.
    pub(crate) async fn again_list(&self, identified: &Identified) -> Result<(), Refused> {
        if self.records.position().await? == identified.position {
            return Ok(());
        }
        let again = self.read_rights(identified.rights.requester().verified(), None).await?;
        // Asking once more gives the list as it is by now.
        let is_same = again.rights == identified.rights;
        is_same.then_some(()).ok_or(Refused::unproven(Seam::Registry))
    }

    /// Says whether `raw` is what this requester presents, and writes the delivery down.
    pub(crate) fn let_out(
        &self,
        requester: &Requester,
        raw: &RawCredential,
        Leaving { handed, event }: Leaving,
        source: Option<(HouseholdId, CameraId)>,
        body_bytes: u64,
    ) -> Result<(), Refused> {
        if !requester.sent(&self.verifier, raw.text()) {
            return Err(self.crossed(source.map(|(_, camera)| camera)));
        }
        let at_milliseconds = self.clock.now_milliseconds();
        let (viewer, session) = (requester.viewer(), requester.session());
        let entry =
            Delivery { at_milliseconds, viewer, session, source, handed, event, body_bytes };
        let taken = self.ledger.delivery(&entry);
        taken.map_err(|error| Refused::Unavailable(Seam::WayOut, Some(Box::new(error))))
    }

    /// Counts an answer that another request's door was to let out.
    pub(crate) fn crossed(&self, camera: Option<CameraId>) -> Refused {
        self.records.reject(Seam::WayOut, Fault::WrongAnswer, camera);
        Refused::unproven(Seam::WayOut)
    }

    fn household_key(
        &self,
        household: HouseholdId,
        camera: CameraId,
    ) -> Result<Arc<HouseholdKey>, Refused> {
        self.keys.household_key(household).map_err(|error| {
            if matches!(error, KeysError::WrongKey) {
                self.records.reject(Seam::Keyring, Fault::WrongAnswer, Some(camera));
            }
            Refused::Unavailable(Seam::Keyring, Some(Box::new(error)))
        })
    }
}
