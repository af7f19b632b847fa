//! The backend's admission calls: each asks the gate, once an instance.

use crate::contract::Handling;
use crate::departure::Departure;
use crate::run::ended;
use crate::state::{Admitted, Backend};
use eyesonly_gate::{Identified, RawCredential};
use eyesonly_rights::{Action, Visible};
use eyesonly_seal::FootageId;
use eyesonly_service::identity::NewSession;
use eyesonly_web::problem::Problem;
use eyesonly_web::routes::Name;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use zeroize::Zeroizing;

/// Runs a question to its end, and turns an error of it into a problem.
pub(crate) fn answer<T, E>(question: impl Future<Output = Result<T, E>>) -> Result<T, Problem>
where
    Problem: From<E>,
{
    ended(question).ok_or(Problem::Unavailable)?.map_err(Problem::from)
}

/// Reads the address of a client. All texts that are no address count as one address.
pub(crate) fn client(address: &str) -> IpAddr {
    address.parse().unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED))
}

impl Backend {
    /// Says whether requests can be answered now.
    pub fn health(&self) -> Result<(), Problem> {
        answer(self.admission().records().position()).map(|_| ())
    }

    /// Starts a session. FROM CLIENT: all of it.
    pub fn login(
        &self,
        name: &str,
        password: Zeroizing<String>,
        address: &str,
    ) -> Result<NewSession, Problem> {
        self.first_question()?;
        let session = answer(self.identity().login(name, password, client(address), ""))?;
        // A session that is not in the ledger is not given out.
        if ended(self.ledger().signed_in(session.viewer)).is_some_and(|entered| entered.is_ok()) {
            return Ok(session);
        }
        ended(self.identity().take_back(&session));
        Err(Problem::Unavailable)
    }

    /// Ends a session. FROM CLIENT.
    pub fn logout(&self, credential: &str) -> Result<(), Problem> {
        self.first_question()?;
        let raw = RawCredential::new(credential);
        let requester = answer(self.admission().identify(&raw))?;
        answer(self.identity().logout(&requester))?;
        self.ledger().signed_out(requester.viewer());
        Ok(())
    }

    /// Says who sent the credential, and of which cameras the sender may see something.
    /// FROM CLIENT: all of it.
    pub fn list_cameras(&self, credential: &str, tag: &str) -> Result<&Identified, Problem> {
        self.first_question()?;
        let raw = RawCredential::new(credential);
        let identified = answer(self.admission().rights(&raw, tag))?;
        let admitted = self.admitted.get_or_init(|| Admitted::Cameras(identified));
        match admitted {
            Admitted::Cameras(identified) => Ok(identified),
            Admitted::Grant { .. } => Err(Problem::Unavailable),
        }
    }

    /// Returns the time of the newest still of a camera in the list, if the viewer may see it.
    pub fn newest_time(
        &self,
        identified: &Identified,
        visible: &Visible<'_>,
    ) -> Result<Option<u64>, Problem> {
        // The list is answered even if a household's key or an answer of the index can't be had.
        let grant = || self.admission().grant(identified, visible.camera, Action::Live).ok();
        let Some(grant) = visible.kinds.live.then(grant).flatten() else { return Ok(None) };
        ended(self.footage().newest_time(&grant)).ok_or(Problem::Unavailable)
    }

    /// Makes a grant for a row of the route table. The gate decides on the action on the camera
    /// that the row names. FROM CLIENT: all but the row.
    pub fn admit(
        &self,
        name: Name,
        credential: &str,
        tag: &str,
        camera: &str,
    ) -> Result<&Arc<Handling>, Problem> {
        self.first_question()?;
        let serves = name.route().and_then(|row| row.serves).ok_or(Problem::NotFound)?;
        let raw = RawCredential::new(credential);
        let grant = answer(self.admission().admit(&raw, tag, camera, serves.action))?;
        let handling = Handling::new(grant, Arc::clone(self.footage()));
        match self.admitted.get_or_init(|| Admitted::Grant { serves, handling }) {
            Admitted::Grant { handling, .. } => Ok(handling),
            Admitted::Cameras(_) => Err(Problem::Unavailable),
        }
    }

    /// Deletes an event. Its departure is in the ledger before. FROM CLIENT: all of it.
    pub fn delete_event(
        &self,
        credential: &str,
        tag: &str,
        camera: &str,
        event: &str,
    ) -> Result<Departure, Problem> {
        let handling = self.admit(Name::DeleteEvent, credential, tag, camera)?;
        let event = FootageId::parse(event).map_err(|_| Problem::NotFound)?;
        // What can't be entered in the ledger does not happen.
        let departure = self.depart_deletion(credential, event)?;
        answer(self.footage().delete_event(handling.grant(), event))?;
        Ok(departure)
    }
}
