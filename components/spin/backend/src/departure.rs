//! The way out: everything private is a departure of the gate, read piece by piece.
//!
//! INVARIANT: after a piece that could not be proven, no further piece follows. It must never look
//! like an end.

use crate::admission::answer;
use crate::contract::{Body, Handling, Object};
use crate::run::ended;
use crate::state::{Admitted, Backend};
use bytes::Bytes;
use eyesonly_gate::rules::{MediaType, Status};
use eyesonly_gate::{Leaving, RawCredential, Refused, Seam};
use eyesonly_rights::Fault;
use eyesonly_seal::FootageId;
use eyesonly_web::problem::Problem;
use eyesonly_web::routes::Serves;
use http_body::{Body as _, Frame};
use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;

/// A handler's answer, as the front hands it over.
pub struct Answered {
    /// The status.
    pub status: Status,
    /// The media type of the body.
    pub media_type: MediaType,
    /// The body.
    pub body: Body,
}

/// A private body on its way out.
pub struct Departure {
    body: RefCell<eyesonly_gate::Departure>,
    is_cut: Cell<bool>,
}

impl Departure {
    fn new(
        opened: impl Future<Output = Result<eyesonly_gate::Departure, Refused>>,
    ) -> Result<Self, Problem> {
        let body = RefCell::new(answer(opened)?);
        Ok(Self { body, is_cut: Cell::new(false) })
    }

    /// Returns how many bytes leave, if none is cut off.
    pub fn length(&self) -> u64 {
        self.body.try_borrow().ok().and_then(|body| body.length()).unwrap_or(0)
    }

    /// Returns the next piece; none at the end.
    ///
    /// # Errors
    /// [`Problem`]: the connection must be cut off after what was sent.
    pub fn next_piece(&self) -> Result<Option<Bytes>, Problem> {
        let mut body = self.body.try_borrow_mut().map_err(|_| Problem::Unavailable)?;
        if body.is_end_stream() {
            return Ok(None);
        }
        if !self.is_cut.get() {
            let frame = ended(poll_fn(|context| Pin::new(&mut *body).poll_frame(context)));
            let piece = frame.flatten().and_then(Result::ok);
            if let Some(Ok(piece)) = piece.map(Frame::into_data) {
                return Ok(Some(piece));
            }
        }
        self.is_cut.set(true);
        Err(Problem::Unavailable)
    }
}

impl Backend {
    /// Opens a departure for the answer of this request's handler. `event` comes from the address.
    /// The ledger's word is that of the row that the request was admitted for. FROM CLIENT:
    /// `credential`, `event`. FROM GUEST: the answer.
    ///
    /// # Errors
    /// [`Problem`]: nothing leaves.
    pub fn depart(
        &self,
        credential: &str,
        event: Option<&str>,
        answered: Answered,
    ) -> Result<Departure, Problem> {
        let (serves, _) = self.granted()?;
        // The front itself answers for every other status, and no handler answers a deletion.
        if answered.status != Status::Ok || serves.handler.is_none() {
            return Err(Problem::Failed);
        }
        let event = event.and_then(|event| FootageId::parse(event).ok());
        self.leave(credential, event, answered)
    }

    /// Opens a departure for a deletion that is about to happen.
    pub(crate) fn depart_deletion(
        &self,
        credential: &str,
        event: FootageId,
    ) -> Result<Departure, Problem> {
        let (status, media_type, body) = (Status::Ok, MediaType::Json, Body::Empty);
        self.leave(credential, Some(event), Answered { status, media_type, body })
    }

    fn leave(
        &self,
        credential: &str,
        event: Option<FootageId>,
        answered: Answered,
    ) -> Result<Departure, Problem> {
        let (serves, handling) = self.granted()?;
        let Answered { status, media_type, body } = answered;
        // An object has the grant of its own request. The gate compares it with this request's
        // grant.
        let made = match &body {
            Body::Footage { source, .. } => Arc::clone(Object::handling(source)),
            Body::Empty | Body::Bytes(_) => Arc::clone(handling),
        };
        let made = made.answers(status, media_type, body).map_err(|why| {
            tracing::error!("a handler answered {why}");
            Problem::Failed
        })?;
        let leaving = Leaving { handed: serves.handed, event, is_head: false };
        let (door, grant, raw) =
            (self.admission(), handling.grant(), RawCredential::new(credential));
        Departure::new(eyesonly_gate::Departure::open(door, grant, &raw, made, leaving))
    }

    /// Opens a departure for a list of cameras, as page or as data. FROM CLIENT: `credential`.
    ///
    /// # Errors
    /// [`Problem`]: nothing leaves.
    pub fn depart_list(&self, credential: &str, list: Vec<u8>) -> Result<Departure, Problem> {
        let Some(Admitted::Cameras(identified)) = self.admitted.get() else {
            return Err(self.not_admitted());
        };
        let (door, raw) = (self.admission(), RawCredential::new(credential));
        let list = Bytes::from(list);
        Departure::new(eyesonly_gate::Departure::of_list(door, identified, &raw, list, false))
    }

    /// Returns the request for a camera that was admitted.
    fn granted(&self) -> Result<(&Serves, &Arc<Handling>), Problem> {
        match self.admitted.get() {
            Some(Admitted::Grant { serves, handling }) => Ok((serves, handling)),
            Some(Admitted::Cameras(_)) | None => Err(self.not_admitted()),
        }
    }

    /// Counts that something was about to leave for a request that was not admitted.
    fn not_admitted(&self) -> Problem {
        tracing::error!("something was about to leave that nobody was admitted for");
        self.admission().records().reject(Seam::WayOut, Fault::WrongAnswer, None);
        Problem::Unavailable
    }
}
