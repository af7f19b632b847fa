//! Admission for the entry, and the way out, as `host/src/http/wayout.rs` has it for the native host.
//!
//! INVARIANT: whatever leaves does so under what this instance admitted, after the request's own credential was found once more to be that
//! requester's, and after the ledger has the entry. It must never answer for a requester that another instance admitted.

use crate::run::ended;
use crate::state::{Admitted, Vault};
use eyesonly_rights::{Action, Requester, Role, ViewerRecord};
use eyesonly_seal::FootageId;
use eyesonly_service::admission::{Identified, RawCredential};
use eyesonly_service::clock;
use eyesonly_service::grant::Grant;
use eyesonly_service::identity::NewSession;
use eyesonly_service::ledger::{Delivery, Fault, Handed, Seam};
use eyesonly_web::problem::Problem;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use zeroize::Zeroizing;

/// Runs a question to its end; what it says becomes a problem.
pub(crate) fn answer<T, E>(question: impl Future<Output = Result<T, E>>) -> Result<T, Problem>
where
    Problem: From<E>,
{
    ended(question).ok_or(Problem::Unavailable)?.map_err(Problem::from)
}

impl Vault {
    /// Whether requests can be answered now.
    ///
    /// # Errors
    /// [`Problem::Unavailable`]
    pub fn health(&self) -> Result<(), Problem> {
        let sequence = ended(self.admission().registry().sequence());
        sequence
            .and_then(Result::ok)
            .map(|_| ())
            .ok_or(Problem::Unavailable)
    }

    /// Begins a session. FROM CLIENT: all of it. An address that is none counts with all others that are none.
    ///
    /// # Errors
    /// [`Problem`]
    pub fn login(&self, name: &str, password: Zeroizing<String>, address: &str) -> Result<NewSession, Problem> {
        self.first_question()?;
        let address = address.parse().unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED));
        answer(self.identity().login(name, password, address))
    }

    /// Ends a session. FROM CLIENT.
    ///
    /// # Errors
    /// [`Problem`]
    pub fn logout(&self, credential: &str) -> Result<(), Problem> {
        self.first_question()?;
        let raw = RawCredential::new(credential);
        let requester = answer(self.admission().identify(&raw))?;
        answer(self.identity().logout(&requester))
    }

    /// The viewer and their cameras. FROM CLIENT: all of it.
    ///
    /// # Errors
    /// [`Problem`]
    pub fn list_cameras(&self, credential: &str, tag: &str) -> Result<ViewerRecord, Problem> {
        self.first_question()?;
        let raw = RawCredential::new(credential);
        let Identified { requester, rights, .. } = answer(self.admission().rights(&raw, tag))?;
        self.admitted
            .set(Admitted::Cameras(requester))
            .map_err(|_| Problem::Unavailable)?;
        Ok(rights)
    }

    /// The one way to a grant. FROM CLIENT: all but the action.
    ///
    /// # Errors
    /// [`Problem`]
    pub fn admit(&self, credential: &str, tag: &str, camera: &str, action: Action) -> Result<Arc<Grant>, Problem> {
        self.first_question()?;
        let raw = RawCredential::new(credential);
        let grant = Arc::new(answer(self.admission().admit(&raw, tag, camera, action))?);
        self.admitted
            .set(Admitted::Grant(Arc::clone(&grant)))
            .map_err(|_| Problem::Unavailable)?;
        Ok(grant)
    }

    /// Deletes an event, and writes that into the ledger. FROM CLIENT: all of it.
    ///
    /// # Errors
    /// [`Problem`]
    pub fn delete_event(&self, credential: &str, tag: &str, camera: &str, event: &str) -> Result<(), Problem> {
        let grant = self.admit(credential, tag, camera, Action::Delete)?;
        answer(self.footage().delete_event(&grant, event))?;
        self.pass(credential, Handed::Deletion, Some(event), 0)
    }

    /// The way out: the request's own credential must be that of the requester who was admitted, and the ledger must have taken the entry.
    ///
    /// # Errors
    /// [`Problem::Unavailable`]: nothing leaves.
    pub fn pass(
        &self,
        credential: &str,
        handed: Handed,
        event: Option<&str>,
        body_bytes: u64,
    ) -> Result<(), Problem> {
        let (requester, grant) = self.admitted_for(handed)?;
        let source = grant.map(|grant| (grant.scope().household(), grant.scope().camera()));
        let raw = RawCredential::new(credential);
        if !requester.sent(self.admission().credentials(), raw.text()) {
            let camera = source.map(|(_, camera)| camera);
            self.admission().refuse(Seam::WayOut, Fault::WrongAnswer, camera);
            return Err(Problem::Unavailable);
        }
        let entry = Delivery {
            at_milliseconds: clock::now_milliseconds(),
            viewer: requester.viewer(),
            session: requester.session(),
            source,
            handed,
            event: event.and_then(|event| FootageId::parse(event).ok()),
            body_bytes,
        };
        self.admission().ledger().delivery(&entry).map_err(|error| {
            tracing::error!(%error, "nothing leaves without the ledger");
            Problem::Unavailable
        })
    }

    /// Who was admitted for what is about to leave: a list of cameras to whom it was read for, everything else under a grant.
    fn admitted_for(&self, handed: Handed) -> Result<(&Requester, Option<&Arc<Grant>>), Problem> {
        match (self.admitted.get(), handed) {
            (Some(Admitted::Cameras(requester)), Handed::Cameras) => Ok((requester, None)),
            (Some(Admitted::Grant(grant)), Handed::Still | Handed::Events | Handed::Clip | Handed::Deletion) => {
                Ok((grant.requester(), Some(grant)))
            }
            _ => {
                self.admission().refuse(Seam::WayOut, Fault::WrongAnswer, None);
                tracing::error!("something was about to leave that nobody was admitted for");
                Err(Problem::Unavailable)
            }
        }
    }

    /// The grant of this request.
    pub(crate) fn granted(&self) -> Option<&Arc<Grant>> {
        match self.admitted.get() {
            Some(Admitted::Grant(grant)) => Some(grant),
            Some(Admitted::Cameras(_)) | None => None,
        }
    }
}

/// Whether a viewer with this role may delete events.
pub const fn may_delete(role: Role) -> bool {
    matches!(role, Role::Owner)
}
